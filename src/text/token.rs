//! Tokens of a text: words, numbers, punctuation and emoji, each with its byte span.

use unicode_segmentation::UnicodeSegmentation;

/// What a token is made of.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Kind {
    /// Letters, with inner apostrophes: `can't`.
    Word,
    /// Begins with a digit: `15`, `3rd`, `9.30`.
    Number,
    /// Everything printable that is neither letter nor digit nor emoji.
    Punct,
    /// A pictograph, with its joiners and modifiers.
    Emoji,
}

/// A piece of a text; `start..end` are byte offsets on grapheme boundaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Token {
    /// What it is made of.
    pub kind: Kind,
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
}

/// Splits `text` at the word boundaries of Unicode's annex 29; white space and control characters are left out.
pub fn tokens(text: &str) -> Vec<Token> {
    let mut found: Vec<Token> = Vec::with_capacity(text.len() / 5 + 1);
    for (start, piece) in text.split_word_bound_indices() {
        let Some(kind) = kind_of(piece) else { continue };
        found.push(Token { kind, start, end: start + piece.len() });
    }
    found
}

fn kind_of(piece: &str) -> Option<Kind> {
    let first = piece.chars().next()?;
    if first.is_whitespace() || first.is_control() {
        None
    } else if first.is_numeric() {
        Some(Kind::Number)
    } else if piece.chars().any(char::is_alphabetic) {
        Some(Kind::Word)
    } else if is_pictograph(first) {
        Some(Kind::Emoji)
    } else {
        Some(Kind::Punct)
    }
}

/// The blocks of Unicode that hold emoji, roughly: enough to tell a face from a comma.
pub fn is_pictograph(c: char) -> bool {
    matches!(c as u32, 0x2600..=0x27BF | 0x2B00..=0x2BFF | 0x1F000..=0x1FAFF)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pieces(text: &str) -> Vec<(&str, Kind)> {
        tokens(text).into_iter().map(|t| (&text[t.start..t.end], t.kind)).collect()
    }

    #[test]
    fn words_keep_apostrophes_and_combining_marks() {
        assert_eq!(
            pieces("I can’t, re\u{301}ally\r\n👍🏽 at 9.30"),
            [
                ("I", Kind::Word),
                ("can’t", Kind::Word),
                (",", Kind::Punct),
                ("re\u{301}ally", Kind::Word),
                ("👍🏽", Kind::Emoji),
                ("at", Kind::Word),
                ("9.30", Kind::Number),
            ]
        );
    }
}
