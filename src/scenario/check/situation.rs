//! What the author of a scenario should mend.

use super::wording::{Shape, words};
use super::{Problem, Problems};
use crate::scenario::{Kind, Point, Scenario};
use crate::text::sentences;
use std::collections::BTreeSet;

/// A briefing must fit on one screen of 80×24.
const SITUATION_CHARS: usize = 600;

impl Scenario {
    /// What an author should mend.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = Problems::default();
        problems.text("title", &self.title, Shape::line(70));
        problems.text("topic", &self.topic, Shape::inside(70));
        problems.text("situation", &self.situation, Shape::paragraph(SITUATION_CHARS));
        problems.text("goal", &self.goal, Shape::line(200));
        problems.text("outcome", &self.outcome, Shape::line(200));
        problems.text("your-role", &self.your_role, Shape::inside(60));
        problems.text("boss-role", &self.boss_role, Shape::inside(60));
        let view = Shape::paragraph(SITUATION_CHARS).with(&["they", "them", "their", "you"]);
        problems.text("boss-view", &self.boss_view, view.about_anybody());
        self.check_situation(&mut problems);
        self.check_points(&mut problems);
        self.check_facts(&mut problems);
        self.check_keywords(&mut problems);
        problems.0
    }

    fn check_situation(&self, problems: &mut Problems) {
        let count = sentences(&self.situation).len();
        if !(2..=6).contains(&count) {
            problems.add("situation", format!("has {count} sentences; two to six tell it"));
        }
        if !words(&self.situation)
            .any(|word| ["you", "your", "i", "my", "we", "our"].contains(&word.as_str()))
        {
            problems.add("situation", "never says `you` or `I`; tell it to the person who will practise it");
        }
        if words(&self.topic).any(|word| word == "my" || word == "our") {
            problems.add("topic", "says `my` or `our`, but the boss says it too; use `the`");
        }
    }

    fn check_points(&self, problems: &mut Problems) {
        let each = |kind: Point| {
            self.own_points(kind).iter().enumerate().map(move |(index, text)| (kind, index, text))
        };
        for (kind, index, text) in Point::ALL.into_iter().flat_map(each) {
            let key = format!("{}[{index}]", kind.key());
            let shape = Shape::inside(140).with(&["they", "them", "their", "you"]).about_anybody();
            problems.text(&key, text, shape);
            let speaks = words(text).any(|word| ["i", "my", "me"].contains(&word.as_str()));
            // Who has made a talk of their own has written the boss's words down as they know them.
            if speaks && self.kind.is_none() {
                problems.add(key, "speaks as the boss; say it of the boss, as in `{they} would have to …`");
            }
        }
    }

    fn check_facts(&self, problems: &mut Problems) {
        let known = |name: &str| Kind::named(name).is_some();
        if let Some(kind) = self.kind.as_deref().filter(|kind| !known(kind)) {
            let names: Vec<&str> = Kind::all().iter().map(|kind| kind.name.as_str()).collect();
            problems.add("kind", format!("is `{kind}`, which there is not; there are {}", names.join(", ")));
        }
        for (index, guess) in self.guesses.iter().enumerate() {
            problems.text(&format!("guesses[{index}]"), guess, Shape::spoken(140, 2));
        }
        let fewest = if self.kind.is_some() { 0 } else { 2 };
        if !(fewest..=4).contains(&self.facts.len()) {
            problems.add("facts", format!("are {}; a boss keeps back two to four", self.facts.len()));
        }
        for (index, fact) in self.facts.iter().enumerate() {
            let key = format!("facts[{index}].fact");
            let shape = Shape::inside(140).with(&["they", "them", "their"]).about_anybody();
            problems.text(&key, &fact.fact, shape);
            if words(&fact.fact).any(|word| ["i", "my", "me"].contains(&word.as_str())) {
                problems.add(key, "speaks as the boss; say it of the boss, as in `{their} own boss …`");
            }
            let line = Shape::spoken(140, 2).with(&["you"]);
            problems.text(&format!("facts[{index}].line"), &fact.line, line);
        }
    }

    fn check_keywords(&self, problems: &mut Problems) {
        if self.keywords.len() < 3 {
            problems.add("keywords", "are too few; give three or more words that belong to the matter");
        }
        let mut seen = BTreeSet::new();
        for (index, word) in self.keywords.iter().enumerate() {
            let key = format!("keywords[{index}]");
            problems.text(&key, word, Shape::line(30));
            if *word != word.to_lowercase() {
                problems.add(&key, "has a capital; words are compared in lower case");
            }
            if !seen.insert(word) {
                problems.add(key, format!("repeats `{word}`"));
            }
        }
        let topic = self.topic.to_lowercase();
        if !self.keywords.iter().any(|word| topic.contains(word.as_str())) {
            problems.add("keywords", "hold no word of the topic; add one");
        }
    }
}

#[cfg(test)]
mod tests {
    use crate::scenario::{Library, Problem, Scenario};

    #[test]
    fn what_is_wrong_is_said_in_words() {
        let mut scenario = Library::embedded().get::<Scenario>("late-feedback").unwrap().clone();
        scenario.topic = "my worries".into();
        scenario.situation = "The report is late.".into();
        scenario.facts[0].fact = "I was never told".into();
        scenario.facts.truncate(1);
        scenario.keywords = vec!["Report".into(), "late".into(), "late".into()];
        let found = scenario.check().iter().map(Problem::to_string).collect::<Vec<_>>().join("\n");
        for expected in [
            "`topic` says `my`",
            "`situation` has 1 sentences",
            "`situation` never says `you`",
            "`facts` are 1",
            "`facts[0].fact` speaks as the boss",
            "`keywords[0]` has a capital",
            "`keywords[2]` repeats `late`",
            "`keywords` hold no word of the topic",
        ] {
            assert!(found.contains(expected), "{expected}: {found}");
        }
    }
}
