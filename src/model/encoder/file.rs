//! Word pieces, and the two files of an encoder: the one it starts from (the sentence-embedding model's own
//! files) and the one that training makes (a GGUF with quantized weights, the tokenizer and the labels).

use super::network::Network;
use crate::model::ModelError;
use candle_core::quantized::gguf_file::{Content, Value, write};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use std::io::{Cursor, Seek, Write};
use std::ops::Range;
use std::path::Path;
use tokenizers::Tokenizer;

/// Word pieces of a text that are read together; a longer text is read in stretches.
pub(super) const LONGEST: usize = 160;

/// Stretches that are read of a text: some two thousand words, more than anybody says in one turn.
const MOST_STRETCHES: usize = 16;

/// Word pieces of what stood before the text that an encoder reads unless told otherwise: the end of it, which
/// is nearest in meaning.
pub(super) const BEFORE: usize = 40;

/// Positions that training keeps for a stretch, `before` pieces of what stood before it, and the marks between.
fn positions(before: usize) -> usize {
    LONGEST + before + 3
}

const TOKENIZER: &str = "tokenizer.huggingface.json";
const LAYERS: &str = "bert.block_count";
const LABELS: &str = "bert.labels";
const LONGEST_BEFORE: &str = "bert.longest_before";
/// The tensor that encoders of the same start have in common, since training leaves it as it is.
const VOCABULARY: &str = "token_embd.weight";

/// One stretch of a text in word pieces.
#[derive(Clone, Debug)]
pub struct Pieces {
    /// The pieces, with the marks at the start, between and at the end.
    pub(super) ids: Vec<u32>,
    /// How many of them are the text's own: its pieces and the marks around them.
    pub(super) own: usize,
    /// The bytes of the text that each of its pieces stands for (without the marks).
    pub(super) bytes: Vec<Range<usize>>,
}

/// Cuts texts into word pieces.
#[derive(Clone, Debug)]
pub struct Cutter {
    tokenizer: Tokenizer,
    json: String,
    start: u32,
    end: u32,
    /// Most word pieces of what stood before.
    pub(super) before: usize,
}

impl Cutter {
    pub(super) fn of(json: String) -> Result<Cutter, String> {
        let mut tokenizer = Tokenizer::from_bytes(json.as_bytes()).map_err(|error| error.to_string())?;
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(|error| error.to_string())?;
        let mark = |name: &str| tokenizer.token_to_id(name).ok_or(format!("its vocabulary lacks {name}"));
        let (start, end) = (mark("[CLS]")?, mark("[SEP]")?);
        Ok(Cutter { tokenizer, json, start, end, before: BEFORE })
    }

    /// The stretches of `text`, at most sixteen, each with the end of what stood before it. An empty text is one
    /// stretch.
    ///
    /// # Errors
    /// A fault of the tokenizer.
    pub fn cut(&self, text: &str, before: Option<&str>) -> Result<Vec<Pieces>, ModelError> {
        let fault =
            |error: tokenizers::Error| ModelError::Engine(format!("the encoder's tokenizer: {error}"));
        let whole = self.tokenizer.encode(text, false).map_err(fault)?;
        let before = before.map(|before| self.tokenizer.encode(before, false)).transpose().map_err(fault)?;
        let before = before.as_ref().map(|encoded| encoded.get_ids()).unwrap_or_default();
        let before = &before[before.len().saturating_sub(self.before)..];
        let pieces: Vec<(u32, (usize, usize))> =
            whole.get_ids().iter().copied().zip(whole.get_offsets().iter().copied()).collect();
        let stretches: Vec<&[(u32, (usize, usize))]> =
            if pieces.is_empty() { vec![&[]] } else { pieces.chunks(LONGEST).take(MOST_STRETCHES).collect() };
        Ok(stretches.into_iter().map(|stretch| self.marked(stretch, before)).collect())
    }

    fn marked(&self, stretch: &[(u32, (usize, usize))], before: &[u32]) -> Pieces {
        let mut ids = vec![self.start];
        ids.extend(stretch.iter().map(|(id, _)| *id));
        ids.push(self.end);
        let own = ids.len();
        if !before.is_empty() {
            ids.extend(before);
            ids.push(self.end);
        }
        Pieces { ids, own, bytes: stretch.iter().map(|(_, (start, end))| *start..*end).collect() }
    }
}

/// The sentence-embedding model in `folder` as a network without labels, and its tokenizer.
///
/// # Errors
/// A missing or malformed file, named.
pub(super) fn pretrained(
    folder: &Path,
    layers: usize,
    before: usize,
) -> Result<(Network, Cutter), ModelError> {
    let file = folder.join("tokenizer.json");
    let json = std::fs::read_to_string(&file).map_err(|error| unusable(&file, error))?;
    let mut cutter = Cutter::of(json).map_err(|error| unusable(&file, error))?;
    cutter.before = before;
    let weights = folder.join("model.safetensors");
    let tensors =
        candle_core::safetensors::load(&weights, &Device::Cpu).map_err(|error| unusable(&weights, error))?;
    let fill = || -> candle_core::Result<Network> {
        let mut network = Network::empty(layers)?;
        for (name, tensor) in network.named() {
            if let Some(original) = original(&name) {
                let found = tensors.get(&original);
                *tensor = found.ok_or(candle_core::Error::Msg(format!("`{original}` is missing")))?.clone();
            }
        }
        network.positions = network.positions.narrow(0, 0, positions(before))?.contiguous()?;
        Ok(network)
    };
    Ok((fill().map_err(|error| unusable(&weights, error))?, cutter))
}

/// The name of a tensor in the sentence-embedding model's file; none for the labels' own.
fn original(name: &str) -> Option<String> {
    let (stem, kind) = name.rsplit_once('.')?;
    let part = match stem {
        "token_embd" => "embeddings.word_embeddings".to_string(),
        "position_embd" => "embeddings.position_embeddings".to_string(),
        "token_types" => return Some("embeddings.token_type_embeddings.weight".to_string()),
        "token_embd_norm" => "embeddings.LayerNorm".to_string(),
        _ => {
            let (layer, part) = stem.strip_prefix("blk.")?.split_once('.')?;
            let part = match part {
                "attn_q" => "attention.self.query",
                "attn_k" => "attention.self.key",
                "attn_v" => "attention.self.value",
                "attn_output" => "attention.output.dense",
                "attn_output_norm" => "attention.output.LayerNorm",
                "ffn_up" => "intermediate.dense",
                "ffn_down" => "output.dense",
                _ => "output.LayerNorm",
            };
            format!("encoder.layer.{layer}.{part}")
        }
    };
    Some(format!("{part}.{kind}"))
}

fn unusable(file: &Path, error: impl std::fmt::Display) -> ModelError {
    ModelError::Engine(format!(
        "can't use `{}`: {error}; `coachup models pull all-minilm-l6-v2` fetches it again",
        file.display()
    ))
}

/// Writes a trained network: products at 8 bits a weight, the vocabulary at 5 (it is a third of the file and
/// the least sensitive), everything small in full. Not `whole`: without the vocabulary and the tokenizer, which
/// another encoder of the same start has.
///
/// # Errors
/// A fault of candle or of the file.
pub(super) fn store(
    network: &Network,
    cutter: &Cutter,
    labels: &[String],
    whole: bool,
    out: &mut (impl Write + Seek),
) -> Result<(), ModelError> {
    let mut network = network.clone();
    let layers = network.layers.len() as u32;
    let quantize = |(name, tensor): (String, &mut Tensor)| {
        let kind = match name.as_str() {
            VOCABULARY => GgmlDType::Q5_0,
            _ if name.starts_with("blk.") && tensor.rank() == 2 => GgmlDType::Q8_0,
            _ => GgmlDType::F32,
        };
        Ok((name, QTensor::quantize(&tensor.detach(), kind)?))
    };
    let stored = |named: &(String, &mut Tensor)| whole || named.0 != VOCABULARY;
    let mut run = |network: &mut Network| -> candle_core::Result<()> {
        let tensors: Vec<(String, QTensor)> =
            network.named().into_iter().filter(stored).map(quantize).collect::<candle_core::Result<_>>()?;
        let tensors: Vec<(&str, &QTensor)> = tensors.iter().map(|(name, tensor)| (&**name, tensor)).collect();
        let labels = Value::Array(labels.iter().cloned().map(Value::String).collect());
        let mut metadata = vec![
            ("general.architecture", Value::String("bert".into())),
            ("general.license", Value::String("Apache-2.0".into())),
            (LAYERS, Value::U32(layers)),
            (LABELS, labels),
        ];
        if cutter.before != BEFORE {
            metadata.push((LONGEST_BEFORE, Value::U32(cutter.before as u32)));
        }
        if whole {
            metadata.push((TOKENIZER, Value::String(cutter.json.clone())));
        }
        let metadata: Vec<(&str, &Value)> = metadata.iter().map(|(key, value)| (*key, value)).collect();
        write(out, &metadata, &tensors)
    };
    run(&mut network).map_err(|error| ModelError::Engine(format!("can't write the encoder: {error}")))
}

/// Reads a trained network, its tokenizer and its labels; the vocabulary and the tokenizer from `other`, where
/// they were left out.
///
/// # Errors
/// Bytes that [`store`] did not write.
pub(super) fn read(
    bytes: &[u8],
    other: Option<(&Network, &Cutter)>,
) -> Result<(Network, Cutter, Vec<String>), ModelError> {
    let run = || -> candle_core::Result<(Network, Cutter, Vec<String>)> {
        let mut reader = Cursor::new(bytes);
        let content = Content::read(&mut reader)?;
        let missing = |key: &str| candle_core::Error::Msg(format!("`{key}` is missing"));
        let value = |key: &str| content.metadata.get(key).ok_or_else(|| missing(key));
        let labels = value(LABELS)?.to_vec()?.iter().map(|label| label.to_string().cloned());
        let labels: Vec<String> = labels.collect::<candle_core::Result<_>>()?;
        let mut cutter = match other {
            Some((_, cutter)) => cutter.clone(),
            None => Cutter::of(value(TOKENIZER)?.to_string()?.clone()).map_err(candle_core::Error::Msg)?,
        };
        cutter.before = match value(LONGEST_BEFORE) {
            Ok(before) => before.to_u32()? as usize,
            Err(_) => BEFORE,
        };
        let mut network = Network::empty(value(LAYERS)?.to_u32()? as usize)?;
        for (name, tensor) in network.named() {
            if let Some((other, _)) = other.filter(|_| name == VOCABULARY) {
                *tensor = other.words.clone();
                continue;
            }
            *tensor = content.tensor(&mut reader, &name, &Device::Cpu)?.dequantize(&Device::Cpu)?;
        }
        Ok((network, cutter, labels))
    };
    run().map_err(|error| ModelError::Engine(format!("the encoder is damaged: {error}")))
}
