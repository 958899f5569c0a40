//! What a talk asked of the disk, step by step, as `strace` records it.

use super::TURNS;
use crate::support::Home;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// Something the program asked of the system, in the folder of the store.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    Make(String),
    Write {
        name: String,
        at: usize,
        bytes: Vec<u8>,
    },
    Cut {
        name: String,
        length: usize,
    },
    Sync(String),
    Remove(String),
    SyncFolder,
    /// Not asked of the disk: the person was told of an event.
    Told(Value),
}

/// The steps of a whole talk; none, with a printed reason, where there is no `strace`.
pub fn recorded(home: &Home) -> Option<Vec<Step>> {
    let replies = home.file("replies.txt", &"Let me look at my week first.\n".repeat(40));
    let (turns, trace) = (home.file("turns.txt", TURNS), home.path().join("trace"));
    let calls =
        "trace=openat,creat,close,lseek,write,pwrite64,ftruncate,fsync,fdatasync,unlink,unlinkat,rename";
    let output = Command::new("strace")
        .args(["-f", "-y", "-xx", "-s", "1000000", "-e", "signal=none", "-e", calls, "-o"])
        .arg(&trace)
        .arg(env!("CARGO_BIN_EXE_coachup"))
        .args([
            "practice",
            "--format",
            "json",
            "--seed",
            "1",
            "--model",
            &format!("scripted:{}", replies.display()),
        ])
        .args(["--script", turns.to_str().unwrap()])
        .env("COACHUP_HOME", home.path())
        .output();
    match output {
        Ok(output) if output.status.success() => {}
        other => {
            eprintln!("SKIPPED: the program can't be watched here: no `strace`, or not allowed ({other:?})");
            return None;
        }
    }
    Some(steps(&std::fs::read_to_string(&trace).unwrap(), &home.data()))
}

/// The bytes of a string that `strace -xx` has written: `\x6f\x6b`.
fn unhexed(text: &str) -> Vec<u8> {
    text.split("\\x").skip(1).map(|byte| u8::from_str_radix(&byte[..2], 16).unwrap()).collect()
}

/// The first string among a call's arguments.
fn string(arguments: &str) -> Vec<u8> {
    unhexed(arguments.split('"').nth(1).unwrap_or_default())
}

/// Reads the recording: calls of several threads, one a line, some begun on one line and ended on another.
fn steps(trace: &str, folder: &Path) -> Vec<Step> {
    let mut begun: BTreeMap<&str, &str> = BTreeMap::new();
    let mut places: BTreeMap<String, usize> = BTreeMap::new();
    let mut steps = Vec::new();
    for line in trace.lines() {
        let (thread, call) = line.split_once(' ').unwrap();
        let call = call.trim_start();
        if let Some(beginning) = call.strip_suffix(" <unfinished ...>") {
            begun.insert(thread, beginning);
            continue;
        }
        let whole = match call.strip_prefix("<... ").and_then(|rest| rest.split_once(" resumed>")) {
            Some((_, end)) => format!("{}{end}", begun.remove(thread).unwrap_or_default()),
            None => call.to_owned(),
        };
        let Some((name, rest)) = whole.split_once('(') else { continue };
        let Some((arguments, result)) = rest.rsplit_once(" = ") else { continue };
        if !result.starts_with('-') {
            steps.extend(step(name, arguments.trim_end(), result, folder, &mut places));
        }
    }
    steps
}

/// What a call that succeeded did; none where it is about something else. `places` are where open files are
/// written next.
fn step(
    name: &str,
    arguments: &str,
    result: &str,
    folder: &Path,
    places: &mut BTreeMap<String, usize>,
) -> Option<Step> {
    let inside = |path: &[u8]| {
        let path = String::from_utf8_lossy(path).into_owned();
        Path::new(&path).strip_prefix(folder).ok().map(|name| name.to_string_lossy().into_owned())
    };
    let path_of = |text: &str| {
        unhexed(text.split('<').nth(1).and_then(|rest| rest.split('>').next()).unwrap_or_default())
    };
    match name {
        "openat" | "creat" => {
            let name = inside(&path_of(result))?;
            places.insert(result.split('<').next()?.to_owned(), 0);
            return (arguments.contains("O_CREAT") && !name.is_empty()).then_some(Step::Make(name));
        }
        "unlink" | "unlinkat" => return Some(Step::Remove(inside(&string(arguments))?)),
        "rename" => panic!("the store's folder has no renames: {arguments}"),
        "write" if arguments.starts_with("1<") => {
            let told = serde_json::from_slice(&string(arguments)).ok()?;
            return Some(Step::Told(told));
        }
        _ => {}
    }
    let file = arguments.split('<').next()?.to_owned();
    let name_of = inside(&path_of(arguments))?;
    let number = |text: &str| text.trim_end_matches(')').trim().parse::<usize>().ok();
    match name {
        "lseek" => {
            places.insert(file, number(result)?);
            None
        }
        "write" | "pwrite64" => {
            let mut bytes = string(arguments);
            bytes.truncate(number(result)?);
            let at = match name {
                "pwrite64" => number(arguments.rsplit(',').next()?)?,
                _ => *places.get(&file)?,
            };
            places.insert(file, at + bytes.len());
            Some(Step::Write { name: name_of, at, bytes })
        }
        "ftruncate" => Some(Step::Cut { name: name_of, length: number(arguments.rsplit(',').next()?)? }),
        "fsync" | "fdatasync" if name_of.is_empty() => Some(Step::SyncFolder),
        "fsync" | "fdatasync" => Some(Step::Sync(name_of)),
        _ => None,
    }
}
