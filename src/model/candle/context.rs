//! The tokens whose keys and values are held: reuse of a common beginning, prefill of the rest, candidates.

use super::super::ModelError;
use super::attention::Place;
use super::cache::{Cache, View};
use super::decoder::{Decoder, MOST_ROWS, Row};
use super::prefix::Prefixes;
use std::ops::ControlFlow;

/// Slots kept free behind the longest prompt for candidates that continue it.
const SPARE_SLOTS: usize = 2048;

/// A continuation of the prompt in a region of its own.
#[derive(Clone, Debug, Default)]
pub struct Branch {
    start: usize,
    tokens: Vec<u32>,
}

/// A decoder with its cache, and what the cache holds.
pub struct Context {
    decoder: Decoder,
    cache: Cache,
    limit: usize,
    /// Tokens in the slots from 0.
    held: Vec<u32>,
    /// Continuations behind them, from the last request.
    branches: Vec<Branch>,
    /// Logits after the last held token; empty when not known.
    last: Vec<f32>,
    /// Beginnings saved by earlier sessions, where there is a folder for them.
    saved: Option<Prefixes>,
}

impl Context {
    /// A context of at most `limit` tokens, prompt and reply together.
    pub fn new(decoder: Decoder, limit: usize, saved: Option<Prefixes>) -> Context {
        let cache = decoder.new_cache(Context::slots(limit));
        Context { decoder, cache, limit, held: Vec::new(), branches: Vec::new(), last: Vec::new(), saved }
    }

    /// Slots that a context of at most `limit` tokens has.
    pub fn slots(limit: usize) -> usize {
        limit + SPARE_SLOTS
    }

    /// Most tokens of prompt and reply together.
    pub fn limit(&self) -> usize {
        self.limit
    }

    /// The tokens held.
    pub fn held(&self) -> &[u32] {
        &self.held
    }

    /// Logits after the last held token.
    pub fn last(&self) -> &[f32] {
        &self.last
    }

    /// Forgets all but the first `length` tokens.
    pub fn rewind(&mut self, length: usize) {
        self.branches.clear();
        if length < self.held.len() {
            self.held.truncate(length);
            self.last.clear();
        }
    }

    /// How many tokens of `tokens` need no work because their keys and values are held.
    #[cfg(test)]
    pub fn known(&self, tokens: &[u32]) -> usize {
        let held = common(&self.held, tokens);
        if held < self.held.len() {
            return held;
        }
        held + self.branches.iter().map(|branch| common(&branch.tokens, &tokens[held..])).max().unwrap_or(0)
    }

    /// Makes the held tokens be `tokens`: keeps what begins alike, here or in a branch of the last request,
    /// and works through the rest. `between` is asked after each part and can stop it; what was done stays.
    ///
    /// # Errors
    /// A prompt that leaves no room for a reply.
    pub fn advance(
        &mut self,
        tokens: &[u32],
        between: &mut dyn FnMut() -> ControlFlow<()>,
    ) -> Result<ControlFlow<()>, ModelError> {
        if tokens.is_empty() {
            return Err(ModelError::Engine("the prompt is empty".to_string()));
        }
        if tokens.len() >= self.limit {
            return Err(ModelError::ContextFull { prompt: tokens.len(), context: self.limit });
        }
        self.adopt_branch(tokens);
        self.load_saved(tokens);
        self.rewind(common(&self.held, tokens));
        if self.held.len() == tokens.len() && self.last.is_empty() {
            // Only the last token's logits are missing.
            self.held.pop();
        }
        while self.held.len() < tokens.len() {
            let start = self.held.len();
            let end = tokens.len().min(start + MOST_ROWS);
            let view = View { prefix: 0, tail: 0 };
            let rows: Vec<Row> = (start..end)
                .map(|at| Row { token: tokens[at], position: at, place: Place { slot: at, view } })
                .collect();
            let last = [rows.len() - 1];
            let wanted = if end == tokens.len() { &last[..] } else { &[] };
            self.decoder.forward(&mut self.cache, &rows, wanted, &mut self.last);
            self.held.extend_from_slice(&tokens[start..end]);
            if between().is_break() {
                return Ok(ControlFlow::Break(()));
            }
        }
        Ok(ControlFlow::Continue(()))
    }

    /// Takes a saved beginning of `tokens` if it has more of them than is held.
    fn load_saved(&mut self, tokens: &[u32]) {
        let known = common(&self.held, tokens);
        let Some(saved) = &mut self.saved else { return };
        if let Some(held) = saved.load(tokens, known, &mut self.cache) {
            self.held = held;
            self.last.clear();
        }
    }

    /// Saves the held tokens for later sessions, where there is a folder for them.
    pub fn save(&mut self) {
        if let Some(saved) = &mut self.saved {
            saved.save(&self.held, &self.cache);
        }
    }

    /// Moves the branch that `tokens` goes on with, if there is one, behind the held tokens.
    fn adopt_branch(&mut self, tokens: &[u32]) {
        let branches = std::mem::take(&mut self.branches);
        if common(&self.held, tokens) < self.held.len() {
            return;
        }
        let rest = &tokens[self.held.len()..];
        let best = branches.iter().max_by_key(|branch| common(&branch.tokens, rest));
        let Some((branch, length)) = best.map(|b| (b, common(&b.tokens, rest))).filter(|(_, n)| *n > 0)
        else {
            return;
        };
        self.cache.copy(branch.start..branch.start + length, self.held.len());
        self.held.extend_from_slice(&rest[..length]);
        self.last.clear();
    }

    /// How many branches of `length` tokens there is room for at once, at least 1.
    pub fn room(&self, length: usize) -> usize {
        ((self.cache.slots() - self.held.len()) / length.max(1)).clamp(1, MOST_ROWS)
    }

    /// Begins `count` branches of at most `length` tokens that continue the held tokens.
    pub fn branch(&mut self, count: usize, length: usize) {
        let start = self.held.len();
        debug_assert!(count == 1 || count <= self.room(length));
        self.branches =
            (0..count).map(|i| Branch { start: start + i * length, tokens: Vec::new() }).collect();
    }

    /// Adds a token to each of some branches, and writes the logits after each, in the same order.
    pub fn step(&mut self, added: &[(usize, u32)], logits: &mut Vec<f32>) {
        let prefix = self.held.len();
        let mut rows = Vec::with_capacity(added.len());
        for &(index, token) in added {
            let branch = &mut self.branches[index];
            let at = branch.tokens.len();
            branch.tokens.push(token);
            let view = View { prefix, tail: branch.start };
            rows.push(Row { token, position: prefix + at, place: Place { slot: branch.start + at, view } });
        }
        let wanted: Vec<usize> = (0..rows.len()).collect();
        self.decoder.forward(&mut self.cache, &rows, &wanted, logits);
    }

    /// Calls `each` with the logits after every token of `tokens`, which continue the first `prefix` held
    /// ones; the held tokens stay.
    pub fn score(&mut self, prefix: usize, tokens: &[u32], each: &mut dyn FnMut(usize, &[f32])) {
        /// Rows whose logits are wanted at once: a row of a large vocabulary is half a megabyte.
        const ROWS: usize = 32;
        self.branches.clear();
        let start = self.held.len();
        let view = View { prefix, tail: start };
        let mut logits = Vec::new();
        for (part, chunk) in tokens.chunks(ROWS).enumerate() {
            let first = part * ROWS;
            let row = |(i, token): (usize, &u32)| Row {
                token: *token,
                position: prefix + first + i,
                place: Place { slot: start + first + i, view },
            };
            let rows: Vec<Row> = chunk.iter().enumerate().map(row).collect();
            let wanted: Vec<usize> = (0..rows.len()).collect();
            self.decoder.forward(&mut self.cache, &rows, &wanted, &mut logits);
            for (i, logits) in logits.chunks_exact(self.decoder.vocabulary()).enumerate() {
                each(first + i, logits);
            }
        }
    }
}

/// How many elements `a` and `b` begin with alike.
pub fn common(a: &[u32], b: &[u32]) -> usize {
    a.iter().zip(b).take_while(|(a, b)| a == b).count()
}
