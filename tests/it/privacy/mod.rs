//! Private: files for their owner's eyes alone whatever the umask, nothing sent, and what is removed is gone.

#[cfg(unix)]
mod files;
mod network;
mod removal;

use crate::support::{Home, Running};
use std::path::{Path, PathBuf};
use std::process::Command;

/// A sentence that stands nowhere else.
const CANARY: &str = "My canary sings of the quarterly zeppelin audit";

/// Every file and folder below `folder`, itself first.
fn everything(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    let mut next = 0;
    while next < found.len() {
        if found[next].is_dir() {
            found.extend(std::fs::read_dir(&found[next]).unwrap().map(|entry| entry.unwrap().path()));
        }
        next += 1;
    }
    found
}

/// The files below `folder` that hold `words`, in their bytes.
fn holding(folder: &Path, words: &str) -> Vec<PathBuf> {
    let holds = |path: &PathBuf| {
        path.is_file()
            && std::fs::read(path).unwrap().windows(words.len()).any(|bytes| bytes == words.as_bytes())
    };
    everything(folder).into_iter().filter(holds).collect()
}

/// The real model where it can be had, for what only a real one writes; else the scripted one.
fn model(home: &Home) -> String {
    let replies = home.file("replies.txt", &"Let me look at my week first.\n".repeat(60));
    let scripted = format!("scripted:{}", replies.display());
    crate::real_model::smollm2().map_or(scripted, |file| file.display().to_string())
}

/// A practice at a terminal; none, with a printed reason, where there is no `script`.
fn at_terminal(home: &Path, mask: &str, model: &str) -> Option<Running> {
    let mut command = Command::new("script");
    let program =
        format!("umask {mask}; '{}' practice --plain --model '{model}'", env!("CARGO_BIN_EXE_coachup"));
    command.args(["--quiet", "--flush", "--return", "--command", &program, "/dev/null"]);
    command.env("COACHUP_HOME", home).env("HF_HUB_OFFLINE", "1").env("TERM", "xterm");
    let person = Running::at_terminal(command);
    if person.is_err() {
        eprintln!("SKIPPED: no terminal, `script` is missing; the history is not looked at");
    }
    person.ok()
}

/// Says one line as a person would, so that there is a history.
fn typed_at_a_terminal(home: &Path, mask: &str, model: &str) {
    let Some(mut person) = at_terminal(home, mask, model) else { return };
    person.wait_for("Sam:");
    person.type_in(&format!("{CANARY}, and how is your week?\r"));
    person.wait_for("openness");
    person.type_in("/quit\r");
    person.wait_for("Kept as session");
    person.finish();
    assert!(home.join("data/history.txt").exists());
}
