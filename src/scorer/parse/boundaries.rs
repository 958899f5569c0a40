//! Where clauses begin, in punctuated and unpunctuated text.

use super::asking::{asks_in_writing, settle_questions};
use super::classes::{C, inverted_at, is, same_sentence, word};
use super::clause::{Clause, Mood};
use super::reader::read;
use super::words::{Break, Word};
use std::ops::Range;

/// Splits the words into clauses, sets each word's clause, and reads each clause.
pub fn clauses(text: &str, sentences: &[Range<usize>], words: &mut [Word]) -> Vec<Clause> {
    let mut found: Vec<Clause> = Vec::new();
    let mut start = 0;
    while start < words.len() {
        let mut end = start + 1;
        while end < words.len() && !begins_clause(words, start, end) {
            end += 1;
        }
        words[start..end].iter_mut().for_each(|word| word.clause = found.len());
        let mut clause = read(words, start..end);
        if let Some(before) = found.last() {
            coordinate(words, before, &mut clause);
        }
        found.push(clause);
        start = end;
    }
    let mut at = 0;
    while at < found.len() {
        let sentence = found[at].sentence;
        let last = at + found[at..].iter().take_while(|clause| clause.sentence == sentence).count();
        let asked = sentences.get(sentence).is_some_and(|span| asks_in_writing(&text[span.clone()]));
        let end = sentences.get(sentence).map_or(text.len(), |span| span.end);
        found[last - 1].end = end;
        settle_questions(&mut found[at..last], words, asked);
        at = last;
    }
    found
}

/// "I could draft it and send it": a bare verb behind a conjunction or comma shares the subject and the modal
/// verb of the clause before, unless that is a command itself or a condition.
fn coordinate(words: &[Word], before: &Clause, clause: &mut Clause) {
    let joined = words[clause.words.start].before <= Break::Comma
        && !words[clause.words.start..=clause.head]
            .iter()
            .any(|word| matches!(word.lower.as_str(), "please" | "so" | "then"));
    if clause.mood != Mood::Imperative || !joined || before.quoted != clause.quoted || before.conditional {
        return;
    }
    let shares = match before.mood {
        Mood::Imperative => false,
        Mood::Fragment => before.words.len() > 3 || words[before.words.start].before < Break::Sentence,
        Mood::Declarative | Mood::Interrogative => true,
    };
    if shares {
        clause.mood = if before.verb.is_some() { Mood::Declarative } else { Mood::Fragment };
        (clause.subject, clause.subject_at) = (before.subject, before.subject_at);
        (clause.modality, clause.tense) = (before.modality, before.tense);
    }
}

/// The first word from `at` on that is no filler, conjunction or emoji.
pub(super) fn skip_fillers(words: &[Word], range: Range<usize>) -> usize {
    let mut at = range.start;
    while at + 1 < range.end && (words[at].is(C.filler | C.conj) || words[at].emoji) {
        // "right" and "see" are fillers only in front of something else than their own object.
        at += 1;
    }
    at
}

/// Does a clause begin at `at`, when the one before began at `start`?
fn begins_clause(words: &[Word], start: usize, at: usize) -> bool {
    let here = &words[at];
    if here.before >= Break::Strong || here.quoted != words[at - 1].quoted {
        return true;
    }
    let only_fillers = words[start..at].iter().all(|word| word.is(C.filler | C.conj));
    if here.before == Break::Comma && !only_fillers {
        let at = skip_fillers(words, at..words.len().min(at + 4));
        return looks_like_start(words, at);
    }
    if only_fillers {
        return false;
    }
    if here.is(C.subord) {
        return !matches!(here.lower.as_str(), "when" | "since" | "once" | "until" | "while")
            || !is_time_phrase(words, at);
    }
    if here.is(C.conj) {
        let next = skip_fillers(words, at + 1..words.len().min(at + 4));
        return same_sentence(words, next) && looks_like_start(words, next);
    }
    // "What I said was I'd like it": the first verb of a cleft, not a question.
    let head = skip_fillers(words, start..at);
    let cleft = words[head].is(C.wh) && word(words, head + 1).is_some_and(|next| next.is(C.subj));
    !cleft
        && inverted_at(words, at)
        && !words[at - 1].is(C.wh | C.prep | C.subj | C.aux)
        && !is_counted(words, at)
        || (here.is(C.wh) && inverted_at(words, at + 1) && !words[at - 1].is(C.prep | C.wh | C.cogn))
        || runs_on(words, start, at)
}

/// "how many people did you": the auxiliary belongs to the question word's noun.
fn is_counted(words: &[Word], at: usize) -> bool {
    (1..=4).any(|back| {
        at >= back
            && words[at - back].is(C.wh)
            && words[at - back + 1..at]
                .iter()
                .all(|word| !word.forms.finite() || word.is(C.det) || !word.is(C.aux))
    })
}

fn is_time_phrase(words: &[Word], at: usize) -> bool {
    !(at + 1..at + 4).any(|next| {
        same_sentence(words, next) && (words[next].is(C.subj | C.aux) || words[next].forms.finite())
    })
}

/// Could an independent clause begin at `at`: a subject with its verb, an inversion, a question word, a command?
fn looks_like_start(words: &[Word], at: usize) -> bool {
    let Some(here) = word(words, at) else { return false };
    if here.is(C.subj) {
        return (at + 1..at + 4)
            .any(|next| same_sentence(words, next) && (words[next].is(C.aux) || words[next].forms.finite()));
    }
    if inverted_at(words, at) || here.is(C.subord) || here.lower == "please" {
        return true;
    }
    if here.is(C.wh) {
        return (at + 1..at + 5)
            .any(|next| same_sentence(words, next) && (words[next].is(C.aux) || words[next].is(C.subj)));
    }
    if here.forms.base && !here.is(C.det | C.prep | C.aux)
        || matches!(here.lower.as_str(), "do" | "have" | "be")
    {
        return !is(words, at + 1, C.be | C.modal);
    }
    // A noun phrase with an auxiliary or a plain past behind it.
    here.is(C.det)
        && (at + 2..at + 5).any(|next| {
            same_sentence(words, next)
                && words[next].before == Break::None
                && (words[next].is(C.aux) || (words[next].forms.past && !words[next - 1].is(C.det)))
        })
}

/// A new subject in unpunctuated text, after a clause that already has subject and verb.
fn runs_on(words: &[Word], start: usize, at: usize) -> bool {
    let nominative = matches!(words[at].lower.as_str(), "i" | "we" | "he" | "she" | "they");
    if !nominative || at < start + 3 || !same_sentence(words, at + 1) {
        return false;
    }
    let before = &words[at - 1];
    let free = !before.is(C.cogn | C.prep | C.wh | C.conj | C.subord | C.subj | C.adverb | C.aux | C.det)
        && before.lower != "that";
    free && (words[at + 1].is(C.aux) || words[at + 1].forms.finite())
        && words[start..at].iter().any(|word| word.is(C.subj))
        && words[start..at].iter().any(|word| word.is(C.aux) || word.forms.finite())
}
