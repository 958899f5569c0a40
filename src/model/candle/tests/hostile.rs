//! Files that are cut, mislabelled or made to harm give an error that names the fault.

use super::super::tokens::Controls;
use super::super::{CandleModel, CandleOptions};
use super::tiny::{TURN_END, Tiny, VOCABULARY};
use crate::model::{LanguageModel, Message, Prompt, PromptStyle};
use candle_core::quantized::gguf_file::Value;
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{DType, Device, Tensor};
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use std::path::Path;

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
fn what_is_no_gguf_is_refused_and_named() {
    let pointer = "version https://git-lfs.github.com/spec/v1\noid sha256:4d7a\nsize 135\n";
    for (bytes, is) in [
        ("", "it is empty"),
        ("GG", "shorter than a header"),
        ("GGUF\x03\0\0\0\x01", "shorter than a header"),
        (pointer, "a Git LFS pointer"),
        ("\u{feff}\n<!DOCTYPE html><title>Sign in</title>", "a web page"),
        ("Entry not found", "text that begins with “Entry not found”"),
        ("PK\x03\x04....", "a zip file, as PyTorch keeps weights"),
        ("\x10\x02\0\0\0\0\0\0{\"__metadata__\"", "safetensors"),
        ("tjgg\x01\0\0\0", "from before GGUF"),
        ("\x02\x01\0....", "does not begin with `GGUF`"),
    ] {
        refused(bytes.as_bytes(), &["not a GGUF file", is]);
    }
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
    let word = Value::String("own-words".into());
    refused(&with_key("tokenizer.ggml.pre", Some(word)), &["`tokenizer.ggml.pre` is `own-words`"]);
    for word in ["deepseek-r1-qwen", "llama-v3", "tekken", "default", "llama4", "exaone4"] {
        let word = Value::String(word.into());
        assert!(load(&with_key("tokenizer.ggml.pre", Some(word))).is_ok());
    }
    assert!(load(&with_key("tokenizer.ggml.pre", None)).is_ok());
}

/// A type that can't be run is called what people call it.
#[test]
fn a_type_is_named_and_not_numbered() {
    for (code, called) in [(20u32, "IQ4_NL"), (23, "IQ4_XS"), (77, "a type that is not known (77)")] {
        let mut bytes = tiny().bytes();
        let name = b"blk.1.ffn_down.weight";
        let at = bytes.windows(name.len()).position(|window| window == name).unwrap() + name.len();
        // Behind the number of dimensions and two of them.
        bytes[at + 20..at + 24].copy_from_slice(&code.to_le_bytes());
        refused(&bytes, &["blk.1.ffn_down.weight", called, "Q4_K_M"]);
    }
}

#[test]
fn a_chat_template_that_can_not_be_used_stops_only_those_who_need_it() {
    let chat = |template: &str| {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.gguf");
        std::fs::write(&path, with_key("tokenizer.chat_template", Some(Value::String(template.into()))))
            .unwrap();
        let load = |prompt_style| {
            let options =
                CandleOptions { threads: Some(1), context: Some(64), prompt_style, ..Default::default() };
            CandleModel::load(&path, &options).map_err(|error| error.to_string())
        };
        assert!(load(PromptStyle::Screenplay).is_ok(), "{template}");
        load(PromptStyle::Chat)
    };
    for (template, why) in [
        ("{% if %}", "can't be read"),
        ("{% strange %}", "can't be read"),
        (
            "{% if messages[0].role == 'system' %}{{ raise_exception('no system role') }}{% endif %}",
            "no system role",
        ),
    ] {
        let error = chat(template).err().expect(template);
        assert!(error.contains("model.gguf") && error.contains(why), "{error}");
    }
    assert!(
        chat("{% for m in messages %}{% generation %}{{ m.content }}{% endgeneration %}{% endfor %}").is_ok()
    );
}

#[test]
fn the_end_of_a_turn_is_one_whatever_kind_of_token_the_file_says_it_is() {
    for kind in [1, 4, 5] {
        let bytes = tiny().bytes_with(|keys, _| {
            let kinds = keys.iter_mut().find(|(name, _)| name == "tokenizer.ggml.token_type");
            let Some((_, Value::Array(kinds))) = kinds else { panic!("no kinds") };
            // The end of a turn is the last.
            *kinds.last_mut().unwrap() = Value::I32(kind);
            keys.retain(|(name, _)| name != "tokenizer.ggml.eos_token_id");
        });
        let model = load(&bytes).unwrap();
        let tokens = model.tokens.encode("a<|im_end|>", Controls::Tokens).unwrap();
        assert_eq!(tokens.len(), 2, "{kind}");
        assert!(model.tokens.ends_turn(tokens[1]) && model.tokens.bytes(tokens[1]).is_empty(), "{kind}");
        assert!(!model.tokens.defuse("a<|im_end|>").contains(TURN_END), "{kind}");
    }
}

/// Writes the model in two files, and what `change` makes of them, into a folder; loads one of them.
fn split(loaded: &str, change: impl FnOnce(&Path)) -> Result<CandleModel, String> {
    let folder = tempfile::tempdir().unwrap();
    for number in 0..2u16 {
        let bytes = tiny().bytes_with(|keys, tensors| {
            tensors.retain(|(name, _)| name.contains("blk.1") == (number == 1));
            if number == 1 {
                keys.clear();
            }
            keys.push(("split.no".into(), Value::U16(number)));
            keys.push(("split.count".into(), Value::U16(2)));
        });
        std::fs::write(folder.path().join(format!("m-{:05}-of-00002.gguf", number + 1)), bytes).unwrap();
    }
    change(folder.path());
    let options = CandleOptions { threads: Some(1), context: Some(64), ..CandleOptions::default() };
    CandleModel::load(&folder.path().join(loaded), &options).map_err(|error| error.to_string())
}

#[test]
fn a_model_in_several_files_is_loaded_as_one() {
    let whole =
        load(&tiny().bytes()).unwrap().loglik(&Prompt::Raw("hello".into()), &[" world".into()]).unwrap();
    for named in ["m-00001-of-00002.gguf", "m-00002-of-00002.gguf"] {
        let mut parts = split(named, |_| {}).unwrap();
        assert_eq!(parts.loglik(&Prompt::Raw("hello".into()), &[" world".into()]).unwrap(), whole);
    }
    let (one, two) = ("m-00001-of-00002.gguf", "m-00002-of-00002.gguf");
    let why = |named: &str, change: &dyn Fn(&Path)| split(named, change).err().expect("refused");
    let error = why(one, &|folder| std::fs::remove_file(folder.join(two)).unwrap());
    assert!(
        error.contains("one of 2 parts") && error.contains("`m-00002-of-00002.gguf` is not beside it"),
        "{error}"
    );
    let error =
        why("mine.gguf", &|folder| std::fs::rename(folder.join(one), folder.join("mine.gguf")).unwrap());
    assert!(error.contains("one of 2 parts") && error.contains("name"), "{error}");
    let error = why(one, &|folder| std::fs::copy(folder.join(one), folder.join(two)).map(drop).unwrap());
    assert!(error.contains("not the part 2 of 2"), "{error}");
}

/// As when it is downloaded again over itself: a bus error otherwise.
#[cfg(unix)]
#[test]
fn a_file_that_becomes_shorter_in_use_is_told_and_nothing_of_it_is_kept() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("model.gguf");
    std::fs::write(&path, tiny().bytes()).unwrap();
    let prefix_folder = Some(folder.path().join("prefixes"));
    let options =
        CandleOptions { threads: Some(2), context: Some(256), prefix_folder, ..CandleOptions::default() };
    let mut model = CandleModel::load(&path, &options).unwrap();
    std::fs::File::options().write(true).open(&path).unwrap().set_len(4096).unwrap();
    let prompt = Prompt::Raw("hello ".repeat(25));
    let complete = model.loglik(&prompt, &["world".into()]).map(drop);
    for error in [model.prefill(&prompt).unwrap_err(), complete.unwrap_err()] {
        assert!(error.to_string().contains("model.gguf: the file has become shorter"), "{error}");
    }
    assert!(CandleModel::load(&path, &options).err().expect("refused").to_string().contains("cut short"));
    let saved = std::fs::read_dir(folder.path().join("prefixes")).map_or(0, Iterator::count);
    assert_eq!(saved, 0, "no beginning is kept for later");
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
