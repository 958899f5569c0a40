//! Products of 16 rows on x86-64 with AVX2: each weight row along itself, four rows' sums added across at
//! once. Gives exactly [`super::scalar::dot`].

#![expect(unsafe_code, reason = "instructions of the processor")]

use super::{Inputs, RowInput, TILE, Tile};
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
pub(super) fn prefetch(tile: Tile, part: usize, bytes: usize) {
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

/// One row's block of 256: its numbers, and the scale of each group of 16 in every 16-bit lane of the group.
struct Row256 {
    numbers: [__m256i; 8],
    scales: [__m256i; 8],
}

impl Row256 {
    /// Lanes of scaled products with the 256 bytes at `y`.
    ///
    /// # Safety
    /// `y` has 256 readable bytes, and the processor is [`available`].
    #[inline]
    #[target_feature(enable = "avx2,fma,f16c")]
    unsafe fn products(&self, y: *const i8) -> __m256i {
        let mut sum = _mm256_setzero_si256();
        for group in 0..8 {
            // SAFETY: the caller's promise.
            let y = unsafe { _mm256_loadu_si256(y.add(group * 32).cast()) };
            let products = _mm256_maddubs_epi16(self.numbers[group], y);
            sum = _mm256_add_epi32(sum, _mm256_madd_epi16(products, self.scales[group]));
        }
        sum
    }
}

/// One row's block of Q4_K or Q5_K.
///
/// # Safety
/// `at` is a whole block, and the processor is [`available`].
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn row_q45k<const FIFTH: bool>(at: *const u8, scales: u64) -> Row256 {
    let nibble = _mm256_set1_epi8(15);
    let zero = _mm256_setzero_si256();
    let mut row = Row256 { numbers: [zero; 8], scales: [zero; 8] };
    // SAFETY: the caller's promise.
    let high = if FIFTH { unsafe { _mm256_loadu_si256(at.add(16).cast()) } } else { zero };
    // SAFETY: the caller's promise.
    let low = unsafe { at.add(if FIFTH { 48 } else { 16 }) };
    for pair in 0..4 {
        // SAFETY: the caller's promise.
        let packed = unsafe { _mm256_loadu_si256(low.add(pair * 32).cast()) };
        for half in 0..2 {
            let group = pair * 2 + half;
            let shifted = if half == 0 { packed } else { _mm256_srli_epi16::<4>(packed) };
            let mut numbers = _mm256_and_si256(shifted, nibble);
            if FIFTH {
                let bit = _mm256_set1_epi8((1u8 << group) as i8);
                let set = _mm256_cmpeq_epi8(_mm256_and_si256(high, bit), bit);
                numbers = _mm256_or_si256(numbers, _mm256_and_si256(set, _mm256_set1_epi8(16)));
            }
            row.numbers[group] = numbers;
            row.scales[group] = _mm256_set1_epi16((scales >> (8 * group) & 0xff) as i16);
        }
    }
    row
}

/// Sixteen rows of Q4_K (`FIFTH` false) or Q5_K (true) times one input row.
///
/// # Safety
/// `tile` has 16 rows of whole blocks, `input` as many elements, and the processor is [`available`].
#[target_feature(enable = "avx2,fma,f16c")]
pub unsafe fn dot_q45k<const FIFTH: bool>(tile: Tile, input: RowInput, out: &mut [f32; TILE]) {
    // SAFETY: the caller's promise.
    unsafe { few_q45k::<FIFTH, 1>(tile, input.alone(tile.blocks * 256), 0, out) };
}

/// Sixteen rows of Q4_K (`FIFTH` false) or Q5_K (true) times `N` input rows from `first`; each row of the
/// weights is unpacked once. `out` is the first input row's.
///
/// # Safety
/// As [`dot_q45k`], for each of the input rows; `out` is followed by `N - 1` more.
#[target_feature(enable = "avx2,fma,f16c")]
pub unsafe fn few_q45k<const FIFTH: bool, const N: usize>(
    tile: Tile,
    inputs: Inputs,
    first: usize,
    out: *mut [f32; TILE],
) {
    let size = if FIFTH { 176 } else { 144 };
    let mut totals = [[_mm256_setzero_ps(); 2]; N];
    for block in 0..tile.blocks {
        let (mut sums, mut minima_sums) = ([[0i32; TILE]; N], [[0i32; TILE]; N]);
        // SAFETY: `block` is below `blocks`: 256 bytes, one scale and 16 sums of each input are there, and for
        // each of the 16 rows a whole block of weights.
        unsafe {
            let mut y = [inputs.bytes; N];
            let mut groups = [_mm_setzero_si128(); N];
            for n in 0..N {
                y[n] = inputs.bytes.add((first + n) * inputs.cols + block * 256);
                let sums = inputs.sums.add((first + n) * inputs.cols / 16 + block * 16);
                let pairs = _mm256_madd_epi16(_mm256_loadu_si256(sums.cast()), _mm256_set1_epi16(1));
                groups[n] =
                    _mm_packs_epi32(_mm256_castsi256_si128(pairs), _mm256_extracti128_si256::<1>(pairs));
            }
            let (mut d, mut m) = ([0u16; TILE], [0u16; TILE]);
            for four in 0..4 {
                let mut rows = [[_mm256_setzero_si256(); 4]; N];
                let mut below = [[_mm_setzero_si128(); 4]; N];
                for i in 0..4 {
                    let row = four * 4 + i;
                    let at = tile.weights.add(row * tile.stride + block * size);
                    prefetch(tile, block * TILE + row, size);
                    d[row] = at.cast::<u16>().read_unaligned();
                    m[row] = at.add(2).cast::<u16>().read_unaligned();
                    let (scales, minima) = packed_scales(at.add(4));
                    let minima = _mm_cvtepu8_epi16(_mm_cvtsi64_si128(minima as i64));
                    let numbers = row_q45k::<FIFTH>(at, scales);
                    for n in 0..N {
                        below[n][i] = _mm_madd_epi16(minima, groups[n]);
                        rows[n][i] = numbers.products(y[n]);
                    }
                }
                for n in 0..N {
                    let products = add_across(rows[n][0], rows[n][1], rows[n][2], rows[n][3]);
                    let [a, b, c, d] = below[n];
                    let below = _mm_hadd_epi32(_mm_hadd_epi32(a, b), _mm_hadd_epi32(c, d));
                    _mm_storeu_si128(sums[n].as_mut_ptr().add(four * 4).cast(), products);
                    _mm_storeu_si128(minima_sums[n].as_mut_ptr().add(four * 4).cast(), below);
                }
            }
            for n in 0..N {
                let e = _mm256_set1_ps(*inputs.scales.add((first + n) * inputs.cols / 256 + block));
                for (half, total) in totals[n].iter_mut().enumerate() {
                    let at = half * 8;
                    let (d, m) = (_mm256_mul_ps(halves(&d, at), e), _mm256_mul_ps(halves(&m, at), e));
                    *total = _mm256_fmadd_ps(d, floats(&sums[n], at), *total);
                    *total = _mm256_fnmadd_ps(m, floats(&minima_sums[n], at), *total);
                }
            }
        }
    }
    for (n, totals) in totals.into_iter().enumerate() {
        // SAFETY: `out` has `N` rows.
        store(totals, unsafe { &mut *out.add(n) });
    }
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

/// One row's block of Q6_K, with the scales as one vector.
///
/// # Safety
/// `at` is a whole block, and the processor is [`available`].
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn row_q6k(at: *const u8) -> (Row256, __m256i) {
    let (nibble, two_bits) = (_mm256_set1_epi8(15), _mm256_set1_epi8(0x30));
    let zero = _mm256_setzero_si256();
    let mut row = Row256 { numbers: [zero; 8], scales: [zero; 8] };
    // SAFETY: the caller's promise.
    let bytes = unsafe { _mm_loadu_si128(at.add(192).cast()) };
    let scales = _mm256_cvtepi8_epi16(bytes);
    for half in 0..2 {
        // SAFETY: the caller's promise.
        let low = unsafe {
            [_mm256_loadu_si256(at.add(half * 64).cast()), _mm256_loadu_si256(at.add(half * 64 + 32).cast())]
        };
        // SAFETY: the caller's promise.
        let high = unsafe { _mm256_loadu_si256(at.add(128 + half * 32).cast()) };
        let highs =
            [_mm256_slli_epi16::<4>(high), _mm256_slli_epi16::<2>(high), high, _mm256_srli_epi16::<2>(high)];
        for group in 0..4 {
            let packed = low[group % 2];
            let shifted = if group < 2 { packed } else { _mm256_srli_epi16::<4>(packed) };
            let place = half * 4 + group;
            row.numbers[place] =
                _mm256_or_si256(_mm256_and_si256(shifted, nibble), _mm256_and_si256(highs[group], two_bits));
            // Byte 2 · place for the lower sixteen numbers, the next one for the upper.
            let which = _mm_add_epi8(
                _mm_setr_epi8(0, 0, 0, 0, 0, 0, 0, 0, 1, 1, 1, 1, 1, 1, 1, 1),
                _mm_set1_epi8(2 * place as i8),
            );
            let picked = _mm256_cvtepi8_epi16(_mm_shuffle_epi8(bytes, which));
            row.scales[place] = picked;
        }
    }
    (row, scales)
}

/// Sixteen rows of Q6_K times one input row.
///
/// # Safety
/// As [`dot_q45k`].
#[target_feature(enable = "avx2,fma,f16c")]
pub unsafe fn dot_q6k(tile: Tile, input: RowInput, out: &mut [f32; TILE]) {
    // SAFETY: the caller's promise.
    unsafe { few_q6k::<1>(tile, input.alone(tile.blocks * 256), 0, out) };
}

/// Sixteen rows of Q6_K times `N` input rows from `first`, as [`few_q45k`].
///
/// # Safety
/// As [`few_q45k`].
#[target_feature(enable = "avx2,fma,f16c")]
pub unsafe fn few_q6k<const N: usize>(tile: Tile, inputs: Inputs, first: usize, out: *mut [f32; TILE]) {
    const SIZE: usize = 210;
    let mut totals = [[_mm256_setzero_ps(); 2]; N];
    for block in 0..tile.blocks {
        let mut sums = [[0i32; TILE]; N];
        // SAFETY: as in `few_q45k`.
        unsafe {
            let mut y = [inputs.bytes; N];
            let mut groups = [_mm256_setzero_si256(); N];
            for n in 0..N {
                y[n] = inputs.bytes.add((first + n) * inputs.cols + block * 256);
                let sums = inputs.sums.add((first + n) * inputs.cols / 16 + block * 16);
                groups[n] = _mm256_loadu_si256(sums.cast());
            }
            let mut d = [0u16; TILE];
            for four in 0..4 {
                let mut rows = [[_mm256_setzero_si256(); 4]; N];
                for i in 0..4 {
                    let row = four * 4 + i;
                    let at = tile.weights.add(row * tile.stride + block * SIZE);
                    prefetch(tile, block * TILE + row, SIZE);
                    d[row] = at.add(208).cast::<u16>().read_unaligned();
                    let (numbers, scales) = row_q6k(at);
                    for n in 0..N {
                        let below = _mm256_slli_epi32::<5>(_mm256_madd_epi16(scales, groups[n]));
                        rows[n][i] = _mm256_sub_epi32(numbers.products(y[n]), below);
                    }
                }
                for n in 0..N {
                    let products = add_across(rows[n][0], rows[n][1], rows[n][2], rows[n][3]);
                    _mm_storeu_si128(sums[n].as_mut_ptr().add(four * 4).cast(), products);
                }
            }
            for n in 0..N {
                let e = _mm256_set1_ps(*inputs.scales.add((first + n) * inputs.cols / 256 + block));
                for (half, total) in totals[n].iter_mut().enumerate() {
                    let d = _mm256_mul_ps(halves(&d, half * 8), e);
                    *total = _mm256_fmadd_ps(d, floats(&sums[n], half * 8), *total);
                }
            }
        }
    }
    for (n, totals) in totals.into_iter().enumerate() {
        // SAFETY: `out` has `N` rows.
        store(totals, unsafe { &mut *out.add(n) });
    }
}

/// A quantization in blocks of 32, by what its loads do.
pub trait Single {
    /// Bytes of a block.
    const SIZE: usize;
    /// What the stored numbers are too large by.
    const OFFSET: i32;
    /// Whether a block has a minimum after its scale.
    const MINIMUM: bool;
    /// Whether the numbers are signed bytes.
    const SIGNED: bool;
    /// Vectors of numbers whose products with bytes up to 127 add up in 16 bits; a divisor of 8.
    const STEPS: usize;

    /// The 32 numbers of a block, in order, as bytes.
    ///
    /// # Safety
    /// `block` is a whole block, and the processor is [`available`].
    unsafe fn load(block: *const u8) -> __m256i;
}

/// Sums of four products of unsigned numbers up to 128 with signed bytes.
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
    ($name:ident, $what:literal, $size:literal, $offset:literal, $minimum:literal, $steps:literal, |$at:ident| $load:expr) => {
        #[doc = $what]
        pub struct $name;

        impl Single for $name {
            const SIZE: usize = $size;
            const OFFSET: i32 = $offset;
            const MINIMUM: bool = $minimum;
            const SIGNED: bool = $steps == 1;
            const STEPS: usize = $steps;

            #[inline]
            #[target_feature(enable = "avx2,fma,f16c")]
            unsafe fn load($at: *const u8) -> __m256i {
                // SAFETY: reads lie inside the whole block that the caller promises.
                unsafe { $load }
            }
        }
    };
}

// 8 · 2 · 15 · 127, 4 · 2 · 31 · 127 and 2 · 128 · 127 are below 2^15.
singles!(Q40, "Q4_0.", 18, 8, false, 8, |at| nibbles(at.add(2)));
singles!(Q41, "Q4_1.", 20, 0, true, 8, |at| nibbles(at.add(4)));
singles!(Q50, "Q5_0.", 22, 16, false, 4, |at| add_fifth_bits(nibbles(at.add(6)), at.add(2)));
singles!(Q51, "Q5_1.", 24, 0, true, 4, |at| add_fifth_bits(nibbles(at.add(8)), at.add(4)));
singles!(Q80, "Q8_0.", 34, 0, false, 1, |at| _mm256_loadu_si256(at.add(2).cast()));

/// Sixteen rows in blocks of 32 times one input row.
///
/// # Safety
/// As [`dot_q45k`].
#[target_feature(enable = "avx2,fma,f16c")]
pub unsafe fn dot_32<S: Single>(tile: Tile, input: RowInput, out: &mut [f32; TILE]) {
    // SAFETY: the caller's promise.
    unsafe { few_32::<S, 1>(tile, input.alone(tile.blocks * 32), 0, out) };
}

/// Sixteen rows in blocks of 32 times `N` input rows from `first`, as [`few_q45k`].
///
/// # Safety
/// As [`few_q45k`].
#[target_feature(enable = "avx2,fma,f16c")]
pub unsafe fn few_32<S: Single, const N: usize>(
    tile: Tile,
    inputs: Inputs,
    first: usize,
    out: *mut [f32; TILE],
) {
    let mut totals = [[_mm256_setzero_ps(); 2]; N];
    for block in 0..tile.blocks {
        let mut sums = [[0i32; TILE]; N];
        // SAFETY: `block` is below `blocks`: 32 bytes, one scale and one sum of each input are there, and for
        // each of the 16 rows a whole block of weights.
        unsafe {
            let mut y = [_mm256_setzero_si256(); N];
            for n in 0..N {
                y[n] = _mm256_loadu_si256(inputs.bytes.add((first + n) * inputs.cols + block * 32).cast());
            }
            let (mut d, mut m) = ([0u16; TILE], [0u16; TILE]);
            for four in 0..4 {
                let mut rows = [[_mm256_setzero_si256(); 4]; N];
                for i in 0..4 {
                    let row = four * 4 + i;
                    let at = tile.weights.add(row * tile.stride + block * S::SIZE);
                    prefetch(tile, block * TILE + row, S::SIZE);
                    d[row] = at.cast::<u16>().read_unaligned();
                    if S::MINIMUM {
                        m[row] = at.add(2).cast::<u16>().read_unaligned();
                    }
                    let numbers = S::load(at);
                    for n in 0..N {
                        rows[n][i] = match S::SIGNED {
                            true => products(_mm256_abs_epi8(numbers), _mm256_sign_epi8(y[n], numbers)),
                            false => products(numbers, y[n]),
                        };
                    }
                }
                for n in 0..N {
                    let products = add_across(rows[n][0], rows[n][1], rows[n][2], rows[n][3]);
                    _mm_storeu_si128(sums[n].as_mut_ptr().add(four * 4).cast(), products);
                }
            }
            for n in 0..N {
                let at = (first + n) * inputs.cols / 32 + block;
                let (e, sum) = (*inputs.scales.add(at), i32::from(*inputs.sums.add(at)));
                let offset = _mm256_set1_ps((S::OFFSET * sum) as f32);
                for (half, total) in totals[n].iter_mut().enumerate() {
                    let d = _mm256_mul_ps(halves(&d, half * 8), _mm256_set1_ps(e));
                    // Whole numbers below 2^24: their difference is exact.
                    let products = _mm256_sub_ps(floats(&sums[n], half * 8), offset);
                    *total = _mm256_fmadd_ps(d, products, *total);
                    if S::MINIMUM {
                        let below = _mm256_set1_ps(e * sum as f32);
                        *total = _mm256_fmadd_ps(halves(&m, half * 8), below, *total);
                    }
                }
            }
        }
    }
    for (n, totals) in totals.into_iter().enumerate() {
        // SAFETY: `out` has `N` rows.
        store(totals, unsafe { &mut *out.add(n) });
    }
}
