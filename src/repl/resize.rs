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
pub(super) struct Shown(Rc<RefCell<Line>>);

#[derive(Default)]
struct Line {
    label: String,
    text: String,
    /// Where the cursor is, in bytes of the text.
    cursor: usize,
    /// The screen's columns then; none where nothing is shown yet.
    columns: Option<usize>,
    /// Where the editor has ended a full row itself: the terminal keeps that break.
    broken: Option<usize>,
}

impl Shown {
    /// A line is asked for behind `label`; nothing is shown yet.
    pub(super) fn begin(&self, label: &str) {
        self.0.replace(Line { label: label.to_owned(), ..Line::default() });
    }

    /// The line has changed, or the cursor in it.
    pub(super) fn changed(&self, text: &str, cursor: usize) {
        let mut line = self.0.borrow_mut();
        (line.text, line.cursor, line.columns) = (text.to_owned(), cursor, Some(textwrap::termwidth()));
    }

    /// The line is written as a whole.
    pub(super) fn written(&self, text: &str, cursor: usize) {
        self.changed(text, cursor);
        let mut line = self.0.borrow_mut();
        line.broken = line.columns.and_then(|columns| line.break_at_its_end(columns));
    }

    /// Puts right what a resized screen made of the prompt and the line.
    fn mend(&self) {
        let mut line = self.0.borrow_mut();
        let now = textwrap::termwidth();
        let Some(before) = line.columns.replace(now).filter(|&before| before != now) else {
            return;
        };
        let mut out = std::io::stdout();
        // What can't be written here, the editor's own writing will stumble over.
        let _ = out.write_all(line.moves(before, now).as_bytes()).and_then(|()| out.flush());
    }
}

/// A prompt that is looked at when the screen's size has changed.
pub(super) struct Label<'a> {
    pub(super) text: &'a str,
    pub(super) shown: &'a Shown,
}

impl rustyline::Prompt for Label<'_> {
    fn raw(&self) -> &str {
        // Before anything is shown, this does nothing.
        self.shown.mend();
        self.text
    }

    fn styled(&self) -> &str {
        self.text
    }
}

impl Line {
    /// The place after `text` behind the label, on a screen of `columns`.
    fn place(&self, text: &str, columns: usize) -> (usize, usize) {
        place(GraphemeClusterMode::from_env(), &[&self.label, text].concat(), columns)
    }

    fn break_at_its_end(&self, columns: usize) -> Option<usize> {
        let full = matches!(self.place(&self.text, columns), (1.., 0)) && !self.text.ends_with('\n');
        full.then_some(self.text.len())
    }

    /// Clears the line on a screen that had `before` columns and has `now`, and leaves the cursor where the editor
    /// clears only what is clear.
    fn moves(&self, before: usize, now: usize) -> String {
        let typed = &self.text[..self.cursor];
        let (cursor, end) = (self.place(typed, before).0, self.place(&self.text, before).0);
        let on_screen = match self.broken.and_then(|at| typed.split_at_checked(at)) {
            Some((row, rest)) => format!("{row}\n{rest}"),
            None => typed.to_owned(),
        };
        let mut moves = String::new();
        up(&mut moves, self.place(&on_screen, now).0);
        moves.push_str("\r\x1b[J");
        moves.push_str(&"\n".repeat(end));
        up(&mut moves, end - cursor);
        moves
    }
}

fn up(moves: &mut String, rows: usize) {
    if rows > 0 {
        let _ = write!(moves, "\x1b[{rows}A");
    }
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

    /// A line of x behind a label of five columns, written at once at `before` columns.
    fn line(length: usize, cursor: usize, before: usize) -> Line {
        let mut line =
            Line { label: "Sam: ".to_owned(), text: "x".repeat(length), cursor, ..Line::default() };
        line.broken = line.break_at_its_end(before);
        line
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
        // 50 columns: one row of 60, two of 40.
        assert_eq!(line(45, 45, 60).moves(60, 40), "\x1b[1A\r\x1b[J");
        // Two rows of 40 are one of 100; the editor then clears the second, which is below.
        assert_eq!(line(45, 45, 40).moves(40, 100), "\r\x1b[J\n");
        // The cursor at the beginning, two rows above the end.
        assert_eq!(line(45, 0, 20).moves(20, 60), "\r\x1b[J\n\n\x1b[2A");
    }

    #[test]
    fn a_full_row_that_the_editor_ended_stays_ended() {
        let mut line = line(45, 45, 50);
        assert_eq!(line.moves(50, 100), "\x1b[1A\r\x1b[J\n");
        // Typed on, key by key: rows of 50 and 10 columns are three of 40.
        (line.text, line.cursor) = ("x".repeat(55), 55);
        assert_eq!(line.moves(50, 40), "\x1b[2A\r\x1b[J\n");
    }
}
