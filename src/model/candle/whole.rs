//! Texts that become one token as a whole (a turn's marks, a person's own words): found in one pass over a text.
//!
//! A file may list thousands of them, and its chat template may make a long text: going through the list at
//! every find would take hours with a file made for it.

use aho_corasick::{AhoCorasick, AhoCorasickKind, Anchored, BuildError, Input, MatchKind, StartKind};

/// A list of texts, each with its token.
struct Finder {
    texts: AhoCorasick,
    tokens: Vec<u32>,
}

impl Finder {
    /// Of two texts at the same place the longer one counts, of equal ones the first.
    fn new(listed: &[(&str, u32)]) -> Result<Finder, BuildError> {
        let texts = AhoCorasick::builder()
            .match_kind(MatchKind::LeftmostLongest)
            .start_kind(StartKind::Both)
            // The smallest of the three: a table for each letter would have many times the file's size.
            .kind(Some(AhoCorasickKind::ContiguousNFA))
            .build(listed.iter().map(|(text, _)| text))?;
        Ok(Finder { texts, tokens: listed.iter().map(|(_, token)| *token).collect() })
    }

    /// The first of the texts in `text`: where, how long, which token.
    fn first(&self, text: &str) -> Option<(usize, usize, u32)> {
        let found = self.texts.find(text)?;
        Some((found.start(), found.len(), self.tokens[found.pattern().as_usize()]))
    }

    /// How long the text is that stands right at `at`.
    fn at(&self, text: &str, at: usize) -> Option<usize> {
        let input = Input::new(text).span(at..text.len()).anchored(Anchored::Yes);
        self.texts.find(input).map(|found| found.len())
    }
}

/// The whole texts of a vocabulary.
pub struct WholeTexts {
    all: Finder,
    /// Those that steer the model, and are only characters in what a person or a model wrote.
    controls: Finder,
    /// The others.
    words: Finder,
}

impl WholeTexts {
    /// From texts with their tokens, and whether each steers the model. Empty texts are left out.
    ///
    /// # Errors
    /// There are too many of them to be searched for.
    pub fn new(listed: &[(&str, u32, bool)]) -> Result<WholeTexts, BuildError> {
        let some = |wanted: &dyn Fn(bool) -> bool| {
            let listed = listed.iter().filter(|(text, _, control)| !text.is_empty() && wanted(*control));
            let listed: Vec<(&str, u32)> = listed.map(|(text, token, _)| (*text, *token)).collect();
            Finder::new(&listed)
        };
        Ok(WholeTexts {
            all: some(&|_| true)?,
            controls: some(&|control| control)?,
            words: some(&|control| !control)?,
        })
    }

    /// The first of them in `text`, with or without those that steer the model: where, how long, which token.
    pub fn first(&self, text: &str, controls: bool) -> Option<(usize, usize, u32)> {
        if controls { self.all.first(text) } else { self.words.first(text) }
    }

    /// `text` with a space inside every control text in it, also where two overlap; one of a single letter, which a
    /// space can't break, is left out.
    pub fn defuse(&self, text: &str) -> String {
        let mut defused = String::with_capacity(text.len());
        for (at, letter) in text.char_indices() {
            match self.controls.at(text, at) {
                Some(length) if length == letter.len_utf8() => {}
                Some(_) => defused.extend([letter, ' ']),
                None => defused.push(letter),
            }
        }
        defused
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LISTED: [(&str, u32, bool); 7] = [
        ("<e>", 1, true),
        ("<e>x", 2, true),
        ("", 3, true),
        ("<e>", 4, true),
        ("user", 5, false),
        ("ab", 6, true),
        ("ba", 7, true),
    ];

    #[test]
    fn the_first_counts_and_of_two_at_one_place_the_longer() {
        let whole = WholeTexts::new(&LISTED).unwrap();
        assert_eq!(whole.first("a <e>y user", true), Some((2, 3, 1)));
        assert_eq!(whole.first("a <e>x user", true), Some((2, 4, 2)));
        assert_eq!(whole.first("a <e>y user", false), Some((7, 4, 5)));
        assert_eq!(whole.first("é", true), None);
        assert_eq!(WholeTexts::new(&[]).unwrap().first("a", true), None);
    }

    #[test]
    fn what_is_defused_has_no_control_text_left() {
        let whole = WholeTexts::new(&LISTED).unwrap();
        assert_eq!(whole.defuse("é<e>x user aba"), "é< e>x user a b a");
        let letters = WholeTexts::new(&[("x", 1, true), ("é", 2, true)]).unwrap();
        assert_eq!(letters.defuse("xaéb"), "ab");
    }

    /// Each of them would double the spaces if they were gone through one after the other.
    #[test]
    fn a_space_listed_often_does_not_grow_a_text() {
        let whole = WholeTexts::new(&[(" ", 1, true); 64]).unwrap();
        assert_eq!(whole.defuse("a b"), "ab");
    }
}
