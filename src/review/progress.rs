//! Progress over all sessions: per skill and per check, recent against earlier; what was reached; what next.

use super::ladder::{self, Proposal, Weakest};
use super::report::{Report, Titles};
use super::trend::{Change, change};
use crate::scenario::Library;
use crate::scorer::grade::{Grade, grade};
use crate::scorer::rubric::{Check, Skill};
use crate::session::{Outcome, Session};
use serde::Serialize;
use std::collections::HashSet;
use std::hash::{DefaultHasher, Hash, Hasher};

/// The name of the JSON format.
const FORMAT: &str = "coachup-progress";
/// Its version: raised when a key changes its meaning or goes.
const VERSION: u32 = 1;
/// How often chance may pass for a change: once in ten for the five grades, once in twenty for the many
/// checks.
const CHANCE_OF_GRADES: f64 = 0.10;
const CHANCE_OF_CHECKS: f64 = 0.05;

/// Progress over all sessions in which something was said, each with its talk as it stands.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Progress {
    /// Always `coachup-progress`.
    pub format: &'static str,
    /// The format's version.
    pub version: u32,
    /// The talks, oldest first.
    pub talks: Vec<TalkPoint>,
    /// The overall grade.
    pub overall: Series,
    /// Each skill.
    pub skills: Vec<SkillSeries>,
    /// Each check.
    pub checks: Vec<CheckSeries>,
    /// Each preset that was practised, easiest first.
    pub reached: Vec<Reached>,
    /// The real talks, told afterwards, oldest first. They are in none of the series: who is graded there remembers.
    pub real: Vec<RealPoint>,
    /// How many of the helpful behaviours the person managed, 0 to 100, real talk by real talk.
    pub managed: Series,
    /// What to practise next; none before the first talk.
    pub next: Option<Proposal>,
}

/// One real talk, with the rehearsals of its scenario since the one before.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RealPoint {
    /// The session.
    pub id: String,
    /// When it took place.
    pub started: jiff::Timestamp,
    /// Scenario name.
    pub scenario: String,
    /// How it ended; none where that was not told.
    pub outcome: Option<Outcome>,
    /// The behaviours that the person says they managed.
    pub managed: Vec<Check>,
    /// How like the rehearsed boss the real one was, 1 to 5; none where that was not told.
    pub likeness: Option<u8>,
    /// The grade of the words that were kept, 0 to 100; none where none were.
    pub grade: Option<f64>,
    /// The grades of the rehearsals, oldest first.
    pub rehearsed: Vec<f64>,
    /// The helpful behaviours that at least half of them showed.
    pub practised: Vec<Check>,
}

/// One talk.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TalkPoint {
    /// The session.
    pub id: String,
    /// When it began.
    pub started: jiff::Timestamp,
    /// Scenario name.
    pub scenario: String,
    /// Preset name, or `custom`.
    pub difficulty: String,
    /// Its turns.
    pub turns: usize,
    /// How it ended, or stands.
    pub outcome: Outcome,
    /// The overall grade, 0 to 100.
    pub grade: f64,
}

/// Values of 0 to 100, one a talk, none where it did not apply.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Series {
    /// Oldest first.
    pub values: Vec<Option<f64>>,
    /// Recent against earlier.
    pub change: Change,
}

/// A skill over the talks.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct SkillSeries {
    /// The skill.
    pub skill: Skill,
    /// Its scores.
    #[serde(flatten)]
    pub series: Series,
}

/// A check over the talks.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CheckSeries {
    /// The check.
    pub check: Check,
    /// Recent talks against earlier ones: the share of talks that showed it, 0 to 1.
    pub change: Change,
}

/// What was reached at one preset.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Reached {
    /// Preset name, or `custom`.
    pub difficulty: String,
    /// Talks.
    pub talks: usize,
    /// Talks in which the boss agreed.
    pub agreed: usize,
    /// The best grade, 0 to 100.
    pub best: f64,
}

/// Talks gathered one at a time, so that ten thousand of them need not be held with all their words.
#[derive(Debug, Default)]
pub struct Talks {
    points: Vec<Point>,
    /// What was added, to know a copy.
    seen: HashSet<(jiff::Timestamp, u64, u64)>,
    /// The newest, for what to practise next.
    last: Option<Session>,
    real: Vec<RealPoint>,
}

/// What progress needs of a talk.
#[derive(Debug)]
struct Point {
    talk: TalkPoint,
    grade: Grade,
    shown: [bool; Check::COUNT],
}

impl Talks {
    /// Adds the next newer session; one in which nothing was said is passed over, and so is an imported copy,
    /// which is not another talk.
    pub fn add(&mut self, session: Session) {
        if session.account.is_some() {
            if self.seen.insert(fingerprint(&session)) {
                self.real.extend(RealPoint::of(&session));
            }
        } else if session.head.is_some() && self.seen.insert(fingerprint(&session)) {
            self.points.push(Point::of(&session));
            self.last = Some(session);
        }
    }

    /// Progress over the talks that were added.
    pub fn progress(self, library: &Library) -> Progress {
        let Talks { points, last, mut real, .. } = self;
        // Told later than some rehearsal that came after it.
        real.sort_by_key(|talk| talk.started);
        rehearsals(&mut real, &points);
        let score = |point: &Point, skill: Skill| point.grade.skills.get(&skill)?.score;
        let skills: Vec<SkillSeries> = Skill::ALL
            .into_iter()
            .map(|skill| SkillSeries {
                skill,
                series: series(points.iter().map(|point| score(point, skill)).collect()),
            })
            .collect();
        let weakest = skills
            .iter()
            .filter_map(|skill| {
                let change = &skill.series.change;
                Some(Weakest { skill: skill.skill, score: change.recent?, talks: change.recent_count })
            })
            .min_by(|a, b| a.score.total_cmp(&b.score));
        let lately: Vec<&str> =
            points.iter().rev().take(ladder::LATELY).map(|point| point.talk.scenario.as_str()).collect();
        let last = last.map(|last| Report::outline(&last, last.head, Titles::from(library, &last.header)));
        Progress {
            format: FORMAT,
            version: VERSION,
            overall: series(points.iter().map(|point| Some(point.talk.grade)).collect()),
            skills,
            checks: Check::ALL.into_iter().map(|check| check_series(&points, check)).collect(),
            reached: reached(&points, library),
            managed: series(real.iter().map(RealPoint::share_managed).map(Some).collect()),
            real,
            next: last.and_then(|last| ladder::next(&last, weakest, &lately, library)),
            talks: points.into_iter().map(|point| point.talk).collect(),
        }
    }
}

impl Point {
    fn of(session: &Session) -> Point {
        let path = session.talk();
        let grade = grade(&path.iter().map(|exchange| &exchange.verdicts).collect::<Vec<_>>());
        let shown = |check: Check| path.iter().any(|exchange| exchange.verdicts.is_yes(check));
        let talk = TalkPoint {
            id: session.header.id.clone(),
            started: session.header.started,
            scenario: session.header.scenario.clone(),
            difficulty: session.header.difficulty.clone(),
            turns: path.len(),
            outcome: session.outcome.unwrap_or_else(|| Outcome::of(&path)),
            grade: grade.overall,
        };
        Point { talk, shown: Check::ALL.map(shown), grade }
    }
}

impl RealPoint {
    /// None for a rehearsal.
    fn of(session: &Session) -> Option<RealPoint> {
        let account = session.account.as_ref()?;
        Some(RealPoint {
            id: session.header.id.clone(),
            started: session.header.started,
            scenario: session.header.scenario.clone(),
            outcome: session.outcome,
            managed: account.managed.clone(),
            likeness: (account.likeness > 0).then_some(account.likeness),
            grade: session.head.map(|_| Point::of(session).grade.overall),
            rehearsed: Vec::new(),
            practised: Vec::new(),
        })
    }

    /// The share of the helpful behaviours that the person managed, 0 to 100.
    fn share_managed(&self) -> f64 {
        self.managed.len() as f64 / Check::all_helpful().count() as f64 * 100.0
    }
}

/// Gives each real talk the rehearsals of its scenario since the one before.
fn rehearsals(real: &mut [RealPoint], points: &[Point]) {
    for at in 0..real.len() {
        let (before, rest) = real.split_at_mut(at);
        let talk = &mut rest[0];
        let since =
            before.iter().rev().find(|other| other.scenario == talk.scenario).map(|other| other.started);
        let rehearsed: Vec<&Point> = points
            .iter()
            .filter(|point| point.talk.scenario == talk.scenario && point.talk.started < talk.started)
            .filter(|point| since.is_none_or(|since| point.talk.started > since))
            .collect();
        let shown = |check: &Check| rehearsed.iter().filter(|point| point.shown[check.index()]).count();
        talk.practised =
            Check::all_helpful().filter(|check| shown(check) * 2 >= rehearsed.len().max(1)).collect();
        talk.rehearsed = rehearsed.iter().map(|point| point.talk.grade).collect();
    }
}

impl Progress {
    /// Progress over `sessions`, oldest first.
    pub fn of(sessions: &[Session], library: &Library) -> Progress {
        let mut talks = Talks::default();
        sessions.iter().cloned().for_each(|session| talks.add(session));
        talks.progress(library)
    }
}

/// What an imported copy has in common with the talk it is a copy of, and no other talk has.
fn fingerprint(session: &Session) -> (jiff::Timestamp, u64, u64) {
    let mut hasher = DefaultHasher::new();
    for exchange in &session.exchanges {
        (exchange.parent, exchange.said, &exchange.text).hash(&mut hasher);
        exchange.reply.as_ref().map(|reply| &reply.text).hash(&mut hasher);
    }
    (session.header.started, session.header.seed, hasher.finish())
}

fn series(values: Vec<Option<f64>>) -> Series {
    let known: Vec<f64> = values.iter().flatten().copied().collect();
    Series { change: change(&known, CHANCE_OF_GRADES), values }
}

fn check_series(points: &[Point], check: Check) -> CheckSeries {
    let values: Vec<f64> =
        points.iter().map(|point| f64::from(u8::from(point.shown[check.index()]))).collect();
    CheckSeries { check, change: change(&values, CHANCE_OF_CHECKS) }
}

fn reached(points: &[Point], library: &Library) -> Vec<Reached> {
    let presets = library.ladder();
    let mut names: Vec<&str> = presets.iter().map(|preset| preset.name.as_str()).collect();
    for Point { talk, .. } in points {
        // `custom`, and presets that are no more.
        if !names.contains(&talk.difficulty.as_str()) {
            names.push(&talk.difficulty);
        }
    }
    let of = |name: &str| {
        let talks = || points.iter().map(|point| &point.talk).filter(|talk| talk.difficulty == name);
        let best = talks().map(|talk| talk.grade).fold(0.0, f64::max);
        let agreed = talks().filter(|talk| talk.outcome == Outcome::Agreed).count();
        Reached { difficulty: name.to_owned(), talks: talks().count(), agreed, best }
    };
    names.into_iter().map(of).filter(|reached| reached.talks > 0).collect()
}

#[cfg(test)]
mod tests {
    use super::super::trend::Trend;
    use super::*;
    use crate::session::sample;

    /// So many talks that end in blame, and then so many that end well.
    fn sessions(clumsy: usize, good: usize) -> Vec<Session> {
        let mut sessions = vec![Session { head: Some(2), ..sample::session() }; clumsy];
        sessions.extend(vec![sample::finished(); good]);
        for (index, session) in sessions.iter_mut().enumerate() {
            session.header.id = (index + 1).to_string();
            session.header.seed = index as u64;
        }
        sessions
    }

    #[test]
    fn nothing_said_is_no_progress_and_no_error() {
        let empty = Session { head: None, exchanges: Vec::new(), ..sample::session() };
        let progress = Progress::of(&[empty], &Library::embedded());
        assert!(progress.talks.is_empty() && progress.next.is_none() && progress.reached.is_empty());
        assert_eq!(progress.overall.change.trend, Trend::TooFew);
    }

    #[test]
    fn a_real_talk_stands_beside_its_rehearsals_and_is_none_of_them() {
        let mut all = sessions(1, 2);
        let rehearsed = Progress::of(&all, &Library::embedded());
        let mut real = sample::real();
        real.header.started += jiff::SignedDuration::from_hours(1);
        all.push(real);
        let mut another = all[2].clone();
        another.header.started += jiff::SignedDuration::from_hours(2);
        all.push(another);
        let progress = Progress::of(&all, &Library::embedded());
        assert_eq!((progress.talks.len(), progress.real.len()), (4, 1));
        let talk = &progress.real[0];
        assert_eq!(talk.rehearsed, rehearsed.talks.iter().map(|talk| talk.grade).collect::<Vec<_>>());
        assert!(talk.grade.is_some() && talk.likeness == Some(4));
        assert!(
            talk.practised.contains(&Check::OffersHelp) && !talk.practised.contains(&Check::MutualBenefit)
        );
        assert_eq!(progress.managed.change.trend, Trend::TooFew);
    }

    #[test]
    fn an_imported_copy_is_no_other_talk() {
        let mut both = sessions(0, 2);
        both[1].header.seed = both[0].header.seed;
        assert_eq!(Progress::of(&both, &Library::embedded()).talks.len(), 1);
        both[1].exchanges.pop();
        both[1].head = Some(1);
        assert_eq!(Progress::of(&both, &Library::embedded()).talks.len(), 2, "it went on elsewhere");
    }

    #[test]
    fn getting_better_is_seen_once_there_are_enough_talks() {
        let library = Library::embedded();
        assert_eq!(Progress::of(&sessions(2, 2), &library).overall.change.trend, Trend::TooFew);
        let progress = Progress::of(&sessions(5, 5), &library);
        assert_eq!(progress.overall.change.trend, Trend::Up);
        let of = |check: Check| progress.checks.iter().find(|series| series.check == check).unwrap();
        assert_eq!(of(Check::Blames).change.trend, Trend::Down);
        assert_eq!(of(Check::OffersHelp).change.recent, Some(1.0));
        assert_eq!(of(Check::AsksPermission).change.trend, Trend::NoClearChange, "always shown");
        assert_eq!(
            progress.reached,
            [Reached { difficulty: "guarded".into(), talks: 10, agreed: 5, best: progress.talks[9].grade }]
        );
        assert_eq!(progress.next.unwrap().scenario, "shifting-priorities");
    }
}
