//! A screen that is made wider or narrower while something is typed.
//!
//! The terminal breaks the rows on it anew, and then the line editor takes away as many rows as the prompt had
//! before: of a narrower screen too few, of a wider one also what stands above. The editor asks for its prompt just
//! before it does so. That is the moment to take away the right rows, and to put the cursor where the editor can
//! take away what it believes in and finds nothing.

use rustyline::GraphemeClusterMode;
use std::cell::RefCell;
use std::fmt::Write as _;
use std::io::Write as _;
use std::rc::Rc;
use unicode_segmentation::UnicodeSegmentation;

/// What the line editor shows; its helper and its prompt share it.
#[derive(Clone, Default)]
pub(super) struct Shown(Rc<RefCell<Option<Line>>>);

struct Line {
    text: String,
    /// Where the cursor is, in bytes.
    cursor: usize,
    /// The screen's columns then.
    columns: usize,
}

impl Shown {
    /// Forgets what is shown: another line is asked for.
    pub(super) fn reset(&self) {
        self.0.take();
    }

    /// Notes what is shown now.
    pub(super) fn note(&self, text: &str, cursor: usize) {
        let line = Line { text: text.to_owned(), cursor, columns: textwrap::termwidth() };
        self.0.replace(Some(line));
    }

    /// Puts right what a resized screen made of the prompt `label` and the line.
    fn mend(&self, label: &str) {
        let mut shown = self.0.borrow_mut();
        let columns = textwrap::termwidth();
        let Some(line) = shown.as_mut().filter(|line| line.columns != columns) else { return };
        let mut out = std::io::stdout();
        // What can't be written here, the editor's own writing will stumble over.
        let _ = out.write_all(moves(label, line, columns).as_bytes()).and_then(|()| out.flush());
        line.columns = columns;
    }
}

/// A prompt that is looked at when the screen's size has changed.
pub(super) struct Label<'a> {
    pub(super) text: &'a str,
    pub(super) shown: &'a Shown,
}

impl rustyline::Prompt for Label<'_> {
    fn raw(&self) -> &str {
        self.shown.mend(self.text);
        self.text
    }

    fn styled(&self) -> &str {
        self.text
    }
}

/// Clears the prompt, and leaves the cursor where the editor clears only what is clear.
fn moves(label: &str, line: &Line, columns: usize) -> String {
    let mode = GraphemeClusterMode::from_env();
    let place = |text: &str, columns| place(mode, &[label, text].concat(), columns);
    let before_cursor = &line.text[..line.cursor];
    let (cursor, end) = (place(before_cursor, line.columns), place(&line.text, line.columns));
    // After a full row the editor breaks the line itself, and the terminal keeps that break.
    let broken =
        if end.1 == 0 && line.cursor == line.text.len() && !line.text.ends_with('\n') { "\n" } else { "" };
    let (now, _) = place(&[before_cursor, broken].concat(), columns);
    let mut moves = String::new();
    let up = |moves: &mut String, rows: usize| {
        if rows > 0 {
            let _ = write!(moves, "\x1b[{rows}A");
        }
    };
    up(&mut moves, now);
    moves.push_str("\r\x1b[J");
    moves.push_str(&"\n".repeat(end.0));
    up(&mut moves, end.0 - cursor.0);
    moves
}

/// The row and the column, from 0, that follow `text` on a screen of `columns`, as the line editor counts.
fn place(mode: GraphemeClusterMode, text: &str, columns: usize) -> (usize, usize) {
    let (mut row, mut column) = (0, 0);
    for cluster in text.graphemes(true) {
        if cluster == "\n" {
            (row, column) = (row + 1, 0);
            continue;
        }
        let wide = usize::from(mode.width(cluster));
        column += wide;
        if column > columns {
            (row, column) = (row + 1, wide);
        }
    }
    if column == columns { (row + 1, 0) } else { (row, column) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(text: &str, cursor: usize, columns: usize) -> Line {
        Line { text: text.to_owned(), cursor, columns }
    }

    #[test]
    fn rows_are_counted_in_columns() {
        let mode = GraphemeClusterMode::WcWidth;
        assert_eq!(place(mode, "Sam: one", 40), (0, 8));
        assert_eq!(place(mode, "Sam: 今日は忙しい", 10), (1, 8), "a wide character is not parted");
        assert_eq!(place(mode, "one\ntwo", 40), (1, 3));
        assert_eq!(place(mode, "1234", 4), (1, 0));
    }

    #[test]
    fn a_narrower_screen_has_more_rows_to_clear_and_a_wider_one_fewer() {
        let text = "x".repeat(45);
        // 50 columns: one row of 60, two of 40.
        assert_eq!(moves("Sam: ", &line(&text, 45, 60), 40), "\x1b[1A\r\x1b[J");
        // Two rows of 40 are one of 100; the editor then clears the second, which is below.
        assert_eq!(moves("Sam: ", &line(&text, 45, 40), 100), "\r\x1b[J\n");
        // The cursor at the beginning, two rows above the end.
        assert_eq!(moves("Sam: ", &line(&text, 0, 20), 60), "\r\x1b[J\n\n\x1b[2A");
        // A full row, which the editor broke.
        assert_eq!(moves("Sam: ", &line(&text, 45, 50), 100), "\x1b[1A\r\x1b[J\n");
    }
}
