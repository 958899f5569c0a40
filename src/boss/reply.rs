//! Is a candidate fit to be shown? In the boss's voice, within its length, doing what the act says, and an
//! answer to what was said. Each refusal has a named reason.

use super::agreement::{Agreeing, agrees};
use super::direction::{borrows_from_sample, sample};
use super::likeness::{alike, longest_common_run, shared_words};
use super::phrases::{Phrases, normal};
use super::state::Act;
use crate::scenario::{Boss, PrivateFact};
use crate::text::sentences;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::LazyLock;

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Words {
    assistant: Phrases,
    apology: Phrases,
    narration: Phrases,
    pub(super) agrees: Agreeing,
    cues: BTreeMap<Act, Cues>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Cues {
    form: Form,
    any: Phrases,
    /// What shows another act.
    #[serde(default)]
    none: Phrases,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Form {
    Question,
    Statement,
    Any,
}

pub(super) static WORDS: LazyLock<Words> = LazyLock::new(|| {
    crate::text::data::from_toml(include_str!("../../prompts/reply.toml"))
        .expect("prompts/reply.toml is read by a test")
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
    /// An example line again.
    Copied,
    /// An earlier reply again.
    Repeated,
    /// The person's words thrown back.
    Echoed,
    /// Agrees, and the act does not.
    AgreesUnearned,
    /// Does not agree, and the act does.
    DoesNotAgree,
    /// Takes over what the person offered to do, or hands over what the boss was asked for.
    SwapsRoles,
    /// Does something else than the act.
    OffAct,
    /// Passes over what was said.
    NotAnAnswer,
    /// No sentence of it is complete.
    Unfinished,
}

impl Reason {
    /// The stable id in reports.
    pub fn id(self) -> &'static str {
        match self {
            Reason::Empty => "empty",
            Reason::Markup => "markup",
            Reason::Narration => "narration",
            Reason::OtherVoice => "other-voice",
            Reason::Assistant => "assistant",
            Reason::Apology => "apology",
            Reason::Copied => "copied",
            Reason::Repeated => "repeated",
            Reason::Echoed => "echoed",
            Reason::AgreesUnearned => "agrees-unearned",
            Reason::DoesNotAgree => "does-not-agree",
            Reason::SwapsRoles => "swaps-roles",
            Reason::OffAct => "off-act",
            Reason::NotAnAnswer => "not-an-answer",
            Reason::Unfinished => "unfinished",
        }
    }
}

/// A candidate that was not shown.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    /// Why.
    pub reason: Reason,
    /// The candidate.
    pub text: String,
}

/// What a reply must fit.
#[derive(Clone, Copy, Debug)]
pub struct Expected<'a> {
    /// Who speaks.
    pub boss: &'a Boss,
    /// The person's name.
    pub you: &'a str,
    /// What the reply does.
    pub act: Act,
    /// What the person said.
    pub turn: &'a str,
    /// What the person said before that, the oldest first.
    pub before: &'a [&'a str],
    /// What is on the table, as the boss would say it.
    pub offers: &'a [String],
    /// What it takes up, where the act concedes.
    pub offer: Option<&'a str>,
    /// The private fact it tells, if any.
    pub fact: Option<&'a PrivateFact>,
    /// Words that belong to the matter.
    pub keywords: &'a [String],
    /// What the boss has said so far, greeting included.
    pub earlier: &'a [&'a str],
}

/// The fewest words of a statement that takes something up.
const FEWEST: usize = 3;
/// Words in a row that make a reply a copy of an example.
const COPIED_RUN: usize = 5;
/// … of the sample scene, which is about something else.
const SAMPLE_RUN: usize = 4;
/// Words in a row that a reply says only once.
const STAMMERED_RUN: usize = 4;
/// Words in a row that make a reply an echo of the turn.
const ECHOED_RUN: usize = 5;

/// The reply as it is shown, cut to its complete sentences and to the boss's limit, in which the sentences of
/// a fixed `opening` do not count. `complete` says that the candidate ended of itself.
///
/// # Errors
/// Why it is not shown.
pub fn check(candidate: &str, opening: &str, complete: bool, expected: &Expected) -> Result<String, Reason> {
    let text = unwrapped(candidate);
    if text.is_empty() {
        return Err(Reason::Empty);
    }
    is_plain_speech(text)?;
    let closed = |span: &std::ops::Range<usize>| opening[span.clone()].ends_with(['.', '?', '!']);
    let given = sentences(opening).iter().filter(|span| closed(span)).count();
    let most = expected.boss.max_sentences + given;
    let mut text = trimmed(text, complete, most).ok_or(Reason::Unfinished)?;
    if must_ask(expected.act)
        && let Some(last) = text.rfind('?')
    {
        // What follows a question answers it, and that is the other side's part.
        text.truncate(last + 1);
    }
    in_voice(&text, expected.boss, expected.you)?;
    is_new(&text, expected)?;
    follows(&text, expected)?;
    if engages(expected.act) && normal(&text).split_whitespace().count() < FEWEST && !text.ends_with('?') {
        return Err(Reason::NotAnAnswer);
    }
    Ok(text)
}

/// The most sentences that a tuned model's line has.
const MOST_SENTENCES: usize = 3;

/// What must never be shown, of a line that a tuned model has worded: what is no plain speech of the boss's own, what
/// was said before, a yes that the act does not give. Returns the line, cut to whole sentences.
///
/// # Errors
/// Why it is not shown.
pub fn gate(candidate: &str, complete: bool, expected: &Expected) -> Result<String, Reason> {
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
    Ok(text)
}

/// Does the act take up what was said, so that a word or two ("Hm. Maybe.") won't do?
pub(super) fn engages(act: Act) -> bool {
    !matches!(act, Act::EndsTalk | Act::Dismisses | Act::Deflects | Act::Greets)
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

/// What shows that the boss would not say this: an assistant's phrase, an apology, narration, markup,
/// another's words.
pub fn out_of_voice(text: &str, boss: &Boss, you: &str) -> Option<Reason> {
    is_plain_speech(text).and_then(|()| in_voice(text, boss, you)).err()
}

fn in_voice(text: &str, boss: &Boss, you: &str) -> Result<(), Reason> {
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
    if has(&boss.name) || calls_boss || has("sir") || has("ma'am") || has("i'm your") {
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

fn is_new(text: &str, expected: &Expected) -> Result<(), Reason> {
    let examples = expected.boss.examples.values().flatten().map(|line| line.replace("{you}", expected.you));
    let copies = |line: &str, run: usize| alike(text, line) || longest_common_run(text, line) >= run;
    if examples.into_iter().any(|line| copies(&line, COPIED_RUN))
        || sample().iter().any(|line| copies(&line.boss, SAMPLE_RUN))
    {
        return Err(Reason::Copied);
    }
    if borrows_from_sample(text, expected.before.iter().chain([&expected.turn]).copied()) {
        return Err(Reason::Copied);
    }
    if expected.earlier.iter().any(|line| alike(text, line)) {
        return Err(Reason::Repeated);
    }
    if stammers(text) || (!expected.act.concedes() && repeats_a_sentence(text, expected.earlier)) {
        return Err(Reason::Repeated);
    }
    if echoes(text, expected) || asks_back(text, expected) {
        return Err(Reason::Echoed);
    }
    Ok(())
}

/// A whole sentence that the boss has said before; "Look." and the like may come again.
fn repeats_a_sentence(text: &str, earlier: &[&str]) -> bool {
    let long = |sentence: &&str| normal(sentence).split_whitespace().count() > FEWEST;
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

/// The person's words thrown back. An offer is taken up in the person's own words, but turned round;
/// anything else is said in one's own.
fn echoes(text: &str, expected: &Expected) -> bool {
    let offers: Vec<String> =
        expected.offer.into_iter().chain(expected.offers.iter().map(String::as_str)).map(normal).collect();
    let text_words = normal(text);
    let said: Vec<&str> = text_words.split_whitespace().collect();
    let turns: Vec<String> = expected
        .before
        .iter()
        .rev()
        .take(REMEMBERED)
        .chain([&expected.turn])
        .map(|turn| normal(turn))
        .collect();
    let thrown_back = |run: &[&str]| {
        let run = format!(" {} ", run.join(" "));
        turns.iter().any(|turn| turn.contains(&run)) && !offers.iter().any(|offer| offer.contains(&run))
    };
    // "We've been", "you give me": three words with a person in them, or two with "we".
    let has_person = |run: &[&str]| run.iter().any(|word| PERSONS.contains(word));
    let has_we = |run: &[&str]| run.iter().any(|word| *word == "we" || word.starts_with("we'"));
    said.windows(3).any(|run| has_person(run) && thrown_back(run))
        || said.windows(2).any(|run| has_we(run) && thrown_back(run))
        || said.windows(ECHOED_RUN).any(thrown_back)
        || (!expected.act.concedes() && alike(text, expected.turn))
}

/// A question of the person's asked back, with the persons turned round or not: "What would you need from me?"
/// answered by "What would I need from you?". An offer may be asked about.
fn asks_back(text: &str, expected: &Expected) -> bool {
    let questions = |text: &str| -> Vec<String> {
        let all = sentences(text).into_iter().map(|span| &text[span]);
        all.filter(|sentence| sentence.ends_with('?')).map(normal).collect()
    };
    let without_persons = |question: &String| -> String {
        let words = question.split_whitespace();
        words.map(|word| if PERSONS.contains(&word) { "someone" } else { word }).collect::<Vec<_>>().join(" ")
    };
    let is_offer = |question: &String| expected.offers.iter().any(|offer| question.contains(&normal(offer)));
    let turns = expected.before.iter().rev().take(REMEMBERED).chain([&expected.turn]);
    let asked: Vec<String> = turns.flat_map(|turn| questions(turn)).map(|q| without_persons(&q)).collect();
    let own = questions(text).into_iter().filter(|question| !is_offer(question));
    own.map(|question| without_persons(&question)).any(|question| asked.iter().any(|q| alike(q, &question)))
}

/// Earlier turns whose words are not thrown back either.
const REMEMBERED: usize = 8;

/// Who is meant changes with the speaker, so these words do not stay as they were said.
const PERSONS: [&str; 15] = [
    "we", "we've", "we're", "we'd", "i", "i've", "i'm", "i'll", "us", "our", "my", "me", "you", "your",
    "you've",
];

fn follows(text: &str, expected: &Expected) -> Result<(), Reason> {
    let act = expected.act;
    if act.concedes() != agrees(text) {
        return Err(if act.concedes() { Reason::DoesNotAgree } else { Reason::AgreesUnearned });
    }
    let offers = expected.offer.into_iter().chain(expected.offers.iter().map(String::as_str));
    if offers.into_iter().any(|offer| swaps_roles(text, offer)) || hands_back(text, expected.turn) {
        return Err(Reason::SwapsRoles);
    }
    if !does(text, act) || (act == Act::Deflects && keeps_to_the_matter(text, expected)) {
        return Err(Reason::OffAct);
    }
    if let Some(fact) = expected.fact {
        let told = shared_words(text, &fact.line).max(shared_words(text, &fact.fact));
        if told == 0 {
            return Err(Reason::NotAnAnswer);
        }
    }
    if act == Act::AgreesAndCommits && !is_concrete(text, expected) {
        return Err(Reason::NotAnAnswer);
    }
    Ok(())
}

fn must_ask(act: Act) -> bool {
    WORDS.cues.get(&act).is_some_and(|cues| cues.form == Form::Question)
}

/// Does the reply do what the act says, by its form and its words?
pub fn does(text: &str, act: Act) -> bool {
    let Some(cues) = WORDS.cues.get(&act) else { return true };
    let asks = |span: &std::ops::Range<usize>| text[span.clone()].ends_with('?');
    let all: Vec<_> = sentences(text);
    let questions = all.iter().filter(|span| asks(span)).count();
    let normal = normal(text);
    // "Show me one." and "I wonder why." ask as well.
    let asks_in_words = ["show me", "give me", "tell me", "i wonder", "wondering"];
    let asks_in_words = asks_in_words.iter().any(|words| normal.contains(&format!(" {words} ")));
    let form = match cues.form {
        Form::Question => questions > 0 || asks_in_words,
        Form::Statement => questions < all.len(),
        Form::Any => true,
    };
    form && cues.any.find(&normal).is_some() && cues.none.find(&normal).is_none()
}

/// How many of the act's words the reply has; more is clearer.
pub(super) fn clarity(text: &str, act: Act) -> usize {
    WORDS.cues.get(&act).map_or(0, |cues| cues.any.count(&normal(text)))
}

/// Who does what was offered is turned about: "you send me a page" answered by "I'll send it".
fn swaps_roles(text: &str, offer: &str) -> bool {
    const SHARED: [&str; 8] = ["do", "have", "get", "meet", "talk", "go", "see", "be"];
    let mut words = offer.split_whitespace();
    let (Some(actor), Some(verb)) = (words.next(), words.next()) else { return false };
    if SHARED.contains(&verb) {
        return false;
    }
    let normal = normal(text);
    if actor == "you" && offer.contains("yourself") && normal.contains(" myself ") {
        return true;
    }
    let says = |frames: &[&str]| frames.iter().any(|frame| normal.contains(&format!(" {frame} {verb} ")));
    match actor {
        "you" => says(&[
            "i'll",
            "i will",
            "i can",
            "i could",
            "let me",
            "i'd",
            "i",
            "i can't",
            "i have to",
            "i need to",
        ]),
        "I" => says(&[
            "you'll",
            "you will",
            "you can",
            "you could",
            "you",
            "please",
            "you have to",
            "you need to",
            "you should",
        ]),
        _ => false,
    }
}

/// What the person wants of the boss is laid on the person: "You could read it on the train" answered by
/// "You have to read it on the train".
fn hands_back(text: &str, turn: &str) -> bool {
    const DUTIES: [&str; 9] = [
        "you have to",
        "you need to",
        "you should",
        "you must",
        "you've got to",
        "you ought to",
        "you could",
        "you can",
        "have you",
    ];
    let lays = |text: &str| {
        let normal = normal(text);
        DUTIES.iter().any(|duty| normal.contains(&format!(" {duty} ")))
    };
    lays(turn)
        && sentences(text)
            .into_iter()
            .any(|span| lays(&text[span.clone()]) && shared_words(&text[span], turn) > 0)
}

/// Who changes the subject speaks of something else.
fn keeps_to_the_matter(text: &str, expected: &Expected) -> bool {
    let normal = normal(text);
    shared_words(text, expected.turn) > 0
        || expected.keywords.iter().any(|word| normal.contains(&format!(" {} ", word.to_lowercase())))
}

/// An agreement ends in something one can hold the boss to: a day, a number, or what was offered.
fn is_concrete(text: &str, expected: &Expected) -> bool {
    let offer = expected.offer.unwrap_or_default();
    shared_words(text, offer) > 0
        || shared_words(text, expected.turn) > 0
        || names_time(&normal(text))
        || expected.keywords.iter().any(|word| normal(text).contains(&word.to_lowercase()))
}

/// A day, an hour, a number.
pub(super) fn names_time(normal: &str) -> bool {
    const TIMES: [&str; 26] = [
        "monday",
        "tuesday",
        "wednesday",
        "thursday",
        "friday",
        "saturday",
        "sunday",
        "today",
        "tomorrow",
        "tonight",
        "noon",
        "morning",
        "afternoon",
        "evening",
        "minutes",
        "minute",
        "hour",
        "hours",
        "week",
        "month",
        "one",
        "two",
        "three",
        "five",
        "ten",
        "fifteen",
    ];
    normal
        .split_whitespace()
        .any(|word| TIMES.contains(&word) || word.starts_with(|c: char| c.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Library;

    const TURN: &str = "We've waited for three weeks. Could I send you one page on Thursday?";

    fn checked(candidate: &str, act: Act) -> Result<String, Reason> {
        let library = Library::embedded();
        let boss: &Boss = library.get("dana").unwrap();
        let keywords = ["prototype".to_owned()];
        let offer = act.concedes().then_some("you send me one page on Thursday");
        let earlier = ["Yes, Sam?", "How long would the page be, in the end?"];
        let expected = Expected {
            boss,
            you: "Sam",
            act,
            turn: TURN,
            before: &["How does the launch look from your side?"],
            offers: &["you bring the notes".to_owned()],
            offer,
            fact: None,
            keywords: &keywords,
            earlier: &earlier,
        };
        check(candidate, "", true, &expected)
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
            ("Not now, Sam.", Dismisses, Reason::Copied),
            ("Not now. I counted the whole back room.", Dismisses, Reason::Copied),
            ("I'd have to check with the night shift.", Considers, Reason::Copied),
            ("How long would the page be in the end?", AsksForSpecifics, Reason::Repeated),
            ("Which page? How long would the page be, in the end?", AsksForSpecifics, Reason::Repeated),
            ("No. We've waited for three weeks.", PushesBack, Reason::Echoed),
            ("Okay, send it on Thursday.", Considers, Reason::AgreesUnearned),
            ("Maybe. I'd have to see.", AgreesAndCommits, Reason::DoesNotAgree),
            ("Good. I'll send one page on Thursday.", AgreesAndCommits, Reason::SwapsRoles),
            ("I have to bring the notes on Friday.", SharesConstraint, Reason::SwapsRoles),
            ("How long does the launch look from your side?", AsksForSpecifics, Reason::Echoed),
            ("How far are you with the prototype?", Deflects, Reason::OffAct),
            ("How would the launch look from my side?", AsksForSpecifics, Reason::Echoed),
            ("I've got calls all day.", AsksForSpecifics, Reason::OffAct),
            ("Hm. Maybe.", Considers, Reason::NotAnAnswer),
            ("Maybe I'd have to see if I'd have to see.", Considers, Reason::Repeated),
            ("All right, fine.", AgreesAndCommits, Reason::NotAnAnswer),
            ("I've got a point.", Acknowledges, Reason::OffAct),
        ] {
            assert_eq!(checked(candidate, act), Err(reason), "{candidate}");
        }
    }

    #[test]
    fn what_is_fit_is_shown_cut_to_whole_sentences_and_the_limit() {
        use Act::*;
        for (candidate, act, shown) in [
            (
                "Good. You send me one page on Thursday.",
                AgreesAndCommits,
                "Good. You send me one page on Thursday.",
            ),
            (" \"Not this week.\" ", Dismisses, "Not this week."),
            ("No. It's not that easy. I have others waiting.", PushesBack, "No. It's not that easy."),
            ("Which page? It's on Friday.", AsksForSpecifics, "Which page?"),
            ("Thursday could work", Considers, "Thursday could work."),
        ] {
            assert_eq!(checked(candidate, act).as_deref(), Ok(shown), "{candidate}");
        }
    }

    #[test]
    fn who_does_it_stays_who_does_it() {
        let offer = "you bring the page and note my answers yourself";
        assert!(swaps_roles("Good. You bring the page and note my answers myself.", offer));
        assert!(swaps_roles("Good. I'll bring the page.", offer));
        assert!(!swaps_roles("Good. You bring the page and note my answers yourself.", offer));
    }

    #[test]
    fn what_was_asked_of_the_boss_is_not_handed_back() {
        let turn = "You could read it on the train.";
        assert!(hands_back("I don't agree. You have to read it on the train.", turn));
        assert!(!hands_back("I don't read on the train.", turn));
        assert!(!hands_back("You have to see my calendar.", turn));
    }

    #[test]
    fn a_cut_off_sentence_is_dropped() {
        assert_eq!(trimmed("Maybe. I'd have to lo", false, 3).as_deref(), Some("Maybe."));
        assert_eq!(trimmed("I'd have to lo", false, 3), None);
        assert_eq!(trimmed("I'd have to look", true, 3).as_deref(), Some("I'd have to look."));
    }

    #[test]
    fn every_act_has_its_own_examples_as_a_measure() {
        let library = Library::embedded();
        let mut missed = Vec::new();
        let mut lines = 0;
        for (name, boss) in library.all::<Boss>() {
            for act in Act::ALL {
                for line in &boss.examples[act.id()] {
                    lines += 1;
                    if !does(line, act) || (!act.concedes() && agrees(line)) {
                        missed.push(format!("{name} {}: {line}", act.id()));
                    }
                }
            }
        }
        assert!(missed.len() * 10 <= lines, "{} of {lines}: {missed:#?}", missed.len());
    }
}
