//! One turn through the rooms: grade, move, store, answer, store. The only path; the screen, the script
//! and the tests all take it.

use super::clock::Clock;
use super::engine::Engine;
use crate::boss::state::{Act, BossState, Move};
use crate::boss::{Cast, Line, Turn, safety};
use crate::review::{Proposal, Report, Titles, ladder};
use crate::scenario::Library;
use crate::scorer::Scorer;
use crate::scorer::example::{Example, example};
use crate::scorer::feedback::{Feedback, feedback};
use crate::scorer::grade::{Grade, grade};
use crate::scorer::rubric::Check;
use crate::scorer::verdict::{Answer, Position, Utterance, Verdicts};
use crate::session::plan::Plan;
use crate::session::store::Store;
use crate::session::{Exchange, Header, NodeId, Outcome, Reply, Session};
use std::ops::ControlFlow;

/// The longest turn that is taken, in bytes; more is a paste by mistake.
pub const LONGEST_TURN: usize = 200_000;

/// A talk that is going on.
pub struct Talk<'a> {
    cast: Cast,
    rooms: Rooms<'a>,
    session: Session,
    retry: Retry,
    remark: Remark,
}

/// What is to be told about the model, once a talk.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Remark {
    None,
    Fresh(String),
    Told,
}

/// Saying a turn differently.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Retry {
    /// Not asked for.
    No,
    /// The next turn is said instead of this one.
    Next(NodeId),
    /// The last turn was said instead of this one.
    Done(NodeId),
}

/// What a talk is given to work with.
pub struct Rooms<'a> {
    /// Where sessions are kept.
    pub store: Store,
    /// Who grades.
    pub scorer: &'a Scorer,
    /// Who words the boss.
    pub engine: Engine,
    /// What time it is.
    pub clock: &'a dyn Clock,
    /// The names of scenarios and bosses, for reviews.
    pub library: &'a Library,
}

/// Asked between tokens; `Break` stops the boss.
pub type Pulse<'a> = &'a mut dyn FnMut() -> ControlFlow<()>;

/// The verdicts on a turn; none apply where it shows real distress, which nobody grades.
pub fn verdicts_on(scorer: &Scorer, turn: &Utterance<'_>) -> Verdicts {
    match safety::shows_distress(turn.text) {
        true => Verdicts::not_applicable(),
        false => scorer.grade(turn).verdicts,
    }
}

impl<'a> Talk<'a> {
    /// Begins a session. It is stored with the first turn, or by [`Talk::keep`]: a talk in which nothing was
    /// said leaves nothing behind.
    pub fn begin(
        cast: Cast,
        difficulty: &str,
        model: &str,
        plan: Option<Plan>,
        rooms: Rooms<'a>,
    ) -> Talk<'a> {
        let header = Header {
            id: String::new(),
            started: rooms.clock.now(),
            scenario: cast.scenario.name.clone(),
            boss: cast.boss.id.clone(),
            difficulty: difficulty.to_owned(),
            receptiveness: cast.difficulty.receptiveness,
            model: model.to_owned(),
            seed: cast.seed,
            greeting: cast.greeting(),
        };
        let session = Session::new(header, plan);
        Talk { cast, rooms, session, retry: Retry::No, remark: Remark::None }
    }

    /// Stores the session, so that it has its id.
    ///
    /// # Errors
    /// The store failed.
    pub fn keep(&mut self) -> anyhow::Result<()> {
        if self.session.header.id.is_empty() {
            let id = self.rooms.store.create(&self.session.header)?;
            self.rooms.store.set_plan(&id, self.session.plan.as_ref())?;
            self.session.header.id = id;
        }
        Ok(())
    }

    /// Was nothing said yet, on any branch?
    pub fn is_empty(&self) -> bool {
        self.session.exchanges.is_empty()
    }

    /// Removes a session in which nothing was said, so that empty ones don't pile up.
    ///
    /// # Errors
    /// The store failed.
    pub fn leave(&mut self) -> anyhow::Result<()> {
        if self.is_empty() && !self.session.header.id.is_empty() {
            self.rooms.store.discard(&self.session.header.id)?;
            self.session.header.id.clear();
        }
        Ok(())
    }

    /// Is it still in the store? Another program may have removed it.
    pub fn is_kept(&self) -> bool {
        self.rooms.store.resolve(&self.session.header.id).is_ok()
    }

    /// What the talk was given to work with, for another one.
    pub fn into_rooms(self) -> Rooms<'a> {
        self.rooms
    }

    /// Goes on with a stored session, from where it stands in `session`.
    ///
    /// # Errors
    /// The store failed.
    pub fn resume(cast: Cast, session: Session, rooms: Rooms<'a>) -> anyhow::Result<Talk<'a>> {
        let mut talk = Talk { cast, rooms, session, retry: Retry::No, remark: Remark::None };
        talk.stand_at(talk.session.head)?;
        Ok(talk)
    }

    /// Everything so far.
    pub fn session(&self) -> &Session {
        &self.session
    }

    /// Who plays, and what about.
    pub fn cast(&self) -> &Cast {
        &self.cast
    }

    /// Will the next answer wait for the model to load?
    pub fn is_loading(&self) -> bool {
        self.rooms.engine.is_loading()
    }

    /// The scorer's verdicts on a wording, where the talk stands; nothing is kept.
    pub fn verdicts(&self, text: &str) -> Verdicts {
        let last = self.last_boss_line();
        let position = if self.session.head.is_none() { Position::Opening } else { Position::Middle };
        verdicts_on(self.rooms.scorer, &Utterance { text, context: Some(&last), position })
    }

    /// What a coach would say to the turn the talk stands at.
    pub fn coaching(&self) -> Feedback {
        let path = self.session.talk();
        let Some((last, before)) = path.split_last() else { return Feedback::default() };
        let history: Vec<&Verdicts> = before.iter().map(|exchange| &exchange.verdicts).collect();
        feedback(&self.utterance(last), &last.verdicts, &history)
    }

    /// A turn as the scorer saw it.
    pub fn utterance<'t>(&'t self, exchange: &'t Exchange) -> Utterance<'t> {
        let before = exchange.parent.and_then(|node| self.session.exchange(node));
        let context = match before {
            None => Some(self.session.header.greeting.as_str()),
            Some(before) => before.reply.as_ref().map(|reply| reply.text.as_str()),
        };
        Utterance { text: &exchange.text, context, position: exchange.position }
    }

    /// A better wording of `exchange`, from its own words.
    pub fn better_wording(&self, exchange: &Exchange) -> Example {
        let grade = |turn: &Utterance| self.rooms.scorer.grade(turn).verdicts;
        example(&self.utterance(exchange), &exchange.verdicts, &self.cast.scenario.topic, &grade)
    }

    /// Is there no session yet, this one included?
    pub fn is_first(&self) -> bool {
        self.is_empty() && self.rooms.store.is_empty().is_ok_and(|empty| empty)
    }

    /// The talk to practise next; none where nothing was said.
    pub fn proposal(&self) -> Option<Proposal> {
        // Without the list, the proposal may repeat a scenario: no reason to fail.
        let tried = self.rooms.store.latest_scenarios(ladder::LATELY).unwrap_or_default();
        let tried: Vec<&str> = tried.iter().map(String::as_str).collect();
        ladder::next(&self.outline(), None, &tried, self.rooms.library)
    }

    /// The review of the talk as it stands, without what would have to be graded anew.
    pub fn outline(&self) -> Report {
        let titles = Titles::from(self.rooms.library, &self.session.header);
        Report::outline(&self.session, self.session.head, titles)
    }

    /// The review of the talk as it stands.
    pub fn report(&self) -> Report {
        Report::of(&self.session, self.rooms.library)
    }

    /// Has the boss left?
    pub fn boss_has_left(&self) -> bool {
        self.last()
            .is_some_and(|exchange| exchange.reply.as_ref().is_some_and(|reply| reply.act == Act::EndsTalk))
    }

    /// The exchange the talk stands at.
    pub fn last(&self) -> Option<&Exchange> {
        self.session.head.and_then(|node| self.session.exchange(node))
    }

    /// What the boss said last.
    pub fn last_boss_line(&self) -> String {
        let reply = self.last().and_then(|exchange| exchange.reply.as_ref());
        reply.map_or_else(|| self.session.header.greeting.clone(), |reply| reply.text.clone())
    }

    /// Grades a turn, moves the boss, and stores both: what was said is safe when this returns.
    ///
    /// # Errors
    /// The store failed: the turn was not taken, and can be said again.
    pub fn say(&mut self, text: &str) -> anyhow::Result<&Exchange> {
        let position = if self.session.head.is_none() { Position::Opening } else { Position::Middle };
        let verdicts = self.verdicts(text);
        let mut state = self.last().map_or_else(|| self.cast.start(), |exchange| exchange.state.clone());
        let moved = match safety::shows_distress(text) {
            true => Move {
                from: state.openness,
                to: state.openness,
                why: vec![safety::why_unscored().to_owned()],
            },
            false => self.cast.moved(&mut state, &verdicts, text),
        };
        let exchange = Exchange {
            node: self.session.exchanges.len() as NodeId + 1,
            parent: self.session.head,
            turn: self.last().map_or(0, |exchange| exchange.turn) + 1,
            said: self.rooms.clock.now(),
            text: text.to_owned(),
            position,
            verdicts,
            moved,
            state,
            reply: None,
        };
        self.keep()?;
        self.rooms.store.append(&self.session.header.id, &exchange)?;
        self.session.head = Some(exchange.node);
        self.session.outcome = None;
        self.retry = match self.retry {
            Retry::Next(node) => Retry::Done(node),
            Retry::No | Retry::Done(_) => Retry::No,
        };
        self.session.exchanges.push(exchange);
        Ok(self.session.exchanges.last().expect("just pushed"))
    }

    /// Has the boss answer the turn the talk stands at, and stores the reply. None when `pulse` stopped
    /// it: then the turn stands without a reply, and this can be called again.
    ///
    /// # Errors
    /// The model or the store failed; the turn itself is stored.
    pub fn answer(&mut self, pulse: Pulse) -> anyhow::Result<Option<&Reply>> {
        let path = self.session.talk();
        let Some((pending, before)) = path.split_last() else { return Ok(None) };
        if safety::shows_distress(&pending.text) {
            return self.step_out(pending.node, pending.state.clone()).map(Some);
        }
        let is_practice = |exchange: &&&Exchange| !exchange.steps_out();
        let lines: Vec<Line> = before
            .iter()
            .filter(is_practice)
            .map(|exchange| Line {
                you: exchange.text.clone(),
                boss: exchange.reply.as_ref().map(|reply| reply.text.clone()).unwrap_or_default(),
                directed: exchange.reply.as_ref().and(exchange.state.directed.clone()),
            })
            .collect();
        let node = pending.node;
        let text = pending.text.clone();
        let verdicts = pending.verdicts.clone();
        let mut state = pending.state.clone();
        let turn = Turn { text: &text, verdicts: &verdicts };
        let started = self.rooms.clock.elapsed();
        let clock = self.rooms.clock;
        let Some(model) = self.rooms.engine.get(pulse)? else { return Ok(None) };
        let mut first = None;
        let mut timed = || {
            first.get_or_insert_with(|| clock.elapsed());
            pulse()
        };
        let Some(spoken) = self.cast.reply(model, &mut state, &lines, &turn, node, &mut timed)? else {
            return Ok(None);
        };
        if spoken.fallback
            && self.remark == Remark::None
            && let Some(remark) = model.remark()
        {
            self.remark = Remark::Fresh(remark);
        }
        let ended = self.rooms.clock.elapsed();
        let millis = |until: std::time::Duration| until.saturating_sub(started).as_millis() as u64;
        let reply = Reply {
            conceded: spoken.act.concedes(),
            text: spoken.text,
            act: spoken.act,
            fallback: spoken.fallback,
            tokens: spoken.tokens,
            first_token_ms: millis(first.unwrap_or(ended)),
            total_ms: millis(ended),
        };
        self.rooms.store.set_reply(&self.session.header.id, node, &reply, &state)?;
        let exchange = &mut self.session.exchanges[node as usize - 1];
        exchange.state = state;
        Ok(Some(exchange.reply.insert(reply)))
    }

    /// What the model did where a line by hand had to stand in for its words: after the first of them.
    pub fn take_remark(&mut self) -> Option<String> {
        match std::mem::replace(&mut self.remark, Remark::Told) {
            Remark::Fresh(remark) => Some(remark),
            other => {
                self.remark = other;
                None
            }
        }
    }

    /// The program speaks instead of the boss, whose state stays as it is.
    fn step_out(&mut self, node: NodeId, state: BossState) -> anyhow::Result<&Reply> {
        let reply = Reply {
            text: safety::stepping_out(&self.cast.boss.name),
            act: Act::StepsOut,
            fallback: false,
            conceded: false,
            tokens: 0,
            first_token_ms: 0,
            total_ms: 0,
        };
        self.rooms.store.set_reply(&self.session.header.id, node, &reply, &state)?;
        Ok(self.session.exchanges[node as usize - 1].reply.insert(reply))
    }

    /// Did the program step out of the role at the last turn?
    pub fn stepped_out(&self) -> bool {
        self.last().is_some_and(Exchange::steps_out)
    }

    /// Takes back the last `turns` turns; they stay in the session as a branch. Gives how many could be
    /// taken back.
    ///
    /// # Errors
    /// The store failed.
    pub fn undo(&mut self, turns: usize) -> anyhow::Result<usize> {
        let path: Vec<NodeId> = self.session.talk().iter().map(|exchange| exchange.node).collect();
        let back = turns.min(path.len());
        if back > 0 {
            let head = path.len().checked_sub(back + 1).map(|index| path[index]);
            self.stand_at(head)?;
        }
        Ok(back)
    }

    /// Goes forward to the newest turn that followed where the talk stands. False where there is none.
    ///
    /// # Errors
    /// The store failed.
    pub fn redo(&mut self) -> anyhow::Result<bool> {
        let head = self.session.head;
        let next = self.session.exchanges.iter().rev().find(|exchange| exchange.parent == head);
        let Some(node) = next.map(|exchange| exchange.node) else { return Ok(false) };
        self.stand_at(Some(node))?;
        Ok(true)
    }

    /// Takes the last turn back to say it differently; gives its words. None where nothing was said.
    ///
    /// # Errors
    /// The store failed.
    pub fn retry(&mut self) -> anyhow::Result<Option<String>> {
        let Some(last) = self.last() else { return Ok(None) };
        let (node, words) = (last.node, last.text.clone());
        self.undo(1)?;
        self.retry = Retry::Next(node);
        Ok(Some(words))
    }

    /// The turn that the last one was said instead of, with the grade of the talk up to it; where the
    /// last turn was a retry.
    pub fn said_instead_of(&self) -> Option<(&Exchange, Grade)> {
        let Retry::Done(node) = self.retry else { return None };
        Some((self.session.exchange(node)?, self.grade_of(Some(node))))
    }

    /// Moves to another exchange of the session.
    ///
    /// # Errors
    /// The store failed.
    pub fn stand_at(&mut self, head: Option<NodeId>) -> anyhow::Result<()> {
        if !self.is_empty() {
            self.rooms.store.set_head(&self.session.header.id, head)?;
        }
        self.session.head = head;
        self.session.outcome = None;
        self.retry = Retry::No;
        Ok(())
    }

    /// The grade of the talk as it stands.
    pub fn grade(&self) -> Grade {
        self.grade_of(self.session.head)
    }

    /// The grade of the talk that ends at `node`.
    pub fn grade_of(&self, node: Option<NodeId>) -> Grade {
        let path = self.session.path_to(node);
        let verdicts: Vec<&Verdicts> = path.iter().map(|exchange| &exchange.verdicts).collect();
        grade(&verdicts)
    }

    /// The check of the last turn that moved the grade most; none where none did.
    pub fn weightiest(&self) -> Option<Check> {
        let path = self.session.talk();
        let (last, before) = path.split_last()?;
        let now = self.grade().overall;
        let without = |check: Check| {
            let mut changed = last.verdicts.clone();
            changed.get_mut(check).verdict = Answer::No;
            let before = before.iter().map(|exchange| &exchange.verdicts);
            (grade(&before.chain([&changed]).collect::<Vec<_>>()).overall - now).abs()
        };
        let moved = last.verdicts.present().map(|check| (check, without(check)));
        moved.filter(|(_, by)| *by > 0.0).max_by(|a, b| a.1.total_cmp(&b.1)).map(|(check, _)| check)
    }

    /// Ends the talk and notes how.
    ///
    /// # Errors
    /// The store failed.
    pub fn end(&mut self) -> anyhow::Result<Outcome> {
        let outcome = Outcome::of(&self.session.talk());
        if !self.is_empty() {
            self.rooms.store.finish(&self.session.header.id, outcome)?;
            self.session.outcome = Some(outcome);
        }
        Ok(outcome)
    }
}
