//! The same logits and the same greedy text as candle-transformers' own models.

use super::super::attention::Place;
use super::super::cache::View;
use super::super::config::{Activation, Architecture, Config};
use super::super::decoder::{Decoder, Row};
use super::super::gguf::Gguf;
use super::super::math::argmax;
use super::super::weights::Weights;
use super::tiny::{Tiny, VOCABULARY, real_model};
use candle_core::quantized::tokenizer::TokenizerFromGguf;
use candle_core::quantized::{GgmlDType, gguf_file};
use candle_core::{Device, Tensor};
use candle_transformers::models as stock;
use std::path::Path;

/// candle-transformers' model of a file.
enum Stock {
    Llama(stock::quantized_llama::ModelWeights),
    Qwen2(stock::quantized_qwen2::ModelWeights),
    Qwen3(stock::quantized_qwen3::ModelWeights),
    Gemma3(stock::quantized_gemma3::ModelWeights),
    Phi3(stock::quantized_phi3::ModelWeights),
}

impl Stock {
    fn load(path: &Path) -> Stock {
        let mut file = std::fs::File::open(path).unwrap();
        let content = gguf_file::Content::read(&mut file).unwrap();
        let architecture = content.metadata["general.architecture"].to_string().unwrap().clone();
        let cpu = Device::Cpu;
        match architecture.as_str() {
            "llama" => Stock::Llama(
                stock::quantized_llama::ModelWeights::from_gguf(content, &mut file, &cpu).unwrap(),
            ),
            "qwen2" => Stock::Qwen2(
                stock::quantized_qwen2::ModelWeights::from_gguf(content, &mut file, &cpu).unwrap(),
            ),
            "qwen3" => Stock::Qwen3(
                stock::quantized_qwen3::ModelWeights::from_gguf(content, &mut file, &cpu).unwrap(),
            ),
            "gemma3" => Stock::Gemma3(
                stock::quantized_gemma3::ModelWeights::from_gguf(content, &mut file, &cpu).unwrap(),
            ),
            _ => Stock::Phi3(
                stock::quantized_phi3::ModelWeights::from_gguf(false, content, &mut file, &cpu).unwrap(),
            ),
        }
    }

    /// Logits after the last of `tokens`, which follow `before` others.
    fn forward(&mut self, tokens: &[u32], before: usize) -> Vec<f32> {
        let input = Tensor::new(tokens, &Device::Cpu).unwrap().unsqueeze(0).unwrap();
        let logits = match self {
            Stock::Llama(model) => model.forward(&input, before),
            Stock::Qwen2(model) => model.forward(&input, before),
            Stock::Qwen3(model) => model.forward(&input, before),
            Stock::Gemma3(model) => model.forward(&input, before),
            Stock::Phi3(model) => model.forward(&input, before),
        };
        logits.unwrap().flatten_all().unwrap().to_vec1().unwrap()
    }
}

pub fn decoder(path: &Path, threads: usize) -> Decoder {
    let gguf = Gguf::open(path).unwrap();
    let mut config = Config::from_gguf(&gguf).unwrap();
    // candle-transformers 0.11 has silu in its quantized Gemma 3, where Gemma (and llama.cpp) have gelu.
    if config.architecture == Architecture::Gemma3 {
        config.activation = Activation::Silu;
    }
    let weights = Weights::from_gguf(&gguf, &config).unwrap();
    Decoder::new(config, weights, threads)
}

pub fn prompt_rows(tokens: &[u32], from: usize) -> Vec<Row> {
    let view = View { prefix: 0, tail: 0 };
    let row = |(i, token): (usize, &u32)| Row {
        token: *token,
        position: from + i,
        place: Place { slot: from + i, view },
    };
    tokens.iter().enumerate().map(row).collect()
}

/// The largest difference as a share of the reference's largest logit.
fn distance(found: &[f32], right: &[f32]) -> f32 {
    assert_eq!(found.len(), right.len());
    let scale = right.iter().fold(0f32, |top, value| top.max(value.abs()));
    found.iter().zip(right).fold(0f32, |worst, (a, b)| worst.max((a - b).abs())) / scale
}

fn tokens(count: usize) -> Vec<u32> {
    (0..count).map(|i| ((i * 37 + 11) % VOCABULARY) as u32).collect()
}

const ARCHITECTURES: [&str; 5] = ["llama", "qwen2", "qwen3", "gemma3", "phi3"];

/// Half floats in the cache cost about a thousandth.
const TOLERANCE_OF_FLOATS: f32 = 0.003;

/// Inputs rounded to bytes a little otherwise than candle does cost some hundredths in so small a model; a
/// wrong norm, rotation or mask costs tenths, and shows with floats as well.
const TOLERANCE: f32 = 0.06;

fn tolerance(dtype: GgmlDType) -> f32 {
    if dtype == GgmlDType::F32 { TOLERANCE_OF_FLOATS } else { TOLERANCE }
}

#[test]
fn logits_equal_candles_for_every_architecture() {
    let folder = tempfile::tempdir().unwrap();
    for architecture in ARCHITECTURES {
        for dtype in [GgmlDType::F32, GgmlDType::Q8_0, GgmlDType::Q4K, GgmlDType::Q6K] {
            let path = Tiny::new(architecture, dtype).write(&folder);
            let tokens = tokens(23);
            let right = Stock::load(&path).forward(&tokens, 0);
            let mut decoder = decoder(&path, 2);
            let mut cache = decoder.new_cache(64);
            let mut logits = Vec::new();
            decoder.forward(&mut cache, &prompt_rows(&tokens, 0), &[22], &mut logits);
            let distance = distance(&logits, &right);
            assert!(distance < tolerance(dtype), "{architecture} {dtype:?}: {distance}");
        }
    }
}

#[test]
fn logits_equal_candles_for_every_quantization() {
    use GgmlDType::*;
    let folder = tempfile::tempdir().unwrap();
    for dtype in [F16, BF16, Q4_0, Q4_1, Q5_0, Q5_1, Q8_0, Q2K, Q3K, Q4K, Q5K, Q6K] {
        let path = Tiny::new("qwen2", dtype).write(&folder);
        let tokens = tokens(5);
        let mut stock = Stock::load(&path);
        let mut decoder = decoder(&path, 1);
        let mut cache = decoder.new_cache(8);
        let mut logits = Vec::new();
        for (at, token) in tokens.iter().enumerate() {
            let right = stock.forward(&[*token], at);
            decoder.forward(&mut cache, &prompt_rows(&[*token], at), &[0], &mut logits);
            let distance = distance(&logits, &right);
            assert!(distance < tolerance(dtype), "{dtype:?} at {at}: {distance}");
        }
    }
}

#[test]
fn one_pass_equals_many_to_the_bit_whatever_the_threads() {
    let folder = tempfile::tempdir().unwrap();
    for architecture in ARCHITECTURES {
        for dtype in [GgmlDType::Q4K, GgmlDType::Q5_0] {
            let path = Tiny::new(architecture, dtype).write(&folder);
            let tokens = tokens(40);
            let all: Vec<usize> = (0..tokens.len()).collect();
            let mut at_once = Vec::new();
            let mut decoder_one = decoder(&path, 1);
            let mut cache = decoder_one.new_cache(64);
            decoder_one.forward(&mut cache, &prompt_rows(&tokens, 0), &all, &mut at_once);
            for threads in [1, 2, 3, 7] {
                let mut decoder = decoder(&path, threads);
                let mut cache = decoder.new_cache(64);
                let mut one = Vec::new();
                let mut in_steps = Vec::new();
                for (at, token) in tokens.iter().enumerate() {
                    decoder.forward(&mut cache, &prompt_rows(&[*token], at), &[0], &mut one);
                    in_steps.extend_from_slice(&one);
                }
                assert!(in_steps == at_once, "{architecture} {dtype:?} with {threads} threads");
            }
        }
    }
}

#[test]
fn branches_see_the_prompt_and_themselves_only() {
    let folder = tempfile::tempdir().unwrap();
    for architecture in ARCHITECTURES {
        let path = Tiny::new(architecture, GgmlDType::Q4K).write(&folder);
        let prompt = tokens(9);
        let branches: [&[u32]; 3] = [&[1, 2, 3], &[200, 7, 9], &[1, 2, 4]];
        let mut decoder = decoder(&path, 2);
        let alone: Vec<Vec<f32>> = branches
            .iter()
            .map(|branch| {
                let mut cache = decoder.new_cache(64);
                let whole = [&prompt[..], branch].concat();
                let mut logits = Vec::new();
                decoder.forward(&mut cache, &prompt_rows(&whole, 0), &[9, 10, 11], &mut logits);
                logits
            })
            .collect();
        let mut cache = decoder.new_cache(64);
        let mut logits = Vec::new();
        decoder.forward(&mut cache, &prompt_rows(&prompt, 0), &[], &mut logits);
        for step in 0..3 {
            let rows: Vec<Row> = (0..3)
                .map(|b| Row {
                    token: branches[b][step],
                    position: 9 + step,
                    place: Place { slot: 20 + b * 10 + step, view: View { prefix: 9, tail: 20 + b * 10 } },
                })
                .collect();
            decoder.forward(&mut cache, &rows, &[0, 1, 2], &mut logits);
            for b in 0..3 {
                let right = &alone[b][step * VOCABULARY..(step + 1) * VOCABULARY];
                assert!(&logits[b * VOCABULARY..(b + 1) * VOCABULARY] == right, "{architecture} {b} {step}");
            }
        }
    }
}

/// Two tokens whose logits are closer than this in candle's model may change places by rounding alone.
const NEAR_TIE: f32 = 0.15;

#[test]
fn greedy_text_of_a_real_model_equals_candles() {
    let Some(path) = real_model() else { return };
    let gguf = Gguf::open(&path).unwrap();
    let text = "The capital of France is";
    let tokens = super::super::tokens::Tokens::from_gguf(&gguf).unwrap();
    let mut prompt = tokens.encode(text, super::super::tokens::Controls::Text).unwrap();
    let mut stock = Stock::load(&path);
    let mut decoder = decoder(&path, 2);
    let mut cache = decoder.new_cache(64);
    let mut right = stock.forward(&prompt, 0);
    let mut logits = Vec::new();
    decoder.forward(&mut cache, &prompt_rows(&prompt, 0), &[prompt.len() - 1], &mut logits);
    for _ in 0..16 {
        let next = argmax(&right);
        let gap = right[next] - right[argmax(&logits)];
        assert!(gap < NEAR_TIE, "{gap} apart after {prompt:?}");
        right = stock.forward(&[next as u32], prompt.len());
        decoder.forward(&mut cache, &prompt_rows(&[next as u32], prompt.len()), &[0], &mut logits);
        prompt.push(next as u32);
    }
    let bytes: Vec<u8> = prompt.iter().flat_map(|token| tokens.bytes(*token).to_vec()).collect();
    let whole = String::from_utf8(bytes).unwrap();
    println!("{whole}");
    assert!(whole.starts_with("The capital of France is Paris"), "{whole}");
}

#[test]
fn a_real_models_tokens_are_those_of_candles_tokenizer() {
    let Some(path) = real_model() else { return };
    let tokens = super::super::tokens::Tokens::from_gguf(&Gguf::open(&path).unwrap()).unwrap();
    let content = gguf_file::Content::read(&mut std::fs::File::open(&path).unwrap()).unwrap();
    let candle = tokenizers::Tokenizer::from_gguf(&content).unwrap();
    for text in [
        "Could we find half an hour on Thursday? I'd like your view on 2 options.",
        "SAM: I've 12345 unread mails!!!  What'll we do?\n\nDANA:\tHm.\r\n   Come in.",
        "naïve café, e\u{301}tude, 日本語のテキスト, 🙂👍🏽 and ﬁne; Übermäßigkeitsverordnung",
        "fn main() { println!(\"{:?}\", [1u8; 16]); } // supercalifragilisticexpialidocious",
        "a",
        " ",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa          bbbb",
    ] {
        // For some families candle puts a space before a text that has none; here none is made up.
        let text = format!(" {text}");
        let right = candle.encode_fast(text.as_str(), false).unwrap();
        let found = tokens.encode(&text, super::super::tokens::Controls::Text).unwrap();
        assert_eq!(found, right.get_ids(), "{text}");
    }
}
