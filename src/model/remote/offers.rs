//! What a server can do, found out by asking it, with requests like those that will follow.

use super::error::ServerError;
use super::http::Client;
use super::stream::{Arriving, Ask, Cutting, gather};
use super::wire::{ListedModel, Models, Refused, common};
use crate::model::{Message, Prompt, PromptStyle, Request, Sampling};
use crate::text::suggest::nearest;
use serde_json::{Map, Value, json};
use std::ops::ControlFlow;
use std::sync::atomic::AtomicBool;

/// Tokens of a model whose server does not tell: less than any that is in use.
const MODEST_CONTEXT: usize = 4096;

/// The model that is asked, as the server calls it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Named {
    pub model: String,
    /// Tokens of prompt and reply together.
    pub context: usize,
}

/// What a server can do.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Offers {
    /// It continues plain text.
    pub raw: bool,
    /// It draws several candidates at once.
    pub several: bool,
    /// It tells log-probabilities.
    pub logprobs: bool,
    /// In a chat, it goes on with a reply that is begun.
    pub begun: bool,
    /// Keys that it does not take.
    pub refused: Refused,
}

/// The model called `wanted`, or the only one there is.
///
/// # Errors
/// No such model, several, or no server.
pub(super) fn named(client: &Client, wanted: Option<&str>) -> Result<Named, ServerError> {
    let listed = match client.get("models", &AtomicBool::new(false)) {
        Ok(text) => {
            serde_json::from_str::<Models>(&text)
                .map_err(|error| client.garbled(&format!("{error}, in its list of models")))?
                .data
        }
        // Some gateways have no list: then the name is taken as it is.
        Err(ServerError::Refused { status: 404 | 405 | 501, .. }) if wanted.is_some() => Vec::new(),
        Err(error) => return Err(error),
    };
    let found = |model: &ListedModel, name: &str| Named {
        model: name.to_owned(),
        context: model.context().unwrap_or(MODEST_CONTEXT),
    };
    let Some(wanted) = wanted else {
        return match listed.as_slice() {
            [only] => Ok(found(only, &only.id)),
            others => Err(no_model(client, others)),
        };
    };
    if let Some(model) = listed.iter().find(|model| model.is_called(wanted)) {
        return Ok(found(model, wanted));
    }
    if listed.is_empty() {
        return Ok(Named { model: wanted.to_owned(), context: MODEST_CONTEXT });
    }
    let ids = || listed.iter().map(|model| model.id.as_str());
    let hint = match nearest(wanted, ids()) {
        Some(near) => format!("did you mean `{}`?", client.quote(near)),
        None => format!("it has {}", list(client, &listed)),
    };
    Err(ServerError::Model { server: client.server(), model: client.quote(wanted), hint })
}

fn no_model(client: &Client, listed: &[ListedModel]) -> ServerError {
    let (found, list) = match listed {
        [] => ("no model that it tells of", String::new()),
        some => ("several models", format!(": {}", list(client, some))),
    };
    ServerError::NoModel { server: client.server(), found, list }
}

fn list(client: &Client, listed: &[ListedModel]) -> String {
    const SHOWN: usize = 8;
    let names: Vec<String> =
        listed.iter().take(SHOWN).map(|model| format!("`{}`", client.quote(&model.id))).collect();
    let more = if listed.len() > SHOWN { ", …" } else { "" };
    format!("{}{more}", names.join(", "))
}

/// Tries what the server can do for `model`.
///
/// # Errors
/// It has neither completions nor chats for the model, or fails.
pub(super) fn find_out(
    client: &Client,
    model: &str,
    style: Option<PromptStyle>,
) -> Result<Offers, ServerError> {
    if style != Some(PromptStyle::Chat) {
        match try_raw(client, model) {
            // Not offered, or not for this model: a chat may be.
            Err(ServerError::Refused { status: 400 | 404 | 405 | 422 | 501, .. }) if style.is_none() => {}
            other => return other,
        }
    }
    try_chat(client, model).map_err(|error| match error {
        ServerError::Refused { server, status: 404, .. } => {
            let hint = "`/v1/models` of the server lists which it has".to_owned();
            ServerError::Model { server, model: client.quote(model), hint }
        }
        other => other,
    })
}

fn probe(prompt: Prompt) -> Request {
    Request {
        prompt,
        opening: String::new(),
        candidates: 2,
        max_tokens: 4,
        stop: vec!["\n".to_owned()],
        // Greedy: whether a begun reply is gone on with shows in the likeliest words.
        sampling: Sampling { temperature: 0.0, ..Sampling::default() },
        seed: 1,
    }
}

fn try_raw(client: &Client, model: &str) -> Result<Offers, ServerError> {
    let request = probe(Prompt::Raw(String::new()));
    let mut body = common(model, &request, request.candidates, request.seed);
    body.insert("prompt".to_owned(), json!("One, two, three,"));
    body.insert("logprobs".to_owned(), json!(1));
    let (candidates, refused) = tried(client, "completions", body)?;
    Ok(Offers {
        raw: true,
        several: candidates[1].heard,
        logprobs: candidates[0].known > 0,
        begun: false,
        refused,
    })
}

fn try_chat(client: &Client, model: &str) -> Result<Offers, ServerError> {
    let messages = [
        Message { role: "user", content: "Count from one to nine, in words.".to_owned() },
        Message { role: "assistant", content: "One, two, three, four,".to_owned() },
    ];
    let request = probe(Prompt::Chat(messages.to_vec()));
    let mut body = common(model, &request, request.candidates, request.seed);
    body.insert("messages".to_owned(), json!(messages));
    go_on_with_begun(&mut body);
    body.insert("logprobs".to_owned(), json!(true));
    let (candidates, refused) = tried(client, "chat/completions", body)?;
    let said = candidates[0].text.trim_start().to_lowercase();
    Ok(Offers {
        raw: false,
        several: candidates[1].heard,
        logprobs: candidates[0].known > 0,
        begun: said.starts_with("five") || said.starts_with("one, two, three, four, five"),
        refused,
    })
}

/// Asks a server to go on with the last message; those that do so anyway pass over it.
pub(super) fn go_on_with_begun(body: &mut Map<String, Value>) {
    body.insert("continue_final_message".to_owned(), json!(true));
    body.insert("add_generation_prompt".to_owned(), json!(false));
}

/// The answer to a probe, after leaving out one by one what the server does not take.
fn tried(
    client: &Client,
    path: &'static str,
    full: Map<String, Value>,
) -> Result<(Vec<Arriving>, Refused), ServerError> {
    let mut refused = Refused::default();
    loop {
        let body = refused.cut(full.clone());
        let asks = vec![Ask { path, body: body.clone(), first: 0, count: 2 }];
        let cutting = Cutting { stop: Vec::new(), trim_start: false };
        match gather(client, asks, &cutting, &mut |_| ControlFlow::Continue(())) {
            Ok((candidates, _)) => return Ok((candidates, refused)),
            Err(ServerError::Refused { said, status: 400 | 422, .. }) if refused.learn(&said, &body) => {}
            Err(error) => return Err(error),
        }
    }
}
