//! The remote engine: any server that speaks the OpenAI-compatible API (vLLM, llama.cpp's, Ollama, LM Studio,
//! a company's gateway).
//!
//! ```text
//! address   where it is, and the key, which is shown nowhere
//! http      requests, time-outs, tries again, statuses in words
//! proxy     the proxies of the environment, and who needs none
//! sse       the events of a stream
//! wire      what requests and answers hold
//! stream    candidates as they arrive
//! offers    what the server can do, found out by asking it
//! ```

mod address;
mod error;
mod http;
mod offers;
mod proxy;
mod sse;
mod stream;
mod wire;

pub use address::{Address, ApiKey};
pub use error::ServerError;
pub use http::Timeouts;
pub use proxy::Proxies;

use super::{Completion, Finish, LanguageModel, Message, ModelError, OnText, Prompt, PromptStyle, Request};
use http::Client;
use offers::{Named, Offers};
use serde_json::{Map, Value, json};
use std::ops::ControlFlow;
use stream::{Arriving, Ask, Cutting};

/// What names of models on a server begin with, here and in stored sessions.
pub const PREFIX: &str = "openai:";

/// Bytes of a token, where the server's tokenizer is not asked: fewer than in English, to be on the safe side.
const BYTES_A_TOKEN: usize = 3;

/// Which server, and how it is asked.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ServerOptions {
    /// Where it is.
    pub address: Address,
    /// Sent with each request.
    pub key: Option<ApiKey>,
    /// The model, as the server calls it; none for the only one it has.
    pub model: Option<String>,
    /// How prompts are worded; none: a screenplay where the server continues plain text, else a chat.
    pub style: Option<PromptStyle>,
    /// How long to wait.
    pub timeouts: Timeouts,
    /// Which proxies to take.
    pub proxies: Proxies,
}

/// A model on a server. Clones ask the same server side by side.
#[derive(Clone, Debug)]
pub struct RemoteModel {
    client: Client,
    name: String,
    named: Named,
    style: Option<PromptStyle>,
    offers: Option<Offers>,
    /// What came of the last request.
    last: Came,
}

/// What came of the trial of a line, in words for the person where it is not as it should be.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Tried {
    /// A line.
    Well,
    /// A line, and long thoughts before it.
    Slowly(String),
    /// No line.
    InVain(String),
}

/// What came of a request.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
enum Came {
    #[default]
    Unknown,
    /// Words; those of one candidate.
    Words(String),
    /// The model thought, and said nothing.
    Thoughts,
    /// Nothing.
    Silence,
}

impl Came {
    fn of(candidates: &[Arriving]) -> Came {
        match candidates.iter().find(|candidate| !candidate.is_silent()) {
            Some(spoken) => Came::Words(spoken.text.trim().to_owned()),
            None if candidates.iter().any(Arriving::thinks) => Came::Thoughts,
            None => Came::Silence,
        }
    }
}

impl RemoteModel {
    /// Asks the server which models it has, and takes the one wanted.
    ///
    /// # Errors
    /// No server, no such model, several where none was named, a key that it does not accept.
    pub fn connect(options: ServerOptions) -> Result<RemoteModel, ServerError> {
        let ServerOptions { address, key, model, style, timeouts, proxies } = options;
        let mut client = Client::new(address, key, timeouts, &proxies)?;
        let named = offers::named(&mut client, model.as_deref())?;
        let name = format!("{PREFIX}{}", named.model);
        Ok(RemoteModel { client, name, named, style, offers: None, last: Came::Unknown })
    }

    /// Finds out what the server can do with the model; later requests do so where this has failed.
    ///
    /// # Errors
    /// The server fails, or offers nothing that is of use.
    pub fn find_out(&mut self) -> Result<(), ServerError> {
        if self.offers.is_none() {
            self.offers = Some(offers::find_out(&self.client, &self.named.model, self.style)?);
        }
        Ok(())
    }

    /// What was found out, in words; empty before.
    pub fn abilities(&self) -> String {
        let Some(offers) = &self.offers else { return String::new() };
        let yes_no = |able: bool, yes: &str, no: &str| if able { yes.to_owned() } else { no.to_owned() };
        let words = [
            yes_no(offers.raw, "continues plain text", "chats only"),
            yes_no(offers.several, "several candidates at once", "one candidate a request"),
            yes_no(offers.logprobs, "tells log-probabilities", "no log-probabilities"),
        ];
        words.join(", ")
    }

    /// Has the model word one line, as in a talk.
    ///
    /// # Errors
    /// The server fails.
    pub fn try_line(&mut self, prompt: Prompt, max_tokens: usize) -> Result<Tried, ModelError> {
        let request = Request {
            prompt,
            candidates: 1,
            max_tokens,
            stop: vec!["\n".to_owned()],
            sampling: super::Sampling::default(),
            seed: 1,
        };
        self.complete(&request, &mut |_| ControlFlow::Continue(()))?;
        let thinks = self.offers.as_ref().is_some_and(|offers| offers.thinks);
        Ok(match self.last {
            Came::Words(_) if thinks => Tried::Slowly(format!(
                "it thinks before it speaks, although it was asked not to: each line takes long; {THINKING_REMEDY}"
            )),
            Came::Words(_) => Tried::Well,
            _ => Tried::InVain(self.remark().unwrap_or_default()),
        })
    }

    /// The model, as the server calls it.
    pub fn model(&self) -> &str {
        &self.named.model
    }

    /// Where the model is.
    pub fn address(&self) -> &Address {
        &self.client.address
    }

    fn known(&mut self) -> Result<&Offers, ServerError> {
        self.find_out()?;
        Ok(self.offers.as_ref().expect("found out just now"))
    }

    /// The requests for all candidates: one, or one each where the server draws no several at once.
    fn asks(&self, offers: &Offers, request: &Request) -> Vec<Ask> {
        let count = request.candidates;
        let (path, fields) = wording(offers, request);
        let ask = |first: usize, count: usize| {
            let seed = request.seed.wrapping_add(first as u64);
            let most = request.max_tokens + offers::room(offers.thinks);
            let mut body = wire::common(&self.named.model, &request.sampling, most, count, seed);
            body.extend(fields.clone());
            Ask { path, body: offers.refused.cut(body), first, count }
        };
        if offers.several { vec![ask(0, count)] } else { (0..count).map(|first| ask(first, 1)).collect() }
    }
}

/// What a person can do about a model that thinks.
const THINKING_REMEDY: &str = "switch its thinking off on the server, or name a model that does not think";

/// Where a request goes, and what it holds of the prompt.
fn wording(offers: &Offers, request: &Request) -> (&'static str, Map<String, Value>) {
    let mut body = Map::new();
    // A line break ends a line of plain text. A chat's reply may begin with some, and so may one that is thought about:
    // there the line is cut here.
    let is_sent = |stop: &&String| offers.raw && !offers.thinks || !stop.trim().is_empty();
    let stop: Vec<&String> = request.stop.iter().filter(is_sent).collect();
    if !stop.is_empty() {
        body.insert("stop".to_owned(), json!(stop));
    }
    if offers.logprobs {
        let asked = if offers.raw { json!(1) } else { json!(true) };
        body.insert("logprobs".to_owned(), asked);
    }
    if offers.raw {
        body.insert("prompt".to_owned(), json!(as_text(&request.prompt)));
        return ("completions", body);
    }
    offers::quieten(&mut body, offers.effort);
    body.insert("messages".to_owned(), json!(as_messages(&request.prompt)));
    ("chat/completions", body)
}

fn as_text(prompt: &Prompt) -> String {
    match prompt {
        Prompt::Raw(text) => text.clone(),
        Prompt::Chat(messages) => {
            let lines = messages.iter().map(|message| format!("{}: {}\n", message.role, message.content));
            format!("{}assistant:", lines.collect::<String>())
        }
    }
}

fn as_messages(prompt: &Prompt) -> Vec<Message> {
    match prompt {
        Prompt::Chat(messages) => messages.clone(),
        Prompt::Raw(text) => vec![
            Message {
                role: "system",
                content: "Continue the text by the one line that comes next. Write nothing but that line."
                    .to_owned(),
            },
            Message { role: "user", content: text.clone() },
        ],
    }
}

fn completion(arriving: Arriving, raw: bool, broken: bool) -> Completion {
    let left = if broken { Finish::Interrupted } else { Finish::Length };
    let mean = if arriving.known == 0 { 0.0 } else { arriving.logprob / arriving.known as f64 };
    // In a chat without a word, nobody has said that this is all.
    let ended = arriving.finish.filter(|_| raw || !arriving.is_silent());
    let (text, tokens) = (arriving.text, arriving.tokens);
    Completion { text, tokens, mean_logprob: mean as f32, finish: ended.unwrap_or(left) }
}

impl LanguageModel for RemoteModel {
    fn name(&self) -> &str {
        &self.name
    }

    fn prompt_style(&self) -> PromptStyle {
        let found = self.offers.as_ref().map(|offers| match offers.raw {
            true => PromptStyle::Screenplay,
            false => PromptStyle::Chat,
        });
        found.or(self.style).unwrap_or_default()
    }

    fn context_tokens(&self) -> usize {
        self.named.context
    }

    /// Estimated from the length: the server's own count would cost a request for every line.
    fn count_tokens(&self, text: &str) -> usize {
        text.len().div_ceil(BYTES_A_TOKEN)
    }

    fn complete(&mut self, request: &Request, on_text: OnText) -> Result<Vec<Completion>, ModelError> {
        self.last = Came::Unknown;
        let (offers, (mut candidates, flow)) = loop {
            let offers = self.known()?.clone();
            let cutting = Cutting { stop: request.stop.clone(), raw: offers.raw };
            let asks = self.asks(&offers, request);
            let body = asks.first().map(|ask| ask.body.clone()).unwrap_or_default();
            match stream::gather(&self.client, asks, &cutting, on_text) {
                Ok(drawn) => break (offers, drawn),
                // A server may refuse now what it took before, as when a gateway asks another one.
                Err(failure) => {
                    let mut offers = offers;
                    if !offers.refused.learn(&failure.said, &body) {
                        return Err(failure.error.into());
                    }
                    offers.several &= !offers.refused.has("n");
                    self.offers = Some(offers);
                }
            }
        };
        let broken = flow == ControlFlow::Break(());
        // A server that draws fewer than it was asked for has drawn fewer.
        candidates.retain(|candidate| broken || candidate.heard);
        if candidates.is_empty() {
            return Err(self.client.garbled("no candidate at all").into());
        }
        if !broken {
            self.last = Came::of(&candidates);
            // The next ones get room for it.
            if let Some(offers) = &mut self.offers {
                offers.thinks |= self.last == Came::Thoughts;
            }
        }
        let done = |mut arriving: Arriving| {
            arriving.text = self.client.without_key(&arriving.text);
            completion(arriving, offers.raw, broken)
        };
        Ok(candidates.into_iter().map(done).collect())
    }

    fn remark(&self) -> Option<String> {
        let model = &self.named.model;
        match &self.last {
            Came::Unknown => None,
            Came::Thoughts => Some(format!(
                "the server's model `{model}` thinks before it speaks, and came to no line; {THINKING_REMEDY}"
            )),
            Came::Silence => Some(format!(
                "the server's model `{model}` answered without a word; `coachup doctor` tries it again, another model \
                 may do better"
            )),
            Came::Words(said) => Some(format!(
                "nothing that the server's model `{model}` said fits here, as “{}”; larger models fit more often",
                self.client.quote(said)
            )),
        }
    }

    fn loglik(&mut self, _prompt: &Prompt, _continuations: &[String]) -> Result<Vec<f32>, ModelError> {
        // The API has no such request that most servers answer.
        Err(ModelError::Unsupported("weigh given words: model servers offer no way"))
    }

    /// Has the server work through the prompt, so that it is in its cache; one token is thrown away. A server
    /// that fails says so again when an answer is needed.
    fn prefill(&mut self, prompt: &Prompt) -> Result<(), ModelError> {
        if self.known().is_ok_and(|offers| offers.raw) {
            let request = Request {
                prompt: prompt.clone(),
                candidates: 1,
                max_tokens: 1,
                stop: Vec::new(),
                sampling: super::Sampling::default(),
                seed: 0,
            };
            let _ = self.complete(&request, &mut |_| ControlFlow::Continue(()));
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_screenplay_can_be_asked_of_a_server_that_only_chats() {
        let messages = as_messages(&Prompt::Raw("DANA:".to_owned()));
        assert_eq!(messages.iter().map(|message| message.role).collect::<Vec<_>>(), ["system", "user"]);
        assert!(as_text(&Prompt::Chat(messages)).ends_with("DANA:\nassistant:"));
    }
}
