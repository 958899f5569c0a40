//! The classifier: a linear model over a turn's sparse features, with calibrated probabilities and evidence.

mod evidence;
pub mod features;
mod logistic;
pub mod train;
pub mod weights;

use super::rubric::Check;
use super::rules::{Reading, RuleResult};
use features::Seen;
use std::ops::Range;
use std::sync::LazyLock;
use weights::{Weights, short};

static SHIPPED: LazyLock<Classifier> = LazyLock::new(|| {
    let weights = Weights::from_bytes(include_bytes!("weights.bin"));
    Classifier { weights: weights.expect("a test reads the shipped weights") }
});

/// A trained classifier.
#[derive(Clone, Debug, Default)]
pub struct Classifier {
    weights: Weights,
}

/// What the classifier holds of one turn.
#[derive(Debug)]
pub struct Opinion<'a> {
    classifier: &'a Classifier,
    /// The known features in the order they were seen, each with its place in the vocabulary.
    known: Vec<(usize, Seen)>,
    sums: [f32; Check::COUNT],
}

impl Classifier {
    /// The classifier that comes with the program.
    pub fn shipped() -> &'static Classifier {
        &SHIPPED
    }

    /// A classifier of other weights.
    pub fn of(weights: Weights) -> Classifier {
        Classifier { weights }
    }

    /// Judges a turn that has been read and that the rules have judged.
    pub fn judge(&self, reading: &Reading<'_>, result: &RuleResult) -> Opinion<'_> {
        let mut known: Vec<(usize, Seen)> = features::seen(reading, result)
            .into_iter()
            .filter_map(|seen| self.weights.find(short(seen.key)).map(|row| (row, seen)))
            .collect();
        known.sort_by(|(a, first), (b, second)| a.cmp(b).then(second.value.total_cmp(&first.value)));
        let mut sums = self.weights.heads.map(|head| head.bias);
        let mut last = None;
        for (row, seen) in &known {
            if last != Some(*row) {
                for check in Check::ALL {
                    sums[check.index()] += self.weights.weight(*row, check) * seen.value;
                }
            }
            last = Some(*row);
        }
        Opinion { classifier: self, known, sums }
    }
}

impl Opinion<'_> {
    /// The calibrated probability that the behaviour is present.
    pub fn probability(&self, check: Check) -> f32 {
        self.classifier.weights.heads[check.index()].probability(self.sums[check.index()])
    }

    /// Is it probable enough for a yes?
    pub fn is_yes(&self, check: Check) -> bool {
        self.probability(check) >= self.classifier.weights.heads[check.index()].threshold
    }

    /// The words that speak most for the behaviour, as bytes of the turn; none only where it has no words.
    pub fn evidence(&self, check: Check, reading: &Reading<'_>) -> Option<Range<usize>> {
        let pulls = self.known.iter().map(|(row, seen)| {
            (seen.words.clone(), self.classifier.weights.weight(*row, check) * seen.value)
        });
        evidence::strongest(reading, pulls)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_weights_can_be_read() {
        assert!(Classifier::shipped().weights.keys.is_sorted());
        assert_eq!(Classifier::shipped().weights.keys.len(), Classifier::shipped().weights.rows.len());
    }
}
