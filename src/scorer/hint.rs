//! What to try next in a talk, without giving the words.

use super::rubric::{Check, Check::*};
use super::verdict::Verdicts;
use super::wording;
use serde::Serialize;

/// What the boss's last reply did, as far as it matters for the next step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cue {
    /// Brushed it off, changed the subject, or pushed back.
    Refused,
    /// Doubted why the person brings it up.
    DoubtedMotive,
    /// Wanted to know what exactly.
    WantedSpecifics,
    /// Told something of their own side.
    SharedConstraint,
    /// Began to come round.
    Softened,
    /// Agreed, wholly or in part.
    Agreed,
}

/// What to try next.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Hint {
    /// The behaviour to try; none where the talk has all it needs.
    pub check: Option<Check>,
    /// The hint.
    pub text: &'static str,
    /// The article's section, where there is a behaviour to try.
    pub section: Option<&'static str>,
}

const TO_CLOSE: &str = "You have what you came for. Say back in one sentence what you both agreed on and by when, \
                        and leave it there.";
const TO_LISTEN: &str = "You have done what a coach would. Listen to the answer, stay with what your boss says, and \
                         let them take the next step.";

/// The hint for the turn after `turns` (oldest first), given what the boss's last reply did, where known,
/// and how open the boss is (0 to 100), where known.
pub fn hint(turns: &[&Verdicts], cue: Option<Cue>, openness: Option<f64>) -> Hint {
    match next(turns, cue, openness) {
        Some(check) => {
            let text = wording::of(check).hint.as_str();
            Hint { check: Some(check), text, section: Some(check.section()) }
        }
        None if cue == Some(Cue::Agreed) => Hint { check: None, text: TO_CLOSE, section: None },
        None => Hint { check: None, text: TO_LISTEN, section: None },
    }
}

/// The behaviour that would help most in the next turn.
fn next(turns: &[&Verdicts], cue: Option<Cue>, openness: Option<f64>) -> Option<Check> {
    let times = |check: Check| turns.iter().filter(|verdicts| verdicts.is_yes(check)).count();
    let ever = |check: Check| times(check) > 0;
    let Some(last) = turns.last() else { return Some(AsksPermission) };
    // What has just done harm comes before anything new.
    if let Some(harm) = [Heated, Blames, Overloads, Prescribes].into_iter().find(|&check| last.is_yes(check))
    {
        return Some(harm);
    }
    let cold = openness.is_some_and(|openness| openness < 25.0);
    let permitted = ever(AsksPermission) || ever(SchedulesAhead);
    let answer_to_boss = match cue {
        Some(Cue::Agreed) => return (!ever(Specific)).then_some(Specific),
        Some(Cue::WantedSpecifics) if !ever(StatesTopic) => Some(StatesTopic),
        Some(Cue::WantedSpecifics) => Some(Specific),
        Some(Cue::DoubtedMotive) => Some(MutualBenefit),
        Some(Cue::SharedConstraint) if !last.is_yes(Acknowledges) => Some(Acknowledges),
        Some(Cue::Refused) if turns.len() == 1 && permitted && !ever(SchedulesAhead) => Some(SchedulesAhead),
        Some(Cue::Refused) if !permitted => Some(AsksPermission),
        Some(Cue::Refused) if times(Acknowledges) < 2 && !last.is_yes(Acknowledges) => Some(Acknowledges),
        _ => None,
    };
    // What answers the boss, and then the talk's own order: each step prepares the one after it.
    let order = [
        (!permitted, AsksPermission),
        (!ever(StatesTopic), StatesTopic),
        (!ever(ExploresSituation), ExploresSituation),
        (!ever(Acknowledges), Acknowledges),
        (cold && times(ExploresSituation) < 2, ExploresSituation),
        (!ever(OpenQuestion), OpenQuestion),
        (!ever(OffersOptions), OffersOptions),
        (!ever(Specific), Specific),
        (!ever(OffersHelp), OffersHelp),
        (!ever(InvitesInput), InvitesInput),
        (!ever(MutualBenefit), MutualBenefit),
        (!ever(FutureFocus), FutureFocus),
    ];
    answer_to_boss.or_else(|| order.into_iter().find(|(missing, _)| *missing).map(|(_, check)| check))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scorer::verdict::Answer;

    fn turn(present: &[Check]) -> Verdicts {
        let mut verdicts = Verdicts::default();
        present.iter().for_each(|&check| verdicts.get_mut(check).verdict = Answer::Yes);
        verdicts
    }

    #[test]
    fn a_talk_that_follows_the_hints_gets_every_step_once_and_in_order() {
        let mut turns: Vec<Verdicts> = Vec::new();
        let mut tried = Vec::new();
        while let Some(check) = hint(&turns.iter().collect::<Vec<_>>(), None, None).check {
            assert!(!tried.contains(&check), "{check} twice");
            tried.push(check);
            turns.push(turn(&[check]));
        }
        assert_eq!(tried[..4], [AsksPermission, StatesTopic, ExploresSituation, Acknowledges]);
        let place = |check| tried.iter().position(|&tried| tried == check).unwrap();
        assert!(place(ExploresSituation) < place(OffersOptions) && place(OffersOptions) < place(Specific));
    }

    #[test]
    fn harm_and_the_boss_come_first() {
        let asked = turn(&[AsksPermission, StatesTopic]);
        let blamed = turn(&[Blames, ExploresSituation]);
        assert_eq!(hint(&[&asked, &blamed], Some(Cue::Refused), None).check, Some(Blames));
        assert_eq!(hint(&[&asked], Some(Cue::Refused), None).check, Some(SchedulesAhead));
        assert_eq!(hint(&[&asked, &asked], Some(Cue::SharedConstraint), None).check, Some(Acknowledges));
        assert_eq!(hint(&[&asked], Some(Cue::DoubtedMotive), None).check, Some(MutualBenefit));
    }

    #[test]
    fn an_agreement_is_pinned_down_and_then_left_alone() {
        let talk = turn(&[AsksPermission, OffersOptions]);
        assert_eq!(hint(&[&talk], Some(Cue::Agreed), None).check, Some(Specific));
        let day = turn(&[Specific]);
        assert_eq!(hint(&[&talk, &day], Some(Cue::Agreed), None).text, TO_CLOSE);
    }

    #[test]
    fn a_hint_never_gives_the_words() {
        for check in Check::ALL {
            let text = &wording::of(check).hint;
            // "something" is quoted as what not to say.
            let quoted = text.replace("“something”", "");
            assert!(!quoted.contains(['“', '"', '‘']), "{check}: {text}");
        }
    }
}
