//! Marked words on a screen: wrapped, coloured, and underlined with signs for those who see no colour.

use super::marks::{Effect, Mark, pieces};
use crate::text::columns::{options, width as display_width};
use crate::text::printable;
use anstyle::{AnsiColor, Style};
use std::ops::Range;

/// Words that helped.
pub const HELPED: Style = AnsiColor::Green.on_default();
/// Words that hurt.
pub const HURT: Style = AnsiColor::Red.on_default();

/// The sign under, or before, words with an effect.
pub fn sign(effect: Effect) -> char {
    match effect {
        Effect::Helped => '+',
        Effect::Hurt => '-',
    }
}

/// The colour of an effect.
pub fn style(effect: Effect) -> Style {
    match effect {
        Effect::Helped => HELPED,
        Effect::Hurt => HURT,
    }
}

/// Lines of at most `width` columns, each marked one followed by a line of signs under its marks.
pub fn marked_lines(text: &str, marks: &[Mark], width: usize) -> Vec<String> {
    let mut clean = String::with_capacity(text.len());
    let mut marked: Vec<(Range<usize>, Effect)> = Vec::new();
    for (piece, effect) in pieces(text, marks) {
        let start = clean.len();
        clean.push_str(&printable(piece).replace('\t', " "));
        if let Some(effect) = effect {
            marked.push((start..clean.len(), effect));
        }
    }
    let mut lines = Vec::new();
    for line in wrapped(&clean, width) {
        let effects: Vec<_> = marked
            .iter()
            .filter(|(range, _)| range.start < line.end && line.start < range.end)
            .map(|(range, effect)| (range.start.max(line.start)..range.end.min(line.end), *effect))
            .collect();
        lines.push(coloured(&clean, &line, &effects));
        let signs = signs(&clean, &line, &effects);
        if !signs.is_empty() {
            lines.push(signs);
        }
    }
    lines
}

/// The lines of `text`, wrapped, as byte ranges of it.
fn wrapped(text: &str, width: usize) -> Vec<Range<usize>> {
    let mut ranges = Vec::new();
    let mut at = 0;
    for line in textwrap::wrap(text, options(width)) {
        // Lines are pieces of the text in its order; only white space is dropped between them.
        let start = at + text[at..].find(line.as_ref()).unwrap_or(0);
        at = start + line.len();
        ranges.push(start..at);
    }
    ranges
}

fn coloured(text: &str, line: &Range<usize>, effects: &[(Range<usize>, Effect)]) -> String {
    let mut shown = String::new();
    let mut at = line.start;
    for (range, effect) in effects {
        let style = style(*effect);
        shown.push_str(&text[at..range.start]);
        shown.push_str(&format!("{style}{}{style:#}", &text[range.clone()]));
        at = range.end;
    }
    shown + &text[at..line.end]
}

fn signs(text: &str, line: &Range<usize>, effects: &[(Range<usize>, Effect)]) -> String {
    let mut shown = String::new();
    let mut at = line.start;
    for (range, effect) in effects {
        let words = &text[range.clone()];
        let seen = words.trim();
        if seen.is_empty() {
            continue;
        }
        let start = range.start + (words.len() - words.trim_start().len());
        shown.push_str(&" ".repeat(display_width(&text[at..start])));
        let style = style(*effect);
        let signs = sign(*effect).to_string().repeat(display_width(seen));
        shown.push_str(&format!("{style}{signs}{style:#}"));
        at = start + seen.len();
    }
    shown
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn plain(lines: &[String]) -> Vec<String> {
        lines.iter().map(|line| anstream::adapter::strip_str(line).to_string()).collect()
    }

    #[test]
    fn signs_stand_under_the_words_on_every_line() {
        let text = "Hi. Could we talk today?\nYou never answer.";
        let marks = [
            Mark { start: 4, end: 24, effect: Effect::Helped },
            Mark { start: 25, end: 41, effect: Effect::Hurt },
        ];
        assert_eq!(
            plain(&marked_lines(text, &marks, 16)),
            [
                "Hi. Could we",
                "    ++++++++",
                "talk today?",
                "+++++++++++",
                "You never",
                "---------",
                "answer.",
                "------"
            ]
        );
    }

    #[test]
    fn wide_characters_are_underlined_over_their_whole_width() {
        let marks = [Mark { start: 6, end: 9, effect: Effect::Helped }];
        assert_eq!(plain(&marked_lines("日本語", &marks, 20)), ["日本語", "    ++"]);
    }

    proptest! {
        #[test]
        fn any_text_fits_and_steers_nothing(text in "(?s).{0,200}", start in 0usize..200, length in 1usize..99) {
            let start = text.floor_char_boundary(start.min(text.len()));
            let end = text.floor_char_boundary((start + length).min(text.len()));
            let marks = if start < end { vec![Mark { start, end, effect: Effect::Hurt }] } else { vec![] };
            for line in plain(&marked_lines(&text, &marks, 20)) {
                prop_assert!(display_width(&line) <= 20, "{line:?}");
                prop_assert!(!line.chars().any(crate::text::printable::is_unsafe));
            }
        }
    }
}
