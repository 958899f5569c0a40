//! The boss's state: openness, patience, what has been earned and what is out. Moved by rules only.

use crate::scenario::Difficulty;
use crate::scorer::rubric::Check;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What the boss does in a reply; chosen by code, worded by the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// Speaks first, before anything was said.
    Greets,
    /// The program speaks instead: the person seems to be in real distress.
    StepsOut,
    EndsTalk,
    Dismisses,
    Deflects,
    PushesBack,
    QuestionsMotive,
    AsksForSpecifics,
    SharesConstraint,
    Acknowledges,
    Considers,
    ConcedesPart,
    AgreesAndCommits,
}

impl Act {
    /// Every act a reply can have, from the most closed to the most open.
    pub const ALL: [Act; 11] = [
        Act::EndsTalk,
        Act::Dismisses,
        Act::Deflects,
        Act::PushesBack,
        Act::QuestionsMotive,
        Act::AsksForSpecifics,
        Act::SharesConstraint,
        Act::Acknowledges,
        Act::Considers,
        Act::ConcedesPart,
        Act::AgreesAndCommits,
    ];

    /// The stable id in JSON and in the bosses' files.
    pub fn id(self) -> &'static str {
        match self {
            Act::Greets => "greets",
            Act::StepsOut => "steps-out",
            Act::EndsTalk => "ends-talk",
            Act::Dismisses => "dismisses",
            Act::Deflects => "deflects",
            Act::PushesBack => "pushes-back",
            Act::QuestionsMotive => "questions-motive",
            Act::AsksForSpecifics => "asks-for-specifics",
            Act::SharesConstraint => "shares-constraint",
            Act::Acknowledges => "acknowledges",
            Act::Considers => "considers",
            Act::ConcedesPart => "concedes-part",
            Act::AgreesAndCommits => "agrees-and-commits",
        }
    }

    /// How far from closed to open the act lies, 0 to 10.
    pub fn warmth(self) -> usize {
        Act::ALL.iter().position(|&act| act == self).unwrap_or(0)
    }

    /// Does the boss give something?
    pub fn concedes(self) -> bool {
        matches!(self, Act::ConcedesPart | Act::AgreesAndCommits)
    }
}

/// Where a talk stands, by what the boss did in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Standing {
    /// The boss agreed and committed.
    Agreed,
    /// The boss conceded a part.
    Partly,
    /// Nothing is decided.
    Open,
    /// The boss was out of patience.
    Ended,
}

/// Where a talk with these acts stands.
pub fn outcome(acts: &[Act]) -> Standing {
    if acts.last() == Some(&Act::EndsTalk) {
        Standing::Ended
    } else if acts.contains(&Act::AgreesAndCommits) {
        Standing::Agreed
    } else if acts.contains(&Act::ConcedesPart) {
        Standing::Partly
    } else {
        Standing::Open
    }
}

/// How the boss feels, by openness against the threshold for agreeing.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Mood {
    /// Below a third of the threshold.
    Closed,
    /// Below two thirds.
    Wary,
    /// Below the threshold.
    Listening,
    /// At the threshold or above.
    Open,
}

impl Mood {
    /// All of them, from the most closed.
    pub const ALL: [Mood; 4] = [Mood::Closed, Mood::Wary, Mood::Listening, Mood::Open];
}

/// What the boss is to do in a line, decided before the words.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Directed {
    /// How the boss feels.
    pub mood: Mood,
    /// What the line does.
    pub act: Act,
    /// The private fact that it tells, by index in the scenario.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub fact: Option<usize>,
    /// The person's words that it takes up, or that it is about.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub takes: Option<String>,
    /// What it comes to, by index in the scenario.
    #[serde(default, alias = "objection", skip_serializing_if = "Option::is_none")]
    pub point: Option<usize>,
    /// What on the boss's desk it speaks of, by index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub matter: Option<usize>,
}

/// Everything about the boss that changes during a talk.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct BossState {
    /// How open the boss is, 0 to 100.
    pub openness: f64,
    /// Turns of poor treatment the boss still bears.
    pub patience: u32,
    /// How often each helpful behaviour was shown.
    pub earned: BTreeMap<Check, u32>,
    /// Private facts already told, by index in the scenario.
    pub facts_out: BTreeSet<usize>,
    /// What lines already came to, by index in the scenario.
    #[serde(alias = "objections_out", skip_serializing_if = "BTreeSet::is_empty")]
    pub points_out: BTreeSet<usize>,
    /// The acts so far, oldest first.
    pub acts: Vec<Act>,
    /// What the person put on the table and the boss has not taken up, in the person's own words, oldest first.
    pub laid: Vec<String>,
    /// What was agreed so far, in the same words.
    pub agreed: Vec<String>,
    /// Turns in a row that gave the boss nothing to take up.
    pub idle: u32,
    /// What the boss's last line was to do.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub directed: Option<Directed>,
}

impl BossState {
    /// The boss before anything was said.
    pub fn at_start(difficulty: &Difficulty) -> BossState {
        BossState {
            openness: difficulty.receptiveness,
            patience: difficulty.patience,
            ..BossState::default()
        }
    }

    /// How the boss feels.
    pub fn mood(&self, difficulty: &Difficulty) -> Mood {
        match self.openness / difficulty.threshold.max(1.0) {
            share if share >= 1.0 => Mood::Open,
            share if share >= 2.0 / 3.0 => Mood::Listening,
            share if share >= 1.0 / 3.0 => Mood::Wary,
            _ => Mood::Closed,
        }
    }

    /// May the boss give something? Only when open enough, after enough different helpful behaviours,
    /// among them those the article insists on: permission, an option or help, and something specific.
    pub fn may_concede(&self, difficulty: &Difficulty) -> bool {
        let any = |checks: &[Check]| checks.iter().any(|check| self.earned.contains_key(check));
        self.openness >= difficulty.threshold
            && self.earned.len() >= difficulty.earned
            && any(&[Check::AsksPermission, Check::SchedulesAhead])
            && any(&[Check::OffersOptions, Check::OffersHelp])
            && any(&[Check::Specific])
    }
}

/// How one turn moved the boss.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Move {
    /// Openness before.
    pub from: f64,
    /// Openness after.
    pub to: f64,
    /// The reasons, in words for the person, biggest first.
    pub why: Vec<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Library;

    #[test]
    fn ids_are_those_in_files() {
        for act in Act::ALL {
            assert_eq!(serde_json::to_value(act).unwrap(), act.id());
            assert_eq!(Act::ALL[act.warmth()], act);
        }
    }

    #[test]
    fn the_gate_needs_openness_breadth_and_what_the_article_insists_on() {
        use Check::*;
        let library = Library::embedded();
        let guarded: &Difficulty = library.get("guarded").unwrap();
        let with = |openness: f64, checks: &[Check]| {
            let earned = checks.iter().map(|&check| (check, 1)).collect();
            BossState { openness, earned, ..BossState::at_start(guarded) }.may_concede(guarded)
        };
        let all = [SchedulesAhead, OffersHelp, Specific, Acknowledges];
        assert!(with(guarded.threshold, &all));
        assert!(!with(guarded.threshold - 0.1, &all));
        assert!(!with(100.0, &all[..3]), "three behaviours are too few at guarded");
        for missing in 0..3 {
            let mut some: Vec<Check> = vec![StatesTopic, MutualBenefit, FutureFocus, AsksQuestion];
            some.extend(all.iter().enumerate().filter(|(at, _)| *at != missing).map(|(_, check)| *check));
            assert!(!with(100.0, &some), "{:?} is missing", all[missing]);
        }
    }

    #[test]
    fn where_a_talk_stands() {
        use Act::*;
        assert_eq!(outcome(&[]), Standing::Open);
        assert_eq!(outcome(&[Considers, ConcedesPart, Acknowledges]), Standing::Partly);
        assert_eq!(outcome(&[ConcedesPart, AgreesAndCommits, Acknowledges]), Standing::Agreed);
        assert_eq!(outcome(&[AgreesAndCommits, EndsTalk]), Standing::Ended);
    }

    #[test]
    fn a_state_stored_by_an_older_version_is_read() {
        let old = r#"{"openness":40.0,"patience":3,"earned":{},"facts_out":[],"acts":[],"agreed":[]}"#;
        assert_eq!(serde_json::from_str::<BossState>(old).unwrap().laid, Vec::<String>::new());
        let old = r#"{"mood":"wary","act":"pushes-back","objection":2}"#;
        assert_eq!(serde_json::from_str::<Directed>(old).unwrap().point, Some(2));
    }
}
