//! Candidates labelled by hand, against the critic that chooses among them.

use crate::boss::critic::Critic;
use crate::boss::critic::labelled::{Label, Moment};
use crate::model::ModelError;
use std::collections::BTreeMap;

/// What the choice among the candidates of one model comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Choice {
    /// Moments.
    pub moments: usize,
    /// Candidates.
    pub lines: usize,
    /// … in which a demanding reader finds nothing wrong.
    pub good: usize,
    /// Moments whose candidates are not all good and not all bad, so that there is something to choose.
    pub open: usize,
    /// Of those, the good lines that blind choice would bring, on average.
    pub blind: f64,
    /// … that the critic brings.
    pub critic: usize,
    /// The chance that the critic puts a good line before a bad one, over all moments (area under the ROC curve).
    pub auc: f64,
}

/// Has the critic choose, model by model.
///
/// # Errors
/// A fault of the critic's encoder.
pub fn choices(moments: &[Moment], critic: &Critic) -> Result<BTreeMap<String, Choice>, ModelError> {
    let mut choices: BTreeMap<String, (Choice, Vec<(f64, bool)>)> = BTreeMap::new();
    for moment in moments {
        let lines: Vec<&str> = moment.lines.iter().map(|(line, _)| line.as_str()).collect();
        let good: Vec<bool> = moment.lines.iter().map(|(_, label)| *label == Label::Good).collect();
        let convincing = critic.convincing(&lines, &moment.text())?;
        let (choice, said) = choices.entry(moment.model.clone()).or_default();
        let right = good.iter().filter(|good| **good).count();
        choice.moments += 1;
        choice.lines += lines.len();
        choice.good += right;
        if right > 0 && right < lines.len() {
            choice.open += 1;
            choice.blind += right as f64 / lines.len() as f64;
            choice.critic += usize::from(good[best(&convincing)]);
        }
        said.extend(convincing.into_iter().zip(good));
    }
    let finished = |(choice, said): (Choice, Vec<(f64, bool)>)| Choice { auc: auc(&said), ..choice };
    Ok(choices.into_iter().map(|(model, sums)| (model, finished(sums))).collect())
}

fn best(scores: &[f64]) -> usize {
    (0..scores.len()).reduce(|best, next| if scores[next] > scores[best] { next } else { best }).unwrap_or(0)
}

/// Area under the ROC curve: the share of pairs of a good and a bad one in the right order, ties half (Mann &
/// Whitney 1947). One half where there is no pair.
fn auc(said: &[(f64, bool)]) -> f64 {
    let (good, bad): (Vec<_>, Vec<_>) = said.iter().partition(|(_, good)| *good);
    if good.is_empty() || bad.is_empty() {
        return 0.5;
    }
    let won =
        |odds: f64, other: f64| if odds > other { 1.0 } else { f64::from(u8::from(odds == other)) / 2.0 };
    let sum: f64 =
        good.iter().map(|(odds, _)| bad.iter().map(|(other, _)| won(*odds, *other)).sum::<f64>()).sum();
    sum / (good.len() * bad.len()) as f64
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boss::critic::labelled;

    #[test]
    fn the_shipped_critic_chooses_better_than_chance_where_it_has_not_learned() {
        let file = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/candidates.jsonl");
        let mut moments = labelled::read(&file).unwrap();
        moments.retain(|moment| moment.split == labelled::Split::Test);
        let learned: Vec<String> = labelled::read(&file)
            .unwrap()
            .into_iter()
            .filter(|moment| moment.split == labelled::Split::Train)
            .map(|moment| moment.turn)
            .collect();
        assert!(moments.iter().all(|moment| !learned.contains(&moment.turn)), "a turn is in both parts");
        let few: Vec<Moment> = moments.into_iter().step_by(3).collect();
        for (model, choice) in choices(&few, Critic::shipped()).unwrap() {
            assert!(choice.moments > 10 && choice.auc > 0.6, "{model}: {choice:?}");
        }
    }

    #[test]
    fn the_area_counts_pairs_in_order() {
        assert_eq!(auc(&[(1.0, true), (0.0, false)]), 1.0);
        assert_eq!(auc(&[(1.0, false), (0.0, true)]), 0.0);
        assert_eq!(auc(&[(1.0, true), (1.0, false), (2.0, false)]), 0.25);
        assert_eq!(auc(&[(1.0, true)]), 0.5);
    }

    #[test]
    fn the_best_is_the_first_of_the_highest() {
        assert_eq!(best(&[0.5, 2.0, 2.0]), 1);
    }
}
