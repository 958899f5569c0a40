//! Clauses: what is known of one.

use std::ops::Range;

/// Whose action or state a clause is about.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Person {
    /// The speaker.
    I,
    /// The boss.
    You,
    /// Both, or the team.
    We,
    /// Anyone else, or a thing.
    Other,
    /// No subject: fragments and imperatives.
    #[default]
    None,
}

/// What the clause does.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Mood {
    /// Says.
    Declarative,
    /// Asks.
    Interrogative,
    /// Commands.
    Imperative,
    /// Has no verb of its own.
    #[default]
    Fragment,
}

/// What an interrogative clause asks for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Asks {
    /// Yes or no.
    Polar,
    /// Anything: what, how, why…
    Wh,
    /// One of named things.
    Choice,
    /// Confirmation: "…, right?"
    Tag,
}

/// The modal verb that carries the clause.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Modality {
    /// can, could, may, might
    Can,
    /// would
    Would,
    /// will, shall, going to
    Will,
    /// should, ought to
    Should,
    /// must, have to, need to, got to
    Must,
}

/// When it happens.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Tense {
    /// Now or always.
    #[default]
    Present,
    /// Done.
    Past,
    /// To come.
    Future,
}

/// One clause; all indices are into the words of its text.
#[derive(Clone, Debug, Default)]
pub struct Clause {
    /// Its words.
    pub words: Range<usize>,
    /// First byte.
    pub start: usize,
    /// One past the last byte, its closing mark included where the sentence ends.
    pub end: usize,
    /// Index of its sentence.
    pub sentence: usize,
    /// Its first word that is no filler or conjunction.
    pub head: usize,
    /// Who it is about.
    pub subject: Person,
    /// The word that is its subject, where it is a pronoun.
    pub subject_at: Option<usize>,
    /// Its main verb.
    pub verb: Option<usize>,
    /// What it does.
    pub mood: Mood,
    /// What it asks for, where it asks.
    pub asks: Option<Asks>,
    /// Its modal verb.
    pub modality: Option<Modality>,
    /// When it happens.
    pub tense: Tense,
    /// Says that something is not so.
    pub negated: bool,
    /// Begins with "if", "unless" or the like.
    pub conditional: bool,
    /// Begins with any subordinating word.
    pub subordinate: bool,
    /// Lies inside quotation marks.
    pub quoted: bool,
    /// Its sentence ends in a question mark and it is the last clause of it.
    pub marked: bool,
}
