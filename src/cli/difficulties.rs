//! `coachup difficulties`: how hard the boss makes it.

use super::Exit;
use super::shelf::{self, Action, Shown};
use crate::scenario::{Difficulty, Library, LibraryError};
use clap::Args;
use std::io::Write;
use std::path::Path;

/// List, show, start and check difficulty presets
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example: coachup difficulties list")]
pub struct DifficultiesArgs {
    #[command(subcommand)]
    action: Action,
}

/// Runs the command; `folder` is the person's own, `width` the screen's in columns.
///
/// # Errors
/// An unknown name, a file that can't be read or written, a closed `out`.
pub fn run(
    args: &DifficultiesArgs,
    load: impl FnOnce() -> Result<Library, LibraryError>,
    folder: &Path,
    width: usize,
    out: &mut dyn Write,
) -> anyhow::Result<Exit> {
    shelf::run::<Difficulty>(&args.action, load, folder, width, out)
}

impl Shown for Difficulty {
    const FLAG: &'static str = "--difficulty ";

    fn listed(library: &Library) -> Vec<(&str, &Self)> {
        library.ladder().into_iter().map(|preset| (preset.name.as_str(), preset)).collect()
    }

    fn paragraphs(&self) -> Vec<(&'static str, String)> {
        let patience = match self.patience {
            1 => "1 turn of poor treatment".to_owned(),
            turns => format!("{turns} turns of poor treatment"),
        };
        vec![
            ("Openness at the start", format!("{} of 100", self.receptiveness)),
            (
                "May agree",
                format!(
                    "from openness {}, after {} different helpful behaviours",
                    self.threshold, self.earned
                ),
            ),
            ("Bears", patience),
            ("A helpful turn earns", format!("{} times the plain amount", self.gain)),
            ("A harmful turn costs", format!("{} times the plain amount", self.loss)),
            ("One turn moves openness", format!("by at most {}", self.cap)),
        ]
    }
}
