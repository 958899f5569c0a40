//! Server-sent events: the values of a stream, one at a time, within bounds.

use serde_json::Value;
use std::io::{self, BufRead, Read};

/// The longest line that is taken, in bytes, and the longest event of several lines.
const LONGEST_LINE: u64 = 1 << 20;

/// Why a stream can't be read on.
#[derive(Debug)]
pub(super) enum Fault {
    /// The connection failed.
    Io(io::Error),
    /// A line or an event that does not end.
    LongLine,
}

/// What a stream holds.
#[derive(Debug, PartialEq)]
pub(super) enum Event {
    Value(Value),
    /// `[DONE]`: nothing follows.
    Done,
    /// Words that are no JSON.
    Other(String),
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
        Ok(Some(text.trim_start_matches('\u{feff}').trim_end_matches(['\n', '\r']).to_owned()))
    }

    /// The next event; none at the end of the stream. Comments and other fields are passed over. An event ends with an
    /// empty line, or with its first where that is whole: some servers send no empty lines.
    pub fn next(&mut self) -> Result<Option<Event>, Fault> {
        let mut data = String::new();
        while !self.ended {
            let Some(line) = self.line()? else {
                self.ended = true;
                break;
            };
            if line.is_empty() && !data.is_empty() {
                break;
            }
            let Some(more) = line.strip_prefix("data:").map(str::trim) else { continue };
            if data.is_empty()
                && let Some(event) = whole(more)
            {
                return Ok(Some(event));
            }
            data.push_str(more);
            data.push('\n');
            if data.len() as u64 > LONGEST_LINE {
                return Err(Fault::LongLine);
            }
        }
        let data = data.trim();
        Ok((!data.is_empty()).then(|| whole(data).unwrap_or_else(|| Event::Other(data.to_owned()))))
    }
}

fn whole(data: &str) -> Option<Event> {
    if data == "[DONE]" { Some(Event::Done) } else { serde_json::from_str(data).ok().map(Event::Value) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn all(stream: &str) -> Vec<Event> {
        let mut events = Events::new(stream.as_bytes());
        std::iter::from_fn(|| events.next().unwrap()).collect()
    }

    #[test]
    fn data_is_found_among_comments_and_other_fields() {
        let stream = "\u{feff}: ping\n\nevent: x\ndata: {\"a\":1}\r\n\r\nretry: 5\n\ndata:[1,\ndata: 2]\n\ndata: wait\n\ndata: [DONE]\n";
        let expected = [
            Event::Value(json!({"a": 1})),
            Event::Value(json!([1, 2])),
            Event::Other("wait".to_owned()),
            Event::Done,
        ];
        assert_eq!(all(stream), expected);
        assert!(all("").is_empty());
        assert!(all("<html>\nnothing\n").is_empty());
    }

    #[test]
    fn events_without_empty_lines_between_them_are_told_apart() {
        let expected = [Event::Value(json!({"a": 1})), Event::Value(json!(null)), Event::Done];
        assert_eq!(all("data: {\"a\":1}\ndata: null\ndata: [DONE]\n"), expected);
    }

    #[test]
    fn a_line_without_end_is_not_read_to_its_end() {
        let endless = io::BufReader::new(io::repeat(b'x'));
        assert!(matches!(Events::new(endless).next(), Err(Fault::LongLine)));
        let lines = "data: {\"a\":\n".repeat(1 << 18);
        assert!(matches!(Events::new(lines.as_bytes()).next(), Err(Fault::LongLine)));
    }

    proptest::proptest! {
        #[test]
        fn any_bytes_are_taken(bytes in proptest::collection::vec(proptest::num::u8::ANY, 0..400)) {
            let mut events = Events::new(bytes.as_slice());
            while let Ok(Some(_)) = events.next() {}
        }
    }
}
