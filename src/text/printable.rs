//! Safe printing: text from outside must not steer the terminal.

use std::borrow::Cow;

/// `text` without what could steer a terminal or disguise what is shown: escape sequences, control
/// characters (line feed and tab are kept), bidirectional overrides, and invisible format characters
/// other than the joiners that emoji and some scripts need.
pub fn printable(text: &str) -> Cow<'_, str> {
    if text.chars().all(|c| !is_unsafe(c)) {
        return Cow::Borrowed(text);
    }
    let mut shown = String::with_capacity(text.len());
    let mut rest = text.chars().peekable();
    while let Some(c) = rest.next() {
        match c {
            '\u{1b}' | '\u{9b}' => skip_sequence(c, &mut rest),
            '\r' if rest.peek() == Some(&'\n') => {}
            '\r' => shown.push('\n'),
            c if is_unsafe(c) => {}
            c => shown.push(c),
        }
    }
    Cow::Owned(shown)
}

/// [`printable`] on one line: every run of white space becomes one space.
pub fn one_line(text: &str) -> String {
    printable(text).split_whitespace().collect::<Vec<_>>().join(" ")
}

/// [`one_line`] of at most `longest` characters, for quoting what may be long; a cut is marked by `…`.
pub fn brief(text: &str, longest: usize) -> String {
    let line = one_line(text);
    match line.char_indices().nth(longest) {
        None => line,
        Some((cut, _)) => format!("{}…", &line[..cut]),
    }
}

/// Could `c` steer a terminal, or disguise what is shown? See [`printable`].
pub fn is_unsafe(c: char) -> bool {
    (c.is_control() && c != '\n' && c != '\t')
        || matches!(c, '\u{61c}' | '\u{180e}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fff9}'..='\u{fffb}' | '\u{e0000}'..='\u{e007f}')
}

/// Drops the rest of an ANSI sequence: control sequences up to their final byte, operating-system
/// commands up to their terminator or the end of the line.
pub(super) fn skip_sequence(opener: char, rest: &mut std::iter::Peekable<std::str::Chars<'_>>) {
    let kind = if opener == '\u{9b}' { Some('[') } else { rest.next() };
    match kind {
        Some('[') => {
            for c in rest.by_ref() {
                if ('\u{40}'..='\u{7e}').contains(&c) {
                    break;
                }
            }
        }
        Some(']' | 'P' | 'X' | '^' | '_') => {
            while let Some(&c) = rest.peek() {
                if c == '\n' {
                    break;
                }
                rest.next();
                if c == '\u{7}' || c == '\u{9c}' {
                    break;
                }
                if c == '\u{1b}' {
                    rest.next();
                    break;
                }
            }
        }
        _ => {}
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_text_is_lent_and_sequences_are_dropped() {
        assert!(matches!(printable("plain 👍🏽\ttext\n"), Cow::Borrowed(_)));
        assert_eq!(printable("a\u{1b}[31mred\u{1b}[0m b"), "ared b");
        assert_eq!(printable("\u{1b}]0;title\u{7}x"), "x");
        assert_eq!(printable("one\r\ntwo\rthree\u{7}"), "one\ntwo\nthree");
        assert_eq!(printable("abc\u{202e}def"), "abcdef");
    }

    #[test]
    fn one_line_stays_one_line() {
        assert_eq!(one_line(" a\u{1b}[2J\n\n b\tc "), "a b c");
    }

    #[test]
    fn brief_is_one_line_and_says_where_it_was_cut() {
        assert_eq!(brief("a\n\u{1b}[31mbé", 4), "a bé");
        assert_eq!(brief("a béc", 4), "a bé…");
    }

    proptest::proptest! {
        #[test]
        fn nothing_unsafe_is_left(text in proptest::prelude::any::<String>()) {
            proptest::prop_assert!(!printable(&text).chars().any(is_unsafe));
        }
    }
}
