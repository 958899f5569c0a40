//! What the person may type: the command line, one file a command, wiring only.

pub mod practice;

use clap::{Parser, Subcommand};
use std::process::ExitCode;

/// Rehearse the hardest talk at work: coaching your own boss.
#[derive(Debug, Parser)]
#[command(
    name = "coachup",
    version,
    about,
    propagate_version = true,
    args_conflicts_with_subcommands = true,
    after_help = "Example: coachup practice late-feedback --boss dana --difficulty guarded"
)]
pub struct Cli {
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Practise a talk with a simulated boss (the default)
    Practice(practice::PracticeArgs),
}

/// How a command ended, where it did not fail.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Exit {
    /// All done.
    Done,
    /// Done in part: what failed has been reported.
    Failed,
    /// The person stopped it; what was said is stored.
    Interrupted,
}

impl From<Exit> for ExitCode {
    fn from(exit: Exit) -> ExitCode {
        match exit {
            Exit::Done => ExitCode::SUCCESS,
            Exit::Failed => ExitCode::from(1),
            Exit::Interrupted => ExitCode::from(130),
        }
    }
}
