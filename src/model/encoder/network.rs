//! The network: the encoder layers of BERT (Devlin et al. 2019) and MPNet (Song et al. 2020), with one
//! attention-pooled head a label, on the kernels of the language model.
//!
//! Shapes: `L` word pieces, `D` width of the model, `H` attention heads, `C` labels. Everything is done on the
//! calling thread: a turn takes tens of milliseconds, and many turns are shared out by whoever has them.

use super::file::Pieces;
use crate::model::candle::{Input, Machine, Matrix, Pool, multiply};
use std::cell::RefCell;

/// A weight `[out, in]` and what is added to its product, `[out]`.
#[derive(Clone)]
pub(super) struct Linear {
    pub weight: Matrix,
    pub bias: Vec<f32>,
}

/// Scale and shift of a normalised row, `[D]` each.
#[derive(Clone)]
pub(super) struct Norm {
    pub weight: Vec<f32>,
    pub bias: Vec<f32>,
}

/// One encoder layer.
#[derive(Clone)]
pub(super) struct Layer {
    /// Query, key and value.
    pub qkv: [Linear; 3],
    pub output: Linear,
    pub output_norm: Norm,
    pub up: Linear,
    pub down: Linear,
    pub layer_norm: Norm,
}

/// One head a label.
#[derive(Clone)]
pub(super) struct Heads {
    /// `[C, D]`: which word pieces a label looks at.
    pub look: Vec<f32>,
    /// `[C, D]` and `[C]`: what it makes of them.
    pub weigh: [Vec<f32>; 2],
    /// `[C, D]` and `[C]`: whether a piece shows it.
    pub show: [Vec<f32>; 2],
}

/// The whole network.
#[derive(Clone)]
pub(super) struct Network {
    /// `[vocabulary, D]`
    pub words: Matrix,
    /// `[longest, D]`
    pub positions: Vec<f32>,
    /// `[2, D]`: of the text itself, of what stood before it; BERT's.
    pub kinds: Option<Vec<f32>>,
    pub norm: Norm,
    /// `[32, H]`: what the distance between two pieces adds to their score; MPNet's.
    pub distances: Option<Vec<f32>>,
    pub layers: Vec<Layer>,
    pub labels: Heads,
    /// `H`
    pub heads: usize,
    /// Added to the variance under the root.
    pub epsilon: f32,
}

/// What the heads say.
pub(super) struct Answer {
    /// `[C]`: log-odds before calibration.
    pub logits: Vec<f32>,
    /// `[own pieces][C]`: log-odds that a piece, the marks at start and end included, is of the words that show it.
    pub pieces: Vec<Vec<f32>>,
}

/// What is written over and over, kept by each thread.
struct Scratch {
    pool: Pool,
    input: Input,
    products: [Vec<f32>; 3],
}

thread_local! {
    static SCRATCH: RefCell<Scratch> =
        RefCell::new(Scratch { pool: Pool::new(1), input: Input::default(), products: Default::default() });
}

impl Network {
    /// Width of the model.
    pub fn width(&self) -> usize {
        self.norm.weight.len()
    }

    /// Reads one stretch.
    pub fn read(&self, pieces: &Pieces) -> Answer {
        SCRATCH.with_borrow_mut(|scratch| {
            let mut rows = self.embed(pieces);
            let distances = self.by_offset(pieces.ids.len());
            for layer in &self.layers {
                self.layer(layer, &distances, scratch, &mut rows);
            }
            self.labels.answer(&rows[..pieces.own * self.width()])
        })
    }

    /// The pieces as rows, `[L, D]`.
    fn embed(&self, pieces: &Pieces) -> Vec<f32> {
        let width = self.width();
        let mut rows = vec![0.0; pieces.ids.len() * width];
        for (at, (row, id)) in rows.chunks_exact_mut(width).zip(&pieces.ids).enumerate() {
            self.words.dequantize_row(*id as usize, row);
            add(row, &self.positions[at * width..(at + 1) * width]);
            if let Some(kinds) = &self.kinds {
                let kind = usize::from(at >= pieces.own);
                add(row, &kinds[kind * width..(kind + 1) * width]);
            }
        }
        self.norm.apply(&mut rows, self.epsilon);
        rows
    }

    /// For each head, what each offset from −(length − 1) to length − 1 of a key from its query adds to a score.
    fn by_offset(&self, length: usize) -> Vec<Vec<f32>> {
        let table = self.distances.as_deref().unwrap_or_default();
        let offsets = || 1 - length as isize..length as isize;
        let of_head = |head| offsets().map(|offset| table[bucket(offset) * self.heads + head]).collect();
        (0..if table.is_empty() { 0 } else { self.heads }).map(of_head).collect()
    }

    fn layer(&self, layer: &Layer, distances: &[Vec<f32>], scratch: &mut Scratch, rows: &mut [f32]) {
        let width = self.width();
        let Scratch { pool, input, products } = scratch;
        input.reset(rows.len() / width, width).copy_from_slice(rows);
        let [query, key, value] = products;
        let [q, k, v] = &layer.qkv;
        multiply(pool, input, &mut [(&q.weight, query), (&k.weight, key), (&v.weight, value)]);
        q.add_bias(query);
        k.add_bias(key);
        v.add_bias(value);
        self.attend(query, key, value, distances, input.reset(rows.len() / width, width));
        layer.output.apply(pool, input, query);
        add(rows, query);
        layer.output_norm.apply(rows, self.epsilon);
        input.reset(rows.len() / width, width).copy_from_slice(rows);
        layer.up.apply(pool, input, key);
        Machine::detect().gelu(key);
        input.reset(rows.len() / width, layer.up.bias.len()).copy_from_slice(key);
        layer.down.apply(pool, input, query);
        add(rows, query);
        layer.layer_norm.apply(rows, self.epsilon);
    }

    /// Every head's mix of the values, `[L, D]` like the others.
    fn attend(&self, query: &[f32], key: &[f32], value: &[f32], distances: &[Vec<f32>], out: &mut [f32]) {
        let (machine, width, size) = (Machine::detect(), self.width(), self.width() / self.heads);
        let length = query.len() / width;
        let scale = 1.0 / (size as f32).sqrt();
        let mut scores = vec![0.0; length];
        for head in 0..self.heads {
            let columns = |row: usize| row * width + head * size..row * width + (head + 1) * size;
            let of_head = |all: &[f32]| -> Vec<f32> {
                (0..length).flat_map(|row| all[columns(row)].iter().copied()).collect()
            };
            let (keys, values) = (of_head(key), of_head(value));
            for row in 0..length {
                machine.dots(&query[columns(row)], &keys, scale, &mut scores);
                if let Some(by_offset) = distances.get(head) {
                    add(&mut scores, &by_offset[length - 1 - row..]);
                }
                machine.softmax(&mut scores);
                let out = &mut out[columns(row)];
                out.fill(0.0);
                machine.add_weighted(&values, &scores, out);
            }
        }
    }
}

impl Linear {
    fn add_bias(&self, rows: &mut [f32]) {
        rows.chunks_exact_mut(self.bias.len()).for_each(|row| add(row, &self.bias));
    }

    fn apply(&self, pool: &mut Pool, input: &mut Input, out: &mut Vec<f32>) {
        multiply(pool, input, &mut [(&self.weight, out)]);
        self.add_bias(out);
    }
}

impl Norm {
    /// Gives each row the mean 0 and the variance 1, then scales and shifts it.
    fn apply(&self, rows: &mut [f32], epsilon: f32) {
        let width = self.weight.len();
        for row in rows.chunks_exact_mut(width) {
            let mean = row.iter().sum::<f32>() / width as f32;
            let variance = row.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / width as f32;
            let scale = 1.0 / (variance + epsilon).sqrt();
            for (x, (weight, bias)) in row.iter_mut().zip(self.weight.iter().zip(&self.bias)) {
                *x = (*x - mean) * scale * weight + bias;
            }
        }
    }
}

impl Heads {
    /// Each label's answer is the mean of what it makes of each piece, weighted by how much it looks there.
    fn answer(&self, rows: &[f32]) -> Answer {
        let (machine, labels) = (Machine::detect(), self.weigh[1].len());
        let width = self.look.len() / labels;
        let by_row = |matrix: &[f32], bias: &[f32]| -> Vec<Vec<f32>> {
            let row = |row: &[f32]| {
                let mut out = vec![0.0; labels];
                machine.dots(row, matrix, 1.0, &mut out);
                add(&mut out, bias);
                out
            };
            rows.chunks_exact(width).map(row).collect()
        };
        let [weigh, show] = [&self.weigh, &self.show].map(|[matrix, bias]| by_row(matrix, bias));
        let looks = by_row(&self.look, &[]);
        let logit = |label: usize| {
            let mut shares: Vec<f32> = looks.iter().map(|look| look[label]).collect();
            machine.softmax(&mut shares);
            shares.iter().zip(&weigh).map(|(share, piece)| share * piece[label]).sum()
        };
        Answer { logits: (0..labels).map(logit).collect(), pieces: show }
    }
}

fn add(sums: &mut [f32], others: &[f32]) {
    sums.iter_mut().zip(others).for_each(|(sum, other)| *sum += other);
}

/// Which of MPNet's 32 distances an offset of a key from its query is: the near ones each alone, the others by
/// their logarithm up to 128, half of them for keys that come after (Raffel et al. 2020).
pub(super) fn bucket(offset: isize) -> usize {
    let after = if offset > 0 { 16 } else { 0 };
    let distance = offset.unsigned_abs();
    let near = 8;
    if distance < near {
        return after + distance;
    }
    let far = (distance as f32 / near as f32).ln() / (128.0 / near as f32).ln() * near as f32;
    after + (near + far as usize).min(15)
}
