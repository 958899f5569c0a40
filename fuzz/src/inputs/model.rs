//! Model files: the GGUF itself, its tokenizer, its chat template, and the prompt states kept for it.

use super::gguf::{Vocabulary, model};
use super::scratch::Scratch;
use coachup::model::candle::{CandleModel, CandleOptions, ChatTemplate};
use coachup::model::{LanguageModel, Message, Prompt, Request, Sampling};
use sha2::{Digest, Sha256};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

const TEMPLATE: &[u8] =
    b"{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}";

/// The largest file made of an input: what is found in more is found in less.
const LONGEST: usize = 1 << 14;

fn load(path: &Path, prefix_folder: Option<PathBuf>) -> Option<CandleModel> {
    let options =
        CandleOptions { threads: Some(1), context: Some(128), prefix_folder, ..CandleOptions::default() };
    match CandleModel::load(path, &options) {
        Ok(model) => Some(model),
        Err(error) => {
            let words = error.to_string();
            // The scratch folder is in most of them.
            assert!(words.len() < 2 * LONGEST, "an error that can be shown");
            None
        }
    }
}

fn request(prompt: Prompt) -> Request {
    Request {
        prompt,
        candidates: 2,
        max_tokens: 3,
        stop: vec!["\n".into()],
        sampling: Sampling::default(),
        seed: 1,
    }
}

/// Has the model say something; it may refuse, as when a prompt is too long for it.
fn speak(model: &mut CandleModel, text: &str) {
    let chat = vec![Message { role: "user", content: text.to_string() }];
    for prompt in [Prompt::Raw(text.to_string()), Prompt::Chat(chat)] {
        let said = model.complete(&request(prompt.clone()), &mut |_| ControlFlow::Continue(()));
        for completion in said.iter().flatten() {
            assert!(completion.tokens <= 3 && completion.text.len() < 1 << 20);
        }
        let _ = model.loglik(&prompt, &["ab".to_string()]);
    }
}

/// Any bytes as a model file; one that loads also speaks.
pub fn gguf(bytes: &[u8]) {
    let scratch = Scratch::new();
    let path = scratch.file("model.gguf", &bytes[..bytes.len().min(LONGEST)]);
    if let Some(mut model) = load(&path, None) {
        speak(&mut model, "ab a. <|im_end|>");
    }
}

/// A vocabulary, and a text for it. The parts of the input lie between bytes 0xff: settings (`g` or `l`, then
/// the way of splitting), the text, merges on lines, and tokens, each after a byte that says its kind.
pub fn tokenizer(bytes: &[u8]) {
    let mut parts = bytes[..bytes.len().min(LONGEST)].split(|byte| *byte == 0xff);
    let settings = parts.next().unwrap_or_default();
    let text = String::from_utf8_lossy(parts.next().unwrap_or_default());
    let merges = parts.next().unwrap_or_default();
    let listed: Vec<(i32, Vec<u8>)> = parts
        .filter_map(|token| token.split_first())
        .map(|(kind, text)| (i32::from(kind & 7), text.to_vec()))
        .collect();
    let vocabulary = Vocabulary {
        model: if settings.first() == Some(&b'l') { b"llama".to_vec() } else { b"gpt2".to_vec() },
        pre: settings.get(1..).unwrap_or_default().to_vec(),
        kinds: listed.iter().map(|(kind, _)| *kind).collect(),
        scores: listed.iter().map(|(_, text)| f32::from(text.first().copied().unwrap_or(0))).collect(),
        tokens: listed.into_iter().map(|(_, text)| text).collect(),
        merges: merges.split(|byte| *byte == b'\n').map(<[u8]>::to_vec).collect(),
    };
    let scratch = Scratch::new();
    let path = scratch.file("model.gguf", &model(&vocabulary, TEMPLATE));
    if let Some(mut model) = load(&path, None) {
        // A letter becomes at most as many tokens as it has bytes, and one begins the text.
        assert!(model.count_tokens(&text) <= 3 * text.len() + 3);
        speak(&mut model, &text);
    }
}

/// A chat template and, after a byte 0xff, what the person says.
pub fn template(bytes: &[u8]) {
    let mut parts = bytes.split(|byte| *byte == 0xff);
    let source = String::from_utf8_lossy(parts.next().unwrap_or_default());
    let said = String::from_utf8_lossy(parts.next().unwrap_or_default()).into_owned();
    let Ok(template) = ChatTemplate::new(&source) else { return };
    let message = |role, content: &str| Message { role, content: content.to_string() };
    let messages = [message("system", "Be Dana."), message("user", &said), message("assistant", "Hm?")];
    match template.render(&messages, "<s>", "</s>") {
        Ok(text) => assert!(text.len() <= ChatTemplate::LONGEST_TEXT),
        Err(error) => assert!(error.to_string().len() < 1 << 16, "an error that can be shown"),
    }
}

/// What a session begins with, long enough to be kept.
const BEGINNING: &str =
    "ab ab a. b c ab ab a. b c ab ab a. b c ab ab a. b c ab ab a. b c ab ab a. b c ab ab a.";

/// Any bytes as the kept state of a prompt. Where the first bit is set, the sum at the end is made right, so
/// that what lies behind that check is reached too.
pub fn prefix(bytes: &[u8]) {
    let Some((mode, bytes)) = bytes.split_first() else { return };
    let scratch = Scratch::new();
    let path = scratch.file("model.gguf", &model(&Vocabulary::small(), TEMPLATE));
    let folder = scratch.path().join("prefixes");
    let prompt = Prompt::Raw(BEGINNING.to_string());
    let prefill = || load(&path, Some(folder.clone())).expect("a right file").prefill(&prompt);
    prefill().expect("a short prompt");
    let kept = kept_files(&folder).pop().expect("a state that is kept");
    let right = std::fs::read(&kept).expect("just written");
    let mut wrong = right[..right.len() - 32].to_vec();
    if mode & 2 != 0 {
        // Only a part of a right file is changed.
        let at = bytes.first().map_or(0, |at| usize::from(*at) * 7 % wrong.len());
        let length = bytes.len().min(wrong.len() - at);
        wrong[at..at + length].copy_from_slice(&bytes[..length]);
    } else {
        wrong = bytes.to_vec();
    }
    if mode & 1 != 0 {
        wrong.extend(Sha256::digest(&wrong).as_slice());
    } else {
        wrong.extend(&right[right.len() - 32..]);
    }
    std::fs::write(&kept, &wrong).expect("room for a small file");
    let mut model = load(&path, Some(folder.clone())).expect("a right file");
    model.complete(&request(prompt.clone()), &mut |_| ControlFlow::Continue(())).expect("it does without");
}

fn kept_files(folder: &Path) -> Vec<PathBuf> {
    let inside = |folder: &Path| -> Vec<PathBuf> {
        std::fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path()).collect()
    };
    inside(folder).iter().flat_map(|folder| inside(folder)).collect()
}
