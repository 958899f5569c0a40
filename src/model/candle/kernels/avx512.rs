//! Products of 16 rows on x86-64 with AVX-512 and VNNI.
//!
//! One input row: each weight row is multiplied along itself, and sixteen rows' vectors of partial sums are
//! added across at once, so that the float part of a block is done for 16 rows in one register. Several
//! input rows: 16 rows of a block are turned so that a register holds four weights of each row, once, and
//! then multiplied with every input. Both give exactly [`super::scalar::dot`].

#![expect(unsafe_code, reason = "instructions of the processor")]

use super::{RowInput, TILE, Tile};
use std::arch::x86_64::*;

/// Whether this processor can run the functions here.
pub fn available() -> bool {
    is_x86_feature_detected!("avx512f")
        && is_x86_feature_detected!("avx512bw")
        && is_x86_feature_detected!("avx512dq")
        && is_x86_feature_detected!("avx512vl")
        && is_x86_feature_detected!("avx512vnni")
        && is_x86_feature_detected!("f16c")
        && is_x86_feature_detected!("fma")
}

/// Adds the lanes of four vectors within each quarter: quarter `i` of the result holds, for each of the four
/// vectors in order, the sum of its quarter `i`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c,fma")]
fn add_in_quarters(v: [__m512i; 4]) -> __m512i {
    let a = _mm512_add_epi32(_mm512_unpacklo_epi32(v[0], v[1]), _mm512_unpackhi_epi32(v[0], v[1]));
    let b = _mm512_add_epi32(_mm512_unpacklo_epi32(v[2], v[3]), _mm512_unpackhi_epi32(v[2], v[3]));
    _mm512_add_epi32(_mm512_unpacklo_epi64(a, b), _mm512_unpackhi_epi64(a, b))
}

/// Adds neighbouring quarters of `u[0..4]`: the sums of the lower halves, then those of the upper halves.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c,fma")]
fn add_in_halves(u: [__m512i; 4]) -> [__m512i; 2] {
    let a =
        _mm512_add_epi32(_mm512_shuffle_i32x4::<0x88>(u[0], u[1]), _mm512_shuffle_i32x4::<0xdd>(u[0], u[1]));
    let b =
        _mm512_add_epi32(_mm512_shuffle_i32x4::<0x88>(u[2], u[3]), _mm512_shuffle_i32x4::<0xdd>(u[2], u[3]));
    [_mm512_shuffle_i32x4::<0x88>(a, b), _mm512_shuffle_i32x4::<0xdd>(a, b)]
}

/// As [`add_in_quarters`] for vectors of four lanes: one sum a vector.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c,fma")]
fn add_four(v: [__m128i; 4]) -> __m128i {
    let a = _mm_add_epi32(_mm_unpacklo_epi32(v[0], v[1]), _mm_unpackhi_epi32(v[0], v[1]));
    let b = _mm_add_epi32(_mm_unpacklo_epi32(v[2], v[3]), _mm_unpackhi_epi32(v[2], v[3]));
    _mm_add_epi32(_mm_unpacklo_epi64(a, b), _mm_unpackhi_epi64(a, b))
}

/// Four quarters as one vector.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c,fma")]
pub(super) fn join_quarters(q: [__m128i; 4]) -> __m512i {
    let low = _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(q[0]), q[1]);
    let high = _mm256_inserti128_si256::<1>(_mm256_castsi128_si256(q[2]), q[3]);
    _mm512_inserti64x4::<1>(_mm512_castsi256_si512(low), high)
}

/// The low 16 bits of each lane as half floats.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c,fma")]
pub(super) fn low_halves(lanes: __m512i) -> __m512 {
    _mm512_cvtph_ps(_mm512_cvtepi32_epi16(lanes))
}

/// The high 16 bits of each lane as half floats.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c,fma")]
pub(super) fn high_halves(lanes: __m512i) -> __m512 {
    low_halves(_mm512_srli_epi32::<16>(lanes))
}

/// Two pieces of 32 bytes as one vector.
///
/// # Safety
/// Both pointers have 32 readable bytes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c,fma")]
pub(super) unsafe fn join(low: *const u8, high: *const u8) -> __m512i {
    // SAFETY: the caller's promise.
    unsafe {
        let low = _mm256_loadu_si256(low.cast());
        _mm512_inserti64x4::<1>(_mm512_castsi256_si512(low), _mm256_loadu_si256(high.cast()))
    }
}

/// Scales and minima of a row's block of Q4_K or Q5_K, from its 12 packed bytes, eight bytes each.
///
/// # Safety
/// `packed` has 12 readable bytes.
#[inline]
unsafe fn packed_scales(packed: *const u8) -> (u64, u64) {
    // SAFETY: the caller's promise.
    let [a, b, c] = unsafe { packed.cast::<[u32; 3]>().read_unaligned() }.map(u32::from_le);
    let scales_low = a & 0x3f3f_3f3f;
    let scales_high = (c & 0x0f0f_0f0f) | (a >> 2 & 0x3030_3030);
    let minima_low = b & 0x3f3f_3f3f;
    let minima_high = (c >> 4 & 0x0f0f_0f0f) | (b >> 2 & 0x3030_3030);
    (
        u64::from(scales_low) | u64::from(scales_high) << 32,
        u64::from(minima_low) | u64::from(minima_high) << 32,
    )
}

/// Lanes of 16 bits: `a` in the lower half of a vector and `b` in the upper, to pick scales with.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c,fma")]
fn pick(a: i16, b: i16) -> __m512i {
    _mm512_inserti64x4::<1>(_mm512_set1_epi16(a), _mm256_set1_epi16(b))
}

/// As [`pick`] by quarters, `first` to `first + 3`.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c,fma")]
fn pick_quarters(first: i16) -> __m512i {
    join_quarters([0, 1, 2, 3].map(|i| _mm_set1_epi16(first + i)))
}

/// Fetches what lies one tile further on, in order, while this tile is worked on.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c,fma")]
pub(super) fn prefetch(tile: Tile, part: usize, bytes: usize) {
    let next = tile.weights.wrapping_add(TILE * tile.stride + part * bytes);
    // A prefetch of an address that isn't mapped does nothing.
    let mut at = 0;
    while at < bytes {
        _mm_prefetch::<_MM_HINT_T1>(next.wrapping_add(at).cast());
        at += 64;
    }
}

/// One block's part of a row: sums of scaled products, and of minima.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c,fma")]
fn scaled(w: [__m512i; 4], y: [__m512i; 4], scales: __m512i, picks: &[__m512i; 4]) -> __m512i {
    let mut sum = _mm512_setzero_si512();
    for i in 0..4 {
        let products = _mm512_maddubs_epi16(w[i], y[i]);
        sum = _mm512_dpwssd_epi32(sum, products, _mm512_permutexvar_epi16(picks[i], scales));
    }
    sum
}

/// Sixteen rows of Q4_K (`FIFTH` false) or Q5_K (true) times one input row.
///
/// # Safety
/// `tile` has 16 rows of whole blocks, `input` as many elements, and the processor is [`available`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c,fma")]
pub unsafe fn dot_q45k<const FIFTH: bool>(tile: Tile, input: RowInput, out: &mut [f32; TILE]) {
    let size = if FIFTH { 176 } else { 144 };
    let picks = [pick(0, 2), pick(1, 3), pick(4, 6), pick(5, 7)];
    let nibble = _mm512_set1_epi8(15);
    let bits = [(0, 2), (1, 3), (4, 6), (5, 7)]
        .map(|(a, b)| _mm512_inserti64x4::<1>(_mm512_set1_epi8(1 << a), _mm256_set1_epi8((1u8 << b) as i8)));
    let mut total = _mm512_setzero_ps();
    for block in 0..tile.blocks {
        // SAFETY: `block` is below `blocks`: 256 bytes, one scale and 16 sums of the input are there, and
        // for each of the 16 rows a whole block of weights.
        unsafe {
            let y = input.bytes.add(block * 256).cast::<u8>();
            let y = [
                join(y, y.add(64)),
                join(y.add(32), y.add(96)),
                join(y.add(128), y.add(192)),
                join(y.add(160), y.add(224)),
            ];
            let sums = _mm256_loadu_si256(input.sums.add(block * 16).cast());
            let sums = _mm256_cvtepi32_epi16(_mm256_madd_epi16(sums, _mm256_set1_epi16(1)));
            let mut heads = [0u32; TILE];
            let mut products = [_mm512_setzero_si512(); 4];
            let mut minima = [_mm_setzero_si128(); 4];
            for quarter in 0..4 {
                let mut four = [_mm512_setzero_si512(); 4];
                let mut below = [_mm_setzero_si128(); 4];
                for i in 0..4 {
                    let row = quarter * 4 + i;
                    let at = tile.weights.add(row * tile.stride + block * size);
                    prefetch(tile, block * TILE + row, size);
                    heads[row] = at.cast::<u32>().read_unaligned();
                    let (scales, mins) = packed_scales(at.add(4));
                    let scales = _mm_cvtepu8_epi16(_mm_cvtsi64_si128(scales as i64));
                    let mins = _mm_cvtepu8_epi16(_mm_cvtsi64_si128(mins as i64));
                    below[i] = _mm_madd_epi16(mins, sums);
                    let low = at.add(if FIFTH { 48 } else { 16 });
                    let a = _mm512_loadu_si512(low.cast());
                    let b = _mm512_loadu_si512(low.add(64).cast());
                    let mut w = [
                        _mm512_and_si512(a, nibble),
                        _mm512_and_si512(_mm512_srli_epi16::<4>(a), nibble),
                        _mm512_and_si512(b, nibble),
                        _mm512_and_si512(_mm512_srli_epi16::<4>(b), nibble),
                    ];
                    if FIFTH {
                        let high = _mm512_broadcast_i64x4(_mm256_loadu_si256(at.add(16).cast()));
                        for (w, bits) in w.iter_mut().zip(bits) {
                            let set = _mm512_test_epi8_mask(high, bits);
                            *w = _mm512_mask_add_epi8(*w, set, *w, _mm512_set1_epi8(16));
                        }
                    }
                    four[i] = scaled(w, y, _mm512_castsi128_si512(scales), &picks);
                }
                products[quarter] = add_in_quarters(four);
                minima[quarter] = add_four(below);
            }
            let [a, b] = add_in_halves(products);
            let sum = _mm512_cvtepi32_ps(_mm512_add_epi32(a, b));
            let below = _mm512_cvtepi32_ps(join_quarters(minima));
            let heads = _mm512_loadu_si512(heads.as_ptr().cast());
            let e = _mm512_set1_ps(*input.scales.add(block));
            total = _mm512_fmadd_ps(_mm512_mul_ps(low_halves(heads), e), sum, total);
            total = _mm512_fnmadd_ps(_mm512_mul_ps(high_halves(heads), e), below, total);
        }
    }
    // SAFETY: `out` has 16 floats.
    unsafe { _mm512_storeu_ps(out.as_mut_ptr(), total) };
}

/// Sixteen rows of Q6_K times one input row.
///
/// # Safety
/// As [`dot_q45k`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c,fma")]
pub unsafe fn dot_q6k(tile: Tile, input: RowInput, out: &mut [f32; TILE]) {
    const SIZE: usize = 210;
    let picks = [pick_quarters(0), pick_quarters(4), pick_quarters(8), pick_quarters(12)];
    let nibble = _mm512_set1_epi8(15);
    let two_bits = _mm512_set1_epi8(0x30);
    let shift = _mm512_inserti64x4::<1>(_mm512_setzero_si512(), _mm256_set1_epi64x(2));
    let mut total = _mm512_setzero_ps();
    for block in 0..tile.blocks {
        // SAFETY: as in `dot_q45k`.
        unsafe {
            let y = input.bytes.add(block * 256);
            let y = [
                _mm512_loadu_si512(y.cast()),
                _mm512_loadu_si512(y.add(64).cast()),
                _mm512_loadu_si512(y.add(128).cast()),
                _mm512_loadu_si512(y.add(192).cast()),
            ];
            let sums = _mm256_loadu_si256(input.sums.add(block * 16).cast());
            let mut heads = [0u16; TILE];
            let mut products = [_mm512_setzero_si512(); 4];
            for quarter in 0..4 {
                let mut four = [_mm512_setzero_si512(); 4];
                for i in 0..4 {
                    let row = quarter * 4 + i;
                    let at = tile.weights.add(row * tile.stride + block * SIZE);
                    prefetch(tile, block * TILE + row, SIZE);
                    heads[row] = at.add(208).cast::<u16>().read_unaligned();
                    let scales = _mm256_cvtepi8_epi16(_mm_loadu_si128(at.add(192).cast()));
                    let below = _mm256_slli_epi32::<5>(_mm256_madd_epi16(scales, sums));
                    let mut w = [_mm512_setzero_si512(); 4];
                    for half in 0..2 {
                        let low = _mm512_loadu_si512(at.add(half * 64).cast());
                        let high = _mm512_broadcast_i64x4(_mm256_loadu_si256(at.add(128 + half * 32).cast()));
                        // Bits 0 and 1 of each byte in the lower half, 2 and 3 in the upper.
                        let high = _mm512_srlv_epi64(high, shift);
                        let first = _mm512_and_si512(_mm512_slli_epi16::<4>(high), two_bits);
                        let second = _mm512_and_si512(high, two_bits);
                        w[half * 2] = _mm512_or_si512(_mm512_and_si512(low, nibble), first);
                        w[half * 2 + 1] =
                            _mm512_or_si512(_mm512_and_si512(_mm512_srli_epi16::<4>(low), nibble), second);
                    }
                    let sum = scaled(w, y, _mm512_castsi256_si512(scales), &picks);
                    four[i] = _mm512_sub_epi32(sum, _mm512_zextsi256_si512(below));
                }
                products[quarter] = add_in_quarters(four);
            }
            let [a, b] = add_in_halves(products);
            let sum = _mm512_cvtepi32_ps(_mm512_add_epi32(a, b));
            let d = _mm512_cvtph_ps(_mm256_loadu_si256(heads.as_ptr().cast()));
            let e = _mm512_set1_ps(*input.scales.add(block));
            total = _mm512_fmadd_ps(_mm512_mul_ps(d, e), sum, total);
        }
    }
    // SAFETY: `out` has 16 floats.
    unsafe { _mm512_storeu_ps(out.as_mut_ptr(), total) };
}

/// A quantization in blocks of 32, by what its loads do.
pub trait Pairs {
    /// Bytes of a block.
    const SIZE: usize;
    /// What the stored numbers are too large by.
    const OFFSET: i32;
    /// Whether a block has a minimum after its scale.
    const MINIMUM: bool;

    /// The 64 numbers of the blocks at `a` and `b`, in order, as unsigned bytes.
    ///
    /// # Safety
    /// `a` and `b` are whole blocks, and the processor is [`available`].
    unsafe fn load(a: *const u8, b: *const u8) -> __m512i;
}

/// Two times 16 packed bytes as 64 halves of bytes: low, high, low, high.
///
/// # Safety
/// Both pointers have 16 readable bytes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c,fma")]
unsafe fn nibbles(a: *const u8, b: *const u8) -> __m512i {
    // SAFETY: the caller's promise.
    let both = unsafe {
        _mm256_inserti128_si256::<1>(
            _mm256_castsi128_si256(_mm_loadu_si128(a.cast())),
            _mm_loadu_si128(b.cast()),
        )
    };
    let order = _mm512_set_epi64(3, 2, 3, 2, 1, 0, 1, 0);
    let doubled = _mm512_permutexvar_epi64(order, _mm512_castsi256_si512(both));
    let shifts = _mm512_set_epi64(4, 4, 0, 0, 4, 4, 0, 0);
    _mm512_and_si512(_mm512_srlv_epi64(doubled, shifts), _mm512_set1_epi8(15))
}

/// Adds 16 to the numbers whose bit is set.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c,fma")]
fn add_fifth_bits(numbers: __m512i, a: u32, b: u32) -> __m512i {
    let bits = u64::from(a) | u64::from(b) << 32;
    _mm512_mask_add_epi8(numbers, bits, numbers, _mm512_set1_epi8(16))
}

macro_rules! pairs {
    ($name:ident, $what:literal, $size:literal, $offset:literal, $minimum:literal, |$a:ident, $b:ident| $load:expr) => {
        #[doc = $what]
        pub struct $name;

        impl Pairs for $name {
            const SIZE: usize = $size;
            const OFFSET: i32 = $offset;
            const MINIMUM: bool = $minimum;

            #[inline]
            #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c,fma")]
            unsafe fn load($a: *const u8, $b: *const u8) -> __m512i {
                // SAFETY: reads lie inside the two whole blocks that the caller promises.
                unsafe { $load }
            }
        }
    };
}

pairs!(Q40, "Q4_0.", 18, 8, false, |a, b| nibbles(a.add(2), b.add(2)));
pairs!(Q41, "Q4_1.", 20, 0, true, |a, b| nibbles(a.add(4), b.add(4)));
pairs!(Q50, "Q5_0.", 22, 16, false, |a, b| add_fifth_bits(
    nibbles(a.add(6), b.add(6)),
    a.add(2).cast::<u32>().read_unaligned(),
    b.add(2).cast::<u32>().read_unaligned()
));
pairs!(Q51, "Q5_1.", 24, 0, true, |a, b| add_fifth_bits(
    nibbles(a.add(8), b.add(8)),
    a.add(4).cast::<u32>().read_unaligned(),
    b.add(4).cast::<u32>().read_unaligned()
));
pairs!(Q80, "Q8_0.", 34, 128, false, |a, b| _mm512_xor_si512(
    join(a.add(2), b.add(2)),
    _mm512_set1_epi8(-128)
));

/// The scale, and the minimum if there is one, of a block.
///
/// # Safety
/// `block` is a whole block.
#[inline]
pub(super) unsafe fn head<P: Pairs>(block: *const u8) -> u32 {
    // SAFETY: the caller's promise; every block begins with these floats.
    unsafe {
        if P::MINIMUM {
            block.cast::<u32>().read_unaligned()
        } else {
            u32::from(block.cast::<u16>().read_unaligned())
        }
    }
}

/// Adds a block of 32 of sixteen rows to their totals.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c,fma")]
fn add_block<P: Pairs>(total: __m512, sums: __m512i, heads: &[u32; TILE], e: f32, sum: i16) -> __m512 {
    // SAFETY: `heads` has 16 lanes of 32 bits.
    let heads = unsafe { _mm512_loadu_si512(heads.as_ptr().cast()) };
    add_scaled::<P>(total, sums, low_halves(heads), high_halves(heads), e, sum)
}

/// As [`add_block`], with the floats taken apart.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c,fma")]
pub(super) fn add_scaled<P: Pairs>(
    total: __m512,
    sums: __m512i,
    d: __m512,
    m: __m512,
    e: f32,
    sum: i16,
) -> __m512 {
    let sums = _mm512_sub_epi32(sums, _mm512_set1_epi32(P::OFFSET * i32::from(sum)));
    let total = _mm512_fmadd_ps(_mm512_mul_ps(d, _mm512_set1_ps(e)), _mm512_cvtepi32_ps(sums), total);
    if P::MINIMUM { _mm512_fmadd_ps(m, _mm512_set1_ps(e * f32::from(sum)), total) } else { total }
}

/// Sixteen rows in blocks of 32 times one input row.
///
/// # Safety
/// As [`dot_q45k`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c,fma")]
pub unsafe fn dot_32<P: Pairs>(tile: Tile, input: RowInput, out: &mut [f32; TILE]) {
    let mut total = _mm512_setzero_ps();
    let mut block = 0;
    while block < tile.blocks {
        let pair = block + 1 < tile.blocks;
        // SAFETY: `block`, and `block + 1` where `pair` holds, are below `blocks`; where it doesn't, the
        // one block stands for both, and only the half that is its own is used.
        unsafe {
            let y = input.bytes.add(block * 32).cast::<u8>();
            let y = join(y, if pair { y.add(32) } else { y });
            let mut heads = [[0u32; TILE]; 2];
            let mut products = [_mm512_setzero_si512(); 4];
            for quarter in 0..4 {
                let mut four = [_mm512_setzero_si512(); 4];
                for i in 0..4 {
                    let row = quarter * 4 + i;
                    let a = tile.weights.add(row * tile.stride + block * P::SIZE);
                    let b = if pair { a.add(P::SIZE) } else { a };
                    prefetch(tile, (block / 2) * TILE + row, 2 * P::SIZE);
                    heads[0][row] = head::<P>(a);
                    heads[1][row] = head::<P>(b);
                    four[i] = _mm512_dpbusd_epi32(_mm512_setzero_si512(), P::load(a, b), y);
                }
                products[quarter] = add_in_quarters(four);
            }
            let [first, second] = add_in_halves(products);
            total = add_block::<P>(total, first, &heads[0], *input.scales.add(block), *input.sums.add(block));
            if pair {
                let next = block + 1;
                total =
                    add_block::<P>(total, second, &heads[1], *input.scales.add(next), *input.sums.add(next));
            }
        }
        block += 2;
    }
    // SAFETY: `out` has 16 floats.
    unsafe { _mm512_storeu_ps(out.as_mut_ptr(), total) };
}
