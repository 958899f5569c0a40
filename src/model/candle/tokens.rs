//! The tokenizer a GGUF carries: text to tokens, tokens to bytes, which tokens end a turn.
//!
//! candle's `TokenizerFromGguf` knows byte-level BPE only, and of the control tokens only those named by a
//! key (Qwen's `<|im_start|>` is not), and takes most of a model's loading; so text is split by `tokenizers`,
//! and merged by [`Bpe`] from the file's own lists, or, for SentencePiece's kind, by a model built from them.

use super::super::ModelError;
use super::bpe::Bpe;
use super::gguf::Gguf;
use super::whole::WholeTexts;
use std::collections::HashMap;
use tokenizers::models::bpe::{BPE, Merges, Vocab};
use tokenizers::normalizers::{NFC, Prepend, Replace, Sequence as NormalizerSequence};
use tokenizers::pre_tokenizers::byte_level::ByteLevel;
use tokenizers::pre_tokenizers::digits::Digits;
use tokenizers::pre_tokenizers::sequence::Sequence;
use tokenizers::pre_tokenizers::split::{Split as PatternSplit, SplitPattern};
use tokenizers::{
    NormalizedString, Normalizer, NormalizerWrapper, OffsetReferential, OffsetType, PreTokenizedString,
    PreTokenizer, PreTokenizerWrapper, SplitDelimiterBehavior, Tokenizer,
};

/// How GPT-2's family (Qwen 2 and 3 by the file's word `qwen2`) splits text before merging.
const SPLIT_QWEN2: &str = r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// As Qwen's, but digits in threes.
const SPLIT_LLAMA3: &str = r"(?:'[sS]|'[tT]|'[rR][eE]|'[vV][eE]|'[mM]|'[lL][lL]|'[dD])|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Phi-4-mini's, which is GPT-4o's.
const SPLIT_GPT4O: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Mistral's since Nemo.
const SPLIT_TEKKEN: &str = r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+";

/// Tokens that end a turn in some family: control tokens, whatever kind the file says they are of, and whether or
/// not a key names them.
const TURN_ENDS: [&str; 10] = [
    "<|im_end|>",
    "<|eot_id|>",
    "<|eom_id|>",
    "<｜end▁of▁sentence｜>",
    "<end_of_turn>",
    "<|end|>",
    "<|endoftext|>",
    "<|end_of_text|>",
    "</s>",
    "<eos>",
];

/// GGUF's codes of token kinds.
const KIND_UNKNOWN: u8 = 2;
const KIND_CONTROL: u8 = 3;
const KIND_USER: u8 = 4;
const KIND_UNUSED: u8 = 5;
const KIND_BYTE: u8 = 6;

/// The longest token, in bytes, that is made by merging: every place where it may be cut costs a copy of it, so that
/// longer ones would let a file ask for many times its size. The longest known ones have 93.
const LONGEST_MERGED: usize = 256;

/// Whether control tokens written out in a text stand for themselves or are just characters.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Controls {
    /// `<|im_end|>` in the text is that token: for text made by a chat template.
    Tokens,
    /// `<|im_end|>` in the text is ten characters: for what a person or a model wrote.
    Text,
}

/// Text to tokens, without whole ones.
enum Encoder {
    /// GPT-2's kind: composed or not, split, each word's bytes as printable characters, merged by a list.
    ByteLevel { composes: bool, split: Box<PreTokenizerWrapper>, bpe: Bpe },
    /// SentencePiece's kind.
    SentencePiece(Box<Tokenizer>),
}

impl Encoder {
    fn encode(&self, text: &str, tokens: &mut Vec<u32>) -> tokenizers::Result<()> {
        match self {
            Encoder::ByteLevel { composes, split, bpe } => {
                let mut text = NormalizedString::from(text);
                if *composes {
                    NFC.normalize(&mut text)?;
                }
                let mut text = PreTokenizedString::from(text);
                split.pre_tokenize(&mut text)?;
                for (word, ..) in text.get_splits(OffsetReferential::Normalized, OffsetType::Byte) {
                    bpe.encode(word, tokens);
                }
            }
            Encoder::SentencePiece(tokenizer) => {
                tokens.extend_from_slice(tokenizer.encode_fast(text, false)?.get_ids());
            }
        }
        Ok(())
    }
}

/// Text to tokens and back.
pub struct Tokens {
    encoder: Encoder,
    /// All tokens' bytes, one after the other, and where each ends.
    bytes: Vec<u8>,
    ends: Vec<u32>,
    /// Texts that become one token before anything else.
    whole: WholeTexts,
    bos: Option<u32>,
    adds_bos: bool,
    ends_turn: Vec<u32>,
    silent: Vec<u32>,
    names: [String; 2],
}

impl Tokens {
    /// Reads the tokenizer.
    ///
    /// # Errors
    /// A missing or odd key, or a kind of tokenizer that isn't supported; names file and key.
    pub fn from_gguf(gguf: &Gguf) -> Result<Tokens, ModelError> {
        let texts = gguf.texts("tokenizer.ggml.tokens")?;
        let texts: Vec<&str> =
            texts.iter().map(|text| std::str::from_utf8(text).unwrap_or("\u{fffd}")).collect();
        if texts.is_empty() {
            return Err(gguf.error("`tokenizer.ggml.tokens` is empty"));
        }
        let mut kinds: Vec<u8> = match gguf.numbers("tokenizer.ggml.token_type") {
            Some(kinds) if kinds.len() == texts.len() => kinds.iter().map(|kind| *kind as u8).collect(),
            Some(kinds) => {
                return Err(gguf.error(format!(
                    "`tokenizer.ggml.token_type` has {} entries for {} tokens",
                    kinds.len(),
                    texts.len()
                )));
            }
            None => vec![1; texts.len()],
        };
        for (kind, _) in kinds.iter_mut().zip(&texts).filter(|(_, text)| TURN_ENDS.contains(text)) {
            *kind = KIND_CONTROL;
        }
        let model = gguf.required_text("tokenizer.ggml.model")?;
        let encoder = match model {
            "gpt2" => byte_level(gguf)?,
            "llama" => sentence_piece(gguf, &texts, &kinds)?,
            _ => {
                return Err(gguf.error(format!(
                    "`tokenizer.ggml.model` is `{model}`; `gpt2` and `llama` are supported"
                )));
            }
        };
        let (bytes, ends) = token_bytes(&texts, &kinds, model == "gpt2");
        let id = |key: &str| {
            gguf.count(&format!("tokenizer.ggml.{key}_token_id"))
                .filter(|id| *id < texts.len())
                .map(|id| id as u32)
        };
        let bos = id("bos");
        let mut ends_turn: Vec<u32> = ["eos", "eot", "eom"].into_iter().filter_map(id).collect();
        let mut whole = Vec::new();
        let mut silent = Vec::new();
        let mut named_ends = Vec::new();
        for (token, (text, kind)) in texts.iter().zip(&kinds).enumerate() {
            let control = matches!(*kind, KIND_CONTROL | KIND_UNKNOWN);
            if (control || *kind == KIND_USER) && !text.is_empty() {
                whole.push((*text, token as u32, control));
            }
            if control && TURN_ENDS.contains(text) {
                named_ends.push(token as u32);
            } else if control || *kind == KIND_UNUSED {
                silent.push(token as u32);
            }
        }
        // Those that a key names are three at most.
        silent.retain(|token| !ends_turn.contains(token));
        ends_turn.extend(named_ends);
        ends_turn.sort_unstable();
        let name = |id: Option<u32>| id.map_or(String::new(), |id| texts[id as usize].to_string());
        Ok(Tokens {
            encoder,
            bytes,
            ends,
            whole: WholeTexts::new(&whole).map_err(|error| fault(gguf, error))?,
            bos,
            adds_bos: gguf.flag("tokenizer.ggml.add_bos_token").unwrap_or(model == "llama"),
            ends_turn,
            silent,
            names: [name(bos), name(id("eos"))],
        })
    }

    /// How many tokens there are.
    pub fn count(&self) -> usize {
        self.ends.len()
    }

    /// The texts of the begin and end tokens, for a chat template; empty where there is none.
    pub fn begin_and_end(&self) -> [&str; 2] {
        [&self.names[0], &self.names[1]]
    }

    /// Whether `token` ends a turn.
    pub fn ends_turn(&self, token: u32) -> bool {
        self.ends_turn.binary_search(&token).is_ok()
    }

    /// Tokens that have no text and end nothing, which a reply must not contain.
    pub fn silent(&self) -> &[u32] {
        &self.silent
    }

    /// The bytes a token stands for; they may be part of a character.
    pub fn bytes(&self, token: u32) -> &[u8] {
        let token = token as usize;
        let Some(&end) = self.ends.get(token) else { return &[] };
        let start = token.checked_sub(1).map_or(0, |before| self.ends[before]);
        &self.bytes[start as usize..end as usize]
    }

    /// The tokens of a whole prompt, with the begin token where the file asks for one.
    ///
    /// # Errors
    /// A fault of the tokenizer.
    pub fn encode(&self, text: &str, controls: Controls) -> Result<Vec<u32>, ModelError> {
        let mut tokens = Vec::new();
        let begins =
            controls == Controls::Tokens && !self.names[0].is_empty() && text.starts_with(&self.names[0]);
        if self.adds_bos && !begins {
            tokens.extend(self.bos);
        }
        let mut rest = text;
        while !rest.is_empty() {
            let next = self.whole.first(rest, controls == Controls::Tokens);
            let (at, length) = next.map_or((rest.len(), 0), |(at, length, _)| (at, length));
            if at > 0 {
                self.encoder
                    .encode(&rest[..at], &mut tokens)
                    .map_err(|error| ModelError::Engine(format!("the tokenizer failed: {error}")))?;
            }
            tokens.extend(next.map(|(_, _, token)| token));
            rest = &rest[at + length..];
        }
        Ok(tokens)
    }

    /// `text` with every control token in it broken by a space, so that a person can't end a turn by typing
    /// its mark.
    pub fn defuse(&self, text: &str) -> String {
        self.whole.defuse(text)
    }
}

fn fault(gguf: &Gguf, error: impl std::fmt::Display) -> ModelError {
    gguf.error(format!("its tokenizer can't be built: {error}"))
}

/// How a text is split into the words that are merged.
#[derive(Clone, Copy)]
enum Split {
    /// By a pattern.
    By(&'static str),
    /// As GPT-2 does; digits one by one or not.
    Gpt2 { digits: bool },
}

/// What the words in `tokenizer.ggml.pre` mean, as llama.cpp takes them: how text is split, and whether a word that is a
/// token is taken as such, whatever the merges would make of it.
const SPLITS: [(&[&str], Split, bool); 8] = [
    (
        &["llama3", "llama-v3", "llama-bpe", "falcon3", "falcon-h1", "pixtral", "midm-2.0", "lfm2"],
        Split::By(SPLIT_LLAMA3),
        true,
    ),
    (&["smaug-bpe", "dbrx", "glm4", "chatglm-bpe"], Split::By(SPLIT_LLAMA3), false),
    (
        &["qwen2", "deepseek-r1-qwen", "kormo", "megrez", "stablelm2", "hunyuan", "solar-open"],
        Split::By(SPLIT_QWEN2),
        false,
    ),
    (&["gpt-4o", "llama4", "kanana2", "talkie"], Split::By(SPLIT_GPT4O), true),
    (&["tekken"], Split::By(SPLIT_TEKKEN), true),
    (
        &["smollm", "starcoder", "refact", "command-r", "codeshell", "exaone", "minerva-7b"],
        Split::Gpt2 { digits: true },
        false,
    ),
    (
        &["gpt-2", "phi-2", "gigachat", "a.x-4.0", "mellum", "exaone4", "mpt", "olmo", "jais", "trillion"],
        GPT2,
        false,
    ),
    // What llama.cpp's converter writes where it has no word, and what older files mean that have none.
    (&["default"], GPT2, false),
];

const GPT2: Split = Split::Gpt2 { digits: false };

/// GPT-2's kind: text as bytes, each byte a printable character, merged by a list.
fn byte_level(gguf: &Gguf) -> Result<Encoder, ModelError> {
    let merges = gguf.text_places("tokenizer.ggml.merges")?;
    if gguf.texts("tokenizer.ggml.merges")?.iter().any(|merge| !merge.contains(&b' ')) {
        return Err(gguf.error("`tokenizer.ggml.merges` has an entry without a pair"));
    }
    let word = gguf.text("tokenizer.ggml.pre").unwrap_or("default");
    let Some(&(_, split, whole_words)) = SPLITS.iter().find(|(words, ..)| words.contains(&word)) else {
        return Err(gguf.error(format!(
            "it splits text in a way that is not known (`tokenizer.ggml.pre` is `{word}`), and any other would garble \
             it; take another model"
        )));
    };
    let vocabulary = gguf.text_places("tokenizer.ggml.tokens")?;
    let bpe = Bpe::new(gguf.store(), vocabulary.to_vec(), merges.to_vec(), whole_words);
    let composes = matches!(split, Split::By(SPLIT_QWEN2));
    let split: PreTokenizerWrapper = match split {
        Split::By(pattern) => {
            let pattern = SplitPattern::Regex(pattern.to_string());
            let split = PatternSplit::new(pattern, SplitDelimiterBehavior::Isolated, false);
            let split = split.map_err(|error| fault(gguf, error))?;
            Sequence::new(vec![split.into(), ByteLevel::new(false, false, false).into()]).into()
        }
        Split::Gpt2 { digits: true } => {
            Sequence::new(vec![Digits::new(true).into(), ByteLevel::new(false, false, true).into()]).into()
        }
        Split::Gpt2 { digits: false } => ByteLevel::new(false, false, true).into(),
    };
    Ok(Encoder::ByteLevel { composes, split: Box::new(split), bpe })
}

/// SentencePiece's kind: spaces as `▁`, merged by the score of what a merge makes.
fn sentence_piece(gguf: &Gguf, texts: &[&str], kinds: &[u8]) -> Result<Encoder, ModelError> {
    let scores = gguf.numbers("tokenizer.ggml.scores").filter(|scores| scores.len() == texts.len());
    let scores = scores.ok_or_else(|| gguf.error("`tokenizer.ggml.scores` is missing or not one a token"))?;
    let normal: HashMap<&str, usize> = texts
        .iter()
        .zip(kinds)
        .enumerate()
        .filter(|(_, (_, kind))| !matches!(**kind, KIND_CONTROL | KIND_UNUSED | KIND_BYTE))
        .map(|(id, (text, _))| (*text, id))
        .collect();
    let mut pairs: Vec<(f64, usize, usize)> = Vec::new();
    for (text, id) in normal.iter().filter(|(text, _)| text.len() <= LONGEST_MERGED) {
        for (at, _) in text.char_indices().skip(1) {
            if let (Some(left), Some(right)) = (normal.get(&text[..at]), normal.get(&text[at..])) {
                pairs.push((-scores[*id], *left, *right));
            }
        }
    }
    pairs.sort_by(|a, b| a.0.total_cmp(&b.0).then((a.1, a.2).cmp(&(b.1, b.2))));
    let merges: Merges = pairs
        .into_iter()
        .map(|(_, left, right)| (texts[left].to_string(), texts[right].to_string()))
        .collect();
    let vocab: Vocab = texts.iter().enumerate().map(|(id, text)| (text.to_string(), id as u32)).collect();
    let mut builder = BPE::builder().vocab_and_merges(vocab, merges).byte_fallback(true).fuse_unk(true);
    if let Some(unknown) = gguf.count("tokenizer.ggml.unknown_token_id").and_then(|id| texts.get(id)) {
        builder = builder.unk_token(unknown.to_string());
    }
    let mut tokenizer = Tokenizer::new(builder.build().map_err(|error| fault(gguf, error))?);
    let mut steps: Vec<NormalizerWrapper> = Vec::new();
    if gguf.flag("tokenizer.ggml.add_space_prefix").unwrap_or(true) {
        steps.push(Prepend::new("▁".to_string()).into());
    }
    steps.push(Replace::new(" ", "▁").map_err(|error| fault(gguf, error))?.into());
    tokenizer.with_normalizer(Some(NormalizerSequence::new(steps))).map_err(|error| fault(gguf, error))?;
    Ok(Encoder::SentencePiece(Box::new(tokenizer)))
}

/// Every token's bytes, joined, and where each ends.
fn token_bytes(texts: &[&str], kinds: &[u8], byte_level: bool) -> (Vec<u8>, Vec<u32>) {
    let of_char = byte_of_char();
    let mut bytes = Vec::new();
    let mut ends = Vec::with_capacity(texts.len());
    for (text, kind) in texts.iter().zip(kinds) {
        match *kind {
            KIND_CONTROL | KIND_UNUSED | KIND_UNKNOWN => {}
            KIND_USER => bytes.extend_from_slice(text.as_bytes()),
            KIND_BYTE => {
                // `<0x0A>`
                let byte = text.get(3..5).and_then(|digits| u8::from_str_radix(digits, 16).ok());
                bytes.extend(byte);
            }
            _ if byte_level => {
                bytes.extend(text.chars().filter_map(|c| of_char.get(c as usize).copied().flatten()));
            }
            _ => bytes.extend_from_slice(text.replace('▁', " ").as_bytes()),
        }
        ends.push(bytes.len() as u32);
    }
    (bytes, ends)
}

/// The byte each of GPT-2's printable stand-ins means, by code point.
fn byte_of_char() -> [Option<u8>; 512] {
    let mut table = [None; 512];
    let mut stand_in = 256;
    for byte in 0..=255u8 {
        if matches!(byte, b'!'..=b'~' | 0xA1..=0xAC | 0xAE..=0xFF) {
            table[usize::from(byte)] = Some(byte);
        } else {
            table[stand_in] = Some(byte);
            stand_in += 1;
        }
    }
    table
}
