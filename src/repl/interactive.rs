//! Practice at a terminal: prompt, thinking, reply, feedback, until the talk ends.

use super::FeedbackWhen;
use super::answers::{self, Answer};
use super::breathe::breathe;
use super::commands;
use super::editor::{Input, Prompt};
use super::interrupt::Interrupt;
use super::screen;
use super::talk::{LONGEST_TURN, Talk};
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
    interrupt: &Interrupt,
) -> anyhow::Result<Left> {
    let mut prompt = Prompt::new(Some(history))?;
    show(out, &screen::briefing(talk.cast(), &talk.session().header.difficulty))?;
    if talk.session().plan.is_some() {
        show(out, &screen::plan_at_hand())?;
    }
    if talk.is_first() {
        show(out, &screen::first_time())?;
    }
    show(out, "\n")?;
    show(out, &screen::so_far(talk))?;
    if talk.last().is_some_and(|last| last.reply.is_none()) {
        answer_again(talk, &mut prompt, out, manner, interrupt)?;
    }
    let label = format!("{}: ", talk.cast().you);
    let mut initial = String::new();
    let mut pressed_once = false;
    loop {
        let words = std::mem::take(&mut initial);
        let line = match interrupt.while_reading(|| prompt.read(&label, &words))? {
            Input::Line(line) => line,
            Input::End => return left(talk, out, manner, Left::Open),
            Input::Interrupted if pressed_once => return left(talk, out, manner, Left::Interrupted),
            Input::Interrupted => {
                pressed_once = true;
                show(out, &screen::note("Ctrl-C again leaves; everything you said is kept."))?;
                continue;
            }
        };
        pressed_once = false;
        if line.trim().is_empty() {
            // A turn that got no answer, as when a server was away: Enter asks again. Its feedback was shown.
            if talk.last().is_some_and(|last| last.reply.is_none()) {
                answer_again(talk, &mut prompt, out, manner, interrupt)?;
            }
            continue;
        }
        match commands::parse(&line) {
            Some(Err(error)) => show(out, &screen::note(&error.to_string()))?,
            Some(Ok(command)) => match answers::answer(talk, &command, manner.plain) {
                Ok(Answer::Text(text)) => show(out, &text)?,
                Ok(Answer::Retry(text, words)) => {
                    show(out, &text)?;
                    initial = words;
                }
                Ok(Answer::Breathe) => prompt.meanwhile(|| breathe(out, manner.plain, interrupt))?,
                Ok(Answer::End) => return ended(talk, &mut prompt, out, manner),
                Ok(Answer::Quit) => return left(talk, out, manner, Left::Open),
                Err(error) => show(out, &screen::note(&format!("{error:#}.")))?,
            },
            None if talk.boss_has_left() => {
                let name = &talk.cast().boss.name;
                let text = format!("{name} has left. /undo or /retry goes back, /end shows the review.");
                show(out, &screen::note(&text))?;
            }
            None if line.len() > LONGEST_TURN => {
                let text = format!(
                    "That is {} bytes; a turn may have {LONGEST_TURN}. Nothing was said.",
                    line.len()
                );
                show(out, &screen::note(&text))?;
            }
            None => {
                let turn = line.strip_prefix("//").map_or(line.clone(), |rest| format!("/{rest}"));
                initial = take_turn(talk, &turn, &mut prompt, out, manner, interrupt)?;
            }
        }
    }
}

/// Says a turn. Gives the words back where they could not be stored, to say them again.
fn take_turn(
    talk: &mut Talk,
    turn: &str,
    prompt: &mut Prompt,
    out: &mut dyn Write,
    manner: Manner,
    interrupt: &Interrupt,
) -> anyhow::Result<String> {
    let before = talk.grade().overall;
    if let Err(error) = talk.say(turn) {
        show(out, &screen::note(&format!("Not taken: {error:#}. Your words are still on the line.")))?;
        return Ok(turn.to_owned());
    }
    answer_and_show(talk, before, prompt, out, manner, interrupt)?;
    Ok(String::new())
}

/// Has the boss answer, and shows what came of the turn.
fn answer_and_show(
    talk: &mut Talk,
    before: f64,
    prompt: &mut Prompt,
    out: &mut dyn Write,
    manner: Manner,
    interrupt: &Interrupt,
) -> anyhow::Result<()> {
    let note = answer_turn(talk, prompt, out, manner, interrupt)?;
    if manner.feedback == FeedbackWhen::Turn && !talk.stepped_out() {
        let text = screen::turn_feedback(talk, before, manner.plain);
        show(out, &text)?;
    }
    // Last, where the person looks when it is their turn: above the feedback it is easily missed.
    show(out, &note)?;
    say_that_boss_left(talk, out)
}

/// Has the boss answer a turn whose feedback was shown before.
fn answer_again(
    talk: &mut Talk,
    prompt: &mut Prompt,
    out: &mut dyn Write,
    manner: Manner,
    interrupt: &Interrupt,
) -> anyhow::Result<()> {
    let note = answer_turn(talk, prompt, out, manner, interrupt)?;
    show(out, &note)?;
    say_that_boss_left(talk, out)
}

/// Says so where the boss's answer was the last.
fn say_that_boss_left(talk: &Talk, out: &mut dyn Write) -> anyhow::Result<()> {
    if !talk.boss_has_left() {
        return Ok(());
    }
    let name = &talk.cast().boss.name;
    let text =
        format!("{name} has ended the talk. /retry says your last turn differently, /end shows the review.");
    show(out, &screen::note(&text))
}

/// Waits for the boss's answer to the turn the talk stands at, and shows it. Gives what to say of it: that there is
/// none, or where it came from.
fn answer_turn(
    talk: &mut Talk,
    prompt: &mut Prompt,
    out: &mut dyn Write,
    manner: Manner,
    interrupt: &Interrupt,
) -> anyhow::Result<String> {
    interrupt.clear();
    let name = one_line(&talk.cast().boss.name);
    let waiting = if talk.is_loading() { "the model is still loading" } else { "thinking" };
    if manner.plain {
        show(out, &screen::note(&format!("{name}: ({waiting})")))?;
    }
    let spinner = if manner.plain { ProgressBar::hidden() } else { ProgressBar::new_spinner() };
    let style = ProgressStyle::with_template("{msg} {spinner}").expect("a valid template");
    spinner.set_style(style.tick_strings(&["   ", ".  ", ".. ", "...", "..."]));
    spinner.set_message(format!("{name}: ({waiting})"));
    spinner.enable_steady_tick(Duration::from_millis(300));
    let mut pulse = || if interrupt.is_set() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    let answer = prompt.meanwhile(|| talk.answer(&mut pulse).map(|reply| reply.cloned()));
    spinner.finish_and_clear();
    interrupt.clear();
    Ok(match answer {
        Ok(Some(reply)) => {
            show(out, &screen::reply(&name, &reply))?;
            talk.take_remark().map(|remark| screen::note(&screen::by_hand(&remark))).unwrap_or_default()
        }
        Ok(None) => {
            screen::note("Stopped. What you said is kept: Enter asks again, /retry says it differently.")
        }
        Err(error) => screen::note(&format!(
            "{name} has not answered: {error:#}. What you said is kept: Enter asks again."
        )),
    })
}

fn ended(talk: &mut Talk, prompt: &mut Prompt, out: &mut dyn Write, manner: Manner) -> anyhow::Result<Left> {
    if talk.is_empty() {
        return left(talk, out, manner, Left::Ended);
    }
    let outcome = talk.end()?;
    let text = screen::ending(talk, outcome, &talk.grade(), manner.plain);
    show(out, &text)?;
    let Some(next) = talk.proposal() else { return Ok(Left::Ended) };
    show(out, &screen::proposal(&next))?;
    let start = if manner.plain {
        matches!(prompt.read("n and Enter starts it, Enter alone leaves: ", "")?, Input::Line(line) if line.trim() == "n")
    } else {
        show(out, &screen::note("Press n to start it, any other key to leave."))?;
        // A terminal that gives no key is left.
        matches!(console::Term::stdout().read_key(), Ok(console::Key::Char('n' | 'N')))
    };
    Ok(if start { Left::Next(next) } else { Left::Ended })
}

fn left(talk: &mut Talk, out: &mut dyn Write, manner: Manner, how: Left) -> anyhow::Result<Left> {
    if talk.is_empty() {
        talk.leave()?;
        show(out, &screen::note("Nothing was said, so nothing is kept."))?;
        return Ok(how);
    }
    if !talk.is_kept() {
        show(out, &screen::note("The session has been removed, so nothing is kept."))?;
        return Ok(how);
    }
    let id = &talk.session().header.id;
    let text = format!(
        "Kept as session {id}. `coachup practice --resume{}` goes on; `coachup review {id}` looks back.",
        manner.again
    );
    show(out, &screen::note(&text))?;
    Ok(how)
}

fn show(out: &mut dyn Write, text: &str) -> anyhow::Result<()> {
    out.write_all(text.as_bytes())?;
    Ok(out.flush()?)
}
