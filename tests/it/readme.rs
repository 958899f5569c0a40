//! The commands of the README and of `docs/` are real: each line is parsed by the program itself, and files
//! that are named are there.

use crate::support::Home;

const README: &str = include_str!("../../README.md");

const COACH: &str = include_str!("../../docs/coach.md");
const DEVELOPING: &str = include_str!("../../docs/developing.md");

/// The lines of a text's shell blocks.
fn lines(text: &str) -> impl Iterator<Item = &str> {
    text.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next()).flat_map(str::lines)
}

/// Those that call the program, from all texts.
fn commands() -> Vec<String> {
    [README, COACH, DEVELOPING]
        .into_iter()
        .flat_map(lines)
        .map(str::trim)
        .filter(|line| line.contains("coachup "))
        .map(str::to_owned)
        .collect()
}

/// What a coach is told to type is typed, in this order, with the files written as the page says.
#[test]
fn the_coachs_page_can_be_followed() {
    let home = Home::new();
    let team = Home::new();
    let write = |kind: &str, name: &str, copy: &str| {
        home.coachup(&[kind, "new", name]).assert().success();
        let file = home.file(&format!("{kind}/{name}.toml"), copy);
        home.coachup(&[kind, "check", file.to_str().unwrap()]).assert().success();
        team.file(&format!("{kind}/{name}.toml"), copy);
    };
    write("scenarios", "our-budget", include_str!("../../prompts/scenarios/late-feedback.toml"));
    write("bosses", "mona", include_str!("../../prompts/bosses/dana.toml"));
    let replies = home.file("replies.txt", "");
    let model = format!("scripted:{}", replies.display());
    let practice = ["practice", "our-budget", "--boss", "mona", "--difficulty", "open", "--model", &model];
    home.coachup(&practice).write_stdin("Do you have ten minutes on Thursday?\n").assert().success();
    let shared = team.path().to_str().unwrap();
    home.coachup(&["library", "check", shared]).assert().success();
    let talk = home.path().join("course").join("talk.json");
    std::fs::create_dir(talk.parent().unwrap()).unwrap();
    let export = ["sessions", "export", "last", "--anonymous", "--output", talk.to_str().unwrap()];
    home.coachup(&export).assert().success();
    home.coachup(&["report", talk.parent().unwrap().to_str().unwrap()]).assert().success();
    home.coachup(&["score", talk.to_str().unwrap(), talk.to_str().unwrap(), "--jobs", "4"])
        .assert()
        .success();
}

#[test]
fn the_files_that_the_developers_page_names_are_there() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let named = DEVELOPING.split('`').skip(1).step_by(2).filter(|word| !word.contains([' ', '*', ':']));
    let files: Vec<&str> = named
        .filter(|word| {
            word.ends_with(".rs")
                || word.ends_with(".toml")
                || word.ends_with('/')
                || word.starts_with("docs/")
        })
        .collect();
    assert!(files.len() >= 10, "{files:?}");
    for file in files {
        let there = [root.join(file), root.join("src").join(file), root.join("src/model/candle").join(file)];
        assert!(there.iter().any(|path| path.exists()), "`{file}` of docs/developing.md is not there");
    }
}

#[test]
fn every_command_of_the_texts_is_understood() {
    let home = Home::new();
    let commands = commands();
    assert!(commands.len() >= 8, "{commands:?}");
    for line in commands {
        let call = line.split("coachup ").last().unwrap();
        let mut words: Vec<&str> =
            call.split(['|', '>', '#', '<']).next().unwrap().split_whitespace().collect();
        // `--help` after a complete command line is an error unless all before it is understood.
        words.push("--help");
        let output = home.coachup(&words).assert().success().get_output().stdout.clone();
        assert!(String::from_utf8_lossy(&output).contains("Usage:"), "{line}");
    }
}

#[test]
fn the_two_first_commands_are_there() {
    assert!(README.contains("cargo run --release"), "how to practise");
    assert!(README.contains("cargo test --release"), "how to test");
}
