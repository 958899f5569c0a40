//! A plan, from the sheet through the talk to the review; and the ways to say a turn again.

use crate::support::{Home, of_kind};
use serde_json::Value;

const SHEET: &str = "the late feedback on my prototype\nI know you have the board deck due on Monday.\n\n\
                     What do you need from me to make the review shorter?\n\
                     You would get fewer surprises at the launch, and my team could keep building.\n\
                     a two-page summary by Thursday\ntwenty minutes together on Friday\n\n\
                     I'll write up the open points on one page.\nCould we find half an hour on Thursday?\n4\n";

fn stdout(home: &Home, args: &[&str]) -> String {
    String::from_utf8(home.coachup(args).assert().success().get_output().stdout.clone()).unwrap()
}

fn plan(home: &Home, sheet: &str) -> String {
    let output = home.coachup(&["prepare"]).write_stdin(sheet).assert().success().get_output().stdout.clone();
    String::from_utf8(output).unwrap()
}

#[test]
fn a_plan_is_made_graded_shown_in_the_talk_and_found_in_the_review() {
    let home = Home::new();
    let text = plan(&home, SHEET);
    assert!(text.contains("1 of 9") && text.contains("Prepare"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let shown: Value =
        serde_json::from_str(&stdout(&home, &["prepare", "--show", "--format", "json"])).unwrap();
    assert!(shown["review"]["prepare"]["score"].as_f64().unwrap() >= 70.0, "{shown}");
    let turns = "Could we find half an hour on Thursday for the feedback on the prototype?\n/plan\n\
                 I could bring a two-page summary by Thursday.\n";
    let events = home.practise(&[], turns, &["--seed", "2"]);
    let note = of_kind(&events, "note")[0]["text"].as_str().unwrap().to_owned();
    assert!(note.contains("Your plan") && note.contains("fewer surprises"), "{note}");
    let review = stdout(&home, &["review"]);
    assert!(
        review.contains("When, used in turn 1") && review.contains("Options 1, used in turn 2"),
        "{review}"
    );
    assert!(review.contains("Your help, not used"), "{review}");
    let json: Value = serde_json::from_str(&stdout(&home, &["sessions", "export"])).unwrap();
    assert_eq!((&json["version"], &json["plan"]["calm"]), (&3.into(), &4.into()));
}

#[test]
fn a_plan_is_left_and_resumed_and_a_wrong_one_is_named() {
    let home = Home::new();
    let text = plan(&home, "the late feedback\n/quit\n");
    assert!(text.contains("`coachup prepare late-feedback` goes on"), "{text}");
    let text = plan(&home, "/quit\n");
    assert!(text.contains("Topic: the late feedback") && text.contains("2 of 9"), "{text}");
    home.coachup(&["prepare", "late-fedback"]).assert().code(2);
    home.coachup(&["practice", "--plan", "nothing"]).write_stdin("Hello.\n").assert().code(1);
}

#[test]
fn any_turn_of_any_session_can_be_said_again_and_is_compared() {
    let home = Home::new();
    let turns =
        "Do you have ten minutes on Thursday to talk about the prototype?\nYou never answer my mails.\n";
    home.practise(&[], turns, &["--seed", "1"]);
    home.practise(&[], "Hello.\n", &["--seed", "2"]);
    let events = home.practise(&[], "What would help you to look at it?\n", &["--resume", "1:1"]);
    assert_eq!((&events[0]["id"], &of_kind(&events, "verdicts")[0]["turn"]), (&"1".into(), &2.into()));
    let text = stdout(&home, &["review", "1", "--compare", "1:2"]);
    assert!(text.contains("A 1:3 against B 1:2") && text.contains("The first turn is the same."), "{text}");
    assert!(text.contains("Blames: A not at all, B in turn 2"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let json: Value =
        serde_json::from_str(&stdout(&home, &["review", "1", "--compare", "--format", "json"])).unwrap();
    assert_eq!((&json["shared"], &json["sides"][1]["id"]), (&1.into(), &"1:2".into()));
    home.coachup(&["review", "1:9"]).assert().code(1);
}

#[test]
fn branches_are_listed_and_gone_to() {
    let home = Home::new();
    let turns = "Hello there, do you have a minute?\n/undo\nWhat is on your plate this week?\n/branches 1\n/branches\n/branches 7\n";
    let events = home.practise(&[], turns, &[]);
    let notes: Vec<&str> =
        of_kind(&events, "note").iter().map(|note| note["text"].as_str().unwrap()).collect();
    assert!(notes[1].contains("You are at 1 now"), "{notes:?}");
    assert!(notes[2].lines().any(|line| line.starts_with("*   1:")), "{notes:?}");
    assert!(notes[3].contains("no number 7"), "{notes:?}");
}

#[test]
fn progress_is_honest_about_few_talks() {
    let home = Home::new();
    assert!(stdout(&home, &["progress"]).contains("Nothing was practised yet"));
    home.practise(&[], "You never answer my mails. You need to send it.\n", &[]);
    let text = stdout(&home, &["progress"]);
    assert!(text.contains("Too few talks for a trend") && text.contains("coachup practice"), "{text}");
    assert!(text.lines().all(|line| line.chars().count() <= 80), "{text}");
    let json: Value = serde_json::from_str(&stdout(&home, &["progress", "--format", "json"])).unwrap();
    assert_eq!(
        (json["talks"].as_array().unwrap().len(), &json["overall"]["change"]["trend"]),
        (1, &"too-few".into())
    );
}

#[test]
fn nothing_said_leaves_nothing_behind() {
    let home = Home::new();
    for script in ["", "/quit\n", "/help\n/end\n"] {
        home.practise(&[], script, &[]);
    }
    assert!(stdout(&home, &["sessions", "list"]).contains("No sessions yet"));
}

#[test]
fn slips_are_caught() {
    let home = Home::new();
    home.coachup(&["scenarios", "new", "mine"]).assert().success();
    let output = home
        .coachup(&["practice", "mine"])
        .write_stdin("Hello.\n")
        .assert()
        .code(1)
        .get_output()
        .stderr
        .clone();
    assert!(
        String::from_utf8_lossy(&output).contains("is not finished"),
        "{}",
        String::from_utf8_lossy(&output)
    );
    home.coachup(&["practice", "--model", "smolm2-135m"]).write_stdin("Hello.\n").assert().code(2);
    home.practise(&[], "Hello, do you have a minute?\n", &[]);
    let file = home.file("talk.md", "mine");
    let line = ["review", "--format", "markdown", "--output", file.to_str().unwrap()];
    home.coachup(&line).assert().code(1);
    assert_eq!(std::fs::read_to_string(&file).unwrap(), "mine");
    home.coachup(&[&line[..], &["--force"]].concat()).assert().success();
    let text = stdout(&home, &["review", "--plain"]);
    assert!(!text.contains(['█', '▄']) && !text.contains("++++"), "{text}");
    home.coachup(&["practise", "--help"]).assert().success();
    home.file("settings.toml", "name = \n");
    let output = home.coachup(&["doctor"]).assert().code(1).get_output().stdout.clone();
    let text = String::from_utf8_lossy(&output).into_owned();
    assert!(text.contains("bad   settings") && text.contains("memory"), "{text}");
}
