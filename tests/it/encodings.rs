//! Files from other programs: with a byte order mark, or in UTF-16, as PowerShell's `>` and old editors write them.

use crate::support::{Home, events, of_kind};
use std::path::PathBuf;

const TURN: &str = "Could we find ten minutes on Thursday, Zoë? ☕ 🙂";

/// The forms of a text that have a mark.
fn forms(text: &str) -> [Vec<u8>; 3] {
    let marked = format!("\u{feff}{text}");
    let units = |bytes: fn(u16) -> [u8; 2]| marked.encode_utf16().flat_map(bytes).collect();
    [marked.clone().into_bytes(), units(u16::to_le_bytes), units(u16::to_be_bytes)]
}

/// Runs `coachup`, and gives what it wrote.
fn output(home: &Home, args: &[&str], input: &[u8]) -> Vec<u8> {
    home.coachup(args).write_stdin(input).assert().success().get_output().stdout.clone()
}

#[test]
fn every_text_that_a_person_hands_over_may_have_a_mark() {
    let home = Home::new();
    let exported = |home: &Home| output(home, &["sessions", "export", "last"], b"");
    home.practise(&["I see."], TURN, &[]);
    let session = String::from_utf8(exported(&home)).unwrap();
    output(&home, &["scenarios", "new", "late-feedback"], b"");
    let scenario = std::fs::read_to_string(home.path().join("scenarios/late-feedback.toml")).unwrap();

    for form in 0..3 {
        let home = Home::new();
        let file = |name: &str, text: &str| -> PathBuf {
            let path = home.file(name, "");
            std::fs::write(&path, &forms(text)[form]).unwrap();
            path
        };
        file("settings.toml", "name = 'Zoë'\r\n");
        let (script, plan) = (file("script.txt", &format!("{TURN}\r\n")), file("plan.toml", "topic = 'ü'\n"));
        let args = ["--seed", "1", "--plan", plan.to_str().unwrap()];
        let spoken = |script: &str, input: &[u8]| {
            let replies = home.file("replies.txt", "I see.");
            let model = format!("scripted:{}", replies.display());
            let all = ["practice", "--format", "json", "--model", &model, "--script", script];
            let events = events(&output(&home, &[&all[..], &args].concat(), input));
            of_kind(&events, "verdicts")
                .iter()
                .map(|event| event["text"].as_str().unwrap().to_owned())
                .collect::<Vec<_>>()
        };
        assert_eq!(spoken(script.to_str().unwrap(), b""), [TURN]);
        assert_eq!(spoken("-", &forms(TURN)[form]), [TURN]);
        assert!(String::from_utf8(exported(&home)).unwrap().contains("\"topic\": \"ü\""));
        assert!(String::from_utf8(exported(&home)).unwrap().contains("Zoë"), "the name of the settings");

        let session = file("session.json", &session);
        let json = format!("{{\"id\": \"a\", \"text\": {TURN:?}}}\n");
        for (name, text) in [("turns.txt", format!("{TURN}\n")), ("turns.jsonl", json)] {
            let turns = file(name, &text);
            for args in [&["score", turns.to_str().unwrap()][..], &["score"]] {
                let graded = events(&output(&home, args, &forms(&text)[form]));
                assert_eq!(graded.len(), 1, "{name}");
                assert!(
                    graded[0]["error"].is_null() && graded[0]["checks"].is_object(),
                    "{name}: {graded:?}"
                );
            }
        }
        assert_eq!(events(&output(&home, &["score", session.to_str().unwrap()], b"")).len(), 1);
        output(&home, &["sessions", "import", session.to_str().unwrap()], b"");
        output(&home, &["sessions", "import", "--copy", "-"], &std::fs::read(&session).unwrap());
        output(&home, &["report", session.to_str().unwrap()], b"");
        file("scenarios/late-feedback.toml", &scenario);
        output(&home, &["scenarios", "check", "late-feedback"], b"");
        output(&home, &["prepare", "late-feedback"], &forms("the wörding\n/quit\n")[form]);
        let plan = std::fs::read_to_string(home.path().join("data/plans/late-feedback.toml")).unwrap();
        assert!(plan.contains("the wörding"), "{plan}");
    }
}

#[test]
fn what_is_no_text_is_told_with_its_line_and_the_remedy() {
    let home = Home::new();
    std::fs::write(home.path().join("settings.toml"), b"# one\nname = 'Zo\xeb'\n").unwrap();
    let error = home.coachup(&["sessions"]).assert().failure().get_output().stderr.clone();
    let error = String::from_utf8(error).unwrap();
    assert!(error.contains("line 2 is no text in UTF-8; save the file as UTF-8"), "{error}");
}
