//! `coachup report`: a facilitator's report over the sessions that a group has exported.

use super::Exit;
use super::output::{Target, deliver};
use crate::review::group::{Entry, Group};
use crate::review::group_views;
use crate::scenario::Library;
use crate::session::file;
use crate::settings::Settings;
use crate::text::file::open_plain;
use crate::text::json;
use anyhow::{Context, bail};
use clap::{Args, ValueEnum};
use std::io::Write;
use std::path::{Path, PathBuf};

/// Report on a group: which skills it lacks, from sessions that its people have exported
///
/// Takes files that `coachup sessions export --anonymous` wrote, or folders of them. A folder within a folder
/// is one person's; without such folders each talk counts as another person's. No word of what anyone said is
/// shown. A file that can't be read is named on stderr, the others are reported, and the exit code is 1.
#[derive(Debug, Args)]
#[command(after_help = "Example: coachup report course/ --format markdown --output report.md")]
pub struct ReportArgs {
    /// Exported sessions, or folders of them
    #[arg(value_name = "FILE", required = true)]
    files: Vec<PathBuf>,
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
    /// For a page
    Markdown,
    /// For programs
    Json,
}

/// Writes the report; `width` is the screen's, in columns.
///
/// # Errors
/// A folder that can't be read, no session at all, an output that fails.
pub fn run(
    args: &ReportArgs,
    settings: &Settings,
    library: &Library,
    width: usize,
    out: &mut dyn Write,
) -> anyhow::Result<Exit> {
    let mut found = Vec::new();
    for path in &args.files {
        if path.is_dir() {
            in_folder(path, None, &mut found)?;
        } else {
            found.push((path.clone(), None));
        }
    }
    let mut entries = Vec::new();
    let mut exit = Exit::Done;
    for (path, person) in found {
        match read(&path) {
            Ok(session) => {
                let person = person.unwrap_or_else(|| path.display().to_string());
                entries.push(Entry { person, session });
            }
            Err(error) => {
                super::streams::say(&format!("left out: {error:#}"));
                exit = Exit::Failed;
            }
        }
    }
    if entries.is_empty() {
        bail!(
            "no exported session was found; `coachup sessions export --anonymous --output FILE` writes one"
        );
    }
    let group = Group::of(&entries, library);
    let text = match args.format {
        Format::Terminal => group_views::terminal(&group, width),
        Format::Markdown => group_views::markdown(&group),
        Format::Json => json::pretty(&group),
    };
    deliver(&text, &args.target, args.format == Format::Terminal, settings, out)?;
    Ok(exit)
}

fn read(path: &Path) -> anyhow::Result<crate::session::Session> {
    let shown = || format!("`{}`", path.display());
    let file = open_plain(path).with_context(shown)?;
    file::read(file).with_context(shown)
}

/// The JSON files of a folder and of its folders, in the order of their names, with whose they are.
fn in_folder(
    folder: &Path,
    person: Option<&str>,
    found: &mut Vec<(PathBuf, Option<String>)>,
) -> anyhow::Result<()> {
    let unreadable = || format!("can't read the folder `{}`", folder.display());
    let mut paths = std::fs::read_dir(folder)
        .and_then(|entries| entries.map(|entry| Ok(entry?.path())).collect::<std::io::Result<Vec<_>>>())
        .with_context(unreadable)?;
    paths.sort();
    for path in paths {
        if path.is_dir() && !path.is_symlink() {
            let own = path.display().to_string();
            in_folder(&path, Some(person.unwrap_or(&own)), found)?;
        } else if path.extension().is_some_and(|extension| extension == "json") {
            found.push((path, person.map(str::to_owned)));
        }
    }
    Ok(())
}
