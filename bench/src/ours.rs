//! coachup's engine, for the benchmark.

use super::Engine;
use anyhow::Result;
use coachup::model::candle::{CandleModel, CandleOptions};
use std::path::Path;

struct Ours {
    model: CandleModel,
    save: bool,
}

/// Loads the model; prompts are kept between sessions in `prefixes`, if there is such a folder.
pub fn load(model: &Path, threads: usize, prefixes: Option<&Path>) -> Result<Box<dyn Engine>> {
    let options = CandleOptions {
        threads: Some(threads),
        prefix_folder: prefixes.map(Path::to_path_buf),
        ..CandleOptions::default()
    };
    Ok(Box::new(Ours { model: CandleModel::load(model, &options)?, save: prefixes.is_some() }))
}

impl Engine for Ours {
    fn prefill(&mut self, tokens: &[u32]) -> Result<()> {
        Ok(self.model.feed_tokens(tokens, self.save)?)
    }

    fn decode(&mut self, branches: usize, steps: usize) -> Result<()> {
        self.model.decode_tokens(branches, steps)?;
        Ok(())
    }

    fn clear(&mut self) {
        self.model.rewind_tokens(0);
    }
}
