//! The topic: does the turn name what the talk is about?

use super::super::parse::lexicon::{Classes, Lexicon, UNKNOWN};
use super::super::rubric::Check;
use super::super::verdict::Position;
use super::Board;
use super::reading::Reading;
use std::sync::LazyLock;

struct Classed {
    function: Classes,
    vague: Classes,
    time: Classes,
    det: Classes,
    greeting: Classes,
    about: Classes,
}

static C: LazyLock<Classed> = LazyLock::new(|| {
    let class = |name: &str| Lexicon::get().class(name);
    let any = |names: &[&str]| names.iter().fold(0, |bits, name| bits | class(name));
    Classed {
        function: any(&[
            "pronounish",
            "aux",
            "conj",
            "subord",
            "prep",
            "filler",
            "adverb",
            "wh",
            "det",
            "greeting",
            "neg",
            "number",
            "thanks",
            "good",
            "state",
            "adj",
            "swing",
        ]),
        vague: class("vague"),
        time: any(&["time", "weekday", "month", "dayword", "slot"]),
        det: class("det"),
        greeting: class("greeting"),
        about: class("topicverb"),
    }
});

/// Indices of the words that name things: no function words, no verbs in use as such, no times, nothing vague.
pub(super) fn content_words(reading: &Reading<'_>) -> Vec<usize> {
    let words = &reading.parsed.words;
    (0..words.len())
        .filter(|&at| {
            let word = &words[at];
            let letters = word.lower.chars().filter(|c| c.is_alphabetic()).count();
            // "Hi Dana": a name that is greeted is not a matter.
            let greeted =
                word.capital && at.checked_sub(1).is_some_and(|before| words[before].is(C.greeting));
            if greeted || word.is(C.function | C.vague | C.time) || word.number || word.emoji || letters < 3 {
                return false;
            }
            if word.forms.any() {
                // A word that may be a verb counts as a noun behind a determiner or a noun.
                let before = at.checked_sub(1).map(|at| &words[at]);
                return before.is_some_and(|before| before.is(C.det) || before.sym == UNKNOWN)
                    && !word.forms.past;
            }
            !word.lower.ends_with("ly")
        })
        .collect()
}

/// How likely a turn with so many content words names the matter: measured on the labelled turns. An opening
/// is about the matter by its nature, a closing rarely names it again.
fn how_likely(position: Position, content: usize) -> f32 {
    let by_count: [f32; 6] = match position {
        Position::Opening => [0.25, 0.65, 0.72, 0.82, 0.92, 0.97],
        Position::Middle => [0.12, 0.2, 0.44, 0.55, 0.72, 0.8],
        Position::Closing => [0.01, 0.05, 0.35, 0.4, 0.55, 0.6],
    };
    by_count[content.min(5)]
}

/// Judges states-topic.
pub(super) fn judge(reading: &Reading<'_>, board: &mut Board) {
    let content = content_words(reading);
    let Some(&first) = content.first() else { return };
    let words = &reading.parsed.words;
    let named = content.iter().find(|&&at| {
        (1..=3).any(|back| at >= back && words[at - back].is(C.det) && words[at - back].lower != "no")
    });
    let announced = content.iter().any(|&at| {
        (1..=3).any(|back| {
            at >= back && words[at - back].is(C.about) && words[at].sentence == words[at - back].sentence
        })
    });
    let weight = how_likely(reading.position, content.len() + 2 * usize::from(announced));
    let at = named.copied().unwrap_or(first);
    let start = (at.saturating_sub(3)..at)
        .find(|&back| words[back].is(C.det) && words[back].sentence == words[at].sentence)
        .unwrap_or(at);
    let end = (at + 1..(at + 3).min(words.len()))
        .take_while(|next| content.contains(next) && words[*next].sentence == words[at].sentence)
        .last()
        .map_or(at + 1, |last| last + 1);
    board.of(Check::StatesTopic).add(weight, start..end);
}
