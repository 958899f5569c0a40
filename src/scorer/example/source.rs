//! The turn as material: its words cut out again as phrases, and noun phrases found in it.

use crate::scorer::parse::lexicon::{Classes, Lexicon};
use crate::scorer::parse::{Break, Parsed, Word};
use std::ops::Range;
use std::sync::LazyLock;

/// The word classes looked at here.
pub struct Kinds {
    pub det: Classes,
    pub prep: Classes,
    pub aux: Classes,
    pub subj: Classes,
    pub conj: Classes,
    pub subord: Classes,
    pub wh: Classes,
    pub adverb: Classes,
    pub day: Classes,
    pub person: Classes,
    pub insult: Classes,
    pub number: Classes,
}

pub static KINDS: LazyLock<Kinds> = LazyLock::new(|| {
    let class = |name| Lexicon::get().class(name);
    Kinds {
        det: class("det"),
        prep: class("prep"),
        aux: class("aux"),
        subj: class("subj"),
        conj: class("conj"),
        subord: class("subord"),
        wh: class("wh"),
        adverb: class("adverb"),
        day: class("time") | class("weekday") | class("month") | class("dayword") | class("clock"),
        person: class("i") | class("you") | class("we") | class("they") | class("obj"),
        insult: class("emotionbad"),
        number: class("number") | class("ordinal"),
    }
});

/// A noun phrase of the turn.
#[derive(Clone, Debug)]
pub struct Noun {
    /// Its words.
    pub words: Range<usize>,
    /// As a subject: "the plan", "I" for "me".
    pub text: String,
    /// Takes "are".
    pub plural: bool,
    /// Is "I".
    pub speaker: bool,
    /// Stands for something said before: "it", "that".
    pub pronoun: bool,
}

impl Noun {
    /// The form of "be" that follows it, now or then.
    pub fn be(&self, past: bool) -> &'static str {
        match (self.speaker, self.plural, past) {
            (true, _, false) => "am",
            (_, true, false) => "are",
            (false, false, false) => "is",
            (false, true, true) => "were",
            (_, _, true) => "was",
        }
    }

    /// "has" or "have".
    pub fn has(&self) -> &'static str {
        if self.plural || self.speaker { "have" } else { "has" }
    }

    /// A verb in the present: "keep" or "keeps".
    pub fn does(&self, verb: &str) -> String {
        if self.plural || self.speaker { verb.to_owned() } else { format!("{verb}s") }
    }
}

/// The words from `range` as they were written, on one line, without marks at the ends.
pub fn phrase(parsed: &Parsed<'_>, range: Range<usize>) -> String {
    copy(parsed, range, |_| None)
}

/// Like [`phrase`], with "your" turned into "the": what is the boss's becomes a matter of its own.
pub fn neutral_phrase(parsed: &Parsed<'_>, range: Range<usize>) -> String {
    copy(parsed, range, |word| (word.lower == "your").then_some("the"))
}

fn copy(parsed: &Parsed<'_>, range: Range<usize>, instead: impl Fn(&Word) -> Option<&'static str>) -> String {
    let mut copied = String::new();
    let mut at = None;
    for word in &parsed.words[range] {
        // The second half of a contraction has the same bytes as the first.
        if at.is_some_and(|at| word.start < at) {
            continue;
        }
        copied.push_str(at.map_or("", |at| &parsed.text[at..word.start]));
        copied.push_str(instead(word).unwrap_or(&parsed.text[word.start..word.end]));
        at = Some(word.end);
    }
    let line = copied.split_whitespace().collect::<Vec<_>>().join(" ");
    line.trim_matches(|c: char| matches!(c, '.' | ',' | ';' | ':' | '!' | '?' | '…' | '-' | '–' | '—' | ' '))
        .to_owned()
}

/// `text` as the inside of a sentence: its first letter small, unless it is a name, an acronym or "I".
pub fn lowered(text: &str) -> String {
    let first = text.split(|c: char| !c.is_alphabetic() && c != '\'' && c != '’').next().unwrap_or("");
    let small = first.to_lowercase();
    let pronoun = small == "i" || small.starts_with("i'") || small.starts_with("i’");
    let known = Lexicon::get().entry(&small).sym != 0;
    let day = Lexicon::get().entry(&small).classes & KINDS.day != 0;
    let acronym = first.chars().count() > 1 && first.chars().skip(1).any(char::is_uppercase);
    if pronoun || !known || acronym || day {
        text.to_owned()
    } else {
        format!("{small}{}", &text[first.len()..])
    }
}

/// `text` as a sentence: a capital first, and `mark` at the end.
pub fn sentence(text: &str, mark: char) -> String {
    let mut chars = text.trim().chars();
    let first: String = chars.next().map(|first| first.to_uppercase().collect()).unwrap_or_default();
    format!("{first}{}{mark}", chars.as_str())
}

/// Is the word part of a time: a day, a number, "last", "again"?
pub fn is_time(word: &Word) -> bool {
    word.is(KINDS.day | KINDS.number)
        || word.number
        || matches!(
            word.lower.as_str(),
            "time"
                | "times"
                | "again"
                | "twice"
                | "once"
                | "yesterday"
                | "last"
                | "next"
                | "every"
                | "each"
                | "already"
                | "lately"
                | "recently"
                | "yet"
                | "notice"
                | "ten"
                | "asap"
                | "eod"
                | "cob"
        )
}

/// Does a time begin at `at`: "last week", "three times", "again"?
fn begins_time(words: &[Word], at: usize) -> bool {
    let here = &words[at];
    match here.lower.as_str() {
        "last" | "every" | "each" | "next" | "this" | "all" | "one" => words.get(at + 1).is_some_and(is_time),
        _ if here.is(KINDS.number) || here.number => {
            let next = words.get(at + 1);
            next.is_some_and(|next| next.is(KINDS.day) || matches!(next.lower.as_str(), "times" | "time"))
        }
        _ => {
            is_time(here) && !here.is(KINDS.day)
                || matches!(here.lower.as_str(), "today" | "tomorrow" | "tonight")
        }
    }
}

/// Do the words in `range` name a day, a length of time or the like?
pub fn is_timed(words: &[Word], range: Range<usize>) -> bool {
    words[range].iter().any(|word| word.is(KINDS.day) || (word.number && word.lower.len() <= 5))
}

/// The noun phrase that begins at `at` and ends before `end`.
pub fn noun(parsed: &Parsed<'_>, at: usize, end: usize) -> Option<Noun> {
    let words = &parsed.words;
    let first = words.get(at).filter(|_| at < end)?;
    let pronoun = |text: &str, plural, speaker| {
        Some(Noun {
            words: at..at + 1,
            text: text.to_owned(),
            plural,
            speaker,
            pronoun: !speaker && text != "we",
        })
    };
    let alone =
        at + 1 >= end || words[at + 1].is(KINDS.prep | KINDS.adverb | KINDS.conj) || is_time(&words[at + 1]);
    match first.lower.as_str() {
        "me" => return pronoun("I", false, true),
        "us" => return pronoun("we", true, false),
        "them" => return pronoun("they", true, false),
        "it" | "everything" | "nothing" | "anything" => return pronoun(&first.lower, false, false),
        "this" | "that" | "her" | "him" if alone => return pronoun("it", false, false),
        "you" | "i" | "he" | "she" | "they" | "we" | "yourself" => return None,
        _ => {}
    }
    let mut stop = noun_end(parsed, at, end);
    let head = stop.checked_sub(1).filter(|&head| head >= at)?;
    if words[head].is(KINDS.det) && head == at || words[head].is(KINDS.aux) {
        return None;
    }
    // "the feedback on the prototype", but not "the meeting on Monday".
    while stop + 1 < end
        && matches!(words[stop].lower.as_str(), "of" | "about" | "on" | "for")
        && words[stop].before == Break::None
    {
        let part = noun_end(parsed, stop + 1, end);
        if part == stop + 1 || words[stop + 1..part].iter().any(|word| is_time(word) || word.is(KINDS.person))
        {
            break;
        }
        stop = part;
    }
    let text = lowered(&neutral_phrase(parsed, at..stop));
    Some(Noun {
        words: at..stop,
        text,
        plural: is_plural(&words[head].lower),
        speaker: false,
        pronoun: false,
    })
}

fn noun_end(parsed: &Parsed<'_>, at: usize, end: usize) -> usize {
    let mut stop = at;
    while stop < end && !ends_noun(parsed, at, stop) {
        stop += 1;
    }
    stop
}

/// Is the word at `at` no longer part of the noun phrase that began at `start`?
fn ends_noun(parsed: &Parsed<'_>, start: usize, at: usize) -> bool {
    let words = &parsed.words;
    let here = &words[at];
    let inner = at > start;
    // "one-to-one"
    if inner && parsed.text[words[at - 1].end..].starts_with('-') && here.before == Break::None {
        return false;
    }
    inner && here.before >= Break::Comma
        || here.is(KINDS.prep | KINDS.conj | KINDS.subord)
        || here.is(KINDS.aux) && !here.is(KINDS.det)
        || (inner && here.is(KINDS.det | KINDS.subj))
        || here.is(KINDS.adverb)
        || begins_time(words, at)
}

/// Does the head noun take "are"?
fn is_plural(lower: &str) -> bool {
    matches!(lower, "people" | "children" | "men" | "women")
        || lower.len() > 3
            && lower.ends_with('s')
            && !lower.ends_with("ss")
            && !lower.ends_with("us")
            && lower != "news"
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scorer::parse::parse;

    fn found(text: &str, at: usize) -> (String, bool) {
        let parsed = parse(text);
        let noun = noun(&parsed, at, parsed.words.len()).unwrap();
        (noun.text, noun.plural)
    }

    #[test]
    fn noun_phrases_end_where_they_should() {
        assert_eq!(found("cancelled our one-to-one three times", 1), ("our one-to-one".into(), false));
        assert_eq!(
            found("read my reports about the rota last week", 1),
            ("my reports about the rota".into(), true)
        );
        assert_eq!(found("moved our meeting on Monday", 1), ("our meeting".into(), false));
        assert_eq!(found("interrupted me in front of her", 1), ("I".into(), false));
        assert_eq!(found("changed your plan again", 1), ("the plan".into(), false));
    }

    #[test]
    fn phrases_are_what_was_written() {
        let parsed = parse("Well, we\n don't know  Emre's plan!");
        assert_eq!(phrase(&parsed, 1..parsed.words.len()), "we don't know Emre's plan");
        assert_eq!(
            (lowered("Send it"), lowered("Emre did"), lowered("I'll go")),
            ("send it".into(), "Emre did".into(), "I'll go".into())
        );
    }
}
