//! A home of its own for each test, and the built program run in it.

use assert_cmd::Command;
use serde_json::Value;
use std::path::{Path, PathBuf};
use tempfile::TempDir;

/// An empty `COACHUP_HOME`, gone when dropped.
pub struct Home(TempDir);

impl Home {
    /// A new, empty home.
    pub fn new() -> Home {
        Home(tempfile::tempdir().expect("a folder for the test"))
    }

    /// A new, empty home in `folder`.
    pub fn new_in(folder: &Path) -> Home {
        Home(tempfile::tempdir_in(folder).expect("a folder for the test"))
    }

    /// Its folder.
    pub fn path(&self) -> &Path {
        self.0.path()
    }

    /// Writes a file into it.
    pub fn file(&self, name: &str, text: &str) -> PathBuf {
        let path = self.path().join(name);
        std::fs::create_dir_all(path.parent().expect("a folder")).unwrap();
        std::fs::write(&path, text).unwrap();
        path
    }

    /// The program, in this home, without a network and without the tester's own settings.
    pub fn coachup(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_coachup"));
        command
            .args(args)
            .env("COACHUP_HOME", self.path())
            .env("HF_HUB_OFFLINE", "1")
            .env("NO_COLOR", "1")
            .env("COLUMNS", "80")
            .env_remove("COACHUP_MODEL")
            .env_remove("COACHUP_NAME")
            .env_remove("COACHUP_SERVER")
            .env_remove("COACHUP_API_KEY")
            .env_remove("COACHUP_LIBRARY")
            .env_remove("HF_HOME");
        command
    }

    /// `coachup practice` with the scripted engine replaying `replies`, saying `turns`; JSON events.
    pub fn practise(&self, replies: &[&str], turns: &str, args: &[&str]) -> Vec<Value> {
        let replies = self.file("replies.txt", &replies.join("\n"));
        let model = format!("scripted:{}", replies.display());
        let mut all = vec!["practice", "--model", &model, "--format", "json", "--script", "-"];
        all.extend(args);
        let output = self.coachup(&all).write_stdin(turns).assert().success().get_output().stdout.clone();
        events(&output)
    }
}

/// The JSON objects of an output, one a line.
pub fn events(output: &[u8]) -> Vec<Value> {
    let text = std::str::from_utf8(output).expect("UTF-8");
    text.lines().map(|line| serde_json::from_str(line).expect(line)).collect()
}

/// The events of one kind.
pub fn of_kind<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["event"] == kind).collect()
}

/// A program as a child whose output can be waited for: its lines, or at a terminal its pieces.
pub struct Running {
    child: std::process::Child,
    lines: std::sync::mpsc::Receiver<String>,
    said: Vec<String>,
    stdin: Option<std::process::ChildStdin>,
    /// How much of what was said has been waited for.
    heard: usize,
}

impl Running {
    /// Starts `command`, which gives the program a terminal; the test types into it.
    ///
    /// # Errors
    /// There is no such command.
    pub fn at_terminal(mut command: std::process::Command) -> std::io::Result<Running> {
        use std::io::Read;
        use std::process::Stdio;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn()?;
        let mut stdout = child.stdout.take().expect("a pipe");
        let (send, lines) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut piece = [0; 4096];
            while let Ok(read) = stdout.read(&mut piece)
                && read > 0
                && send.send(String::from_utf8_lossy(&piece[..read]).into_owned()).is_ok()
            {}
        });
        let stdin = child.stdin.take();
        Ok(Running { child, lines, said: Vec::new(), stdin, heard: 0 })
    }

    /// Types `keys`.
    pub fn type_in(&mut self, keys: &str) {
        use std::io::Write;
        let stdin = self.stdin.as_mut().expect("a terminal");
        stdin.write_all(keys.as_bytes()).and_then(|()| stdin.flush()).expect("the terminal takes keys");
    }

    /// Waits until `text` is shown after what was waited for before.
    pub fn wait_for(&mut self, text: &str) {
        loop {
            let all = self.said.concat();
            if let Some(at) = all[self.heard..].find(text) {
                self.heard += at + text.len();
                return;
            }
            let next = self.lines.recv_timeout(std::time::Duration::from_secs(300));
            self.said.push(next.unwrap_or_else(|_| panic!("`{text}` was not shown:\n{all}")));
        }
    }

    /// Starts `command`. Its stdin is `input`, then closed.
    pub fn start(mut command: std::process::Command, input: &str) -> Running {
        use std::io::{BufRead, Write};
        use std::process::Stdio;
        command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child = command.spawn().expect("the program starts");
        let mut stdin = child.stdin.take().expect("a pipe");
        let input = input.to_owned();
        // What is killed reads no more.
        std::thread::spawn(move || stdin.write_all(input.as_bytes()));
        let mut stdout = std::io::BufReader::new(child.stdout.take().expect("a pipe"));
        let (send, lines) = std::sync::mpsc::channel();
        std::thread::spawn(move || {
            let mut line = Vec::new();
            // A line without its end was not said.
            while stdout.read_until(b'\n', &mut line).is_ok_and(|read| read > 0) && line.ends_with(b"\n") {
                if send.send(String::from_utf8_lossy(&line).into_owned()).is_err() {
                    break;
                }
                line.clear();
            }
        });
        Running { child, lines, said: Vec::new(), stdin: None, heard: 0 }
    }

    /// Its process.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Waits for the next line; none at the end.
    pub fn next_line(&mut self) -> Option<String> {
        let next = self.lines.recv().ok();
        self.said.extend(next.clone());
        next
    }

    /// Waits for the next line. False at the end.
    pub fn wait_for_line(&mut self) -> bool {
        self.next_line().is_some()
    }

    /// Has it ended by itself?
    pub fn has_ended(&mut self) -> bool {
        self.child.try_wait().is_ok_and(|status| status.is_some())
    }

    /// Waits until it ends by itself; every line it wrote.
    pub fn finish(mut self) -> Vec<String> {
        while self.wait_for_line() {}
        self.child.wait().expect("it ends");
        self.said
    }

    /// Kills it (`kill -9`); every line that it wrote.
    pub fn kill(mut self) -> Vec<String> {
        self.child.kill().expect("it can be killed");
        self.finish()
    }
}

impl Home {
    /// The program in this home, as [`Home::coachup`], for [`Running`].
    pub fn command(&self, args: &[&str]) -> std::process::Command {
        let mut command = std::process::Command::new(env!("CARGO_BIN_EXE_coachup"));
        command.args(args).env("COACHUP_HOME", self.path()).env("HF_HUB_OFFLINE", "1").env("NO_COLOR", "1");
        command
    }

    /// The folder of sessions.
    pub fn data(&self) -> PathBuf {
        self.path().join("data")
    }
}

/// Numbers that look random and are the same in every run.
pub struct Dice(pub u64);

impl Dice {
    /// A number below `below`.
    pub fn roll(&mut self, below: u64) -> u64 {
        // xorshift64*
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        (self.0.wrapping_mul(0x2545_F491_4F6C_DD1D) >> 33) % below.max(1)
    }
}

/// A number from the environment, for runs that are larger than the common one.
pub fn number(name: &str, usual: usize) -> usize {
    std::env::var(name).ok().and_then(|value| value.parse().ok()).unwrap_or(usual)
}

/// Figures of several runs: shown as the median, and the least and the most in brackets.
pub struct Spread {
    pub least: f64,
    pub median: f64,
    pub most: f64,
}

impl Spread {
    /// Of one figure at least.
    pub fn of(mut figures: Vec<f64>) -> Spread {
        figures.sort_by(f64::total_cmp);
        Spread { least: figures[0], median: figures[figures.len() / 2], most: figures[figures.len() - 1] }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let digits = f.precision().unwrap_or(1);
        let Spread { least, median, most } = self;
        write!(f, "{median:.digits$} ({least:.digits$} to {most:.digits$})")
    }
}
