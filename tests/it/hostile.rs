//! Hostile words in every place that holds words (a model's replies, presets, their files' names, a plan, settings,
//! an imported session, a script): whatever command shows them, nothing of them steers the terminal, disguises what is
//! shown, or gets into a page.

use crate::support::{Home, Running};
use coachup::text::printable::is_unsafe;
use serde_json::Value;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A title, a cleared screen, a colour that no view uses, a C1 sequence, overrides, what can't be seen, a carriage
/// return, a backspace, a tag.
const HOSTILE: &str =
    "\u{1b}]0;title\u{7}a\u{1b}[2J\u{1b}[35mb\u{9b}31m\u{202e}c\u{2066}\u{200b}\u{feff}\u{e0041}\r\u{8}<i>d";

/// The same without what no file can be called.
const NAME: &str = "evil\u{1b}[2J\u{1b}]0;title\u{7}\u{202e}\u{9b}31mname";

/// Nothing unsafe but colours, and those only where `coloured`; and none of them the hostile words' own.
#[track_caller]
fn harmless(what: &str, bytes: &[u8], coloured: bool) {
    let text = std::str::from_utf8(bytes).unwrap_or_else(|_| panic!("{what}: no UTF-8"));
    assert!(!text.contains("\u{1b}[35m") && !text.contains("\u{1b}[2J"), "{what}: {text:?}");
    let mut rest = text;
    while let Some(at) = rest.find(is_unsafe) {
        let colour = rest[at..].strip_prefix("\u{1b}[").and_then(|after| {
            let parameters = after.trim_start_matches(|c: char| c.is_ascii_digit() || c == ';');
            parameters.strip_prefix('m')
        });
        let around: String = rest[at..].chars().take(30).collect();
        rest = colour.filter(|_| coloured).unwrap_or_else(|| panic!("{what}: {around:?} in\n{text:?}"));
    }
}

/// Every text in `value` with hostile words behind it, but for those at `keys`.
fn taint_json(value: &mut Value, keys: &[&str]) {
    match value {
        Value::String(text) => text.push_str(HOSTILE),
        Value::Array(items) => items.iter_mut().for_each(|item| taint_json(item, keys)),
        Value::Object(map) => {
            map.iter_mut()
                .filter(|(key, _)| !keys.contains(&key.as_str()))
                .for_each(|(_, item)| taint_json(item, keys));
        }
        _ => {}
    }
}

fn taint_toml(value: &mut toml::Value) {
    match value {
        toml::Value::String(text) if !["she", "he", "they"].contains(&text.as_str()) => {
            // A preset with a mark such as `<i>` in it counts as one that is still to be filled in.
            text.push_str(&HOSTILE.replace("<i>", ""))
        }
        toml::Value::Array(items) => items.iter_mut().for_each(taint_toml),
        toml::Value::Table(table) => table.iter_mut().for_each(|(_, item)| taint_toml(item)),
        _ => {}
    }
}

/// A data file whose only key is hostile.
fn hostile_key() -> String {
    let table: toml::Table = [(NAME.to_owned(), toml::Value::from(1))].into_iter().collect();
    toml::to_string(&table).unwrap()
}

/// A home in which everything is hostile.
fn hostile_home() -> Home {
    let home = Home::new();
    let settings: toml::Table =
        [("name".to_owned(), toml::Value::from(format!("Sam{HOSTILE}")))].into_iter().collect();
    let settings = home.file("settings.toml", &toml::to_string(&settings).unwrap());
    // Nobody is called so.
    run(&home, &["sessions", "list"], "");
    home.coachup(&["sessions", "list"]).assert().failure();
    std::fs::remove_file(settings).unwrap();
    for (folder, shipped) in [("scenarios", "late-feedback"), ("bosses", "dana"), ("difficulties", "guarded")]
    {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("prompts/{folder}/{shipped}.toml"));
        let text = std::fs::read_to_string(path).unwrap();
        let mut data: toml::Value = toml::from_str(&text).unwrap();
        taint_toml(&mut data);
        let tainted = toml::to_string(&data).unwrap();
        home.file(&format!("{folder}/{NAME}.toml"), &tainted);
        home.file(&format!("{folder}/broken-{NAME}.toml"), &hostile_key());
    }
    home.file(
        "replies.txt",
        &format!("Let me look at my week first.{}\n", HOSTILE.replace('\r', "")).repeat(60),
    );
    home.file("turns.txt", &turns());
    home.file(
        "turns.jsonl",
        &format!(
            "{}\nno turn {HOSTILE}\n{{\"id\": {:?}}}\n",
            serde_json::json!({"id": HOSTILE, "text": turns()}),
            "x"
        ),
    );
    home
}

fn turns() -> String {
    let hostile = HOSTILE.replace('\r', "");
    format!(
        "Do you have ten minutes on Thursday to talk about the prototype?{hostile}\n/score\n/why\n/hint\n/example\n\
         You never answer my mails.{hostile}\n/retry\nWhat would help you?{hostile}\n/branches\n/plan\n/{hostile}\n/help\n"
    )
}

/// Runs the program, with colours, and looks at what it writes; gives what it wrote to stdout.
#[track_caller]
fn run(home: &Home, args: &[&str], input: &str) -> Vec<u8> {
    let mut command = home.coachup(args);
    command.env_remove("NO_COLOR").env("CLICOLOR_FORCE", "1").env("COACHUP_PYTHON", "no-such-python");
    let output = command.write_stdin(input).output().unwrap();
    harmless(&format!("{args:?} stdout"), &output.stdout, true);
    harmless(&format!("{args:?} stderr"), &output.stderr, true);
    output.stdout
}

fn model(home: &Home) -> String {
    format!("scripted:{}", home.path().join("replies.txt").display())
}

/// A home with a talk that was practised, and the same one imported with everything in it hostile.
fn practised() -> Home {
    let home = hostile_home();
    let answers = format!("the topic{HOSTILE}\nthey are busy{HOSTILE}\n/quit\n").replace('\r', "");
    run(&home, &["prepare", NAME], &answers);
    run(&home, &["prepare", NAME, "--show"], "");
    run(&home, &["prepare", NAME, "--show", "--format", "json"], "");
    run(&home, &["prepare", "late-feedback"], &answers);
    run(&home, &["prepare", "late-feedback", "--show"], "");
    run(&home, &["prepare", "late-feedback", "--show", "--format", "json"], "");
    let model = model(&home);
    // Files with such characters are left out, and named.
    let refused = ["practice", NAME, "--boss", NAME, "--difficulty", NAME, "--model", &model, "--seed", "3"];
    run(&home, &refused, &turns());
    let practice = ["practice", "late-feedback", "--boss", "dana", "--model", &model, "--seed", "3"];
    let text = run(&home, &practice, &turns());
    assert!(String::from_utf8(text).unwrap().contains("openness"), "the talk was had");
    let events = run(&home, &[&practice[..], &["--format", "json"]].concat(), &turns());
    // As JSON, what was said is kept to the letter.
    let said = crate::support::events(&events);
    let first = said.iter().find(|event| event["event"] == "verdicts").unwrap();
    assert_eq!(first["text"], turns().lines().next().unwrap());

    let exported = run(&home, &["sessions", "export", "1"], "");
    let mut session: Value = serde_json::from_slice(&exported).unwrap();
    let exact = [
        "format", "id", "started", "said", "position", "verdicts", "act", "acts", "mood", "outcome", "earned",
    ];
    taint_json(&mut session, &exact);
    let file = home.file(&format!("{NAME}.json"), &session.to_string());
    run(&home, &["sessions", "import", file.to_str().unwrap()], "");
    let listed: Value =
        serde_json::from_slice(&run(&home, &["sessions", "list", "--format", "json"], "")).unwrap();
    assert_eq!(listed.as_array().unwrap().len(), 3, "{listed}");
    home
}

#[test]
fn nothing_hostile_reaches_the_terminal_or_a_page() {
    let home = practised();
    for id in ["1", "3"] {
        for format in ["terminal", "markdown", "html", "json"] {
            run(&home, &["review", id, "--format", format], "");
            run(&home, &["review", id, "--compare", "--format", format], "");
            run(&home, &["review", id, "--compare", "2", "--format", format, "--plain"], "");
        }
        for command in ["show", "export"] {
            run(&home, &["sessions", command, id], "");
        }
        run(&home, &["sessions", "export", id, "--format", "markdown"], "");
        run(&home, &["sessions", "export", id, "--anonymous", "--hide", HOSTILE.trim_matches('\0')], "");
        run(&home, &["practice", "--resume", id, "--model", &model(&home)], &turns());
    }
    for format in ["terminal", "html", "json"] {
        run(&home, &["progress", "--format", format], "");
    }
    run(&home, &["sessions", "list"], "");
    for kind in ["scenarios", "bosses", "difficulties"] {
        run(&home, &[kind, "list"], "");
        run(&home, &[kind, "list", "--format", "json"], "");
        run(&home, &[kind, "show", NAME], "");
        run(&home, &[kind, "show", NAME, "--format", "json"], "");
        for file in [NAME.to_owned(), format!("broken-{NAME}")] {
            run(
                &home,
                &[kind, "check", home.path().join(format!("{kind}/{file}.toml")).to_str().unwrap()],
                "",
            );
        }
        run(&home, &[kind, "new", NAME], "");
    }
    for file in ["turns.txt", "turns.jsonl"] {
        for format in ["text", "json"] {
            run(&home, &["score", home.path().join(file).to_str().unwrap(), "--format", format], "");
        }
    }
    run(&home, &["doctor"], "");
    run(&home, &["doctor", "--privacy"], "");
    run(&home, &["models", "list"], "");
    run(&home, &["sessions", "rm", "--all", "--yes"], "");
}

#[test]
fn nor_does_an_error_that_quotes_it() {
    let home = hostile_home();
    let model = model(&home);
    for args in [
        &["sessions", "show", NAME][..],
        &["review", NAME],
        &["review", "--format", NAME],
        &["practice", NAME, "--model", &model, "--boss", "nobody"],
        &["practice", &format!("no{NAME}")],
        &["practice", "--boss", &format!("no{NAME}")],
        &["practice", "--model", &format!("no{NAME}")],
        &["practice", "--model", &format!("./no{NAME}.gguf")],
        &["practice", "--model", &format!("scripted:no{NAME}")],
        &["practice", "--plan", NAME, "--model", &model],
        &["practice", "--script", NAME],
        &["practice", "--resume", NAME],
        &["sessions", "import", NAME],
        &["sessions", "export", "--output", &format!("/no/{NAME}")],
        &["score", NAME],
        &["models", "pull", NAME],
        &["bosses", "show", &format!("no{NAME}")],
        &["bosses", "check", NAME],
        &["prepare", &format!("no{NAME}")],
        &["completions", NAME],
        &[NAME],
        &[&format!("--{NAME}")],
    ] {
        run(&home, args, "Hello.\n");
    }
    home.file("models.toml", &hostile_key());
    run(&home, &["models", "list"], "");
    home.file("settings.toml", &hostile_key());
    run(&home, &["sessions", "list"], "");
    run(&home, &["doctor"], "");
}

#[test]
fn nor_does_a_file_that_is_written() {
    let home = practised();
    let mut written = Vec::new();
    for (name, args) in [
        ("r.html", &["review", "3", "--format", "html"][..]),
        ("c.html", &["review", "3", "--compare", "1", "--format", "html"]),
        ("p.html", &["progress", "--format", "html"]),
        ("r.txt", &["review", "3"]),
        ("r.md", &["review", "3", "--format", "markdown"]),
        ("t.md", &["sessions", "export", "3", "--format", "markdown"]),
    ] {
        let file = home.path().join(name);
        run(&home, &[args, &["--output", file.to_str().unwrap()]].concat(), "");
        written.push(file);
    }
    let saved = home.path().join("saved.md");
    run(
        &home,
        &["practice", "--resume", "1", "--model", &model(&home)],
        &format!("/save {}\n", saved.display()),
    );
    written.push(saved);
    for file in written {
        let bytes = std::fs::read(&file).unwrap();
        harmless(&file.display().to_string(), &bytes, false);
        assert!(bytes.len() > 500);
        let text = String::from_utf8(bytes).unwrap();
        assert!(
            file.extension().unwrap() != "html" || !text.contains("<i>"),
            "a tag of the text's in {}",
            file.display()
        );
    }
}

/// Runs a shell's `line` with a terminal of 20 lines; none where no terminal can be made.
fn at_terminal(home: &Home, line: &str, pager: &str) -> Option<Running> {
    let mut command = Command::new("script");
    command.args([
        "--quiet",
        "--flush",
        "--return",
        "--command",
        &format!("stty rows 20 cols 80; {line}"),
        "/dev/null",
    ]);
    command
        .env("COACHUP_HOME", home.path())
        .env("HF_HUB_OFFLINE", "1")
        .env("TERM", "xterm")
        .env("PAGER", pager);
    command.env_remove("NO_COLOR").current_dir(home.path());
    let running = Running::at_terminal(command);
    running.inspect_err(|error| eprintln!("SKIPPED: no terminal, `script` is missing: {error}")).ok()
}

/// What the line editor and the spinner send on purpose is not the hostile words' own.
fn steers_nothing(shown: &str) {
    for piece in
        ["\u{1b}]0;", "\u{1b}[35m", "\u{1b}[2J", "\u{9b}", "\u{202e}", "\u{2066}", "\u{e0041}", "\u{8}<i>"]
    {
        assert!(!shown.contains(piece), "{piece:?} in {shown:?}");
    }
}

#[test]
fn nor_does_it_reach_a_person_who_practises_or_their_pager() {
    let home = practised();
    let program = env!("CARGO_BIN_EXE_coachup");
    let paged: PathBuf = home.path().join("paged");
    // The pager notes its arguments and what it is given.
    let pager = home.file("pager", "#!/bin/sh\necho \"$#\" > paged.arguments\ncat > paged\n");
    Command::new("chmod").arg("+x").arg(&pager).status().unwrap();
    let Some(running) = at_terminal(&home, &format!("{program} review 3"), pager.to_str().unwrap()) else {
        return;
    };
    steers_nothing(&running.finish().concat());
    harmless("the pager's input", &std::fs::read(&paged).unwrap(), true);
    assert_eq!(std::fs::read_to_string(home.path().join("paged.arguments")).unwrap(), "0\n");

    let practice = format!("{program} practice --resume 3 --model '{}'", model(&home));
    home.coachup(&["practice", "--resume", "3"]).assert().failure();
    // The imported talk's scenario is none that is known here; the practised one's is.
    let mut person = at_terminal(&home, &practice.replace("--resume 3", "--resume 1"), "cat").unwrap();
    person.wait_for("Sam");
    person.type_in("How is your week?\r");
    person.wait_for("openness");
    // Words that were stored come back on the line, and a pasted text is shown on it.
    person.type_in("/retry\r");
    person.wait_for("Say it differently");
    // The line editor has the terminal again, which would echo by itself before.
    person.wait_for("How is your week?");
    person.type_in(&format!("\u{1b}[200~ pasted {}\u{1b}[201~\r", HOSTILE.replace('\u{1b}', "\u{9b}")));
    person.wait_for("said differently");
    person.type_in("/quit\r");
    person.wait_for("Kept as session");
    steers_nothing(&person.finish().concat());
}
