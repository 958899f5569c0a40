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

/// Words that carry the matter: long enough, and none of the most common ones.
pub fn content_words(text: &str) -> Vec<String> {
    const COMMON: [&str; 60] = [
        "about",
        "after",
        "again",
        "also",
        "because",
        "been",
        "before",
        "being",
        "could",
        "does",
        "doing",
        "don't",
        "even",
        "from",
        "give",
        "going",
        "have",
        "haven't",
        "here",
        "i'll",
        "i've",
        "into",
        "it's",
        "just",
        "know",
        "like",
        "look",
        "make",
        "more",
        "much",
        "need",
        "only",
        "over",
        "please",
        "really",
        "right",
        "should",
        "some",
        "something",
        "that",
        "that's",
        "their",
        "them",
        "then",
        "there",
        "they",
        "thing",
        "things",
        "think",
        "this",
        "time",
        "want",
        "were",
        "what",
        "when",
        "which",
        "with",
        "would",
        "your",
        "you're",
    ];
    normal(text)
        .split_whitespace()
        .filter(|word| {
            word.len() > 3 && !COMMON.contains(word) || word.starts_with(|c: char| c.is_ascii_digit())
        })
        .map(str::to_owned)
        .collect()
}

/// How many different content words of `text` stand in `other`; plural and singular are one.
pub fn shared_words(text: &str, other: &str) -> usize {
    let stem = |word: &String| word.trim_end_matches("'s").trim_end_matches('s').to_owned();
    let others: Vec<String> = content_words(other).iter().map(stem).collect();
    let mut seen: Vec<String> = Vec::new();
    for word in content_words(text).iter().map(stem) {
        if others.contains(&word) && !seen.contains(&word) {
            seen.push(word);
        }
    }
    seen.len()
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

    #[test]
    fn shared_words_are_counted_once() {
        assert_eq!(shared_words("One page on Thursday, not ten pages.", "I bring a page Thursday"), 2);
    }
}
