//! The slash commands: one table that parsing, completion and `/help` share.

use crate::text::brief;
use crate::text::suggest::nearest;

/// A slash command, as meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Command {
    Help,
    Score,
    Why,
    Hint,
    Example,
    /// Take back this many of one's own turns.
    Undo(usize),
    Redo,
    Retry,
    /// List the versions, or go to the one that ends at an exchange.
    Branches(Option<u32>),
    Plan,
    Breathe,
    /// A talk of one's own.
    New,
    /// Write the talk so far to a file.
    Save(String),
    End,
    Quit,
}

/// One row of the table.
pub struct Entry {
    /// With the slash.
    pub name: &'static str,
    /// What may follow, for `/help`.
    pub arguments: &'static str,
    /// One line for `/help`.
    pub help: &'static str,
}

/// Every slash command, in the order `/help` shows them.
pub const TABLE: [Entry; 15] = [
    Entry { name: "/help", arguments: "", help: "show these commands" },
    Entry { name: "/score", arguments: "", help: "the verdicts on your last turn, with your words" },
    Entry { name: "/why", arguments: "", help: "why the boss moved" },
    Entry { name: "/hint", arguments: "", help: "what to try next, without giving the words" },
    Entry { name: "/example", arguments: "", help: "a better wording of your last turn" },
    Entry { name: "/undo", arguments: "[N]", help: "take back your last turn, or the last N" },
    Entry { name: "/retry", arguments: "", help: "say your last turn differently, and compare" },
    Entry { name: "/redo", arguments: "", help: "go forward again to what you took back" },
    Entry { name: "/branches", arguments: "[N]", help: "the versions of this talk, or go to number N" },
    Entry { name: "/plan", arguments: "", help: "the briefing and your plan" },
    Entry { name: "/breathe", arguments: "", help: "a short paced breathing pause" },
    Entry { name: "/new", arguments: "", help: "make a talk of your own; this one is kept" },
    Entry { name: "/save", arguments: "FILE", help: "write the talk so far to FILE as Markdown" },
    Entry { name: "/end", arguments: "", help: "end the talk and see the review" },
    Entry { name: "/quit", arguments: "", help: "leave now; everything said is kept" },
];

/// What is wrong with a line that begins with a slash.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub enum CommandError {
    /// No such command.
    #[error("no command is called `{typed}`{}", suggestion.map(|s| format!("; did you mean `{s}`?")).unwrap_or_else(|| "; `/help` lists them".to_owned()))]
    Unknown {
        /// As typed.
        typed: String,
        /// The nearest one.
        suggestion: Option<&'static str>,
    },
    /// The argument is missing or not of the right kind.
    #[error("`{name}` takes {wanted}")]
    Argument {
        /// The command.
        name: &'static str,
        /// What it takes.
        wanted: &'static str,
    },
}

/// Reads a line: none where it is a turn, not a command. A turn that must begin with a slash is typed
/// with two.
pub fn parse(line: &str) -> Option<Result<Command, CommandError>> {
    let line = line.trim();
    if !line.starts_with('/') || line.starts_with("//") {
        return None;
    }
    let (typed, argument) = line.split_once(char::is_whitespace).unwrap_or((line, ""));
    Some(command(typed, argument.trim()))
}

fn command(typed: &str, argument: &str) -> Result<Command, CommandError> {
    let Some(entry) = TABLE.iter().find(|entry| entry.name.eq_ignore_ascii_case(typed)) else {
        let names = TABLE.iter().map(|entry| entry.name);
        // It is shown, and may be anything that was pasted.
        return Err(CommandError::Unknown { typed: brief(typed, 40), suggestion: nearest(typed, names) });
    };
    let bare = |command: Command| match argument {
        "" => Ok(command),
        _ => Err(CommandError::Argument { name: entry.name, wanted: "nothing after it" }),
    };
    match entry.name {
        "/help" => Ok(Command::Help),
        "/score" => bare(Command::Score),
        "/why" => bare(Command::Why),
        "/hint" => bare(Command::Hint),
        "/example" => bare(Command::Example),
        "/undo" if argument.is_empty() => Ok(Command::Undo(1)),
        "/undo" => match argument.parse() {
            Ok(turns) if turns > 0 => Ok(Command::Undo(turns)),
            _ => Err(CommandError::Argument { name: "/undo", wanted: "a number of turns from 1" }),
        },
        "/retry" => bare(Command::Retry),
        "/redo" => bare(Command::Redo),
        "/branches" if argument.is_empty() => Ok(Command::Branches(None)),
        "/branches" => match argument.parse() {
            Ok(number) => Ok(Command::Branches(Some(number))),
            Err(_) => Err(CommandError::Argument {
                name: "/branches",
                wanted: "a number that it lists, or nothing",
            }),
        },
        "/plan" => bare(Command::Plan),
        "/breathe" => bare(Command::Breathe),
        "/new" => bare(Command::New),
        "/save" if argument.is_empty() => {
            Err(CommandError::Argument { name: "/save", wanted: "the name of a file to write" })
        }
        "/save" => Ok(Command::Save(argument.to_owned())),
        "/end" => bare(Command::End),
        "/quit" => bare(Command::Quit),
        other => unreachable!("`{other}` is in the table but has no meaning"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_of_the_table_is_understood() {
        for entry in &TABLE {
            let line = match entry.name {
                "/save" => "/save talk.md".to_owned(),
                name => name.to_owned(),
            };
            assert!(parse(&line).unwrap().is_ok(), "{line}");
        }
    }

    #[test]
    fn slips_get_a_suggestion_and_turns_are_left_alone() {
        let error = parse("/scor").unwrap().unwrap_err();
        assert!(error.to_string().contains("did you mean `/score`"), "{error}");
        let error = parse(&format!("/\u{1b}[31m{}", "x".repeat(1000))).unwrap().unwrap_err().to_string();
        assert!(error.contains("`/xxx") && error.len() < 120, "{error}");
        assert!(parse("/xyzzy").unwrap().unwrap_err().to_string().contains("/help"));
        assert_eq!(parse("Do you have a minute?"), None);
        assert_eq!(parse("//not a command"), None);
        assert_eq!(parse("/undo 3"), Some(Ok(Command::Undo(3))));
        assert!(parse("/undo zero").unwrap().is_err());
        assert!(parse("/undo 0").unwrap().is_err());
        assert!(parse("/save").unwrap().is_err());
        assert_eq!(parse("/branches 3"), Some(Ok(Command::Branches(Some(3)))));
    }
}
