//! The word classes that clauses are read by, and small questions about words that several files ask.

use super::lexicon::{Classes, Lexicon};
use super::words::{Break, Word};
use std::sync::LazyLock;

/// The classes that clause finding looks at, looked up once.
pub(super) struct Classed {
    pub(super) subj: Classes,
    pub(super) det: Classes,
    pub(super) aux: Classes,
    pub(super) invaux: Classes,
    pub(super) modal: Classes,
    pub(super) be: Classes,
    pub(super) wh: Classes,
    pub(super) conj: Classes,
    pub(super) subord: Classes,
    pub(super) prep: Classes,
    pub(super) filler: Classes,
    pub(super) adverb: Classes,
    pub(super) cogn: Classes,
    pub(super) nouny: Classes,
    pub(super) obj: Classes,
}

pub(super) static C: LazyLock<Classed> = LazyLock::new(|| {
    let class = |name| Lexicon::get().class(name);
    Classed {
        subj: class("subj"),
        det: class("det"),
        aux: class("aux"),
        invaux: class("invaux"),
        modal: class("modal"),
        be: class("be"),
        wh: class("wh"),
        conj: class("conj"),
        subord: class("subord"),
        prep: class("prep"),
        filler: class("filler"),
        adverb: class("adverb"),
        cogn: class("cogn"),
        nouny: class("nouny"),
        obj: class("obj"),
    }
});

pub(super) fn word(words: &[Word], at: usize) -> Option<&Word> {
    words.get(at)
}

pub(super) fn is(words: &[Word], at: usize, classes: Classes) -> bool {
    word(words, at).is_some_and(|word| word.is(classes))
}

pub(super) fn same_sentence(words: &[Word], at: usize) -> bool {
    word(words, at).is_some_and(|word| word.before < Break::Sentence)
}

/// An auxiliary in front of its subject: "can we", "is it", "would the team".
pub(super) fn inverted_at(words: &[Word], at: usize) -> bool {
    let (Some(aux), Some(next)) = (word(words, at), word(words, at + 1)) else { return false };
    if !aux.is(C.invaux) || next.before >= Break::Comma {
        return false;
    }
    let next = match next.lower.as_str() {
        "not" => match word(words, at + 2) {
            Some(after) => after,
            None => return false,
        },
        _ => next,
    };
    next.is(C.subj)
        && !(matches!(aux.lower.as_str(), "do" | "have")
            && matches!(next.lower.as_str(), "it" | "this" | "that"))
        || matches!(next.lower.as_str(), "u" | "y'all" | "anyone" | "anybody" | "someone" | "everyone")
}
