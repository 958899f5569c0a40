//! Sentence embeddings: all-MiniLM-L6-v2 through candle-transformers' BERT.

use super::ModelError;
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config};
use std::path::{Path, PathBuf};
use tokenizers::{PaddingParams, Tokenizer, TruncationParams};

/// The model was trained on at most this many word pieces of a sentence.
const LONGEST: usize = 128;

/// Turns sentences into vectors whose angle tells how near their meanings are.
pub struct Embedder {
    model: BertModel,
    tokenizer: Tokenizer,
    dimensions: usize,
}

impl Embedder {
    /// Loads `config.json`, `tokenizer.json` and `model.safetensors` from `folder`.
    ///
    /// # Errors
    /// A missing or malformed file, named.
    pub fn load(folder: &Path) -> Result<Embedder, ModelError> {
        let config = folder.join("config.json");
        let text = std::fs::read_to_string(&config).map_err(|error| unusable(&config, error))?;
        let parsed: Config = serde_json::from_str(&text).map_err(|error| unusable(&config, error))?;
        let file = folder.join("tokenizer.json");
        let mut tokenizer = Tokenizer::from_file(&file).map_err(|error| unusable(&file, error))?;
        let truncation = TruncationParams { max_length: LONGEST, ..TruncationParams::default() };
        tokenizer.with_truncation(Some(truncation)).map_err(|error| unusable(&file, error))?;
        tokenizer.with_padding(Some(PaddingParams::default()));
        let weights: PathBuf = folder.join("model.safetensors");
        let bytes = std::fs::read(&weights).map_err(|error| unusable(&weights, error))?;
        let variables = VarBuilder::from_buffered_safetensors(bytes, DType::F32, &Device::Cpu)
            .map_err(|error| unusable(&weights, error))?;
        let model = BertModel::load(variables, &parsed).map_err(|error| unusable(&weights, error))?;
        Ok(Embedder { model, tokenizer, dimensions: parsed.hidden_size })
    }

    /// Length of a vector.
    pub fn dimensions(&self) -> usize {
        self.dimensions
    }

    /// One vector of unit length a sentence, `[sentences][dimensions]`: the mean of the last layer over
    /// the sentence's word pieces, as the model was trained (sentence-transformers' mean pooling).
    ///
    /// # Errors
    /// A fault of the tokenizer or of candle.
    pub fn embed(&self, sentences: &[&str]) -> Result<Vec<Vec<f32>>, ModelError> {
        if sentences.is_empty() {
            return Ok(Vec::new());
        }
        let fault = |error: String| ModelError::Engine(format!("embedding failed: {error}"));
        let encoded = self
            .tokenizer
            .encode_batch(sentences.to_vec(), true)
            .map_err(|error| fault(error.to_string()))?;
        let rows = |get: fn(&tokenizers::Encoding) -> &[u32]| {
            Tensor::new(encoded.iter().map(|one| get(one).to_vec()).collect::<Vec<_>>(), &Device::Cpu)
        };
        let run = || -> candle_core::Result<Vec<Vec<f32>>> {
            let ids = rows(tokenizers::Encoding::get_ids)?;
            let mask = rows(tokenizers::Encoding::get_attention_mask)?;
            let states = self.model.forward(&ids, &ids.zeros_like()?, Some(&mask))?;
            let mask = mask.to_dtype(DType::F32)?.unsqueeze(2)?;
            let sums = states.broadcast_mul(&mask)?.sum(1)?;
            let means = sums.broadcast_div(&mask.sum(1)?)?;
            means.broadcast_div(&means.sqr()?.sum_keepdim(1)?.sqrt()?)?.to_vec2()
        };
        run().map_err(|error| fault(error.to_string()))
    }
}

fn unusable(file: &Path, error: impl std::fmt::Display) -> ModelError {
    ModelError::Engine(format!(
        "can't use `{}`: {error}; `coachup models pull all-minilm-l6-v2` fetches it again",
        file.display()
    ))
}
