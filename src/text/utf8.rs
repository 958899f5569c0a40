//! Text as other programs write it, read as UTF-8: UTF-8 with or without a byte order mark, and UTF-16 with one.

use std::io::{BufRead, Read, Result};

/// The marks that a text may begin with.
const UTF8_MARK: &[u8] = b"\xEF\xBB\xBF";
const LITTLE_MARK: &[u8] = b"\xFF\xFE";
const BIG_MARK: &[u8] = b"\xFE\xFF";

/// Stands for half a pair in UTF-16: a byte that is in no UTF-8, so that what is no text stays none.
const NO_TEXT: u8 = 0xFF;

/// `input` as UTF-8 and without a mark. What is neither UTF-8 nor UTF-16 with a mark is passed on as it is, for the
/// reader to refuse. Nothing is waited for that is not needed: somebody may be typing.
pub fn utf8<R: BufRead>(input: R) -> Utf8<R> {
    Utf8 { input, form: Form::Unknown, ready: Vec::new(), taken: 0, byte: None, high: None }
}

/// See [`utf8`].
pub struct Utf8<R> {
    input: R,
    form: Form,
    /// Bytes to be handed out before others.
    ready: Vec<u8>,
    /// How many of them have been.
    taken: usize,
    /// Half of a unit of UTF-16.
    byte: Option<u8>,
    /// The first unit of a pair.
    high: Option<u16>,
}

/// How the text is written.
#[derive(Clone, Copy)]
enum Form {
    /// Its beginning has not been read.
    Unknown,
    Utf8,
    Utf16(fn([u8; 2]) -> u16),
}

impl<R: BufRead> Utf8<R> {
    /// Reads the beginning, a byte at a time, until it is a mark or can't become one.
    fn find_form(&mut self) -> Result<()> {
        let mut begin = Vec::new();
        self.form = loop {
            let more = self.input.fill_buf()?.first().copied();
            begin.extend(more);
            self.input.consume(usize::from(more.is_some()));
            let form = match &begin[..] {
                UTF8_MARK => Some(Form::Utf8),
                LITTLE_MARK => Some(Form::Utf16(u16::from_le_bytes)),
                BIG_MARK => Some(Form::Utf16(u16::from_be_bytes)),
                _ => None,
            };
            if let Some(form) = form {
                break form;
            }
            let marks = [UTF8_MARK, LITTLE_MARK, BIG_MARK];
            if more.is_none() || !marks.iter().any(|mark| mark.starts_with(&begin)) {
                self.ready = begin;
                break Form::Utf8;
            }
        };
        Ok(())
    }

    /// Puts what has arrived of UTF-16 into UTF-8; nothing is ready after it at the end only.
    fn convert(&mut self, order: fn([u8; 2]) -> u16) -> Result<()> {
        (self.ready, self.taken) = (Vec::new(), 0);
        while self.ready.is_empty() {
            let arrived = self.input.fill_buf()?.to_vec();
            self.input.consume(arrived.len());
            if arrived.is_empty() {
                let half = self.byte.take().is_some() | self.high.take().is_some();
                self.ready.extend(half.then_some(NO_TEXT));
                break;
            }
            for byte in arrived {
                match self.byte.take() {
                    None => self.byte = Some(byte),
                    Some(first) => self.unit(order([first, byte])),
                }
            }
        }
        Ok(())
    }

    fn unit(&mut self, unit: u16) {
        let before = self.high.take();
        let pair = before.map(|high| char::decode_utf16([high, unit]).next());
        let read = match pair {
            Some(Some(Ok(c))) => Some(c),
            _ => {
                self.ready.extend(before.map(|_| NO_TEXT));
                char::from_u32(unit.into())
            }
        };
        match read {
            Some(c) => self.ready.extend_from_slice(c.encode_utf8(&mut [0; 4]).as_bytes()),
            None if unit < 0xDC00 => self.high = Some(unit),
            None => self.ready.push(NO_TEXT),
        }
    }
}

impl<R: BufRead> BufRead for Utf8<R> {
    fn fill_buf(&mut self) -> Result<&[u8]> {
        if let Form::Unknown = self.form {
            self.find_form()?;
        }
        if let Form::Utf16(order) = self.form
            && self.taken == self.ready.len()
        {
            self.convert(order)?;
        }
        match (self.form, &self.ready[self.taken..]) {
            (Form::Utf8, []) => self.input.fill_buf(),
            (_, ready) => Ok(ready),
        }
    }

    fn consume(&mut self, count: usize) {
        match self.taken == self.ready.len() {
            true => self.input.consume(count),
            false => self.taken += count,
        }
    }
}

impl<R: BufRead> Read for Utf8<R> {
    fn read(&mut self, out: &mut [u8]) -> Result<usize> {
        let mut ready = self.fill_buf()?;
        let count = ready.read(out)?;
        self.consume(count);
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::BufReader;

    /// What is read of `bytes` where they arrive so many at a time.
    fn read(bytes: &[u8], at_a_time: usize) -> Vec<u8> {
        let mut text = Vec::new();
        utf8(BufReader::with_capacity(at_a_time, bytes)).read_to_end(&mut text).unwrap();
        text
    }

    fn written(text: &str, form: usize) -> Vec<u8> {
        let units = |mark: &[u8], bytes: fn(u16) -> [u8; 2]| {
            mark.iter().copied().chain(text.encode_utf16().flat_map(bytes)).collect()
        };
        match form {
            0 => text.as_bytes().to_vec(),
            1 => [UTF8_MARK, text.as_bytes()].concat(),
            2 => units(LITTLE_MARK, u16::to_le_bytes),
            _ => units(BIG_MARK, u16::to_be_bytes),
        }
    }

    proptest::proptest! {
        #[test]
        fn a_text_is_the_same_however_it_is_written(text in proptest::prelude::any::<String>(), form in 0..4usize, at_a_time in 1..9usize) {
            proptest::prop_assume!(form > 0 || !text.starts_with('\u{feff}'));
            let read = read(&written(&text, form), at_a_time);
            proptest::prop_assert_eq!(String::from_utf8(read).unwrap(), text);
        }
    }

    #[test]
    fn what_is_no_text_stays_none() {
        for bytes in [&b"\xEF\xBBa"[..], b"caf\xE9", b"\xFF", b"\xFE", b"a\xFF\xFE"] {
            assert_eq!(read(bytes, 1), bytes, "as it came");
        }
        for units in [&b"\x3d\xd8"[..], b"\x3d\xd8a\0", b"\x3d\xd8\x3d\xd8\x4a\xdc", b"\x4a\xdc", b"a"] {
            let read = read(&[LITTLE_MARK, units].concat(), 1);
            assert!(std::str::from_utf8(&read).is_err() && read.contains(&NO_TEXT), "{units:x?}: {read:x?}");
        }
        assert_eq!(read(&[LITTLE_MARK, b"a\0\x3d\xd8b\0"].concat(), 3), b"a\xFFb", "the rest is still there");
    }

    /// A line that somebody has typed is there before the next.
    #[test]
    fn nothing_is_waited_for() {
        let mut typed = utf8(std::io::Cursor::new(b"\n").chain(Never));
        let mut line = Vec::new();
        typed.read_until(b'\n', &mut line).unwrap();
        assert_eq!(line, b"\n");
    }

    struct Never;

    impl Read for Never {
        fn read(&mut self, _: &mut [u8]) -> Result<usize> {
            panic!("it would wait")
        }
    }

    impl BufRead for Never {
        fn fill_buf(&mut self) -> Result<&[u8]> {
            panic!("it would wait")
        }

        fn consume(&mut self, _: usize) {}
    }
}
