//! What tunes models for the part: adapters that were learned from the talks, as `coachup train boss` writes them.

use crate::include_aligned;
use crate::model::candle::Adapter;
use std::sync::{Arc, LazyLock};

static SHIPPED: LazyLock<Arc<Adapter>> = LazyLock::new(|| {
    let adapter = Adapter::from_bytes("qwen2.5-coder-1.5b.gguf", include_aligned!("qwen2.5-coder-1.5b.gguf"));
    Arc::new(adapter.expect("a test reads the shipped adapter"))
});

/// The adapters that come with the program, each for one model file.
pub fn adapters() -> Vec<Arc<Adapter>> {
    vec![SHIPPED.clone()]
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_shipped_adapter_is_whole() {
        assert_eq!(super::adapters().len(), 1);
    }
}
