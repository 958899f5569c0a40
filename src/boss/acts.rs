//! The choice of act: a seeded draw from the table in `prompts/acts.toml`, bent by what the boss may do
//! and by the acts already used.

use super::draw::Draw;
use super::state::{Act, BossState, Mood};
use super::tone::{Stimulus, proposes};
use crate::scenario::Difficulty;
use crate::scorer::rubric::Check;
use crate::scorer::verdict::Verdicts;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

type Weights = BTreeMap<Act, f64>;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Table {
    again: Again,
    jump: Jump,
    whole: Whole,
    /// Factors for a turn that asks something, which wants an answer.
    asked: Weights,
    /// The same for an open question.
    asked_openly: Weights,
    /// The same for a question that proposes nothing.
    asked_only: Weights,
    draw: BTreeMap<Stimulus, BTreeMap<Mood, Weights>>,
    settled: Weights,
    settled_asked: Weights,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Again {
    last: f64,
    before_last: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Jump {
    free: usize,
    step: f64,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Whole {
    margin: f64,
    hesitates: f64,
    then_part: f64,
}

static TABLE: LazyLock<Table> = LazyLock::new(|| {
    crate::text::data::from_toml(include_str!("../../prompts/acts.toml"))
        .expect("prompts/acts.toml is read by a test")
});

/// How likely each act is, as weights. `state` has been moved by the turn and holds what it put on the table.
pub fn distribution(
    state: &BossState,
    difficulty: &Difficulty,
    verdicts: &Verdicts,
    stimulus: Stimulus,
) -> Vec<(Act, f64)> {
    if state.patience == 0 {
        return vec![(Act::EndsTalk, 1.0)];
    }
    let hostile = matches!(stimulus, Stimulus::Attack | Stimulus::Push | Stimulus::Strange);
    let gate = state.may_concede(difficulty) && !hostile;
    let proposes = proposes(verdicts);
    let settled = state.acts.contains(&Act::AgreesAndCommits) && gate && !proposes;
    let asks = verdicts.is_yes(Check::AsksQuestion) || verdicts.is_yes(Check::OpenQuestion);
    let row = match settled {
        true if asks => &TABLE.settled_asked,
        true => &TABLE.settled,
        false => &TABLE.draw[&stimulus][&state.mood(difficulty)],
    };
    let whole = state.acts.iter().any(|act| act.concedes())
        || state.openness >= (difficulty.threshold + TABLE.whole.margin).min(100.0);
    // Just over the line, the boss still weighs it.
    let weighed =
        |act: Act| if act == Act::Considers && gate && !whole { TABLE.whole.hesitates } else { 1.0 };
    let allowed = |act: Act| {
        let table_laid = settled || !state.laid.is_empty();
        !act.concedes() || (gate && table_laid && (act == Act::ConcedesPart || whole))
    };
    let factor = |table: &Weights, holds: bool, act: Act| match holds {
        true => table.get(&act).copied().unwrap_or(1.0),
        false => 1.0,
    };
    let asked = |act: Act| {
        factor(&TABLE.asked, asks, act)
            * factor(&TABLE.asked_openly, verdicts.is_yes(Check::OpenQuestion), act)
            * factor(&TABLE.asked_only, asks && !proposes, act)
    };
    row.iter()
        .filter(|(act, _)| allowed(**act))
        .map(|(&act, &weight)| (act, weight * asked(act) * weighed(act) * bent(act, &state.acts, hostile)))
        .collect()
}

/// Draws the act.
pub fn choose(
    state: &BossState,
    difficulty: &Difficulty,
    verdicts: &Verdicts,
    stimulus: Stimulus,
    draw: &mut Draw,
) -> Act {
    // Every row names an act that needs no leave, so the draw is never empty: a test reads the table.
    draw.weighted(&distribution(state, difficulty, verdicts, stimulus)).unwrap_or(Act::Deflects)
}

/// Neither loops nor jumps: less for what was just done, and for what lies far from it. After an attack
/// the boss may well jump.
fn bent(act: Act, before: &[Act], hostile: bool) -> f64 {
    // Who has agreed does not go back to half of it.
    let stepped_back = act == Act::ConcedesPart && before.contains(&Act::AgreesAndCommits);
    let mut back = before.iter().rev();
    let (last, before_last) = (back.next(), back.next());
    let mut factor = if stepped_back { TABLE.whole.then_part } else { 1.0 };
    if let Some(&last) = last {
        if last == act {
            factor *= TABLE.again.last;
        }
        let far = last.warmth().abs_diff(act.warmth()).saturating_sub(TABLE.jump.free);
        if !hostile && last != Act::Greets {
            factor *= TABLE.jump.step.powi(far as i32);
        }
    }
    if before_last == Some(&act) {
        factor *= TABLE.again.before_last;
    }
    factor
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boss::draw::Purpose;
    use crate::scenario::Library;

    #[test]
    fn the_table_is_whole_and_every_row_has_an_act_that_needs_no_leave() {
        for stimulus in Stimulus::ALL {
            for mood in Mood::ALL {
                let row = TABLE.draw.get(&stimulus).and_then(|rows| rows.get(&mood));
                let row = row.unwrap_or_else(|| panic!("{stimulus:?} {mood:?} has no row"));
                assert!(row.iter().any(|(act, weight)| !act.concedes() && *weight > 0.0));
                assert!(row.keys().all(|act| !matches!(act, Act::EndsTalk | Act::Greets)));
                let concedes = row.keys().any(|act| act.concedes());
                assert!(!concedes || mood == Mood::Open, "{stimulus:?} {mood:?} concedes");
            }
        }
    }

    fn state(openness: f64) -> BossState {
        use crate::scorer::rubric::Check::*;
        let checks = [SchedulesAhead, OffersHelp, Specific, Acknowledges, ExploresSituation, StatesTopic];
        BossState {
            openness,
            patience: 3,
            earned: checks.into_iter().map(|check| (check, 1)).collect(),
            laid: vec!["send you one page on Thursday".to_owned()],
            ..BossState::default()
        }
    }

    fn drawn(state: &BossState, stimulus: Stimulus) -> Vec<Act> {
        let library = Library::embedded();
        let guarded = library.get("guarded").unwrap();
        let verdicts = Verdicts::default();
        (0..400)
            .map(|seed| choose(state, guarded, &verdicts, stimulus, &mut Draw::new(seed, 1, Purpose::Act)))
            .collect()
    }

    #[test]
    fn never_concedes_unless_the_gate_is_open_and_something_is_on_the_table() {
        for stimulus in Stimulus::ALL {
            let mut unearned = state(100.0);
            unearned.earned.pop_last();
            unearned.earned.pop_last();
            unearned.earned.pop_last();
            let mut bare = state(100.0);
            bare.laid.clear();
            for state in [state(40.0), unearned, bare] {
                assert!(drawn(&state, stimulus).iter().all(|act| !act.concedes()), "{stimulus:?}");
            }
        }
    }

    #[test]
    fn concedes_to_a_proposal_once_it_may_and_never_to_an_attack() {
        let acts = drawn(&state(90.0), Stimulus::Propose);
        assert!(acts.iter().filter(|act| act.concedes()).count() > 350);
        for stimulus in [Stimulus::Attack, Stimulus::Push, Stimulus::Strange] {
            assert!(drawn(&state(90.0), stimulus).iter().all(|act| !act.concedes()));
        }
    }

    #[test]
    fn out_of_patience_the_boss_ends_the_talk_and_only_then() {
        let mut gone = state(50.0);
        gone.patience = 0;
        assert!(drawn(&gone, Stimulus::Ask).iter().all(|&act| act == Act::EndsTalk));
        assert!(drawn(&state(10.0), Stimulus::Attack).iter().all(|&act| act != Act::EndsTalk));
    }

    #[test]
    fn an_open_question_is_answered_rather_than_granted() {
        use crate::scorer::verdict::Answer;
        let library = Library::embedded();
        let share = |verdicts: &Verdicts| {
            let acts =
                distribution(&state(50.0), library.get("guarded").unwrap(), verdicts, Stimulus::Acknowledge);
            let of = |wanted: Option<Act>| -> f64 {
                acts.iter()
                    .filter(|(act, _)| wanted.is_none_or(|wanted| wanted == *act))
                    .map(|act| act.1)
                    .sum()
            };
            of(Some(Act::Acknowledges)) / of(None)
        };
        let mut asks = Verdicts::default();
        asks.get_mut(Check::OpenQuestion).verdict = Answer::Yes;
        assert!(share(&asks) < 0.02 && share(&Verdicts::default()) > 0.1);
    }

    #[test]
    fn the_last_act_is_seldom_repeated() {
        let mut again = state(30.0);
        let count =
            |state: &BossState, act| drawn(state, Stimulus::State).iter().filter(|&&a| a == act).count();
        let before = count(&again, Act::AsksForSpecifics);
        again.acts = vec![Act::AsksForSpecifics];
        assert!(count(&again, Act::AsksForSpecifics) * 2 < before);
    }
}
