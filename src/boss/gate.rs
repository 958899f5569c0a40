//! What must never be shown, whatever a model has written: what is no plain speech of the boss's own, what was said
//! before, a yes that the act does not give. Each refusal has a named reason.

use super::agreement::{Agreeing, agrees};
use super::likeness::alike;
use super::phrases::{Phrases, normal};
use super::state::Act;
use crate::text::sentences;
use serde::{Deserialize, Serialize};
use std::sync::LazyLock;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Words {
    assistant: Phrases,
    apology: Phrases,
    narration: Phrases,
    pub(super) agrees: Agreeing,
}

pub(super) static WORDS: LazyLock<Words> = LazyLock::new(|| {
    crate::text::data::from_toml(include_str!("../../prompts/gate.toml"))
        .expect("prompts/gate.toml is read by a test")
});

/// Why a candidate is not shown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Reason {
    /// It says nothing.
    Empty,
    /// Markup, code, brackets, control characters, another script.
    Markup,
    /// Tells what happens instead of speaking.
    Narration,
    /// Speaks for the other side, or to itself.
    OtherVoice,
    /// An assistant's phrase.
    Assistant,
    /// An apology.
    Apology,
    /// An earlier reply again.
    Repeated,
    /// The person's words thrown back.
    Echoed,
    /// Agrees, and the act does not.
    AgreesUnearned,
    /// Takes over what the person offers to do.
    SwapsRoles,
    /// No sentence of it is complete.
    Unfinished,
}

/// A candidate that was not shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// The candidate.
    pub text: String,
}

/// What a line must fit.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// Who speaks.
    pub boss: &'a str,
    /// The person's name.
    pub you: &'a str,
    /// What the line does.
    pub act: Act,
    /// What the person said.
    pub turn: &'a str,
    /// What the boss has said so far, greeting included.
    pub earlier: &'a [&'a str],
}

/// The most sentences of a line.
const MOST_SENTENCES: usize = 3;
/// The most words of a sentence that may come again: "Not now, Sam."
const SHORT: usize = 3;
/// Words in a row that a line says only once.
const STAMMERED_RUN: usize = 4;

/// The line as it is shown, cut to whole sentences. `complete` says that the candidate ended of itself.
///
/// # Errors
/// Why it is not shown.
pub fn pass(candidate: &str, complete: bool, expected: &Expected) -> Result<String, Reason> {
    let text = unwrapped(candidate);
    if text.is_empty() {
        return Err(Reason::Empty);
    }
    is_plain_speech(text)?;
    let text = trimmed(text, complete, MOST_SENTENCES).ok_or(Reason::Unfinished)?;
    in_voice(&text, expected.boss, expected.you)?;
    if expected.earlier.iter().any(|line| alike(&text, line))
        || stammers(&text)
        || repeats_a_sentence(&text, expected.earlier)
    {
        return Err(Reason::Repeated);
    }
    if alike(&text, expected.turn) {
        return Err(Reason::Echoed);
    }
    if !expected.act.concedes() && agrees(&text) {
        return Err(Reason::AgreesUnearned);
    }
    let offered = own_deeds(expected.turn);
    if own_deeds(&text).iter().any(|deed| offered.contains(deed)) {
        return Err(Reason::SwapsRoles);
    }
    Ok(text)
}

/// What the speaker would do: the verbs of "I'll write and send it", "could I come by", "let me try".
fn own_deeds(text: &str) -> Vec<String> {
    const WOULD: [&str; 8] = ["will", "can", "could", "would", "shall", "should", "may", "also"];
    let (text, mut deeds) = (normal(text), Vec::new());
    let words: Vec<&str> = text.split_whitespace().collect();
    let is_would = |at: usize| words.get(at).is_some_and(|word| WOULD.contains(word));
    let mut would = false;
    for (at, word) in words.iter().enumerate() {
        let begins = match *word {
            "i'll" | "i'd" => true,
            "i" => is_would(at + 1) || at > 0 && is_would(at - 1),
            "me" => at > 0 && words[at - 1] == "let",
            _ => false,
        };
        would |= begins;
        if begins || would && *word == "and" {
            let verb = words[at + 1..].iter().find(|word| !WOULD.contains(word));
            deeds.extend(verb.map(|verb| (*verb).to_owned()));
        }
    }
    deeds
}

/// Without the quotation marks that some models put around a line.
fn unwrapped(candidate: &str) -> &str {
    let text = candidate.trim();
    let inner = text.strip_prefix(['"', '“']).and_then(|rest| rest.strip_suffix(['"', '”']));
    match inner {
        Some(inner) if !inner.contains(['"', '“', '”']) => inner.trim(),
        _ => text,
    }
}

fn is_plain_speech(text: &str) -> Result<(), Reason> {
    let odd = |c: char| {
        c.is_control()
            || "{}[]<>#*_`=|\\^~/()@".contains(c)
            || (c.is_alphabetic() && !is_latin(c))
            || is_symbol(c)
    };
    if text.chars().any(odd) || text.contains("http") {
        return Err(Reason::Markup);
    }
    // "SAM:", "Dana:" — a line of the script.
    let label = |word: &str| word.ends_with(':') && word.starts_with(char::is_uppercase) && word.len() > 2;
    if text
        .split_whitespace()
        .any(|word| label(word) && word[..word.len() - 1].chars().all(char::is_alphabetic))
    {
        return Err(Reason::OtherVoice);
    }
    Ok(())
}

fn is_latin(c: char) -> bool {
    c.is_ascii() || matches!(c as u32, 0xC0..=0x24F)
}

fn is_symbol(c: char) -> bool {
    matches!(c as u32, 0x2190..=0x2BFF | 0x3000..=0x303F | 0xFF00..=0xFFEF | 0x1F000..=0x1FAFF | 0x200B..=0x200F | 0x202A..=0x202E)
}

/// Complete sentences only, at most `most` of them.
fn trimmed(text: &str, complete: bool, most: usize) -> Option<String> {
    let mut spans = sentences(text);
    let ends = |span: &std::ops::Range<usize>| text[span.clone()].ends_with(['.', '!', '?', '…', '"', '”']);
    let closed = spans.last().is_some_and(ends);
    if !closed && !complete {
        spans.pop();
    }
    let kept = spans.get(..most.min(spans.len()))?;
    let (first, last) = (kept.first()?, kept.last()?);
    let mut reply = text[first.start..last.end].to_owned();
    if !ends(last) {
        reply.truncate(reply.trim_end_matches(|c: char| !c.is_alphanumeric()).len());
        reply.push('.');
    }
    Some(reply)
}

/// What shows that the boss would not say this: an assistant's phrase, an apology, narration, markup, another's words.
pub fn out_of_voice(text: &str, boss: &str, you: &str) -> Option<Reason> {
    is_plain_speech(text).and_then(|()| in_voice(text, boss, you)).err()
}

fn in_voice(text: &str, boss: &str, you: &str) -> Result<(), Reason> {
    let normal = normal(text);
    let has = |word: &str| normal.contains(&format!(" {} ", word.to_lowercase()));
    if WORDS.assistant.find(&normal).is_some() {
        return Err(Reason::Assistant);
    }
    if WORDS.apology.find(&normal).is_some() {
        return Err(Reason::Apology);
    }
    if WORDS.narration.find(&normal).is_some() || tells_of(you, text, &normal) {
        return Err(Reason::Narration);
    }
    let calls_boss =
        has("boss") && !["my boss", "own boss", "a boss", "the boss's"].iter().any(|own| has(own));
    if has(boss) || calls_boss || has("sir") || has("ma'am") || has("i'm your") {
        return Err(Reason::OtherVoice);
    }
    Ok(())
}

/// The person in the third person: "Sam wants…", and any "Sam built…" that begins a sentence, since a name that is
/// called stands before a comma there.
fn tells_of(you: &str, text: &str, normal: &str) -> bool {
    const VERBS: [&str; 16] = [
        "is", "was", "has", "had", "said", "says", "wants", "wanted", "thinks", "needs", "looks", "asks",
        "asked", "knows", "does", "and",
    ];
    let begins_with = |sentence: &str| {
        let after = sentence.strip_prefix(you).and_then(|rest| rest.strip_prefix(' '));
        after.is_some_and(|rest| rest.starts_with(char::is_lowercase))
    };
    let lower = you.to_lowercase();
    VERBS.iter().any(|verb| normal.contains(&format!(" {lower} {verb} ")))
        || normal.contains(&format!(" {lower}'s "))
        || sentences(text).into_iter().any(|span| begins_with(&text[span]))
}

/// A whole sentence that the boss has said before; "Look." and the like may come again.
fn repeats_a_sentence(text: &str, earlier: &[&str]) -> bool {
    let long = |sentence: &&str| normal(sentence).split_whitespace().count() > SHORT;
    let said: Vec<&str> =
        earlier.iter().flat_map(|line| sentences(line).into_iter().map(|span| &line[span])).collect();
    let mut own = sentences(text).into_iter().map(|span| &text[span]).filter(long);
    own.any(|sentence| said.iter().any(|other| alike(sentence, other)))
}

/// The same words twice within the reply.
fn stammers(text: &str) -> bool {
    let words = normal(text);
    let words: Vec<&str> = words.split_whitespace().collect();
    let runs: Vec<&[&str]> = words.windows(STAMMERED_RUN).collect();
    runs.iter().enumerate().any(|(at, run)| runs[at + 1..].contains(run))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn passed(candidate: &str, act: Act) -> Result<String, Reason> {
        let earlier = ["Yes, Sam?", "How long would the page be, in the end?"];
        let turn = "We've waited for three weeks. Could I send you one page on Thursday?";
        pass(candidate, true, &Expected { boss: "Dana", you: "Sam", act, turn, earlier: &earlier })
    }

    #[test]
    fn each_fault_has_its_reason() {
        use Act::*;
        for (candidate, act, reason) in [
            ("", Dismisses, Reason::Empty),
            ("Not now. (sighs)", Dismisses, Reason::Markup),
            ("*shrugs* Not now.", Dismisses, Reason::Markup),
            ("Not now.\u{1b}[31m", Dismisses, Reason::Markup),
            ("现在不行。", Dismisses, Reason::Markup),
            ("SAM: I can wait.", Dismisses, Reason::OtherVoice),
            ("Not now. Dana has no time.", Dismisses, Reason::OtherVoice),
            ("Not now, boss.", Dismisses, Reason::OtherVoice),
            ("Not now, she says.", Dismisses, Reason::Narration),
            ("Sam wants too much, not now.", Dismisses, Reason::Narration),
            ("Sam built it, not me.", Dismisses, Reason::Narration),
            ("As an AI I can't do that.", Dismisses, Reason::Assistant),
            ("I'm sorry, I can't do that now.", Dismisses, Reason::Apology),
            ("How long would the page be in the end?", AsksForSpecifics, Reason::Repeated),
            ("Which page? How long would the page be, in the end?", AsksForSpecifics, Reason::Repeated),
            ("Maybe I'd have to see if I'd have to see.", Considers, Reason::Repeated),
            ("We've waited three weeks. Could I send you one page on Thursday?", Considers, Reason::Echoed),
            ("Okay, send it on Thursday.", Considers, Reason::AgreesUnearned),
            ("Good. I'll send you the page on Thursday.", AgreesAndCommits, Reason::SwapsRoles),
        ] {
            assert_eq!(passed(candidate, act), Err(reason), "{candidate}");
        }
    }

    #[test]
    fn what_may_be_shown_is_cut_to_whole_sentences() {
        use Act::*;
        for (candidate, act, shown) in [
            (" \"Not this week.\" ", Dismisses, "Not this week."),
            ("Not now, Sam.", Dismisses, "Not now, Sam."),
            ("Thursday could work", Considers, "Thursday could work."),
            ("Good. Send it on Thursday.", AgreesAndCommits, "Good. Send it on Thursday."),
            ("No. Not that. Not now. Not ever.", PushesBack, "No. Not that. Not now."),
        ] {
            assert_eq!(passed(candidate, act).as_deref(), Ok(shown), "{candidate}");
        }
        assert_eq!(own_deeds("I'll bring the page and write it down. I know it's late."), ["bring", "write"]);
        assert_eq!(own_deeds("Could I also come by? Let me try, you could read."), ["come", "try"]);
        assert_eq!(trimmed("Maybe. I'd have to lo", false, 3).as_deref(), Some("Maybe."));
        assert_eq!(trimmed("I'd have to lo", false, 3), None);
    }
}
