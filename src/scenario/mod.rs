//! Situations, bosses and difficulty presets: data a non-programmer can edit, loaded from `prompts/`
//! (embedded in the binary) and from the person's own folder.

mod author;
mod check;
mod library;
mod receptiveness;
#[cfg(test)]
mod shipped;

pub use author::{AuthorError, Started, start};
pub use check::{Problem, name_faults};
pub use library::{Entry, Fault, Library, LibraryError, read};

use serde::{Deserialize, Serialize};
use std::ops::Range;

/// What the talk is about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
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
    /// The person's job.
    pub your_role: String,
    /// The boss's job.
    pub boss_role: String,
    /// The same situation as the boss sees it, told to the boss's side; for the prompt only.
    pub boss_view: String,
    /// Reasons that the boss has against it, in the third person, with `{they}`, `{them}`, `{their}` for the boss and
    /// `{you}` for the person: "a hasty review would be worse than none".
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
    /// What the boss keeps back until asked about their own side.
    pub facts: Vec<PrivateFact>,
    /// Words that belong to the matter; a reply or a turn that has one is on topic.
    pub keywords: Vec<String>,
}

/// The kinds of what a boss's line can come to, each with a list in the scenario.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Point {
    /// What the boss holds against it.
    Objection,
    /// What the boss can grant.
    Admission,
    /// What the boss asks for.
    Question,
    /// What the boss asks about why the person comes.
    Motive,
    /// What makes it hard for the boss.
    Hardship,
}

impl Point {
    /// All, in the order in which the lists are numbered.
    pub const ALL: [Point; 5] =
        [Point::Objection, Point::Admission, Point::Question, Point::Motive, Point::Hardship];

    /// The list's key in the file.
    pub fn key(self) -> &'static str {
        match self {
            Point::Objection => "objections",
            Point::Admission => "admissions",
            Point::Question => "questions",
            Point::Motive => "motives",
            Point::Hardship => "hardships",
        }
    }
}

impl Scenario {
    /// The list of one kind.
    pub fn list(&self, kind: Point) -> &[String] {
        match kind {
            Point::Objection => &self.objections,
            Point::Admission => &self.admissions,
            Point::Question => &self.questions,
            Point::Motive => &self.motives,
            Point::Hardship => &self.hardships,
        }
    }

    /// The numbers of one kind, in all lists one after the other.
    pub fn points(&self, kind: Point) -> Range<usize> {
        let before = Point::ALL.into_iter().take_while(|other| *other != kind);
        let start = before.map(|other| self.list(other).len()).sum();
        start..start + self.list(kind).len()
    }

    /// That with the number `at`.
    pub fn point(&self, at: usize) -> Option<&str> {
        Point::ALL.into_iter().flat_map(|kind| self.list(kind)).nth(at).map(String::as_str)
    }
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
    /// Puts the right words for `{they}`, `{them}` and `{their}`.
    pub fn fill(self, text: &str) -> String {
        let [they, them, their] = match self {
            Pronoun::She => ["she", "her", "her"],
            Pronoun::He => ["he", "him", "his"],
            Pronoun::They => ["they", "them", "their"],
        };
        text.replace("{they}", they).replace("{them}", them).replace("{their}", their)
    }
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
    /// What else is on their desk, as nouns: "the numbers for Monday". They turn to it when they change the
    /// subject, say no or say what is in the way.
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
