//! What a product of a quantized row with a quantized input is: the definition the fast kernels must meet
//! to the bit, and the fallback where there are none.
//!
//! A block's whole numbers are summed exactly; one rounding turns the sum into a float, and blocks are
//! added in order by fused multiply-add:
//!
//! ```text
//! blocks of 32:   sum ← fma(d·e, Σ(q−o)·y, sum);  with a minimum: sum ← fma(m, e·Σy, sum)
//! blocks of 256:  sum ← fma(d·e, Σ s·q·y, sum);   with minima:    sum ← fma(−(m·e), Σ t·y, sum)
//! ```
//!
//! `q` the weight's number, `y` the input's byte, `d`, `m` the block's floats, `e` the input's scale, `s`,
//! `t` the whole-number scale and minimum of a group of 16, `o` a constant of the quantization.
//! Layouts: <https://github.com/ggml-org/llama.cpp/blob/master/ggml/src/ggml-common.h>.

use super::input::Quantized;
use candle_core::quantized::GgmlDType;
use half::f16;

/// A block of 32 taken apart.
struct Block32 {
    numbers: [i32; 32],
    scale: f32,
    minimum: f32,
}

/// A block of 256 taken apart.
struct Block256 {
    numbers: [i32; 256],
    group_scales: [i32; 16],
    group_minima: [i32; 16],
    scale: f32,
    minimum: f32,
}

fn float(bytes: &[u8]) -> f32 {
    f16::from_le_bytes([bytes[0], bytes[1]]).to_f32()
}

/// Sixteen bytes as 32 numbers: low halves first, then high ones.
fn nibbles(bytes: &[u8]) -> [i32; 32] {
    std::array::from_fn(|i| i32::from(if i < 16 { bytes[i] & 15 } else { bytes[i - 16] >> 4 }))
}

fn block_32(dtype: GgmlDType, bytes: &[u8]) -> Block32 {
    let fifth = |numbers: [i32; 32], bits: &[u8]| {
        let bits = u32::from_le_bytes([bits[0], bits[1], bits[2], bits[3]]);
        std::array::from_fn(|i| numbers[i] + 16 * (bits >> i & 1) as i32)
    };
    let (numbers, minimum): ([i32; 32], f32) = match dtype {
        GgmlDType::Q4_0 => (nibbles(&bytes[2..]).map(|n| n - 8), 0.0),
        GgmlDType::Q4_1 => (nibbles(&bytes[4..]), float(&bytes[2..])),
        GgmlDType::Q5_0 => (fifth(nibbles(&bytes[6..]), &bytes[2..]).map(|n| n - 16), 0.0),
        GgmlDType::Q5_1 => (fifth(nibbles(&bytes[8..]), &bytes[4..]), float(&bytes[2..])),
        _ => (std::array::from_fn(|i| i32::from(bytes[2 + i] as i8)), 0.0),
    };
    Block32 { numbers, scale: float(bytes), minimum }
}

/// The eight 6-bit scales and minima packed into 12 bytes.
fn packed_scales(bytes: &[u8]) -> [(i32, i32); 8] {
    std::array::from_fn(|j| {
        let (scale, minimum) = if j < 4 {
            (bytes[j] & 63, bytes[j + 4] & 63)
        } else {
            ((bytes[j + 4] & 15) | (bytes[j - 4] >> 6) << 4, (bytes[j + 4] >> 4) | (bytes[j] >> 6) << 4)
        };
        (i32::from(scale), i32::from(minimum))
    })
}

fn block_256(dtype: GgmlDType, bytes: &[u8]) -> Block256 {
    let mut numbers = [0; 256];
    if dtype == GgmlDType::Q6K {
        for (at, number) in numbers.iter_mut().enumerate() {
            let (half, group, l) = (at / 128, at % 128 / 32, at % 32);
            let low = bytes[half * 64 + group % 2 * 32 + l] >> (group / 2 * 4) & 15;
            let high = bytes[128 + half * 32 + l] >> (group * 2) & 3;
            *number = i32::from(low | high << 4);
        }
        let group_scales = std::array::from_fn(|g| i32::from(bytes[192 + g] as i8));
        let group_minima = group_scales.map(|scale| scale * 32);
        return Block256 { numbers, group_scales, group_minima, scale: float(&bytes[208..]), minimum: 0.0 };
    }
    let scales = packed_scales(&bytes[4..16]);
    let (high, low) =
        if dtype == GgmlDType::Q5K { (&bytes[16..48], &bytes[48..]) } else { (&[][..], &bytes[16..]) };
    for (at, number) in numbers.iter_mut().enumerate() {
        let (group, l) = (at / 32, at % 32);
        let nibble = low[group / 2 * 32 + l] >> (group % 2 * 4) & 15;
        let fifth = high.get(l).map_or(0, |bits| bits >> group & 1);
        *number = i32::from(nibble | fifth << 4);
    }
    Block256 {
        numbers,
        group_scales: std::array::from_fn(|g| scales[g / 2].0),
        group_minima: std::array::from_fn(|g| scales[g / 2].1),
        scale: float(bytes),
        minimum: float(&bytes[2..]),
    }
}

/// One row of weights times one row of the input.
pub fn dot(dtype: GgmlDType, weights: &[u8], input: &Quantized, row: usize) -> f32 {
    let (bytes, scales, sums) = input.row(row);
    let mut total = 0f32;
    for (at, block) in weights.chunks_exact(dtype.type_size()).enumerate() {
        let size = dtype.block_size();
        let y = &bytes[at * size..(at + 1) * size];
        let e = scales[at];
        if size == 32 {
            let block = block_32(dtype, block);
            let sum: i32 = block.numbers.iter().zip(y).map(|(q, y)| q * i32::from(*y)).sum();
            total = (block.scale * e).mul_add(sum as f32, total);
            if matches!(dtype, GgmlDType::Q4_1 | GgmlDType::Q5_1) {
                total = block.minimum.mul_add(e * f32::from(sums[at]), total);
            }
        } else {
            let block = block_256(dtype, block);
            let mut sum = 0;
            let mut below = 0;
            for group in 0..16 {
                let range = group * 16..group * 16 + 16;
                let part: i32 =
                    block.numbers[range.clone()].iter().zip(&y[range]).map(|(q, y)| q * i32::from(*y)).sum();
                sum += block.group_scales[group] * part;
                below += block.group_minima[group] * i32::from(sums[at * 16 + group]);
            }
            if dtype == GgmlDType::Q6K {
                total = (block.scale * e).mul_add((sum - below) as f32, total);
            } else {
                total = (block.scale * e).mul_add(sum as f32, total);
                total = (-(block.minimum * e)).mul_add(below as f32, total);
            }
        }
    }
    total
}
