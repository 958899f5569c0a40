//! What examples are made of: frame sentences and verb lists from `prompts/example.toml`, and inflections.

use crate::scorer::parse::lexicon::{Entry, Lexicon, Sym};
use serde::Deserialize;
use std::collections::HashMap;
use std::sync::LazyLock;

/// The frame sentences; each has one or more variants.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Frames {
    pub ask_time: Vec<String>,
    pub side: Vec<String>,
    pub obstacle: Vec<String>,
    pub side_then: Vec<String>,
    pub next_time: Vec<String>,
    pub understand: Vec<String>,
    pub help: Vec<String>,
    pub invite: Vec<String>,
    pub option: String,
    pub option_timed: String,
    pub option_by_day: String,
    pub option_second: String,
    pub option_we: String,
    pub around: String,
    pub could_have: String,
}

impl Frames {
    /// Every line of every frame.
    pub fn lines(&self) -> impl Iterator<Item = &String> {
        let varied = [
            &self.ask_time,
            &self.side,
            &self.obstacle,
            &self.side_then,
            &self.next_time,
            &self.understand,
            &self.help,
            &self.invite,
        ];
        varied.into_iter().flatten().chain(self.proposing())
    }

    /// The lines around a proposal.
    fn proposing(&self) -> [&String; 7] {
        [
            &self.option,
            &self.option_timed,
            &self.option_by_day,
            &self.option_second,
            &self.option_we,
            &self.around,
            &self.could_have,
        ]
    }
}

/// Bare verbs by what a neutral sentence makes of them.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Verbs {
    pub left_open: Vec<String>,
    pub unanswered: Vec<String>,
    pub giving: Vec<String>,
    pub telling: Vec<String>,
    pub loading: Vec<String>,
    pub hurting: Vec<String>,
    pub failing: Vec<String>,
    pub promising: Vec<String>,
    pub passive: Vec<String>,
    pub delivering: Vec<String>,
    pub attitude: Vec<String>,
}

/// The whole of `prompts/example.toml`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Stock {
    pub frames: Frames,
    pub verbs: Verbs,
}

/// Frames and verbs.
pub static STOCK: LazyLock<Stock> = LazyLock::new(|| {
    crate::text::data::from_toml(include_str!("../../../prompts/example.toml"))
        .expect("prompts/example.toml is read by a test")
});

/// Is `verb` in the list?
pub fn has(list: &[String], verb: &str) -> bool {
    list.iter().any(|known| known == verb)
}

/// The forms of one verb.
#[derive(Clone, Debug, Default)]
pub struct Inflections {
    /// "cancel"
    pub base: String,
    /// "cancelled"
    pub past: String,
    /// "cancelled"
    pub participle: String,
    /// "cancelling"
    pub ing: String,
}

static INFLECTIONS: LazyLock<HashMap<Sym, Inflections>> = LazyLock::new(|| {
    let mut found: HashMap<Sym, Inflections> = HashMap::new();
    for (word, Entry { lemma, forms, .. }) in Lexicon::get().words() {
        let verb = found.entry(lemma).or_default();
        let slots = [
            (forms.base && lemma == Lexicon::get().sym(word), &mut verb.base),
            (forms.past, &mut verb.past),
            (forms.participle, &mut verb.participle),
            (forms.ing, &mut verb.ing),
        ];
        for (fits, slot) in slots {
            // Of two spellings the longer, "cancelled"; the order of the words must not matter.
            if fits && (word.len(), word) > (slot.len(), slot.as_str()) {
                *slot = word.to_owned();
            }
        }
    }
    found
});

/// The forms of the verb with this lemma, where the lexicon knows all of them.
pub fn inflections(lemma: Sym) -> Option<&'static Inflections> {
    let complete = |verb: &&Inflections| {
        [&verb.base, &verb.past, &verb.participle, &verb.ing].iter().all(|form| !form.is_empty())
    };
    INFLECTIONS.get(&lemma).filter(complete)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_listed_verb_is_known_with_its_forms() {
        let verbs = &STOCK.verbs;
        let lists = [
            &verbs.left_open,
            &verbs.unanswered,
            &verbs.giving,
            &verbs.telling,
            &verbs.loading,
            &verbs.hurting,
            &verbs.failing,
            &verbs.promising,
            &verbs.passive,
            &verbs.delivering,
            &verbs.attitude,
        ];
        let unknown: Vec<&String> = lists
            .into_iter()
            .flatten()
            .filter(|verb| inflections(Lexicon::get().sym(verb)).is_none())
            .collect();
        assert!(unknown.is_empty(), "{unknown:?}");
    }

    #[test]
    fn frames_have_the_slots_they_need() {
        let frames = &STOCK.frames;
        let slots = |line: &str| line.matches('{').count();
        for lines in [&frames.ask_time, &frames.understand] {
            assert!(lines.iter().all(|line| line.contains("{topic}") && slots(line) == 1));
        }
        for lines in [
            &frames.side,
            &frames.obstacle,
            &frames.side_then,
            &frames.next_time,
            &frames.help,
            &frames.invite,
        ] {
            assert!(!lines.is_empty() && lines.iter().all(|line| slots(line) == 0));
        }
        for line in [
            &frames.option,
            &frames.option_timed,
            &frames.option_by_day,
            &frames.option_second,
            &frames.option_we,
        ] {
            assert!(line.contains("{do}") && slots(line) == 1, "{line}");
        }
        assert!(frames.around.contains("{doing}") && frames.could_have.contains("{thing}"));
        assert!(frames.lines().all(|line| crate::text::sentences(line).len() == 1));
    }

    #[test]
    fn irregular_forms() {
        let forms = inflections(Lexicon::get().sym("give")).unwrap();
        assert_eq!(
            (forms.past.as_str(), forms.participle.as_str(), forms.ing.as_str()),
            ("gave", "given", "giving")
        );
        assert_eq!(inflections(Lexicon::get().sym("cancel")).unwrap().participle, "cancelled");
    }
}
