//! What was good: the rubric, the reader, evidence, and the grade.

pub mod corpus;
pub mod eval;
pub mod example;
pub mod explain;
pub mod feedback;
pub mod grade;
pub mod hint;
pub mod language;
pub mod parse;
pub mod reader;
pub mod rubric;
pub mod verdict;
pub mod wording;

use crate::text::Plain;
use language::Language;
use reader::Reader;
use rubric::Check;
use verdict::{Answer, Position, Utterance, Verdict, Verdicts};

/// Why a turn was not graded.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum Skipped {
    /// It holds no words.
    #[error("not graded: empty")]
    Empty,
    /// It is in another language.
    #[error("not graded: not English")]
    NotEnglish,
}

/// A graded turn.
#[derive(Clone, Debug, PartialEq)]
pub struct Graded {
    /// One verdict a check; all n/a where the turn was skipped.
    pub verdicts: Verdicts,
    /// Why it was not graded, where it was not.
    pub skipped: Option<Skipped>,
}

/// Grades turns.
#[derive(Clone, Copy, Debug, Default)]
pub struct Scorer;

impl Scorer {
    /// Loads what the first turn would have to wait for, while nobody waits.
    pub fn warm() {
        std::thread::spawn(Reader::shipped);
    }

    /// Grades one turn. Same turn, same answer; linear in its length; never panics.
    pub fn grade(&self, utterance: &Utterance<'_>) -> Graded {
        let plain = Plain::of(utterance.text);
        let skipped = match language::guess(&crate::text::printable(utterance.text)) {
            Language::None => Some(Skipped::Empty),
            Language::Other => Some(Skipped::NotEnglish),
            Language::English => None,
        };
        let verdicts = match skipped {
            Some(_) => Verdicts::not_applicable(),
            None => applied(utterance, Reader::shipped().read(utterance, &plain)),
        };
        Graded { verdicts, skipped }
    }
}

/// The rubric's "applies" column.
fn applied(utterance: &Utterance<'_>, mut verdicts: Verdicts) -> Verdicts {
    if !verdicts.is_yes(Check::AsksQuestion) {
        *verdicts.get_mut(Check::OpenQuestion) =
            Verdict { verdict: Answer::NotApplicable, ..Verdict::default() };
    }
    if utterance.position != Position::Opening {
        *verdicts.get_mut(Check::Springs) = Verdict { verdict: Answer::NotApplicable, ..Verdict::default() };
    }
    verdicts
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn grade(text: &str) -> Graded {
        Scorer.grade(&Utterance { text, context: None, position: Position::Middle })
    }

    #[test]
    fn nothing_and_other_languages_are_not_guessed_at() {
        assert_eq!(grade(" \r\n\u{1b}[0m").skipped, Some(Skipped::Empty));
        let german = grade("Ich wollte mit Ihnen über den Bericht sprechen, weil er noch nicht fertig ist.");
        assert_eq!(german.skipped, Some(Skipped::NotEnglish));
        assert!(german.verdicts.iter().all(|(_, verdict)| verdict.verdict == Answer::NotApplicable));
        assert_eq!(grade("ok").skipped, None);
    }

    #[test]
    fn what_does_not_apply_is_said() {
        let graded = grade("Send it.");
        assert_eq!(graded.verdicts.get(Check::OpenQuestion).verdict, Answer::NotApplicable);
        assert_eq!(graded.verdicts.get(Check::Springs).verdict, Answer::NotApplicable);
        assert!(graded.verdicts.is_yes(Check::Prescribes));
    }

    fn position() -> impl Strategy<Value = Position> {
        prop_oneof![Just(Position::Opening), Just(Position::Middle), Just(Position::Closing)]
    }

    /// Arbitrary text, and arbitrary mixtures of words that rules look at.
    fn text() -> impl Strategy<Value = String> {
        let pieces = prop::sample::select(vec![
            "could", "you", "we", "I", "never", "What", "Friday", "or", "?", "!", ",", ".", "\r\n",
            "e\u{301}", "👍🏽", "“", "”", "'", "talk", "send", "need to", "15", "minutes", "don’t", "…",
            "\u{1b}", "\u{202e}", "help", "your", "by", "if",
        ]);
        prop_oneof![any::<String>(), prop::collection::vec(pieces, 0..40).prop_map(|words| words.join(" "))]
    }

    proptest! {
        #[test]
        fn evidence_is_verbatim_and_grading_is_deterministic(text in text(), position in position()) {
            let utterance = Utterance { text: &text, context: None, position };
            let graded = Scorer.grade(&utterance);
            for (check, verdict) in graded.verdicts.iter() {
                prop_assert!((0.0..=1.0).contains(&verdict.p));
                prop_assert_eq!(verdict.verdict == Answer::Yes, !verdict.evidence.is_empty(), "{}", check);
                prop_assert!(verdict.evidence.iter().all(|span| span.is_verbatim(&text)));
            }
            prop_assert_eq!(graded, Scorer.grade(&utterance));
        }
    }
}
