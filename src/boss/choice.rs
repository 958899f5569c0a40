//! The choice among candidates that the gate has let through.
//!
//! Three things told the lines that strict readers would leave as they are from the others (`tests/corpus/talks`,
//! `readings.jsonl`): most candidates of one moment say much the same, and the odd one out is the muddled one (the
//! consensus that minimum Bayes risk decoding looks for, Kumar & Byrne 2004); a line that leaves out what it is made of
//! has something else in its place; and what is longer has more room for a second half that wrecks the first. The weights
//! are those of a conditional logit on these readings; `coachup eval-boss` says what they bring.

use super::likeness::likeness;
use crate::text::content::{content_words, shared_words};

/// What the mean likeness to the other candidates counts, the share of the content that is said, and a word.
const CONSENSUS: f64 = 4.0;
const CONTENT: f64 = 2.5;
const WORD: f64 = -0.16;

/// Which of `lines` is preferred, the one with the highest: words for `content`, what the line is made of.
pub fn preferences(lines: &[&str], content: &str) -> Vec<f64> {
    let needed = content_words(content).len();
    let preference = |at: usize| {
        let line = lines[at];
        let others = lines.iter().enumerate().filter(|(other, _)| *other != at);
        let alike: f64 = others.map(|(_, other)| likeness(line, other)).sum();
        let consensus = alike / (lines.len() - 1).max(1) as f64;
        let said = shared_words(content, line) as f64 / needed.max(1) as f64;
        CONSENSUS * consensus + CONTENT * said + WORD * line.split_whitespace().count() as f64
    };
    (0..lines.len()).map(preference).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_odd_one_out_loses_and_what_the_line_is_made_of_is_said() {
        let lines =
            ["The ward is two nurses short.", "We're two nurses short.", "The ward is on the second floor."];
        let preferred = preferences(&lines, "two nurses are missing on the ward");
        assert!(preferred[0] > preferred[2] && preferred[1] > preferred[2], "{preferred:?}");
        assert_eq!(preferences(&[], "x"), Vec::<f64>::new());
        assert!(preferences(&["Yes."], "")[0].is_finite());
    }
}
