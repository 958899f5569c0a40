//! Reading a charge: what a clause says the boss did, did not do, or keeps doing.

use super::source::KINDS;
use super::stock::{Inflections, STOCK, has, inflections};
use crate::scorer::parse::{Clause, Parsed, Person, Word};
use std::ops::Range;

/// The most words behind the verb.
const MOST_BEHIND: usize = 16;

/// What a clause says the boss did or did not do.
pub struct Charge<'a> {
    /// The turn.
    pub parsed: &'a Parsed<'a>,
    /// The verb's forms.
    pub forms: &'static Inflections,
    /// What follows the verb.
    pub rest: Range<usize>,
    /// Said not to have been done.
    pub negated: bool,
    /// Said to happen again and again.
    pub habit: bool,
    /// Happened at a time that is over.
    pub past: bool,
}

/// What stands between "you" and the verb.
#[derive(Default)]
struct Lead {
    negated: bool,
    habit: bool,
    past: bool,
    /// "have done", "do do", "keep doing": the verb's own form says nothing of the time.
    auxiliary: bool,
}

impl<'a> Charge<'a> {
    /// Reads "you (always) cancelled …", "you have not answered …", "why do you keep changing …".
    pub fn read(parsed: &'a Parsed<'a>, clause: &Clause) -> Option<Charge<'a>> {
        let words = &parsed.words;
        let end = clause.words.end;
        let subject = clause.subject_at.filter(|_| clause.subject == Person::You)?;
        let (lead, verb) = read_lead(words, clause.words.start, subject, end);
        let word = words.get(verb).filter(|word| verb < end && word.forms.any() && !word.is(KINDS.aux))?;
        // "You always put …" is the present, "you put …" the past.
        let told = word.forms.past && !lead.auxiliary && !(lead.habit && word.forms.base);
        let dated = words[verb + 1..end]
            .iter()
            .any(|word| matches!(word.lower.as_str(), "yesterday" | "last" | "ago"));
        let charge = Charge {
            parsed,
            forms: inflections(word.lemma)?,
            rest: verb + 1..end,
            negated: lead.negated,
            habit: lead.habit,
            past: (lead.past || told) && (!lead.negated || dated),
        };
        let charge = charge.without_failing()?;
        (charge.rest.len() <= MOST_BEHIND && charge.is_about_matter()).then_some(charge)
    }

    /// "You forgot to sign the form" is "you did not sign the form".
    fn without_failing(mut self) -> Option<Charge<'a>> {
        let words = &self.parsed.words[self.rest.clone()];
        let infinitive = words.len() > 2 && words[0].lower == "to" && words[1].forms.base;
        if infinitive && has(&STOCK.verbs.failing, &self.forms.base) {
            self.forms = inflections(words[1].lemma)?;
            self.rest.start += 2;
            (self.negated, self.past) = (true, false);
        }
        Some(self)
    }

    /// Nothing behind the verb speaks of the boss, but for "you said you would".
    fn is_about_matter(&self) -> bool {
        has(&STOCK.verbs.promising, &self.forms.base)
            || self.parsed.words[self.rest.clone()].iter().all(|word| word.lower != "you")
    }
}

/// Reads what stands around the subject, up to the verb; returns where the verb is.
fn read_lead(words: &[Word], start: usize, subject: usize, end: usize) -> (Lead, usize) {
    let before = subject.checked_sub(1).filter(|&at| at >= start).map_or("", |at| words[at].lower.as_str());
    let mut lead = Lead {
        past: before == "did",
        auxiliary: matches!(before, "have" | "had" | "do" | "did"),
        ..Lead::default()
    };
    for (at, word) in words[..end].iter().enumerate().skip(subject + 1) {
        match word.lower.as_str() {
            "never" => (lead.negated, lead.habit) = (true, true),
            "not" => lead.negated = true,
            "always" | "constantly" | "repeatedly" | "regularly" | "often" => lead.habit = true,
            "do" | "does" | "have" | "has" | "had" if verb_follows(words, at, end) => lead.auxiliary = true,
            "did" if verb_follows(words, at, end) => (lead.past, lead.auxiliary) = (true, true),
            "keep" | "kept" if ing_follows(words, at, end) => (lead.habit, lead.auxiliary) = (true, true),
            "are" | "were" if ing_follows(words, at, end) => lead.auxiliary = true,
            "also" | "just" | "even" | "still" | "only" | "simply" | "actually" | "all" | "really"
            | "then" | "now" | "again" | "on" | "yourself" | "already" | "so" => {}
            _ => return (lead, at),
        }
    }
    (lead, end)
}

fn verb_follows(words: &[Word], at: usize, end: usize) -> bool {
    let next = words[at + 1..end].iter().find(|word| !word.is(KINDS.adverb));
    next.is_some_and(|word| word.forms.any() && !word.is(KINDS.det))
}

fn ing_follows(words: &[Word], at: usize, end: usize) -> bool {
    let next = words[at + 1..end].iter().find(|word| !word.is(KINDS.adverb) && word.lower != "on");
    next.is_some_and(|word| word.forms.ing)
}
