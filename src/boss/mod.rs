//! Who answers: the boss's state, the choice of act, the wording of it, and the checks on a reply.
//!
//! One turn takes four steps, each a function of its own: [`Cast::moved`] moves the state from the
//! verdicts, [`Cast::plan`] chooses what the boss does, [`Cast::word`] has a model word it, and
//! [`reply::check`] decides what is fit to be said. Everything random comes from the session's seed and
//! the exchange's number.

pub mod acts;
mod agreement;
pub mod critic;
pub mod direction;
pub mod draw;
mod likeness;
pub mod moves;
pub mod offer;
mod phrases;
mod rank;
pub mod reply;
pub mod safety;
pub mod scene;
pub mod state;
mod steering;
pub mod talks;
pub mod tone;
pub mod trial;
mod tuned;
mod voice;
pub mod wording;

pub use agreement::agrees;
pub use direction::{Plan, Question};
pub use reply::{Reason, Refusal};
pub use state::{Standing, outcome};
pub use steering::Steering;

use crate::model::{Completion, Finish, LanguageModel, ModelError, Prompt, Request, Sampling};
use crate::scenario::{Boss, Difficulty, PrivateFact, Scenario};
use crate::scorer::rubric::Check;
use crate::scorer::verdict::{Span, Verdicts};
use draw::{Draw, Purpose};
use likeness::shared_words;
use reply::Expected;
use state::{Act, BossState, Directed, Move};
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
    /// How the model is brought to do what the act says.
    pub steering: Steering,
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
        let offers = if blow { Vec::new() } else { offer::offers(text, verdicts) };
        for offer in offers {
            state.offers.retain(|known| *known != offer);
            state.offers.push(offer);
        }
        if !blow {
            state.laid.extend(laid(verdicts));
        }
        moved
    }

    /// Step 2: what the boss does about the turn that `state` was moved by.
    pub fn plan(&self, state: &BossState, turn: &Turn, node: u32) -> Plan {
        let mut draw = Draw::new(self.seed, node, Purpose::Act);
        let stimulus = stimulus(turn.verdicts, Tone::of(turn.text, turn.verdicts, &self.scenario));
        let offers = offer::offers(turn.text, turn.verdicts);
        let act =
            acts::choose(state, &self.difficulty, turn.verdicts, stimulus, !offers.is_empty(), &mut draw);
        let settled = act == Act::AgreesAndCommits && state.offers.is_empty();
        let asked = stimulus == Stimulus::Explore && act == Act::SharesConstraint;
        let offer = match act {
            act if !act.concedes() => None,
            _ if settled => state.agreed.last().cloned(),
            _ => chosen_offer(&state.offers, &offers, &mut draw),
        };
        let takes = match act {
            act if act.concedes() => laid(turn.verdicts).pop().or_else(|| state.laid.last().cloned()),
            Act::Dismisses | Act::Deflects | Act::EndsTalk => None,
            _ => spoken_of(turn.verdicts),
        };
        // What the person would do or bring is taken up before what the boss would have to do.
        let about = match act.concedes() {
            true => None,
            false => offers.iter().rev().min_by_key(|offer| offer.starts_with("I ")).cloned(),
        };
        let begins_anew = tone::begins_anew(turn.text);
        let asks = turn.verdicts.is_yes(Check::OpenQuestion) || turn.verdicts.is_yes(Check::AsksQuestion);
        let question = match asks && about.is_none() && !act.concedes() && !begins_anew {
            true if tone::asks_for_need(turn.text) => Some(Question::Need),
            true => Some(Question::Other),
            false => None,
        };
        let may_speak = begins_anew || stimulus == Stimulus::Permission && talk_begins(state);
        Plan {
            act,
            about,
            question,
            mood: state.mood(&self.difficulty),
            fact: if asked { self.next_fact(state, turn.text) } else { None },
            offer,
            takes,
            objection: if act == Act::PushesBack {
                self.next_objection(state, turn.text, node)
            } else {
                None
            },
            matter: self.next_matter(state, act, node),
            attacked: stimulus == Stimulus::Attack,
            early: talk_begins(state),
            floor: may_speak && act == Act::AsksForSpecifics,
            settled,
        }
    }

    /// Steps 2 to 4: what the boss says to `turn`, after `talk`. `node` is the exchange's number in the
    /// session. None when `pulse` broke off; then `state` is unchanged.
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
        let plan = self.plan(state, turn, node);
        let spoken = self.word(model, state, talk, turn, &plan, node, pulse)?;
        if spoken.is_some() {
            self.remember(state, &plan);
        }
        Ok(spoken)
    }

    /// Steps 3 and 4: words for a plan. None when `pulse` broke off.
    ///
    /// # Errors
    /// The model failed.
    #[allow(clippy::too_many_arguments)]
    pub fn word(
        &self,
        model: &mut dyn LanguageModel,
        state: &BossState,
        talk: &[Line],
        turn: &Turn,
        plan: &Plan,
        node: u32,
        pulse: Pulse,
    ) -> Result<Option<Spoken>, ModelError> {
        let steering = &self.steering;
        let greeting = self.greeting();
        let earlier: Vec<&str> =
            std::iter::once(greeting.as_str()).chain(talk.iter().map(|line| line.boss.as_str())).collect();
        let before: Vec<&str> = talk.iter().map(|line| safety::heard(&line.you)).collect();
        let expected = Expected {
            boss: &self.boss,
            you: &self.you,
            act: plan.act,
            turn: safety::heard(turn.text),
            before: &before,
            offers: &state.offers,
            offer: plan.offer.as_deref(),
            fact: self.fact(plan),
            keywords: &self.scenario.keywords,
            earlier: &earlier,
        };
        // What it names of the offer is the person's words: this boss may not contract their verbs.
        let by_hand = || voice::pronounced(&self.written_line(plan, &earlier, node), &self.boss);
        if model.is_tuned() {
            let worded = self.tuned_words(model, talk, plan, &expected, node, pulse)?;
            return Ok(worded.map(|worded| Spoken {
                fallback: worded.text.is_none(),
                text: worded.text.unwrap_or_else(by_hand),
                act: plan.act,
                refused: worded.refused,
                passed_over: worded.passed_over,
                tokens: worded.tokens,
            }));
        }
        let prompt = wording::prompt(self, model, state, talk, expected.turn, plan)?;
        let mut draw = Draw::new(self.seed, node, Purpose::Model);
        let shown: Vec<String> = wording::shown(self).into_iter().map(|(_, line)| line).collect();
        let openings = match steering.openings {
            true => {
                let fact = expected.fact;
                let all = direction::openings(plan, &self.boss, &self.you, fact, &shown, &earlier, &mut draw);
                if fact.is_some() { all } else { direction::unused_first(all, &earlier) }
            }
            false => Vec::new(),
        };
        let moment = critic::moment(&self.scenario.topic, expected.turn, &self.deed(plan));
        let mut fit: Vec<Fit> = Vec::new();
        let judged = steering.critic && !model.replays();
        let mut refused = Vec::new();
        let mut tokens = 0;
        for batch in 0..steering.batches {
            let opening = openings.get(batch % openings.len().max(1)).cloned().unwrap_or_default();
            let request = request(prompt.clone(), opening.clone(), steering.candidates, draw.bits());
            let completions = model.complete(&request, &mut |_| pulse())?;
            tokens += completions.iter().map(|completion| completion.tokens).sum::<usize>();
            if completions.iter().any(|completion| completion.finish == Finish::Interrupted) {
                return Ok(None);
            }
            let mut fresh = sort_out(completions, &opening, &expected, &fit, &mut refused);
            if judged {
                add_critique(&mut fresh, &moment)?;
            }
            fit.extend(fresh);
            let convinces = |fit: &&Fit| {
                fit.convincing.is_some_and(|odds| odds >= 0.0) && !rank::is_hollow(&fit.text, plan.act)
            };
            let done = match judged {
                true => fit.iter().filter(convinces).count() >= steering.enough_convincing,
                false => fit.len() >= steering.enough,
            };
            if done {
                break;
            }
        }
        if steering.contrast && fit.len() > 1 {
            let neutral = wording::neutral_prompt(self, model, state, talk, safety::heard(turn.text))?;
            steering::add_contrast(model, &prompt, &neutral, &mut fit)?;
        }
        // What a private fact says is given, and the critic knows nothing of it.
        let doubtful = if expected.fact.is_some() { f64::NEG_INFINITY } else { rank::DOUBTFUL };
        fit.retain(|fit| fit.convincing.is_none_or(|convincing| convincing >= doubtful));
        fit.sort_by(|a, b| b.score.total_cmp(&a.score));
        let mut fit = fit.into_iter().map(|fit| fit.text);
        let best = fit.next();
        let fallback = best.is_none();
        let text = best.unwrap_or_else(by_hand);
        Ok(Some(Spoken { text, act: plan.act, fallback, refused, passed_over: fit.collect(), tokens }))
    }

    /// What the boss keeps of a reply that was said.
    pub fn remember(&self, state: &mut BossState, plan: &Plan) {
        state.acts.push(plan.act);
        state.directed = Some(plan.directed());
        state.facts_out.extend(plan.fact);
        state.objections_out.extend(plan.objection);
        if plan.act.concedes() && !plan.settled {
            // What is agreed once more is not agreed twice: it would fill the prompt of a long talk.
            state.agreed.retain(|agreed| Some(agreed) != plan.offer.as_ref());
            state.agreed.extend(plan.offer.clone());
            state.offers.clear();
            state.laid.clear();
        }
    }

    /// Works through the beginning that all prompts of the talk share, while the person reads.
    ///
    /// # Errors
    /// The model failed.
    pub fn prefill(&self, model: &mut dyn LanguageModel) -> Result<(), ModelError> {
        let beginning = match model.is_tuned() {
            true => Prompt::Raw(self.scene(model, &[], None)),
            false => wording::beginning(self, model.prompt_style())?,
        };
        model.prefill(&beginning)
    }

    /// What a plan says the boss does, in words, as the critic reads it: without what the turn itself says.
    pub fn deed(&self, plan: &Plan) -> String {
        let plan = &Plan { about: None, question: None, ..plan.clone() };
        direction::deed(plan, &self.boss, &self.you, self.fact(plan))
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

    /// What the boss has not held against it yet: what shares most words with the turn, else any.
    fn next_objection(&self, state: &BossState, text: &str, node: u32) -> Option<usize> {
        let left =
            (0..self.scenario.objections.len()).filter(|at| !state.objections_out.contains(at)).collect();
        let left = Draw::new(self.seed, node, Purpose::Fallback).shuffled(left);
        left.into_iter().max_by_key(|at| shared_words(text, &self.scenario.objections[*at]))
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

    fn fact(&self, plan: &Plan) -> Option<&PrivateFact> {
        plan.fact.and_then(|index| self.scenario.facts.get(index))
    }

    /// The last resort: a line by hand, not one that was just said.
    fn written_line(&self, plan: &Plan, earlier: &[&str], node: u32) -> String {
        if let Some(fact) = self.fact(plan) {
            return fact.line.replace("{you}", &self.you);
        }
        let offer = plan.offer.as_deref();
        let filled = |line: &String| {
            line.replace("{you}", &self.you)
                .replace("{topic}", &self.scenario.topic)
                .replace("{offer}", offer.unwrap_or_default())
        };
        let lines = self.boss.fallbacks.get(plan.act.id()).into_iter().flatten();
        // What is taken up is named: a line with terms of its own would agree to something else.
        let (naming, plain): (Vec<&String>, Vec<&String>) = lines.partition(|line| line.contains("{offer}"));
        let lines = if offer.is_some() && !naming.is_empty() { naming } else { plain };
        let lines: Vec<String> = lines.into_iter().map(filled).collect();
        let fresh: Vec<String> =
            lines.iter().filter(|line| !earlier.contains(&line.as_str())).cloned().collect();
        let last = earlier.last().copied().unwrap_or_default();
        let other: Vec<String> = lines.into_iter().filter(|line| line != last).collect();
        let mut draw = Draw::new(self.seed, node, Purpose::Fallback);
        let choice = draw.pick(if fresh.is_empty() { &other } else { &fresh });
        choice.cloned().unwrap_or_else(|| format!("{}.", self.you))
    }
}

/// Replies after which a request for a talk is no longer one for the floor: "Would Thursday work?" is then about
/// Thursday.
const TALK_BEGINS: usize = 3;

fn talk_begins(state: &BossState) -> bool {
    state.acts.len() < TALK_BEGINS
}

/// With a capital first letter.
fn capitalised(text: &str) -> String {
    let mut chars = text.chars();
    chars.next().map_or_else(String::new, |first| first.to_uppercase().chain(chars).collect())
}

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

/// The offer taken up: one of this turn's where it made one, preferably one that names a time; else the
/// newest of the talk.
fn chosen_offer(offers: &[String], now: &[String], draw: &mut Draw) -> Option<String> {
    let mine: Vec<&String> =
        if now.is_empty() { offers.iter().rev().take(1).collect() } else { now.iter().collect() };
    let timed: Vec<&String> =
        mine.iter().copied().filter(|offer| reply::names_time(&phrases::normal(offer))).collect();
    draw.pick(if timed.is_empty() { &mine } else { &timed }).map(|offer| (*offer).clone())
}

fn request(prompt: Prompt, opening: String, candidates: usize, seed: u64) -> Request {
    let lead = if matches!(prompt, Prompt::Raw(_)) { " " } else { "" };
    Request {
        prompt,
        opening: if opening.is_empty() { String::new() } else { format!("{lead}{opening}") },
        candidates,
        max_tokens: wording::REPLY_TOKENS,
        stop: vec!["\n".to_owned()],
        sampling: Sampling::default(),
        seed,
    }
}

/// A candidate that passed the checks.
#[derive(Clone, Debug)]
struct Fit {
    text: String,
    /// More is better, on the scale of a mean log-probability a token.
    score: f64,
    /// The critic's log-odds that nothing is wrong in it, where the critic was asked.
    convincing: Option<f64>,
}

/// The candidates that pass the checks and are not among those `known`.
fn sort_out(
    completions: Vec<Completion>,
    opening: &str,
    expected: &Expected,
    known: &[Fit],
    refused: &mut Vec<Refusal>,
) -> Vec<Fit> {
    let mut fresh: Vec<Fit> = Vec::new();
    for completion in completions {
        let said = voice::pronounced(&completion.text, expected.boss);
        match reply::check(&said, opening, completion.finish == Finish::Stop, expected) {
            Ok(text) => {
                // The first sentence alone is often the better answer; a private fact is told whole.
                let shorter = first_sentence(&text).filter(|_| expected.fact.is_none());
                let shorter = shorter.and_then(|first| reply::check(first, opening, true, expected).ok());
                for text in [Some(text), shorter].into_iter().flatten() {
                    if !known.iter().chain(&fresh).any(|other| other.text == text) {
                        let likely = completion.mean_logprob;
                        let score = rank::score(&text, likely, expected.act, expected.turn, expected.offer);
                        fresh.push(Fit { text, score, convincing: None });
                    }
                }
            }
            Err(reason) => refused.push(Refusal { reason, text: completion.text }),
        }
    }
    fresh
}

/// Asks the critic about candidates, and lets its answer count.
///
/// # Errors
/// A fault of the critic's encoder.
fn add_critique(fit: &mut [Fit], moment: &str) -> Result<(), ModelError> {
    let lines: Vec<&str> = fit.iter().map(|fit| fit.text.as_str()).collect();
    let said = critic::Critic::shipped().convincing(&lines, moment)?;
    for (fit, convincing) in fit.iter_mut().zip(said) {
        fit.score += rank::convincing(convincing);
        fit.convincing = Some(convincing);
    }
    Ok(())
}

/// The first sentence, where more follow.
fn first_sentence(text: &str) -> Option<&str> {
    let spans = crate::text::sentences(text);
    (spans.len() > 1).then(|| &text[spans[0].clone()])
}

#[cfg(test)]
mod tests;
