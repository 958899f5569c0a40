//! Products of 16 rows on ARM with NEON, with the dot-product instructions of ARMv8.2 where they are there
//! (`DOT`). Gives exactly [`super::scalar::dot`].
//!
//! Every quantization's numbers fit signed bytes, so a block is unpacked to those and multiplied along
//! itself; the float part of a block is done for four rows at once. For several input rows a block is
//! unpacked once and multiplied with each.

#![expect(unsafe_code, reason = "instructions of the processor")]

use super::{Inputs, RowInput, TILE, Tile};
use std::arch::aarch64::*;

/// Whether this processor can run the functions here without `DOT`.
pub fn available() -> bool {
    std::arch::is_aarch64_feature_detected!("neon")
}

/// Whether it can run them with `DOT`.
pub fn dot_available() -> bool {
    available() && std::arch::is_aarch64_feature_detected!("dotprod")
}

/// Adds the products of sixteen signed bytes to four sums.
#[inline]
#[target_feature(enable = "neon")]
fn add_products<const DOT: bool>(sums: int32x4_t, a: int8x16_t, b: int8x16_t) -> int32x4_t {
    if DOT {
        let mut sums = sums;
        // The intrinsic is not stable yet.
        // SAFETY: `DOT` is only chosen where the processor has the instruction, which touches no memory.
        unsafe {
            std::arch::asm!(
                ".arch_extension dotprod",
                "sdot {0:v}.4s, {1:v}.16b, {2:v}.16b",
                inout(vreg) sums, in(vreg) a, in(vreg) b,
                options(pure, nomem, nostack, preserves_flags)
            );
        }
        return sums;
    }
    let low = vmull_s8(vget_low_s8(a), vget_low_s8(b));
    // One product of −128 and −127 fits 16 bits, two of them don't: they are widened before they are added.
    vpadalq_s16(vpadalq_s16(sums, low), vmull_high_s8(a, b))
}

/// A block's numbers, less what they are stored too large by, and its whole-number scales and minima.
#[derive(Clone, Copy)]
struct Unpacked<const NUMBERS: usize, const SCALES: usize> {
    numbers: [i8; NUMBERS],
    scales: [i8; SCALES],
    /// One for two groups of 16; nothing where a quantization has none.
    minima: [u8; 8],
}

impl<const NUMBERS: usize, const SCALES: usize> Unpacked<NUMBERS, SCALES> {
    const ZERO: Self = Unpacked { numbers: [0; NUMBERS], scales: [0; SCALES], minima: [0; 8] };
}

/// Sixteen rows' whole-number sums and floats of one block.
#[derive(Clone, Copy)]
struct Sums {
    products: [i32; TILE],
    below: [i32; TILE],
    d: [u16; TILE],
    m: [u16; TILE],
}

impl Sums {
    const ZERO: Sums = Sums { products: [0; TILE], below: [0; TILE], d: [0; TILE], m: [0; TILE] };

    /// Four of the products from `at`, as floats.
    #[inline]
    #[target_feature(enable = "neon")]
    fn floats(values: &[i32; TILE], at: usize) -> float32x4_t {
        let four: &[i32; 4] = values[at..at + 4].try_into().expect("four of sixteen");
        // SAFETY: four lanes of 32 bits are there.
        vcvtq_f32_s32(unsafe { vld1q_s32(four.as_ptr()) })
    }

    /// Four half floats from `at`, as floats.
    #[inline]
    #[target_feature(enable = "neon")]
    fn halves(values: &[u16; TILE], at: usize) -> float32x4_t {
        let four: &[u16; 4] = values[at..at + 4].try_into().expect("four of sixteen");
        // SAFETY: four lanes of 16 bits are there.
        vcvt_f32_f16(vreinterpret_f16_u16(unsafe { vld1_u16(four.as_ptr()) }))
    }
}

/// The block's floats: its scale, and its minimum where the quantization has one.
///
/// # Safety
/// `block` is a whole block with its floats at `at`.
#[inline]
unsafe fn float(block: *const u8, at: usize) -> u16 {
    // SAFETY: the caller's promise.
    unsafe { block.add(at).cast::<u16>().read_unaligned() }
}

/// A quantization, by how a block of it is unpacked.
///
/// `NUMBERS` is 32 or 256, `SCALES` how many whole-number scales a block has.
pub trait Blocks<const NUMBERS: usize, const SCALES: usize> {
    /// Bytes of a block.
    const SIZE: usize;
    /// Where the block's scale is.
    const SCALE_AT: usize;
    /// Whether a block has a minimum, after its scale.
    const MINIMUM: bool;

    /// Unpacks a block.
    ///
    /// # Safety
    /// `at` is a whole block, and the processor is [`available`].
    unsafe fn numbers(at: *const u8, out: &mut [i8; NUMBERS]);

    /// A block's whole-number scales, and minima.
    ///
    /// # Safety
    /// As for [`Blocks::numbers`].
    unsafe fn scales(at: *const u8, scales: &mut [i8; SCALES], minima: &mut [u8; 8]);
}

/// Sixteen packed bytes as two times sixteen halves of bytes.
///
/// # Safety
/// `at` has 16 readable bytes.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn nibbles(at: *const u8) -> [uint8x16_t; 2] {
    // SAFETY: the caller's promise.
    let packed = unsafe { vld1q_u8(at) };
    [vandq_u8(packed, vdupq_n_u8(15)), vshrq_n_u8::<4>(packed)]
}

/// Adds 16 to the numbers whose bit is set: bits 0 to 15 for the first sixteen, 16 to 31 for the others.
///
/// # Safety
/// `bits` has four readable bytes.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn add_fifth_bits(numbers: [uint8x16_t; 2], bits: *const u8) -> [uint8x16_t; 2] {
    const ONE_EACH: [u8; 16] = [1, 2, 4, 8, 16, 32, 64, 128, 1, 2, 4, 8, 16, 32, 64, 128];
    let mut out = numbers;
    for (half, numbers) in out.iter_mut().enumerate() {
        // SAFETY: the caller's promise; the constant has 16 bytes.
        let (bytes, ones) = unsafe {
            let low = vdup_n_u8(*bits.add(half * 2));
            (vcombine_u8(low, vdup_n_u8(*bits.add(half * 2 + 1))), vld1q_u8(ONE_EACH.as_ptr()))
        };
        *numbers = vorrq_u8(*numbers, vandq_u8(vtstq_u8(bytes, ones), vdupq_n_u8(16)));
    }
    out
}

/// Stores 32 numbers, less `offset`.
#[inline]
#[target_feature(enable = "neon")]
fn store(numbers: [uint8x16_t; 2], offset: i8, out: &mut [i8; 32]) {
    for (half, numbers) in numbers.into_iter().enumerate() {
        let numbers = vsubq_s8(vreinterpretq_s8_u8(numbers), vdupq_n_s8(offset));
        // SAFETY: `out` has 32 bytes.
        unsafe { vst1q_s8(out.as_mut_ptr().add(half * 16), numbers) };
    }
}

macro_rules! singles {
    ($name:ident, $what:literal, $size:literal, $minimum:literal, |$at:ident, $out:ident| $store:expr) => {
        #[doc = $what]
        pub struct $name;

        impl Blocks<32, 0> for $name {
            const SIZE: usize = $size;
            const SCALE_AT: usize = 0;
            const MINIMUM: bool = $minimum;

            #[inline]
            #[target_feature(enable = "neon")]
            unsafe fn numbers($at: *const u8, $out: &mut [i8; 32]) {
                // SAFETY: reads lie inside the whole block that the caller promises.
                unsafe { $store }
            }

            #[inline]
            #[target_feature(enable = "neon")]
            unsafe fn scales(_: *const u8, _: &mut [i8; 0], _: &mut [u8; 8]) {}
        }
    };
}

singles!(Q40, "Q4_0.", 18, false, |at, out| store(nibbles(at.add(2)), 8, out));
singles!(Q41, "Q4_1.", 20, true, |at, out| store(nibbles(at.add(4)), 0, out));
singles!(Q50, "Q5_0.", 22, false, |at, out| store(add_fifth_bits(nibbles(at.add(6)), at.add(2)), 16, out));
singles!(Q51, "Q5_1.", 24, true, |at, out| store(add_fifth_bits(nibbles(at.add(8)), at.add(4)), 0, out));
singles!(Q80, "Q8_0.", 34, false, |at, out| store([vld1q_u8(at.add(2)), vld1q_u8(at.add(18))], 0, out));

/// Q4_K (`FIFTH` false) and Q5_K (true).
pub struct Q45K<const FIFTH: bool>;

impl<const FIFTH: bool> Blocks<256, 8> for Q45K<FIFTH> {
    const SIZE: usize = if FIFTH { 176 } else { 144 };
    const SCALE_AT: usize = 0;
    const MINIMUM: bool = true;

    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn numbers(at: *const u8, out: &mut [i8; 256]) {
        // SAFETY: the block is whole by the caller's promise, and `out` has 256 bytes.
        unsafe {
            let low = at.add(if FIFTH { 48 } else { 16 });
            for half in 0..2 {
                let high = if FIFTH { vld1q_u8(at.add(16 + half * 16)) } else { vdupq_n_u8(0) };
                for pair in 0..4 {
                    let mut numbers = nibbles(low.add(pair * 32 + half * 16));
                    for (i, numbers) in numbers.iter_mut().enumerate() {
                        let group = pair * 2 + i;
                        if FIFTH {
                            let set = vtstq_u8(high, vdupq_n_u8(1 << group));
                            *numbers = vorrq_u8(*numbers, vandq_u8(set, vdupq_n_u8(16)));
                        }
                        let out = out.as_mut_ptr().add(group * 32 + half * 16);
                        vst1q_s8(out, vreinterpretq_s8_u8(*numbers));
                    }
                }
            }
        }
    }

    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn scales(at: *const u8, scales: &mut [i8; 8], minima: &mut [u8; 8]) {
        // SAFETY: the 12 packed bytes are part of the whole block that the caller promises.
        let [a, b, c] = unsafe { at.add(4).cast::<[u32; 3]>().read_unaligned() }.map(u32::from_le);
        let high = |x: u32, y: u32| u64::from((x & 0x0f0f_0f0f) | (y >> 2 & 0x3030_3030)) << 32;
        *scales = (u64::from(a & 0x3f3f_3f3f) | high(c, a)).to_le_bytes().map(|scale| scale as i8);
        *minima = (u64::from(b & 0x3f3f_3f3f) | high(c >> 4, b)).to_le_bytes();
    }
}

/// Q6_K.
pub struct Q6K;

impl Blocks<256, 16> for Q6K {
    const SIZE: usize = 210;
    const SCALE_AT: usize = 208;
    const MINIMUM: bool = false;

    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn numbers(at: *const u8, out: &mut [i8; 256]) {
        let two_bits = vdupq_n_u8(0x30);
        for half in 0..2 {
            for part in 0..2 {
                // SAFETY: the block is whole by the caller's promise.
                let (first, second, high) = unsafe {
                    let low = at.add(half * 64 + part * 16);
                    (nibbles(low), nibbles(low.add(32)), vld1q_u8(at.add(128 + half * 32 + part * 16)))
                };
                let groups = [
                    vorrq_u8(first[0], vandq_u8(vshlq_n_u8::<4>(high), two_bits)),
                    vorrq_u8(second[0], vandq_u8(vshlq_n_u8::<2>(high), two_bits)),
                    vorrq_u8(first[1], vandq_u8(high, two_bits)),
                    vorrq_u8(second[1], vandq_u8(vshrq_n_u8::<2>(high), two_bits)),
                ];
                for (group, numbers) in groups.into_iter().enumerate() {
                    let numbers = vsubq_s8(vreinterpretq_s8_u8(numbers), vdupq_n_s8(32));
                    // SAFETY: at most 128 + 96 + 16 + 16 of the 256 bytes.
                    unsafe { vst1q_s8(out.as_mut_ptr().add(half * 128 + group * 32 + part * 16), numbers) };
                }
            }
        }
    }

    #[inline]
    #[target_feature(enable = "neon")]
    unsafe fn scales(at: *const u8, scales: &mut [i8; 16], _: &mut [u8; 8]) {
        // SAFETY: the block is whole by the caller's promise.
        *scales = unsafe { at.add(192).cast::<[i8; 16]>().read_unaligned() };
    }
}

/// The sum of a block's scaled products with an input's bytes.
///
/// # Safety
/// `y` has `NUMBERS` bytes.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn products<const DOT: bool, const NUMBERS: usize, const SCALES: usize>(
    unpacked: &Unpacked<NUMBERS, SCALES>,
    y: *const i8,
) -> i32 {
    let groups = if SCALES == 0 { 1 } else { SCALES };
    let size = NUMBERS / groups;
    let mut sum = vdupq_n_s32(0);
    for group in 0..groups {
        let mut part = vdupq_n_s32(0);
        for at in (group * size..(group + 1) * size).step_by(16) {
            // SAFETY: `at + 16` is at most `NUMBERS`, which both have.
            let (a, b) = unsafe { (vld1q_s8(unpacked.numbers.as_ptr().add(at)), vld1q_s8(y.add(at))) };
            part = add_products::<DOT>(part, a, b);
        }
        sum = if SCALES == 0 { part } else { vmlaq_n_s32(sum, part, i32::from(unpacked.scales[group])) };
    }
    vaddvq_s32(sum)
}

/// The sum of a block's minima times an input's sums over 16 elements.
///
/// # Safety
/// `sums` has 16 elements.
#[inline]
#[target_feature(enable = "neon")]
unsafe fn minima(minima: &[u8; 8], sums: *const i16) -> i32 {
    // SAFETY: eight bytes, and the caller's promise.
    let (minima, low, high) = unsafe { (vld1_u8(minima.as_ptr()), vld1q_s16(sums), vld1q_s16(sums.add(8))) };
    let minima = vreinterpretq_s16_u16(vmovl_u8(minima));
    let pairs = vpaddq_s16(low, high);
    vaddvq_s32(vmlal_high_s16(vmull_s16(vget_low_s16(minima), vget_low_s16(pairs)), minima, pairs))
}

/// Adds a block of sixteen rows to the totals of one input row.
#[inline]
#[target_feature(enable = "neon")]
fn add_block<const NUMBERS: usize, const SCALES: usize, B: Blocks<NUMBERS, SCALES>>(
    sums: &Sums,
    e: f32,
    input_sum: i16,
    totals: &mut [float32x4_t; 4],
) {
    for (four, total) in totals.iter_mut().enumerate() {
        let at = four * 4;
        let d = vmulq_n_f32(Sums::halves(&sums.d, at), e);
        *total = vfmaq_f32(*total, d, Sums::floats(&sums.products, at));
        if B::MINIMUM && SCALES == 0 {
            *total = vfmaq_n_f32(*total, Sums::halves(&sums.m, at), e * f32::from(input_sum));
        } else if B::MINIMUM {
            let m = vmulq_n_f32(Sums::halves(&sums.m, at), e);
            *total = vfmsq_f32(*total, m, Sums::floats(&sums.below, at));
        }
    }
}

/// Sixteen rows times one input row.
///
/// # Safety
/// `tile` has 16 rows of whole blocks, `input` as many elements, and the processor is [`available`], with
/// `DOT` [`dot_available`].
#[target_feature(enable = "neon")]
pub unsafe fn dot<const DOT: bool, const NUMBERS: usize, const SCALES: usize, B: Blocks<NUMBERS, SCALES>>(
    tile: Tile,
    input: RowInput,
    out: &mut [f32; TILE],
) {
    let inputs = Inputs { bytes: input.bytes, scales: input.scales, sums: input.sums, cols: 0 };
    // SAFETY: the caller's promise; one row needs no distance between rows.
    unsafe { rows::<DOT, NUMBERS, SCALES, B>(tile, inputs, std::slice::from_mut(out)) };
}

/// Sixteen rows times several input rows.
///
/// # Safety
/// As [`dot`], for every input row.
#[target_feature(enable = "neon")]
pub unsafe fn rows<const DOT: bool, const NUMBERS: usize, const SCALES: usize, B: Blocks<NUMBERS, SCALES>>(
    tile: Tile,
    inputs: Inputs,
    out: &mut [[f32; TILE]],
) {
    let span = if NUMBERS == 32 { 32 } else { 16 };
    let mut unpacked = [Unpacked::<NUMBERS, SCALES>::ZERO; TILE];
    let mut sums = Sums::ZERO;
    out.fill([0.0; TILE]);
    for block in 0..tile.blocks {
        for (row, unpacked) in unpacked.iter_mut().enumerate() {
            // SAFETY: `block` is below `blocks`, and there are 16 rows.
            unsafe {
                let at = tile.weights.add(row * tile.stride + block * B::SIZE);
                sums.d[row] = float(at, B::SCALE_AT);
                if B::MINIMUM {
                    sums.m[row] = float(at, B::SCALE_AT + 2);
                }
                B::numbers(at, &mut unpacked.numbers);
                B::scales(at, &mut unpacked.scales, &mut unpacked.minima);
            }
        }
        for (index, out) in out.iter_mut().enumerate() {
            // SAFETY: each input row has, for each block, `NUMBERS` bytes, one scale and the sums of every
            // `span` bytes; `out` has sixteen floats.
            unsafe {
                let start = index * inputs.cols + block * NUMBERS;
                let input_sums = inputs.sums.add(start / span);
                for (row, unpacked) in unpacked.iter().enumerate() {
                    sums.products[row] = products::<DOT, NUMBERS, SCALES>(unpacked, inputs.bytes.add(start));
                    if B::MINIMUM && SCALES > 0 {
                        sums.below[row] = minima(&unpacked.minima, input_sums);
                    }
                }
                let mut totals = [0, 4, 8, 12].map(|at| vld1q_f32(out.as_ptr().add(at)));
                let e = *inputs.scales.add(start / NUMBERS);
                add_block::<NUMBERS, SCALES, B>(&sums, e, *input_sums, &mut totals);
                for (four, total) in totals.into_iter().enumerate() {
                    vst1q_f32(out.as_mut_ptr().add(four * 4), total);
                }
            }
        }
    }
}
