//! The trained weights: a sorted vocabulary of hashed features with one small number a check.
//!
//! The file, little-endian: the magic `CUW1`; the number of features (u32); for every check its bias, scale,
//! slope, offset and threshold (f32 each); the keys, ascending (u32 each); for every key one i8 a check.
//! A weight is its i8 times the check's scale.

use super::super::rubric::Check;

const MAGIC: &[u8; 4] = b"CUW1";

/// How the sum of a check's weights becomes a probability and an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Head {
    /// The sum where no feature is known.
    pub bias: f32,
    /// What one unit of a stored weight is worth.
    pub scale: f32,
    /// Platt's slope: the log-odds are `slope · sum + offset`.
    pub slope: f32,
    /// Platt's offset.
    pub offset: f32,
    /// A probability from here on is a yes.
    pub threshold: f32,
}

impl Head {
    /// The probability that a sum of weights stands for.
    pub fn probability(&self, sum: f32) -> f32 {
        super::logistic::sigmoid(f64::from(self.slope * sum + self.offset)) as f32
    }
}

/// The trained weights.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Weights {
    /// One head a check.
    pub heads: [Head; Check::COUNT],
    /// Short hashes of the known features, ascending.
    pub keys: Vec<u32>,
    /// The weights of each known feature.
    pub rows: Vec<[i8; Check::COUNT]>,
}

/// The bytes are no weights of this version.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the classifier's weights are damaged or of another version")]
pub struct Unreadable;

/// A feature's hash as the vocabulary stores it.
pub fn short(key: u64) -> u32 {
    (key ^ (key >> 32)) as u32
}

impl Weights {
    /// Where the vocabulary has a feature.
    pub fn find(&self, key: u32) -> Option<usize> {
        self.keys.binary_search(&key).ok()
    }

    /// The weight of the feature at `row` for a check.
    pub fn weight(&self, row: usize, check: Check) -> f32 {
        f32::from(self.rows[row][check.index()]) * self.heads[check.index()].scale
    }

    /// Writes the file.
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = MAGIC.to_vec();
        bytes.extend((self.keys.len() as u32).to_le_bytes());
        for head in &self.heads {
            let numbers = [head.bias, head.scale, head.slope, head.offset, head.threshold];
            numbers.iter().for_each(|number| bytes.extend(number.to_le_bytes()));
        }
        self.keys.iter().for_each(|key| bytes.extend(key.to_le_bytes()));
        self.rows.iter().flatten().for_each(|weight| bytes.extend(weight.to_le_bytes()));
        bytes
    }

    /// Reads the file.
    ///
    /// # Errors
    /// Bytes that [`Weights::to_bytes`] did not write.
    pub fn from_bytes(bytes: &[u8]) -> Result<Weights, Unreadable> {
        let mut rest = bytes.strip_prefix(MAGIC.as_slice()).ok_or(Unreadable)?;
        let count = u32::from_le_bytes(take(&mut rest)?) as usize;
        let mut weights = Weights::default();
        for head in &mut weights.heads {
            let mut number = || take(&mut rest).map(f32::from_le_bytes);
            *head = Head {
                bias: number()?,
                scale: number()?,
                slope: number()?,
                offset: number()?,
                threshold: number()?,
            };
        }
        if rest.len() != count.checked_mul(4 + Check::COUNT).ok_or(Unreadable)? {
            return Err(Unreadable);
        }
        let (keys, rows) = rest.split_at(count * 4);
        weights.keys = keys.as_chunks().0.iter().map(|key| u32::from_le_bytes(*key)).collect();
        weights.rows =
            rows.as_chunks().0.iter().map(|row: &[u8; Check::COUNT]| row.map(|b| b as i8)).collect();
        Ok(weights)
    }
}

fn take(rest: &mut &[u8]) -> Result<[u8; 4], Unreadable> {
    let (first, after) = rest.split_first_chunk().ok_or(Unreadable)?;
    *rest = after;
    Ok(*first)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn weights_round_trip_and_damage_is_noticed() {
        let mut weights = Weights { keys: vec![3, 9], rows: vec![[-128; 18], [7; 18]], ..Weights::default() };
        weights.heads[4] = Head { bias: -1.5, scale: 0.01, slope: 1.1, offset: 0.2, threshold: 0.4 };
        let bytes = weights.to_bytes();
        assert_eq!(Weights::from_bytes(&bytes), Ok(weights));
        assert_eq!(Weights::from_bytes(&bytes[1..]), Err(Unreadable));
        assert_eq!(Weights::from_bytes(&bytes[..bytes.len() - 1]), Err(Unreadable));
    }
}
