//! The labelled corpus: turns with the checks that people found in them.

use super::rubric::Check;
use super::verdict::{Position, Utterance};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// A turn with the labels that people gave it.
#[derive(Clone, Debug, Deserialize)]
pub struct Labelled {
    /// Which turn it is.
    #[serde(default)]
    pub id: String,
    /// What was said.
    #[serde(alias = "t")]
    pub text: String,
    /// What the boss said before.
    #[serde(alias = "c", default)]
    pub context: Option<String>,
    /// Where in the talk.
    #[serde(alias = "p", default)]
    pub position: Position,
    /// What it is about: turns of one situation share their matter.
    #[serde(alias = "s", default)]
    pub situation: String,
    /// The checks that are present.
    #[serde(rename = "labels", alias = "y")]
    pub present: BTreeSet<Check>,
    /// The words that show each of them, verbatim, where somebody pointed at them.
    #[serde(default)]
    pub evidence: BTreeMap<Check, Vec<String>>,
    /// For a hard look-alike, its kind.
    #[serde(alias = "k", default)]
    pub kind: Option<String>,
}

impl Labelled {
    /// The turn without its labels.
    pub fn utterance(&self) -> Utterance<'_> {
        Utterance { text: &self.text, context: self.context.as_deref(), position: self.position }
    }
}

/// A corpus that can't be used.
#[derive(Debug, thiserror::Error)]
pub enum CorpusError {
    /// The file can't be read.
    #[error("can't read `{}`: {error}", file.display())]
    Read {
        /// The file.
        file: PathBuf,
        /// Why.
        error: std::io::Error,
    },
    /// A line is not what it should be.
    #[error("`{}` line {line} is no {what}: {error}", file.display())]
    Line {
        /// What it should be.
        what: &'static str,
        /// The file.
        file: PathBuf,
        /// Its line, from 1.
        line: usize,
        /// Why.
        error: serde_json::Error,
    },
}

/// Reads labelled turns, one JSON object a line; blank lines are left out.
///
/// # Errors
/// The file, or the line of it, that can't be read.
pub fn read(file: &Path) -> Result<Vec<Labelled>, CorpusError> {
    read_lines(file, "labelled turn")
}

/// Reads one JSON object a line, each a `what`; blank lines are left out.
///
/// # Errors
/// The file, or the line of it, that can't be read.
pub fn read_lines<T: DeserializeOwned>(file: &Path, what: &'static str) -> Result<Vec<T>, CorpusError> {
    let text =
        std::fs::read_to_string(file).map_err(|error| CorpusError::Read { file: file.to_owned(), error })?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(at, line)| {
            serde_json::from_str(line).map_err(|error| CorpusError::Line {
                what,
                file: file.to_owned(),
                line: at + 1,
                error,
            })
        })
        .collect()
}
