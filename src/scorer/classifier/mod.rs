//! The classifier: a linear model over a turn's sparse features and a fine-tuned sentence encoder, mixed into
//! calibrated probabilities, with evidence.

mod evidence;
pub mod features;
mod logistic;
pub mod train;
pub mod weights;

use super::rubric::Check;
use super::rules::{Reading, RuleResult};
use super::verdict::Utterance;
use crate::model::encoder::{Encoder, Said};
use features::Seen;
use std::ops::Range;
use std::sync::LazyLock;
use weights::{Scale, Weights, mix, short};

static WEIGHTS: LazyLock<Weights> = LazyLock::new(|| {
    Weights::from_bytes(include_bytes!("weights.bin")).expect("a test reads the shipped weights")
});

static SHIPPED: LazyLock<Classifier> = LazyLock::new(|| {
    let encoder = Encoder::from_bytes(include_bytes!("encoder.gguf"));
    Classifier { weights: &WEIGHTS, encoder: Some(encoder.expect("a test reads the shipped encoder")) }
});

static FEATURES_ONLY: LazyLock<Classifier> =
    LazyLock::new(|| Classifier { weights: &WEIGHTS, encoder: None });

/// A trained classifier.
#[derive(Clone, Debug)]
pub struct Classifier {
    weights: &'static Weights,
    encoder: Option<Encoder>,
}

/// What the classifier holds of one turn.
#[derive(Debug)]
pub struct Opinion<'a> {
    classifier: &'a Classifier,
    /// The known features in the order they were seen, each with its place in the vocabulary.
    known: Vec<(usize, Seen)>,
    /// The features' weights, summed.
    sums: [f32; Check::COUNT],
    /// What the encoder says, where there is one.
    said: Option<Said>,
}

impl Classifier {
    /// The classifier that comes with the program.
    pub fn shipped() -> &'static Classifier {
        &SHIPPED
    }

    /// The shipped classifier without its encoder, to measure what the encoder adds.
    pub fn features_only() -> &'static Classifier {
        &FEATURES_ONLY
    }

    /// Its encoder, where it has one: other encoders of the same start share its vocabulary.
    pub fn encoder(&self) -> Option<&Encoder> {
        self.encoder.as_ref()
    }

    /// Judges a turn that has been read and that the rules have judged.
    pub fn judge(
        &self,
        utterance: &Utterance<'_>,
        reading: &Reading<'_>,
        result: &RuleResult,
    ) -> Opinion<'_> {
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
        // A turn that the encoder can't read (there is none known) is still answered by its features.
        let said =
            self.encoder.as_ref().and_then(|encoder| encoder.read(utterance.text, utterance.context).ok());
        Opinion { classifier: self, known, sums, said }
    }
}

impl Opinion<'_> {
    /// The number that a check's answer hangs on, and the scale that turns it into one.
    fn number(&self, check: Check) -> (f32, Scale) {
        let head = self.classifier.weights.heads[check.index()];
        let sum = self.sums[check.index()];
        match &self.said {
            Some(said) => (mix(head.alone.logit(sum), said.logits[check.index()]), head.mixed),
            None => (sum, head.alone),
        }
    }

    /// The calibrated probability that the behaviour is present.
    pub fn probability(&self, check: Check) -> f32 {
        let (number, scale) = self.number(check);
        scale.probability(number)
    }

    /// Is it probable enough for a yes?
    pub fn is_yes(&self, check: Check) -> bool {
        self.probability(check) >= self.number(check).1.threshold
    }

    /// The words that speak most for the behaviour, as bytes of the turn; none only where it has no words.
    pub fn evidence(&self, check: Check, reading: &Reading<'_>) -> Option<Range<usize>> {
        match &self.said {
            Some(said) => evidence::strongest(reading, words_of(reading, said, check)),
            None => {
                let pulls = self.known.iter().map(|(row, seen)| {
                    (seen.words.clone(), self.classifier.weights.weight(*row, check) * seen.value)
                });
                evidence::strongest(reading, pulls)
            }
        }
    }
}

/// What each word adds to a check's answer: the sum of its pieces.
fn words_of(reading: &Reading<'_>, said: &Said, check: Check) -> impl Iterator<Item = (Range<usize>, f32)> {
    let words = &reading.parsed.words;
    said.pulls.iter().filter_map(move |(bytes, pulls)| {
        let after = words.partition_point(|word| word.end <= bytes.start);
        words.get(after).filter(|word| word.start < bytes.end)?;
        Some((after..after + 1, pulls[check.index()]))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_weights_can_be_read() {
        assert!(Classifier::shipped().weights.keys.is_sorted());
        assert_eq!(Classifier::shipped().weights.keys.len(), Classifier::shipped().weights.rows.len());
        let labels = Classifier::shipped().encoder.as_ref().unwrap().labels();
        assert!(labels.iter().map(String::as_str).eq(Check::ALL.into_iter().map(Check::id)));
    }
}
