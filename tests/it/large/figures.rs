//! The times and memory of large stores and long talks.

use super::{REPLIES, TURNS, long_talk, model, resident};
use crate::support::{Home, Running, number};
use coachup::session::store::Store;
use std::process::Command;
use std::time::{Duration, Instant};

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
    let took = begun.elapsed();
    assert!(child.wait().unwrap().success(), "{args:?} failed");
    (took, most)
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
        &["sessions", "rm", "last", "--yes"],
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
