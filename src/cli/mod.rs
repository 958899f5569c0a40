//! What the person may type: the command line, one file a command, wiring only.

mod after;
pub mod bars;
pub mod bosses;
mod bundle;
mod comment;
pub mod completions;
mod confirm;
pub mod difficulties;
pub mod doctor;
mod engine;
pub mod eval;
pub mod eval_boss;
pub mod library;
pub mod man;
pub mod models;
mod new;
mod output;
pub mod practice;
pub mod prepare;
mod privacy;
mod programs;
pub mod progress;
pub mod report;
pub mod review;
pub mod scenarios;
pub mod score;
pub mod sessions;
mod shelf;
mod speech;
mod streams;
pub mod train;

use crate::model::acquire::AcquireError;
use crate::model::catalogue::CatalogueError;
use crate::repl::screen;
use crate::scenario::{Library, LibraryError};
use crate::scorer::wording;
use crate::session::store::Store;
use crate::settings::Settings;
use clap::{Parser, Subcommand};
use std::io::Write;
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
    /// Words only: no drawing, no redrawing, no pager; for screen readers and simple terminals
    #[arg(long, global = true)]
    plain: bool,
    #[command(flatten)]
    practice: practice::PracticeArgs,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Practise a talk with a simulated boss (the default)
    #[command(alias = "practise")]
    Practice(practice::PracticeArgs),
    /// Your own talk: a few questions make a situation and a boss to practise with
    New(new::NewArgs),
    /// Open a situation or a boss of your own in your editor, and check it after
    Edit(new::EditArgs),
    /// What came of the real talk: a few questions, kept with your rehearsals
    After(after::AfterArgs),
    /// A coach's remark on a turn of a session
    Comment(comment::CommentArgs),
    /// Plan a talk: a short guided sheet, kept and graded
    Prepare(prepare::PrepareArgs),
    /// Look back at a session: your words, the verdicts, why the boss moved, the grade
    Review(review::ReviewArgs),
    /// See what got better over all sessions, and what to practise next
    Progress(progress::ProgressArgs),
    /// Grade turns from a file or stdin
    Score(score::ScoreArgs),
    /// List, show, remove, export and import sessions
    Sessions(sessions::SessionsArgs),
    /// Show, make and check scenarios
    Scenarios(scenarios::ScenariosArgs),
    /// Show, make and check bosses
    Bosses(bosses::BossesArgs),
    /// Show, make and check difficulty presets
    Difficulties(difficulties::DifficultiesArgs),
    /// Check a folder of bosses, scenarios and wording that a team shares
    Library(library::LibraryArgs),
    /// Report on a group: which skills it lacks, from sessions that its people have exported
    Report(report::ReportArgs),
    /// Show, fetch, check and remove models
    Models(models::ModelsArgs),
    /// What works here, what does not, and what to do about it
    Doctor(doctor::DoctorArgs),
    /// Measure the scorer against labelled turns
    #[command(hide = true)]
    Eval(eval::EvalArgs),
    /// Try the boss: fixed scripts at every difficulty, and what the talks show
    #[command(hide = true)]
    EvalBoss(eval_boss::EvalBossArgs),
    /// Train the parts of the program that learn
    #[command(hide = true)]
    Train(train::TrainArgs),
    /// Completions for a shell
    Completions(completions::CompletionsArgs),
    /// Write the manual's pages
    Man(man::ManArgs),
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

impl Cli {
    /// Reads the command line and runs the command; the one place that prints errors and picks the exit code.
    pub fn run() -> ExitCode {
        streams::make_files_private();
        let cli = match Cli::try_parse() {
            Ok(cli) => cli,
            Err(wrong) => return misread(&wrong),
        };
        match cli.carry_out() {
            Ok(exit) => exit.into(),
            Err(error) if is_closed_pipe(&error) => ExitCode::SUCCESS,
            Err(error) => {
                streams::say(&format!("error: {}", in_words(&error)));
                if is_wrong_usage(&error) { ExitCode::from(WRONG_USAGE) } else { ExitCode::FAILURE }
            }
        }
    }

    fn carry_out(self) -> anyhow::Result<Exit> {
        let mut out = streams::stdout();
        let command = self.command.unwrap_or(Command::Practice(self.practice));
        if let Command::Completions(args) = command {
            return completions::run(args, &mut out);
        }
        if let Command::Man(args) = command {
            return man::run(&args, &mut out);
        }
        if let Command::Score(args) = command {
            let mut err = streams::stderr();
            let code = score::run(&args, &mut std::io::stdin().lock(), &mut out, &mut err)?;
            return Ok(if code == 0 { Exit::Done } else { Exit::Failed });
        }
        if let Command::Eval(args) = command {
            return eval::run(&args, &mut out).map(|()| Exit::Done);
        }
        if let Command::Train(args) = command {
            let settings = Settings::load()?;
            let base = |name: &str| models::training_base(&settings, name);
            let python = settings.python.as_deref().unwrap_or("python3");
            return train::run(&args, base, python, &mut out).map(|()| Exit::Done);
        }
        if let Command::Doctor(args) = command {
            let (mut settings, wrong) = Settings::load_anyway()?;
            settings.plain |= self.plain;
            return doctor::run(&args, &settings, wrong.as_ref(), streams::columns(), &mut out);
        }
        let mut settings = Settings::load()?;
        settings.plain |= self.plain;
        let folder = settings.folders.config.clone();
        let library = || library(&settings);
        match command {
            Command::Practice(args) => practice::run(&args, &settings, &mut out),
            Command::New(args) => new::run(&args, &settings, &library()?, &mut out),
            Command::After(args) => after::run(&args, &settings, &library()?, &mut out),
            Command::Comment(args) => comment::run(&args, &settings, &mut out),
            Command::Edit(args) => new::edit(&args, &settings, &mut out),
            Command::Prepare(args) => prepare::run(&args, &settings, &library()?, &mut out),
            Command::Scenarios(args) => scenarios::run(&args, library, &folder, streams::columns(), &mut out),
            Command::Bosses(args) => bosses::run(&args, library, &folder, streams::columns(), &mut out),
            Command::Difficulties(args) => {
                difficulties::run(&args, library, &folder, streams::columns(), &mut out)
            }
            Command::Models(args) => models::run(&args, &settings, &mut out),
            Command::EvalBoss(args) => eval_boss::run(&args, &settings, &library()?, &mut out),
            Command::Library(args) => library::run(&args, &settings, &mut out),
            Command::Report(args) => report::run(&args, &settings, &library()?, screen::width(), &mut out),
            Command::Review(args) => {
                let store = Store::open(&settings.folders.data)?;
                review::run(&args, &settings, &store, &library()?, screen::width(), &mut out)
            }
            Command::Progress(args) => {
                progress::run(&args, &settings, &library()?, screen::width(), &mut out)
            }
            Command::Sessions(args) => {
                let mut store = Store::open(&settings.folders.data)?;
                let around = sessions::Surroundings {
                    library: &library()?,
                    settings: &settings,
                    width: screen::width(),
                    confirm: &mut confirm::on_terminal,
                };
                sessions::run(&args, &mut store, around, &mut out)
            }
            Command::Score(_)
            | Command::Eval(_)
            | Command::Train(_)
            | Command::Completions(_)
            | Command::Man(_)
            | Command::Doctor(_) => unreachable!("carried out above"),
        }
    }
}

/// What comes with the program, what the team shares and what the person has added; a broken file is named on
/// stderr. The rubric's own wording is put in force.
fn library(settings: &Settings) -> Result<Library, LibraryError> {
    let warn = |what: &str| streams::say(&format!("warning: {what}"));
    if let Some(shared) = settings.library.as_ref().filter(|shared| !shared.is_dir()) {
        warn(&format!("the shared folder `{}` is not there; look at `COACHUP_LIBRARY`", shared.display()));
    }
    let folders = library::folders(settings);
    match library::wording(&folders) {
        Ok(own) => wording::set_own(own),
        Err(why) => warn(&format!("left out: {why}")),
    }
    let library = Library::with_folders(&folders)?;
    library.faults().iter().for_each(|fault| warn(&format!("left out: {}", fault.why)));
    Ok(library)
}

/// Shows what clap has to say: help, the version, or what is wrong with the command line, which it quotes.
fn misread(wrong: &clap::Error) -> ExitCode {
    let text = wrong.render();
    let written = match wrong.use_stderr() {
        true => write!(streams::stderr(), "{}", text.ansi()),
        false => write!(streams::stdout(), "{}", text.ansi()),
    };
    // A closed pipe is no error.
    drop(written);
    ExitCode::from(u8::try_from(wrong.exit_code()).unwrap_or(WRONG_USAGE))
}

/// An error with its causes, each said once: many messages name their cause already.
fn in_words(error: &anyhow::Error) -> String {
    error.chain().map(ToString::to_string).fold(String::new(), |said, cause| match said.as_str() {
        "" => cause,
        said if said.contains(&cause) => said.to_owned(),
        said => format!("{said}: {cause}"),
    })
}

/// The exit code of a command line that can't be meant; clap's own.
const WRONG_USAGE: u8 = 2;

/// A name that there is not, of a boss, a scenario, a preset or a model.
fn is_wrong_usage(error: &anyhow::Error) -> bool {
    error.chain().any(|cause| {
        matches!(cause.downcast_ref(), Some(LibraryError::Unknown { .. }))
            || matches!(cause.downcast_ref(), Some(CatalogueError::Unknown { .. }))
            || matches!(
                cause.downcast_ref(),
                Some(AcquireError::Unknown(CatalogueError::Unknown { .. }) | AcquireError::NotText(_))
            )
    })
}

/// `coachup … | head` is no error.
fn is_closed_pipe(error: &anyhow::Error) -> bool {
    error
        .chain()
        .filter_map(|cause| cause.downcast_ref::<std::io::Error>())
        .any(|cause| cause.kind() == std::io::ErrorKind::BrokenPipe)
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound_and_every_command_shows_an_example() {
        let mut cli = Cli::command();
        cli.build();
        fn check(command: &clap::Command) {
            let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
            let is_help = command.get_name() == "help";
            assert!(
                is_help || (help.contains("Example: ") && help.contains("coachup ")),
                "`{}` has no example",
                command.get_name()
            );
            command.get_subcommands().filter(|_| !is_help).for_each(check);
        }
        cli.clone().debug_assert();
        check(&cli);
    }
}
