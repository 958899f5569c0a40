//! Has one talk of a trial: the same calls as a practice, without a store and without a screen.

use super::cell::Cell;
use super::script::Script;
use crate::boss::state::Act;
use crate::boss::{Cast, Directed, Line, Pulse, Refusal, Turn, agrees};
use crate::model::{LanguageModel, ModelError};
use crate::scorer::Scorer;
use crate::scorer::rubric::Check;
use crate::scorer::verdict::{Position, Utterance, Verdicts};
use serde::{Deserialize, Serialize};
use std::collections::HashMap;
use std::fmt::Write;

/// A talk that was had.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Transcript {
    /// Which one.
    pub cell: Cell,
    /// The boss's first line.
    pub greeting: String,
    /// What followed; shorter than the script where the boss ended the talk.
    pub turns: Vec<Said>,
}

/// One turn and the reply to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Said {
    /// The person's words.
    pub text: String,
    /// The checks that the scorer answered yes.
    pub checks: Vec<Check>,
    /// Openness after the turn, 0 to 100.
    pub openness: f64,
    /// Turns of poor treatment the boss still bears.
    pub patience: u32,
    /// Could the boss have given something, by the rules?
    pub may_concede: bool,
    /// What the boss was to do.
    pub directed: Directed,
    /// The boss's words.
    pub reply: String,
    /// Tokens drawn for them, and those that they have.
    pub tokens: [usize; 2],
    /// They are the line by hand.
    pub fallback: bool,
    /// Candidates that were not shown, and why.
    pub refused: Vec<Refusal>,
    /// Candidates that were fit and were not said, the better first.
    #[serde(default)]
    pub passed_over: Vec<String>,
}

impl Said {
    /// The boss gave, or seemed to give, what was not earned.
    pub fn is_unearned(&self) -> bool {
        let concedes = self.directed.act.concedes();
        if concedes { !self.may_concede } else { agrees(&self.reply) }
    }
}

impl Transcript {
    /// The turn at which the boss first gave something, from 1.
    pub fn concession(&self) -> Option<usize> {
        self.turns.iter().position(|said| said.directed.act.concedes()).map(|at| at + 1)
    }

    /// Openness at the end, 0 to 100.
    pub fn final_openness(&self) -> f64 {
        self.turns.last().map_or(self.cell.receptiveness, |said| said.openness)
    }

    /// The talk to read: what was said, what the boss did, where it stood.
    pub fn to_text(&self, boss: &str, you: &str) -> String {
        let cell = &self.cell;
        let mut out = format!(
            "{} with {boss}, {} ({:.0} of 100), seed {}, {}\n\n{boss}: {}\n",
            cell.script, cell.difficulty, cell.receptiveness, cell.seed, cell.model, self.greeting
        );
        for said in &self.turns {
            let mark = if said.fallback { ", by hand" } else { "" };
            let _ = writeln!(out, "{you}: {}", said.text);
            let _ = writeln!(
                out,
                "    [{}{mark}; openness {:.0}, patience {}]\n{boss}: {}",
                said.directed.act.id(),
                said.openness,
                said.patience,
                said.reply
            );
        }
        out
    }
}

/// The scorer, remembering what it said: trials say the same turns after the same lines again and again.
#[derive(Debug, Default)]
pub struct Grader {
    scorer: Scorer,
    said: HashMap<(String, Option<String>, bool), Verdicts>,
}

impl Grader {
    fn grade(&mut self, text: &str, before: Option<&str>, opening: bool) -> Verdicts {
        let key = (text.to_owned(), before.map(str::to_owned), opening);
        let scorer = &self.scorer;
        let grade = || {
            let position = if opening { Position::Opening } else { Position::Middle };
            scorer.grade(&Utterance { text, context: before, position }).verdicts
        };
        self.said.entry(key).or_insert_with(grade).clone()
    }
}

/// Has the talk. None where `pulse` broke off.
///
/// # Errors
/// The model failed.
pub fn play(
    cast: &Cast,
    cell: Cell,
    script: &Script,
    grader: &mut Grader,
    model: &mut dyn LanguageModel,
    pulse: Pulse,
) -> Result<Option<Transcript>, ModelError> {
    let greeting = cast.greeting();
    let mut state = cast.start();
    let mut talk: Vec<Line> = Vec::new();
    let mut turns: Vec<Said> = Vec::new();
    for (index, turn) in script.turns.iter().enumerate() {
        let text = turn.replace("{boss}", &cast.boss.name);
        // A line by hand, drawn with the seed, is no part of what is tried.
        let before = match turns.last() {
            None => Some(greeting.as_str()),
            Some(said) => (!said.fallback).then_some(said.reply.as_str()),
        };
        let verdicts = grader.grade(&text, before, index == 0);
        cast.moved(&mut state, &verdicts, &text);
        let may_concede = state.may_concede(&cast.difficulty);
        let (openness, patience) = (state.openness, state.patience);
        let said = Turn { text: &text, verdicts: &verdicts };
        let node = index as u32 + 1;
        let directed = cast.plan(&state, &said, node);
        let Some(spoken) = cast.word(model, &talk, &said, &directed, node, pulse)? else {
            return Ok(None);
        };
        cast.remember(&mut state, directed.clone());
        talk.push(Line { you: text.clone(), boss: spoken.text.clone(), directed: Some(directed.clone()) });
        turns.push(Said {
            checks: verdicts.present().collect(),
            openness,
            patience,
            may_concede,
            directed,
            tokens: [spoken.tokens, model.count_tokens(&spoken.text)],
            reply: spoken.text,
            fallback: spoken.fallback,
            refused: spoken.refused,
            passed_over: spoken.passed_over,
            text,
        });
        if spoken.act == Act::EndsTalk {
            break;
        }
    }
    Ok(Some(Transcript { cell, greeting, turns }))
}
