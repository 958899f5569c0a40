//! Replies labelled by hand, against the checks that decide whether a reply does what its act says and
//! whether the boss would say it.

use crate::boss::agrees;
use crate::boss::reply::{does, out_of_voice};
use crate::boss::state::Act;
use crate::scenario::{Boss, Library, LibraryError};
use crate::scorer::corpus::{self, CorpusError};
use crate::scorer::eval::Counts;
use serde::Deserialize;
use std::path::Path;

/// A reply with its labels.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelledReply {
    /// Who speaks.
    pub boss: String,
    /// What the reply was asked to do.
    pub act: Act,
    /// The reply.
    pub text: String,
    /// Does it do that, and nothing that goes against it?
    pub does: bool,
    /// Could a boss say it: no assistant's phrase, no narration, no other's words?
    pub voice: bool,
    /// Does it give in or promise something?
    pub agrees: bool,
}

/// Reads labelled replies, one JSON object a line.
///
/// # Errors
/// A file that can't be read; the first line that holds something else.
pub fn read(file: &Path) -> Result<Vec<LabelledReply>, CorpusError> {
    corpus::read_lines(file, "labelled reply")
}

/// How the checks agree with the labels.
#[derive(Clone, Debug, Default)]
pub struct Validity {
    /// Replies.
    pub replies: usize,
    /// "Does what the act says".
    pub act: Counts,
    /// "A boss could say it".
    pub voice: Counts,
    /// "Gives in".
    pub agrees: Counts,
    /// Where the check on acts and the label differ.
    pub confused: Vec<LabelledReply>,
}

/// Checks every reply.
///
/// # Errors
/// A boss that there is not.
pub fn validity(replies: &[LabelledReply], library: &Library, you: &str) -> Result<Validity, LibraryError> {
    let mut validity = Validity { replies: replies.len(), ..Validity::default() };
    for reply in replies {
        let boss = library.get::<Boss>(&reply.boss)?;
        let in_voice = out_of_voice(&reply.text, boss, you).is_none();
        let found = follows_act(&reply.text, reply.act) && in_voice;
        validity.act.add(found, reply.does);
        validity.voice.add(in_voice, reply.voice);
        validity.agrees.add(agrees(&reply.text), reply.agrees);
        if found != reply.does {
            validity.confused.push(reply.clone());
        }
    }
    Ok(validity)
}

/// The reply does what the act says, and gives in exactly where the act does.
pub fn follows_act(text: &str, act: Act) -> bool {
    does(text, act) && agrees(text) == act.concedes()
}
