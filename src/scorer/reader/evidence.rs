//! Evidence: the words that show a yes, cut from what the encoder says of each word piece.

use crate::text::{Kind, tokens};
use std::ops::Range;

/// From these log-odds on a word is of the evidence.
const SHOWS_FROM: f32 = 0.0;

/// So many words that don't show it by themselves may stand between words that do.
const BRIDGED: usize = 2;

/// At most so many spans are shown of a check.
const MOST_SPANS: usize = 3;

/// A word and how much it shows the check: the most that one of its pieces does.
struct Word {
    bytes: Range<usize>,
    shows: f32,
}

/// The spans of `text` that show a check, in order, given its word pieces and their log-odds. None only where the
/// text has no words.
pub(super) fn spans(text: &str, pieces: impl Iterator<Item = (Range<usize>, f32)>) -> Vec<Range<usize>> {
    let words = words(text, pieces);
    let Some(most) = words.iter().map(|word| word.shows).max_by(f32::total_cmp) else { return Vec::new() };
    // Where no word reaches it, the nearest do.
    let enough = SHOWS_FROM.min(most - 1.0);
    let mut found: Vec<(Range<usize>, f32)> = Vec::new();
    let mut last = 0;
    for (at, word) in words.iter().enumerate().filter(|(_, word)| word.shows >= enough) {
        match found.last_mut() {
            Some((span, shows)) if at - last <= BRIDGED + 1 && !ends_sentence(&text[span.end..word.bytes.start]) => {
                span.end = word.bytes.end;
                *shows = shows.max(word.shows);
            }
            _ => found.push((word.bytes.clone(), word.shows)),
        }
        last = at;
    }
    found.sort_by(|(_, a), (_, b)| b.total_cmp(a));
    found.truncate(MOST_SPANS);
    let mut spans: Vec<Range<usize>> = found.into_iter().map(|(span, _)| with_mark(text, span)).collect();
    spans.sort_by_key(|span| span.start);
    spans
}

/// The words of `text`, each with what its pieces say.
fn words(text: &str, pieces: impl Iterator<Item = (Range<usize>, f32)>) -> Vec<Word> {
    let tokens = tokens(text).into_iter().filter(|token| matches!(token.kind, Kind::Word | Kind::Number));
    let mut words: Vec<Word> =
        tokens.map(|token| Word { bytes: token.start..token.end, shows: f32::NEG_INFINITY }).collect();
    for (bytes, shows) in pieces {
        let at = words.partition_point(|word| word.bytes.end <= bytes.start);
        if let Some(word) = words.get_mut(at).filter(|word| word.bytes.start < bytes.end) {
            word.shows = word.shows.max(shows);
        }
    }
    words
}

fn ends_sentence(between: &str) -> bool {
    between.contains(['.', '?', '!'])
}

/// A span with the question or exclamation mark that belongs to it.
fn with_mark(text: &str, span: Range<usize>) -> Range<usize> {
    let marks = text[span.end..].len() - text[span.end..].trim_start_matches(['?', '!']).len();
    span.start..span.end + marks
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shown(text: &str, shows: &[f32]) -> Vec<String> {
        let tokens = tokens(text).into_iter().filter(|token| token.kind != Kind::Punct);
        let pieces = tokens.map(|token| token.start..token.end).zip(shows.iter().copied());
        spans(text, pieces).into_iter().map(|span| text[span].to_owned()).collect()
    }

    #[test]
    fn words_that_show_it_are_joined_and_keep_their_mark() {
        let text = "I see. Could we, say, talk on Friday?";
        assert_eq!(shown(text, &[-3.0, -3.0, 2.0, 1.0, -1.0, 2.0, 1.0, 2.0]), ["Could we, say, talk on Friday?"]);
        // A sentence's end parts two spans; far apart are two as well.
        assert_eq!(shown(text, &[2.0, 2.0, 2.0, -9.0, -9.0, -9.0, -9.0, 1.0]), ["I see", "Could", "Friday?"]);
    }

    #[test]
    fn there_is_always_a_span_where_there_are_words() {
        assert_eq!(shown("Send it.", &[-4.0, -6.0]), ["Send"]);
        assert_eq!(shown("?!", &[]), Vec::<String>::new());
    }
}
