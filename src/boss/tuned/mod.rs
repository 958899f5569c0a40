//! What tunes models for the part: adapters that were learned from the talks, as `coachup train boss` writes them.

use crate::include_aligned;
use crate::model::candle::Adapter;
use std::sync::{Arc, LazyLock};

static SHIPPED: LazyLock<Vec<Arc<Adapter>>> = LazyLock::new(|| {
    let files: [(&str, &'static [u8]); 2] = [
        ("qwen2.5-coder-1.5b.gguf", include_aligned!("qwen2.5-coder-1.5b.gguf")),
        ("qwen2.5-coder-0.5b.gguf", include_aligned!("qwen2.5-coder-0.5b.gguf")),
    ];
    let read = |(name, bytes)| Adapter::from_bytes(name, bytes).expect("a test reads the shipped adapters");
    files.into_iter().map(read).map(Arc::new).collect()
});

/// The adapters that come with the program, each for one model file.
pub fn adapters() -> Vec<Arc<Adapter>> {
    SHIPPED.clone()
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_shipped_adapters_are_whole() {
        assert_eq!(super::adapters().len(), 2);
    }
}
