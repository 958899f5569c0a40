//! A sentence encoder that answers several yes/no questions about a text at once, and says of each word piece how
//! much it speaks for a yes: a fine-tuned all-mpnet-base-v2 or all-MiniLM-L6-v2, quantized, on the kernels of the
//! language model. `training/encoder.py` makes its weights, [`pack`] the file.

mod file;
mod network;
#[cfg(test)]
mod tests;
pub mod train;

use super::ModelError;
use file::{Cutter, Pieces};
use network::Network;
use std::ops::Range;

pub use file::pack;

/// Bytes of a file that is in the program, where the kernels can read them.
#[macro_export]
macro_rules! include_aligned {
    ($path:literal) => {{
        #[repr(C, align(64))]
        struct Aligned<T: ?Sized>(T);
        static FILE: &Aligned<[u8]> = &Aligned(*include_bytes!($path));
        &FILE.0
    }};
}

/// A trained encoder.
#[derive(Clone)]
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
    /// The word pieces, as bytes of the text, and for each label the log-odds that the piece shows it.
    pub pieces: Vec<(Range<usize>, Vec<f32>)>,
}

impl Encoder {
    /// Reads what [`pack`] wrote; `bytes` are aligned as [`include_aligned`] does it.
    ///
    /// # Errors
    /// Damaged bytes.
    pub fn from_bytes(bytes: &'static [u8]) -> Result<Encoder, ModelError> {
        let (network, cutter, labels) = file::read(bytes)?;
        Ok(Encoder { network, cutter, labels })
    }

    /// The labels' names, in the order of the answers.
    pub fn labels(&self) -> &[String] {
        &self.labels
    }

    /// Reads `text`, with what stood `before` it. A text of several stretches is as much of a label as the
    /// stretch that is most. Same text, same answer.
    ///
    /// # Errors
    /// A fault of the tokenizer.
    pub fn read(&self, text: &str, before: Option<&str>) -> Result<Said, ModelError> {
        let mut said = Said { logits: vec![f32::NEG_INFINITY; self.labels.len()], pieces: Vec::new() };
        for stretch in self.cutter.cut(text, before)? {
            let answer = self.network.read(&stretch);
            said.logits.iter_mut().zip(answer.logits).for_each(|(most, next)| *most = most.max(next));
            // The first piece is the mark at the start.
            said.pieces.extend(stretch.bytes.iter().cloned().zip(answer.pieces.into_iter().skip(1)));
        }
        Ok(said)
    }

    /// The log-odds of each of several short texts that stood after the same words: `[text][label]`. They are
    /// shared among the machine's cores. Of a text longer than a stretch only the first is read.
    ///
    /// # Errors
    /// As [`Encoder::read`].
    pub fn read_all(&self, texts: &[&str], before: Option<&str>) -> Result<Vec<Vec<f32>>, ModelError> {
        let cut = |text: &&str| Ok(self.cutter.cut(text, before)?.swap_remove(0));
        let pieces: Vec<Pieces> = texts.iter().map(cut).collect::<Result<_, ModelError>>()?;
        let cores = std::thread::available_parallelism().map_or(1, usize::from);
        let mut logits = vec![Vec::new(); texts.len()];
        let share = texts.len().div_ceil(cores).max(1);
        std::thread::scope(|scope| {
            for (pieces, logits) in pieces.chunks(share).zip(logits.chunks_mut(share)) {
                scope.spawn(move || {
                    pieces
                        .iter()
                        .zip(logits)
                        .for_each(|(pieces, out)| *out = self.network.read(pieces).logits);
                });
            }
        });
        Ok(logits)
    }
}
