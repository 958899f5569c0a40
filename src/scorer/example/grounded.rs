//! Are an example's words the person's own? The guard against invented facts.

use super::source::KINDS;
use super::stock::STOCK;
use crate::scorer::parse::{Parsed, Word, parse};
use std::collections::HashSet;
use std::sync::LazyLock;

/// What observations add around the person's words; see [`super::observe`].
const OBSERVING: &str = "the idea was to. it was hard for me in us. I had not heard. we have not had it yet. it has \
                         not heard back yet. it comes to me, they come to us, it came. they are still open. it has been \
                         open. it keeps being. they keep being. I am. they were. I was. it is";

/// All words that may stand in an example without being in the turn: the frames', and [`OBSERVING`]'s.
static OURS: LazyLock<HashSet<String>> = LazyLock::new(|| {
    let lines = STOCK.frames.lines().map(String::as_str).chain([OBSERVING]);
    let slots = |line: &str| line.replace(['{', '}'], " ");
    lines.flat_map(|line| parse(&slots(line)).words).map(|word| word.lower).collect()
});

/// Does every content word of `text` come from the turn, the topic or the frames? Inflected forms of one
/// verb count as the same word.
pub fn is_grounded(text: &str, turn: &Parsed<'_>, topic: &str) -> bool {
    let topic = parse(topic);
    let known: HashSet<&str> =
        turn.words.iter().chain(&topic.words).map(|word| word.lower.as_str()).collect();
    let lemmas: HashSet<u32> =
        turn.words.iter().chain(&topic.words).map(|word| word.lemma).filter(|&lemma| lemma != 0).collect();
    parse(text).words.iter().all(|word| {
        !is_content(word)
            || OURS.contains(&word.lower)
            || known.contains(word.lower.as_str())
            || lemmas.contains(&word.lemma)
    })
}

fn is_content(word: &Word) -> bool {
    !word.is(KINDS.det | KINDS.subj | KINDS.aux) || word.number
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_foreign_word_is_noticed_and_an_inflected_one_is_not_foreign() {
        let turn = parse("You cancelled our meeting.");
        assert!(is_grounded(
            "Our meeting keeps being cancelled. What stands in the way on your side?",
            &turn,
            ""
        ));
        assert!(is_grounded(
            "Could we find a time that suits you to talk about the rota?",
            &turn,
            "the rota"
        ));
        assert!(!is_grounded("Our meeting on Tuesday was cancelled.", &turn, "the rota"));
        assert!(!is_grounded("Our meeting was cancelled 3 times.", &turn, "the rota"));
    }
}
