//! What a person types or pastes, and what a model answers: a whole talk, and `coachup score`.

use super::scratch::Scratch;
use coachup::boss::Cast;
use coachup::cli::score::{ScoreArgs, ScoreFormat, run as run_score};
use coachup::model::scripted::ScriptedModel;
use coachup::repl::FeedbackWhen;
use coachup::repl::clock::SystemClock;
use coachup::repl::engine::Engine;
use coachup::repl::interrupt::Interrupt;
use coachup::repl::script::{Format, Output, run};
use coachup::repl::talk::{Rooms, Talk};
use coachup::scenario::{Boss, Difficulty, Library, Scenario};
use coachup::scorer::Scorer;
use coachup::session::Session;
use coachup::session::store::Store;
use coachup::text::printable::is_unsafe;
use std::sync::LazyLock;

static LIBRARY: LazyLock<Library> = LazyLock::new(Library::embedded);

/// What comes with the program.
pub fn library() -> &'static Library {
    &LIBRARY
}

/// Who plays where the input doesn't say.
pub fn cast() -> Cast {
    Cast {
        boss: LIBRARY.get::<Boss>("dana").expect("it comes with the program").clone(),
        scenario: LIBRARY.get::<Scenario>("late-feedback").expect("it comes with the program").clone(),
        difficulty: LIBRARY.get::<Difficulty>("guarded").expect("it comes with the program").clone(),
        you: "Sam".into(),
        seed: 1,
    }
}

/// Fails where a text for the screen could steer it; colours of our own are allowed.
pub fn harmless(text: &str) {
    let mut rest = text;
    while let Some(at) = rest.find(is_unsafe) {
        let sequence = rest[at..].strip_prefix("\u{1b}[").and_then(|sequence| {
            let end = sequence.find(|c: char| !c.is_ascii_digit() && c != ';')?;
            sequence[end..].strip_prefix('m')
        });
        let from = at.saturating_sub(40);
        let near = || rest.char_indices().filter(|(i, _)| *i >= from).take(80).map(|(_, c)| c);
        rest = sequence.unwrap_or_else(|| panic!("unsafe: {:?}", near().collect::<String>()));
    }
}

/// An error for people: nothing that could steer a screen, and short enough to be read.
pub fn one_harmless_line(words: &str) {
    assert!(words.len() <= 2000, "{} bytes of error", words.len());
    harmless(words);
}

/// Lines as a person types or pastes them and, after bytes 0xff, replies as a model words them.
pub fn lines(bytes: &[u8]) {
    let mut parts = bytes.split(|byte| *byte == 0xff);
    let script = parts.next().unwrap_or_default();
    let replies: Vec<String> = parts.map(|reply| String::from_utf8_lossy(reply).into_owned()).collect();
    let replies: Vec<&str> = replies.iter().map(String::as_str).collect();
    practise(cast(), script, &replies);
}

/// Has a talk: the lines of `script` against `replies`.
pub fn practise(cast: Cast, script: &[u8], replies: &[&str]) {
    let scratch = Scratch::new();
    let store = Store::open(scratch.path()).expect("a new store");
    let scorer = Scorer;
    let clock = SystemClock::start();
    let engine = Engine::Ready(Box::new(ScriptedModel::new(replies.iter().copied())));
    let rooms = Rooms { store, scorer: &scorer, engine, clock: &clock, library: library() };
    say(&mut Talk::begin(cast, "guarded", "scripted", None, rooms), script);
}

/// Goes on with a session that was imported.
pub fn go_on(store: Store, session: Session) {
    let scorer = Scorer;
    let clock = SystemClock::start();
    let engine = Engine::Ready(Box::new(ScriptedModel::new(["Fine. Thursday at ten, then."])));
    let rooms = Rooms { store, scorer: &scorer, engine, clock: &clock, library: library() };
    let mut talk = Talk::resume(cast(), session, rooms).expect("a session that is kept");
    say(&mut talk, b"/why\n/branches\n/undo\nCould we find ten minutes on Thursday?\n/score\n/redo\n");
}

fn say(talk: &mut Talk, mut script: &[u8]) {
    let (mut out, mut err) = (Vec::new(), Vec::new());
    let mut output = Output {
        out: &mut out,
        err: &mut err,
        format: Format::Text,
        feedback: FeedbackWhen::Turn,
        plain: false,
    };
    // A script that is no text ends the talk with an error, and what was said before is kept.
    let _ = run(talk, &mut script, &mut output, &Interrupt::install());
    for written in [out, err] {
        harmless(std::str::from_utf8(&written).expect("text"));
    }
}

/// Any bytes to `coachup score`: plain lines, JSON lines or a session, as text or (after a first byte `j`) JSON.
pub fn score(bytes: &[u8]) {
    let (format, mut bytes) = match bytes.split_first() {
        Some((b'j', rest)) => (ScoreFormat::Json, rest),
        Some((_, rest)) => (ScoreFormat::Text, rest),
        None => return,
    };
    let args = ScoreArgs { files: vec!["-".into()], format, jobs: 1 };
    let (mut out, mut err) = (Vec::new(), Vec::new());
    run_score(&args, &mut bytes, &mut out, &mut err).expect("a bad line stops nothing");
    for written in [out, err] {
        harmless(std::str::from_utf8(&written).expect("text"));
    }
}
