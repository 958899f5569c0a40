//! Dot products by candle's own routines, for the quantizations that have no kernel here.

use super::super::weights::blocks;
use candle_core::quantized::{GgmlDType, GgmlType, k_quants};

/// One row of a matrix times one input row in candle's form for that type.
pub fn dot(dtype: GgmlDType, cols: usize, row: &[u8], input: &[u8]) -> f32 {
    fn run<T: GgmlType>(cols: usize, row: &[u8], input: &[u8]) -> f32 {
        T::vec_dot(cols, blocks::<T>(row), blocks::<T::VecDotType>(input))
    }
    match dtype {
        GgmlDType::F32 => run::<f32>(cols, row, input),
        GgmlDType::F16 => run::<half::f16>(cols, row, input),
        GgmlDType::BF16 => run::<half::bf16>(cols, row, input),
        GgmlDType::Q4_0 => run::<k_quants::BlockQ4_0>(cols, row, input),
        GgmlDType::Q4_1 => run::<k_quants::BlockQ4_1>(cols, row, input),
        GgmlDType::Q5_0 => run::<k_quants::BlockQ5_0>(cols, row, input),
        GgmlDType::Q5_1 => run::<k_quants::BlockQ5_1>(cols, row, input),
        GgmlDType::Q8_0 => run::<k_quants::BlockQ8_0>(cols, row, input),
        GgmlDType::Q8_1 => run::<k_quants::BlockQ8_1>(cols, row, input),
        GgmlDType::Q2K => run::<k_quants::BlockQ2K>(cols, row, input),
        GgmlDType::Q3K => run::<k_quants::BlockQ3K>(cols, row, input),
        GgmlDType::Q4K => run::<k_quants::BlockQ4K>(cols, row, input),
        GgmlDType::Q5K => run::<k_quants::BlockQ5K>(cols, row, input),
        GgmlDType::Q6K => run::<k_quants::BlockQ6K>(cols, row, input),
        GgmlDType::Q8K => run::<k_quants::BlockQ8K>(cols, row, input),
    }
}
