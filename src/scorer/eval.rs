//! Evaluation against labelled turns: support, precision, recall, F1 and Cohen's κ for every check.

use super::Scorer;
use super::rubric::Check;
use super::verdict::{Position, Utterance, Verdicts};
use serde::Deserialize;
use std::collections::BTreeSet;
use std::fmt;
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
    /// A line is no labelled turn.
    #[error("`{}` line {line} is no labelled turn: {error}", file.display())]
    Line {
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
    let text = std::fs::read_to_string(file)
        .map_err(|error| CorpusError::Read { file: file.to_owned(), error })?;
    let lines = text.lines().enumerate().filter(|(_, line)| !line.trim().is_empty());
    lines
        .map(|(at, line)| {
            serde_json::from_str(line)
                .map_err(|error| CorpusError::Line { file: file.to_owned(), line: at + 1, error })
        })
        .collect()
}

/// Agreement of answers with labels, counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Yes, and labelled present.
    pub both: usize,
    /// Yes, but not labelled.
    pub only_said: usize,
    /// Labelled, but no.
    pub only_labelled: usize,
    /// Neither.
    pub neither: usize,
}

impl Counts {
    /// Counts one turn.
    pub fn add(&mut self, said: bool, labelled: bool) {
        *match (said, labelled) {
            (true, true) => &mut self.both,
            (true, false) => &mut self.only_said,
            (false, true) => &mut self.only_labelled,
            (false, false) => &mut self.neither,
        } += 1;
    }

    /// How many turns show the behaviour.
    pub fn support(&self) -> usize {
        self.both + self.only_labelled
    }

    /// Share of the yeses that are right; 0 without any.
    pub fn precision(&self) -> f64 {
        ratio(self.both, self.both + self.only_said)
    }

    /// Share of the labelled that were found; 0 without any.
    pub fn recall(&self) -> f64 {
        ratio(self.both, self.support())
    }

    /// Harmonic mean of precision and recall.
    pub fn f1(&self) -> f64 {
        ratio(2 * self.both, 2 * self.both + self.only_said + self.only_labelled)
    }

    /// Cohen's κ: agreement beyond chance, 1 at best.
    pub fn kappa(&self) -> f64 {
        let all = (self.both + self.only_said + self.only_labelled + self.neither) as f64;
        if all == 0.0 {
            return 0.0;
        }
        let said = (self.both + self.only_said) as f64 / all;
        let labelled = self.support() as f64 / all;
        let chance = said * labelled + (1.0 - said) * (1.0 - labelled);
        let agreed = (self.both + self.neither) as f64 / all;
        if chance >= 1.0 { 1.0 } else { (agreed - chance) / (1.0 - chance) }
    }
}

fn ratio(part: usize, whole: usize) -> f64 {
    if whole == 0 { 0.0 } else { part as f64 / whole as f64 }
}

/// Agreement for every check.
#[derive(Clone, Debug, Default)]
pub struct Report {
    counts: [Counts; Check::COUNT],
    turns: usize,
}

impl Report {
    /// Grades every turn and counts.
    pub fn of<'a>(scorer: &Scorer, turns: impl IntoIterator<Item = &'a Labelled>) -> Report {
        let mut report = Report::default();
        for turn in turns {
            report.add(&scorer.grade(&turn.utterance()).verdicts, &turn.present);
        }
        report
    }

    /// Counts one turn.
    pub fn add(&mut self, said: &Verdicts, labelled: &BTreeSet<Check>) {
        self.turns += 1;
        for check in Check::ALL {
            self.counts[check.index()].add(said.is_yes(check), labelled.contains(&check));
        }
    }

    /// The counts for `check`.
    pub fn get(&self, check: Check) -> &Counts {
        &self.counts[check.index()]
    }

    /// How many turns were counted.
    pub fn turns(&self) -> usize {
        self.turns
    }

    /// Mean F1 over the checks that occur.
    pub fn macro_f1(&self) -> f64 {
        self.mean(Counts::f1)
    }

    /// Mean κ over the checks that occur.
    pub fn macro_kappa(&self) -> f64 {
        self.mean(Counts::kappa)
    }

    fn mean(&self, measure: fn(&Counts) -> f64) -> f64 {
        let occurring: Vec<f64> =
            self.counts.iter().filter(|counts| counts.support() > 0).map(measure).collect();
        if occurring.is_empty() { 0.0 } else { occurring.iter().sum::<f64>() / occurring.len() as f64 }
    }
}

impl fmt::Display for Report {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(
            f,
            "{:<20} {:>7} {:>9} {:>6} {:>5} {:>5}",
            "check", "support", "precision", "recall", "F1", "κ"
        )?;
        for check in Check::ALL {
            let counts = self.get(check);
            let (p, r, f1, k) = (counts.precision(), counts.recall(), counts.f1(), counts.kappa());
            writeln!(f, "{check:<20} {:>7} {p:>9.2} {r:>6.2} {f1:>5.2} {k:>5.2}", counts.support())?;
        }
        write!(
            f,
            "{:<20} {:>7} {:>9} {:>6} {:>5.2} {:>5.2}",
            "mean",
            self.turns,
            "",
            "",
            self.macro_f1(),
            self.macro_kappa()
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn measures_by_hand() {
        let counts = Counts { both: 20, only_said: 5, only_labelled: 10, neither: 15 };
        assert!((counts.f1() - 40.0 / 55.0).abs() < 1e-12);
        assert!((counts.kappa() - 0.4).abs() < 1e-12);
        assert_eq!(Counts::default().f1(), 0.0);
    }
}
