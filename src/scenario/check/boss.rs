//! What the author of a boss should mend.

use super::wording::{Shape, name_faults, words};
use super::{Problem, Problems};
use crate::scenario::Boss;

/// What a greeting must not take for granted, since it is the person's to bring up; with the reason.
const PRESUPPOSING: [(&[&str], &str); 3] = [
    (
        &[
            "meeting",
            "appointment",
            "scheduled",
            "agreed",
            "planned",
            "one-to-one",
            "calendar",
            "late",
            "early",
        ],
        "takes an agreed meeting for granted",
    ),
    (
        &["about", "topic", "feedback", "discuss", "again", "update", "question", "problem", "issue"],
        "takes a topic for granted",
    ),
    (
        &["shoot", "listening", "ahead", "minutes", "minute", "time", "tell", "talk"],
        "gives the leave to talk that the person should ask for",
    ),
];

impl Boss {
    /// The name or the number with which no talk can be had; a place that is not filled in yet is for the author.
    pub(in crate::scenario) fn impossible(&self) -> Option<Problem> {
        let mut problems = Problems::default();
        name_faults(&self.name, usize::MAX).into_iter().for_each(|why| problems.add("name", why));
        problems.0.into_iter().find(|problem| !problem.is_unfilled())
    }

    /// What an author should mend.
    pub fn check(&self) -> Vec<Problem> {
        let mut problems = Problems::default();
        name_faults(&self.name, 20).into_iter().for_each(|why| problems.add("name", why));
        if self.name.trim().contains(char::is_whitespace) && !self.name.contains('<') {
            problems.add("name", "is more than one word; give the first name");
        }
        problems.text("title", &self.title, Shape::line(70));
        problems.text("character", &self.character, Shape::paragraph(500));
        problems.text("voice", &self.voice, Shape::paragraph(400));
        for (index, matter) in self.matters.iter().enumerate() {
            problems.text(&format!("matters[{index}]"), matter, Shape::inside(70));
        }
        self.check_greetings(&mut problems);
        problems.0
    }

    /// A greeting is one short line that leaves asking for time and permission to the person.
    fn check_greetings(&self, problems: &mut Problems) {
        if self.greetings.len() < 2 {
            problems.add("greetings", "are too few; give two or more");
        }
        for (index, line) in self.greetings.iter().enumerate() {
            let key = format!("greetings[{index}]");
            problems.text(&key, line, Shape::spoken(80, 2).with(&["you"]));
            for (given, why) in PRESUPPOSING {
                if let Some(word) = words(line).find(|word| given.contains(&word.as_str())) {
                    problems
                        .add(&key, format!("{why} (`{word}`); greet as one who does not know why they come"));
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::scenario::Library;

    fn dana() -> Boss {
        Library::embedded().get::<Boss>("dana").unwrap().clone()
    }

    fn said(boss: &Boss) -> String {
        boss.check().iter().map(Problem::to_string).collect::<Vec<_>>().join("\n")
    }

    #[test]
    fn what_is_wrong_is_said_in_words() {
        let mut boss = dana();
        boss.name = "Dana Reed".into();
        boss.character = "Terse.\u{1b}".into();
        boss.matters =
            vec!["the numbers, which are due on Monday and have never once come in time so far".into()];
        boss.greetings.truncate(1);
        let found = said(&boss);
        for expected in ["more than one word", "control character", "`matters[0]`", "`greetings` are too few"]
        {
            assert!(found.contains(expected), "{expected}: {found}");
        }
    }

    #[test]
    fn a_greeting_leaves_meeting_topic_and_permission_to_the_person() {
        for (greeting, why) in [
            ("Right on time for our meeting, {you}.", "agreed meeting"),
            ("{you}. Is it about the feedback?", "a topic"),
            ("I've got ten minutes for you.", "leave to talk"),
        ] {
            let mut boss = dana();
            boss.greetings[0] = greeting.into();
            let found = said(&boss);
            assert!(found.contains("`greetings[0]`") && found.contains(why), "{greeting}: {found}");
        }
        assert_eq!(said(&dana()), "");
    }
}
