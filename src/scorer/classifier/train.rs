//! Training: from labelled turns to weights, the same bytes for the same turns.

use super::super::corpus::Labelled;
use super::super::rubric::Check;
use super::super::rules::{Reading, Rules};
use super::super::verdict::Position;
use super::features;
use super::logistic::{self, Linear, Row, sigmoid};
use super::weights::{Head, Weights, short};
use std::collections::{BTreeMap, BTreeSet};

/// Weighs the loss against the penalty; chosen on the folds of the training turns.
const COST: f64 = 0.1;

/// A feature of fewer turns teaches nothing that holds elsewhere.
const FEWEST_TURNS: u32 = 3;

/// Situations are dealt out to this many folds, so that no fold has seen another's matter.
const FOLDS: usize = 5;

/// Trains on `train`; thresholds are chosen on it (out of fold) and on `dev`, which teaches nothing else.
/// `done` is told after each check how many are.
pub fn train(train: &[Labelled], dev: &[Labelled], mut done: impl FnMut(usize)) -> Weights {
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
        let (linear, mut seen) = lesson.learn();
        let head = stored(&linear, check, &mut weights.rows);
        let calibrated = calibrate(&seen);
        let tried = dev.iter().zip(&held).filter(|(turn, _)| applies(turn, check));
        seen.extend(tried.map(|(turn, row)| (linear.logit(row), turn.present.contains(&check))));
        let mut head = Head { slope: calibrated.0 as f32, offset: calibrated.1 as f32, ..head };
        head.threshold = threshold(&seen, &head);
        weights.heads[check.index()] = head;
        done(check.index() + 1);
    }
    weights
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

/// Platt's slope and offset by Newton's method, with his softened targets (Platt 1999; Lin, Lin & Weng 2007).
fn calibrate(said: &[(f64, bool)]) -> (f64, f64) {
    let present = said.iter().filter(|(_, label)| *label).count() as f64;
    let absent = said.len() as f64 - present;
    let (high, low) = ((present + 1.0) / (present + 2.0), 1.0 / (absent + 2.0));
    let (mut slope, mut offset) = (1.0, 0.0);
    for _ in 0..50 {
        let (mut g, mut h) = ([0.0; 2], [1e-9, 0.0, 1e-9]);
        for &(logit, label) in said {
            let p = sigmoid(slope * logit + offset);
            let off = p - if label { high } else { low };
            let curve = p * (1.0 - p);
            g = [g[0] + off * logit, g[1] + off];
            h = [h[0] + curve * logit * logit, h[1] + curve * logit, h[2] + curve];
        }
        let determinant = h[0] * h[2] - h[1] * h[1];
        if determinant.abs() < 1e-12 {
            break;
        }
        slope -= (h[2] * g[0] - h[1] * g[1]) / determinant;
        offset -= (h[0] * g[1] - h[1] * g[0]) / determinant;
    }
    (slope, offset)
}

/// The probability that divides yes from no with the best F1.
fn threshold(said: &[(f64, bool)], head: &Head) -> f32 {
    let mut order: Vec<(f32, bool)> =
        said.iter().map(|&(logit, label)| (head.probability(logit as f32), label)).collect();
    order.sort_by(|a, b| b.0.total_cmp(&a.0));
    let present = order.iter().filter(|(_, label)| *label).count();
    let (mut found, mut best) = (0, (0.0, 0.5));
    for (at, &(p, label)) in order.iter().enumerate() {
        found += usize::from(label);
        let f1 = 2.0 * found as f64 / (at + 1 + present) as f64;
        if f1 > best.0 {
            let next = order.get(at + 1).map_or(0.0, |next| next.0);
            best = (f1, (p + next) / 2.0);
        }
    }
    best.1
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
    }

    #[test]
    fn the_threshold_lies_between_the_classes() {
        let head = Head { slope: 1.0, ..Head::default() };
        let found = threshold(&[(2.0, true), (1.0, true), (-1.0, false), (-2.0, false)], &head);
        assert!((0.27..0.73).contains(&found), "{found}");
    }
}
