//! Practice at a terminal: what is typed, what is pasted, and what arrives while the boss thinks.

use crate::server::stand_in::{Fault, Manner, StandIn};
use crate::support::Home;
use rustix::termios::{Winsize, tcsetwinsize};
use serde_json::Value;
use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::FromRawFd;
use std::process::{Child, Command, Stdio};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

/// The longest that anything may take on a busy machine.
const PATIENCE: Duration = Duration::from_secs(60);
/// What the boss says, again and again.
const REPLY: &str = "I've got the board deck due on Monday.";

/// A practice session in a terminal of its own.
struct Practice {
    keys: File,
    screen: Arc<Mutex<String>>,
    program: Child,
}

impl Practice {
    /// Begins one in `home`, with a boss that says the same again and again.
    fn begin(home: &Home) -> Practice {
        let replies = home.file("replies.txt", &[REPLY; 40].join("\n"));
        Practice::with_model(home, &format!("scripted:{}", replies.display()))
    }

    fn with_model(home: &Home, model: &str) -> Practice {
        let (keys, side) = terminal();
        let program = Command::new(env!("CARGO_BIN_EXE_coachup"))
            .args(["practice", "--seed", "3", "--model", model])
            .env("COACHUP_HOME", home.path())
            .env("HF_HUB_OFFLINE", "1")
            .env("TERM", "xterm")
            .env_remove("COACHUP_NAME")
            .stdin(Stdio::from(side.try_clone().unwrap()))
            .stdout(Stdio::from(side.try_clone().unwrap()))
            .stderr(Stdio::from(side))
            .spawn()
            .expect("coachup starts");
        let screen = Arc::new(Mutex::new(String::new()));
        let (mut reader, seen) = (keys.try_clone().unwrap(), Arc::clone(&screen));
        std::thread::spawn(move || {
            let mut bytes = [0; 4096];
            // The terminal is gone when the program is.
            while let Ok(count @ 1..) = reader.read(&mut bytes) {
                seen.lock().unwrap().push_str(&String::from_utf8_lossy(&bytes[..count]));
            }
        });
        Practice { keys, screen, program }
    }

    /// Waits until the screen has shown `text` `times` times.
    fn wait_for(&self, text: &str, times: usize) {
        let start = Instant::now();
        while self.screen.lock().unwrap().matches(text).count() < times {
            assert!(
                start.elapsed() < PATIENCE,
                "no {times} times `{text}` in {}",
                self.screen.lock().unwrap()
            );
            std::thread::sleep(Duration::from_millis(10));
        }
    }

    /// Sends `keys` at once.
    fn send(&mut self, keys: &str) {
        self.keys.write_all(keys.as_bytes()).unwrap();
    }

    /// Makes the screen `columns` wide.
    fn resize(&self, columns: u16) {
        let size = Winsize { ws_row: 24, ws_col: columns, ws_xpixel: 0, ws_ypixel: 0 };
        tcsetwinsize(&self.keys, size).unwrap();
        // A program that it is the terminal of is told by the system.
        let told = Command::new("kill").args(["-WINCH", &self.program.id().to_string()]).status().unwrap();
        assert!(told.success());
    }

    /// Waits for the program's end; all that the screen has shown.
    fn end(mut self) -> String {
        let start = Instant::now();
        while self.program.try_wait().unwrap().is_none() {
            assert!(start.elapsed() < PATIENCE, "it does not end: {}", self.screen.lock().unwrap());
            std::thread::sleep(Duration::from_millis(10));
        }
        self.screen.lock().unwrap().clone()
    }
}

/// A new terminal: the side of the hands and eyes, and the program's.
#[expect(unsafe_code, reason = "opens a terminal")]
fn terminal() -> (File, File) {
    let (mut hands, mut program) = (0, 0);
    let none = std::ptr::null_mut();
    // SAFETY: both places for a descriptor are ours, no name is asked for, and no settings are given.
    let made = unsafe { libc::openpty(&mut hands, &mut program, none, none.cast(), none.cast()) };
    assert_eq!(made, 0, "no terminal: {}", std::io::Error::last_os_error());
    // SAFETY: the call has just opened both descriptors, and nobody else owns them.
    unsafe { (File::from_raw_fd(hands), File::from_raw_fd(program)) }
}

/// The turns of the only session, as they are stored.
fn turns(home: &Home) -> Vec<String> {
    let output = home.coachup(&["sessions", "export", "last"]).assert().success().get_output().stdout.clone();
    let session: Value = serde_json::from_slice(&output).unwrap();
    let exchanges = session["exchanges"].as_array().unwrap().iter();
    exchanges.map(|exchange| exchange["text"].as_str().unwrap().to_owned()).collect()
}

#[test]
fn lines_that_arrive_together_are_one_turn() {
    let home = Home::new();
    let mut practice = Practice::begin(&home);
    practice.wait_for("Sam: ", 1);
    // No marks around it, as a terminal without bracketed paste sends it; and an Enter at its end.
    practice.send("Do you have ten minutes?\rIt is about the prototype.\r\rThursday would do.\r");
    practice.wait_for("grade", 1);
    // Marked as pasted, then Enter.
    practice.send("\x1b[200~I know you are busy.\nWhat would help?\x1b[201~\r");
    practice.wait_for("grade", 2);
    // A line at a time, as a program types it.
    practice.send("Which would suit you better?\r");
    practice.wait_for("grade", 3);
    practice.send("I could write a summary.\rBy Friday.\r/quit\r");
    practice.end();
    assert_eq!(
        turns(&home),
        [
            "Do you have ten minutes?\nIt is about the prototype.\n\nThursday would do.",
            "I know you are busy.\nWhat would help?",
            "Which would suit you better?",
            "I could write a summary.\nBy Friday.",
        ]
    );
}

#[test]
fn typed_by_hand_each_line_is_a_turn() {
    let home = Home::new();
    let mut practice = Practice::begin(&home);
    practice.wait_for("Sam: ", 1);
    for (number, line) in (1..).zip(["Do you have ten minutes?", "What would help?"]) {
        practice.send(line);
        // Hands are never faster than this.
        std::thread::sleep(Duration::from_millis(200));
        practice.send("\r");
        practice.wait_for("grade", number);
    }
    practice.send("/quit\r");
    practice.end();
    assert_eq!(turns(&home), ["Do you have ten minutes?", "What would help?"]);
}

#[test]
fn a_turn_that_a_server_left_unanswered_is_asked_again_by_enter_and_not_judged_again() {
    let home = Home::new();
    let server = StandIn::start(Manner::default());
    let mut practice = Practice::with_model(&home, &server.address);
    let answer = "Dana:\u{1b}[0m";
    practice.wait_for(answer, 1);
    server.set(|manner| manner.fault = Fault::Cuts);
    practice.send("What would help?\r");
    practice.wait_for("grade", 1);
    practice.send("\r");
    practice.wait_for("Enter asks again", 2);
    server.set(|manner| manner.fault = Fault::None);
    practice.send("\r");
    practice.wait_for(answer, 2);
    practice.send("/quit\r");
    let screen = practice.end();
    assert_eq!(screen.matches("+ Asks a question").count(), 1, "{screen}");
    assert_eq!(turns(&home), ["What would help?"]);
}

#[test]
fn an_enter_typed_while_the_boss_thinks_ends_a_turn_and_a_text_pasted_then_is_one() {
    let home = Home::new();
    let server = StandIn::start(Manner::default());
    let mut practice = Practice::with_model(&home, &server.address);
    practice.wait_for("Dana:\u{1b}[0m", 1);
    server.set(|manner| manner.fault = Fault::Silent);
    practice.send("What would help?\r");
    practice.wait_for("Dana: (", 1);
    server.set(|manner| manner.fault = Fault::None);
    practice.send("Thursday would do.\r");
    std::thread::sleep(Duration::from_millis(500));
    practice.send("Which would suit you better?\rI could write a summary.\r");
    practice.wait_for("grade", 3);
    practice.send("/quit\r");
    practice.end();
    assert_eq!(
        turns(&home),
        ["What would help?", "Thursday would do.", "Which would suit you better?\nI could write a summary.",]
    );
}

#[test]
fn a_resized_screen_shows_the_prompt_once_and_what_stands_above_it() {
    let home = Home::new();
    let mut practice = Practice::begin(&home);
    practice.wait_for("Sam: ", 1);
    let text = "I know you have the board deck due on Monday, and I could help";
    practice.send(text);
    practice.wait_for(text, 1);
    // One row of 80 columns is two of 40, and one again of 100.
    practice.resize(40);
    practice.wait_for("\u{1b}[1A\r\u{1b}[J", 1);
    practice.wait_for("Sam: I know", 1);
    practice.resize(100);
    practice.wait_for("\r\u{1b}[J\r\n", 1);
    practice.wait_for("Sam: I know", 2);
    practice.send("\u{3}");
    practice.wait_for("Ctrl-C again", 1);
    practice.send("\u{3}");
    practice.end();
}

#[test]
fn the_boss_is_heard_through_a_program_of_ones_own() {
    let home = Home::new();
    let heard = home.path().join("heard");
    home.file("settings.toml", &format!("speak = true\nspeech = \"cat >> '{}'\"\n", heard.display()));
    let mut practice = Practice::begin(&home);
    practice.wait_for("Sam: ", 1);
    practice.send("What would help?\r");
    practice.wait_for("grade", 1);
    let start = Instant::now();
    let greeting = loop {
        let heard = std::fs::read_to_string(&heard).unwrap_or_default();
        if let Some(greeting) = heard.strip_suffix(&format!("{REPLY}\n")) {
            break greeting.trim().to_owned();
        }
        assert!(start.elapsed() < PATIENCE, "{heard}");
        std::thread::sleep(Duration::from_millis(10));
    };
    practice.send("/quit\r");
    let screen = practice.end();
    assert!(!greeting.is_empty() && screen.contains(&greeting), "{greeting}: {screen}");
}

#[test]
fn a_talk_of_ones_own_is_made_from_the_prompt_and_asked_about_once_after_its_day() {
    let home = Home::new();
    let mut practice = Practice::begin(&home);
    practice.wait_for("/new", 1);
    practice.send("/new\r");
    practice.wait_for("1 of 17", 1);
    practice.send("/quit\r");
    practice.end();
    let answers = home.file("answers.toml", "about = 'the rota'\nwhen = '2026-01-08'\n");
    home.coachup(&["new", "rota", "--from", answers.to_str().unwrap()]).assert().success();
    let mut practice = Practice::begin(&home);
    practice.wait_for("How did it go?", 1);
    practice.send("y\r");
    practice.wait_for("Did the talk take place?", 1);
    practice.send("/quit\r");
    practice.end();
    let mut practice = Practice::begin(&home);
    practice.wait_for("Sam: ", 1);
    practice.send("/quit\r");
    assert!(!practice.end().contains("How did it go?"));
}
