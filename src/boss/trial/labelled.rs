//! Replies labelled by hand, against the gate's checks on what must never be said.

use crate::boss::agrees;
use crate::boss::gate::out_of_voice;
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
    /// The reply.
    pub text: String,
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
    /// "A boss could say it".
    pub voice: Counts,
    /// "Gives in".
    pub agrees: Counts,
    /// Where one of the two and its label differ.
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
        let (voice, agrees) = (out_of_voice(&reply.text, &boss.name, you).is_none(), agrees(&reply.text));
        validity.voice.add(voice, reply.voice);
        validity.agrees.add(agrees, reply.agrees);
        if (voice, agrees) != (reply.voice, reply.agrees) {
            validity.confused.push(reply.clone());
        }
    }
    Ok(validity)
}
