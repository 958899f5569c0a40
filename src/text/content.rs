//! The words of a text that carry its matter.

use super::{Kind, tokens};

/// The words of `text` in lower case with straight apostrophes, each between spaces.
pub fn normal(text: &str) -> String {
    let mut found = String::from(" ");
    for token in tokens(text).into_iter().filter(|token| matches!(token.kind, Kind::Word | Kind::Number)) {
        found.push_str(&text[token.start..token.end].to_lowercase().replace('’', "'"));
        found.push(' ');
    }
    found
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
    fn shared_words_are_counted_once() {
        assert_eq!(shared_words("One page on Thursday, not ten pages.", "I bring a page Thursday"), 2);
    }
}
