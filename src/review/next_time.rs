//! The one thing to do differently next time: the scorer's choice, the words it is about, and what it
//! would have been worth.
//!
//! The grade is a pure function of the verdicts, so the worth is not estimated: the talk is graded again
//! without the harmful behaviour, or with the missing helpful one shown in one turn more.

use crate::scorer::explain;
use crate::scorer::grade::{Grade, grade};
use crate::scorer::rubric::Check;
use crate::scorer::verdict::{Answer, Span, Verdicts};
use crate::session::{Exchange, Outcome};
use serde::Serialize;

/// From this overall grade on, the words were good.
pub(super) const GOOD: f64 = 70.0;

/// The one thing to do differently.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NextTime {
    /// Which behaviour to leave out or to add.
    pub check: Check,
    /// What to do and why, in words for the person.
    pub advice: String,
    /// The article's section.
    pub section: &'static str,
    /// The turns that showed a harmful one; empty for a helpful one.
    pub turns: Vec<u32>,
    /// The first words that showed it, cut from the first of `turns`.
    pub quote: Option<Span>,
    /// The overall grade with this change alone, 0 to 100; none where it alone would not raise it.
    pub grade: Option<f64>,
}

/// What to do differently after `talk`, graded `now`; none where nothing is left to gain.
pub fn next_time(talk: &[&Exchange], now: &Grade) -> Option<NextTime> {
    let explain::NextTime { check, text, section } = explain::next_time(now)?;
    let shown: Vec<&&Exchange> = match check.is_helpful() {
        true => Vec::new(),
        false => talk.iter().filter(|exchange| exchange.verdicts.is_yes(check)).collect(),
    };
    let quote = shown.first().and_then(|exchange| exchange.verdicts.get(check).evidence.first());
    Some(NextTime {
        check,
        advice: text,
        section,
        turns: shown.iter().map(|exchange| exchange.turn).collect(),
        quote: quote.cloned(),
        grade: changed(talk, check).filter(|&then| then > now.overall),
    })
}

/// What is left to do where the words were good (`grade`) and the boss has not agreed to all.
pub fn way_on(outcome: Outcome, grade: f64, openness: f64, boss: &str) -> Option<String> {
    if grade < GOOD {
        return None;
    }
    match outcome {
        Outcome::Open => Some(format!(
            "{boss} is at {openness:.0} of 100 and nothing is decided: go on, say your smallest next step once more, \
             and wait for a yes."
        )),
        Outcome::Partly => {
            Some(format!("{boss} agreed to a part: go on for the rest, or leave it at this first step."))
        }
        Outcome::Agreed | Outcome::EndedByBoss => None,
    }
}

/// The overall grade of `talk` without a harmful check, or with a helpful one shown once more; none where
/// every turn shows it already.
fn changed(talk: &[&Exchange], check: Check) -> Option<f64> {
    let mut changed: Vec<Verdicts> = talk.iter().map(|exchange| exchange.verdicts.clone()).collect();
    if check.is_helpful() {
        changed.iter_mut().find(|v| v.get(check).verdict == Answer::No)?.get_mut(check).verdict = Answer::Yes;
    } else {
        let shown = changed.iter_mut().filter(|verdicts| verdicts.is_yes(check));
        shown.for_each(|verdicts| verdicts.get_mut(check).verdict = Answer::No);
    }
    Some(grade(&changed.iter().collect::<Vec<_>>()).overall)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::session::sample;

    fn of(session: &crate::session::Session, node: u32) -> (NextTime, Grade) {
        let talk = session.path_to(Some(node));
        let now = grade(&talk.iter().map(|exchange| &exchange.verdicts).collect::<Vec<_>>());
        (next_time(&talk, &now).unwrap(), now)
    }

    #[test]
    fn harm_is_quoted_and_its_worth_is_the_grade_without_it() {
        let session = sample::session();
        let (next, now) = of(&session, 2);
        assert_eq!((next.check, next.turns.as_slice()), (Check::Blames, [2].as_slice()));
        assert_eq!(next.quote.unwrap().text, "You never answer my mails");
        assert!(next.grade.unwrap() > now.overall);
    }

    #[test]
    fn good_words_without_a_decision_have_a_way_on() {
        let told = |outcome, grade| way_on(outcome, grade, 76.6, "Dana");
        assert!(told(Outcome::Open, 100.0).unwrap().contains("Dana is at 77 of 100"));
        assert!(told(Outcome::Partly, 70.0).unwrap().starts_with("Dana agreed to a part"));
        assert_eq!((told(Outcome::Open, 69.9), told(Outcome::Agreed, 100.0)), (None, None));
    }

    #[test]
    fn a_missing_behaviour_has_no_turn_to_quote() {
        let session = sample::session();
        let (next, now) = of(&session, 4);
        assert!(next.check.is_helpful() && next.turns.is_empty() && next.quote.is_none());
        assert!(next.grade.unwrap() > now.overall);
    }
}
