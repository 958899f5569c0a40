//! Tiny random GGUF files of every architecture, with a byte-level tokenizer.

use crate::model::acquire::{HubOptions, Quiet, Store};
use crate::model::catalogue::Catalogue;
use candle_core::quantized::gguf_file::{self, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

/// A tiny model to be written.
pub struct Tiny {
    pub architecture: &'static str,
    pub dtype: GgmlDType,
    pub hidden: usize,
    pub heads: usize,
    pub kv_heads: usize,
    pub feed_forward: usize,
    pub layers: usize,
    pub tied: bool,
}

/// Tokens of the tiny vocabulary: 256 bytes, some merges and the two marks of a turn.
pub const VOCABULARY: usize = 288;

/// Begins a turn.
pub const TURN_START: &str = "<|im_start|>";
/// Ends a turn.
pub const TURN_END: &str = "<|im_end|>";

impl Tiny {
    pub fn new(architecture: &'static str, dtype: GgmlDType) -> Tiny {
        let layers = if architecture == "gemma3" { 7 } else { 2 };
        let tied = matches!(architecture, "gemma3" | "llama");
        Tiny { architecture, dtype, hidden: 256, heads: 4, kv_heads: 2, feed_forward: 512, layers, tied }
    }

    fn head_dim(&self) -> usize {
        self.hidden / self.heads
    }

    fn metadata(&self) -> Vec<(String, Value)> {
        let own = |key: &str, value: Value| (format!("{}.{key}", self.architecture), value);
        let number = |n: usize| Value::U32(n as u32);
        let mut keys = vec![
            ("general.architecture".to_string(), Value::String(self.architecture.to_string())),
            own("block_count", number(self.layers)),
            own("context_length", number(512)),
            own("embedding_length", number(self.hidden)),
            own("feed_forward_length", number(self.feed_forward)),
            own("attention.head_count", number(self.heads)),
            own("attention.head_count_kv", number(self.kv_heads)),
            own("attention.layer_norm_rms_epsilon", Value::F32(1e-6)),
            own("attention.key_length", number(self.head_dim())),
            own("attention.value_length", number(self.head_dim())),
            own("rope.dimension_count", number(self.head_dim())),
            own("rope.freq_base", Value::F32(10_000.0)),
        ];
        if self.architecture == "gemma3" {
            keys.push(own("attention.sliding_window", number(400)));
        }
        keys.extend(tokenizer());
        keys
    }

    fn tensors(&self, random: &mut ChaCha8Rng) -> Vec<(String, QTensor)> {
        let (hidden, wide) = (self.hidden, self.feed_forward);
        let kv = self.kv_heads * self.head_dim();
        let mut made = Vec::new();
        let mut matrix = |name: String, rows: usize, cols: usize, random: &mut ChaCha8Rng| {
            made.push((
                name,
                quantized(random, &[rows, cols], self.dtype, 0.0, (cols as f32).sqrt().recip() * 2.0),
            ));
        };
        matrix("token_embd.weight".into(), VOCABULARY, hidden, random);
        if !self.tied {
            matrix("output.weight".into(), VOCABULARY, hidden, random);
        }
        for layer in 0..self.layers {
            let at = |name: &str| format!("blk.{layer}.{name}.weight");
            if self.architecture == "phi3" {
                matrix(at("attn_qkv"), hidden + 2 * kv, hidden, random);
                matrix(at("ffn_up"), 2 * wide, hidden, random);
            } else {
                matrix(at("attn_q"), hidden, hidden, random);
                matrix(at("attn_k"), kv, hidden, random);
                matrix(at("attn_v"), kv, hidden, random);
                matrix(at("ffn_gate"), wide, hidden, random);
                matrix(at("ffn_up"), wide, hidden, random);
            }
            matrix(at("attn_output"), hidden, hidden, random);
            matrix(at("ffn_down"), hidden, wide, random);
        }
        let mut vector = |name: String, size: usize, middle: f32, random: &mut ChaCha8Rng| {
            made.push((name, quantized(random, &[size], GgmlDType::F32, middle, 0.3)));
        };
        vector("output_norm.weight".into(), hidden, 1.0, random);
        for layer in 0..self.layers {
            let at = |name: &str| format!("blk.{layer}.{name}.weight");
            vector(at("attn_norm"), hidden, 1.0, random);
            vector(at("ffn_norm"), hidden, 1.0, random);
            if self.architecture == "gemma3" {
                vector(at("post_attention_norm"), hidden, 1.0, random);
                vector(at("post_ffw_norm"), hidden, 1.0, random);
            }
            if matches!(self.architecture, "gemma3" | "qwen3") {
                vector(at("attn_q_norm"), self.head_dim(), 1.0, random);
                vector(at("attn_k_norm"), self.head_dim(), 1.0, random);
            }
            if self.architecture == "qwen2" {
                vector(format!("blk.{layer}.attn_q.bias"), hidden, 0.0, random);
                vector(format!("blk.{layer}.attn_k.bias"), kv, 0.0, random);
                vector(format!("blk.{layer}.attn_v.bias"), kv, 0.0, random);
            }
        }
        made
    }

    /// The file's bytes.
    pub fn bytes(&self) -> Vec<u8> {
        self.bytes_with(|_, _| {})
    }

    /// The file's bytes after `change` had its way with keys and tensors.
    pub fn bytes_with(
        &self,
        change: impl FnOnce(&mut Vec<(String, Value)>, &mut Vec<(String, QTensor)>),
    ) -> Vec<u8> {
        let mut random = ChaCha8Rng::seed_from_u64(11);
        let mut keys = self.metadata();
        let mut tensors = self.tensors(&mut random);
        change(&mut keys, &mut tensors);
        let keys: Vec<(&str, &Value)> = keys.iter().map(|(key, value)| (key.as_str(), value)).collect();
        let tensors: Vec<(&str, &QTensor)> = tensors.iter().map(|(name, t)| (name.as_str(), t)).collect();
        let mut out = std::io::Cursor::new(Vec::new());
        gguf_file::write(&mut out, &keys, &tensors).unwrap();
        out.into_inner()
    }

    /// Writes the file into `folder`.
    pub fn write(&self, folder: &tempfile::TempDir) -> PathBuf {
        let path = folder.path().join(format!("{}-{:?}.gguf", self.architecture, self.dtype));
        std::fs::write(&path, self.bytes()).unwrap();
        path
    }
}

fn quantized(
    random: &mut ChaCha8Rng,
    shape: &[usize],
    dtype: GgmlDType,
    middle: f32,
    spread: f32,
) -> QTensor {
    let count = shape.iter().product();
    let values: Vec<f32> = (0..count).map(|_| middle + spread * (random.random::<f32>() - 0.5)).collect();
    QTensor::quantize(&Tensor::from_vec(values, shape, &Device::Cpu).unwrap(), dtype).unwrap()
}

/// Bytes as GPT-2 writes them, `Ġ` for a space, a few merges, two control tokens.
fn tokenizer() -> Vec<(String, Value)> {
    let mut stand_in = 256u32;
    let mut tokens: Vec<String> = (0..=255u8)
        .map(|byte| {
            let own = matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF);
            let code = if own { u32::from(byte) } else { stand_in };
            stand_in += u32::from(!own);
            char::from_u32(code).unwrap().to_string()
        })
        .collect();
    let merges = ["h e", "l l", "ll o", "he llo", "Ġ w", "o r", "Ġw or", "Ġwor l"];
    tokens.extend(merges.iter().map(|merge| merge.replace(' ', "")));
    let ordinary = tokens.len();
    tokens.extend([TURN_START.to_string(), TURN_END.to_string()]);
    let kinds = (0..tokens.len()).map(|id| Value::I32(if id < ordinary { 1 } else { 3 })).collect();
    let text = |s: &str| Value::String(s.to_string());
    let template = "{% for message in messages %}{{'<|im_start|>' + message['role'] + '\n' + \
        message['content'] + '<|im_end|>\n'}}{% endfor %}{{ '<|im_start|>assistant\n' }}";
    let key = |name: &str, value: Value| (format!("tokenizer.{name}"), value);
    vec![
        key("ggml.model", text("gpt2")),
        key("ggml.pre", text("default")),
        key("ggml.eos_token_id", Value::U32(ordinary as u32 + 1)),
        key("ggml.tokens", Value::Array(tokens.iter().map(|token| text(token)).collect())),
        key("ggml.token_type", Value::Array(kinds)),
        key("ggml.merges", Value::Array(merges.iter().map(|merge| text(merge)).collect())),
        key("chat_template", text(template)),
    ]
}

/// A real model file: the one that the test run names, or the catalogue's smallest, which the program
/// fetches once into the folder where the integration tests keep it; none where it can't be had.
pub fn real_model() -> Option<PathBuf> {
    static FILE: OnceLock<Option<PathBuf>> = OnceLock::new();
    let named = || std::env::var_os("COACHUP_TEST_GGUF").map(PathBuf::from).filter(|path| path.exists());
    FILE.get_or_init(|| named().or_else(smallest_model)).clone()
}

fn smallest_model() -> Option<PathBuf> {
    // target/release/deps/coachup-… beside target/tmp.
    let program = std::env::current_exe().ok()?;
    let folder = program.ancestors().nth(3)?.join("tmp");
    let hub = HubOptions { cache: Some(folder.join("hub")), offline: true, ..HubOptions::default() };
    let store = Store::new(folder.join("models"), &hub, None);
    let catalogue = Catalogue::load(Path::new("no such file")).expect("the built-in catalogue");
    let acquired = store.acquire(catalogue.get("smollm2-135m").ok()?, &mut Quiet);
    acquired.inspect_err(|error| eprintln!("SKIPPED: no real model: {error}")).ok()?.files.first().cloned()
}
