//! Server-sent events: the `data:` of a stream, one event at a time, within bounds.

use std::io::{self, BufRead, Read};

/// The longest line that is taken, in bytes.
const LONGEST_LINE: u64 = 1 << 20;

/// Why a stream can't be read on.
#[derive(Debug)]
pub(super) enum Fault {
    /// The connection failed.
    Io(io::Error),
    /// A line that does not end.
    LongLine,
}

/// The events of a stream.
pub(super) struct Events<R> {
    lines: R,
    ended: bool,
}

impl<R: BufRead> Events<R> {
    pub fn new(lines: R) -> Events<R> {
        Events { lines, ended: false }
    }

    /// One line without its end; none at the end of the stream.
    fn line(&mut self) -> Result<Option<String>, Fault> {
        let mut line = Vec::new();
        let read = Read::take(&mut self.lines, LONGEST_LINE + 1).read_until(b'\n', &mut line);
        match read.map_err(Fault::Io)? as u64 {
            0 => return Ok(None),
            length if length > LONGEST_LINE => return Err(Fault::LongLine),
            _ => {}
        }
        let text = String::from_utf8_lossy(&line);
        Ok(Some(text.trim_end_matches(['\n', '\r']).to_owned()))
    }

    /// The data of the next event; none at the end of the stream. Comments and other fields are passed over.
    pub fn next(&mut self) -> Result<Option<String>, Fault> {
        let mut data: Option<String> = None;
        while !self.ended {
            let Some(line) = self.line()? else {
                self.ended = true;
                break;
            };
            if line.is_empty() {
                if data.is_some() {
                    break;
                }
            } else if let Some(more) = line.strip_prefix("data:") {
                let more = more.strip_prefix(' ').unwrap_or(more);
                match &mut data {
                    Some(data) => {
                        data.push('\n');
                        data.push_str(more);
                    }
                    None => data = Some(more.to_owned()),
                }
            }
        }
        Ok(data)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(stream: &str) -> Vec<String> {
        let mut events = Events::new(stream.as_bytes());
        std::iter::from_fn(|| events.next().unwrap()).collect()
    }

    #[test]
    fn data_is_found_among_comments_and_other_fields() {
        let stream =
            ": ping\n\nevent: x\ndata: {\"a\":1}\r\n\r\nretry: 5\n\ndata:two\ndata: lines\n\ndata: [DONE]\n";
        assert_eq!(all(stream), ["{\"a\":1}", "two\nlines", "[DONE]"]);
        assert!(all("").is_empty());
        assert!(all("<html>\nnothing\n").is_empty());
    }

    #[test]
    fn a_line_without_end_is_not_read_to_its_end() {
        let endless = io::BufReader::new(io::repeat(b'x'));
        assert!(matches!(Events::new(endless).next(), Err(Fault::LongLine)));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_taken(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
            let mut events = Events::new(bytes.as_slice());
            while let Ok(Some(_)) = events.next() {}
        }
    }
}
