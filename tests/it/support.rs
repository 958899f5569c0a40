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
