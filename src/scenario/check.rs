//! What an author should mend in a data file: explained in words, never guessed at silently.

use super::{Boss, Difficulty, Scenario};
use std::collections::BTreeMap;
use std::fmt;

/// The acts a boss needs lines for; equal to the boss room's own list, which a test there compares.
pub const ACTS: [&str; 11] = [
    "ends-talk",
    "dismisses",
    "deflects",
    "pushes-back",
    "questions-motive",
    "asks-for-specifics",
    "shares-constraint",
    "acknowledges",
    "considers",
    "concedes-part",
    "agrees-and-commits",
];

/// The fewest example lines an act needs: the prompt shows two, and the same two would be copied.
const EXAMPLES: usize = 3;
/// The fewest last-resort lines an act needs, so that one is not heard twice in a row.
const FALLBACKS: usize = 3;
/// A briefing must fit on one screen of 80×24.
const SITUATION_CHARS: usize = 600;

/// One thing to mend: the key and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key, with its path: `examples.deflects[1]`.
    pub key: String,
    /// What is wrong and what to do.
    pub why: String,
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.key, self.why)
    }
}

#[derive(Default)]
struct Problems(Vec<Problem>);

impl Problems {
    fn add(&mut self, key: impl Into<String>, why: impl Into<String>) {
        self.0.push(Problem { key: key.into(), why: why.into() });
    }

    /// A text must say something, be short enough, and hold only the placeholders allowed.
    fn text(&mut self, key: &str, text: &str, longest: usize, placeholders: &[&str]) {
        let length = text.chars().count();
        if text.trim().is_empty() {
            self.add(key, "is empty");
        }
        if length > longest {
            self.add(key, format!("has {length} characters; at most {longest} fit"));
        }
        if text.chars().any(|c| c.is_control() && c != '\n') {
            self.add(key, "holds a control character; remove it");
        }
        let named = text.split('{').skip(1).filter_map(|rest| rest.split_once('}')).map(|(name, _)| name);
        for name in named.filter(|name| !placeholders.contains(name)) {
            let known = match placeholders {
                [] => "none can be used here".to_owned(),
                names => format!("here one can use {{{}}}", names.join("}, {")),
            };
            self.add(key, format!("uses the placeholder {{{name}}}; {known}"));
        }
    }
}

impl Scenario {
    /// What an author should mend.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = Problems::default();
        for (key, text, longest) in [
            ("title", &self.title, 70),
            ("topic", &self.topic, 70),
            ("situation", &self.situation, SITUATION_CHARS),
            ("goal", &self.goal, 200),
            ("outcome", &self.outcome, 200),
            ("your-role", &self.your_role, 60),
            ("boss-role", &self.boss_role, 60),
        ] {
            problems.text(key, text, longest, &[]);
        }
        problems.text("boss-view", &self.boss_view, SITUATION_CHARS, &["they", "them", "their", "you"]);
        if !(2..=3).contains(&self.facts.len()) {
            problems.add("facts", format!("are {}; a boss keeps back two or three", self.facts.len()));
        }
        for (index, fact) in self.facts.iter().enumerate() {
            problems.text(&format!("facts[{index}].fact"), &fact.fact, 140, &["they", "them", "their"]);
            problems.text(&format!("facts[{index}].line"), &fact.line, 140, &["you"]);
        }
        if self.keywords.len() < 3 {
            problems.add("keywords", "are too few; give three or more words that belong to the matter");
        }
        for (index, word) in self.keywords.iter().enumerate() {
            problems.text(&format!("keywords[{index}]"), word, 30, &[]);
        }
        problems.0
    }
}

impl Boss {
    /// What an author should mend.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = Problems::default();
        problems.text("name", &self.name, 20, &[]);
        if self.name.contains(char::is_whitespace) {
            problems.add("name", "is more than one word; give the first name");
        }
        problems.text("title", &self.title, 70, &[]);
        problems.text("character", &self.character, 500, &[]);
        problems.text("voice", &self.voice, 400, &[]);
        if !(1..=6).contains(&self.max_sentences) {
            problems.add("max-sentences", "must be 1 to 6");
        }
        if self.greetings.len() < 2 {
            problems.add("greetings", "are too few; give two or more");
        }
        for (index, line) in self.greetings.iter().enumerate() {
            problems.text(&format!("greetings[{index}]"), line, 80, &["you"]);
        }
        self.check_lines("examples", &self.examples, EXAMPLES, &["you"], &mut problems);
        self.check_lines("fallbacks", &self.fallbacks, FALLBACKS, &["you", "topic", "offer"], &mut problems);
        problems.0
    }

    fn check_lines(
        &self,
        key: &str,
        lines: &BTreeMap<String, Vec<String>>,
        fewest: usize,
        placeholders: &[&str],
        problems: &mut Problems,
    ) {
        for act in lines.keys().filter(|act| !ACTS.contains(&act.as_str())) {
            problems.add(format!("{key}.{act}"), format!("is no act; the acts are {}", ACTS.join(", ")));
        }
        let mut seen: BTreeMap<String, &str> = BTreeMap::new();
        for act in ACTS {
            let of_act = lines.get(act).map(Vec::as_slice).unwrap_or_default();
            if of_act.len() < fewest {
                problems.add(
                    format!("{key}.{act}"),
                    format!("has {}; give {fewest} or more lines", of_act.len()),
                );
            }
            for (index, line) in of_act.iter().enumerate() {
                let place = format!("{key}.{act}[{index}]");
                problems.text(&place, line, 200, placeholders);
                if let Some(other) = seen.insert(line.to_lowercase(), act) {
                    problems.add(place, format!("stands under `{other}` too; a line belongs to one act"));
                }
            }
            if key == "fallbacks" && !of_act.is_empty() && of_act.iter().all(|line| line.contains("{offer}"))
            {
                problems.add(
                    format!("{key}.{act}"),
                    "always uses {offer}; give a line without it, for when nothing was offered",
                );
            }
        }
    }
}

impl Difficulty {
    /// What an author should mend.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = Problems::default();
        problems.text("title", &self.title, 70, &[]);
        for (key, value, low, high) in [
            ("receptiveness", self.receptiveness, 0.0, 100.0),
            ("threshold", self.threshold, 0.0, 100.0),
            ("gain", self.gain, 0.05, 5.0),
            ("loss", self.loss, 0.05, 5.0),
            ("cap", self.cap, 1.0, 100.0),
        ] {
            if !(low..=high).contains(&value) {
                problems.add(key, format!("is {value}; it must lie between {low} and {high}"));
            }
        }
        if !(1..=20).contains(&self.patience) {
            problems.add("patience", "must be 1 to 20 turns");
        }
        if !(1..=13).contains(&self.earned) {
            problems.add("earned", "must be 1 to 13: there are 13 helpful behaviours");
        }
        problems.0
    }
}

#[cfg(test)]
mod tests {
    use super::super::Library;
    use super::*;

    #[test]
    fn what_is_wrong_is_said_in_words() {
        let library = Library::embedded();
        let mut boss = library.get::<Boss>("dana").unwrap().clone();
        let line = boss.examples["deflects"][0].clone();
        boss.examples.get_mut("dismisses").unwrap().push(line);
        boss.examples.insert("dances".into(), vec![]);
        boss.fallbacks.get_mut("considers").unwrap()[0] = "Maybe {later}.\u{1b}".into();
        let found = boss.check().iter().map(Problem::to_string).collect::<Vec<_>>().join("\n");
        for expected in
            ["stands under `dismisses` too", "`examples.dances` is no act", "{later}", "control character"]
        {
            assert!(found.contains(expected), "{expected}: {found}");
        }
    }
}
