//! The boss's lines, spoken by the system's own speech program or one of the person's choice.

use super::programs::shell;
use crate::repl::interactive::Voice;
use std::io::Write;
use std::process::{Child, Command, Stdio};

/// Programs that read from standard input what they speak, with what stops one whose voice is a service's; the first
/// that is there is taken.
const USUAL: &[(&str, &str, Option<&str>)] = if cfg!(target_os = "macos") {
    &[("say", "say -f -", None)]
} else if cfg!(windows) {
    &[(
        "powershell",
        "powershell -NoProfile -Command \"Add-Type -AssemblyName System.Speech; (New-Object \
         System.Speech.Synthesis.SpeechSynthesizer).Speak([Console]::In.ReadToEnd())\"",
        None,
    )]
} else {
    &[
        ("spd-say", "spd-say --wait --pipe-mode", Some("spd-say --cancel")),
        ("espeak-ng", "espeak-ng --stdin", None),
        ("espeak", "espeak --stdin", None),
    ]
};

/// What to install where none is there.
const INSTALL: &str =
    "install `espeak-ng` or `speech-dispatcher`, or name a program with `speech` in `settings.toml`";

/// A speech program.
pub struct Speech {
    /// Its command line.
    line: String,
    /// What silences it, beside its end.
    cancel: Option<&'static str>,
    /// What is being spoken.
    speaking: Option<Child>,
    /// Why nothing is heard, until it has been said.
    complaint: Option<String>,
    complained: bool,
}

impl Speech {
    /// The program called `named`, a command line that speaks what it reads, or the system's own.
    pub fn new(named: Option<&str>) -> Speech {
        let there = |program: &str| {
            let asks =
                if cfg!(windows) { format!("where {program}") } else { format!("command -v {program}") };
            silent(&asks).status().is_ok_and(|status| status.success())
        };
        let usual = || USUAL.iter().find(|(program, ..)| there(program));
        let (line, cancel) = match named {
            Some(named) => (Some(named.to_owned()), None),
            None => usual().map_or((None, None), |(_, line, cancel)| (Some((*line).to_owned()), *cancel)),
        };
        let complaint = line.is_none().then(|| format!("Nothing here can speak: {INSTALL}."));
        Speech { line: line.unwrap_or_default(), cancel, speaking: None, complaint, complained: false }
    }

    fn complain(&mut self) {
        if !self.complained && self.complaint.is_none() {
            self.complaint = Some(format!("`{}` can't speak: {INSTALL}.", self.line));
        }
    }
}

/// A command line whose output is nobody's business.
fn silent(line: &str) -> Command {
    let mut command = shell(line, None);
    command.stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

impl Voice for Speech {
    fn say(&mut self, line: &str) {
        self.stop();
        if self.line.is_empty() {
            return;
        }
        let mut command = silent(&self.line);
        command.stdin(Stdio::piped());
        #[cfg(unix)]
        std::os::unix::process::CommandExt::process_group(&mut command, 0);
        match command.spawn() {
            Ok(mut child) => {
                // Lines are far shorter than what a pipe holds: this does not wait.
                let written = child.stdin.take().map(|mut pipe| writeln!(pipe, "{line}"));
                drop(written);
                self.speaking = Some(child);
            }
            Err(_) => self.complain(),
        }
    }

    fn stop(&mut self) -> bool {
        let Some(mut child) = self.speaking.take() else { return false };
        match child.try_wait() {
            Ok(Some(status)) => {
                if !status.success() {
                    self.complain();
                }
                false
            }
            _ => {
                end(&mut child);
                if let Some(cancel) = self.cancel {
                    drop(silent(cancel).status());
                }
                true
            }
        }
    }

    fn complaint(&mut self) -> Option<String> {
        let complaint = self.complaint.take()?;
        self.complained = true;
        Some(complaint)
    }
}

impl Drop for Speech {
    fn drop(&mut self) {
        self.stop();
    }
}

/// Ends a shell with all that it has started.
fn end(child: &mut Child) {
    #[cfg(unix)]
    if let Ok(group) = i32::try_from(child.id()) {
        let group = nix::unistd::Pid::from_raw(group);
        let _ = nix::sys::signal::killpg(group, nix::sys::signal::Signal::SIGTERM);
    }
    drop(child.kill());
    drop(child.wait());
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::time::{Duration, Instant};

    #[cfg(unix)]
    #[test]
    fn a_line_is_spoken_until_the_next_or_until_it_is_stopped() {
        let folder = tempfile::tempdir().unwrap();
        let heard = folder.path().join("heard");
        let mut speech = Speech::new(Some(&format!("cat >> '{}'; sleep 60 & wait", heard.display())));
        let wait_for = |words: &str| {
            let start = Instant::now();
            while std::fs::read_to_string(&heard).unwrap_or_default() != words {
                assert!(start.elapsed() < Duration::from_secs(20), "{words}");
                std::thread::sleep(Duration::from_millis(5));
            }
        };
        speech.say("Yes, Sam?");
        wait_for("Yes, Sam?\n");
        speech.say("No; $(touch x).");
        wait_for("Yes, Sam?\nNo; $(touch x).\n");
        assert!(speech.stop() && !speech.stop() && speech.complaint().is_none());
    }

    #[cfg(unix)]
    #[test]
    fn a_program_that_is_missing_is_said_once() {
        let mut speech = Speech::new(Some("no-such-program-speaks"));
        speech.say("Yes?");
        speech.speaking.as_mut().unwrap().wait().unwrap();
        speech.say("No.");
        assert!(speech.complaint().unwrap().contains("install"));
        speech.speaking.as_mut().unwrap().wait().unwrap();
        speech.stop();
        assert!(speech.complaint().is_none());
    }
}
