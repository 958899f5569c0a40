//! A team: its shared folder, and the report over its exported talks, through the built program.

use crate::support::Home;

/// Has a talk and exports it without names.
fn exported(folder: &Home, path: &str, seed: &str, turns: &str) {
    let home = Home::new();
    home.practise(&[], turns, &["--seed", seed]);
    let file = folder.file(path, "");
    let export = ["sessions", "export", "1", "--anonymous", "--force", "--output", file.to_str().unwrap()];
    home.coachup(&export).assert().success();
}

const TURNS: &str =
    "Do you have ten minutes on Thursday to talk about the prototype?\nYou never answer me.\n";

#[test]
fn a_report_counts_people_and_shows_no_word() {
    let course = Home::new();
    for person in ["a", "b"] {
        exported(&course, &format!("course/{person}/one.json"), "1", TURNS);
        exported(&course, &format!("course/{person}/two.json"), "2", TURNS);
    }
    let folder = course.path().join("course");
    let report = |args: &[&str]| {
        let mut all = vec!["report", folder.to_str().unwrap()];
        all.extend(args);
        course.coachup(&all).output().unwrap()
    };
    let output = report(&["--format", "json"]);
    assert!(output.status.success(), "{output:?}");
    let json: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(
        (&json["format"], &json["people"], &json["talks"]),
        (&"coachup-group".into(), &2.into(), &4.into())
    );
    assert_eq!(json["named"], 0);
    for format in ["terminal", "markdown"] {
        let text = String::from_utf8(report(&["--format", format]).stdout).unwrap();
        assert!(text.contains("What 2 people showed in 4 talks"), "{text}");
        assert!(text.contains("fewer than 7 people") && !text.contains("never answer"), "{text}");
    }
    course.file("course/a/bad.json", "{}");
    let output = report(&[]);
    assert_eq!(output.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&output.stderr).contains("bad.json"), "{output:?}");
    let nothing = course.coachup(&["report", "/no/such/file"]).output().unwrap();
    assert_eq!(nothing.status.code(), Some(1));
}

#[test]
fn a_shared_folder_is_used_checked_and_overruled_by_ones_own() {
    let home = Home::new();
    let team = Home::new();
    let shared = team.path().to_str().unwrap().to_owned();
    let run = |args: &[&str]| {
        let output = home.coachup(args).env("COACHUP_LIBRARY", &shared).output().unwrap();
        let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
        (output.status.code(), text(&output.stdout), text(&output.stderr))
    };
    assert!(run(&["library", "check"]).2.contains("holds nothing to share"));
    let preset = include_str!("../../prompts/difficulties/open.toml");
    team.file("difficulties/ours.toml", &preset.replacen("title = \"", "title = \"Ours: ", 1));
    let rubric = include_str!("../../prompts/rubric.toml")
        .replace("title = \"Asks permission\"", "title = \"Knocks first\"");
    team.file("rubric.toml", &rubric);
    let (code, out, _) = run(&["library", "check"]);
    assert_eq!(code, Some(0), "{out}");
    assert!(out.contains("is right: 1 file in `difficulties/`, wording of 18 checks"), "{out}");
    assert!(run(&["difficulties", "list"]).1.contains("ours"));
    home.file("difficulties/ours.toml", &preset.replacen("title = \"", "title = \"Mine: ", 1));
    assert!(run(&["difficulties", "list"]).1.contains("Mine: "));
    home.practise(&[], TURNS, &[]);
    assert!(run(&["review", "last", "--format", "html"]).1.contains("Knocks first"), "the team's wording");
    team.file("difficulties/broken.toml", &preset.replace("patience", "pateince"));
    team.file("rubric.toml", "[asks-permision]\ntitle = \"x\"\n");
    let (code, out, _) = run(&["library", "check"]);
    assert_eq!(code, Some(1));
    assert!(
        out.contains("broken.toml") && out.contains("rubric.toml") && out.contains("2 things to mend"),
        "{out}"
    );
    let (code, _, err) = run(&["difficulties", "list"]);
    assert_eq!(code, Some(0));
    assert!(err.contains("left out") && err.contains("rubric.toml"), "{err}");
    let elsewhere =
        home.coachup(&["bosses", "list"]).env("COACHUP_LIBRARY", "/no/such/folder").output().unwrap();
    assert!(String::from_utf8_lossy(&elsewhere.stderr).contains("is not there"), "{elsewhere:?}");
}

#[test]
fn the_manual_has_a_page_for_every_command() {
    let home = Home::new();
    let folder = home.path().join("man");
    home.coachup(&["man", folder.to_str().unwrap()]).assert().success();
    let page = |name: &str| std::fs::read_to_string(folder.join(name)).unwrap();
    assert!(page("coachup.1").contains("Rehearse the hardest talk"));
    assert!(page("coachup-practice.1").contains("receptiveness"));
    assert!(page("coachup-sessions-export.1").contains("anonymous"));
}
