//! Everything a review says about one talk, before it is laid out. Serialised, it is the JSON review.

use super::better::{BetterWording, better_wording};
use super::marks::{Mark, marks};
use super::next_time::{NextTime, next_time, way_on};
use super::plan::{PlanReview, PlanUse, used};
use super::turning::{TurningPoint, turning_points};
use crate::boss::state::Move;
use crate::boss::{INSTEAD, with_secrets};
use crate::scenario::{Boss, Library, Scenario};
use crate::scorer::Scorer;
use crate::scorer::explain::{Explained, explain};
use crate::scorer::feedback::{Feedback, feedback};
use crate::scorer::grade::{Grade, grade};
use crate::scorer::verdict::{Position, Utterance, Verdicts};
use crate::session::account::Account;
use crate::session::{Exchange, Header, NodeId, Outcome, Reply, Session};
use serde::Serialize;

/// The name of the JSON review's format.
const FORMAT: &str = "coachup-review";
/// Its version: raised when a key changes its meaning or goes.
const VERSION: u32 = 1;

/// One talk of a session, judged.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Report {
    /// Always `coachup-review`.
    pub format: &'static str,
    /// The format's version.
    pub version: u32,
    /// How the session was started.
    pub header: Header,
    /// The scenario's title; its name where the scenario is not known here.
    pub scenario_title: String,
    /// The boss's first name; the file's name where the boss is not known here.
    pub boss_name: String,
    /// How the talk ended, or stands.
    pub outcome: Outcome,
    /// Has it ended?
    pub finished: bool,
    /// What came of it, where this is the real talk and no rehearsal.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<Account>,
    /// Openness at the start and after each turn, 0 to 100; nothing of a real talk.
    pub openness: Vec<f64>,
    /// Each turn with its verdicts and the reply.
    pub talk: Vec<TurnView>,
    /// The turns that changed the talk.
    pub turning_points: Vec<TurningPoint>,
    /// What the boss kept back, and whether it came out; nothing before the talk has ended.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub kept_back: Vec<KeptBack>,
    /// The grade; none before the first turn.
    pub grade: Option<Grade>,
    /// The grade in words, by skill; empty before the first turn.
    pub explained: Vec<Explained>,
    /// The one thing to do differently; none where nothing is left to gain.
    pub next_time: Option<NextTime>,
    /// What is left to do where the words were good and the boss has not agreed to all; none elsewhere.
    pub way_on: Option<String>,
    /// One turn in better words of the person's own; none where none were found, or the scenario is not
    /// known here.
    pub better_wording: Option<BetterWording>,
    /// The plan that was brought to the talk, judged; none where there was none.
    pub plan: Option<PlanReview>,
    /// Which answers of the plan the talk used.
    pub plan_used: Vec<PlanUse>,
    /// The session's other talks.
    pub branches: Vec<Branch>,
}

/// Something that only the boss knew.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct KeptBack {
    /// What it is, said of the boss.
    pub fact: String,
    /// It came out in the talk.
    pub told: bool,
    /// The person had guessed it.
    pub guessed: bool,
}

/// One turn, its verdicts, and what it did to the boss.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TurnView {
    /// The exchange in the session.
    pub node: NodeId,
    /// The turn's number in the talk, from 1.
    pub turn: u32,
    /// When it was said.
    pub said: jiff::Timestamp,
    /// The person's words, exactly.
    pub text: String,
    /// Where in the talk it stood.
    pub position: Position,
    /// Where the words helped and where they hurt.
    pub marks: Vec<Mark>,
    /// The verdicts.
    pub checks: Verdicts,
    /// What worked and what to change.
    pub feedback: Feedback,
    /// How the boss moved, and why.
    #[serde(rename = "move")]
    pub moved: Move,
    /// Turns of poor treatment the boss still bore after it.
    pub patience: u32,
    /// The answer; none where the program was stopped before it came, and in a real talk.
    pub reply: Option<Reply>,
    /// What a coach remarks on the turn.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub remarks: Vec<String>,
}

/// Another talk of the same session.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Branch {
    /// Its last exchange.
    pub node: NodeId,
    /// How to name it to `coachup review`.
    pub reference: String,
    /// The last turn it shares with the talk shown; 0 where it differs from the first on.
    pub shared: u32,
    /// Its turns, the shared ones included.
    pub turns: u32,
    /// How it stands.
    pub outcome: Outcome,
    /// Openness at its end, 0 to 100.
    pub openness: f64,
    /// Its overall grade, 0 to 100.
    pub grade: f64,
    /// The person's words where it parts.
    pub text: String,
}

/// What a session's scenario and boss are called on the page.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Titles<'a> {
    /// The scenario's title.
    pub scenario: &'a str,
    /// The boss's first name.
    pub boss: &'a str,
}

impl<'a> Titles<'a> {
    /// As `library` calls them; their names as stored where it does not know them (any more).
    pub fn from(library: &'a Library, header: &'a Header) -> Titles<'a> {
        let scenario = library.get::<Scenario>(&header.scenario).map(|scenario| scenario.title.as_str());
        let boss = library.get::<Boss>(&header.boss).map(|boss| boss.name.as_str());
        Titles { scenario: scenario.unwrap_or(&header.scenario), boss: boss.unwrap_or(&header.boss) }
    }
}

impl Report {
    /// How to name this talk to `coachup review`: `3:5`, the session and the talk's last exchange.
    pub fn reference(&self) -> String {
        format!("{}:{}", self.header.id, self.talk.last().map_or(0, |turn| turn.node))
    }

    /// The talk as it stands, with the titles and names of `library`.
    pub fn of(session: &Session, library: &Library) -> Report {
        let mut report = Report::of_talk(session, session.head, Titles::from(library, &session.header));
        if let Ok(scenario) = library.get::<Scenario>(&session.header.scenario) {
            report.better_wording = better_wording(&report.talk, &session.header.greeting, &scenario.topic);
            if let Ok(boss) = library.get::<Boss>(&session.header.boss)
                && report.finished
                && report.account.is_none()
            {
                report.kept_back = kept_back(session, scenario, boss);
            }
        }
        report
    }

    /// The reports on the session's other talks, in the order of [`Report::branches`].
    pub fn others(&self, session: &Session) -> Vec<Report> {
        let titles = Titles { scenario: &self.scenario_title, boss: &self.boss_name };
        let branches = self.branches.iter();
        branches.map(|branch| Report::judged(session, Some(branch.node), titles, self.plan.clone())).collect()
    }

    /// The report on the talk of `other` as it stands, to be compared with this one, on `own`: a plan that both
    /// had is judged once.
    pub fn beside(&self, own: &Session, other: &Session, library: &Library) -> Report {
        let titles = Titles::from(library, &other.header);
        if own.plan != other.plan {
            return Report::of_talk(other, other.head, titles);
        }
        Report::judged(other, other.head, titles, self.plan.clone())
    }

    /// The talk that ends at `node`, with its plan judged.
    pub fn of_talk(session: &Session, node: Option<NodeId>, titles: Titles<'_>) -> Report {
        let plan = session.plan.as_ref().map(|plan| PlanReview::of(plan, &Scorer));
        Report::judged(session, node, titles, plan)
    }

    /// The talk that ends at `node`, with its plan as it was judged already.
    fn judged(
        session: &Session,
        node: Option<NodeId>,
        titles: Titles<'_>,
        plan: Option<PlanReview>,
    ) -> Report {
        let talk = session.path_to(node);
        let plan_used = session.plan.as_ref().map(|plan| used(plan, &talk)).unwrap_or_default();
        Report { plan, plan_used, ..Report::outline(session, node, titles) }
    }

    /// The talk that ends at `node`, as far as it is known without grading anything anew: no plan, no better
    /// wording.
    pub fn outline(session: &Session, node: Option<NodeId>, titles: Titles<'_>) -> Report {
        let talk = session.path_to(node);
        let header = session.header.clone();
        let ended = session.outcome.filter(|_| node == session.head);
        let grade = (!talk.is_empty()).then(|| graded(&talk));
        let outcome = ended.unwrap_or_else(|| Outcome::of(&talk));
        let openness: Vec<f64> = match session.account {
            Some(_) => Vec::new(),
            None => std::iter::once(header.receptiveness)
                .chain(talk.iter().map(|exchange| exchange.moved.to))
                .collect(),
        };
        Report {
            format: FORMAT,
            version: VERSION,
            scenario_title: titles.scenario.to_owned(),
            boss_name: titles.boss.to_owned(),
            outcome,
            finished: ended.is_some(),
            account: session.account.clone(),
            talk: (0..talk.len()).map(|index| TurnView::of(session, &talk, index)).collect(),
            turning_points: turning_points(&talk),
            kept_back: Vec::new(),
            next_time: grade.as_ref().and_then(|grade| next_time(&talk, grade)),
            way_on: grade
                .as_ref()
                .zip(openness.last())
                .and_then(|(grade, &openness)| way_on(outcome, grade.overall, openness, titles.boss)),
            openness,
            better_wording: None,
            explained: grade.as_ref().map(explain).unwrap_or_default(),
            grade,
            plan: None,
            plan_used: Vec::new(),
            branches: branches(session, &talk),
            header,
        }
    }
}

/// What the boss of a session kept back, and whether it came out in the talk as it stands.
fn kept_back(session: &Session, scenario: &Scenario, boss: &Boss) -> Vec<KeptBack> {
    let talk = session.path_to(session.head);
    let told = |at: &usize| talk.last().is_some_and(|last| last.state.facts_out.contains(at));
    let facts = with_secrets(scenario, session.header.seed).facts.into_iter().enumerate();
    facts
        .map(|(at, fact)| KeptBack {
            guessed: scenario.guesses.contains(&fact.fact),
            fact: boss
                .pronoun
                .fill(fact.fact.strip_prefix(INSTEAD).unwrap_or(&fact.fact))
                .replace("{you}", "you"),
            told: told(&at),
        })
        .collect()
}

impl TurnView {
    fn of(session: &Session, talk: &[&Exchange], index: usize) -> TurnView {
        let greeting = session.header.greeting.as_str();
        let (earlier, exchange) = (&talk[..index], talk[index]);
        let context = earlier
            .last()
            .map_or(Some(greeting), |before| before.reply.as_ref().map(|reply| reply.text.as_str()));
        let utterance = Utterance { text: &exchange.text, context, position: exchange.position };
        let history: Vec<&Verdicts> = earlier.iter().map(|exchange| &exchange.verdicts).collect();
        TurnView {
            node: exchange.node,
            turn: exchange.turn,
            said: exchange.said,
            text: exchange.text.clone(),
            position: exchange.position,
            marks: marks(&exchange.text, &exchange.verdicts),
            checks: exchange.verdicts.clone(),
            feedback: feedback(&utterance, &exchange.verdicts, &history),
            moved: exchange.moved.clone(),
            patience: exchange.state.patience,
            reply: exchange.reply.clone(),
            remarks: session.remarks_on(exchange.node).map(|remark| remark.text.clone()).collect(),
        }
    }
}

fn graded(talk: &[&Exchange]) -> Grade {
    grade(&talk.iter().map(|exchange| &exchange.verdicts).collect::<Vec<_>>())
}

/// Every talk of the session that goes elsewhere, or further, than `talk`; in the order of their ends.
fn branches(session: &Session, talk: &[&Exchange]) -> Vec<Branch> {
    let shown_last = talk.last().map(|exchange| exchange.node);
    let ends = session.ends().into_iter().filter(|&end| Some(end) != shown_last);
    ends.map(|end| {
        let path = session.path_to(Some(end));
        let shared = path.iter().zip(talk).take_while(|(one, other)| one.node == other.node).count();
        Branch {
            node: end,
            reference: format!("{}:{end}", session.header.id),
            shared: shared as u32,
            turns: path.len() as u32,
            outcome: Outcome::of(&path),
            openness: path.last().map_or(session.header.receptiveness, |exchange| exchange.moved.to),
            grade: graded(&path).overall,
            text: path.get(shared).map(|exchange| exchange.text.clone()).unwrap_or_default(),
        }
    })
    .collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::plan::Plan;
    use crate::session::sample;

    #[test]
    fn a_plan_that_two_talks_share_is_judged_once() {
        let plan = |topic: &str| Some(Plan { topic: topic.to_owned(), ..Plan::default() });
        let session = Session { plan: plan("the feedback on my prototype"), ..sample::session() };
        let library = Library::embedded();
        let mut report = Report::of_talk(&session, session.head, Titles::from(&library, &session.header));
        let score = |report: &Report| report.plan.as_ref().unwrap().prepare.score;
        // A score that no judging would give shows whose it is.
        report.plan.as_mut().unwrap().prepare.score = Some(12.3);
        let other = Session { head: Some(2), ..session.clone() };
        assert_eq!(score(&report.beside(&session, &other, &library)), Some(12.3));
        let branches = report.others(&session);
        assert!(!branches.is_empty() && branches.iter().all(|branch| score(branch) == Some(12.3)));
        let unlike = Session { plan: plan("the budget"), ..other };
        assert_ne!(score(&report.beside(&session, &unlike, &library)), Some(12.3));
    }
}
