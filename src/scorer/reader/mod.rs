//! The reader: a fine-tuned encoder that says how probable each check is, and which of the person's words show it.

mod evidence;
pub mod train;

use super::rubric::Check;
use super::verdict::{Answer, Span, Utterance, Verdict, Verdicts};
use crate::include_aligned;
use crate::model::encoder::Encoder;
use crate::text::Plain;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::LazyLock;

static SHIPPED: LazyLock<Reader> = LazyLock::new(|| {
    let encoder =
        Encoder::from_bytes(include_aligned!("encoder.gguf")).expect("a test reads the shipped encoder");
    let scales = crate::text::data::from_toml(include_str!("calibration.toml"));
    Reader { encoder, scales: scales.expect("a test reads the shipped calibration") }
});

/// How an answer's log-odds become a probability that means something (Platt 1999).
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scale {
    /// What the log-odds are multiplied with.
    pub slope: f32,
    /// What is added then.
    pub offset: f32,
}

impl Scale {
    /// The probability of a yes.
    pub fn probability(self, logit: f32) -> f32 {
        1.0 / (1.0 + (-(self.slope * logit + self.offset)).exp())
    }
}

/// From this probability on a check is answered with yes.
const YES_FROM: f32 = 0.5;

/// A trained reader.
#[derive(Clone)]
pub struct Reader {
    encoder: Encoder,
    scales: BTreeMap<Check, Scale>,
}

impl Reader {
    /// The reader that comes with the program.
    pub fn shipped() -> &'static Reader {
        &SHIPPED
    }

    /// How its answers are calibrated.
    pub fn scales(&self) -> &BTreeMap<Check, Scale> {
        &self.scales
    }

    /// The verdicts on a turn of which `plain` is the plain form, whether a check applies to it or not.
    pub fn read(&self, utterance: &Utterance<'_>, plain: &Plain) -> Verdicts {
        let mut verdicts = Verdicts::default();
        let before = utterance.context.map(|context| Plain::of(context).text);
        // The tokenizer takes any text; were it to fail, nothing would be claimed of the turn.
        let Ok(said) = self.encoder.read(&plain.text, before.as_deref()) else { return verdicts };
        for check in Check::ALL {
            let at = check.index();
            let p = self.scales[&check].probability(said.logits[at]);
            let pieces = said.pieces.iter().map(|(bytes, logits)| (bytes.clone(), logits[at]));
            let spans = if p >= YES_FROM { evidence::spans(&plain.text, pieces) } else { Vec::new() };
            let evidence = spans.into_iter().map(|span| {
                let bytes = plain.original(span);
                Span::cut(utterance.text, bytes.start, bytes.end)
            });
            let evidence: Vec<Span> = evidence.collect();
            let verdict = if evidence.is_empty() { Answer::No } else { Answer::Yes };
            *verdicts.get_mut(check) = Verdict { verdict, p, evidence };
        }
        verdicts
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_reader_is_whole() {
        let reader = Reader::shipped();
        assert!(reader.encoder.labels().iter().map(String::as_str).eq(Check::ALL.into_iter().map(Check::id)));
        assert!(Check::ALL.iter().all(|check| reader.scales[check].slope > 0.0));
    }
}
