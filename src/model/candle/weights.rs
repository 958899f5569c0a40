//! A model's matrices and vectors: shapes checked against the configuration, bytes left in the mapped file.

#![expect(unsafe_code, reason = "sees bytes as blocks of numbers")]

use super::super::ModelError;
use super::config::{Architecture, Config};
use super::gguf::Gguf;
use super::kernels::{Kernel, LowRank, Machine};
use super::store::Store;
use candle_core::quantized::{GgmlDType, GgmlType, k_quants};
use std::ops::Range;
use std::sync::Arc;

/// A quantized matrix in the mapped file: `rows` outputs of `cols` inputs each.
#[derive(Clone)]
pub struct Matrix {
    store: Arc<Store>,
    bytes: Range<usize>,
    /// Quantization.
    pub dtype: GgmlDType,
    /// Outputs.
    pub rows: usize,
    /// Inputs.
    pub cols: usize,
    /// How it is multiplied on this machine.
    pub kernel: Kernel,
    /// What an adapter adds to its products.
    pub tuned: Option<Arc<LowRank>>,
}

impl Matrix {
    /// The matrix whose rows are `bytes` of `store`.
    ///
    /// # Panics
    /// When the bytes aren't there, or aren't `rows` of `cols`.
    pub fn new(store: Arc<Store>, bytes: Range<usize>, dtype: GgmlDType, rows: usize, cols: usize) -> Matrix {
        let kernel = Kernel::new(dtype, Machine::detect());
        let matrix = Matrix { store, bytes, dtype, rows, cols, kernel, tuned: None };
        assert!(matrix.bytes().len() == rows * matrix.row_bytes());
        matrix
    }

    /// Bytes of one row.
    pub fn row_bytes(&self) -> usize {
        self.cols / self.dtype.block_size() * self.dtype.type_size()
    }

    /// All rows' bytes.
    pub fn bytes(&self) -> &[u8] {
        self.store.bytes(self.bytes.clone())
    }

    /// The bytes of one row.
    pub fn row(&self, row: usize) -> &[u8] {
        let size = self.row_bytes();
        &self.bytes()[row * size..(row + 1) * size]
    }

    /// Some of the rows as a matrix of its own.
    fn part(&self, rows: Range<usize>) -> Matrix {
        let size = self.row_bytes();
        let start = self.bytes.start;
        Matrix { bytes: start + rows.start * size..start + rows.end * size, rows: rows.len(), ..self.clone() }
    }

    /// Has an adapter add to its products from now on.
    pub fn tune(&mut self, tuned: LowRank) {
        self.tuned = Some(Arc::new(tuned));
    }

    /// Writes one row as floats.
    pub fn dequantize_row(&self, row: usize, out: &mut [f32]) {
        dequantize(self.dtype, self.row(row), out);
    }
}

/// Writes whole blocks of `dtype` as floats.
pub fn dequantize(dtype: GgmlDType, bytes: &[u8], out: &mut [f32]) {
    fn run<T: GgmlType>(bytes: &[u8], out: &mut [f32]) {
        T::to_float(blocks::<T>(bytes), out);
    }
    match dtype {
        GgmlDType::F32 => run::<f32>(bytes, out),
        GgmlDType::F16 => run::<half::f16>(bytes, out),
        GgmlDType::BF16 => run::<half::bf16>(bytes, out),
        GgmlDType::Q4_0 => run::<k_quants::BlockQ4_0>(bytes, out),
        GgmlDType::Q4_1 => run::<k_quants::BlockQ4_1>(bytes, out),
        GgmlDType::Q5_0 => run::<k_quants::BlockQ5_0>(bytes, out),
        GgmlDType::Q5_1 => run::<k_quants::BlockQ5_1>(bytes, out),
        GgmlDType::Q8_0 => run::<k_quants::BlockQ8_0>(bytes, out),
        GgmlDType::Q8_1 => run::<k_quants::BlockQ8_1>(bytes, out),
        GgmlDType::Q2K => run::<k_quants::BlockQ2K>(bytes, out),
        GgmlDType::Q3K => run::<k_quants::BlockQ3K>(bytes, out),
        GgmlDType::Q4K => run::<k_quants::BlockQ4K>(bytes, out),
        GgmlDType::Q5K => run::<k_quants::BlockQ5K>(bytes, out),
        GgmlDType::Q6K => run::<k_quants::BlockQ6K>(bytes, out),
        GgmlDType::Q8K => run::<k_quants::BlockQ8K>(bytes, out),
    }
}

/// Sees bytes as candle's blocks of type `T`.
///
/// # Panics
/// When the bytes aren't aligned for `T` or not whole blocks; the file's alignment of at least 8 and the
/// shape check at load rule both out.
pub fn blocks<T: GgmlType>(bytes: &[u8]) -> &[T] {
    let size = std::mem::size_of::<T>();
    assert!(bytes.len().is_multiple_of(size) && bytes.as_ptr().align_offset(std::mem::align_of::<T>()) == 0);
    // SAFETY: length and alignment are checked above; candle's blocks are `repr(C)` structs of integers
    // and half floats, valid for every bit pattern.
    unsafe { std::slice::from_raw_parts(bytes.as_ptr().cast(), bytes.len() / size) }
}

/// One layer's weights.
pub struct Layer {
    /// Norm before attention.
    pub attention_norm: Vec<f32>,
    /// Query, key and value.
    pub qkv: [Matrix; 3],
    /// Their biases, where the architecture has them.
    pub qkv_bias: Option<[Vec<f32>; 3]>,
    /// Norms of each query head and each key head.
    pub head_norms: Option<[Vec<f32>; 2]>,
    /// Back from the heads to the residual stream.
    pub output: Matrix,
    /// Norm of what attention adds.
    pub post_attention_norm: Option<Vec<f32>>,
    /// Norm before the feed-forward half.
    pub feed_forward_norm: Vec<f32>,
    /// Gate and up.
    pub gate_up: [Matrix; 2],
    /// Down.
    pub down: Matrix,
    /// Norm of what the feed-forward half adds.
    pub post_feed_forward_norm: Option<Vec<f32>>,
}

/// Matrices of a layer.
pub const MATRICES: usize = 7;

impl Layer {
    /// Their names in a file that has each by itself.
    pub const MATRICES: [&str; MATRICES] =
        ["attn_q", "attn_k", "attn_v", "attn_output", "ffn_gate", "ffn_up", "ffn_down"];

    /// The matrices, in the order of their names.
    pub fn matrices(&self) -> [&Matrix; MATRICES] {
        let ([q, k, v], [gate, up]) = (&self.qkv, &self.gate_up);
        [q, k, v, &self.output, gate, up, &self.down]
    }
}

/// All weights of a model.
pub struct Weights {
    /// One row a token.
    pub embedding: Matrix,
    /// Layers in order.
    pub layers: Vec<Layer>,
    /// The last norm.
    pub norm: Vec<f32>,
    /// To the vocabulary; the embedding itself where the file has no other.
    pub output: Matrix,
    /// Divides each rotary frequency (Llama 3's `rope_freqs`, Phi's short factors).
    pub rope_factors: Option<Vec<f32>>,
}

struct Finder<'a> {
    gguf: &'a Gguf,
    machine: Machine,
}

impl Finder<'_> {
    fn has(&self, name: &str) -> bool {
        self.gguf.tensors().contains_key(name)
    }

    fn any_matrix(&self, name: &str, cols: usize) -> Result<Matrix, ModelError> {
        let Some(place) = self.gguf.tensors().get(name) else {
            return Err(self.gguf.error(format!("the tensor `{name}` is missing")));
        };
        match place.shape[..] {
            [rows, found] if found == cols => Ok(Matrix {
                store: place.store.clone(),
                bytes: place.bytes.clone(),
                dtype: place.dtype,
                rows,
                cols,
                kernel: Kernel::new(place.dtype, self.machine),
                tuned: None,
            }),
            _ => Err(self.gguf.error(format!(
                "the tensor `{name}` has the shape {:?}; rows of {cols} are needed",
                place.shape
            ))),
        }
    }

    fn matrix(&self, name: &str, rows: usize, cols: usize) -> Result<Matrix, ModelError> {
        let matrix = self.any_matrix(name, cols)?;
        if matrix.rows != rows {
            return Err(self.gguf.error(format!(
                "the tensor `{name}` has the shape [{}, {cols}]; [{rows}, {cols}] is needed",
                matrix.rows
            )));
        }
        Ok(matrix)
    }

    fn vector(&self, name: &str, size: usize) -> Result<Vec<f32>, ModelError> {
        let Some(place) = self.gguf.tensors().get(name) else {
            return Err(self.gguf.error(format!("the tensor `{name}` is missing")));
        };
        if place.shape[..] != [size] {
            return Err(self
                .gguf
                .error(format!("the tensor `{name}` has the shape {:?}; [{size}] is needed", place.shape)));
        }
        let mut out = vec![0.0; size];
        dequantize(place.dtype, place.store.bytes(place.bytes.clone()), &mut out);
        Ok(out)
    }

    fn optional_vector(&self, name: &str, size: usize) -> Result<Option<Vec<f32>>, ModelError> {
        if self.has(name) { self.vector(name, size).map(Some) } else { Ok(None) }
    }

    fn qkv(&self, prefix: &str, config: &Config) -> Result<[Matrix; 3], ModelError> {
        let (q, kv, hidden) = (config.query_width(), config.kv_width(), config.hidden);
        if config.architecture == Architecture::Phi3 {
            let fused = self.matrix(&format!("{prefix}.attn_qkv.weight"), q + 2 * kv, hidden)?;
            return Ok([fused.part(0..q), fused.part(q..q + kv), fused.part(q + kv..q + 2 * kv)]);
        }
        Ok([
            self.matrix(&format!("{prefix}.attn_q.weight"), q, hidden)?,
            self.matrix(&format!("{prefix}.attn_k.weight"), kv, hidden)?,
            self.matrix(&format!("{prefix}.attn_v.weight"), kv, hidden)?,
        ])
    }

    fn qkv_bias(&self, prefix: &str, config: &Config) -> Result<Option<[Vec<f32>; 3]>, ModelError> {
        if !self.has(&format!("{prefix}.attn_q.bias")) {
            return Ok(None);
        }
        Ok(Some([
            self.vector(&format!("{prefix}.attn_q.bias"), config.query_width())?,
            self.vector(&format!("{prefix}.attn_k.bias"), config.kv_width())?,
            self.vector(&format!("{prefix}.attn_v.bias"), config.kv_width())?,
        ]))
    }

    fn gate_up(&self, prefix: &str, config: &Config) -> Result<[Matrix; 2], ModelError> {
        let (wide, hidden) = (config.feed_forward, config.hidden);
        if config.architecture == Architecture::Phi3 {
            let fused = self.matrix(&format!("{prefix}.ffn_up.weight"), 2 * wide, hidden)?;
            return Ok([fused.part(0..wide), fused.part(wide..2 * wide)]);
        }
        Ok([
            self.matrix(&format!("{prefix}.ffn_gate.weight"), wide, hidden)?,
            self.matrix(&format!("{prefix}.ffn_up.weight"), wide, hidden)?,
        ])
    }

    fn layer(&self, index: usize, config: &Config) -> Result<Layer, ModelError> {
        let prefix = format!("blk.{index}");
        let at = |name: &str| format!("{prefix}.{name}.weight");
        let hidden = config.hidden;
        let head_norms = match config.architecture {
            Architecture::Qwen3 | Architecture::Gemma3 => Some([
                self.vector(&at("attn_q_norm"), config.head_dim)?,
                self.vector(&at("attn_k_norm"), config.head_dim)?,
            ]),
            _ => None,
        };
        let gemma = config.architecture == Architecture::Gemma3;
        let post = |name: &str| if gemma { self.vector(&at(name), hidden).map(Some) } else { Ok(None) };
        Ok(Layer {
            attention_norm: self.vector(&at("attn_norm"), hidden)?,
            qkv: self.qkv(&prefix, config)?,
            qkv_bias: self.qkv_bias(&prefix, config)?,
            head_norms,
            output: self.matrix(&at("attn_output"), hidden, config.query_width())?,
            post_attention_norm: post("post_attention_norm")?,
            feed_forward_norm: self.vector(&at("ffn_norm"), hidden)?,
            gate_up: self.gate_up(&prefix, config)?,
            down: self.matrix(&at("ffn_down"), hidden, config.feed_forward)?,
            post_feed_forward_norm: post("post_ffw_norm")?,
        })
    }
}

impl Weights {
    /// The layers' matrices under their names in a file that has each by itself.
    pub fn matrices(&mut self) -> impl Iterator<Item = (String, &mut Matrix)> {
        self.layers.iter_mut().enumerate().flat_map(|(index, layer)| {
            let [q, k, v] = &mut layer.qkv;
            let [gate, up] = &mut layer.gate_up;
            let all = [q, k, v, &mut layer.output, gate, up, &mut layer.down];
            let named = Layer::MATRICES.into_iter().zip(all);
            named.map(move |(name, matrix)| (format!("blk.{index}.{name}.weight"), matrix))
        })
    }

    /// Finds every tensor and checks its shape.
    ///
    /// # Errors
    /// A missing tensor or a shape that disagrees with the configuration; names file and tensor.
    pub fn from_gguf(gguf: &Gguf, config: &Config) -> Result<Weights, ModelError> {
        let finder = Finder { gguf, machine: Machine::detect() };
        let embedding = finder.any_matrix("token_embd.weight", config.hidden)?;
        let output = if finder.has("output.weight") {
            finder.matrix("output.weight", embedding.rows, config.hidden)?
        } else {
            embedding.clone()
        };
        if config.architecture == Architecture::Llama && finder.has("blk.0.ffn_gate_inp.weight") {
            return Err(gguf.error("a mixture of experts (`blk.0.ffn_gate_inp.weight`) is not supported"));
        }
        let pairs = config.rope.dims / 2;
        let rope_factors = match finder.optional_vector("rope_freqs.weight", pairs)? {
            Some(factors) => Some(factors),
            None => finder.optional_vector("rope_factors_short.weight", pairs)?,
        };
        if rope_factors.as_ref().is_some_and(|f| f.iter().any(|f| !f.is_finite() || *f <= 0.0)) {
            return Err(gguf.error("the rotary factors have a value that isn't above 0"));
        }
        Ok(Weights {
            embedding,
            layers: (0..config.layers).map(|i| finder.layer(i, config)).collect::<Result<_, _>>()?,
            norm: finder.vector("output_norm.weight", config.hidden)?,
            output,
            rope_factors,
        })
    }
}
