//! `coachup score` through the built program.

use crate::support::{Home, Spread, events};
use std::io::Write;
use std::path::PathBuf;

#[test]
fn plain_text_json_lines_and_bad_lines_are_graded_one_by_one() {
    let home = Home::new();
    let graded = |input: &[u8]| home.coachup(&["score"]).write_stdin(input).assert();
    let plain = graded("Could we find half an hour on Thursday?\r\nYou never answer my mails.\n".as_bytes());
    let lines = events(&plain.success().get_output().stdout);
    assert_eq!(lines.len(), 2);
    assert_eq!(lines[0]["checks"]["schedules-ahead"]["verdict"], "yes");
    assert_eq!(lines[1]["checks"]["blames"]["verdict"], "yes");
    assert_eq!(lines[1]["checks"]["open-question"]["verdict"], "n/a");

    let mut input = br#"{"id": "a", "text": "The prototype feedback is late.", "position": "opening"}
{"id": "b", "text": 
{"id": "c", "text": "What do you need from me?"}
"#
    .to_vec();
    input.extend(b"{\"id\": \"d\", \"text\": \"\xff\"}\n");
    let mixed = graded(&input).code(1);
    let output = mixed.get_output();
    let lines = events(&output.stdout);
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[0]["checks"]["springs"]["verdict"], "yes");
    assert_eq!(lines[2]["checks"]["explores-situation"]["verdict"], "yes");
    assert!(lines[1]["error"].is_string() && lines[3]["error"].is_string());
    let complaints = String::from_utf8_lossy(&output.stderr).into_owned();
    assert!(complaints.contains("line 2") && complaints.contains("line 4"), "{complaints}");
}

#[test]
fn an_exported_session_is_graded_as_it_was() {
    let home = Home::new();
    let said = home.practise(&[], "Do you have ten minutes?\nYou never answer.\n", &[]);
    let export = home.path().join("talk.json");
    home.coachup(&["sessions", "export", "1", "--output", export.to_str().unwrap()]).assert().success();
    let output =
        home.coachup(&["score", export.to_str().unwrap()]).assert().success().get_output().stdout.clone();
    let said: Vec<_> = said.iter().filter(|event| event["event"] == "verdicts").collect();
    let graded = events(&output);
    assert_eq!(graded.len(), said.len());
    for (graded, said) in graded.iter().zip(said) {
        assert_eq!(graded["checks"], said["checks"]);
    }
}

#[test]
fn standard_input_is_graded_as_it_comes() {
    use std::io::{BufRead, BufReader};
    use std::process::{Command, Stdio};
    let mut child = Command::new(env!("CARGO_BIN_EXE_coachup"))
        .arg("score")
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let (mut input, mut output) = (child.stdin.take().unwrap(), BufReader::new(child.stdout.take().unwrap()));
    for turn in ["Do you have a minute?", "What got in the way?"] {
        writeln!(input, "{turn}").unwrap();
        let mut line = String::new();
        output.read_line(&mut line).unwrap();
        assert!(line.contains("\"asks-question\""), "{line}");
    }
    drop(input);
    assert!(child.wait().unwrap().success());
}

/// A course's talks graded on several threads, for the table of figures: `cargo test --release --test it
/// graded_by_jobs -- --ignored --nocapture`.
#[test]
#[ignore = "takes minutes and wants a quiet machine"]
fn a_courses_talks_are_graded_by_jobs() {
    const JOBS: [&str; 3] = ["1", "2", "4"];
    let home = Home::new();
    let (files, turns) = course(&home, 200);
    let grade = |jobs: &str| {
        let started = std::time::Instant::now();
        let mut command = home.coachup(&["score", "--jobs", jobs]);
        let output = command.args(&files).assert().success().get_output().stdout.clone();
        assert_eq!(events(&output).len(), turns);
        started.elapsed().as_secs_f64()
    };
    grade("2");
    let rounds = [(); 3].map(|()| JOBS.map(grade));
    println!("{} talks, {turns} turns", files.len());
    println!("| jobs | turns a minute | of one job |\n|--:|--:|--:|");
    for (at, jobs) in JOBS.into_iter().enumerate() {
        let rate = Spread::of(rounds.iter().map(|round| turns as f64 * 60.0 / round[at]).collect());
        let ratio = Spread::of(rounds.iter().map(|round| round[0] / round[at]).collect());
        println!("| {jobs} | {:.0} | {ratio:.2} |", rate.median);
    }
}

/// Exported talks with turns of the corpus, and how many turns there are.
fn course(home: &Home, talks: usize) -> (Vec<PathBuf>, usize) {
    home.practise(&[], include_str!("scripts/skilful.txt"), &[]);
    let export = home.coachup(&["sessions", "export", "1"]).assert().success().get_output().stdout.clone();
    let mut export: serde_json::Value = serde_json::from_slice(&export).unwrap();
    let corpus = events(include_bytes!("../corpus/train.jsonl"));
    let mut turns = corpus.iter().cycle().map(|turn| &turn["text"]);
    let mut number = 0;
    let mut file = |talk: usize| {
        for exchange in export["exchanges"].as_array_mut().unwrap() {
            exchange["text"] = turns.next().unwrap().clone();
            number += 1;
        }
        home.file(&format!("course/{talk}.json"), &export.to_string())
    };
    ((0..talks).map(&mut file).collect(), number)
}
