//! The line editor: history, completion of slash commands, pasted lines kept together as one turn.

use super::ahead;
use super::arrival::{Arrival, is_command, parted};
use super::commands::TABLE;
use super::resize::{Label, Shown};
use crate::text::file::{make_private_file, plain_or_absent};
use crate::text::printable;
use crate::text::printable::is_unsafe;
use rustyline::completion::Completer;
use rustyline::error::ReadlineError;
use rustyline::highlight::{CmdKind, Highlighter};
use rustyline::history::{FileHistory, History};
use rustyline::{Cmd, Validator};
use rustyline::{Config, Context, Editor, Event, EventHandler, Helper, Hinter, KeyCode, KeyEvent, Modifiers};
use std::borrow::Cow;
use std::collections::VecDeque;
use std::io::Write;
use std::path::{Path, PathBuf};

/// How many lines the history keeps.
const HISTORY: usize = 500;

/// What came from the prompt.
#[derive(Debug, PartialEq, Eq)]
pub enum Input {
    /// A turn or a command, exactly as typed; several lines where it was pasted or entered so.
    Line(String),
    /// Ctrl-C.
    Interrupted,
    /// Ctrl-D, or the terminal went away.
    End,
}

#[derive(Default, Helper, Hinter, Validator)]
struct Slash {
    shown: Shown,
}

/// A pasted line is shown without what would steer the terminal; it is taken as it was pasted.
impl Highlighter for Slash {
    fn highlight<'l>(&self, line: &'l str, cursor: usize) -> Cow<'l, str> {
        self.shown.written(line, cursor);
        printable(line)
    }

    fn highlight_char(&self, line: &str, cursor: usize, _: CmdKind) -> bool {
        self.shown.changed(line, cursor);
        line.chars().any(is_unsafe)
    }
}

impl Completer for Slash {
    type Candidate = String;

    fn complete(&self, line: &str, pos: usize, _: &Context<'_>) -> rustyline::Result<(usize, Vec<String>)> {
        let typed = &line[..pos];
        if !typed.starts_with('/') || typed.contains(char::is_whitespace) {
            return Ok((pos, Vec::new()));
        }
        let names = TABLE.iter().map(|entry| entry.name).filter(|name| name.starts_with(typed));
        Ok((0, names.map(str::to_owned).collect()))
    }
}

/// The prompt of a practice session.
pub struct Prompt {
    editor: Editor<Slash, FileHistory>,
    kept: Option<KeptLines>,
    arrival: Arrival,
    shown: Shown,
    /// What was typed before it was asked for, and a command that came together with the line before it.
    ahead: VecDeque<Input>,
}

impl Prompt {
    /// A prompt whose history is kept in the file `history`, or nowhere.
    ///
    /// # Errors
    /// The terminal can't be set up.
    pub fn new(history: Option<&Path>) -> rustyline::Result<Prompt> {
        // What is no plain file could be waited for without an end.
        let history = history.filter(|path| plain_or_absent(path).is_ok());
        let config = Config::builder()
            .max_history_size(HISTORY)?
            .history_ignore_dups(true)?
            .history_ignore_space(true)
            .bracketed_paste(true)
            .auto_add_history(false)
            .build();
        let lines = FileHistory::with_config(&config);
        let kept = history.map(|history| KeptLines::new(history, &config));
        let mut editor = Editor::with_history(config, lines)?;
        let shown = Shown::default();
        editor.set_helper(Some(Slash { shown: shown.clone() }));
        // A line break inside a turn; Enter alone says it.
        editor.bind_sequence(KeyEvent(KeyCode::Enter, Modifiers::ALT), EventHandler::Simple(Cmd::Newline));
        let arrival = Arrival::default();
        editor.bind_sequence(Event::Any, EventHandler::Conditional(Box::new(arrival.clone())));
        // A history that can't be read is not worth stopping a talk for: it starts empty.
        if let Some(history) = history {
            let _ = editor.load_history(history);
        }
        Ok(Prompt { editor, kept, arrival, shown, ahead: VecDeque::new() })
    }

    /// Asks for one line, with `initial` already in it: words that may have come with an imported session.
    ///
    /// # Errors
    /// The terminal failed.
    pub fn read(&mut self, prompt: &str, initial: &str) -> rustyline::Result<Input> {
        let (prompt, initial) = (printable(prompt), printable(initial));
        let (line, command) = match self.ahead.pop_front() {
            Some(Input::Line(line)) => {
                let line = if is_command(&line) { line } else { format!("{initial}{line}") };
                writeln!(std::io::stdout(), "{prompt}{}", printable(&line))?;
                parted(line)
            }
            Some(other) => return Ok(other),
            None => {
                self.arrival.reset();
                self.shown.begin(&prompt);
                let label = Label { text: &prompt, shown: &self.shown };
                match self.editor.readline_with_initial(&label, (&initial, "")) {
                    Ok(line) => self.arrival.parted(line),
                    // Nothing followed the Enter: it was one.
                    Err(ReadlineError::Eof) => match self.arrival.take_held() {
                        Some(line) => self.arrival.parted(line),
                        None => return Ok(Input::End),
                    },
                    Err(ReadlineError::Interrupted) => return Ok(Input::Interrupted),
                    Err(error) => return Err(error),
                }
            }
        };
        if let Some(command) = command {
            self.ahead.push_front(Input::Line(command));
        }
        if let Some(kept) = &mut self.kept
            && !line.trim().is_empty()
            && self.editor.add_history_entry(line.as_str())?
        {
            kept.add(&line);
        }
        Ok(Input::Line(line))
    }

    /// Does `work`; what is typed meanwhile is what the next prompts read.
    pub fn meanwhile<T>(&mut self, work: impl FnOnce() -> T) -> T {
        let (got, typed) = ahead::during(work);
        self.ahead.extend(typed);
        got
    }
}

/// The history's file. It gets the line just typed and no other, so that no earlier one comes back after
/// `sessions rm` has removed the file.
struct KeptLines {
    path: PathBuf,
    line: FileHistory,
}

impl KeptLines {
    fn new(path: &Path, config: &Config) -> KeptLines {
        let mut line = FileHistory::with_config(config);
        // Having seen the file, it can add to it without writing it anew.
        let _ = line.load(path);
        let _ = line.clear();
        KeptLines { path: path.to_owned(), line }
    }

    /// Adds a line; another practice may be adding to the file too. Losing it loses nothing of a session.
    fn add(&mut self, line: &str) {
        // The history is private: only its owner may read it.
        let _ = make_private_file(&self.path);
        let _ = self.line.add(line).and_then(|_| self.line.append(&self.path));
        let _ = self.line.clear();
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use rustyline::history::DefaultHistory;

    #[test]
    fn a_pasted_line_does_not_steer_the_terminal() {
        let slash = Slash::default();
        assert_eq!(slash.highlight("a\u{1b}[2Jb\u{202e}", 0), "ab");
        assert!(
            slash.highlight_char("a\u{9b}", 1, CmdKind::Other)
                && !slash.highlight_char("a b", 1, CmdKind::Other)
        );
    }

    #[test]
    fn a_line_that_was_removed_is_not_written_back() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("history.txt");
        let config = Config::builder().max_history_size(3).unwrap().build();
        let text = || std::fs::read_to_string(&path).unwrap();
        let mut here = KeptLines::new(&path, &config);
        ["one", "two"].iter().for_each(|line| here.add(line));
        let mut there = KeptLines::new(&path, &config);
        there.add("three");
        here.add("four");
        assert_eq!(text(), "#V2\ntwo\nthree\nfour\n", "the newest lines of both, no more than are kept");
        std::fs::remove_file(&path).unwrap();
        here.add("five");
        there.add("six");
        assert_eq!(text(), "#V2\nfive\nsix\n");
    }

    #[test]
    fn commands_are_completed_and_words_are_not() {
        let history = DefaultHistory::new();
        let context = Context::new(&history);
        let slash = Slash::default();
        let (start, found) = slash.complete("/re", 3, &context).unwrap();
        assert_eq!((start, found), (0, vec!["/retry".to_owned(), "/redo".to_owned()]));
        assert!(slash.complete("we /re", 6, &context).unwrap().1.is_empty());
    }
}
