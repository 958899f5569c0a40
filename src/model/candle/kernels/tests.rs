//! Every kernel against the definition, on random and extreme blocks.

use super::super::weights::dequantize;
use super::dispatch::{Kernel, Machine};
use super::{Form, Input, TILE, Tile, scalar};
use candle_core::quantized::GgmlDType;
use half::f16;
use rand::{Rng, RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

const TYPES: [GgmlDType; 8] = [
    GgmlDType::Q4_0,
    GgmlDType::Q4_1,
    GgmlDType::Q5_0,
    GgmlDType::Q5_1,
    GgmlDType::Q8_0,
    GgmlDType::Q4K,
    GgmlDType::Q5K,
    GgmlDType::Q6K,
];

/// Where a block's half floats are.
fn floats(dtype: GgmlDType) -> &'static [usize] {
    match dtype {
        GgmlDType::Q6K => &[208],
        GgmlDType::Q4_1 | GgmlDType::Q5_1 | GgmlDType::Q4K | GgmlDType::Q5K => &[0, 2],
        _ => &[0],
    }
}

/// Blocks of random bytes, or of one byte, with floats of a normal size.
fn weights(dtype: GgmlDType, count: usize, byte: Option<u8>, random: &mut ChaCha8Rng) -> Vec<u8> {
    let mut bytes = vec![byte.unwrap_or(0); count * dtype.type_size()];
    if byte.is_none() {
        random.fill_bytes(&mut bytes);
    }
    for block in bytes.chunks_exact_mut(dtype.type_size()) {
        for at in floats(dtype) {
            let value = f16::from_f32(random.random_range(-0.1..0.1));
            block[*at..at + 2].copy_from_slice(&value.to_le_bytes());
        }
    }
    bytes
}

fn input(rows: usize, cols: usize, form: Form, extreme: bool, random: &mut ChaCha8Rng) -> Input {
    let mut input = Input::default();
    for value in input.reset(rows, cols) {
        *value = if extreme {
            if random.random() { 3.0 } else { -3.0 }
        } else {
            random.random_range(-1.0..1.0f32).powi(3)
        };
    }
    input.prepare(Machine::detect(), form);
    input
}

#[test]
fn every_kernel_gives_the_definition_to_the_bit() {
    let mut random = ChaCha8Rng::seed_from_u64(1);
    for machine in Machine::all() {
        for dtype in TYPES {
            let kernel = Kernel::new(dtype, machine);
            let Some(routines) = kernel.routines() else { continue };
            for byte in [None, Some(0), Some(0xff), Some(0x80), Some(0x7f)] {
                for (blocks, extreme) in [(1, false), (2, true), (3, false), (9, true), (18, false)] {
                    let cols = blocks * dtype.block_size();
                    let bytes = weights(dtype, TILE * blocks, byte, &mut random);
                    let stride = blocks * dtype.type_size();
                    let tile = Tile { weights: bytes.as_ptr(), stride, blocks };
                    for rows in [1, 2, 3, 7, 8, 13, 18] {
                        let input = input(rows, cols, kernel.form(), extreme, &mut random);
                        let quantized = input.quantized(kernel.form());
                        let mut out = vec![[f32::NAN; TILE]; rows];
                        routines.multiply(tile, quantized, 0, &mut out);
                        for (index, sums) in out.iter().enumerate() {
                            for (row, found) in sums.iter().enumerate() {
                                let weights = &bytes[row * stride..(row + 1) * stride];
                                let right = scalar::dot(dtype, weights, quantized, index);
                                assert!(
                                    *found == right,
                                    "{machine:?} {dtype:?} byte {byte:?}, {blocks} blocks, input {index} of \
                                     {rows}, row {row}: {found} for {right}"
                                );
                            }
                        }
                    }
                }
            }
        }
    }
}

#[test]
fn the_definition_agrees_with_dequantized_weights() {
    let mut random = ChaCha8Rng::seed_from_u64(2);
    for dtype in TYPES {
        let blocks = 4;
        let cols = blocks * dtype.block_size();
        let bytes = weights(dtype, blocks, None, &mut random);
        let mut floats = vec![0.0; cols];
        dequantize(dtype, &bytes, &mut floats);
        let form = if dtype.block_size() == 32 { Form::Blocks32 } else { Form::Blocks256 };
        let input = input(1, cols, form, false, &mut random);
        let quantized = input.quantized(form);
        let (y, scales, _) = quantized.row(0);
        let terms: Vec<f64> = (0..cols)
            .map(|i| f64::from(floats[i]) * f64::from(y[i]) * f64::from(scales[i / quantized.block]))
            .collect();
        let right: f64 = terms.iter().sum();
        let size: f64 = terms.iter().map(|term| term.abs()).sum();
        let found = f64::from(scalar::dot(dtype, &bytes, quantized, 0));
        assert!((found - right).abs() < size * 1e-5, "{dtype:?}: {found} for {right}");
    }
}

#[test]
fn inputs_are_rounded_to_the_nearest_byte() {
    let mut input = Input::default();
    let values = input.reset(1, 64);
    for (i, value) in values.iter_mut().enumerate() {
        *value = if i < 32 { i as f32 - 10.0 } else { 0.0 };
    }
    let copy = values.to_vec();
    input.prepare(Machine::detect(), Form::Blocks32);
    let (bytes, scales, sums) = input.quantized(Form::Blocks32).row(0);
    for (i, value) in copy.iter().enumerate() {
        let scale = scales[i / 32];
        assert!((f32::from(bytes[i]) * scale - value).abs() <= scale / 2.0 + 1e-6);
    }
    assert_eq!(bytes[31], 127);
    assert_eq!(scales[1], 0.0);
    assert_eq!(sums[0], bytes[..32].iter().map(|b| i16::from(*b)).sum::<i16>());
}
