//! Long and large: a talk of 300 turns, a turn of 100 kB, and, with `--ignored --nocapture`, the times and memory of a
//! store of 10,000 sessions, as the README's table has them.

mod figures;
mod talks;

use crate::support::{Home, Running};
use serde_json::Value;
use std::time::Instant;

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
