//! Candidates labelled by hand, each in its moment: what the critic learns from and is measured on.

use super::moment;
use crate::boss::state::Act;
use crate::model::encoder::train::Example;
use crate::scorer::corpus::{self, CorpusError};
use serde::Deserialize;
use std::path::Path;

/// What a demanding reader finds of a line in its moment.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
pub enum Label {
    /// Nothing wrong: a boss could say it just there.
    #[serde(rename = "g")]
    Good,
    /// It makes sense, and does something else than the act.
    #[serde(rename = "a")]
    OtherAct,
    /// The boss speaks as if they were the person, or hands over what is theirs to do.
    #[serde(rename = "r")]
    SwappedRoles,
    /// It makes no sense there.
    #[serde(rename = "n")]
    Nonsense,
}

impl Label {
    /// All, in the order of the critic's answers.
    pub const ALL: [Label; 4] = [Label::Good, Label::OtherAct, Label::SwappedRoles, Label::Nonsense];

    /// The name in the critic's file.
    pub fn id(self) -> &'static str {
        match self {
            Label::Good => "good",
            Label::OtherAct => "other-act",
            Label::SwappedRoles => "swapped-roles",
            Label::Nonsense => "nonsense",
        }
    }
}

/// Which part of the candidates a moment belongs to.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Split {
    /// Learned from.
    Train,
    /// Only measured on: the moments of other scripts.
    Test,
}

/// One moment with the candidates that models wrote for it.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Moment {
    /// Its part.
    pub split: Split,
    /// Who wrote the candidates.
    pub model: String,
    /// The scenario's name.
    pub scenario: String,
    /// The boss's name.
    pub boss: String,
    /// What the boss is to do.
    pub act: Act,
    /// The same in words.
    pub deed: String,
    /// What the talk is about.
    pub topic: String,
    /// The person's turn.
    pub turn: String,
    /// Candidates with their labels.
    pub lines: Vec<(String, Label)>,
}

impl Moment {
    /// What the critic reads beside each line.
    pub fn text(&self) -> String {
        moment(&self.topic, &self.turn, &self.deed)
    }

    /// What each line teaches the critic.
    pub fn examples(&self) -> impl Iterator<Item = Example> + '_ {
        self.lines.iter().map(|(line, label)| Example {
            pieces: vec![line.clone()],
            before: Some(self.text()),
            yes: [label.id().to_owned()].into(),
            ..Example::default()
        })
    }
}

/// Reads moments, one JSON object a line.
///
/// # Errors
/// A file that can't be read; the first line that holds something else.
pub fn read(file: &Path) -> Result<Vec<Moment>, CorpusError> {
    corpus::read_lines(file, "moment with candidates")
}
