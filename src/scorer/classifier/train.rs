//! Training: from labelled turns to weights, the same bytes for the same turns.

use super::super::corpus::Labelled;
use super::super::rubric::Check;
use super::super::rules::{Reading, Rules};
use super::super::verdict::Position;
use super::features;
use super::logistic::{self, Linear, Row, sigmoid};
use super::weights::{Head, Scale, Weights, mix, short};
use crate::model::ModelError;
use crate::model::encoder::Encoder;
use crate::model::encoder::train::Example;
use std::collections::{BTreeMap, BTreeSet};

/// Weighs the loss against the penalty; chosen on the folds of the training turns.
const COST: f64 = 0.1;

/// A feature of fewer turns teaches nothing that holds elsewhere.
const FEWEST_TURNS: u32 = 3;

/// Situations are dealt out to this many folds, so that no fold has seen another's matter.
const FOLDS: usize = 5;

/// Fits the weights of the features on `train` (calibrated out of fold) and their mixture with the encoder on
/// `dev`, which neither has learned from. `done` is told after each check how many are.
///
/// # Errors
/// A fault of the encoder.
pub fn train(
    train: &[Labelled],
    dev: &[Labelled],
    encoder: &Encoder,
    mut done: impl FnMut(usize),
) -> Result<Weights, ModelError> {
    let said: Vec<Vec<f32>> = dev
        .iter()
        .map(|turn| encoder.read(&turn.text, turn.context.as_deref()).map(|said| said.logits))
        .collect::<Result<_, _>>()?;
    let keyed: Vec<BTreeMap<u32, f32>> = train.iter().map(keyed).collect();
    let keys = vocabulary(&keyed);
    let index = |keyed: &BTreeMap<u32, f32>| -> Row {
        keyed
            .iter()
            .filter_map(|(key, value)| keys.binary_search(key).ok().map(|at| (at as u32, *value)))
            .collect()
    };
    let rows: Vec<Row> = keyed.iter().map(index).collect();
    let held: Vec<Row> = dev.iter().map(|turn| index(&self::keyed(turn))).collect();
    let folds = folds(train);
    let mut weights = Weights { rows: vec![[0; Check::COUNT]; keys.len()], keys, ..Weights::default() };
    for check in Check::ALL {
        let lesson = Lesson { turns: train, rows: &rows, folds: &folds, check, width: weights.keys.len() };
        let (linear, seen) = lesson.learn();
        let mut head = stored(&linear, check, &mut weights.rows);
        head.alone = scale(&seen);
        let tried = dev.iter().zip(&held).zip(&said).filter(|((turn, _), _)| applies(turn, check));
        let mixed: Vec<(f64, bool)> = tried
            .map(|((turn, row), said)| {
                let features = head.alone.logit(linear.logit(row) as f32);
                (f64::from(mix(features, said[check.index()])), turn.present.contains(&check))
            })
            .collect();
        head.mixed = scale(&mixed);
        weights.heads[check.index()] = head;
        done(check.index() + 1);
    }
    Ok(weights)
}

/// What a turn teaches the encoder: one answer a check, in the order of [`Check::ALL`].
pub fn example(turn: &Labelled) -> Example {
    let answer = |check: Check| applies(turn, check).then(|| turn.present.contains(&check));
    Example {
        text: turn.text.clone(),
        before: turn.context.clone(),
        answers: Check::ALL.into_iter().map(answer).collect(),
    }
}

/// Platt's scale of what was said, and where it divides yes from no.
fn scale(said: &[(f64, bool)]) -> Scale {
    let (slope, offset) = calibrate(said);
    let scale = Scale { slope: slope as f32, offset: offset as f32, threshold: 0.5 };
    Scale { threshold: threshold(said, &scale), ..scale }
}

fn keyed(turn: &Labelled) -> BTreeMap<u32, f32> {
    let reading = Reading::of(&turn.utterance());
    let result = Rules::judge(&reading);
    let mut keyed = BTreeMap::new();
    for seen in features::seen(&reading, &result) {
        let value = keyed.entry(short(seen.key)).or_insert(seen.value);
        *value = seen.value.max(*value);
    }
    keyed
}

/// The features of enough turns, ascending.
fn vocabulary(turns: &[BTreeMap<u32, f32>]) -> Vec<u32> {
    let mut counts: BTreeMap<u32, u32> = BTreeMap::new();
    for key in turns.iter().flat_map(BTreeMap::keys) {
        *counts.entry(*key).or_default() += 1;
    }
    counts.into_iter().filter(|&(_, count)| count >= FEWEST_TURNS).map(|(key, _)| key).collect()
}

/// The fold of every turn: situations in order of their names, dealt out in turn.
fn folds(turns: &[Labelled]) -> Vec<usize> {
    let situations: BTreeSet<&str> = turns.iter().map(|turn| turn.situation.as_str()).collect();
    let fold: BTreeMap<&str, usize> =
        situations.into_iter().enumerate().map(|(at, name)| (name, at % FOLDS)).collect();
    turns.iter().map(|turn| fold[turn.situation.as_str()]).collect()
}

/// Can the check be answered for the turn, whatever it says?
fn applies(turn: &Labelled, check: Check) -> bool {
    check != Check::Springs || turn.position == Position::Opening
}

struct Lesson<'a> {
    turns: &'a [Labelled],
    rows: &'a [Row],
    folds: &'a [usize],
    check: Check,
    width: usize,
}

impl Lesson<'_> {
    /// The model of all turns, and what models that had not seen a turn's fold say of it, with its label.
    fn learn(&self) -> (Linear, Vec<(f64, bool)>) {
        let fits = std::thread::scope(|scope| {
            let threads: Vec<_> =
                (0..=FOLDS).map(|left_out| scope.spawn(move || self.fit(left_out))).collect();
            threads.into_iter().map(|thread| thread.join().expect("a fit does not panic")).collect::<Vec<_>>()
        });
        let said = self.usable().map(|at| (fits[self.folds[at]].logit(&self.rows[at]), self.label(at)));
        (fits[FOLDS].clone(), said.collect())
    }

    fn fit(&self, left_out: usize) -> Linear {
        let used: Vec<usize> = self.usable().filter(|&at| self.folds[at] != left_out).collect();
        let rows: Vec<&Row> = used.iter().map(|&at| &self.rows[at]).collect();
        let labels: Vec<bool> = used.iter().map(|&at| self.label(at)).collect();
        logistic::fit(&rows, &labels, self.width, COST)
    }

    fn usable(&self) -> impl Iterator<Item = usize> + '_ {
        (0..self.turns.len()).filter(|&at| applies(&self.turns[at], self.check))
    }

    fn label(&self, at: usize) -> bool {
        self.turns[at].present.contains(&self.check)
    }
}

/// Stores a model's weights as small numbers and returns the head they belong to.
fn stored(linear: &Linear, check: Check, rows: &mut [[i8; Check::COUNT]]) -> Head {
    let most = linear.weights.iter().fold(0.0f64, |most, weight| most.max(weight.abs()));
    let scale = if most > 0.0 { most / 127.0 } else { 1.0 };
    for (row, weight) in rows.iter_mut().zip(&linear.weights) {
        row[check.index()] = (weight / scale).round() as i8;
    }
    Head { bias: linear.bias as f32, scale: scale as f32, ..Head::default() }
}

/// Platt's slope and offset by Newton's method with backtracking, with his softened targets (Platt 1999; Lin,
/// Lin & Weng 2007).
fn calibrate(said: &[(f64, bool)]) -> (f64, f64) {
    let present = said.iter().filter(|(_, label)| *label).count() as f64;
    let absent = said.len() as f64 - present;
    let (high, low) = ((present + 1.0) / (present + 2.0), 1.0 / (absent + 2.0));
    let target = |label: bool| if label { high } else { low };
    let loss = |slope: f64, offset: f64| -> f64 {
        let one = |&(logit, label): &(f64, bool)| {
            let z = slope * logit + offset;
            logistic::softplus(z) - target(label) * z
        };
        said.iter().map(one).sum()
    };
    let (mut slope, mut offset) = (1.0, 0.0);
    let mut least = loss(slope, offset);
    for _ in 0..50 {
        let (mut g, mut h) = ([0.0; 2], [1e-9, 0.0, 1e-9]);
        for &(logit, label) in said {
            let p = sigmoid(slope * logit + offset);
            let (gap, spread) = (p - target(label), p * (1.0 - p));
            g = [g[0] + gap * logit, g[1] + gap];
            h = [h[0] + spread * logit * logit, h[1] + spread * logit, h[2] + spread];
        }
        let determinant = h[0] * h[2] - h[1] * h[1];
        if g[0].abs().max(g[1].abs()) < 1e-9 || determinant <= 0.0 {
            break;
        }
        let toward = ((h[2] * g[0] - h[1] * g[1]) / determinant, (h[0] * g[1] - h[1] * g[0]) / determinant);
        let mut step = 1.0;
        loop {
            let (next_slope, next_offset) = (slope - step * toward.0, offset - step * toward.1);
            let next = loss(next_slope, next_offset);
            if next < least {
                (slope, offset, least) = (next_slope, next_offset, next);
                break;
            }
            step /= 2.0;
            if step < 1e-6 {
                return (slope, offset);
            }
        }
    }
    (slope, offset)
}

/// The probability from which a yes is worth it: half the best F1 that any threshold reaches, which is where
/// calibrated probabilities are divided best (Lipton, Elkan & Naryanaswamy 2014), and which hangs on single
/// turns less than the threshold that happened to reach it.
fn threshold(said: &[(f64, bool)], scale: &Scale) -> f32 {
    let mut order: Vec<(f32, bool)> =
        said.iter().map(|&(logit, label)| (scale.probability(logit as f32), label)).collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0));
    let present = order.iter().filter(|(_, label)| *label).count();
    let (mut found, mut best) = (0, 0.0f64);
    for (at, &(_, label)) in order.iter().enumerate() {
        found += usize::from(label);
        best = best.max(2.0 * found as f64 / (at + 1 + present) as f64);
    }
    (best / 2.0) as f32
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn probabilities_follow_what_was_seen() {
        let said: Vec<(f64, bool)> =
            (0..400).map(|at| (f64::from(at % 2) * 4.0 - 2.0, at % 4 == 1 || at % 8 == 3)).collect();
        let (slope, offset) = calibrate(&said);
        assert!((sigmoid(slope * 2.0 + offset) - 0.75).abs() < 0.02);
        assert!(sigmoid(offset - slope * 2.0) < 0.02);
        // Far from where the method starts, a full step would overshoot and never come back.
        let far: Vec<(f64, bool)> = (0..400).map(|at| (f64::from(at % 20) + 3.0, at % 20 > 12)).collect();
        let (slope, offset) = calibrate(&far);
        assert!(sigmoid(slope * 5.0 + offset) < 0.05 && sigmoid(slope * 21.0 + offset) > 0.95);
    }

    #[test]
    fn the_threshold_lies_between_the_classes() {
        let scale = Scale { slope: 1.0, ..Scale::default() };
        let found = threshold(&[(2.0, true), (1.0, true), (-1.0, false), (-2.0, false)], &scale);
        assert!((0.27..0.73).contains(&found), "{found}");
        let hard = threshold(&[(2.0, true), (1.0, false), (1.0, false), (-2.0, true)], &scale);
        assert!(hard < found, "{hard}");
    }
}
