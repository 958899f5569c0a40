//! Two talks against each other: where they part, and what differs in verdicts, openness and grade.

use super::report::{Report, TurnView};
use crate::scorer::rubric::{Check, Skill};
use crate::session::Outcome;
use serde::Serialize;
use std::cmp::Ordering;

/// The name of the JSON comparison's format.
const FORMAT: &str = "coachup-comparison";
/// Its version: raised when a key changes its meaning or goes.
const VERSION: u32 = 1;

/// Two talks, A and B.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Comparison {
    /// Always `coachup-comparison`.
    pub format: &'static str,
    /// The format's version.
    pub version: u32,
    /// How many turns both have in common, from the first; 0 for talks of different sessions.
    pub shared: u32,
    /// What each came to.
    pub sides: [Side; 2],
    /// Checks that one talk showed and the other did not, or not as often, after they parted; in the
    /// rubric's order.
    pub checks: Vec<CheckDifference>,
    /// The first talk, judged.
    pub a: Report,
    /// The second talk, judged.
    pub b: Report,
}

/// What one talk came to.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Side {
    /// How to call it: `3:5`, as `coachup review` takes it.
    pub id: String,
    /// Its turns.
    pub turns: u32,
    /// How it ended, or stands.
    pub outcome: Outcome,
    /// Has it ended?
    pub finished: bool,
    /// Openness at its end, 0 to 100.
    pub openness: f64,
    /// The overall grade, 0 to 100; none before the first turn.
    pub grade: Option<f64>,
    /// The grade by skill, in the order of [`Skill::ALL`].
    pub skills: Vec<Option<f64>>,
}

/// A check that the talks showed differently.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CheckDifference {
    /// The check.
    pub check: Check,
    /// The turns of A that showed it, after the shared ones.
    pub a: Vec<u32>,
    /// The turns of B that showed it, after the shared ones.
    pub b: Vec<u32>,
}

impl Comparison {
    /// Compares two talks, of one session or of two.
    pub fn of(a: Report, b: Report) -> Comparison {
        let same = a.header.id == b.header.id && a.header.started == b.header.started;
        let shared =
            a.talk.iter().zip(&b.talk).take_while(|(one, other)| same && one.node == other.node).count();
        let checks = Check::ALL
            .into_iter()
            .map(|check| CheckDifference {
                check,
                a: showing(&a.talk[shared..], check),
                b: showing(&b.talk[shared..], check),
            })
            .filter(|difference| difference.a.len() != difference.b.len())
            .collect();
        Comparison {
            format: FORMAT,
            version: VERSION,
            shared: shared as u32,
            sides: [Side::of(&a), Side::of(&b)],
            checks,
            a,
            b,
        }
    }

    /// The turns after the shared ones, side by side as far as both go, and what the longer talk has beyond.
    pub fn parted(&self) -> (Vec<[&TurnView; 2]>, Option<Rest<'_>>) {
        let (a, b) = (&self.a.talk[self.shared as usize..], &self.b.talk[self.shared as usize..]);
        let both = a.iter().zip(b).map(|(one, other)| [one, other]).collect();
        let rest = match a.len().cmp(&b.len()) {
            Ordering::Greater => Some(Rest { longer: "A", shorter: "B", turns: &a[b.len()..] }),
            Ordering::Less => Some(Rest { longer: "B", shorter: "A", turns: &b[a.len()..] }),
            Ordering::Equal => None,
        };
        (both, rest)
    }
}

/// Where one talk goes on alone.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Rest<'a> {
    /// The talk that goes on, A or B.
    pub longer: &'static str,
    /// The talk that ends.
    pub shorter: &'static str,
    /// The longer talk's further turns.
    pub turns: &'a [TurnView],
}

impl Rest<'_> {
    /// "B ends here; A goes on."
    pub fn said(&self) -> String {
        format!("{} ends here; {} goes on.", self.shorter, self.longer)
    }
}

impl Side {
    fn of(report: &Report) -> Side {
        let score = |skill: Skill| report.grade.as_ref().and_then(|grade| grade.skills.get(&skill)?.score);
        Side {
            id: report.reference(),
            turns: report.talk.len() as u32,
            outcome: report.outcome,
            finished: report.finished,
            openness: report.openness.last().copied().unwrap_or(report.header.receptiveness),
            grade: report.grade.as_ref().map(|grade| grade.overall),
            skills: Skill::ALL.map(score).to_vec(),
        }
    }
}

fn showing(talk: &[TurnView], check: Check) -> Vec<u32> {
    talk.iter().filter(|turn| turn.checks.is_yes(check)).map(|turn| turn.turn).collect()
}

#[cfg(test)]
mod tests {
    use super::super::Titles;
    use super::*;
    use crate::session::sample;

    fn talk(node: u32) -> Report {
        Report::of_talk(&sample::session(), Some(node), Titles { scenario: "s", boss: "Dana" })
    }

    #[test]
    fn branches_part_after_what_they_share() {
        let compared = Comparison::of(talk(4), talk(2));
        let (both, rest) = compared.parted();
        assert_eq!((compared.shared, both.len()), (1, 1));
        let rest = rest.unwrap();
        assert_eq!((rest.longer, rest.turns.len()), ("A", 1));
        let reversed = Comparison::of(talk(2), talk(4));
        assert_eq!(reversed.parted().1.map(|rest| rest.said()).unwrap(), "A ends here; B goes on.");
        assert_eq!(compared.sides.each_ref().map(|side| side.id.as_str()), ["7:4", "7:2"]);
        let of = |check| compared.checks.iter().find(|difference| difference.check == check);
        assert_eq!(of(Check::Blames).map(|d| (d.a.clone(), d.b.clone())), Some((vec![], vec![2])));
        assert_eq!(of(Check::OffersHelp).map(|d| d.a.clone()), Some(vec![2]));
        assert!(of(Check::Specific).is_none(), "both were specific once");
        assert!(of(Check::AsksPermission).is_none(), "both share the opening");
        assert!(compared.sides[0].grade > compared.sides[1].grade);
    }

    #[test]
    fn talks_of_two_sessions_share_nothing() {
        let mut other = talk(4);
        other.header.id = "8".into();
        let compared = Comparison::of(talk(4), other);
        assert_eq!((compared.shared, compared.checks.len()), (0, 0));
    }
}
