//! What came of the real talk, the boss put right by it, and remarks of a coach.

use crate::support::Home;
use serde_json::Value;

const ANSWERS: &str = "about = 'my late rota'\nwant = 'the rota two weeks ahead'\nname = 'Maureen'\npronoun = 'she'\n\
    temperaments = ['proud']\nusually = 'guarded'\nwhen = '2026-01-08'\n";

fn typed(home: &Home, args: &[&str], lines: &str) -> String {
    let run = home.coachup(args).write_stdin(lines).assert().success();
    String::from_utf8(run.get_output().stdout.clone()).unwrap()
}

fn error(home: &Home, args: &[&str]) -> String {
    String::from_utf8(home.coachup(args).assert().failure().get_output().stderr.clone()).unwrap()
}

fn json(text: &str) -> Value {
    serde_json::from_str(text).unwrap()
}

/// A home with a talk called `rota` that was practised once, long ago.
fn practised() -> Home {
    let home = Home::new();
    let file = home.file("answers.toml", ANSWERS);
    typed(&home, &["new", "rota", "--from", file.to_str().unwrap()], "");
    home.practise(&["This week is full."], "Could we find ten minutes? It's about the rota.\n", &["rota"]);
    home
}

#[test]
fn a_real_talk_is_told_graded_and_shown_beside_its_rehearsals() {
    let home = practised();
    let words = home.file("words.txt", "Could we find ten minutes on Friday?\n\nYou never plan ahead.\n");
    // Took place; agreed in part; asked for permission and offered help; fairly like; more open, says less.
    let lines = "1\n2\nTwo weeks, from March on.\nShe thanked me.\n1 12\n4\n1 4\ny\ny\n";
    let text = typed(&home, &["after", "rota", "--words", words.to_str().unwrap()], lines);
    assert!(text.contains("Real talks") && text.contains("Kept as session 2"), "{text}");
    assert!(text.contains("the real talk (session 2), agreed in part, grade "), "{text}");

    let review = typed(&home, &["review", "2"], "");
    for words in
        ["2026-01-08, the real talk with Maureen", "Two weeks, from March on.", "4 of 5", "never plan"]
    {
        assert!(review.contains(words), "{words}: {review}");
    }
    assert!(!review.contains("openness") && !review.contains("No reply"), "{review}");
    for format in ["markdown", "html", "json"] {
        let review = typed(&home, &["review", "2", "--format", format], "");
        assert!(review.contains("She thanked me."), "{review}");
    }
    let progress = json(&typed(&home, &["progress", "--format", "json"], ""));
    assert_eq!(progress["talks"].as_array().unwrap().len(), 1, "it is no rehearsal");
    assert_eq!(progress["real"][0]["managed"], serde_json::json!(["asks-permission", "offers-help"]));
    // The talk was before the rehearsal of today.
    assert_eq!(progress["real"][0]["rehearsed"], serde_json::json!([]));

    let shown = |kind: &str| json(&typed(&home, &[kind, "show", "rota", "--format", "json"], ""));
    assert_eq!(shown("scenarios")["difficulty"], "open");
    assert!(
        shown("bosses")["voice"].as_str().unwrap().ends_with("Maureen says little, often half a sentence.")
    );
    assert!(error(&home, &["practice", "--resume", "2"]).contains("is the real talk"));
}

#[test]
fn it_is_exported_taken_in_and_made_anonymous() {
    let home = practised();
    typed(&home, &["after", "rota"], "1\n1\nMaureen plans ahead.\n\n\n\n\n");
    let file = home.path().join("real.json");
    let path = file.to_str().unwrap();
    typed(&home, &["sessions", "export", "2", "--output", path], "");
    let other = Home::new();
    assert!(typed(&other, &["sessions", "import", path], "").contains("Imported as session 1"));
    assert!(typed(&other, &["sessions", "import", path], "").contains("already, as session 1"));
    assert!(typed(&other, &["review", "1"], "").contains("Maureen plans ahead."));
    let hidden = typed(&home, &["sessions", "export", "2", "--anonymous"], "");
    assert!(hidden.contains("[boss] plans ahead.") && !hidden.contains("Maureen"), "{hidden}");
}

#[test]
fn a_talk_that_did_not_take_place_gets_a_day_or_is_dropped() {
    let home = practised();
    let text = typed(&home, &["after"], "2\n2099-05-04\n");
    assert!(text.contains("Monday, 4 May 2099"), "{text}");
    let shown = || json(&typed(&home, &["scenarios", "show", "rota", "--format", "json"], ""));
    assert_eq!(shown()["when"], "2099-05-04");
    assert!(error(&home, &["after"]).contains("no talk of your own is due"));
    typed(&home, &["after", "rota"], "3\n");
    assert_eq!(shown()["when"], Value::Null);
}

#[test]
fn answers_are_kept_until_all_are_given() {
    let home = practised();
    assert!(typed(&home, &["after"], "1\n3\n/quit\n").contains("`coachup after rota` goes on from here"));
    let text = typed(&home, &["after"], "nothing\n\n\n\n\n");
    assert!(text.contains("Going on where you left") && text.contains("nothing was decided"), "{text}");
    assert!(error(&home, &["after"]).contains("no talk of your own is due"), "it was told");
}

#[test]
fn wrong_input_is_named() {
    let home = practised();
    assert!(error(&home, &["after", "roto"]).contains("rota"));
    assert!(error(&home, &["after", "rota", "--words", "/no/such/file"]).contains("can't read"));
    let empty = home.file("empty.txt", "\n \n");
    assert!(error(&home, &["after", "rota", "--words", empty.to_str().unwrap()]).contains("no words in"));
    let long = home.file("long.txt", &"x".repeat(200_001));
    assert!(error(&home, &["after", "rota", "--words", long.to_str().unwrap()]).contains("turn 1 of"));
}

#[test]
fn a_remark_stands_at_its_turn_and_travels() {
    let home = practised();
    let file = home.path().join("talk.json");
    let path = file.to_str().unwrap();
    let other = Home::new();
    typed(&home, &["sessions", "export", "1", "--output", path], "");
    typed(&other, &["sessions", "import", path], "");
    // The coach remarks on the copy, the person on the original: neither is lost.
    typed(&other, &["comment", "1:1", "A good question: *keep* it."], "");
    typed(&home, &["comment", "1:1", "I was nervous."], "");
    typed(&other, &["sessions", "export", "1", "--output", path, "--force"], "");
    let text = typed(&home, &["sessions", "import", path], "");
    assert!(text.contains("already, as session 1; 1 new remark"), "{text}");
    for format in ["terminal", "markdown", "html", "json"] {
        let review = typed(&home, &["review", "1", "--format", format], "");
        assert!(review.contains("I was nervous.") && review.contains("A good question"), "{review}");
    }
    assert!(error(&home, &["comment", "1:9", "x"]).contains("no exchange `9`"));
    assert!(error(&home, &["comment", "1:0", "x"]).contains("turns begin with 1"));
    assert!(error(&home, &["comment", "1", "x"]).contains("names no turn"));
    assert!(error(&home, &["comment", "1:1", "  "]).contains("is empty"));
}
