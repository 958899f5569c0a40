//! `coachup practice`: choose who plays, load the model, and hand over to the practice loop.

use super::speech::Speech;
use super::{Exit, after, engine, new, streams};
use crate::boss::{Cast, with_secrets};
use crate::repl::FeedbackWhen;
use crate::repl::clock::SystemClock;
use crate::repl::engine::Engine;
use crate::repl::interactive::{self, Left, Manner, Voice};
use crate::repl::interrupt::Interrupt;
use crate::repl::script::{self, Ended, Format, Output};
use crate::repl::talk::{Rooms, Talk};
use crate::review::Proposal;
use crate::scenario::{Boss, Difficulty, Entry, Library, Problem, Scenario};
use crate::scorer::Scorer;
use crate::session::plan::Plan;
use crate::session::store::Store;
use crate::session::{Header, Session, kept};
use crate::settings::Settings;
use crate::text::utf8::utf8;
use crate::text::{brief, shell};
use anyhow::{Context, bail};
use std::ffi::OsString;
use std::fs::File;
use std::io::{BufRead, BufReader, IsTerminal, Write};
use std::path::{Path, PathBuf};

/// Practise a talk with a simulated boss.
#[derive(Debug, Default, clap::Args)]
#[command(after_help = "Example: coachup practice late-feedback --boss dana --difficulty guarded\n         \
                        printf 'Do you have ten minutes on Thursday?\\n' | coachup practice --format json")]
pub struct PracticeArgs {
    /// The situation, from `coachup scenarios list`
    scenario: Option<String>,
    /// Who plays the boss, from `coachup bosses list`
    #[arg(long)]
    boss: Option<String>,
    /// How hard it is, from `coachup difficulties list`
    #[arg(long, conflicts_with = "receptiveness")]
    difficulty: Option<String>,
    /// How open the boss is at the start, instead of a preset: 0 (closed) to 100
    #[arg(long, value_name = "N", value_parser = receptiveness)]
    receptiveness: Option<f64>,
    /// A model from `coachup models list`, the path of a GGUF file, the address of a model server
    /// (`http://localhost:8080/v1`), or `openai:NAME` for a model on the server of the settings
    #[arg(long)]
    model: Option<OsString>,
    /// Same seed, model, script and settings: same session
    #[arg(long, value_name = "N")]
    seed: Option<u64>,
    /// When feedback is shown
    #[arg(long, value_enum)]
    feedback: Option<FeedbackWhen>,
    /// Your plan for the talk: a scenario that `coachup prepare` was called with, or a file; without this, the
    /// plan for the scenario, if there is one
    #[arg(long, value_name = "PLAN")]
    plan: Option<PathBuf>,
    /// Go on with a session: its number, or the newest; `3:5` goes on after exchange 5 of session 3, `3:0` from
    /// its beginning, and keeps what followed as a branch
    #[arg(long, value_name = "ID", num_args = 0..=1, default_missing_value = "last",
          conflicts_with_all = ["scenario", "boss", "difficulty", "receptiveness", "seed"])]
    resume: Option<String>,
    /// Speak the boss's lines
    #[arg(long)]
    speak: bool,
    /// Say the lines of a file, one turn a line, without a terminal; `-` reads them from standard input
    #[arg(long, value_name = "FILE")]
    script: Option<PathBuf>,
    /// What is written without a terminal
    #[arg(long, value_enum)]
    format: Option<Format>,
}

impl PracticeArgs {
    /// Of the scenario called `name`, all else as it is set.
    pub fn of(name: &str) -> PracticeArgs {
        PracticeArgs { scenario: Some(name.to_owned()), ..PracticeArgs::default() }
    }
}

fn receptiveness(text: &str) -> Result<f64, String> {
    match text.parse::<f64>() {
        Ok(value) if (0.0..=100.0).contains(&value) => Ok(value),
        _ => Err("must be a number from 0 to 100".to_owned()),
    }
}

/// Runs the command.
///
/// # Errors
/// An unknown name, a model that can't be had, a store that can't be used. What was said is stored.
pub fn run(args: &PracticeArgs, settings: &Settings, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let library = super::library(settings)?;
    let store = Store::open(&settings.folders.data)?;
    let resumed = args.resume.as_ref().map(|id| store.load(id)).transpose()?;
    if let Some(Session { header, account: Some(_), .. }) = &resumed {
        bail!(
            "session {} is the real talk, which nobody can go on with; `coachup practice {}` rehearses it",
            header.id,
            shell::word(&header.scenario)
        );
    }
    let script = script_source(args)?;
    if script.is_none()
        && resumed.is_none()
        && let Some(exit) = after::offer(settings, &library, &store, out)?
    {
        return Ok(exit);
    }
    let (cast, difficulty) = cast(args, settings, &library, resumed.as_ref())?;
    let plan = plan(args.plan.as_deref(), &cast.scenario.name, settings)?;
    let interrupt = Interrupt::install();

    let wanted = match (&args.model, &resumed) {
        (Some(named), _) => Some(named.clone()),
        (None, Some(session)) => engine::of_session(&session.header, settings)?,
        (None, None) => settings.model.clone(),
    };
    let again = engine::again(args.model.as_deref(), settings);
    let loaded = engine::loader(wanted, settings, &cast, &interrupt)?;
    let Some((model, loader)) = loaded else { return Ok(Exit::Interrupted) };
    interrupt.clear();
    if let Some(Header { id, model: had, .. }) = resumed.as_ref().map(|session| &session.header)
        && args.model.is_none()
        && *had != model
    {
        let (had, model) = (brief(had, 80), brief(&model, 80));
        streams::say(&format!(
            "note: session {id} used `{had}`, and goes on with your own choice, `{model}`"
        ));
    }
    let scorer = Scorer;
    Scorer::warm();
    let clock = SystemClock::start();
    let rooms =
        Rooms { store, scorer: &scorer, engine: Engine::start(loader), clock: &clock, library: &library };
    let mut talk = match resumed {
        Some(session) => Talk::resume(cast, session, rooms)?,
        None => Talk::begin(cast, &difficulty, &model, plan, rooms),
    };
    let feedback = args.feedback.unwrap_or(settings.feedback);
    let Some(mut script) = script else {
        let manner = Manner { feedback, plain: settings.plain, again: &again };
        let history = settings.folders.data.join(kept::HISTORY);
        let speaks = args.speak || settings.speak;
        let mut speech = speaks.then(|| Speech::new(settings.programs.speech.as_deref()));
        loop {
            let voice = speech.as_mut().map(|speech| speech as &mut (dyn Voice + 'static));
            match interactive::run(&mut talk, &history, out, manner, voice, &interrupt)? {
                Left::Ended | Left::Open => return Ok(Exit::Done),
                Left::Interrupted => return Ok(Exit::Interrupted),
                Left::New => {
                    let library = talk.into_rooms().library;
                    return new::run(&new::NewArgs::default(), settings, library, out);
                }
                Left::Next(next) => talk = next_talk(talk, &next, &model, settings)?,
            }
        }
    };
    let format = args.format.unwrap_or_default();
    let mut err = streams::stderr();
    let mut output = Output { out, err: &mut err, format, feedback, plain: settings.plain };
    Ok(match script::run(&mut talk, &mut script, &mut output, &interrupt)? {
        Ended::Done | Ended::Left => Exit::Done,
        Ended::Interrupted => Exit::Interrupted,
    })
}

/// Begins the proposed talk, with the model that is loaded already.
fn next_talk<'a>(
    talk: Talk<'a>,
    next: &Proposal,
    model: &str,
    settings: &Settings,
) -> anyhow::Result<Talk<'a>> {
    let mut rooms = talk.into_rooms();
    let seed = new_seed();
    let cast = Cast {
        scenario: with_secrets(rooms.library.get(&next.scenario)?, seed),
        boss: rooms.library.get::<Boss>(&next.boss)?.clone(),
        difficulty: rooms.library.get::<Difficulty>(&next.difficulty)?.clone(),
        you: called(rooms.library.get(&next.scenario)?, settings),
        seed,
    };
    told_apart(&cast)?;
    let plan = plan(None, &next.scenario, settings)?;
    let prefilled = cast.clone();
    rooms.engine = rooms.engine.prepared(move |model| Ok(prefilled.prefill(model)?));
    Ok(Talk::begin(cast, &next.difficulty, model, plan, rooms))
}

/// What the boss calls the person.
fn called(scenario: &Scenario, settings: &Settings) -> String {
    scenario.you.as_ref().unwrap_or(&settings.name).clone()
}

/// Without a seed of the person's own, no two sessions are alike; the header keeps it.
fn new_seed() -> u64 {
    u64::from(rand::random::<u32>())
}

/// Refuses what `new` wrote and nobody has filled in yet: the boss would say the template's own words.
fn finished<E: Entry>(entry: &E, name: &str) -> anyhow::Result<()> {
    let unfinished = entry.problems().into_iter().find(Problem::is_unfilled);
    match unfinished {
        None => Ok(()),
        Some(problem) => bail!(
            "the {} `{name}` is not finished: {problem}; `coachup {} check FILE` lists what is still to do",
            E::KIND,
            E::FOLDER
        ),
    }
}

/// Refuses a person who is called like the boss: neither the model nor the reader could tell who speaks.
fn told_apart(cast: &Cast) -> anyhow::Result<()> {
    let (you, boss) = (cast.you.to_lowercase(), cast.boss.name.trim().to_lowercase());
    let part_of =
        |name: &str, whole: &str| whole == name || whole.split_whitespace().any(|part| part == name);
    if part_of(&you, &boss) || part_of(&boss, &you) {
        bail!(
            "you are `{}` here, and the boss is `{}`: choose another boss with `--boss`, or another name with `name` in \
             `settings.toml` or `COACHUP_NAME`",
            cast.you,
            cast.boss.name
        );
    }
    Ok(())
}

/// Who plays, and the name of the difficulty.
fn cast(
    args: &PracticeArgs,
    settings: &Settings,
    library: &Library,
    resumed: Option<&Session>,
) -> anyhow::Result<(Cast, String)> {
    let header = resumed.map(|session| &session.header);
    let pick = |of_header: Option<&String>, flag: &Option<String>, default: &String| {
        of_header.or(flag.as_ref()).unwrap_or(default).clone()
    };
    let scenario = pick(header.map(|h| &h.scenario), &args.scenario, &settings.scenario);
    let of_scenario = library.get::<Scenario>(&scenario)?;
    let boss = of_scenario.boss.as_ref().unwrap_or(&settings.boss);
    let boss = pick(header.map(|h| &h.boss), &args.boss, boss);
    let preset = of_scenario.difficulty.as_ref().unwrap_or(&settings.difficulty);
    let preset = pick(header.map(|h| &h.difficulty), &args.difficulty, preset);
    let custom = match header {
        Some(header) => (header.difficulty == CUSTOM).then_some(header.receptiveness),
        None => args.receptiveness,
    };
    let (difficulty, name) = match custom {
        Some(receptiveness) => (Difficulty::at(receptiveness, &library.ladder()), CUSTOM.to_owned()),
        None => (library.get::<Difficulty>(&preset)?.clone(), preset),
    };
    let seed = header.map(|h| h.seed).or(args.seed).unwrap_or_else(new_seed);
    let cast = Cast {
        scenario: with_secrets(of_scenario, seed),
        boss: library.get::<Boss>(&boss)?.clone(),
        difficulty,
        you: called(of_scenario, settings),
        seed,
    };
    finished(&cast.scenario, &scenario)?;
    finished(&cast.boss, &boss)?;
    finished(&cast.difficulty, &name)?;
    told_apart(&cast)?;
    Ok((cast, name))
}

/// The plan that was named, or the one for the scenario; none where there is none.
fn plan(named: Option<&Path>, scenario: &str, settings: &Settings) -> anyhow::Result<Option<Plan>> {
    let plan = match named {
        None => Plan::load(&settings.folders.plan(scenario))?,
        Some(named) => {
            let kept = named.to_str().map(|name| settings.folders.plan(name)).filter(|kept| kept.exists());
            Plan::read(kept.as_deref().unwrap_or(named)).with_context(|| {
                let name = named.display().to_string();
                format!("no plan is called `{name}`; `coachup prepare {}` makes one", shell::word(&name))
            })?
        }
    };
    Ok((!plan.is_empty()).then_some(plan))
}

/// What a session with `--receptiveness` is called instead of a preset's name.
const CUSTOM: &str = "custom";

/// The lines to say, where there is no person at a terminal.
fn script_source(args: &PracticeArgs) -> anyhow::Result<Option<Box<dyn BufRead>>> {
    let stdin = || Box::new(utf8(std::io::stdin().lock()));
    match args.script.as_deref() {
        Some(file) if file.as_os_str() == "-" => Ok(Some(stdin())),
        Some(file) => {
            let opened =
                File::open(file).with_context(|| format!("can't read the script `{}`", file.display()))?;
            Ok(Some(Box::new(utf8(BufReader::new(opened)))))
        }
        None if std::io::stdin().is_terminal() && args.format != Some(Format::Json) => Ok(None),
        None => Ok(Some(stdin())),
    }
}
