//! A group's talks taken together: which skills it lacks, with no word of what anyone said.
//!
//! People count, not talks: somebody with many talks weighs as much as somebody with one. A skill is called
//! lacking only where chance would do as much in at most one of ten groups: an exact sign-flip test of each
//! person's score against the mean of their other skills, with Holm's correction for four skills.

use super::report::{Report, Titles};
use crate::scenario::Library;
use crate::scorer::rubric::{Check, Skill};
use crate::session::{Outcome, Session};
use serde::Serialize;
use std::collections::BTreeMap;

/// The name of the JSON format.
const FORMAT: &str = "coachup-group";
/// Its version: raised when a key changes its meaning or goes.
const VERSION: u32 = 1;
/// With fewer people, no pattern can be told from chance by the test: 4 · 2/2⁷ is below one in ten, 4 · 2/2⁶ not.
pub const FEWEST: usize = 7;
/// Figures of fewer people may point at one of them.
pub const FEWEST_HIDDEN: usize = 3;
/// How often chance may pass for a lack.
const CHANCE: f64 = 0.10;
/// Up to so many people all patterns of signs are counted; beyond, so many drawn ones.
const EXACT: usize = 16;
const DRAWN: u32 = 20_000;
/// z of a two-sided interval of 90%.
const Z90: f64 = 1.645;

/// A talk and whose it is.
#[derive(Clone, Debug)]
pub struct Entry {
    /// Any name that is the same for all talks of a person; it is not shown.
    pub person: String,
    /// The talk.
    pub session: Session,
}

/// What a group's talks show.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Group {
    /// Always `coachup-group`.
    pub format: &'static str,
    /// The format's version.
    pub version: u32,
    /// People with at least one graded talk.
    pub people: usize,
    /// Their talks.
    pub talks: usize,
    /// Talks that came twice, counted once.
    pub repeated: usize,
    /// Talks in which nothing was said, left out.
    pub empty: usize,
    /// Talks that still name their boss.
    pub named: usize,
    /// Mean overall grade of the people, 0 to 100.
    pub overall: Option<f64>,
    /// How many talks ended how.
    pub outcomes: BTreeMap<Outcome, usize>,
    /// The skills, weakest first.
    pub skills: Vec<GroupSkill>,
    /// The checks: helpful ones that the fewest showed first, then harmful ones that the most showed.
    pub checks: Vec<GroupCheck>,
}

/// A skill in the group.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GroupSkill {
    /// The skill.
    pub skill: Skill,
    /// People to whom it applied.
    pub people: usize,
    /// Mean score, 0 to 100.
    pub mean: Option<f64>,
    /// The lowest and the highest person's; none for so few people that it would point at one.
    pub range: Option<(f64, f64)>,
    /// Mean difference to the people's other skills, in points.
    pub difference: Option<f64>,
    /// How often chance does as much, corrected for four skills; none where it can't be told.
    pub p: Option<f64>,
    /// What follows.
    pub finding: Finding,
}

/// What can be said of a skill.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Finding {
    /// Lower than the others, by more than chance.
    Lacking,
    /// Higher than the others, by more than chance.
    Strong,
    /// No difference that chance would not make.
    NoDifference,
    /// Too few people to tell.
    TooFew,
}

/// A check in the group.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct GroupCheck {
    /// The check.
    pub check: Check,
    /// People who showed it in any of their talks.
    pub shown: usize,
    /// Of so many.
    pub people: usize,
    /// The share in such groups, with nine chances in ten (Wilson's interval), 0 to 1.
    pub interval: (f64, f64),
}

impl Group {
    /// What `entries` show.
    pub fn of(entries: &[Entry], library: &Library) -> Group {
        let (fresh, repeated) = without_repeats(entries);
        // A real talk is told from memory, and nobody answers.
        let fresh: Vec<&Entry> = fresh.into_iter().filter(|entry| entry.session.account.is_none()).collect();
        let said = |entry: &&&Entry| entry.session.head.is_some();
        let empty = fresh.iter().filter(|entry| !said(entry)).count();
        let mut people: BTreeMap<&str, Vec<Report>> = BTreeMap::new();
        for entry in fresh.iter().filter(said) {
            let titles = Titles::from(library, &entry.session.header);
            let report = Report::outline(&entry.session, entry.session.head, titles);
            people.entry(&entry.person).or_default().push(report);
        }
        let people: Vec<Vec<Report>> = people.into_values().collect();
        let reports = || people.iter().flatten();
        let mut outcomes = BTreeMap::new();
        reports().for_each(|report| *outcomes.entry(report.outcome).or_default() += 1);
        let overall =
            |talks: &Vec<Report>| mean(talks.iter().filter_map(|talk| Some(talk.grade.as_ref()?.overall)));
        Group {
            format: FORMAT,
            version: VERSION,
            people: people.len(),
            talks: reports().count(),
            repeated,
            empty,
            // An anonymous export has this in the place of the boss's name.
            named: reports().filter(|report| report.header.boss != "boss").count(),
            overall: mean(people.iter().filter_map(overall)),
            outcomes,
            skills: skills(&people),
            checks: checks(&people),
        }
    }
}

/// The entries without those whose talk came before, and how many those were.
fn without_repeats(entries: &[Entry]) -> (Vec<&Entry>, usize) {
    let mut fresh: Vec<&Entry> = Vec::new();
    for entry in entries {
        let same = |other: &&Entry| {
            other.session.header.started == entry.session.header.started
                && other.session.header.seed == entry.session.header.seed
                && other.session.exchanges == entry.session.exchanges
        };
        if !fresh.iter().any(same) {
            fresh.push(entry);
        }
    }
    let repeated = entries.len() - fresh.len();
    (fresh, repeated)
}

fn mean(values: impl IntoIterator<Item = f64>) -> Option<f64> {
    let (sum, count) = values.into_iter().fold((0.0, 0u32), |(sum, count), value| (sum + value, count + 1));
    (count > 0).then(|| sum / f64::from(count))
}

fn skills(people: &[Vec<Report>]) -> Vec<GroupSkill> {
    let score = |talks: &Vec<Report>, skill: Skill| {
        mean(talks.iter().filter_map(|talk| talk.grade.as_ref()?.skills.get(&skill)?.score))
    };
    let mut skills: Vec<GroupSkill> = Skill::ALL
        .into_iter()
        .map(|skill| {
            let scores: Vec<f64> = people.iter().filter_map(|talks| score(talks, skill)).collect();
            let differences: Vec<f64> = people
                .iter()
                .filter_map(|talks| {
                    let others = Skill::ALL.into_iter().filter(|other| *other != skill);
                    Some(score(talks, skill)? - mean(others.filter_map(|other| score(talks, other)))?)
                })
                .collect();
            let lowest = scores.iter().copied().fold(f64::INFINITY, f64::min);
            let highest = scores.iter().copied().fold(f64::NEG_INFINITY, f64::max);
            GroupSkill {
                skill,
                people: scores.len(),
                mean: mean(scores.iter().copied()),
                range: (scores.len() >= FEWEST_HIDDEN).then_some((lowest, highest)),
                p: (differences.len() >= FEWEST).then(|| by_chance(&differences)),
                difference: mean(differences),
                finding: Finding::TooFew,
            }
        })
        .collect();
    correct(&mut skills);
    let worth = |skill: &GroupSkill| skill.mean.unwrap_or(f64::INFINITY);
    skills.sort_by(|a, b| worth(a).total_cmp(&worth(b)));
    skills
}

/// Holm's correction, and the findings that follow.
fn correct(skills: &mut [GroupSkill]) {
    let mut order: Vec<usize> = (0..skills.len()).filter(|at| skills[*at].p.is_some()).collect();
    order.sort_by(|a, b| skills[*a].p.unwrap_or(1.0).total_cmp(&skills[*b].p.unwrap_or(1.0)));
    let mut before: f64 = 0.0;
    for (rank, at) in order.iter().enumerate() {
        let skill = &mut skills[*at];
        let corrected = (skill.p.unwrap_or(1.0) * (order.len() - rank) as f64).min(1.0).max(before);
        before = corrected;
        skill.p = Some(corrected);
        skill.finding = match skill.difference {
            Some(difference) if corrected <= CHANCE && difference < 0.0 => Finding::Lacking,
            Some(_) if corrected <= CHANCE => Finding::Strong,
            _ => Finding::NoDifference,
        };
    }
}

/// How often a mean as far from 0 comes about where each difference might as well have the other sign.
fn by_chance(differences: &[f64]) -> f64 {
    let far = |signs: &dyn Fn(usize) -> bool| {
        let flip = |(at, value): (usize, &f64)| if signs(at) { -value } else { *value };
        differences.iter().enumerate().map(flip).sum::<f64>().abs()
    };
    // A little less, so that the pattern at hand counts itself in spite of rounding.
    let found = far(&|_| false) * (1.0 - 1e-9);
    if differences.len() <= EXACT {
        let all = 1u32 << differences.len();
        let as_far = (0..all).filter(|pattern| far(&|at| pattern >> at & 1 == 1) >= found).count();
        return as_far as f64 / f64::from(all);
    }
    // The same patterns each time: a report does not change from one call to the next.
    use rand::{RngExt, SeedableRng};
    let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(1);
    let mut as_far = 1;
    for _ in 0..DRAWN {
        let signs: Vec<bool> = differences.iter().map(|_| random.random()).collect();
        as_far += u32::from(far(&|at| signs[at]) >= found);
    }
    f64::from(as_far) / f64::from(DRAWN + 1)
}

fn checks(people: &[Vec<Report>]) -> Vec<GroupCheck> {
    let shows = |talks: &&Vec<Report>, check: Check| {
        talks.iter().any(|talk| talk.talk.iter().any(|turn| turn.checks.is_yes(check)))
    };
    let of = |check: Check| {
        let shown = people.iter().filter(|talks| shows(talks, check)).count();
        GroupCheck { check, shown, people: people.len(), interval: wilson(shown, people.len()) }
    };
    let (mut helpful, mut harmful): (Vec<GroupCheck>, Vec<GroupCheck>) =
        Check::ALL.into_iter().map(of).partition(|found| found.check.is_helpful());
    helpful.sort_by_key(|found| found.shown);
    harmful.sort_by_key(|found| std::cmp::Reverse(found.shown));
    helpful.extend(harmful);
    helpful
}

/// Wilson's interval of 90% for a share.
fn wilson(shown: usize, of: usize) -> (f64, f64) {
    if of == 0 {
        return (0.0, 1.0);
    }
    let (n, share) = (of as f64, shown as f64 / of as f64);
    let z2 = Z90 * Z90;
    let middle = (share + z2 / (2.0 * n)) / (1.0 + z2 / n);
    let half = Z90 / (1.0 + z2 / n) * (share * (1.0 - share) / n + z2 / (4.0 * n * n)).sqrt();
    ((middle - half).max(0.0), (middle + half).min(1.0))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::sample;

    fn entries(people: usize, session: &Session) -> Vec<Entry> {
        let entry = |at: usize| {
            let mut session = session.clone();
            session.header.seed = at as u64;
            Entry { person: at.to_string(), session }
        };
        (0..people).map(entry).collect()
    }

    #[test]
    fn the_sign_flip_test_is_exact() {
        assert_eq!(by_chance(&[1.0, 2.0, 3.0]), 2.0 / 8.0);
        assert_eq!(by_chance(&[-5.0; 7]), 2.0 / 128.0);
        assert_eq!(by_chance(&[1.0, -1.0]), 1.0);
        assert!(by_chance(&[1.0; 20]) < 0.001);
        assert!(by_chance(&(0..20).map(|at| if at % 2 == 0 { 1.0 } else { -1.0 }).collect::<Vec<_>>()) > 0.9);
    }

    #[test]
    fn wilsons_interval_is_wide_for_few() {
        let (low, high) = wilson(0, 5);
        assert!(low < 1e-9 && (high - 0.351).abs() < 0.001, "{low} {high}");
        let (low, high) = wilson(50, 100);
        assert!((low - 0.419).abs() < 0.001 && (high - 0.581).abs() < 0.001, "{low} {high}");
    }

    #[test]
    fn few_people_lack_nothing_and_many_with_one_weakness_do() {
        let library = Library::embedded();
        let few = Group::of(&entries(FEWEST - 1, &sample::finished()), &library);
        assert!(few.skills.iter().all(|skill| skill.finding == Finding::TooFew && skill.p.is_none()));
        let many = Group::of(&entries(FEWEST, &sample::finished()), &library);
        assert_eq!((many.people, many.talks, many.named), (FEWEST, FEWEST, FEWEST));
        assert_eq!(many.skills[0].finding, Finding::Lacking, "{:?}", many.skills);
        assert!(many.skills[0].mean <= many.skills[1].mean);
        let two = Group::of(&entries(2, &sample::finished()), &library);
        assert!(two.skills.iter().all(|skill| skill.range.is_none()));
    }

    #[test]
    fn a_talk_counts_once_and_a_person_as_one() {
        let library = Library::embedded();
        let mut twice = entries(2, &sample::finished());
        twice.extend(twice.clone());
        let group = Group::of(&twice, &library);
        assert_eq!((group.people, group.talks, group.repeated), (2, 2, 2));
        let mut one = entries(3, &sample::finished());
        one.iter_mut().for_each(|entry| entry.person = "same".to_owned());
        let group = Group::of(&one, &library);
        assert_eq!((group.people, group.talks), (1, 3));
        assert_eq!(Group::of(&[], &library).overall, None);
    }
}
