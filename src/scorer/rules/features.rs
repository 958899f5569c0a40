//! A turn as a vector of interpretable numbers, for a classifier.

use super::super::parse::{Asks, Mood, Person, Tense};
use super::super::rubric::Check;
use super::super::verdict::Position;
use super::reading::Reading;
use super::{RuleResult, topic};

const NAMES: [&str; 35] = [
    "words",
    "sentences",
    "clauses",
    "content-words",
    "questions",
    "open-questions",
    "choice-questions",
    "tag-questions",
    "genuine",
    "imperatives",
    "fragments",
    "subject-i",
    "subject-you",
    "subject-we",
    "subject-other",
    "past",
    "future",
    "modals",
    "negated",
    "you-past",
    "you-negated",
    "i-future",
    "conditionals",
    "quoted",
    "numbers",
    "exclamations",
    "question-marks",
    "shouted",
    "emoji",
    "or",
    "but",
    "opening",
    "closing",
    "has-context",
    "proposals",
];

/// How many sections of constructions there are; a test holds it equal to the data files'.
const SECTIONS: usize = 25;

/// Length of the feature vector.
pub const FEATURE_COUNT: usize = NAMES.len() + Check::COUNT + SECTIONS;

/// The names of the features, in order.
pub fn feature_names() -> Vec<String> {
    let structure = NAMES.iter().map(|name| (*name).to_owned());
    let rules = Check::ALL.iter().map(|check| format!("rule:{check}"));
    let sections = (0..SECTIONS).map(|at| format!("section:{at}"));
    structure.chain(rules).chain(sections).collect()
}

pub(super) fn features(reading: &Reading<'_>, result: &RuleResult) -> Vec<f32> {
    let parsed = &reading.parsed;
    let own: Vec<_> = reading.own_clauses().collect();
    let count = |test: &dyn Fn(&&super::super::parse::Clause) -> bool| {
        own.iter().copied().filter(|clause| test(clause)).count() as f32
    };
    let subject = |person: Person| count(&|clause| clause.subject == person);
    let asking =
        |asks: Asks| reading.questions.iter().filter(|question| question.asks == asks).count() as f32;
    let marks = |mark: char| parsed.text.chars().filter(|&c| c == mark).count() as f32;
    let words = |list: &str| parsed.words.iter().filter(|word| word.lower == list).count() as f32;
    let flag = |holds: bool| f32::from(u8::from(holds));
    let mut vector = vec![
        (1.0 + parsed.words.len() as f32).ln(),
        parsed.sentences.len() as f32,
        own.len() as f32,
        topic::content_words(reading).len() as f32,
        reading.questions.len() as f32,
        asking(Asks::Wh),
        asking(Asks::Choice),
        asking(Asks::Tag),
        reading.questions.iter().map(|question| question.genuine).fold(0.0, f32::max),
        count(&|clause| clause.mood == Mood::Imperative),
        count(&|clause| clause.mood == Mood::Fragment),
        subject(Person::I),
        subject(Person::You),
        subject(Person::We),
        subject(Person::Other),
        count(&|clause| clause.tense == Tense::Past),
        count(&|clause| clause.tense == Tense::Future),
        count(&|clause| clause.modality.is_some()),
        count(&|clause| clause.negated),
        count(&|clause| clause.subject == Person::You && clause.tense == Tense::Past),
        count(&|clause| clause.subject == Person::You && clause.negated),
        count(&|clause| clause.subject == Person::I && clause.tense == Tense::Future),
        count(&|clause| clause.conditional),
        parsed.clauses.iter().filter(|clause| clause.quoted).count() as f32,
        parsed.words.iter().filter(|word| word.number).count() as f32,
        marks('!'),
        marks('?'),
        parsed.words.iter().filter(|word| word.shouted).count() as f32,
        parsed.words.iter().filter(|word| word.emoji).count() as f32,
        words("or"),
        words("but"),
        flag(reading.position == Position::Opening),
        flag(reading.position == Position::Closing),
        flag(reading.context.is_some()),
        super::options::proposals(reading).len() as f32,
    ];
    vector.extend(Check::ALL.iter().map(|&check| result.get(check).score));
    vector.extend(reading.section_scores());
    vector
}

#[cfg(test)]
mod tests {
    use super::super::super::verdict::Utterance;
    use super::super::Rules;
    use super::*;

    #[test]
    fn the_vector_has_its_length_and_names() {
        let utterance =
            Utterance { text: "Could we meet on Tuesday?", context: None, position: Position::Opening };
        assert_eq!(Rules::features(&utterance).len(), FEATURE_COUNT);
        assert_eq!(feature_names().len(), FEATURE_COUNT);
    }
}
