//! What a product is multiplied with: rows of floats, and their quantized forms, made once for all matrices.

#![expect(unsafe_code, reason = "sees blocks of numbers as bytes")]

use super::Machine;
use candle_core::quantized::{GgmlDType, GgmlType, k_quants};

/// How a quantization wants its inputs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// Bytes with a scale for 32, for the quantizations of 32-element blocks.
    Blocks32,
    /// Bytes with a scale for 256, for the quantizations of 256-element blocks.
    Blocks256,
    /// candle's own blocks of the type that goes with this one.
    Candle(GgmlDType),
}

/// Rows as signed bytes: `value ≈ scale · byte`, one scale a block.
#[derive(Default)]
pub struct Quantized {
    /// Elements of a block: 32 or 256.
    pub block: usize,
    /// Elements of a row.
    pub cols: usize,
    /// The bytes, from −127 to 127, row after row.
    pub bytes: Vec<i8>,
    /// One a block.
    pub scales: Vec<f32>,
    /// Sums of bytes over 16 elements (blocks of 256) or 32 (blocks of 32).
    pub sums: Vec<i16>,
}

impl Quantized {
    /// Blocks in a row.
    pub fn blocks(&self) -> usize {
        self.cols / self.block
    }

    /// Elements that one of `sums` covers.
    fn sum_span(&self) -> usize {
        if self.block == 32 { 32 } else { 16 }
    }

    /// Bytes, scales and sums of the rows from `row` on.
    pub fn rows_from(&self, row: usize) -> (&[i8], &[f32], &[i16]) {
        let (blocks, sums) = (self.blocks(), self.cols / self.sum_span());
        (&self.bytes[row * self.cols..], &self.scales[row * blocks..], &self.sums[row * sums..])
    }

    /// Bytes, scales and sums of one row.
    pub fn row(&self, row: usize) -> (&[i8], &[f32], &[i16]) {
        let (bytes, scales, sums) = self.rows_from(row);
        (&bytes[..self.cols], &scales[..self.blocks()], &sums[..self.cols / self.sum_span()])
    }

    fn fill(&mut self, machine: Machine, block: usize, cols: usize, floats: &[f32]) {
        self.block = block;
        self.cols = cols;
        let span = self.sum_span();
        self.bytes.resize(floats.len(), 0);
        self.scales.resize(floats.len() / block, 0.0);
        self.sums.resize(floats.len() / span, 0);
        machine.quantize(block, span, floats, &mut self.bytes, &mut self.scales, &mut self.sums);
    }
}

/// The loop of [`Machine::quantize`].
#[inline(always)]
pub fn quantize_body(
    block: usize,
    span: usize,
    floats: &[f32],
    bytes: &mut [i8],
    scales: &mut [f32],
    sums: &mut [i16],
) {
    let blocks = floats.chunks_exact(block).zip(bytes.chunks_exact_mut(block));
    for (((values, bytes), scale), sums) in blocks.zip(scales).zip(sums.chunks_exact_mut(block / span)) {
        *scale = quantize_block(values, bytes);
        for (sum, bytes) in sums.iter_mut().zip(bytes.chunks_exact(span)) {
            *sum = bytes.iter().map(|byte| i16::from(*byte)).sum();
        }
    }
}

/// Rounds a block to −127..=127 of its largest magnitude and returns the scale.
#[inline(always)]
fn quantize_block(values: &[f32], bytes: &mut [i8]) -> f32 {
    const LANES: usize = 16;
    let mut tops = [0f32; LANES];
    for chunk in values.chunks_exact(LANES) {
        for (top, value) in tops.iter_mut().zip(chunk) {
            *top = if value.abs() > *top { value.abs() } else { *top };
        }
    }
    let top = tops.iter().fold(0f32, |top, value| if *value > top { *value } else { top });
    let inverse = if top > 0.0 { 127.0 / top } else { 0.0 };
    // Adding and taking away 1.5·2^23 rounds to the nearest whole number, ties to even, and unlike
    // `round_ties_even` it needs no instruction beyond SSE2 to be done many at a time.
    const MAGIC: f32 = 12_582_912.0;
    for (byte, value) in bytes.iter_mut().zip(values) {
        let rounded = (value * inverse + MAGIC).to_bits() as i32 - MAGIC.to_bits() as i32;
        *byte = rounded as i8;
    }
    top / 127.0
}

/// Rows of one width with their quantized forms.
#[derive(Default)]
pub struct Input {
    rows: usize,
    cols: usize,
    floats: Vec<f32>,
    by_32: Quantized,
    by_256: Quantized,
    candle: Vec<(GgmlDType, Vec<u8>)>,
    ready: Vec<Form>,
}

impl Input {
    /// Makes room for `rows` rows of `cols` and returns it to be filled; forms made before are forgotten.
    pub fn reset(&mut self, rows: usize, cols: usize) -> &mut [f32] {
        self.rows = rows;
        self.cols = cols;
        self.floats.resize(rows * cols, 0.0);
        self.ready.clear();
        &mut self.floats
    }

    /// Rows.
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Makes the quantized form `form`, unless it is there.
    pub fn prepare(&mut self, machine: Machine, form: Form) {
        if self.ready.contains(&form) {
            return;
        }
        match form {
            Form::Blocks32 => self.by_32.fill(machine, 32, self.cols, &self.floats),
            Form::Blocks256 => self.by_256.fill(machine, 256, self.cols, &self.floats),
            Form::Candle(dtype) => {
                let kept = self.candle.iter().position(|(kept, _)| *kept == dtype);
                let (_, mut bytes) = kept.map_or((dtype, Vec::new()), |at| self.candle.swap_remove(at));
                bytes.clear();
                for row in self.floats.chunks_exact(self.cols) {
                    candle_blocks(dtype, row, &mut bytes);
                }
                self.candle.push((dtype, bytes));
            }
        }
        self.ready.push(form);
    }

    /// The rows with a scale for each 32 or 256 elements; [`Input::prepare`] must have made them.
    pub fn quantized(&self, form: Form) -> &Quantized {
        debug_assert!(self.ready.contains(&form));
        if form == Form::Blocks32 { &self.by_32 } else { &self.by_256 }
    }

    /// One row in the form that candle multiplies `dtype` with; [`Input::prepare`] must have made it.
    pub fn candle_row(&self, dtype: GgmlDType, row: usize) -> &[u8] {
        let bytes = self.candle.iter().find(|(kept, _)| *kept == dtype).map_or(&[][..], |(_, bytes)| bytes);
        let size = bytes.len() / self.rows;
        &bytes[row * size..(row + 1) * size]
    }
}

/// Appends a row in the blocks that candle multiplies `dtype` with.
fn candle_blocks(dtype: GgmlDType, row: &[f32], out: &mut Vec<u8>) {
    fn run<T: GgmlType>(row: &[f32], out: &mut Vec<u8>) {
        let mut blocks = vec![T::VecDotType::zeros(); row.len() / T::VecDotType::BLCK_SIZE];
        T::VecDotType::from_float(row, &mut blocks);
        let length = std::mem::size_of_val(&blocks[..]);
        // SAFETY: candle's blocks are `repr(C)` structs of integers and half floats without padding.
        out.extend_from_slice(unsafe { std::slice::from_raw_parts(blocks.as_ptr().cast(), length) });
    }
    match dtype {
        GgmlDType::F32 => run::<f32>(row, out),
        GgmlDType::F16 => run::<half::f16>(row, out),
        GgmlDType::BF16 => run::<half::bf16>(row, out),
        GgmlDType::Q4_0 => run::<k_quants::BlockQ4_0>(row, out),
        GgmlDType::Q4_1 => run::<k_quants::BlockQ4_1>(row, out),
        GgmlDType::Q5_0 => run::<k_quants::BlockQ5_0>(row, out),
        GgmlDType::Q5_1 => run::<k_quants::BlockQ5_1>(row, out),
        GgmlDType::Q8_0 => run::<k_quants::BlockQ8_0>(row, out),
        GgmlDType::Q8_1 => run::<k_quants::BlockQ8_1>(row, out),
        GgmlDType::Q2K => run::<k_quants::BlockQ2K>(row, out),
        GgmlDType::Q3K => run::<k_quants::BlockQ3K>(row, out),
        GgmlDType::Q4K => run::<k_quants::BlockQ4K>(row, out),
        GgmlDType::Q5K => run::<k_quants::BlockQ5K>(row, out),
        GgmlDType::Q6K => run::<k_quants::BlockQ6K>(row, out),
        GgmlDType::Q8K => run::<k_quants::BlockQ8K>(row, out),
    }
}
