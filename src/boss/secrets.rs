//! What the boss of a talk of one's own keeps back: drawn anew for every session, so that asking about their side pays
//! each time, and what one suspects is not always so.

use super::draw::{Draw, Purpose};
use crate::scenario::{Kind, PrivateFact, Scenario};

/// How likely it is that what the person suspects is so.
const GUESSED_RIGHT: f64 = 0.5;
/// What a fact begins with that stands in a wrong guess's place.
pub const INSTEAD: &str = "it is not what {you} may think: ";
/// Facts that the person did not think of, beside what the boss needs.
const UNTHOUGHT: usize = 1;

/// `scenario` as it is in the session with `seed`: one of a kind of matter gets facts, the others are as they are.
pub fn with_secrets(scenario: &Scenario, seed: u64) -> Scenario {
    let mut scenario = scenario.clone();
    let Some(kind) = scenario.kind.as_deref().and_then(Kind::named) else { return scenario };
    let mut draw = Draw::new(seed, 0, Purpose::Secrets);
    let (needs, others): (Vec<_>, Vec<_>) = kind.facts.iter().cloned().partition(|fact| fact.need);
    let mut others = draw.shuffled(others).into_iter();
    for guess in &scenario.guesses {
        let fact = if draw.unit() < GUESSED_RIGHT {
            PrivateFact { fact: guess.clone(), line: guess.clone(), need: false }
        } else {
            // Who asks about a wrong guess hears what it is instead.
            let Some(PrivateFact { fact, line, .. }) = others.next() else { continue };
            let fact = format!("{INSTEAD}{fact}");
            PrivateFact { fact, line: format!("It isn't what you may think. {line}"), need: false }
        };
        scenario.facts.push(fact);
    }
    let needs = draw.shuffled(needs).into_iter().take(1);
    scenario.facts.extend(others.take(UNTHOUGHT).chain(needs));
    scenario
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::{Answers, Library};
    use std::collections::BTreeSet;

    #[test]
    fn every_session_has_its_own_secrets_and_a_guess_is_right_in_about_half_of_them() {
        let guesses = vec!["I'm two people short.".to_owned()];
        let answers = Answers { kind: "slow-approvals".to_owned(), guesses, ..Answers::default() };
        let scenario = answers.scenario("alex");
        let (mut right, mut seen) = (0, BTreeSet::new());
        for seed in 0..200 {
            let drawn = with_secrets(&scenario, seed);
            assert_eq!(drawn, with_secrets(&scenario, seed));
            assert_eq!(drawn.facts.len(), 3);
            assert_eq!(drawn.facts.iter().filter(|fact| fact.need).count(), 1);
            right += usize::from(drawn.facts[0].line == scenario.guesses[0]);
            seen.extend(drawn.facts[1..].iter().map(|fact| fact.fact.clone()));
        }
        assert!((70..130).contains(&right), "{right} of 200");
        assert!(seen.len() >= 8, "{seen:?}");
        let library = Library::embedded();
        let shipped: &Scenario = library.get("late-feedback").unwrap();
        assert_eq!(with_secrets(shipped, 1), *shipped);
    }
}
