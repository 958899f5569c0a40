//! Products of 16 rows with several input rows on x86-64 with AVX-512 and VNNI.
//!
//! A block of 16 rows is unpacked once into bytes in which one register holds four neighbouring weights of
//! each row, and that is multiplied with each input row's four bytes, broadcast. See [`super::avx512`].
//!
//! Loops here fill arrays by index: a closure handed to `array::from_fn` is compiled for this instruction
//! set, can't be inlined into a function that isn't, and costs more than the work.

#![expect(unsafe_code, reason = "instructions of the processor")]

use super::avx512::{Pairs, add_scaled, head, high_halves, join_quarters, low_halves, prefetch};
use super::{Inputs, TILE, Tile};
use std::arch::x86_64::*;

/// Sixteen rows' blocks of 256, turned.
#[repr(align(64))]
pub struct Unpacked256 {
    /// Four weights of each row: `[k / 4]`.
    numbers: [__m512i; 64],
    /// The scale of each group of 16, as 32-bit lanes.
    scales: [__m512i; 16],
    /// The minima of two neighbouring groups of 16, as pairs of 16-bit lanes.
    minima: [__m512i; 8],
    /// The blocks' floats.
    d: __m512,
    m: __m512,
}

/// Turns sixteen vectors of sixteen 32-bit lanes.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c,fma")]
fn turn(rows: [__m512i; 16]) -> [__m512i; 16] {
    let mut a = rows;
    for i in 0..8 {
        a[2 * i] = _mm512_unpacklo_epi32(rows[2 * i], rows[2 * i + 1]);
        a[2 * i + 1] = _mm512_unpackhi_epi32(rows[2 * i], rows[2 * i + 1]);
    }
    let mut b = a;
    for i in 0..4 {
        b[4 * i] = _mm512_unpacklo_epi64(a[4 * i], a[4 * i + 2]);
        b[4 * i + 1] = _mm512_unpackhi_epi64(a[4 * i], a[4 * i + 2]);
        b[4 * i + 2] = _mm512_unpacklo_epi64(a[4 * i + 1], a[4 * i + 3]);
        b[4 * i + 3] = _mm512_unpackhi_epi64(a[4 * i + 1], a[4 * i + 3]);
    }
    // b[4g + c] holds, in quarter q, lane 4q + c of rows 4g to 4g + 3.
    let mut out = rows;
    for c in 0..4 {
        let low = _mm512_shuffle_i32x4::<0x44>(b[c], b[4 + c]);
        let high = _mm512_shuffle_i32x4::<0xee>(b[c], b[4 + c]);
        let low2 = _mm512_shuffle_i32x4::<0x44>(b[8 + c], b[12 + c]);
        let high2 = _mm512_shuffle_i32x4::<0xee>(b[8 + c], b[12 + c]);
        out[c] = _mm512_shuffle_i32x4::<0x88>(low, low2);
        out[4 + c] = _mm512_shuffle_i32x4::<0xdd>(low, low2);
        out[8 + c] = _mm512_shuffle_i32x4::<0x88>(high, high2);
        out[12 + c] = _mm512_shuffle_i32x4::<0xdd>(high, high2);
    }
    out
}

/// Sixteen bytes of each of sixteen rows, turned: four vectors of four bytes of each row.
///
/// # Safety
/// `at(row)` has 16 readable bytes for each row.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c,fma")]
unsafe fn turn_16_bytes(at: impl Fn(usize) -> *const u8) -> [__m512i; 4] {
    let mut z = [_mm512_setzero_si512(); 4];
    for (k, z) in z.iter_mut().enumerate() {
        let mut quarters = [_mm_setzero_si128(); 4];
        for (g, quarter) in quarters.iter_mut().enumerate() {
            // SAFETY: the caller's promise.
            *quarter = unsafe { _mm_loadu_si128(at(4 * g + k).cast()) };
        }
        *z = join_quarters(quarters);
    }
    let a = [_mm512_unpacklo_epi32(z[0], z[1]), _mm512_unpackhi_epi32(z[0], z[1])];
    let b = [_mm512_unpacklo_epi32(z[2], z[3]), _mm512_unpackhi_epi32(z[2], z[3])];
    [
        _mm512_unpacklo_epi64(a[0], b[0]),
        _mm512_unpackhi_epi64(a[0], b[0]),
        _mm512_unpacklo_epi64(a[1], b[1]),
        _mm512_unpackhi_epi64(a[1], b[1]),
    ]
}

/// A quantization in blocks of 256.
pub trait Wide {
    /// Whether there are minima beside the scales; if not, the stored numbers are 32 too large.
    const MINIMA: bool;
    /// Groups of 16 that share a scale.
    const SHARED: usize;

    /// Unpacks block `block` of sixteen rows.
    ///
    /// # Safety
    /// `tile` has 16 rows of more than `block` blocks, and the processor is available.
    unsafe fn unpack(tile: Tile, block: usize, out: &mut Unpacked256);
}

/// Q4_K (`FIFTH` false) and Q5_K (true).
pub struct Q45K<const FIFTH: bool>;

impl<const FIFTH: bool> Wide for Q45K<FIFTH> {
    const MINIMA: bool = true;
    const SHARED: usize = 2;

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c,fma")]
    unsafe fn unpack(tile: Tile, block: usize, out: &mut Unpacked256) {
        let size = if FIFTH { 176 } else { 144 };
        // SAFETY: the rows' blocks are there by the caller's promise, and every read lies inside one.
        unsafe {
            let at = |row: usize| tile.weights.add(row * tile.stride + block * size);
            prefetch(tile, block, size * TILE);
            let [heads, a, b, c] = turn_16_bytes(at);
            out.d = low_halves(heads);
            out.m = high_halves(heads);
            let (six, four, two) = (_mm512_set1_epi8(0x3f), _mm512_set1_epi8(0x0f), _mm512_set1_epi8(0x30));
            let upper = |x: __m512i| _mm512_and_si512(_mm512_srli_epi32::<2>(x), two);
            let scales = [_mm512_and_si512(a, six), _mm512_or_si512(_mm512_and_si512(c, four), upper(a))];
            let minima = [
                _mm512_and_si512(b, six),
                _mm512_or_si512(_mm512_and_si512(_mm512_srli_epi32::<4>(c), four), upper(b)),
            ];
            let byte = _mm512_set1_epi32(0xff);
            for j in 0..8 {
                let shift = _mm_cvtsi32_si128(j as i32 % 4 * 8);
                let scale = _mm512_and_si512(_mm512_srl_epi32(scales[j / 4], shift), byte);
                out.scales[2 * j] = scale;
                let minimum = _mm512_and_si512(_mm512_srl_epi32(minima[j / 4], shift), byte);
                out.minima[j] = _mm512_or_si512(minimum, _mm512_slli_epi32::<16>(minimum));
            }
            let nibble = four;
            let high = if FIFTH {
                let mut rows = [_mm512_setzero_si512(); TILE];
                for (row, bits) in rows.iter_mut().enumerate() {
                    *bits = _mm512_zextsi256_si512(_mm256_loadu_si256(at(row).add(16).cast()));
                }
                turn(rows)
            } else {
                [_mm512_setzero_si512(); 16]
            };
            let sixteen = _mm512_set1_epi8(16);
            for half in 0..2 {
                let start = if FIFTH { 48 } else { 16 } + half * 64;
                let mut rows = [_mm512_setzero_si512(); TILE];
                for (row, bytes) in rows.iter_mut().enumerate() {
                    *bytes = _mm512_loadu_si512(at(row).add(start).cast());
                }
                let low = turn(rows);
                for (i, low) in low.into_iter().enumerate() {
                    let group = half * 4 + i / 8 * 2;
                    let mut first = _mm512_and_si512(low, nibble);
                    let mut second = _mm512_and_si512(_mm512_srli_epi16::<4>(low), nibble);
                    if FIFTH {
                        let high = high[i % 8];
                        let bit = |n: usize| _mm512_test_epi8_mask(high, _mm512_set1_epi8((1u8 << n) as i8));
                        first = _mm512_mask_add_epi8(first, bit(group), first, sixteen);
                        second = _mm512_mask_add_epi8(second, bit(group + 1), second, sixteen);
                    }
                    out.numbers[group * 8 + i % 8] = first;
                    out.numbers[group * 8 + 8 + i % 8] = second;
                }
            }
        }
    }
}

/// Q6_K.
pub struct Q6K;

impl Wide for Q6K {
    const MINIMA: bool = false;
    const SHARED: usize = 1;

    #[inline]
    #[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c,fma")]
    unsafe fn unpack(tile: Tile, block: usize, out: &mut Unpacked256) {
        const SIZE: usize = 210;
        // SAFETY: as for Q4_K.
        unsafe {
            let at = |row: usize| tile.weights.add(row * tile.stride + block * SIZE);
            prefetch(tile, block, SIZE * TILE);
            let mut heads = [0u16; TILE];
            for (row, head) in heads.iter_mut().enumerate() {
                *head = at(row).add(208).cast::<u16>().read_unaligned();
            }
            out.d = _mm512_cvtph_ps(_mm256_loadu_si256(heads.as_ptr().cast()));
            let scales = turn_16_bytes(|row| at(row).add(192));
            for (four, scales) in scales.into_iter().enumerate() {
                for i in 0..4 {
                    let left = _mm512_sll_epi32(scales, _mm_cvtsi32_si128(24 - 8 * i as i32));
                    out.scales[four * 4 + i] = _mm512_srai_epi32::<24>(left);
                }
            }
            for j in 0..8 {
                let low = _mm512_and_si512(out.scales[2 * j], _mm512_set1_epi32(0xffff));
                out.minima[j] = _mm512_or_si512(low, _mm512_slli_epi32::<16>(out.scales[2 * j + 1]));
            }
            let (nibble, two_bits) = (_mm512_set1_epi8(15), _mm512_set1_epi8(0x30));
            let mut rows = [_mm512_setzero_si512(); TILE];
            for (row, bytes) in rows.iter_mut().enumerate() {
                *bytes = _mm512_loadu_si512(at(row).add(128).cast());
            }
            let high = turn(rows);
            for half in 0..2 {
                let mut rows = [_mm512_setzero_si512(); TILE];
                for (row, bytes) in rows.iter_mut().enumerate() {
                    *bytes = _mm512_loadu_si512(at(row).add(half * 64).cast());
                }
                let low = turn(rows);
                for (i, low) in low.into_iter().enumerate() {
                    let high = high[half * 8 + i % 8];
                    let (first, second) = if i < 8 {
                        (_mm512_slli_epi32::<4>(high), high)
                    } else {
                        (_mm512_slli_epi32::<2>(high), _mm512_srli_epi32::<2>(high))
                    };
                    let first = _mm512_and_si512(first, two_bits);
                    let second = _mm512_and_si512(second, two_bits);
                    let place = half * 32 + i;
                    out.numbers[place] = _mm512_or_si512(_mm512_and_si512(low, nibble), first);
                    out.numbers[place + 16] =
                        _mm512_or_si512(_mm512_and_si512(_mm512_srli_epi16::<4>(low), nibble), second);
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
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c,fma")]
unsafe fn broadcast(at: *const u8) -> __m512i {
    // SAFETY: the caller's promise.
    _mm512_set1_epi32(unsafe { at.cast::<i32>().read_unaligned() })
}

/// Adds one block of sixteen rows to the totals of `N` input rows from `first`.
///
/// # Safety
/// The inputs have more than `block` blocks and `first + N` rows; `out` has as many.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c,fma")]
unsafe fn add_256<W: Wide, const N: usize>(
    unpacked: &Unpacked256,
    inputs: Inputs,
    block: usize,
    first: usize,
    out: *mut [f32; TILE],
) {
    // SAFETY: the caller's promise; each input has 256 bytes, 16 sums and one scale a block.
    unsafe {
        let mut bytes = [inputs.bytes.cast::<u8>(); N];
        for (n, bytes) in bytes.iter_mut().enumerate() {
            *bytes = bytes.add((first + n) * inputs.cols + block * 256);
        }
        let mut sums = [_mm512_setzero_si512(); N];
        let size = 4 * W::SHARED;
        for group in 0..64 / size {
            let mut part = [_mm512_setzero_si512(); N];
            for k in group * size..(group + 1) * size {
                let numbers = unpacked.numbers[k];
                for n in 0..N {
                    part[n] = _mm512_dpbusd_epi32(part[n], numbers, broadcast(bytes[n].add(4 * k)));
                }
            }
            let scale = unpacked.scales[group * W::SHARED];
            for n in 0..N {
                sums[n] = _mm512_add_epi32(sums[n], _mm512_mullo_epi32(part[n], scale));
            }
        }
        for n in 0..N {
            let row = first + n;
            let group_sums = inputs.sums.add(row * inputs.cols / 16 + block * 16).cast::<u8>();
            let mut below = _mm512_setzero_si512();
            for (j, minima) in unpacked.minima.iter().enumerate() {
                below = _mm512_dpwssd_epi32(below, *minima, broadcast(group_sums.add(4 * j)));
            }
            let e = _mm512_set1_ps(*inputs.scales.add(row * (inputs.cols / 256) + block));
            let total = _mm512_loadu_ps(out.add(row).cast());
            let scale = _mm512_mul_ps(unpacked.d, e);
            let total = if W::MINIMA {
                let total = _mm512_fmadd_ps(scale, _mm512_cvtepi32_ps(sums[n]), total);
                _mm512_fnmadd_ps(_mm512_mul_ps(unpacked.m, e), _mm512_cvtepi32_ps(below), total)
            } else {
                let sum = _mm512_sub_epi32(sums[n], _mm512_slli_epi32::<5>(below));
                _mm512_fmadd_ps(scale, _mm512_cvtepi32_ps(sum), total)
            };
            _mm512_storeu_ps(out.add(row).cast(), total);
        }
    }
}

/// Sixteen rows in blocks of 256 times all input rows.
///
/// # Safety
/// `tile` has 16 rows of whole blocks, `inputs` rows of as many elements, and the processor is available.
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c,fma")]
pub unsafe fn tile_256<W: Wide>(tile: Tile, inputs: Inputs, out: &mut [[f32; TILE]]) {
    let zero = _mm512_setzero_si512();
    let mut unpacked = Unpacked256 {
        numbers: [zero; 64],
        scales: [zero; 16],
        minima: [zero; 8],
        d: _mm512_setzero_ps(),
        m: _mm512_setzero_ps(),
    };
    out.fill([0.0; TILE]);
    let totals = out.as_mut_ptr();
    for block in 0..tile.blocks {
        // SAFETY: `block` is below `blocks`, and `row` advances by what is left of `out`'s rows.
        unsafe {
            W::unpack(tile, block, &mut unpacked);
            let mut row = 0;
            while row + 8 <= out.len() {
                add_256::<W, 8>(&unpacked, inputs, block, row, totals);
                row += 8;
            }
            if row + 4 <= out.len() {
                add_256::<W, 4>(&unpacked, inputs, block, row, totals);
                row += 4;
            }
            if row + 2 <= out.len() {
                add_256::<W, 2>(&unpacked, inputs, block, row, totals);
                row += 2;
            }
            if row < out.len() {
                add_256::<W, 1>(&unpacked, inputs, block, row, totals);
            }
        }
    }
}

/// Two blocks of 32 of sixteen rows, turned.
struct Unpacked32 {
    numbers: [__m512i; 16],
    d: [__m512; 2],
    m: [__m512; 2],
}

/// Unpacks the blocks `block` and, if `pair`, `block + 1`; if not, the first stands for both.
///
/// # Safety
/// `tile` has 16 rows with those blocks.
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c,fma")]
unsafe fn unpack_32<P: Pairs>(tile: Tile, block: usize, pair: bool) -> Unpacked32 {
    let mut heads = [[0u32; TILE]; 2];
    prefetch(tile, block / 2, 2 * P::SIZE * TILE);
    // SAFETY: the caller's promise.
    unsafe {
        let mut rows = [_mm512_setzero_si512(); TILE];
        for (row, numbers) in rows.iter_mut().enumerate() {
            let a = tile.weights.add(row * tile.stride + block * P::SIZE);
            let b = if pair { a.add(P::SIZE) } else { a };
            heads[0][row] = head::<P>(a);
            heads[1][row] = head::<P>(b);
            *numbers = P::load(a, b);
        }
        let first = _mm512_loadu_si512(heads[0].as_ptr().cast());
        let second = _mm512_loadu_si512(heads[1].as_ptr().cast());
        Unpacked32 {
            numbers: turn(rows),
            d: [low_halves(first), low_halves(second)],
            m: [high_halves(first), high_halves(second)],
        }
    }
}

/// Adds one or two blocks of sixteen rows to the totals of `N` input rows from `first`.
///
/// # Safety
/// As [`add_256`].
#[inline]
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c,fma")]
unsafe fn add_32<P: Pairs, const N: usize>(
    unpacked: &Unpacked32,
    blocks: usize,
    inputs: Inputs,
    block: usize,
    first: usize,
    out: *mut [f32; TILE],
) {
    // SAFETY: the caller's promise; each input has 32 bytes, one sum and one scale a block.
    unsafe {
        let mut totals = [_mm512_setzero_ps(); N];
        for (n, total) in totals.iter_mut().enumerate() {
            *total = _mm512_loadu_ps(out.add(first + n).cast());
        }
        for i in 0..blocks {
            let mut bytes = [inputs.bytes.cast::<u8>(); N];
            for (n, bytes) in bytes.iter_mut().enumerate() {
                *bytes = bytes.add((first + n) * inputs.cols + (block + i) * 32);
            }
            let mut sums = [_mm512_setzero_si512(); N];
            for k in 0..8 {
                let numbers = unpacked.numbers[i * 8 + k];
                for n in 0..N {
                    sums[n] = _mm512_dpbusd_epi32(sums[n], numbers, broadcast(bytes[n].add(4 * k)));
                }
            }
            for n in 0..N {
                let at = (first + n) * (inputs.cols / 32) + block + i;
                let (e, sum) = (*inputs.scales.add(at), *inputs.sums.add(at));
                totals[n] = add_scaled::<P>(totals[n], sums[n], unpacked.d[i], unpacked.m[i], e, sum);
            }
        }
        for (n, total) in totals.into_iter().enumerate() {
            _mm512_storeu_ps(out.add(first + n).cast(), total);
        }
    }
}

/// Sixteen rows in blocks of 32 times all input rows.
///
/// # Safety
/// As [`tile_256`].
#[target_feature(enable = "avx512f,avx512bw,avx512vl,avx512dq,avx512vnni,f16c,fma")]
pub unsafe fn tile_32<P: Pairs>(tile: Tile, inputs: Inputs, out: &mut [[f32; TILE]]) {
    out.fill([0.0; TILE]);
    let totals = out.as_mut_ptr();
    let mut block = 0;
    while block < tile.blocks {
        let blocks = (tile.blocks - block).min(2);
        // SAFETY: `block + blocks` is at most `tile.blocks`, and `row` advances by what is left of `out`.
        unsafe {
            let unpacked = unpack_32::<P>(tile, block, blocks == 2);
            let mut row = 0;
            while row + 8 <= out.len() {
                add_32::<P, 8>(&unpacked, blocks, inputs, block, row, totals);
                row += 8;
            }
            if row + 4 <= out.len() {
                add_32::<P, 4>(&unpacked, blocks, inputs, block, row, totals);
                row += 4;
            }
            if row + 2 <= out.len() {
                add_32::<P, 2>(&unpacked, blocks, inputs, block, row, totals);
                row += 2;
            }
            if row < out.len() {
                add_32::<P, 1>(&unpacked, blocks, inputs, block, row, totals);
            }
        }
        block += 2;
    }
}
