//! Did it get better? Recent values against earlier ones, and an honest answer where they are few.
//!
//! A permutation test: of all ways to deal the values into "recent" and "earlier", how many give a
//! difference of means at least as large? Exact, and right for small numbers of any distribution.

use serde::Serialize;

/// The fewest values on either side that a trend is told from.
pub const FEWEST: usize = 3;
/// The most recent values.
const RECENT: usize = 5;
/// The most earlier values.
const EARLIER: usize = 10;

/// What a series did.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Trend {
    /// Too few values to tell.
    TooFew,
    /// Higher lately than chance explains.
    Up,
    /// Lower lately than chance explains.
    Down,
    /// Nothing that chance could not explain.
    NoClearChange,
}

/// Recent against earlier.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Change {
    /// The mean of the recent values; none where there are none.
    pub recent: Option<f64>,
    /// How many there are.
    pub recent_count: usize,
    /// The mean of the earlier values; none where there are none.
    pub earlier: Option<f64>,
    /// How many there are.
    pub earlier_count: usize,
    /// What follows.
    pub trend: Trend,
}

/// How `values` (oldest first) changed: at most the last five, and never more than half of them, against at
/// most ten before. A change counts where a difference as large comes by chance in at most `chance` of all
/// deals.
pub fn change(values: &[f64], chance: f64) -> Change {
    let recent_count = RECENT.min(values.len().div_ceil(2));
    let (before, recent) = values.split_at(values.len() - recent_count);
    let earlier = &before[before.len().saturating_sub(EARLIER)..];
    let trend = if recent.len() < FEWEST || earlier.len() < FEWEST {
        Trend::TooFew
    } else if by_chance(earlier, recent) > chance {
        Trend::NoClearChange
    } else if mean(recent) > mean(earlier) {
        Trend::Up
    } else {
        Trend::Down
    };
    Change { recent: mean(recent), recent_count, earlier: mean(earlier), earlier_count: earlier.len(), trend }
}

fn mean(values: &[f64]) -> Option<f64> {
    (!values.is_empty()).then(|| values.iter().sum::<f64>() / values.len() as f64)
}

/// The share of deals whose difference of means is at least as large as the one that was found. With at most
/// 15 values there are at most 32,768 subsets to look at.
fn by_chance(earlier: &[f64], recent: &[f64]) -> f64 {
    let all: Vec<f64> = earlier.iter().chain(recent).copied().collect();
    let (count, chosen) = (all.len(), recent.len());
    let total: f64 = all.iter().sum();
    let difference = |sum: f64| (sum / chosen as f64 - (total - sum) / (count - chosen) as f64).abs();
    // Sums in another order differ in the last bits.
    let found = difference(recent.iter().sum()) - 1e-9;
    let (mut deals, mut as_large) = (0u32, 0u32);
    for subset in 0u32..1 << count {
        if subset.count_ones() as usize == chosen {
            let sum: f64 = (0..count).filter(|index| subset >> index & 1 == 1).map(|index| all[index]).sum();
            deals += 1;
            as_large += u32::from(difference(sum) >= found);
        }
    }
    f64::from(as_large) / f64::from(deals.max(1))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_values_tell_nothing() {
        assert_eq!(change(&[], 0.1).recent, None);
        for count in 0..=5 {
            let values: Vec<f64> = (0..count).map(|n| f64::from(n) * 20.0).collect();
            assert_eq!(change(&values, 0.1).trend, Trend::TooFew, "{count}");
        }
    }

    #[test]
    fn a_clear_rise_and_fall_are_told_and_noise_is_not() {
        let rise = [20.0, 25.0, 22.0, 60.0, 65.0, 70.0];
        let told = change(&rise, 0.1);
        assert_eq!((told.trend, told.recent, told.earlier_count), (Trend::Up, Some(65.0), 3));
        let fall: Vec<f64> = rise.iter().rev().copied().collect();
        assert_eq!(change(&fall, 0.1).trend, Trend::Down);
        assert_eq!(change(&[50.0, 70.0, 40.0, 60.0, 45.0, 66.0, 52.0], 0.1).trend, Trend::NoClearChange);
        assert_eq!(change(&[50.0; 20], 0.1).trend, Trend::NoClearChange);
        assert_eq!(
            change(&rise, 0.05).trend,
            Trend::NoClearChange,
            "3 against 3 can't be surer than 1 in 10"
        );
    }

    #[test]
    fn long_series_look_at_the_last_fifteen() {
        let values: Vec<f64> = (0..200).map(f64::from).collect();
        let told = change(&values, 0.1);
        assert_eq!((told.recent, told.earlier), (Some(197.0), Some(189.5)));
    }
}
