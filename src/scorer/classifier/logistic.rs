//! Logistic regression with an L2 penalty, fitted by L-BFGS: no randomness, sums always in the same order.

/// A turn's features: their indices, ascending, and their values.
pub type Row = Vec<(u32, f32)>;

/// A fitted model.
#[derive(Clone, Debug, PartialEq)]
pub struct Linear {
    /// One weight a feature.
    pub weights: Vec<f64>,
    /// Added to every score; not penalised.
    pub bias: f64,
}

impl Linear {
    /// The log-odds that the model gives a turn.
    pub fn logit(&self, row: &[(u32, f32)]) -> f64 {
        row.iter().fold(self.bias, |sum, &(at, value)| sum + self.weights[at as usize] * f64::from(value))
    }
}

/// How many past steps shape the next one (Nocedal & Wright, Numerical Optimization, 7.2: 3 to 20).
const REMEMBERED: usize = 8;

/// Steps after which the fit is good enough for decisions whatever the gradient says.
const MOST_STEPS: usize = 80;

/// The fit ends when the gradient has shrunk to this share of its first length.
const GRADIENT_SHARE: f64 = 1e-3;

/// A step must bring this share of what the slope promises (Armijo's condition).
const SUFFICIENT: f64 = 1e-4;

/// Fits `labels` from `rows` over `width` features; `cost` weighs the turns' loss against the penalty.
pub fn fit(rows: &[&Row], labels: &[bool], width: usize, cost: f64) -> Linear {
    let problem = Problem { rows, labels, width, cost };
    let mut point = vec![0.0; width + 1];
    let (mut loss, mut gradient) = problem.evaluate(&point);
    let first = length(&gradient);
    let mut memory: Vec<(Vec<f64>, Vec<f64>, f64)> = Vec::new();
    for _ in 0..MOST_STEPS {
        if length(&gradient) <= GRADIENT_SHARE * first {
            break;
        }
        let direction = downhill(&gradient, &memory);
        let slope = dot(&direction, &gradient);
        let mut step = if memory.is_empty() { 1.0 / first.max(1.0) } else { 1.0 };
        let (next, next_loss, next_gradient) = loop {
            let next: Vec<f64> = point.iter().zip(&direction).map(|(x, d)| x + step * d).collect();
            let (next_loss, next_gradient) = problem.evaluate(&next);
            if next_loss <= loss + SUFFICIENT * step * slope || step < 1e-10 {
                break (next, next_loss, next_gradient);
            }
            step *= 0.5;
        };
        let moved: Vec<f64> = next.iter().zip(&point).map(|(new, old)| new - old).collect();
        let turned: Vec<f64> = next_gradient.iter().zip(&gradient).map(|(new, old)| new - old).collect();
        let curvature = dot(&moved, &turned);
        if curvature > 1e-12 {
            if memory.len() == REMEMBERED {
                memory.remove(0);
            }
            memory.push((moved, turned, 1.0 / curvature));
        }
        (point, loss, gradient) = (next, next_loss, next_gradient);
    }
    let bias = point.pop().unwrap_or_default();
    Linear { weights: point, bias }
}

struct Problem<'a> {
    rows: &'a [&'a Row],
    labels: &'a [bool],
    width: usize,
    cost: f64,
}

impl Problem<'_> {
    /// The penalised loss and its gradient; the last coordinate is the bias.
    fn evaluate(&self, point: &[f64]) -> (f64, Vec<f64>) {
        let weights = &point[..self.width];
        let mut gradient: Vec<f64> = weights.to_vec();
        gradient.push(0.0);
        let mut loss = 0.5 * dot(weights, weights);
        for (row, &present) in self.rows.iter().zip(self.labels) {
            let logit =
                row.iter().fold(point[self.width], |sum, &(at, v)| sum + weights[at as usize] * f64::from(v));
            let towards = if present { logit } else { -logit };
            loss += self.cost * softplus(-towards);
            let pull = self.cost * (sigmoid(logit) - f64::from(u8::from(present)));
            for &(at, value) in row.iter() {
                gradient[at as usize] += pull * f64::from(value);
            }
            gradient[self.width] += pull;
        }
        (loss, gradient)
    }
}

/// The quasi-Newton direction by the two-loop recursion.
fn downhill(gradient: &[f64], memory: &[(Vec<f64>, Vec<f64>, f64)]) -> Vec<f64> {
    let mut direction: Vec<f64> = gradient.iter().map(|x| -x).collect();
    let mut shares = Vec::with_capacity(memory.len());
    for (moved, turned, inverse) in memory.iter().rev() {
        let share = inverse * dot(moved, &direction);
        add(&mut direction, turned, -share);
        shares.push(share);
    }
    if let Some((_, turned, inverse)) = memory.last() {
        let scale = 1.0 / (inverse * dot(turned, turned));
        direction.iter_mut().for_each(|x| *x *= scale);
    }
    for ((moved, turned, inverse), share) in memory.iter().zip(shares.iter().rev()) {
        let back = inverse * dot(turned, &direction);
        add(&mut direction, moved, share - back);
    }
    direction
}

fn add(to: &mut [f64], what: &[f64], times: f64) {
    to.iter_mut().zip(what).for_each(|(x, y)| *x += times * y);
}

fn dot(a: &[f64], b: &[f64]) -> f64 {
    a.iter().zip(b).map(|(x, y)| x * y).sum()
}

fn length(a: &[f64]) -> f64 {
    dot(a, a).sqrt()
}

/// The probability of log-odds.
pub fn sigmoid(logit: f64) -> f64 {
    1.0 / (1.0 + (-logit).exp())
}

/// ln(1 + eˣ) without overflow.
pub fn softplus(x: f64) -> f64 {
    if x > 0.0 { x + (-x).exp().ln_1p() } else { x.exp().ln_1p() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_minimum() {
        let rows: Vec<Row> = vec![vec![(0, 1.0)], vec![(0, 1.0), (1, 1.0)], vec![(1, 1.0)], vec![]];
        let rows: Vec<&Row> = rows.iter().collect();
        let labels = [true, true, false, false];
        let found = fit(&rows, &labels, 2, 4.0);
        let problem = Problem { rows: &rows, labels: &labels, width: 2, cost: 4.0 };
        let point = [found.weights[0], found.weights[1], found.bias];
        assert!(length(&problem.evaluate(&point).1) < 1e-2);
        assert!(found.logit(rows[0]) > 0.0 && found.logit(rows[2]) < 0.0);
        assert_eq!(found, fit(&rows, &labels, 2, 4.0));
    }
}
