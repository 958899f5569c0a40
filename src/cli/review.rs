//! `coachup review`: see a talk again, with what helped and what hurt.

use super::Exit;
use super::output::deliver;
use crate::review::{Report, json, markdown, terminal};
use crate::scenario::Library;
use crate::session::store::Store;
use clap::{Args, ValueEnum};
use std::io::Write;
use std::path::PathBuf;

/// What may follow `review`.
#[derive(Debug, Args)]
#[command(after_help = "Example: coachup review last --format markdown --output talk.md")]
pub struct ReviewArgs {
    /// A session's number, or `last`
    #[arg(value_name = "ID", default_value = "last")]
    session: String,
    /// How to show it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    /// Write to FILE, readable by you alone, instead of to the screen
    #[arg(long, short, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum Format {
    /// For reading on the screen
    #[default]
    Terminal,
    /// For notes
    Markdown,
    /// For programs
    Json,
}

/// Shows the review of one session. `width` is the screen's, in columns.
///
/// # Errors
/// No such session; a store or an output that fails.
pub fn run(
    args: &ReviewArgs,
    store: &Store,
    library: &Library,
    width: usize,
    out: &mut dyn Write,
) -> anyhow::Result<Exit> {
    let session = store.load(&args.session)?;
    let report = Report::of(&session, library);
    let text = match args.format {
        Format::Terminal => terminal::render(&report, width.min(terminal::COMFORTABLE)),
        Format::Markdown => markdown::render(&report),
        Format::Json => json::render(&report),
    };
    deliver(&text, args.output.as_deref(), out)?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::sample;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: ReviewArgs,
    }

    fn run_line(store: &Store, line: &[&str]) -> anyhow::Result<String> {
        let args = Line::try_parse_from(["review"].iter().chain(line)).unwrap().args;
        let mut out = Vec::new();
        run(&args, store, &Library::embedded(), 200, &mut out)?;
        Ok(String::from_utf8(out).unwrap())
    }

    #[test]
    fn the_newest_talk_is_shown_in_each_format() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path()).unwrap();
        assert!(run_line(&store, &[]).unwrap_err().to_string().contains("there are none yet"));
        store.insert(&sample::session()).unwrap();
        store.insert(&sample::finished()).unwrap();
        // Titles and names are the library's.
        assert!(run_line(&store, &[]).unwrap().contains("with Dana"));
        assert!(run_line(&store, &["1", "--format", "markdown"]).unwrap().starts_with("# Session 1: "));
        let report: serde_json::Value =
            serde_json::from_str(&run_line(&store, &["last", "--format", "json"]).unwrap()).unwrap();
        assert_eq!((&report["header"]["id"], &report["outcome"]), (&"2".into(), &"agreed".into()));
        let file = folder.path().join("review.txt");
        assert_eq!(run_line(&store, &["--output", file.to_str().unwrap()]).unwrap(), "");
        assert!(!std::fs::read_to_string(file).unwrap().contains('\u{1b}'));
    }
}
