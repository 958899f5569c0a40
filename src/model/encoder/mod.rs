//! A sentence encoder that answers several yes/no questions about a text at once: all-MiniLM-L6-v2,
//! fine-tuned, on candle's tensors.

mod file;
mod network;
mod ops;
pub mod train;

use super::ModelError;
use candle_core::{Device, Tensor};
use file::Cutter;
use network::{Batch, Network};
use std::io::{Seek, Write};
use std::ops::Range;

/// A trained encoder.
#[derive(Clone, Debug)]
pub struct Encoder {
    network: Network,
    cutter: Cutter,
    labels: Vec<String>,
}

/// What the encoder says of a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Said {
    /// Log-odds before calibration, one a label.
    pub logits: Vec<f32>,
    /// The word pieces, as bytes of the text, and what each adds to the log-odds of each label.
    pub pulls: Vec<(Range<usize>, Vec<f32>)>,
}

impl Encoder {
    /// Reads what [`Encoder::write`] wrote.
    ///
    /// # Errors
    /// Damaged bytes.
    pub fn from_bytes(bytes: &[u8]) -> Result<Encoder, ModelError> {
        let (network, cutter, labels) = file::read(bytes, None)?;
        Ok(Encoder { network, cutter, labels })
    }

    /// Reads what [`Encoder::write_tuned`] wrote; the vocabulary is `other`'s, an encoder of the same start.
    ///
    /// # Errors
    /// Damaged bytes.
    pub fn from_tuned(bytes: &[u8], other: &Encoder) -> Result<Encoder, ModelError> {
        let (network, cutter, labels) = file::read(bytes, Some((&other.network, &other.cutter)))?;
        Ok(Encoder { network, cutter, labels })
    }

    /// Writes the encoder as a GGUF.
    ///
    /// # Errors
    /// A fault of candle or of the file.
    pub fn write(&self, out: &mut (impl Write + Seek)) -> Result<(), ModelError> {
        file::store(&self.network, &self.cutter, &self.labels, true, out)
    }

    /// Writes what training changed, without the vocabulary and the tokenizer: half as much.
    ///
    /// # Errors
    /// As [`Encoder::write`].
    pub fn write_tuned(&self, out: &mut (impl Write + Seek)) -> Result<(), ModelError> {
        file::store(&self.network, &self.cutter, &self.labels, false, out)
    }

    /// The labels' names, in the order of the answers.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// Reads `text`, with what stood `before` it. A text of several stretches is as much of a label as the
    /// stretch that is most. Same text, same answer.
    ///
    /// # Errors
    /// A fault of the tokenizer or of candle.
    pub fn read(&self, text: &str, before: Option<&str>) -> Result<Said, ModelError> {
        let mut said = Said { logits: vec![f32::NEG_INFINITY; self.labels.len()], pulls: Vec::new() };
        for stretch in self.cutter.cut(text, before)? {
            let run = || -> candle_core::Result<(Vec<f32>, Vec<Vec<f32>>)> {
                let found = self.network.forward(&Batch::of(&[&stretch])?, None)?;
                Ok((found.logits.squeeze(0)?.to_vec1()?, found.pulls.squeeze(0)?.to_vec2()?))
            };
            let (logits, pulls) =
                run().map_err(|error| ModelError::Engine(format!("the scorer's encoder: {error}")))?;
            said.logits.iter_mut().zip(logits).for_each(|(most, next)| *most = most.max(next));
            // The first piece is the mark at the start.
            said.pulls.extend(stretch.bytes.iter().cloned().zip(pulls.into_iter().skip(1)));
        }
        Ok(said)
    }

    /// The log-odds of each of several short texts that stood after the same words, as one batch: `[text][label]`.
    /// Of a text longer than a stretch only the first is read.
    ///
    /// # Errors
    /// As [`Encoder::read`].
    pub fn read_all(&self, texts: &[&str], before: Option<&str>) -> Result<Vec<Vec<f32>>, ModelError> {
        if texts.is_empty() {
            return Ok(Vec::new());
        }
        let cut = |text: &&str| Ok(self.cutter.cut(text, before)?.swap_remove(0));
        let pieces: Vec<file::Pieces> = texts.iter().map(cut).collect::<Result<_, ModelError>>()?;
        let run =
            || self.network.forward(&Batch::of(&pieces.iter().collect::<Vec<_>>())?, None)?.logits.to_vec2();
        run().map_err(|error| ModelError::Engine(format!("the encoder: {error}")))
    }
}

/// Gives a network heads for `labels` labels, with numbers from `next`.
fn label_tensors(
    network: &mut Network,
    labels: usize,
    width: usize,
    mut next: impl FnMut() -> f32,
) -> candle_core::Result<()> {
    let mut matrix = || {
        let numbers: Vec<f32> = std::iter::repeat_with(&mut next).take(labels * width).collect();
        Tensor::from_vec(numbers, (labels, width), &Device::Cpu)
    };
    network.look = matrix()?;
    network.weigh = matrix()?;
    // Most labels are absent from most texts.
    network.bias = Tensor::full(-1.5f32, labels, &Device::Cpu)?;
    Ok(())
}

#[cfg(test)]
mod tests;
