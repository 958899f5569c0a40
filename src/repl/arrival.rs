//! Lines that arrive together are one turn: a text pasted into a terminal that does not mark pastes.
//!
//! Such a terminal sends a pasted text key by key, each line break as Enter. Only time tells the two apart:
//! hands leave tens of milliseconds between keys, a paste none. An Enter that comes right after the key before
//! is held; where another key follows at once it was a line break, and where nothing follows it was an Enter.
//! A line that is a command stays one.

use super::commands;
use rustyline::{
    Cmd, ConditionalEventHandler, Event, EventContext, KeyCode, KeyEvent, Modifiers, RepeatCount,
};
use std::sync::{Arc, Mutex, MutexGuard};
use std::time::{Duration, Instant};

/// Keys no further apart than this came together.
pub(super) const TOGETHER: Duration = Duration::from_millis(10);

/// What has arrived at the prompt; the line editor's handler and the prompt share it.
#[derive(Clone, Default)]
pub(super) struct Arrival(Arc<Mutex<State>>);

#[derive(Default)]
struct State {
    /// When the last key came.
    last: Option<Instant>,
    /// An Enter that waits to be told from a line break.
    held: Option<Held>,
    /// Were lines joined?
    joined: bool,
}

struct Held {
    /// The line before it.
    line: String,
    /// How many line breaks it stands for.
    breaks: usize,
    /// Was the last of them a carriage return? A line feed after it is the same break.
    returned: bool,
}

impl Arrival {
    /// Forgets what has arrived: another line is asked for.
    pub(super) fn reset(&self) {
        *self.state() = State::default();
    }

    /// The line whose Enter was held while nothing followed it.
    pub(super) fn take_held(&self) -> Option<String> {
        self.state().held.take().map(|held| held.line)
    }

    /// Parts the command from a text of joined lines that ends with one.
    pub(super) fn parted(&self, line: String) -> (String, Option<String>) {
        if self.state().joined { parted(line) } else { (line, None) }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(|poisoned| poisoned.into_inner())
    }

    /// What `key` means that came at `now`, where `line` stands in the editor.
    fn key(&self, key: KeyEvent, line: &str, now: Instant) -> Option<Cmd> {
        let mut state = self.state();
        let together = state.last.replace(now).is_some_and(|last| now.duration_since(last) <= TOGETHER);
        let feed = key == KeyEvent::ctrl('J');
        let enter = feed || key == KeyEvent(KeyCode::Enter, Modifiers::NONE);
        let Some(mut held) = state.held.take() else {
            if !enter {
                return None;
            }
            if together
                && !line.trim().is_empty()
                && !is_command(line.lines().next_back()?)
                && terminal::hurry()
            {
                state.held = Some(Held { line: line.to_owned(), breaks: 1, returned: !feed });
                return Some(Cmd::Noop);
            }
            return Some(Cmd::AcceptLine);
        };
        if enter {
            held.breaks += usize::from(!(feed && held.returned));
            held.returned = !feed;
            state.held = Some(held);
            return Some(Cmd::Noop);
        }
        terminal::wait();
        let KeyEvent(KeyCode::Char(c), Modifiers::NONE) = key else { return None };
        state.joined = true;
        Some(Cmd::Insert(1, format!("{}{c}", "\n".repeat(held.breaks))))
    }
}

impl ConditionalEventHandler for Arrival {
    fn handle(&self, event: &Event, _: RepeatCount, _: bool, context: &EventContext) -> Option<Cmd> {
        self.key(*event.get(0)?, context.line(), Instant::now())
    }
}

/// Parts the command from lines that came together and end with one.
pub(super) fn parted(lines: String) -> (String, Option<String>) {
    match lines.rsplit_once('\n') {
        Some((before, last)) if is_command(last) => (before.to_owned(), Some(last.to_owned())),
        _ => (lines, None),
    }
}

/// Is the line a slash command?
pub(super) fn is_command(line: &str) -> bool {
    matches!(commands::parse(line), Some(Ok(_)))
}

/// How long the terminal waits for a key.
#[cfg(unix)]
mod terminal {
    use rustix::termios::{OptionalActions, SpecialCodeIndex, tcgetattr, tcsetattr};

    /// Tenths of a second: the shortest that a terminal can wait.
    const SHORTEST: u8 = 1;

    /// From now on a read ends where no key comes. False where the terminal can't do that.
    pub(super) fn hurry() -> bool {
        set(0, SHORTEST)
    }

    /// Waits again as long as it takes.
    pub(super) fn wait() {
        set(1, 0);
    }

    fn set(fewest: u8, tenths: u8) -> bool {
        let stdin = std::io::stdin();
        let Ok(mut mode) = tcgetattr(&stdin) else { return false };
        mode.special_codes[SpecialCodeIndex::VMIN] = fewest;
        mode.special_codes[SpecialCodeIndex::VTIME] = tenths;
        tcsetattr(&stdin, OptionalActions::Now, &mode).is_ok()
    }
}

/// Elsewhere an Enter is an Enter.
#[cfg(not(unix))]
mod terminal {
    pub(super) fn hurry() -> bool {
        false
    }

    pub(super) fn wait() {}
}

#[cfg(test)]
mod tests {
    use super::*;

    const ENTER: KeyEvent = KeyEvent(KeyCode::Enter, Modifiers::NONE);

    fn char(c: char) -> KeyEvent {
        KeyEvent(KeyCode::Char(c), Modifiers::NONE)
    }

    #[test]
    fn a_typed_enter_says_the_line() {
        let (arrival, start) = (Arrival::default(), Instant::now());
        assert_eq!(arrival.key(char('a'), "", start), None);
        let later = start + Duration::from_millis(40);
        assert_eq!(arrival.key(ENTER, "a", later), Some(Cmd::AcceptLine));
        assert_eq!(arrival.take_held(), None);
    }

    #[test]
    fn a_held_enter_is_a_break_where_a_key_follows_and_an_enter_where_none_does() {
        let (arrival, now) = (Arrival::default(), Instant::now());
        let hold = |breaks| {
            arrival.state().held = Some(Held { line: "a".to_owned(), breaks, returned: true });
        };
        hold(1);
        assert_eq!(arrival.key(char('b'), "a", now), Some(Cmd::Insert(1, "\nb".to_owned())));
        hold(1);
        // A line feed after a carriage return is the same break, another return is an empty line.
        assert_eq!(arrival.key(KeyEvent::ctrl('J'), "a", now), Some(Cmd::Noop));
        assert_eq!(arrival.key(ENTER, "a", now), Some(Cmd::Noop));
        assert_eq!(arrival.key(char('b'), "a", now), Some(Cmd::Insert(1, "\n\nb".to_owned())));
        hold(1);
        assert_eq!(arrival.take_held().as_deref(), Some("a"));
    }

    #[test]
    fn a_command_at_the_end_is_parted_only_where_lines_were_joined() {
        let arrival = Arrival::default();
        let text = || "Could we talk?\n/end".to_owned();
        assert_eq!(arrival.parted(text()), (text(), None), "entered with Alt-Enter or marked as pasted");
        arrival.state().joined = true;
        assert_eq!(arrival.parted(text()), ("Could we talk?".to_owned(), Some("/end".to_owned())));
        assert_eq!(arrival.parted("a\nb".to_owned()).1, None);
        let now = Instant::now();
        arrival.reset();
        arrival.key(char('d'), "/en", now);
        assert_eq!(arrival.key(ENTER, "/end", now), Some(Cmd::AcceptLine), "commands wait for nothing");
    }
}
