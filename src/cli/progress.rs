//! `coachup progress`: what got better over all sessions, what was reached, what to practise next.

use super::Exit;
use super::output::{Target, deliver};
use crate::review::{Progress, Talks, progress_views};
use crate::scenario::Library;
use crate::session::Header;
use crate::session::store::{Store, StoreError};
use crate::settings::Settings;
use crate::text::json;
use clap::{Args, ValueEnum};
use std::io::Write;

/// See what got better over all sessions, and what to practise next.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: coachup progress\n         coachup progress --format html --output progress.html"
)]
pub struct ProgressArgs {
    /// How to show it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    target: Target,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For reading on the screen
    #[default]
    Terminal,
    /// One self-contained page with plots
    Html,
    /// For programs
    Json,
}

/// Progress over the sessions that are `wanted`.
///
/// # Errors
/// A store that fails.
pub(super) fn of(
    store: &Store,
    library: &Library,
    wanted: impl Fn(&Header) -> bool,
) -> Result<Progress, StoreError> {
    let mut talks = Talks::default();
    // The list is newest first.
    for summary in store.list()?.iter().rev().filter(|summary| wanted(&summary.header)) {
        talks.add(store.load(&summary.header.id)?);
    }
    Ok(talks.progress(library))
}

/// Shows progress; `width` is the screen's, in columns.
///
/// # Errors
/// A store or an output that fails.
pub fn run(
    args: &ProgressArgs,
    settings: &Settings,
    library: &Library,
    width: usize,
    out: &mut dyn Write,
) -> anyhow::Result<Exit> {
    let store = Store::open(&settings.folders.data)?;
    let progress = of(&store, library, |_| true)?;
    let text = match args.format {
        Format::Terminal => progress_views::terminal(&progress, width, !settings.plain),
        Format::Html => progress_views::html(&progress),
        Format::Json => json::pretty(&progress),
    };
    deliver(&text, &args.target, args.format == Format::Terminal, settings, out)?;
    Ok(Exit::Done)
}
