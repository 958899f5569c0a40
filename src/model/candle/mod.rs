//! The local engine: GGUF files of the llama, qwen2, qwen3, gemma3 and phi3 architectures, on candle's tensors.
//!
//! ```text
//! store, shrunk           the file's bytes, also where they are taken away
//! gguf, foreign           its directory; what a file is that has none
//! config, weights         what the file holds, checked and left in the map
//! adapter, learner, tuning what a small file of its own adds to them; gradients for it; how it is made
//! tokens, whole, bpe       its tokenizer
//! template, guard         its chat template; what it may not do
//! kernels, pool, math     products, threads, the small operations
//! attention, cache        keys and values
//! decoder                 one forward pass
//! context, prefix         which tokens are held; branches; beginnings saved on disk
//! sampler, words          the next token; the text it makes
//! ```

mod adapter;
mod attention;
mod bpe;
mod cache;
mod config;
mod context;
mod decoder;
mod foreign;
mod gguf;
mod guard;
mod kernels;
mod learner;
mod math;
mod pool;
mod prefix;
mod sampler;
mod shrunk;
mod store;
mod template;
#[cfg(test)]
mod tests;
mod tokens;
pub mod tuning;
mod weights;
mod whole;
mod words;

use super::{Completion, Finish, LanguageModel, Message, ModelError, OnText, Prompt, PromptStyle, Request};
pub use adapter::Adapter;
use config::Config;
use context::{Context, common};
use decoder::Decoder;
use gguf::Gguf;
pub(super) use kernels::{Input, Machine, multiply};
pub(super) use pool::Pool;
use prefix::{Prefixes, fingerprint};
use sampler::{Sampler, log_sum_exp};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};
use std::sync::Arc;
pub(super) use store::Store;
use store::Toucher;
pub use template::ChatTemplate;
use tokens::{Controls, Tokens};
use weights::Weights;
pub(super) use weights::{Matrix, dequantize};
use words::Words;

/// Tokens held unless more are asked for: a long session's talk, and memory that a laptop has.
const DEFAULT_CONTEXT: usize = 8192;

/// Bytes of keys and values that are reserved at most, for each byte of the file and besides. The known models need
/// up to four times their file; a small file that claims many heads must not have the machine's memory.
const CACHE_A_BYTE: u64 = 16;
const CACHE_BESIDES: u64 = 64 << 20;

/// Refuses a file whose keys and values would need memory out of all proportion to it.
fn cache_fits(gguf: &Gguf, config: &Config, limit: usize) -> Result<(), ModelError> {
    let size = gguf.size() as u64;
    let cache = (config.slot_bytes() as u64).saturating_mul(Context::slots(limit) as u64);
    if cache <= size.saturating_mul(CACHE_A_BYTE).saturating_add(CACHE_BESIDES) {
        return Ok(());
    }
    Err(gguf.error(format!(
        "keys and values of {limit} tokens would take {} MB (`block_count` {}, {} key-value heads of {} dimensions), \
         which does not go with a file of {} MB",
        cache >> 20,
        config.layers,
        config.kv_heads,
        config.head_dim,
        size >> 20
    )))
}

/// Refuses what was read of files that have become shorter meanwhile.
fn intact<'a>(name: &str, mut files: impl Iterator<Item = &'a Arc<Store>>) -> Result<(), ModelError> {
    if !files.any(|file| file.has_shrunk()) {
        return Ok(());
    }
    let problem = "the file has become shorter while it was in use, as when it is downloaded again; start anew when it \
                   is whole";
    Err(ModelError::file(name, problem))
}

/// The chat template of a file, tried on a talk as it will come.
fn template(gguf: &Gguf, tokens: &Tokens) -> Template {
    let source = gguf.text("tokenizer.chat_template");
    let source =
        source.ok_or("it carries no chat template (`tokenizer.chat_template`); use the screenplay style")?;
    let template = ChatTemplate::new(source).map_err(|error| error.to_string())?;
    let message = |role| Message { role, content: "Yes?".to_owned() };
    let [begin, end] = tokens.begin_and_end();
    let talk = ["system", "user", "assistant", "user"].map(message);
    template.render(&talk, begin, end).map_err(|error| error.to_string())?;
    Ok(template)
}

/// How a model is loaded.
#[derive(Clone, Debug, Default)]
pub struct CandleOptions {
    /// The name it goes by; the path where there is none.
    pub name: Option<String>,
    /// Threads; the machine's cores where there is none.
    pub threads: Option<usize>,
    /// Most tokens of prompt and reply together; what the file allows, up to 8192, where there is none.
    pub context: Option<usize>,
    /// How prompts are worded for it.
    pub prompt_style: PromptStyle,
    /// Where the first prompt of a session is kept for later ones; nowhere where there is none.
    pub prefix_folder: Option<PathBuf>,
    /// Adapters; of them the first that was made for the file is applied.
    pub adapters: Vec<Arc<Adapter>>,
    /// The file's SHA-256 in hexadecimal, where it is known already.
    pub sha256: Option<String>,
}

/// The file's chat template, or why there is none to be used.
type Template = Result<ChatTemplate, String>;

/// A model file, loaded.
pub struct CandleModel {
    name: String,
    style: PromptStyle,
    is_tuned: bool,
    tokens: Tokens,
    template: Template,
    context: Context,
    files: Vec<Arc<Store>>,
    _touchers: Vec<Toucher>,
}

impl CandleModel {
    /// Loads the GGUF file at `path`. The weights stay in the file and are mapped, not read.
    ///
    /// # Errors
    /// A file that can't be read, is damaged, or is of a kind that isn't supported; names file and key.
    pub fn load(path: &Path, options: &CandleOptions) -> Result<CandleModel, ModelError> {
        let gguf = Gguf::open(path)?;
        let loaded = CandleModel::from_gguf(&gguf, options);
        // Whatever else is said of it then, this is why.
        intact(gguf.name(), gguf.stores())?;
        loaded
    }

    fn from_gguf(gguf: &Gguf, options: &CandleOptions) -> Result<CandleModel, ModelError> {
        let touchers = gguf.stores().map(Store::touch).collect();
        let config = Config::from_gguf(gguf)?;
        let mut weights = Weights::from_gguf(gguf, &config)?;
        let mut adapter = None;
        for candidate in &options.adapters {
            if adapter.is_none() && candidate.belongs_to(gguf, options.sha256.as_deref())? {
                candidate.apply(&mut weights)?;
                adapter = Some(&**candidate);
            }
        }
        let tokens = Tokens::from_gguf(gguf)?;
        if tokens.count() > weights.embedding.rows {
            return Err(gguf.error(format!(
                "`tokenizer.ggml.tokens` has {} tokens, and `token_embd.weight` rows for {}",
                tokens.count(),
                weights.embedding.rows
            )));
        }
        let template = template(gguf, &tokens);
        if let (PromptStyle::Chat, Err(problem)) = (options.prompt_style, &template) {
            return Err(gguf.error(problem));
        }
        let cores = || std::thread::available_parallelism().map_or(1, usize::from);
        let limit = options.context.unwrap_or(DEFAULT_CONTEXT).clamp(2, config.context.max(2));
        cache_fits(gguf, &config, limit)?;
        let files = || std::iter::once(gguf).chain(adapter.map(Adapter::gguf));
        let saved = options.prefix_folder.as_ref();
        let saved = saved.map(|folder| Prefixes::open(folder, &fingerprint(files())));
        let decoder = Decoder::new(config, weights, options.threads.unwrap_or_else(cores));
        Ok(CandleModel {
            name: options.name.clone().unwrap_or_else(|| gguf.name().to_string()),
            style: options.prompt_style,
            is_tuned: adapter.is_some(),
            tokens,
            template,
            context: Context::new(decoder, limit, saved),
            files: gguf.stores().cloned().collect(),
            _touchers: touchers,
        })
    }

    /// Refuses what was made of a file that has lost a part of itself meanwhile.
    fn intact(&self) -> Result<(), ModelError> {
        intact(&self.name, self.files.iter())
    }

    /// Works through `tokens` from the start of the context, keeping what is held of them already, and saves
    /// them for later sessions if asked to: the benchmark's prefill.
    ///
    /// # Errors
    /// More tokens than the context holds, or ones that the vocabulary doesn't have.
    pub fn feed_tokens(&mut self, tokens: &[u32], save: bool) -> Result<(), ModelError> {
        if tokens.iter().any(|token| *token as usize >= self.tokens.count()) {
            return Err(ModelError::Engine("a token outside the vocabulary".to_string()));
        }
        let _ = self.context.advance(tokens, &mut || ControlFlow::Continue(()))?;
        self.intact()?;
        if save {
            self.context.save();
        }
        Ok(())
    }

    /// Forgets the tokens from `length` on: what `/undo` costs.
    pub fn rewind_tokens(&mut self, length: usize) {
        self.context.rewind(length);
    }

    /// Draws `steps` greedy tokens in each of `branches` continuations of the held tokens, one pass a step:
    /// the benchmark's decode.
    ///
    /// # Errors
    /// No tokens are held, or there is no room.
    pub fn decode_tokens(&mut self, branches: usize, steps: usize) -> Result<Vec<u32>, ModelError> {
        if self.context.last().is_empty() || branches == 0 || branches > self.context.room(steps) {
            return Err(ModelError::Engine("no room to decode, or nothing to go on from".to_string()));
        }
        self.context.branch(branches, steps);
        let mut logits = self.context.last().repeat(branches);
        let size = self.context.last().len();
        let mut first = Vec::with_capacity(steps);
        for _ in 0..steps {
            let greedy = |(index, logits): (usize, &[f32])| (index, math::argmax(logits) as u32);
            let added: Vec<(usize, u32)> = logits.chunks_exact(size).enumerate().map(greedy).collect();
            first.push(added[0].1);
            self.context.step(&added, &mut logits);
        }
        Ok(first)
    }

    /// The tokens of a prompt, followed by `more`.
    fn encode(&self, prompt: &Prompt, more: &str) -> Result<Vec<u32>, ModelError> {
        match prompt {
            Prompt::Raw(text) => self.tokens.encode(&format!("{text}{more}"), Controls::Text),
            Prompt::Chat(messages) => {
                let template = self.template.as_ref();
                let template = template.map_err(|problem| ModelError::file(&self.name, problem))?;
                let mut messages = messages.clone();
                for message in &mut messages {
                    message.content = self.tokens.defuse(&message.content);
                }
                let [begin, end] = self.tokens.begin_and_end();
                let text = template.render(&messages, begin, end)?;
                self.tokens.encode(&format!("{text}{more}"), Controls::Tokens)
            }
        }
    }

    /// Draws the candidates `first..first + count` at once; they continue the held tokens.
    fn draw(
        &mut self,
        request: &Request,
        first: usize,
        count: usize,
        on_text: OnText,
    ) -> (Vec<Completion>, ControlFlow<()>) {
        let room = self.context.limit() - self.context.held().len();
        let longest = request.max_tokens.min(room);
        self.context.branch(count, longest);
        let mut candidates: Vec<Candidate> =
            (first..first + count).map(|i| Candidate::new(request, i)).collect();
        let mut live: Vec<usize> = (0..count).collect();
        let mut logits = self.context.last().repeat(count);
        let mut flow = ControlFlow::Continue(());
        if longest == 0 {
            live.clear();
        }
        while !live.is_empty() {
            let size = logits.len() / live.len();
            let mut added = Vec::with_capacity(live.len());
            for (index, logits) in live.iter().zip(logits.chunks_exact_mut(size)) {
                let candidate = &mut candidates[*index];
                let token = candidate.draw(logits, &self.tokens, longest);
                if candidate.finish.is_none() {
                    added.push((*index, token));
                }
            }
            let piece = if first == 0 { candidates[0].words.showable() } else { "" };
            if on_text(piece).is_break() {
                flow = ControlFlow::Break(());
                break;
            }
            live = added.iter().map(|(index, _)| *index).collect();
            if !added.is_empty() {
                self.context.step(&added, &mut logits);
            }
        }
        let mut completions = Vec::with_capacity(count);
        for (index, candidate) in candidates.into_iter().enumerate() {
            let (completion, rest) = candidate.finish();
            if first + index == 0 && !rest.is_empty() && flow.is_continue() {
                flow = on_text(&rest);
            }
            completions.push(completion);
        }
        (completions, flow)
    }
}

/// One candidate while it is drawn.
struct Candidate {
    sampler: Sampler,
    words: Words,
    tokens: usize,
    logprob: f64,
    finish: Option<Finish>,
}

impl Candidate {
    fn new(request: &Request, index: usize) -> Candidate {
        Candidate {
            sampler: Sampler::new(&request.sampling, request.seed, index),
            words: Words::new(&request.stop),
            tokens: 0,
            logprob: 0.0,
            finish: None,
        }
    }

    /// Draws the next token and takes in its text; `finish` says whether that ended it.
    fn draw(&mut self, logits: &mut [f32], tokens: &Tokens, longest: usize) -> u32 {
        let (token, logprob) = self.sampler.draw(logits, tokens.silent());
        self.tokens += 1;
        self.logprob += f64::from(logprob);
        if tokens.ends_turn(token) || self.words.push(tokens.bytes(token)) {
            self.finish = Some(Finish::Stop);
        } else if self.tokens >= longest {
            self.finish = Some(Finish::Length);
        }
        token
    }

    /// The completion, and what of its text has not been shown.
    fn finish(self) -> (Completion, String) {
        let mean = if self.tokens == 0 { 0.0 } else { self.logprob / self.tokens as f64 };
        let stuck = if self.tokens == 0 { Finish::Length } else { Finish::Interrupted };
        let (text, rest) = self.words.finish();
        let finish = self.finish.unwrap_or(stuck);
        (Completion { text, tokens: self.tokens, mean_logprob: mean as f32, finish }, rest)
    }
}

impl LanguageModel for CandleModel {
    fn name(&self) -> &str {
        &self.name
    }

    fn is_tuned(&self) -> bool {
        self.is_tuned
    }

    fn prompt_style(&self) -> PromptStyle {
        self.style
    }

    fn context_tokens(&self) -> usize {
        self.context.limit()
    }

    fn count_tokens(&self, text: &str) -> usize {
        self.tokens.encode(text, Controls::Text).map_or(0, |tokens| tokens.len())
    }

    fn complete(&mut self, request: &Request, on_text: OnText) -> Result<Vec<Completion>, ModelError> {
        let prompt = self.encode(&request.prompt, "")?;
        let mut completions = Vec::with_capacity(request.candidates);
        let interrupted = self.context.advance(&prompt, &mut || on_text(""))?.is_break();
        while completions.len() < request.candidates {
            if interrupted {
                let (text, finish) = (String::new(), Finish::Interrupted);
                completions.push(Completion { text, tokens: 0, mean_logprob: 0.0, finish });
                break;
            }
            let longest = request.max_tokens.min(self.context.limit() - prompt.len());
            let count = (request.candidates - completions.len()).min(self.context.room(longest));
            let (drawn, flow) = self.draw(request, completions.len(), count, on_text);
            completions.extend(drawn);
            if flow.is_break() {
                break;
            }
        }
        self.intact()?;
        Ok(completions)
    }

    fn loglik(&mut self, prompt: &Prompt, continuations: &[String]) -> Result<Vec<f32>, ModelError> {
        let alone = self.encode(prompt, "")?;
        let mut go_on = || ControlFlow::Continue(());
        let _ = self.context.advance(&alone, &mut go_on)?;
        let mut means = Vec::with_capacity(continuations.len());
        for continuation in continuations {
            let joint = self.encode(prompt, continuation)?;
            if joint.len() >= self.context.limit() {
                let context = self.context.limit();
                return Err(ModelError::ContextFull { prompt: joint.len(), context });
            }
            // The last common token is run again: the token after it is the first to be judged. Where
            // prompt and continuation share a token, that is the one before.
            let shared = common(&alone, &joint);
            let mut sum = 0.0;
            let count = joint.len() - shared;
            if count > 0 && shared > 0 {
                let start = shared - 1;
                self.context.score(start, &joint[start..joint.len() - 1], &mut |at, logits| {
                    let next = joint[start + at + 1] as usize;
                    sum += f64::from(logits[next] - log_sum_exp(logits));
                });
            }
            means.push(if count == 0 { 0.0 } else { (sum / count as f64) as f32 });
        }
        self.intact()?;
        Ok(means)
    }

    fn prefill(&mut self, prompt: &Prompt) -> Result<(), ModelError> {
        let tokens = self.encode(prompt, "")?;
        // What a session begins with is what the next one begins with.
        let first = self.context.held().is_empty();
        let _ = self.context.advance(&tokens, &mut || ControlFlow::Continue(()))?;
        self.intact()?;
        if first {
            self.context.save();
        }
        Ok(())
    }
}
