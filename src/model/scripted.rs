//! An engine that replays queued replies, so the whole program runs in tests without weights.

use super::{Completion, Finish, LanguageModel, ModelError, OnText, Prompt, PromptStyle, Request};
use std::collections::VecDeque;

/// Replays replies in the order they were queued, one a candidate; when the queue is empty it says
/// nothing, and the caller falls back as it would with a real model that failed.
#[derive(Debug, Default)]
pub struct ScriptedModel {
    replies: VecDeque<String>,
}

impl ScriptedModel {
    /// A model with these replies queued.
    pub fn new<S: Into<String>>(replies: impl IntoIterator<Item = S>) -> Self {
        ScriptedModel { replies: replies.into_iter().map(Into::into).collect() }
    }
}

impl LanguageModel for ScriptedModel {
    fn name(&self) -> &str {
        "scripted"
    }

    fn replays(&self) -> bool {
        true
    }

    fn prompt_style(&self) -> PromptStyle {
        PromptStyle::Screenplay
    }

    fn context_tokens(&self) -> usize {
        usize::MAX
    }

    fn count_tokens(&self, text: &str) -> usize {
        text.split_whitespace().count()
    }

    fn complete(&mut self, request: &Request, on_text: OnText) -> Result<Vec<Completion>, ModelError> {
        let mut candidates = Vec::new();
        for index in 0..request.candidates {
            let text = self.replies.pop_front().unwrap_or_default();
            let piece = if index == 0 { text.as_str() } else { "" };
            let stopped = on_text(piece).is_break();
            candidates.push(Completion {
                tokens: self.count_tokens(&text),
                mean_logprob: 0.0,
                finish: if stopped { Finish::Interrupted } else { Finish::Stop },
                text,
            });
            if stopped {
                break;
            }
        }
        Ok(candidates)
    }

    fn loglik(&mut self, _prompt: &Prompt, continuations: &[String]) -> Result<Vec<f32>, ModelError> {
        Ok(vec![0.0; continuations.len()])
    }
}
