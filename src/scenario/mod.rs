//! Situations, bosses and difficulty presets: data a non-programmer can edit, loaded from `prompts/`
//! (embedded in the binary) and from the person's own folder.

mod author;
mod bank;
mod check;
mod library;
mod own;
mod points;
mod receptiveness;
#[cfg(test)]
mod shipped;

pub use author::{AuthorError, Started, check_name, own_file, set_key, start, write_own};
pub use bank::Kind;
pub use check::{Problem, name_faults};
pub use library::{Entry, Fault, Library, LibraryError, read};
pub use own::{Answers, Misfit, Temperament};
pub use points::Point;

use serde::{Deserialize, Serialize};

/// What the talk is about.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Scenario {
    /// The file's name without `.toml`.
    #[serde(skip_deserializing)]
    pub name: String,
    /// One line for lists and headings.
    pub title: String,
    /// The talk's matter in a few words: "the late feedback on the prototype".
    pub topic: String,
    /// What has happened, told to the person ("you"); a few sentences.
    pub situation: String,
    /// What the person wants from the talk; one sentence.
    pub goal: String,
    /// What a good outcome is, for both; one sentence.
    pub outcome: String,
    /// What the boss calls the person, where that is not what the settings say.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub you: Option<String>,
    /// The person's job.
    pub your_role: String,
    /// The boss's job.
    pub boss_role: String,
    /// The same situation as the boss sees it, told to the boss's side; for the prompt only.
    pub boss_view: String,
    /// The kind of matter, by its name in the bank ([`Kind`]), from which comes what the scenario doesn't have itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub kind: Option<String>,
    /// What the person who wrote it suspects on the boss's side, in the boss's words; in some talks it is so, in others
    /// not.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub guesses: Vec<String>,
    /// Who plays the boss, and how hard it is, where nothing else is said; names of a boss and of a preset.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub boss: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub difficulty: Option<String>,
    /// The day of the real talk: `2026-12-03`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<jiff::civil::Date>,
    /// Reasons that the boss has against it, in the third person, with `{they}`, `{them}`, `{their}` for the boss and
    /// `{you}` for the person: "a hasty review would be worse than none". Of each kind ([`Point`]) none where those of
    /// any matter are to do.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub objections: Vec<String>,
    /// What the boss can grant without promising anything, in the same form: "three weeks is long to wait".
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub admissions: Vec<String>,
    /// Details that the boss could ask for: "how long it would take {them}".
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub questions: Vec<String>,
    /// What the boss could ask about why the person comes: "why {you} brings it up only now".
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub motives: Vec<String>,
    /// What makes it hard for the boss and is no secret: "{their} weeks have no two free hours in a row".
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub hardships: Vec<String>,
    /// What the boss keeps back until asked about their own side. With a `kind` there may be none: each talk then draws
    /// some.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub facts: Vec<PrivateFact>,
    /// Words that belong to the matter; a reply or a turn that has one is on topic.
    pub keywords: Vec<String>,
}

/// Something only the boss knows.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PrivateFact {
    /// In the third person, for the prompt's direction, with `{they}`, `{them}`, `{their}` for the boss:
    /// "{their} own boss moved the launch up".
    pub fact: String,
    /// In the boss's own words, for the last resort: "My own boss moved the launch up."
    pub line: String,
    /// It is what the boss would need, and comes out first where that is what was asked for.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub need: bool,
}

/// How others speak of the boss.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Pronoun {
    She,
    He,
    They,
}

impl Pronoun {
    fn forms(self) -> [&'static str; 3] {
        match self {
            Pronoun::She => ["she", "her", "her"],
            Pronoun::He => ["he", "him", "his"],
            Pronoun::They => ["they", "them", "their"],
        }
    }

    /// Puts the words that one says of oneself for `{they}`, `{them}` and `{their}`.
    pub fn as_oneself(text: &str) -> String {
        put(text, ["I", "me", "my"])
    }

    /// The pronoun itself.
    pub fn they(self) -> &'static str {
        self.forms()[0]
    }

    /// Puts the right words for `{they}`, `{them}` and `{their}`.
    pub fn fill(self, text: &str) -> String {
        put(text, self.forms())
    }
}

/// Puts words for `{they}`, `{them}` and `{their}`.
fn put(text: &str, [they, them, their]: [&str; 3]) -> String {
    text.replace("{they}", they).replace("{them}", them).replace("{their}", their)
}

/// Who the boss is.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Boss {
    /// The file's name without `.toml`.
    #[serde(skip_deserializing)]
    pub id: String,
    /// First name, as the scene and the screen call them.
    pub name: String,
    /// How others speak of them.
    pub pronoun: Pronoun,
    /// One line for lists.
    pub title: String,
    /// Character, in a few sentences, for the prompt.
    pub character: String,
    /// How they talk: sentence length, favourite words, what they never say.
    pub voice: String,
    /// What else is on their desk, and how it stands: "Monday's numbers, two regions are still missing". They turn to it
    /// when they change the subject, say no or end the talk.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub matters: Vec<String>,
    /// The first line of a talk; presupposes neither a meeting nor a topic. `{you}` is the person's name.
    pub greetings: Vec<String>,
}

/// How hard the boss makes it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Difficulty {
    /// The file's name without `.toml`.
    #[serde(skip_deserializing)]
    pub name: String,
    /// One line for lists.
    pub title: String,
    /// Openness at the start, 0 to 100.
    pub receptiveness: f64,
    /// Turns of poor treatment the boss bears.
    pub patience: u32,
    /// Openness above which the boss may agree, 0 to 100.
    pub threshold: f64,
    /// Different helpful behaviours needed before the boss may agree.
    pub earned: usize,
    /// Multiplies what helpful behaviours earn.
    pub gain: f64,
    /// Multiplies what harmful behaviours cost.
    pub loss: f64,
    /// The most openness moves in one turn, up or down.
    pub cap: f64,
}
