//! Nothing is sent: a whole session without a network, and without a socket.

use super::model;
use crate::support::Home;
use std::process::Command;

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
