//! Interviews: one question after the other, each answer kept as it is given; left and gone on with at any question.

mod after;
mod own;

pub use after::{Held, Told};

use super::screen;
use super::sheet::{Desk, Left};
use crate::scenario::{Answers, Library, Misfit};
use crate::scorer::language::{self, Language};
use crate::text::file::{Existing, read_text, write_private};
use anyhow::{Context, anyhow};
use jiff::civil::{Date, Weekday};
use serde::{Deserialize, Serialize};
use std::path::Path;

/// The largest file of answers, in bytes.
const LARGEST: u64 = 1 << 20;

/// How a question is asked.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Wording {
    question: String,
    advice: String,
}

/// One of several to choose from: its name in the answers, and how it is shown.
type Choice = (String, String);

/// What a question wants.
enum Wanted {
    /// Any words.
    Words,
    /// A day to come.
    Day,
    /// At most so many of these.
    Of(Vec<Choice>, usize),
}

/// The questions of an interview, in the order of asking.
trait Question: Copy + 'static {
    /// What comes of them.
    type Answers: Clone + Default + PartialEq + Serialize;
    const ALL: &'static [Self];

    fn wording(self) -> &'static Wording;

    fn wanted(self, library: &Library) -> Wanted;

    /// Is it asked, after these answers?
    fn is_asked(self, answers: &Self::Answers) -> bool;

    /// The answer so far, as it would be typed.
    fn answer(self, answers: &mut Self::Answers) -> String;

    /// Takes an answer: words, or the names that were chosen.
    fn take(self, answers: &mut Self::Answers, said: Vec<String>);

    /// Reads answers.
    ///
    /// # Errors
    /// What is not right in them.
    fn read(text: &str) -> Result<Self::Answers, String>;

    /// Are the answers right that have just been taken?
    ///
    /// # Errors
    /// What is not right.
    fn check(answers: &Self::Answers) -> Result<(), Misfit>;
}

/// Reads the answers of `coachup new` in `file`.
///
/// # Errors
/// A file that can't be read or is not right.
pub fn read(file: &Path) -> anyhow::Result<Answers> {
    read_answers::<own::Question>(file)
}

fn read_answers<Q: Question>(file: &Path) -> anyhow::Result<Q::Answers> {
    let text = read_text(file, LARGEST).with_context(|| format!("can't read `{}`", file.display()))?;
    Q::read(&text).map_err(|why| anyhow!("`{}` is not right: {why}", file.display()))
}

fn keep<A: Serialize>(answers: &A, file: &Path) -> anyhow::Result<()> {
    let text = toml::to_string(answers)?;
    let unwritable = || format!("can't write `{}`", file.display());
    write_private(file, text.as_bytes(), Existing::Replace).with_context(unwritable)
}

/// Asks about a talk of one's own what `file` has no answer to yet, and keeps each answer there. `today` is what a day
/// of the week is counted from.
///
/// # Errors
/// The file can't be read or written, the terminal failed.
pub fn ask(file: &Path, library: &Library, today: Date, desk: &mut Desk) -> anyhow::Result<(Left, Answers)> {
    let begin = "A few short questions about your own talk. Enter skips one, /back goes back, /quit leaves: everything \
                 is kept.";
    ask_all::<own::Question>(file, begin, library, today, desk)
}

/// Asks what came of the real talk, likewise.
///
/// # Errors
/// The file can't be read or written, the terminal failed.
pub fn ask_after(
    file: &Path,
    begin: &str,
    library: &Library,
    today: Date,
    desk: &mut Desk,
) -> anyhow::Result<(Left, Told)> {
    ask_all::<after::Question>(file, begin, library, today, desk)
}

fn ask_all<Q: Question>(
    file: &Path,
    begin: &str,
    library: &Library,
    today: Date,
    desk: &mut Desk,
) -> anyhow::Result<(Left, Q::Answers)> {
    let mut answers = if file.exists() { read_answers::<Q>(file)? } else { Q::Answers::default() };
    desk.show(&screen::note(match answers == Q::Answers::default() {
        true => begin,
        false => "Going on where you left. /back goes back, /quit leaves: everything is kept.",
    }))?;
    let open = |answers: &mut Q::Answers| {
        Q::ALL.iter().position(|one| one.is_asked(answers) && one.answer(answers).is_empty())
    };
    let mut at = open(&mut answers).unwrap_or(0);
    while let Some(&question) = Q::ALL.get(at) {
        if !question.is_asked(&answers) {
            at += 1;
            continue;
        }
        let wanted = question.wanted(library);
        let wording = question.wording();
        let choices = if let Wanted::Of(choices, _) = &wanted { choices.as_slice() } else { &[] };
        let shown = choices.iter().map(|(_, shown)| shown.as_str());
        let asked = |questions: &[Q]| questions.iter().filter(|one| one.is_asked(&answers)).count();
        let place = [asked(&Q::ALL[..=at]), asked(Q::ALL)];
        desk.show(&screen::interview(place, &wording.question, &wording.advice, shown))?;
        let before = question.answer(&mut answers);
        let Some(line) = desk.read("> ", &before)? else { return Ok((Left::Interrupted, answers)) };
        let Some(line) = line else { return Ok((Left::Later, answers)) };
        let line = line.trim();
        match line {
            "/quit" => return Ok((Left::Later, answers)),
            "/back" => {
                let before = Q::ALL[..at].iter().rposition(|one| one.is_asked(&answers));
                at = before.unwrap_or(at);
                continue;
            }
            line if line.starts_with('/') => {
                desk.show(&screen::note(&screen::no_command(line, &["/back", "/quit"])))?;
                continue;
            }
            _ => {}
        }
        let taken = match &wanted {
            Wanted::Day => day(line, today).map(|day| vec![day]),
            Wanted::Words => Ok(vec![line.to_owned()]),
            Wanted::Of(choices, most) => chosen(line, choices, *most),
        };
        match taken {
            Ok(said) => {
                let mut taken = answers.clone();
                question.take(&mut taken, said);
                match Q::check(&taken) {
                    Ok(()) => answers = taken,
                    Err(Misfit { why, .. }) => {
                        desk.show(&screen::note(&format!("That {why}.")))?;
                        continue;
                    }
                }
                if language::guess(line) == Language::Other {
                    desk.show(&screen::note(
                        "That looks like another language. You can practise in English only.",
                    ))?;
                }
            }
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

/// What is said to a day that is past.
const PAST: &str = "That day is past. A day to come, or Enter if you don't know yet; `coachup after` is for a talk that \
                    has taken place.";

/// The date that is meant by a date or a day of the week, the next one from `today`; nothing for nothing.
fn day(text: &str, today: Date) -> Result<String, String> {
    if text.is_empty() {
        return Ok(String::new());
    }
    if let Ok(date) = text.parse::<Date>() {
        return if date < today { Err(PAST.to_owned()) } else { Ok(date.to_string()) };
    }
    let days = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];
    let typed = text.to_lowercase();
    let typed = ["on ", "next ", "this "]
        .iter()
        .fold(typed.as_str(), |typed, word| typed.strip_prefix(word).unwrap_or(typed));
    let meant = match typed {
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
    use crate::scenario::Pronoun;

    /// Asks the questions on a Monday, 30 November 2026; how they were left, the answers, what was shown.
    fn asked<Q: Question>(file: &Path, lines: &str) -> (Left, Q::Answers, String) {
        let (mut out, mut input) = (Vec::new(), lines.as_bytes());
        let mut desk = Desk {
            answers: &mut Lines(&mut input),
            out: &mut out,
            edit: &|_| Ok(()),
            interrupt: &Interrupt::install(),
            plain: true,
        };
        let today = "2026-11-30".parse().unwrap();
        let (left, answers) = ask_all::<Q>(file, "", &Library::embedded(), today, &mut desk).unwrap();
        (left, answers, anstream::adapter::strip_str(&String::from_utf8(out).unwrap()).to_string())
    }

    #[test]
    fn it_is_left_in_the_middle_and_goes_on_from_there_to_the_end() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("rota.toml");
        let (left, answers, text) = asked::<own::Question>(&file, "the late rota\n3\n/quit\n");
        assert_eq!((left, answers.kind.as_str()), (Left::Later, "slow-approvals"));
        assert!(text.contains("1 of 17") && text.contains("3  Approvals take too long"), "{text}");
        let rest = "It comes out on Thursday. I need it sooner.\n/back\nIt comes out on Thursday for the Monday. I need \
                    it sooner.\nthe rota two weeks ahead\n\nInes\na staff nurse\nthe ward sister\nInes\nMaureen\nshe\n9\n1 8\n\
                    the inspection\nNot now.\nguarded\nNobody else minds.\nI wait for the office / I'm two short\nthursday\n";
        let (left, answers, text) = asked::<own::Question>(&file, rest);
        assert_eq!(left, Left::Done, "{text}");
        assert!(text.contains("3 of 17  What") && text.contains("A number from 1 to 8"), "{text}");
        assert!(text.contains("nobody could tell who speaks"), "{text}");
        assert_eq!((answers.your_name.as_str(), answers.against.len()), ("Ines", 1));
        assert_eq!(answers.happened, "It comes out on Thursday for the Monday. I need it sooner.");
        assert_eq!(answers.temperaments, ["short-spoken", "proud"]);
        assert_eq!(answers.guesses, ["I wait for the office", "I'm two short"]);
        assert_eq!((answers.usually.as_str(), answers.when.as_str()), ("guarded", "2026-12-03"));
        assert_eq!((answers.pronoun, answers.outcome.as_str()), (Some(Pronoun::She), ""));
        assert_eq!(read(&file).unwrap(), answers);
    }

    #[test]
    fn every_question_has_its_words() {
        fn ask_each<Q: Question>() {
            Q::ALL.iter().for_each(|question| assert!(question.wording().question.ends_with('?')));
        }
        ask_each::<own::Question>();
        ask_each::<after::Question>();
    }

    #[test]
    fn what_is_asked_after_a_talk_follows_from_whether_it_took_place() {
        let folder = tempfile::tempdir().unwrap();
        let told = |name: &str, lines: &str| asked::<after::Question>(&folder.path().join(name), lines);
        let (left, later, text) = told("a", "2\n2026-11-01\nfriday\n");
        assert_eq!((left, later.held, later.now.as_str()), (Left::Done, Some(Held::NotYet), "2026-12-04"));
        assert!(text.contains("2 of 2") && text.contains("That day is past"), "{text}");
        let (left, yes, text) = told("b", "1\n2\nTwo weeks ahead.\n\n1 12\n4\n2 4\n");
        assert!(left == Left::Done && text.contains("7 of 7"), "{text}");
        assert_eq!((yes.likeness, yes.agreed.as_str()), (4, "Two weeks ahead."));
        assert_eq!(yes.managed.len(), 2);
        assert_eq!(yes.unlike.len(), 2);
        assert_eq!(told("c", "3\n").1.held, Some(Held::No));
    }

    #[test]
    fn days_and_slips() {
        let today = "2026-11-30".parse().unwrap();
        assert_eq!(day("Tue", today).unwrap(), "2026-12-01");
        assert_eq!(day("monday", today).unwrap(), "2026-12-07");
        assert_eq!(day("next Monday", today).unwrap(), "2026-12-07");
        assert_eq!(day("2026-12-24", today).unwrap(), "2026-12-24");
        assert!(day("soon", today).is_err() && day("", today).unwrap().is_empty());
        let choices = vec![("a".to_owned(), "A".to_owned()), ("b".to_owned(), "B".to_owned())];
        assert_eq!(chosen("2, 1", &choices, 2).unwrap(), ["b", "a"]);
        assert!(chosen("2 1", &choices, 1).unwrap_err().contains("One number"));
        assert!(chosen("3", &choices, 1).is_err() && chosen("", &choices, 1).unwrap().is_empty());
    }
}
