//! What the slash commands answer: strings, the same in the REPL and in a script.

use super::commands::Command;
use super::screen;
use super::talk::Talk;
use crate::boss::state::Act;
use crate::review::markdown;
use crate::scorer::hint::{Cue, hint};
use crate::text::count::count;
use crate::text::file::{Existing, write_private};
use anyhow::Context;
use std::path::Path;

/// What a command leads to.
pub enum Answer {
    /// Show this and go on.
    Text(String),
    /// Show this and say the turn again, beginning with these words.
    Retry(String, String),
    /// A breathing pause.
    Breathe,
    /// A talk of one's own.
    New,
    /// End the talk.
    End,
    /// Leave; the talk stays open.
    Quit,
}

/// Carries out `command` on `talk`. `plain`: everything in words.
///
/// # Errors
/// The store failed, or a file could not be written; the talk goes on.
pub fn answer(talk: &mut Talk, command: &Command, plain: bool) -> anyhow::Result<Answer> {
    let nothing_said = || screen::note("You have not said anything yet.");
    let text = match command {
        Command::Help => screen::help(),
        Command::Score => {
            talk.last().map_or_else(nothing_said, |last| screen::verdicts(&last.verdicts, plain))
        }
        Command::Why => talk.last().map_or_else(nothing_said, |last| screen::moved(last, talk.cast())),
        Command::Hint => {
            let path = talk.session().talk();
            let verdicts: Vec<_> = path.iter().map(|exchange| &exchange.verdicts).collect();
            let openness = talk.last().map(|exchange| exchange.state.openness);
            screen::note(hint(&verdicts, cue(talk), openness).text)
        }
        Command::Example => talk.last().map_or_else(nothing_said, |_| screen::example(talk)),
        Command::Undo(turns) => match talk.undo(*turns)? {
            0 => screen::note("There is nothing to take back."),
            back => screen::note(&format!("Took back {}. {}", count(back, "turn"), where_we_are(talk))),
        },
        Command::Redo => match talk.redo()? {
            true => screen::note(&format!("Went forward again.{} {}", you_said(talk), where_we_are(talk))),
            false => screen::note("There is nothing to go forward to."),
        },
        Command::Retry => {
            let Some(words) = talk.retry()? else { return Ok(Answer::Text(nothing_said())) };
            let text = format!("Say it differently; Ctrl-U clears the line. {}", where_we_are(talk));
            let text = screen::note(&text);
            return Ok(Answer::Retry(text, words));
        }
        Command::Branches(None) => screen::branches(talk),
        Command::Branches(Some(number)) => go_to(talk, *number)?,
        Command::Plan => {
            let plan = talk.session().plan.as_ref().map(screen::plan).unwrap_or_else(screen::no_plan);
            // The plan last, where the eye is.
            format!("{}\n{plan}", screen::briefing(talk.cast(), &talk.session().header.difficulty))
        }
        Command::Breathe => return Ok(Answer::Breathe),
        Command::Save(file) => {
            let path = Path::new(file);
            let text = markdown::render(&talk.report());
            write_private(path, text.as_bytes(), Existing::Keep)
                .with_context(|| format!("can't save to `{file}`"))?;
            screen::note(&format!("Saved to {file}."))
        }
        Command::New => return Ok(Answer::New),
        Command::End => return Ok(Answer::End),
        Command::Quit => return Ok(Answer::Quit),
    };
    Ok(Answer::Text(text))
}

/// Goes to the version that ends at exchange `number`; 0 is the beginning.
fn go_to(talk: &mut Talk, number: u32) -> anyhow::Result<String> {
    if number > 0 && talk.session().exchange(number).is_none() {
        let last = talk.session().exchanges.len();
        return Ok(screen::note(&format!(
            "There is no number {number}; they go from 0, the beginning, to {last}."
        )));
    }
    talk.stand_at((number > 0).then_some(number))?;
    Ok(screen::note(&format!("You are at {number} now.{} {}", you_said(talk), where_we_are(talk))))
}

/// Reminds of the person's last turn, where there is one; begins with a space.
fn you_said(talk: &Talk) -> String {
    talk.last().map(|last| format!(" You said: “{}”", last.text)).unwrap_or_default()
}

/// Reminds of the boss's last line, so that one can answer it.
fn where_we_are(talk: &Talk) -> String {
    let name = &talk.cast().boss.name;
    let line = match talk.last() {
        None => talk.session().header.greeting.clone(),
        Some(last) => match &last.reply {
            Some(reply) => reply.text.clone(),
            None => return format!("{name} has not answered yet."),
        },
    };
    format!("{name} has just said: “{line}”")
}

/// What the boss's last reply asks of the person.
fn cue(talk: &Talk) -> Option<Cue> {
    let act = talk.last()?.reply.as_ref()?.act;
    Some(match act {
        Act::Greets | Act::StepsOut => return None,
        Act::EndsTalk | Act::Dismisses | Act::Deflects | Act::PushesBack => Cue::Refused,
        Act::QuestionsMotive => Cue::DoubtedMotive,
        Act::AsksForSpecifics => Cue::WantedSpecifics,
        Act::SharesConstraint => Cue::SharedConstraint,
        Act::Acknowledges | Act::Considers => Cue::Softened,
        Act::ConcedesPart | Act::AgreesAndCommits => Cue::Agreed,
    })
}
