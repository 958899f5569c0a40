//! Lines that a model drew and a demanding reader has read, against the model's own judgement, which chooses among them.

use crate::boss::talks::{MARKS, Mark, Reading, Talk};
use crate::boss::wording::preference;
use crate::model::candle::tuning::area_under_curve;
use crate::model::{LanguageModel, ModelError, Prompt};

/// What the choice among the lines comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Choice {
    /// Moments.
    pub moments: usize,
    /// Lines.
    pub lines: usize,
    /// … that the reader would leave as they are.
    pub good: usize,
    /// Moments whose lines are not all good and not all bad, so that there is something to choose.
    pub open: usize,
    /// Of those, the good lines that blind choice would bring, on average.
    pub blind: f64,
    /// … that the model's choice brings.
    pub chosen: usize,
    /// The chance that the model judges a good line higher than a bad one, over all moments (area under the ROC curve).
    pub auc: f64,
}

/// Has `model`, which must be a tuned one, choose among the lines that were read in `talks`.
///
/// # Errors
/// The model failed.
pub fn choice(
    model: &mut dyn LanguageModel,
    talks: &[Talk],
    read: &[Reading],
) -> Result<Choice, ModelError> {
    let (mut choice, mut judged) = (Choice::default(), Vec::new());
    for talk in talks {
        for Reading { turn, lines, .. } in read.iter().filter(|reading| reading.talk == talk.id) {
            let scene = talk.scene(*turn);
            let mut all = Vec::with_capacity(lines.len());
            for (line, mark) in lines {
                let line = talk.card().line(line);
                let [likely] = model.loglik(&Prompt::Raw(scene.clone()), std::slice::from_ref(&line))?[..] else {
                    unreachable!("one for each continuation")
                };
                let behind = Prompt::Raw(format!("{scene}{line}"));
                let marks = model.loglik(&behind, &MARKS.map(str::to_owned))?;
                let odds = marks[0] - marks[1];
                judged.push((f64::from(odds), *mark == Mark::Good));
                all.push((preference(Some(odds), likely), *mark == Mark::Good));
            }
            let good = all.iter().filter(|(_, good)| *good).count();
            choice.moments += 1;
            choice.lines += all.len();
            choice.good += good;
            if good > 0 && good < all.len() {
                choice.open += 1;
                choice.blind += good as f64 / all.len() as f64;
                let best = all.iter().max_by(|(one, _), (other, _)| one.total_cmp(other));
                choice.chosen += usize::from(best.is_some_and(|(_, good)| *good));
            }
        }
    }
    Ok(Choice { auc: area_under_curve(&judged), ..choice })
}
