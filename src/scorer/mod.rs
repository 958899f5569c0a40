//! What was good: the rubric, the rules, evidence, and the grade.

pub mod classifier;
pub mod corpus;
pub mod eval;
pub mod example;
pub mod explain;
pub mod feedback;
pub mod grade;
pub mod hint;
pub mod language;
pub mod parse;
pub mod rubric;
pub mod rules;
pub mod verdict;
pub mod wording;

use classifier::{Classifier, Opinion};
use language::Language;
use rubric::Check;
use rules::{Reading, RuleResult, Rules};
use std::ops::Range;
use verdict::{Answer, Position, Span, Utterance, Verdict, Verdicts};

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
#[derive(Clone, Copy, Debug)]
pub struct Scorer(Cascade);

/// Which parts of the cascade answer.
#[derive(Clone, Copy, Debug)]
enum Cascade {
    Rules,
    Features,
    Whole,
}

/// Without the classifier, a score from here on is a yes.
const YES_FROM: f32 = 0.5;

/// Spans of the rules are evidence from this score on, where the classifier says yes.
const RULES_POINT_FROM: f32 = 0.3;

impl Default for Scorer {
    fn default() -> Scorer {
        Scorer::new()
    }
}

impl Scorer {
    /// The scorer that comes with the program: rules, features and encoder. Nothing is loaded before the
    /// first turn.
    pub fn new() -> Scorer {
        Scorer(Cascade::Whole)
    }

    /// Rules alone.
    pub fn rules() -> Scorer {
        Scorer(Cascade::Rules)
    }

    /// Rules and the linear classifier, without the encoder.
    pub fn features() -> Scorer {
        Scorer(Cascade::Features)
    }

    /// Loads what the first turn would have to wait for, while nobody waits.
    pub fn warm() {
        std::thread::spawn(Classifier::shipped);
    }

    fn classifier(self) -> Option<&'static Classifier> {
        match self.0 {
            Cascade::Rules => None,
            Cascade::Features => Some(Classifier::features_only()),
            Cascade::Whole => Some(Classifier::shipped()),
        }
    }

    /// Grades one turn. Same turn, same answer; linear in its length; never panics.
    pub fn grade(&self, utterance: &Utterance<'_>) -> Graded {
        let skipped = match language::guess(&crate::text::printable(utterance.text)) {
            Language::None => Some(Skipped::Empty),
            Language::Other => Some(Skipped::NotEnglish),
            Language::English => None,
        };
        if skipped.is_some() {
            return Graded { verdicts: Verdicts::not_applicable(), skipped };
        }
        let reading = Reading::of(utterance);
        let result = Rules::judge(&reading);
        let verdicts = match self.classifier() {
            None => by_rules(utterance, &result),
            Some(classifier) => {
                let opinion = classifier.judge(utterance, &reading, &result);
                by_classifier(&reading, &result, &opinion)
            }
        };
        Graded { verdicts: applied(utterance, verdicts), skipped: None }
    }
}

/// Turns the rules' scores and spans into verdicts.
fn by_rules(utterance: &Utterance<'_>, found: &RuleResult) -> Verdicts {
    let mut verdicts = Verdicts::default();
    for check in Check::ALL {
        let finding = found.get(check);
        let yes = finding.score >= YES_FROM && !finding.spans.is_empty();
        let evidence = finding.spans.iter().map(|span| Span::cut(utterance.text, span.start, span.end));
        *verdicts.get_mut(check) = Verdict {
            verdict: if yes { Answer::Yes } else { Answer::No },
            p: finding.score,
            evidence: if yes { evidence.collect() } else { Vec::new() },
        };
    }
    verdicts
}

/// Turns the classifier's probabilities into verdicts; evidence is the rules' where they found any.
fn by_classifier(reading: &Reading<'_>, found: &RuleResult, opinion: &Opinion<'_>) -> Verdicts {
    let mut verdicts = Verdicts::default();
    for check in Check::ALL {
        let finding = found.get(check);
        let spans = if !opinion.is_yes(check) {
            Vec::new()
        } else if finding.score >= RULES_POINT_FROM && !finding.spans.is_empty() {
            whole_thoughts(reading, check, &finding.spans)
        } else {
            opinion.evidence(check, reading).into_iter().collect()
        };
        let text = reading.parsed.text;
        *verdicts.get_mut(check) = Verdict {
            verdict: if spans.is_empty() { Answer::No } else { Answer::Yes },
            p: opinion.probability(check),
            evidence: spans.iter().map(|span| Span::cut(text, span.start, span.end)).collect(),
        };
    }
    verdicts
}

/// A clause of more words than this is not quoted whole.
const LONGEST_THOUGHT: usize = 14;

/// Spans whose check shows in what a clause goes on to say, not in its first words alone ("I know you're
/// covering two teams"), grown to the end of that clause where it is short.
fn whole_thoughts(reading: &Reading<'_>, check: Check, spans: &[Range<usize>]) -> Vec<Range<usize>> {
    let grows = [Check::Acknowledges, Check::MutualBenefit, Check::InvitesInput, Check::AsksPermission];
    if !grows.contains(&check) {
        return spans.to_vec();
    }
    let parsed = &reading.parsed;
    let mut grown: Vec<Range<usize>> = Vec::with_capacity(spans.len());
    for span in spans {
        let clause = parsed.clauses.iter().find(|clause| clause.start < span.end && span.end <= clause.end);
        let core = clause.map(|clause| reading.core(clause)).unwrap_or_default();
        let end = match core.len() {
            1..=LONGEST_THOUGHT => span.end.max(parsed.bytes(&core).end),
            _ => span.end,
        };
        if grown.iter().all(|other| end <= other.start || other.end <= span.start) {
            grown.push(span.start..end);
        }
    }
    grown
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
        Scorer::rules().grade(&Utterance { text, context: None, position: Position::Middle })
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
            for scorer in [Scorer::rules(), Scorer::features(), Scorer::new()] {
            let graded = scorer.grade(&utterance);
            for (check, verdict) in graded.verdicts.iter() {
                prop_assert!((0.0..=1.0).contains(&verdict.p));
                prop_assert_eq!(verdict.verdict == Answer::Yes, !verdict.evidence.is_empty(), "{}", check);
                prop_assert!(verdict.evidence.iter().all(|span| span.is_verbatim(&text)));
            }
            prop_assert_eq!(graded, scorer.grade(&utterance));
            }
        }
    }
}
