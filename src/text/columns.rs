//! Columns of a screen: a character takes one of them, or two, or none.

use textwrap::{Options, WordSeparator, WordSplitter, WrapAlgorithm};
use unicode_segmentation::UnicodeSegmentation;

pub use textwrap::core::display_width as width;

/// Below so many columns, two columns of text are one too many.
pub const NARROW: usize = 60;

/// How text is broken: at spaces, greedily, and inside a word only where it is wider than a line.
pub fn options<'a>(width: usize) -> Options<'a> {
    Options::new(width.max(1))
        .word_separator(WordSeparator::AsciiSpace)
        .word_splitter(WordSplitter::NoHyphenation)
        .wrap_algorithm(WrapAlgorithm::FirstFit)
}

/// The same, where names, addresses and commands stay whole: they are to be copied.
pub fn whole_words<'a>(width: usize) -> Options<'a> {
    options(width).break_words(false)
}

/// `text` after `start`, further lines behind `indent` columns.
pub fn hanging(start: &str, text: &str, indent: usize, options: Options<'_>) -> String {
    let further = " ".repeat(indent);
    textwrap::fill(text, options.initial_indent(start).subsequent_indent(&further))
}

/// A line of what the program has to say, or a point of a list: in whole words, further lines slightly indented.
pub fn said(text: &str, width: usize) -> String {
    hanging("", text, 2, whole_words(width))
}

/// `text` with spaces up to `columns`.
pub fn padded(text: &str, columns: usize) -> String {
    format!("{text}{}", " ".repeat(columns.saturating_sub(width(text))))
}

/// At most `longest` columns of `line`, the end left out and marked by `…`.
pub fn shortened(line: &str, longest: usize) -> String {
    if width(line) <= longest {
        return line.to_owned();
    }
    let mut kept = String::new();
    let mut room = longest.saturating_sub(1);
    for cluster in line.graphemes(true) {
        let Some(left) = room.checked_sub(width(cluster)) else { break };
        room = left;
        kept.push_str(cluster);
    }
    format!("{}…", kept.trim_end())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_too_wide_says_so_and_is_cut_between_characters() {
        assert_eq!(shortened("one two", 7), "one two");
        assert_eq!(shortened("one two three", 9), "one two…");
        assert_eq!(shortened("今日は忙しい", 12), "今日は忙しい");
        assert_eq!(shortened("今日は忙しい", 11), "今日は忙し…");
        assert_eq!(shortened("今日は忙しい", 10), "今日は忙…");
        assert_eq!(shortened("ok 👍🏽👍🏽", 8), "ok 👍🏽…");
    }

    #[test]
    fn a_column_of_wide_characters_is_as_wide_as_one_of_narrow_ones() {
        assert_eq!(
            [padded("資料", 6), padded("file", 6), padded("longer one", 6)],
            ["資料  ", "file  ", "longer one"]
        );
    }

    #[test]
    fn further_lines_hang_and_only_text_is_broken_in_a_word() {
        assert_eq!(hanging("a  ", "one two\nthree", 3, options(7)), "a  one\n   two\n   thre\n   e");
        assert_eq!(hanging("a  ", "忙しい忙しい", 3, options(9)), "a  忙しい\n   忙しい");
        assert_eq!(said("- a /long/path", 8), "- a\n  /long/path");
        assert_eq!(hanging("a  ", "one two three", 3, whole_words(usize::MAX)), "a  one two three");
    }
}
