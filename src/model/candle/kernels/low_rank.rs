//! What a low-rank adapter adds to a product: `scale · B · (A · x)`, tile by tile of the product it is added to.

use super::super::pool::{Parts, Pool};
use super::super::weights::Matrix;
use super::{Input, Machine, TILE, multiply_tile, share};
use half::f16;

/// Input rows that one job multiplies with `A`.
const ROWS: usize = 16;

/// The two matrices of an adapter for one matrix.
pub struct LowRank {
    /// `[rank, in]`
    a: Matrix,
    /// `scale · B`, `[tiles of out][rank][TILE]`; rows beyond the last are 0.
    b: Vec<f16>,
}

impl LowRank {
    /// From `A`, the elements of `B` (`[out, rank]`), and what their product is multiplied with.
    pub fn new(a: Matrix, b: &[f32], scale: f32) -> LowRank {
        let rank = a.rows;
        let rows = b.len() / rank;
        let mut tiles = vec![f16::ZERO; rows.div_ceil(TILE) * rank * TILE];
        for (row, values) in b.chunks_exact(rank).enumerate() {
            for (at, value) in values.iter().enumerate() {
                tiles[(row / TILE * rank + at) * TILE + row % TILE] = f16::from_f32(scale * value);
            }
        }
        LowRank { a, b: tiles }
    }

    /// `A · x` of each of the matrices' adapters, `[input row][rank]`; empty for those that have none.
    pub fn inner(pool: &mut Pool, input: &mut Input, matrices: &[&Matrix]) -> Vec<Vec<f32>> {
        let rows = input.rows();
        let size = |matrix: &&Matrix| matrix.tuned.as_ref().map_or(0, |tuned| rows * tuned.a.rows);
        let mut inner: Vec<Vec<f32>> = matrices.iter().map(|matrix| vec![0.0; size(matrix)]).collect();
        let mut parts = Vec::new();
        for (matrix, out) in matrices.iter().zip(&mut inner) {
            if let Some(tuned) = &matrix.tuned {
                input.prepare(Machine::detect(), tuned.a.kernel.form());
                parts.push((&tuned.a, Parts::new(out.as_mut_slice())));
            }
        }
        let (input, chunks) = (&*input, rows.div_ceil(ROWS));
        share(pool, parts.len() * chunks, &|jobs| {
            for job in jobs {
                let (a, out) = &parts[job / chunks];
                let from = job % chunks * ROWS;
                let mut sums = [[0f32; TILE]; ROWS];
                let sums = &mut sums[..ROWS.min(rows - from)];
                for first in (0..a.rows).step_by(TILE) {
                    multiply_tile(a, first, input, from, sums);
                    let count = TILE.min(a.rows - first);
                    for (row, sums) in sums.iter().enumerate() {
                        let start = (from + row) * a.rows + first;
                        // SAFETY: a row of `A · x` is in one job only.
                        unsafe { out.part(start..start + count) }.copy_from_slice(&sums[..count]);
                    }
                }
            }
        });
        inner
    }

    /// Adds to the `tile`-th tile of the product with each input row. `inner` is the rows' `A · x`, `room` a buffer.
    pub fn add(&self, tile: usize, inner: &[f32], room: &mut Vec<f32>, sums: &mut [[f32; TILE]]) {
        let (machine, rank) = (Machine::detect(), self.a.rows);
        room.resize(rank * TILE, 0.0);
        machine.widen(&self.b[tile * rank * TILE..(tile + 1) * rank * TILE], room);
        machine.add_low_rank(room, inner, rank, sums);
    }
}
