//! Benefit: how a change would help the boss, or boss and team together.

use super::super::parse::Tense;
use super::super::rubric::Check;
use super::Board;
use super::reading::Reading;

/// Judges mutual-benefit.
pub(super) fn judge(reading: &Reading<'_>, board: &mut Board) {
    for hit in reading.hits("benefit") {
        let clause = reading.parsed.clause_of(hit.words.start);
        let mut weight = hit.weight;
        if clause.tense == Tense::Past {
            weight *= 0.4;
        }
        let sentence = reading.sentence_words(hit.words.start);
        let theirs = reading.parsed.words[sentence.clone()].iter().any(|word| {
            matches!(
                word.lower.as_str(),
                "you"
                    | "your"
                    | "yours"
                    | "we"
                    | "us"
                    | "our"
                    | "ours"
                    | "both"
                    | "team"
                    | "everyone"
                    | "everybody"
                    | "all"
                    | "crew"
                    | "staff"
                    | "yourself"
            )
        });
        if reading.touching("prescribes", &hit.words).is_some()
            || reading.touching("acknowledges", &hit.words).is_some()
        {
            weight *= 0.5;
        }
        if !theirs {
            weight *= 0.5;
        }
        if reading.touching("threat", &sentence).is_some() || reading.touching("insult", &sentence).is_some()
        {
            weight *= 0.5;
        }
        board.of(Check::MutualBenefit).add(weight, hit.words.clone());
    }
    // A benefit belongs to a change: without a way forward in the turn it is more often an acknowledgement or a threat.
    let proposes = board.is_yes(Check::OffersHelp)
        || board.is_yes(Check::OffersOptions)
        || reading.hits("wayforward").iter().any(|hit| hit.weight >= 0.6);
    if !proposes {
        board.of(Check::MutualBenefit).damp(0.3);
    }
}
