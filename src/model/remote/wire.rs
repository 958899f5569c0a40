//! The API's words: what a request holds, and what comes back, from any of the servers that speak it.

use serde::Deserialize;
use serde_json::{Map, Value, json};
use std::collections::BTreeSet;

/// Keys of a request that a server may not know, by how little is lost without them. A server that refuses
/// a request and names none of its keys is asked again without the next of these groups.
const OPTIONAL: [&[&str]; 5] = [
    &[
        "top_k",
        "repeat_penalty",
        "repetition_penalty",
        "continue_final_message",
        "add_generation_prompt",
        "chat_template_kwargs",
    ],
    &["logprobs"],
    &["n"],
    &["seed"],
    &["stop"],
];

/// Keys that this server does not take.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Refused(BTreeSet<&'static str>);

impl Refused {
    /// Takes note of a refusal in which the server says `said` about `body`. False where nothing can be
    /// left out any more.
    pub fn learn(&mut self, said: &str, body: &Value) -> bool {
        let sent = |key: &&&str| body.get(**key).is_some();
        let words: Vec<&str> = said.split(|c: char| !(c.is_alphanumeric() || c == '_')).collect();
        let named = OPTIONAL.iter().copied().flatten().chain(&["max_tokens"]).filter(sent);
        let mut fresh: Vec<&'static str> = named.filter(|key| words.contains(*key)).copied().collect();
        if fresh.is_empty() {
            let group = OPTIONAL.iter().find(|group| group.iter().any(|key| body.get(*key).is_some()));
            fresh = group.copied().unwrap_or_default().to_vec();
        }
        let known = self.0.len();
        self.0.extend(fresh);
        self.0.len() > known
    }

    /// The body without what the server does not take.
    pub fn cut(&self, mut body: Map<String, Value>) -> Value {
        for key in &self.0 {
            let value = body.remove(*key);
            // Newer models of one maker have another name for it.
            if *key == "max_tokens"
                && let Some(value) = value
            {
                body.insert("max_completion_tokens".to_owned(), value);
            }
        }
        Value::Object(body)
    }
}

/// What is the same in both kinds of request.
pub(super) fn common(model: &str, request: &super::Request, count: usize, seed: u64) -> Map<String, Value> {
    let sampling = &request.sampling;
    let mut body = Map::new();
    let mut put = |key: &str, value: Value| drop(body.insert(key.to_owned(), value));
    put("model", json!(model));
    put("stream", json!(true));
    put("max_tokens", json!(request.max_tokens));
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
    if !request.stop.is_empty() {
        put("stop", json!(request.stop));
    }
    if count > 1 {
        put("n", json!(count));
    }
    body
}

/// A piece of a stream, or a whole answer.
#[derive(Debug, Deserialize)]
pub(super) struct Chunk {
    #[serde(default)]
    pub choices: Vec<Choice>,
    #[serde(default)]
    pub error: Option<Value>,
}

/// A piece of one candidate.
#[derive(Debug, Deserialize)]
pub(super) struct Choice {
    #[serde(default)]
    pub index: usize,
    #[serde(default)]
    text: Option<String>,
    #[serde(default)]
    delta: Option<Said>,
    #[serde(default)]
    message: Option<Said>,
    #[serde(default)]
    logprobs: Option<Logprobs>,
    #[serde(default)]
    pub finish_reason: Option<String>,
}

#[derive(Debug, Deserialize)]
struct Said {
    #[serde(default)]
    content: Option<String>,
}

/// Log-probabilities: `content` as in chats (and in llama.cpp's completions), or the older list.
#[derive(Debug, Deserialize)]
struct Logprobs {
    #[serde(default)]
    content: Option<Vec<Drawn>>,
    #[serde(default)]
    token_logprobs: Option<Vec<Option<f64>>>,
}

#[derive(Debug, Deserialize)]
struct Drawn {
    logprob: f64,
}

impl Choice {
    /// Its text; empty where it has none.
    pub fn text(&self) -> &str {
        let said = || self.delta.as_ref().or(self.message.as_ref())?.content.as_deref();
        self.text.as_deref().or_else(said).unwrap_or_default()
    }

    /// Natural-log probabilities of its tokens; none where the server tells none.
    pub fn logprobs(&self) -> Vec<f64> {
        let Some(logprobs) = &self.logprobs else { return Vec::new() };
        let all: Vec<f64> = match (&logprobs.content, &logprobs.token_logprobs) {
            (Some(content), _) => content.iter().map(|token| token.logprob).collect(),
            (None, Some(list)) => list.iter().flatten().copied().collect(),
            (None, None) => Vec::new(),
        };
        all.into_iter().filter(|logprob| logprob.is_finite()).collect()
    }
}

/// The models that a server tells of.
#[derive(Debug, Deserialize)]
pub(super) struct Models {
    pub data: Vec<ListedModel>,
}

/// One of them.
#[derive(Debug, Deserialize)]
pub(super) struct ListedModel {
    pub id: String,
    #[serde(default)]
    aliases: Option<Vec<String>>,
    /// vLLM's word for the context.
    #[serde(default)]
    max_model_len: Option<usize>,
    /// llama.cpp's.
    #[serde(default)]
    meta: Option<Meta>,
}

#[derive(Debug, Deserialize)]
struct Meta {
    #[serde(default)]
    n_ctx: Option<usize>,
}

impl ListedModel {
    /// Does `name` mean this one? Ollama's names have a tag, a gateway's may be patterns.
    pub fn is_called(&self, name: &str) -> bool {
        self.id == name
            || self.id.strip_suffix(":latest") == Some(name)
            || self.id.contains('*')
            || self.aliases.iter().flatten().any(|alias| alias == name)
    }

    /// Tokens of prompt and reply together, where it is told.
    pub fn context(&self) -> Option<usize> {
        self.max_model_len.or_else(|| self.meta.as_ref()?.n_ctx)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_kinds_of_log_probabilities_are_read() {
        let older = r#"{"index":1,"text":" a","logprobs":{"tokens":[" a"],"token_logprobs":[-0.5,null]}}"#;
        let newer = r#"{"delta":{"content":" a"},"logprobs":{"content":[{"token":" a","logprob":-0.25}]}}"#;
        let read = |text| serde_json::from_str::<Choice>(text).unwrap();
        assert_eq!((read(older).logprobs(), read(older).text(), read(older).index), (vec![-0.5], " a", 1));
        assert_eq!((read(newer).logprobs(), read(newer).text()), (vec![-0.25], " a"));
        assert!(read(r#"{"text":"","logprobs":null}"#).logprobs().is_empty());
    }

    #[test]
    fn a_refused_key_is_left_out_and_without_a_name_the_least_needed_goes_first() {
        let body = json!({"top_k": 40, "n": 2, "seed": 1, "max_tokens": 5});
        let mut refused = Refused::default();
        assert!(refused.learn("Unrecognized request argument supplied: n", &body));
        assert_eq!(
            refused.cut(body.as_object().unwrap().clone()),
            json!({"top_k": 40, "seed": 1, "max_tokens": 5})
        );
        let body = refused.cut(body.as_object().unwrap().clone());
        assert!(
            refused.learn("bad request", &body) && refused.0.contains("top_k") && !refused.0.contains("seed")
        );
        assert!(refused.learn("'max_tokens' is not supported; use 'max_completion_tokens'", &body));
        let body = refused.cut(body.as_object().unwrap().clone());
        assert_eq!(body, json!({"seed": 1, "max_completion_tokens": 5}));
        assert!(refused.learn("bad request", &body));
        assert!(!refused.learn("bad request", &json!({"max_completion_tokens": 5})));
    }

    #[test]
    fn a_model_is_known_by_its_names() {
        let read = |text| serde_json::from_str::<ListedModel>(text).unwrap();
        assert!(read(r#"{"id":"llama3.2:latest"}"#).is_called("llama3.2"));
        assert!(!read(r#"{"id":"llama3.2:1b"}"#).is_called("llama3.2"));
        assert_eq!(read(r#"{"id":"x","meta":{"n_ctx":2048}}"#).context(), Some(2048));
        assert_eq!(read(r#"{"id":"x","max_model_len":4096}"#).context(), Some(4096));
        assert_eq!(read(r#"{"id":"x"}"#).context(), None);
    }
}
