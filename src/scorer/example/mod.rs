//! A better wording of the person's own turn, from their own words.
//!
//! A turn is taken apart into sentences and clauses. What helps or is neutral stays as it was said; a
//! command becomes a choice ([`propose`]), blame an observation of the same fact ([`observe`]), and what is
//! neither understood nor harmless is left out. Around that stand a few frame sentences from
//! `prompts/example.toml`: a request for a time, a question, an offer of help. Nothing else is added, so no
//! fact is invented. Several such wordings are graded, and one is shown only where it is better by the
//! scorer's own measure: no harm that the turn did not have, and more helpful behaviours.

mod charge;
mod compose;
mod grounded;
mod observe;
mod pieces;
mod propose;
mod source;
mod stock;

use super::rubric::{Check, Check::*};
use super::verdict::{Answer, Position, Utterance, Verdicts};
use super::wording;
use compose::drafts;

/// A turn of at least so many helpful behaviours, plain questions and topics aside, is good as it is.
const GOOD_TURN: usize = 3;

/// The answer to "how could I have said it better?"
#[derive(Clone, Debug, PartialEq)]
pub enum Example {
    /// The turn is good as it is.
    Keep {
        /// What makes it so, in words.
        because: String,
    },
    /// A better wording.
    Better {
        /// The wording; safe to print, one paragraph.
        text: String,
        /// Helpful behaviours that it has and the turn had not.
        gained: Vec<Check>,
        /// Harmful behaviours that the turn had and it has not.
        dropped: Vec<Check>,
    },
    /// No better wording was found that keeps to the person's words.
    None,
}

/// A better wording of `turn`, whose verdicts are `verdicts`, in a talk about `topic` (a noun phrase in
/// lower case; may be empty). `grade` is the scorer.
pub fn example(
    turn: &Utterance<'_>,
    verdicts: &Verdicts,
    topic: &str,
    grade: &dyn Fn(&Utterance<'_>) -> Verdicts,
) -> Example {
    if verdicts.iter().all(|(_, verdict)| verdict.verdict == Answer::NotApplicable) {
        return Example::None;
    }
    if let Some(because) = good_already(turn, verdicts) {
        return Example::Keep { because };
    }
    let before = Count::of(verdicts);
    let better = drafts(turn, verdicts, topic).into_iter().filter_map(|text| {
        let after = grade(&Utterance { text: &text, ..*turn });
        is_better(verdicts, &after).then_some((text, after))
    });
    // The first of those with the least harm left: earlier drafts keep more of the person's words.
    let best = better.min_by_key(|(_, after)| Count::of(after).harms);
    match best {
        Some((text, after)) => Example::Better {
            text,
            gained: Check::ALL
                .into_iter()
                .filter(|&c| c.is_helpful() && after.is_yes(c) && !verdicts.is_yes(c))
                .collect(),
            dropped: Check::ALL
                .into_iter()
                .filter(|&c| !c.is_helpful() && verdicts.is_yes(c) && !after.is_yes(c))
                .collect(),
        },
        None if before.harms == 0 && before.helpful > 0 => Example::Keep { because: deeds(verdicts) },
        None => Example::None,
    }
}

struct Count {
    harms: usize,
    helpful: usize,
}

impl Count {
    fn of(verdicts: &Verdicts) -> Count {
        let helpful = verdicts.present().filter(|check| check.is_helpful()).count();
        Count { harms: verdicts.present().count() - helpful, helpful }
    }
}

/// No new harm, and more that helps.
fn is_better(before: &Verdicts, after: &Verdicts) -> bool {
    let new_harm = after.present().any(|check| !check.is_helpful() && !before.is_yes(check));
    !new_harm && Count::of(after).helpful > Count::of(before).helpful
}

/// Why the turn needs no better wording, where it does not.
fn good_already(turn: &Utterance<'_>, verdicts: &Verdicts) -> Option<String> {
    let yes = |check: Check| verdicts.is_yes(check);
    if verdicts.present().any(|check| !check.is_helpful()) {
        return None;
    }
    let telling =
        verdicts.present().filter(|check| !matches!(check, AsksQuestion | StatesTopic | FutureFocus)).count();
    let good = match turn.position {
        Position::Opening => (yes(AsksPermission) || yes(SchedulesAhead)) && yes(StatesTopic),
        Position::Middle => {
            telling >= GOOD_TURN || yes(OpenQuestion) && (yes(ExploresSituation) || yes(InvitesInput))
        }
        Position::Closing => telling >= 1,
    };
    good.then(|| deeds(verdicts))
}

/// The two most telling things that the turn does, in words.
fn deeds(verdicts: &Verdicts) -> String {
    const MOST_TELLING: [Check; 13] = [
        AsksPermission,
        ExploresSituation,
        OffersOptions,
        OffersHelp,
        MutualBenefit,
        Acknowledges,
        InvitesInput,
        SchedulesAhead,
        Specific,
        OpenQuestion,
        FutureFocus,
        StatesTopic,
        AsksQuestion,
    ];
    let shown = MOST_TELLING.into_iter().filter(|&check| verdicts.is_yes(check)).take(2);
    shown.map(|check| wording::of(check).did.clone()).collect::<Vec<_>>().join(", and ")
}

#[cfg(test)]
mod tests;
