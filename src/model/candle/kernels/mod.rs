//! Products of quantized matrices with rows of activations, shared among threads.
//!
//! Every output element is one sum, made by one thread in one order that does not depend on the number
//! of threads, the number of input rows, or the instruction set: so results don't either.

#![expect(unsafe_code, reason = "threads write disjoint parts of one output")]
// An index is the register's number in these loops, and they run over several arrays at once.
#![allow(clippy::needless_range_loop)]

#[cfg(target_arch = "x86_64")]
mod avx2;
#[cfg(target_arch = "x86_64")]
mod avx2_tiles;
#[cfg(target_arch = "x86_64")]
mod avx512;
#[cfg(target_arch = "x86_64")]
mod avx512_tiles;
mod candle_dot;
mod dispatch;
mod floats;
mod input;
mod low_rank;
#[cfg(target_arch = "aarch64")]
mod neon;
mod scalar;
#[cfg(test)]
mod tests;

pub use dispatch::{Kernel, Machine};
pub use input::{Form, Input};
pub use low_rank::LowRank;

use super::pool::{Parts, Pool};
use super::weights::Matrix;

/// Rows of a matrix that are worked on together.
pub const TILE: usize = 16;

/// Jobs a thread gets of one product: enough that a thread which lost its core for a while is made up for.
const JOBS_A_THREAD: usize = 6;

/// Sixteen rows of a quantized matrix.
#[derive(Clone, Copy)]
pub struct Tile {
    /// The first row's first byte.
    weights: *const u8,
    /// Bytes of a row.
    stride: usize,
    /// Blocks in a row.
    blocks: usize,
}

/// One quantized input row.
#[derive(Clone, Copy)]
pub struct RowInput {
    bytes: *const i8,
    scales: *const f32,
    sums: *const i16,
}

impl RowInput {
    /// The row as the only one of `cols` elements.
    #[cfg(target_arch = "x86_64")]
    fn alone(self, cols: usize) -> Inputs {
        Inputs { bytes: self.bytes, scales: self.scales, sums: self.sums, cols }
    }
}

/// All quantized input rows, one after the other.
#[derive(Clone, Copy)]
pub struct Inputs {
    bytes: *const i8,
    scales: *const f32,
    sums: *const i16,
    /// Elements of a row.
    cols: usize,
}

/// Multiplies a tile of up to [`TILE`] rows from `first` with the input rows from `from` on: `out[input row][tile row]`.
fn multiply_tile(matrix: &Matrix, first: usize, input: &Input, from: usize, out: &mut [[f32; TILE]]) {
    let last = matrix.rows.min(first + TILE);
    let (form, kernel) = (matrix.kernel.form(), matrix.kernel.routines());
    if let Form::Candle(dtype) = form {
        for (index, sums) in out.iter_mut().enumerate() {
            for row in first..last {
                let input = input.candle_row(dtype, from + index);
                sums[row - first] = candle_dot::dot(dtype, matrix.cols, matrix.row(row), input);
            }
        }
        return;
    }
    let quantized = input.quantized(form);
    match kernel {
        Some(kernel) if last - first == TILE => {
            let bytes = &matrix.bytes()[first * matrix.row_bytes()..last * matrix.row_bytes()];
            let blocks = matrix.cols / matrix.dtype.block_size();
            let tile = Tile { weights: bytes.as_ptr(), stride: matrix.row_bytes(), blocks };
            assert!(quantized.cols == matrix.cols && from + out.len() <= input.rows());
            kernel.multiply(tile, quantized, from, out);
        }
        _ => {
            for (index, sums) in out.iter_mut().enumerate() {
                for row in first..last {
                    sums[row - first] = scalar::dot(matrix.dtype, matrix.row(row), quantized, from + index);
                }
            }
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
    let matrices: Vec<&Matrix> = targets.iter().map(|(matrix, _)| *matrix).collect();
    let inner = LowRank::inner(pool, input, &matrices);
    for (matrix, out) in targets {
        input.prepare(Machine::detect(), matrix.kernel.form());
        out.resize(rows * matrix.rows, 0.0);
        parts.push((*matrix, Parts::new(out.as_mut_slice())));
        tiles += matrix.rows.div_ceil(TILE);
        ends.push(tiles);
    }
    let input = &*input;
    share(pool, tiles, &|range| {
        let (mut sums, mut room) = (vec![[0f32; TILE]; rows], Vec::new());
        for tile in range {
            let target = ends.partition_point(|end| *end <= tile);
            let (matrix, out) = &parts[target];
            let first = (tile - target.checked_sub(1).map_or(0, |before| ends[before])) * TILE;
            multiply_tile(matrix, first, input, 0, &mut sums);
            if let Some(tuned) = &matrix.tuned {
                tuned.add(first / TILE, &inner[target], &mut room, &mut sums);
            }
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
    input.prepare(Machine::detect(), gate.kernel.form());
    input.prepare(Machine::detect(), up.kernel.form());
    let inner = LowRank::inner(pool, input, &[gate, up]);
    let (rows, width) = (input.rows(), gate.rows);
    let out = Parts::new(out);
    let input = &*input;
    share(pool, width.div_ceil(TILE), &|range| {
        let mut gates = vec![[0f32; TILE]; rows];
        let mut ups = vec![[0f32; TILE]; rows];
        let mut room = Vec::new();
        for tile in range {
            let first = tile * TILE;
            for ((matrix, inner), sums) in gate_up.iter().zip(&inner).zip([&mut gates, &mut ups]) {
                multiply_tile(matrix, first, input, 0, sums);
                if let Some(tuned) = &matrix.tuned {
                    tuned.add(tile, inner, &mut room, sums);
                }
            }
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
