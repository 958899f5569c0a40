//! Whole sessions through the built program, with the scripted engine.

use crate::support::{Home, events, of_kind};
use serde_json::Value;

const SKILFUL: &str = include_str!("scripts/skilful.txt");
const BLAMING: &str = include_str!("scripts/blaming.txt");

/// Lines that fit no act well: the boss's own lines stand in where they do not fit.
const REPLIES: [&str; 6] = [
    "I've got the board deck due on Monday.",
    "Which part of it do you mean?",
    "That review takes two hours I don't have.",
    "Let me look at my week first.",
    "I know it has been lying there.",
    "What would that take off my desk?",
];

fn replies() -> Vec<&'static str> {
    REPLIES.iter().cycle().take(120).copied().collect()
}

/// The events without what the clock says.
fn timeless(events: &[Value]) -> Vec<Value> {
    let mut events = events.to_vec();
    for event in &mut events {
        let object = event.as_object_mut().unwrap();
        object.remove("first_token_ms");
        object.remove("total_ms");
    }
    events
}

#[test]
fn a_session_tells_its_story_in_events() {
    let home = Home::new();
    let events = home.practise(&replies(), SKILFUL, &["--seed", "7"]);
    let session = &events[0];
    assert_eq!(session["event"], "session");
    assert_eq!((&session["scenario"], &session["boss"]), (&"late-feedback".into(), &"dana".into()));
    assert_eq!((&session["difficulty"], &session["seed"]), (&"guarded".into(), &7.into()));
    let greeting = &events[1];
    assert_eq!((&greeting["event"], &greeting["turn"]), (&"boss".into(), &0.into()));
    let (said, answered) = (of_kind(&events, "verdicts"), of_kind(&events, "boss"));
    let turns = SKILFUL.lines().count();
    assert_eq!((said.len(), answered.len()), (turns, turns + 1));
    for (line, event) in SKILFUL.lines().zip(&said) {
        assert_eq!(event["text"], line);
        let checks = event["checks"].as_object().unwrap();
        assert_eq!(checks.len(), 18);
        for verdict in checks.values() {
            for span in verdict["evidence"].as_array().unwrap() {
                let (start, end) = (span["start"].as_u64().unwrap(), span["end"].as_u64().unwrap());
                assert_eq!(span["text"], line[start as usize..end as usize]);
            }
        }
        let (from, to) = (event["move"]["from"].as_f64().unwrap(), event["move"]["to"].as_f64().unwrap());
        assert!((0.0..=100.0).contains(&from) && (0.0..=100.0).contains(&to));
        assert!(event["move"]["why"].is_array());
    }
    assert_eq!(said[0]["checks"]["asks-permission"]["verdict"], "yes");
    assert_eq!(said[1]["checks"]["springs"]["verdict"], "n/a");
    for event in &answered {
        for key in ["text", "act", "openness", "patience", "conceded", "fallback", "tokens"] {
            assert!(!event[key].is_null(), "{key} is missing: {event}");
        }
    }
    let end = events.last().unwrap();
    assert_eq!((&end["event"], end["turns"].as_u64()), (&"end".into(), Some(turns as u64)));
    assert!(end["grade"]["overall"].as_f64().unwrap() > 50.0, "{end}");
    assert_eq!(end["grade"]["skills"].as_object().unwrap().len(), 4);
}

#[test]
fn the_same_seed_gives_the_same_session_byte_for_byte() {
    let run = |seed: &str| {
        let home = Home::new();
        timeless(&home.practise(&replies(), SKILFUL, &["--seed", seed]))
            .into_iter()
            .map(|mut event| {
                // The scripted model is named by its file, which lies in the test's own folder.
                event.as_object_mut().unwrap().remove("model");
                event
            })
            .collect::<Vec<_>>()
    };
    assert_eq!(run("3"), run("3"));
    assert_ne!(run("3"), run("4"));
}

#[test]
fn blame_is_never_rewarded() {
    for difficulty in ["guarded", "skeptical", "hostile"] {
        for seed in ["1", "2", "3"] {
            let home = Home::new();
            let events = home.practise(&replies(), BLAMING, &["--difficulty", difficulty, "--seed", seed]);
            assert!(of_kind(&events, "boss").iter().all(|event| event["conceded"] == false), "{difficulty}");
            let end = events.last().unwrap();
            assert!(["open", "ended-by-boss"].contains(&end["outcome"].as_str().unwrap()), "{end}");
            assert!(end["grade"]["overall"].as_f64().unwrap() < 40.0, "{end}");
        }
    }
}

#[test]
fn receptiveness_sets_the_start() {
    let home = Home::new();
    let events = home.practise(&replies(), "Hello.\n", &["--receptiveness", "72"]);
    assert_eq!((&events[0]["difficulty"], &events[0]["receptiveness"]), (&"custom".into(), &72.0.into()));
    assert_eq!(events[1]["openness"], 72.0);
    home.coachup(&["practice", "--receptiveness", "101"]).assert().code(2);
    home.coachup(&["practice", "--receptiveness", "5", "--difficulty", "open"]).assert().code(2);
}

#[test]
fn slash_commands_answer_in_a_script_and_undo_starts_a_branch() {
    let home = Home::new();
    let turns = "Do you have ten minutes on Thursday to talk about the prototype?\n/score\n/why\n/undo\n\
                 You never answer my mails.\n/branches\n/scor\n";
    let events = home.practise(&replies(), turns, &[]);
    let notes = of_kind(&events, "note");
    let commands: Vec<_> = notes.iter().map(|note| note["command"].as_str().unwrap()).collect();
    assert_eq!(commands, ["/score", "/why", "/undo", "/branches"]);
    assert!(notes[0]["text"].as_str().unwrap().contains("Asks permission"), "{}", notes[0]);
    assert!(notes[2]["text"].as_str().unwrap().contains("Took back 1 turn"), "{}", notes[2]);
    let branches = notes[3]["text"].as_str().unwrap();
    assert_eq!(branches.lines().filter(|line| line.contains(": 1 turn, openness ")).count(), 2, "{branches}");
    assert!(
        branches.ends_with("You are at number 2, after turn 1. /branches N goes to number N."),
        "{branches}"
    );
    let said = of_kind(&events, "verdicts");
    assert_eq!((said[0]["turn"].as_u64(), said[1]["turn"].as_u64()), (Some(1), Some(1)));
    assert_eq!(events.last().unwrap()["turns"], 1);
}

#[test]
fn a_retry_is_compared_with_what_it_replaces() {
    let home = Home::new();
    let replies = home.file("replies.txt", &replies().join("\n"));
    let model = format!("scripted:{}", replies.display());
    let turns =
        "You never answer my mails.\n/retry\nDo you have ten minutes on Thursday about the prototype?\n";
    let output = home.coachup(&["practice", "--model", &model]).write_stdin(turns).assert().success();
    let text = String::from_utf8(output.get_output().stdout.clone()).unwrap();
    assert!(text.contains("Say it differently"), "{text}");
    let compared = text.lines().find(|line| line.contains("said differently: grade")).expect("a comparison");
    let numbers: Vec<f64> =
        compared.split(|c: char| !c.is_ascii_digit()).filter_map(|n| n.parse().ok()).collect();
    assert!(numbers[0] > numbers[1] && numbers[2] > numbers[3], "{compared}");
}

#[test]
fn quitting_keeps_the_talk_open_and_resuming_goes_on() {
    let home = Home::new();
    let events = home.practise(&replies(), "Do you have a minute?\n/quit\n", &[]);
    assert!(of_kind(&events, "end").is_empty());
    let events = home.practise(&replies(), "What is on your plate this week?\n", &["--resume"]);
    assert_eq!(events[0]["id"], "1");
    assert_eq!(of_kind(&events, "verdicts")[0]["turn"], 2);
    assert_eq!(events.last().unwrap()["turns"], 2);
}

#[test]
fn text_for_people_has_the_briefing_the_talk_and_the_grade() {
    let home = Home::new();
    let replies = home.file("replies.txt", &replies().join("\n"));
    let model = format!("scripted:{}", replies.display());
    let output = home
        .coachup(&["practice", "--model", &model, "--seed", "5"])
        .write_stdin("Do you have ten minutes on Thursday to talk about the prototype?\n")
        .assert()
        .success()
        .get_output()
        .stdout
        .clone();
    let text = String::from_utf8(output).unwrap();
    for part in [
        "What you want:",
        "Dana:",
        "Sam: Do you have ten minutes",
        "+ Asks permission",
        "Grade",
        "coachup review 1",
    ] {
        assert!(text.contains(part), "`{part}` is missing in:\n{text}");
    }
    assert!(!text.contains('\u{1b}'), "colour without a terminal");
    let briefing = text.lines().take_while(|line| !line.starts_with("Dana:")).count();
    assert!(briefing <= 22, "the briefing has {briefing} lines");
}

#[test]
fn bad_input_names_the_thing_and_the_remedy_and_loses_nothing() {
    let home = Home::new();
    let fails = |args: &[&str], expected: &[&str]| {
        let output =
            home.coachup(args).write_stdin("Hello.\n").assert().failure().get_output().stderr.clone();
        let text = String::from_utf8(output).unwrap();
        assert!(expected.iter().all(|part| text.contains(part)), "{args:?}: {text}");
    };
    fails(&["practice", "late-fedback"], &["late-fedback", "did you mean `late-feedback`"]);
    fails(&["practice", "--boss", "dena"], &["did you mean `dana`"]);
    fails(&["practice", "--difficulty", "gaurded"], &["did you mean `guarded`"]);
    fails(&["practice", "--resume", "9"], &["no session is called `9`"]);
    fails(&["practice", "--model", "/no/such/file.gguf"], &["/no/such/file.gguf"]);
    let bad = home.file("bad.gguf", "this is no model");
    fails(&["practice", "--model", bad.to_str().unwrap()], &["bad.gguf"]);
    home.coachup(&["practice", "--boss", "dena"]).assert().code(2);
    home.file("settings.toml", "bos = 'dana'\n");
    fails(&["practice"], &["settings.toml", "did you mean `boss`"]);
}

#[test]
fn a_line_that_is_not_text_stops_the_script_and_keeps_what_was_said() {
    let home = Home::new();
    let replies = home.file("replies.txt", &replies().join("\n"));
    let model = format!("scripted:{}", replies.display());
    let mut script = b"Do you have a minute?\n".to_vec();
    script.extend([0xff, 0xfe, b'\n']);
    let output = home
        .coachup(&["practice", "--model", &model, "--format", "json"])
        .write_stdin(script)
        .assert()
        .failure()
        .get_output()
        .clone();
    assert_eq!(of_kind(&events(&output.stdout), "verdicts").len(), 1);
    assert!(String::from_utf8_lossy(&output.stderr).contains("line 2"));
    home.coachup(&["review", "last"]).assert().success();
}
