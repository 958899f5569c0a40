//! What a GGUF's metadata says of its transformer: sizes, rotary embedding, norms, activation.

use super::super::ModelError;
use super::gguf::Gguf;
use half::f16;

/// The heads together, or the feed-forward half, are at most so many times as wide as the residual stream; in known
/// models at most 8 times.
const WIDEST: usize = 64;

/// The layouts that can be run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Architecture {
    /// Llama, SmolLM2, Mistral: interleaved rotary pairs.
    Llama,
    /// Qwen 2 and 2.5: biases on query, key and value.
    Qwen2,
    /// Qwen 3: a norm on each query and key head.
    Qwen3,
    /// Gemma 3: head norms, norms after each half of a layer, sliding windows, scaled embeddings.
    Gemma3,
    /// Phi 3 and Phi 4 mini: fused query-key-value and gate-up matrices.
    Phi3,
}

impl Architecture {
    /// All that are supported, by the name in `general.architecture`.
    pub const ALL: [(&'static str, Architecture); 5] = [
        ("llama", Architecture::Llama),
        ("qwen2", Architecture::Qwen2),
        ("qwen3", Architecture::Qwen3),
        ("gemma3", Architecture::Gemma3),
        ("phi3", Architecture::Phi3),
    ];
}

/// The gate's non-linearity in the feed-forward half.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Activation {
    /// x·sigmoid(x).
    Silu,
    /// Gelu by its tanh approximation.
    GeluTanh,
}

/// Rotary position embedding of some layers.
#[derive(Clone, Debug, PartialEq)]
pub struct Rope {
    /// Base of the frequencies.
    pub base: f64,
    /// Positions are divided by this.
    pub scale: f64,
    /// Dimensions of a head that turn; the rest pass through.
    pub dims: usize,
    /// Pairs are neighbours (2i, 2i+1) rather than halves (i, i + dims/2).
    pub interleaved: bool,
    /// Sine and cosine are multiplied by this (long-context scaling of Phi).
    pub magnitude: f32,
}

/// Sizes and constants of one model.
#[derive(Clone, Debug, PartialEq)]
pub struct Config {
    /// Layout.
    pub architecture: Architecture,
    /// Transformer layers.
    pub layers: usize,
    /// Width of the residual stream.
    pub hidden: usize,
    /// Query heads.
    pub heads: usize,
    /// Key and value heads; each serves `heads / kv_heads` query heads.
    pub kv_heads: usize,
    /// Elements of a head.
    pub head_dim: usize,
    /// Width of the feed-forward half.
    pub feed_forward: usize,
    /// Positions the model was made for.
    pub context: usize,
    /// Added to the mean square in each norm.
    pub norm_epsilon: f32,
    /// Rotary embedding of the layers that see everything.
    pub rope: Rope,
    /// Rotary embedding of the layers with a sliding window.
    pub local_rope: Rope,
    /// Positions a windowed layer sees, itself included, and its period: every `period`th layer sees all.
    pub window: Option<(usize, usize)>,
    /// Embeddings are multiplied by this.
    pub embedding_scale: f32,
    /// Scores are multiplied by this before the softmax.
    pub attention_scale: f32,
    /// Gate non-linearity.
    pub activation: Activation,
}

impl Config {
    /// Reads and checks the configuration.
    ///
    /// # Errors
    /// An unknown architecture, a missing key, or sizes that don't fit together; names file and key.
    pub fn from_gguf(gguf: &Gguf) -> Result<Config, ModelError> {
        let name = gguf.required_text("general.architecture")?;
        let Some(&(_, architecture)) = Architecture::ALL.iter().find(|(known, _)| *known == name) else {
            let known = Architecture::ALL.map(|(known, _)| known).join(", ");
            return Err(
                gguf.error(format!("the architecture `{name}` is not supported; supported are {known}"))
            );
        };
        let key = |suffix: &str| format!("{name}.{suffix}");
        let count = |suffix: &str, limit: usize| {
            let value = gguf.required_count(&key(suffix))?;
            if value == 0 || value > limit {
                return Err(gguf.error(format!("`{name}.{suffix}` is {value}; 1 to {limit} are possible")));
            }
            Ok(value)
        };
        let layers = count("block_count", 1024)?;
        let hidden = count("embedding_length", 1 << 17)?;
        let heads = count("attention.head_count", 1024)?;
        let kv_heads = match gguf.count(&key("attention.head_count_kv")) {
            Some(_) => count("attention.head_count_kv", 1024)?,
            None => heads,
        };
        let head_dim = match gguf.count(&key("attention.key_length")) {
            Some(_) => count("attention.key_length", 1024)?,
            None => hidden / heads,
        };
        if let Some(value_length) = gguf.count(&key("attention.value_length"))
            && value_length != head_dim
        {
            return Err(gguf.error(format!(
                "`{name}.attention.value_length` is {value_length}, and key_length {head_dim}: they must agree"
            )));
        }
        let rope_dims = match gguf.count(&key("rope.dimension_count")) {
            Some(_) => count("rope.dimension_count", 1024)?,
            None => head_dim,
        };
        if heads % kv_heads != 0 || rope_dims > head_dim || rope_dims % 2 != 0 {
            return Err(gguf.error(format!(
                "{heads} heads, {kv_heads} key-value heads, {head_dim} dimensions a head and {rope_dims} \
                 rotary ones don't fit together"
            )));
        }
        // A row of activations is as wide as these, however few weights a hostile file has behind them.
        let feed_forward = count("feed_forward_length", 1 << 20)?;
        if heads * head_dim > WIDEST * hidden || feed_forward > WIDEST * hidden {
            return Err(gguf.error(format!(
                "{heads} heads of {head_dim} dimensions and `{name}.feed_forward_length` {feed_forward} are too wide \
                 for `{name}.embedding_length` {hidden}: at most {WIDEST} times that is possible"
            )));
        }
        let epsilon_key = key("attention.layer_norm_rms_epsilon");
        let norm_epsilon = gguf.number(&epsilon_key).filter(|e| *e > 0.0 && *e < 1.0).ok_or_else(|| {
            gguf.error(format!("the metadata key `{epsilon_key}` is missing or not between 0 and 1"))
        })? as f32;
        let gemma = architecture == Architecture::Gemma3;
        let base = positive(gguf, &key("rope.freq_base"), if gemma { 1e6 } else { 1e4 })?;
        let linear = gguf.text(&key("rope.scaling.type")).is_none_or(|kind| kind == "linear");
        let scale = if linear { positive(gguf, &key("rope.scaling.factor"), 1.0)? } else { 1.0 };
        let interleaved = architecture == Architecture::Llama;
        let magnitude = positive(gguf, &key("rope.scaling.attn_factor"), 1.0)? as f32;
        let rope = Rope { base, scale, dims: rope_dims, interleaved, magnitude };
        let local_base = positive(gguf, &key("rope.local.freq_base"), 1e4)?;
        let local_rope =
            if gemma { Rope { base: local_base, scale: 1.0, ..rope.clone() } } else { rope.clone() };
        let window = if gemma { Some((count("attention.sliding_window", 1 << 30)?, 6)) } else { None };
        // Past the length it was first trained for, a model with another kind of scaling needs
        // that scaling; within it, none of them does.
        let trained = gguf.count(&key("rope.scaling.original_context_length")).filter(|_| !linear);
        let context = count("context_length", 1 << 30)?;
        // Gemma 3 27B alone scales by the width a head would have without its own key length.
        let scaled_dim = if gemma && layers == 62 { hidden / heads } else { head_dim };
        Ok(Config {
            architecture,
            layers,
            hidden,
            heads,
            kv_heads,
            head_dim,
            feed_forward,
            context: trained.filter(|t| *t > 0).map_or(context, |trained| trained.min(context)),
            norm_epsilon,
            rope,
            local_rope,
            window,
            embedding_scale: if gemma { (hidden as f32).sqrt() } else { 1.0 },
            attention_scale: 1.0 / (scaled_dim as f32).sqrt(),
            activation: if gemma { Activation::GeluTanh } else { Activation::Silu },
        })
    }

    /// Whether `layer` sees only a window of the latest positions.
    pub fn window_of(&self, layer: usize) -> Option<usize> {
        let (window, period) = self.window?;
        (!(layer + 1).is_multiple_of(period)).then_some(window)
    }

    /// Elements of all query heads together.
    pub fn query_width(&self) -> usize {
        self.heads * self.head_dim
    }

    /// Elements of all key (or value) heads together.
    pub fn kv_width(&self) -> usize {
        self.kv_heads * self.head_dim
    }

    /// Bytes of one token's keys and values, in all layers.
    pub fn slot_bytes(&self) -> usize {
        2 * size_of::<f16>() * self.layers * self.kv_width()
    }
}

fn positive(gguf: &Gguf, key: &str, default: f64) -> Result<f64, ModelError> {
    match gguf.number(key) {
        None => Ok(default),
        Some(value) if value.is_finite() && value > 0.0 => Ok(value),
        Some(value) => Err(gguf.error(format!("`{key}` is {value}; a number above 0 is needed"))),
    }
}
