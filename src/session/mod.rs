//! What happened: turns, branches, verdicts, moves; the SQLite store; import and export.
//!
//! A session is a tree of exchanges that only grows: undo and retry start a branch, nothing is
//! overwritten. A path from the root to a leaf is one talk.

pub mod account;
pub mod anonymous;
#[cfg(test)]
mod durability;
pub mod file;
pub mod kept;
mod migrate;
pub mod plan;
#[cfg(test)]
pub mod sample;
pub mod store;
pub mod transcript;

use crate::boss::state::{Act, BossState, Move};
use crate::scorer::verdict::{Position, Verdicts};
use account::{Account, Remark};
use plan::Plan;
use serde::{Deserialize, Serialize};
use std::collections::HashSet;

/// Identifies a session: short, unique in the store, typed by people.
pub type SessionId = String;

/// Identifies an exchange within its session, counted from 1 in the order they were said.
pub type NodeId = u32;

/// What a session was started with: enough to replay it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Header {
    /// The session.
    pub id: SessionId,
    /// When it began.
    pub started: jiff::Timestamp,
    /// Scenario name.
    pub scenario: String,
    /// Boss name (the file's).
    pub boss: String,
    /// Preset name, or `custom` with `--receptiveness`.
    pub difficulty: String,
    /// Openness at the start, 0 to 100.
    pub receptiveness: f64,
    /// Model name.
    pub model: String,
    /// Seed of everything random.
    pub seed: u64,
    /// The boss's first line.
    pub greeting: String,
}

/// What the boss answered, and how it came about.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Reply {
    /// What was said, safe to print.
    pub text: String,
    /// What the boss was doing.
    pub act: Act,
    /// The model's words were refused and a hand-written line was used.
    pub fallback: bool,
    /// The boss gave something: an agreement or a part of one.
    pub conceded: bool,
    /// Tokens drawn, over all candidates.
    pub tokens: usize,
    /// Milliseconds to the first token.
    pub first_token_ms: u64,
    /// Milliseconds to the shown reply.
    pub total_ms: u64,
}

/// One thing the person said, how it was graded, how the boss moved, and what the boss answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Exchange {
    /// This exchange.
    pub node: NodeId,
    /// The exchange it follows; none for the first of a talk.
    pub parent: Option<NodeId>,
    /// The turn's number in its talk, from 1.
    pub turn: u32,
    /// When it was said.
    pub said: jiff::Timestamp,
    /// The person's words, exactly.
    pub text: String,
    /// Where in the talk it stood.
    pub position: Position,
    /// The scorer's verdicts.
    pub verdicts: Verdicts,
    /// How the boss moved.
    pub moved: Move,
    /// The boss's state after the move and the reply, to go on from here.
    pub state: BossState,
    /// The reply; none where the program was stopped before it came.
    pub reply: Option<Reply>,
}

impl Exchange {
    /// Did the program answer instead of the boss?
    pub fn steps_out(&self) -> bool {
        self.reply.as_ref().is_some_and(|reply| reply.act == Act::StepsOut)
    }
}

/// How a talk ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Outcome {
    /// The boss agreed and committed.
    Agreed,
    /// The boss conceded a part.
    Partly,
    /// Nothing was decided.
    Open,
    /// The boss was out of patience.
    EndedByBoss,
}

impl Outcome {
    /// How a talk stands, by what the boss did in it.
    pub fn of(talk: &[&Exchange]) -> Outcome {
        let acts = || talk.iter().filter_map(|exchange| exchange.reply.as_ref()).map(|reply| reply.act);
        if acts().next_back() == Some(Act::EndsTalk) {
            Outcome::EndedByBoss
        } else if acts().any(|act| act == Act::AgreesAndCommits) {
            Outcome::Agreed
        } else if acts().any(Act::concedes) {
            Outcome::Partly
        } else {
            Outcome::Open
        }
    }
}

/// A whole session.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Session {
    /// How it was started.
    pub header: Header,
    /// Everything said, in the order of [`Exchange::node`].
    pub exchanges: Vec<Exchange>,
    /// The exchange the talk stands at; none before the first turn.
    pub head: Option<NodeId>,
    /// How it ended; none while it goes on.
    pub outcome: Option<Outcome>,
    /// What the person had prepared; none where there was no plan.
    pub plan: Option<Plan>,
    /// What came of it, where this is the real talk and no rehearsal. Then nobody answers: the exchanges are what the
    /// person remembers having said.
    pub account: Option<Account>,
    /// What a coach remarks on turns, in the order of making.
    pub remarks: Vec<Remark>,
}

impl Session {
    /// A session that nothing was said in yet.
    pub fn new(header: Header, plan: Option<Plan>) -> Session {
        let (exchanges, remarks) = (Vec::new(), Vec::new());
        Session { header, exchanges, head: None, outcome: None, plan, account: None, remarks }
    }

    /// The talk that ends at `node`: its exchanges from the first on.
    pub fn path_to(&self, node: Option<NodeId>) -> Vec<&Exchange> {
        let mut path = Vec::new();
        let mut next = node;
        while let Some((id, exchange)) = next.and_then(|id| Some((id, self.exchange(id)?))) {
            path.push(exchange);
            // What was said follows what was said before it; anything else in a damaged store would not end.
            next = exchange.parent.filter(|&parent| parent < id);
        }
        path.reverse();
        path
    }

    /// The talk as it stands.
    pub fn talk(&self) -> Vec<&Exchange> {
        self.path_to(self.head)
    }

    /// The last exchange of every talk, in the order they were said.
    pub fn ends(&self) -> Vec<NodeId> {
        let parents: HashSet<NodeId> = self.exchanges.iter().filter_map(|exchange| exchange.parent).collect();
        self.exchanges.iter().map(|exchange| exchange.node).filter(|node| !parents.contains(node)).collect()
    }

    /// What a coach remarks on an exchange, in the order of making.
    pub fn remarks_on(&self, node: NodeId) -> impl Iterator<Item = &Remark> {
        self.remarks.iter().filter(move |remark| remark.node == node)
    }

    /// One exchange.
    pub fn exchange(&self, node: NodeId) -> Option<&Exchange> {
        self.exchanges.get(node.checked_sub(1)? as usize)
    }
}
