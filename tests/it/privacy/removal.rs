//! What is removed is in no file any more, and does not come back.

use super::{CANARY, at_terminal, everything, holding, model, typed_at_a_terminal};
use crate::support::Home;
use coachup::session::store::Store;
use std::path::{Path, PathBuf};

#[test]
fn what_is_removed_is_in_no_file_any_more() {
    for all in [false, true] {
        let home = Home::new();
        let outside = Home::new();
        let model = model(&outside);
        // An older store with the words in it, of which a backup will be kept.
        std::fs::create_dir(home.data()).unwrap();
        let store = home.data().join("sessions.db");
        std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stores/v1.db"), &store).unwrap();
        let old = rusqlite::Connection::open(&store).unwrap();
        old.execute("UPDATE exchanges SET text = text || ?1", [CANARY]).unwrap();
        drop(old);
        home.coachup(&["sessions", "list"]).assert().success();
        typed_at_a_terminal(home.path(), "022", &model);
        home.coachup(&["practice", "--model", &model]).write_stdin(format!("{CANARY}?\n")).assert().success();
        home.coachup(&["review", "--open"]).env("BROWSER", "true").assert().success();
        // What a kill left of a file that was being written.
        home.file("data/.tmpA1b2C3", CANARY);
        let before = holding(home.path(), CANARY);
        for name in ["sessions.db", "sessions.db.v1.bak", "history.txt", "review.html", ".tmpA1b2C3"] {
            assert!(
                before.contains(&home.data().join(name)),
                "the words are not in {name}, so the test tests nothing"
            );
        }
        let args: &[&str] = if all { &["--all"] } else { &["1", "2", "3", "4"] };
        home.coachup(&[&["sessions", "rm", "--yes"], args].concat()).assert().success();
        assert_eq!(holding(home.path(), CANARY), Vec::<PathBuf>::new());
        let prefixes =
            everything(&home.data()).into_iter().filter(|path| path.extension().is_some_and(|e| e == "kv"));
        assert_eq!(prefixes.count(), 0, "a prompt's beginning is still kept");
    }
}

/// A talk that goes on at another terminal knows the lines of before; it must not write them down again.
#[test]
fn what_is_removed_is_not_written_back_by_a_talk_that_goes_on() {
    let (home, outside) = (Home::new(), Home::new());
    let model = model(&outside);
    typed_at_a_terminal(home.path(), "022", &model);
    let Some(mut person) = at_terminal(home.path(), "022", &model) else { return };
    person.wait_for("Sam:");
    person.type_in(&format!("{CANARY}, once more?\r"));
    person.wait_for("openness");
    home.coachup(&["sessions", "rm", "--all", "--yes"]).assert().success();
    person.type_in("A line of afterwards?\r");
    person.wait_for("this session has been removed");
    // The line is still there: Ctrl-U takes it away, once the prompt listens again.
    person.wait_for("Sam: A line of afterwards?");
    person.type_in("\u{15}/quit\r");
    person.wait_for("nothing is kept");
    person.finish();
    assert_eq!(holding(home.path(), CANARY), Vec::<PathBuf>::new());
    assert_eq!(holding(home.path(), "A line of afterwards"), [home.data().join("history.txt")]);
}

#[test]
fn a_plan_stays_until_it_is_removed_itself() {
    let home = Home::new();
    home.coachup(&["prepare"]).write_stdin(format!("{CANARY}\n/quit\n")).assert().success();
    let output =
        home.coachup(&["sessions", "rm", "--all", "--yes"]).assert().success().get_output().stdout.clone();
    assert!(String::from_utf8(output).unwrap().contains("prepare SCENARIO --remove"));
    assert_eq!(holding(home.path(), CANARY).len(), 1);
    home.coachup(&["prepare", "late-feedback", "--remove"]).assert().success();
    assert!(holding(home.path(), CANARY).is_empty());
    home.coachup(&["prepare", "late-feedback", "--remove"]).assert().code(1);
    home.coachup(&["prepare", "../settings", "--remove"]).assert().code(2);
}

/// Pages are split, joined and moved as sessions come and go; no copy of removed words may stay in a gap.
#[test]
fn nothing_of_a_session_stays_between_the_others() {
    let home = Home::new();
    home.practise(&["Go on."; 20], "Do you have a minute?\nHow is your week?\n", &[]);
    let mut store = Store::open(&home.data()).unwrap();
    let pattern = store.load("1").unwrap();
    let words = |number: usize| format!("canary{number:04}canary");
    let count = 40;
    for number in 2..=count {
        let mut session = pattern.clone();
        for exchange in &mut session.exchanges {
            // Of all lengths, so that some fill pages of their own.
            exchange.text += &format!(" {}", words(number)).repeat(1 + number * number % 97);
        }
        assert_eq!(store.insert(&session).unwrap(), number.to_string());
    }
    for number in (2..=count).step_by(3) {
        store.remove(&[number.to_string()]).unwrap();
        assert!(holding(home.path(), &words(number)).is_empty(), "session {number}");
    }
    assert!(!holding(home.path(), &words(3)).is_empty(), "the others are kept");
}
