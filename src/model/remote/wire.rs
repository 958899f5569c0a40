//! The API's words: what a request holds, and what comes back, from any of the servers that speak it.
//!
//! Of an answer, what holds text is taken, whatever stands beside it: a field that is missing, empty or of another kind
//! loses nothing but itself.

use crate::model::Sampling;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Keys that no request is without.
const NEEDED: [&str; 3] = ["model", "messages", "prompt"];

/// Stands in [`Refused`] for messages of the role `system`.
const SYSTEM: &str = "system";

/// What a server may not take of a request, by how little is lost without it. A server that refuses a request and
/// names nothing of it is asked again without the next of these groups.
const OPTIONAL: [&[&str]; 9] = [
    &["top_k", "repeat_penalty", "repetition_penalty", "chat_template_kwargs", "reasoning_effort"],
    &["logprobs"],
    &["n"],
    &[SYSTEM],
    &["seed"],
    &["stop"],
    &["top_p"],
    &["temperature"],
    &["stream"],
];

/// What this server does not take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Refused(BTreeSet<String>);

impl Refused {
    /// Takes note of what a refusal of `body` names in `said`. False where it names nothing that can be left out.
    pub fn learn(&mut self, said: &str, body: &Value) -> bool {
        let fresh = named(said, body);
        let known = self.0.len();
        self.0.extend(fresh);
        self.0.len() > known
    }

    /// Takes note of a refusal that names nothing. False where nothing can be left out any more.
    pub fn guess(&mut self, body: &Value) -> bool {
        let group = OPTIONAL.iter().find(|group| group.iter().any(|key| holds(body, key)));
        self.0.extend(group.into_iter().copied().flatten().map(|&key| key.to_owned()));
        group.is_some()
    }

    /// Does it not take `key`?
    pub fn has(&self, key: &str) -> bool {
        self.0.contains(key)
    }

    /// The body without what the server does not take.
    pub fn cut(&self, mut body: Map<String, Value>) -> Value {
        // Newer models of one maker have another name for it.
        if self.has("max_tokens")
            && let Some(value) = body.remove("max_tokens")
        {
            body.insert("max_completion_tokens".to_owned(), value);
        }
        for key in &self.0 {
            body.remove(key);
        }
        if self.has(SYSTEM)
            && let Some(Value::Array(messages)) = body.get_mut("messages")
        {
            move_system(messages);
        }
        Value::Object(body)
    }
}

/// What `said` about `body` names of it.
pub(super) fn named(said: &str, body: &Value) -> Vec<String> {
    let said = said.to_lowercase();
    let words: BTreeSet<&str> = said.split(|c: char| !(c.is_alphanumeric() || c == '_')).collect();
    let fields = body.as_object().into_iter().flatten().filter(|(key, _)| !NEEDED.contains(&key.as_str()));
    // A name within a field means the field.
    let is_named = |key: &str, value: &Value| {
        words.contains(key)
            || value.as_object().is_some_and(|inner| inner.keys().any(|key| words.contains(key.as_str())))
    };
    let mut found: Vec<String> =
        fields.filter(|(key, value)| is_named(key, value)).map(|(key, _)| key.clone()).collect();
    // "System role not supported", and "Conversation roles must alternate", where the first is none of a talk.
    if holds(body, SYSTEM) && ["system", "role", "roles"].iter().any(|word| words.contains(word)) {
        found.push(SYSTEM.to_owned());
    }
    found
}

fn is_system(message: &Value) -> bool {
    message["role"] == SYSTEM
}

fn holds(body: &Value, key: &str) -> bool {
    match key {
        SYSTEM => body["messages"].as_array().is_some_and(|messages| messages.iter().any(is_system)),
        key => body.get(key).is_some(),
    }
}

/// Puts what the system says before the first turn.
fn move_system(messages: &mut Vec<Value>) {
    let said: Vec<String> = messages
        .iter()
        .filter(|message| is_system(message))
        .map(|message| text(&message["content"]))
        .collect();
    messages.retain(|message| !is_system(message));
    if let Some(first) = messages.iter_mut().find(|message| message["role"] == "user") {
        first["content"] = json!([said.as_slice(), &[text(&first["content"])]].concat().join("\n\n"));
    }
}

/// What is the same in both kinds of request.
pub(super) fn common(
    model: &str,
    sampling: &Sampling,
    max_tokens: usize,
    count: usize,
    seed: u64,
) -> Map<String, Value> {
    let mut body = Map::new();
    let mut put = |key: &str, value: Value| drop(body.insert(key.to_owned(), value));
    put("model", json!(model));
    put("stream", json!(true));
    put("max_tokens", json!(max_tokens));
    put("temperature", json!(sampling.temperature));
    put("top_p", json!(sampling.top_p));
    // llama.cpp and vLLM have two names for one thing.
    put("repeat_penalty", json!(sampling.repetition_penalty));
    put("repetition_penalty", json!(sampling.repetition_penalty));
    if sampling.top_k > 0 {
        put("top_k", json!(sampling.top_k));
    }
    // Servers keep it in 32 bits, and some take the largest for "none".
    put("seed", json!(seed & 0x7fff_ffff));
    if count > 1 {
        put("n", json!(count));
    }
    body
}

/// A piece of one candidate, or the whole of it.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Choice {
    /// Which candidate, where it is told.
    pub index: Option<usize>,
    /// Its text; empty where it has none.
    pub text: String,
    /// It holds what the model thinks, which is not said.
    pub thought: bool,
    /// Natural-log probabilities of its tokens; none where the server tells none.
    pub logprobs: Vec<f64>,
    /// Why the candidate ended, where it has.
    pub finish: Option<String>,
}

/// The pieces in a value of a stream, or in a whole answer.
pub(super) fn choices(value: &Value) -> Vec<Choice> {
    value["choices"].as_array().into_iter().flatten().map(choice).collect()
}

/// The error in a value of a stream, where it has one.
pub(super) fn error(value: &Value) -> Option<&Value> {
    value.get("error").filter(|error| match error {
        Value::Null | Value::Bool(false) => false,
        Value::String(text) => !text.is_empty(),
        Value::Object(fields) => !fields.is_empty(),
        _ => true,
    })
}

fn choice(value: &Value) -> Choice {
    // The whole answer of a chat has a message, a stream has what comes to it.
    let said = [&value["delta"], &value["message"]].into_iter().find(|said| said.is_object());
    let content = said.map(|said| text(&said["content"])).unwrap_or_default();
    let has_words = |value: &Value| match value {
        Value::String(text) => !text.is_empty(),
        Value::Array(parts) => !parts.is_empty(),
        _ => false,
    };
    // `reasoning_content`, `reasoning`, `reasoning_details`, `thinking`: each server has its own.
    let is_thought = |(key, value): (&String, &Value)| {
        (key.starts_with("reasoning") || key.starts_with("thinking")) && has_words(value)
    };
    let beside = said.and_then(Value::as_object).is_some_and(|said| said.iter().any(is_thought));
    let parts = said.and_then(|said| said["content"].as_array()).is_some_and(|parts| {
        parts.iter().any(|part| part.as_object().is_some_and(|part| part.iter().any(is_thought)))
    });
    Choice {
        index: value["index"].as_u64().map(|index| index as usize),
        text: if content.is_empty() { text(&value["text"]) } else { content },
        thought: beside || parts,
        logprobs: logprobs(&value["logprobs"]),
        finish: value["finish_reason"].as_str().filter(|reason| !reason.is_empty()).map(str::to_owned),
    }
}

/// Text as a string, or in parts.
fn text(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Array(parts) => parts.iter().map(|part| text(part.get("text").unwrap_or(part))).collect(),
        _ => String::new(),
    }
}

/// `content` as in chats (and in llama.cpp's completions), or the older list.
fn logprobs(value: &Value) -> Vec<f64> {
    let newer = value["content"].as_array().into_iter().flatten().map(|token| &token["logprob"]);
    let older = value["token_logprobs"].as_array().into_iter().flatten();
    newer.chain(older).filter_map(Value::as_f64).filter(|logprob| logprob.is_finite()).collect()
}

/// A model that a server tells of.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct ListedModel {
    pub id: String,
    aliases: Vec<String>,
    /// Tokens of prompt and reply together, where it is told.
    pub context: Option<usize>,
}

/// The models that a server tells of: a list, or an object with one. None where it is neither.
pub(super) fn models(text: &str) -> Option<Vec<ListedModel>> {
    let value: Value = serde_json::from_str(text).ok()?;
    let list = [&value, &value["data"], &value["models"]].into_iter().find_map(Value::as_array)?;
    Some(list.iter().filter_map(listed).collect())
}

fn listed(value: &Value) -> Option<ListedModel> {
    let id = value.as_str().or_else(|| ["id", "name", "model"].iter().find_map(|key| value[key].as_str()))?;
    let aliases = value["aliases"].as_array().into_iter().flatten().filter_map(Value::as_str);
    // vLLM's word, llama.cpp's, and those of services.
    let contexts = ["/max_model_len", "/meta/n_ctx", "/context_length", "/context_window"];
    let context = contexts.iter().find_map(|at| value.pointer(at)?.as_u64().filter(|&context| context > 0));
    Some(ListedModel {
        id: id.to_owned(),
        aliases: aliases.map(str::to_owned).collect(),
        context: context.map(|context| context as usize),
    })
}

impl ListedModel {
    /// Does `name` mean this one? Ollama's names have a tag, a gateway's may be patterns.
    pub fn is_called(&self, name: &str) -> bool {
        self.id == name
            || self.id.strip_suffix(":latest") == Some(name)
            || self.id.contains('*')
            || self.aliases.iter().any(|alias| alias == name)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Choice {
        choice(&serde_json::from_str(text).unwrap())
    }

    #[test]
    fn both_kinds_of_log_probabilities_are_read() {
        let older =
            read(r#"{"index":1,"text":" a","logprobs":{"tokens":[" a"],"token_logprobs":[-0.5,null]}}"#);
        let newer =
            read(r#"{"delta":{"content":" a"},"logprobs":{"content":[{"token":" a","logprob":-0.25}]}}"#);
        assert_eq!((older.logprobs, older.text.as_str(), older.index), (vec![-0.5], " a", Some(1)));
        assert_eq!((newer.logprobs, newer.text.as_str()), (vec![-0.25], " a"));
        assert!(read(r#"{"text":"","logprobs":null}"#).logprobs.is_empty());
    }

    #[test]
    fn what_holds_text_is_taken_whatever_stands_beside_it() {
        for piece in [
            r#"{"index":0,"delta":{"content":" a"},"finish_reason":""}"#,
            r#"{"index":"0","delta":{"content":" a"},"finish_reason":7,"logprobs":"none"}"#,
            r#"{"index":null,"text":" a","delta":null,"message":[],"logprobs":{"content":{}}}"#,
            r#"{"text":"","message":{"role":"assistant","content":" a","tool_calls":0}}"#,
            r#"{"delta":{"content":[{"type":"text","text":" a"}]},"logprobs":{"content":[{"logprob":"x"}]}}"#,
            r#"{"delta":{"content":[" ","a"]}}"#,
        ] {
            let piece = read(piece);
            assert_eq!((piece.text.as_str(), piece.finish, piece.thought), (" a", None, false));
        }
        for nothing in ["null", "[]", "7", r#"{"choices":null}"#, r#"{"choices":{"text":"a"}}"#] {
            assert!(choices(&serde_json::from_str(nothing).unwrap()).is_empty(), "{nothing}");
        }
        assert_eq!(choices(&json!({"choices": [null, 7, {"text": "a"}]})).len(), 3);
        for none in [json!({"error": null}), json!({"error": ""}), json!({"error": {}}), json!(null)] {
            assert!(error(&none).is_none(), "{none}");
        }
    }

    #[test]
    fn what_is_thought_is_not_said() {
        for piece in [
            r#"{"delta":{"content":null,"reasoning_content":"Okay"}}"#,
            r#"{"message":{"content":"","reasoning":"Okay"}}"#,
            r#"{"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":"Okay"}]}]}}"#,
        ] {
            let piece = read(piece);
            assert!(piece.thought && piece.text.is_empty(), "{piece:?}");
        }
        assert!(!read(r#"{"delta":{"content":"a","reasoning_content":""}}"#).thought);
    }

    #[test]
    fn what_a_refusal_names_is_left_out_whatever_else_it_says() {
        let body = json!({
            "model": "m", "top_k": 40, "n": 2, "seed": 1, "max_tokens": 5, "temperature": 0.7,
            "chat_template_kwargs": {"enable_thinking": false}, "messages": [],
        });
        for (said, expected) in [
            ("Unrecognized request argument supplied: n", vec!["n"]),
            ("'temperature' does not support 0.7 with this model", vec!["temperature"]),
            (r#"Unknown name "top_k": Cannot find field"#, vec!["top_k"]),
            ("prefill is incompatible with enable_thinking", vec!["chat_template_kwargs"]),
            ("the messages are too long for this model", vec![]),
        ] {
            assert_eq!(named(said, &body), expected, "{said}");
        }
        let mut refused = Refused::default();
        assert!(refused.learn("unknown: n, seed", &body) && !refused.learn("unknown: n, seed", &body));
        assert!(refused.learn("'max_tokens' is not supported; use 'max_completion_tokens'", &body));
        let cut = refused.cut(body.as_object().unwrap().clone());
        assert_eq!(cut["max_completion_tokens"], 5);
        assert!(["n", "seed", "max_tokens"].iter().all(|key| cut.get(key).is_none()), "{cut}");
        assert!(refused.learn("unknown field `max_completion_tokens`", &cut));
        assert!(refused.cut(body.as_object().unwrap().clone()).get("max_completion_tokens").is_none());
    }

    #[test]
    fn without_a_name_the_least_needed_goes_first() {
        let body = json!({"top_k": 40, "n": 2, "seed": 1, "max_tokens": 5});
        let mut refused = Refused::default();
        for gone in ["top_k", "n", "seed"] {
            let cut = refused.cut(body.as_object().unwrap().clone());
            assert!(cut.get(gone).is_some() && refused.guess(&cut), "{gone}");
        }
        let cut = refused.cut(body.as_object().unwrap().clone());
        assert_eq!(cut, json!({"max_tokens": 5}));
        assert!(!refused.guess(&cut));
    }

    #[test]
    fn where_no_system_may_speak_its_words_stand_before_the_first_turn() {
        let message = |role, content| json!({"role": role, "content": content});
        let body = json!({"messages": [message("system", "Be brief."), message("user", "Hi."), message("assistant", "Yes?")]});
        for said in [
            "Jinja Exception: System role not supported",
            "Conversation roles must alternate",
            "no `system` here",
        ] {
            let mut refused = Refused::default();
            assert!(refused.learn(said, &body), "{said}");
            let cut = refused.cut(body.as_object().unwrap().clone());
            assert_eq!(
                cut["messages"],
                json!([message("user", "Be brief.\n\nHi."), message("assistant", "Yes?")])
            );
            assert!(!refused.learn(said, &cut));
        }
    }

    #[test]
    fn lists_of_models_have_many_forms() {
        for list in [
            r#"{"object":"list","data":[{"id":"m","max_model_len":4096}]}"#,
            r#"[{"id":"m","context_length":4096,"object":"model"}, {"object":"model"}]"#,
            r#"{"models":[{"name":"m","meta":{"n_ctx":4096}}]}"#,
            r#"{"data":[{"id":"m","meta":null,"context_window":4096,"aliases":"none"}]}"#,
        ] {
            let models = models(list).unwrap();
            assert_eq!(models.len(), 1, "{list}");
            assert_eq!((models[0].id.as_str(), models[0].context), ("m", Some(4096)), "{list}");
        }
        assert_eq!(models(r#"["a","b"]"#).unwrap().len(), 2);
        assert_eq!(models(r#"{"data":[]}"#), Some(Vec::new()));
        assert_eq!((models("<html>"), models("{}")), (None, None));
    }

    #[test]
    fn a_model_is_known_by_its_names() {
        let read = |text: &str| listed(&serde_json::from_str(text).unwrap()).unwrap();
        assert!(read(r#"{"id":"llama3.2:latest"}"#).is_called("llama3.2"));
        assert!(!read(r#"{"id":"llama3.2:1b"}"#).is_called("llama3.2"));
        assert!(read(r#"{"id":"x","aliases":["y"]}"#).is_called("y"));
        assert_eq!(read(r#"{"id":"x","max_model_len":0}"#).context, None);
    }
}
