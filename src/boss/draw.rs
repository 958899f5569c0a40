//! Randomness from a seed handed in: the same on every machine.

use rand_chacha::ChaCha8Rng;
use rand_chacha::rand_core::{Rng, SeedableRng};

/// What a random stream is for; each has its own, so that one more draw for one purpose changes no other.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Purpose {
    Greeting = 0,
    Act = 1,
    Wording = 2,
    Fallback = 3,
    Model = 4,
    Secrets = 5,
}

/// A stream of random numbers.
#[derive(Clone, Debug)]
pub struct Draw(ChaCha8Rng);

impl Draw {
    /// The stream of a session's `seed` for one exchange and purpose.
    pub fn new(seed: u64, node: u32, purpose: Purpose) -> Draw {
        let mut rng = ChaCha8Rng::seed_from_u64(seed);
        rng.set_stream(u64::from(node) * 8 + purpose as u64);
        Draw(rng)
    }

    /// Uniform over all 64-bit numbers.
    pub fn bits(&mut self) -> u64 {
        self.0.next_u64()
    }

    /// Uniform from 0 up to but not including 1.
    pub fn unit(&mut self) -> f64 {
        (self.bits() >> 11) as f64 / (1u64 << 53) as f64
    }

    /// One of `items`, all equally likely; none of none.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> Option<&'a T> {
        let at = (self.unit() * items.len() as f64) as usize;
        items.get(at.min(items.len().saturating_sub(1)))
    }

    /// One of the pairs' items, by weight; the last where all weights are 0.
    pub fn weighted<T: Copy>(&mut self, pairs: &[(T, f64)]) -> Option<T> {
        let sum: f64 = pairs.iter().map(|(_, weight)| weight).sum();
        let mut left = self.unit() * sum;
        for &(item, weight) in pairs {
            if left < weight {
                return Some(item);
            }
            left -= weight;
        }
        pairs.iter().rev().find(|(_, weight)| *weight > 0.0).or(pairs.last()).map(|&(item, _)| item)
    }

    /// `items` in random order.
    pub fn shuffled<T>(&mut self, mut items: Vec<T>) -> Vec<T> {
        for end in (1..items.len()).rev() {
            let at = (self.unit() * (end + 1) as f64) as usize;
            items.swap(at.min(end), end);
        }
        items
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn streams_are_fixed_and_differ() {
        let first = |seed, node, purpose| Draw::new(seed, node, purpose).bits();
        assert_eq!(first(7, 1, Purpose::Act), first(7, 1, Purpose::Act));
        assert_ne!(first(7, 1, Purpose::Act), first(7, 2, Purpose::Act));
        assert_ne!(first(7, 1, Purpose::Act), first(7, 1, Purpose::Model));
        assert_ne!(first(7, 1, Purpose::Act), first(8, 1, Purpose::Act));
    }

    #[test]
    fn weights_are_kept() {
        let mut draw = Draw::new(1, 0, Purpose::Act);
        let hits = (0..10_000).filter(|_| draw.weighted(&[('a', 3.0), ('b', 1.0), ('c', 0.0)]) == Some('a'));
        let share = hits.count() as f64 / 10_000.0;
        assert!((0.73..0.77).contains(&share), "{share}");
        assert_eq!(draw.weighted::<char>(&[]), None);
        assert_eq!(draw.pick::<char>(&[]), None);
        let mut order = draw.shuffled((0..20).collect::<Vec<_>>());
        assert_ne!(order, (0..20).collect::<Vec<_>>());
        order.sort();
        assert_eq!(order, (0..20).collect::<Vec<_>>());
    }
}
