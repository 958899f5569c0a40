//! `coachup man`: the manual's pages, from the same definitions as the command line.

use super::{Cli, Exit};
use anyhow::Context;
use clap::CommandFactory;
use std::io::Write;
use std::path::PathBuf;

/// Write the manual's pages: one for the program, one for each command.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example: coachup man ~/.local/share/man/man1")]
pub struct ManArgs {
    /// The folder; it is made where it is not there
    folder: PathBuf,
}

/// Writes the pages into the folder, and says to `out` how many there are.
///
/// # Errors
/// The folder can't be written.
pub fn run(args: &ManArgs, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let shown = args.folder.display();
    let cannot = || format!("can't write into `{shown}`");
    std::fs::create_dir_all(&args.folder).with_context(cannot)?;
    let command = Cli::command().disable_help_subcommand(true);
    clap_mangen::generate_to(command, &args.folder).with_context(cannot)?;
    writeln!(out, "wrote the pages into `{shown}`; `man -l {shown}/coachup.1` shows the first")?;
    Ok(Exit::Done)
}
