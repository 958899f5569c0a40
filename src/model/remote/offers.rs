//! What a server can do, found out by asking it, with requests like those that will follow.

use super::address::Address;
use super::error::ServerError;
use super::http::{Client, Failure};
use super::stream::{Arriving, Ask, Cutting, gather};
use super::wire::{self, ListedModel, Refused, common};
use crate::model::{Message, PromptStyle, Sampling};
use crate::text::suggest::nearest;
use serde_json::{Map, Value, json};
use std::ops::ControlFlow;
use std::sync::atomic::AtomicBool;

/// Tokens of a model whose server does not tell: less than any that is in use.
const MODEST_CONTEXT: usize = 4096;

/// Tokens that a model is given to think before it speaks, where it can't be brought not to: as many as common ones
/// take for a turn of a talk.
const THINKING_TOKENS: usize = 1024;

/// How little a model may be asked to think, from none on: the API's words, of which each server knows some.
const EFFORTS: [&str; 3] = ["none", "minimal", "low"];

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
    /// The model thinks before it speaks, although it was asked not to.
    pub thinks: bool,
    /// How little it is asked to think, where that does something.
    pub effort: Option<&'static str>,
    /// Keys that it does not take.
    pub refused: Refused,
}

/// The model called `wanted`, or the only one there is. Where the list is not at the address but below `/v1` of it, so
/// is the rest, and the client asks there from then on.
///
/// # Errors
/// No such model, several, or no server.
pub(super) fn named(client: &mut Client, wanted: Option<&str>) -> Result<Named, ServerError> {
    let listed = match list(client) {
        Ok(listed) => listed,
        Err(error) => {
            let mut other = client.clone();
            let below = below(&client.address).map(|address| {
                other.address = address;
                list(&other)
            });
            match below {
                Some(Ok(listed)) => {
                    *client = other;
                    listed
                }
                // Some gateways have no list: then the name is taken as it is.
                _ if wanted.is_some() && has_none(&error) => Vec::new(),
                _ => return Err(no_list(error)),
            }
        }
    };
    let found = |model: &ListedModel, name: &str| Named {
        model: name.to_owned(),
        context: model.context.unwrap_or(MODEST_CONTEXT),
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
        None => format!("it has {}", names(client, &listed)),
    };
    Err(ServerError::Model { server: client.server(), model: client.quote(wanted), hint })
}

fn list(client: &Client) -> Result<Vec<ListedModel>, ServerError> {
    let text = client.get("models", &AtomicBool::new(false))?;
    wire::models(&text).ok_or_else(|| client.garbled(&text))
}

/// `/v1` below an address that names no version.
fn below(address: &Address) -> Option<Address> {
    let last = address.as_str().rsplit('/').next().unwrap_or_default();
    let is_version =
        last.strip_prefix('v').is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_digit()));
    if is_version { None } else { Some(Address::read(&format!("{address}/v1")).ok()?.0) }
}

/// Does the error say that the server has no such thing for us, rather than that it can't answer now?
fn has_none(error: &ServerError) -> bool {
    match error {
        ServerError::Refused { .. } | ServerError::Garbled { .. } => true,
        // A key may be for chats alone; what is not there may fail.
        ServerError::Key { status, .. } => *status == 403,
        ServerError::Busy { status, .. } => *status == 500,
        _ => false,
    }
}

fn no_list(error: ServerError) -> ServerError {
    match error {
        ServerError::Refused { server, status, said } => {
            ServerError::NoList { server, why: format!("{status}: {said}") }
        }
        ServerError::Garbled { server, what } => ServerError::NoList { server, why: what },
        other => other,
    }
}

fn no_model(client: &Client, listed: &[ListedModel]) -> ServerError {
    let (found, list) = match listed {
        [] => ("no model that it tells of", String::new()),
        some => ("several models", format!(": {}", names(client, some))),
    };
    ServerError::NoModel { server: client.server(), found, list }
}

fn names(client: &Client, listed: &[ListedModel]) -> String {
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
    let raw = if style == Some(PromptStyle::Chat) { None } else { Some(try_raw(client, model)) };
    match raw {
        Some(Ok((offers, true))) => return Ok(offers),
        Some(Ok((offers, false))) if style.is_some() => return Ok(offers),
        // Not offered, not for this model, or nothing came of it: a chat may be better.
        Some(Ok((offers, false))) => return Ok(try_chat(client, model).unwrap_or(offers)),
        Some(Err(failure)) if style.is_some() || !has_none(&failure.error) => return Err(failure.error),
        Some(Err(_)) | None => {}
    }
    try_chat(client, model).map_err(|failure| match failure.error {
        ServerError::Refused { server, status: 404, .. } => {
            let hint = format!("{server}/models may list which it has; does the address end in `/v1`?");
            ServerError::Model { server, model: client.quote(model), hint }
        }
        other => other,
    })
}

/// Tokens for what a model thinks before it speaks.
pub(super) fn room(thinks: bool) -> usize {
    if thinks { THINKING_TOKENS } else { 0 }
}

/// The probes hold what the requests of a talk hold, so that what is refused is known before.
fn probe(model: &str, max_tokens: usize) -> Map<String, Value> {
    common(model, &Sampling::default(), max_tokens, 2, 1)
}

/// What comes of plain text, and whether that is any good.
fn try_raw(client: &Client, model: &str) -> Result<(Offers, bool), Failure> {
    let mut body = probe(model, 4);
    body.insert("prompt".to_owned(), json!("One, two, three,"));
    body.insert("logprobs".to_owned(), json!(1));
    body.insert("stop".to_owned(), json!(["\n"]));
    let mut refused = Refused::default();
    let candidates = tried(client, "completions", body, &mut refused, true)?;
    let thinks = candidates.iter().any(|candidate| candidate.thought);
    let offers = Offers {
        raw: true,
        several: candidates[1].heard,
        logprobs: candidates[0].known > 0,
        thinks,
        effort: None,
        refused,
    };
    Ok((offers, !thinks && !candidates[0].is_silent()))
}

fn try_chat(client: &Client, model: &str) -> Result<Offers, Failure> {
    let message = |role, content: &str| Message { role, content: content.to_owned() };
    let messages = [
        message("system", "You are asked to count. Say nothing else."),
        message("user", "Count from one to nine, in words."),
    ];
    let ask = |effort: Option<&str>| {
        let mut body = probe(model, 16);
        body.insert("messages".to_owned(), json!(messages));
        body.insert("logprobs".to_owned(), json!(true));
        quieten(&mut body, effort);
        body
    };
    let thinks = |candidates: &[Arriving]| candidates.iter().any(Arriving::thinks);
    let mut refused = Refused::default();
    let mut candidates = tried(client, "chat/completions", ask(None), &mut refused, true)?;
    let mut effort = None;
    for less in EFFORTS {
        if !thinks(&candidates) {
            break;
        }
        let mut known = refused.clone();
        // Refused: the server knows no such word, or nothing of the kind.
        let tried = tried(client, "chat/completions", ask(Some(less)), &mut known, false);
        if let Ok(quieter) = tried
            && !known.has("reasoning_effort")
        {
            (candidates, refused, effort) = (quieter, known, Some(less));
        }
    }
    Ok(Offers {
        raw: false,
        several: candidates[1].heard,
        logprobs: candidates[0].known > 0,
        thinks: thinks(&candidates),
        effort,
        refused,
    })
}

/// Asks for no thinking before the reply: in the words of the models' own templates, and where that does nothing in
/// those of the API.
pub(super) fn quieten(body: &mut Map<String, Value>, effort: Option<&str>) {
    body.insert("chat_template_kwargs".to_owned(), json!({"enable_thinking": false, "thinking": false}));
    if let Some(effort) = effort {
        body.insert("reasoning_effort".to_owned(), json!(effort));
    }
}

/// The answer to a probe, after leaving out one by one what the server does not take. Where it does not say what
/// that is, and we may `guess`, what is least needed goes first.
fn tried(
    client: &Client,
    path: &'static str,
    full: Map<String, Value>,
    refused: &mut Refused,
    guess: bool,
) -> Result<Vec<Arriving>, Failure> {
    loop {
        let body = refused.cut(full.clone());
        let asks = vec![Ask { path, body: body.clone(), first: 0, count: 2 }];
        let cutting = Cutting { stop: Vec::new(), raw: true };
        match gather(client, asks, &cutting, &mut |_| ControlFlow::Continue(())) {
            Ok((candidates, _)) => return Ok(candidates),
            Err(failure) if refused.learn(&failure.said, &body) => {}
            Err(Failure { error: ServerError::Refused { status: 400 | 422, .. }, .. })
                if guess && refused.guess(&body) => {}
            Err(failure) => return Err(failure),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_without_a_version_is_tried_below_it() {
        let below = |text| below(&Address::read(text).unwrap().0).map(|address| address.to_string());
        assert_eq!(below("http://localhost:8080").as_deref(), Some("http://localhost:8080/v1"));
        assert_eq!(below("http://localhost/api").as_deref(), Some("http://localhost/api/v1"));
        assert_eq!(below("http://localhost/v1"), None);
        assert_eq!(below("https://gateway.example/openai/v1beta"), None);
        assert_eq!(below("http://localhost/voice").as_deref(), Some("http://localhost/voice/v1"));
    }
}
