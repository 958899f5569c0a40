//! A turn as the rules see it: parsed, with every construction found in it and its questions told apart.

use super::super::parse::{Asks, Clause, Constructions, Hit, Mood, Parsed, Person, parse};
use super::super::verdict::{Position, Utterance};
use std::ops::Range;
use std::sync::LazyLock;

static CONSTRUCTIONS: LazyLock<Constructions> = LazyLock::new(|| {
    Constructions::parse(&[
        include_str!("../lexicon/permission.txt"),
        include_str!("../lexicon/questions.txt"),
        include_str!("../lexicon/benefit.txt"),
        include_str!("../lexicon/acknowledgement.txt"),
        include_str!("../lexicon/options.txt"),
        include_str!("../lexicon/harm.txt"),
    ])
});

/// No construction covers more words than this.
const LONGEST: usize = 64;

/// A question that the turn asks.
#[derive(Clone, Debug)]
pub struct Question {
    /// The words of its clause, fillers left out.
    pub words: Range<usize>,
    /// What it asks for.
    pub asks: Asks,
    /// How likely an answer is expected, 0 to 1.
    pub genuine: f32,
    /// Index of its clause.
    pub clause: usize,
}

/// A turn, read for the rules.
#[derive(Clone, Debug)]
pub struct Reading<'a> {
    /// Words, sentences, clauses.
    pub parsed: Parsed<'a>,
    /// Where in the talk it stands.
    pub position: Position,
    /// What the boss said before, lower case.
    pub context: Option<String>,
    /// The questions it asks.
    pub questions: Vec<Question>,
    by_section: Vec<Vec<Hit>>,
}

impl<'a> Reading<'a> {
    /// Reads a turn.
    pub fn of(utterance: &Utterance<'a>) -> Reading<'a> {
        let parsed = parse(utterance.text);
        let mut by_section = vec![Vec::new(); CONSTRUCTIONS.section_count()];
        for hit in CONSTRUCTIONS.find(&parsed) {
            by_section[hit.section].push(hit);
        }
        let mut reading = Reading {
            parsed,
            position: utterance.position,
            context: utterance.context.map(str::to_lowercase),
            questions: Vec::new(),
            by_section,
        };
        reading.questions = super::questions::questions(&reading);
        reading
    }

    /// Where the constructions of a section were found.
    pub fn hits(&self, section: &str) -> &[Hit] {
        &self.by_section[CONSTRUCTIONS.section(section)]
    }

    /// Every construction found, with the index of its section.
    pub fn every_hit(&self) -> impl Iterator<Item = (usize, &Hit)> {
        self.by_section.iter().enumerate().flat_map(|(at, hits)| hits.iter().map(move |hit| (at, hit)))
    }

    /// How many ways forward the turn proposes.
    pub fn proposals(&self) -> usize {
        super::options::proposals(self).len()
    }

    /// The strongest weight found in each section, in the order of the data files.
    pub fn section_scores(&self) -> impl Iterator<Item = f32> + '_ {
        self.by_section.iter().map(|hits| hits.iter().map(|hit| hit.weight).fold(0.0, f32::max))
    }

    /// The hits of a section that begin within `words`.
    pub fn hits_in(&self, section: &str, words: &Range<usize>) -> &[Hit] {
        let hits = self.hits(section);
        let from = hits.partition_point(|hit| hit.words.start < words.start);
        let to = hits.partition_point(|hit| hit.words.start < words.end);
        &hits[from..to.max(from)]
    }

    /// The strongest hit of a section that touches `words`.
    pub fn touching(&self, section: &str, words: &Range<usize>) -> Option<&Hit> {
        let near = words.start.saturating_sub(LONGEST)..words.end;
        let touching = self.hits_in(section, &near).iter().filter(|hit| words.start < hit.words.end);
        touching.max_by(|a, b| a.weight.total_cmp(&b.weight))
    }

    /// The words of the sentence that holds `word`.
    pub fn sentence_words(&self, word: usize) -> Range<usize> {
        let words = &self.parsed.words;
        let sentence = words[word].sentence;
        words.partition_point(|word| word.sentence < sentence)
            ..words.partition_point(|word| word.sentence <= sentence)
    }

    /// The clauses that say, ask or command something in the speaker's own words.
    pub fn own_clauses(&self) -> impl Iterator<Item = &Clause> {
        self.parsed.clauses.iter().filter(|clause| !clause.quoted)
    }

    /// The words of `clause` without fillers before its head.
    pub fn core(&self, clause: &Clause) -> Range<usize> {
        clause.head..clause.words.end
    }

    /// Is the command one that asks nothing of the boss: "let me know", "take your time", "bear with me"?
    pub fn harmless_command(&self, clause: &Clause) -> bool {
        let words = self.core(clause);
        self.hits("harmless-imperative")
            .iter()
            .any(|hit| (words.start..words.start + 2).contains(&hit.words.start))
    }

    /// Is the command really a condition: "touch it again and I walk", "bring the list and I'll fill it in"?
    pub fn promised_in_return(&self, clause: &Clause) -> bool {
        let words = &self.parsed.words;
        let (Some(joint), Some(next)) = (words.get(clause.words.end), words.get(clause.words.end + 1)) else {
            return false;
        };
        joint.sentence == clause.sentence
            && matches!(joint.lower.as_str(), "and" | "or")
            && matches!(next.lower.as_str(), "i" | "we" | "it" | "that" | "nobody" | "they")
    }

    /// Is someone else's speech reported here without marks: "she said: …", "he told me to …"?
    pub fn reported(&self, clause: &Clause) -> bool {
        let words = &self.parsed.words;
        let start = clause.words.start;
        if words[start].after_colon && start >= 2 {
            let before = &self.parsed.clauses[words[start - 1].clause];
            let speaks = self.parsed.words_of(before).iter().any(|word| {
                matches!(
                    word.lower.as_str(),
                    "said"
                        | "says"
                        | "say"
                        | "asked"
                        | "asks"
                        | "told"
                        | "wrote"
                        | "like"
                        | "was"
                        | "goes"
                        | "went"
                )
            });
            return speaks && before.subject != Person::I
                || before.subject == Person::I && before.mood == Mood::Declarative && speaks;
        }
        let others = matches!(clause.subject, Person::Other);
        others
            && clause.mood == Mood::Declarative
            && self.parsed.words_of(clause).iter().any(|word| {
                matches!(
                    word.lower.as_str(),
                    "said"
                        | "says"
                        | "asked"
                        | "asks"
                        | "told"
                        | "tells"
                        | "wrote"
                        | "keeps"
                        | "advised"
                        | "reckons"
                        | "thinks"
                )
            })
    }
}
