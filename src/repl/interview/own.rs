//! What `coachup new` asks about a talk of one's own.

use super::{Wanted, Wording};
use crate::scenario::{Answers, Difficulty, Kind, Library, Misfit, Pronoun, Temperament};
use crate::text::data::from_toml;
use serde::Deserialize;
use std::collections::BTreeMap;
use std::sync::LazyLock;

/// What is asked, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub(super) enum Question {
    About,
    Kind,
    Happened,
    Want,
    Outcome,
    YourName,
    YourJob,
    TheirJob,
    Name,
    Pronoun,
    Temperaments,
    Desk,
    Says,
    Usually,
    Against,
    Guesses,
    When,
}

static WORDING: LazyLock<BTreeMap<Question, Wording>> = LazyLock::new(|| {
    from_toml(include_str!("../../../prompts/interview.toml")).expect("a test reads prompts/interview.toml")
});

impl super::Question for Question {
    type Answers = Answers;
    const ALL: &'static [Question] = &[
        Question::About,
        Question::Kind,
        Question::Happened,
        Question::Want,
        Question::Outcome,
        Question::YourName,
        Question::YourJob,
        Question::TheirJob,
        Question::Name,
        Question::Pronoun,
        Question::Temperaments,
        Question::Desk,
        Question::Says,
        Question::Usually,
        Question::Against,
        Question::Guesses,
        Question::When,
    ];

    fn wording(self) -> &'static Wording {
        &WORDING[&self]
    }

    fn is_asked(self, _: &Answers) -> bool {
        true
    }

    fn wanted(self, library: &Library) -> Wanted {
        let same = |word: &str| (word.to_owned(), word.to_owned());
        match self {
            Question::Kind => {
                let all = Kind::all().iter().map(|kind| (kind.name.clone(), kind.title.clone()));
                Wanted::Of(all.collect(), 1)
            }
            Question::Pronoun => Wanted::Of(["she", "he", "they"].map(same).into(), 1),
            Question::Temperaments => {
                let shown = |one: &Temperament| format!("{} (“{}”)", one.title, one.sample);
                let all = Temperament::all().iter().map(|one| (one.name.clone(), shown(one)));
                Wanted::Of(all.collect(), Answers::MOST_TEMPERAMENTS)
            }
            Question::Usually => {
                let mut all: Vec<(&str, &Difficulty)> = library.all::<Difficulty>().collect();
                all.sort_by(|(_, one), (_, other)| other.receptiveness.total_cmp(&one.receptiveness));
                let shown = |(name, one): (&str, &Difficulty)| (name.to_owned(), one.title.clone());
                Wanted::Of(all.into_iter().map(shown).collect(), 1)
            }
            Question::When => Wanted::Day,
            _ => Wanted::Words,
        }
    }

    fn answer(self, answers: &mut Answers) -> String {
        match self {
            Question::Pronoun => answers.pronoun.map(Pronoun::they).unwrap_or_default().to_owned(),
            Question::Temperaments => answers.temperaments.join(" "),
            Question::Desk => answers.desk.join(" / "),
            Question::Against => answers.against.join(" / "),
            Question::Guesses => answers.guesses.join(" / "),
            _ => self.place(answers).cloned().unwrap_or_default(),
        }
    }

    fn take(self, answers: &mut Answers, said: Vec<String>) {
        let first = || said.first().cloned().unwrap_or_default();
        match self {
            Question::Pronoun => {
                let all = [Pronoun::She, Pronoun::He, Pronoun::They];
                answers.pronoun = all.into_iter().find(|pronoun| pronoun.they() == first());
            }
            Question::Temperaments => answers.temperaments = said,
            Question::Desk => answers.desk = several(&first()),
            Question::Against => answers.against = several(&first()),
            Question::Guesses => answers.guesses = several(&first()),
            _ => self.place(answers).into_iter().for_each(|place| *place = first()),
        }
    }

    fn read(text: &str) -> Result<Answers, String> {
        Answers::read(text)
    }

    fn check(answers: &Answers) -> Result<(), Misfit> {
        answers.check_texts()
    }
}

/// What was said with strokes between.
fn several(words: &str) -> Vec<String> {
    let all = words.split('/').map(str::trim).filter(|one| !one.is_empty());
    all.map(str::to_owned).take(Answers::MOST_GUESSES).collect()
}

impl Question {
    /// Where an answer of words, or of one name, stands; none where it is of another form.
    fn place(self, answers: &mut Answers) -> Option<&mut String> {
        Some(match self {
            Question::About => &mut answers.about,
            Question::Kind => &mut answers.kind,
            Question::Happened => &mut answers.happened,
            Question::Want => &mut answers.want,
            Question::Outcome => &mut answers.outcome,
            Question::YourName => &mut answers.your_name,
            Question::YourJob => &mut answers.your_job,
            Question::TheirJob => &mut answers.their_job,
            Question::Name => &mut answers.name,
            Question::Says => &mut answers.says,
            Question::Usually => &mut answers.usually,
            Question::When => &mut answers.when,
            Question::Pronoun
            | Question::Temperaments
            | Question::Desk
            | Question::Against
            | Question::Guesses => {
                return None;
            }
        })
    }
}
