//! Evidence: the words that show a yes, cut from what the encoder says of each word piece.

use crate::text::{Kind, tokens};
use std::ops::Range;

/// From these log-odds on a word is of the evidence.
const SHOWS_FROM: f32 = 0.0;

/// Beside words that are, a word is from these on.
const GOES_ON_FROM: f32 = -1.5;

/// A span whose best word is so much less sure than the best of all is left out.
const LESS_SURE: f32 = 1.5;

/// At most so many spans are shown of a check.
const MOST_SPANS: usize = 6;

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
    let (enough, goes_on) = (SHOWS_FROM.min(most - 1.0), GOES_ON_FROM.min(most - 2.0));
    let parted = |a: &Word, b: &Word| {
        a.shows < goes_on || b.shows < goes_on || text[a.bytes.end..b.bytes.start].contains(['.', '?', '!'])
    };
    let mut found: Vec<(Range<usize>, f32)> = Vec::new();
    for run in words.chunk_by(|a, b| !parted(a, b)) {
        let shows = run.iter().map(|word| word.shows).fold(f32::NEG_INFINITY, f32::max);
        if shows >= enough.max(most - LESS_SURE) {
            found.push((run[0].bytes.start..run[run.len() - 1].bytes.end, shows));
        }
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
        let shows = [-3.0, -3.0, 2.0, 1.0, -1.0, 2.0, 1.0, 2.0];
        assert_eq!(shown(text, &shows), ["Could we, say, talk on Friday?"]);
        // A sentence's end parts two spans, as words between them that don't show it do.
        assert_eq!(shown(text, &[2.0, 2.0, 2.0, -9.0, -9.0, -9.0, -9.0, 1.0]), ["I see", "Could", "Friday?"]);
        // What is much less sure than the rest is left out.
        assert_eq!(
            shown(text, &[0.1, -3.0, 4.0, 4.0, 4.0, 4.0, 4.0, 4.0]),
            ["Could we, say, talk on Friday?"]
        );
    }

    #[test]
    fn there_is_always_a_span_where_there_are_words() {
        assert_eq!(shown("Send it.", &[-4.0, -7.0]), ["Send"]);
        assert_eq!(shown("?!", &[]), Vec::<String>::new());
    }
}
