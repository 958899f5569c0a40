//! Which clauses ask, once the sentence's closing mark is known.

use super::classes::{C, inverted_at, word};
use super::clause::{Asks, Clause, Mood};
use super::words::Word;

pub(super) fn asks_in_writing(sentence: &str) -> bool {
    let marks = sentence.trim_end_matches(|c: char| {
        c.is_whitespace() || matches!(c, ')' | '"' | '”' | '’' | '\'') || crate::text::token::is_pictograph(c)
    });
    marks.ends_with(['?', '？', '‽'])
        || marks.ends_with("?!")
        || marks.ends_with("?.")
        || marks.trim_end_matches(['!', '.', '…']).ends_with('?')
}

/// Where the writing asks but no clause has a question's form, the last one asks; choices and tags are told apart.
pub(super) fn settle_questions(clauses: &mut [Clause], words: &[Word], asked: bool) {
    let last = clauses.len() - 1;
    if asked {
        clauses[last].marked = true;
        let formed = clauses.iter().any(|clause| clause.mood == Mood::Interrogative);
        let tag = last > 0 && is_tag(words, &clauses[last]);
        if tag {
            let said = &mut clauses[last];
            (said.mood, said.asks) = (Mood::Interrogative, Some(Asks::Tag));
        } else if !formed {
            let mut asking = last;
            while asking > 0
                && clauses[asking].subordinate
                && clauses[asking].head > clauses[asking].words.start
            {
                asking -= 1;
            }
            let said = &mut clauses[asking];
            let wh = words[said.head].is(C.wh) || words[said.words.end - 1].is(C.wh);
            (said.mood, said.asks) = (Mood::Interrogative, Some(if wh { Asks::Wh } else { Asks::Polar }));
        }
    } else {
        // "When you are ready, …", "…, which is a pattern" and "…, haven't you" stand without a mark.
        for (at, clause) in clauses.iter_mut().enumerate().filter(|(_, clause)| clause.asks.is_some()) {
            let unasked = match clause.asks {
                Some(Asks::Wh) => stands_alone(words, clause, at > 0),
                _ => at > 0 && clause.words.len() <= 2 + usize::from(clause.negated),
            };
            if unasked {
                clause.mood = if clause.verb.is_some() { Mood::Declarative } else { Mood::Fragment };
                clause.asks = None;
            }
        }
    }
    for clause in clauses.iter_mut().filter(|clause| clause.mood == Mood::Interrogative) {
        let span = &words[clause.words.clone()];
        let alternatives =
            span.iter().any(|word| word.lower == "or") && span.last().is_some_and(|word| word.lower != "not");
        if clause.asks == Some(Asks::Polar) && alternatives
            || clause.asks == Some(Asks::Wh) && words[clause.head].lower == "which"
        {
            clause.asks = Some(Asks::Choice);
        }
    }
}

/// Is a clause with a question word in front no question when it is written without a mark?
fn stands_alone(words: &[Word], clause: &Clause, follows: bool) -> bool {
    let head = &words[clause.head];
    let inverted = inverted_at(words, clause.head + 1);
    let plain = word(words, clause.head + 1).is_some_and(|next| next.is(C.subj) && !next.is(C.aux));
    let relative = matches!(head.lower.as_str(), "when" | "where" | "who" | "which" | "whose");
    plain || relative && !inverted && (follows || clause.subject_at.is_none())
}

fn is_tag(words: &[Word], clause: &Clause) -> bool {
    let said: Vec<&str> = words[clause.words.clone()].iter().map(|word| word.lower.as_str()).collect();
    matches!(
        said.as_slice(),
        ["right"] | ["ok"] | ["yes"] | ["no"] | ["correct"] | ["eh"] | ["huh"] | ["or", "not"]
    ) || (said.len() <= 3 && inverted_at(words, clause.words.start) && said.len() >= 2)
}
