//! The README's commands are real: each line is parsed by the program itself.

use crate::support::Home;

const README: &str = include_str!("../../README.md");

/// The lines of the README's shell blocks that call the program.
fn commands() -> Vec<String> {
    let blocks = README.split("```sh\n").skip(1).filter_map(|rest| rest.split("```").next());
    blocks
        .flat_map(str::lines)
        .map(str::trim)
        .filter(|line| line.contains("coachup "))
        .map(str::to_owned)
        .collect()
}

#[test]
fn every_command_of_the_readme_is_understood() {
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
