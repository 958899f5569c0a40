//! The one thing to do differently next time: the single change that would have raised the grade most.
//!
//! The grade is a pure function of the verdicts, so the gain of a change is not estimated: the talk is
//! graded again without a harmful behaviour, or with a missing helpful one shown once.

use super::words;
use crate::scorer::grade::{Grade, grade};
use crate::scorer::rubric::Check;
use crate::scorer::verdict::{Answer, Span, Verdicts};
use crate::session::Exchange;
use serde::Serialize;

/// How much more a harmful behaviour weighs than its points: one that stays in costs trust that no
/// added behaviour buys back.
const HARM_FIRST: f64 = 2.0;

/// A change that adds less than this, in points of the overall grade, is not worth a sentence.
const WORTHWHILE: f64 = 0.5;

/// The one thing to do differently.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct NextTime {
    /// Which behaviour to leave out or to add.
    pub check: Check,
    /// What to do, in words for the person.
    pub advice: String,
    /// The turns that showed a harmful one; empty for a helpful one.
    pub turns: Vec<u32>,
    /// The first words that showed it, cut from the first of `turns`.
    pub quote: Option<Span>,
    /// The overall grade with that change, 0 to 100.
    pub grade: f64,
}

/// The change that would have raised the grade of `talk` most; none where nothing is left to gain.
pub fn next_time(talk: &[&Exchange], now: &Grade) -> Option<NextTime> {
    let verdicts: Vec<&Verdicts> = talk.iter().map(|exchange| &exchange.verdicts).collect();
    let gains = Check::ALL.into_iter().filter_map(|check| {
        let changed = changed(&verdicts, check)?;
        let then = grade(&changed.iter().collect::<Vec<_>>()).overall;
        let gain = then - now.overall;
        let weight = if check.is_helpful() { 1.0 } else { HARM_FIRST };
        (gain >= WORTHWHILE).then_some((gain * weight, check, then))
    });
    // The first of equals, in the rubric's order.
    let (_, check, then) = gains.fold(None, |best: Option<(f64, Check, f64)>, gain| match best {
        Some(best) if best.0 >= gain.0 => Some(best),
        _ => Some(gain),
    })?;
    let shown: Vec<&&Exchange> = match check.is_helpful() {
        true => Vec::new(),
        false => talk.iter().filter(|exchange| exchange.verdicts.is_yes(check)).collect(),
    };
    let quote = shown.first().and_then(|exchange| exchange.verdicts.get(check).evidence.first());
    Some(NextTime {
        check,
        advice: words::advice(check),
        turns: shown.iter().map(|exchange| exchange.turn).collect(),
        quote: quote.cloned(),
        grade: then,
    })
}

/// The verdicts without a harmful check, or with a helpful one shown once more; none where that is
/// impossible.
fn changed(verdicts: &[&Verdicts], check: Check) -> Option<Vec<Verdicts>> {
    let mut changed: Vec<Verdicts> = verdicts.iter().map(|&verdicts| verdicts.clone()).collect();
    if check.is_helpful() {
        changed.iter_mut().find(|v| v.get(check).verdict == Answer::No)?.get_mut(check).verdict = Answer::Yes;
    } else {
        let shown = changed.iter_mut().filter(|verdicts| verdicts.is_yes(check));
        shown.for_each(|verdicts| verdicts.get_mut(check).verdict = Answer::No);
    }
    Some(changed)
}
