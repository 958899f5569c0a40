//! What `coachup after` asks about the real talk.

use super::{Choice, Wanted, Wording};
use crate::review::outcome_words;
use crate::scenario::{Library, Misfit};
use crate::scorer::rubric::Check;
use crate::scorer::wording;
use crate::session::Outcome;
use crate::session::account::{Account, MOST_LIKE, Unlike};
use crate::text::capital;
use crate::text::data::from_toml;
use jiff::civil::Date;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// Did the talk take place?
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Held {
    Yes,
    NotYet,
    No,
}

/// What the person tells of the real talk. Empty: not answered.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default, rename_all = "kebab-case")]
pub struct Told {
    /// Did it take place?
    pub held: Option<Held>,
    /// The new day, where it has been put off.
    pub now: String,
    /// How it ended.
    pub outcome: Option<Outcome>,
    /// As in [`Account`].
    pub agreed: String,
    pub surprised: String,
    pub managed: Vec<Check>,
    pub likeness: u8,
    pub unlike: Vec<Unlike>,
}

impl Told {
    /// The account that is kept, of a talk on `day`.
    pub fn account(self, day: Date) -> Account {
        let Told { agreed, surprised, managed, likeness, unlike, .. } = self;
        Account { day: Some(day), agreed, surprised, managed, likeness, unlike }
    }
}

/// What is asked, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Question {
    Held,
    Now,
    Outcome,
    Agreed,
    Surprised,
    Managed,
    Likeness,
    Unlike,
}

static WORDING: LazyLock<BTreeMap<Question, Wording>> = LazyLock::new(|| {
    from_toml(include_str!("../../../prompts/after.toml")).expect("a test reads prompts/after.toml")
});

impl super::Question for Question {
    type Answers = Told;
    const ALL: &'static [Question] = &[
        Question::Held,
        Question::Now,
        Question::Outcome,
        Question::Agreed,
        Question::Surprised,
        Question::Managed,
        Question::Likeness,
        Question::Unlike,
    ];

    fn wording(self) -> &'static Wording {
        &WORDING[&self]
    }

    fn is_asked(self, told: &Told) -> bool {
        match self {
            Question::Held => true,
            Question::Now => told.held == Some(Held::NotYet),
            _ => matches!(told.held, None | Some(Held::Yes)),
        }
    }

    fn wanted(self, _: &Library) -> Wanted {
        match self {
            Question::Held => {
                let all = [(Held::Yes, "Yes"), (Held::NotYet, "Not yet"), (Held::No, "No, and it won't")];
                Wanted::Of(all.map(|(held, shown)| (name(&held), shown.to_owned())).into(), 1)
            }
            Question::Now => Wanted::Day,
            Question::Outcome => {
                let all = [Outcome::Agreed, Outcome::Partly, Outcome::Open, Outcome::EndedByBoss];
                let shown = |outcome| (name(&outcome), capital(outcome_words(outcome, true)));
                Wanted::Of(all.map(shown).into(), 1)
            }
            Question::Agreed | Question::Surprised => Wanted::Words,
            Question::Managed => {
                let all: Vec<Choice> = Check::all_helpful()
                    .map(|check| (name(&check), capital(&wording::of(check).did)))
                    .collect();
                let most = all.len();
                Wanted::Of(all, most)
            }
            Question::Likeness => {
                let shown = [
                    "Another person",
                    "Not very like",
                    "Half and half",
                    "Quite like",
                    "As if it were the same",
                ];
                let all = (1..=MOST_LIKE).zip(shown);
                Wanted::Of(all.map(|(like, shown)| (like.to_string(), shown.to_owned())).collect(), 1)
            }
            Question::Unlike => {
                let all = Unlike::ALL.map(|unlike| (name(&unlike), unlike.wording().title.clone()));
                Wanted::Of(all.into(), Unlike::ALL.len())
            }
        }
    }

    fn answer(self, told: &mut Told) -> String {
        match self {
            Question::Held => told.held.iter().map(name).collect(),
            Question::Now => told.now.clone(),
            Question::Outcome => told.outcome.iter().map(name).collect(),
            Question::Agreed => told.agreed.clone(),
            Question::Surprised => told.surprised.clone(),
            Question::Managed => told.managed.iter().map(name).collect::<Vec<_>>().join(" "),
            Question::Likeness if told.likeness == 0 => String::new(),
            Question::Likeness => told.likeness.to_string(),
            Question::Unlike => told.unlike.iter().map(name).collect::<Vec<_>>().join(" "),
        }
    }

    fn take(self, told: &mut Told, said: Vec<String>) {
        let first = || said.first().cloned().unwrap_or_default();
        match self {
            Question::Held => told.held = said.first().and_then(|name| named(name)),
            Question::Now => told.now = first(),
            Question::Outcome => told.outcome = said.first().and_then(|name| named(name)),
            Question::Agreed => told.agreed = first(),
            Question::Surprised => told.surprised = first(),
            Question::Managed => told.managed = said.iter().filter_map(|name| named(name)).collect(),
            Question::Likeness => told.likeness = first().parse().unwrap_or(0),
            Question::Unlike => told.unlike = said.iter().filter_map(|name| named(name)).collect(),
        }
    }

    fn read(text: &str) -> Result<Told, String> {
        from_toml(text)
    }

    fn check(_: &Told) -> Result<(), Misfit> {
        Ok(())
    }
}

/// The name of a value that is one of several, as files have it.
fn name<T: Serialize>(value: &T) -> String {
    match serde_json::to_value(value) {
        Ok(Value::String(name)) => name,
        _ => unreachable!("a unit variant is a string"),
    }
}

/// The value with that name; none where it was not chosen from the list.
fn named<T: DeserializeOwned>(name: &str) -> Option<T> {
    serde_json::from_value(Value::String(name.to_owned())).ok()
}
