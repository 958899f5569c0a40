//! The screen, behind the gate that keeps text from steering it, and files that nobody else can read.

use crate::repl::screen;
use crate::text::gate::Gate;
use crate::text::{columns, printable};
use anstream::AutoStream;
use std::io::{IsTerminal, Stderr, StdoutLock, Write};
#[cfg(unix)]
use std::sync::OnceLock;

/// Data for the person or the next program.
pub fn stdout() -> Gate<AutoStream<StdoutLock<'static>>> {
    Gate::new(anstream::stdout().lock())
}

/// How it goes, and what went wrong.
pub fn stderr() -> Gate<AutoStream<Stderr>> {
    Gate::new(anstream::stderr())
}

/// Writes a line of prose to stderr, on a terminal broken between words; names and addresses stay whole. That it
/// can't be written is no reason to stop.
pub fn say(text: &str) {
    let text = printable(text);
    let on_terminal = std::io::stderr().is_terminal();
    let text = if on_terminal { broken(&text, textwrap::termwidth()).into() } else { text };
    let _ = writeln!(stderr(), "{text}");
}

fn broken(text: &str, width: usize) -> String {
    textwrap::fill(text, columns::whole_words(width))
}

/// The columns that lists on stdout are broken to; where no screen shows them, a line stays a line.
pub fn columns() -> usize {
    if std::io::stdout().is_terminal() { screen::width() } else { usize::MAX }
}

/// The rights that the person's other programs give to new files.
#[cfg(unix)]
static USUAL: OnceLock<nix::sys::stat::Mode> = OnceLock::new();

/// From now on, every file that is made is its owner's alone, whoever makes it: SQLite, a download, a program
/// that is called.
pub fn make_files_private() {
    #[cfg(unix)]
    {
        use nix::sys::stat::{Mode, umask};
        let _ = USUAL.set(umask(Mode::S_IRWXG | Mode::S_IRWXO));
    }
}

/// The shell's words that give the person's own program its usual rights back; none where nothing was changed.
pub fn usual_rights() -> String {
    #[cfg(unix)]
    if let Some(mode) = USUAL.get() {
        return format!("umask {:04o}; ", mode.bits());
    }
    String::new()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prose_is_broken_between_words_and_never_in_a_name() {
        let text =
            "error: no model `llama-3.3-70b-instruct` at http://localhost:8080/v1; try `--model NAME`\n  | a";
        let lines = broken(text, 30);
        assert_eq!(
            lines.lines().collect::<Vec<_>>(),
            [
                "error: no model",
                "`llama-3.3-70b-instruct` at",
                "http://localhost:8080/v1; try",
                "`--model NAME`",
                "  | a"
            ]
        );
        assert_eq!(broken("http://localhost:8080/v1", 10), "http://localhost:8080/v1");
    }
}
