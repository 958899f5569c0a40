//! Who answers: the boss's state, the choice of act, the words for it, and the gate for what must never be said.
//!
//! One turn takes three steps, each a function of its own: [`Cast::moved`] moves the state from the verdicts,
//! [`Cast::plan`] chooses what the boss does and what about, and [`Cast::word`] has a model word it, lets through what
//! the gate ([`gate::pass`]) does, and chooses. Everything random comes from the session's seed and the exchange's
//! number.

pub mod acts;
mod agreement;
pub mod choice;
pub mod draw;
pub mod gate;
mod likeness;
pub mod moves;
mod phrases;
mod rewording;
pub mod safety;
pub mod scene;
mod secrets;
pub mod state;
pub mod talks;
pub mod tone;
pub mod trial;
pub mod tuned;
pub mod wording;

pub use agreement::agrees;
pub use gate::{Reason, Refusal};
pub use secrets::{INSTEAD, with_secrets};
pub use state::{Directed, Standing, outcome};

use crate::model::{LanguageModel, ModelError};
use crate::scenario::{Boss, Difficulty, Point, Scenario};
use crate::scorer::rubric::Check;
use crate::scorer::verdict::{Span, Verdicts};
use crate::text::content::shared_words;
use draw::{Draw, Purpose};
use state::{Act, BossState, Move};
use std::ops::ControlFlow;
use tone::{Stimulus, Tone, stimulus};

/// What stays the same over a talk.
#[derive(Clone, Debug, PartialEq)]
pub struct Cast {
    /// Who answers.
    pub boss: Boss,
    /// What the talk is about.
    pub scenario: Scenario,
    /// How hard it is.
    pub difficulty: Difficulty,
    /// The person's name.
    pub you: String,
    /// Seed of everything random.
    pub seed: u64,
}

/// An earlier exchange of the talk; `boss` is empty where no reply came.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Line {
    /// What the person said.
    pub you: String,
    /// What the boss answered.
    pub boss: String,
    /// How that came about, where it is known.
    pub directed: Option<Directed>,
}

/// The turn to answer.
#[derive(Clone, Copy, Debug)]
pub struct Turn<'a> {
    /// What the person said.
    pub text: &'a str,
    /// The scorer's verdicts on it.
    pub verdicts: &'a Verdicts,
}

/// What the boss says, and how it came about.
#[derive(Clone, Debug, PartialEq)]
pub struct Spoken {
    /// The words, safe to print.
    pub text: String,
    /// What the boss does in it.
    pub act: Act,
    /// The hand-written line stands in for the model's words.
    pub fallback: bool,
    /// The candidates that were not fit, and why.
    pub refused: Vec<Refusal>,
    /// The candidates that were fit and were not said.
    pub passed_over: Vec<String>,
    /// Tokens drawn, over all candidates.
    pub tokens: usize,
}

/// Asked between tokens; `Break` stops the boss.
pub type Pulse<'a> = &'a mut dyn FnMut() -> ControlFlow<()>;

impl Cast {
    /// The boss's first line.
    pub fn greeting(&self) -> String {
        let mut draw = Draw::new(self.seed, 0, Purpose::Greeting);
        let line = draw.pick(&self.boss.greetings).map_or("Yes?", String::as_str);
        line.replace("{you}", &self.you)
    }

    /// The boss before anything was said.
    pub fn start(&self) -> BossState {
        BossState::at_start(&self.difficulty)
    }

    /// Step 1: moves the boss by a turn, and notes what it puts on the table.
    pub fn moved(&self, state: &mut BossState, verdicts: &Verdicts, text: &str) -> Move {
        let tone = Tone::of(text, verdicts, &self.scenario);
        let moved = moves::moved(state, verdicts, &self.difficulty, tone, self.boss.pronoun);
        // Nobody takes up what comes with a blow.
        let blow = tone::harms(verdicts) || tone.presses || tone.strange || tone.abuse != safety::Abuse::None;
        if !blow {
            state.laid.extend(laid(verdicts));
            state.laid.drain(..state.laid.len().saturating_sub(LAID));
        }
        moved
    }

    /// Step 2: what the boss does about the turn that `state` was moved by.
    pub fn plan(&self, state: &BossState, turn: &Turn, node: u32) -> Directed {
        let stimulus = stimulus(turn.verdicts, Tone::of(turn.text, turn.verdicts, &self.scenario));
        let mut draw = Draw::new(self.seed, node, Purpose::Act);
        let act = acts::choose(state, &self.difficulty, turn.verdicts, stimulus, &mut draw);
        let takes = match act {
            act if act.concedes() => state.laid.last().or(state.agreed.last()).cloned(),
            Act::Dismisses | Act::Deflects | Act::EndsTalk => None,
            _ => spoken_of(turn.verdicts),
        };
        let asked = act == Act::SharesConstraint && stimulus == Stimulus::Explore;
        let fact = asked.then(|| self.next_fact(state, turn.text)).flatten();
        let point = if fact.is_none() { self.next_point(state, act, turn, node) } else { None };
        Directed {
            mood: state.mood(&self.difficulty),
            act,
            fact,
            takes,
            point,
            matter: self.next_matter(state, act, node),
        }
    }

    /// Steps 2 and 3: what the boss says to `turn`, after `talk`. `node` is the exchange's number in the session.
    /// None when `pulse` broke off; then `state` is unchanged.
    ///
    /// # Errors
    /// The model failed; `state` is unchanged.
    pub fn reply(
        &self,
        model: &mut dyn LanguageModel,
        state: &mut BossState,
        talk: &[Line],
        turn: &Turn,
        node: u32,
        pulse: Pulse,
    ) -> Result<Option<Spoken>, ModelError> {
        let directed = self.plan(state, turn, node);
        let spoken = self.word(model, talk, turn, &directed, node, pulse)?;
        if spoken.is_some() {
            self.remember(state, directed);
        }
        Ok(spoken)
    }

    /// What the boss keeps of a line that was said.
    pub fn remember(&self, state: &mut BossState, directed: Directed) {
        state.acts.push(directed.act);
        state.facts_out.extend(directed.fact);
        state.points_out.extend(directed.point);
        if directed.act.concedes() && !state.laid.is_empty() {
            state.agreed.retain(|agreed| Some(agreed) != directed.takes.as_ref());
            state.agreed.extend(directed.takes.clone());
            state.laid.clear();
        }
        state.directed = Some(directed);
    }

    /// Works through the beginning that all prompts of the talk share, while the person reads.
    ///
    /// # Errors
    /// The model failed.
    pub fn prefill(&self, model: &mut dyn LanguageModel) -> Result<(), ModelError> {
        let beginning = self.prompt(model, &[], None);
        model.prefill(&beginning)
    }

    /// The private fact that a question brings out: of those not told yet, one that it asks for; the one that
    /// shares most words with it, and the first of several. What the boss would need is not answered with what
    /// is in the way.
    fn next_fact(&self, state: &BossState, text: &str) -> Option<usize> {
        let facts = &self.scenario.facts;
        let need = tone::asks_for_need(text);
        let fits = |index: usize| {
            let fact = &facts[index];
            (fact.need == need, shared_words(text, &format!("{} {}", fact.fact, fact.line)))
        };
        let only_needs = need && facts.iter().any(|fact| fact.need);
        let untold = (0..facts.len()).rev().filter(|index| !state.facts_out.contains(index));
        let untold = untold.filter(|index| !only_needs || facts[*index].need);
        untold.max_by_key(|index| fits(*index))
    }

    /// What a line of `act` could come to and none has come to yet: what shares most words with the turn, else any.
    fn next_point(&self, state: &BossState, act: Act, turn: &Turn, node: u32) -> Option<usize> {
        let kind = match act {
            Act::PushesBack => Point::Objection,
            // What is put on the table is itself what the boss sees something in.
            Act::Acknowledges if laid(turn.verdicts).is_empty() => Point::Admission,
            // Who hears of it for the first time asks what it is about.
            // Who has a way forward before them asks about that, where no question was written for this very matter.
            Act::AsksForSpecifics
                if !laid(turn.verdicts).is_empty() && self.scenario.questions.is_empty() =>
            {
                return None;
            }
            Act::AsksForSpecifics if !state.acts.is_empty() => Point::Question,
            Act::QuestionsMotive => Point::Motive,
            Act::SharesConstraint => Point::Hardship,
            _ => return None,
        };
        let all = self.scenario.points(kind);
        // What was written for this very matter goes before what fits its kind.
        let own = all.start..all.start + self.scenario.own_points(kind).len();
        let left = all.filter(|at| !state.points_out.contains(at)).collect();
        let left = Draw::new(self.seed, node, Purpose::Fallback).shuffled(left);
        let shared = |at: &usize| self.scenario.point(*at).map_or(0, |point| shared_words(turn.text, point));
        // To ask for what was just said would be not to have listened.
        let asks = matches!(kind, Point::Question | Point::Motive);
        left.into_iter().max_by_key(|at| (own.contains(at), if asks { 0 } else { shared(at) }))
    }

    /// What on the desk the boss turns to, who evades or ends the talk: each in its turn, as often as bosses did in the
    /// talks that a model learns from.
    fn next_matter(&self, state: &BossState, act: Act, node: u32) -> Option<usize> {
        let share = |act: &Act| match act {
            Act::Deflects => 0.9,
            Act::Dismisses => 0.6,
            Act::EndsTalk => 0.35,
            _ => 0.0,
        };
        let mut draw = Draw::new(self.seed, node, Purpose::Wording);
        if draw.unit() >= share(&act) {
            return None;
        }
        let matters =
            Draw::new(self.seed, 0, Purpose::Wording).shuffled((0..self.boss.matters.len()).collect());
        let evaded = state.acts.iter().filter(|act| share(act) > 0.0).count();
        matters.get(evaded % matters.len().max(1)).copied()
    }
}

/// Of what was put on the table, so much is remembered.
const LAID: usize = 8;

/// Words of a turn that a reply can be about.
const SPOKEN_OF: std::ops::RangeInclusive<usize> = 2..=12;

/// What a turn is about at its end, in the person's own words: the last of what the scorer has marked in it.
fn spoken_of(verdicts: &Verdicts) -> Option<String> {
    let marked = verdicts.present().flat_map(|check| &verdicts.get(check).evidence);
    let fits = marked.filter(|span| SPOKEN_OF.contains(&span.text.split_whitespace().count()));
    let last = fits.max_by_key(|span| span.end)?;
    Some(without_mark(last))
}

/// The words without what ends a sentence.
fn without_mark(span: &Span) -> String {
    span.text.trim_end_matches(['?', '!', '.']).to_owned()
}

/// What a turn puts on the table, in the person's own words: what they would do, else what they lay before the boss.
fn laid(verdicts: &Verdicts) -> Vec<String> {
    let words = |check: &Check| -> Vec<String> {
        let verdict = verdicts.get(*check);
        verdict.evidence.iter().map(without_mark).collect()
    };
    let checks = [Check::OffersHelp, Check::OffersOptions, Check::Specific];
    let shown = checks.iter().filter(|check| verdicts.is_yes(**check)).map(words);
    shown.into_iter().find(|words| !words.is_empty()).unwrap_or_default()
}

#[cfg(test)]
mod tests;
