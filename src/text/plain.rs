//! Words before typography: one plain form of a text, whatever it was typed with, and the way back.

use super::printable::is_unsafe;
use super::token::is_pictograph;
use std::ops::Range;

/// A text with plain quotation marks, apostrophes, dashes and spaces, on one line, without what only decorates
/// it, and without quotation marks around the whole.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Plain {
    /// The plain text.
    pub text: String,
    /// For each of its bytes, the bytes of the original that it stands for.
    origins: Vec<Range<usize>>,
}

impl Plain {
    /// The plain form of `original`. Linear in its length; plain text is its own plain form.
    pub fn of(original: &str) -> Plain {
        let mut plain = Plain { text: String::with_capacity(original.len()), origins: Vec::new() };
        let mut space = None;
        let inner = unquoted(original);
        for (start, c) in original[inner.clone()].char_indices() {
            let start = inner.start + start;
            let origin = start..start + c.len_utf8();
            if c.is_whitespace() || is_pictograph(c) {
                space.get_or_insert(origin);
            } else if !is_unsafe(c) && !is_invisible(c) {
                if let Some(origin) = space.take().filter(|_| !plain.text.is_empty()) {
                    plain.push(' ', origin);
                }
                match c {
                    '…' => "...".chars().for_each(|dot| plain.push(dot, origin.clone())),
                    c => plain.push(of_char(c), origin),
                }
            }
        }
        plain
    }

    fn push(&mut self, c: char, origin: Range<usize>) {
        self.text.push(c);
        self.origins.resize(self.text.len(), origin);
    }

    /// The bytes of the original that some bytes of the plain text stand for.
    pub fn original(&self, bytes: Range<usize>) -> Range<usize> {
        match (self.origins.get(bytes.start), self.origins[..bytes.end].last()) {
            (Some(first), Some(last)) if !bytes.is_empty() => first.start..last.end,
            _ => 0..0,
        }
    }
}

fn of_char(c: char) -> char {
    match c {
        '“' | '”' | '„' | '‟' | '«' | '»' | '〝' | '〞' | '＂' => '"',
        '‘' | '’' | '‚' | '‛' | '´' | '`' | '′' | 'ʼ' | '＇' => '\'',
        '‐'..='―' | '−' => '-',
        '？' => '?',
        '！' => '!',
        c => c,
    }
}

/// Soft hyphens, joiners, variation selectors and the like: there, and not to be seen.
fn is_invisible(c: char) -> bool {
    matches!(c, '\u{ad}' | '\u{34f}' | '\u{200b}'..='\u{200f}' | '\u{20e3}' | '\u{fe00}'..='\u{fe0f}')
}

/// What is not seen at the ends of a text.
fn is_edge(c: char) -> bool {
    c.is_whitespace() || is_pictograph(c) || is_unsafe(c) || is_invisible(c)
}

/// `text` without the quotation marks around the whole, where it has any that are not of quotations within it.
fn unquoted(text: &str) -> Range<usize> {
    let mut inner = 0..text.len();
    loop {
        let all = &text[inner.clone()];
        let start = inner.start + all.len() - all.trim_start_matches(is_edge).len();
        inner = start..start + all.trim_matches(is_edge).len();
        let mut marks = text[inner.clone()].chars();
        let (Some(open), Some(close)) = (marks.next(), marks.next_back()) else { return inner };
        let within = inner.start + open.len_utf8()..inner.end - close.len_utf8();
        let pair = of_char(open) == of_char(close) && matches!(of_char(open), '"' | '\'');
        if !pair || marks.as_str().trim_matches(is_edge).is_empty() {
            return inner;
        }
        // An apostrophe stands between letters; another mark of the kind is of a quotation within the text.
        let letter = |c: Option<char>| c.is_some_and(char::is_alphanumeric);
        let is_apostrophe = |at: usize, c: char| {
            letter(text[..at].chars().next_back()) && letter(text[at + c.len_utf8()..].chars().next())
        };
        let mut kind = text[within.clone()].char_indices().filter(|(_, c)| *c == open || *c == close);
        if kind.any(|(at, c)| !is_apostrophe(within.start + at, c)) {
            return inner;
        }
        inner = within;
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn typography_is_taken_out() {
        for typed in [
            "Can't we talk - \"soon\"?",
            "Can’t we\u{a0}talk\u{202f}–\u{2009}“soon”?",
            "\u{feff}  Can´t we\r\ntalk — «soon»? 🙂👍🏽\n",
            "“Can`t we ta\u{ad}lk \u{200b}- «soon»?”",
        ] {
            let plain = Plain::of(typed);
            assert_eq!(plain.text, "Can't we talk - \"soon\"?", "{typed}");
        }
        assert_eq!(Plain::of("“I don’t know.”").text, "I don't know.");
        assert_eq!(Plain::of("'I don't know.'").text, "I don't know.");
        assert_eq!(Plain::of("\"Yes\" is \"no\"").text, "\"Yes\" is \"no\"");
        assert_eq!(Plain::of("wait…").text, "wait...");
        assert_eq!(Plain::of("“„Hm.“”").text, "\"\"Hm.\"\"", "which marks belong together is not known");
        assert_eq!(Plain::of(" 🙂 \"\" ").text, "\"\"");
    }

    #[test]
    fn the_way_back_is_verbatim() {
        let typed = "“So… can’t\nwe  ta\u{ad}lk?” ";
        let plain = Plain::of(typed);
        assert_eq!(plain.text, "So... can't we talk?");
        let back = |piece: &str| {
            let start = plain.text.find(piece).unwrap();
            &typed[plain.original(start..start + piece.len())]
        };
        assert_eq!(back("So..."), "So…");
        assert_eq!(back("can't we"), "can’t\nwe");
        assert_eq!(back("talk?"), "ta\u{ad}lk?");
        assert_eq!(plain.original(3..3), 0..0);
    }

    /// A turn as another program would have typed it.
    fn retyped(turn: &str) -> Vec<String> {
        let words: Vec<&str> = turn.split(' ').collect();
        let mut wrapped = String::new();
        let mut column = 0;
        for word in &words {
            let gap = if column + word.len() > 60 { "\n" } else { " " };
            column = if gap == " " { column + word.len() + 1 } else { word.len() };
            wrapped += gap;
            wrapped += word;
        }
        let hyphened = words.iter().map(|word| match word.char_indices().nth(4) {
            Some((at, _)) if word.len() > 7 => format!("{}\u{ad}{}", &word[..at], &word[at..]),
            _ => (*word).to_owned(),
        });
        vec![
            wrapped,
            hyphened.collect::<Vec<_>>().join(" "),
            format!("“{turn}”"),
            format!("«{turn}»"),
            format!("{turn} 🙂"),
            format!("\u{feff}{turn}\r\n"),
            turn.replace('\'', "’"),
            turn.replace('\'', "´"),
            turn.replace(' ', "\u{a0}"),
            turn.replace(' ', "\u{202f}"),
            turn.replace(' ', " \u{200b}"),
        ]
    }

    #[test]
    fn typography_changes_nothing_of_the_corpus() {
        // What is graded is the plain text, so where it is the same every verdict is.
        let corpus = include_str!("../../tests/corpus/test.jsonl").lines();
        let corpus = corpus.chain(include_str!("../../tests/corpus/wide-dev.jsonl").lines());
        let (mut turns, mut changed) = (0, 0);
        for line in corpus {
            let line: serde_json::Value = serde_json::from_str(line).unwrap();
            let turn = line["text"].as_str().unwrap();
            let plain = Plain::of(turn).text;
            turns += 1;
            changed += usize::from(retyped(turn).iter().any(|typed| Plain::of(typed).text != plain));
        }
        assert!(changed * 200 <= turns, "{changed} of {turns} turns");
    }

    proptest! {
        #[test]
        fn plain_text_is_its_own_plain_form(text in any::<String>()) {
            let plain = Plain::of(&text);
            prop_assert_eq!(&Plain::of(&plain.text).text, &plain.text);
            let back = plain.original(0..plain.text.len());
            prop_assert!(text.get(back).is_some());
        }
    }
}
