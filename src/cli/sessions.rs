//! `coachup sessions`: list, show, remove, export and import what was said.

use super::output::{Target, deliver};
use super::{Exit, streams};
use crate::review::{Report, Titles, outcome_words, terminal};
use crate::scenario::{Library, Scenario};
use crate::session::anonymous::{self, anonymous};
use crate::session::store::{Store, Summary};
use crate::session::{Session, file, kept, transcript};
use crate::settings::Settings;
use crate::text::columns::said;
use crate::text::{count, json, one_line};
use anyhow::{Context, bail};
use clap::{Args, Subcommand, ValueEnum};
use comfy_table::{ContentArrangement, Table, presets};
use std::io::Write;
use std::path::{Path, PathBuf};

/// What may follow `sessions`.
#[derive(Debug, Args)]
#[command(after_help = "Example: coachup sessions export 3 --anonymous --format markdown --output talk.md")]
pub struct SessionsArgs {
    #[command(subcommand)]
    command: Option<SessionsCommand>,
}

#[derive(Debug, Subcommand)]
enum SessionsCommand {
    /// List all sessions, newest first (the default)
    #[command(after_help = "Example: coachup sessions list --format json")]
    List {
        /// How to list them
        #[arg(long, value_enum, default_value_t)]
        format: ListFormat,
    },
    /// Show what was said; `coachup review` judges it
    #[command(after_help = "Example: coachup sessions show 3")]
    Show {
        /// A session's number, or `last`
        #[arg(value_name = "ID", default_value = "last")]
        session: String,
    },
    /// Remove sessions for good
    #[command(after_help = "Example: coachup sessions rm 3 4")]
    Rm {
        /// Numbers of sessions, or `last`
        #[arg(value_name = "ID", required_unless_present = "all", conflicts_with = "all")]
        sessions: Vec<String>,
        /// Remove every session
        #[arg(long)]
        all: bool,
        /// Don't ask
        #[arg(long, short)]
        yes: bool,
    },
    /// Write a session to a file or to the screen
    #[command(after_help = "Example: coachup sessions export last --output talk.json")]
    Export {
        /// A session's number, or `last`
        #[arg(value_name = "ID", default_value = "last")]
        session: String,
        /// JSON can be imported again; Markdown is for reading
        #[arg(long, value_enum, default_value_t)]
        format: ExportFormat,
        #[command(flatten)]
        target: Target,
        /// Put roles for the boss's name and yours
        #[arg(long)]
        anonymous: bool,
        /// Another name to hide, with --anonymous; can be given several times
        #[arg(long, value_name = "NAME", requires = "anonymous")]
        hide: Vec<String>,
    },
    /// Take in a session that was exported as JSON, under a new number; one that is here is left as it is
    #[command(after_help = "Example: coachup sessions import talk.json")]
    Import {
        /// The file, or `-` for standard input
        #[arg(value_name = "FILE")]
        file: PathBuf,
        /// Take it in once more where it is here already
        #[arg(long)]
        copy: bool,
    },
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum ListFormat {
    /// For reading on the screen
    #[default]
    Table,
    /// For programs
    Json,
}

#[derive(Clone, Copy, Debug, Default, ValueEnum)]
enum ExportFormat {
    /// The whole session, exactly
    #[default]
    Json,
    /// What was said
    Markdown,
}

/// What the command needs to know of its surroundings.
pub struct Surroundings<'a> {
    /// Titles of scenarios and names of bosses.
    pub library: &'a Library,
    /// What the boss calls the person, and how they like it.
    pub settings: &'a Settings,
    /// The screen's width, in columns.
    pub width: usize,
    /// Asks a yes/no question; none where there is no terminal to ask on.
    pub confirm: &'a mut dyn FnMut(&str) -> std::io::Result<Option<bool>>,
}

/// Runs one of the subcommands.
///
/// # Errors
/// No such session; a store, a file or an output that fails; removal that nobody confirmed.
pub fn run(
    args: &SessionsArgs,
    store: &mut Store,
    around: Surroundings<'_>,
    out: &mut dyn Write,
) -> anyhow::Result<Exit> {
    match &args.command {
        None => list(store, ListFormat::Table, around.width, out),
        Some(SessionsCommand::List { format }) => list(store, *format, around.width, out),
        Some(SessionsCommand::Show { session }) => {
            let session = store.load(session)?;
            let report = Report::of(&session, around.library);
            let text = terminal::transcript(&report, around.width.min(terminal::COMFORTABLE));
            deliver(&text, &Target::default(), true, around.settings, out)
        }
        Some(SessionsCommand::Rm { all: true, yes, .. }) => return remove_all(store, *yes, around, out),
        Some(SessionsCommand::Rm { sessions, yes, .. }) => {
            return remove(store, sessions, *yes, around, out);
        }
        Some(SessionsCommand::Export { session, format, target, anonymous: hidden, hide }) => {
            let mut session = store.load(session)?;
            let mut boss = Titles::from(around.library, &session.header).boss.to_owned();
            if *hidden {
                let scenario = around.library.get::<Scenario>(&session.header.scenario).ok();
                let you = scenario.and_then(|scenario| scenario.you.as_ref());
                let you = you.unwrap_or(&around.settings.name);
                session = without_names(&session, &boss, you, hide);
                boss = anonymous::BOSS.to_owned();
            }
            let text = match format {
                ExportFormat::Json => file::to_json(&session),
                ExportFormat::Markdown => transcript::to_markdown(&session, &boss),
            };
            deliver(&text, target, false, around.settings, out)
        }
        Some(SessionsCommand::Import { file, copy }) => import(store, file, *copy, out),
    }?;
    Ok(Exit::Done)
}

fn list(store: &Store, format: ListFormat, width: usize, out: &mut dyn Write) -> anyhow::Result<()> {
    let sessions = store.list()?;
    let text = match format {
        ListFormat::Json => json::pretty(&sessions),
        ListFormat::Table if sessions.is_empty() => {
            "No sessions yet: `coachup practice` starts one.\n".to_owned()
        }
        ListFormat::Table => table(&sessions, width),
    };
    Ok(out.write_all(text.as_bytes())?)
}

fn table(sessions: &[Summary], width: usize) -> String {
    let mut table = Table::new();
    table.load_style(presets::NOTHING).set_content_arrangement(ContentArrangement::Dynamic);
    table.set_width(u16::try_from(width).unwrap_or(u16::MAX));
    table.set_header(["id", "started (UTC)", "scenario", "boss", "difficulty", "turns", "outcome"]);
    for Summary { header, turns, outcome, real } in sessions {
        let outcome = outcome.map_or("not finished", |outcome| outcome_words(outcome, true));
        table.add_row([
            header.id.clone(),
            header.started.strftime("%Y-%m-%d %H:%M").to_string(),
            one_line(&header.scenario),
            one_line(&header.boss),
            if *real { "the real talk".to_owned() } else { one_line(&header.difficulty) },
            turns.to_string(),
            outcome.to_owned(),
        ]);
    }
    table.trim_fmt() + "\n"
}

fn remove(
    store: &mut Store,
    wanted: &[String],
    yes: bool,
    around: Surroundings<'_>,
    out: &mut dyn Write,
) -> anyhow::Result<Exit> {
    // All names are looked up before the first session goes.
    let mut ids = wanted.iter().map(|id| store.resolve(id)).collect::<Result<Vec<_>, _>>()?;
    ids.sort_by_key(|id| (id.len(), id.clone()));
    ids.dedup();
    let what = match ids.as_slice() {
        [id] => format!("session {id}"),
        ids => format!("sessions {}", ids.join(", ")),
    };
    if !yes && !confirmed(&format!("Remove {what} for good?"), around)? {
        writeln!(out, "Nothing was removed.")?;
        return Ok(Exit::Failed);
    }
    store.remove(&ids)?;
    writeln!(out, "Removed {what}.")?;
    Ok(Exit::Done)
}

fn remove_all(
    store: &mut Store,
    yes: bool,
    around: Surroundings<'_>,
    out: &mut dyn Write,
) -> anyhow::Result<Exit> {
    let question = format!("Remove all you said, {}, for good?", count(store.list()?.len(), "session"));
    let settings = around.settings;
    if !yes && !confirmed(&question, around)? {
        writeln!(out, "Nothing was removed.")?;
        return Ok(Exit::Failed);
    }
    writeln!(out, "Removed {}.", count(store.remove_all()?, "session"))?;
    let plans = settings.folders.data.join(kept::PLANS);
    if kept::files(&plans, Path::new(""))?.iter().any(|plan| plan.extension().is_some()) {
        let kept = "Your plans are kept: `coachup prepare SCENARIO --remove` removes one.";
        writeln!(out, "{}", said(kept, streams::columns()))?;
    }
    Ok(Exit::Done)
}

fn confirmed(question: &str, around: Surroundings<'_>) -> anyhow::Result<bool> {
    match (around.confirm)(question)? {
        Some(answer) => Ok(answer),
        None => bail!("removing needs a yes, and there is no terminal to ask on; add `--yes`"),
    }
}

fn without_names(session: &Session, boss: &str, person: &str, others: &[String]) -> Session {
    let boss_file = session.header.boss.clone();
    let mut names =
        vec![(boss, anonymous::BOSS), (boss_file.as_str(), anonymous::BOSS), (person, anonymous::PERSON)];
    names.extend(others.iter().map(|name| (name.as_str(), anonymous::OTHER)));
    anonymous(session, &names)
}

fn import(store: &mut Store, path: &Path, copy: bool, out: &mut dyn Write) -> anyhow::Result<()> {
    let name = path.display();
    let read = match path.as_os_str() == "-" {
        true => file::read(std::io::stdin().lock()),
        false => file::read(std::fs::File::open(path).with_context(|| format!("can't open `{name}`"))?),
    };
    let session = read.with_context(|| format!("can't take in `{name}`"))?;
    if !copy && let Some(id) = store.same_as(&session)? {
        let remarks = store.remark(&id, &session.remarks)?;
        let here = match remarks {
            0 => format!("It is here already, as session {id}; `--copy` takes it in once more."),
            new => format!("It is here already, as session {id}; {} came with it.", count(new, "new remark")),
        };
        writeln!(out, "{}", said(&here, streams::columns()))?;
        return Ok(());
    }
    let id = store.insert(&session)?;
    let done = format!("Imported as session {id}; `coachup review {id}` shows it.");
    writeln!(out, "{}", said(&done, streams::columns()))?;
    Ok(())
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
        args: SessionsArgs,
    }

    /// Runs a command line on a store; what it wrote, or its error, and how it ended.
    fn run_line(store: &mut Store, line: &[&str], answer: Option<bool>) -> (String, Option<Exit>) {
        let args = Line::try_parse_from(["sessions"].iter().chain(line)).unwrap().args;
        let library = Library::embedded();
        let mut confirm = |_: &str| Ok(answer);
        let environment = Environment::from([("COACHUP_HOME".into(), "/nowhere".into())]);
        let settings = Settings::from(&environment).unwrap();
        let around =
            Surroundings { library: &library, settings: &settings, width: 80, confirm: &mut confirm };
        let mut out = Vec::new();
        match run(&args, store, around, &mut out) {
            Ok(exit) => (String::from_utf8(out).unwrap(), Some(exit)),
            Err(error) => (format!("{error:#}"), None),
        }
    }

    fn store_of(sessions: &[Session]) -> (tempfile::TempDir, Store) {
        let folder = tempfile::tempdir().unwrap();
        let mut store = Store::open(folder.path()).unwrap();
        sessions.iter().for_each(|session| assert!(store.insert(session).is_ok()));
        (folder, store)
    }

    #[test]
    fn the_list_is_a_table_that_fits_or_json() {
        let (_folder, mut store) = store_of(&[sample::session(), sample::finished()]);
        let (table, _) = run_line(&mut store, &[], None);
        let rows: Vec<Vec<&str>> = table.lines().map(|line| line.split_whitespace().collect()).collect();
        assert_eq!(rows[1], ["2", "2026-01-02", "03:04", "late-feedback", "dana", "guarded", "3", "agreed"]);
        assert!(rows[2].ends_with(&["3", "not", "finished"]), "{table}");
        assert!(table.lines().all(|line| line.len() <= 80 && line == line.trim_end()), "{table}");
        let (list, _) = run_line(&mut store, &["list", "--format", "json"], None);
        let list: serde_json::Value = serde_json::from_str(&list).unwrap();
        assert_eq!((&list[0]["id"], &list[0]["turns"]), (&"2".into(), &3.into()));
        assert_eq!((&list[0]["outcome"], &list[1]["outcome"]), (&"agreed".into(), &serde_json::Value::Null));
    }

    #[test]
    fn an_exported_session_is_imported_under_a_new_number() {
        let (folder, mut store) = store_of(&[sample::finished()]);
        let file = folder.path().join("talk.json");
        let file = file.to_str().unwrap();
        run_line(&mut store, &["export", "1", "--output", file], None);
        let mut first = store.load("1").unwrap();
        store.remove(&["1".to_owned()]).unwrap();
        let (said, _) = run_line(&mut store, &["import", file], None);
        assert!(said.starts_with("Imported as session 2"), "{said}");
        first.header.id = "2".into();
        assert_eq!(first, store.load("2").unwrap());
        let (said, exit) = run_line(&mut store, &["import", file], None);
        assert!(said.contains("already, as session 2") && exit == Some(Exit::Done), "{said}");
        assert_eq!(store.list().unwrap().len(), 1);
        let (said, _) = run_line(&mut store, &["import", file, "--copy"], None);
        assert!(said.starts_with("Imported as session 3"), "{said}");
        std::fs::write(file, "{}").unwrap();
        let (error, exit) = run_line(&mut store, &["import", file], None);
        assert!(exit.is_none() && error.contains("can't take in") && error.contains("`format`"), "{error}");
        let (error, _) = run_line(&mut store, &["import", "/no/such/file"], None);
        assert!(error.contains("can't open `/no/such/file`"), "{error}");
    }

    #[test]
    fn an_anonymous_export_names_no_one() {
        let (_folder, mut store) = store_of(&[sample::finished()]);
        for format in ["json", "markdown"] {
            let line = ["export", "--anonymous", "--hide", "launch", "--format", format];
            let (text, _) = run_line(&mut store, &line, None);
            let lower = text.to_lowercase();
            assert!(!["dana", "sam", "launch"].iter().any(|name| lower.contains(name)), "{text}");
            assert!(text.contains("employee"), "{text}");
        }
    }

    #[test]
    fn removing_asks_unless_told_not_to() {
        let (_folder, mut store) = store_of(&[sample::session(), sample::session(), sample::session()]);
        let (error, exit) = run_line(&mut store, &["rm", "1"], None);
        assert!(exit.is_none() && error.contains("--yes"), "{error}");
        assert_eq!(run_line(&mut store, &["rm", "1"], Some(false)).1, Some(Exit::Failed));
        let (error, _) = run_line(&mut store, &["rm", "1", "9", "--yes"], None);
        assert!(error.contains("no session is called `9`"), "{error}");
        assert_eq!(store.list().unwrap().len(), 3);
        assert_eq!(run_line(&mut store, &["rm", "1", "1"], Some(true)).0, "Removed session 1.\n");
        assert_eq!(run_line(&mut store, &["rm", "--all", "--yes"], None).0, "Removed 2 sessions.\n");
        assert!(run_line(&mut store, &["list"], None).0.contains("No sessions yet"));
    }

    #[test]
    fn show_says_what_was_said() {
        let (_folder, mut store) = store_of(&[sample::finished()]);
        let (text, exit) = run_line(&mut store, &["show"], None);
        assert!(exit == Some(Exit::Done) && text.contains("What stands in the way?"), "{text}");
    }
}
