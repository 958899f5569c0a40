//! Word pieces, and an encoder's file: a GGUF with quantized weights, the tokenizer and the labels.

use super::network::{Heads, Layer, Linear, Network, Norm};
use crate::model::ModelError;
use crate::model::candle::{Matrix, Store, dequantize};
use candle_core::quantized::gguf_file::{Content, TensorInfo, Value, write};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use std::collections::HashMap;
use std::io::{Cursor, Seek, Write};
use std::ops::Range;
use std::path::Path;
use std::sync::Arc;
use tokenizers::Tokenizer;

/// Word pieces of a text that are read together; a longer text is read in stretches.
const LONGEST: usize = 160;

/// Stretches that are read of a text: some thousand words, more than anybody says in one turn.
const MOST_STRETCHES: usize = 8;

/// Marks around and between a stretch and what stood before it.
const MARKS: usize = 4;

/// Where an encoder's bytes may begin.
const ALIGNED: usize = 16;

const TOKENIZER: &str = "tokenizer.huggingface.json";
const HEADS: &str = "encoder.attention.head_count";
const LAYERS: &str = "encoder.block_count";
const EPSILON: &str = "encoder.attention.layer_norm_epsilon";
const LABELS: &str = "encoder.labels";
const LONGEST_BEFORE: &str = "encoder.longest_before";

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
    /// Before a text, after it, and between it and what stood before it.
    start: u32,
    end: u32,
    between: Option<u32>,
    /// Most word pieces of what stood before: the end of it, which is nearest in meaning.
    before: usize,
}

impl Cutter {
    fn of(json: &str, before: usize) -> Result<Cutter, String> {
        let mut tokenizer = Tokenizer::from_bytes(json.as_bytes()).map_err(|error| error.to_string())?;
        tokenizer.with_padding(None);
        tokenizer.with_truncation(None).map_err(|error| error.to_string())?;
        // BERT's marks, or else MPNet's, which has two of them between texts.
        let marks = |start, end| Some((tokenizer.token_to_id(start)?, tokenizer.token_to_id(end)?));
        let (start, end, between) = match (marks("[CLS]", "[SEP]"), marks("<s>", "</s>")) {
            (Some((start, end)), _) => (start, end, None),
            (None, Some((start, end))) => (start, end, Some(end)),
            (None, None) => return Err("its vocabulary lacks the marks of BERT and of MPNet".into()),
        };
        Ok(Cutter { tokenizer, start, end, between, before })
    }

    /// The stretches of `text`, at most eight, each with the end of what stood before it. An empty text is one
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
            ids.extend(self.between);
            ids.extend(before);
            ids.push(self.end);
        }
        Pieces { ids, own, bytes: stretch.iter().map(|(_, (start, end))| *start..*end).collect() }
    }
}

/// The kind of numbers that a tensor is stored as: products at 6.6 or 8.5 bits a weight, the vocabulary at 4.5 (it is
/// the largest and the least sensitive), everything small in full.
fn stored_as(name: &str, shape: &[usize]) -> GgmlDType {
    match shape {
        _ if name == "token_embd.weight" => GgmlDType::Q4_0,
        [_, columns] if name.starts_with("blk.") && columns.is_multiple_of(256) => GgmlDType::Q6K,
        [_, _] if name.starts_with("blk.") => GgmlDType::Q8_0,
        _ => GgmlDType::F32,
    }
}

/// Quantizes what `training/encoder.py` has written to `weights`, and writes it with all that an encoder needs.
///
/// # Errors
/// Weights that can't be read or lack what an encoder needs; a file that can't be written.
pub fn pack(weights: &Path, out: &mut (impl Write + Seek)) -> Result<(), ModelError> {
    let fault = |error: String| ModelError::Engine(format!("can't use `{}`: {error}", weights.display()));
    let bytes = std::fs::read(weights).map_err(|error| fault(error.to_string()))?;
    let mut run = || -> candle_core::Result<()> {
        let (_, header) = safetensors::SafeTensors::read_metadata(&bytes)?;
        let told = header.metadata().clone().unwrap_or_default();
        let missing = |key: &str| candle_core::Error::Msg(format!("its metadata lacks `{key}`"));
        let told = |key: &str| told.get(key).ok_or_else(|| missing(key));
        let number = |key: &str| told(key)?.parse::<u32>().map_err(candle_core::Error::wrap);
        let labels = told("labels")?.split(',').map(|label| Value::String(label.into())).collect();
        let metadata = [
            ("general.architecture", Value::String("encoder".into())),
            ("general.license", Value::String("Apache-2.0".into())),
            (LAYERS, Value::U32(number("layers")?)),
            (HEADS, Value::U32(number("heads")?)),
            (EPSILON, Value::F32(told("epsilon")?.parse().map_err(candle_core::Error::wrap)?)),
            (LONGEST_BEFORE, Value::U32(number("before")?)),
            (LABELS, Value::Array(labels)),
            (TOKENIZER, Value::String(told("tokenizer")?.clone())),
        ];
        let mut tensors: Vec<(String, Tensor)> =
            candle_core::safetensors::load_buffer(&bytes, &Device::Cpu)?.into_iter().collect();
        tensors.sort_by(|(a, _), (b, _)| a.cmp(b));
        let quantize = |(name, tensor): (String, Tensor)| {
            let kind = stored_as(&name, tensor.dims());
            Ok((name, QTensor::quantize(&tensor, kind)?))
        };
        let tensors: Vec<(String, QTensor)> =
            tensors.into_iter().map(quantize).collect::<candle_core::Result<_>>()?;
        let tensors: Vec<(&str, &QTensor)> = tensors.iter().map(|(name, tensor)| (&**name, tensor)).collect();
        let metadata: Vec<(&str, &Value)> = metadata.iter().map(|(key, value)| (*key, value)).collect();
        write(out, &metadata, &tensors)
    };
    run().map_err(|error| fault(error.to_string()))
}

/// The file's tensors by name, left where they are.
struct Tensors {
    store: Arc<Store>,
    infos: HashMap<String, TensorInfo>,
    start: u64,
}

impl Tensors {
    fn has(&self, name: &str) -> bool {
        self.infos.contains_key(name)
    }

    /// A tensor's shape, type and place.
    fn place(&self, name: &str) -> Result<(&[usize], GgmlDType, Range<usize>), String> {
        let info = self.infos.get(name).ok_or(format!("`{name}` is missing"))?;
        let size = info.shape.elem_count() / info.ggml_dtype.block_size() * info.ggml_dtype.type_size();
        let start = (self.start + info.offset) as usize;
        let whole = self.store.all().len() >= start + size;
        if whole {
            Ok((info.shape.dims(), info.ggml_dtype, start..start + size))
        } else {
            Err("it is cut".into())
        }
    }

    fn numbers(&self, name: &str, shape: &[usize]) -> Result<Vec<f32>, String> {
        let (found, dtype, bytes) = self.place(name)?;
        if found != shape {
            return Err(format!("`{name}` has the shape {found:?}; {shape:?} is needed"));
        }
        let mut out = vec![0.0; shape.iter().product()];
        dequantize(dtype, self.store.bytes(bytes), &mut out);
        Ok(out)
    }

    fn matrix(&self, name: &str, cols: usize) -> Result<Matrix, String> {
        let (shape, dtype, bytes) = self.place(name)?;
        match *shape {
            [rows, found] if found == cols => Ok(Matrix::new(self.store.clone(), bytes, dtype, rows, cols)),
            _ => Err(format!("`{name}` has the shape {shape:?}; rows of {cols} are needed")),
        }
    }

    fn linear(&self, name: &str, rows: usize, cols: usize) -> Result<Linear, String> {
        let weight = self.matrix(&format!("{name}.weight"), cols)?;
        Ok(Linear { weight, bias: self.numbers(&format!("{name}.bias"), &[rows])? })
    }

    fn norm(&self, name: &str, width: usize) -> Result<Norm, String> {
        let part = |part: &str| self.numbers(&format!("{name}.{part}"), &[width]);
        Ok(Norm { weight: part("weight")?, bias: part("bias")? })
    }

    fn layer(&self, at: usize, width: usize) -> Result<Layer, String> {
        let name = |part: &str| format!("blk.{at}.{part}");
        let wide = self.place(&name("ffn_up.bias"))?.0.iter().product();
        Ok(Layer {
            qkv: [
                self.linear(&name("attn_q"), width, width)?,
                self.linear(&name("attn_k"), width, width)?,
                self.linear(&name("attn_v"), width, width)?,
            ],
            output: self.linear(&name("attn_output"), width, width)?,
            output_norm: self.norm(&name("attn_output_norm"), width)?,
            up: self.linear(&name("ffn_up"), wide, width)?,
            down: self.linear(&name("ffn_down"), width, wide)?,
            layer_norm: self.norm(&name("layer_output_norm"), width)?,
        })
    }
}

/// Reads what [`pack`] wrote.
///
/// # Errors
/// Bytes that [`pack`] did not write.
pub(super) fn read(bytes: &'static [u8]) -> Result<(Network, Cutter, Vec<String>), ModelError> {
    let run = || -> Result<(Network, Cutter, Vec<String>), String> {
        if bytes.as_ptr().align_offset(ALIGNED) != 0 {
            return Err("its bytes are not aligned".into());
        }
        let content = Content::read(&mut Cursor::new(bytes)).map_err(|error| error.to_string())?;
        let value = |key: &str| content.metadata.get(key).ok_or(format!("`{key}` is missing"));
        let text = |value: &Value| value.to_string().cloned().map_err(|error| error.to_string());
        let count = |key: &str| value(key)?.to_u32().map(|n| n as usize).map_err(|error| error.to_string());
        let labels = value(LABELS)?.to_vec().map_err(|error| error.to_string())?;
        let labels: Vec<String> = labels.iter().map(text).collect::<Result<_, _>>()?;
        let before = count(LONGEST_BEFORE)?;
        let cutter = Cutter::of(&text(value(TOKENIZER)?)?, before)?;
        let (layers, heads) = (count(LAYERS)?, count(HEADS)?);
        let epsilon = value(EPSILON)?.to_f32().map_err(|error| error.to_string())?;
        let store = Store::fixed(bytes);
        let tensors = Tensors { store, start: content.tensor_data_offset, infos: content.tensor_infos };
        let width: usize = tensors.place("token_embd_norm.weight")?.0.iter().product();
        let optional = |name: &str, shape: &[usize]| {
            if tensors.has(name) { tensors.numbers(name, shape).map(Some) } else { Ok(None) }
        };
        let head = |name: &str| -> Result<[Vec<f32>; 2], String> {
            let part = |part: &str, shape: &[usize]| tensors.numbers(&format!("labels.{name}.{part}"), shape);
            Ok([part("weight", &[labels.len(), width])?, part("bias", &[labels.len()])?])
        };
        let words = tensors.matrix("token_embd.weight", width)?;
        if words.rows < cutter.tokenizer.get_vocab_size(true) {
            return Err("its vocabulary is larger than its table".into());
        }
        let network = Network {
            words,
            positions: tensors.numbers("position_embd.weight", &[LONGEST + before + MARKS, width])?,
            kinds: optional("token_types.weight", &[2, width])?,
            norm: tensors.norm("token_embd_norm", width)?,
            distances: optional("attn_rel_b.weight", &[32, heads])?,
            layers: (0..layers).map(|at| tensors.layer(at, width)).collect::<Result<_, _>>()?,
            labels: Heads {
                look: tensors.numbers("labels.look.weight", &[labels.len(), width])?,
                weigh: head("weigh")?,
                show: head("show")?,
            },
            heads,
            epsilon,
        };
        Ok((network, cutter, labels))
    };
    run().map_err(|error| ModelError::Engine(format!("the encoder is damaged: {error}")))
}
