//! An adapter against weights that it is merged into, and what is refused of one.

use super::super::adapter::Adapter;
use super::super::config::Config;
use super::super::decoder::Decoder;
use super::super::gguf::Gguf;
use super::super::weights::Weights;
use super::super::{CandleModel, CandleOptions};
use super::reference::prompt_rows;
use super::tiny::Tiny;
use crate::model::{LanguageModel, ModelError, hex};
use candle_core::quantized::gguf_file::{self, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};
use std::collections::HashMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

const RANK: usize = 16;
const ALPHA: f32 = 32.0;

/// Matrices of the tiny model that are tuned: all of layer 1.
fn tuned() -> Vec<(String, usize, usize)> {
    let shapes = [
        ("attn_q", 256, 256),
        ("attn_k", 128, 256),
        ("attn_v", 128, 256),
        ("attn_output", 256, 256),
        ("ffn_gate", 512, 256),
        ("ffn_up", 512, 256),
        ("ffn_down", 256, 512),
    ];
    shapes.map(|(name, rows, cols)| (format!("blk.1.{name}.weight"), rows, cols)).to_vec()
}

fn tensor(values: Vec<f32>, rows: usize, cols: usize) -> Tensor {
    Tensor::from_vec(values, (rows, cols), &Device::Cpu).unwrap()
}

/// For each matrix that is tuned `A` and `B`, rounded to what the file holds of them.
fn low_ranks(down: GgmlDType) -> HashMap<String, (QTensor, QTensor)> {
    let mut random = ChaCha8Rng::seed_from_u64(5);
    let mut made = |rows: usize, cols: usize, dtype| {
        let values = (0..rows * cols).map(|_| random.random_range(-0.12..0.12f32)).collect();
        QTensor::quantize(&tensor(values, rows, cols), dtype).unwrap()
    };
    let pair = |(name, rows, cols)| (name, (made(RANK, cols, down), made(rows, RANK, GgmlDType::F16)));
    tuned().into_iter().map(pair).collect()
}

type Keys = Vec<(&'static str, Value)>;
type Tensors = Vec<(String, QTensor)>;

/// An adapter's file for the model in `base`, after `change` had its way with keys and tensors.
fn adapter(base: &Path, down: GgmlDType, change: impl FnOnce(&mut Keys, &mut Tensors)) -> Vec<u8> {
    let bytes = std::fs::read(base).unwrap();
    let text = |text: &str| Value::String(text.to_owned());
    let mut keys = vec![
        ("general.type", text("adapter")),
        ("general.architecture", text("qwen2")),
        ("adapter.type", text("lora")),
        ("adapter.lora.alpha", Value::F32(ALPHA)),
        ("coachup.base.size", Value::U64(bytes.len() as u64)),
        ("coachup.base.sha256", text(&hex(&Sha256::digest(&bytes)))),
    ];
    let mut tensors: Tensors = Vec::new();
    for (name, (a, b)) in low_ranks(down) {
        tensors.extend([(format!("{name}.lora_a"), a), (format!("{name}.lora_b"), b)]);
    }
    change(&mut keys, &mut tensors);
    let keys: Vec<(&str, &Value)> = keys.iter().map(|(key, value)| (*key, value)).collect();
    let tensors: Vec<(&str, &QTensor)> = tensors.iter().map(|(name, t)| (name.as_str(), t)).collect();
    let mut out = std::io::Cursor::new(Vec::new());
    gguf_file::write(&mut out, &keys, &tensors).unwrap();
    out.into_inner()
}

fn opened(bytes: &[u8]) -> Result<Adapter, ModelError> {
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), bytes).unwrap();
    Adapter::open(file.path())
}

/// Logits of all of 40 tokens, and the decoder.
fn logits(gguf: &Gguf, adapter: Option<&Adapter>, threads: usize, in_steps: bool) -> Vec<f32> {
    let config = Config::from_gguf(gguf).unwrap();
    let mut weights = Weights::from_gguf(gguf, &config).unwrap();
    if let Some(adapter) = adapter {
        adapter.apply(&mut weights).unwrap();
    }
    let mut decoder = Decoder::new(config, weights, threads);
    let mut cache = decoder.new_cache(64);
    let tokens: Vec<u32> = (0..40).map(|i| (i * 37 + 11) % 288).collect();
    let (mut all, mut one) = (Vec::new(), Vec::new());
    let size = if in_steps { 1 } else { tokens.len() };
    for (at, part) in tokens.chunks(size).enumerate() {
        let wanted: Vec<usize> = (0..part.len()).collect();
        decoder.forward(&mut cache, &prompt_rows(part, at * size), &wanted, &mut one);
        all.extend_from_slice(&one);
    }
    all
}

fn distance(found: &[f32], right: &[f32]) -> f32 {
    let scale = right.iter().fold(0f32, |top, value| top.max(value.abs()));
    found.iter().zip(right).fold(0f32, |worst, (a, b)| worst.max((a - b).abs())) / scale
}

/// The model with the adapter merged into its weights in floating point.
fn merged(folder: &tempfile::TempDir, down: GgmlDType) -> PathBuf {
    let low_ranks = low_ranks(down);
    let bytes = Tiny::new("qwen2", GgmlDType::F32).bytes_with(|_, tensors| {
        for (name, weight) in tensors {
            let Some((a, b)) = low_ranks.get(name) else { continue };
            let [a, b] = [a, b].map(|half| half.dequantize(&Device::Cpu).unwrap());
            let product = (b.matmul(&a).unwrap() * f64::from(ALPHA / RANK as f32)).unwrap();
            let sum = (weight.dequantize(&Device::Cpu).unwrap() + product).unwrap();
            *weight = QTensor::quantize(&sum, GgmlDType::F32).unwrap();
        }
    });
    let path = folder.path().join("merged.gguf");
    std::fs::write(&path, bytes).unwrap();
    path
}

#[test]
fn logits_equal_those_of_merged_weights() {
    let folder = tempfile::tempdir().unwrap();
    let base = Tiny::new("qwen2", GgmlDType::F32).write(&folder);
    let plain = Gguf::open(&base).unwrap();
    for (down, tolerance) in [(GgmlDType::F32, 0.003), (GgmlDType::Q8_0, 0.02)] {
        let right = logits(&Gguf::open(&merged(&folder, down)).unwrap(), None, 1, false);
        let adapter = opened(&adapter(&base, down, |_, _| {})).unwrap();
        let found = logits(&plain, Some(&adapter), 2, false);
        let [off, without] = [&found, &logits(&plain, None, 2, false)].map(|found| distance(found, &right));
        assert!(off < tolerance && without > 0.1, "{down:?}: {off} with it, {without} without");
    }
}

#[test]
fn one_pass_equals_many_to_the_bit_whatever_the_threads() {
    let folder = tempfile::tempdir().unwrap();
    let base = Tiny::new("qwen2", GgmlDType::Q4K).write(&folder);
    let gguf = Gguf::open(&base).unwrap();
    let adapter = opened(&adapter(&base, GgmlDType::Q8_0, |_, _| {})).unwrap();
    let right = logits(&gguf, Some(&adapter), 1, false);
    for threads in [1, 2, 5] {
        for in_steps in [false, true] {
            assert!(logits(&gguf, Some(&adapter), threads, in_steps) == right, "{threads} {in_steps}");
        }
    }
}

#[test]
fn only_the_file_that_it_was_made_for_gets_it_and_keeps_its_beginnings_apart() {
    let folder = tempfile::tempdir().unwrap();
    let base = Tiny::new("qwen2", GgmlDType::Q4K).write(&folder);
    let other = Tiny::new("qwen2", GgmlDType::Q8_0).write(&folder);
    let adapter = Arc::new(opened(&adapter(&base, GgmlDType::Q8_0, |_, _| {})).unwrap());
    let prefixes = folder.path().join("prefixes");
    let load = |path: &Path, adapters: Vec<Arc<Adapter>>, sha256: Option<&str>| {
        let prefix_folder = Some(prefixes.clone());
        let sha256 = sha256.map(str::to_owned);
        CandleModel::load(
            path,
            &CandleOptions { adapters, prefix_folder, sha256, ..CandleOptions::default() },
        )
    };
    let mut tuned = load(&base, vec![adapter.clone()], None).unwrap();
    let mut plain = load(&base, Vec::new(), None).unwrap();
    assert!(tuned.is_tuned() && !plain.is_tuned());
    assert!(!load(&other, vec![adapter.clone()], None).unwrap().is_tuned(), "another base");
    assert!(!load(&base, vec![adapter], Some("00")).unwrap().is_tuned(), "a sum that is known is believed");
    let tokens: Vec<u32> = (0..80).collect();
    tuned.feed_tokens(&tokens, true).unwrap();
    plain.feed_tokens(&tokens, true).unwrap();
    assert_eq!(std::fs::read_dir(&prefixes).unwrap().count(), 2, "a folder each");
}

#[test]
fn a_faulty_adapter_is_refused_with_what_is_wrong() {
    let folder = tempfile::tempdir().unwrap();
    let base = Tiny::new("qwen2", GgmlDType::Q4K).write(&folder);
    let gguf = Gguf::open(&base).unwrap();
    let tried = |bytes: &[u8]| -> Result<(), ModelError> {
        let mut weights = Weights::from_gguf(&gguf, &Config::from_gguf(&gguf)?)?;
        let adapter = opened(bytes)?;
        adapter.belongs_to(&gguf, None)?;
        adapter.apply(&mut weights)
    };
    let with = |change: &dyn Fn(&mut Keys, &mut Tensors)| tried(&adapter(&base, GgmlDType::F16, change));
    with(&|_, _| {}).unwrap();
    let floats = |rows: usize, cols: usize, value: f32| {
        QTensor::quantize(&tensor(vec![value; rows * cols], rows, cols), GgmlDType::F32).unwrap()
    };
    let set = |keys: &mut Keys, key: &str, value: Value| {
        keys.iter_mut().find(|(name, _)| *name == key).unwrap().1 = value;
    };
    type Change<'a> = &'a dyn Fn(&mut Keys, &mut Tensors);
    let changes: [(Change, &str); 8] = [
        (&|keys, _| set(keys, "general.type", Value::String("model".into())), "`general.type` is `model`"),
        (&|keys, _| set(keys, "adapter.type", Value::U32(1)), "`adapter.type` is not text"),
        (&|keys, _| set(keys, "adapter.lora.alpha", Value::F32(f32::NAN)), "adapter.lora.alpha"),
        (&|keys, _| keys.retain(|(key, _)| *key != "coachup.base.sha256"), "coachup.base.sha256"),
        (&|_, tensors| drop(tensors.pop()), "is missing"),
        (&|_, tensors| tensors[0].1 = floats(RANK, 32, 0.0), "[rank, "),
        (
            &|_, tensors| tensors.push(("blk.9.attn_q.weight.lora_a".into(), floats(1, 1, 0.0))),
            "blk.9.attn_q",
        ),
        (
            &|_, tensors| {
                let at = tensors.iter().position(|(name, _)| name.ends_with("attn_k.weight.lora_b")).unwrap();
                tensors[at].1 = floats(128, RANK, f32::INFINITY);
            },
            "not a number",
        ),
    ];
    for (change, said) in changes {
        let error = with(change).unwrap_err().to_string();
        assert!(error.contains(said), "{error}");
    }
    let whole = adapter(&base, GgmlDType::Q8_0, |_, _| {});
    for length in [0, 3, 40, 400, whole.len() / 2, whole.len() - 1] {
        tried(&whole[..length]).unwrap_err();
    }
    let mut random = ChaCha8Rng::seed_from_u64(6);
    for _ in 0..400 {
        let mut bytes = whole.clone();
        for _ in 0..random.random_range(1..4) {
            let at = random.random_range(0..2000.min(bytes.len()));
            bytes[at] = random.random();
        }
        // Whatever it says: it must neither panic nor ask for more memory than the file has.
        let _ = tried(&bytes);
    }
}
