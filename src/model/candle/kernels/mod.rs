//! Products of quantized matrices with rows of activations, shared among threads.
//!
//! Every output element is one sum, made by one thread in one order that does not depend on the number
//! of threads, the number of input rows, or the instruction set: so results don't either.

mod candle_dot;
mod input;

pub use input::{Form, Input};

use super::pool::{Parts, Pool};
use super::weights::Matrix;

/// Rows of a matrix that are worked on together.
pub const TILE: usize = 16;

/// Jobs a thread gets of one product: enough that a thread which lost its core for a while is made up for.
const JOBS_A_THREAD: usize = 6;

/// The form of input that `matrix` is multiplied with.
fn form(matrix: &Matrix) -> Form {
    Form::Candle(matrix.dtype)
}

/// Multiplies a tile of up to [`TILE`] rows from `first` with every input row: `out[input row][tile row]`.
fn multiply_tile(matrix: &Matrix, first: usize, input: &Input, out: &mut [[f32; TILE]]) {
    for (index, sums) in out.iter_mut().enumerate() {
        for row in first..matrix.rows.min(first + TILE) {
            sums[row - first] = candle_dot::dot(
                matrix.dtype,
                matrix.cols,
                matrix.row(row),
                input.candle_row(matrix.dtype, index),
            );
        }
    }
}

/// Shares `tiles` among the threads in a few jobs each.
fn share(pool: &mut Pool, tiles: usize, work: &(dyn Fn(std::ops::Range<usize>) + Sync)) {
    let jobs = (pool.threads() * JOBS_A_THREAD).min(tiles);
    pool.run(jobs, &|job| work(job * tiles / jobs..(job + 1) * tiles / jobs));
}

/// Multiplies every matrix with every input row; each output is `[input row][matrix row]`.
pub fn multiply(pool: &mut Pool, input: &mut Input, targets: &mut [(&Matrix, &mut Vec<f32>)]) {
    let mut tiles = 0;
    let mut ends = Vec::with_capacity(targets.len());
    let mut parts = Vec::with_capacity(targets.len());
    let rows = input.rows();
    for (matrix, out) in targets {
        input.prepare(form(matrix));
        out.resize(rows * matrix.rows, 0.0);
        parts.push((*matrix, Parts::new(out.as_mut_slice())));
        tiles += matrix.rows.div_ceil(TILE);
        ends.push(tiles);
    }
    let input = &*input;
    share(pool, tiles, &|range| {
        let mut sums = vec![[0f32; TILE]; rows];
        for tile in range {
            let target = ends.partition_point(|end| *end <= tile);
            let (matrix, out) = &parts[target];
            let first = (tile - target.checked_sub(1).map_or(0, |before| ends[before])) * TILE;
            multiply_tile(matrix, first, input, &mut sums);
            let count = TILE.min(matrix.rows - first);
            for (row, sums) in sums.iter().enumerate() {
                let start = row * matrix.rows + first;
                // SAFETY: a tile is in one job only, and its rows of `out` belong to it alone.
                unsafe { out.part(start..start + count) }.copy_from_slice(&sums[..count]);
            }
        }
    });
}

/// Multiplies with two matrices of one shape and joins the two results: `out = join(gate, up)`.
pub fn multiply_gated(
    pool: &mut Pool,
    input: &mut Input,
    gate_up: &[Matrix; 2],
    join: &(dyn Fn(&mut [f32], &[f32]) + Sync),
    out: &mut [f32],
) {
    let [gate, up] = gate_up;
    input.prepare(form(gate));
    input.prepare(form(up));
    let (rows, width) = (input.rows(), gate.rows);
    let out = Parts::new(out);
    let input = &*input;
    share(pool, width.div_ceil(TILE), &|range| {
        let mut gates = vec![[0f32; TILE]; rows];
        let mut ups = vec![[0f32; TILE]; rows];
        for tile in range {
            let first = tile * TILE;
            multiply_tile(gate, first, input, &mut gates);
            multiply_tile(up, first, input, &mut ups);
            let count = TILE.min(width - first);
            for (row, (gate, up)) in gates.iter_mut().zip(&ups).enumerate() {
                join(gate, up);
                let start = row * width + first;
                // SAFETY: a tile is in one job only, and its rows of `out` belong to it alone.
                unsafe { out.part(start..start + count) }.copy_from_slice(&gate[..count]);
            }
        }
    });
}
