//! The commands of the README and of `docs/` are real: they are typed, in their order, each page in a home of
//! its own; the long ones are only read by the program. Files that are named are there.

use crate::server::stand_in::{Manner, StandIn};
use crate::support::Home;
use std::path::{Path, PathBuf};

const README: &str = include_str!("../../README.md");
const COACH: &str = include_str!("../../docs/coach.md");
const DEVELOPING: &str = include_str!("../../docs/developing.md");

/// Commands that take minutes or fetch models.
const LONG: [&str; 2] = ["train", "eval-boss"];

/// What is said in every practice, with a branch.
const TURNS: &str = "Do you have ten minutes on Thursday?\nWhat would help you?\n/retry\nHow is your week?\n\
                     What if I wrote it down?\n";

/// The lines of a text's blocks of one kind.
fn blocks<'a>(text: &'a str, kind: &str) -> Vec<&'a str> {
    let fence = format!("```{kind}\n");
    let blocks: Vec<&str> =
        text.split(fence.as_str()).skip(1).filter_map(|rest| rest.split("```").next()).collect();
    blocks.into_iter().flat_map(str::lines).map(str::trim).collect()
}

/// A line of a shell: variables, the program's words, what goes into it, where its output goes. As much of a
/// shell as the texts use.
#[derive(Debug, Default)]
struct Line<'a> {
    variables: Vec<(&'a str, &'a str)>,
    words: Vec<&'a str>,
    input: Option<&'a str>,
    output: Option<&'a str>,
}

/// Reads a line that calls the program.
fn read(line: &str) -> Option<Line<'_>> {
    let line = line.split(" #").next().unwrap_or(line).trim();
    let (input, call) = match line.split_once(" | ") {
        Some((echo, call)) => (Some(echo.strip_prefix("echo '")?.strip_suffix('\'')?), call),
        None => (None, line),
    };
    let (call, output) =
        call.split_once(" > ").map_or((call, None), |(call, file)| (call, Some(file.trim())));
    let mut words = call.split_whitespace().peekable();
    let mut read = Line { input, output, ..Line::default() };
    while let Some(variable) = words.peek().and_then(|word| word.split_once('=')) {
        read.variables.push(variable);
        words.next();
    }
    (words.next() == Some("coachup")).then(|| Line { words: words.collect(), ..read })
}

/// Where the commands of one page are typed.
struct Desk {
    home: Home,
    /// The folder it happens in.
    folder: PathBuf,
    model: String,
}

impl Desk {
    fn new() -> Desk {
        let home = Home::new();
        let model = format!("scripted:{}", home.file("replies.txt", "").display());
        let folder = home.path().join("work");
        std::fs::create_dir_all(folder.join("course/ana")).unwrap();
        std::fs::write(folder.join("turns.txt"), TURNS).unwrap();
        Desk { home, folder, model }
    }

    fn file(&self, name: &str, text: &str) {
        let path = self.folder.join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, text).unwrap();
    }

    /// Types a line; what it wrote.
    fn types(&self, line: &str) -> String {
        let read = read(line).unwrap_or_else(|| panic!("`{line}` calls no coachup"));
        let mut words = read.words.clone();
        match words.as_slice() {
            [first, ..] if LONG.contains(first) => words.push("--help"),
            ["sessions", "rm", ..] => words.push("--yes"),
            _ => {}
        }
        let mut command = self.home.coachup(&words);
        let command = command.current_dir(&self.folder).write_stdin(read.input.unwrap_or(TURNS));
        let command = command.env("BROWSER", "true").env("COACHUP_PYTHON", "none");
        let done = command.env("COACHUP_MODEL", &self.model).envs(read.variables).assert();
        // It may have something to mend on the tester's machine.
        let done = if words[..] == ["doctor"] { done } else { done.success() };
        let output = String::from_utf8(done.get_output().stdout.clone()).unwrap();
        if let Some(file) = read.output {
            self.file(file, &output);
        }
        self.hand_round();
        output
    }

    /// Gives an exported talk the names that the pages take from somebody else.
    fn hand_round(&self) {
        let talk = self.folder.join("talk.json");
        if talk.exists() {
            for other in ["talk-1.json", "talk-2.json", "other.json", "course/ana/talk.json"] {
                std::fs::copy(&talk, self.folder.join(other)).unwrap();
            }
        }
    }

    /// Fills a new file in, as a coach would; the copy has been filled in by one.
    fn fill_in(&self, kind: &str, name: &str, copy: &str) {
        let file = self.home.path().join(kind).join(name);
        assert!(std::fs::read_to_string(&file).unwrap().contains('<'), "it is the template");
        std::fs::write(file, copy).unwrap();
        self.file(&format!("shared/{kind}/{name}"), copy);
    }
}

#[test]
fn the_commands_of_the_coachs_page_do_what_it_says() {
    let desk = Desk::new();
    let lines = blocks(COACH, "sh");
    assert!(lines.len() >= 12, "{lines:?}");
    for line in lines {
        let line = line.replace("/srv/coaching", "shared");
        let said = desk.types(&line);
        if line.contains("scenarios new our-budget") {
            let copy = include_str!("../../prompts/scenarios/late-feedback.toml");
            desk.fill_in("scenarios", "our-budget.toml", copy);
        }
        if line.contains("bosses new mona") {
            desk.fill_in("bosses", "mona.toml", include_str!("../../prompts/bosses/dana.toml"));
        }
        if line.contains(" check ") {
            assert!(said.contains("is right"), "{line}: {said}");
        }
    }
    assert!(std::fs::read_to_string(desk.folder.join("report.md")).unwrap().starts_with("# "));
}

#[test]
fn the_commands_of_the_readme_and_of_the_developers_page_work() {
    let desk = Desk::new();
    let server = StandIn::start(Manner { models: vec!["llama3.2"], ..Manner::default() });
    desk.file("shared/bosses/mona.toml", include_str!("../../prompts/bosses/dana.toml"));
    let calls = |text| blocks(text, "sh").into_iter().filter(|line| read(line).is_some()).collect::<Vec<_>>();
    let lines = [calls(README), calls(DEVELOPING)].concat();
    assert!(lines.len() >= 30, "{lines:?}");
    for line in lines {
        let line = ["http://localhost:8080/v1", "http://localhost:11434/v1"]
            .into_iter()
            .fold(line.replace("/srv/coaching", "shared"), |line, address| {
                line.replace(address, &server.address)
            });
        // "on the server of the settings"
        let server = if line.contains("openai:") {
            format!("COACHUP_SERVER={} ", server.address)
        } else {
            String::new()
        };
        let said = desk.types(&format!("{server}{line}"));
        assert!(!said.is_empty() || line.contains("--output") || line.contains("--open"), "{line}");
    }
}

#[test]
fn the_settings_that_the_readme_shows_are_read() {
    let desk = Desk::new();
    desk.home.file("settings.toml", &blocks(README, "toml").join("\n"));
    let doctor = desk.types("coachup doctor");
    assert!(doctor.contains("https://gateway.example/v1"), "{doctor}");
}

#[test]
fn the_files_that_the_developers_page_names_are_there() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
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
fn the_two_first_commands_are_there() {
    assert!(README.contains("cargo run --release"), "how to practise");
    assert!(README.contains("cargo test --release"), "how to test");
}
