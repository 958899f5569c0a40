//! How a turn moves the boss: openness and patience, from the verdicts, by the weights of
//! `prompts/boss.toml` scaled by the difficulty; and why, in words for the person.
//!
//! ```text
//! earns(c) = points(c) · gain · repeatᵏ · share      k: how often the boss has seen c before
//! costs(c) = points(c) · loss
//! ```
//!
//! `share` is 1, less in a clumsy turn, 0 in one that blames, presses, insults or speaks to a program, and 0 for the
//! recognition in flattery. Near 0 and 100 both shrink in proportion to the room that is left, so that
//! a more receptive boss always stays ahead of a less receptive one. The sum is capped.

use super::phrases::Phrases;
use super::safety::{Abuse, why_abusive, why_strange};
use super::state::{BossState, Move};
use super::tone::{Tone, harms};
use crate::scenario::{Difficulty, Pronoun};
use crate::scorer::rubric::Check;
use crate::scorer::verdict::Verdicts;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Weights {
    repeat: f64,
    soft: f64,
    clumsy: f64,
    mends: f64,
    helpful: BTreeMap<Check, Weight>,
    harmful: BTreeMap<Check, Weight>,
    empty: Empty,
    pub(super) phrases: Words,
}

impl Weights {
    /// Openness points of one check before scaling; below 0 where it costs.
    #[cfg(test)]
    pub(super) fn points(&self, check: Check) -> Option<f64> {
        let helpful = self.helpful.get(&check).map(|weight| weight.points);
        helpful.or_else(|| self.harmful.get(&check).map(|weight| -weight.points))
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Weight {
    points: f64,
    why: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Empty {
    flattery: String,
    pressure: String,
    idle: String,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Words {
    /// What a question about the boss's own situation speaks of.
    pub(super) situation: Phrases,
    /// What a question about what the boss would need speaks of.
    pub(super) need: Phrases,
    pub(super) flattery: Phrases,
    pub(super) pressure: Phrases,
}

pub(super) static WEIGHTS: LazyLock<Weights> = LazyLock::new(|| {
    crate::text::data::from_toml(include_str!("../../prompts/boss.toml"))
        .expect("prompts/boss.toml is read by a test")
});

/// From this many turns in a row without anything to take up, patience falls.
const IDLE_RUN: u32 = 2;

/// Moves `state` by one turn.
pub fn moved(
    state: &mut BossState,
    verdicts: &Verdicts,
    difficulty: &Difficulty,
    tone: Tone,
    pronoun: Pronoun,
) -> Move {
    let from = state.openness;
    let share = share(verdicts, tone);
    let mut reasons: Vec<(f64, String)> = Vec::new();
    for check in verdicts.present() {
        let points = if check.is_helpful() {
            let share = if check == Check::Acknowledges && tone.flatters { 0.0 } else { share };
            let seen = state.earned.get(&check).copied().unwrap_or(0);
            WEIGHTS.helpful[&check].points * difficulty.gain * WEIGHTS.repeat.powi(seen as i32) * share
        } else {
            -WEIGHTS.harmful[&check].points * difficulty.loss
        };
        let points = softened(points, from);
        if points != 0.0 {
            reasons.push((points, reason(check, points, state, pronoun)));
        }
    }
    if share == 1.0 {
        remember(state, verdicts, tone);
    }
    if tone.abuse != Abuse::None && !verdicts.is_yes(Check::Heated) {
        let points = softened(-WEIGHTS.harmful[&Check::Heated].points * difficulty.loss, from);
        reasons.push((points, format!("{}: {}", why_abusive(), signed(points))));
    }
    let sum: f64 = reasons.iter().map(|(points, _)| points).sum();
    // A turn takes no more than half of the room, up or down: nobody is won or lost for good at once.
    let step = sum.clamp(-difficulty.cap.min(from / 2.0), difficulty.cap.min((100.0 - from) / 2.0));
    // Two decimals are all a person or a program can use, and they print as they are.
    state.openness = ((from + step) * 100.0).round() / 100.0;
    reasons.sort_by(|a, b| b.0.abs().total_cmp(&a.0.abs()));
    let mut why: Vec<String> = reasons.into_iter().map(|(_, reason)| reason).collect();
    if step != sum {
        why.push(format!("in one turn at most {}", signed(step)));
    }
    why.extend(empty_words(tone, share, pronoun));
    why.extend(lose_patience(state, verdicts, tone, sum, difficulty));
    Move { from, to: state.openness, why }
}

/// The share of what helpful behaviours earn that a turn of this tone leaves them.
fn share(verdicts: &Verdicts, tone: Tone) -> f64 {
    let yes = |check| verdicts.is_yes(check);
    if yes(Check::Heated) || yes(Check::Blames) || tone.presses || tone.strange || tone.abuse != Abuse::None {
        0.0
    } else if yes(Check::Prescribes) || yes(Check::Overloads) {
        WEIGHTS.clumsy
    } else {
        1.0
    }
}

/// Less and less near the ends of the scale.
fn softened(points: f64, openness: f64) -> f64 {
    let room = if points > 0.0 { 100.0 - openness } else { openness };
    points * (room / WEIGHTS.soft).clamp(0.0, 1.0)
}

fn reason(check: Check, points: f64, state: &BossState, pronoun: Pronoun) -> String {
    let weight = WEIGHTS.helpful.get(&check).unwrap_or_else(|| &WEIGHTS.harmful[&check]);
    let again = if check.is_helpful() && state.earned.contains_key(&check) { ", again" } else { "" };
    format!("{}{again}: {}", pronoun.fill(&weight.why), signed(points))
}

/// "+6", "-12", "+0.4": whole where it is one or more.
fn signed(points: f64) -> String {
    if points.abs() < 1.0 { format!("{points:+.1}") } else { format!("{points:+.0}") }
}

fn remember(state: &mut BossState, verdicts: &Verdicts, tone: Tone) {
    for check in verdicts.present().filter(|check| check.is_helpful()) {
        if !(check == Check::Acknowledges && tone.flatters) {
            *state.earned.entry(check).or_default() += 1;
        }
    }
}

fn empty_words(tone: Tone, share: f64, pronoun: Pronoun) -> Option<String> {
    let empty = &WEIGHTS.empty;
    if tone.strange {
        Some(pronoun.fill(why_strange()))
    } else if tone.flatters {
        Some(empty.flattery.clone())
    } else if tone.presses && share == 0.0 {
        Some(empty.pressure.clone())
    } else if tone.idle {
        Some(pronoun.fill(&empty.idle))
    } else {
        None
    }
}

/// Patience falls with poor treatment, twice for a heated turn, and with turns that go nowhere; a good
/// turn mends one.
fn lose_patience(
    state: &mut BossState,
    verdicts: &Verdicts,
    tone: Tone,
    sum: f64,
    difficulty: &Difficulty,
) -> Option<String> {
    state.idle = if tone.idle { state.idle.saturating_add(1) } else { 0 };
    let before = state.patience;
    if tone.abuse == Abuse::Threat {
        state.patience = 0;
    } else if verdicts.is_yes(Check::Heated) || tone.abuse == Abuse::Insult {
        state.patience = before.saturating_sub(2);
    } else if harms(verdicts) || tone.presses || tone.strange || state.idle >= IDLE_RUN {
        state.patience = before.saturating_sub(1);
    } else if sum >= WEIGHTS.mends * difficulty.gain {
        state.patience = before.saturating_add(1).min(difficulty.patience);
    }
    let left = match state.patience {
        0 => "none left".to_owned(),
        1 => "1 turn left".to_owned(),
        turns => format!("{turns} turns left"),
    };
    (state.patience < before).then(|| format!("patience: {left}"))
}
