//! Files, folders, variables and paths that are not what they are taken for.

use super::support::{Home, events, of_kind};
use serde_json::Value;
use std::ffi::OsStr;
use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

/// What waits for ever is ended.
const PATIENCE: Duration = Duration::from_secs(60);

fn fifo(path: PathBuf) -> PathBuf {
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    nix::unistd::mkfifo(&path, nix::sys::stat::Mode::S_IRWXU).unwrap();
    path
}

/// What the program said, on stdout and on stderr; it must have ended as `done` says.
#[track_caller]
fn said(home: &Home, args: &[&str], done: bool) -> (String, String) {
    let output =
        home.coachup(args).env("COACHUP_PYTHON", "no-such-python").timeout(PATIENCE).output().unwrap();
    let text = |bytes: &[u8]| String::from_utf8_lossy(bytes).into_owned();
    let (out, err) = (text(&output.stdout), text(&output.stderr));
    assert!(output.status.code().is_some(), "{args:?} did not end: {err}");
    assert_eq!(output.status.success(), done, "{args:?}: {out}{err}");
    (out, err)
}

#[test]
fn a_fifo_where_data_is_read_is_named_and_waited_for_by_nobody() {
    let home = Home::new();
    home.practise(&[], "Do you have a minute?\n/quit\n", &[]);
    let talk = home.path().join("course/talk.json");
    std::fs::create_dir(talk.parent().unwrap()).unwrap();
    said(&home, &["sessions", "export", "1", "--output", talk.to_str().unwrap()], true);
    let course = talk.parent().unwrap().to_str().unwrap();
    // Left out, and the rest is done.
    for (place, args) in [
        ("scenarios/mine.toml", &["sessions", "list"][..]),
        ("bosses/mine.toml", &["bosses", "list"]),
        ("rubric.toml", &["review", "1"]),
    ] {
        let fifo = fifo(home.path().join(place));
        let (_, err) = said(&home, args, true);
        assert!(err.contains("left out") && err.contains(place) && err.contains("no plain file"), "{err}");
        std::fs::remove_file(fifo).unwrap();
    }
    for (place, args) in [
        ("settings.toml", &["sessions", "list"][..]),
        ("models.toml", &["models", "list"]),
        ("data/plans/late-feedback.toml", &["prepare", "--show"]),
        ("bosses/mine.toml", &["library", "check", home.path().to_str().unwrap()]),
        ("course/fifo.json", &["report", course]),
        ("data/sessions.db-journal", &["sessions", "list"]),
    ] {
        let fifo = fifo(home.path().join(place));
        let (out, err) = said(&home, args, false);
        let name = Path::new(place).file_name().unwrap().to_str().unwrap();
        let all = out + &err;
        assert!(all.contains(name) && all.contains("no plain file"), "{place}: {all}");
        std::fs::remove_file(fifo).unwrap();
    }
}

#[test]
fn a_stream_that_the_person_names_is_read() {
    let home = Home::new();
    let fifo = fifo(home.path().join("turns"));
    let write = std::thread::spawn({
        let fifo = fifo.clone();
        move || std::fs::write(fifo, "Do you have a minute on Thursday?\n")
    });
    let (out, _) = said(&home, &["score", fifo.to_str().unwrap()], true);
    assert_eq!(events(out.as_bytes()).len(), 1);
    write.join().unwrap().unwrap();
}

#[test]
fn a_result_is_written_where_a_link_leads_and_into_what_is_no_plain_file() {
    let home = Home::new();
    home.practise(&[], "Do you have a minute?\n/quit\n", &[]);
    let export = |to: &str, done: bool| said(&home, &["sessions", "export", "1", "--output", to], done);
    let (out, _) = export("/dev/stdout", true);
    assert_eq!(serde_json::from_str::<Value>(&out).unwrap()["format"], "coachup-session");
    let (_, err) = export("/dev/stderr", true);
    assert!(err.contains("coachup-session"), "{err}");
    export("/dev/null", true);
    assert!(!Path::new("/dev/null").is_file());

    let (link, file) = (home.path().join("link.json"), home.path().join("talk.json"));
    symlink("talk.json", &link).unwrap();
    export(link.to_str().unwrap(), true);
    let (_, err) = export(link.to_str().unwrap(), false);
    assert!(err.contains("--force"), "{err}");
    said(&home, &["review", "1", "--output", link.to_str().unwrap(), "--force"], true);
    assert!(link.is_symlink() && std::fs::read_to_string(file).unwrap().contains("Do you have a minute?"));

    // A plan that is kept elsewhere stays there.
    let (plan, notes) = (home.path().join("data/plans/late-feedback.toml"), home.path().join("notes.toml"));
    std::fs::create_dir_all(plan.parent().unwrap()).unwrap();
    symlink(&notes, &plan).unwrap();
    home.coachup(&["prepare"]).write_stdin("the prototype\n/quit\n").assert().success();
    assert!(plan.is_symlink() && std::fs::read_to_string(notes).unwrap().contains("the prototype"));
}

#[cfg(target_os = "linux")]
#[test]
fn names_that_are_no_text_stop_nothing() {
    let odd = OsStr::from_bytes(b"odd-\xff");
    let home = Home::new();
    let inside = home.path().join(odd);
    std::fs::create_dir(&inside).unwrap();
    // A variable, and the working folder, which the shell names in another.
    let run = |args: &[&str]| {
        let mut command = home.coachup(args);
        command
            .current_dir(&inside)
            .env("PWD", &inside)
            .env("ODD", odd)
            .env(odd, "odd")
            .env("COACHUP_NAME", odd);
        command
    };
    run(&["sessions", "list"]).assert().success();
    // Everything kept under such a name, and a script, a plan and a result of such a name.
    std::fs::write(inside.join(odd), "Do you have a minute?\n").unwrap();
    let replies = home.file("replies.txt", "");
    let model = format!("scripted:{}", replies.display());
    let output = run(&["practice", "--model", &model, "--format", "json", "--script"])
        .arg(odd)
        .env("COACHUP_HOME", &inside)
        .assert()
        .success();
    assert_eq!(of_kind(&events(&output.get_output().stdout), "verdicts").len(), 1);
    run(&["sessions", "export", "1", "--output"])
        .arg("talk-\u{e4}.json")
        .env("COACHUP_HOME", &inside)
        .assert()
        .success();
    run(&["models", "list", "--format", "json"]).env("COACHUP_HOME", &inside).assert().success();
    run(&["doctor", "--privacy"]).env("COACHUP_HOME", &inside).assert().success();
    for (flag, part) in [("--model", "not a GGUF file"), ("--plan", "the plan `odd-")] {
        let output = run(&["practice", flag]).arg(odd).write_stdin("Hello.\n").assert().failure();
        let text = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
        assert!(text.contains(part), "{flag}: {text}");
    }
}

#[test]
fn a_strangers_session_opens_no_file_and_asks_no_server() {
    let home = Home::new();
    home.practise(&[], "Do you have a minute?\n/quit\n", &[]);
    let (talk, _) = said(&home, &["sessions", "export", "1"], true);
    for (number, model) in
        ["scripted:/dev/zero", "/etc/passwd", "openai:m", "http://127.0.0.1:9/v1"].iter().enumerate()
    {
        let mut talk: Value = serde_json::from_str(&talk).unwrap();
        talk["header"]["model"] = (*model).into();
        let file = home.file("talk.json", &talk.to_string());
        said(&home, &["sessions", "import", file.to_str().unwrap(), "--copy"], true);
        let id = (number + 2).to_string();
        let (_, err) = said(&home, &["practice", "--resume", &id], false);
        assert!(err.contains(&format!("--resume {id} --model MODEL")) && err.contains(model), "{err}");
    }
    // With a model of the person's own, that one plays, and it is said so.
    let replies = home.file("replies.txt", "Well, what about Thursday at ten?\n");
    let own = format!("scripted:{}", replies.display());
    let resumed = home
        .coachup(&["practice", "--resume", "2", "--format", "json"])
        .env("COACHUP_MODEL", &own)
        .write_stdin("How is your week going?\n")
        .assert()
        .success();
    let err = String::from_utf8_lossy(&resumed.get_output().stderr).into_owned();
    assert!(err.contains("used `scripted:/dev/zero`") && err.contains("your own choice"), "{err}");
}

#[test]
fn an_address_that_is_not_wholly_understood_is_sent_nothing() {
    let home = Home::new();
    let (_, err) = said(&home, &["practice", "--model", "http://127.0.0.1:99999/v1"], false);
    assert!(err.contains("a number from 1 to 65535") && !err.contains("is sent to"), "{err}");
    let output = home
        .coachup(&["models", "pull", "smollm2-135m"])
        .env("COACHUP_PYTHON", "no-such-python")
        .env("HF_ENDPOINT", "http://127.0.0.1:99999")
        .env("HF_TOKEN", "canary")
        .env("HF_HOME", home.path())
        .env_remove("HF_HUB_OFFLINE")
        .assert()
        .failure();
    let err = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
    assert!(err.contains("`HF_ENDPOINT`") && err.contains("a number from 1 to 65535"), "{err}");
}

#[test]
fn a_person_called_like_the_boss_is_asked_for_another_name() {
    let home = Home::new();
    for name in ["dana", "Dana Smith"] {
        let output =
            home.coachup(&["practice", "--boss", "dana"]).env("COACHUP_NAME", name).assert().failure();
        let err = String::from_utf8_lossy(&output.get_output().stderr).into_owned();
        assert!(err.contains("`COACHUP_NAME`") && err.contains("`--boss`"), "{err}");
    }
}
