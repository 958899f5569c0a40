//! Reading a turn: sentences, words, clauses and what each clause does.

mod asking;
mod boundaries;
mod classes;
pub mod clause;
pub mod lexicon;
mod reader;
pub mod words;

pub use clause::{Asks, Clause, Modality, Mood, Person, Tense};
pub use words::{Break, Word};

use crate::text;
use std::ops::Range;

/// A turn, read.
#[derive(Clone, Debug)]
pub struct Parsed<'a> {
    /// The turn itself.
    pub text: &'a str,
    /// Its sentences, as byte spans.
    pub sentences: Vec<Range<usize>>,
    /// Its words, normalised.
    pub words: Vec<Word>,
    /// Its clauses, in order; together they hold every word.
    pub clauses: Vec<Clause>,
}

/// Reads `text`. Linear in its length.
pub fn parse(text: &str) -> Parsed<'_> {
    let sentences = text::sentences(text);
    let mut words = words::words(text, &sentences);
    let clauses = boundaries::clauses(text, &sentences, &mut words);
    Parsed { text, sentences, words, clauses }
}

impl Parsed<'_> {
    /// The bytes that a range of words covers.
    pub fn bytes(&self, words: &Range<usize>) -> Range<usize> {
        let last = words.end.max(words.start + 1) - 1;
        self.words[words.start].start..self.words[last].end
    }

    /// The clause that holds a word.
    pub fn clause_of(&self, word: usize) -> &Clause {
        &self.clauses[self.words[word].clause]
    }

    /// The clauses of one sentence.
    pub fn clauses_of(&self, sentence: usize) -> impl Iterator<Item = &Clause> {
        let from = self.clauses.partition_point(|clause| clause.sentence < sentence);
        self.clauses[from..].iter().take_while(move |clause| clause.sentence == sentence)
    }

    /// The words of a clause.
    pub fn words_of(&self, clause: &Clause) -> &[Word] {
        &self.words[clause.words.clone()]
    }

    /// The text of a clause.
    pub fn text_of(&self, clause: &Clause) -> &str {
        &self.text[clause.start..clause.end]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn moods(text: &str) -> Vec<(String, Mood, Person)> {
        let parsed = parse(text);
        parsed
            .clauses
            .iter()
            .map(|clause| (parsed.text_of(clause).to_owned(), clause.mood, clause.subject))
            .collect()
    }

    fn only(text: &str) -> Clause {
        let parsed = parse(text);
        assert_eq!(parsed.clauses.len(), 1, "{:?}", moods(text));
        parsed.clauses[0].clone()
    }

    #[test]
    fn questions_with_and_without_a_mark() {
        for text in [
            "could u look at it by friday",
            "What is in the way",
            "how many people did you ask for",
            "Is the rota ready?",
            "Tuesday or Thursday?",
        ] {
            assert_eq!(only(text).mood, Mood::Interrogative, "{text}");
        }
        assert_eq!(only("What is in the way").asks, Some(Asks::Wh));
        assert_eq!(only("Is it Tuesday or Thursday?").asks, Some(Asks::Choice));
    }

    #[test]
    fn statements_that_begin_like_questions() {
        for text in ["What I see is a long queue.", "When you come, bring it.", "Will do.", "Do it today."] {
            assert!(moods(text).iter().all(|(_, mood, _)| *mood != Mood::Interrogative), "{:?}", moods(text));
        }
    }

    #[test]
    fn commands_and_nouns_that_look_like_them() {
        assert_eq!(only("Please send it by Friday.").mood, Mood::Imperative);
        assert_eq!(only("Don't touch the plan.").mood, Mood::Imperative);
        assert_eq!(only("Launch is Monday.").mood, Mood::Declarative);
    }

    #[test]
    fn clauses_of_unpunctuated_speech() {
        let found = moods("i know ur busy can we talk about the rota");
        assert_eq!(found.len(), 2, "{found:?}");
        assert_eq!((found[0].1, found[0].2), (Mood::Declarative, Person::I));
        assert_eq!((found[1].1, found[1].2), (Mood::Interrogative, Person::We));
    }

    #[test]
    fn tense_and_modality() {
        assert_eq!(only("You cancelled the meeting.").tense, Tense::Past);
        assert_eq!(only("I'll bring the unit at four.").tense, Tense::Future);
        assert_eq!(only("You have to decide.").modality, Some(Modality::Must));
        assert!(only("You never answer.").negated);
    }

    proptest::proptest! {
        #[test]
        fn any_text_is_read_and_every_word_lies_in_its_clause(text in proptest::prelude::any::<String>()) {
            let parsed = parse(&text);
            for (at, word) in parsed.words.iter().enumerate() {
                proptest::prop_assert!(parsed.clauses[word.clause].words.contains(&at));
                proptest::prop_assert!(text.get(word.start..word.end).is_some());
            }
            for clause in &parsed.clauses {
                proptest::prop_assert!(text.get(clause.start..clause.end).is_some_and(|said| !said.is_empty()));
            }
        }
    }
}
