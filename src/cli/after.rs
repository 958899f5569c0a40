//! `coachup after`: what came of the real talk, and the boss put right by it.

use super::prepare::at_desk;
use super::{Exit, new, progress};
use crate::boss::state::{BossState, Move};
use crate::repl::clock::{Clock, SystemClock, day_of};
use crate::repl::editor::{Input, Prompt};
use crate::repl::interview::{self, Held, Told};
use crate::repl::screen;
use crate::repl::sheet::{Desk, Left};
use crate::repl::talk::{LONGEST_TURN, verdicts_on};
use crate::review::progress_views;
use crate::scenario::{Boss, Difficulty, Library, Scenario, own_file, read, set_key};
use crate::scorer::Scorer;
use crate::scorer::verdict::{Position, Utterance};
use crate::session::account::UnlikeWording;
use crate::session::store::Store;
use crate::session::{Exchange, Header, NodeId, Session};
use crate::settings::Settings;
use crate::text::file::{Existing, read_text, write_private};
use crate::text::shell;
use anyhow::{Context, bail, ensure};
use clap::Args;
use jiff::civil::Date;
use jiff::tz::Offset;
use std::io::{IsTerminal, Write};
use std::path::{Path, PathBuf};

/// What came of the real talk: a few questions, kept with your rehearsals
#[derive(Debug, Args)]
#[command(after_help = "Example: coachup after\n         coachup after late-rota --words what-i-said.txt")]
pub struct AfterArgs {
    /// The talk, as it was practised; without it, the one of your own that was due last
    name: Option<String>,
    /// Your own words from the talk, one turn a line, to be graded
    #[arg(long, value_name = "FILE")]
    words: Option<PathBuf>,
}

/// The largest file of words, in bytes.
const LARGEST: u64 = 1 << 20;
/// What stands for the preset and for the model in the record of a real talk.
const REAL: &str = "real";

/// Runs the command.
///
/// # Errors
/// No such talk; words or answers that can't be read; a terminal, a disk or a store that fails.
pub fn run(
    args: &AfterArgs,
    settings: &Settings,
    library: &Library,
    out: &mut dyn Write,
) -> anyhow::Result<Exit> {
    let mut store = Store::open(&settings.folders.data)?;
    let now = SystemClock::start().now();
    let today = day_of(now);
    let name = match &args.name {
        Some(name) => name.clone(),
        None => match due(library, &store, today)? {
            Some((name, _)) => name,
            None => bail!("no talk of your own is due; `coachup after NAME` tells of any that you practised"),
        },
    };
    let scenario = library.get::<Scenario>(&name)?;
    let boss = scenario.boss.as_ref().unwrap_or(&settings.boss).clone();
    let words = args.words.as_deref().map(read_words).transpose()?;
    let own = &settings.folders.config;
    let draft = draft(own, &name)?;
    let begin = format!(
        "A few questions about the real talk: {}. Enter skips one, /back goes back, /quit leaves: everything is kept.",
        scenario.title
    );
    let (left, told) = at_desk(settings, out, |desk| {
        let (left, told) = interview::ask_after(&draft, &begin, library, today, desk)?;
        if left == Left::Done {
            for unlike in &told.unlike {
                put_right(unlike.wording(), [&name, &boss], own, library, desk)?;
            }
        }
        Ok((left, told))
    })?;
    // From a file of words alone a program need not answer anything.
    let enough = left == Left::Done || words.is_some() && !std::io::stdin().is_terminal();
    if !enough {
        let text = format!("Kept. `coachup after {}` goes on from here.", shell::word(&name));
        out.write_all(screen::note(&text).as_bytes())?;
        return Ok(if left == Left::Interrupted { Exit::Interrupted } else { Exit::Done });
    }
    let file = own_file::<Scenario>(own, &name);
    let text = match told.held {
        Some(Held::NotYet) => match told.now.parse::<Date>() {
            Ok(day) if file.is_file() => {
                set_key(&file, "when", Some(&day.to_string()))?;
                format!("The talk is on {} now. `coachup practice {name}` rehearses it.", screen::day(day))
            }
            _ => format!("Then practise on: `coachup practice {name}`."),
        },
        Some(Held::No) => {
            if file.is_file() {
                set_key(&file, "when", None)?;
            }
            "You won't be asked about it again.".to_owned()
        }
        Some(Held::Yes) | None => {
            let day = scenario.when.filter(|&when| when <= today).unwrap_or(today);
            let preset = scenario.difficulty.as_ref().unwrap_or(&settings.difficulty);
            let header = Header {
                id: String::new(),
                // Among the rehearsals it stands on its day, and no two are alike.
                started: if day == today { now } else { on(day, now)? },
                scenario: name.clone(),
                boss,
                difficulty: REAL.to_owned(),
                // A preset may have been removed since.
                receptiveness: library.get::<Difficulty>(preset).map_or(50.0, |preset| preset.receptiveness),
                model: REAL.to_owned(),
                seed: 0,
                greeting: String::new(),
            };
            let id = store.insert(&real_talk(header, told, day, words.unwrap_or_default()))?;
            let progress = progress::of(&store, library, |header| header.scenario == name)?;
            write!(out, "\n{}", progress_views::real_talks(&progress, screen::width()))?;
            format!(
                "Kept as session {id}: `coachup review {id}` shows it, `coachup progress` all that you practised."
            )
        }
    };
    std::fs::remove_file(&draft).or_else(|error| match error.kind() {
        std::io::ErrorKind::NotFound => Ok(()),
        _ => Err(error).with_context(|| format!("can't remove `{}`", draft.display())),
    })?;
    out.write_all(screen::note(&text).as_bytes())?;
    Ok(Exit::Done)
}

/// What is kept of answers that are not complete; its being there says that the person was asked.
fn draft(own: &Path, name: &str) -> anyhow::Result<PathBuf> {
    new::draft(own, &format!("{name}.after"))
}

/// The time of `now` on `day`.
fn on(day: Date, now: jiff::Timestamp) -> anyhow::Result<jiff::Timestamp> {
    let time = Offset::UTC.to_datetime(now).time();
    Ok(Offset::UTC.to_timestamp(day.to_datetime(time))?)
}

/// The talk of one's own that was to be last, up to `today`, and that nothing was told of; with its day.
fn due(library: &Library, store: &Store, today: Date) -> anyhow::Result<Option<(String, Date)>> {
    let all =
        library.all::<Scenario>().filter_map(|(name, scenario)| Some((name.to_owned(), scenario.when?)));
    let past: Vec<(String, Date)> = all.filter(|(_, when)| *when <= today).collect();
    if past.is_empty() {
        return Ok(None);
    }
    let told = store.real_talks()?;
    let is_told = |name: &str, when: Date| {
        let days = told.iter().filter(|talk| talk.header.scenario == name);
        days.filter_map(|talk| talk.account.as_ref()?.day).any(|day| day >= when)
    };
    let open = past.into_iter().filter(|(name, when)| !is_told(name, *when));
    Ok(open.max_by_key(|(_, when)| *when))
}

/// On the first start after a talk's day: offers to tell how it went, once. Gives how that ended where the person did.
///
/// # Errors
/// As [`run`].
pub fn offer(
    settings: &Settings,
    library: &Library,
    store: &Store,
    out: &mut dyn Write,
) -> anyhow::Result<Option<Exit>> {
    let today = day_of(SystemClock::start().now());
    let yesterday = today.yesterday().unwrap_or(today);
    let Some((name, when)) = due(library, store, yesterday)? else { return Ok(None) };
    let draft = draft(&settings.folders.config, &name)?;
    if draft.exists() {
        return Ok(None);
    }
    write_private(&draft, b"", Existing::Keep)
        .with_context(|| format!("can't write `{}`", draft.display()))?;
    let title = &library.get::<Scenario>(&name)?.title;
    let text = format!(
        "Your talk about {title} was to be on {}. How did it go? Two minutes tell it; `coachup after {}` asks later.",
        screen::day(when),
        shell::word(&name)
    );
    out.write_all(screen::note(&text).as_bytes())?;
    let line = Prompt::new(None)?.read("y tells it now, Enter goes on to practice: ", "")?;
    match line {
        Input::Line(line) if line.trim().eq_ignore_ascii_case("y") => {
            let args = AfterArgs { name: Some(name), words: None };
            run(&args, settings, library, out).map(Some)
        }
        Input::Interrupted => Ok(Some(Exit::Interrupted)),
        _ => Ok(None),
    }
}

/// The turns in `file`, one a line.
fn read_words(file: &Path) -> anyhow::Result<Vec<String>> {
    let text = read_text(file, LARGEST).with_context(|| format!("can't read `{}`", file.display()))?;
    let turns: Vec<String> =
        text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect();
    ensure!(!turns.is_empty(), "there are no words in `{}`", file.display());
    if let Some(at) = turns.iter().position(|turn| turn.len() > LONGEST_TURN) {
        bail!("turn {} of `{}` has more than {LONGEST_TURN} bytes; one turn a line", at + 1, file.display());
    }
    Ok(turns)
}

/// The record of a real talk: what is remembered of the person's words is graded, and nobody answers.
fn real_talk(header: Header, told: Told, day: Date, words: Vec<String>) -> Session {
    let mut session = Session { outcome: told.outcome, ..Session::new(header, None) };
    session.account = Some(told.account(day));
    for text in words {
        let node = session.exchanges.len() as NodeId + 1;
        let position = if node == 1 { Position::Opening } else { Position::Middle };
        let verdicts = verdicts_on(&Scorer, &Utterance { text: &text, context: None, position });
        let stays = session.header.receptiveness;
        session.exchanges.push(Exchange {
            node,
            parent: session.head,
            turn: node,
            said: session.header.started,
            position,
            verdicts,
            moved: Move { from: stays, to: stays, why: Vec::new() },
            state: BossState { openness: stays, ..BossState::default() },
            reply: None,
            text,
        });
        session.head = Some(node);
    }
    session
}

/// What the talk and the boss are to become, after a yes; nothing where they are not the person's own.
fn put_right(
    unlike: &UnlikeWording,
    [name, boss]: [&str; 2],
    own: &Path,
    library: &Library,
    desk: &mut Desk,
) -> anyhow::Result<()> {
    let (file, key, value, change) = if let Some(voice) = &unlike.voice {
        // Anew each time: the change before may have been to the same text.
        let file = own_file::<Boss>(own, boss);
        if !file.is_file() {
            return Ok(());
        }
        let of = read::<Boss>(&file)?;
        let sentence = |voice: &str| voice.replace("{name}", &of.name);
        let without = unlike.instead_of.and_then(|other| other.wording().voice.as_deref());
        let before = without.map_or(of.voice.clone(), |other| of.voice.replace(&sentence(other), ""));
        if before.contains(&sentence(voice)) {
            return Ok(());
        }
        let voice = format!("{} {}", before.trim(), sentence(voice));
        if !(Boss { voice: voice.clone(), ..of.clone() }).check().is_empty() {
            let text = format!(
                "{}: there is no room in how {} talks; `coachup edit {boss}`.",
                unlike.title, of.name
            );
            return desk.show(&screen::note(&text));
        }
        let change = format!("How {} talks: {voice}", of.name);
        (file, "voice", voice, change)
    } else {
        let file = own_file::<Scenario>(own, name);
        let ladder = library.ladder();
        let preset = file.is_file().then(|| read::<Scenario>(&file)).transpose()?;
        let preset = preset.and_then(|scenario| scenario.difficulty);
        let at = ladder.iter().position(|one| Some(&one.name) == preset.as_ref());
        let to = at.and_then(|at| ladder.get(at.checked_add_signed(-isize::from(unlike.easier))?));
        let Some(to) = to else { return Ok(()) };
        let change = format!("Where practice begins: {} ({}).", to.name, to.title);
        (file, "difficulty", to.name.clone(), change)
    };
    desk.show(&screen::note(&format!("{}. {change}", unlike.title)))?;
    let yes = matches!(desk.read("y changes it so, Enter leaves it: ", "")?, Some(Some(line)) if line.trim() == "y");
    if yes {
        set_key(&file, key, Some(&value))?;
    }
    Ok(())
}
