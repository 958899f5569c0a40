//! A turn as a set of sparse features: words, word classes and constructions, clause by clause.
//!
//! A feature is a 64-bit hash of what it says; the vocabulary that training keeps gives it a meaning.
//! Each occurrence remembers the words it was seen on, so that a verdict can point at its evidence.

use super::super::parse::lexicon::{Classes, Lexicon};
use super::super::parse::{Clause, Mood, Word};
use super::super::rubric::Check;
use super::super::rules::{Reading, RuleResult};
use super::super::verdict::Position;
use std::ops::Range;
use std::sync::LazyLock;

/// A feature seen in a turn.
#[derive(Clone, Debug, PartialEq)]
pub struct Seen {
    /// Hash of the feature.
    pub key: u64,
    /// How strongly it is present, 0 to 1.
    pub value: f32,
    /// The words it was seen on; empty for what holds of the whole turn.
    pub words: Range<usize>,
}

/// A family of features; part of the hash, so that families never meet.
#[derive(Clone, Copy, Debug)]
#[repr(u8)]
enum Family {
    Word = b'w',
    Pair = b'b',
    Triple = b't',
    Stem = b'l',
    Skip = b's',
    Shape = b'c',
    Class = b'k',
    Subject = b'j',
    Clause = b'q',
    Head = b'h',
    Tail = b'e',
    Construction = b'p',
    Rule = b'r',
    Structure = b'n',
    Before = b'x',
}

/// Hashes the parts of one feature (FNV-1a, 64 bits).
struct Key(u64);

impl Key {
    fn new(family: Family) -> Key {
        Key(0xcbf2_9ce4_8422_2325).byte(family as u8)
    }

    fn byte(self, byte: u8) -> Key {
        Key((self.0 ^ u64::from(byte)).wrapping_mul(0x0100_0000_01b3))
    }

    fn text(self, text: &str) -> Key {
        text.bytes().fold(self, Key::byte).byte(0)
    }

    fn number(self, number: usize) -> Key {
        (number as u64).to_le_bytes().into_iter().fold(self, Key::byte)
    }
}

/// A word as n-grams see it.
struct Token<'a> {
    said: &'a str,
    stem: &'a str,
    shape: &'static str,
}

/// Words of these classes keep their identity in shapes.
const CLOSED: [&str; 13] =
    ["subj", "obj", "poss", "aux", "wh", "conj", "subord", "prep", "neg", "never", "i", "we", "you"];

/// What other words become in shapes, the first class that fits.
const OPEN: [(&str, &str); 20] = [
    ("weekday", "DAY"),
    ("dayword", "DAY"),
    ("month", "DAY"),
    ("time", "TIME"),
    ("number", "NUM"),
    ("emotionbad", "BAD"),
    ("thanks", "THANK"),
    ("vague", "THING"),
    ("slot", "SLOT"),
    ("good", "GOOD"),
    ("state", "STATE"),
    ("pressure", "LOAD"),
    ("burden", "LOAD"),
    ("doc", "DOC"),
    ("option", "OPTION"),
    ("ackverb", "SEE"),
    ("communicate", "SAY"),
    ("talk", "TALK"),
    ("adj", "WILLING"),
    ("greeting", "HELLO"),
];

/// Classes whose presence is a feature by itself and crossed with the subject of the clause.
const SEMANTIC: [&str; 35] = [
    "weekday",
    "dayword",
    "month",
    "time",
    "number",
    "emotionbad",
    "thanks",
    "vague",
    "slot",
    "good",
    "state",
    "pressure",
    "burden",
    "doc",
    "option",
    "ackverb",
    "communicate",
    "talk",
    "raise",
    "adj",
    "help",
    "benefit",
    "effort",
    "bossverb",
    "faultverb",
    "work",
    "explore",
    "react",
    "obstacle",
    "proposaladj",
    "swing",
    "quitverb",
    "selfish",
    "never",
    "someone",
];

struct Known {
    closed: Classes,
    open: Vec<(Classes, &'static str)>,
    semantic: Vec<Classes>,
}

static KNOWN: LazyLock<Known> = LazyLock::new(|| {
    let class = |name: &str| Lexicon::get().class(name);
    Known {
        closed: CLOSED.iter().map(|name| class(name)).fold(0, |all, one| all | one),
        open: OPEN.iter().map(|(name, shape)| (class(name), *shape)).collect(),
        semantic: SEMANTIC.iter().map(|name| class(name)).collect(),
    }
});

fn shape(word: &Word) -> &'static str {
    if word.number {
        return "NUM";
    }
    if let Some((_, shape)) = KNOWN.open.iter().find(|(classes, _)| word.is(*classes)) {
        return shape;
    }
    match word.forms {
        forms if forms.ing => "DOING",
        forms if forms.base => "DO",
        forms if forms.past => "DID",
        forms if forms.third => "DOES",
        _ if word.lower.ends_with("ing") => "DOING",
        _ if word.lower.ends_with("ed") => "DID",
        _ if word.lower.ends_with("ly") => "SOHOW",
        _ => "X",
    }
}

fn is_closed(word: &Word) -> bool {
    word.is(KNOWN.closed)
}

/// A crude stem: common endings off.
fn stem(word: &str) -> &str {
    for ending in ["ings", "ing", "edly", "ed", "ies", "es", "ly", "s", "e", "y"] {
        if let Some(stem) = word.strip_suffix(ending)
            && stem.chars().count() >= 3
        {
            return stem;
        }
    }
    word
}

fn token(word: &Word) -> Token<'_> {
    let said = if word.number { "0" } else { word.lower.as_str() };
    Token { said, stem: if word.number { "0" } else { stem(&word.lower) }, shape: shape(word) }
}

/// Everything a turn shows, in the order of its words; linear in its length.
pub fn seen(reading: &Reading<'_>, result: &RuleResult) -> Vec<Seen> {
    let mut features = Collector { seen: Vec::with_capacity(reading.parsed.words.len() * 24 + 64) };
    let tokens: Vec<Token<'_>> = reading.parsed.words.iter().map(token).collect();
    features.grams(reading, &tokens);
    for clause in &reading.parsed.clauses {
        features.clause(reading, clause, &tokens);
    }
    features.constructions(reading);
    features.rules(reading, result);
    features.structure(reading);
    features.before(reading);
    features.seen
}

struct Collector {
    seen: Vec<Seen>,
}

impl Collector {
    fn add(&mut self, key: Key, words: Range<usize>) {
        self.seen.push(Seen { key: key.0, value: 1.0, words });
    }

    /// Word, stem and shape n-grams within sentences; what is quoted is told apart.
    fn grams(&mut self, reading: &Reading<'_>, tokens: &[Token<'_>]) {
        let words = &reading.parsed.words;
        let mut start = 0;
        while start < words.len() {
            let sentence = words[start].sentence;
            let length = words[start..].iter().take_while(|word| word.sentence == sentence).count();
            let end = start + length;
            let asked =
                reading.parsed.text[reading.parsed.sentences[sentence].clone()].trim_end().ends_with('?');
            self.sentence_grams(words, tokens, start..end, asked);
            start = end;
        }
    }

    fn sentence_grams(&mut self, words: &[Word], tokens: &[Token<'_>], span: Range<usize>, asked: bool) {
        let close = if asked { "?" } else { "$" };
        let at = |index: isize| -> Option<usize> {
            let index = span.start as isize + index;
            (index >= span.start as isize && index < span.end as isize).then_some(index as usize)
        };
        let said = |index: isize| at(index).map_or(if index < 0 { "^" } else { close }, |at| tokens[at].said);
        let stem = |index: isize| at(index).map_or(if index < 0 { "^" } else { close }, |at| tokens[at].stem);
        let mixed = |index: isize| match at(index) {
            Some(at) if is_closed(&words[at]) => tokens[at].said,
            Some(at) => tokens[at].shape,
            None if index < 0 => "^",
            None => close,
        };
        let length = span.len() as isize;
        let range = |from: isize, to: isize| {
            let start = (span.start as isize + from.max(0)) as usize;
            start..(span.start as isize + to.min(length)) as usize
        };
        for i in -1..length {
            let quoted = usize::from(at(i.max(0)).is_some_and(|at| words[at].quoted));
            if i >= 0 {
                self.add(Key::new(Family::Word).number(quoted).text(said(i)), range(i, i + 1));
                self.add(Key::new(Family::Stem).number(quoted).text(stem(i)), range(i, i + 1));
            }
            if quoted == 1 {
                continue;
            }
            self.add(Key::new(Family::Pair).text(said(i)).text(said(i + 1)), range(i, i + 2));
            if i + 1 < length {
                self.add(
                    Key::new(Family::Triple).text(said(i)).text(said(i + 1)).text(said(i + 2)),
                    range(i, i + 3),
                );
                self.add(
                    Key::new(Family::Shape).text(mixed(i)).text(mixed(i + 1)).text(mixed(i + 2)),
                    range(i, i + 3),
                );
            }
            if i + 2 < length {
                let shapes = Key::new(Family::Shape).text(mixed(i)).text(mixed(i + 1));
                self.add(shapes.text(mixed(i + 2)).text(mixed(i + 3)), range(i, i + 4));
            }
            for gap in 2..=4 {
                if i >= 0 && i + gap < length {
                    self.add(Key::new(Family::Skip).text(stem(i)).text(stem(i + gap)), range(i, i + gap + 1));
                }
            }
        }
    }

    /// Subject, mood, modality, tense and verb of a clause, how it begins and how it ends.
    fn clause(&mut self, reading: &Reading<'_>, clause: &Clause, tokens: &[Token<'_>]) {
        let words = &reading.parsed.words;
        let span = clause.words.clone();
        if span.is_empty() {
            return;
        }
        if clause.quoted {
            self.add(Key::new(Family::Clause).text("quoted").number(clause.mood as usize), span);
            return;
        }
        let mood = clause.mood as usize * 8 + clause.asks.map_or(0, |asks| 1 + asks as usize);
        let modality = clause.modality.map_or(0, |modality| 1 + modality as usize);
        let subject = clause.subject as usize;
        let tense = clause.tense as usize;
        let turned = usize::from(clause.negated) + 2 * usize::from(clause.conditional);
        let verb = clause.verb.map_or("-", |verb| tokens[verb].stem);
        let key = || Key::new(Family::Clause).number(subject);
        self.add(key().number(1).number(mood).number(modality), span.clone());
        self.add(key().number(2).number(mood).number(tense).number(turned), span.clone());
        self.add(key().number(3).number(tense).number(turned).number(modality), span.clone());
        self.add(key().number(4).text(verb), span.clone());
        self.add(key().number(5).text(verb).number(modality).number(mood), span.clone());
        self.add(key().number(6).text(verb).number(tense).number(turned), span.clone());
        if subject == 3 {
            self.add(key().number(7).text(tokens[span.start].said), span.clone());
        }
        let head = clause.head.min(span.end - 1);
        for length in 1..=4 {
            if head + length <= span.end {
                let key =
                    (head..head + length).fold(Key::new(Family::Head), |key, at| key.text(tokens[at].said));
                self.add(key, head..head + length);
            }
        }
        let lead =
            (span.start..head).fold(Key::new(Family::Head).text("lead"), |key, at| key.text(tokens[at].said));
        if head > span.start && head - span.start <= 3 {
            self.add(lead, span.start..head);
        }
        let marked = usize::from(clause.marked);
        for length in 1..=2 {
            if span.len() >= length {
                let from = span.end - length;
                let key = Key::new(Family::Tail).number(marked);
                let key = (from..span.end).fold(key, |key, at| key.text(tokens[at].said));
                self.add(key, from..span.end);
            }
        }
        self.classes(clause, words);
    }

    fn classes(&mut self, clause: &Clause, words: &[Word]) {
        let modality = clause.modality.map_or(0, |modality| 1 + modality as usize);
        let subject = clause.subject as usize;
        let mood = clause.mood as usize;
        for (at, classes) in KNOWN.semantic.iter().enumerate() {
            let Some(word) = clause.words.clone().find(|&word| words[word].is(*classes)) else { continue };
            let span = word..word + 1;
            self.add(Key::new(Family::Class).number(at), span.clone());
            let key = || Key::new(Family::Subject).number(at).number(subject);
            self.add(key().number(0).number(mood), span.clone());
            self.add(key().number(1).number(modality), span.clone());
            self.add(
                key().number(2).number(clause.tense as usize).number(usize::from(clause.negated)),
                span.clone(),
            );
            if clause.conditional {
                self.add(key().number(3), span.clone());
            }
            let verb = clause.verb.map(|verb| stem(&words[verb].lower));
            if let Some(verb) = verb {
                self.add(key().number(4).text(verb), span);
            }
        }
    }

    /// The constructions that the rules know, each by its section and weight.
    fn constructions(&mut self, reading: &Reading<'_>) {
        for (section, hit) in reading.every_hit() {
            let clause = reading.parsed.clause_of(hit.words.start);
            let weight = (hit.weight * 100.0).round() as usize;
            let key = || Key::new(Family::Construction).number(section);
            self.add(key(), hit.words.clone());
            self.add(key().number(1).number(weight), hit.words.clone());
            self.add(
                key().number(2).number(clause.mood as usize).number(clause.subject as usize),
                hit.words.clone(),
            );
        }
    }

    /// What the rules say of each check, as it stands and in steps.
    fn rules(&mut self, reading: &Reading<'_>, result: &RuleResult) {
        let place = reading.position as usize;
        for check in Check::ALL {
            let finding = result.get(check);
            if finding.score <= 0.0 {
                continue;
            }
            let key = || Key::new(Family::Rule).number(check.index());
            self.seen.push(Seen { key: key().0, value: finding.score, words: 0..0 });
            for step in 1..=4 {
                if finding.score >= step as f32 * 0.2 {
                    self.add(key().number(step), 0..0);
                }
            }
            self.add(key().number(10 + usize::from(finding.score >= 0.5)).number(place), 0..0);
        }
        for first in Check::ALL {
            for second in Check::ALL {
                if first < second && result.get(first).score >= 0.5 && result.get(second).score >= 0.5 {
                    self.add(Key::new(Family::Rule).number(100 + first.index()).number(second.index()), 0..0);
                }
            }
        }
    }

    /// Counts, in steps.
    fn structure(&mut self, reading: &Reading<'_>) {
        let parsed = &reading.parsed;
        let marks = |mark: char| parsed.text.chars().filter(|&c| c == mark).count();
        let word_steps = [1, 2, 4, 6, 9, 13, 18, 25, 35, 50, 75, 110];
        let count_steps = [1, 2, 3, 4, 6];
        let imperatives =
            parsed.clauses.iter().filter(|clause| !clause.quoted && clause.mood == Mood::Imperative);
        let counts: [(usize, &[usize]); 12] = [
            (parsed.words.len(), &word_steps),
            (parsed.sentences.len(), &count_steps),
            (parsed.clauses.len(), &word_steps),
            (reading.questions.len(), &count_steps),
            (marks('!'), &count_steps),
            (marks('?'), &count_steps),
            (marks(','), &count_steps),
            (parsed.words.iter().filter(|word| word.shouted).count(), &count_steps),
            (parsed.words.iter().filter(|word| word.emoji).count(), &count_steps),
            (parsed.words.iter().filter(|word| word.number).count(), &count_steps),
            (reading.proposals(), &count_steps),
            (imperatives.count(), &count_steps),
        ];
        for (which, (count, steps)) in counts.into_iter().enumerate() {
            for step in steps.iter().filter(|&&step| count >= step) {
                self.add(Key::new(Family::Structure).number(which).number(*step), 0..0);
            }
        }
        self.add(Key::new(Family::Structure).text("place").number(reading.position as usize), 0..0);
        let short = parsed.words.len() <= 8;
        self.add(
            Key::new(Family::Structure)
                .text("short")
                .number(reading.position as usize)
                .number(usize::from(short)),
            0..0,
        );
        if reading.position == Position::Opening {
            for question in &reading.questions {
                self.add(
                    Key::new(Family::Structure).text("opens").number(question.asks as usize),
                    question.words.clone(),
                );
            }
        }
    }

    /// The boss's words before, crossed with how long the turn is and how it begins.
    fn before(&mut self, reading: &Reading<'_>) {
        let Some(context) = reading.context.as_deref() else {
            self.add(Key::new(Family::Before).text("none"), 0..0);
            return;
        };
        let length = reading.parsed.words.len();
        let size = [4, 9, 20].iter().filter(|&&most| length > most).count();
        let asked = usize::from(context.trim_end().ends_with('?'));
        self.add(Key::new(Family::Before).text("asked").number(asked), 0..0);
        self.add(Key::new(Family::Before).text("asked").number(asked).number(size), 0..0);
        if size <= 1 {
            let words: Vec<&str> = context
                .split(|c: char| !c.is_alphanumeric() && c != '\'')
                .filter(|word| !word.is_empty())
                .take(12)
                .collect();
            for word in &words {
                self.add(Key::new(Family::Before).text(word), 0..0);
            }
            if let (Some(first), Some(said)) = (words.first(), reading.parsed.words.first()) {
                self.add(Key::new(Family::Before).text("pair").text(first).text(&said.lower), 0..0);
            }
        }
    }
}
