//! `coachup comment`: a coach's remark on a turn, of one's own session or of an imported one.

use super::Exit;
use crate::repl::clock::{Clock, SystemClock};
use crate::session::account::Remark;
use crate::session::store::Store;
use crate::settings::Settings;
use crate::text::columns::said;
use anyhow::{bail, ensure};
use clap::Args;
use std::io::Write;

/// A coach's remark on a turn of a session
#[derive(Debug, Args)]
#[command(
    after_help = "Example: coachup comment 3:2 \"Here you let go of your own wish. What did you want to say?\""
)]
pub struct CommentArgs {
    /// The session and the turn, as `coachup review` shows them: `3:2`
    #[arg(value_name = "ID:TURN")]
    turn: String,
    /// The remark
    #[arg(required = true, value_name = "TEXT")]
    text: Vec<String>,
}

/// The longest remark, in characters.
const LONGEST: usize = 2000;

/// Runs the command.
///
/// # Errors
/// No such session or turn; an empty or endless remark; a store that fails.
pub fn run(args: &CommentArgs, settings: &Settings, out: &mut dyn Write) -> anyhow::Result<Exit> {
    let text = args.text.join(" ");
    let text = text.trim();
    ensure!(!text.is_empty(), "the remark is empty");
    ensure!(text.chars().count() <= LONGEST, "the remark has more than {LONGEST} characters");
    let mut store = Store::open(&settings.folders.data)?;
    let Some((_, turn)) = args.turn.split_once(':') else {
        bail!("`{}` names no turn: `3:2` is turn 2 of session 3", args.turn);
    };
    let session = store.load(&args.turn)?;
    let Some(node) = session.head else { bail!("nothing was said at `{turn}`: turns begin with 1") };
    let id = &session.header.id;
    let remark = Remark { node, made: SystemClock::start().now(), text: text.to_owned() };
    store.remark(id, &[remark])?;
    let done = format!("Kept; `coachup review {id}` shows it, and an export takes it along.");
    writeln!(out, "{}", said(&done, super::streams::columns()))?;
    Ok(Exit::Done)
}
