//! `coachup completions`: what a shell needs to complete this command line.

use super::{Cli, Exit};
use clap::CommandFactory;
use clap_complete::Shell;
use std::io::Write;

/// Completions for a shell.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example: coachup completions bash > ~/.local/share/bash-completion/completions/coachup"
)]
pub struct CompletionsArgs {
    /// The shell
    #[arg(value_enum)]
    shell: Shell,
}

/// Writes the completions to `out`.
///
/// # Errors
/// `out` can't be written.
pub fn run(args: CompletionsArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "coachup", &mut script);
    out.write_all(&script)?;
    Ok(Exit::Done)
}
