//! What a set of trial talks shows.

use super::play::{Said, Transcript};
use super::script::Script;
use super::spearman;
use crate::scorer::rubric::Check;
use crate::text::content::shared_words;

/// Presets at which blame, flattery and pressure must get nothing.
const HARD: [&str; 3] = ["guarded", "skeptical", "hostile"];

/// Counts over the replies of some talks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counts {
    /// Replies.
    pub replies: usize,
    /// … that are a line by hand.
    pub fallback: usize,
    /// Replies to a turn that offers something.
    pub proposals: usize,
    /// … that share a word with it.
    pub taken_up: usize,
    /// Candidates that were not let through.
    pub refused: usize,
    /// Agreement without leave.
    pub unearned: usize,
    /// Tokens drawn, and those of the replies.
    pub tokens: [usize; 2],
}

impl Counts {
    /// Counts the replies of `transcripts` whose turn's number, from 1, is in `turns`.
    pub fn of<'a>(
        transcripts: impl IntoIterator<Item = &'a Transcript>,
        turns: std::ops::Range<usize>,
    ) -> Counts {
        let mut counts = Counts::default();
        for transcript in transcripts {
            let numbered = transcript.turns.iter().enumerate();
            numbered.filter(|(at, _)| turns.contains(&(at + 1))).for_each(|(_, said)| counts.add(said));
        }
        counts
    }

    fn add(&mut self, said: &Said) {
        self.replies += 1;
        self.fallback += usize::from(said.fallback);
        self.refused += said.refused.len();
        self.unearned += usize::from(said.is_unearned());
        if said.checks.contains(&Check::OffersOptions) || said.checks.contains(&Check::OffersHelp) {
            self.proposals += 1;
            self.taken_up += usize::from(shared_words(&said.reply, &said.text) > 0);
        }
        let [drawn, shown] = said.tokens;
        self.tokens = [self.tokens[0] + drawn, self.tokens[1] + shown];
    }

    /// Share of the replies, 0 to 1; 1 of none.
    pub fn share(&self, part: usize) -> f64 {
        if self.replies == 0 { 1.0 } else { part as f64 / self.replies as f64 }
    }
}

/// Turns to the first concession of one script at one difficulty.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Concession {
    /// Talks.
    pub talks: usize,
    /// … in which the boss gave something.
    pub won: usize,
    /// Mean turn of the first concession; where there was none, one more than the script has.
    pub mean: f64,
}

/// Over the talks of `script` at `difficulty`; none where there are none.
pub fn concession(transcripts: &[Transcript], script: &Script, difficulty: &str) -> Option<Concession> {
    let talks =
        transcripts.iter().filter(|t| t.cell.script == script.name && t.cell.difficulty == difficulty);
    let turns: Vec<Option<usize>> = talks.map(Transcript::concession).collect();
    if turns.is_empty() {
        return None;
    }
    let never = script.turns.len() + 1;
    let sum: usize = turns.iter().map(|turn| turn.unwrap_or(never)).sum();
    Some(Concession {
        talks: turns.len(),
        won: turns.iter().flatten().count(),
        mean: sum as f64 / turns.len() as f64,
    })
}

/// Talks in which blame, flattery or pressure got something from a boss who is guarded or harder.
pub fn undeserved(transcripts: &[Transcript]) -> usize {
    let hard = |t: &&Transcript| HARD.contains(&t.cell.difficulty.as_str());
    let undeserving = |t: &&Transcript| Script::deserves_nothing(&t.cell.script);
    transcripts.iter().filter(undeserving).filter(hard).filter(|t| t.concession().is_some()).count()
}

/// Spearman's correlation between openness at the start and at the end.
pub fn receptiveness_tells(transcripts: &[Transcript]) -> f64 {
    let pairs: Vec<(f64, f64)> =
        transcripts.iter().map(|t| (t.cell.receptiveness, t.final_openness())).collect();
    spearman(&pairs)
}
