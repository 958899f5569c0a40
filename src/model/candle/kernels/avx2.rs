//! Products of 16 rows on x86-64 with AVX2: each weight row along itself, four rows' sums added across at
//! once. Gives exactly [`super::scalar::dot`].

#![expect(unsafe_code, reason = "instructions of the processor")]

use super::{Inputs, RowInput, Sums, TILE, Tile};
use std::arch::x86_64::*;

/// Whether this processor can run the functions here.
pub fn available() -> bool {
    is_x86_feature_detected!("avx2") && is_x86_feature_detected!("fma") && is_x86_feature_detected!("f16c")
}

/// The sums of four vectors' lanes.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn add_across(a: __m256i, b: __m256i, c: __m256i, d: __m256i) -> __m128i {
    let sums = _mm256_hadd_epi32(_mm256_hadd_epi32(a, b), _mm256_hadd_epi32(c, d));
    _mm_add_epi32(_mm256_castsi256_si128(sums), _mm256_extracti128_si256::<1>(sums))
}

/// Eight lanes of `values` from `at`, as floats.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn floats(values: &[i32; TILE], at: usize) -> __m256 {
    let eight: &[i32; 8] = values[at..at + 8].try_into().expect("eight of sixteen");
    // SAFETY: eight lanes of 32 bits are there.
    _mm256_cvtepi32_ps(unsafe { _mm256_loadu_si256(eight.as_ptr().cast()) })
}

/// Eight half floats of `values` from `at`, as floats.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn halves(values: &[u16; TILE], at: usize) -> __m256 {
    let eight: &[u16; 8] = values[at..at + 8].try_into().expect("eight of sixteen");
    // SAFETY: eight lanes of 16 bits are there.
    _mm256_cvtph_ps(unsafe { _mm_loadu_si128(eight.as_ptr().cast()) })
}

/// Fetches what lies one tile further on while this tile is worked on.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn prefetch(tile: Tile, part: usize, bytes: usize) {
    let next = tile.weights.wrapping_add(TILE * tile.stride + part * bytes);
    let mut at = 0;
    while at < bytes {
        _mm_prefetch::<_MM_HINT_T1>(next.wrapping_add(at).cast());
        at += 64;
    }
}

/// Eight bytes of scales and of minima from a block's 12 packed bytes.
///
/// # Safety
/// `packed` has 12 readable bytes.
#[inline]
unsafe fn packed_scales(packed: *const u8) -> (u64, u64) {
    // SAFETY: the caller's promise.
    let [a, b, c] = unsafe { packed.cast::<[u32; 3]>().read_unaligned() }.map(u32::from_le);
    let high = |x: u32, y: u32| u64::from((x & 0x0f0f_0f0f) | (y >> 2 & 0x3030_3030)) << 32;
    (u64::from(a & 0x3f3f_3f3f) | high(c, a), u64::from(b & 0x3f3f_3f3f) | high(c >> 4, b))
}

/// One row's block of Q4_K or Q5_K: lanes of scaled products.
///
/// # Safety
/// `at` is a whole block, `y` has 256 bytes.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn row_q45k<const FIFTH: bool>(at: *const u8, y: *const i8, scales: u64) -> __m256i {
    let nibble = _mm256_set1_epi8(15);
    let mut sum = _mm256_setzero_si256();
    // SAFETY: the caller's promise.
    unsafe {
        let high = if FIFTH { _mm256_loadu_si256(at.add(16).cast()) } else { sum };
        let low = at.add(if FIFTH { 48 } else { 16 });
        for pair in 0..4 {
            let packed = _mm256_loadu_si256(low.add(pair * 32).cast());
            for half in 0..2 {
                let group = pair * 2 + half;
                let shifted = if half == 0 { packed } else { _mm256_srli_epi16::<4>(packed) };
                let mut numbers = _mm256_and_si256(shifted, nibble);
                if FIFTH {
                    let bit = _mm256_set1_epi8((1u8 << group) as i8);
                    let set = _mm256_cmpeq_epi8(_mm256_and_si256(high, bit), bit);
                    numbers = _mm256_or_si256(numbers, _mm256_and_si256(set, _mm256_set1_epi8(16)));
                }
                let y = _mm256_loadu_si256(y.add(group * 32).cast());
                let scale = _mm256_set1_epi16((scales >> (8 * group) & 0xff) as i16);
                let part = _mm256_madd_epi16(_mm256_maddubs_epi16(numbers, y), scale);
                sum = _mm256_add_epi32(sum, part);
            }
        }
        sum
    }
}

/// Sixteen rows of Q4_K (`FIFTH` false) or Q5_K (true) times one input row.
///
/// # Safety
/// `tile` has 16 rows of whole blocks, `input` as many elements, and the processor is [`available`].
#[target_feature(enable = "avx2,fma,f16c")]
pub unsafe fn dot_q45k<const FIFTH: bool>(tile: Tile, input: RowInput, out: &mut [f32; TILE]) {
    let size = if FIFTH { 176 } else { 144 };
    let mut totals = [_mm256_setzero_ps(); 2];
    for block in 0..tile.blocks {
        let mut sums = Sums::ZERO;
        // SAFETY: `block` is below `blocks`: 256 bytes, one scale and 16 sums of the input are there, and for
        // each of the 16 rows a whole block of weights.
        unsafe {
            let y = input.bytes.add(block * 256);
            let groups = _mm256_loadu_si256(input.sums.add(block * 16).cast());
            let groups = _mm256_madd_epi16(groups, _mm256_set1_epi16(1));
            let groups =
                _mm_packs_epi32(_mm256_castsi256_si128(groups), _mm256_extracti128_si256::<1>(groups));
            for four in 0..4 {
                let mut rows = [_mm256_setzero_si256(); 4];
                let mut below = [_mm_setzero_si128(); 4];
                for i in 0..4 {
                    let row = four * 4 + i;
                    let at = tile.weights.add(row * tile.stride + block * size);
                    prefetch(tile, block * TILE + row, size);
                    sums.d[row] = at.cast::<u16>().read_unaligned();
                    sums.m[row] = at.add(2).cast::<u16>().read_unaligned();
                    let (scales, minima) = packed_scales(at.add(4));
                    below[i] = _mm_madd_epi16(_mm_cvtepu8_epi16(_mm_cvtsi64_si128(minima as i64)), groups);
                    rows[i] = row_q45k::<FIFTH>(at, y, scales);
                }
                let products = add_across(rows[0], rows[1], rows[2], rows[3]);
                let below =
                    _mm_hadd_epi32(_mm_hadd_epi32(below[0], below[1]), _mm_hadd_epi32(below[2], below[3]));
                _mm_storeu_si128(sums.products.as_mut_ptr().add(four * 4).cast(), products);
                _mm_storeu_si128(sums.below.as_mut_ptr().add(four * 4).cast(), below);
            }
            let e = _mm256_set1_ps(*input.scales.add(block));
            for (half, total) in totals.iter_mut().enumerate() {
                let at = half * 8;
                let d = _mm256_mul_ps(halves(&sums.d, at), e);
                let m = _mm256_mul_ps(halves(&sums.m, at), e);
                *total = _mm256_fmadd_ps(d, floats(&sums.products, at), *total);
                *total = _mm256_fnmadd_ps(m, floats(&sums.below, at), *total);
            }
        }
    }
    store(totals, out);
}

#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn store(totals: [__m256; 2], out: &mut [f32; TILE]) {
    // SAFETY: `out` has 16 floats.
    unsafe {
        _mm256_storeu_ps(out.as_mut_ptr(), totals[0]);
        _mm256_storeu_ps(out.as_mut_ptr().add(8), totals[1]);
    }
}

/// One row's block of Q6_K: lanes of scaled products, less what the numbers are too large by.
///
/// # Safety
/// `at` is a whole block, `y` has 256 bytes.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn row_q6k(at: *const u8, y: *const i8, groups: __m256i) -> __m256i {
    let (nibble, two_bits) = (_mm256_set1_epi8(15), _mm256_set1_epi8(0x30));
    // SAFETY: the caller's promise.
    unsafe {
        let scales = _mm256_cvtepi8_epi16(_mm_loadu_si128(at.add(192).cast()));
        let mut sum = _mm256_setzero_si256();
        for half in 0..2 {
            let low = [
                _mm256_loadu_si256(at.add(half * 64).cast()),
                _mm256_loadu_si256(at.add(half * 64 + 32).cast()),
            ];
            let high = _mm256_loadu_si256(at.add(128 + half * 32).cast());
            let highs = [
                _mm256_slli_epi16::<4>(high),
                _mm256_slli_epi16::<2>(high),
                high,
                _mm256_srli_epi16::<2>(high),
            ];
            for group in 0..4 {
                let packed = low[group % 2];
                let shifted = if group < 2 { packed } else { _mm256_srli_epi16::<4>(packed) };
                let numbers = _mm256_or_si256(
                    _mm256_and_si256(shifted, nibble),
                    _mm256_and_si256(highs[group], two_bits),
                );
                let y = _mm256_loadu_si256(y.add(half * 128 + group * 32).cast());
                let first = half * 8 + group * 2;
                let scale = _mm256_set_m128i(
                    _mm_set1_epi16(i16::from(*at.add(193 + first).cast::<i8>())),
                    _mm_set1_epi16(i16::from(*at.add(192 + first).cast::<i8>())),
                );
                let part = _mm256_madd_epi16(_mm256_maddubs_epi16(numbers, y), scale);
                sum = _mm256_add_epi32(sum, part);
            }
        }
        _mm256_sub_epi32(sum, _mm256_slli_epi32::<5>(_mm256_madd_epi16(scales, groups)))
    }
}

/// Sixteen rows of Q6_K times one input row.
///
/// # Safety
/// As [`dot_q45k`].
#[target_feature(enable = "avx2,fma,f16c")]
pub unsafe fn dot_q6k(tile: Tile, input: RowInput, out: &mut [f32; TILE]) {
    const SIZE: usize = 210;
    let mut totals = [_mm256_setzero_ps(); 2];
    for block in 0..tile.blocks {
        let mut sums = Sums::ZERO;
        // SAFETY: as in `dot_q45k`.
        unsafe {
            let y = input.bytes.add(block * 256);
            let groups = _mm256_loadu_si256(input.sums.add(block * 16).cast());
            for four in 0..4 {
                let mut rows = [_mm256_setzero_si256(); 4];
                for i in 0..4 {
                    let row = four * 4 + i;
                    let at = tile.weights.add(row * tile.stride + block * SIZE);
                    prefetch(tile, block * TILE + row, SIZE);
                    sums.d[row] = at.add(208).cast::<u16>().read_unaligned();
                    rows[i] = row_q6k(at, y, groups);
                }
                let products = add_across(rows[0], rows[1], rows[2], rows[3]);
                _mm_storeu_si128(sums.products.as_mut_ptr().add(four * 4).cast(), products);
            }
            let e = _mm256_set1_ps(*input.scales.add(block));
            for (half, total) in totals.iter_mut().enumerate() {
                let d = _mm256_mul_ps(halves(&sums.d, half * 8), e);
                *total = _mm256_fmadd_ps(d, floats(&sums.products, half * 8), *total);
            }
        }
    }
    store(totals, out);
}

/// A quantization in blocks of 32, by what its loads do.
pub trait Single {
    /// Bytes of a block.
    const SIZE: usize;
    /// What the stored numbers are too large by.
    const OFFSET: i32;
    /// Whether a block has a minimum after its scale.
    const MINIMUM: bool;

    /// Lanes of sums of products of a block's 32 numbers with 32 bytes.
    ///
    /// # Safety
    /// `block` is a whole block, and the processor is [`available`].
    unsafe fn products(block: *const u8, y: __m256i) -> __m256i;
}

/// Sums of four products of unsigned numbers below 128 with signed bytes.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn products(numbers: __m256i, y: __m256i) -> __m256i {
    _mm256_madd_epi16(_mm256_maddubs_epi16(numbers, y), _mm256_set1_epi16(1))
}

/// Sixteen packed bytes as 32 halves of bytes.
///
/// # Safety
/// `at` has 16 readable bytes.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn nibbles(at: *const u8) -> __m256i {
    // SAFETY: the caller's promise.
    let packed = unsafe { _mm_loadu_si128(at.cast()) };
    _mm256_and_si256(_mm256_set_m128i(_mm_srli_epi16::<4>(packed), packed), _mm256_set1_epi8(15))
}

/// Adds 16 to the numbers whose bit is set.
///
/// # Safety
/// `bits` has four readable bytes.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn add_fifth_bits(numbers: __m256i, bits: *const u8) -> __m256i {
    // SAFETY: the caller's promise.
    let bits = _mm256_set1_epi32(unsafe { bits.cast::<i32>().read_unaligned() });
    // Byte `i` of the bits for the numbers 8i to 8i + 7, then one bit for each of those.
    let spread = _mm256_setr_epi64x(0, 0x0101_0101_0101_0101, 0x0202_0202_0202_0202, 0x0303_0303_0303_0303);
    let one = _mm256_set1_epi64x(0x8040_2010_0804_0201_u64 as i64);
    let set = _mm256_cmpeq_epi8(_mm256_and_si256(_mm256_shuffle_epi8(bits, spread), one), one);
    _mm256_or_si256(numbers, _mm256_and_si256(set, _mm256_set1_epi8(16)))
}

macro_rules! singles {
    ($name:ident, $what:literal, $size:literal, $offset:literal, $minimum:literal, |$at:ident, $y:ident| $sum:expr) => {
        #[doc = $what]
        pub struct $name;

        impl Single for $name {
            const SIZE: usize = $size;
            const OFFSET: i32 = $offset;
            const MINIMUM: bool = $minimum;

            #[inline]
            #[target_feature(enable = "avx2,fma,f16c")]
            unsafe fn products($at: *const u8, $y: __m256i) -> __m256i {
                // SAFETY: reads lie inside the whole block that the caller promises.
                unsafe { $sum }
            }
        }
    };
}

singles!(Q40, "Q4_0.", 18, 8, false, |at, y| products(nibbles(at.add(2)), y));
singles!(Q41, "Q4_1.", 20, 0, true, |at, y| products(nibbles(at.add(4)), y));
singles!(Q50, "Q5_0.", 22, 16, false, |at, y| products(add_fifth_bits(nibbles(at.add(6)), at.add(2)), y));
singles!(Q51, "Q5_1.", 24, 0, true, |at, y| products(add_fifth_bits(nibbles(at.add(8)), at.add(4)), y));
// |−128| as an unsigned byte times 127, twice, still fits 16 bits.
singles!(Q80, "Q8_0.", 34, 0, false, |at, y| {
    let numbers = _mm256_loadu_si256(at.add(2).cast());
    products(_mm256_abs_epi8(numbers), _mm256_sign_epi8(y, numbers))
});

/// Sixteen rows in blocks of 32 times one input row.
///
/// # Safety
/// As [`dot_q45k`].
#[target_feature(enable = "avx2,fma,f16c")]
pub unsafe fn dot_32<S: Single>(tile: Tile, input: RowInput, out: &mut [f32; TILE]) {
    let mut totals = [_mm256_setzero_ps(); 2];
    for block in 0..tile.blocks {
        let mut sums = Sums::ZERO;
        // SAFETY: `block` is below `blocks`: 32 bytes, one scale and one sum of the input are there, and for
        // each of the 16 rows a whole block of weights.
        unsafe {
            let y = _mm256_loadu_si256(input.bytes.add(block * 32).cast());
            let sum = i32::from(*input.sums.add(block));
            let offset = _mm_set1_epi32(S::OFFSET * sum);
            for four in 0..4 {
                let mut rows = [_mm256_setzero_si256(); 4];
                for i in 0..4 {
                    let row = four * 4 + i;
                    let at = tile.weights.add(row * tile.stride + block * S::SIZE);
                    prefetch(tile, block * TILE + row, S::SIZE);
                    sums.d[row] = at.cast::<u16>().read_unaligned();
                    if S::MINIMUM {
                        sums.m[row] = at.add(2).cast::<u16>().read_unaligned();
                    }
                    rows[i] = S::products(at, y);
                }
                let products = _mm_sub_epi32(add_across(rows[0], rows[1], rows[2], rows[3]), offset);
                _mm_storeu_si128(sums.products.as_mut_ptr().add(four * 4).cast(), products);
            }
            let e = *input.scales.add(block);
            for (half, total) in totals.iter_mut().enumerate() {
                let d = _mm256_mul_ps(halves(&sums.d, half * 8), _mm256_set1_ps(e));
                *total = _mm256_fmadd_ps(d, floats(&sums.products, half * 8), *total);
                if S::MINIMUM {
                    let below = _mm256_set1_ps(e * sum as f32);
                    *total = _mm256_fmadd_ps(halves(&sums.m, half * 8), below, *total);
                }
            }
        }
    }
    store(totals, out);
}

/// Sixteen rows times several input rows, one input row at a time while the weights are near.
macro_rules! each_row {
    ($name:ident, [$($generic:tt)*], $dot:expr, $block:expr, $span:expr) => {
        #[doc = "Sixteen rows times several input rows, one after the other while the weights are near."]
        #[doc = ""]
        #[doc = "# Safety"]
        #[doc = "As [`dot_q45k`], for every input row."]
        #[target_feature(enable = "avx2,fma,f16c")]
        pub unsafe fn $name<$($generic)*>(tile: Tile, inputs: Inputs, out: &mut [[f32; TILE]]) {
            for (row, out) in out.iter_mut().enumerate() {
                // SAFETY: the caller's promise; a row has `cols` bytes and one scale a block.
                unsafe {
                    let input = RowInput {
                        bytes: inputs.bytes.add(row * inputs.cols),
                        scales: inputs.scales.add(row * inputs.cols / $block),
                        sums: inputs.sums.add(row * inputs.cols / $span),
                    };
                    $dot(tile, input, out);
                }
            }
        }
    };
}

each_row!(rows_q45k, [const FIFTH: bool], dot_q45k::<FIFTH>, 256, 16);
each_row!(rows_q6k, [], dot_q6k, 256, 16);
each_row!(rows_32, [S: Single], dot_32::<S>, 32, 32);
