//! Which routines multiply a quantization on this machine, found out once when a model is loaded.

#![expect(unsafe_code, reason = "calls the kernels for the processor that was detected")]

#[cfg(target_arch = "x86_64")]
use super::avx2;
#[cfg(target_arch = "x86_64")]
use super::avx2_tiles;
#[cfg(target_arch = "x86_64")]
use super::avx512;
#[cfg(target_arch = "x86_64")]
use super::avx512_tiles;
use super::input::Quantized;
#[cfg(target_arch = "aarch64")]
use super::neon;
use super::{Form, Inputs, RowInput, TILE, Tile};
use candle_core::quantized::GgmlDType;

/// Instruction sets that there are kernels for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Machine {
    /// Nothing special: the definition itself.
    Plain,
    /// x86-64 with AVX2, FMA and F16C.
    #[cfg(target_arch = "x86_64")]
    Avx2,
    /// x86-64 with AVX-512 and VNNI.
    #[cfg(target_arch = "x86_64")]
    Avx512,
    /// ARM with NEON.
    #[cfg(target_arch = "aarch64")]
    Neon,
    /// ARM with NEON and the dot-product instructions.
    #[cfg(target_arch = "aarch64")]
    NeonDot,
}

impl Machine {
    /// The best that this processor has.
    pub fn detect() -> Machine {
        #[cfg(target_arch = "x86_64")]
        if avx512::available() {
            return Machine::Avx512;
        } else if avx2::available() {
            return Machine::Avx2;
        }
        #[cfg(target_arch = "aarch64")]
        if neon::dot_available() {
            return Machine::NeonDot;
        } else if neon::available() {
            return Machine::Neon;
        }
        Machine::Plain
    }

    /// All that this processor has, the plain one first.
    #[cfg(test)]
    pub fn all() -> Vec<Machine> {
        let mut all = vec![Machine::Plain];
        #[cfg(target_arch = "x86_64")]
        {
            all.extend(avx2::available().then_some(Machine::Avx2));
            all.extend(avx512::available().then_some(Machine::Avx512));
        }
        #[cfg(target_arch = "aarch64")]
        {
            all.extend(neon::available().then_some(Machine::Neon));
            all.extend(neon::dot_available().then_some(Machine::NeonDot));
        }
        all
    }
}

type DotFn = unsafe fn(Tile, RowInput, &mut [f32; TILE]);
type TileFn = unsafe fn(Tile, Inputs, &mut [[f32; TILE]]);

/// The two routines of a quantization: for one input row and for several.
#[derive(Clone, Copy)]
pub struct Routines {
    one: DotFn,
    many: TileFn,
}

impl Routines {
    /// Multiplies sixteen rows with `out.len()` rows of `input` from `from` on.
    pub fn multiply(&self, tile: Tile, input: &Quantized, from: usize, out: &mut [[f32; TILE]]) {
        let (bytes, scales, sums) = input.rows_from(from);
        let (bytes, scales, sums) = (bytes.as_ptr(), scales.as_ptr(), sums.as_ptr());
        // SAFETY: a `Routines` is only made for a machine that has the instructions; the caller in
        // `multiply_tile` hands in sixteen rows of whole blocks from the mapped matrix, and an input of as
        // many columns and at least `from` rows more than `out`.
        unsafe {
            match out {
                [out] => (self.one)(tile, RowInput { bytes, scales, sums }, out),
                _ => (self.many)(tile, Inputs { bytes, scales, sums, cols: input.cols }, out),
            }
        }
    }
}

/// How a quantization is multiplied here.
#[derive(Clone, Copy)]
pub struct Kernel {
    form: Form,
    routines: Option<Routines>,
}

impl Kernel {
    /// The kernel of `dtype` on `machine`.
    pub fn new(dtype: GgmlDType, machine: Machine) -> Kernel {
        use GgmlDType::*;
        let routines = match machine {
            #[cfg(target_arch = "x86_64")]
            Machine::Avx2 => avx2_routines(dtype),
            #[cfg(target_arch = "x86_64")]
            Machine::Avx512 => avx512_routines(dtype),
            #[cfg(target_arch = "aarch64")]
            Machine::Neon => neon_routines::<false>(dtype),
            #[cfg(target_arch = "aarch64")]
            Machine::NeonDot => neon_routines::<true>(dtype),
            _ => None,
        };
        let form = match (routines, dtype) {
            // Where there are no kernels of ours, candle's own are better than the definition.
            (None, _) => Form::Candle(dtype),
            (Some(_), Q4_0 | Q4_1 | Q5_0 | Q5_1 | Q8_0) => Form::Blocks32,
            (Some(_), _) => Form::Blocks256,
        };
        Kernel { form, routines }
    }

    /// The form its inputs must have.
    pub fn form(&self) -> Form {
        self.form
    }

    /// Its routines, unless the definition has to do.
    pub fn routines(&self) -> Option<Routines> {
        self.routines
    }
}

#[cfg(target_arch = "x86_64")]
fn avx512_routines(dtype: GgmlDType) -> Option<Routines> {
    use avx512::{Q40, Q41, Q50, Q51, Q80, dot_32, dot_q6k, dot_q45k};
    use avx512_tiles::{Q6K, Q45K, tile_32, tile_256};
    let (one, many): (DotFn, TileFn) = match dtype {
        GgmlDType::Q4_0 => (dot_32::<Q40>, tile_32::<Q40>),
        GgmlDType::Q4_1 => (dot_32::<Q41>, tile_32::<Q41>),
        GgmlDType::Q5_0 => (dot_32::<Q50>, tile_32::<Q50>),
        GgmlDType::Q5_1 => (dot_32::<Q51>, tile_32::<Q51>),
        GgmlDType::Q8_0 => (dot_32::<Q80>, tile_32::<Q80>),
        GgmlDType::Q4K => (dot_q45k::<false>, tile_256::<Q45K<false>>),
        GgmlDType::Q5K => (dot_q45k::<true>, tile_256::<Q45K<true>>),
        GgmlDType::Q6K => (dot_q6k, tile_256::<Q6K>),
        _ => return None,
    };
    Some(Routines { one, many })
}

#[cfg(target_arch = "x86_64")]
fn avx2_routines(dtype: GgmlDType) -> Option<Routines> {
    use avx2::{Q40, Q41, Q50, Q51, Q80, dot_32, dot_q6k, dot_q45k};
    use avx2_tiles::{Q6K, Q45K, tile_32, tile_256};
    let (one, many): (DotFn, TileFn) = match dtype {
        GgmlDType::Q4_0 => (dot_32::<Q40>, tile_32::<Q40>),
        GgmlDType::Q4_1 => (dot_32::<Q41>, tile_32::<Q41>),
        GgmlDType::Q5_0 => (dot_32::<Q50>, tile_32::<Q50>),
        GgmlDType::Q5_1 => (dot_32::<Q51>, tile_32::<Q51>),
        GgmlDType::Q8_0 => (dot_32::<Q80>, tile_32::<Q80>),
        GgmlDType::Q4K => (dot_q45k::<false>, tile_256::<Q45K<false>>),
        GgmlDType::Q5K => (dot_q45k::<true>, tile_256::<Q45K<true>>),
        GgmlDType::Q6K => (dot_q6k, tile_256::<Q6K>),
        _ => return None,
    };
    Some(Routines { one, many })
}

#[cfg(target_arch = "aarch64")]
fn neon_routines<const DOT: bool>(dtype: GgmlDType) -> Option<Routines> {
    use neon::{Blocks, Q6K, Q40, Q41, Q45K, Q50, Q51, Q80, dot, rows};
    fn of<const DOT: bool, const NUMBERS: usize, const SCALES: usize, B: Blocks<NUMBERS, SCALES>>() -> Routines
    {
        Routines { one: dot::<DOT, NUMBERS, SCALES, B>, many: rows::<DOT, NUMBERS, SCALES, B> }
    }
    Some(match dtype {
        GgmlDType::Q4_0 => of::<DOT, 32, 0, Q40>(),
        GgmlDType::Q4_1 => of::<DOT, 32, 0, Q41>(),
        GgmlDType::Q5_0 => of::<DOT, 32, 0, Q50>(),
        GgmlDType::Q5_1 => of::<DOT, 32, 0, Q51>(),
        GgmlDType::Q8_0 => of::<DOT, 32, 0, Q80>(),
        GgmlDType::Q4K => of::<DOT, 256, 8, Q45K<false>>(),
        GgmlDType::Q5K => of::<DOT, 256, 8, Q45K<true>>(),
        GgmlDType::Q6K => of::<DOT, 256, 16, Q6K>(),
        _ => return None,
    })
}
