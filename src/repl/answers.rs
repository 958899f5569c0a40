//! What the slash commands answer: strings, the same in the REPL and in a script.

use super::commands::Command;
use super::screen;
use super::talk::Talk;
use crate::review;
use crate::scorer::verdict::Utterance;
use crate::scorer::{example, hint};
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
    /// End the talk.
    End,
    /// Leave; the talk stays open.
    Quit,
}

/// Carries out `command` on `talk`.
///
/// # Errors
/// The store failed, or a file could not be written; the talk goes on.
pub fn answer(talk: &mut Talk, command: &Command) -> anyhow::Result<Answer> {
    let nothing_said = || screen::note("You have not said anything yet.");
    let text = match command {
        Command::Help => screen::help(),
        Command::Score => talk.last().map_or_else(nothing_said, |last| screen::verdicts(&last.verdicts)),
        Command::Why => talk.last().map_or_else(nothing_said, screen::moved),
        Command::Hint => {
            let path = talk.session().talk();
            let verdicts: Vec<_> = path.iter().map(|exchange| &exchange.verdicts).collect();
            screen::note(&hint::hint(&verdicts))
        }
        Command::Example => better_wording(talk).unwrap_or_else(nothing_said),
        Command::Undo(turns) => match talk.undo(*turns)? {
            0 => screen::note("There is nothing to take back."),
            back => screen::note(&format!("Took back {}. {}", turns_word(back), where_we_are(talk))),
        },
        Command::Redo => match talk.redo()? {
            true => screen::note(&format!("Went forward again. {}", where_we_are(talk))),
            false => screen::note("There is nothing to go forward to."),
        },
        Command::Retry => {
            let Some(last) = talk.last().map(|exchange| exchange.text.clone()) else {
                return Ok(Answer::Text(nothing_said()));
            };
            talk.undo(1)?;
            let text = screen::note(&format!("Say it differently. {}", where_we_are(talk)));
            return Ok(Answer::Retry(text, last));
        }
        Command::Branches => screen::branches(talk),
        Command::Plan => screen::briefing(talk.cast(), &talk.session().header.difficulty),
        Command::Breathe => return Ok(Answer::Breathe),
        Command::Save(file) => {
            let path = Path::new(file);
            let text = review::markdown::render(&review::report(talk.session()));
            crate::text::file::write_new(path, &text).with_context(|| format!("can't save to `{file}`"))?;
            screen::note(&format!("Saved to {file}."))
        }
        Command::End => return Ok(Answer::End),
        Command::Quit => return Ok(Answer::Quit),
    };
    Ok(Answer::Text(text))
}

/// "1 turn", "2 turns".
pub fn turns_word(turns: usize) -> String {
    format!("{turns} turn{}", if turns == 1 { "" } else { "s" })
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

fn better_wording(talk: &Talk) -> Option<String> {
    let last = talk.last()?;
    let path = talk.session().talk();
    let context = match path.len() {
        1 => Some(talk.session().header.greeting.as_str()),
        turns => path[turns - 2].reply.as_ref().map(|reply| reply.text.as_str()),
    };
    let said = Utterance { text: &last.text, context, position: last.position };
    Some(screen::note(&example::example(&said, &talk.cast().scenario.topic, talk.scorer())))
}
