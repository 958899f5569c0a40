//! Operations with a gradient in one pass each. Put together from candle's elementwise operations, a step of
//! learning spends more time in passes over memory than in products of matrices.

use candle_core::{
    CpuStorage, CustomOp1, CustomOp2, CustomOp3, Device, Layout, Result, Shape, Storage, Tensor,
};

/// Rows with `bias`, `[D]`, added to each: `[N, D]`.
pub(super) fn add_bias(rows: &Tensor, bias: &Tensor) -> Result<Tensor> {
    rows.apply_op2(bias, AddBias)
}

/// x · Φ(x), with the error function to 1.5e-7 (Abramowitz & Stegun 7.1.26).
pub(super) fn gelu(numbers: &Tensor) -> Result<Tensor> {
    numbers.apply_op1(Gelu)
}

/// Softmax over the last dimension.
pub(super) fn softmax(scores: &Tensor) -> Result<Tensor> {
    scores.apply_op1(Softmax)
}

/// Rows of mean 0 and variance 1, scaled and shifted by `[D]` each: `[N, D]`.
pub(super) fn layer_norm(rows: &Tensor, weight: &Tensor, bias: &Tensor, epsilon: f32) -> Result<Tensor> {
    rows.apply_op3(weight, bias, LayerNorm { epsilon })
}

/// What is stored, where it lies in one piece.
fn numbers<'a>(storage: &'a CpuStorage, layout: &Layout) -> Result<&'a [f32]> {
    let all = storage.as_slice::<f32>()?;
    let (start, end) =
        layout.contiguous_offsets().ok_or(candle_core::Error::Msg("not in one piece".into()))?;
    Ok(&all[start..end])
}

/// Calls `use_them` with the numbers of `tensors`, in order.
fn with<const N: usize, R>(tensors: [&Tensor; N], use_them: impl FnOnce([&[f32]; N]) -> R) -> Result<R> {
    let pieces: Vec<Tensor> = tensors.iter().map(|tensor| tensor.contiguous()).collect::<Result<_>>()?;
    let locks: Vec<_> = pieces.iter().map(Tensor::storage_and_layout).collect();
    let mut slices: [&[f32]; N] = [&[]; N];
    for (slice, (storage, layout)) in slices.iter_mut().zip(&locks) {
        let Storage::Cpu(storage) = &**storage else {
            candle_core::bail!("learning is done on the processor")
        };
        *slice = numbers(storage, layout)?;
    }
    Ok(use_them(slices))
}

fn tensor(numbers: Vec<f32>, shape: &Shape) -> Result<Tensor> {
    Tensor::from_vec(numbers, shape, &Device::Cpu)
}

/// Fewer numbers are done before a thread has started: a turn while it is graded, not a batch to learn from.
const WORTH_A_THREAD: usize = 1 << 18;

/// Fills rows of `width` numbers, a share of them on each core: `fill` gets a row's place and the row.
fn by_row(count: usize, width: usize, fill: impl Fn(usize, &mut [f32]) + Sync) -> Vec<f32> {
    let mut all = vec![0.0f32; count];
    let width = width.max(1);
    let cores =
        if count < WORTH_A_THREAD { 1 } else { std::thread::available_parallelism().map_or(1, usize::from) };
    if cores == 1 {
        all.chunks_mut(width).enumerate().for_each(|(row, out)| fill(row, out));
        return all;
    }
    let share = (count / width).div_ceil(cores).max(1);
    let fill = &fill;
    std::thread::scope(|scope| {
        for (at, part) in all.chunks_mut(share * width).enumerate() {
            scope.spawn(move || {
                part.chunks_mut(width).enumerate().for_each(|(row, out)| fill(at * share + row, out));
            });
        }
    });
    all
}

/// The sum over rows of `width` numbers. On one core, so that it is the same on any number of them.
fn column_sums(rows: &[f32], width: usize) -> Vec<f32> {
    let mut sums = vec![0.0f32; width];
    for row in rows.chunks_exact(width) {
        sums.iter_mut().zip(row).for_each(|(sum, number)| *sum += number);
    }
    sums
}

struct AddBias;

impl CustomOp2 for AddBias {
    fn name(&self) -> &'static str {
        "add-bias"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (rows, bias) = (numbers(s1, l1)?, numbers(s2, l2)?);
        let width = bias.len();
        let sums = by_row(rows.len(), width, |at, out| {
            let row = &rows[at * width..(at + 1) * width];
            out.iter_mut().zip(row.iter().zip(bias)).for_each(|(out, (x, b))| *out = x + b);
        });
        Ok((CpuStorage::F32(sums), l1.shape().clone()))
    }

    fn bwd(
        &self,
        _: &Tensor,
        bias: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>)> {
        let sums = with([grad], |[grad]| column_sums(grad, bias.elem_count()))?;
        Ok((Some(grad.clone()), Some(tensor(sums, bias.shape())?)))
    }
}

/// Φ and φ: the normal distribution's share below `x`, and its density there.
fn normal(x: f32) -> (f32, f32) {
    const DENSITY_AT_0: f32 = 0.398_942_3;
    let z = x.abs() * std::f32::consts::FRAC_1_SQRT_2;
    let t = 1.0 / (1.0 + 0.327_591_1 * z);
    let e = (-z * z).exp();
    let series =
        t * (0.254_829_6 + t * (-0.284_496_74 + t * (1.421_413_7 + t * (-1.453_152 + t * 1.061_405_4))));
    let above = 0.5 * series * e;
    (if x < 0.0 { above } else { 1.0 - above }, DENSITY_AT_0 * e)
}

/// Numbers a thread takes at once where there are no rows.
const STRETCH: usize = 4096;

struct Gelu;

impl CustomOp1 for Gelu {
    fn name(&self) -> &'static str {
        "gelu"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let xs = numbers(storage, layout)?;
        let all = by_row(xs.len(), STRETCH, |at, out| {
            out.iter_mut().zip(&xs[at * STRETCH..]).for_each(|(out, x)| *out = x * normal(*x).0);
        });
        Ok((CpuStorage::F32(all), layout.shape().clone()))
    }

    fn bwd(&self, arg: &Tensor, _: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let all = with([arg, grad], |[xs, grads]| {
            by_row(xs.len(), STRETCH, |at, out| {
                let pairs = xs[at * STRETCH..].iter().zip(&grads[at * STRETCH..]);
                for (out, (x, grad)) in out.iter_mut().zip(pairs) {
                    let (below, density) = normal(*x);
                    *out = grad * (below + x * density);
                }
            })
        })?;
        Ok(Some(tensor(all, arg.shape())?))
    }
}

struct Softmax;

impl CustomOp1 for Softmax {
    fn name(&self) -> &'static str {
        "softmax"
    }

    fn cpu_fwd(&self, storage: &CpuStorage, layout: &Layout) -> Result<(CpuStorage, Shape)> {
        let xs = numbers(storage, layout)?;
        let width = layout.dims().last().copied().unwrap_or(1);
        let all = by_row(xs.len(), width, |at, out| {
            let row = &xs[at * width..(at + 1) * width];
            let most = row.iter().copied().fold(f32::NEG_INFINITY, f32::max);
            out.iter_mut().zip(row).for_each(|(out, x)| *out = (x - most).exp());
            let sum: f32 = out.iter().sum();
            out.iter_mut().for_each(|out| *out /= sum);
        });
        Ok((CpuStorage::F32(all), layout.shape().clone()))
    }

    fn bwd(&self, _: &Tensor, shares: &Tensor, grad: &Tensor) -> Result<Option<Tensor>> {
        let width = shares.dims().last().copied().unwrap_or(1);
        let all = with([shares, grad], |[shares, grads]| {
            by_row(shares.len(), width, |at, out| {
                let (shares, grads) = (&shares[at * width..][..width], &grads[at * width..][..width]);
                let mean: f32 = shares.iter().zip(grads).map(|(share, grad)| share * grad).sum();
                let pairs = shares.iter().zip(grads);
                out.iter_mut().zip(pairs).for_each(|(out, (share, grad))| *out = share * (grad - mean));
            })
        })?;
        Ok(Some(tensor(all, shares.shape())?))
    }
}

struct LayerNorm {
    epsilon: f32,
}

impl LayerNorm {
    /// A row's mean, and one over its deviation.
    fn moments(&self, row: &[f32]) -> (f32, f32) {
        let width = row.len() as f32;
        let mean = row.iter().sum::<f32>() / width;
        let variance = row.iter().map(|x| (x - mean) * (x - mean)).sum::<f32>() / width;
        (mean, 1.0 / (variance + self.epsilon).sqrt())
    }
}

impl CustomOp3 for LayerNorm {
    fn name(&self) -> &'static str {
        "layer-norm"
    }

    fn cpu_fwd(
        &self,
        s1: &CpuStorage,
        l1: &Layout,
        s2: &CpuStorage,
        l2: &Layout,
        s3: &CpuStorage,
        l3: &Layout,
    ) -> Result<(CpuStorage, Shape)> {
        let (rows, weight, bias) = (numbers(s1, l1)?, numbers(s2, l2)?, numbers(s3, l3)?);
        let width = weight.len();
        let all = by_row(rows.len(), width, |at, out| {
            let row = &rows[at * width..(at + 1) * width];
            let (mean, scale) = self.moments(row);
            for (at, out) in out.iter_mut().enumerate() {
                *out = (row[at] - mean) * scale * weight[at] + bias[at];
            }
        });
        Ok((CpuStorage::F32(all), l1.shape().clone()))
    }

    fn bwd(
        &self,
        rows: &Tensor,
        weight: &Tensor,
        _: &Tensor,
        _: &Tensor,
        grad: &Tensor,
    ) -> Result<(Option<Tensor>, Option<Tensor>, Option<Tensor>)> {
        let width = weight.elem_count();
        let (to_rows, to_weight, to_bias) = with([rows, weight, grad], |[rows, weight, grads]| {
            let to_rows = by_row(rows.len(), width, |at, out| {
                let (row, grad) = (&rows[at * width..][..width], &grads[at * width..][..width]);
                let (mean, scale) = self.moments(row);
                let (mut sum, mut along) = (0.0f32, 0.0f32);
                for at in 0..width {
                    let pull = grad[at] * weight[at];
                    sum += pull;
                    along += pull * (row[at] - mean) * scale;
                }
                let (sum, along) = (sum / width as f32, along / width as f32);
                for (at, out) in out.iter_mut().enumerate() {
                    let normal = (row[at] - mean) * scale;
                    *out = scale * (grad[at] * weight[at] - sum - normal * along);
                }
            });
            let mut to_weight = vec![0.0f32; width];
            for (row, grad) in rows.chunks_exact(width).zip(grads.chunks_exact(width)) {
                let (mean, scale) = self.moments(row);
                for at in 0..width {
                    to_weight[at] += grad[at] * (row[at] - mean) * scale;
                }
            }
            (to_rows, to_weight, column_sums(grads, width))
        })?;
        let one = |numbers: Vec<f32>| tensor(numbers, weight.shape());
        Ok((Some(tensor(to_rows, rows.shape())?), Some(one(to_weight)?), Some(one(to_bias)?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use candle_core::Var;
    use candle_nn::ops;

    fn random(shape: &[usize], seed: u32) -> Var {
        let mut state = seed;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 8) as f32 / (1 << 23) as f32 - 1.0
        };
        let numbers: Vec<f32> = (0..shape.iter().product()).map(|_| 2.0 * next()).collect();
        Var::from_vec(numbers, shape, &Device::Cpu).unwrap()
    }

    fn flat(tensor: &Tensor) -> Vec<f32> {
        tensor.flatten_all().unwrap().to_vec1().unwrap()
    }

    /// Ours and candle's must have one result, and one gradient for every argument.
    fn same(ours: Tensor, theirs: Tensor, arguments: &[&Var]) {
        let near = |a: &Tensor, b: &Tensor| {
            let pairs = flat(a).into_iter().zip(flat(b));
            pairs.for_each(|(a, b)| assert!((a - b).abs() < 1e-4 * b.abs().max(1.0), "{a} {b}"));
        };
        near(&ours, &theirs);
        let weights = random(ours.dims(), 99);
        let (ours, theirs) = ((ours * weights.as_tensor()).unwrap(), (theirs * weights.as_tensor()).unwrap());
        let (ours, theirs) = (ours.backward().unwrap(), theirs.backward().unwrap());
        for argument in arguments {
            near(ours.get(argument).unwrap(), theirs.get(argument).unwrap());
        }
    }

    #[test]
    fn results_and_gradients_are_candles() {
        let (rows, weight, bias) = (random(&[7, 12], 1), random(&[12], 2), random(&[12], 3));
        same(add_bias(&rows, &bias).unwrap(), rows.broadcast_add(&bias).unwrap(), &[&rows, &bias]);
        same(gelu(&rows).unwrap(), rows.gelu_erf().unwrap(), &[&rows]);
        same(softmax(&rows).unwrap(), ops::softmax(&rows, 1).unwrap(), &[&rows]);
        let theirs = ops::layer_norm_slow(&rows, &weight, &bias, 1e-12).unwrap();
        same(layer_norm(&rows, &weight, &bias, 1e-12).unwrap(), theirs, &[&rows, &weight, &bias]);
    }

    #[test]
    fn gelu_is_right_far_out_and_across_stretches() {
        let numbers: Vec<f32> = (0..300_000).map(|at| (at as f32 - 150_000.0) / 3000.0).collect();
        let tensor = Tensor::new(numbers, &Device::Cpu).unwrap();
        let (ours, theirs) = (flat(&gelu(&tensor).unwrap()), flat(&tensor.gelu_erf().unwrap()));
        assert!(ours.iter().zip(&theirs).all(|(a, b)| (a - b).abs() < 1e-5 * b.abs().max(1.0)));
    }
}
