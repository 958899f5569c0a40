//! Which of the candidates that passed is said: the one that answers most plainly.

use super::likeness::{content_words, shared_words};
use super::phrases::normal;
use super::reply::{clarity, engages, names_time};
use super::state::Act;
use crate::text::sentences;

/// What the mean log-probability a token counts: likely words are often empty ones.
const LIKELY: f64 = 0.5;
/// What a word shared with the turn is worth, up to two.
const SHARED: f64 = 0.5;
/// … a word that shows the act, up to two.
const CLEAR: f64 = 0.25;
/// … a time taken up from the turn.
const TIME: f64 = 0.4;
/// … fewer than [`FEW`] or more than [`MANY`] words.
const LENGTH: f64 = -0.6;
/// … each sentence after the first: small models spoil a good line by going on.
const TAIL: f64 = -0.3;
/// … a word of its own where the boss agrees to something, up to three: a small model adds conditions that
/// make no sense.
const ADDED: f64 = -0.3;
/// … nothing of its own to say, where the act is to engage with the matter.
const HOLLOW: f64 = -1.5;
/// … a point of the critic's log-odds below even ones. Above them the critic has no say: it likes lines that
/// risk nothing, and those teach nothing either.
const CONVINCING: f64 = 1.0;
/// Below these log-odds of the critic the line by hand is the better one.
pub const DOUBTFUL: f64 = -2.5;
const FEW: usize = 5;
const MANY: usize = 28;

/// What the critic's log-odds add.
pub fn convincing(log_odds: f64) -> f64 {
    CONVINCING * log_odds.min(0.0)
}

/// It has no word of the matter, where the act is to take something up: "I could see that."
pub fn is_hollow(reply: &str, act: Act) -> bool {
    engages(act) && content_words(reply).is_empty()
}

/// How good a reply is, on the scale of a mean log-probability a token.
pub fn score(reply: &str, mean_logprob: f32, act: Act, turn: &str, offer: Option<&str>) -> f64 {
    let shared = shared_words(reply, turn).min(2) as f64;
    let clear = clarity(reply, act).min(2) as f64;
    let said = normal(reply);
    let words = said.split_whitespace().count();
    let timed = names_time(&said) && names_time(&normal(turn));
    let length = if (FEW..=MANY).contains(&words) { 0.0 } else { LENGTH };
    let hollow = if is_hollow(reply, act) { HOLLOW } else { 0.0 };
    let own = |offer| content_words(reply).len().saturating_sub(shared_words(reply, offer));
    let added = offer.map_or(0, own).min(3) as f64;
    let tail = sentences(reply).len().saturating_sub(1) as f64;
    LIKELY * f64::from(mean_logprob)
        + SHARED * shared
        + CLEAR * clear
        + if timed { TIME } else { 0.0 }
        + length
        + hollow
        + ADDED * added
        + TAIL * tail
}
