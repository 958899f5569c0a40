//! Quotations: which parts of a text are somebody else's words.

use std::ops::Range;

/// Byte spans of quoted speech in `text`, marks included, in order and without overlap.
///
/// Double marks of any shape, single curly marks, and straight single marks that open after a space
/// and close before one. A mark without its partner in the same paragraph quotes nothing.
pub fn quotations(text: &str) -> Vec<Range<usize>> {
    let mut spans = Vec::new();
    let mut open: Option<(usize, char)> = None;
    let mut before = ' ';
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let after = chars.peek().map_or(' ', |&(_, next)| next);
        match open {
            Some(_) if c == '\n' => open = None,
            Some((start, closer)) if closes(c, closer, before, after) => {
                spans.push(start..at + c.len_utf8());
                open = None;
            }
            Some(_) => {}
            None => open = closer_of(c, before, after).map(|closer| (at, closer)),
        }
        before = c;
    }
    spans
}

fn closer_of(c: char, before: char, after: char) -> Option<char> {
    let free = !before.is_alphanumeric() && !after.is_whitespace();
    match c {
        '"' if free => Some('"'),
        '“' | '„' => Some('”'),
        '«' => Some('»'),
        '‘' if free => Some('’'),
        '\'' if free && after.is_alphabetic() => Some('\''),
        _ => None,
    }
}

fn closes(c: char, closer: char, before: char, after: char) -> bool {
    match closer {
        '”' => matches!(c, '”' | '"') || (c == '“' && !after.is_alphanumeric()),
        '\'' | '’' => c == closer && !after.is_alphanumeric() && !before.is_whitespace(),
        _ => c == closer,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn quoted(text: &str) -> Vec<&str> {
        quotations(text).into_iter().map(|span| &text[span]).collect()
    }

    #[test]
    fn all_shapes_of_marks() {
        assert_eq!(quoted(r#"She said "send it" and left."#), [r#""send it""#]);
        assert_eq!(quoted("He asked “why?” twice"), ["“why?”"]);
        assert_eq!(quoted("my notes say 'calibrate?? the others??' and"), ["'calibrate?? the others??'"]);
        assert_eq!(quoted("‘don’t wait’, they said"), ["‘don’t wait’"]);
    }

    #[test]
    fn apostrophes_and_lone_marks_quote_nothing() {
        assert!(quoted("the team's, it's, boys' and rock 'n roll").is_empty());
        assert!(quoted("a 3\" pipe and \"an open end\nnext line").is_empty());
    }
}
