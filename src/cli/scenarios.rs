//! `coachup scenarios`: the situations to practise.

use super::Exit;
use super::shelf::{self, Action, Shown};
use crate::scenario::{Library, LibraryError, Scenario};
use clap::Args;
use std::io::Write;
use std::path::Path;

/// List, show, start and check situations to practise
#[derive(Clone, Debug, Args)]
#[command(after_help = "Example: coachup scenarios show late-feedback")]
pub struct ScenariosArgs {
    #[command(subcommand)]
    action: Action,
}

/// Runs the command; `folder` is the person's own, `width` the screen's in columns.
///
/// # Errors
/// An unknown name, a file that can't be read or written, a closed `out`.
pub fn run(
    args: &ScenariosArgs,
    load: impl FnOnce() -> Result<Library, LibraryError>,
    folder: &Path,
    width: usize,
    out: &mut dyn Write,
) -> anyhow::Result<Exit> {
    shelf::run::<Scenario>(&args.action, load, folder, width, out)
}

impl Shown for Scenario {
    const FLAG: &'static str = "";

    /// What the boss keeps back is left out: the practice is to ask for it.
    fn paragraphs(&self) -> Vec<(&'static str, String)> {
        let kept = format!(
            "{} things that come out when you ask about their side (`--format json` shows them)",
            self.facts.len()
        );
        vec![
            ("", self.situation.clone()),
            ("You", self.your_role.clone()),
            ("Your boss", self.boss_role.clone()),
            ("Topic", self.topic.clone()),
            ("What you want", self.goal.clone()),
            ("A good outcome", self.outcome.clone()),
            ("The boss keeps back", kept),
        ]
    }
}
