//! `coachup prepare`: plan a talk on a guided sheet that is kept, graded, and at hand during practice.

use super::{Exit, programs, streams};
use crate::repl::editor::Prompt;
use crate::repl::interrupt::Interrupt;
use crate::repl::screen;
use crate::repl::script::Format;
use crate::repl::sheet::{self, Answers, Desk, Left, Lines};
use crate::review::{PlanReview, terminal};
use crate::scenario::{Library, Scenario};
use crate::scorer::Scorer;
use crate::session::plan::Plan;
use crate::settings::Settings;
use crate::text::columns::said;
use crate::text::utf8::utf8;
use crate::text::{json, shell};
use anyhow::Context;
use clap::Args;
use std::io::{IsTerminal, Write};
use std::path::Path;

/// Plan a talk: what it is about, their side, what helps you both, at most three options, your help, when.
#[derive(Debug, Args)]
#[command(
    after_help = "Example: coachup prepare late-feedback\n         coachup prepare late-feedback --show"
)]
pub struct PrepareArgs {
    /// The situation, from `coachup scenarios list`
    scenario: Option<String>,
    /// Open the whole sheet in your editor (`VISUAL`, `EDITOR`)
    #[arg(long)]
    edit: bool,
    /// Only show the plan and what it shows
    #[arg(long, conflicts_with = "edit")]
    show: bool,
    /// Remove the plan
    #[arg(long, conflicts_with_all = ["edit", "show"])]
    remove: bool,
    /// How to show it
    #[arg(long, value_enum, default_value_t, requires = "show")]
    format: Format,
}

/// Runs the command.
///
/// # Errors
/// An unknown scenario; a plan that can't be read or written; a terminal or an editor that fails.
pub fn run(
    args: &PrepareArgs,
    settings: &Settings,
    library: &Library,
    out: &mut dyn Write,
) -> anyhow::Result<Exit> {
    let name = args.scenario.as_ref().unwrap_or(&settings.scenario);
    // A plan can outlive its scenario.
    if args.remove && Path::new(name).components().count() == 1 {
        return remove(&settings.folders.plan(name), name, out);
    }
    let scenario = library.get::<Scenario>(name)?;
    let file = settings.folders.plan(&scenario.name);
    if args.show {
        return show(&Plan::load(&file)?, name, args.format, settings.plain, out);
    }
    if args.edit {
        let plan = Plan::load(&file)?;
        if !file.exists() {
            plan.save(&file)?;
        }
        programs::edit(&settings.programs, &file)?;
        return show(&Plan::load(&file)?, name, Format::Text, settings.plain, out);
    }
    out.write_all(screen::matter(scenario).as_bytes())?;
    let left = at_desk(settings, out, |desk| sheet::fill(&file, desk))?;
    let text = match left {
        Left::Done => {
            format!("Kept. `coachup practice {}` has it at hand: /plan shows it.", shell::word(name))
        }
        Left::Later | Left::Interrupted => {
            format!("Kept. `coachup prepare {}` goes on from here.", shell::word(name))
        }
    };
    out.write_all(screen::note(&text).as_bytes())?;
    Ok(if left == Left::Interrupted { Exit::Interrupted } else { Exit::Done })
}

/// Does `work` with questions and answers: at the terminal, or with the lines of standard input.
///
/// # Errors
/// Those of the work; the terminal failed.
pub(super) fn at_desk<T>(
    settings: &Settings,
    out: &mut dyn Write,
    work: impl FnOnce(&mut Desk) -> anyhow::Result<T>,
) -> anyhow::Result<T> {
    let on_terminal = std::io::stdin().is_terminal();
    let mut input = utf8(std::io::stdin().lock());
    let mut answers: Box<dyn Answers> =
        if on_terminal { Box::new(Prompt::new(None)?) } else { Box::new(Lines(&mut input)) };
    let edit = |file: &Path| programs::edit(&settings.programs, file);
    let interrupt = Interrupt::install();
    work(&mut Desk {
        answers: answers.as_mut(),
        out,
        edit: &edit,
        interrupt: &interrupt,
        plain: settings.plain,
    })
}

fn remove(file: &Path, name: &str, out: &mut dyn Write) -> anyhow::Result<Exit> {
    match std::fs::remove_file(file) {
        Ok(()) => writeln!(out, "Removed the plan for `{name}`.")?,
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            let none = format!("There is no plan for `{name}`, so nothing was removed.");
            writeln!(out, "{}", said(&none, streams::columns()))?;
            return Ok(Exit::Failed);
        }
        Err(error) => return Err(error).with_context(|| format!("can't remove `{}`", file.display())),
    }
    Ok(Exit::Done)
}

fn show(plan: &Plan, name: &str, format: Format, plain: bool, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let review = PlanReview::of(plan, &Scorer);
    let text = match format {
        Format::Json => {
            json::pretty(&serde_json::json!({ "scenario": name, "plan": plan, "review": review }))
        }
        Format::Text if plan.is_empty() => {
            format!("There is no plan for `{name}` yet: `coachup prepare {}` makes one.\n", shell::word(name))
        }
        Format::Text => terminal::plan(&review, plan.calm, screen::width(), plain),
    };
    out.write_all(text.as_bytes())?;
    Ok(Exit::Done)
}
