//! Private: files for their owner's eyes alone whatever the umask, nothing sent, and what is removed is gone.

use crate::support::{Home, Running};
use coachup::session::kept::{self, Kept};
use coachup::session::store::Store;
use std::path::{Path, PathBuf};
use std::process::Command;

/// A sentence that stands nowhere else.
const CANARY: &str = "My canary sings of the quarterly zeppelin audit";

/// Every file and folder below `folder`, itself first.
fn everything(folder: &Path) -> Vec<PathBuf> {
    let mut found = vec![folder.to_owned()];
    let mut next = 0;
    while next < found.len() {
        if found[next].is_dir() {
            found.extend(std::fs::read_dir(&found[next]).unwrap().map(|entry| entry.unwrap().path()));
        }
        next += 1;
    }
    found
}

/// The files below `folder` that hold `words`, in their bytes.
fn holding(folder: &Path, words: &str) -> Vec<PathBuf> {
    let holds = |path: &PathBuf| {
        path.is_file()
            && std::fs::read(path).unwrap().windows(words.len()).any(|bytes| bytes == words.as_bytes())
    };
    everything(folder).into_iter().filter(holds).collect()
}

/// The program run by a shell that has first set the umask to `mask`, in a home that is not there yet.
fn with_umask(mask: &str, home: &Path, args: &[&str], input: &str) -> assert_cmd::Command {
    let mut command = assert_cmd::Command::new("sh");
    command
        .args(["-c", &format!("umask {mask}; exec \"$0\" \"$@\""), env!("CARGO_BIN_EXE_coachup")])
        .args(args);
    command.env("COACHUP_HOME", home).env("HF_HUB_OFFLINE", "1").env("BROWSER", "true").env("NO_COLOR", "1");
    command.env("COACHUP_PYTHON", "no-such-python").write_stdin(input);
    command
}

/// The real model where it can be had, for what only a real one writes; else the scripted one.
fn model(home: &Home) -> String {
    let replies = home.file("replies.txt", &"Let me look at my week first.\n".repeat(60));
    let scripted = format!("scripted:{}", replies.display());
    crate::real_model::smollm2().map_or(scripted, |file| file.display().to_string())
}

#[cfg(unix)]
#[test]
fn whatever_the_umask_every_file_is_its_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let outside = Home::new();
    let model = model(&outside);
    for mask in ["000", "022"] {
        let home = outside.path().join(format!("home-{mask}"));
        let run = |args: &[&str], input: &str| drop(with_umask(mask, &home, args, input).assert());
        // The first thing may be anything that makes a folder.
        run(&["doctor"], "");
        run(&["prepare"], &format!("{CANARY}\n/quit\n"));
        run(&["practice", "--model", &model], &format!("{CANARY}. How is your week?\n"));
        run(&["review", "--open"], "");
        run(&["review", "--output", home.join("review.md").to_str().unwrap(), "--format", "markdown"], "");
        run(&["sessions", "export", "--output", home.join("talk.json").to_str().unwrap()], "");
        run(
            &["practice", "--resume", "--model", &model],
            &format!("/save {}\n", home.join("saved.md").display()),
        );
        for kind in ["scenarios", "bosses", "difficulties"] {
            run(&[kind, "new", "mine"], "");
        }
        run(&["models", "pull", "smollm2-135m"], "");
        typed_at_a_terminal(&home, mask, &model);
        // A store that an older program left open to all is backed up and closed.
        let store = home.join("data/sessions.db");
        std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stores/v1.db"), &store).unwrap();
        std::fs::set_permissions(&store, std::fs::Permissions::from_mode(0o666)).unwrap();
        run(&["sessions", "list"], "");
        let found = everything(&home);
        for expected in [
            "data/sessions.db.v1.bak",
            "data/plans/late-feedback.toml",
            "data/review.html",
            "talk.json",
            "saved.md",
        ] {
            assert!(found.contains(&home.join(expected)), "{expected} is missing");
        }
        for path in &found {
            let mode = std::fs::metadata(path).unwrap().permissions().mode() & 0o7777;
            assert_eq!(
                mode,
                if path.is_dir() { 0o700 } else { 0o600 },
                "umask {mask}: {} has {mode:o}",
                path.display()
            );
        }
        let prefixes = everything(&home.join("data/prefixes")).iter().filter(|path| path.is_file()).count();
        assert!(model.starts_with("scripted:") || prefixes > 0, "the prompt's beginning was kept nowhere");

        // The list names each of them, and says what it is.
        let listed = with_umask(mask, &home, &["doctor", "--privacy"], "")
            .assert()
            .success()
            .get_output()
            .stdout
            .clone();
        let listed = String::from_utf8(listed).unwrap();
        for path in kept::files(&home.join("data"), Path::new("")).unwrap() {
            assert!(listed.contains(&*path.to_string_lossy()), "{} is not listed:\n{listed}", path.display());
            assert_ne!(Kept::of(&path), Kept::Other, "{}", path.display());
        }
        for words in [
            "0600",
            "the lines you typed",
            "`coachup sessions rm ID`",
            "a boss of your own",
            "Nothing of this is sent",
        ] {
            assert!(listed.contains(words), "`{words}` is not in\n{listed}");
        }
        std::fs::set_permissions(&store, std::fs::Permissions::from_mode(0o644)).unwrap();
        let open = with_umask(mask, &home, &["doctor", "--privacy"], "")
            .assert()
            .code(1)
            .get_output()
            .stdout
            .clone();
        assert!(String::from_utf8(open).unwrap().contains("0644 open"));
    }
}

/// Says one line as a person would, so that there is a history.
fn typed_at_a_terminal(home: &Path, mask: &str, model: &str) {
    let mut command = Command::new("script");
    let program =
        format!("umask {mask}; '{}' practice --plain --model '{model}'", env!("CARGO_BIN_EXE_coachup"));
    command.args(["--quiet", "--flush", "--return", "--command", &program, "/dev/null"]);
    command.env("COACHUP_HOME", home).env("HF_HUB_OFFLINE", "1").env("TERM", "xterm");
    let Ok(mut person) = Running::at_terminal(command) else {
        return eprintln!("SKIPPED: no terminal, `script` is missing; the history is not looked at");
    };
    person.wait_for("Sam:");
    person.type_in(&format!("{CANARY}, and how is your week?\r"));
    person.wait_for("openness");
    person.type_in("/quit\r");
    person.wait_for("Kept as session");
    person.finish();
    assert!(home.join("data/history.txt").exists());
}

#[test]
fn what_is_removed_is_in_no_file_any_more() {
    for all in [false, true] {
        let home = Home::new();
        let outside = Home::new();
        let model = model(&outside);
        // An older store with the words in it, of which a backup will be kept.
        std::fs::create_dir(home.data()).unwrap();
        let store = home.data().join("sessions.db");
        std::fs::copy(Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/stores/v1.db"), &store).unwrap();
        let old = rusqlite::Connection::open(&store).unwrap();
        old.execute("UPDATE exchanges SET text = text || ?1", [CANARY]).unwrap();
        drop(old);
        home.coachup(&["sessions", "list"]).assert().success();
        typed_at_a_terminal(home.path(), "022", &model);
        home.coachup(&["practice", "--model", &model]).write_stdin(format!("{CANARY}?\n")).assert().success();
        home.coachup(&["review", "--open"]).env("BROWSER", "true").assert().success();
        // What a kill left of a file that was being written.
        home.file("data/.tmpA1b2C3", CANARY);
        let before = holding(home.path(), CANARY);
        for name in ["sessions.db", "sessions.db.v1.bak", "history.txt", "review.html", ".tmpA1b2C3"] {
            assert!(
                before.contains(&home.data().join(name)),
                "the words are not in {name}, so the test tests nothing"
            );
        }
        let args: &[&str] = if all { &["--all"] } else { &["1", "2", "3", "4"] };
        home.coachup(&[&["sessions", "rm", "--yes"], args].concat()).assert().success();
        assert_eq!(holding(home.path(), CANARY), Vec::<PathBuf>::new());
        let prefixes =
            everything(&home.data()).into_iter().filter(|path| path.extension().is_some_and(|e| e == "kv"));
        assert_eq!(prefixes.count(), 0, "a prompt's beginning is still kept");
    }
}

#[test]
fn a_plan_stays_until_it_is_removed_itself() {
    let home = Home::new();
    home.coachup(&["prepare"]).write_stdin(format!("{CANARY}\n/quit\n")).assert().success();
    let output =
        home.coachup(&["sessions", "rm", "--all", "--yes"]).assert().success().get_output().stdout.clone();
    assert!(String::from_utf8(output).unwrap().contains("prepare SCENARIO --remove"));
    assert_eq!(holding(home.path(), CANARY).len(), 1);
    home.coachup(&["prepare", "late-feedback", "--remove"]).assert().success();
    assert!(holding(home.path(), CANARY).is_empty());
    home.coachup(&["prepare", "late-feedback", "--remove"]).assert().code(1);
    home.coachup(&["prepare", "../settings", "--remove"]).assert().code(2);
}

/// Pages are split, joined and moved as sessions come and go; no copy of removed words may stay in a gap.
#[test]
fn nothing_of_a_session_stays_between_the_others() {
    let home = Home::new();
    home.practise(&["Go on."; 20], "Do you have a minute?\nHow is your week?\n", &[]);
    let mut store = Store::open(&home.data()).unwrap();
    let pattern = store.load("1").unwrap();
    let words = |number: usize| format!("canary{number:04}canary");
    let count = 40;
    for number in 2..=count {
        let mut session = pattern.clone();
        for exchange in &mut session.exchanges {
            // Of all lengths, so that some fill pages of their own.
            exchange.text += &format!(" {}", words(number)).repeat(1 + number * number % 97);
        }
        assert_eq!(store.insert(&session).unwrap(), number.to_string());
    }
    for number in (2..=count).step_by(3) {
        store.remove(&[number.to_string()]).unwrap();
        assert!(holding(home.path(), &words(number)).is_empty(), "session {number}");
    }
    assert!(!holding(home.path(), &words(3)).is_empty(), "the others are kept");
}

/// A whole session's commands, for a shell.
fn whole_session(home: &Home, model: &str) -> String {
    let program = env!("CARGO_BIN_EXE_coachup");
    let page = home.path().join("page.html");
    home.file("turns.txt", "Do you have ten minutes on Thursday?\nHow is your week?\n/example\n/end\n");
    format!(
        "set -e; cd '{}'; '{program}' practice --model '{model}' --script turns.txt; '{program}' review last; \
         '{program}' review --format html --output '{}'; '{program}' progress; '{program}' sessions list; \
         '{program}' sessions export 1 --output talk.json; '{program}' sessions import --copy talk.json; \
         '{program}' score turns.txt --format text; printf 'a topic\\n/quit\\n' | '{program}' prepare; \
         '{program}' doctor --privacy; '{program}' sessions rm --all --yes",
        home.path().display(),
        page.display()
    )
}

/// A shell that runs `line` after `wrapper`, with nothing that would keep the program off the network itself.
fn run_in(wrapper: &[&str], home: &Home, line: &str) -> std::io::Result<std::process::Output> {
    let mut command = Command::new(wrapper[0]);
    command
        .args(&wrapper[1..])
        .args(["sh", "-c", line])
        .env("COACHUP_HOME", home.path())
        .env_remove("HF_HUB_OFFLINE");
    command.output()
}

#[test]
fn a_whole_session_needs_no_network() {
    let (home, outside) = (Home::new(), Home::new());
    let model = model(&outside);
    let wrappers: [&[&str]; 2] = [&["unshare", "--net"], &["unshare", "--map-root-user", "--net"]];
    let possible =
        |wrapper: &&&[&str]| run_in(wrapper, &home, "true").is_ok_and(|output| output.status.success());
    let Some(wrapper) = wrappers.iter().find(possible) else {
        return eprintln!("SKIPPED: this system lets the test have no network namespace (`unshare --net`)");
    };
    let output = run_in(wrapper, &home, &whole_session(&home, &model)).unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("Removed 2 sessions"), "{text}");
}

#[test]
fn a_whole_session_opens_no_socket() {
    let (home, outside) = (Home::new(), Home::new());
    let model = model(&outside);
    let trace = home.path().join("trace");
    let wrapper = ["strace", "-f", "-qq", "-e", "trace=%network", "-o", trace.to_str().unwrap()];
    match run_in(&wrapper, &home, "true") {
        Ok(output) if output.status.success() => {}
        other => {
            return eprintln!(
                "SKIPPED: the program can't be watched here: no `strace`, or not allowed ({other:?})"
            );
        }
    }
    let output = run_in(&wrapper, &home, &whole_session(&home, &model)).unwrap();
    let text = String::from_utf8_lossy(&output.stdout) + String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success() && text.contains("Removed 2 sessions"), "{text}");
    let calls = std::fs::read_to_string(&trace).unwrap();
    let opened: Vec<&str> =
        calls.lines().filter(|line| line.contains("socket(") || line.contains("connect(")).collect();
    assert!(opened.is_empty(), "{opened:#?}");
    // The watch sees a socket where there is one: `models pull` asks the hub.
    let pull = format!(
        "HF_ENDPOINT=http://127.0.0.1:9 COACHUP_PYTHON=none '{}' models pull smollm2-135m",
        env!("CARGO_BIN_EXE_coachup")
    );
    let _ = run_in(&wrapper, &home, &pull).unwrap();
    assert!(std::fs::read_to_string(&trace).unwrap().contains("socket("));
}
