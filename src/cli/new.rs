//! `coachup new`: a talk of one's own, from an interview or a file of answers.

use super::prepare::at_desk;
use super::{Exit, practice, programs, streams};
use crate::repl::clock::{Clock, SystemClock, day_of};
use crate::repl::editor::{Input, Prompt};
use crate::repl::interview;
use crate::repl::screen;
use crate::repl::sheet::Left;
use crate::scenario::{Boss, Difficulty, Library, Scenario, own_file, write_own};
use crate::settings::Settings;
use crate::text::file::make_private_folder;
use crate::text::shell;
use anyhow::{Context, bail};
use clap::Args;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Your own talk: a few questions make a situation and a boss to practise with
#[derive(Debug, Default, Args)]
#[command(after_help = "Example: coachup new\n         coachup new late-rota --from answers.toml")]
pub struct NewArgs {
    /// What it is called: small letters, digits and hyphens; made of what it is about where there is none
    name: Option<String>,
    /// Take the answers from a file instead of asking
    #[arg(long, value_name = "FILE")]
    from: Option<PathBuf>,
}

/// The folder of the answers, under the person's own.
const TALKS: &str = "talks";
/// What is kept of an interview that has no name yet.
const UNNAMED: &str = ".unfinished";

/// Runs the command.
///
/// # Errors
/// A name that can't be one or that there is already; answers that are not right; a terminal or a disk that fails.
pub fn run(
    args: &NewArgs,
    settings: &Settings,
    library: &Library,
    out: &mut dyn Write,
) -> anyhow::Result<Exit> {
    let own = &settings.folders.config;
    if let Some(name) = &args.name {
        free(name, library)?;
    }
    let today = day_of(SystemClock::start().now());
    let answers = match &args.from {
        Some(file) => interview::read(file)?,
        None => {
            let draft = draft(own, args.name.as_deref().unwrap_or(UNNAMED))?;
            match at_desk(settings, out, |desk| interview::ask(&draft, library, today, desk))? {
                (Left::Done, answers) => {
                    std::fs::remove_file(&draft)
                        .with_context(|| format!("can't remove `{}`", draft.display()))?;
                    answers
                }
                (left, _) => {
                    let name = args.name.iter().map(|name| format!(" {name}")).collect::<String>();
                    out.write_all(
                        screen::note(&format!("Kept. `coachup new{name}` goes on from here.")).as_bytes(),
                    )?;
                    return Ok(if left == Left::Interrupted { Exit::Interrupted } else { Exit::Done });
                }
            }
        }
    };
    let name = match &args.name {
        Some(name) => name.clone(),
        None => fresh(&answers.short_name(), library),
    };
    let (scenario, boss) = (answers.scenario(&name), answers.boss());
    if let Some(difficulty) = &scenario.difficulty {
        library.get::<Difficulty>(difficulty)?;
    }
    write_own(own, &name, &boss)?;
    write_own(own, &name, &scenario)?;
    let difficulty = scenario.difficulty.as_ref().and_then(|name| library.get::<Difficulty>(name).ok());
    // What stands in for an answer that was skipped is nobody's own words.
    let outcome = if answers.outcome.trim().is_empty() { String::new() } else { scenario.outcome.clone() };
    let shown = Scenario { outcome, ..scenario.clone() };
    out.write_all(screen::card(&shown, &boss, difficulty.map(|one| one.title.as_str())).as_bytes())?;
    let text = format!(
        "`coachup practice {name}` begins the talk, `coachup edit {name}` opens what was made in your editor."
    );
    write!(out, "\n{}", screen::note(&text))?;
    if let Some(when) = scenario.when.filter(|&when| when < today) {
        let text = format!("{} is past: `coachup after {name}` tells how it went.", screen::day(when));
        out.write_all(screen::note(&text).as_bytes())?;
    }
    if args.from.is_none() && std::io::stdin().is_terminal() {
        let mut prompt = Prompt::new(None)?;
        let line = prompt.read("Enter begins it now, n leaves it for later: ", "")?;
        if matches!(line, Input::Line(line) if line.trim().is_empty()) {
            return practice::run(&practice::PracticeArgs::of(&name), settings, out);
        }
    }
    Ok(Exit::Done)
}

/// The file of answers that are not complete, under the person's own folder; the folder it lies in is made.
pub(super) fn draft(own: &Path, name: &str) -> anyhow::Result<PathBuf> {
    let talks = own.join(TALKS);
    make_private_folder(&talks).with_context(|| format!("can't make `{}`", talks.display()))?;
    Ok(talks.join(format!("{name}.toml")))
}

/// Refuses a name that something else has.
fn free(name: &str, library: &Library) -> anyhow::Result<()> {
    let taken = library.get::<Scenario>(name).is_ok() || library.get::<Boss>(name).is_ok();
    if taken {
        bail!(
            "`{name}` is there already; `coachup edit {name}` opens one of your own, another name makes a new one"
        );
    }
    Ok(())
}

/// `name`, or with the first number behind it that nothing else has.
fn fresh(name: &str, library: &Library) -> String {
    let numbered = (2..).map(|number| format!("{name}-{number}"));
    let mut all = std::iter::once(name.to_owned()).chain(numbered);
    all.find(|name| free(name, library).is_ok()).expect("numbers don't end")
}

/// Open a situation or a boss of your own in your editor, and check it after
#[derive(Debug, Args)]
#[command(after_help = "Example: coachup edit late-rota")]
pub struct EditArgs {
    /// Its name
    name: String,
}

/// Runs `coachup edit`.
///
/// # Errors
/// Nothing of the person's own has that name; an editor that fails.
pub fn edit(args: &EditArgs, settings: &Settings, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let own = &settings.folders.config;
    let files = [own_file::<Scenario>(own, &args.name), own_file::<Boss>(own, &args.name)];
    if !files.iter().any(|file| file.is_file()) {
        bail!(
            "no scenario or boss of your own is called `{}`; `coachup new {}` makes one",
            args.name,
            shell::word(&args.name)
        );
    }
    let mut exit = Exit::Done;
    for (at, file) in files.iter().enumerate().filter(|(_, file)| file.is_file()) {
        programs::edit(&settings.programs, file)?;
        let checked = match at {
            0 => super::shelf::check::<Scenario>(file, streams::columns(), out)?,
            _ => super::shelf::check::<Boss>(file, streams::columns(), out)?,
        };
        if checked != Exit::Done {
            exit = checked;
        }
    }
    Ok(exit)
}
