//! Choosing the next token: one seeded stream of random numbers a candidate.

use super::super::Sampling;
use super::kernels::Machine;
use super::math;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;

/// Draws one candidate's tokens.
pub struct Sampler {
    sampling: Sampling,
    random: ChaCha8Rng,
    drawn: Vec<u32>,
}

impl Sampler {
    /// The sampler of candidate `index`: its draws don't depend on how many candidates there are.
    pub fn new(sampling: &Sampling, seed: u64, index: usize) -> Sampler {
        let mut random = ChaCha8Rng::seed_from_u64(seed);
        random.set_stream(index as u64);
        Sampler { sampling: sampling.clone(), random, drawn: Vec::new() }
    }

    /// Draws a token by its logits, which are changed; returns it with its natural-log probability before
    /// penalty and temperature. `banned` tokens are never drawn.
    pub fn draw(&mut self, logits: &mut [f32], banned: &[u32]) -> (u32, f32) {
        for token in banned {
            if let Some(logit) = logits.get_mut(*token as usize) {
                *logit = f32::NEG_INFINITY;
            }
        }
        let normalizer = log_sum_exp(logits);
        let before: Vec<(u32, f32)> =
            self.drawn.iter().map(|token| (*token, logits[*token as usize])).collect();
        for (token, logit) in &before {
            let penalty = self.sampling.repetition_penalty;
            logits[*token as usize] = if *logit > 0.0 { logit / penalty } else { logit * penalty };
        }
        let token = self.choose(logits);
        let own =
            before.iter().find(|(drawn, _)| *drawn == token).map_or(logits[token as usize], |(_, l)| *l);
        if !self.drawn.contains(&token) {
            self.drawn.push(token);
        }
        (token, own - normalizer)
    }

    fn choose(&mut self, logits: &[f32]) -> u32 {
        if self.sampling.temperature <= 0.0 {
            return math::argmax(logits) as u32;
        }
        let count =
            if self.sampling.top_k == 0 { logits.len() } else { self.sampling.top_k.min(logits.len()) };
        let mut best = likeliest(logits, count);
        let top = best[0].1;
        let mut sum = 0.0;
        for (_, logit) in &mut best {
            *logit = math::exp((*logit - top) / self.sampling.temperature);
            sum += *logit;
        }
        let mut kept = 0.0;
        let mut length = 0;
        for (_, weight) in &best {
            kept += weight;
            length += 1;
            if kept >= self.sampling.top_p * sum {
                break;
            }
        }
        let mut left = self.random.random::<f32>() * kept;
        for (token, weight) in &best[..length] {
            left -= weight;
            if left < 0.0 {
                return *token;
            }
        }
        best[length - 1].0
    }
}

/// The `count` largest logits, largest first, the lower token first among equals. Not-a-numbers count as
/// the smallest.
fn likeliest(logits: &[f32], count: usize) -> Vec<(u32, f32)> {
    let order = |a: &(u32, f32), b: &(u32, f32)| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0));
    let mut best: Vec<(u32, f32)> = Vec::with_capacity(2 * count.max(64));
    let mut floor = f32::NEG_INFINITY;
    for (token, logit) in logits.iter().enumerate() {
        if *logit > floor || (best.len() < count && !logit.is_nan()) {
            best.push((token as u32, *logit));
            if best.len() == best.capacity() && best.len() > count {
                best.select_nth_unstable_by(count - 1, order);
                best.truncate(count);
                floor = best[count - 1].1;
            }
        }
    }
    if best.is_empty() {
        best.push((0, 0.0));
    }
    best.sort_unstable_by(order);
    best.truncate(count.max(1));
    best
}

/// ln Σ e^logit.
pub fn log_sum_exp(logits: &[f32]) -> f32 {
    Machine::detect().log_sum_exp(logits)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn logits() -> Vec<f32> {
        (0..1000).map(|i| ((i * 7919) % 1000) as f32 * 0.01).collect()
    }

    fn draws(sampling: &Sampling, seed: u64, index: usize) -> Vec<u32> {
        let mut sampler = Sampler::new(sampling, seed, index);
        (0..50).map(|_| sampler.draw(&mut logits(), &[]).0).collect()
    }

    #[test]
    fn the_same_seed_and_candidate_draw_the_same() {
        let sampling = Sampling::default();
        assert_eq!(draws(&sampling, 7, 2), draws(&sampling, 7, 2));
        assert_ne!(draws(&sampling, 7, 2), draws(&sampling, 7, 3));
        assert_ne!(draws(&sampling, 7, 2), draws(&sampling, 8, 2));
    }

    #[test]
    fn temperature_zero_takes_the_likeliest_that_is_not_banned() {
        let sampling = Sampling { temperature: 0.0, repetition_penalty: 1.0, ..Sampling::default() };
        let mut sampler = Sampler::new(&sampling, 1, 0);
        let best = math::argmax(&logits()) as u32;
        assert_eq!(sampler.draw(&mut logits(), &[]).0, best);
        assert_ne!(sampler.draw(&mut logits(), &[best]).0, best);
    }

    #[test]
    fn top_k_and_top_p_bound_the_choice() {
        let sampling = Sampling { temperature: 5.0, top_k: 3, top_p: 1.0, repetition_penalty: 1.0 };
        let top: Vec<u32> = likeliest(&logits(), 3).iter().map(|(token, _)| *token).collect();
        assert!(draws(&sampling, 1, 0).iter().all(|token| top.contains(token)));
        let sampling = Sampling { temperature: 1.0, top_k: 0, top_p: 1e-6, repetition_penalty: 1.0 };
        assert!(draws(&sampling, 1, 0).iter().all(|token| *token == top[0]));
    }

    #[test]
    fn likeliest_agrees_with_a_full_sort() {
        for count in [1, 5, 40, 999, 1000] {
            let logits = logits();
            let mut all: Vec<(u32, f32)> = logits.iter().enumerate().map(|(t, l)| (t as u32, *l)).collect();
            all.sort_by(|a, b| b.1.total_cmp(&a.1).then(a.0.cmp(&b.0)));
            all.truncate(count);
            assert_eq!(likeliest(&logits, count), all);
        }
        assert_eq!(likeliest(&[f32::NAN; 4], 2).len(), 1);
    }

    #[test]
    fn a_penalty_makes_repeats_rarer_and_leaves_the_probability_alone() {
        let sampling = Sampling { temperature: 0.0, repetition_penalty: 2.0, ..Sampling::default() };
        let mut sampler = Sampler::new(&sampling, 1, 0);
        let (first, p) = sampler.draw(&mut [1.0, 3.0, 2.0], &[]);
        assert_eq!(first, 1);
        assert!((p - (3.0 - log_sum_exp(&[1.0, 3.0, 2.0]))).abs() < 1e-6);
        let (second, p) = sampler.draw(&mut [1.0, 3.0, 2.0], &[]);
        assert_eq!(second, 2);
        assert!((p - (2.0 - log_sum_exp(&[1.0, 3.0, 2.0]))).abs() < 1e-6);
    }

    #[test]
    fn frequencies_follow_the_probabilities() {
        let sampling = Sampling { temperature: 1.0, top_k: 0, top_p: 1.0, repetition_penalty: 1.0 };
        let mut sampler = Sampler::new(&sampling, 3, 0);
        let ones = (0..10_000).filter(|_| sampler.draw(&mut [0.0, 3f32.ln()], &[]).0 == 1).count();
        assert!((7_300..7_700).contains(&ones), "{ones} of 10000 at probability 0.75");
    }
}
