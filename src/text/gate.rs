//! The last gate before the screen: only harmless text and colours pass, so that a text which nobody thought
//! of cleaning can do no harm either.

use super::printable::{is_unsafe, printable, skip_sequence};
use std::borrow::Cow;
use std::io::Write;

/// A finished page without anything that is unsafe but its colours (`ESC [ … m`).
pub fn coloured(page: &str) -> Cow<'_, str> {
    if !page.chars().any(is_unsafe) {
        return Cow::Borrowed(page);
    }
    let mut shown = String::with_capacity(page.len());
    let mut rest = page;
    while let Some(at) = rest.find('\u{1b}') {
        shown.push_str(&printable(&rest[..at]));
        rest = &rest[at..];
        let length = colour_length(rest).unwrap_or(0);
        shown.push_str(&rest[..length]);
        rest = &rest[length..];
        if length == 0 {
            let mut after = rest.chars();
            after.next();
            let mut after = after.as_str().chars().peekable();
            skip_sequence('\u{1b}', &mut after);
            rest = &rest[rest.len() - after.map(char::len_utf8).sum::<usize>()..];
        }
    }
    shown.push_str(&printable(rest));
    Cow::Owned(shown)
}

/// The length of the colour that `text` begins with; none where it begins with anything else.
fn colour_length(text: &str) -> Option<usize> {
    let parameters = text.strip_prefix("\u{1b}[")?;
    let end = parameters.find(|c: char| !c.is_ascii_digit() && c != ';')?;
    parameters[end..].starts_with('m').then_some(2 + end + 1)
}

/// A stream to the screen that lets only harmless text and colours through, whatever is written to it.
pub struct Gate<W: Write> {
    inner: W,
    /// The beginning of a character or of a colour, whose rest is still to come.
    held: Vec<u8>,
}

/// A colour has fewer bytes than this.
const LONGEST_COLOUR: usize = 32;

impl<W: Write> Gate<W> {
    /// A gate before `inner`.
    pub fn new(inner: W) -> Gate<W> {
        Gate { inner, held: Vec::new() }
    }

    /// How much of `text` can be judged: all of it, but for a colour at its end that is not complete.
    fn complete(text: &str) -> usize {
        let Some(at) = text.rfind('\u{1b}') else { return text.len() };
        let tail = &text.as_bytes()[at + 1..];
        let begun = tail.len() < LONGEST_COLOUR
            && tail.iter().enumerate().all(|(index, &byte)| match index {
                0 => byte == b'[',
                _ => byte.is_ascii_digit() || byte == b';',
            });
        if begun { at } else { text.len() }
    }
}

impl<W: Write> Write for Gate<W> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.held.extend_from_slice(bytes);
        let whole = match std::str::from_utf8(&self.held) {
            Ok(text) => text.len(),
            Err(error) if error.error_len().is_none() => error.valid_up_to(),
            // No text at all: it is judged as what a terminal would show for it.
            Err(_) => self.held.len(),
        };
        let text = String::from_utf8_lossy(&self.held[..whole]);
        let complete = Self::complete(&text);
        self.inner.write_all(coloured(&text[..complete]).as_bytes())?;
        let mut kept = text.as_bytes()[complete..].to_vec();
        kept.extend_from_slice(&self.held[whole..]);
        self.held = kept;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        self.inner.flush()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_page_keeps_its_colours_and_nothing_else() {
        assert_eq!(coloured("\u{1b}[1;31mred\u{1b}[0m"), "\u{1b}[1;31mred\u{1b}[0m");
        assert_eq!(coloured("a\u{1b}[2Jb\u{1b}]0;title\u{7}c\u{9b}31md\u{202e}e\u{1b}"), "abcde");
        assert_eq!(coloured("\u{1b}[38:2:1mx\u{1b}[?25ly"), "xy");
    }

    #[test]
    fn a_gate_judges_what_comes_in_pieces_as_a_whole() {
        for page in
            ["é \u{1b}[1mbold\u{1b}[0m \u{1b}[2J \u{1b}]0;x\u{7} 🙂\n", "\u{1b}[1\u{1b}[1mx\u{1b}[", "plain"]
        {
            for size in 1..page.len() {
                let mut gate = Gate::new(Vec::new());
                page.as_bytes().chunks(size).for_each(|piece| gate.write_all(piece).unwrap());
                let shown = String::from_utf8(gate.inner).unwrap();
                let bare = anstream::adapter::strip_str(&shown).to_string();
                assert!(!bare.chars().any(is_unsafe), "{shown:?}");
                assert_eq!(shown.contains("\u{1b}[1mbold\u{1b}[0m"), page.contains("bold"), "{shown:?}");
            }
        }
        let mut gate = Gate::new(Vec::new());
        gate.write_all(b"a\xff\x1b[2Jb").unwrap();
        assert_eq!(gate.inner, "a\u{fffd}b".as_bytes());
    }

    proptest::proptest! {
        #[test]
        fn nothing_unsafe_passes(text in proptest::prelude::any::<String>()) {
            let page = coloured(&text);
            proptest::prop_assert!(!anstream::adapter::strip_str(&page).to_string().chars().any(is_unsafe));
        }
    }
}
