//! Gradients of a low-rank adapter's factors (LoRA, Hu et al. 2021), by the products that also run the model.
//!
//! The weights stay as they are in the file. The way forward is the decoder's own, rounding of activations included,
//! so that an adapter learns on the very model it will tune. The way back multiplies with the transposed weights in
//! five bits (`Q5_K`), whose error is small beside that of a stochastic gradient. Only what belongs to the factors is
//! done in floats.
//!
//! Only the rows that say a learned token carry a gradient: what is merely read is taken as it is, though the adapter
//! changes it as well. That halves the work, for three quarters of a talk's rows are merely read.

use super::super::ModelError;
use super::attention::{Attention, Place};
use super::cache::{Cache, View};
use super::config::{Activation, Config};
use super::decoder::{Angles, frequencies, rotate};
use super::kernels::{Input, Machine, multiply};
use super::math;
use super::pool::Pool;
use super::sampler::log_sum_exp;
use super::store::Store;
use super::weights::{Layer, MATRICES, Matrix, Weights};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use std::collections::HashMap;
use std::ops::Range;

/// Places of the matrices in [`Layer::matrices`].
const Q: usize = 0;
const K: usize = 1;
const V: usize = 2;
const OUTPUT: usize = 3;
const GATE: usize = 4;
const UP: usize = 5;
const DOWN: usize = 6;

/// Rows that are multiplied at a time: their bytes fit the second-level cache.
const ROWS: usize = 128;
/// Rows whose logits are worked out at a time: a row of a large vocabulary is half a megabyte.
const LOGIT_ROWS: usize = 64;
/// Rows of a matrix that are turned at a time.
const TURNED_ROWS: usize = 32;
/// Query rows whose attention is taken back at a time.
const QUERY_ROWS: usize = 128;

/// Means of gradients and of their squares that Adam keeps (Kingma & Ba 2014), and what keeps it from dividing by 0.
const BETAS: [f32; 2] = [0.9, 0.99];
const EPSILON: f32 = 1e-8;
/// The longest gradient; a longer one is shortened to it.
const LONGEST: f32 = 1.0;

/// How much likelier a better line has to be than a worse one, in mean log-probability a token: how steep the loss
/// of their order is, and where it lies (SimPO, Meng et al. 2024). What the likeliness of the better lines themselves
/// counts beside it, without which both would become less likely (CPO, Xu et al. 2024).
const STEEP: f32 = 2.5;
const MARGIN: f32 = 0.8;
const KEPT: f32 = 0.2;
/// What the order of lines counts beside the loss of what is written.
const ORDER: f32 = 1.0;

/// A text to learn from.
#[derive(Clone, Debug, Default)]
pub struct Piece {
    /// Its tokens.
    pub ids: Vec<u32>,
    /// Places of those that are learned.
    pub learn: Vec<usize>,
    /// Lines to choose from.
    pub choices: Vec<Choice>,
}

impl Piece {
    /// All its tokens, those of the lines included.
    pub fn tokens(&self) -> usize {
        let lines = self.choices.iter().flat_map(|choice| &choice.lines);
        self.ids.len() + lines.map(|(line, _)| line.len()).sum::<usize>()
    }
}

/// Lines that could follow a place of a text.
#[derive(Clone, Debug)]
pub struct Choice {
    /// They follow so many tokens.
    pub after: usize,
    /// Their tokens, and whether they are among the better ones.
    pub lines: Vec<(Vec<u32>, bool)>,
}

/// The rows of a pass: a text, and behind it every line to choose from, which sees the text up to its place.
struct Rows {
    ids: Vec<u32>,
    positions: Vec<usize>,
    places: Vec<Place>,
    /// Which row is followed by which token: first of the text, then of the lines.
    targets: Vec<(usize, u32)>,
    /// Of each choice the targets of its lines.
    lines: Vec<Vec<(Range<usize>, bool)>>,
    /// The rows of the targets, ascending: those that carry a gradient.
    carrying: Vec<usize>,
}

impl Rows {
    fn of(piece: &Piece) -> Rows {
        let view = View { prefix: 0, tail: 0 };
        let ids = piece.ids.clone();
        let places = (0..ids.len()).map(|slot| Place { slot, view }).collect();
        let targets = piece.learn.iter().map(|at| (at - 1, ids[*at])).collect();
        let positions = (0..ids.len()).collect();
        let mut rows = Rows { positions, ids, places, targets, lines: Vec::new(), carrying: Vec::new() };
        for Choice { after, lines } in &piece.choices {
            let lines = lines.iter().map(|(line, better)| (rows.add(*after, line), *better)).collect();
            rows.lines.push(lines);
        }
        rows.carrying = rows.targets.iter().map(|(row, _)| *row).collect();
        rows.carrying.sort_unstable();
        rows.carrying.dedup();
        rows
    }

    /// Those of `values` that belong to rows which carry a gradient.
    fn carried(&self, values: &[f32]) -> Vec<f32> {
        let width = values.len() / self.ids.len();
        self.carrying.iter().flat_map(|row| values[row * width..][..width].iter().copied()).collect()
    }

    /// Adds a line behind the first `after` tokens of the text; returns its targets.
    fn add(&mut self, after: usize, line: &[u32]) -> Range<usize> {
        let (tail, first) = (self.ids.len(), self.targets.len());
        let mut before = after - 1;
        for (at, token) in line.iter().enumerate() {
            self.targets.push((before, *token));
            before = tail + at;
            // Nothing follows the last one.
            if at + 1 < line.len() {
                self.ids.push(*token);
                self.positions.push(after + at);
                self.places.push(Place { slot: before, view: View { prefix: after, tail } });
            }
        }
        first..self.targets.len()
    }
}

/// What a text lost.
#[derive(Clone, Copy, Debug, Default)]
pub struct Loss {
    /// Summed over the tokens that are learned.
    pub written: f64,
    /// Choices with better and worse lines, and in how large a share of their pairs the better one is likelier,
    /// summed.
    pub choices: usize,
    pub ordered: f64,
}

/// A factor with its gradient and what the optimizer keeps of it.
struct Factor {
    rows: usize,
    cols: usize,
    values: Vec<f32>,
    gradient: Vec<f32>,
    mean: Vec<f32>,
    square: Vec<f32>,
}

impl Factor {
    fn new(rows: usize, cols: usize) -> Factor {
        let zeros = || vec![0.0; rows * cols];
        Factor { rows, cols, values: zeros(), gradient: zeros(), mean: zeros(), square: zeros() }
    }

    /// By the names under which they are saved.
    fn parts(&mut self) -> [(&'static str, &mut Vec<f32>); 3] {
        [("", &mut self.values), (".mean", &mut self.mean), (".square", &mut self.square)]
    }
}

/// The factors of one matrix: `[rank, in]` and `[out, rank]`.
struct Factors {
    a: Factor,
    b: Factor,
}

/// Gradients of them.
type Slopes = [Vec<f32>; 2];

/// What the way back needs of a layer's way forward, of the rows that carry a gradient.
struct Kept {
    /// The stream before the layer, and before its feed-forward half.
    stream: [Vec<f32>; 2],
    /// Turned keys and values of all rows.
    keys: Vec<f32>,
    values: Vec<f32>,
    /// Turned queries, and what attention made of them.
    queries: Vec<f32>,
    mixed: Vec<f32>,
    gate: Vec<f32>,
    up: Vec<f32>,
    /// `A · x` of each matrix.
    inner: [Vec<f32>; MATRICES],
}

/// A model whose adapter is learned.
pub struct Learner {
    config: Config,
    weights: Weights,
    /// The transposed matrices of each tuned layer, and of the output.
    back: Vec<[Matrix; MATRICES]>,
    output_back: Matrix,
    /// The first layer that is tuned.
    first: usize,
    factors: Vec<[Factors; MATRICES]>,
    scale: f32,
    threads: usize,
    frequencies: Vec<f64>,
    steps: i32,
}

/// One text on its way forward and back.
struct Pass<'a> {
    learner: &'a Learner,
    rows: Rows,
    /// How many of the targets belong to the text itself.
    written: usize,
    pool: Pool,
    /// Of each tuned layer.
    slopes: Vec<[Slopes; MATRICES]>,
}

type Result<T> = std::result::Result<T, ModelError>;

fn fault(error: impl std::fmt::Display) -> ModelError {
    ModelError::Engine(format!("training failed: {error}"))
}

/// The matrix with its rows for columns, quantized anew where its rows are whole blocks.
fn transposed(matrix: &Matrix) -> candle_core::Result<Matrix> {
    let (rows, cols) = (matrix.rows, matrix.cols);
    let mut turned = vec![0.0; rows * cols];
    let mut some = vec![0.0; TURNED_ROWS.min(rows) * cols];
    for first in (0..rows).step_by(TURNED_ROWS) {
        let count = TURNED_ROWS.min(rows - first);
        for (at, row) in some.chunks_exact_mut(cols).take(count).enumerate() {
            matrix.dequantize_row(first + at, row);
        }
        for (col, out) in turned.chunks_exact_mut(rows).enumerate() {
            for (at, out) in out[first..first + count].iter_mut().enumerate() {
                *out = some[at * cols + col];
            }
        }
    }
    let fits = |dtype: &GgmlDType| rows.is_multiple_of(dtype.block_size());
    let dtype = [GgmlDType::Q5K, GgmlDType::Q8_0].into_iter().find(fits).unwrap_or(GgmlDType::F32);
    let turned = QTensor::quantize(&Tensor::from_vec(turned, (cols, rows), &Device::Cpu)?, dtype)?;
    let bytes: &'static [u8] = Vec::leak(turned.data()?.into_owned());
    Ok(Matrix::new(Store::fixed(bytes), 0..bytes.len(), dtype, cols, rows))
}

/// The transposed matrices of each layer, made on `threads` threads.
fn all_transposed(layers: &[Layer], threads: usize) -> candle_core::Result<Vec<[Matrix; MATRICES]>> {
    let of_layer = |layer: &Layer| -> candle_core::Result<[Matrix; MATRICES]> {
        let all: candle_core::Result<Vec<Matrix>> = layer.matrices().into_iter().map(transposed).collect();
        Ok(all?.try_into().unwrap_or_else(|_| unreachable!("as many as there were")))
    };
    let of_part = |part: &[Layer]| -> Vec<_> { part.iter().map(of_layer).collect() };
    std::thread::scope(|scope| {
        let parts = layers.chunks(layers.len().div_ceil(threads).max(1));
        let parts: Vec<_> = parts.map(|part| scope.spawn(move || of_part(part))).collect();
        parts.into_iter().flat_map(|part| part.join().expect("quantizing does not panic")).collect()
    })
}

/// A product in floats of two matrices, each given with its rows and whether it is turned first.
fn product(
    x: &[f32],
    x_rows: usize,
    x_turned: bool,
    y: &[f32],
    y_rows: usize,
    y_turned: bool,
) -> Result<Vec<f32>> {
    let matrix = |values: &[f32], rows: usize, turned: bool| {
        let tensor = Tensor::from_slice(values, (rows, values.len() / rows), &Device::Cpu)?;
        if turned { tensor.t() } else { Ok(tensor) }
    };
    let run = || matrix(x, x_rows, x_turned)?.matmul(&matrix(y, y_rows, y_turned)?)?.flatten_all()?.to_vec1();
    run().map_err(fault)
}

/// The products of some rows with each of the matrices.
fn products<const N: usize>(pool: &mut Pool, rows: &[f32], matrices: [&Matrix; N]) -> [Vec<f32>; N] {
    let cols = matrices[0].cols;
    let mut all = matrices.map(|matrix| Vec::with_capacity(rows.len() / cols * matrix.rows));
    let (mut input, mut some) = (Input::default(), [const { Vec::new() }; N]);
    for part in rows.chunks(ROWS * cols) {
        input.reset(part.len() / cols, cols).copy_from_slice(part);
        let mut targets: Vec<(&Matrix, &mut Vec<f32>)> = matrices.into_iter().zip(&mut some).collect();
        multiply(pool, &mut input, &mut targets);
        all.iter_mut().zip(&some).for_each(|(all, some)| all.extend_from_slice(some));
    }
    all
}

fn add_scaled(sum: &mut [f32], other: &[f32], scale: f32) {
    for (sum, other) in sum.iter_mut().zip(other) {
        *sum += other * scale;
    }
}

/// Each row normed.
fn normed(rows: &[f32], weight: &[f32], epsilon: f32) -> Vec<f32> {
    let mut out = vec![0.0; rows.len()];
    for (row, out) in rows.chunks_exact(weight.len()).zip(out.chunks_exact_mut(weight.len())) {
        Machine::detect().rms_norm(row, weight, epsilon, out);
    }
    out
}

/// Adds to `stream` the gradient before a norm of `rows`, from that behind it.
fn norm_back(rows: &[f32], weight: &[f32], epsilon: f32, gradient: &[f32], stream: &mut [f32]) {
    let size = weight.len();
    let all = rows.chunks_exact(size).zip(gradient.chunks_exact(size)).zip(stream.chunks_exact_mut(size));
    for ((row, gradient), stream) in all {
        let square: f32 = row.iter().map(|x| x * x).sum();
        let scale = 1.0 / (square / size as f32 + epsilon).sqrt();
        let along: f32 = row.iter().zip(gradient).zip(weight).map(|((x, g), w)| x * g * w).sum();
        let along = along * scale * scale * scale / size as f32;
        for (((stream, x), g), w) in stream.iter_mut().zip(row).zip(gradient).zip(weight) {
            *stream += scale * g * w - along * x;
        }
    }
}

impl Learner {
    /// The model of `weights`, of which the layers from `first` on are tuned, with factors of `rank` that are drawn by
    /// `random` (from a normal distribution of variance 1) and whose product counts `alpha / rank`.
    ///
    /// # Errors
    /// An architecture other than that of Llama and Qwen 2.
    pub fn new(
        config: Config,
        weights: Weights,
        first: usize,
        rank: usize,
        alpha: f32,
        threads: usize,
        random: &mut dyn FnMut() -> f32,
    ) -> Result<Learner> {
        let plain = |layer: &Layer| {
            layer.head_norms.is_none()
                && layer.post_attention_norm.is_none()
                && layer.post_feed_forward_norm.is_none()
        };
        let usual = config.window_of(0).is_none() && config.embedding_scale == 1.0;
        if !weights.layers.iter().all(plain) || config.activation != Activation::Silu || !usual {
            return Err(ModelError::Unsupported("tune a model that is not built like Llama or Qwen 2"));
        }
        let tuned = &weights.layers[first.min(config.layers)..];
        let mut begin = |matrix: &Matrix| {
            let (mut a, b) = (Factor::new(rank, matrix.cols), Factor::new(matrix.rows, rank));
            let deviation = 1.0 / (matrix.cols as f32).sqrt();
            a.values.iter_mut().for_each(|value| *value = random() * deviation);
            Factors { a, b }
        };
        let factors = tuned.iter().map(|layer| layer.matrices().map(&mut begin)).collect();
        let back = all_transposed(tuned, threads).map_err(fault)?;
        let output_back = transposed(&weights.output).map_err(fault)?;
        let frequencies = frequencies(&config.rope, weights.rope_factors.as_deref());
        let scale = alpha / rank as f32;
        Ok(Learner {
            config,
            weights,
            back,
            output_back,
            first,
            factors,
            scale,
            threads,
            frequencies,
            steps: 0,
        })
    }

    /// Every factor under the name of its tensor in an adapter's file.
    fn named(&mut self) -> impl Iterator<Item = (String, &mut Factor)> {
        let first = self.first;
        self.factors.iter_mut().enumerate().flat_map(move |(at, layer)| {
            layer.iter_mut().zip(Layer::MATRICES).flat_map(move |(factors, name)| {
                let name = format!("blk.{}.{name}.weight", first + at);
                [(format!("{name}.lora_a"), &mut factors.a), (format!("{name}.lora_b"), &mut factors.b)]
            })
        })
    }

    /// The factors, and what the optimizer keeps of them, by name.
    pub fn state(&mut self) -> Result<HashMap<String, Tensor>> {
        let mut state = HashMap::new();
        for (name, factor) in self.named() {
            let shape = (factor.rows, factor.cols);
            for (part, values) in factor.parts() {
                let tensor = Tensor::from_slice(values, shape, &Device::Cpu).map_err(fault)?;
                state.insert(format!("{name}{part}"), tensor);
            }
        }
        Ok(state)
    }

    /// Goes on from factors of [`Learner::state`] after `steps` steps, or from those of an adapter.
    ///
    /// # Errors
    /// One that is missing or of another shape.
    pub fn take_up(&mut self, state: &HashMap<String, Tensor>, steps: i32) -> Result<()> {
        self.steps = steps;
        for (name, factor) in self.named() {
            for (part, values) in factor.parts() {
                let name = format!("{name}{part}");
                let Some(saved) = state.get(&name) else {
                    if part.is_empty() {
                        return Err(fault(format!("`{name}` is missing in what is gone on from")));
                    }
                    continue;
                };
                let saved: Vec<f32> = saved.flatten_all().and_then(|t| t.to_vec1()).map_err(fault)?;
                if saved.len() != values.len() {
                    return Err(fault(format!("`{name}` has another shape in what is gone on from")));
                }
                *values = saved;
            }
        }
        Ok(())
    }

    /// What each of some texts loses; adds the gradient of their mean to the factors', if `slopes`. The loss of a text
    /// is taken as a mean over its tokens, that of its choices as one over them. Each text has a thread of its own.
    ///
    /// # Errors
    /// A fault of the products in floats.
    pub fn learn(&mut self, pieces: &[&Piece], slopes: bool) -> Result<Vec<Loss>> {
        let (learner, share) = (&*self, slopes.then_some(1.0 / pieces.len() as f32));
        let mut passed = Vec::with_capacity(pieces.len());
        for some in pieces.chunks(self.threads) {
            let threads = (self.threads / some.len()).max(1);
            let passes: Result<Vec<_>> = std::thread::scope(|scope| {
                let one = |piece| scope.spawn(move || Pass::of(learner, piece, threads).learn(share));
                let passes: Vec<_> = some.iter().copied().map(one).collect();
                passes.into_iter().map(|pass| pass.join().expect("a pass does not panic")).collect()
            });
            passed.extend(passes?);
        }
        let (losses, slopes): (Vec<Loss>, Vec<_>) = passed.into_iter().unzip();
        for slopes in &slopes {
            let each = self.factors.iter_mut().flatten().zip(slopes.iter().flatten());
            for (Factors { a, b }, [of_a, of_b]) in each {
                math::add(&mut a.gradient, of_a);
                math::add(&mut b.gradient, of_b);
            }
        }
        Ok(losses)
    }

    /// Moves the factors against their gradients (Adam), which are then 0.
    pub fn step(&mut self, rate: f32) {
        self.steps += 1;
        let length: f32 = self
            .named()
            .map(|(_, factor)| factor.gradient.iter().map(|g| g * g).sum::<f32>())
            .sum::<f32>()
            .sqrt();
        let shorter = if length > LONGEST { LONGEST / length } else { 1.0 };
        let [one, two] = BETAS;
        let (first, second) = (1.0 - one.powi(self.steps), 1.0 - two.powi(self.steps));
        for (_, factor) in self.named() {
            let Factor { values, gradient, mean, square, .. } = factor;
            for (((value, gradient), mean), square) in values.iter_mut().zip(gradient).zip(mean).zip(square) {
                let slope = *gradient * shorter;
                *mean = one * *mean + (1.0 - one) * slope;
                *square = two * *square + (1.0 - two) * slope * slope;
                *value -= rate * (*mean / first) / ((*square / second).sqrt() + EPSILON);
                *gradient = 0.0;
            }
        }
    }
}

impl<'a> Pass<'a> {
    fn of(learner: &'a Learner, piece: &Piece, threads: usize) -> Pass<'a> {
        Pass {
            learner,
            rows: Rows::of(piece),
            written: piece.learn.len(),
            pool: Pool::new(threads),
            slopes: Vec::new(),
        }
    }

    /// What the text loses, and the gradient of it times `share`, where there is one.
    fn learn(mut self, share: Option<f32>) -> Result<(Loss, Vec<[Slopes; MATRICES]>)> {
        let (stream, mut kept) = self.forward()?;
        let likely = self.log_probabilities(&stream);
        let written = self.written;
        let mut weights = vec![0.0; likely.len()];
        weights[..written].fill(1.0 / written as f32);
        let lost = -likely[..written].iter().map(|likely| f64::from(*likely)).sum::<f64>();
        let mut loss = Loss { written: lost, ..Loss::default() };
        let both = |lines: &&Vec<(Range<usize>, bool)>| {
            lines.iter().any(|(_, better)| *better) && lines.iter().any(|(_, better)| !better)
        };
        loss.choices = self.rows.lines.iter().filter(both).count();
        for lines in self.rows.lines.iter().filter(both) {
            loss.ordered += order(lines, &likely, ORDER / loss.choices as f32, &mut weights);
        }
        if let Some(share) = share {
            weights.iter_mut().for_each(|weight| *weight *= share);
            let zeros = |factor: &Factor| vec![0.0; factor.values.len()];
            let of_layer =
                |layer: &[Factors; MATRICES]| layer.each_ref().map(|Factors { a, b }| [zeros(a), zeros(b)]);
            self.slopes = self.learner.factors.iter().map(of_layer).collect();
            let mut stream = self.output_back(&stream, &weights);
            let back = self.angles(self.rows.carrying.iter().map(|row| self.rows.positions[*row])).reversed();
            for layer in (self.learner.first..self.learner.config.layers).rev() {
                let kept = kept.pop().expect("as many as there are tuned layers");
                self.layer_back(layer, &kept, &back, &mut stream)?;
            }
        }
        Ok((loss, self.slopes))
    }

    fn angles(&self, positions: impl Iterator<Item = usize>) -> Angles {
        Angles::of(positions, &self.learner.frequencies, self.learner.config.rope.magnitude)
    }

    /// Adds what the adapter of a matrix adds to its products with `rows`; returns `A · x`.
    fn add_tuned(&self, layer: usize, at: usize, rows: &[f32], out: &mut [f32]) -> Result<Vec<f32>> {
        let Some(layer) = layer.checked_sub(self.learner.first) else { return Ok(Vec::new()) };
        let Factors { a, b } = &self.learner.factors[layer][at];
        let count = rows.len() / a.cols;
        let inner = product(rows, count, false, &a.values, a.rows, true)?;
        add_scaled(out, &product(&inner, count, false, &b.values, b.rows, true)?, self.learner.scale);
        Ok(inner)
    }

    /// The gradient before a matrix from that behind it; adds to those of its factors.
    fn through(
        &mut self,
        layer: usize,
        at: usize,
        gradient: &[f32],
        rows: &[f32],
        inner: &[f32],
        before: bool,
    ) -> Result<Vec<f32>> {
        let layer = layer - self.learner.first;
        let scale = self.learner.scale;
        let Factors { a, b } = &self.learner.factors[layer][at];
        let [of_a, of_b] = &mut self.slopes[layer][at];
        let count = rows.len() / a.cols;
        let turned = product(gradient, count, false, &b.values, b.rows, false)?;
        add_scaled(of_b, &product(gradient, count, true, inner, count, false)?, scale);
        add_scaled(of_a, &product(&turned, count, true, rows, count, false)?, scale);
        if !before {
            return Ok(Vec::new());
        }
        let [mut out] = products(&mut self.pool, gradient, [&self.learner.back[layer][at]]);
        add_scaled(&mut out, &product(&turned, count, false, &a.values, a.rows, false)?, scale);
        Ok(out)
    }

    /// The stream behind the last layer, of the rows that carry a gradient, and what is kept of the tuned layers.
    fn forward(&mut self) -> Result<(Vec<f32>, Vec<Kept>)> {
        let Learner { config, weights, first, .. } = self.learner;
        let count = self.rows.ids.len();
        let (hidden, epsilon) = (config.hidden, config.norm_epsilon);
        let mut stream = vec![0.0; count * hidden];
        for (id, out) in self.rows.ids.iter().zip(stream.chunks_exact_mut(hidden)) {
            weights.embedding.dequantize_row(*id as usize, out);
        }
        let angles = self.angles(self.rows.positions.iter().copied());
        let mut cache = Cache::new(1, config.kv_heads, config.head_dim, count);
        let mut all = Vec::new();
        for at in 0..config.layers {
            let layer = &weights.layers[at];
            let before = self.rows.carried(&stream);
            let rows = normed(&stream, &layer.attention_norm, epsilon);
            let mut qkv = products(&mut self.pool, &rows, layer.qkv.each_ref());
            let mut inner: [Vec<f32>; MATRICES] = Default::default();
            for which in [Q, K, V] {
                if let Some(bias) = &layer.qkv_bias {
                    qkv[which]
                        .chunks_exact_mut(bias[which].len())
                        .for_each(|row| math::add(row, &bias[which]));
                }
                inner[which] = self.add_tuned(at, which, &rows, &mut qkv[which])?;
            }
            let [mut queries, mut keys, values] = qkv;
            rotate(config, &config.rope, &angles, &mut queries, config.query_width());
            rotate(config, &config.rope, &angles, &mut keys, config.kv_width());
            let width = config.kv_width();
            for (slot, (keys, values)) in keys.chunks_exact(width).zip(values.chunks_exact(width)).enumerate()
            {
                cache.store(0, slot, keys, values);
            }
            let mut mixed = vec![0.0; count * config.query_width()];
            let attention = Attention { config, cache: &cache, layer: 0, places: &self.rows.places };
            attention.run(&mut self.pool, &queries, &mut mixed);
            let [mut out] = products(&mut self.pool, &mixed, [&layer.output]);
            inner[OUTPUT] = self.add_tuned(at, OUTPUT, &mixed, &mut out)?;
            math::add(&mut stream, &out);
            let middle = self.rows.carried(&stream);
            let rows = normed(&stream, &layer.feed_forward_norm, epsilon);
            let [mut gate, mut up] = products(&mut self.pool, &rows, layer.gate_up.each_ref());
            inner[GATE] = self.add_tuned(at, GATE, &rows, &mut gate)?;
            inner[UP] = self.add_tuned(at, UP, &rows, &mut up)?;
            let mut joined = gate.clone();
            Machine::detect().silu_gate(&mut joined, &up);
            let [mut out] = products(&mut self.pool, &joined, [&layer.down]);
            inner[DOWN] = self.add_tuned(at, DOWN, &joined, &mut out)?;
            math::add(&mut stream, &out);
            if at >= *first {
                let [queries, mixed, gate, up] =
                    [queries, mixed, gate, up].map(|all| self.rows.carried(&all));
                let inner = inner.map(|all| self.rows.carried(&all));
                all.push(Kept { stream: [before, middle], queries, keys, values, mixed, gate, up, inner });
            }
        }
        Ok((self.rows.carried(&stream), all))
    }

    /// Logits of some targets, the places of their rows in `stream`, and those rows.
    fn logits(&mut self, stream: &[f32], targets: Range<usize>) -> (Vec<f32>, Vec<usize>, Vec<f32>) {
        let Learner { config, weights, .. } = self.learner;
        let hidden = config.hidden;
        let place = |(row, _): &(usize, u32)| self.rows.carrying.partition_point(|other| other < row);
        let places: Vec<usize> = self.rows.targets[targets].iter().map(place).collect();
        let rows: Vec<f32> =
            places.iter().flat_map(|at| stream[at * hidden..][..hidden].iter().copied()).collect();
        let normed = normed(&rows, &weights.norm, config.norm_epsilon);
        let [logits] = products(&mut self.pool, &normed, [&weights.output]);
        (logits, places, rows)
    }

    /// The log-probability of each target.
    fn log_probabilities(&mut self, stream: &[f32]) -> Vec<f32> {
        let mut all = Vec::with_capacity(self.rows.targets.len());
        for part in parts(self.rows.targets.len()) {
            let (logits, ..) = self.logits(stream, part.clone());
            let rows =
                self.rows.targets[part].iter().zip(logits.chunks_exact(self.learner.weights.output.rows));
            all.extend(rows.map(|((_, token), logits)| logits[*token as usize] - log_sum_exp(logits)));
        }
        all
    }

    /// The gradient, in the stream behind the last layer, of the targets' negative log-probabilities, each as often as
    /// its weight says.
    fn output_back(&mut self, stream: &[f32], weights: &[f32]) -> Vec<f32> {
        let Learner { config, weights: model, output_back, .. } = self.learner;
        let mut gradient = vec![0.0; stream.len()];
        for part in parts(weights.len()) {
            let (mut logits, places, rows) = self.logits(stream, part.clone());
            let each = self.rows.targets[part.clone()].iter().zip(&weights[part]);
            for (((_, token), weight), logits) in each.zip(logits.chunks_exact_mut(model.output.rows)) {
                let sum = log_sum_exp(logits);
                logits.iter_mut().for_each(|logit| *logit = math::exp(*logit - sum) * weight);
                logits[*token as usize] -= weight;
            }
            let [behind] = products(&mut self.pool, &logits, [output_back]);
            let mut out = vec![0.0; rows.len()];
            norm_back(&rows, &model.norm, config.norm_epsilon, &behind, &mut out);
            for (at, out) in places.iter().zip(out.chunks_exact(config.hidden)) {
                math::add(&mut gradient[at * config.hidden..][..config.hidden], out);
            }
        }
        gradient
    }

    /// Takes the gradient in `stream` back through a layer; `back` are the angles that turn back.
    fn layer_back(&mut self, at: usize, kept: &Kept, back: &Angles, stream: &mut [f32]) -> Result<()> {
        let Learner { config, weights, first, .. } = self.learner;
        let (layer, epsilon) = (&weights.layers[at], config.norm_epsilon);
        let [before, middle] = &kept.stream;

        let mut joined = kept.gate.clone();
        Machine::detect().silu_gate(&mut joined, &kept.up);
        let mut up = self.through(at, DOWN, stream, &joined, &kept.inner[DOWN], true)?;
        let mut gate = vec![0.0; up.len()];
        for (((gradient, out), gate), up) in up.iter_mut().zip(&mut gate).zip(&kept.gate).zip(&kept.up) {
            let sigmoid = 1.0 / (1.0 + math::exp(-gate));
            *out = *gradient * up * sigmoid * (1.0 + gate * (1.0 - sigmoid));
            *gradient *= gate * sigmoid;
        }
        let weight = &layer.feed_forward_norm;
        let rows = normed(middle, weight, epsilon);
        let mut behind = self.through(at, GATE, &gate, &rows, &kept.inner[GATE], true)?;
        math::add(&mut behind, &self.through(at, UP, &up, &rows, &kept.inner[UP], true)?);
        norm_back(middle, weight, epsilon, &behind, stream);

        let mixed = self.through(at, OUTPUT, stream, &kept.mixed, &kept.inner[OUTPUT], true)?;
        let mut qkv = attention_back(config, kept, &self.rows, &mixed)?;
        rotate(config, &config.rope, back, &mut qkv[Q], config.query_width());
        rotate(config, &config.rope, back, &mut qkv[K], config.kv_width());
        let weight = &layer.attention_norm;
        let rows = normed(before, weight, epsilon);
        // Nothing is learned before the first tuned layer.
        let needed = at > *first;
        let mut behind = vec![0.0; if needed { rows.len() } else { 0 }];
        for (which, gradient) in qkv.iter().enumerate() {
            math::add(&mut behind, &self.through(at, which, gradient, &rows, &kept.inner[which], needed)?);
        }
        if needed {
            norm_back(before, weight, epsilon, &behind, stream);
        }
        Ok(())
    }
}

/// How far the better of some lines are likelier than the others, as the share of the pairs. Adds to the targets'
/// weights the gradient of the pairs' loss, times `share`.
fn order(lines: &[(Range<usize>, bool)], likely: &[f32], share: f32, weights: &mut [f32]) -> f64 {
    let mean = |line: &Range<usize>| likely[line.clone()].iter().sum::<f32>() / line.len() as f32;
    let (better, worse): (Vec<_>, Vec<_>) = lines.iter().partition(|(_, better)| *better);
    let mut add = |line: &Range<usize>, weight: f32| {
        let each = share * weight / line.len() as f32;
        weights[line.clone()].iter_mut().for_each(|weight| *weight += each);
    };
    let pairs = (better.len() * worse.len()) as f32;
    let mut ordered = 0.0;
    for (good, _) in &better {
        add(good, KEPT / better.len() as f32);
        for (bad, _) in &worse {
            let ahead = mean(good) - mean(bad);
            ordered += f64::from(u8::from(ahead > 0.0)) / f64::from(pairs);
            let slope = STEEP / (1.0 + math::exp(STEEP * (ahead - MARGIN))) / pairs;
            add(good, slope);
            add(bad, -slope);
        }
    }
    ordered
}

/// Runs of [`LOGIT_ROWS`] out of `count`.
fn parts(count: usize) -> impl Iterator<Item = Range<usize>> {
    (0..count).step_by(LOGIT_ROWS).map(move |from| from..count.min(from + LOGIT_ROWS))
}

/// Gradients of the turned queries and keys and of the values, from that of what attention made of them.
fn attention_back(config: &Config, kept: &Kept, rows: &Rows, gradient: &[f32]) -> Result<[Vec<f32>; 3]> {
    let (dim, group) = (config.head_dim, config.heads / config.kv_heads);
    let (query_width, kv_width) = (config.query_width(), config.kv_width());
    let own = || vec![0.0; rows.carrying.len() * kv_width];
    let mut out = [vec![0.0; kept.queries.len()], own(), own()];
    for head in 0..config.kv_heads {
        for (part, own) in rows.carrying.chunks(QUERY_ROWS).enumerate() {
            let from = part * QUERY_ROWS;
            let places: Vec<Place> = own.iter().map(|row| rows.places[*row]).collect();
            // The slots that any of these rows sees.
            let first = places.iter().map(|place| place.view.tail).min().unwrap_or(0);
            let prefix = places.iter().map(|place| place.view.prefix).max().unwrap_or(0).min(first);
            let last = own.last().map_or(0, |row| row + 1);
            let slots: Vec<usize> = (0..prefix).chain(first..last).collect();
            let gather_keys = |all: &[f32]| -> Vec<f32> {
                slots
                    .iter()
                    .flat_map(|slot| all[slot * kv_width + head * dim..][..dim].iter().copied())
                    .collect()
            };
            let (keys, values) = (gather_keys(&kept.keys), gather_keys(&kept.values));
            // Of each query head of the group, these rows.
            let starts: Vec<usize> = (0..group)
                .flat_map(|own| {
                    (from..from + places.len()).map(move |row| row * query_width + (head * group + own) * dim)
                })
                .collect();
            let gather = |all: &[f32]| -> Vec<f32> {
                starts.iter().flat_map(|at| all[*at..at + dim].iter().copied()).collect()
            };
            let (queries, behind, mixed) = (gather(&kept.queries), gather(gradient), gather(&kept.mixed));
            let mut shares = product(&queries, starts.len(), false, &keys, slots.len(), true)?;
            for (row, place) in shares.chunks_exact_mut(slots.len()).zip(places.iter().cycle()) {
                let View { prefix, tail } = place.view;
                for (score, slot) in row.iter_mut().zip(&slots) {
                    let seen = *slot < prefix || (tail..=place.slot).contains(slot);
                    *score = if seen { *score * config.attention_scale } else { f32::NEG_INFINITY };
                }
                let sum = log_sum_exp(row);
                row.iter_mut().for_each(|score| *score = math::exp(*score - sum));
            }
            let back = product(&shares, starts.len(), true, &behind, starts.len(), false)?;
            scatter(&mut out[V], &back, &slots, rows, kv_width, head * dim);
            let mut scores = product(&behind, starts.len(), false, &values, slots.len(), true)?;
            let each = scores.chunks_exact_mut(slots.len()).zip(shares.chunks_exact(slots.len()));
            let each = each.zip(behind.chunks_exact(dim).zip(mixed.chunks_exact(dim)));
            for ((scores, shares), (behind, mixed)) in each {
                let all: f32 = behind.iter().zip(mixed).map(|(x, y)| x * y).sum();
                for (score, share) in scores.iter_mut().zip(shares) {
                    *score = share * (*score - all) * config.attention_scale;
                }
            }
            let back = product(&scores, starts.len(), false, &keys, slots.len(), false)?;
            for (at, row) in starts.iter().zip(back.chunks_exact(dim)) {
                math::add(&mut out[Q][*at..at + dim], row);
            }
            let back = product(&scores, starts.len(), true, &queries, starts.len(), false)?;
            scatter(&mut out[K], &back, &slots, rows, kv_width, head * dim);
        }
    }
    Ok(out)
}

/// Adds what belongs to the slots that carry a gradient to the columns from `from` on of `sums`, whose rows are as wide as
/// `width`.
fn scatter(sums: &mut [f32], parts: &[f32], slots: &[usize], rows: &Rows, width: usize, from: usize) {
    let dim = parts.len() / slots.len();
    for (slot, part) in slots.iter().zip(parts.chunks_exact(dim)) {
        if let Ok(at) = rows.carrying.binary_search(slot) {
            math::add(&mut sums[at * width + from..][..dim], part);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::gguf::Gguf;
    use super::super::tests::tiny::Tiny;
    use super::*;
    use rand::{RngExt, SeedableRng};
    use rand_chacha::ChaCha8Rng;

    /// A tiny model with factors that are not 0, tuned from layer `first` on.
    fn learner(first: usize) -> Learner {
        let folder = tempfile::tempdir().unwrap();
        let path = Tiny::new("qwen2", GgmlDType::F32).write(&folder);
        let gguf = Gguf::open(&path).unwrap();
        let config = Config::from_gguf(&gguf).unwrap();
        let weights = Weights::from_gguf(&gguf, &config).unwrap();
        let mut random = ChaCha8Rng::seed_from_u64(3);
        let mut uniform = move || random.random_range(-1.7..1.7f32);
        let mut learner = Learner::new(config, weights, first, 4, 8.0, 2, &mut uniform).unwrap();
        for (_, factor) in learner.named() {
            factor.values.iter_mut().for_each(|value| *value = uniform() * 0.1);
        }
        learner
    }

    fn tokens(count: usize, seed: usize) -> Vec<u32> {
        (0..count).map(|at| ((at * 37 + seed * 101 + 11) % 288) as u32).collect()
    }

    /// A text that is learned as a whole.
    fn text() -> Piece {
        Piece { ids: tokens(150, 0), learn: (1..150).collect(), choices: Vec::new() }
    }

    fn loss_of(learner: &mut Learner, piece: &Piece, slopes: bool) -> Loss {
        learner.learn(&[piece], slopes).unwrap()[0]
    }

    /// Lines to choose from at two places of it, so many that they lie in several parts.
    fn choices() -> Vec<Choice> {
        let lines = |first: usize| (first..first + 4).map(|at| (tokens(20 + at, at), at % 2 == 0)).collect();
        vec![Choice { after: 40, lines: lines(1) }, Choice { after: 150, lines: lines(6) }]
    }

    /// The slope of what `loss` says of the learner along each factor's gradient is as long as the gradient.
    fn slopes(learner: &mut Learner, loss: &mut dyn FnMut(&mut Learner) -> f64) {
        let gradients: Vec<(String, Vec<f32>)> =
            learner.named().map(|(name, factor)| (name, factor.gradient.clone())).collect();
        assert_eq!(gradients.len(), 2 * MATRICES * 2);
        for (name, gradient) in gradients {
            let length = gradient.iter().map(|g| g * g).sum::<f32>().sqrt();
            assert!(length > 1e-4, "{name}: {length}");
            let step = 0.02;
            let mut loss_at = |along: f32| {
                let (_, factor) = learner.named().find(|(other, _)| *other == name).unwrap();
                let before = factor.values.clone();
                add_scaled(&mut factor.values, &gradient, along / length);
                let loss = loss(learner);
                learner.named().find(|(other, _)| *other == name).unwrap().1.values = before;
                loss
            };
            let slope = ((loss_at(step) - loss_at(-step)) / f64::from(2.0 * step)) as f32;
            assert!((slope - length).abs() < 0.05 * length, "{name}: {slope} for {length}");
        }
    }

    #[test]
    fn the_gradient_of_each_factor_is_the_slope_of_the_loss_along_it() {
        let (mut learner, piece) = (learner(0), text());
        loss_of(&mut learner, &piece, true);
        slopes(&mut learner, &mut |learner| loss_of(learner, &piece, false).written / 149.0);
    }

    #[test]
    fn the_gradient_of_an_order_of_lines_is_the_slope_of_its_loss() {
        let (mut learner, choices) = (learner(0), choices());
        let piece = Piece { choices: choices.clone(), ..text() };
        let loss = loss_of(&mut learner, &piece, true);
        assert!(loss.choices == 2 && (0.0..=2.0).contains(&loss.ordered), "{loss:?}");
        // The same loss, with each line in a text of its own.
        slopes(&mut learner, &mut |learner| {
            let mut sum = 0.0;
            let written = loss_of(learner, &text(), false).written / 149.0;
            for Choice { after, lines } in &choices {
                let mut mean = |line: &[u32]| {
                    let ids = [&piece.ids[..*after], line].concat();
                    let learn = (*after..ids.len()).collect();
                    let piece = Piece { ids, learn, choices: Vec::new() };
                    -loss_of(learner, &piece, false).written / line.len() as f64
                };
                let means: Vec<(f64, bool)> =
                    lines.iter().map(|(line, better)| (mean(line), *better)).collect();
                let (good, bad): (Vec<_>, Vec<_>) = means.into_iter().partition(|(_, better)| *better);
                for (good_mean, _) in &good {
                    sum -= f64::from(KEPT) * good_mean / good.len() as f64;
                    for (bad_mean, _) in &bad {
                        let ahead = f64::from(STEEP) * (good_mean - bad_mean - f64::from(MARGIN));
                        sum += (1.0 + (-ahead).exp()).ln() / (good.len() * bad.len()) as f64;
                    }
                }
            }
            written + sum * f64::from(ORDER) / 2.0
        });
    }

    #[test]
    fn what_is_only_read_carries_no_gradient_and_texts_side_by_side_give_the_mean_of_theirs() {
        let [first, second] = [10..40, 100..150].map(|learn| Piece { learn: learn.collect(), ..text() });
        let gradients = |pieces: &[&Piece]| -> Vec<f32> {
            let mut learner = learner(0);
            learner.learn(pieces, true).unwrap();
            learner.named().flat_map(|(_, factor)| factor.gradient.clone()).collect()
        };
        let [one, other] = [&first, &second].map(|piece| gradients(&[piece]));
        let mean: Vec<f32> = one.iter().zip(&other).map(|(one, other)| (one + other) / 2.0).collect();
        let apart = |x: &[f32], y: &[f32]| -> f32 {
            let length = |all: &mut dyn Iterator<Item = f32>| all.map(|x| x * x).sum::<f32>().sqrt();
            length(&mut x.iter().zip(y).map(|(x, y)| x - y)) / length(&mut y.iter().copied())
        };
        assert!(apart(&one, &other) > 0.1);
        assert!(apart(&gradients(&[&first, &second]), &mean) < 1e-5);
        // What comes before the learned part and what comes behind it count as constants.
        let short = Piece { ids: first.ids[..40].to_vec(), ..first.clone() };
        let apart = apart(&gradients(&[&short]), &one);
        // Products of other numbers of rows round a little otherwise.
        assert!(apart < 1e-2, "{apart}");
        let rows = Rows::of(&second);
        assert_eq!(rows.carrying, (99..149).collect::<Vec<_>>());
    }

    #[test]
    fn steps_lower_the_loss_and_a_saved_state_goes_on_as_if_there_had_been_no_stop() {
        let (mut one, mut other) = (learner(1), learner(1));
        let piece = Piece { choices: choices(), learn: (130..150).collect(), ..text() };
        let mut losses = Vec::new();
        for at in 0..12 {
            losses.push(loss_of(&mut one, &piece, true));
            one.step(0.01);
            if at == 5 {
                let state = one.state().unwrap();
                other.take_up(&state, 6).unwrap();
            }
        }
        assert!(losses[11].written < 0.75 * losses[0].written, "{losses:?}");
        assert!(losses[11].ordered > losses[0].ordered, "{losses:?}");
        for loss in &losses[6..] {
            assert_eq!(loss_of(&mut other, &piece, true).written, loss.written);
            other.step(0.01);
        }
        let mut state = one.state().unwrap();
        state.remove("blk.1.ffn_up.weight.lora_b");
        let error = other.take_up(&state, 0).unwrap_err().to_string();
        assert!(error.contains("`blk.1.ffn_up.weight.lora_b` is missing"), "{error}");
    }
}
