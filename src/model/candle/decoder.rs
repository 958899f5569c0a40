//! One forward pass: some rows, each a token at a place in the cache, through every layer to logits.

use super::attention::{Attention, Place};
use super::cache::Cache;
use super::config::{Activation, Config, Rope};
use super::kernels::{Input, Machine, multiply, multiply_gated};
use super::math;
use super::pool::Pool;
use super::weights::{Layer, Weights};

/// One token of a step.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// The token, below the vocabulary's size.
    pub token: u32,
    /// Its position in its own text, from 0.
    pub position: usize,
    /// Where its keys and values go, and what it sees.
    pub place: Place,
}

/// Most rows of one pass; longer prompts are taken in several, so that the buffers stay small.
pub const MOST_ROWS: usize = 128;

/// Sines and cosines of the rows' positions.
#[derive(Default)]
pub struct Angles {
    cos: Vec<f32>,
    sin: Vec<f32>,
}

impl Angles {
    /// Those of `positions`, and how much both are magnified.
    pub fn of(positions: impl Iterator<Item = usize>, frequencies: &[f64], magnitude: f32) -> Angles {
        let mut angles = Angles::default();
        angles.fill(positions, frequencies, magnitude);
        angles
    }

    fn fill(&mut self, positions: impl Iterator<Item = usize>, frequencies: &[f64], magnitude: f32) {
        self.cos.clear();
        self.sin.clear();
        for position in positions {
            for frequency in frequencies {
                let (sin, cos) = (position as f64 * frequency).sin_cos();
                self.cos.push(cos as f32 * magnitude);
                self.sin.push(sin as f32 * magnitude);
            }
        }
    }

    /// Those that turn back.
    pub fn reversed(&self) -> Angles {
        Angles { cos: self.cos.clone(), sin: self.sin.iter().map(|sin| -sin).collect() }
    }
}

/// Buffers of a pass, kept so that a step allocates nothing.
#[derive(Default)]
struct Buffers {
    stream: Vec<f32>,
    input: Input,
    wide: Input,
    queries: Vec<f32>,
    keys: Vec<f32>,
    values: Vec<f32>,
    back: Vec<f32>,
    places: Vec<Place>,
    angles: [Angles; 2],
    frequencies: [Vec<f64>; 2],
}

/// A model ready to run: weights, threads, buffers. The cache is the caller's.
pub struct Decoder {
    config: Config,
    weights: Weights,
    pool: Pool,
    buffers: Buffers,
}

impl Decoder {
    /// A decoder with `threads` threads.
    pub fn new(config: Config, weights: Weights, threads: usize) -> Decoder {
        let factors = weights.rope_factors.as_deref();
        let frequencies = [frequencies(&config.rope, factors), frequencies(&config.local_rope, factors)];
        let buffers = Buffers { frequencies, ..Buffers::default() };
        Decoder { config, weights, pool: Pool::new(threads), buffers }
    }

    /// Tokens in the vocabulary.
    pub fn vocabulary(&self) -> usize {
        self.weights.output.rows
    }

    /// A cache of `slots` slots for this model.
    pub fn new_cache(&self, slots: usize) -> Cache {
        Cache::new(self.config.layers, self.config.kv_heads, self.config.head_dim, slots)
    }

    /// Runs at most [`MOST_ROWS`] rows, stores their keys and values, and writes the logits of the rows in
    /// `wanted`, one after the other, to `logits`. Rows may see each other's slots; no two may share one.
    pub fn forward(&mut self, cache: &mut Cache, rows: &[Row], wanted: &[usize], logits: &mut Vec<f32>) {
        assert!(rows.len() <= MOST_ROWS);
        let Decoder { config, weights, pool, buffers } = self;
        buffers.start(config, weights, rows);
        for (index, layer) in weights.layers.iter().enumerate() {
            attention_half(config, layer, index, pool, buffers, cache);
            feed_forward_half(config, layer, pool, buffers);
        }
        logits.clear();
        if wanted.is_empty() {
            return;
        }
        let hidden = config.hidden;
        let normed = buffers.input.reset(wanted.len(), hidden);
        for (row, out) in wanted.iter().zip(normed.chunks_exact_mut(hidden)) {
            let stream = &buffers.stream[row * hidden..(row + 1) * hidden];
            Machine::detect().rms_norm(stream, &weights.norm, config.norm_epsilon, out);
        }
        multiply(pool, &mut buffers.input, &mut [(&weights.output, logits)]);
    }
}

impl Buffers {
    /// Looks up the tokens' embeddings, and the angles of their positions.
    fn start(&mut self, config: &Config, weights: &Weights, rows: &[Row]) {
        self.stream.resize(rows.len() * config.hidden, 0.0);
        for (row, out) in rows.iter().zip(self.stream.chunks_exact_mut(config.hidden)) {
            weights.embedding.dequantize_row(row.token as usize, out);
            if config.embedding_scale != 1.0 {
                out.iter_mut().for_each(|value| *value *= config.embedding_scale);
            }
        }
        self.places.clear();
        self.places.extend(rows.iter().map(|row| row.place));
        for (angles, frequencies) in self.angles.iter_mut().zip(&self.frequencies) {
            angles.fill(rows.iter().map(|row| row.position), frequencies, config.rope.magnitude);
        }
    }

    /// Norms the residual stream into `input`.
    fn norm(&mut self, config: &Config, weight: &[f32]) {
        let normed = self.input.reset(self.places.len(), config.hidden);
        for (row, out) in self.stream.chunks_exact(config.hidden).zip(normed.chunks_exact_mut(config.hidden))
        {
            Machine::detect().rms_norm(row, weight, config.norm_epsilon, out);
        }
    }

    /// Adds what a half of a layer made to the residual stream.
    fn add_back(&mut self, config: &Config, norm: Option<&[f32]>) {
        if let Some(weight) = norm {
            for row in self.back.chunks_exact_mut(config.hidden) {
                math::rms_norm_in_place(row, weight, config.norm_epsilon);
            }
        }
        math::add(&mut self.stream, &self.back);
    }
}

/// How far each pair of dimensions turns for one position.
pub fn frequencies(rope: &Rope, factors: Option<&[f32]>) -> Vec<f64> {
    (0..rope.dims / 2)
        .map(|pair| {
            let frequency = rope.base.powf(-2.0 * pair as f64 / rope.dims as f64) / rope.scale;
            factors.map_or(frequency, |factors| frequency / f64::from(factors[pair]))
        })
        .collect()
}

fn attention_half(
    config: &Config,
    layer: &Layer,
    index: usize,
    pool: &mut Pool,
    buffers: &mut Buffers,
    cache: &mut Cache,
) {
    buffers.norm(config, &layer.attention_norm);
    let [q, k, v] = &layer.qkv;
    multiply(
        pool,
        &mut buffers.input,
        &mut [(q, &mut buffers.queries), (k, &mut buffers.keys), (v, &mut buffers.values)],
    );
    if let Some([q, k, v]) = &layer.qkv_bias {
        buffers.queries.chunks_exact_mut(q.len()).for_each(|row| math::add(row, q));
        buffers.keys.chunks_exact_mut(k.len()).for_each(|row| math::add(row, k));
        buffers.values.chunks_exact_mut(v.len()).for_each(|row| math::add(row, v));
    }
    if let Some([q, k]) = &layer.head_norms {
        for (values, weight) in [(&mut buffers.queries, q), (&mut buffers.keys, k)] {
            for head in values.chunks_exact_mut(config.head_dim) {
                math::rms_norm_in_place(head, weight, config.norm_epsilon);
            }
        }
    }
    let local = config.window_of(index).is_some();
    let rope = if local { &config.local_rope } else { &config.rope };
    let angles = &buffers.angles[usize::from(local)];
    rotate(config, rope, angles, &mut buffers.queries, config.query_width());
    rotate(config, rope, angles, &mut buffers.keys, config.kv_width());
    let width = config.kv_width();
    for (row, place) in buffers.places.iter().enumerate() {
        let range = row * width..(row + 1) * width;
        cache.store(index, place.slot, &buffers.keys[range.clone()], &buffers.values[range]);
    }
    let mixed = buffers.wide.reset(buffers.places.len(), config.query_width());
    let attention = Attention { config, cache, layer: index, places: &buffers.places };
    attention.run(pool, &buffers.queries, mixed);
    multiply(pool, &mut buffers.wide, &mut [(&layer.output, &mut buffers.back)]);
    buffers.add_back(config, layer.post_attention_norm.as_deref());
}

fn feed_forward_half(config: &Config, layer: &Layer, pool: &mut Pool, buffers: &mut Buffers) {
    buffers.norm(config, &layer.feed_forward_norm);
    let joined = buffers.wide.reset(buffers.places.len(), config.feed_forward);
    let machine = Machine::detect();
    let join = |gate: &mut [f32], up: &[f32]| match config.activation {
        Activation::Silu => machine.silu_gate(gate, up),
        Activation::GeluTanh => machine.gelu_gate(gate, up),
    };
    multiply_gated(pool, &mut buffers.input, &layer.gate_up, &join, joined);
    multiply(pool, &mut buffers.wide, &mut [(&layer.down, &mut buffers.back)]);
    buffers.add_back(config, layer.post_feed_forward_norm.as_deref());
}

/// Turns each head of each row by its position's angles.
pub fn rotate(config: &Config, rope: &Rope, angles: &Angles, values: &mut [f32], width: usize) {
    let half = rope.dims / 2;
    for (row, heads) in values.chunks_exact_mut(width).enumerate() {
        let cos = &angles.cos[row * half..(row + 1) * half];
        let sin = &angles.sin[row * half..(row + 1) * half];
        for head in heads.chunks_exact_mut(config.head_dim) {
            if rope.interleaved {
                for ((pair, cos), sin) in head.chunks_exact_mut(2).zip(cos).zip(sin) {
                    let (a, b) = (pair[0], pair[1]);
                    pair[0] = a * cos - b * sin;
                    pair[1] = a * sin + b * cos;
                }
            } else {
                let (low, high) = head[..rope.dims].split_at_mut(half);
                for (((a, b), cos), sin) in low.iter_mut().zip(high).zip(cos).zip(sin) {
                    (*a, *b) = (*a * cos - *b * sin, *a * sin + *b * cos);
                }
            }
        }
    }
}
