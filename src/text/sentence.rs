//! Sentences of a text, as byte spans.

use super::token::is_pictograph;
use std::ops::Range;

/// Words that end in a full stop without ending a sentence.
const ABBREVIATIONS: [&str; 24] = [
    "mr", "mrs", "ms", "dr", "prof", "st", "no", "vs", "etc", "e.g", "i.e", "eg", "ie", "a.m", "p.m",
    "approx", "dept", "jr", "sr", "fig", "inc", "ltd", "min", "max",
];

/// Splits `text` at sentence ends and line breaks. Spans are trimmed of white space, never empty, in
/// order, and cover everything that is not white space.
pub fn sentences(text: &str) -> Vec<Range<usize>> {
    let mut spans = Vec::new();
    let mut start = 0;
    let mut chars = text.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        if c == '\n' || c == '\r' {
            push_trimmed(text, start..at, &mut spans);
            start = at;
            continue;
        }
        if !is_terminator(c) {
            continue;
        }
        let mut end = at + c.len_utf8();
        while let Some(&(next, follower)) = chars.peek() {
            if !is_terminator(follower) && !is_closer(follower) {
                break;
            }
            end = next + follower.len_utf8();
            chars.next();
        }
        let run = &text[at..end];
        let after = &text[end..];
        if ends_here(&text[start..at], run, after) {
            push_trimmed(text, start..end, &mut spans);
            start = end;
        }
    }
    push_trimmed(text, start..text.len(), &mut spans);
    spans
}

fn is_terminator(c: char) -> bool {
    matches!(c, '.' | '!' | '?' | '…' | '‽' | '？' | '！' | '。')
}

fn is_closer(c: char) -> bool {
    matches!(c, '"' | '”' | '’' | '\'' | ')' | ']' | '»' | '\u{fe0f}') || is_pictograph(c)
}

/// Does the run of marks between `before` and `after` end a sentence?
fn ends_here(before: &str, run: &str, after: &str) -> bool {
    let Some(next) = after.chars().next() else { return true };
    if !next.is_whitespace() {
        // "3.5", "coachup.toml", "e.g."; but "done?ok" is two sentences.
        return run.contains(['?', '!', '…']) && next.is_alphabetic();
    }
    let following = after.trim_start().chars().next().unwrap_or(' ');
    if run.contains(['?', '!']) {
        // A question mark inside a quotation that the sentence goes on after: `"why?" she asked`.
        return !(run.ends_with(['"', '”', '’', '\'']) && following.is_lowercase());
    }
    if run.starts_with("..") || run.starts_with('…') {
        return !following.is_lowercase();
    }
    let word = before.rsplit(|c: char| c.is_whitespace() || c == '(').next().unwrap_or("").to_lowercase();
    if ABBREVIATIONS.contains(&word.as_str()) {
        return !matches!(word.as_str(), "mr" | "mrs" | "ms" | "dr" | "prof" | "st" | "vs")
            && following.is_uppercase();
    }
    // "J. Smith"
    !(word.chars().count() == 1 && word != "i" && word.chars().all(char::is_alphabetic))
}

fn push_trimmed(text: &str, span: Range<usize>, spans: &mut Vec<Range<usize>>) {
    let piece = &text[span.clone()];
    let trimmed = piece.trim();
    if !trimmed.is_empty() {
        let start = span.start + (piece.len() - piece.trim_start().len());
        spans.push(start..start + trimmed.len());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn split(text: &str) -> Vec<&str> {
        sentences(text).into_iter().map(|span| &text[span]).collect()
    }

    #[test]
    fn ends_and_what_only_looks_like_one() {
        assert_eq!(
            split("Right. At 9.30 a.m. on Monday? Yes!"),
            ["Right.", "At 9.30 a.m. on Monday?", "Yes!"]
        );
        assert_eq!(split("I mean... it's late.  ok"), ["I mean... it's late.", "ok"]);
        assert_eq!(split("one\r\ntwo\n\nthree"), ["one", "two", "three"]);
        assert_eq!(
            split("She asked \"why?\" and left. \"Go.\" Then"),
            ["She asked \"why?\" and left.", "\"Go.\"", "Then"]
        );
        assert_eq!(split("Thanks 👍 Really?! 😀 ok"), ["Thanks 👍 Really?!", "😀 ok"]);
        assert!(split(" \n ").is_empty());
    }

    proptest::proptest! {
        #[test]
        fn spans_are_ordered_and_lose_nothing(text in proptest::prelude::any::<String>()) {
            let spans = sentences(&text);
            let mut at = 0;
            for span in &spans {
                proptest::prop_assert!(text[at..span.start].trim().is_empty());
                proptest::prop_assert!(!text[span.clone()].trim().is_empty());
                at = span.end;
            }
            proptest::prop_assert!(text[at..].trim().is_empty());
        }
    }
}
