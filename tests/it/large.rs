//! Long and large: a talk of 300 turns, a turn of 100 kB, and, with `--ignored --nocapture`, the times and memory of a
//! store of 10,000 sessions, as the README's table has them.

use crate::support::{Home, Running, number, of_kind};
use coachup::boss::Cast;
use coachup::model::{Completion, Finish, LanguageModel, ModelError, OnText, Prompt, PromptStyle, Request};
use coachup::repl::clock::SystemClock;
use coachup::repl::engine::Engine;
use coachup::repl::talk::{Rooms, Talk};
use coachup::scenario::{Boss, Difficulty, Library, Scenario};
use coachup::scorer::Scorer;
use coachup::session::store::Store;
use serde_json::Value;
use std::ops::ControlFlow;
use std::process::Command;
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

const REPLIES: [&str; 3] = [
    "I've got the board deck due on Monday.",
    "Which part of it do you mean?",
    "Let me look at my week first.",
];

/// What a person might say for hours: helpful, so that the boss opens and agrees early on.
const TURNS: [&str; 5] = [
    "Do you have ten minutes on Thursday to talk about the prototype?",
    "I know you're covering for two people right now. What takes most of your time at the moment?",
    "How do you see the review, and what would you need to make it easier?",
    "I could cut it down to a two-page summary by Thursday, or walk you through it in twenty minutes. Which suits you?",
    "If we had your comments by Friday, the team could finish before launch. Shall I write the first draft?",
];

fn model(home: &Home) -> String {
    let replies = home.file("replies.txt", &(REPLIES.join("\n") + "\n").repeat(2000));
    format!("scripted:{}", replies.display())
}

/// The resident memory of a process, in MiB, now.
fn resident(process: u32) -> Option<f64> {
    let status = std::fs::read_to_string(format!("/proc/{process}/status")).ok()?;
    let kib: f64 = status
        .lines()
        .find_map(|line| line.strip_prefix("VmRSS:"))?
        .trim()
        .strip_suffix(" kB")?
        .parse()
        .ok()?;
    Some(kib / 1024.0)
}

/// Talks for `turns` turns; the events, with the memory and the time at each reply.
fn long_talk(home: &Home, model: &str, turns: usize) -> Vec<(Value, Option<f64>, Instant)> {
    let said: String = TURNS
        .iter()
        .cycle()
        .take(turns)
        .enumerate()
        .map(|(n, turn)| format!("Point {n}. {turn}\n"))
        .collect();
    let args = ["practice", "--difficulty", "welcoming", "--model", model, "--seed", "2", "--format", "json"];
    let mut running = Running::start(home.command(&args), &said);
    let mut heard = Vec::new();
    while let Some(line) = running.next_line() {
        heard.push((serde_json::from_str(&line).unwrap(), resident(running.id()), Instant::now()));
    }
    heard
}

#[test]
fn a_talk_of_300_turns_keeps_all_of_them_and_what_was_agreed() {
    let home = Home::new();
    let events = long_talk(&home, &model(&home), 300);
    let values: Vec<Value> = events.iter().map(|(event, ..)| event.clone()).collect();
    let turns = of_kind(&values, "verdicts").len();
    assert_eq!(turns, 300, "{}", values.last().unwrap());
    let session = Store::open(&home.data()).unwrap().load("1").unwrap();
    assert_eq!(session.exchanges.len(), 300);
    // What was agreed early is known to the last.
    let first =
        session.exchanges.iter().find(|exchange| !exchange.state.agreed.is_empty()).expect("an agreement");
    assert!(first.turn < 50, "agreed at turn {}", first.turn);
    let last = &session.exchanges[299].state.agreed;
    assert!(
        first.state.agreed.iter().all(|agreed| last.contains(agreed)),
        "{:?} {last:?}",
        first.state.agreed
    );
    let distinct: std::collections::BTreeSet<&String> = last.iter().collect();
    assert_eq!(distinct.len(), last.len(), "what is agreed again is kept once: {last:?}");
    // Memory is flat: what a turn leaves behind is its own words and verdicts.
    let at = |turn: usize| {
        events
            .iter()
            .filter(|(event, ..)| event["event"] == "boss")
            .nth(turn)
            .and_then(|(_, memory, _)| *memory)
    };
    if let (Some(early), Some(late)) = (at(50), at(299)) {
        assert!(late - early < 40.0, "{early:.1} MiB at turn 50, {late:.1} MiB at turn 299");
    }
    home.coachup(&["review", "1"]).assert().success();
}

/// A model that holds few tokens, about four bytes each, and notes the prompts it is given.
struct Narrow {
    replies: usize,
    seen: Arc<Mutex<Vec<String>>>,
}

/// What it holds.
const NARROW: usize = 2048;

impl LanguageModel for Narrow {
    fn name(&self) -> &str {
        "narrow"
    }

    fn prompt_style(&self) -> PromptStyle {
        PromptStyle::Screenplay
    }

    fn context_tokens(&self) -> usize {
        NARROW
    }

    fn count_tokens(&self, text: &str) -> usize {
        text.len().div_ceil(4)
    }

    fn complete(&mut self, request: &Request, on_text: OnText) -> Result<Vec<Completion>, ModelError> {
        let Prompt::Raw(text) = &request.prompt else { panic!("a screenplay was asked for") };
        let tokens = self.count_tokens(text) + request.max_tokens;
        if tokens > NARROW {
            return Err(ModelError::ContextFull { prompt: tokens, context: NARROW });
        }
        self.seen.lock().unwrap().push(text.clone());
        let _ = on_text("");
        self.replies += 1;
        let text = format!("{} I said so {} times.", REPLIES[self.replies % 3], self.replies);
        let completion = Completion { tokens: 9, mean_logprob: 0.0, finish: Finish::Stop, text };
        Ok(vec![completion; request.candidates])
    }

    fn loglik(&mut self, _: &Prompt, continuations: &[String]) -> Result<Vec<f32>, ModelError> {
        Ok(vec![0.0; continuations.len()])
    }
}

#[test]
fn a_talk_longer_than_the_models_context_keeps_what_was_agreed_before_its_eyes() {
    let (folder, library, scorer) = (tempfile::tempdir().unwrap(), Library::embedded(), Scorer::new());
    let seen = Arc::new(Mutex::new(Vec::new()));
    let clock = SystemClock::start();
    let rooms = Rooms {
        store: Store::open(folder.path()).unwrap(),
        scorer: &scorer,
        engine: Engine::Ready(Box::new(Narrow { replies: 0, seen: seen.clone() })),
        clock: &clock,
        library: &library,
    };
    let cast = Cast {
        scenario: library.get::<Scenario>("late-feedback").unwrap().clone(),
        boss: library.get::<Boss>("dana").unwrap().clone(),
        difficulty: library.get::<Difficulty>("welcoming").unwrap().clone(),
        you: "Sam".to_owned(),
        seed: 2,
        steering: Default::default(),
    };
    let mut talk = Talk::begin(cast, "welcoming", "narrow", None, rooms);
    let mut first_agreed: Option<String> = None;
    for (number, turn) in TURNS.iter().cycle().take(120).enumerate() {
        talk.say(&format!("Point {number}. {turn}")).unwrap();
        let before = talk.last().unwrap().state.agreed.first().cloned();
        talk.answer(&mut || ControlFlow::Continue(())).unwrap().expect("an answer");
        if let (Some(_), Some(prompt)) = (&before, seen.lock().unwrap().last()) {
            let told = prompt
                .split("Agreed so far: ")
                .nth(1)
                .and_then(|rest| rest.lines().next())
                .unwrap_or_default();
            let agreed = &talk.session().exchanges[number.saturating_sub(1)].state.agreed;
            assert!(
                agreed.iter().all(|thing| told.contains(thing.as_str())),
                "turn {number}: {agreed:?} in {prompt}"
            );
        }
        first_agreed = first_agreed.or(before);
        seen.lock().unwrap().drain(..).for_each(drop);
        assert!(!talk.boss_has_left(), "the boss left at turn {number}");
    }
    assert!(first_agreed.is_some(), "nothing was agreed, so the test tests nothing");
}

#[test]
fn a_turn_of_100_kilobytes_is_taken_answered_and_reviewed() {
    let home = Home::new();
    let paste = "I pasted the whole mail thread, sorry. How is your week? ".repeat(100_000 / 57);
    let events = home.practise(&REPLIES, &format!("{paste}\nDo you have a minute?\n"), &[]);
    let said = of_kind(&events, "verdicts");
    assert_eq!(
        (said.len(), said[0]["text"].as_str().unwrap().len()),
        (2, paste.trim_end_matches('\n').len())
    );
    for format in ["terminal", "html", "markdown", "json"] {
        home.coachup(&["review", "1", "--format", format]).assert().success();
    }
}

/// How long a command takes, and the most memory it holds, in MiB.
fn measured(home: &Home, args: &[&str]) -> (Duration, f64) {
    let begun = Instant::now();
    let output = home.path().join("output");
    let mut child = home.command(args).stdout(std::fs::File::create(output).unwrap()).spawn().unwrap();
    let mut most = 0.0f64;
    while child.try_wait().unwrap().is_none() {
        most = most.max(resident(child.id()).unwrap_or(0.0));
        std::thread::sleep(Duration::from_millis(1));
    }
    (begun.elapsed(), most)
}

#[test]
#[ignore = "takes minutes: prints the figures of a store of 10,000 sessions"]
fn times_of_a_large_store() {
    let count = number("COACHUP_SESSIONS", 10_000);
    // In memory where that can be: here the store is only made.
    let home = ["/dev/shm", "/tmp"].iter().find(|folder| std::path::Path::new(folder).is_dir()).unwrap();
    let home = Home::new_in(home.as_ref());
    let turns: String = TURNS.iter().chain(&TURNS[..3]).map(|turn| format!("{turn}\n")).collect();
    home.practise(&REPLIES.repeat(12), &turns, &["--difficulty", "welcoming"]);
    let mut store = Store::open(&home.data()).unwrap();
    let mut pattern = store.load("1").unwrap();
    let begun = Instant::now();
    for number in 2..=count {
        pattern.header.started =
            pattern.header.started.checked_add(jiff::SignedDuration::from_hours(5)).unwrap();
        pattern.header.seed = number as u64;
        store.insert(&pattern).unwrap();
    }
    drop(store);
    let bytes = std::fs::metadata(home.data().join("sessions.db")).unwrap().len();
    println!(
        "{count} sessions of {} turns, {:.0} MB, written in {:.1?}",
        pattern.exchanges.len(),
        bytes as f64 / 1e6,
        begun.elapsed()
    );
    let replies = model(&home);
    let turn = home.file("turn.txt", "Do you have a minute?\n/quit\n");
    let practice = ["practice", "--model", &replies, "--script", turn.to_str().unwrap()];
    for args in [
        &practice[..],
        &["sessions", "list"],
        &["sessions", "list", "--format", "json"],
        &["review", "last"],
        &["progress"],
        &["progress", "--format", "html"],
        &["doctor", "--privacy"],
        &["sessions", "rm", "17", "--yes"],
    ] {
        let mut runs: Vec<(Duration, f64)> = (0..3).map(|_| measured(&home, args)).collect();
        runs.sort_by_key(|run| run.0);
        let words = args
            .iter()
            .take_while(|word| !word.starts_with("--model"))
            .copied()
            .collect::<Vec<_>>()
            .join(" ");
        println!("{words:<30} {:>6} ms  {:>6.0} MiB", runs[1].0.as_millis(), runs[1].1);
    }
}

#[test]
#[ignore = "takes minutes: prints the figures of long talks; `COACHUP_MEASURE_MODEL=FILE` with a real model too"]
fn times_and_memory_of_long_talks() {
    let model_file = std::env::var("COACHUP_MEASURE_MODEL").ok();
    let home = Home::new();
    for (name, model) in [("scripted", Some(model(&home))), ("real", model_file)] {
        let Some(model) = model else { continue };
        let turns = number("COACHUP_TURNS", 300);
        let events = long_talk(&home, &model, turns);
        let replies: Vec<_> = events.iter().filter(|(event, ..)| event["event"] == "boss").collect();
        let memory = |at: usize| replies[at].1.unwrap_or_default();
        let pace =
            |from: usize, to: usize| replies[to].2.duration_since(replies[from].2) / (to - from) as u32;
        let last = replies.len() - 1;
        println!(
            "{name}: {last} turns; {:.1?} a turn in the first twenty, {:.1?} in the last",
            pace(0, 20),
            pace(last - 20, last)
        );
        println!("{name}: {:.0} MiB at turn 20, {:.0} MiB at the last", memory(20), memory(last));
        let agreed = Store::open(&home.data())
            .unwrap()
            .load("last")
            .unwrap()
            .exchanges
            .last()
            .unwrap()
            .state
            .agreed
            .len();
        println!("{name}: {agreed} things agreed at the end");
    }
    let begun = Instant::now();
    let paste = "I pasted the whole mail thread, sorry. How is your week? ".repeat(100_000 / 57);
    home.practise(&REPLIES, &format!("{paste}\n"), &[]);
    println!("a turn of 100 kB: {:.2?}, with the start of the program", begun.elapsed());
    pasted_at_a_terminal(&home, &paste);
}

/// A paste at the terminal, as its line editor takes it.
fn pasted_at_a_terminal(home: &Home, paste: &str) {
    let mut command = Command::new("script");
    let program = format!("'{}' practice --plain --model '{}'", env!("CARGO_BIN_EXE_coachup"), model(home));
    command.args(["--quiet", "--flush", "--return", "--command", &program, "/dev/null"]);
    command.env("COACHUP_HOME", home.path()).env("HF_HUB_OFFLINE", "1").env("TERM", "xterm");
    let Ok(mut person) = Running::at_terminal(command) else { return println!("no `script` here") };
    person.wait_for("Sam:");
    let begun = Instant::now();
    person.type_in(&format!("\u{1b}[200~{paste}\u{1b}[201~\r"));
    person.wait_for("openness");
    println!("the same pasted at a terminal: {:.2?}", begun.elapsed());
    person.type_in("/quit\r");
    person.wait_for("Kept as session");
    person.finish();
}
