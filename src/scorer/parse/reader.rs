//! Reading one clause: who it is about, its mood, tense and modality.

use super::boundaries::skip_fillers;
use super::classes::{C, inverted_at, is, word};
use super::clause::{Asks, Clause, Modality, Mood, Person, Tense};
use super::words::Word;
use std::ops::Range;

fn person(word: &Word) -> Person {
    match word.lower.as_str() {
        "i" | "me" => Person::I,
        "you" => Person::You,
        "we" | "us" => Person::We,
        _ => Person::Other,
    }
}

/// Reads subject, verb, mood, tense and the rest of the words in `range`.
pub(super) fn read(words: &[Word], range: Range<usize>) -> Clause {
    let head = skip_fillers(words, range.clone());
    let mut clause = Clause {
        start: words[range.start].start,
        end: words[range.end - 1].end,
        sentence: words[range.start].sentence,
        quoted: words[head].quoted,
        head,
        words: range.clone(),
        ..Clause::default()
    };
    let opener = (range.start..=head).find(|&at| words[at].is(C.subord));
    clause.subordinate = opener.is_some();
    clause.conditional = (range.start..=head).any(|at| matches!(words[at].lower.as_str(), "if" | "unless"));
    let first = opener.map_or(head, |at| at + 1).min(range.end - 1);
    find_subject_and_verb(words, first, &mut clause);
    if opener.is_none() {
        clause.mood = mood_by_form(words, &mut clause);
    } else if clause.verb.is_some() {
        clause.mood = Mood::Declarative;
    }
    read_verb_group(words, &mut clause);
    clause
}

fn find_subject_and_verb(words: &[Word], first: usize, clause: &mut Clause) {
    let end = clause.words.end;
    let mut noun = false;
    for at in first..end {
        let here = &words[at];
        let verbal = here.is(C.aux) || here.forms.finite();
        if clause.subject == Person::None && here.is(C.subj) && !(at > first && words[at - 1].is(C.prep)) {
            // "this week is", "that rota was": a determiner, not a subject.
            let determiner = matches!(here.lower.as_str(), "this" | "that")
                && word(words, at + 1)
                    .is_some_and(|next| at + 1 < end && !next.is(C.aux | C.adverb) && !next.forms.any());
            if !determiner {
                clause.subject = person(here);
                clause.subject_at = Some(at);
                if clause.verb.is_some() {
                    return;
                }
                continue;
            }
        }
        let noun_like = at > first && words[at - 1].is(C.det | C.prep) && !here.is(C.aux);
        if verbal && !noun_like && clause.verb.is_none() {
            if clause.subject == Person::None && noun && !here.is(C.subj) {
                clause.subject = Person::Other;
            }
            clause.verb = Some(at);
            if clause.subject != Person::None || at > first + 1 {
                return;
            }
        } else if !here.is(C.adverb | C.prep | C.wh | C.filler) {
            noun = true;
        }
        if at > first + 8 {
            return;
        }
    }
}

fn mood_by_form(words: &[Word], clause: &mut Clause) -> Mood {
    let head = clause.head;
    let end = clause.words.end;
    let here = &words[head];
    if inverted_at(words, head) && head + 1 < end {
        let conditional = matches!(here.lower.as_str(), "had" | "were" | "should");
        if !conditional {
            clause.asks = Some(Asks::Polar);
            return Mood::Interrogative;
        }
    }
    let asks_of_thing = matches!(
        here.lower.as_str(),
        "is" | "are" | "was" | "did" | "does" | "can" | "could" | "would" | "will" | "has"
    );
    if asks_of_thing && is(words, head + 1, C.det) && head + 3 < end {
        clause.asks = Some(Asks::Polar);
        return Mood::Interrogative;
    }
    if here.is(C.wh) && asks_openly(words, head, end) {
        clause.asks = Some(Asks::Wh);
        return Mood::Interrogative;
    }
    if clause.subject_at.is_none_or(|at| clause.verb.is_some_and(|verb| verb < at)) && commands(words, clause)
    {
        clause.subject = Person::None;
        clause.verb = Some(imperative_verb(words, clause));
        return Mood::Imperative;
    }
    if clause.verb.is_some() { Mood::Declarative } else { Mood::Fragment }
}

/// A question word with an inversion or a finite verb right behind it, as in "what keeps you".
fn asks_openly(words: &[Word], head: usize, end: usize) -> bool {
    if head + 1 >= end {
        return false;
    }
    let inverted =
        (head + 1..(head + 6).min(end)).find(|&at| words[at].is(C.subj | C.invaux)).is_some_and(|at| {
            words[at].is(C.invaux) && !matches!(words[head].lower.as_str(), "when" | "where" if at > head + 1)
        });
    let next = &words[head + 1];
    let subject_question = matches!(words[head].lower.as_str(), "what" | "who" | "which")
        && (next.forms.finite() || next.is(C.aux))
        && !next.is(C.subj);
    // "what time works": a noun between the question word and its verb.
    let counted = matches!(words[head].lower.as_str(), "what" | "which" | "whose")
        && head + 2 < end
        && !next.is(C.subj | C.aux | C.prep | C.adverb | C.conj)
        && (words[head + 2].forms.third || words[head + 2].is(C.be | C.modal));
    let clipped = matches!(words[head].lower.as_str(), "how" | "what")
        && matches!(next.lower.as_str(), "about" | "if" | "come");
    inverted || subject_question || counted || clipped
}

/// Is the clause a command: a bare verb at its head, or "please", "do not", "never" in front of one?
fn commands(words: &[Word], clause: &Clause) -> bool {
    let at = imperative_verb(words, clause);
    let Some(verb) = word(words, at).filter(|_| at < clause.words.end) else { return false };
    let next = word(words, at + 1).filter(|_| at + 1 < clause.words.end);
    if !verb.forms.base
        || verb.is(C.modal)
        || matches!(
            verb.lower.as_str(),
            "thank"
                | "mean"
                | "like"
                | "hope"
                | "guess"
                | "love"
                | "hear"
                | "suppose"
                | "want"
                | "appreciate"
                | "agree"
                | "wish"
        )
    {
        return false;
    }
    // "Launch is Monday", "Sign offs take": a noun with its verb behind it.
    if next.is_some_and(|next| {
        next.is(C.be | C.modal) || matches!(next.lower.as_str(), "did" | "does" | "has" | "had" | "have")
    }) {
        return false;
    }
    if next.is_none() {
        // One bare word: "Stop." commands, "Work." may be anything.
        return matches!(verb.lower.as_str(), "stop" | "listen" | "decide" | "sign" | "answer")
            || at > clause.head;
    }
    if verb.is(C.nouny)
        && at == clause.head
        && next.is_some_and(|next| !next.is(C.det | C.obj | C.wh) && next.lower != "it" && next.lower != "to")
    {
        return false;
    }
    if verb.lower == "have" || verb.lower == "do" {
        return !is(words, at + 1, C.subj) || matches!(words[at + 1].lower.as_str(), "it" | "that" | "this");
    }
    true
}

/// Where the verb of a command would stand: behind "please", "just", "do not", "never", "always".
fn imperative_verb(words: &[Word], clause: &Clause) -> usize {
    let mut at = clause.head;
    while at + 1 < clause.words.end
        && matches!(
            words[at].lower.as_str(),
            "please"
                | "just"
                | "never"
                | "always"
                | "simply"
                | "kindly"
                | "not"
                | "you"
                | "everyone"
                | "someone"
                | "at"
                | "least"
                | "only"
        )
    {
        at += 1;
    }
    if words[at].lower == "do" && is(words, at + 1, C.adverb) && at + 2 < clause.words.end {
        at += 2;
    }
    at.min(clause.words.end - 1)
}

fn read_verb_group(words: &[Word], clause: &mut Clause) {
    let Some(verb) = clause.verb else { return };
    let end = clause.words.end.min(verb + 7);
    let group = &words[verb..end];
    let first = &words[verb];
    let after = |n: usize| group.get(n).map_or("", |word| word.lower.as_str());
    clause.negated =
        group.iter().take(5).any(|word| {
            matches!(word.lower.as_str(), "not" | "never" | "no" | "nobody" | "nothing" | "hardly")
        }) || words[clause.words.start..verb].iter().any(|word| {
            matches!(word.lower.as_str(), "never" | "not" | "nobody" | "nothing" | "no" | "none")
        });
    let next_verbal = group.iter().skip(1).find(|word| !word.is(C.adverb | C.subj));
    clause.modality = match first.lower.as_str() {
        "can" | "could" | "may" | "might" => Some(Modality::Can),
        "would" => Some(Modality::Would),
        "will" | "shall" => Some(Modality::Will),
        "should" | "ought" => Some(Modality::Should),
        "must" => Some(Modality::Must),
        "have" | "has" | "need" | "needs" | "got"
            if after(1) == "to" || (after(1) == "got" && after(2) == "to") =>
        {
            Some(Modality::Must)
        }
        "am" | "is" | "are"
            if group.iter().take(4).any(|word| word.lower == "going")
                && group.iter().take(5).any(|word| word.lower == "to") =>
        {
            Some(Modality::Will)
        }
        _ => None,
    };
    let perfect = matches!(first.lower.as_str(), "have" | "has" | "had")
        && next_verbal.is_some_and(|word| word.forms.participle);
    let having = group.iter().take(4).position(|word| word.lower == "have");
    let modal_perfect = clause.modality.is_some()
        && having.is_some_and(|at| {
            at > 0
                && group[at + 1..]
                    .iter()
                    .find(|word| !word.is(C.adverb))
                    .is_some_and(|word| word.forms.participle)
        });
    clause.tense = if matches!(first.lower.as_str(), "was" | "were" | "did" | "had")
        || perfect
        || modal_perfect
        || (first.forms.past && !first.forms.base && !first.is(C.aux))
    {
        Tense::Past
    } else if matches!(clause.modality, Some(Modality::Will)) {
        Tense::Future
    } else {
        Tense::Present
    };
}
