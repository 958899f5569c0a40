//! The trained weights: a sorted vocabulary of hashed features with one small number a check.
//!
//! The file, little-endian: the magic `CUW2`; the number of features (u32); for every check its bias and
//! scale, and slope, offset and threshold of the features alone and of features and encoder together (f32
//! each); the keys, ascending (u32 each); for every key one i8 a check. A weight is its i8 times the check's
//! scale.

use super::super::rubric::Check;

const MAGIC: &[u8; 4] = b"CUW2";

/// How the sum of a check's weights becomes a probability and an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Head {
    /// The sum where no feature is known.
    pub bias: f32,
    /// What one unit of a stored weight is worth.
    pub scale: f32,
    /// From the sum of the features' weights.
    pub alone: Scale,
    /// From the features' log-odds and the encoder's, mixed.
    pub mixed: Scale,
}

/// How a number becomes a probability and an answer.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Scale {
    /// Platt's slope: the log-odds are `slope · number + offset`.
    pub slope: f32,
    /// Platt's offset.
    pub offset: f32,
    /// A probability from here on is a yes.
    pub threshold: f32,
}

impl Scale {
    /// The log-odds that a number stands for.
    pub fn logit(&self, number: f32) -> f32 {
        self.slope * number + self.offset
    }

    /// The probability that a number stands for.
    pub fn probability(&self, number: f32) -> f32 {
        super::logistic::sigmoid(f64::from(self.logit(number))) as f32
    }
}

/// The encoder's share of the log-odds that it and the features have together; chosen on the dev split.
const ENCODER_SHARE: f32 = 0.6;

/// The features' log-odds and the encoder's, as one number.
pub fn mix(features: f32, encoder: f32) -> f32 {
    (1.0 - ENCODER_SHARE) * features + ENCODER_SHARE * encoder
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
            let mut numbers = vec![head.bias, head.scale];
            numbers
                .extend([head.alone, head.mixed].iter().flat_map(|it| [it.slope, it.offset, it.threshold]));
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
            (head.bias, head.scale) = (number()?, number()?);
            for scale in [&mut head.alone, &mut head.mixed] {
                *scale = Scale { slope: number()?, offset: number()?, threshold: number()? };
            }
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
        let alone = Scale { slope: 1.1, offset: 0.2, threshold: 0.4 };
        let mixed = Scale { slope: 0.9, offset: -0.1, threshold: 0.3 };
        weights.heads[4] = Head { bias: -1.5, scale: 0.01, alone, mixed };
        let bytes = weights.to_bytes();
        assert_eq!(Weights::from_bytes(&bytes), Ok(weights));
        assert_eq!(Weights::from_bytes(&bytes[1..]), Err(Unreadable));
        assert_eq!(Weights::from_bytes(&bytes[..bytes.len() - 1]), Err(Unreadable));
    }
}
