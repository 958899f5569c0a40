//! A turn of the person's said better, as the tuned model learns it: whose talk it is, the boss's line before, the turn,
//! and what it is to leave out and to show.
//!
//! The model learns these very words: what is changed here must be learned anew.

use super::scene::{Card, one_line};
use crate::scorer::rubric::Check;

/// A turn that is to be said better.
#[derive(Clone, Copy, Debug)]
pub struct Rewording<'a> {
    /// Whose talk it is, and what about.
    pub card: Card<'a>,
    /// The boss's line before the turn.
    pub before: &'a str,
    /// The turn.
    pub turn: &'a str,
    /// What it does and shouldn't.
    pub drops: &'a [Check],
    /// What it lacks.
    pub adds: &'a [Check],
}

impl Rewording<'_> {
    /// The text up to where the better words begin; those end with the line.
    pub fn scene(&self) -> String {
        let Card { you, your_role, boss, boss_role, topic, .. } = self.card;
        let listed = |name: &str, checks: &[Check]| match checks {
            [] => None,
            checks => {
                let ids = checks.iter().map(|check| check.id().replace('-', " "));
                Some(format!("{name} {}", ids.collect::<Vec<_>>().join(", ")))
            }
        };
        let marks = [listed("drops", self.drops), listed("adds", self.adds)];
        format!(
            "{}\n{boss}: {}\n{you}: {}\nBetter [{}]:",
            one_line(&format!("{you}, {your_role}, talks with {boss}, {boss_role}, about {topic}.")),
            one_line(self.before),
            one_line(self.turn),
            marks.into_iter().flatten().collect::<Vec<_>>().join("; "),
        )
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scene_says_who_talks_what_was_said_and_what_is_to_change() {
        let card = Card {
            boss: "Dana",
            boss_role: "head of design",
            character: "",
            voice: "",
            you: "Sam",
            your_role: "a designer",
            topic: "the late feedback",
            boss_view: "",
            greeting: "",
        };
        let rewording = Rewording {
            card,
            before: "Yes, Sam?",
            turn: "You never [sic]\nanswer.",
            drops: &[Check::Blames],
            adds: &[Check::Acknowledges, Check::OpenQuestion],
        };
        assert_eq!(
            rewording.scene(),
            "Sam, a designer, talks with Dana, head of design, about the late feedback.\nDana: Yes, Sam?\n\
             Sam: You never (sic) answer.\nBetter [drops blames; adds acknowledges, open question]:"
        );
    }
}
