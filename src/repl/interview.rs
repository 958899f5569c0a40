//! The interview of `coachup new`: one question after the other about a talk of one's own, kept after each answer.

use super::screen;
use super::sheet::{Desk, Left};
use crate::scenario::{Answers, Difficulty, Kind, Library, Pronoun, Temperament};
use crate::text::data::from_toml;
use crate::text::file::{Existing, read_text, write_private};
use crate::text::suggest::nearest;
use anyhow::{Context, anyhow};
use jiff::civil::{Date, Weekday};
use serde::Deserialize;
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::LazyLock;

/// The largest file of answers, in bytes.
const LARGEST: u64 = 1 << 20;

/// What is asked, in this order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
enum Question {
    About,
    Kind,
    Happened,
    Want,
    Outcome,
    YourJob,
    TheirJob,
    Name,
    Pronoun,
    Temperaments,
    Says,
    Usually,
    Guesses,
    When,
}

/// How a question is asked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wording {
    question: String,
    advice: String,
}

static WORDING: LazyLock<BTreeMap<Question, Wording>> = LazyLock::new(|| {
    from_toml(include_str!("../../prompts/interview.toml")).expect("a test reads prompts/interview.toml")
});

/// One of several to choose from: its name in the answers, and how it is shown.
type Choice = (String, String);

impl Question {
    const ALL: [Question; 14] = [
        Question::About,
        Question::Kind,
        Question::Happened,
        Question::Want,
        Question::Outcome,
        Question::YourJob,
        Question::TheirJob,
        Question::Name,
        Question::Pronoun,
        Question::Temperaments,
        Question::Says,
        Question::Usually,
        Question::Guesses,
        Question::When,
    ];

    /// What there is to choose from, and how many may be chosen; nothing where words are wanted.
    fn choices(self, library: &Library) -> (Vec<Choice>, usize) {
        let same = |word: &str| (word.to_owned(), word.to_owned());
        match self {
            Question::Kind => {
                (Kind::all().iter().map(|kind| (kind.name.clone(), kind.title.clone())).collect(), 1)
            }
            Question::Pronoun => (["she", "he", "they"].map(same).into(), 1),
            Question::Temperaments => {
                let shown = |one: &Temperament| format!("{} (“{}”)", one.title, one.sample);
                let all = Temperament::all().iter().map(|one| (one.name.clone(), shown(one)));
                (all.collect(), Answers::MOST_TEMPERAMENTS)
            }
            Question::Usually => {
                let mut all: Vec<(&str, &Difficulty)> = library.all::<Difficulty>().collect();
                all.sort_by(|(_, one), (_, other)| other.receptiveness.total_cmp(&one.receptiveness));
                let shown = |(name, one): (&str, &Difficulty)| (name.to_owned(), one.title.clone());
                (all.into_iter().map(shown).collect(), 1)
            }
            _ => (Vec::new(), 0),
        }
    }

    /// Where an answer of words, or of one name, stands; none where it is of another form.
    fn place(self, answers: &mut Answers) -> Option<&mut String> {
        Some(match self {
            Question::About => &mut answers.about,
            Question::Kind => &mut answers.kind,
            Question::Happened => &mut answers.happened,
            Question::Want => &mut answers.want,
            Question::Outcome => &mut answers.outcome,
            Question::YourJob => &mut answers.your_job,
            Question::TheirJob => &mut answers.their_job,
            Question::Name => &mut answers.name,
            Question::Says => &mut answers.says,
            Question::Usually => &mut answers.usually,
            Question::When => &mut answers.when,
            Question::Pronoun | Question::Temperaments | Question::Guesses => return None,
        })
    }

    /// The answer so far, as it would be typed.
    fn answer(self, answers: &mut Answers) -> String {
        match self {
            Question::Pronoun => answers.pronoun.map(Pronoun::they).unwrap_or_default().to_owned(),
            Question::Temperaments => answers.temperaments.join(" "),
            Question::Guesses => answers.guesses.join(" / "),
            _ => self.place(answers).cloned().unwrap_or_default(),
        }
    }

    /// Takes an answer: words, or the names that were chosen.
    fn take(self, answers: &mut Answers, said: Vec<String>) {
        let first = || said.first().cloned().unwrap_or_default();
        match self {
            Question::Pronoun => {
                let all = [Pronoun::She, Pronoun::He, Pronoun::They];
                answers.pronoun = all.into_iter().find(|pronoun| pronoun.they() == first());
            }
            Question::Temperaments => answers.temperaments = said,
            Question::Guesses => {
                let words = first();
                let guesses = words.split('/').map(str::trim).filter(|guess| !guess.is_empty());
                answers.guesses = guesses.map(str::to_owned).take(Answers::MOST_GUESSES).collect();
            }
            _ => self.place(answers).into_iter().for_each(|place| *place = first()),
        }
    }
}

/// Reads the answers in `file`.
///
/// # Errors
/// A file that can't be read or is not right.
pub fn read(file: &Path) -> anyhow::Result<Answers> {
    let text = read_text(file, LARGEST).with_context(|| format!("can't read `{}`", file.display()))?;
    Answers::read(&text).map_err(|why| anyhow!("`{}` is not right: {why}", file.display()))
}

/// Keeps the answers in `file`.
///
/// # Errors
/// The file can't be written.
pub fn keep(answers: &Answers, file: &Path) -> anyhow::Result<()> {
    let text = toml::to_string(answers)?;
    let unwritable = || format!("can't write `{}`", file.display());
    write_private(file, text.as_bytes(), Existing::Replace).with_context(unwritable)
}

/// Asks what `file` has no answer to yet, and keeps each answer there. `today` is what a day of the week is counted
/// from.
///
/// # Errors
/// The file can't be read or written, the terminal failed.
pub fn ask(file: &Path, library: &Library, today: Date, desk: &mut Desk) -> anyhow::Result<(Left, Answers)> {
    let mut answers = if file.exists() { read(file)? } else { Answers::default() };
    let begun = answers != Answers::default();
    desk.show(&screen::note(if begun {
        "Going on where you left. /back goes back, /quit leaves: everything is kept."
    } else {
        "A few short questions about your own talk. Enter skips one, /back goes back, /quit leaves: everything is kept."
    }))?;
    let mut at = Question::ALL.iter().position(|one| one.answer(&mut answers).is_empty()).unwrap_or(0);
    while let Some(question) = Question::ALL.get(at) {
        let (choices, most) = question.choices(library);
        let wording = &WORDING[question];
        let shown = choices.iter().map(|(_, shown)| shown.as_str());
        let place = [at + 1, Question::ALL.len()];
        desk.show(&screen::interview(place, &wording.question, &wording.advice, shown))?;
        let before = question.answer(&mut answers);
        let Some(line) = desk.read("> ", &before)? else { return Ok((Left::Interrupted, answers)) };
        let Some(line) = line else { return Ok((Left::Later, answers)) };
        let line = line.trim();
        match line {
            "/quit" => return Ok((Left::Later, answers)),
            "/back" => {
                at = at.saturating_sub(1);
                continue;
            }
            line if line.starts_with('/') => {
                let near = nearest(line, ["/back", "/quit"]);
                let hint = near.map(|near| format!("; did you mean `{near}`?")).unwrap_or_default();
                desk.show(&screen::note(&format!("no command here is `{line}`{hint}")))?;
                continue;
            }
            _ => {}
        }
        let taken = match question {
            Question::When => day(line, today).map(|day| vec![day]),
            _ if choices.is_empty() => Ok(vec![line.to_owned()]),
            _ => chosen(line, &choices, most),
        };
        match taken {
            Ok(said) => question.take(&mut answers, said),
            Err(why) => {
                desk.show(&screen::note(&why))?;
                continue;
            }
        }
        keep(&answers, file)?;
        at += 1;
    }
    Ok((Left::Done, answers))
}

/// The names of those that were typed by number or name.
fn chosen(line: &str, choices: &[Choice], most: usize) -> Result<Vec<String>, String> {
    let mut names = Vec::new();
    for typed in line.split([' ', ',']).filter(|typed| !typed.is_empty()) {
        let number = typed.parse::<usize>().ok().and_then(|number| choices.get(number.checked_sub(1)?));
        let named = || choices.iter().find(|(name, _)| name.eq_ignore_ascii_case(typed));
        match number.or_else(named) {
            Some((name, _)) if names.contains(name) => {}
            Some((name, _)) => names.push(name.clone()),
            None => return Err(format!("A number from 1 to {}, or Enter to skip it.", choices.len())),
        }
    }
    if names.len() > most {
        return Err(match most {
            1 => "One number, please.".to_owned(),
            _ => format!("At most {most} numbers, please."),
        });
    }
    Ok(names)
}

/// The date that is meant by a date or a day of the week, the next one from `today`; nothing for nothing.
fn day(text: &str, today: Date) -> Result<String, String> {
    if text.is_empty() || text.parse::<Date>().is_ok() {
        return Ok(text.to_owned());
    }
    let days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let typed = text.to_lowercase();
    let meant = match typed.as_str() {
        "today" => Some(today),
        "tomorrow" => today.tomorrow().ok(),
        typed => {
            let at = days.iter().position(|day| typed.len() >= 3 && day.starts_with(typed));
            let weekday = at.and_then(|at| Weekday::from_monday_zero_offset(at as i8).ok());
            weekday.and_then(|weekday| today.nth_weekday(1, weekday).ok())
        }
    };
    meant.map(|date| date.to_string()).ok_or_else(|| {
        "A date such as 2026-12-03, a day such as Thursday, or Enter if you don't know yet.".to_owned()
    })
}

#[cfg(test)]
mod tests {
    use super::super::interrupt::Interrupt;
    use super::super::sheet::Lines;
    use super::*;

    fn asked(file: &Path, lines: &str) -> (Left, Answers, String) {
        let (mut out, mut input) = (Vec::new(), lines.as_bytes());
        let mut desk = Desk {
            answers: &mut Lines(&mut input),
            out: &mut out,
            edit: &|_| Ok(()),
            interrupt: &Interrupt::install(),
            plain: true,
        };
        let today = "2026-11-30".parse().unwrap();
        let (left, answers) = ask(file, &Library::embedded(), today, &mut desk).unwrap();
        (left, answers, anstream::adapter::strip_str(&String::from_utf8(out).unwrap()).to_string())
    }

    #[test]
    fn it_is_left_in_the_middle_and_goes_on_from_there_to_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rota.toml");
        let (left, answers, text) = asked(&file, "the late rota\n3\n/quit\n");
        assert_eq!((left, answers.kind.as_str()), (Left::Later, "slow-approvals"));
        assert!(text.contains("1 of 14") && text.contains("3  Approvals take too long"), "{text}");
        let rest = "It comes out on Thursday. I need it sooner.\n/back\nIt comes out on Thursday for the Monday. I need \
                    it sooner.\nthe rota two weeks ahead\n\na staff nurse\nthe ward sister\nMaureen\nshe\n9\n1 8\n\
                    Not now.\nguarded\nI wait for the office / I'm two short\nthursday\n";
        let (left, answers, text) = asked(&file, rest);
        assert_eq!(left, Left::Done, "{text}");
        assert!(text.contains("3 of 14  What") && text.contains("A number from 1 to 8"), "{text}");
        assert_eq!(answers.happened, "It comes out on Thursday for the Monday. I need it sooner.");
        assert_eq!(answers.temperaments, ["short-spoken", "proud"]);
        assert_eq!(answers.guesses, ["I wait for the office", "I'm two short"]);
        assert_eq!((answers.usually.as_str(), answers.when.as_str()), ("guarded", "2026-12-03"));
        assert_eq!((answers.pronoun, answers.outcome.as_str()), (Some(Pronoun::She), ""));
        assert_eq!(read(&file).unwrap(), answers);
    }

    #[test]
    fn every_question_has_its_words() {
        assert_eq!(WORDING.keys().copied().collect::<Vec<_>>(), Question::ALL);
    }

    #[test]
    fn days_and_slips() {
        let today = "2026-11-30".parse().unwrap();
        assert_eq!(day("Tue", today).unwrap(), "2026-12-01");
        assert_eq!(day("monday", today).unwrap(), "2026-12-07");
        assert_eq!(day("2026-12-24", today).unwrap(), "2026-12-24");
        assert!(day("soon", today).is_err() && day("", today).unwrap().is_empty());
        let choices = vec![("a".to_owned(), "A".to_owned()), ("b".to_owned(), "B".to_owned())];
        assert_eq!(chosen("2, 1", &choices, 2).unwrap(), ["b", "a"]);
        assert!(chosen("2 1", &choices, 1).unwrap_err().contains("One number"));
        assert!(chosen("3", &choices, 1).is_err() && chosen("", &choices, 1).unwrap().is_empty());
    }
}
