//! `coachup bosses`: who can play the boss.

use super::Exit;
use super::shelf::{self, Action, Shown};
use crate::scenario::{Boss, Library, LibraryError};
use clap::Args;
use std::io::Write;
use std::path::Path;

/// List, show, start and check bosses
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example: coachup bosses show dana")]
pub struct BossesArgs {
    #[command(subcommand)]
    action: Action,
}

/// Runs the command; `folder` is the person's own, `width` the screen's in columns.
///
/// # Errors
/// An unknown name, a file that can't be read or written, a closed `out`.
pub fn run(
    args: &BossesArgs,
    load: impl FnOnce() -> Result<Library, LibraryError>,
    folder: &Path,
    width: usize,
    out: &mut dyn Write,
) -> anyhow::Result<Exit> {
    shelf::run::<Boss>(&args.action, load, folder, width, out)
}

impl Shown for Boss {
    const FLAG: &'static str = "--boss ";

    fn label(&self) -> String {
        format!("{}: {}", self.name, self.title)
    }

    fn paragraphs(&self) -> Vec<(&'static str, String)> {
        let greets = self.greetings.iter().map(|line| line.replace("{you}", "Sam"));
        let mut paragraphs = vec![("", self.character.clone()), ("", self.voice.clone())];
        if !self.matters.is_empty() {
            paragraphs.push(("on the desk", self.matters.join(", ")));
        }
        paragraphs.extend(greets.map(|line| ("looks up", line)));
        paragraphs
    }
}
