//! Language models: the trait, the catalogue (`models.toml`), how a file is acquired, and the engines.
//!
//! The only room that names candle, tokenizers or hf-hub. It knows nothing of coaching: a prompt goes
//! in, candidates come out.

pub mod acquire;
pub mod candle;
pub mod catalogue;
pub mod choose;
pub mod encoder;
pub mod machine;
pub mod remote;
pub mod scripted;

use crate::text::brief;
use std::ops::ControlFlow;

/// The longest description of a file's fault, in characters: it may quote a name that has thousands.
const LONGEST_PROBLEM: usize = 400;

/// Bytes in hexadecimal.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What the model is asked to continue.
#[derive(Clone, Debug, PartialEq)]
pub enum Prompt {
    /// Plain text, continued as it stands (the screenplay style).
    Raw(String),
    /// Messages, rendered with the model file's own chat template.
    Chat(Vec<Message>),
}

/// One message of a chat prompt.
#[derive(Clone, Debug, PartialEq, serde::Serialize)]
pub struct Message {
    /// `system`, `user` or `assistant`.
    pub role: &'static str,
    /// The text.
    pub content: String,
}

/// How the next token is drawn.
#[derive(Clone, Debug, PartialEq)]
pub struct Sampling {
    /// 0 is greedy; 1 the model's own distribution.
    pub temperature: f32,
    /// Only the `top_k` likeliest tokens; 0 for all.
    pub top_k: usize,
    /// The smallest set of tokens whose probabilities reach this sum, 0 to 1.
    pub top_p: f32,
    /// Divides the positive logits of tokens already in the reply (multiplies negative ones); 1 for none.
    pub repetition_penalty: f32,
}

impl Default for Sampling {
    fn default() -> Self {
        Sampling { temperature: 0.7, top_k: 40, top_p: 0.95, repetition_penalty: 1.1 }
    }
}

/// One request for completions of one prompt.
#[derive(Clone, Debug, PartialEq)]
pub struct Request {
    /// What to continue.
    pub prompt: Prompt,
    /// How many candidates to draw; each has its own stream of random numbers.
    pub candidates: usize,
    /// The most tokens a candidate may have.
    pub max_tokens: usize,
    /// A candidate ends before the first of these strings.
    pub stop: Vec<String>,
    /// Token choice.
    pub sampling: Sampling,
    /// Same seed, prompt and model give the same candidates.
    pub seed: u64,
}

/// Why a candidate ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Finish {
    /// A stop string or the model's own end of turn.
    Stop,
    /// `max_tokens`, or the model's context is full.
    Length,
    /// The caller said stop.
    Interrupted,
}

/// One candidate.
#[derive(Clone, Debug, PartialEq)]
pub struct Completion {
    /// The text, without the stop string.
    pub text: String,
    /// Tokens drawn.
    pub tokens: usize,
    /// Mean natural-log probability of the tokens drawn, before temperature; 0 for none.
    pub mean_logprob: f32,
    /// Why it ended.
    pub finish: Finish,
}

/// How the boss's wording is asked of a model.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum PromptStyle {
    /// A screenplay in plain text to continue: best for models under about 3B parameters.
    #[default]
    Screenplay,
    /// The file's own chat template.
    Chat,
}

/// What went wrong in an engine, with what to do about it.
#[derive(Debug, thiserror::Error)]
pub enum ModelError {
    /// The prompt does not fit in the model's context.
    #[error("the prompt has {prompt} tokens, and the model holds {context}")]
    ContextFull {
        /// Tokens in the prompt.
        prompt: usize,
        /// Tokens the model holds.
        context: usize,
    },
    /// The engine can't do this.
    #[error("this engine can't {0}")]
    Unsupported(&'static str),
    /// A model file that can't be used.
    #[error("{file}: {problem}")]
    File {
        /// The path.
        file: String,
        /// What is wrong with it, naming the key or tensor.
        problem: String,
    },
    /// A model server that gave no reply.
    #[error(transparent)]
    Server(#[from] remote::ServerError),
    /// Anything else, named.
    #[error("{0}")]
    Engine(String),
}

impl ModelError {
    /// A fault of a model file. The problem may quote the file: it is put on one line, not too long, and harmless.
    pub fn file(file: &str, problem: impl Into<String>) -> ModelError {
        ModelError::File { file: file.to_string(), problem: brief(&problem.into(), LONGEST_PROBLEM) }
    }
}

/// Text that arrives while a candidate is made; return `Break` to stop it.
pub type OnText<'a> = &'a mut dyn FnMut(&str) -> ControlFlow<()>;

/// A model that can continue text.
pub trait LanguageModel: Send {
    /// The catalogue name, or the path it was loaded from.
    fn name(&self) -> &str;

    /// Does it say again what somebody else has written, so that its words are not to be judged?
    fn replays(&self) -> bool {
        false
    }

    /// What came of the last request, and what to do where that was little, in words for the person; none where there
    /// is nothing to say. Told where a line by hand had to stand in.
    fn remark(&self) -> Option<String> {
        None
    }

    /// Was it tuned for the part, so that it goes on with a bare scene?
    fn is_tuned(&self) -> bool {
        false
    }

    /// How to word a prompt for it.
    fn prompt_style(&self) -> PromptStyle;

    /// The tokens it can hold: prompt and reply together.
    fn context_tokens(&self) -> usize;

    /// How many tokens `text` is.
    fn count_tokens(&self, text: &str) -> usize;

    /// Draws `request.candidates` candidates. `on_text` hears the pieces of the first one as they come,
    /// and is asked (with an empty piece) between the tokens of the others, so that a person can stop.
    ///
    /// # Errors
    /// A prompt longer than the context, or a fault of the engine.
    fn complete(&mut self, request: &Request, on_text: OnText) -> Result<Vec<Completion>, ModelError>;

    /// Mean natural-log probability a token of each continuation after `prompt`.
    ///
    /// # Errors
    /// As [`LanguageModel::complete`]; [`ModelError::Unsupported`] where the engine has no log-probabilities.
    fn loglik(&mut self, prompt: &Prompt, continuations: &[String]) -> Result<Vec<f32>, ModelError>;

    /// Works through `prompt` ahead of the request that will come, while nobody waits.
    ///
    /// # Errors
    /// As [`LanguageModel::complete`].
    fn prefill(&mut self, _prompt: &Prompt) -> Result<(), ModelError> {
        Ok(())
    }
}
