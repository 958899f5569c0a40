//! The small float operations of a layer, in one order of summation on every machine.

/// Partial sums kept side by side, so that a sum has one order whatever the width of the machine's vectors.
pub const LANES: usize = 16;

/// Adds up lanes pairwise: always in the same order.
#[inline(always)]
pub fn add_lanes(mut lanes: [f32; LANES]) -> f32 {
    let mut width = LANES;
    while width > 1 {
        width /= 2;
        for at in 0..width {
            lanes[at] += lanes[at + width];
        }
    }
    lanes[0]
}

/// e^x to 2 units in the last place; 0 below −87 and infinity above 88.7. Method: Cephes `expf`.
#[inline(always)]
pub fn exp(x: f32) -> f32 {
    // Adding this rounds to the nearest whole number, in the low bits of the sum.
    const MAGIC: f32 = 12_582_912.0;
    let x = if x > 88.7 { 88.7 } else { x };
    let shifted = x * std::f32::consts::LOG2_E + MAGIC;
    let whole = shifted - MAGIC;
    let rest = x - whole * 0.693_359_4 - whole * -2.121_944_4e-4;
    let mut sum = 1.987_569_1e-4;
    for factor in [1.398_199_9e-3, 8.333_452e-3, 4.166_579_6e-2, 1.666_666_5e-1, 0.5] {
        sum = sum * rest + factor;
    }
    let fraction = sum * rest * rest + rest + 1.0;
    let power = (shifted.to_bits() as i32).wrapping_sub(MAGIC.to_bits() as i32);
    let scale = f32::from_bits(((power + 127) as u32) << 23);
    if x < -87.0 { 0.0 } else { fraction * scale }
}

/// gate · sigmoid(gate) · up, into `gate`.
#[inline(always)]
pub fn silu_gate(gate: &mut [f32], up: &[f32]) {
    for (gate, up) in gate.iter_mut().zip(up) {
        *gate = *gate / (1.0 + exp(-*gate)) * up;
    }
}

/// gelu(x) by the tanh approximation (Hendrycks & Gimpel 2016).
#[inline(always)]
fn gelu_of(x: f32) -> f32 {
    const ROOT: f32 = 0.797_884_6; // √(2/π)
    let inner = ROOT * x * (1.0 + 0.044_715 * x * x);
    // (1 + tanh(a)) / 2 = 1 / (1 + e^(−2a)).
    x / (1.0 + exp(-2.0 * inner))
}

/// gelu of each value, in its place.
#[inline(always)]
pub fn gelu(values: &mut [f32]) {
    values.iter_mut().for_each(|value| *value = gelu_of(*value));
}

/// gelu(gate) · up, into `gate`.
#[inline(always)]
pub fn gelu_gate(gate: &mut [f32], up: &[f32]) {
    for (gate, up) in gate.iter_mut().zip(up) {
        *gate = gelu_of(*gate) * up;
    }
}

/// Root-mean-square norm of `input`, times `weight`, into `out`.
#[inline(always)]
pub fn rms_norm(input: &[f32], weight: &[f32], epsilon: f32, out: &mut [f32]) {
    let scale = rms_scale(input, epsilon);
    for ((out, value), weight) in out.iter_mut().zip(input).zip(weight) {
        *out = value * scale * weight;
    }
}

/// As [`rms_norm`], in place.
pub fn rms_norm_in_place(values: &mut [f32], weight: &[f32], epsilon: f32) {
    let scale = rms_scale(values, epsilon);
    for (value, weight) in values.iter_mut().zip(weight) {
        *value = *value * scale * weight;
    }
}

#[inline(always)]
fn rms_scale(values: &[f32], epsilon: f32) -> f32 {
    let mut lanes = [0f32; LANES];
    let chunks = values.chunks_exact(LANES);
    let rest: f32 = chunks.remainder().iter().map(|value| value * value).sum();
    for chunk in chunks {
        for (lane, value) in lanes.iter_mut().zip(chunk) {
            *lane += value * value;
        }
    }
    1.0 / ((add_lanes(lanes) + rest) / values.len() as f32 + epsilon).sqrt()
}

/// `sum[i] += other[i]`.
pub fn add(sum: &mut [f32], other: &[f32]) {
    for (sum, other) in sum.iter_mut().zip(other) {
        *sum += other;
    }
}

/// The index of the largest value, the first of equals; 0 for none.
pub fn argmax(values: &[f32]) -> usize {
    let mut best = 0;
    for (at, value) in values.iter().enumerate() {
        if *value > values[best] {
            best = at;
        }
    }
    best
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn exp_is_within_two_units_in_the_last_place() {
        for step in -870_000..=880_000 {
            let x = step as f32 * 1e-4;
            let right = f64::from(x).exp();
            let found = f64::from(exp(x));
            assert!((found - right).abs() <= right * 2.5e-7, "e^{x}: {found} for {right}");
        }
        assert_eq!(exp(-100.0), 0.0);
        assert_eq!(exp(f32::NEG_INFINITY), 0.0);
        assert_eq!(exp(0.0), 1.0);
    }

    #[test]
    fn gates_follow_their_definitions() {
        for step in -200..=200 {
            let x = step as f32 * 0.1;
            let (mut silu, mut gelu) = ([x], [x]);
            silu_gate(&mut silu, &[2.0]);
            gelu_gate(&mut gelu, &[2.0]);
            let x = f64::from(x);
            let right = 2.0 * x / (1.0 + (-x).exp());
            assert!((f64::from(silu[0]) - right).abs() < 1e-5, "silu of {x}");
            let inner = (2.0 / std::f64::consts::PI).sqrt() * (x + 0.044715 * x * x * x);
            let right = 2.0 * 0.5 * x * (1.0 + inner.tanh());
            assert!((f64::from(gelu[0]) - right).abs() < 1e-5, "gelu of {x}");
        }
    }

    #[test]
    fn a_norm_has_the_root_mean_square_of_its_weight() {
        let input: Vec<f32> = (0..50).map(|i| (i as f32 - 20.0) * 0.3).collect();
        let mut out = vec![0.0; 50];
        rms_norm(&input, &[2.0; 50], 1e-6, &mut out);
        let mean = out.iter().map(|v| v * v).sum::<f32>() / 50.0;
        assert!((mean - 4.0).abs() < 1e-3);
        let mut same = input.clone();
        rms_norm_in_place(&mut same, &[2.0; 50], 1e-6);
        assert_eq!(same, out);
    }
}
