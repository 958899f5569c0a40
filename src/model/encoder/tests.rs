//! The encoder on a tiny random model: against candle-transformers' BERT, long texts, damage.

use super::network::bucket;
use super::*;
use candle_core::quantized::gguf_file::Content;
use candle_core::{DType, Device, Tensor};
use candle_nn::VarBuilder;
use candle_transformers::models::bert::{BertModel, Config, HiddenAct};
use rand::rngs::StdRng;
use rand::{RngExt, SeedableRng};
use std::collections::HashMap;
use std::io::Cursor;

const WORDS: [&str; 12] =
    ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "could", "we", "talk", "you", "never", "answer", "##ed", "."];
const WIDTH: usize = 96;
const LAYERS: usize = 3;
const LABELS: usize = 4;
const BEFORE: usize = 8;

/// What `training/encoder.py` would write of a tiny model of random numbers, packed.
fn tiny() -> &'static [u8] {
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
    let mut random = StdRng::seed_from_u64(3);
    let mut tensors: HashMap<String, Tensor> = HashMap::new();
    let mut put = |name: String, shape: &[usize]| {
        let middle = if name.ends_with("norm.weight") { 1.0 } else { 0.0 };
        let count = shape.iter().product();
        let numbers: Vec<f32> = (0..count).map(|_| middle + 0.4 * (random.random::<f32>() - 0.5)).collect();
        tensors.insert(name, Tensor::from_vec(numbers, shape, &Device::Cpu).unwrap());
    };
    put("token_embd.weight".into(), &[WORDS.len(), WIDTH]);
    put("position_embd.weight".into(), &[160 + BEFORE + 4, WIDTH]);
    put("token_types.weight".into(), &[2, WIDTH]);
    let mut both = |name: String, shape: &[usize]| {
        put(format!("{name}.weight"), shape);
        put(format!("{name}.bias"), &shape[..1]);
    };
    both("token_embd_norm".into(), &[WIDTH]);
    for layer in 0..LAYERS {
        for (name, shape) in [
            ("attn_q", &[WIDTH, WIDTH][..]),
            ("attn_k", &[WIDTH, WIDTH]),
            ("attn_v", &[WIDTH, WIDTH]),
            ("attn_output", &[WIDTH, WIDTH]),
            ("attn_output_norm", &[WIDTH]),
            ("ffn_up", &[2 * WIDTH, WIDTH]),
            ("ffn_down", &[WIDTH, 2 * WIDTH]),
            ("layer_output_norm", &[WIDTH]),
        ] {
            both(format!("blk.{layer}.{name}"), shape);
        }
    }
    both("labels.weigh".into(), &[LABELS, WIDTH]);
    both("labels.show".into(), &[LABELS, WIDTH]);
    put("labels.look.weight".into(), &[LABELS, WIDTH]);
    let metadata = [
        ("labels", "a,b,c,d"),
        ("layers", "3"),
        ("heads", "12"),
        ("epsilon", "1e-12"),
        ("before", "8"),
        ("tokenizer", &tokenizer.to_string()),
    ];
    let metadata = metadata.map(|(key, value)| (key.to_owned(), value.to_owned())).into();
    let file = tempfile::NamedTempFile::new().unwrap();
    safetensors::serialize_to_file(&tensors, Some(metadata), file.path()).unwrap();
    let mut packed = Cursor::new(Vec::new());
    pack(file.path(), &mut packed).unwrap();
    aligned(&packed.into_inner())
}

/// A copy of `bytes` where an encoder's may begin, for as long as the tests run.
fn aligned(bytes: &[u8]) -> &'static [u8] {
    let mut room = vec![0u8; bytes.len() + 64];
    let start = room.as_ptr().align_offset(64);
    room[start..start + bytes.len()].copy_from_slice(bytes);
    &Box::leak(room.into_boxed_slice())[start..start + bytes.len()]
}

/// candle-transformers' BERT with the weights of `file`, as they are after quantization.
fn peer(file: &[u8]) -> (BertModel, HashMap<String, Tensor>) {
    let mut reader = Cursor::new(file);
    let content = Content::read(&mut reader).unwrap();
    let mut tensors: HashMap<String, Tensor> = HashMap::new();
    for name in content.tensor_infos.keys() {
        let tensor = content.tensor(&mut reader, name, &Device::Cpu).unwrap();
        let mut named = name.clone();
        for (ours, theirs) in [
            ("token_embd_norm", "embeddings.LayerNorm"),
            ("token_embd", "embeddings.word_embeddings"),
            ("position_embd", "embeddings.position_embeddings"),
            ("token_types", "embeddings.token_type_embeddings"),
            ("blk.", "encoder.layer."),
            ("attn_q", "attention.self.query"),
            ("attn_k", "attention.self.key"),
            ("attn_v", "attention.self.value"),
            ("attn_output_norm", "attention.output.LayerNorm"),
            ("attn_output", "attention.output.dense"),
            ("ffn_up", "intermediate.dense"),
            ("ffn_down", "output.dense"),
            ("layer_output_norm", "output.LayerNorm"),
        ] {
            named = named.replace(ours, theirs);
        }
        tensors.insert(named, tensor.dequantize(&Device::Cpu).unwrap());
    }
    let config = Config {
        vocab_size: WORDS.len(),
        hidden_size: WIDTH,
        num_hidden_layers: LAYERS,
        num_attention_heads: 12,
        intermediate_size: 2 * WIDTH,
        hidden_act: HiddenAct::GeluApproximate,
        max_position_embeddings: 160 + BEFORE + 4,
        ..Config::default()
    };
    let variables = VarBuilder::from_tensors(tensors.clone(), DType::F32, &Device::Cpu);
    (BertModel::load(variables, &config).unwrap(), tensors)
}

#[test]
fn the_network_is_candle_transformers_bert() {
    let file = tiny();
    let encoder = Encoder::from_bytes(file).unwrap();
    let (text, before) = ("You never answered. Could we talk?", "we talk");
    let said = encoder.read(text, Some(before)).unwrap();
    let pieces = encoder.cutter.cut(text, Some(before)).unwrap().remove(0);
    let (model, tensors) = peer(file);
    let ids = Tensor::new(vec![pieces.ids.clone()], &Device::Cpu).unwrap();
    let kinds: Vec<u32> = (0..pieces.ids.len()).map(|at| u32::from(at >= pieces.own)).collect();
    let states = model.forward(&ids, &Tensor::new(vec![kinds], &Device::Cpu).unwrap(), None).unwrap();
    let states = states.squeeze(0).unwrap().narrow(0, 0, pieces.own).unwrap();
    let head = |name: &str| {
        let product = states.matmul(&tensors[&format!("labels.{name}.weight")].t().unwrap()).unwrap();
        let bias = tensors.get(&format!("labels.{name}.bias"));
        bias.map_or(product.clone(), |bias| product.broadcast_add(bias).unwrap())
    };
    let shares = candle_nn::ops::softmax(&head("look"), 0).unwrap();
    let logits: Vec<f32> = (shares * head("weigh")).unwrap().sum(0).unwrap().to_vec1().unwrap();
    let shows: Vec<Vec<f32>> = head("show").to_vec2().unwrap();
    let near = |ours: &[f32], theirs: &[f32]| {
        // Rows of activations are rounded to bytes before each product.
        ours.iter().zip(theirs).for_each(|(a, b)| assert!((a - b).abs() < 0.05, "{ours:?} {theirs:?}"));
    };
    near(&said.logits, &logits);
    assert_eq!(said.pieces.len(), pieces.own - 2);
    said.pieces.iter().zip(&shows[1..]).for_each(|((_, ours), theirs)| near(ours, theirs));
}

#[test]
fn distances_are_mpnets() {
    // Of transformers' `MPNetEncoder.relative_position_bucket`.
    for (offset, expected) in
        [(0, 0), (1, 17), (-1, 1), (-7, 7), (7, 23), (-8, 8), (-12, 9), (16, 26), (-100, 15), (500, 31)]
    {
        assert_eq!(bucket(offset), expected, "{offset}");
    }
}

#[test]
fn a_long_text_is_read_to_its_end_and_an_empty_one_answered() {
    let encoder = Encoder::from_bytes(tiny()).unwrap();
    let text = format!("{} you never answered.", "could we talk ".repeat(200));
    let said = encoder.read(&text, None).unwrap();
    assert_eq!(said.pieces.last().unwrap().0, text.len() - 1..text.len());
    assert_eq!(&text[said.pieces[602].0.clone()], "answer");
    let first = encoder.read(&format!("{} could", "could we talk ".repeat(53)), None).unwrap();
    assert!(said.logits.iter().zip(&first.logits).all(|(whole, first)| whole >= first));
    assert!(encoder.read("", None).unwrap().logits.iter().all(|logit| logit.is_finite()));
    let all = encoder.read_all(&["could we talk", "you", "never"], Some("answer")).unwrap();
    assert_eq!(all[1], encoder.read("you", Some("answer")).unwrap().logits);
    assert_eq!(encoder.read_all(&[], None).unwrap(), Vec::<Vec<f32>>::new());
}

#[test]
fn damage_is_an_error() {
    let file = tiny();
    for damaged in [&file[..file.len() / 2], &file[1..], &[]] {
        let error = Encoder::from_bytes(damaged).err().unwrap();
        assert!(error.to_string().contains("encoder is damaged"), "{error}");
    }
    let error = pack(std::path::Path::new("nowhere"), &mut Cursor::new(Vec::new())).unwrap_err().to_string();
    assert!(error.contains("`nowhere`"), "{error}");
}
