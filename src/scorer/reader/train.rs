//! What the reader learns from, and how its answers are calibrated.

use super::super::corpus::Labelled;
use super::super::rubric::Check;
use super::super::verdict::Position;
use super::{Reader, Scale};
use crate::model::ModelError;
use crate::model::encoder::Encoder;
use crate::model::encoder::train::Example;
use crate::text::Plain;
use std::collections::{BTreeMap, BTreeSet};

/// Newton's method needs fewer steps; it stops where they are small.
const MOST_STEPS: usize = 100;

/// The longest of its steps.
const LONGEST_STEP: f64 = 0.3;

/// How much a yes counts that is there against one that is not: as much more as makes one half the probability from
/// which on a yes is more often right than a no wrong, for checks that are rare.
const PRESENT: f64 = 1.5;

/// Holds the slope near 1 and the offset near 0 where there are few turns to learn them from.
const PULL: f64 = 1.0;

/// What a turn teaches the encoder.
pub fn example(turn: &Labelled) -> Example {
    let id = |check: &Check| check.id().to_owned();
    let text = Plain::of(&turn.text).text;
    let quotes: Vec<(Check, String)> = turn
        .evidence
        .iter()
        .flat_map(|(check, quotes)| quotes.iter().map(|quote| (*check, Plain::of(quote).text)))
        .collect();
    let places: Vec<(Check, usize, usize)> = quotes
        .iter()
        .filter_map(|(check, quote)| text.find(quote).map(|start| (*check, start, start + quote.len())))
        .collect();
    let ends = places.iter().flat_map(|(_, start, end)| [*start, *end]);
    let cuts: Vec<usize> = ends.chain([0, text.len()]).collect::<BTreeSet<_>>().into_iter().collect();
    let pieces: Vec<(usize, usize)> = cuts
        .windows(2)
        .map(|ends| (ends[0], ends[1]))
        .filter(|(start, end)| !text[*start..*end].trim().is_empty())
        .collect();
    let mut shown: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for (check, start, end) in &places {
        let inside = pieces.iter().enumerate().filter(|(_, (from, to))| start <= from && to <= end);
        shown.entry(id(check)).or_default().extend(inside.map(|(at, _)| at));
    }
    Example {
        pieces: pieces.iter().map(|(start, end)| text[*start..*end].trim().to_owned()).collect(),
        before: turn.context.as_ref().map(|context| Plain::of(context).text),
        yes: turn.present.iter().map(id).collect(),
        unknown: Check::ALL.iter().filter(|check| !applies(turn, **check)).map(id).collect(),
        shown,
    }
}

/// Does a check apply to a turn with these labels?
fn applies(turn: &Labelled, check: Check) -> bool {
    match check {
        Check::Springs => turn.position == Position::Opening,
        Check::OpenQuestion => turn.present.contains(&Check::AsksQuestion),
        _ => true,
    }
}

/// Calibrates an encoder's answers on turns that it has not learned from.
///
/// # Errors
/// A fault of the encoder.
pub fn calibrate(encoder: Encoder, turns: &[Labelled]) -> Result<Reader, ModelError> {
    let mut answers: Vec<Vec<(f64, bool)>> = vec![Vec::new(); Check::COUNT];
    for turn in turns {
        let context = turn.context.as_deref().map(|context| Plain::of(context).text);
        let said = encoder.read(&Plain::of(&turn.text).text, context.as_deref())?;
        for check in Check::ALL.into_iter().filter(|check| applies(turn, *check)) {
            let answer = (f64::from(said.logits[check.index()]), turn.present.contains(&check));
            answers[check.index()].push(answer);
        }
    }
    let scales = Check::ALL.into_iter().map(|check| (check, scale(&answers[check.index()]))).collect();
    Ok(Reader { encoder, scales })
}

/// The scale under which `answers`, log-odds and what was right, are most likely; by Newton's method.
fn scale(answers: &[(f64, bool)]) -> Scale {
    let (mut slope, mut offset) = (1.0, 0.0);
    for _ in 0..MOST_STEPS {
        let (mut by_slope, mut by_offset) = (PULL * (slope - 1.0), PULL * offset);
        let (mut twice_slope, mut both, mut twice_offset) = (PULL, 0.0, PULL);
        for &(logit, right) in answers {
            let p = 1.0 / (1.0 + (-(slope * logit + offset)).exp());
            let weight = if right { PRESENT } else { 1.0 };
            let (miss, spread) = (weight * (p - f64::from(u8::from(right))), weight * p * (1.0 - p));
            by_slope += miss * logit;
            by_offset += miss;
            twice_slope += spread * logit * logit;
            both += spread * logit;
            twice_offset += spread;
        }
        let determinant = twice_slope * twice_offset - both * both;
        let (step, other) = (
            (by_slope * twice_offset - by_offset * both) / determinant,
            (by_offset * twice_slope - by_slope * both) / determinant,
        );
        // A full step overshoots where the answers are far too sure.
        slope -= step.clamp(-LONGEST_STEP, LONGEST_STEP);
        offset -= other.clamp(-LONGEST_STEP, LONGEST_STEP);
        if step.abs() + other.abs() < 1e-9 {
            break;
        }
    }
    Scale { slope: slope.max(0.05) as f32, offset: offset as f32 }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_turn_is_cut_where_its_evidence_begins_and_ends() {
        let turn: Labelled = serde_json::from_str(
            r#"{"text": "I’d like a word, if you can. Thursday?", "position": "middle", "context": "Hm…",
                "labels": ["asks-question", "specific"],
                "evidence": {"asks-question": ["Thursday?"], "specific": ["Thursday?"]}}"#,
        )
        .unwrap();
        let example = example(&turn);
        assert_eq!(example.pieces, ["I'd like a word, if you can.", "Thursday?"]);
        assert_eq!(example.before.as_deref(), Some("Hm..."));
        assert_eq!(example.shown["specific"], [1]);
        assert!(example.unknown.contains("springs") && !example.unknown.contains("open-question"));
    }

    #[test]
    fn a_scale_makes_probabilities_of_log_odds() {
        // Log-odds of 4 that are right in three of four cases mean odds of three to one, half as many again by weight.
        let answers: Vec<(f64, bool)> =
            (0..4000).map(|at| if at < 2000 { (4.0, at % 4 != 0) } else { (-4.0, at % 4 == 0) }).collect();
        let scale = scale(&answers);
        assert!((scale.probability(4.0) - 4.5 / 5.5).abs() < 0.01, "{scale:?}");
        assert!((scale.probability(-4.0) - 1.5 / 4.5).abs() < 0.01, "{scale:?}");
    }
}
