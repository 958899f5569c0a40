//! The remote engine: any server that speaks the OpenAI-compatible API (vLLM, llama.cpp's, Ollama, LM Studio,
//! a company's gateway).
//!
//! ```text
//! address   where it is, and the key, which is shown nowhere
//! http      requests, time-outs, tries again, statuses in words
//! sse       the events of a stream
//! wire      what requests and answers hold
//! stream    candidates as they arrive
//! offers    what the server can do, found out by asking it
//! ```

mod address;
mod error;
mod http;
mod offers;
mod sse;
mod stream;
mod wire;

pub use address::{Address, ApiKey};
pub use error::ServerError;
pub use http::Timeouts;

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
}

/// A model on a server. Clones ask the same server side by side.
#[derive(Clone, Debug)]
pub struct RemoteModel {
    client: Client,
    name: String,
    named: Named,
    style: Option<PromptStyle>,
    offers: Option<Offers>,
}

impl RemoteModel {
    /// Asks the server which models it has, and takes the one wanted.
    ///
    /// # Errors
    /// No server, no such model, several where none was named, a key that it does not accept.
    pub fn connect(options: ServerOptions) -> Result<RemoteModel, ServerError> {
        let ServerOptions { address, key, model, style, timeouts } = options;
        let client = Client::new(address, key, timeouts);
        let named = offers::named(&client, model.as_deref())?;
        Ok(RemoteModel { client, name: format!("{PREFIX}{}", named.model), named, style, offers: None })
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
        let mut words = vec![
            yes_no(offers.raw, "continues plain text", "chats only"),
            yes_no(offers.several, "several candidates at once", "one candidate a request"),
            yes_no(offers.logprobs, "tells log-probabilities", "no log-probabilities"),
        ];
        if !offers.raw {
            words.push(yes_no(offers.begun, "goes on with a begun reply", "begun replies by instruction"));
        }
        words.join(", ")
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
            let mut body = wire::common(&self.named.model, request, count, seed);
            body.extend(fields.clone());
            Ask { path, body: offers.refused.cut(body), first, count }
        };
        if offers.several { vec![ask(0, count)] } else { (0..count).map(|first| ask(first, 1)).collect() }
    }
}

/// Where a request goes, and what it holds of the prompt and its opening.
fn wording(offers: &Offers, request: &Request) -> (&'static str, Map<String, Value>) {
    let mut body = Map::new();
    if offers.logprobs {
        let asked = if offers.raw { json!(1) } else { json!(true) };
        body.insert("logprobs".to_owned(), asked);
    }
    if offers.raw {
        let prompt = format!("{}{}", as_text(&request.prompt), request.opening);
        body.insert("prompt".to_owned(), json!(prompt));
        return ("completions", body);
    }
    let mut messages = as_messages(&request.prompt);
    let opening = request.opening.trim();
    if !opening.is_empty() {
        if offers.begun {
            messages.push(Message { role: "assistant", content: opening.to_owned() });
            offers::go_on_with_begun(&mut body);
        } else if let Some(last) = messages.last_mut() {
            last.content.push_str(&format!("\n[Begin with exactly these words: {opening}]"));
        }
    }
    body.insert("messages".to_owned(), json!(messages));
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

/// A candidate's text with its opening. A server that was only asked to begin with it may not have: then the
/// text is as it came.
fn with_opening(opening: &str, said: &str, begun: bool) -> String {
    let (bare, start) = (opening.trim(), said.trim_start());
    let repeated =
        !bare.is_empty() && start.get(..bare.len()).is_some_and(|head| head.eq_ignore_ascii_case(bare));
    match (repeated, begun) {
        (true, _) => format!("{opening}{}", &start[bare.len()..]),
        (false, true) => format!("{opening}{said}"),
        (false, false) => said.to_owned(),
    }
}

fn completion(arriving: Arriving, request: &Request, offers: &Offers, broken: bool) -> Completion {
    let left = if broken { Finish::Interrupted } else { Finish::Length };
    let mean = if arriving.known == 0 { 0.0 } else { arriving.logprob / arriving.known as f64 };
    let fixed = offers.raw || offers.begun;
    // In plain text, the opening was part of the prompt: a reply that has it again says it twice.
    let text = match offers.raw {
        true => format!("{}{}", request.opening, arriving.text),
        false => with_opening(&request.opening, &arriving.text, fixed),
    };
    Completion {
        text,
        tokens: arriving.tokens,
        mean_logprob: mean as f32,
        finish: arriving.finish.unwrap_or(left),
    }
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
        let offers = self.known()?.clone();
        // A reply that goes on with a begun one keeps the space between the two.
        let goes_on = offers.raw || offers.begun && !request.opening.trim().is_empty();
        let cutting = Cutting { stop: request.stop.clone(), trim_start: !goes_on };
        let asks = self.asks(&offers, request);
        let (mut candidates, flow) = stream::gather(&self.client, asks, &cutting, on_text)?;
        let broken = flow == ControlFlow::Break(());
        // A server that draws fewer than it was asked for has drawn fewer.
        candidates.retain(|candidate| broken || candidate.heard);
        if candidates.is_empty() {
            return Err(self.client.garbled("no candidate at all").into());
        }
        let done = |arriving: Arriving| {
            let text = self.client.without_key(&arriving.text);
            completion(Arriving { text, ..arriving }, request, &offers, broken)
        };
        Ok(candidates.into_iter().map(done).collect())
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
                opening: String::new(),
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
    fn an_opening_stands_once_in_the_text() {
        for (said, begun, text) in [
            (" all week.", true, "I'm busy all week."),
            ("I'm busy all week.", true, "I'm busy all week."),
            ("i'm busy all week.", false, "I'm busy all week."),
            ("No.", false, "No."),
        ] {
            assert_eq!(with_opening("I'm busy", said, begun), text, "{said}");
        }
        assert_eq!(with_opening("", "No.", false), "No.");
    }

    #[test]
    fn a_screenplay_can_be_asked_of_a_server_that_only_chats() {
        let messages = as_messages(&Prompt::Raw("DANA:".to_owned()));
        assert_eq!(messages.iter().map(|message| message.role).collect::<Vec<_>>(), ["system", "user"]);
        assert!(as_text(&Prompt::Chat(messages)).ends_with("DANA:\nassistant:"));
    }
}
