//! A full disk, a real one: a small file system of its own, filled at many points of a talk. The errors are clear,
//! nothing acknowledged is lost, what is there can be read and removed, and with room again it goes on.
//!
//! The test runs itself again in a mount namespace; where the system allows none, it says so and checks nothing.

use crate::support::{Home, Running, events, number};
use coachup::session::store::Store;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

/// Tells the half of the test that runs in the namespace where its small disk is.
const DISK: &str = "COACHUP_TEST_SMALL_DISK";

/// What the small disk holds, in KiB.
const SIZE: u64 = 2048;

/// A turn long enough to need pages of its own.
fn turn(number: usize) -> String {
    format!("Turn {number}: how is your week? {}\n", "I would like to know more about it. ".repeat(40))
}

#[test]
fn nothing_is_lost_on_a_full_disk() {
    if std::env::var_os(DISK).is_some() {
        return;
    }
    let disk = tempfile::tempdir().unwrap();
    let inside = |flags: &[&str]| {
        let mut command = Command::new("unshare");
        let mount = format!(
            "mount -t tmpfs -o size={SIZE}k,mode=0700 small \"$1\" && exec \"$2\" --exact full_disk::inside --nocapture"
        );
        command.args(flags).args(["--", "sh", "-c", &mount, "sh"]).arg(disk.path());
        command.arg(std::env::current_exe().unwrap()).env(DISK, disk.path()).output()
    };
    // Root needs no user namespace, and others get one where the system allows it.
    let possible = |flags: &[&str]| {
        let mount = "mount -t tmpfs -o size=64k small \"$1\"";
        let tried = Command::new("unshare")
            .args(flags)
            .args(["--", "sh", "-c", mount, "sh"])
            .arg(disk.path())
            .output();
        tried.is_ok_and(|output| output.status.success())
    };
    let flags: [&[&str]; 2] = [&["--mount"], &["--map-root-user", "--mount"]];
    let Some(flags) = flags.into_iter().find(|flags| possible(flags)) else {
        eprintln!(
            "SKIPPED: this system lets the test have no small disk (`unshare --mount`, `mount -t tmpfs`)"
        );
        return;
    };
    let output = inside(flags).unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("1 passed"), "{text}");
    text.lines().filter(|line| line.starts_with("full disk:")).for_each(|line| eprintln!("{line}"));
}

/// The small disk, with room taken away and given back.
struct Disk(PathBuf);

impl Disk {
    fn filler(&self) -> PathBuf {
        self.0.join("filler")
    }

    /// Leaves only so many bytes.
    fn leave(&self, bytes: u64) {
        let _ = std::fs::remove_file(self.filler());
        let free = fs4::available_space(&self.0).unwrap();
        let _ = std::fs::write(self.filler(), vec![1; free.saturating_sub(bytes) as usize]);
    }

    fn give_back(&self) {
        std::fs::remove_file(self.filler()).unwrap();
    }
}

/// The half in the namespace.
#[test]
fn inside() {
    let Some(disk) = std::env::var_os(DISK) else { return };
    let disk = Disk(PathBuf::from(disk));
    let (mut refused, mut kept) = (0, 0);
    // At every page of a turn's growth in a large run, at some of them in the common one.
    let step = if number("COACHUP_FULL_DISKS", 7) > 7 { 1 } else { 4 };
    for room in (0..25).step_by(step).map(|pages| pages * 4096) {
        let home = Home::new_in(&disk.0);
        kept += a_talk_that_meets_a_full_disk(&home, &disk, room);
        refused += 1;
    }
    a_start_on_a_full_disk(&disk);
    a_person_at_a_terminal_keeps_the_words(&disk);
    println!("full disk: {refused} talks met it at different points; {kept} acknowledged turns, all there");
}

fn said(output: &Output) -> Vec<Value> {
    events(&output.stdout).into_iter().filter(|event| event["event"] == "verdicts").collect()
}

fn error(output: &Output) -> String {
    String::from_utf8_lossy(&output.stderr).into_owned()
}

/// Gives how many turns were acknowledged.
fn a_talk_that_meets_a_full_disk(home: &Home, disk: &Disk, room: u64) -> usize {
    let replies = home.file("replies.txt", &"Let me look at my week first.\n".repeat(200));
    let model = format!("scripted:{}", replies.display());
    let practice = ["practice", "--model", &model, "--format", "json"];
    let resume = [&practice[..], &["--resume", "1"]].concat();
    let first = home.coachup(&practice).write_stdin("Do you have a minute?\n/quit\n").output().unwrap();
    assert!(first.status.success(), "{}", error(&first));
    home.coachup(&["prepare"]).write_stdin("the feedback on my prototype\n/quit\n").assert().success();
    let plan = home.data().join("plans/late-feedback.toml");
    let planned = std::fs::read(&plan).unwrap();

    disk.leave(room);
    // Each is said from where the talk stood, so that the boss bears all of them.
    let turns: String = (1..=60).map(|number| turn(number) + "/undo\n").collect();
    let full = home.coachup(&resume).write_stdin(turns).output().unwrap();
    assert_eq!(full.status.code(), Some(1), "{}", error(&full));
    assert!(
        error(&full).contains("the disk is full") && error(&full).contains("free some space"),
        "{}",
        error(&full)
    );
    let acknowledged: Vec<Value> = said(&first).into_iter().chain(said(&full)).collect();
    check(home, &acknowledged);

    // Full as it is: what is there can be read, and what can't be written says so and leaves nothing behind.
    disk.leave(0);
    home.coachup(&["review", "1"]).assert().success();
    home.coachup(&["sessions", "list"]).assert().success();
    let export = home.path().join("talk.json");
    let exported =
        home.coachup(&["sessions", "export", "1", "--output", export.to_str().unwrap()]).output().unwrap();
    assert!(!exported.status.success() && error(&exported).contains("can't write"), "{}", error(&exported));
    assert!(!export.exists());
    let answers = format!("{}\n", "a topic that needs room ".repeat(400));
    let prepared = home.coachup(&["prepare"]).write_stdin(answers).output().unwrap();
    assert!(
        !prepared.status.success() && error(&prepared).contains("can't write the plan"),
        "{}",
        error(&prepared)
    );
    assert_eq!(std::fs::read(&plan).unwrap(), planned);
    assert!(leftovers(home.path()).is_empty(), "{:?}", leftovers(home.path()));

    // With room again, it goes on where it was.
    disk.give_back();
    check(home, &acknowledged);
    let again = home.coachup(&resume).write_stdin("What would you need from me?\n").output().unwrap();
    assert!(again.status.success(), "{}", error(&again));
    let all = [acknowledged, said(&again)].concat();
    check(home, &all);

    // Removing needs no room: it is what makes room.
    disk.leave(0);
    home.coachup(&["sessions", "rm", "1", "--yes"]).assert().success();
    disk.give_back();
    assert!(Store::open(&home.data()).unwrap().is_empty().unwrap());
    all.len()
}

/// Every acknowledged turn is stored as it was shown.
fn check(home: &Home, acknowledged: &[Value]) {
    let session = Store::open(&home.data()).unwrap().load("1").unwrap();
    assert!(session.exchanges.len() >= acknowledged.len());
    for (event, exchange) in acknowledged.iter().zip(&session.exchanges) {
        assert_eq!(event["text"], exchange.text);
    }
}

/// Files that were begun and are not whole.
fn leftovers(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            found.extend(leftovers(&path));
        } else if path.file_name().unwrap().to_string_lossy().starts_with(".tmp") {
            found.push(path);
        }
    }
    found
}

fn a_start_on_a_full_disk(disk: &Disk) {
    let home = Home::new_in(&disk.0);
    let replies = home.file("replies.txt", "Go on.\n");
    let model = format!("scripted:{}", replies.display());
    disk.leave(0);
    let practice = ["practice", "--model", &model];
    let output = home.coachup(&practice).write_stdin("Do you have a minute?\n").output().unwrap();
    assert!(!output.status.success() && error(&output).contains("the disk is full"), "{}", error(&output));
    disk.give_back();
    home.coachup(&practice).write_stdin("Do you have a minute?\n").assert().success();
}

/// At a terminal, the words that could not be stored stand on the line again.
fn a_person_at_a_terminal_keeps_the_words(disk: &Disk) {
    let home = Home::new_in(&disk.0);
    let replies = home.file("replies.txt", &"Let me look at my week first.\n".repeat(40));
    let model = format!("scripted:{}", replies.display());
    let mut line = Command::new("script");
    let program = format!("'{}' practice --plain --model '{model}'", env!("CARGO_BIN_EXE_coachup"));
    line.args(["--quiet", "--flush", "--return", "--command", &program, "/dev/null"]);
    line.env("COACHUP_HOME", home.path()).env("HF_HUB_OFFLINE", "1").env("TERM", "xterm");
    let mut person = match Running::at_terminal(line) {
        Ok(person) => person,
        Err(error) => return println!("full disk: SKIPPED at a terminal: no `script` here ({error})"),
    };
    person.wait_for("Dana:");
    person.type_in("Do you have a minute?\r");
    person.wait_for("openness");
    disk.leave(0);
    person.type_in("What takes most of your time this week, and what would you need?\r");
    person.wait_for("Not taken: the disk is full");
    disk.give_back();
    person.type_in("\r");
    person.wait_for("openness");
    person.type_in("/quit\r");
    person.wait_for("Kept as session 1");
    person.finish();
    let session = Store::open(&home.data()).unwrap().load("1").unwrap();
    let texts: Vec<&str> = session.exchanges.iter().map(|exchange| exchange.text.as_str()).collect();
    assert_eq!(
        texts,
        ["Do you have a minute?", "What takes most of your time this week, and what would you need?"]
    );
}
