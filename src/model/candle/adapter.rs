//! A low-rank adapter (LoRA, Hu et al. 2021) in llama.cpp's GGUF format: what a small file adds to the products of a
//! model that was tuned.
//!
//! ```text
//! out = W · x + alpha / r · B · (A · x)        W: [out, in], A: [r, in], B: [out, r]
//! ```
//!
//! The file has `<matrix>.lora_a` and `<matrix>.lora_b` for each matrix that is tuned. Which model file it belongs to
//! stands in it by size and SHA-256: on any other base it would be noise.

use super::super::{ModelError, hex};
use super::gguf::{Gguf, TensorPlace};
use super::kernels::LowRank;
use super::store::Store;
use super::weights::{Matrix, Weights, dequantize};
use sha2::{Digest, Sha256};
use std::collections::BTreeSet;
use std::path::Path;

/// The highest rank that is taken; more would not be small.
const HIGHEST_RANK: usize = 256;

/// What an adapter's file says of the model file it belongs to.
pub(super) const BASE_SIZE: &str = "coachup.base.size";
pub(super) const BASE_SHA256: &str = "coachup.base.sha256";

/// An adapter's file, its directory read and checked.
pub struct Adapter {
    gguf: Gguf,
    alpha: f32,
}

impl std::fmt::Debug for Adapter {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Adapter({})", self.gguf.name())
    }
}

impl Adapter {
    /// The adapter in the file at `path`.
    ///
    /// # Errors
    /// A file that can't be read, is damaged, or holds something else; names file and key.
    pub fn open(path: &Path) -> Result<Adapter, ModelError> {
        Adapter::new(Gguf::open(path)?)
    }

    /// An adapter that is in the program, aligned as in a file.
    ///
    /// # Errors
    /// As [`Adapter::open`].
    pub fn from_bytes(name: &str, bytes: &'static [u8]) -> Result<Adapter, ModelError> {
        Adapter::new(Gguf::parse(name.to_owned(), Store::fixed(bytes))?)
    }

    fn new(gguf: Gguf) -> Result<Adapter, ModelError> {
        for (key, needed) in [("general.type", "adapter"), ("adapter.type", "lora")] {
            let found = gguf.required_text(key)?;
            if found != needed {
                return Err(gguf.error(format!("`{key}` is `{found}`; `{needed}` is needed")));
            }
        }
        let alpha = gguf.number("adapter.lora.alpha").filter(|alpha| alpha.is_finite());
        let alpha = alpha.ok_or_else(|| gguf.error("`adapter.lora.alpha` is missing or no number"))? as f32;
        Ok(Adapter { gguf, alpha })
    }

    /// Its bytes, and the list of what is in them.
    pub(super) fn gguf(&self) -> &Gguf {
        &self.gguf
    }

    /// Was it made for the model in `base`? Its file's SHA-256 is taken where it has the right size, unless it is
    /// `known`.
    ///
    /// # Errors
    /// The adapter does not say what it was made for.
    pub(super) fn belongs_to(&self, base: &Gguf, known: Option<&str>) -> Result<bool, ModelError> {
        let size = self.gguf.required_count(BASE_SIZE)?;
        let sum = self.gguf.required_text(BASE_SHA256)?;
        let hashed = || hex(&Sha256::digest(base.store().all()));
        Ok(base.size() == size && known.map_or_else(hashed, str::to_owned).eq_ignore_ascii_case(sum))
    }

    /// Adds itself to the matrices that it tunes.
    ///
    /// # Errors
    /// One that the model does not have or that has another shape; a number that is none.
    pub(super) fn apply(&self, weights: &mut Weights) -> Result<(), ModelError> {
        let mut left: BTreeSet<&str> = self.gguf.tensors().keys().map(String::as_str).collect();
        for (name, matrix) in weights.matrices() {
            let (down, up) = (format!("{name}.lora_a"), format!("{name}.lora_b"));
            if left.remove(down.as_str()) | left.remove(up.as_str()) {
                matrix.tune(self.low_rank(&down, &up, matrix)?);
            }
        }
        match left.first() {
            None => Ok(()),
            Some(name) => Err(self.gguf.error(format!("the model has no matrix for its tensor `{name}`"))),
        }
    }

    fn low_rank(&self, down: &str, up: &str, matrix: &Matrix) -> Result<LowRank, ModelError> {
        let place = |name: &str| {
            let missing = || self.gguf.error(format!("the tensor `{name}` is missing"));
            self.gguf.tensors().get(name).ok_or_else(missing)
        };
        let (a, b) = (place(down)?, place(up)?);
        let rank = a.shape[0];
        if rank > HIGHEST_RANK || a.shape != [rank, matrix.cols] || b.shape != [matrix.rows, rank] {
            return Err(self.gguf.error(format!(
                "the tensors `{down}` and `{up}` have the shapes {:?} and {:?}; [rank, {}] and [{}, rank] are needed, \
                 with a rank of {HIGHEST_RANK} at most",
                a.shape, b.shape, matrix.cols, matrix.rows
            )));
        }
        let floats = |place: &TensorPlace, name: &str| {
            let mut floats = vec![0.0; place.shape.iter().product()];
            dequantize(place.dtype, place.store.bytes(place.bytes.clone()), &mut floats);
            match floats.iter().all(|value: &f32| value.is_finite()) {
                true => Ok(floats),
                false => {
                    Err(self.gguf.error(format!("the tensor `{name}` has a value that is not a number")))
                }
            }
        };
        floats(a, down)?;
        let a = Matrix::new(a.store.clone(), a.bytes.clone(), a.dtype, rank, matrix.cols);
        Ok(LowRank::new(a, &floats(b, up)?, self.alpha / rank as f32))
    }
}
