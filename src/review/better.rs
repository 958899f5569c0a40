//! A better wording for one turn of a talk, made of the person's own words.

use super::report::TurnView;
use crate::scorer::Scorer;
use crate::scorer::example::{Example, example};
use crate::scorer::rubric::Check;
use crate::scorer::verdict::Utterance;
use serde::Serialize;

/// The most turns that a better wording is looked for in: each is graded several times.
const MOST_TRIED: usize = 12;

/// A better wording.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct BetterWording {
    /// The turn that it rewords, from 1.
    pub turn: u32,
    /// The wording, one paragraph; safe to print.
    pub text: String,
    /// What it shows and the turn did not.
    pub gained: Vec<Check>,
    /// What harmed in the turn and is not in it.
    pub dropped: Vec<Check>,
}

/// The better wording that gains most, turns with harm first; none where every turn is good or can't be
/// reworded from its own words. `greeting` is the boss's first line, `topic` what the talk is about.
pub fn better_wording(talk: &[TurnView], greeting: &str, topic: &str) -> Option<BetterWording> {
    let harm = |turn: &TurnView| turn.checks.present().filter(|check| !check.is_helpful()).count();
    let mut order: Vec<usize> = (0..talk.len()).collect();
    order.sort_by_key(|&index| std::cmp::Reverse(harm(&talk[index])));
    let scorer = Scorer;
    let grade = |turn: &Utterance| scorer.grade(turn).verdicts;
    let reworded = order.into_iter().take(MOST_TRIED).filter_map(|index| {
        let turn = &talk[index];
        let context = match index {
            0 => Some(greeting),
            _ => talk[index - 1].reply.as_ref().map(|reply| reply.text.as_str()),
        };
        let utterance = Utterance { text: &turn.text, context, position: turn.position };
        match example(&utterance, &turn.checks, topic, &grade) {
            Example::Better { text, gained, dropped } => {
                Some(BetterWording { turn: turn.turn, text, gained, dropped })
            }
            Example::Keep { .. } | Example::None => None,
        }
    });
    // Leaving out harm counts double; the first of equals.
    let worth = |better: &BetterWording| better.gained.len() + 2 * better.dropped.len();
    reworded.reduce(|best, other| if worth(&other) > worth(&best) { other } else { best })
}

#[cfg(test)]
mod tests {
    use super::super::report;
    use super::*;
    use crate::session::{Session, sample};

    #[test]
    fn the_turn_that_hurt_is_reworded() {
        let session = Session { head: Some(2), ..sample::session() };
        let talk = report(&session).talk;
        let better = better_wording(&talk, "Yes, Sam?", "the late feedback on the prototype").unwrap();
        assert_eq!(better.turn, 2);
        assert!(!better.dropped.is_empty() && !better.text.contains("never answer"), "{better:?}");
    }

    #[test]
    fn nothing_said_needs_no_better_words() {
        assert_eq!(better_wording(&[], "Yes?", "x"), None);
    }
}
