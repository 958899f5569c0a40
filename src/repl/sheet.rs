//! The guided sheet of `coachup prepare`: one question after the other, kept after each answer.

use super::breathe::breathe;
use super::editor::{Input, Prompt};
use super::interrupt::Interrupt;
use super::screen;
use crate::review::{PartReview, PlanReview, terminal};
use crate::scorer::Scorer;
use crate::session::plan::{MOST_OPTIONS, Part, Plan};
use std::io::{BufRead, Write};
use std::path::Path;

/// How the person left the sheet.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Left {
    /// The plan stands as it is.
    Done,
    /// `/quit` or Ctrl-D: to go on with another time.
    Later,
    /// Ctrl-C twice.
    Interrupted,
}

/// Where the answers come from.
pub trait Answers {
    /// Asks, with `initial` already on the line.
    ///
    /// # Errors
    /// The terminal or the stream failed.
    fn ask(&mut self, prompt: &str, initial: &str) -> anyhow::Result<Input>;

    /// Does `work`; what is typed meanwhile answers the next questions.
    ///
    /// # Errors
    /// Those of the work.
    fn meanwhile(&mut self, work: &mut dyn FnMut() -> anyhow::Result<()>) -> anyhow::Result<()> {
        work()
    }
}

impl Answers for Prompt {
    fn ask(&mut self, prompt: &str, initial: &str) -> anyhow::Result<Input> {
        Ok(self.read(prompt, initial)?)
    }

    fn meanwhile(&mut self, work: &mut dyn FnMut() -> anyhow::Result<()>) -> anyhow::Result<()> {
        Prompt::meanwhile(self, work)
    }
}

/// Answers from a file or a pipe, one a line; an empty line leaves an answer as it is.
pub struct Lines<'a>(pub &'a mut dyn BufRead);

impl Answers for Lines<'_> {
    fn ask(&mut self, _: &str, initial: &str) -> anyhow::Result<Input> {
        let mut line = String::new();
        Ok(match self.0.read_line(&mut line)? {
            0 => Input::End,
            _ if line.trim().is_empty() => Input::Line(initial.to_owned()),
            _ => Input::Line(line),
        })
    }
}

/// What the sheet is given to work with.
pub struct Desk<'a> {
    /// Where answers come from.
    pub answers: &'a mut dyn Answers,
    /// The screen.
    pub out: &'a mut dyn Write,
    /// Opens a file in the person's editor and waits until it is closed.
    pub edit: &'a dyn Fn(&Path) -> anyhow::Result<()>,
    /// Ctrl-C.
    pub interrupt: &'a Interrupt,
    /// No dots, no redrawing.
    pub plain: bool,
}

/// Fills the plan in `file`, from where it was left.
///
/// # Errors
/// The file can't be read or written, the terminal failed.
pub fn fill(file: &Path, desk: &mut Desk) -> anyhow::Result<Left> {
    let mut sheet = Sheet { plan: Plan::load(file)?, file, scorer: Scorer };
    if sheet.plan.is_empty() {
        desk.show(&screen::note(
            "Nine short questions. Enter keeps an answer or goes on, /back goes back, /edit opens the sheet in your \
             editor, /breathe is a pause, /quit leaves: everything is kept.",
        ))?;
    } else {
        desk.show(&screen::plan(&sheet.plan))?;
        desk.show(&screen::note(
            "/back goes back, /edit opens the sheet in your editor, /breathe is a pause, /quit leaves.",
        ))?;
    }
    let mut next = sheet.plan.next_open();
    loop {
        let step = match next {
            Some(part) => sheet.ask(part, desk)?,
            None => sheet.overview(desk)?,
        };
        next = match step {
            Step::To(part) => part,
            Step::Leave(how) => return Ok(how),
        };
    }
}

/// Where to go next.
enum Step {
    /// To a part, or to the overview.
    To(Option<Part>),
    Leave(Left),
}

struct Sheet<'a> {
    plan: Plan,
    file: &'a Path,
    scorer: Scorer,
}

/// What was typed at a question.
enum Typed {
    Answer(String),
    Step(Step),
    /// Carried out already: ask again.
    Again,
}

impl Sheet<'_> {
    fn ask(&mut self, part: Part, desk: &mut Desk) -> anyhow::Result<Step> {
        let place = Part::ALL.iter().position(|&other| other == part).unwrap_or(0);
        desk.show(&screen::question(part, place + 1))?;
        if part == Part::Options {
            return self.ask_options(place, desk);
        }
        let answer = match part {
            Part::Calm if self.plan.calm == 0 => String::new(),
            Part::Calm => self.plan.calm.to_string(),
            _ => self.plan.texts(part).first().copied().unwrap_or_default().to_owned(),
        };
        let answer = loop {
            match self.type_in("> ", &answer, place, desk)? {
                Typed::Answer(text) => break text,
                Typed::Step(step) => return Ok(step),
                Typed::Again => {}
            }
        };
        if part == Part::Calm {
            if !answer.is_empty() && !self.take_calm(&answer, desk)? {
                return Ok(Step::To(Some(part)));
            }
        } else {
            self.plan.answer(part, &answer);
        }
        self.keep(part, desk)?;
        Ok(Step::To(after(place)))
    }

    fn ask_options(&mut self, place: usize, desk: &mut Desk) -> anyhow::Result<Step> {
        let before = self.plan.options.clone();
        let mut options = Vec::new();
        while options.len() < MOST_OPTIONS {
            let number = options.len() + 1;
            let old = before.get(number - 1).cloned().unwrap_or_default();
            match self.type_in(&format!("option {number}> "), &old, place, desk)? {
                Typed::Answer(text) if text.is_empty() => break,
                Typed::Answer(text) => options.push(text),
                Typed::Step(step) => return Ok(step),
                Typed::Again => {}
            }
            // Kept at once; those not yet asked again stay as they were.
            self.plan.options = options.iter().chain(before.iter().skip(options.len())).cloned().collect();
            self.plan.options.truncate(MOST_OPTIONS);
            self.plan.save(self.file)?;
        }
        self.plan.options = options;
        self.keep(Part::Options, desk)?;
        Ok(Step::To(after(place)))
    }

    /// Reads one answer or carries out a command.
    fn type_in(
        &mut self,
        prompt: &str,
        initial: &str,
        place: usize,
        desk: &mut Desk,
    ) -> anyhow::Result<Typed> {
        let line = match desk.read(prompt, initial)? {
            Some(line) => line,
            None => return Ok(Typed::Step(Step::Leave(Left::Interrupted))),
        };
        let Some(line) = line else { return Ok(Typed::Step(Step::Leave(Left::Later))) };
        let line = line.trim();
        if !line.starts_with('/') {
            return Ok(Typed::Answer(line.to_owned()));
        }
        Ok(match line {
            "/back" => Typed::Step(Step::To(Some(Part::ALL[place.saturating_sub(1)]))),
            "/quit" => Typed::Step(Step::Leave(Left::Later)),
            "/plan" => {
                desk.show(&screen::plan(&self.plan))?;
                Typed::Again
            }
            "/breathe" => {
                let Desk { out, plain, interrupt, .. } = desk;
                desk.answers.meanwhile(&mut || breathe(*out, *plain, interrupt))?;
                // The question has scrolled away: it is asked again.
                Typed::Step(Step::To(Part::ALL.get(place).copied()))
            }
            "/edit" => {
                self.edit(desk)?;
                Typed::Step(Step::To(self.plan.next_open()))
            }
            other => {
                let known = ["/back", "/plan", "/breathe", "/edit", "/quit"];
                let slip = screen::no_command(other, &known);
                desk.show(&screen::note(&format!("{slip} There are {}.", known.join(", "))))?;
                Typed::Again
            }
        })
    }

    fn take_calm(&mut self, answer: &str, desk: &mut Desk) -> anyhow::Result<bool> {
        match answer.parse::<u8>() {
            Ok(calm @ 1..=5) => {
                self.plan.calm = calm;
                if calm <= 2 {
                    desk.show(&screen::note(
                        "Then this is not the moment to send anything. /breathe here or in the talk, sleep over it, and \
                         come back to the sheet.",
                    ))?;
                }
                Ok(true)
            }
            _ => {
                desk.show(&screen::note("A number from 1 to 5, or Enter to leave it open."))?;
                Ok(false)
            }
        }
    }

    /// Writes the sheet, and says what the new answer shows.
    fn keep(&self, part: Part, desk: &mut Desk) -> anyhow::Result<()> {
        self.plan.save(self.file)?;
        let reviewed = PartReview::of(&self.plan, part, &self.scorer);
        desk.show(&terminal::plan_answer(&reviewed, screen::width(), desk.plain))
    }

    fn edit(&mut self, desk: &mut Desk) -> anyhow::Result<()> {
        self.plan.save(self.file)?;
        if let Err(error) = (desk.edit)(self.file) {
            return desk.show(&screen::note(&format!("{error:#}.")));
        }
        match Plan::load(self.file) {
            Ok(plan) => {
                self.plan = plan;
                desk.show(&screen::plan(&self.plan))?;
            }
            Err(error) => {
                desk.show(&screen::note(&format!("{error}. The answers are as they were here.")))?
            }
        }
        Ok(())
    }

    /// The whole sheet, judged, and the way back to any part of it.
    fn overview(&mut self, desk: &mut Desk) -> anyhow::Result<Step> {
        let review = PlanReview::of(&self.plan, &self.scorer);
        desk.show(&terminal::plan(&review, self.plan.calm, screen::width(), desk.plain))?;
        let prompt = "A number changes that part, /edit opens all, Enter is done: ";
        match self.type_in(prompt, "", Part::ALL.len(), desk)? {
            Typed::Answer(text) if text.is_empty() => Ok(Step::Leave(Left::Done)),
            Typed::Answer(text) => {
                let part =
                    text.parse::<usize>().ok().and_then(|number| Part::ALL.get(number.checked_sub(1)?));
                if part.is_none() {
                    desk.show(&screen::note(&format!("A number from 1 to {}.", Part::ALL.len())))?;
                }
                Ok(Step::To(part.copied()))
            }
            // The end of a script is the end of the sheet.
            Typed::Step(Step::Leave(Left::Later)) => Ok(Step::Leave(Left::Done)),
            Typed::Step(step) => Ok(step),
            Typed::Again => Ok(Step::To(None)),
        }
    }
}

/// The part after the one at `place`.
fn after(place: usize) -> Option<Part> {
    Part::ALL.get(place + 1).copied()
}

impl Desk<'_> {
    /// A line; `Some(None)` at the end of input, `None` where Ctrl-C was pressed twice.
    ///
    /// # Errors
    /// The terminal or the stream failed.
    pub fn read(&mut self, prompt: &str, initial: &str) -> anyhow::Result<Option<Option<String>>> {
        for _ in 0..2 {
            match self.interrupt.while_reading(|| self.answers.ask(prompt, initial))? {
                Input::Line(line) => return Ok(Some(Some(line))),
                Input::End => return Ok(Some(None)),
                Input::Interrupted => {
                    self.show(&screen::note("Ctrl-C again leaves; your answers are kept."))?
                }
            }
        }
        Ok(None)
    }

    /// Shows a text.
    ///
    /// # Errors
    /// The screen can't be written.
    pub fn show(&mut self, text: &str) -> anyhow::Result<()> {
        self.out.write_all(text.as_bytes())?;
        Ok(self.out.flush()?)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn filled(file: &Path, lines: &str, edit: &dyn Fn(&Path) -> anyhow::Result<()>) -> (Left, String) {
        let mut out = Vec::new();
        let mut input = lines.as_bytes();
        let left = fill(
            file,
            &mut Desk {
                answers: &mut Lines(&mut input),
                out: &mut out,
                edit,
                interrupt: &Interrupt::install(),
                plain: true,
            },
        )
        .unwrap();
        (left, anstream::adapter::strip_str(&String::from_utf8(out).unwrap()).to_string())
    }

    fn no_editor(_: &Path) -> anyhow::Result<()> {
        anyhow::bail!("no editor")
    }

    #[test]
    fn it_is_left_in_the_middle_and_goes_on_from_there() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("plan.toml");
        let (left, text) = filled(&file, "the late feedback on my prototype\n/quit\n", &no_editor);
        assert_eq!(left, Left::Later);
        assert!(text.contains("1 of 9") && text.contains("helped: Names the topic"), "{text}");
        let rest = "I know you have the board deck due on Monday.\n\nWhat do you need from me?\n\
                    Fewer surprises at the launch for you and the team.\na two-page summary by Thursday\n\
                    twenty minutes on Friday\n\nI'll write the summary.\nCould we find half an hour on Thursday?\n\
                    seven\n4\n";
        let (left, text) = filled(&file, rest, &no_editor);
        assert_eq!(left, Left::Done);
        assert!(text.contains("Topic: the late feedback") && !text.contains("1 of 9"), "{text}");
        assert!(text.contains("A number from 1 to 5"), "{text}");
        let plan = Plan::load(&file).unwrap();
        assert_eq!((plan.options.len(), plan.calm, plan.tried.as_str()), (2, 4, ""));
        assert!(text.contains("Prepare") && text.contains("What they tried"), "{text}");
    }

    #[test]
    fn the_editor_changes_the_sheet_and_a_broken_one_changes_nothing() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("plan.toml");
        let write = |file: &Path| Ok(std::fs::write(file, "topic = 'the budget'\ncalm = 3\n")?);
        filled(&file, "/edit\n/quit\n", &write);
        assert_eq!(Plan::load(&file).unwrap().topic, "the budget");
        let garble = |file: &Path| Ok(std::fs::write(file, "topic = ")?);
        let (_, text) = filled(&file, "/edit\nhello\n/quit\n", &garble);
        assert!(text.contains("is not right: line 1"), "{text}");
        assert_eq!(Plan::load(&file).unwrap().topic, "the budget", "the next answer writes the sheet anew");
    }

    #[test]
    fn a_slip_gets_a_suggestion_and_back_goes_back() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("plan.toml");
        let (_, text) = filled(&file, "one\n/bak\n/back\ntwo\n/quit\n", &no_editor);
        assert!(text.contains("did you mean `/back`?"), "{text}");
        assert_eq!(Plan::load(&file).unwrap().topic, "two");
    }
}
