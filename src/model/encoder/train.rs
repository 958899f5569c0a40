//! Fine-tuning, by `training/encoder.py`: what an example is, and how the script is run.

use crate::model::ModelError;
use serde::Serialize;
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufWriter, Write};
use std::path::Path;
use std::process::Command;

/// The script, as seen from the folder of the project.
const SCRIPT: &str = "training/encoder.py";

/// A text with what is known of it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Example {
    /// The text in pieces, so that some can be pointed at; one where nobody has.
    pub pieces: Vec<String>,
    /// What stood before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub before: Option<String>,
    /// The labels that are present.
    pub yes: BTreeSet<String>,
    /// The labels that do not apply and teach nothing.
    pub unknown: BTreeSet<String>,
    /// The pieces that show a label, where somebody pointed at them.
    pub shown: BTreeMap<String, Vec<usize>>,
}

/// How to learn.
#[derive(Clone, Copy, Debug)]
pub struct Course<'a> {
    /// The sentence-embedding model to begin with: a folder, or a zip of one.
    pub base: &'a Path,
    /// The labels' names.
    pub labels: &'a [&'a str],
    /// Most word pieces read of what stood before a text.
    pub before: usize,
    /// How often each example is seen.
    pub epochs: usize,
    /// Order of the examples, first heads, how they are retyped.
    pub seed: u64,
    /// The python command.
    pub python: &'a str,
}

impl Course<'_> {
    /// Teaches the model the `examples` and writes its weights to `output`, for [`super::pack`]. What is there of
    /// an interrupted training is gone on with.
    ///
    /// # Errors
    /// A file that can't be written; a python that is missing, lacks the packages of
    /// `training/requirements.txt`, or was stopped.
    pub fn run(&self, examples: &[Example], output: &Path) -> Result<(), ModelError> {
        let fault = |what: String| ModelError::Engine(format!("training failed: {what}"));
        let lines = output.with_extension("examples.jsonl");
        let write = || -> std::io::Result<()> {
            let mut file = BufWriter::new(std::fs::File::create(&lines)?);
            for example in examples {
                writeln!(file, "{}", serde_json::to_string(example)?)?;
            }
            file.flush()
        };
        write().map_err(|error| fault(format!("can't write `{}`: {error}", lines.display())))?;
        let status = Command::new(self.python)
            .arg(SCRIPT)
            .args([Path::new("--base"), self.base, Path::new("--examples"), &lines])
            .args([Path::new("--output"), output])
            .args(["--labels", &self.labels.join(",")])
            .args(["--before", &self.before.to_string()])
            .args(["--epochs", &self.epochs.to_string()])
            .args(["--seed", &self.seed.to_string()])
            .status()
            .map_err(|error| fault(format!("can't start `{}`: {error}", self.python)))?;
        if !status.success() {
            return Err(fault(format!(
                "`{SCRIPT}` ended with {status}; it needs the packages of `training/requirements.txt` and is run \
                 in the folder of the project"
            )));
        }
        std::fs::remove_file(&lines)
            .map_err(|error| fault(format!("can't remove `{}`: {error}", lines.display())))
    }
}
