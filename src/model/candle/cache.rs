//! Keys and values of the tokens seen so far: slots that can be shared, rewound, copied and written out.
//!
//! A slot holds one token's keys and values in every layer, as half floats. The prompt lies in the first
//! slots; candidates that continue it keep only their own tokens, in regions behind it.

use half::f16;
use half::slice::HalfFloatSliceExt;
use std::ops::Range;

/// What one row of a step sees: the prompt's first slots, then its own region up to its own slot.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct View {
    /// Slots `0..prefix` are visible.
    pub prefix: usize,
    /// First slot of the row's own region.
    pub tail: usize,
}

impl View {
    /// The slots a row at `slot` sees, oldest first, at most `window` of them if there is a window.
    pub fn visible(&self, slot: usize, window: Option<usize>) -> [Range<usize>; 2] {
        let own = self.tail..slot + 1;
        let hidden = match window {
            Some(window) => (self.prefix + own.len()).saturating_sub(window),
            None => 0,
        };
        let from_prefix = hidden.min(self.prefix);
        [from_prefix..self.prefix, self.tail + (hidden - from_prefix)..slot + 1]
    }
}

/// Keys and values of all layers, allocated once; the system gives memory only to slots that are used.
pub struct Cache {
    keys: Vec<f16>,
    values: Vec<f16>,
    layers: usize,
    heads: usize,
    head_dim: usize,
    slots: usize,
}

impl Cache {
    /// An empty cache of `slots` slots.
    pub fn new(layers: usize, heads: usize, head_dim: usize, slots: usize) -> Cache {
        let size = layers * heads * slots * head_dim;
        Cache { keys: zeros(size), values: zeros(size), layers, heads, head_dim, slots }
    }

    /// Slots there are.
    pub fn slots(&self) -> usize {
        self.slots
    }

    fn at(&self, layer: usize, head: usize, slot: usize) -> usize {
        ((layer * self.heads + head) * self.slots + slot) * self.head_dim
    }

    /// Stores one token's keys and values of one layer (`heads × head_dim` each).
    pub fn store(&mut self, layer: usize, slot: usize, keys: &[f32], values: &[f32]) {
        assert!(slot < self.slots && layer < self.layers);
        for head in 0..self.heads {
            let (at, dim) = (self.at(layer, head, slot), self.head_dim);
            self.keys[at..at + dim].convert_from_f32_slice(&keys[head * dim..(head + 1) * dim]);
            self.values[at..at + dim].convert_from_f32_slice(&values[head * dim..(head + 1) * dim]);
        }
    }

    /// Keys and values of some consecutive slots of one layer and head.
    pub fn read(&self, layer: usize, head: usize, slots: Range<usize>) -> (&[f16], &[f16]) {
        assert!(slots.end <= self.slots);
        let range = self.at(layer, head, slots.start)
            ..self.at(layer, head, slots.start) + slots.len() * self.head_dim;
        (&self.keys[range.clone()], &self.values[range])
    }

    /// Copies slots over others, as when the candidate that was chosen becomes part of the prompt.
    pub fn copy(&mut self, from: Range<usize>, to: usize) {
        assert!(from.end <= self.slots && to + from.len() <= self.slots);
        for layer in 0..self.layers {
            for head in 0..self.heads {
                let source = self.at(layer, head, from.start);
                let range = source..source + from.len() * self.head_dim;
                let target = self.at(layer, head, to);
                self.keys.copy_within(range.clone(), target);
                self.values.copy_within(range, target);
            }
        }
    }

    /// Writes the first `slots` slots: for each layer and head its keys, then its values, little-endian.
    ///
    /// # Errors
    /// The writer's.
    pub fn write_out(&self, slots: usize, out: &mut dyn std::io::Write) -> std::io::Result<()> {
        let mut bytes = Vec::new();
        for layer in 0..self.layers {
            for head in 0..self.heads {
                let (keys, values) = self.read(layer, head, 0..slots);
                for half in [keys, values] {
                    bytes.clear();
                    bytes.extend(half.iter().flat_map(|value| value.to_le_bytes()));
                    out.write_all(&bytes)?;
                }
            }
        }
        Ok(())
    }

    /// Fills the first `slots` slots with what [`Cache::write_out`] wrote.
    ///
    /// # Errors
    /// The reader's, as when it ends early; the slots then hold part of what was read.
    pub fn read_in(&mut self, slots: usize, input: &mut dyn std::io::Read) -> std::io::Result<()> {
        assert!(slots <= self.slots);
        let mut bytes = vec![0u8; slots * self.head_dim * size_of::<f16>()];
        for layer in 0..self.layers {
            for head in 0..self.heads {
                let range = self.at(layer, head, 0)..self.at(layer, head, 0) + slots * self.head_dim;
                for half in [&mut self.keys, &mut self.values] {
                    input.read_exact(&mut bytes)?;
                    for (value, pair) in half[range.clone()].iter_mut().zip(bytes.chunks_exact(2)) {
                        *value = f16::from_le_bytes([pair[0], pair[1]]);
                    }
                }
            }
        }
        Ok(())
    }
}

/// Zeroed memory straight from the system, which hands out its pages only when they are written.
fn zeros(count: usize) -> Vec<f16> {
    let zeros: Vec<u16> = vec![0; count];
    half::vec::HalfBitsVecExt::reinterpret_into(zeros)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_window_hides_the_oldest_slots_across_the_gap() {
        let view = View { prefix: 10, tail: 20 };
        assert_eq!(view.visible(22, None), [0..10, 20..23]);
        assert_eq!(view.visible(22, Some(13)), [0..10, 20..23]);
        assert_eq!(view.visible(22, Some(5)), [8..10, 20..23]);
        assert_eq!(view.visible(22, Some(2)), [10..10, 21..23]);
        let prompt = View { prefix: 0, tail: 0 };
        assert_eq!(prompt.visible(7, Some(3)), [0..0, 5..8]);
    }

    #[test]
    fn slots_survive_a_copy_and_a_round_trip_through_bytes() {
        let mut cache = Cache::new(2, 2, 4, 8);
        for layer in 0..2 {
            for slot in 0..3 {
                let keys: Vec<f32> = (0..8).map(|i| (layer * 100 + slot * 10 + i) as f32).collect();
                let values: Vec<f32> = keys.iter().map(|key| -key).collect();
                cache.store(layer, slot, &keys, &values);
            }
        }
        cache.copy(1..3, 5);
        assert_eq!(cache.read(1, 1, 1..3), cache.read(1, 1, 5..7));
        assert_eq!(cache.read(1, 1, 5..6).0[0].to_f32(), 114.0);
        let mut bytes = Vec::new();
        cache.write_out(3, &mut bytes).unwrap();
        assert_eq!(
            bytes.len(),
            3 * 2 * 2 * 2 * 2 * 4,
            "slots, keys and values, bytes, layers, heads, elements"
        );
        let mut other = Cache::new(2, 2, 4, 5);
        other.read_in(3, &mut &bytes[..]).unwrap();
        assert_eq!(cache.read(1, 0, 0..3), other.read(1, 0, 0..3));
        assert!(other.read_in(3, &mut &bytes[1..]).is_err());
    }
}
