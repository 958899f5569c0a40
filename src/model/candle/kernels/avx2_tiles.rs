//! Products of 16 rows with several input rows on x86-64 with AVX2.
//!
//! A block of eight rows is unpacked once into bytes in which one register holds four neighbouring weights of
//! each row, and that is multiplied with each input row's four bytes, broadcast. Products are added up in
//! 16 bits for as long as they fit. Gives exactly [`super::scalar::dot`].
//!
//! Loops here fill arrays by index: a closure handed to `array::from_fn` is compiled for this instruction
//! set, can't be inlined into a function that isn't, and costs more than the work.

#![expect(unsafe_code, reason = "instructions of the processor")]

use super::avx2::{Single, few_32, few_q6k, few_q45k, prefetch};
use super::{Inputs, TILE, Tile};
use std::arch::x86_64::*;

/// Rows whose weights one register holds.
const ROWS: usize = 8;

/// Up to so many input rows, turning the weights costs more than it saves (measured with Q4_K).
const FEW: usize = 7;

/// Evaluates `$call` for `$rows` rows, up to four at a time: `$n` of them (a constant) from `$first`.
macro_rules! by_four {
    ($rows:expr, |$first:ident, $n:ident| $call:expr) => {{
        let mut $first = 0;
        while $first < $rows {
            match $rows - $first {
                1 => {
                    const $n: usize = 1;
                    $call
                }
                2 => {
                    const $n: usize = 2;
                    $call
                }
                3 => {
                    const $n: usize = 3;
                    $call
                }
                _ => {
                    const $n: usize = 4;
                    $call
                }
            }
            $first += 4;
        }
    }};
}

/// Eight rows' blocks of 256, turned.
pub struct Unpacked256 {
    /// Four weights of each row: `[k / 4]`.
    numbers: [__m256i; 64],
    /// The scale of each group of 16, twice in each 32-bit lane.
    scales: [__m256i; 16],
    /// The minima of two neighbouring groups of 16, as pairs of 16-bit lanes.
    minima: [__m256i; 8],
    /// The blocks' floats.
    d: __m256,
    m: __m256,
}

/// Turns eight vectors of eight 32-bit lanes.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn turn(rows: [__m256i; 8]) -> [__m256i; 8] {
    let mut a = rows;
    for i in 0..4 {
        a[2 * i] = _mm256_unpacklo_epi32(rows[2 * i], rows[2 * i + 1]);
        a[2 * i + 1] = _mm256_unpackhi_epi32(rows[2 * i], rows[2 * i + 1]);
    }
    let mut b = a;
    for i in 0..2 {
        b[4 * i] = _mm256_unpacklo_epi64(a[4 * i], a[4 * i + 2]);
        b[4 * i + 1] = _mm256_unpackhi_epi64(a[4 * i], a[4 * i + 2]);
        b[4 * i + 2] = _mm256_unpacklo_epi64(a[4 * i + 1], a[4 * i + 3]);
        b[4 * i + 3] = _mm256_unpackhi_epi64(a[4 * i + 1], a[4 * i + 3]);
    }
    // b[4g + c] holds, in half h, lane 4h + c of rows 4g to 4g + 3.
    let mut out = rows;
    for c in 0..4 {
        out[c] = _mm256_permute2x128_si256::<0x20>(b[c], b[4 + c]);
        out[4 + c] = _mm256_permute2x128_si256::<0x31>(b[c], b[4 + c]);
    }
    out
}

/// Thirty-two bytes of each of eight rows, turned: eight vectors of four bytes of each row.
///
/// # Safety
/// `at(row)` has 32 readable bytes for each row.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn turn_32_bytes(at: impl Fn(usize) -> *const u8) -> [__m256i; 8] {
    let mut rows = [_mm256_setzero_si256(); ROWS];
    for (row, bytes) in rows.iter_mut().enumerate() {
        // SAFETY: the caller's promise.
        *bytes = unsafe { _mm256_loadu_si256(at(row).cast()) };
    }
    turn(rows)
}

/// Sixteen bytes of each of eight rows, turned: four vectors of four bytes of each row.
///
/// # Safety
/// `at(row)` has 16 readable bytes for each row.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn turn_16_bytes(at: impl Fn(usize) -> *const u8) -> [__m256i; 4] {
    let mut z = [_mm256_setzero_si256(); 4];
    for (k, z) in z.iter_mut().enumerate() {
        // SAFETY: the caller's promise.
        *z = unsafe { _mm256_set_m128i(_mm_loadu_si128(at(4 + k).cast()), _mm_loadu_si128(at(k).cast())) };
    }
    let a = [_mm256_unpacklo_epi32(z[0], z[1]), _mm256_unpackhi_epi32(z[0], z[1])];
    let b = [_mm256_unpacklo_epi32(z[2], z[3]), _mm256_unpackhi_epi32(z[2], z[3])];
    [
        _mm256_unpacklo_epi64(a[0], b[0]),
        _mm256_unpackhi_epi64(a[0], b[0]),
        _mm256_unpacklo_epi64(a[1], b[1]),
        _mm256_unpackhi_epi64(a[1], b[1]),
    ]
}

/// The low 16 bits of each lane as half floats.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn low_halves(lanes: __m256i) -> __m256 {
    let low = _mm256_and_si256(lanes, _mm256_set1_epi32(0xffff));
    _mm256_cvtph_ps(_mm_packus_epi32(_mm256_castsi256_si128(low), _mm256_extracti128_si256::<1>(low)))
}

/// The low 16 bits of `low`'s lanes, and those of `high`'s above them.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
fn paired(low: __m256i, high: __m256i) -> __m256i {
    _mm256_blend_epi16::<0xaa>(low, _mm256_slli_epi32::<16>(high))
}

/// A quantization in blocks of 256.
pub trait Wide {
    /// Whether there are minima beside the scales; if not, the stored numbers are 32 too large.
    const MINIMA: bool;
    /// Vectors of numbers whose products with bytes up to 127 add up in 16 bits; a divisor of 8.
    const STEPS: usize;
    /// Bytes of a block.
    const SIZE: usize;

    /// Sixteen rows times `N` input rows from `first`, each row of the weights along itself.
    ///
    /// # Safety
    /// As [`tile_256`]; `out` has `N` rows.
    unsafe fn few<const N: usize>(tile: Tile, inputs: Inputs, first: usize, out: *mut [f32; TILE]);

    /// Unpacks the blocks of eight rows, the first at `weights`, the others `stride` bytes apart.
    ///
    /// # Safety
    /// The eight blocks are whole, and the processor is available.
    unsafe fn unpack(weights: *const u8, stride: usize, out: &mut Unpacked256);
}

/// Q4_K (`FIFTH` false) and Q5_K (true).
pub struct Q45K<const FIFTH: bool>;

impl<const FIFTH: bool> Wide for Q45K<FIFTH> {
    const MINIMA: bool = true;
    // 8 · 2 · 15 · 127 and 4 · 2 · 31 · 127 are below 2^15.
    const STEPS: usize = if FIFTH { 4 } else { 8 };
    const SIZE: usize = if FIFTH { 176 } else { 144 };

    #[inline]
    #[target_feature(enable = "avx2,fma,f16c")]
    unsafe fn few<const N: usize>(tile: Tile, inputs: Inputs, first: usize, out: *mut [f32; TILE]) {
        // SAFETY: the caller's promise.
        unsafe { few_q45k::<FIFTH, N>(tile, inputs, first, out) };
    }

    #[inline]
    #[target_feature(enable = "avx2,fma,f16c")]
    unsafe fn unpack(weights: *const u8, stride: usize, out: &mut Unpacked256) {
        // The rows' blocks are there by the caller's promise, and every read lies inside one.
        // SAFETY: the caller's promise.
        let at = |row: usize| unsafe { weights.add(row * stride) };
        // SAFETY: the caller's promise.
        let [heads, a, b, c] = unsafe { turn_16_bytes(at) };
        out.d = low_halves(heads);
        out.m = low_halves(_mm256_srli_epi32::<16>(heads));
        let (six, nibble, two) = (_mm256_set1_epi8(0x3f), _mm256_set1_epi8(0x0f), _mm256_set1_epi8(0x30));
        let upper = |x: __m256i| _mm256_and_si256(_mm256_srli_epi32::<2>(x), two);
        let scales = [_mm256_and_si256(a, six), _mm256_or_si256(_mm256_and_si256(c, nibble), upper(a))];
        let minima = [
            _mm256_and_si256(b, six),
            _mm256_or_si256(_mm256_and_si256(_mm256_srli_epi32::<4>(c), nibble), upper(b)),
        ];
        let byte = _mm256_set1_epi32(0xff);
        for j in 0..8 {
            let shift = _mm_cvtsi32_si128(j as i32 % 4 * 8);
            let scale = _mm256_and_si256(_mm256_srl_epi32(scales[j / 4], shift), byte);
            out.scales[2 * j] = paired(scale, scale);
            out.scales[2 * j + 1] = out.scales[2 * j];
            let minimum = _mm256_and_si256(_mm256_srl_epi32(minima[j / 4], shift), byte);
            out.minima[j] = paired(minimum, minimum);
        }
        let high = match FIFTH {
            // SAFETY: the caller's promise.
            true => unsafe { turn_32_bytes(|row| at(row).add(16)) },
            false => [_mm256_setzero_si256(); 8],
        };
        let start = if FIFTH { 48 } else { 16 };
        for pair in 0..4 {
            // SAFETY: the caller's promise.
            let packed = unsafe { turn_32_bytes(|row| at(row).add(start + 32 * pair)) };
            for i in 0..8 {
                for (group, shifted) in [packed[i], _mm256_srli_epi16::<4>(packed[i])].into_iter().enumerate()
                {
                    let group = 2 * pair + group;
                    let mut numbers = _mm256_and_si256(shifted, nibble);
                    if FIFTH {
                        let bit = _mm256_set1_epi8((1u8 << group) as i8);
                        let set = _mm256_cmpeq_epi8(_mm256_and_si256(high[i], bit), bit);
                        numbers = _mm256_or_si256(numbers, _mm256_and_si256(set, _mm256_set1_epi8(16)));
                    }
                    out.numbers[group * 8 + i] = numbers;
                }
            }
        }
    }
}

/// Q6_K.
pub struct Q6K;

impl Wide for Q6K {
    const MINIMA: bool = false;
    // 2 · 2 · 63 · 127 is below 2^15.
    const STEPS: usize = 2;
    const SIZE: usize = 210;

    #[inline]
    #[target_feature(enable = "avx2,fma,f16c")]
    unsafe fn few<const N: usize>(tile: Tile, inputs: Inputs, first: usize, out: *mut [f32; TILE]) {
        // SAFETY: the caller's promise.
        unsafe { few_q6k::<N>(tile, inputs, first, out) };
    }

    #[inline]
    #[target_feature(enable = "avx2,fma,f16c")]
    unsafe fn unpack(weights: *const u8, stride: usize, out: &mut Unpacked256) {
        // SAFETY: the caller's promise.
        let at = |row: usize| unsafe { weights.add(row * stride) };
        let mut heads = [0u16; ROWS];
        for (row, head) in heads.iter_mut().enumerate() {
            // SAFETY: the caller's promise.
            *head = unsafe { at(row).add(208).cast::<u16>().read_unaligned() };
        }
        // SAFETY: the caller's promise.
        out.d = _mm256_cvtph_ps(unsafe { _mm_loadu_si128(heads.as_ptr().cast()) });
        // SAFETY: the caller's promise.
        let scales = unsafe { turn_16_bytes(|row| at(row).add(192)) };
        for (four, scales) in scales.into_iter().enumerate() {
            let mut one = [scales; 4];
            for (i, one) in one.iter_mut().enumerate() {
                let left = _mm256_sll_epi32(scales, _mm_cvtsi32_si128(24 - 8 * i as i32));
                *one = _mm256_srai_epi32::<24>(left);
                out.scales[four * 4 + i] = paired(*one, *one);
            }
            out.minima[four * 2] = paired(one[0], one[1]);
            out.minima[four * 2 + 1] = paired(one[2], one[3]);
        }
        let (nibble, two_bits) = (_mm256_set1_epi8(15), _mm256_set1_epi8(0x30));
        for half in 0..2 {
            // SAFETY: the caller's promise.
            let high = unsafe { turn_32_bytes(|row| at(row).add(128 + 32 * half)) };
            for part in 0..2 {
                // SAFETY: the caller's promise.
                let low = unsafe { turn_32_bytes(|row| at(row).add(64 * half + 32 * part)) };
                for i in 0..8 {
                    let (first, second) = match part {
                        0 => (_mm256_slli_epi32::<4>(high[i]), high[i]),
                        _ => (_mm256_slli_epi32::<2>(high[i]), _mm256_srli_epi32::<2>(high[i])),
                    };
                    let upper = _mm256_and_si256(_mm256_srli_epi16::<4>(low[i]), nibble);
                    let place = half * 32 + part * 8 + i;
                    out.numbers[place] =
                        _mm256_or_si256(_mm256_and_si256(low[i], nibble), _mm256_and_si256(first, two_bits));
                    out.numbers[place + 16] = _mm256_or_si256(upper, _mm256_and_si256(second, two_bits));
                }
            }
        }
    }
}

/// Four bytes from `at`, in every lane.
///
/// # Safety
/// `at` has four readable bytes.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn broadcast(at: *const u8) -> __m256i {
    // SAFETY: the caller's promise.
    _mm256_set1_epi32(unsafe { at.cast::<i32>().read_unaligned() })
}

/// Adds one block of eight rows to the totals of `N` input rows from `first`, eight floats each from `out`,
/// [`TILE`] floats apart.
///
/// # Safety
/// The inputs have more than `block` blocks and `first + N` rows; `out` has as many.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn add_256<W: Wide, const N: usize>(
    unpacked: &Unpacked256,
    inputs: Inputs,
    block: usize,
    first: usize,
    out: *mut f32,
) {
    // each input has 256 bytes, 16 sums and one scale a block.
    let mut bytes = [inputs.bytes.cast::<u8>(); N];
    for (n, bytes) in bytes.iter_mut().enumerate() {
        // SAFETY: the caller's promise.
        *bytes = unsafe { bytes.add((first + n) * inputs.cols + block * 256) };
    }
    let mut sums = [_mm256_setzero_si256(); N];
    for chunk in 0..64 / W::STEPS {
        let mut part = [_mm256_setzero_si256(); N];
        for k in chunk * W::STEPS..(chunk + 1) * W::STEPS {
            let numbers = unpacked.numbers[k];
            for n in 0..N {
                // SAFETY: the caller's promise.
                let products = _mm256_maddubs_epi16(numbers, unsafe { broadcast(bytes[n].add(4 * k)) });
                part[n] = _mm256_add_epi16(part[n], products);
            }
        }
        let scale = unpacked.scales[chunk * W::STEPS / 4];
        for n in 0..N {
            sums[n] = _mm256_add_epi32(sums[n], _mm256_madd_epi16(part[n], scale));
        }
    }
    for n in 0..N {
        let row = first + n;
        // SAFETY: the caller's promise.
        let group_sums = unsafe { inputs.sums.add(row * inputs.cols / 16 + block * 16).cast::<u8>() };
        let mut below = _mm256_setzero_si256();
        for (j, minima) in unpacked.minima.iter().enumerate() {
            // SAFETY: the caller's promise.
            let groups = unsafe { broadcast(group_sums.add(4 * j)) };
            below = _mm256_add_epi32(below, _mm256_madd_epi16(*minima, groups));
        }
        // SAFETY: the caller's promise.
        let e = _mm256_set1_ps(unsafe { *inputs.scales.add(row * (inputs.cols / 256) + block) });
        // SAFETY: the caller's promise.
        let at = unsafe { out.add(row * TILE) };
        // SAFETY: the caller's promise.
        let total = unsafe { _mm256_loadu_ps(at) };
        let scale = _mm256_mul_ps(unpacked.d, e);
        let total = if W::MINIMA {
            let total = _mm256_fmadd_ps(scale, _mm256_cvtepi32_ps(sums[n]), total);
            _mm256_fnmadd_ps(_mm256_mul_ps(unpacked.m, e), _mm256_cvtepi32_ps(below), total)
        } else {
            let sum = _mm256_sub_epi32(sums[n], _mm256_slli_epi32::<5>(below));
            _mm256_fmadd_ps(scale, _mm256_cvtepi32_ps(sum), total)
        };
        // SAFETY: the caller's promise.
        unsafe { _mm256_storeu_ps(at, total) };
    }
}

/// Sixteen rows in blocks of 256 times all input rows.
///
/// # Safety
/// `tile` has 16 rows of whole blocks, `inputs` rows of as many elements, and the processor is available.
#[target_feature(enable = "avx2,fma,f16c")]
pub unsafe fn tile_256<W: Wide>(tile: Tile, inputs: Inputs, out: &mut [[f32; TILE]]) {
    if out.len() <= FEW {
        let at = out.as_mut_ptr();
        // SAFETY: the caller's promise; `first` and the rows from it on are rows of `out`.
        unsafe { by_four!(out.len(), |first, N| W::few::<N>(tile, inputs, first, at.add(first))) };
        return;
    }
    let zero = _mm256_setzero_si256();
    let mut unpacked = Unpacked256 {
        numbers: [zero; 64],
        scales: [zero; 16],
        minima: [zero; 8],
        d: _mm256_setzero_ps(),
        m: _mm256_setzero_ps(),
    };
    out.fill([0.0; TILE]);
    let rows = out.len();
    let totals = out.as_mut_ptr().cast::<f32>();
    for block in 0..tile.blocks {
        prefetch(tile, block, W::SIZE * TILE);
        for half in 0..TILE / ROWS {
            // SAFETY: `block` is below `blocks`, `half` names eight of the sixteen rows and eight of the sixteen
            // floats of each of `out`'s rows, and `row` advances by what is left of those.
            unsafe {
                let weights = tile.weights.add(half * ROWS * tile.stride + block * W::SIZE);
                W::unpack(weights, tile.stride, &mut unpacked);
                let totals = totals.add(half * ROWS);
                by_four!(rows, |row, N| add_256::<W, N>(&unpacked, inputs, block, row, totals));
            }
        }
    }
}

/// Eight rows' blocks of 32, turned.
struct Unpacked32 {
    numbers: [__m256i; 8],
    d: __m256,
    m: __m256,
}

/// Unpacks the blocks of eight rows, the first at `weights`, the others `stride` bytes apart.
///
/// # Safety
/// The eight blocks are whole, and the processor is available.
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn unpack_32<S: Single>(weights: *const u8, stride: usize) -> Unpacked32 {
    let mut heads = [[0u16; ROWS]; 2];
    let mut rows = [_mm256_setzero_si256(); ROWS];
    for (row, numbers) in rows.iter_mut().enumerate() {
        // SAFETY: the caller's promise.
        unsafe {
            let at = weights.add(row * stride);
            heads[0][row] = at.cast::<u16>().read_unaligned();
            if S::MINIMUM {
                heads[1][row] = at.add(2).cast::<u16>().read_unaligned();
            }
            *numbers = S::load(at);
        }
    }
    // SAFETY: the caller's promise.
    let d = _mm256_cvtph_ps(unsafe { _mm_loadu_si128(heads[0].as_ptr().cast()) });
    // SAFETY: the caller's promise.
    let m = _mm256_cvtph_ps(unsafe { _mm_loadu_si128(heads[1].as_ptr().cast()) });
    Unpacked32 { numbers: turn(rows), d, m }
}

/// Adds one block of eight rows to the totals of `N` input rows from `first`, as [`add_256`].
///
/// # Safety
/// As [`add_256`].
#[inline]
#[target_feature(enable = "avx2,fma,f16c")]
unsafe fn add_32<S: Single, const N: usize>(
    unpacked: &Unpacked32,
    inputs: Inputs,
    block: usize,
    first: usize,
    out: *mut f32,
) {
    // each input has 32 bytes, one sum and one scale a block.
    let one = _mm256_set1_epi16(1);
    let mut bytes = [inputs.bytes.cast::<u8>(); N];
    for (n, bytes) in bytes.iter_mut().enumerate() {
        // SAFETY: the caller's promise.
        *bytes = unsafe { bytes.add((first + n) * inputs.cols + block * 32) };
    }
    let mut sums = [_mm256_setzero_si256(); N];
    for chunk in 0..8 / S::STEPS {
        let mut part = [_mm256_setzero_si256(); N];
        for k in chunk * S::STEPS..(chunk + 1) * S::STEPS {
            let numbers = unpacked.numbers[k];
            for n in 0..N {
                // SAFETY: the caller's promise.
                let y = unsafe { broadcast(bytes[n].add(4 * k)) };
                let products = match S::SIGNED {
                    true => _mm256_maddubs_epi16(_mm256_abs_epi8(numbers), _mm256_sign_epi8(y, numbers)),
                    false => _mm256_maddubs_epi16(numbers, y),
                };
                part[n] = _mm256_add_epi16(part[n], products);
            }
        }
        for n in 0..N {
            sums[n] = _mm256_add_epi32(sums[n], _mm256_madd_epi16(part[n], one));
        }
    }
    for n in 0..N {
        let at = (first + n) * (inputs.cols / 32) + block;
        // SAFETY: the caller's promise.
        let (e, sum) = unsafe { (*inputs.scales.add(at), i32::from(*inputs.sums.add(at))) };
        // SAFETY: the caller's promise.
        let place = unsafe { out.add((first + n) * TILE) };
        let products = _mm256_sub_epi32(sums[n], _mm256_set1_epi32(S::OFFSET * sum));
        let d = _mm256_mul_ps(unpacked.d, _mm256_set1_ps(e));
        // SAFETY: the caller's promise.
        let mut total = _mm256_fmadd_ps(d, _mm256_cvtepi32_ps(products), unsafe { _mm256_loadu_ps(place) });
        if S::MINIMUM {
            total = _mm256_fmadd_ps(unpacked.m, _mm256_set1_ps(e * sum as f32), total);
        }
        // SAFETY: the caller's promise.
        unsafe { _mm256_storeu_ps(place, total) };
    }
}

/// Sixteen rows in blocks of 32 times all input rows.
///
/// # Safety
/// As [`tile_256`].
#[target_feature(enable = "avx2,fma,f16c")]
pub unsafe fn tile_32<S: Single>(tile: Tile, inputs: Inputs, out: &mut [[f32; TILE]]) {
    if out.len() <= FEW {
        let at = out.as_mut_ptr();
        // SAFETY: the caller's promise; `first` and the rows from it on are rows of `out`.
        unsafe { by_four!(out.len(), |first, N| few_32::<S, N>(tile, inputs, first, at.add(first))) };
        return;
    }
    out.fill([0.0; TILE]);
    let rows = out.len();
    let totals = out.as_mut_ptr().cast::<f32>();
    for block in 0..tile.blocks {
        prefetch(tile, block, S::SIZE * TILE);
        for half in 0..TILE / ROWS {
            // SAFETY: as in `tile_256`.
            unsafe {
                let weights = tile.weights.add(half * ROWS * tile.stride + block * S::SIZE);
                let unpacked = unpack_32::<S>(weights, tile.stride);
                let totals = totals.add(half * ROWS);
                by_four!(rows, |row, N| add_32::<S, N>(&unpacked, inputs, block, row, totals));
            }
        }
    }
}
