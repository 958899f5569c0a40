//! The lexicon: words, their inflections, their classes, and common misspellings, read once from data files.

use std::collections::HashMap;
use std::sync::LazyLock;

/// A known word's number; [`UNKNOWN`] for any other.
pub type Sym = u32;

/// The symbol of words that are not in the lexicon.
pub const UNKNOWN: Sym = 0;

/// A set of word classes, one bit a class.
pub type Classes = u128;

/// How a verb is inflected; one word may be several ("put").
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forms {
    /// The bare form: "send".
    pub base: bool,
    /// Third person: "sends".
    pub third: bool,
    /// Past: "sent".
    pub past: bool,
    /// Participle of the past: "given".
    pub participle: bool,
    /// "sending".
    pub ing: bool,
}

impl Forms {
    /// Any verb form at all.
    pub fn any(self) -> bool {
        self.base || self.third || self.past || self.participle || self.ing
    }

    /// A form that can carry a clause alone.
    pub fn finite(self) -> bool {
        self.base || self.third || self.past
    }
}

/// What is known of a word.
#[derive(Clone, Copy, Debug, Default)]
pub struct Entry {
    /// The word itself.
    pub sym: Sym,
    /// Its bare form, the word itself where it has none.
    pub lemma: Sym,
    /// The classes it is in.
    pub classes: Classes,
    /// Its verb forms.
    pub forms: Forms,
}

/// All words, classes and misspellings.
#[derive(Debug, Default)]
pub struct Lexicon {
    words: HashMap<String, Entry>,
    spellings: HashMap<String, Vec<String>>,
    class_names: Vec<String>,
    next: Sym,
}

const CLASSES: &str = include_str!("../lexicon/classes.txt");
const VERBS: &str = include_str!("../lexicon/verbs.txt");
const SPELLING: &str = include_str!("../lexicon/spelling.txt");

static LEXICON: LazyLock<Lexicon> = LazyLock::new(|| {
    let mut lexicon = Lexicon::default();
    lexicon.read_verbs(VERBS);
    lexicon.add_irregular_presents();
    lexicon.read_classes(CLASSES);
    lexicon.read_spellings(SPELLING);
    lexicon
});

/// The lines of a data file that say something: comments and blank lines left out.
fn data_lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(|line| line.split('#').next().unwrap_or("").trim()).filter(|line| !line.is_empty())
}

impl Lexicon {
    /// The built-in lexicon.
    pub fn get() -> &'static Lexicon {
        &LEXICON
    }

    /// What is known of the lower-case word; a default entry for a stranger.
    pub fn entry(&self, lower: &str) -> Entry {
        self.words.get(lower).copied().unwrap_or_default()
    }

    /// Every known word with what is known of it, in no particular order.
    pub fn words(&self) -> impl Iterator<Item = (&str, Entry)> {
        self.words.iter().map(|(word, entry)| (word.as_str(), *entry))
    }

    /// The words that a misspelling or a short form stands for.
    pub fn spelled_out(&self, lower: &str) -> Option<&[String]> {
        self.spellings.get(lower).map(Vec::as_slice)
    }

    /// The bit of a class.
    ///
    /// # Panics
    /// When no class has the name: names are fixed in code and data, and tests load them all.
    pub fn class(&self, name: &str) -> Classes {
        let at = self.class_names.iter().position(|known| known == name);
        1 << at.unwrap_or_else(|| panic!("no word class is called `{name}`"))
    }

    /// The symbol of a word that a pattern names; words in patterns become known by [`Lexicon::with_words`].
    pub fn sym(&self, lower: &str) -> Sym {
        self.entry(lower).sym
    }

    fn intern(&mut self, word: &str) -> &mut Entry {
        let next = &mut self.next;
        self.words.entry(word.to_owned()).or_insert_with(|| {
            *next += 1;
            Entry { sym: *next, lemma: *next, ..Entry::default() }
        })
    }

    fn read_verbs(&mut self, text: &str) {
        for line in data_lines(text) {
            match line.split_once(':') {
                Some((base, irregular)) => {
                    let forms: Vec<&str> = irregular.split_whitespace().collect();
                    self.add_verb(base.trim(), forms[0], forms[forms.len() - 1]);
                }
                None => {
                    for base in line.split_whitespace() {
                        let past = regular_past(base);
                        self.add_verb(base, &past, &past);
                        if base.ends_with("el") {
                            // British spelling: "cancelled", "cancelling".
                            let doubled = format!("{base}led");
                            self.add_verb(base, &doubled, &doubled);
                            let lemma = self.intern(base).sym;
                            self.inflect(&format!("{base}ling"), lemma).ing = true;
                        }
                    }
                }
            }
        }
    }

    /// Present forms that no rule of inflection gives.
    fn add_irregular_presents(&mut self) {
        for (base, forms) in [("be", &["am", "is", "are", "were"][..]), ("have", &["has"][..])] {
            let lemma = self.intern(base).sym;
            forms.iter().for_each(|form| self.inflect(form, lemma).third = true);
        }
    }

    fn add_verb(&mut self, base: &str, past: &str, participle: &str) {
        let lemma = self.intern(base).sym;
        self.intern(base).forms.base = true;
        self.inflect(&plural(base), lemma).third = true;
        self.inflect(past, lemma).past = true;
        self.inflect(participle, lemma).participle = true;
        self.inflect(&ing(base), lemma).ing = true;
    }

    fn inflect(&mut self, word: &str, lemma: Sym) -> &mut Forms {
        let entry = self.intern(word);
        entry.lemma = lemma;
        &mut entry.forms
    }

    fn read_classes(&mut self, text: &str) {
        let (mut bit, mut kind) = (0, String::new());
        for line in data_lines(text) {
            if let Some(head) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                let (name, rest) = head.split_once(' ').unwrap_or((head, ""));
                self.class_names.push(name.to_owned());
                assert!(self.class_names.len() <= Classes::BITS as usize, "more classes than bits");
                bit = 1 << (self.class_names.len() - 1);
                kind = rest.to_owned();
                continue;
            }
            for word in line.split_whitespace() {
                self.intern(word).classes |= bit;
                match kind.as_str() {
                    "verbs" => self.mark_inflections(word, bit),
                    "nouns" => self.intern(&plural(word)).classes |= bit,
                    _ => {}
                }
            }
        }
    }

    fn mark_inflections(&mut self, base: &str, bit: Classes) {
        let lemma = self.entry(base).sym;
        if !self.entry(base).forms.base {
            let past = regular_past(base);
            self.add_verb(base, &past, &past);
        }
        for entry in self.words.values_mut().filter(|entry| entry.lemma == lemma) {
            entry.classes |= bit;
        }
    }

    fn read_spellings(&mut self, text: &str) {
        for line in data_lines(text) {
            if let Some((typed, meant)) = line.split_once('=') {
                let meant: Vec<String> = meant.split_whitespace().map(str::to_owned).collect();
                for typed in typed.split_whitespace() {
                    self.spellings.insert(typed.to_owned(), meant.clone());
                }
            }
        }
    }
}

/// The plural of a noun, which is also a verb's third person.
fn plural(base: &str) -> String {
    let hiss = ["s", "x", "z", "ch", "sh"].iter().any(|end| base.ends_with(end));
    match base.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ies"),
        _ if hiss || matches!(base, "go" | "do") => format!("{base}es"),
        _ => format!("{base}s"),
    }
}

fn regular_past(base: &str) -> String {
    if base.ends_with('e') {
        return format!("{base}d");
    }
    match base.strip_suffix('y') {
        Some(stem) if !stem.ends_with(['a', 'e', 'o', 'u']) => format!("{stem}ied"),
        _ => format!("{}ed", doubled(base)),
    }
}

fn ing(base: &str) -> String {
    match base.strip_suffix('e') {
        Some(stem) if base.len() > 2 && !stem.ends_with(['e', 'o', 'y']) => match stem.strip_suffix('i') {
            Some(head) => format!("{head}ying"),
            None => format!("{stem}ing"),
        },
        _ => format!("{}ing", doubled(base)),
    }
}

/// The stem with its last consonant doubled where a short vowel stands before it: "plan" → "plann".
fn doubled(base: &str) -> String {
    let letters: Vec<char> = base.chars().rev().take(3).collect();
    let vowel = |c: &char| "aeiou".contains(*c);
    let short = matches!(letters.as_slice(), [last, mid, first]
        if !vowel(last) && !"wxy".contains(*last) && vowel(mid) && !vowel(first));
    let one_syllable = base.chars().filter(|c| vowel(c)).count() == 1;
    let stressed_end = matches!(
        base,
        "commit"
            | "admit"
            | "permit"
            | "prefer"
            | "refer"
            | "occur"
            | "regret"
            | "forget"
            | "begin"
            | "upset"
    );
    if short && (one_syllable || stressed_end) { format!("{base}{}", letters[0]) } else { base.to_owned() }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn inflections_are_found_with_their_lemma() {
        let lexicon = Lexicon::get();
        for (base, word) in [
            ("plan", "planning"),
            ("send", "sent"),
            ("carry", "carries"),
            ("write", "writing"),
            ("give", "given"),
        ] {
            assert_eq!(lexicon.entry(word).lemma, lexicon.sym(base), "{word}");
        }
        assert!(lexicon.entry("sent").forms.past && !lexicon.entry("sent").forms.base);
        assert!(lexicon.entry("put").forms.base && lexicon.entry("put").forms.past);
    }
}
