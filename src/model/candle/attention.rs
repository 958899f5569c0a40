//! Attention of some rows over the cache: one task a row and key-value head, shared among the threads.

use super::cache::{Cache, View};
use super::config::Config;
use super::math;
use super::pool::{Parts, Pool};
use half::slice::HalfFloatSliceExt;
use std::cell::RefCell;

/// One row's place: where its own token lies and what it sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The row's slot in the cache.
    pub slot: usize,
    /// What it sees.
    pub view: View,
}

/// Buffers of one task, kept by each thread so that a step allocates nothing.
#[derive(Default)]
struct Scratch {
    scores: Vec<f32>,
    row: Vec<f32>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Writes, for each row, every head's mix of the values it sees: `queries` and `out` are `[row][head][dim]`.
pub fn attend(
    pool: &mut Pool,
    config: &Config,
    cache: &Cache,
    layer: usize,
    places: &[Place],
    queries: &[f32],
    out: &mut [f32],
) {
    let group = config.heads / config.kv_heads * config.head_dim;
    let out = Parts::new(out);
    pool.run(places.len() * config.kv_heads, &|task| {
        let (row, head) = (task / config.kv_heads, task % config.kv_heads);
        let range = task * group..(task + 1) * group;
        // SAFETY: each task is one row and key-value head, whose query heads no other task has.
        let out = unsafe { out.part(range.clone()) };
        SCRATCH.with_borrow_mut(|scratch| {
            one_head(config, cache, layer, head, places[row], &queries[range], out, scratch);
        });
    });
}

#[allow(clippy::too_many_arguments)] // one call, from the task above
fn one_head(
    config: &Config,
    cache: &Cache,
    layer: usize,
    head: usize,
    place: Place,
    queries: &[f32],
    out: &mut [f32],
    scratch: &mut Scratch,
) {
    let dim = config.head_dim;
    let group = queries.len() / dim;
    let spans = place.view.visible(place.slot, config.window_of(layer));
    let seen: usize = spans.iter().map(|span| span.len()).sum();
    let Scratch { scores, row } = scratch;
    scores.resize(seen * group, 0.0);
    row.resize(dim, 0.0);
    let mut at = 0;
    for span in spans.clone() {
        for key in cache.read(layer, head, span).0.chunks_exact(dim) {
            key.convert_to_f32_slice(row);
            for (index, query) in queries.chunks_exact(dim).enumerate() {
                scores[index * seen + at] = dot(query, row) * config.attention_scale;
            }
            at += 1;
        }
    }
    scores.chunks_exact_mut(seen).for_each(softmax);
    out.fill(0.0);
    let mut at = 0;
    for span in spans {
        for value in cache.read(layer, head, span).1.chunks_exact(dim) {
            value.convert_to_f32_slice(row);
            for (index, out) in out.chunks_exact_mut(dim).enumerate() {
                let weight = scores[index * seen + at];
                for (out, value) in out.iter_mut().zip(row.iter()) {
                    *out += weight * value;
                }
            }
            at += 1;
        }
    }
}

fn dot(a: &[f32], b: &[f32]) -> f32 {
    let mut lanes = [0f32; math::LANES];
    let (a_chunks, b_chunks) = (a.chunks_exact(math::LANES), b.chunks_exact(math::LANES));
    let rest: f32 = a_chunks.remainder().iter().zip(b_chunks.remainder()).map(|(a, b)| a * b).sum();
    for (a, b) in a_chunks.zip(b_chunks) {
        for ((lane, a), b) in lanes.iter_mut().zip(a).zip(b) {
            *lane += a * b;
        }
    }
    math::add_lanes(lanes) + rest
}

fn softmax(scores: &mut [f32]) {
    let top = scores.iter().copied().fold(f32::NEG_INFINITY, f32::max);
    let mut lanes = [0f32; math::LANES];
    for chunk in scores.chunks_mut(math::LANES) {
        for (lane, score) in lanes.iter_mut().zip(chunk) {
            *score = math::exp(*score - top);
            *lane += *score;
        }
    }
    let scale = 1.0 / math::add_lanes(lanes);
    scores.iter_mut().for_each(|score| *score *= scale);
}
