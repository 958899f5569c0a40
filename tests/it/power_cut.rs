//! A power cut at any moment of a talk: whatever the disk had not been told to keep may be there, in part or not
//! at all, and every acknowledged turn is there all the same.
//!
//! `strace` records what the program writes, syncs, makes and removes; the test then makes the disks that a power cut
//! could leave behind, and opens the store on each. Without `strace` (`.ci/run` installs it) the test says so and
//! checks nothing. `COACHUP_POWER_CUTS=5000` tries more of them.

use crate::support::{Dice, Home, number};
use coachup::review::{Report, Titles, terminal};
use coachup::session::store::Store;
use serde_json::Value;
use std::collections::BTreeMap;
use std::path::Path;
use std::process::Command;

/// What a disk writes as a whole.
const SECTOR: usize = 512;

const TURNS: &str = "Do you have ten minutes on Thursday to talk about the prototype?\n\
                     What takes most of your time at the moment?\n/undo\n\
                     I could cut it down to a two-page summary. Would that help?\n\
                     Shall I write the first draft of the notes by Friday?\n/end\n";

/// Something the program asked of the system, in the folder of the store.
#[derive(Clone, Debug, PartialEq)]
enum Step {
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
fn recorded(home: &Home) -> Option<Vec<Step>> {
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

/// A file: what the disk keeps for certain, and what it was asked since.
#[derive(Clone, Debug, Default)]
struct File {
    kept: Vec<u8>,
    asked: Vec<(usize, Option<Vec<u8>>)>,
}

/// A change of the folder's names that the disk was not yet told to keep.
#[derive(Clone, Debug)]
enum Naming {
    Made(String, usize),
    Removed(String),
}

/// A disk, and what it may forget.
#[derive(Clone, Debug, Default)]
struct Disk {
    files: Vec<File>,
    /// The names that are kept for certain.
    kept: BTreeMap<String, usize>,
    /// The names as the program sees them.
    seen: BTreeMap<String, usize>,
    asked: Vec<Naming>,
}

impl Disk {
    fn take(&mut self, step: &Step) {
        match step {
            Step::Make(name) if self.seen.contains_key(name) => {}
            Step::Make(name) => {
                self.files.push(File::default());
                let file = self.files.len() - 1;
                self.seen.insert(name.clone(), file);
                self.asked.push(Naming::Made(name.clone(), file));
            }
            Step::Write { name, at, bytes } => self.file(name).asked.push((*at, Some(bytes.clone()))),
            Step::Cut { name, length } => self.file(name).asked.push((*length, None)),
            Step::Sync(name) => {
                let file = self.file(name);
                for (at, bytes) in std::mem::take(&mut file.asked) {
                    apply(&mut file.kept, at, bytes.as_deref());
                }
            }
            Step::Remove(name) => {
                self.seen.remove(name);
                self.asked.push(Naming::Removed(name.clone()));
            }
            Step::SyncFolder => {
                self.asked.clear();
                self.kept = self.seen.clone();
            }
            Step::Told(_) => {}
        }
    }

    fn file(&mut self, name: &str) -> &mut File {
        let file = self.seen[name];
        &mut self.files[file]
    }

    /// What a power cut could leave now: some of what was asked is done, in whole or in part.
    fn after_a_cut(&self, dice: &mut Dice) -> BTreeMap<String, Vec<u8>> {
        let mut names = self.kept.clone();
        // A file system keeps the order of its names.
        let done = dice.roll(self.asked.len() as u64 + 1) as usize;
        for naming in &self.asked[..done] {
            match naming {
                Naming::Made(name, file) => drop(names.insert(name.clone(), *file)),
                Naming::Removed(name) => drop(names.remove(name)),
            }
        }
        names.into_iter().map(|(name, file)| (name, self.files[file].after_a_cut(dice))).collect()
    }
}

impl File {
    fn after_a_cut(&self, dice: &mut Dice) -> Vec<u8> {
        let mut content = self.kept.clone();
        for (at, bytes) in &self.asked {
            match (dice.roll(3), bytes) {
                (0, _) => {}
                // Torn: the sectors up to some place, or those from it on.
                (1, Some(bytes)) => {
                    let cut = (dice.roll(bytes.len() as u64 + 1) as usize / SECTOR * SECTOR).min(bytes.len());
                    match dice.roll(2) {
                        0 => apply(&mut content, *at, Some(&bytes[..cut])),
                        _ => apply(&mut content, at + cut, Some(&bytes[cut..])),
                    }
                }
                (_, bytes) => apply(&mut content, *at, bytes.as_deref()),
            }
        }
        content
    }
}

/// Writes `bytes` at a place, or cuts the content there.
fn apply(content: &mut Vec<u8>, at: usize, bytes: Option<&[u8]>) {
    match bytes {
        None => content.resize(at, 0),
        Some([]) => {}
        Some(bytes) => {
            content.resize(content.len().max(at + bytes.len()), 0);
            content[at..at + bytes.len()].copy_from_slice(bytes);
        }
    }
}

/// Opens the store on what a power cut left. What is missing of what the person was told; none where all is there.
fn missing(files: &BTreeMap<String, Vec<u8>>, told: &[Value]) -> Option<String> {
    let folder = tempfile::tempdir().unwrap();
    for (name, content) in files {
        std::fs::write(folder.path().join(name), content).unwrap();
    }
    let said: Vec<&Value> = told.iter().filter(|event| event["event"] == "verdicts").collect();
    let store = match Store::open(folder.path()) {
        Ok(store) => store,
        Err(error) => return Some(format!("the store does not open: {error}")),
    };
    let session = match store.load("1") {
        Ok(session) => session,
        Err(_) if told.is_empty() => return None,
        Err(error) => return Some(format!("the session was announced: {error}")),
    };
    let more = session.exchanges.len().checked_sub(said.len());
    let right = said.iter().zip(&session.exchanges).all(|(event, exchange)| event["text"] == exchange.text);
    let replies = told.iter().filter(|event| event["event"] == "boss" && event["turn"] != 0).count();
    let stored = session.exchanges.iter().filter(|exchange| exchange.reply.is_some()).count();
    let ended = told.iter().any(|event| event["event"] == "end");
    let whole = right
        && more.is_some_and(|more| more <= 1)
        && stored >= replies
        && (!ended || session.outcome.is_some());
    (!whole).then(|| {
        format!("{} turns and {replies} replies were told, {stored} replies stored: {session:?}", said.len())
    })
}

/// Cuts the power at random moments; what was lost at the first that lost something, and how many were tried.
fn cut(steps: &[Step], tries: usize, dice: &mut Dice) -> (Option<String>, usize) {
    for tried in 0..tries {
        let moment = dice.roll(steps.len() as u64 + 1) as usize;
        let (mut disk, mut told) = (Disk::default(), Vec::new());
        for step in &steps[..moment] {
            disk.take(step);
            told.extend(if let Step::Told(event) = step { Some(event.clone()) } else { None });
        }
        let files = disk.after_a_cut(dice);
        if let Some(lost) = missing(&files, &told) {
            return (Some(format!("after step {moment} ({:?}): {lost}", steps[..moment].last())), tried);
        }
    }
    (None, tries)
}

#[test]
fn a_power_cut_loses_nothing_that_was_acknowledged() {
    let home = Home::new();
    let Some(steps) = recorded(&home) else { return };
    let count = |kind: fn(&Step) -> bool| steps.iter().filter(|step| kind(step)).count();
    let syncs = count(|step| matches!(step, Step::Sync(_) | Step::SyncFolder));
    let told = count(|step| matches!(step, Step::Told(_)));
    assert!(told >= 9 && syncs > 30, "the recording has {told} events and {syncs} syncs");
    // What the recording says is what is on the disk.
    let mut disk = Disk::default();
    steps.iter().for_each(|step| disk.take(step));
    disk.take(&Step::Sync("sessions.db".into()));
    assert!(
        disk.files[disk.seen["sessions.db"]].kept == std::fs::read(home.data().join("sessions.db")).unwrap()
    );

    let mut dice = Dice(11);
    let (lost, tried) = cut(&steps, number("COACHUP_POWER_CUTS", 400), &mut dice);
    assert_eq!(lost, None);
    eprintln!("{tried} power cuts in a talk of {} steps, {syncs} of them syncs: nothing lost", steps.len());

    // The test sees what a missing sync would cost: here, that the disk keeps that a journal is gone.
    let mut careless = Vec::new();
    for step in &steps {
        let after_removal = matches!(careless.last(), Some(Step::Remove(_))) && *step == Step::SyncFolder;
        careless.extend((!after_removal).then(|| step.clone()));
    }
    assert!(careless.len() < steps.len(), "no journal's removal was made sure of");
    assert!(cut(&careless, 2000, &mut dice).0.is_some(), "a missing sync was not noticed");
}

/// Beyond what any store promises: a disk that garbles or cuts the file. It is noticed, said, and crashes nothing.
#[test]
fn a_garbled_store_is_noticed_and_crashes_nothing() {
    let home = Home::new();
    let turns = TURNS.repeat(3).replace("/end\n", "");
    for _ in 0..4 {
        home.practise(&["Let me look at my week first."; 40], &turns, &[]);
    }
    let whole = std::fs::read(home.data().join("sessions.db")).unwrap();
    let mut dice = Dice(5);
    let (mut noticed, mut unharmed) = (0, 0);
    let trials = number("COACHUP_GARBLED", 100);
    for trial in 0..trials {
        let mut bytes = whole.clone();
        if trial % 3 == 0 {
            bytes.truncate(dice.roll(whole.len() as u64) as usize);
        } else {
            // A sector of noise, or a few bits.
            let at = dice.roll((whole.len() - SECTOR) as u64) as usize;
            let length = if trial % 3 == 1 { SECTOR } else { 3 };
            bytes[at..at + length].iter_mut().for_each(|byte| *byte = dice.roll(256) as u8);
        }
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(folder.path().join("sessions.db"), bytes).unwrap();
        let read = Store::open(folder.path()).and_then(|store| {
            let ids = store.list()?.into_iter().map(|summary| summary.header.id);
            ids.map(|id| store.load(&id)).collect::<Result<Vec<_>, _>>()
        });
        match read {
            Ok(sessions) => {
                unharmed += 1;
                for session in &sessions {
                    let titles = Titles { scenario: "the talk", boss: "the boss" };
                    let report = Report::outline(session, session.head, titles);
                    terminal::render(&report, 80, true);
                }
            }
            Err(error) => {
                noticed += 1;
                assert!(!error.to_string().chars().any(coachup::text::printable::is_unsafe), "{error}");
            }
        }
    }
    eprintln!("{trials} garbled stores: {noticed} refused with words, {unharmed} with what is left in order");
    std::fs::write(home.data().join("sessions.db"), &whole[..whole.len() / 2]).unwrap();
    let output = home.coachup(&["review", "last"]).assert().code(1).get_output().stderr.clone();
    let text = String::from_utf8_lossy(&output);
    assert!(text.contains("damaged") && text.contains("sessions import"), "{text}");
}
