//! Turning points: the few turns after which the talk was another one.

use crate::boss::state::Act;
use crate::session::Exchange;
use serde::Serialize;

/// A move smaller than this, in points of openness, turns nothing.
const NOTABLE: f64 = 3.0;

/// What turned.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Turn {
    /// The largest rise of openness in the talk.
    OpenedMost,
    /// The largest fall.
    ClosedMost,
    /// The boss told something kept back until then.
    ToldFact,
    /// The first part the boss gave.
    ConcededPart,
    /// The boss agreed and committed.
    Agreed,
    /// The boss was out of patience.
    EndedTalk,
}

/// A turn that changed the talk.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TurningPoint {
    /// The turn, from 1.
    pub turn: u32,
    /// What turned, at least one thing.
    pub what: Vec<Turn>,
    /// Openness before.
    pub from: f64,
    /// Openness after.
    pub to: f64,
    /// The biggest reason for the move, as the boss's rules gave it.
    pub why: Option<String>,
}

/// The turning points of a talk, in order.
pub fn turning_points(talk: &[&Exchange]) -> Vec<TurningPoint> {
    let moved = |exchange: &&Exchange| exchange.moved.to - exchange.moved.from;
    // The first of equals: what came later only repeated it.
    let most = |sign: f64| {
        let largest = talk.iter().map(|e| sign * moved(e)).fold(NOTABLE, f64::max);
        talk.iter().position(|e| sign * moved(e) >= largest)
    };
    let first = |act: Act| talk.iter().position(|e| e.reply.as_ref().is_some_and(|reply| reply.act == act));
    let (opened, closed) = (most(1.0), most(-1.0));
    let (part, agreed, ended) =
        (first(Act::ConcedesPart), first(Act::AgreesAndCommits), first(Act::EndsTalk));
    let mut told = 0;
    let mut points = Vec::new();
    for (index, exchange) in talk.iter().enumerate() {
        let told_before = std::mem::replace(&mut told, exchange.state.facts_out.len());
        let what: Vec<Turn> = [
            (opened == Some(index), Turn::OpenedMost),
            (closed == Some(index), Turn::ClosedMost),
            (told > told_before, Turn::ToldFact),
            (part == Some(index), Turn::ConcededPart),
            (agreed == Some(index), Turn::Agreed),
            (ended == Some(index), Turn::EndedTalk),
        ]
        .into_iter()
        .filter_map(|(happened, what)| happened.then_some(what))
        .collect();
        if !what.is_empty() {
            points.push(TurningPoint {
                turn: exchange.turn,
                what,
                from: exchange.moved.from,
                to: exchange.moved.to,
                why: exchange.moved.why.first().cloned(),
            });
        }
    }
    points
}
