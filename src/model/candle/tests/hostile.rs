//! Files that are cut, mislabelled or made to harm give an error that names the fault.

use super::super::{CandleModel, CandleOptions};
use super::tiny::{Tiny, VOCABULARY};
use crate::model::{LanguageModel, Message, Prompt};
use candle_core::quantized::gguf_file::Value;
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{DType, Device, Tensor};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

fn load(bytes: &[u8]) -> Result<CandleModel, String> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    std::fs::write(&path, bytes).unwrap();
    let options = CandleOptions { threads: Some(1), context: Some(64), ..CandleOptions::default() };
    CandleModel::load(&path, &options).map_err(|error| error.to_string())
}

#[track_caller]
fn refused(bytes: &[u8], words: &[&str]) {
    let error = load(bytes).err().expect("refused");
    assert!(error.contains("model.gguf"), "names the file: {error}");
    for word in words {
        assert!(error.contains(word), "`{word}` in: {error}");
    }
}

fn tiny() -> Tiny {
    Tiny::new("qwen2", GgmlDType::Q8_0)
}

fn with_key(key: &str, value: Option<Value>) -> Vec<u8> {
    tiny().bytes_with(|keys, _| {
        keys.retain(|(name, _)| name != key);
        keys.extend(value.map(|value| (key.to_string(), value)));
    })
}

#[test]
fn a_whole_file_loads() {
    assert!(load(&tiny().bytes()).is_ok());
}

#[test]
fn what_is_no_gguf_is_refused() {
    refused(b"", &["not a GGUF file"]);
    refused(&[0; 100], &["not a GGUF file"]);
    let mut bytes = tiny().bytes();
    bytes[4] = 9;
    refused(&bytes, &["version 9"]);
}

#[test]
fn a_file_cut_anywhere_is_refused() {
    let bytes = tiny().bytes();
    for length in (0..bytes.len() - 64).step_by(bytes.len() / 97) {
        refused(&bytes[..length], &[]);
    }
    refused(&bytes[..bytes.len() - 64], &["past the end", "cut short"]);
}

#[test]
fn huge_counts_are_refused_before_anything_is_allocated() {
    for (at, word) in [(8, "number of tensors"), (16, "number of metadata keys")] {
        let mut bytes = tiny().bytes();
        bytes[at..at + 8].copy_from_slice(&(u64::MAX / 2).to_le_bytes());
        refused(&bytes, &[word]);
    }
    // The first key's length.
    let mut bytes = tiny().bytes();
    bytes[24..32].copy_from_slice(&u64::MAX.to_le_bytes());
    refused(&bytes, &["metadata key"]);
}

/// Small matrices in many layers, and a context without end: 2 MB that would reserve hundreds.
#[test]
fn a_small_file_can_not_ask_for_much_memory() {
    let narrow = Tiny { hidden: 32, heads: 16, kv_heads: 16, feed_forward: 32, layers: 256, ..tiny() };
    let bytes = narrow.bytes_with(|keys, _| {
        keys.retain(|(name, _)| name != "qwen2.context_length");
        keys.push(("qwen2.context_length".into(), Value::U32(1 << 30)));
    });
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    std::fs::write(&path, &bytes).unwrap();
    let load = |context| {
        let options = CandleOptions { threads: Some(1), context, ..CandleOptions::default() };
        CandleModel::load(&path, &options)
            .map(|model| model.context_tokens())
            .map_err(|error| error.to_string())
    };
    for context in [None, Some(1 << 29), Some(usize::MAX)] {
        let error = load(context).unwrap_err();
        assert!(
            error.contains("does not go with a file of") && error.contains("16 key-value heads"),
            "{error}"
        );
    }
    assert_eq!(load(Some(256)), Ok(256));
    // Nor for wide rows of activations.
    for (key, wide) in [("feed_forward_length", 1 << 20), ("attention.head_count", 1024)] {
        let bytes = narrow.bytes_with(|keys, _| {
            keys.retain(|(name, _)| !name.ends_with(key) && !name.ends_with("key_length"));
            keys.push((format!("qwen2.{key}"), Value::U32(wide)));
            keys.push(("qwen2.attention.key_length".into(), Value::U32(4)));
            keys.retain(|(name, _)| !name.ends_with("value_length") && !name.ends_with("dimension_count"));
        });
        refused(&bytes, &["too wide", key.split('.').next_back().unwrap().split('_').next().unwrap()]);
    }
}

#[test]
fn missing_and_odd_keys_are_named() {
    refused(&with_key("general.architecture", None), &["general.architecture", "missing"]);
    let mamba = Value::String("mamba".into());
    refused(&with_key("general.architecture", Some(mamba)), &["`mamba`", "qwen3"]);
    for key in
        ["block_count", "embedding_length", "feed_forward_length", "context_length", "attention.head_count"]
    {
        let key = format!("qwen2.{key}");
        refused(&with_key(&key, None), &[&key, "missing"]);
        refused(&with_key(&key, Some(Value::String("many".into()))), &[&key, "not a count"]);
        refused(&with_key(&key, Some(Value::U32(0))), &[&key]);
        refused(&with_key(&key, Some(Value::U64(u64::MAX))), &[&key]);
    }
    refused(&with_key("qwen2.block_count", Some(Value::U32(900))), &["blk.2"]);
    refused(&with_key("qwen2.attention.head_count_kv", Some(Value::U32(3))), &["don't fit together"]);
    refused(&with_key("qwen2.rope.freq_base", Some(Value::F32(f32::NAN))), &["rope.freq_base"]);
    refused(&with_key("general.alignment", Some(Value::U32(0))), &["general.alignment"]);
    refused(&with_key("tokenizer.ggml.tokens", None), &["tokenizer.ggml.tokens", "missing"]);
    refused(&with_key("tokenizer.ggml.model", Some(Value::String("bert".into()))), &["`bert`"]);
    let merges = Value::Array(vec![Value::String("nopair".into())]);
    refused(&with_key("tokenizer.ggml.merges", Some(merges)), &["tokenizer.ggml.merges"]);
    // A merge that makes no token is never done.
    let merges = Value::Array(vec![Value::String("zz yy".into())]);
    assert!(load(&with_key("tokenizer.ggml.merges", Some(merges))).is_ok());
    let kinds = Value::Array(vec![Value::I32(1)]);
    refused(&with_key("tokenizer.ggml.token_type", Some(kinds)), &["token_type", "1 entries"]);
    let template = Value::String("{% if %}".into());
    assert!(load(&with_key("tokenizer.chat_template", Some(template))).is_err());
}

#[test]
fn missing_and_misshapen_tensors_are_named() {
    let change = |name: &str, tensor: Option<QTensor>| {
        tiny().bytes_with(|_, tensors| {
            tensors.retain(|(found, _)| found != name);
            tensors.extend(tensor.map(|tensor| (name.to_string(), tensor)));
        })
    };
    let zeros = |shape: &[usize]| {
        let zeros = Tensor::zeros(shape, DType::F32, &Device::Cpu).unwrap();
        QTensor::quantize(&zeros, GgmlDType::F32).unwrap()
    };
    for name in ["token_embd.weight", "blk.1.ffn_down.weight", "blk.0.attn_k.bias", "output_norm.weight"] {
        refused(&change(name, None), &[name, "missing"]);
        refused(&change(name, Some(zeros(&[3, 32]))), &[name, "shape"]);
    }
    refused(&change("token_embd.weight", Some(zeros(&[VOCABULARY - 40, 256]))), &["output.weight"]);
    let small = tiny().bytes_with(|_, tensors| {
        tensors.retain(|(name, _)| name != "token_embd.weight" && name != "output.weight");
        tensors.push(("token_embd.weight".into(), zeros(&[VOCABULARY - 40, 256])));
    });
    refused(&small, &["tokenizer.ggml.tokens", "token_embd.weight"]);
}

/// A template of a few bytes makes a megabyte of control tokens, among hundreds of others.
#[test]
fn a_template_that_repeats_control_tokens_is_soon_done_with() {
    let strings = |texts: Vec<String>| Value::Array(texts.into_iter().map(Value::String).collect());
    let bytes = tiny().bytes_with(|keys, _| {
        let mut set = |key: &str, value: Value| {
            keys.retain(|(name, _)| name != key);
            keys.push((key.to_string(), value));
        };
        set("tokenizer.ggml.tokens", strings((0..VOCABULARY).map(|id| format!("<{id}>")).collect()));
        set("tokenizer.ggml.token_type", Value::Array(vec![Value::I32(3); VOCABULARY]));
        set("tokenizer.ggml.merges", strings(vec!["a b".to_string()]));
        set("tokenizer.chat_template", Value::String("{{ '<7>' * 300000 }}".into()));
    });
    let mut model = load(&bytes).unwrap();
    let prompt = Prompt::Chat(vec![Message { role: "user", content: "<7>".repeat(1000) }]);
    let begun = std::time::Instant::now();
    let error = model.loglik(&prompt, &[]).unwrap_err().to_string();
    assert!(error.contains("the prompt has 300000 tokens"), "{error}");
    assert!(begun.elapsed().as_secs() < 20, "{:?}", begun.elapsed());
}

/// Flips bytes all over the header: every outcome is fine but a crash, a hang or a giant allocation.
#[test]
fn damaged_headers_never_crash() {
    let whole = tiny().bytes();
    let header = whole.len() - 2 * 1_000_000;
    let header = header.min(24_000).min(whole.len());
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let mut loaded = 0;
    for _ in 0..400 {
        let mut bytes = whole.clone();
        for _ in 0..random.random_range(1..4) {
            let at = random.random_range(4..header);
            bytes[at] = match random.random_range(0..3) {
                0 => 0xff,
                1 => 0,
                _ => random.random(),
            };
        }
        loaded += usize::from(load(&bytes).is_ok());
    }
    assert!(loaded < 400, "some damage is found");
}
