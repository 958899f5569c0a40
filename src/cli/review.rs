//! `coachup review`: see a talk again, with what helped and what hurt, alone or beside another.

use super::output::{Target, deliver};
use super::{Exit, programs};
use crate::review::{
    Comparison, Report, Titles, compare_markdown, html, json, markdown, side_by_side, terminal,
};
use crate::scenario::Library;
use crate::session::Session;
use crate::session::kept;
use crate::session::store::Store;
use crate::settings::Settings;
use crate::text::file::make_private_folder;
use anyhow::bail;
use clap::{Args, ValueEnum};
use std::io::Write;

/// What may follow `review`.
#[derive(Debug, Args)]
#[command(after_help = "Example: coachup review last --format html --output talk.html\n         \
                        coachup review 3 --compare 3:4")]
pub struct ReviewArgs {
    /// A session's number, or `last`; `3:5` is session 3 as it stood after exchange 5
    #[arg(value_name = "ID", default_value = "last")]
    session: String,
    /// Put another talk beside it: a session, or a branch such as `3:5`; without ID the session's newest
    /// other branch
    #[arg(long, value_name = "ID", num_args = 0..=1, default_missing_value = "")]
    compare: Option<String>,
    /// How to show it
    #[arg(long, value_enum, default_value_t)]
    format: Format,
    #[command(flatten)]
    target: Target,
    /// Open the page in a browser
    #[arg(long)]
    open: bool,
}

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, ValueEnum)]
enum Format {
    /// For reading on the screen
    #[default]
    Terminal,
    /// For notes
    Markdown,
    /// One self-contained page for any browser
    Html,
    /// For programs
    Json,
}

/// Shows the review of one session, or two talks side by side. `width` is the screen's, in columns.
///
/// # Errors
/// No such session or branch; a store or an output that fails.
pub fn run(
    args: &ReviewArgs,
    settings: &Settings,
    store: &Store,
    library: &Library,
    width: usize,
    out: &mut dyn Write,
) -> anyhow::Result<Exit> {
    let session = store.load(&args.session)?;
    let width = width.min(terminal::COMFORTABLE);
    // A browser shows pages.
    let format = if args.open { Format::Html } else { args.format };
    let text = match &args.compare {
        None => {
            let report = Report::of(&session, library);
            match format {
                Format::Terminal => terminal::render(&report, width, settings.plain),
                Format::Markdown => markdown::render(&report),
                Format::Html => html::render(&report, &report.others(&session)),
                Format::Json => json::render(&report),
            }
        }
        Some(other) => {
            // A comparison shows no better wording, so none is looked for.
            let report = Report::of_talk(&session, session.head, Titles::from(library, &session.header));
            let other = other_talk(other, &session, &report, store, library)?;
            let compared = Comparison::of(report, other);
            match format {
                Format::Terminal => side_by_side::render(&compared, width, !settings.plain),
                Format::Markdown => compare_markdown::render(&compared),
                Format::Html => html::compare(&compared),
                Format::Json => crate::text::json::pretty(&compared),
            }
        }
    };
    if args.open {
        return open(&text, &args.target, settings, out);
    }
    deliver(&text, &args.target, format == Format::Terminal, settings, out)?;
    Ok(Exit::Done)
}

/// The talk to compare with: the one that was named, or the session's newest other branch.
fn other_talk(
    named: &str,
    session: &Session,
    report: &Report,
    store: &Store,
    library: &Library,
) -> anyhow::Result<Report> {
    if !named.is_empty() {
        return Ok(report.beside(session, &store.load(named)?, library));
    }
    match report.others(session).pop() {
        Some(other) => Ok(other),
        None => bail!(
            "session {} has no other branch: name another session to compare with, or say a turn differently with \
             `/retry`",
            session.header.id
        ),
    }
}

/// Writes the page to a file and opens it.
fn open(text: &str, target: &Target, settings: &Settings, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let file = match target.file() {
        Some(file) => {
            deliver(text, target, false, settings, out)?;
            std::path::absolute(file)?
        }
        // Kept with the sessions, as private as they are, and written over the next time.
        None => {
            make_private_folder(&settings.folders.data)?;
            let file = settings.folders.data.join(kept::PAGE);
            let target = Target { output: Some(file.clone()), force: true };
            deliver(text, &target, false, settings, out)?;
            file
        }
    };
    writeln!(out, "{}", file.display())?;
    programs::open(&settings.programs, &file)?;
    Ok(Exit::Done)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::sample;
    use crate::settings::Environment;
    use clap::Parser;

    #[derive(Parser)]
    struct Line {
        #[command(flatten)]
        args: ReviewArgs,
    }

    fn run_line(store: &Store, line: &[&str]) -> anyhow::Result<String> {
        let args = Line::try_parse_from(["review"].iter().chain(line)).unwrap().args;
        let home = store.path().parent().unwrap().into();
        let environment =
            Environment::from([("COACHUP_HOME".into(), home), ("BROWSER".into(), "test -s".into())]);
        let mut out = Vec::new();
        run(&args, &Settings::from(&environment)?, store, &Library::embedded(), 200, &mut out)?;
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
        assert!(run_line(&store, &["1", "--format", "html"]).unwrap().starts_with("<!doctype html>"));
        let report: serde_json::Value =
            serde_json::from_str(&run_line(&store, &["last", "--format", "json"]).unwrap()).unwrap();
        assert_eq!((&report["header"]["id"], &report["outcome"]), (&"2".into(), &"agreed".into()));
        let file = folder.path().join("review.txt");
        assert_eq!(run_line(&store, &["--output", file.to_str().unwrap()]).unwrap(), "");
        assert!(!std::fs::read_to_string(file).unwrap().contains('\u{1b}'));
    }

    #[test]
    fn two_talks_are_compared_in_each_format() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path()).unwrap();
        store.insert(&sample::session()).unwrap();
        for (line, words) in [
            (vec!["--compare"], "1:4 against B 1:2"),
            (vec!["1:4", "--compare", "1:2", "--format", "markdown"], "# A 1:4 against B 1:2"),
            (vec!["1:2", "--compare", "1", "--format", "html"], "<h1>A 1:2 against B 1:4"),
            (vec!["--compare", "1:1", "--format", "json"], "\"coachup-comparison\""),
        ] {
            let text = run_line(&store, &line).unwrap();
            assert!(text.contains(words), "{line:?}: {text}");
        }
        assert!(run_line(&store, &["--compare", "1:9"]).unwrap_err().to_string().contains("no exchange `9`"));
        let mut single = sample::session();
        single.exchanges.truncate(1);
        single.head = Some(1);
        store.insert(&single).unwrap();
        assert!(run_line(&store, &["--compare"]).unwrap_err().to_string().contains("has no other branch"));
    }

    #[cfg(unix)]
    #[test]
    fn the_page_is_opened_in_the_persons_browser() {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path()).unwrap();
        store.insert(&sample::session()).unwrap();
        let said = run_line(&store, &["--open"]).unwrap();
        assert!(std::fs::read_to_string(said.trim()).unwrap().starts_with("<!doctype html>"));
    }
}
