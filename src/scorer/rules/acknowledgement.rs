//! Acknowledgement: recognising the boss's pressure, effort, limits or view.

use super::super::rubric::Check;
use super::Board;
use super::reading::Reading;

/// Judges acknowledges.
pub(super) fn judge(reading: &Reading<'_>, board: &mut Board) {
    for hit in reading.hits("acknowledges") {
        let sentence = reading.sentence_words(hit.words.start);
        let mut weight = hit.weight;
        if reading.touching("sarcasm", &sentence).is_some() || reading.touching("insult", &sentence).is_some()
        {
            weight *= 0.4;
        }
        if reading.touching("blames", &hit.words).is_some() {
            weight *= 0.5;
        }
        board.of(Check::Acknowledges).add(weight, hit.words.clone());
    }
    if board.is_yes(Check::Heated) {
        board.of(Check::Acknowledges).damp(0.4);
    }
}
