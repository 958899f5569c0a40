//! Reviews, the list of sessions, export and import through the built program, and a kill in between.

use crate::support::Home;
use serde_json::Value;
use std::io::{BufRead, BufReader, Write};
use std::process::{Command, Stdio};

fn stdout(home: &Home, args: &[&str]) -> String {
    String::from_utf8(home.coachup(args).assert().success().get_output().stdout.clone()).unwrap()
}

#[test]
fn a_review_quotes_explains_and_advises() {
    let home = Home::new();
    home.practise(&[], "Do you have ten minutes on Thursday about the prototype?\nYou never answer.\n", &[]);
    let text = stdout(&home, &["review", "last"]);
    for part in ["asks permission", "You never answer", "blames", "openness"] {
        assert!(text.to_lowercase().contains(&part.to_lowercase()), "`{part}` is missing in:\n{text}");
    }
    assert!(text.lines().all(|line| line.chars().count() <= 80), "wider than 80 columns");
    let json: Value = serde_json::from_str(&stdout(&home, &["review", "last", "--format", "json"])).unwrap();
    assert_eq!(json["talk"].as_array().unwrap().len(), 2);
    assert!(stdout(&home, &["review", "1", "--format", "markdown"]).starts_with('#'));
    let listed = stdout(&home, &["sessions", "list"]);
    assert!(listed.contains("late-feedback"), "{listed}");
}

#[test]
fn an_export_comes_back_whole() {
    let home = Home::new();
    home.practise(&[], "Do you have a minute?\n/undo\nHello, how is your week?\n", &[]);
    let export = home.path().join("talk.json");
    let file = export.to_str().unwrap();
    home.coachup(&["sessions", "export", "1", "--output", file]).assert().success();
    let said = stdout(&home, &["sessions", "import", file, "--copy"]);
    assert!(said.contains("session 2"), "{said}");
    let read = |id: &str| -> Value {
        let mut value: Value = serde_json::from_str(&stdout(&home, &["sessions", "export", id])).unwrap();
        value["header"]["id"] = Value::Null;
        value
    };
    assert_eq!(read("1"), read("2"));
    home.coachup(&["sessions", "rm", "1", "--yes"]).assert().success();
    home.coachup(&["review", "1"]).assert().failure();
    home.file("bad.json", "{\"format\": \"something else\"}");
    home.coachup(&["sessions", "import", home.path().join("bad.json").to_str().unwrap()]).assert().code(1);
}

#[test]
fn a_session_that_is_here_is_not_taken_in_twice() {
    let (home, other) = (Home::new(), Home::new());
    home.practise(&[], "Do you have a minute?\n/quit\n", &[]);
    let export = home.path().join("talk.json");
    let file = export.to_str().unwrap();
    home.coachup(&["sessions", "export", "1", "--output", file]).assert().success();
    let sessions = |home: &Home| {
        let list: Value =
            serde_json::from_str(&stdout(home, &["sessions", "list", "--format", "json"])).unwrap();
        list.as_array().unwrap().len()
    };
    for known_as in ["Imported as session 1", "already, as session 1", "already, as session 1"] {
        let said = stdout(&other, &["sessions", "import", file]);
        assert!(said.contains(known_as), "{said}");
        assert_eq!(sessions(&other), 1);
    }
    // From standard input, and after the talk went on here.
    let text = std::fs::read(&export).unwrap();
    home.practise(&[], "How is your week?\n/quit\n", &["--resume", "1"]);
    let again = home.coachup(&["sessions", "import", "-"]).write_stdin(text).assert().success();
    let said = String::from_utf8(again.get_output().stdout.clone()).unwrap();
    assert!(said.contains("already, as session 1"), "{said}");
    assert_eq!(sessions(&home), 1);
    // What has more in it than is here is taken in.
    home.coachup(&["sessions", "export", "1", "--output", file, "--force"]).assert().success();
    assert!(stdout(&other, &["sessions", "import", file]).contains("Imported as session 2"));
    // A copy is made when it is asked for.
    assert!(stdout(&other, &["sessions", "import", file, "--copy"]).contains("Imported as session 3"));
}

#[test]
fn a_kill_at_any_moment_keeps_every_turn_that_was_graded() {
    let home = Home::new();
    let replies = home.file("replies.txt", "");
    for said in 1..=8 {
        let mut child = Command::new(env!("CARGO_BIN_EXE_coachup"))
            .args(["practice", "--format", "json", "--model", &format!("scripted:{}", replies.display())])
            .env("COACHUP_HOME", home.path())
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let (mut input, mut output) =
            (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
        let mut graded = 0;
        for turn in 1..=said {
            writeln!(input, "Turn number {turn}: how is your week?").unwrap();
        }
        let mut line = String::new();
        while graded < said && output.read_line(&mut line).unwrap() > 0 {
            graded += usize::from(line.contains(r#""event":"verdicts""#));
            line.clear();
        }
        child.kill().unwrap();
        child.wait().unwrap();
        let json: Value =
            serde_json::from_str(&stdout(&home, &["review", "last", "--format", "json"])).unwrap();
        let kept = json["talk"].as_array().unwrap();
        assert!(kept.len() >= graded, "{graded} were graded, {} are kept", kept.len());
    }
}
