//! The plan of a talk, judged: what its answers show, its grade, and which parts of it the talk used.
//!
//! The same scorer and the same evidence rule as for turns: each answer is graded on its own, and a yes
//! counts only with words cut from the answer itself. A part counts as used where one sentence of a turn
//! has enough of its words.

use super::marks::{Mark, marks};
use crate::scorer::Scorer;
use crate::scorer::grade::{Grade, SkillGrade, grade};
use crate::scorer::rubric::{Check, Skill};
use crate::scorer::verdict::{Answer, Position, Span, Utterance, Verdicts};
use crate::session::Exchange;
use crate::session::plan::{Part, Plan};
use crate::text::{Kind, sentences, tokens};
use serde::Serialize;
use std::collections::BTreeSet;
use std::ops::Range;

/// A plan, judged.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlanReview {
    /// Every part, in the order they are asked.
    pub parts: Vec<PartReview>,
    /// The rubric's Prepare over all answers; no score where nothing was answered.
    pub prepare: SkillGrade,
}

/// One part of a plan, judged.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PartReview {
    /// The part.
    pub part: Part,
    /// Its answers; none where it is open.
    pub answers: Vec<AnswerReview>,
    /// What a good answer shows and these do not; none where one of the expected checks is shown, or where
    /// there is no answer.
    pub missing: Option<Check>,
}

/// One answer, judged.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct AnswerReview {
    /// The person's words, exactly.
    pub text: String,
    /// What they show.
    pub checks: Verdicts,
    /// Where they help and where they hurt.
    pub marks: Vec<Mark>,
}

impl PlanReview {
    /// Judges `plan`.
    pub fn of(plan: &Plan, scorer: &Scorer) -> PlanReview {
        let parts: Vec<PartReview> =
            Part::ALL.into_iter().map(|part| PartReview::of(plan, part, scorer)).collect();
        let answers = parts.iter().flat_map(|part| &part.answers);
        let verdicts: Vec<&Verdicts> = answers.map(|answer| &answer.checks).collect();
        let Grade { mut skills, .. } = grade(&verdicts);
        PlanReview { parts, prepare: skills.remove(&Skill::Prepare).unwrap_or_default() }
    }

    /// How many parts have an answer, of those that are answered in words.
    pub fn answered(&self) -> usize {
        self.parts.iter().filter(|part| !part.answers.is_empty()).count()
    }
}

impl PartReview {
    /// Judges one part of `plan`.
    pub fn of(plan: &Plan, part: Part, scorer: &Scorer) -> PartReview {
        let words = part.wording();
        let answers: Vec<AnswerReview> = plan
            .texts(part)
            .into_iter()
            .map(|text| {
                let checks = graded(text, &words.lead, &words.expects, scorer);
                AnswerReview { text: text.to_owned(), marks: marks(text, &checks), checks }
            })
            .collect();
        let shown = |check: &Check| answers.iter().any(|answer| answer.checks.is_yes(*check));
        let missing = (!answers.is_empty() && !words.expects.iter().any(shown))
            .then(|| words.expects.first().copied())
            .flatten();
        PartReview { part, answers, missing }
    }
}

impl PartReview {
    /// Is it answered as one would say it? Only asked of parts that are whole sentences.
    pub fn speaks_to_the_boss(&self) -> bool {
        let second_person = |word: &str| {
            ["you", "your", "yours", "yourself"].contains(&word)
                || word.starts_with("you'")
                || word.starts_with("you’")
        };
        let to_them = |text: &str| {
            let mut words = tokens(text).into_iter().map(|token| text[token.start..token.end].to_lowercase());
            words.any(|word| second_person(&word))
        };
        !self.part.wording().lead.is_empty() || self.answers.iter().any(|answer| to_them(&answer.text))
    }
}

/// The verdicts on `text`, said after `lead`: a yes stands only on words of `text`, and a good behaviour only
/// where the part asks for it, because the lead may show others.
fn graded(text: &str, lead: &str, expects: &[Check], scorer: &Scorer) -> Verdicts {
    let whole = format!("{lead}{text}");
    let turn = Utterance { text: &whole, context: None, position: Position::Middle };
    let mut verdicts = scorer.grade(&turn).verdicts;
    for check in Check::ALL {
        let verdict = verdicts.get_mut(check);
        let spans = std::mem::take(&mut verdict.evidence);
        let inside = spans.iter().filter(|span| span.end > lead.len()).map(|span| {
            let start = span.start.max(lead.len()) - lead.len();
            Span::cut(text, start, span.end - lead.len())
        });
        verdict.evidence = inside.filter(|span| !span.text.trim().is_empty()).collect();
        let foreign = check.is_helpful() && !expects.contains(&check);
        if verdict.verdict == Answer::Yes && (foreign || verdict.evidence.is_empty()) {
            verdict.verdict = Answer::No;
            verdict.evidence.clear();
        }
    }
    verdicts
}

/// An answer of the plan, and where the talk used it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PlanUse {
    /// The part.
    pub part: Part,
    /// What to call it: the part's title, with a number where the part has several answers.
    pub title: String,
    /// The answer.
    pub text: String,
    /// The turn that used it first, from 1; none where no turn did.
    pub turn: Option<u32>,
    /// The sentence of that turn.
    pub quote: Option<Span>,
}

/// Which answers of `plan` the talk used.
pub fn used(plan: &Plan, talk: &[&Exchange]) -> Vec<PlanUse> {
    let mut uses = Vec::new();
    for part in Part::ALL {
        let texts = plan.texts(part);
        for (number, text) in (1..).zip(&texts) {
            let title = &part.wording().title;
            let title = if texts.len() > 1 { format!("{title} {number}") } else { title.clone() };
            let planned = content(text);
            let place = talk.iter().find_map(|exchange| Some((exchange, sentence_like(&planned, exchange)?)));
            let quote =
                place.as_ref().map(|(exchange, span)| Span::cut(&exchange.text, span.start, span.end));
            let turn = place.map(|(exchange, _)| exchange.turn);
            uses.push(PlanUse { part, title, text: (*text).to_owned(), turn, quote });
        }
    }
    uses
}

/// The share of an answer's words that a sentence must have.
const SHARE: f64 = 0.4;
/// So many shared words are always enough, and one alone is only where the answer has no more.
const ENOUGH: usize = 4;

/// The sentence of the turn that shares most words with `planned`, where it shares enough.
fn sentence_like(planned: &BTreeSet<String>, exchange: &Exchange) -> Option<Range<usize>> {
    let needed = ((planned.len() as f64 * SHARE).ceil() as usize).max(planned.len().min(2)).min(ENOUGH);
    let shared = |span: &Range<usize>| content(&exchange.text[span.clone()]).intersection(planned).count();
    let spans = sentences(&exchange.text).into_iter().map(|span| (shared(&span), span));
    // The first of equals.
    let best = spans.rev().max_by_key(|(count, _)| *count);
    best.filter(|(count, _)| needed > 0 && *count >= needed).map(|(_, span)| span)
}

/// Words that carry no matter.
const EMPTY_WORDS: &str = "a an and are as at about be been but by can could did do does for from had has have \
     he her him his how i i'd i'll i'm if in is it it's its just like may me might my of on one or our out she should so \
     some than that that's the their them then there they this to up us want was we we'd we'll were what when \
     which who will with would you you'd you'll your yours need needs talk try know make get got more less";

/// The words of `text` that carry its matter, without their endings.
fn content(text: &str) -> BTreeSet<String> {
    let words = tokens(text).into_iter().filter(|token| matches!(token.kind, Kind::Word | Kind::Number));
    let words = words.map(|token| text[token.start..token.end].to_lowercase().replace('\u{2019}', "'"));
    words.filter(|word| !EMPTY_WORDS.split(' ').any(|empty| empty == word)).map(|word| stem(&word)).collect()
}

/// The word without a common ending, so that "summaries" meets "summary".
fn stem(word: &str) -> String {
    let word = word.strip_suffix("'s").unwrap_or(word);
    let long = |stem: &str, least: usize| stem.chars().count() >= least;
    for (ending, instead, least) in [
        ("ies", "y", 2),
        ("ing", "", 3),
        ("ed", "", 3),
        ("es", "", 4),
        ("s", "", 3),
        ("ly", "", 3),
        ("e", "", 3),
    ] {
        if let Some(stem) = word.strip_suffix(ending)
            && long(stem, least)
        {
            return format!("{stem}{instead}");
        }
    }
    word.to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::sample;

    fn plan() -> Plan {
        Plan {
            topic: "the feedback on my prototype".into(),
            situation: "I know the launch keeps you busy.".into(),
            needs: "What would make the review easier for you?".into(),
            benefit: "You would get fewer surprises at the launch, and the team could keep building.".into(),
            options: vec!["a one-page summary by Tuesday".into(), "cancel everything".into()],
            ..Plan::default()
        }
    }

    #[test]
    fn a_good_plan_is_graded_with_words_of_its_own() {
        let review = PlanReview::of(&plan(), &Scorer);
        assert!(review.prepare.score.unwrap() >= 60.0, "{review:#?}");
        for part in &review.parts {
            for answer in &part.answers {
                let mut spans = answer.checks.iter().flat_map(|(_, verdict)| &verdict.evidence);
                assert!(spans.all(|span| span.is_verbatim(&answer.text)));
                assert!(answer.checks.present().all(|check| !answer.checks.get(check).evidence.is_empty()));
            }
        }
        assert_eq!(review.answered(), 5);
    }

    #[test]
    fn the_lead_alone_earns_nothing_and_vague_answers_are_told_so() {
        let vague = Plan { topic: "something".into(), needs: "No idea.".into(), ..Plan::default() };
        let review = PlanReview::of(&vague, &Scorer);
        assert_eq!(review.parts[0].missing, Some(Check::StatesTopic), "{review:#?}");
        assert_eq!(review.parts[3].missing, Some(Check::ExploresSituation));
        assert_eq!(PlanReview::of(&Plan::default(), &Scorer).prepare.score, None);
    }

    #[test]
    fn notes_about_the_boss_are_told_from_words_to_them() {
        let of = |situation: &str| {
            let plan = Plan { situation: situation.into(), topic: "the budget".into(), ..Plan::default() };
            PlanReview::of(&plan, &Scorer).parts
        };
        let notes = of("She is covering for two people.");
        assert!(!notes[1].speaks_to_the_boss() && notes[1].missing.is_some());
        assert!(notes[0].speaks_to_the_boss(), "a topic is no sentence to anyone");
        assert!(of("I see that you're covering for two people.")[1].speaks_to_the_boss());
    }

    #[test]
    fn what_was_used_is_quoted_and_what_was_not_is_named() {
        let session = sample::session();
        let uses = used(&plan(), &session.talk());
        let of = |part: Part| uses.iter().filter(|used| used.part == part).collect::<Vec<_>>();
        assert_eq!(of(Part::Topic)[0].turn, Some(1));
        assert_eq!(of(Part::Situation)[0].quote.as_ref().unwrap().text, "I know the launch keeps you busy.");
        assert_eq!((of(Part::Options)[0].turn, of(Part::Options)[1].turn), (Some(2), None));
        assert_eq!(of(Part::Benefit)[0].turn, None);
    }

    #[test]
    fn endings_do_not_matter_and_empty_words_do_not_count() {
        assert_eq!(content("summaries, reviewing"), content("The summary I'd review"));
        assert!(content("what would you do about it").is_empty());
    }
}
