//! Practice without a terminal: one turn a line, from a file or from standard input.

use super::FeedbackWhen;
use super::answers::{self, Answer};
use super::commands;
use super::events::Event;
use super::interrupt::Interrupt;
use super::screen;
use super::talk::{LONGEST_TURN, Talk};
use crate::text::{json, printable};
use anyhow::Context;
use std::io::{BufRead, Write};
use std::ops::ControlFlow;

/// What is written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, clap::ValueEnum)]
pub enum Format {
    /// For people.
    #[default]
    Text,
    /// One JSON object a line.
    Json,
}

/// How a scripted practice ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Ended {
    /// All lines were said, or the boss or `/end` ended the talk.
    Done,
    /// `/quit` or Ctrl-C: the talk stays open.
    Left,
    /// Ctrl-C.
    Interrupted,
}

/// Where a script's output goes.
pub struct Output<'a> {
    /// Data.
    pub out: &'a mut dyn Write,
    /// What went wrong and how it goes.
    pub err: &'a mut dyn Write,
    /// What is written.
    pub format: Format,
    /// When feedback is shown in text.
    pub feedback: FeedbackWhen,
    /// Everything in words, for screen readers.
    pub plain: bool,
}

impl Output<'_> {
    fn event(&mut self, event: &Event) -> anyhow::Result<()> {
        self.out.write_all(json::line(event).as_bytes())?;
        Ok(self.out.flush()?)
    }

    fn text(&mut self, text: &str) -> anyhow::Result<()> {
        self.out.write_all(text.as_bytes())?;
        Ok(self.out.flush()?)
    }

    fn is_json(&self) -> bool {
        self.format == Format::Json
    }
}

/// Says every line of `script`, and writes what comes of it. Empty lines are passed over.
///
/// # Errors
/// The script can't be read, or the model or the store failed; what was said is stored.
pub fn run(
    talk: &mut Talk,
    script: &mut dyn BufRead,
    output: &mut Output,
    interrupt: &Interrupt,
) -> anyhow::Result<Ended> {
    open(talk, output)?;
    // A resumed talk may stand at a turn that got no answer.
    if talk.last().is_some_and(|last| last.reply.is_none())
        && answer(talk, talk.grade().overall, output, interrupt)?.is_break()
    {
        return Ok(Ended::Interrupted);
    }
    let mut line = Vec::new();
    for number in 1.. {
        line.clear();
        let longest = LONGEST_TURN as u64 + 2;
        let mut limited = std::io::Read::take(&mut *script, longest);
        let read = interrupt.while_reading(|| limited.read_until(b'\n', &mut line));
        if read.with_context(|| format!("can't read line {number} of the script"))? == 0 {
            break;
        }
        let text = std::str::from_utf8(&line)
            .with_context(|| {
                format!("line {number} of the script is not UTF-8; what was said before it is stored")
            })?
            .trim_end_matches(['\n', '\r']);
        anyhow::ensure!(
            text.len() <= LONGEST_TURN,
            "line {number} of the script has more than {LONGEST_TURN} bytes; what was said before it is stored"
        );
        if text.trim().is_empty() {
            continue;
        }
        match commands::parse(text) {
            Some(Err(error)) => writeln!(output.err, "line {number}: {}", printable(&error.to_string()))?,
            Some(Ok(command)) => match answers::answer(talk, &command, output.plain) {
                Err(error) => writeln!(output.err, "line {number}: {}", printable(&format!("{error:#}")))?,
                Ok(answer) => match answer {
                    Answer::Text(answer) | Answer::Retry(answer, _) => note(text, &answer, output)?,
                    Answer::Breathe => {}
                    Answer::New => {
                        let how = screen::note("`coachup new` makes a talk of your own.");
                        note(text, &how, output)?;
                    }
                    Answer::End => break,
                    Answer::Quit => {
                        talk.leave()?;
                        return Ok(Ended::Left);
                    }
                },
            },
            None if talk.boss_has_left() => break,
            None => {
                let turn = text.strip_prefix("//").map_or(text.to_owned(), |rest| format!("/{rest}"));
                if exchange(talk, &turn, output, interrupt)?.is_break() {
                    return Ok(Ended::Interrupted);
                }
                if talk.boss_has_left() {
                    break;
                }
            }
        }
    }
    close(talk, output)?;
    Ok(Ended::Done)
}

fn open(talk: &mut Talk, output: &mut Output) -> anyhow::Result<()> {
    if output.is_json() {
        // The first event tells the session's id.
        talk.keep()?;
    }
    let session = talk.session();
    if output.is_json() {
        output.event(&Event::session(&session.header))?;
        if session.head.is_none() {
            output.event(&Event::greeting(&session.header.greeting, &talk.cast().start()))?;
        }
        return Ok(());
    }
    output.text(&screen::briefing(talk.cast(), &session.header.difficulty))?;
    output.text("\n")?;
    output.text(&screen::boss_line(&talk.cast().boss.name, &session.header.greeting))
}

fn note(command: &str, answer: &str, output: &mut Output) -> anyhow::Result<()> {
    if output.is_json() {
        let text = anstream::adapter::strip_str(answer).to_string();
        output.event(&Event::Note { command, text: text.trim_end() })
    } else {
        output.text(answer)
    }
}

/// Says one turn and waits for the answer. `Break` where Ctrl-C stopped it.
fn exchange(
    talk: &mut Talk,
    text: &str,
    output: &mut Output,
    interrupt: &Interrupt,
) -> anyhow::Result<ControlFlow<()>> {
    let before = talk.grade().overall;
    let turn = talk.say(text)?;
    if output.is_json() {
        output.event(&Event::verdicts(turn))?;
    } else {
        output.text(&screen::person_line(&talk.cast().you, text))?;
    }
    answer(talk, before, output, interrupt)
}

/// Waits for the answer to the turn the talk stands at. `Break` where Ctrl-C stopped it.
fn answer(
    talk: &mut Talk,
    before: f64,
    output: &mut Output,
    interrupt: &Interrupt,
) -> anyhow::Result<ControlFlow<()>> {
    let mut pulse = || if interrupt.is_set() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) };
    if talk.answer(&mut pulse)?.is_none() {
        return Ok(ControlFlow::Break(()));
    }
    let Some((said, reply)) = talk.last().and_then(|said| Some((said, said.reply.as_ref()?))) else {
        return Ok(ControlFlow::Break(()));
    };
    if output.is_json() {
        output.event(&Event::boss(said.turn, reply, &said.state))?;
    } else {
        output.text(&screen::reply(&talk.cast().boss.name, reply))?;
        if output.feedback == FeedbackWhen::Turn && !talk.stepped_out() {
            output.text(&screen::turn_feedback(talk, before, output.plain))?;
        }
    }
    if let Some(remark) = talk.take_remark() {
        writeln!(output.err, "note: {}", printable(&screen::by_hand(&remark)))?;
    }
    Ok(ControlFlow::Continue(()))
}

fn close(talk: &mut Talk, output: &mut Output) -> anyhow::Result<()> {
    let outcome = talk.end()?;
    let grade = talk.grade();
    if talk.is_empty() {
        talk.leave()?;
    }
    if output.is_json() {
        let turns = talk.last().map_or(0, |exchange| exchange.turn);
        output.event(&Event::End { outcome, turns, grade: &grade })
    } else {
        let text = screen::ending(talk, outcome, &grade, output.plain);
        output.text(&text)
    }
}
