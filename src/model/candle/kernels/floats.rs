//! The float loops of a layer, each compiled for every instruction set from one body.
//!
//! Sums are kept in sixteen lanes by fused multiply-add and added in one order, so every machine gets the
//! same bits.

#![cfg_attr(
    target_arch = "x86_64",
    expect(unsafe_code, reason = "calls functions for the processor that was detected")
)]

use super::super::math::{self, LANES};
use super::{Machine, TILE};
use half::f16;

/// Compiles `$body` for each instruction set and picks by `self`.
macro_rules! on_each_machine {
    ($(#[$doc:meta])* $name:ident, $body:path, ($($arg:ident: $type:ty),*)) => {
        $(#[$doc])*
        pub fn $name(self, $($arg: $type),*) {
            #[cfg(target_arch = "x86_64")]
            {
                #[target_feature(enable = "avx512f,avx512bw,avx512dq,avx512vl,avx2,fma,f16c")]
                fn wide($($arg: $type),*) {
                    $body($($arg),*);
                }
                #[target_feature(enable = "avx2,fma,f16c")]
                fn middle($($arg: $type),*) {
                    $body($($arg),*);
                }
                match self {
                    // SAFETY: a machine is only ever the one that was detected, or plain.
                    Machine::Avx512 => return unsafe { wide($($arg),*) },
                    // SAFETY: as above.
                    Machine::Avx2 => return unsafe { middle($($arg),*) },
                    _ => {}
                }
            }
            $body($($arg),*);
        }
    };
}

impl Machine {
    on_each_machine!(
        /// `out[i] = scale · (query · keys[i])` for rows of `query`'s length.
        dots, dots_body, (query: &[f32], keys: &[f32], scale: f32, out: &mut [f32])
    );
    on_each_machine!(
        /// `out += Σ weights[i] · values[i]` for rows of `out`'s length.
        add_weighted, add_weighted_body, (values: &[f32], weights: &[f32], out: &mut [f32])
    );
    on_each_machine!(
        /// Scores to weights that add up to 1.
        softmax, softmax_body, (scores: &mut [f32])
    );
    on_each_machine!(
        /// `gate · sigmoid(gate) · up`, into `gate`.
        silu_gate, math::silu_gate, (gate: &mut [f32], up: &[f32])
    );
    on_each_machine!(
        /// `gelu(gate) · up`, into `gate`.
        gelu_gate, math::gelu_gate, (gate: &mut [f32], up: &[f32])
    );
    on_each_machine!(
        /// gelu of each value, in its place.
        gelu, math::gelu, (values: &mut [f32])
    );
    on_each_machine!(
        /// Root-mean-square norm of `input`, times `weight`.
        rms_norm, math::rms_norm, (input: &[f32], weight: &[f32], epsilon: f32, out: &mut [f32])
    );
    on_each_machine!(
        /// Rounds blocks of `block` elements to bytes, with a scale each and the sums of every `span` bytes.
        quantize, super::input::quantize_body,
        (block: usize, span: usize, floats: &[f32], bytes: &mut [i8], scales: &mut [f32], sums: &mut [i16])
    );

    on_each_machine!(
        /// `sums[row] += Σ inner[row][i] · b[i]` for rows of `rank` elements of `inner` and of [`TILE`] of `b`.
        add_low_rank, add_low_rank_body, (b: &[f32], inner: &[f32], rank: usize, sums: &mut [[f32; TILE]])
    );

    /// Half floats as floats.
    pub fn widen(self, halves: &[f16], out: &mut [f32]) {
        assert!(halves.len() == out.len());
        #[cfg(target_arch = "x86_64")]
        if self != Machine::Plain {
            // SAFETY: every machine but the plain one has F16C and AVX; lengths are equal.
            unsafe { widen_f16c(halves, out) };
            return;
        }
        half::slice::HalfFloatSliceExt::convert_to_f32_slice(halves, out);
    }

    /// ln Σ e^x.
    pub fn log_sum_exp(self, values: &[f32]) -> f32 {
        let mut out = [0.0];
        self.log_sum_exp_into(values, &mut out);
        out[0]
    }

    on_each_machine!(
        /// As [`Machine::log_sum_exp`], into `out[0]`.
        log_sum_exp_into, log_sum_exp_body, (values: &[f32], out: &mut [f32; 1])
    );
}

/// # Safety
/// The processor has F16C and AVX, and `out` is as long as `halves`.
#[cfg(target_arch = "x86_64")]
#[target_feature(enable = "avx,f16c")]
unsafe fn widen_f16c(halves: &[f16], out: &mut [f32]) {
    use std::arch::x86_64::*;
    let whole = halves.len() / 8 * 8;
    for at in (0..whole).step_by(8) {
        // SAFETY: `at + 8` is at most the length of both.
        unsafe {
            let eight = _mm_loadu_si128(halves.as_ptr().add(at).cast());
            _mm256_storeu_ps(out.as_mut_ptr().add(at), _mm256_cvtph_ps(eight));
        }
    }
    for (out, half) in out[whole..].iter_mut().zip(&halves[whole..]) {
        *out = half.to_f32();
    }
}

#[inline(always)]
fn dots_body(query: &[f32], keys: &[f32], scale: f32, out: &mut [f32]) {
    let dim = query.len();
    for (out, key) in out.iter_mut().zip(keys.chunks_exact(dim)) {
        let mut lanes = [0f32; LANES];
        for (a, b) in query.chunks_exact(LANES).zip(key.chunks_exact(LANES)) {
            for i in 0..LANES {
                lanes[i] = a[i].mul_add(b[i], lanes[i]);
            }
        }
        let done = dim / LANES * LANES;
        for i in done..dim {
            lanes[i - done] = query[i].mul_add(key[i], lanes[i - done]);
        }
        *out = math::add_lanes(lanes) * scale;
    }
}

#[inline(always)]
fn add_weighted_body(values: &[f32], weights: &[f32], out: &mut [f32]) {
    /// Elements whose sums stay in registers over all rows.
    const STRIP: usize = 64;
    let dim = out.len();
    let whole = dim / STRIP * STRIP;
    for start in (0..whole).step_by(STRIP) {
        let mut sums: [f32; STRIP] = out[start..start + STRIP].try_into().expect("a strip");
        for (weight, value) in weights.iter().zip(values.chunks_exact(dim)) {
            let value: &[f32; STRIP] = value[start..start + STRIP].try_into().expect("a strip");
            for i in 0..STRIP {
                sums[i] = weight.mul_add(value[i], sums[i]);
            }
        }
        out[start..start + STRIP].copy_from_slice(&sums);
    }
    for (weight, value) in weights.iter().zip(values.chunks_exact(dim)) {
        for i in whole..dim {
            out[i] = weight.mul_add(value[i], out[i]);
        }
    }
}

#[inline(always)]
fn add_low_rank_body(b: &[f32], inner: &[f32], rank: usize, sums: &mut [[f32; TILE]]) {
    for (sums, inner) in sums.iter_mut().zip(inner.chunks_exact(rank)) {
        let mut lanes = [0f32; TILE];
        for (weight, b) in inner.iter().zip(b.chunks_exact(TILE)) {
            for i in 0..TILE {
                lanes[i] = weight.mul_add(b[i], lanes[i]);
            }
        }
        for i in 0..TILE {
            sums[i] += lanes[i];
        }
    }
}

#[inline(always)]
fn largest(values: &[f32]) -> f32 {
    let mut tops = [f32::NEG_INFINITY; LANES];
    let chunks = values.chunks_exact(LANES);
    for (top, value) in tops.iter_mut().zip(chunks.remainder()) {
        *top = if *value > *top { *value } else { *top };
    }
    for chunk in chunks {
        for i in 0..LANES {
            tops[i] = if chunk[i] > tops[i] { chunk[i] } else { tops[i] };
        }
    }
    tops.into_iter().fold(f32::NEG_INFINITY, |a, b| if b > a { b } else { a })
}

#[inline(always)]
fn softmax_body(scores: &mut [f32]) {
    let top = largest(scores);
    let mut lanes = [0f32; LANES];
    let mut chunks = scores.chunks_exact_mut(LANES);
    for chunk in &mut chunks {
        for i in 0..LANES {
            chunk[i] = math::exp(chunk[i] - top);
            lanes[i] += chunk[i];
        }
    }
    for (lane, score) in lanes.iter_mut().zip(chunks.into_remainder()) {
        *score = math::exp(*score - top);
        *lane += *score;
    }
    let scale = 1.0 / math::add_lanes(lanes);
    scores.iter_mut().for_each(|score| *score *= scale);
}

#[inline(always)]
fn log_sum_exp_body(values: &[f32], out: &mut [f32; 1]) {
    let top = largest(values);
    let mut lanes = [0f32; LANES];
    let chunks = values.chunks_exact(LANES);
    for (lane, value) in lanes.iter_mut().zip(chunks.remainder()) {
        *lane += math::exp(*value - top);
    }
    for chunk in chunks {
        for i in 0..LANES {
            lanes[i] += math::exp(chunk[i] - top);
        }
    }
    out[0] = math::add_lanes(lanes).ln() + top;
}

#[cfg(test)]
mod tests {
    use super::*;
    use rand::{RngExt, SeedableRng};

    #[test]
    fn every_machine_gives_the_same_bits() {
        let mut random = rand_chacha::ChaCha8Rng::seed_from_u64(4);
        let mut floats = |n: usize| -> Vec<f32> { (0..n).map(|_| random.random_range(-4.0..4.0)).collect() };
        for dim in [16, 64, 80, 100, 128] {
            let (query, rows, weights) = (floats(dim), floats(dim * 9), floats(9));
            let results: Vec<Vec<f32>> = Machine::all()
                .into_iter()
                .map(|machine| {
                    let mut out = vec![0.0; 9];
                    machine.dots(&query, &rows, 0.25, &mut out);
                    let mut mix = query.clone();
                    machine.add_weighted(&rows, &weights, &mut mix);
                    let mut gates = rows.clone();
                    machine.silu_gate(&mut gates[..dim], &query);
                    machine.gelu_gate(&mut gates[dim..2 * dim], &query);
                    machine.softmax(&mut gates[2 * dim..]);
                    let halves: Vec<f16> = rows.iter().map(|x| f16::from_f32(*x)).collect();
                    let mut wide = vec![0.0; rows.len()];
                    machine.widen(&halves, &mut wide);
                    let mut normed = vec![0.0; dim];
                    machine.rms_norm(&query, &rows[..dim], 1e-5, &mut normed);
                    let sum = machine.log_sum_exp(&rows);
                    [out, mix, gates, wide, normed, vec![sum]].concat()
                })
                .collect();
            assert!(results.iter().all(|result| *result == results[0]), "{dim}");
            let right: f64 = query.iter().zip(&rows).map(|(a, b)| f64::from(*a) * f64::from(*b)).sum();
            assert!((f64::from(results[0][0]) - 0.25 * right).abs() < 1e-4);
            let total: f32 = results[0][9 + dim + 2 * dim..9 + dim + 9 * dim].iter().sum();
            assert!((total - 1.0).abs() < 1e-5, "{total}");
        }
    }
}
