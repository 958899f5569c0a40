//! The plan of a talk: what the person prepared, part by part, and the file it is kept in.
//!
//! A plan is one TOML file that the person may edit: the questions stand in it as comments. It is written in
//! one step, so that a kill leaves the old one or the new one.

use crate::scorer::rubric::Check;
use crate::text::data::from_toml;
use crate::text::file::{Existing, make_private_folder, read_text, write_private};
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::LazyLock;

/// The most options that a talk bears; more of them overload.
pub const MOST_OPTIONS: usize = 3;

/// The largest plan that is read, in bytes.
const LARGEST: u64 = 1 << 20;

/// What the person prepared. Empty text: not answered yet.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Plan {
    /// What the talk is about.
    pub topic: String,
    /// What the person knows about the boss's situation.
    pub situation: String,
    /// What the boss has already done or tried.
    pub tried: String,
    /// What the boss needs.
    pub needs: String,
    /// The outcome that helps both.
    pub benefit: String,
    /// Ways forward to offer, at most [`MOST_OPTIONS`].
    pub options: Vec<String>,
    /// What the person will do themselves.
    pub help: String,
    /// When the person will ask for the talk.
    pub when: String,
    /// How calm the person is, 1 to 5; 0 for not answered yet.
    pub calm: u8,
}

/// A part of a plan.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Part {
    Topic,
    Situation,
    Tried,
    Needs,
    Benefit,
    Options,
    Help,
    When,
    Calm,
}

impl Part {
    /// Every part, in the order they are asked.
    pub const ALL: [Part; 9] = [
        Part::Topic,
        Part::Situation,
        Part::Tried,
        Part::Needs,
        Part::Benefit,
        Part::Options,
        Part::Help,
        Part::When,
        Part::Calm,
    ];

    /// How it is asked and graded.
    pub fn wording(self) -> &'static PartWording {
        &WORDING[&self]
    }

    fn key(self) -> &'static str {
        match self {
            Part::Topic => "topic",
            Part::Situation => "situation",
            Part::Tried => "tried",
            Part::Needs => "needs",
            Part::Benefit => "benefit",
            Part::Options => "options",
            Part::Help => "help",
            Part::When => "when",
            Part::Calm => "calm",
        }
    }
}

/// How a part is asked and graded; from `prompts/plan.toml`.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PartWording {
    /// Its name in lists and reports.
    pub title: String,
    /// What is asked.
    pub question: String,
    /// How to answer it well.
    pub advice: String,
    /// Words put before an answer when it is graded.
    pub lead: String,
    /// What a good answer shows.
    pub expects: Vec<Check>,
}

static WORDING: LazyLock<BTreeMap<Part, PartWording>> = LazyLock::new(|| {
    from_toml(include_str!("../../prompts/plan.toml")).expect("prompts/plan.toml is read by a test")
});

/// Why a plan can't be used.
#[derive(Debug, thiserror::Error)]
pub enum PlanError {
    /// The file can't be read.
    #[error("can't read the plan `{file}`: {source}")]
    Unreadable {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file can't be written.
    #[error("can't write the plan `{file}`: {source}")]
    Unwritable {
        /// The file.
        file: PathBuf,
        /// Why not.
        source: std::io::Error,
    },
    /// The file is no plan.
    #[error("the plan `{file}` is not right: {why}; `coachup prepare --edit` opens it in your editor")]
    Malformed {
        /// The file.
        file: PathBuf,
        /// Where and why.
        why: String,
    },
}

impl Plan {
    /// The plan in `file`; an empty one where there is no file.
    ///
    /// # Errors
    /// See [`PlanError`].
    pub fn load(file: &Path) -> Result<Plan, PlanError> {
        match Plan::read(file) {
            Err(PlanError::Unreadable { source, .. }) if source.kind() == std::io::ErrorKind::NotFound => {
                Ok(Plan::default())
            }
            other => other,
        }
    }

    /// The plan in `file`, which must be there.
    ///
    /// # Errors
    /// See [`PlanError`].
    pub fn read(file: &Path) -> Result<Plan, PlanError> {
        let unreadable = |source| PlanError::Unreadable { file: file.to_owned(), source };
        let text = read_text(file, LARGEST).map_err(unreadable)?;
        let malformed = |why| PlanError::Malformed { file: file.to_owned(), why };
        let plan: Plan = from_toml(&text).map_err(malformed)?;
        plan.checked().map_err(malformed)
    }

    /// Writes the plan to `file` in one step, readable by its owner only.
    ///
    /// # Errors
    /// See [`PlanError::Unwritable`].
    pub fn save(&self, file: &Path) -> Result<(), PlanError> {
        let unwritable = |source| PlanError::Unwritable { file: file.to_owned(), source };
        let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
        make_private_folder(folder).map_err(unwritable)?;
        write_private(file, self.to_toml().as_bytes(), Existing::Replace).map_err(unwritable)
    }

    /// The plan as a file for people: each question as a comment over its answer.
    pub fn to_toml(&self) -> String {
        let text = |text: &str| toml::Value::String(text.to_owned()).to_string();
        let mut file = "# Your plan for the talk. Save and close when you are done.\n".to_owned();
        for part in Part::ALL {
            let words = part.wording();
            let value = match part {
                Part::Options => {
                    let options: String =
                        self.options.iter().map(|option| format!("  {},\n", text(option))).collect();
                    if options.is_empty() { "[]".to_owned() } else { format!("[\n{options}]") }
                }
                Part::Calm => self.calm.to_string(),
                _ => text(self.texts(part).first().copied().unwrap_or_default()),
            };
            file.push_str(&format!("\n# {}\n# {}\n{} = {value}\n", words.question, words.advice, part.key()));
        }
        file
    }

    /// The answers of a part, empty ones left out; none for [`Part::Calm`].
    pub fn texts(&self, part: Part) -> Vec<&str> {
        let all: Vec<&String> = match part {
            Part::Topic => vec![&self.topic],
            Part::Situation => vec![&self.situation],
            Part::Tried => vec![&self.tried],
            Part::Needs => vec![&self.needs],
            Part::Benefit => vec![&self.benefit],
            Part::Options => self.options.iter().collect(),
            Part::Help => vec![&self.help],
            Part::When => vec![&self.when],
            Part::Calm => vec![],
        };
        all.into_iter().map(String::as_str).filter(|text| !text.trim().is_empty()).collect()
    }

    /// Every text, to change it.
    pub fn texts_mut(&mut self) -> impl Iterator<Item = &mut String> {
        // Every field is named, so that a new one is not forgotten here.
        let Plan { topic, situation, tried, needs, benefit, options, help, when, calm: _ } = self;
        [topic, situation, tried, needs, benefit, help, when].into_iter().chain(options)
    }

    /// Answers a part that has one text; [`Part::Options`] and [`Part::Calm`] have their own fields.
    pub fn answer(&mut self, part: Part, text: &str) {
        let field = match part {
            Part::Topic => &mut self.topic,
            Part::Situation => &mut self.situation,
            Part::Tried => &mut self.tried,
            Part::Needs => &mut self.needs,
            Part::Benefit => &mut self.benefit,
            Part::Help => &mut self.help,
            Part::When => &mut self.when,
            Part::Options | Part::Calm => return,
        };
        text.trim().clone_into(field);
    }

    /// Has the part an answer?
    pub fn has(&self, part: Part) -> bool {
        if part == Part::Calm { self.calm > 0 } else { !self.texts(part).is_empty() }
    }

    /// Is nothing answered?
    pub fn is_empty(&self) -> bool {
        Part::ALL.into_iter().all(|part| !self.has(part))
    }

    /// The first part without an answer.
    pub fn next_open(&self) -> Option<Part> {
        Part::ALL.into_iter().find(|&part| !self.has(part))
    }

    fn checked(mut self) -> Result<Plan, String> {
        self.options.retain(|option| !option.trim().is_empty());
        if self.options.len() > MOST_OPTIONS {
            let found = self.options.len();
            return Err(format!(
                "`options` has {found}; a talk bears at most {MOST_OPTIONS}: leave out the weakest"
            ));
        }
        if self.calm > 5 {
            return Err(format!("`calm` is {}; it must be 1 to 5, or 0 where it is not answered", self.calm));
        }
        Ok(self)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn every_part_has_its_words() {
        for part in Part::ALL {
            let words = part.wording();
            assert!(words.question.ends_with(['.', '?']) && words.question.chars().count() <= 76, "{part:?}");
            assert!(words.expects.iter().all(|check| check.is_helpful()), "{part:?}");
            assert!(words.advice.chars().count() <= 130, "{part:?}");
            assert_eq!(serde_json::to_value(part).unwrap(), part.key());
        }
    }

    #[test]
    fn a_plan_is_left_and_resumed() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("plans/late-feedback.toml");
        let mut plan = Plan::load(&file).unwrap();
        assert!(plan.is_empty());
        plan.answer(Part::Topic, "  the feedback on my prototype ");
        plan.save(&file).unwrap();
        let plan = Plan::load(&file).unwrap();
        assert_eq!(
            (plan.topic.as_str(), plan.next_open()),
            ("the feedback on my prototype", Some(Part::Situation))
        );
        assert!(std::fs::read_to_string(&file).unwrap().contains("# What is it about?"));
        #[cfg(unix)]
        {
            use std::os::unix::fs::PermissionsExt;
            assert_eq!(std::fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
        }
    }

    #[test]
    fn a_slip_in_the_editor_is_named() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("plan.toml");
        let error = |text: &str| {
            std::fs::write(&file, text).unwrap();
            Plan::load(&file).unwrap_err().to_string()
        };
        assert!(error("topc = 'x'").contains("did you mean `topic`?"));
        assert!(error("options = ['a', 'b', 'c', 'd']").contains("leave out the weakest"));
        assert!(error("calm = 6").contains("1 to 5"));
    }

    proptest! {
        #[test]
        fn any_words_come_back_from_the_file(
            texts in prop::collection::vec(any::<String>(), 7),
            options in prop::collection::vec("(?s).*[a-z].*", 0..=3),
            calm in 0u8..=5,
        ) {
            let [topic, situation, tried, needs, benefit, help, when]: [String; 7] = texts.try_into().unwrap();
            let plan = Plan { topic, situation, tried, needs, benefit, options, help, when, calm };
            // Space around an answer is not kept, in the sheet either.
            let plan = from_toml::<Plan>(&plan.to_toml()).and_then(Plan::checked).unwrap();
            prop_assert_eq!(from_toml::<Plan>(&plan.to_toml()).and_then(Plan::checked).unwrap(), plan);
        }
    }
}
