//! Trials of the boss: fixed scripts said to it at every difficulty, and what is measured on the talks.
//!
//! ```text
//! script      what the person says, from `tests/corpus/scripts.toml`
//! cell        one talk to be had: script, boss, difficulty, seed, model
//! play        has it
//! figures     what a set of talks shows
//! told_apart  can the bosses be told apart by their lines alone?
//! choice      lines that were drawn and read, against the choice among them
//! labelled    replies labelled by hand, against the checks of the gate
//! ```

pub mod cell;
pub mod choice;
pub mod figures;
pub mod labelled;
pub mod play;
pub mod script;
pub mod told_apart;

/// Spearman's rank correlation of pairs: 1 where they rise together, with mean ranks for ties. 0 for
/// fewer than two pairs, or where one side does not vary.
pub fn spearman(pairs: &[(f64, f64)]) -> f64 {
    let left = ranks(pairs.iter().map(|pair| pair.0).collect());
    let right = ranks(pairs.iter().map(|pair| pair.1).collect());
    let mean = (pairs.len() as f64 + 1.0) / 2.0;
    let sum = |f: &dyn Fn(usize) -> f64| (0..pairs.len()).map(f).sum::<f64>();
    let covariance = sum(&|at| (left[at] - mean) * (right[at] - mean));
    let variances = sum(&|at| (left[at] - mean).powi(2)) * sum(&|at| (right[at] - mean).powi(2));
    if variances > 0.0 { covariance / variances.sqrt() } else { 0.0 }
}

fn ranks(values: Vec<f64>) -> Vec<f64> {
    let rank = |value: f64| {
        let below = values.iter().filter(|other| **other < value).count() as f64;
        let equal = values.iter().filter(|other| **other == value).count() as f64;
        below + (equal + 1.0) / 2.0
    };
    values.iter().map(|value| rank(*value)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn ranks_rise_together_or_not() {
        assert_eq!(spearman(&[(1.0, 10.0), (2.0, 20.0), (3.0, 25.0)]), 1.0);
        assert_eq!(spearman(&[(1.0, 3.0), (2.0, 2.0), (3.0, 1.0)]), -1.0);
        // Two ties on the right: 0.866, as SciPy's `spearmanr` has it.
        assert!((spearman(&[(1.0, 1.0), (2.0, 1.0), (3.0, 2.0)]) - 0.8660).abs() < 1e-4);
        assert_eq!(spearman(&[(1.0, 1.0), (2.0, 1.0)]), 0.0);
    }
}
