//! The boss's state: openness, patience, what has been earned and what is out. Moved by rules only.

use crate::scorer::rubric::Check;
use serde::{Deserialize, Serialize};
use std::collections::{BTreeMap, BTreeSet};

/// What the boss does in a reply; chosen by code, worded by the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Act {
    /// Speaks first, before anything was said.
    Greets,
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

    /// Does the boss give something?
    pub fn concedes(self) -> bool {
        matches!(self, Act::ConcedesPart | Act::AgreesAndCommits)
    }
}

/// Everything about the boss that changes during a talk.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct BossState {
    /// How open the boss is, 0 to 100.
    pub openness: f64,
    /// Turns of poor treatment the boss still bears.
    pub patience: u32,
    /// How often each helpful behaviour was shown.
    pub earned: BTreeMap<Check, u32>,
    /// Private facts already told, by index in the scenario.
    pub facts_out: BTreeSet<usize>,
    /// The acts so far, oldest first.
    pub acts: Vec<Act>,
    /// What was agreed so far, in the person's words.
    pub agreed: Vec<String>,
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
