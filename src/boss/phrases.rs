//! Lists of phrases and how they are found in speech: whole words, any case, any apostrophe.

pub use crate::text::content::normal;
use serde::Deserialize;

/// Phrases of whole words; a star at the end stands for any ending, a leading `^` for the beginning.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(transparent)]
pub struct Phrases(Vec<String>);

impl Phrases {
    /// The first phrase that stands in `normal` (see [`normal`]).
    pub fn find(&self, normal: &str) -> Option<&str> {
        self.all(normal).next()
    }

    /// All the phrases that stand in `normal`.
    pub fn all(&self, normal: &str) -> impl Iterator<Item = &str> {
        self.0.iter().map(String::as_str).filter(move |phrase| stands_in(phrase, normal))
    }
}

fn stands_in(phrase: &str, normal: &str) -> bool {
    let (phrase, at_start) = match phrase.strip_prefix('^') {
        Some(rest) => (rest, true),
        None => (phrase, false),
    };
    let sought = match phrase.strip_suffix('*') {
        Some(stem) => format!(" {stem}"),
        None => format!(" {phrase} "),
    };
    if at_start { normal.starts_with(&sought) } else { normal.contains(&sought) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn phrases(list: &[&str]) -> Phrases {
        Phrases(list.iter().map(|&phrase| phrase.to_owned()).collect())
    }

    #[test]
    fn whole_words_only_stars_and_beginnings() {
        let list = phrases(&["right now", "inspir*", "^sure", "can't wait"]);
        assert_eq!(list.find(&normal("I need it RIGHT now!")), Some("right now"));
        assert_eq!(list.find(&normal("So inspiring")), Some("inspir*"));
        assert_eq!(list.find(&normal("Sure, why")), Some("^sure"));
        assert_eq!(list.find(&normal("I can’t wait")), Some("can't wait"));
        assert_eq!(list.find(&normal("I am sure of it, not bright nowhere")), None);
    }
}
