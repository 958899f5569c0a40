//! How alike two lines are, for copied examples, repeated replies and echoes.

use super::phrases::normal;

/// Lines of at most this many words are alike only when equal.
const SHORT: usize = 3;

/// Share of common word pairs from which two lines say the same.
const SAME: f64 = 0.6;

/// Do the lines say the same in nearly the same words?
pub fn alike(a: &str, b: &str) -> bool {
    let (a, b) = (normal(a), normal(b));
    if a == b {
        return true;
    }
    let (a, b): (Vec<&str>, Vec<&str>) = (a.split_whitespace().collect(), b.split_whitespace().collect());
    if a.len().min(b.len()) <= SHORT {
        return false;
    }
    common_pairs(&a, &b) >= SAME
}

/// How alike two lines are: Sørensen–Dice coefficient of their word pairs, beginning and end included; 0 to 1.
pub fn likeness(a: &str, b: &str) -> f64 {
    let framed = |text: &str| format!("^{}$", normal(text));
    let (a, b) = (framed(a), framed(b));
    common_pairs(&a.split_whitespace().collect::<Vec<_>>(), &b.split_whitespace().collect::<Vec<_>>())
}

/// Sørensen–Dice coefficient of the word pairs.
fn common_pairs(a: &[&str], b: &[&str]) -> f64 {
    let mut left: Vec<&[&str]> = b.windows(2).collect();
    let total = a.len() + b.len() - 2;
    let mut common = 0;
    for pair in a.windows(2) {
        if let Some(at) = left.iter().position(|other| *other == pair) {
            left.swap_remove(at);
            common += 1;
        }
    }
    2.0 * f64::from(common) / total as f64
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nearly_the_same_words_are_alike() {
        assert!(alike("Not now, Sam.", "not now sam"));
        assert!(alike("I haven't got the time for that this week.", "I haven't got time for that this week"));
        assert!(!alike("Not now.", "Not today."));
        assert!(!alike("I can give you ten minutes.", "My own boss moved the launch forward."));
    }
}
