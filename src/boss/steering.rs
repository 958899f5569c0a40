//! How a model is brought to do what the act says; each way can be switched off, to measure what it brings.

use super::Fit;
use crate::model::{LanguageModel, ModelError, Prompt};

/// The ways in use.
#[derive(Clone, Debug, PartialEq)]
pub struct Steering {
    /// Candidates drawn for one opening.
    pub candidates: usize,
    /// Batches drawn, each with another opening, before the line by hand.
    pub batches: usize,
    /// Fit candidates that make a batch the last one.
    pub enough: usize,
    /// The same, counting those that convince the critic, where there is one.
    pub enough_convincing: usize,
    /// Fix the first words of a reply by its act.
    pub openings: bool,
    /// The boss's own lines for the act at hand, shown in the direction.
    pub act_lines: usize,
    /// Rank candidates by how much likelier the direction makes them.
    pub contrast: bool,
    /// Let the critic choose among the candidates.
    pub critic: bool,
}

impl Default for Steering {
    fn default() -> Steering {
        Steering {
            candidates: 3,
            batches: 6,
            enough: 3,
            enough_convincing: 2,
            openings: true,
            act_lines: 0,
            contrast: false,
            critic: true,
        }
    }
}

/// What a point of log-likelihood a token that the direction adds is worth.
const CONTRAST: f64 = 1.0;

/// Adds to each candidate's score how much likelier the direction makes it than a neutral one.
///
/// # Errors
/// The model failed.
pub(super) fn add_contrast(
    model: &mut dyn LanguageModel,
    directed: &Prompt,
    neutral: &Prompt,
    fit: &mut [Fit],
) -> Result<(), ModelError> {
    let said: Vec<String> = fit.iter().map(|fit| format!(" {}", fit.text)).collect();
    let with = model.loglik(directed, &said)?;
    let without = model.loglik(neutral, &said)?;
    for (fit, (with, without)) in fit.iter_mut().zip(with.into_iter().zip(without)) {
        fit.score += CONTRAST * f64::from(with - without);
    }
    Ok(())
}
