//! What `--format json` writes: one object a line, each with `"event"`. A contract with other programs.

use crate::boss::state::{BossState, Move};
use crate::scorer::grade::Grade;
use crate::scorer::verdict::Verdicts;
use crate::session::{Exchange, Header, Outcome, Reply};
use serde::Serialize;

/// One line of output.
#[derive(Debug, Serialize)]
#[serde(tag = "event", rename_all = "lowercase")]
pub enum Event<'a> {
    /// A session begins, or goes on.
    Session {
        id: &'a str,
        scenario: &'a str,
        boss: &'a str,
        difficulty: &'a str,
        receptiveness: f64,
        model: &'a str,
        seed: u64,
    },
    /// The boss speaks; turn 0 is the greeting.
    Boss {
        turn: u32,
        text: &'a str,
        act: &'a str,
        openness: f64,
        patience: u32,
        conceded: bool,
        fallback: bool,
        tokens: usize,
        first_token_ms: u64,
        total_ms: u64,
    },
    /// How a turn was graded, and how the boss moved.
    Verdicts {
        turn: u32,
        text: &'a str,
        checks: &'a Verdicts,
        #[serde(rename = "move")]
        moved: &'a Move,
    },
    /// What a slash command answered.
    Note { command: &'a str, text: &'a str },
    /// The talk is over.
    End { outcome: Outcome, turns: u32, grade: &'a Grade },
}

impl<'a> Event<'a> {
    /// A session begins.
    pub fn session(header: &'a Header) -> Event<'a> {
        Event::Session {
            id: &header.id,
            scenario: &header.scenario,
            boss: &header.boss,
            difficulty: &header.difficulty,
            receptiveness: header.receptiveness,
            model: &header.model,
            seed: header.seed,
        }
    }

    /// The boss's first line.
    pub fn greeting(text: &'a str, state: &BossState) -> Event<'a> {
        Event::Boss {
            turn: 0,
            text,
            act: crate::boss::state::Act::Greets.id(),
            openness: state.openness,
            patience: state.patience,
            conceded: false,
            fallback: false,
            tokens: 0,
            first_token_ms: 0,
            total_ms: 0,
        }
    }

    /// The boss answers.
    pub fn boss(turn: u32, reply: &'a Reply, state: &BossState) -> Event<'a> {
        Event::Boss {
            turn,
            text: &reply.text,
            act: reply.act.id(),
            openness: state.openness,
            patience: state.patience,
            conceded: reply.conceded,
            fallback: reply.fallback,
            tokens: reply.tokens,
            first_token_ms: reply.first_token_ms,
            total_ms: reply.total_ms,
        }
    }

    /// A turn was graded.
    pub fn verdicts(exchange: &'a Exchange) -> Event<'a> {
        Event::Verdicts {
            turn: exchange.turn,
            text: &exchange.text,
            checks: &exchange.verdicts,
            moved: &exchange.moved,
        }
    }
}
