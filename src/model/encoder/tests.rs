//! The encoder on a tiny random model: against candle-transformers' BERT, and learning.

use super::network::Batch;
use super::train::{Example, Settings, fine_tune};
use super::*;
use candle_core::DType;
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::HashMap;
use std::ops::ControlFlow;
use std::path::Path;

const WORDS: [&str; 12] =
    ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "could", "we", "talk", "you", "never", "answer", "##ed", "."];

const WIDTH: usize = 96;

/// Writes a model of the sentence-embedding model's form, but of six tiny layers of random numbers.
fn tiny(folder: &Path) {
    let vocabulary: serde_json::Map<String, serde_json::Value> =
        WORDS.iter().enumerate().map(|(at, word)| (word.to_string(), at.into())).collect();
    let tokenizer = serde_json::json!({
        "version": "1.0", "truncation": null, "padding": null, "added_tokens": [],
        "normalizer": { "type": "BertNormalizer", "clean_text": true, "handle_chinese_chars": true,
            "strip_accents": null, "lowercase": true },
        "pre_tokenizer": { "type": "BertPreTokenizer" }, "post_processor": null, "decoder": null,
        "model": { "type": "WordPiece", "unk_token": "[UNK]", "continuing_subword_prefix": "##",
            "max_input_chars_per_word": 100, "vocab": vocabulary },
    });
    std::fs::write(folder.join("tokenizer.json"), tokenizer.to_string()).unwrap();
    let mut random = StdRng::seed_from_u64(3);
    let mut tensor = |shape: &[usize], middle: f32| {
        let count = shape.iter().product();
        let numbers: Vec<f32> = (0..count).map(|_| middle + 0.2 * (random.random::<f32>() - 0.5)).collect();
        Tensor::from_vec(numbers, shape, &Device::Cpu).unwrap()
    };
    let mut tensors: HashMap<String, Tensor> = HashMap::new();
    tensors.insert("embeddings.word_embeddings.weight".into(), tensor(&[WORDS.len(), WIDTH], 0.0));
    tensors.insert("embeddings.position_embeddings.weight".into(), tensor(&[256, WIDTH], 0.0));
    tensors.insert("embeddings.token_type_embeddings.weight".into(), tensor(&[2, WIDTH], 0.0));
    let mut norm = |tensors: &mut HashMap<String, Tensor>, name: &str| {
        tensors.insert(format!("{name}.LayerNorm.weight"), tensor(&[WIDTH], 1.0));
        tensors.insert(format!("{name}.LayerNorm.bias"), tensor(&[WIDTH], 0.0));
    };
    norm(&mut tensors, "embeddings");
    for layer in 0..6 {
        norm(&mut tensors, &format!("encoder.layer.{layer}.attention.output"));
        norm(&mut tensors, &format!("encoder.layer.{layer}.output"));
    }
    for layer in 0..6 {
        let shapes = [
            ("attention.self.query", WIDTH, WIDTH),
            ("attention.self.key", WIDTH, WIDTH),
            ("attention.self.value", WIDTH, WIDTH),
            ("attention.output.dense", WIDTH, WIDTH),
            ("intermediate.dense", 2 * WIDTH, WIDTH),
            ("output.dense", WIDTH, 2 * WIDTH),
        ];
        for (name, out, into) in shapes {
            tensors.insert(format!("encoder.layer.{layer}.{name}.weight"), tensor(&[out, into], 0.0));
            tensors.insert(format!("encoder.layer.{layer}.{name}.bias"), tensor(&[out], 0.0));
        }
    }
    candle_core::safetensors::save(&tensors, folder.join("model.safetensors")).unwrap();
}

#[test]
fn the_network_is_candle_transformers_bert() {
    let folder = tempfile::tempdir().unwrap();
    tiny(folder.path());
    let (mut network, cutter) = file::pretrained(folder.path(), 6, 40).unwrap();
    // With heads that copy, the pulls of a single word piece show its last state.
    network.look = Tensor::zeros((WIDTH, WIDTH), DType::F32, &Device::Cpu).unwrap();
    network.weigh = Tensor::eye(WIDTH, DType::F32, &Device::Cpu).unwrap();
    network.bias = Tensor::zeros(WIDTH, DType::F32, &Device::Cpu).unwrap();
    let cut = cutter.cut("You never answered. Could we talk?", Some("we talk")).unwrap();
    let said = network.forward(&Batch::of(&[&cut[0]]).unwrap(), None).unwrap();
    let config = Config {
        vocab_size: WORDS.len(),
        hidden_size: WIDTH,
        num_hidden_layers: 6,
        num_attention_heads: 12,
        intermediate_size: 2 * WIDTH,
        hidden_act: candle_transformers::models::bert::HiddenAct::Gelu,
        max_position_embeddings: 256,
        ..Config::default()
    };
    let bytes = std::fs::read(folder.path().join("model.safetensors")).unwrap();
    let variables = VarBuilder::from_buffered_safetensors(bytes, DType::F32, &Device::Cpu).unwrap();
    let peer = BertModel::load(variables, &config).unwrap();
    let pieces = &cut[0];
    let ids = Tensor::new(vec![pieces.ids.clone()], &Device::Cpu).unwrap();
    let kinds: Vec<u32> = (0..pieces.ids.len()).map(|at| u32::from(at >= pieces.own)).collect();
    let states = peer.forward(&ids, &Tensor::new(vec![kinds], &Device::Cpu).unwrap(), None).unwrap();
    let states: Vec<Vec<f32>> = states.squeeze(0).unwrap().to_vec2().unwrap();
    let pulls: Vec<Vec<f32>> = said.pulls.squeeze(0).unwrap().to_vec2().unwrap();
    for (state, pull) in states.iter().zip(&pulls).take(pieces.own) {
        for (theirs, ours) in state.iter().zip(pull) {
            let ours = ours * pieces.own as f32;
            assert!((theirs - ours).abs() < 2e-3 * theirs.abs().max(1.0), "{theirs} {ours}");
        }
    }
    assert!(pulls[pieces.own].iter().all(|pull| *pull == 0.0), "what stood before pulls at nothing");
}

fn examples() -> Vec<Example> {
    let example = |text: &str, blames: bool| Example {
        text: text.into(),
        before: None,
        answers: vec![Some(blames), Some(!blames), None],
    };
    let mut all = Vec::new();
    for end in ["", ".", " we talk", " you."] {
        all.push(example(&format!("you never answered{end}"), true));
        all.push(example(&format!("could we talk{end}"), false));
    }
    all
}

fn learned(folder: &Path) -> Encoder {
    let settings = Settings { epochs: 30, batch: 4, rate: 1e-3, head_rate: 1e-2, ..Settings::default() };
    let labels = ["blames", "asks", "nothing"].map(String::from);
    let told =
        |_, _, loss: f32| if loss.is_finite() { ControlFlow::Continue(()) } else { ControlFlow::Break(()) };
    fine_tune(folder, &labels, &examples(), &settings, told).unwrap()
}

fn bytes(encoder: &Encoder) -> Vec<u8> {
    let mut out = std::io::Cursor::new(Vec::new());
    encoder.write(&mut out).unwrap();
    out.into_inner()
}

#[test]
fn it_learns_keeps_what_it_learned_and_learns_the_same_again() {
    let folder = tempfile::tempdir().unwrap();
    tiny(folder.path());
    let encoder = learned(folder.path());
    let file = bytes(&encoder);
    assert_eq!(file, bytes(&learned(folder.path())));
    let read = Encoder::from_bytes(&file).unwrap();
    assert_eq!(read.labels(), encoder.labels());
    for (text, sign) in [("You never answered", 1.0), ("Could we talk", -1.0)] {
        let (fresh, stored) = (encoder.read(text, None).unwrap(), read.read(text, None).unwrap());
        assert!(fresh.logits[0] * sign > 1.0 && fresh.logits[1] * sign < -1.0, "{fresh:?}");
        assert!((fresh.logits[0] - stored.logits[0]).abs() < 0.5, "{fresh:?} {stored:?}");
        assert_eq!(read.read(text, None).unwrap(), stored);
    }
}

#[test]
fn a_long_text_is_read_to_its_end_and_an_empty_one_answered() {
    let folder = tempfile::tempdir().unwrap();
    tiny(folder.path());
    let encoder = learned(folder.path());
    let text = format!("{} you never answered.", "could we talk ".repeat(200));
    let said = encoder.read(&text, None).unwrap();
    assert_eq!(said.pulls.last().unwrap().0, text.len() - 1..text.len());
    assert_eq!(&text[said.pulls[602].0.clone()], "answer");
    let first = encoder.read(&format!("{} could", "could we talk ".repeat(53)), None).unwrap();
    assert!(said.logits.iter().zip(&first.logits).all(|(whole, first)| whole >= first));
    assert!(encoder.read("", None).unwrap().logits.iter().all(|logit| logit.is_finite()));
}

#[test]
fn damage_is_an_error() {
    let folder = tempfile::tempdir().unwrap();
    tiny(folder.path());
    let file = bytes(&learned(folder.path()));
    for damaged in [&file[..file.len() / 2], &file[1..], &[]] {
        assert!(Encoder::from_bytes(damaged).unwrap_err().to_string().contains("encoder is damaged"));
    }
    let error = file::pretrained(Path::new("nowhere"), 6, 40).unwrap_err().to_string();
    assert!(error.contains("tokenizer.json") && error.contains("coachup models pull"), "{error}");
}
