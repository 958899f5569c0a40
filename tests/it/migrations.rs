//! A store of every earlier schema version is taken over whole, and kept as it was beside the new one.
//!
//! `tests/stores/vN.db` is a store as the program of schema version N wrote it. A new version needs its file here.

use crate::support::{Dice, Home, Running};
use coachup::session::Session;
use coachup::session::store::Store;
use rusqlite::Connection;
use std::path::{Path, PathBuf};
use std::time::Duration;

fn fixture(version: i64) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/stores/v{version}.db"))
}

fn version(store: &Path) -> i64 {
    Connection::open(store).unwrap().pragma_query_value(None, "user_version", |row| row.get(0)).unwrap()
}

/// The version that the program writes.
fn newest() -> i64 {
    let home = Home::new();
    drop(Store::open(&home.data()).unwrap());
    version(&home.data().join("sessions.db"))
}

/// A home with the store of an earlier version.
fn home_of(version: i64) -> Home {
    let home = Home::new();
    std::fs::create_dir(home.data()).unwrap();
    std::fs::copy(fixture(version), home.data().join("sessions.db")).unwrap();
    home
}

fn sessions(home: &Home) -> Vec<Session> {
    let store = Store::open(&home.data()).unwrap();
    store.list().unwrap().iter().map(|summary| store.load(&summary.header.id).unwrap()).collect()
}

/// What the fixtures hold: two talks, one with a branch and an end.
fn check(sessions: &[Session]) {
    let shape =
        |session: &Session| (session.header.scenario.clone(), session.exchanges.len(), session.talk().len());
    let shapes: Vec<_> = sessions.iter().map(shape).collect();
    assert_eq!(shapes, [("micromanagement".to_owned(), 2, 2), ("late-feedback".to_owned(), 4, 3)]);
    let talk = &sessions[1];
    assert_eq!(talk.exchanges[0].text, "Do you have ten minutes on Thursday to talk about the prototype?");
    assert!(talk.outcome.is_some() && talk.exchanges.iter().all(|exchange| exchange.reply.is_some()));
}

#[test]
fn a_store_of_every_version_is_taken_over_and_backed_up() {
    let newest = newest();
    for old in 1..=newest {
        assert_eq!(version(&fixture(old)), old, "tests/stores/v{old}.db is missing or of another version");
        let home = home_of(old);
        home.coachup(&["review", "1"]).assert().success();
        let store = home.data().join("sessions.db");
        assert_eq!(version(&store), newest);
        check(&sessions(&home));
        let backup = home.data().join(format!("sessions.db.v{old}.bak"));
        assert_eq!(backup.exists(), old < newest);
        if old < newest {
            assert_eq!(version(&backup), old);
            let before = Connection::open(&backup).unwrap();
            let kept: i64 = before.query_row("SELECT count(*) FROM exchanges", [], |row| row.get(0)).unwrap();
            assert_eq!(kept, 6);
        }
        // Old talks can be gone on with.
        let replies = home.file("replies.txt", "Let me look at my week first.\n");
        let model = format!("scripted:{}", replies.display());
        let resume = ["practice", "--model", &model, "--resume", "1"];
        home.coachup(&resume).write_stdin("What would you need from me?\n").assert().success();
        assert_eq!(sessions(&home)[1].exchanges.len(), 5);
        home.coachup(&["progress"]).assert().success();
    }
}

#[test]
fn a_kill_during_the_change_leaves_one_that_can_be_taken_over() {
    let mut dice = Dice(3);
    for old in 1..newest() {
        for _ in 0..20 {
            let home = home_of(old);
            let running = Running::start(home.command(&["sessions", "list"]), "");
            std::thread::sleep(Duration::from_micros(dice.roll(60_000)));
            running.kill();
            check(&sessions(&home));
        }
    }
}
