//! A candidate's text as its tokens arrive: whole characters only, nothing that a stop string may swallow.

/// Collects bytes into text and says what may be shown.
pub struct Words {
    text: String,
    /// Bytes of a character that isn't whole yet.
    partial: Vec<u8>,
    /// How much of the text has been shown.
    shown: usize,
    stop: Vec<String>,
    longest_stop: usize,
}

impl Words {
    /// A text that ends before the first of `stop`.
    pub fn new(stop: &[String]) -> Words {
        let stop: Vec<String> = stop.iter().filter(|s| !s.is_empty()).cloned().collect();
        Words {
            text: String::new(),
            partial: Vec::new(),
            shown: 0,
            longest_stop: stop.iter().map(String::len).max().unwrap_or(0),
            stop,
        }
    }

    /// Adds a token's bytes. Returns true when a stop string is complete; the text then ends before it.
    pub fn push(&mut self, bytes: &[u8]) -> bool {
        self.partial.extend_from_slice(bytes);
        let before = self.text.len();
        self.take_whole_characters();
        let mut from = before.saturating_sub(self.longest_stop);
        while !self.text.is_char_boundary(from) {
            from -= 1;
        }
        let ends = |stop: &String| Some(from + self.text[from..].find(stop.as_str())?);
        let Some(end) = self.stop.iter().filter_map(ends).min() else { return false };
        self.text.truncate(end);
        self.partial.clear();
        true
    }

    fn take_whole_characters(&mut self) {
        loop {
            match std::str::from_utf8(&self.partial) {
                Ok(whole) => {
                    self.text.push_str(whole);
                    self.partial.clear();
                    return;
                }
                Err(error) => {
                    let valid = error.valid_up_to();
                    self.text.push_str(std::str::from_utf8(&self.partial[..valid]).expect("checked"));
                    let Some(bad) = error.error_len() else {
                        self.partial.drain(..valid);
                        return;
                    };
                    self.text.push(char::REPLACEMENT_CHARACTER);
                    self.partial.drain(..valid + bad);
                }
            }
        }
    }

    /// What can be shown now and has not been: all but an end that might be the beginning of a stop string.
    pub fn showable(&mut self) -> &str {
        let bytes = self.text.as_bytes();
        let held = |stop: &String| {
            (1..stop.len().min(bytes.len() + 1)).rev().find(|n| bytes.ends_with(&stop.as_bytes()[..*n]))
        };
        let held = self.stop.iter().filter_map(held).max().unwrap_or(0);
        let end = (bytes.len() - held).max(self.shown);
        let piece = &self.text[self.shown..end];
        self.shown = end;
        piece
    }

    /// The whole text, and the part of it that has not been shown; half a character at the end is dropped.
    pub fn finish(self) -> (String, String) {
        let rest = self.text.get(self.shown..).unwrap_or("").to_string();
        (self.text, rest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn stops(list: &[&str]) -> Vec<String> {
        list.iter().map(|s| s.to_string()).collect()
    }

    #[test]
    fn a_character_split_over_tokens_is_shown_when_it_is_whole() {
        let mut words = Words::new(&[]);
        let bytes = "é€".as_bytes();
        let shown: Vec<String> = bytes
            .iter()
            .map(|byte| {
                assert!(!words.push(&[*byte]));
                words.showable().to_string()
            })
            .collect();
        assert_eq!(shown, ["", "é", "", "", "€"]);
        assert_eq!(words.finish().0, "é€");
    }

    #[test]
    fn bytes_that_are_no_text_become_a_mark() {
        let mut words = Words::new(&[]);
        words.push(b"a\xff\xfeb\xe2\x82");
        assert_eq!(words.finish().0, "a\u{fffd}\u{fffd}b");
    }

    #[test]
    fn a_stop_string_over_token_borders_is_neither_shown_nor_kept() {
        let mut words = Words::new(&stops(&["\nSAM:", "\n\n"]));
        let mut shown = String::new();
        for (piece, ends) in [("Well, no.", false), ("\nS", false), ("AM", false), (": hi", true)] {
            assert_eq!(words.push(piece.as_bytes()), ends, "{piece:?}");
            if !ends {
                shown.push_str(words.showable());
            }
        }
        let (text, rest) = words.finish();
        assert_eq!((text.as_str(), shown.as_str(), rest.as_str()), ("Well, no.", "Well, no.", ""));
    }

    #[test]
    fn a_held_beginning_is_shown_when_it_turns_out_to_be_none() {
        let mut words = Words::new(&stops(&["\nSAM:"]));
        words.push(b"a\nSA");
        assert_eq!(words.showable(), "a");
        words.push(b"D");
        assert_eq!(words.showable(), "\nSAD");
    }

    #[test]
    fn the_first_of_several_stops_ends_it() {
        let mut words = Words::new(&stops(&["c", "b"]));
        assert!(words.push(b"abc"));
        assert_eq!(words.finish().0, "a");
    }
}
