//! Which of the candidates that passed is said: the one that answers most plainly.

use super::likeness::shared_words;
use super::phrases::normal;
use super::reply::{clarity, names_time};
use super::state::Act;

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
/// … a point of the critic's log-odds.
pub const CONVINCING: f64 = 1.0;
/// Log-odds of the critic's from which no better candidate is looked for.
pub const SURE: f64 = 1.5;
/// … below which the line by hand is the better one.
pub const DOUBTFUL: f64 = -2.5;
const FEW: usize = 4;
const MANY: usize = 28;

/// How good a reply is, on the scale of a mean log-probability a token.
pub fn score(reply: &str, mean_logprob: f32, act: Act, turn: &str) -> f64 {
    let shared = shared_words(reply, turn).min(2) as f64;
    let clear = clarity(reply, act).min(2) as f64;
    let said = normal(reply);
    let words = said.split_whitespace().count();
    let timed = names_time(&said) && names_time(&normal(turn));
    let length = if (FEW..=MANY).contains(&words) { 0.0 } else { LENGTH };
    LIKELY * f64::from(mean_logprob)
        + SHARED * shared
        + CLEAR * clear
        + if timed { TIME } else { 0.0 }
        + length
}
