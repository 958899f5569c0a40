//! Words in their normal form: lower case, contractions taken apart, texting spelled out, each with
//! the byte span it was written at.

use super::lexicon::{Classes, Entry, Forms, Lexicon, Sym, UNKNOWN};
use crate::text::{self, Kind};
use std::ops::Range;

/// What stands between a word and the one before it.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub enum Break {
    /// Nothing but space.
    #[default]
    None,
    /// A comma.
    Comma,
    /// A dash, colon, semicolon, bracket.
    Strong,
    /// The end of a sentence.
    Sentence,
}

/// One word.
#[derive(Clone, Debug, Default)]
pub struct Word {
    /// Lower case, straight apostrophes, spelled out.
    pub lower: String,
    /// Its symbol in the lexicon.
    pub sym: Sym,
    /// The symbol of its bare form.
    pub lemma: Sym,
    /// The classes it is in.
    pub classes: Classes,
    /// Its verb forms.
    pub forms: Forms,
    /// First byte of what was written.
    pub start: usize,
    /// One past its last byte.
    pub end: usize,
    /// What stands before it.
    pub before: Break,
    /// A colon stands before it.
    pub after_colon: bool,
    /// It stands inside quotation marks.
    pub quoted: bool,
    /// Begins with a digit.
    pub number: bool,
    /// A pictograph.
    pub emoji: bool,
    /// Written with a capital.
    pub capital: bool,
    /// Written in capitals throughout, more than one letter.
    pub shouted: bool,
    /// Index of its sentence.
    pub sentence: usize,
    /// Index of its clause; set by the clause splitter.
    pub clause: usize,
}

impl Word {
    /// Is it in any of the classes?
    pub fn is(&self, classes: Classes) -> bool {
        self.classes & classes != 0
    }
}

/// All words of `text` in order, given its sentences.
pub fn words(text: &str, sentences: &[Range<usize>]) -> Vec<Word> {
    let lexicon = Lexicon::get();
    let quotations = text::quotations(text);
    let mut found = Vec::with_capacity(text.len() / 5 + 4);
    let (mut sentence, mut quotation) = (0, 0);
    let (mut before, mut after_colon) = (Break::Sentence, false);
    for token in text::tokens(text) {
        while sentence + 1 < sentences.len() && token.start >= sentences[sentence + 1].start {
            sentence += 1;
            before = Break::Sentence;
        }
        while quotation < quotations.len() && token.start >= quotations[quotation].end {
            quotation += 1;
        }
        let raw = &text[token.start..token.end];
        if token.kind == Kind::Punct {
            before = before.max(strength(raw, text, token.end));
            after_colon |= raw == ":";
            continue;
        }
        let quoted = quotations.get(quotation).is_some_and(|span| span.contains(&token.start));
        let model = Word {
            start: token.start,
            end: token.end,
            before,
            after_colon,
            quoted,
            number: token.kind == Kind::Number,
            emoji: token.kind == Kind::Emoji,
            capital: raw.starts_with(char::is_uppercase),
            shouted: raw.chars().count() > 1 && raw.chars().all(|c| c.is_uppercase() || c == '\''),
            sentence,
            ..Word::default()
        };
        push_normal(&raw.to_lowercase().replace('’', "'"), model, lexicon, &mut found);
        (before, after_colon) = (Break::None, false);
    }
    settle_doubtful(&mut found, lexicon);
    settle_had(&mut found, lexicon);
    found
}

fn strength(mark: &str, text: &str, end: usize) -> Break {
    match mark {
        "," => Break::Comma,
        ";" | ":" | "–" | "—" | "(" | ")" | "…" | "/" => Break::Strong,
        // A hyphen inside a word joins; one that stands free is a dash.
        "-" if !text[end..].starts_with(char::is_alphanumeric) => Break::Strong,
        _ => Break::None,
    }
}

/// Adds the word, taken apart where it is a contraction or a short form.
fn push_normal(lower: &str, model: Word, lexicon: &Lexicon, found: &mut Vec<Word>) {
    let mut first = true;
    let mut push = |lower: &str| {
        let Entry { sym, lemma, classes, forms } = lexicon.entry(lower);
        let mut word = Word { lower: lower.to_owned(), sym, lemma, classes, forms, ..model.clone() };
        if !first {
            (word.before, word.after_colon) = (Break::None, false);
        }
        first = false;
        found.push(word);
    };
    if let Some(meant) = lexicon.spelled_out(lower) {
        meant.iter().for_each(|word| push(word));
        return;
    }
    if let Some(stem) = lower.strip_suffix("n't") {
        push(match stem {
            "ca" => "can",
            "wo" => "will",
            "sha" => "shall",
            "ai" => "is",
            stem => stem,
        });
        push("not");
        return;
    }
    let Some((stem, tail)) = lower.rsplit_once('\'') else { return push(lower) };
    let spelled = match tail {
        "ll" => "will",
        "ve" => "have",
        "re" => "are",
        "m" => "am",
        "d" => "would",
        "s" if stem == "let" => "us",
        "s" if takes_is(stem) => "is",
        "s" | "" => return push(stem),
        _ => return push(lower),
    };
    match lexicon.spelled_out(stem) {
        Some(meant) => meant.iter().for_each(|word| push(word)),
        None => push(stem),
    }
    push(spelled);
}

fn takes_is(stem: &str) -> bool {
    const HOSTS: [&str; 18] = [
        "it",
        "that",
        "this",
        "there",
        "here",
        "he",
        "she",
        "what",
        "who",
        "where",
        "when",
        "how",
        "why",
        "which",
        "everything",
        "nothing",
        "something",
        "everyone",
    ];
    HOSTS.contains(&stem)
}

/// "I'd written": a clipped "had", told from "would" by the participle behind it.
fn settle_had(found: &mut [Word], lexicon: &Lexicon) {
    let adverb = lexicon.class("adverb");
    for at in 1..found.len() {
        let clipped = found[at].lower == "would" && found[at].start == found[at - 1].start;
        let next = found[at + 1..].iter().take(3).find(|word| !word.is(adverb));
        if clipped && next.is_some_and(|word| word.forms.participle && !word.forms.base) {
            rename(&mut found[at], "had", lexicon);
        }
    }
}

/// Spellings that only their neighbours explain: `its been`, `ur late`, `ill send`, `id like`.
fn settle_doubtful(found: &mut Vec<Word>, lexicon: &Lexicon) {
    let mut at = 0;
    while at + 1 < found.len() {
        let next = &found[at + 1];
        let (base, ing) = (next.forms.base, next.lower.ends_with("ing"));
        let meant: Option<[&str; 2]> = match found[at].lower.as_str() {
            "its"
                if matches_any(
                    &next.lower,
                    "been not a the just about only ok fine hard getting been been",
                ) =>
            {
                Some(["it", "is"])
            }
            "ur" if ing
                || next.is(lexicon.class("state"))
                || matches_any(&next.lower, "not the a so really") =>
            {
                Some(["you", "are"])
            }
            "ill" if base => Some(["i", "will"]),
            "id" if base || matches_any(&next.lower, "rather") => Some(["i", "would"]),
            "wed" if base => Some(["we", "would"]),
            _ => None,
        };
        if let Some(meant) = meant {
            let mut second = found[at].clone();
            (second.before, second.after_colon) = (Break::None, false);
            rename(&mut found[at], meant[0], lexicon);
            rename(&mut second, meant[1], lexicon);
            found.insert(at + 1, second);
            at += 1;
        } else if found[at].lower == "ur" {
            rename(&mut found[at], "your", lexicon);
        }
        at += 1;
    }
}

fn matches_any(word: &str, list: &str) -> bool {
    list.split(' ').any(|known| known == word)
}

fn rename(word: &mut Word, lower: &str, lexicon: &Lexicon) {
    let Entry { sym, lemma, classes, forms } = lexicon.entry(lower);
    debug_assert_ne!(sym, UNKNOWN);
    (word.lower, word.sym, word.lemma, word.classes, word.forms) =
        (lower.to_owned(), sym, lemma, classes, forms);
}

#[cfg(test)]
mod tests {
    use super::*;

    fn normal(text: &str) -> Vec<String> {
        words(text, &text::sentences(text)).into_iter().map(|word| word.lower).collect()
    }

    #[test]
    fn contractions_and_texting() {
        assert_eq!(normal("I can’t, you're late"), ["i", "can", "not", "you", "are", "late"]);
        assert_eq!(
            normal("dont u think its been long"),
            ["do", "not", "you", "think", "it", "is", "been", "long"]
        );
        assert_eq!(
            normal("ill send ur list, ur late"),
            ["i", "will", "send", "your", "list", "you", "are", "late"]
        );
        assert_eq!(normal("one-to-ones"), ["one", "to", "ones"]);
    }

    #[test]
    fn spans_are_what_was_written() {
        let text = "Well — I’ll go.";
        let found = words(text, &text::sentences(text));
        assert_eq!(&text[found[1].start..found[1].end], "I’ll");
        assert_eq!(found[1].before, Break::Strong);
        assert_eq!(found[2].lower, "will");
    }
}
