//! What an author should mend in a data file: explained in words, never guessed at silently.

mod boss;
mod situation;
mod wording;

use super::Difficulty;
use std::fmt;
use wording::Shape;
pub use wording::name_faults;

/// One thing to mend: the key and what is wrong with it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Problem {
    /// The key, with its path: `facts[1].line`.
    pub key: String,
    /// What is wrong and what to do.
    pub why: String,
}

impl Problem {
    /// Is it a place of the template that nobody has filled in yet?
    pub fn is_unfilled(&self) -> bool {
        self.why.starts_with(wording::UNFILLED)
    }
}

impl fmt::Display for Problem {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "`{}` {}", self.key, self.why)
    }
}

/// The problems found so far in one entry.
#[derive(Default)]
struct Problems(Vec<Problem>);

impl Problems {
    fn add(&mut self, key: impl Into<String>, why: impl Into<String>) {
        self.0.push(Problem { key: key.into(), why: why.into() });
    }

    /// Notes what is wrong with one text.
    fn text(&mut self, key: &str, text: &str, shape: Shape) {
        for why in shape.faults(text) {
            self.add(key, why);
        }
    }
}

impl Difficulty {
    /// What an author should mend.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = Problems::default();
        problems.text("title", &self.title, Shape::line(70));
        problems.0.extend(self.numbers_out_of_range());
        problems.0
    }

    /// The numbers with which the boss's state can't be moved.
    pub(super) fn numbers_out_of_range(&self) -> Vec<Problem> {
        let mut problems = Problems::default();
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
    fn numbers_out_of_range_are_named_with_the_range() {
        let mut preset = Library::embedded().get::<Difficulty>("guarded").unwrap().clone();
        preset.receptiveness = 120.0;
        preset.gain = f64::NAN;
        preset.patience = 0;
        preset.earned = 14;
        let keys: Vec<String> = preset.check().into_iter().map(|problem| problem.key).collect();
        assert_eq!(keys, ["receptiveness", "gain", "patience", "earned"]);
        assert!(preset.check()[0].to_string().contains("between 0 and 100"));
    }
}
