//! What the author of a boss should mend.

use super::wording::{Shape, name_faults, words};
use super::{ACTS, Problem, Problems};
use crate::scenario::Boss;
use crate::text::suggest::nearest;
use std::collections::BTreeMap;

/// The fewest example lines an act needs: the prompt shows two, and the same two would be copied.
const EXAMPLES: usize = 3;
/// The fewest last-resort lines an act needs, so that one is not heard twice in a row.
const FALLBACKS: usize = 3;
/// The longest line, in characters.
const LINE_CHARS: usize = 200;

/// The acts by which a boss gives something.
const CONCEDING: [&str; 2] = ["concedes-part", "agrees-and-commits"];

/// How a yes begins.
const AGREEING: [&str; 10] =
    ["yes", "yeah", "sure", "okay", "ok", "agreed", "deal", "done", "sold", "absolutely"];

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

/// Words that make a promise something one can hold the boss to.
const HANDLES: [&str; 40] = [
    "today",
    "tonight",
    "tomorrow",
    "monday",
    "tuesday",
    "wednesday",
    "thursday",
    "friday",
    "saturday",
    "sunday",
    "weekend",
    "week",
    "weeks",
    "month",
    "january",
    "february",
    "march",
    "april",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
    "morning",
    "noon",
    "afternoon",
    "evening",
    "minute",
    "minutes",
    "hour",
    "hours",
    "half",
    "two",
    "three",
    "ten",
    "fifteen",
    "first",
    "fifteenth",
];

impl Boss {
    /// The name or the number with which no talk can be had; a place that is not filled in yet is for the author.
    pub(in crate::scenario) fn impossible(&self) -> Option<Problem> {
        let mut problems = Problems::default();
        name_faults(&self.name, usize::MAX).into_iter().for_each(|why| problems.add("name", why));
        problems.0.extend(self.number_out_of_range());
        problems.0.into_iter().find(|problem| !problem.is_unfilled())
    }

    fn number_out_of_range(&self) -> Option<Problem> {
        let why = "must be 1 to 6".to_owned();
        (!(1..=6).contains(&self.max_sentences)).then(|| Problem { key: "max-sentences".to_owned(), why })
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
        problems.0.extend(self.number_out_of_range());
        for (index, lead) in self.leads.iter().enumerate() {
            if !(1..=3).contains(&lead.split_whitespace().count()) || !lead.ends_with(['.', ',', ':']) {
                problems
                    .add(format!("leads[{index}]"), "must be one to three words that end in `.`, `,` or `:`");
            }
        }
        for (index, matter) in self.matters.iter().enumerate() {
            problems.text(&format!("matters[{index}]"), matter, Shape::inside(40));
        }
        self.check_greetings(&mut problems);
        self.check_lines("examples", &self.examples, EXAMPLES, &["you"], &mut problems);
        self.check_lines("fallbacks", &self.fallbacks, FALLBACKS, &["you", "topic", "offer"], &mut problems);
        self.check_repeats(&mut problems);
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

    fn check_lines(
        &self,
        key: &str,
        lines: &BTreeMap<String, Vec<String>>,
        fewest: usize,
        placeholders: &[&str],
        problems: &mut Problems,
    ) {
        for act in lines.keys().filter(|act| !ACTS.contains(&act.as_str())) {
            let hint = match nearest(act, ACTS) {
                Some(near) => format!("did you mean `{near}`?"),
                None => format!("the acts are {}", ACTS.join(", ")),
            };
            problems.add(format!("{key}.{act}"), format!("is no act; {hint}"));
        }
        let shape = Shape::spoken(LINE_CHARS, self.max_sentences).with(placeholders);
        for act in ACTS {
            let of_act = lines.get(act).map(Vec::as_slice).unwrap_or_default();
            if of_act.len() < fewest {
                let why = format!("has {}; give {fewest} or more lines", of_act.len());
                problems.add(format!("{key}.{act}"), why);
            }
            for (index, line) in of_act.iter().enumerate() {
                let place = format!("{key}.{act}[{index}]");
                problems.text(&place, line, shape);
                if let Some(why) = self.act_fault(act, line) {
                    problems.add(place, why);
                }
            }
            if !of_act.is_empty() && of_act.iter().all(|line| line.contains("{offer}")) {
                let why = "always uses {offer}; give a line without it, for when nothing was offered";
                problems.add(format!("{key}.{act}"), why);
            }
        }
    }

    /// Why `line` doesn't do what its act does.
    fn act_fault(&self, act: &str, line: &str) -> Option<&'static str> {
        let gives = CONCEDING.contains(&act);
        let first = words(line).next().unwrap_or_default();
        let concrete = line.contains("{offer}")
            || line.contains(|c: char| c.is_ascii_digit())
            || words(line).any(|word| HANDLES.contains(&word.as_str()));
        if line.to_lowercase().starts_with(&format!("{}:", self.name.to_lowercase())) {
            Some("begins with the boss's name and a colon; give only what is said")
        } else if !gives && AGREEING.contains(&first.as_str()) {
            Some("begins like a yes, which belongs to `concedes-part` and `agrees-and-commits`")
        } else if gives && !concrete {
            Some(
                "promises nothing one could hold the boss to; name a day, a time or a number, or use {offer}",
            )
        } else {
            None
        }
    }

    /// A line belongs to one act, and a last resort must not sound like a copied example.
    fn check_repeats(&self, problems: &mut Problems) {
        let mut seen: BTreeMap<String, String> = BTreeMap::new();
        for (key, lines) in [("examples", &self.examples), ("fallbacks", &self.fallbacks)] {
            for (act, of_act) in lines {
                for (index, line) in of_act.iter().enumerate() {
                    let place = format!("{key}.{act}[{index}]");
                    let said = words(line).collect::<Vec<_>>().join(" ");
                    if let Some(other) = seen.get(&said) {
                        problems.add(place, format!("stands under `{other}` too; each line stands once"));
                    } else {
                        seen.insert(said, format!("{key}.{act}"));
                    }
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
        let line = boss.examples["deflects"][0].clone();
        boss.examples.get_mut("dismisses").unwrap().push(line);
        boss.examples.insert("deflekts".into(), vec![]);
        boss.fallbacks.get_mut("considers").unwrap()[0] = "Maybe {later}.\u{1b}".into();
        boss.fallbacks.get_mut("deflects").unwrap()[0] = "Yes, but not now.".into();
        boss.fallbacks.get_mut("agrees-and-commits").unwrap()[2] = "Good. Let's do that.".into();
        boss.fallbacks.get_mut("dismisses").unwrap()[1] = "Dana: not now.".into();
        boss.fallbacks.insert("ends-talk".into(), vec!["Enough: {offer}.".into()]);
        let found = said(&boss);
        for expected in [
            "stands under `examples.deflects` too",
            "`examples.deflekts` is no act; did you mean `deflects`?",
            "{later}",
            "control character",
            "`fallbacks.deflects[0]` begins like a yes",
            "`fallbacks.agrees-and-commits[2]` promises nothing",
            "`fallbacks.dismisses[1]` begins with the boss's name",
            "`fallbacks.ends-talk` has 1; give 3",
            "`fallbacks.ends-talk` always uses {offer}",
        ] {
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
