//! Practice at a terminal: prompt, thinking, reply, feedback, until the talk ends.

use super::FeedbackWhen;
use super::answers::{self, Answer};
use super::breathe::breathe;
use super::commands;
use super::editor::{Input, Prompt};
use super::interrupt::Interrupt;
use super::screen;
use super::talk::{LONGEST_TURN, Talk};
use crate::boss::state::Act;
use crate::review::Proposal;
use crate::text::one_line;
use indicatif::{ProgressBar, ProgressStyle};
use std::io::Write;
use std::ops::ControlFlow;
use std::path::Path;
use std::time::Duration;

/// How the person likes it.
#[derive(Clone, Copy, Debug)]
pub struct Manner<'a> {
    /// When feedback is shown.
    pub feedback: FeedbackWhen,
    /// No spinner, no redrawing.
    pub plain: bool,
    /// What `--resume` needs after it, where the session's own model does not lead back to it: ` --model ADDRESS`.
    pub again: &'a str,
}

/// Speaks the boss's lines.
pub trait Voice {
    /// Begins to speak a line that is on the screen.
    fn say(&mut self, line: &str);

    /// Stops. True where it was speaking.
    fn stop(&mut self) -> bool;

    /// Why nothing is heard; said once.
    fn complaint(&mut self) -> Option<String>;
}

/// How the person left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Left {
    /// The talk was ended.
    Ended,
    /// `/quit` or Ctrl-D: the talk stays open.
    Open,
    /// Ctrl-C twice.
    Interrupted,
    /// The talk was ended, and the proposed one is to begin.
    Next(Proposal),
    /// A talk of the person's own is to be made; this one stays as it is.
    New,
}

/// Runs the practice loop at the terminal.
///
/// # Errors
/// The terminal or the store failed; everything said is stored.
pub fn run(
    talk: &mut Talk,
    history: &Path,
    out: &mut dyn Write,
    manner: Manner,
    voice: Option<&mut (dyn Voice + 'static)>,
    interrupt: &Interrupt,
) -> anyhow::Result<Left> {
    let prompt = Prompt::new(Some(history))?;
    Practice { talk, prompt, out, manner, voice, interrupt }.run()
}

/// A talk at the terminal.
struct Practice<'p, 't> {
    talk: &'p mut Talk<'t>,
    prompt: Prompt,
    out: &'p mut dyn Write,
    manner: Manner<'p>,
    voice: Option<&'p mut (dyn Voice + 'static)>,
    interrupt: &'p Interrupt,
}

impl Practice<'_, '_> {
    fn run(&mut self) -> anyhow::Result<Left> {
        self.show(&screen::briefing(self.talk.cast(), &self.talk.session().header.difficulty))?;
        if self.talk.session().plan.is_some() {
            self.show(&screen::plan_at_hand())?;
        }
        if self.talk.is_first() {
            self.show(&screen::first_time(&self.talk.cast().scenario))?;
        }
        self.show("\n")?;
        self.show(&screen::so_far(self.talk))?;
        self.speak(&self.talk.last_boss_line())?;
        if self.talk.last().is_some_and(|last| last.reply.is_none()) {
            self.answer_again()?;
        }
        let label = format!("{}: ", self.talk.cast().you);
        let mut initial = String::new();
        let mut pressed_once = false;
        loop {
            let words = std::mem::take(&mut initial);
            let read = self.interrupt.while_reading(|| self.prompt.read(&label, &words))?;
            let was_speaking = self.voice.as_mut().is_some_and(|voice| voice.stop());
            let line = match read {
                Input::Line(line) => line,
                Input::End => return self.left(Left::Open),
                // Who stops the voice does not want to leave yet.
                Input::Interrupted if was_speaking => continue,
                Input::Interrupted if pressed_once => return self.left(Left::Interrupted),
                Input::Interrupted => {
                    pressed_once = true;
                    self.note("Ctrl-C again leaves; everything you said is kept.")?;
                    continue;
                }
            };
            pressed_once = false;
            if line.trim().is_empty() {
                // A turn that got no answer, as when a server was away: Enter asks again. Its feedback was shown.
                if self.talk.last().is_some_and(|last| last.reply.is_none()) {
                    self.answer_again()?;
                }
                continue;
            }
            match commands::parse(&line) {
                Some(Err(error)) => self.note(&error.to_string())?,
                Some(Ok(command)) => match answers::answer(self.talk, &command, self.manner.plain) {
                    Ok(Answer::Text(text)) => self.show(&text)?,
                    Ok(Answer::Retry(text, words)) => {
                        self.show(&text)?;
                        initial = words;
                    }
                    Ok(Answer::Breathe) => {
                        let (out, plain, interrupt) = (&mut *self.out, self.manner.plain, self.interrupt);
                        self.prompt.meanwhile(|| breathe(out, plain, interrupt))?;
                    }
                    Ok(Answer::End) => {
                        if let Some(how) = self.ended()? {
                            return Ok(how);
                        }
                    }
                    Ok(Answer::Quit) => return self.left(Left::Open),
                    Ok(Answer::New) => return self.left(Left::New),
                    Err(error) => self.note(&format!("{error:#}."))?,
                },
                None if self.talk.boss_has_left() => {
                    let name = &self.talk.cast().boss.name;
                    let text = format!("{name} has left. /undo or /retry goes back, /end shows the review.");
                    self.note(&text)?;
                }
                None if line.len() > LONGEST_TURN => {
                    let text = format!(
                        "That is {} bytes; a turn may have {LONGEST_TURN}. Nothing was said.",
                        line.len()
                    );
                    self.note(&text)?;
                }
                None => {
                    let turn = line.strip_prefix("//").map_or(line.clone(), |rest| format!("/{rest}"));
                    initial = self.take_turn(&turn)?;
                }
            }
        }
    }

    /// Says a turn. Gives the words back where they could not be stored, to say them again.
    fn take_turn(&mut self, turn: &str) -> anyhow::Result<String> {
        let before = self.talk.grade().overall;
        if let Err(error) = self.talk.say(turn) {
            self.note(&format!("Not taken: {error:#}. Your words are still on the line."))?;
            return Ok(turn.to_owned());
        }
        let note = self.answer_turn()?;
        if self.manner.feedback == FeedbackWhen::Turn && !self.talk.stepped_out() {
            let text = screen::turn_feedback(self.talk, before, self.manner.plain);
            self.show(&text)?;
        }
        // Last, where the person looks when it is their turn: above the feedback it is easily missed.
        self.show(&note)?;
        self.say_that_boss_left()?;
        Ok(String::new())
    }

    /// Has the boss answer a turn whose feedback was shown before.
    fn answer_again(&mut self) -> anyhow::Result<()> {
        let note = self.answer_turn()?;
        self.show(&note)?;
        self.say_that_boss_left()
    }

    /// Says so where the boss's answer was the last.
    fn say_that_boss_left(&mut self) -> anyhow::Result<()> {
        if !self.talk.boss_has_left() {
            return Ok(());
        }
        let name = &self.talk.cast().boss.name;
        self.note(&format!(
            "{name} has ended the talk. /retry says your last turn differently, /end shows the review."
        ))
    }

    /// Waits for the boss's answer to the turn the talk stands at, shows it and speaks it. Gives what to say of it: that
    /// there is none, or where it came from.
    fn answer_turn(&mut self) -> anyhow::Result<String> {
        let interrupt = self.interrupt;
        interrupt.clear();
        let name = one_line(&self.talk.cast().boss.name);
        let waiting = if self.talk.is_loading() { "the model is still loading" } else { "thinking" };
        if self.manner.plain {
            self.note(&format!("{name}: ({waiting})"))?;
        }
        let spinner = if self.manner.plain { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
        let style = ProgressStyle::with_template("{msg} {spinner}").expect("a valid template");
        spinner.set_style(style.tick_strings(&["   ", ".  ", ".. ", "...", "..."]));
        spinner.set_message(format!("{name}: ({waiting})"));
        spinner.enable_steady_tick(Duration::from_millis(300));
        let mut pulse =
            || if interrupt.is_set() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
        let talk = &mut *self.talk;
        let answer = self.prompt.meanwhile(|| talk.answer(&mut pulse).map(|reply| reply.cloned()));
        spinner.finish_and_clear();
        interrupt.clear();
        Ok(match answer {
            Ok(Some(reply)) => {
                self.show(&screen::reply(&name, &reply))?;
                if reply.act != Act::StepsOut {
                    self.speak(&reply.text)?;
                }
                let remark = self.talk.take_remark();
                remark.map(|remark| screen::note(&screen::by_hand(&remark))).unwrap_or_default()
            }
            Ok(None) => {
                screen::note("Stopped. What you said is kept: Enter asks again, /retry says it differently.")
            }
            Err(error) => screen::note(&format!(
                "{name} has not answered: {error:#}. What you said is kept: Enter asks again."
            )),
        })
    }

    /// Speaks a line that is on the screen, where that is wanted.
    fn speak(&mut self, line: &str) -> anyhow::Result<()> {
        let Some(voice) = &mut self.voice else { return Ok(()) };
        voice.say(line);
        match voice.complaint() {
            Some(why) => self.note(&why),
            None => Ok(()),
        }
    }

    /// Ends the talk and shows what came of it. How the person leaves then; none where they go on with it.
    fn ended(&mut self) -> anyhow::Result<Option<Left>> {
        if self.talk.is_empty() {
            return self.left(Left::Ended).map(Some);
        }
        let outcome = self.talk.end()?;
        let text = screen::ending(self.talk, outcome, &self.talk.grade(), self.manner.plain);
        self.show(&text)?;
        let next = self.talk.proposal();
        next.iter().try_for_each(|next| self.show(&screen::proposal(next)))?;
        let goes_on = self.talk.outline().way_on.is_some();
        let keys = [
            (goes_on, "g goes on with this talk"),
            (next.is_some(), "n starts the next"),
            (true, "o makes a talk of your own"),
        ];
        let keys: Vec<&str> = keys.into_iter().filter(|(there, _)| *there).map(|(_, key)| key).collect();
        let keys = keys.join(", ");
        let key = if self.manner.plain {
            match self.prompt.read(&format!("{keys} (then Enter), Enter alone leaves: "), "")? {
                Input::Line(line) => line.trim().chars().next(),
                _ => None,
            }
        } else {
            self.note(&format!("{keys}, any other key leaves."))?;
            // A terminal that gives no key is left.
            match console::Term::stdout().read_key() {
                Ok(console::Key::Char(key)) => Some(key),
                _ => None,
            }
        };
        Ok(Some(match (key.map(|key| key.to_ascii_lowercase()), next) {
            (Some('g'), _) if goes_on => {
                self.talk.stand_at(self.talk.session().head)?;
                let so_far = screen::so_far(self.talk);
                self.show(&so_far)?;
                return Ok(None);
            }
            (Some('n'), Some(next)) => Left::Next(next),
            (Some('o'), _) => Left::New,
            _ => Left::Ended,
        }))
    }

    fn left(&mut self, how: Left) -> anyhow::Result<Left> {
        if self.talk.is_empty() {
            self.talk.leave()?;
            // On the way to another talk that goes without saying.
            if how != Left::New {
                self.note("Nothing was said, so nothing is kept.")?;
            }
            return Ok(how);
        }
        if !self.talk.is_kept() {
            self.note("The session has been removed, so nothing is kept.")?;
            return Ok(how);
        }
        let id = &self.talk.session().header.id;
        let text = format!(
            "Kept as session {id}. `coachup practice --resume{}` goes on; `coachup review {id}` looks back.",
            self.manner.again
        );
        self.note(&text)?;
        Ok(how)
    }

    fn note(&mut self, text: &str) -> anyhow::Result<()> {
        self.show(&screen::note(text))
    }

    fn show(&mut self, text: &str) -> anyhow::Result<()> {
        self.out.write_all(text.as_bytes())?;
        Ok(self.out.flush()?)
    }
}
