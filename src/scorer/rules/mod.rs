//! The rules: what a turn's clauses and constructions say about each check, with the words that say it.
//!
//! Each family of checks collects *signals*: a weight between 0 and 1 and the words it rests on. The
//! signals of a check are joined as independent evidence (one minus the product of their complements),
//! so several weak ones may make a strong one; a family may damp the result where the turn speaks against it.

mod acknowledgement;
mod benefit;
mod features;
mod harm;
mod options;
mod permission;
mod questions;
mod reading;
mod topic;

pub use features::{FEATURE_COUNT, feature_names};
pub use reading::Reading;

use super::rubric::Check;
use super::verdict::Utterance;
use std::ops::Range;

/// What the rules found for one check.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Finding {
    /// How likely the behaviour is present, 0 to 1.
    pub score: f32,
    /// The words that show it, as byte spans of the turn, strongest first.
    pub spans: Vec<Range<usize>>,
}

/// What the rules found for every check.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct RuleResult([Finding; Check::COUNT]);

impl RuleResult {
    /// The finding for `check`.
    pub fn get(&self, check: Check) -> &Finding {
        &self.0[check.index()]
    }
}

/// Evidence for a check: how much it says, and the words it rests on.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Signal {
    pub weight: f32,
    pub words: Range<usize>,
}

/// The signals of one check while they are collected.
#[derive(Clone, Debug, Default)]
pub(crate) struct Signals {
    found: Vec<Signal>,
    damping: f32,
}

impl Signals {
    /// Adds evidence.
    pub fn add(&mut self, weight: f32, words: Range<usize>) {
        self.found.push(Signal { weight: weight.clamp(0.0, 0.99), words });
    }

    /// Speaks against the check: `share` of the score is taken away.
    pub fn damp(&mut self, share: f32) {
        self.damping = 1.0 - (1.0 - self.damping) * (1.0 - share);
    }

    /// The joined evidence, 0 to 1. Overlapping signals count once, with the strongest weight.
    pub fn score(&self) -> f32 {
        let mut order: Vec<&Signal> = self.found.iter().collect();
        order.sort_by(|a, b| b.weight.total_cmp(&a.weight).then(a.words.start.cmp(&b.words.start)));
        let mut counted: Vec<&Range<usize>> = Vec::new();
        let mut absent = 1.0;
        for signal in order {
            let overlaps =
                counted.iter().any(|words| words.start < signal.words.end && signal.words.start < words.end);
            if !overlaps {
                absent *= 1.0 - signal.weight;
                counted.push(&signal.words);
                if counted.len() == MOST_COUNTED {
                    break;
                }
            }
        }
        (1.0 - absent) * (1.0 - self.damping)
    }
}

/// Signals beyond this many say nothing new, and counting them all would be quadratic.
const MOST_COUNTED: usize = 12;

/// Spans shown for one check at most.
const MOST_SPANS: usize = 3;

/// The signals of all checks.
#[derive(Clone, Debug, Default)]
pub(crate) struct Board([Signals; Check::COUNT]);

impl Board {
    /// The signals of `check`.
    pub fn of(&mut self, check: Check) -> &mut Signals {
        &mut self.0[check.index()]
    }

    /// Has the check come out as present so far?
    pub fn is_yes(&self, check: Check) -> bool {
        self.0[check.index()].score() >= 0.5
    }
}

/// The rule-based grader. Holds nothing: the lexicon is read once a process.
#[derive(Clone, Copy, Debug, Default)]
pub struct Rules;

impl Rules {
    /// Grades one turn. Linear in its length; every score of at least 0.5 comes with a span.
    pub fn grade(&self, utterance: &Utterance<'_>) -> RuleResult {
        let reading = Reading::of(utterance);
        Rules::judge(&reading)
    }

    /// Grades a turn that has been read already.
    pub fn judge(reading: &Reading<'_>) -> RuleResult {
        let mut result = RuleResult::default();
        if reading.parsed.words.is_empty() {
            return result;
        }
        let mut board = Board::default();
        questions::judge(reading, &mut board);
        permission::judge(reading, &mut board);
        harm::judge(reading, &mut board);
        options::judge_proposals(reading, &mut board);
        acknowledgement::judge(reading, &mut board);
        benefit::judge(reading, &mut board);
        options::judge_future(reading, &mut board);
        topic::judge(reading, &mut board);
        permission::judge_springing(reading, &mut board);
        for check in Check::ALL {
            result.0[check.index()] = finding(reading, board.of(check));
        }
        result
    }

    /// Interpretable counts of the turn's structure for a classifier, [`FEATURE_COUNT`] of them, named by [`feature_names`].
    pub fn features(utterance: &Utterance<'_>) -> Vec<f32> {
        let reading = Reading::of(utterance);
        let result = Rules::judge(&reading);
        features::features(&reading, &result)
    }
}

fn finding(reading: &Reading<'_>, signals: &Signals) -> Finding {
    let mut order: Vec<&Signal> = signals.found.iter().collect();
    order.sort_by(|a, b| b.weight.total_cmp(&a.weight).then(a.words.start.cmp(&b.words.start)));
    let mut spans: Vec<Range<usize>> = Vec::new();
    let floor = order.first().map_or(0.0, |best| best.weight * 0.6);
    for signal in order.into_iter().filter(|signal| signal.weight >= floor) {
        if spans.len() == MOST_SPANS {
            break;
        }
        let span = reading.parsed.bytes(&signal.words);
        if spans.iter().all(|known| span.end <= known.start || known.end <= span.start) {
            spans.push(span);
        }
    }
    Finding { score: signals.score(), spans }
}
