//! Where in a turn the words helped and where they hurt.

use crate::scorer::rubric::{Check, Polarity};
use crate::scorer::verdict::Verdicts;
use serde::Serialize;

/// What some words did to the talk.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Effect {
    /// Evidence of a helpful behaviour.
    Helped,
    /// Evidence of a harmful one.
    Hurt,
}

impl Effect {
    /// What words that show `check` do.
    pub fn of(check: Check) -> Effect {
        match check.polarity() {
            Polarity::Helpful => Effect::Helped,
            Polarity::Harmful => Effect::Hurt,
        }
    }
}

/// A stretch of a turn with one effect: byte offsets on character boundaries.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub struct Mark {
    /// First byte.
    pub start: usize,
    /// One past the last byte.
    pub end: usize,
    /// What the words did.
    pub effect: Effect,
}

/// The evidence of all verdicts on `text`, flattened: in order, without overlap. Where words both
/// helped and hurt, they are shown as hurting: that is what to change.
pub fn marks(text: &str, verdicts: &Verdicts) -> Vec<Mark> {
    let mut effects: Vec<Option<Effect>> = vec![None; text.len()];
    for check in verdicts.present() {
        let effect = Effect::of(check);
        for span in verdicts.get(check).evidence.iter().filter(|span| span.is_verbatim(text)) {
            for byte in &mut effects[span.start..span.end] {
                *byte = (*byte).max(Some(effect));
            }
        }
    }
    let mut marks: Vec<Mark> = Vec::new();
    for (at, effect) in effects.into_iter().enumerate() {
        let Some(effect) = effect else { continue };
        match marks.last_mut() {
            Some(last) if last.end == at && last.effect == effect => last.end += 1,
            _ => marks.push(Mark { start: at, end: at + 1, effect }),
        }
    }
    marks
}

/// `text` cut at its marks: every piece in order, with its effect.
pub fn pieces<'a>(text: &'a str, marks: &[Mark]) -> Vec<(&'a str, Option<Effect>)> {
    let mut pieces = Vec::new();
    let mut at = 0;
    for mark in marks {
        pieces.push((&text[at..mark.start], None));
        pieces.push((&text[mark.start..mark.end], Some(mark.effect)));
        at = mark.end;
    }
    pieces.push((&text[at..], None));
    pieces.retain(|(piece, _)| !piece.is_empty());
    pieces
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scorer::verdict::{Answer, Span};

    fn verdicts(text: &str, evidence: &[(Check, &str)]) -> Verdicts {
        let mut verdicts = Verdicts::default();
        for (check, words) in evidence {
            let start = text.find(words).unwrap();
            let verdict = verdicts.get_mut(*check);
            verdict.verdict = Answer::Yes;
            verdict.evidence.push(Span::cut(text, start, start + words.len()));
        }
        verdicts
    }

    #[test]
    fn overlapping_evidence_is_flattened_and_harm_wins() {
        let text = "Würden you never answer? Please.";
        let found = verdicts(
            text,
            &[(Check::AsksQuestion, "Würden you never answer?"), (Check::Blames, "you never answer")],
        );
        let marks = marks(text, &found);
        assert_eq!(
            pieces(text, &marks),
            [
                ("Würden ", Some(Effect::Helped)),
                ("you never answer", Some(Effect::Hurt)),
                ("?", Some(Effect::Helped)),
                (" Please.", None)
            ]
        );
    }

    #[test]
    fn evidence_that_is_not_in_the_turn_is_not_marked() {
        let mut found = verdicts("one two", &[(Check::Blames, "two")]);
        found.get_mut(Check::Blames).evidence[0].end = 900;
        assert!(marks("one two", &found).is_empty());
    }
}
