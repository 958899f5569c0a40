//! What came of the real talk, as the person tells it afterwards, and what a coach remarks on a turn.

use super::NodeId;
use crate::scorer::rubric::Check;
use crate::text::data::from_toml;
use jiff::civil::Date;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// What came of the real talk.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Account {
    /// The day of the talk.
    pub day: Option<Date>,
    /// What the boss agreed to, in the person's words.
    pub agreed: String,
    /// What surprised the person.
    pub surprised: String,
    /// The helpful behaviours that the person managed.
    pub managed: Vec<Check>,
    /// How like the rehearsed boss the real one was, 1 to 5; 0 where it was not said.
    pub likeness: u8,
    /// In what the real boss was different.
    pub unlike: Vec<Unlike>,
}

/// The best likeness.
pub const MOST_LIKE: u8 = 5;

impl Account {
    /// Every text in it.
    pub fn texts_mut(&mut self) -> [&mut String; 2] {
        // Every field is named, so that a new one is not forgotten here.
        let Account { agreed, surprised, day: _, managed: _, likeness: _, unlike: _ } = self;
        [agreed, surprised]
    }
}

/// How a real boss differs from the rehearsed one.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Unlike {
    MoreOpen,
    MoreClosed,
    SaysMore,
    SaysLess,
    Friendlier,
    Cooler,
    Blunter,
    WantsProof,
}

impl Unlike {
    /// All of them, as a person is asked.
    pub const ALL: [Unlike; 8] = [
        Unlike::MoreOpen,
        Unlike::MoreClosed,
        Unlike::SaysMore,
        Unlike::SaysLess,
        Unlike::Friendlier,
        Unlike::Cooler,
        Unlike::Blunter,
        Unlike::WantsProof,
    ];

    /// How it is called, and what changes the rehearsed boss so.
    pub fn wording(self) -> &'static UnlikeWording {
        &UNLIKE[&self]
    }
}

/// How a difference is called, and what changes the rehearsed boss so.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct UnlikeWording {
    /// Of the real boss, to pick from.
    pub title: String,
    /// How many presets easier (above 0) or harder the rehearsal becomes.
    #[serde(default)]
    pub easier: i8,
    /// The sentence that the boss's voice gets, with `{name}`.
    #[serde(default)]
    pub voice: Option<String>,
    /// The difference whose sentence goes then.
    #[serde(default)]
    pub instead_of: Option<Unlike>,
}

static UNLIKE: LazyLock<BTreeMap<Unlike, UnlikeWording>> = LazyLock::new(|| {
    from_toml(include_str!("../../prompts/unlike.toml")).expect("a test reads prompts/unlike.toml")
});

/// A coach's remark on a turn.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Remark {
    /// The exchange it is on.
    pub node: NodeId,
    /// When it was made.
    pub made: jiff::Timestamp,
    /// What it says.
    pub text: String,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_difference_has_its_words_and_changes_something() {
        assert_eq!(UNLIKE.keys().copied().collect::<Vec<_>>(), Unlike::ALL);
        for (unlike, wording) in UNLIKE.iter() {
            assert!((wording.easier == 0) == wording.voice.is_some(), "{unlike:?}");
        }
    }
}
