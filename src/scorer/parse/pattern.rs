//! Constructions: short patterns over words and word classes, kept as data, found in time linear in the text.
//!
//! A data file holds sections `[name]` of lines `weight element element …`. An element is one of
//!
//! - `send`, `can|could`: the word as normalised, or one of several;
//! - `=send`: any inflection of it; `@talk`: any word of the class; both may be mixed with `|`;
//! - `#base`, `#past`, `#part`, `#ing`, `#verb`, `#num`, `#any`: a verb form, a number, any word;
//! - a trailing `?` makes the element optional; a leading `!` demands that it does not stand here;
//! - `~` or `~5`: up to three or five words between, within one sentence;
//! - `^`: the beginning of a clause, fillers aside; `$`: the end of a sentence or clause;
//! - `+q`, `-q`: the clause is, is not a question; likewise `imp`, `neg`, `past`, `fut`, `cond`,
//!   `subi`, `subyou`, `subwe`.

use super::Parsed;
use super::clause::{Clause, Mood, Person, Tense};
use super::lexicon::{Classes, Lexicon, Sym, UNKNOWN};
use super::words::{Break, Word};
use std::collections::HashMap;
use std::ops::Range;

/// What one element of a pattern accepts.
#[derive(Clone, Debug, Default)]
struct Accepts {
    syms: Vec<Sym>,
    lemmas: Vec<Sym>,
    classes: Classes,
    strangers: Vec<String>,
    base: bool,
    past: bool,
    participle: bool,
    ing: bool,
    verb: bool,
    number: bool,
    any: bool,
    end: bool,
}

impl Accepts {
    fn word(&self, word: &Word) -> bool {
        self.any
            || word.is(self.classes)
            || (word.sym != UNKNOWN && (self.syms.contains(&word.sym) || self.lemmas.contains(&word.lemma)))
            || (self.base && word.forms.base)
            || (self.past && word.forms.past)
            || (self.participle && word.forms.participle)
            || (self.ing && (word.forms.ing || (word.lower.len() > 5 && word.lower.ends_with("ing"))))
            || (self.verb && word.forms.any())
            || (self.number && word.number)
            || (!self.strangers.is_empty() && self.strangers.contains(&word.lower))
    }
}

#[derive(Clone, Debug)]
enum Element {
    One { accepts: Accepts, optional: bool },
    Not(Accepts),
    Gap(usize),
    ClauseStart,
    End,
}

/// A demand on the clause that holds the first word.
#[derive(Clone, Copy, Debug)]
struct Demand {
    wanted: bool,
    what: What,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Question,
    Imperative,
    Negated,
    Past,
    Future,
    Conditional,
    Subject(Person),
}

impl Demand {
    fn holds(self, clause: &Clause) -> bool {
        self.wanted
            == match self.what {
                What::Question => clause.mood == Mood::Interrogative,
                What::Imperative => clause.mood == Mood::Imperative,
                What::Negated => clause.negated,
                What::Past => clause.tense == Tense::Past,
                What::Future => clause.tense == Tense::Future,
                What::Conditional => clause.conditional,
                What::Subject(person) => clause.subject == person,
            }
    }
}

#[derive(Clone, Debug)]
struct Pattern {
    section: usize,
    weight: f32,
    elements: Vec<Element>,
    demands: Vec<Demand>,
}

/// A set of constructions, compiled.
#[derive(Debug, Default)]
pub struct Constructions {
    sections: Vec<String>,
    patterns: Vec<Pattern>,
    by_sym: HashMap<Sym, Vec<usize>>,
    by_lemma: HashMap<Sym, Vec<usize>>,
    by_stranger: HashMap<String, Vec<usize>>,
    by_class: Vec<Vec<usize>>,
    anywhere: Vec<usize>,
}

/// A construction found in a text.
#[derive(Clone, Debug, PartialEq)]
pub struct Hit {
    /// Index of its section.
    pub section: usize,
    /// The pattern's weight, 0 to 1.
    pub weight: f32,
    /// The words it covers.
    pub words: Range<usize>,
}

impl Constructions {
    /// Compiles a data file.
    ///
    /// # Panics
    /// When the file is malformed: it is part of the program, and a test loads it.
    pub fn parse(files: &[&str]) -> Constructions {
        let lexicon = Lexicon::get();
        let mut set =
            Constructions { by_class: vec![Vec::new(); Classes::BITS as usize], ..Default::default() };
        for line in files.iter().flat_map(|file| pattern_lines(file)) {
            if let Some(name) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
                assert!(!set.sections.iter().any(|known| known == name), "two sections `{name}`");
                set.sections.push(name.to_owned());
                continue;
            }
            let section = set.sections.len().checked_sub(1).expect("a line before the first section");
            let pattern = compile(line, section, lexicon);
            set.index(pattern);
        }
        set
    }

    /// The index of a section.
    ///
    /// # Panics
    /// When there is none of that name.
    pub fn section(&self, name: &str) -> usize {
        let at = self.sections.iter().position(|known| known == name);
        at.unwrap_or_else(|| panic!("no section of constructions is called `{name}`"))
    }

    /// How many sections there are.
    pub fn section_count(&self) -> usize {
        self.sections.len()
    }

    fn index(&mut self, pattern: Pattern) {
        let at = self.patterns.len();
        let first = pattern.elements.iter().find(|element| !matches!(element, Element::ClauseStart));
        match first {
            Some(Element::One { accepts, optional: false }) if !broad(accepts) => {
                accepts.syms.iter().for_each(|&sym| self.by_sym.entry(sym).or_default().push(at));
                accepts.lemmas.iter().for_each(|&sym| self.by_lemma.entry(sym).or_default().push(at));
                accepts
                    .strangers
                    .iter()
                    .for_each(|w| self.by_stranger.entry(w.clone()).or_default().push(at));
                for (bit, patterns) in self.by_class.iter_mut().enumerate() {
                    if accepts.classes & (1 << bit) != 0 {
                        patterns.push(at);
                    }
                }
            }
            _ => self.anywhere.push(at),
        }
        self.patterns.push(pattern);
    }

    /// Everything found in `parsed` outside quotations, in the order of the words.
    pub fn find(&self, parsed: &Parsed<'_>) -> Vec<Hit> {
        let mut hits = Vec::new();
        let mut candidates: Vec<usize> = Vec::new();
        for (at, word) in parsed.words.iter().enumerate() {
            if word.quoted {
                continue;
            }
            candidates.clear();
            candidates.extend(&self.anywhere);
            if word.sym == UNKNOWN {
                candidates.extend(self.by_stranger.get(&word.lower).into_iter().flatten());
            } else {
                candidates.extend(self.by_sym.get(&word.sym).into_iter().flatten());
                candidates.extend(self.by_lemma.get(&word.lemma).into_iter().flatten());
                let mut classes = word.classes;
                while classes != 0 {
                    candidates.extend(&self.by_class[classes.trailing_zeros() as usize]);
                    classes &= classes - 1;
                }
            }
            candidates.sort_unstable();
            candidates.dedup();
            for &candidate in &candidates {
                let pattern = &self.patterns[candidate];
                if let Some(end) = matches_at(pattern, parsed, at) {
                    hits.push(Hit { section: pattern.section, weight: pattern.weight, words: at..end });
                }
            }
        }
        hits
    }
}

fn broad(accepts: &Accepts) -> bool {
    accepts.any
        || accepts.base
        || accepts.past
        || accepts.participle
        || accepts.ing
        || accepts.verb
        || accepts.number
}

/// The lines that say something. A comment is a line that begins with `# `: elsewhere elements use the sign.
fn pattern_lines(text: &str) -> impl Iterator<Item = &str> {
    text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with("# "))
}

fn compile(line: &str, section: usize, lexicon: &Lexicon) -> Pattern {
    let mut parts = line.split_whitespace();
    let weight = parts.next().and_then(|weight| weight.parse().ok());
    let weight = weight.unwrap_or_else(|| panic!("no weight in the construction `{line}`"));
    let (mut elements, mut demands) = (Vec::new(), Vec::new());
    for part in parts {
        match part.as_bytes()[0] {
            b'^' => elements.push(Element::ClauseStart),
            b'$' => elements.push(Element::End),
            b'~' => elements.push(Element::Gap(part[1..].parse().unwrap_or(3))),
            b'+' | b'-' => demands.push(demand(part, line)),
            b'!' => elements.push(Element::Not(accepts(&part[1..], lexicon))),
            _ => {
                let (body, optional) = part.strip_suffix('?').map_or((part, false), |body| (body, true));
                elements.push(Element::One { accepts: accepts(body, lexicon), optional });
            }
        }
    }
    Pattern { section, weight, elements, demands }
}

fn demand(part: &str, line: &str) -> Demand {
    let what = match &part[1..] {
        "q" => What::Question,
        "imp" => What::Imperative,
        "neg" => What::Negated,
        "past" => What::Past,
        "fut" => What::Future,
        "cond" => What::Conditional,
        "subi" => What::Subject(Person::I),
        "subyou" => What::Subject(Person::You),
        "subwe" => What::Subject(Person::We),
        other => panic!("unknown demand `{other}` in the construction `{line}`"),
    };
    Demand { wanted: part.starts_with('+'), what }
}

fn accepts(body: &str, lexicon: &Lexicon) -> Accepts {
    let mut accepts = Accepts::default();
    for word in body.split('|') {
        if word == "$" {
            accepts.end = true;
            continue;
        }
        match word.as_bytes().first() {
            Some(b'@') => accepts.classes |= lexicon.class(&word[1..]),
            Some(b'=') => match lexicon.entry(&word[1..]).lemma {
                UNKNOWN => panic!("`{word}` is in no list of verbs"),
                lemma => accepts.lemmas.push(lemma),
            },
            Some(b'#') => match &word[1..] {
                "base" => accepts.base = true,
                "past" => accepts.past = true,
                "part" => accepts.participle = true,
                "ing" => accepts.ing = true,
                "verb" => accepts.verb = true,
                "num" => {
                    (accepts.number, accepts.classes) = (true, accepts.classes | lexicon.class("number"))
                }
                "any" => accepts.any = true,
                other => panic!("unknown form `#{other}`"),
            },
            _ => match lexicon.sym(word) {
                UNKNOWN => accepts.strangers.push(word.to_owned()),
                sym => accepts.syms.push(sym),
            },
        }
    }
    accepts
}

/// Does a clause end before word `at`?
fn ends_at(parsed: &Parsed<'_>, word: Option<&Word>, at: usize) -> bool {
    word.is_none_or(|word| word.before >= Break::Strong || parsed.clauses[word.clause].words.start == at)
}

/// The end of the pattern where it matches at word `at`.
fn matches_at(pattern: &Pattern, parsed: &Parsed<'_>, at: usize) -> Option<usize> {
    let clause = &parsed.clauses[parsed.words[at].clause];
    if !pattern.demands.iter().all(|demand| demand.holds(clause)) {
        return None;
    }
    rest_matches(&pattern.elements, parsed, at, at).filter(|&end| end > at)
}

fn rest_matches(elements: &[Element], parsed: &Parsed<'_>, start: usize, at: usize) -> Option<usize> {
    let Some((element, rest)) = elements.split_first() else { return Some(at) };
    let word =
        parsed.words.get(at).filter(|word| at == start || (word.before < Break::Sentence && !word.quoted));
    match element {
        Element::ClauseStart => {
            let clause = &parsed.clauses[parsed.words.get(at)?.clause];
            (at <= clause.head && at >= clause.words.start)
                .then(|| rest_matches(rest, parsed, start, at))
                .flatten()
        }
        Element::End => {
            let ended = word.is_none_or(|word| {
                word.before >= Break::Strong || parsed.clauses[word.clause].words.start == at
            });
            ended.then(|| rest_matches(rest, parsed, start, at)).flatten()
        }
        Element::Not(accepts) => {
            if word.is_some_and(|word| accepts.word(word)) {
                return None;
            }
            rest_matches(rest, parsed, start, at)
        }
        Element::One { accepts, optional } => {
            if accepts.end
                && ends_at(parsed, word, at)
                && let Some(end) = rest_matches(rest, parsed, start, at)
            {
                return Some(end);
            }
            if word.is_some_and(|word| accepts.word(word))
                && let Some(end) = rest_matches(rest, parsed, start, at + 1)
            {
                return Some(end);
            }
            if *optional { rest_matches(rest, parsed, start, at) } else { None }
        }
        Element::Gap(most) => {
            for skipped in 0..=*most {
                if let Some(end) = rest_matches(rest, parsed, start, at + skipped) {
                    return Some(end);
                }
                let next = parsed.words.get(at + skipped);
                if next.is_none_or(|word| word.before == Break::Sentence && at + skipped > start) {
                    break;
                }
            }
            None
        }
    }
}
