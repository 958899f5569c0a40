//! Attention of some rows over the cache: one task a row and key-value head, shared among the threads.

#![expect(unsafe_code, reason = "threads write disjoint parts of one output")]

use super::cache::{Cache, View};
use super::config::Config;
use super::kernels::Machine;
use super::pool::{Parts, Pool};
use half::f16;
use std::cell::RefCell;
use std::ops::Range;

/// One row's place: where its own token lies and what it sees.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Place {
    /// The row's slot in the cache.
    pub slot: usize,
    /// What it sees.
    pub view: View,
}

/// Rows of the cache that are widened to floats at a time: they and the scores fit the nearest cache.
const ROWS: usize = 32;

/// Buffers of one task, kept by each thread so that a step allocates nothing.
#[derive(Default)]
struct Scratch {
    scores: Vec<f32>,
    rows: Vec<f32>,
}

thread_local! {
    static SCRATCH: RefCell<Scratch> = RefCell::default();
}

/// Attention in one layer.
pub struct Attention<'a> {
    /// Sizes and constants.
    pub config: &'a Config,
    /// Keys and values, the rows' own included.
    pub cache: &'a Cache,
    /// Which layer.
    pub layer: usize,
    /// The rows' places.
    pub places: &'a [Place],
}

impl Attention<'_> {
    /// Writes, for each row, every head's mix of the values it sees: `queries` and `out` are
    /// `[row][head][dim]`.
    pub fn run(&self, pool: &mut Pool, queries: &[f32], out: &mut [f32]) {
        let config = self.config;
        // With fewer tasks than threads, the query heads of one key-value head are shared out as well.
        let group = config.heads / config.kv_heads;
        let wanted = pool.threads().div_ceil(self.places.len() * config.kv_heads);
        let parts = (wanted..=group).find(|parts| group.is_multiple_of(*parts)).unwrap_or(group);
        let width = group / parts * config.head_dim;
        let out = Parts::new(out);
        pool.run(self.places.len() * config.kv_heads * parts, &|task| {
            let range = task * width..(task + 1) * width;
            let head = task / parts % config.kv_heads;
            let place = self.places[task / (parts * config.kv_heads)];
            // SAFETY: each task has some query heads of one row, which no other task has.
            let out = unsafe { out.part(range.clone()) };
            SCRATCH.with_borrow_mut(|scratch| self.heads(head, place, &queries[range], out, scratch));
        });
    }

    /// Some query heads of one row that share a key-value head.
    fn heads(&self, head: usize, place: Place, queries: &[f32], out: &mut [f32], scratch: &mut Scratch) {
        let dim = self.config.head_dim;
        let machine = Machine::detect();
        let spans = place.view.visible(place.slot, self.config.window_of(self.layer));
        let seen: usize = spans.iter().map(|span| span.len()).sum();
        let Scratch { scores, rows } = scratch;
        scores.resize(seen * (queries.len() / dim), 0.0);
        rows.resize(ROWS * dim, 0.0);
        self.each_part(head, &spans, |at, keys, _| {
            let rows = &mut rows[..keys.len()];
            machine.widen(keys, rows);
            for (query, scores) in queries.chunks_exact(dim).zip(scores.chunks_exact_mut(seen)) {
                let scores = &mut scores[at..at + keys.len() / dim];
                machine.dots(query, rows, self.config.attention_scale, scores);
            }
        });
        scores.chunks_exact_mut(seen).for_each(|scores| machine.softmax(scores));
        out.fill(0.0);
        self.each_part(head, &spans, |at, _, values| {
            let rows = &mut rows[..values.len()];
            machine.widen(values, rows);
            for (out, weights) in out.chunks_exact_mut(dim).zip(scores.chunks_exact(seen)) {
                machine.add_weighted(rows, &weights[at..at + values.len() / dim], out);
            }
        });
    }

    /// Calls `each` with the number of rows before, the keys and the values of every few rows of `spans`.
    fn each_part(&self, head: usize, spans: &[Range<usize>; 2], mut each: impl FnMut(usize, &[f16], &[f16])) {
        let mut at = 0;
        for span in spans {
            for start in span.clone().step_by(ROWS) {
                let end = span.end.min(start + ROWS);
                let (keys, values) = self.cache.read(self.layer, head, start..end);
                each(at, keys, values);
                at += end - start;
            }
        }
    }
}
