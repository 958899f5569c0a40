//! A server of the tests' own, which behaves as it is told to.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::{Arc, Mutex};
use std::time::Duration;

/// What it can do, and what it does wrong.
#[derive(Clone, Debug)]
pub struct Manner {
    /// Continues plain text.
    pub raw: bool,
    /// Draws several candidates at once.
    pub several: bool,
    /// Refuses requests with one of these keys.
    pub unknown: Vec<&'static str>,
    /// Refuses requests with one of these keys, or with a message of this role, in its own words.
    pub refusals: Vec<(&'static str, u16, &'static str)>,
    /// The model thinks before it speaks, unless it reads this word in the request.
    pub thinks_without: Option<&'static str>,
    /// What it thinks, in how many pieces.
    pub thoughts: usize,
    /// Answers requests for words with this, of this kind, whatever was asked.
    pub verbatim: Option<(&'static str, &'static str)>,
    /// Answers the request for the list of models with this.
    pub list: Option<(u16, &'static str)>,
    /// How long to wait, as its refusals say.
    pub retry_after: Option<&'static str>,
    /// The key it wants.
    pub key: Option<&'static str>,
    /// What it has a model say.
    pub says: Vec<&'static str>,
    /// The models it tells of.
    pub models: Vec<&'static str>,
    /// Statuses of the next answers to requests for words, before it behaves.
    pub statuses: Vec<u16>,
    /// Where it redirects to.
    pub elsewhere: String,
    /// What it does wrong.
    pub fault: Fault,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Fault {
    None,
    /// Takes the request and says nothing.
    Silent,
    /// Stops after the first piece, and keeps the connection.
    Stalls,
    /// Closes the connection after the first piece.
    Cuts,
    /// Sends what is no JSON.
    NoJson,
    /// Sends a line without end.
    LongLine,
    /// Redirects to another address.
    Moved,
    /// Says back what it was sent in its headers, as an error.
    EchoesKey,
    /// Says back what it was sent in its headers, as the reply.
    SaysKey,
    /// An error in the middle of the stream.
    LateError,
}

impl Default for Manner {
    fn default() -> Manner {
        Manner {
            raw: true,
            several: true,
            unknown: Vec::new(),
            refusals: Vec::new(),
            thinks_without: None,
            thoughts: 30,
            verbatim: None,
            list: None,
            retry_after: None,
            key: None,
            says: vec![" this", " week", ".", "\nSAM: more"],
            models: vec!["small"],
            statuses: Vec::new(),
            elsewhere: "http://127.0.0.1:9/v1/elsewhere".to_owned(),
            fault: Fault::None,
        }
    }
}

/// A request that came.
#[derive(Clone, Debug)]
pub struct Asked {
    pub path: String,
    pub key: Option<String>,
    pub body: Value,
}

pub struct StandIn {
    pub address: String,
    manner: Arc<Mutex<Manner>>,
    asked: Arc<Mutex<Vec<Asked>>>,
}

impl StandIn {
    pub fn start(manner: Manner) -> StandIn {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let address = format!("http://{}/v1", listener.local_addr().unwrap());
        let (manner, asked) = (Arc::new(Mutex::new(manner)), Arc::new(Mutex::new(Vec::new())));
        let (shared, log) = (Arc::clone(&manner), Arc::clone(&asked));
        std::thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let (shared, log) = (Arc::clone(&shared), Arc::clone(&log));
                // The client may go away in the middle.
                std::thread::spawn(move || answer(stream, &shared, &log));
            }
        });
        StandIn { address, manner, asked }
    }

    pub fn set(&self, change: impl FnOnce(&mut Manner)) {
        change(&mut self.manner.lock().unwrap());
    }

    /// The requests for words so far.
    pub fn asked(&self) -> Vec<Asked> {
        self.asked.lock().unwrap().iter().filter(|asked| asked.path != "/v1/models").cloned().collect()
    }

    /// All requests so far.
    pub fn all(&self) -> usize {
        self.asked.lock().unwrap().len()
    }
}

/// Reads one request.
fn read(stream: &TcpStream) -> std::io::Result<Asked> {
    let mut lines = BufReader::new(stream.try_clone()?);
    let mut first = String::new();
    lines.read_line(&mut first)?;
    let (mut length, mut key) = (0, None);
    loop {
        let mut line = String::new();
        lines.read_line(&mut line)?;
        let Some((name, value)) = line.trim_end().split_once(": ") else { break };
        match name.to_ascii_lowercase().as_str() {
            "content-length" => length = value.parse().unwrap(),
            "authorization" => key = Some(value.to_owned()),
            _ => {}
        }
    }
    let mut body = vec![0; length];
    lines.read_exact(&mut body)?;
    let body = serde_json::from_slice(&body).unwrap_or(Value::Null);
    Ok(Asked { path: first.split(' ').nth(1).unwrap_or_default().to_owned(), key, body })
}

fn reply(out: &mut TcpStream, status: u16, headers: &str, body: &str) -> std::io::Result<()> {
    let length = body.len();
    write!(
        out,
        "HTTP/1.1 {status} So\r\n{headers}Content-Length: {length}\r\nConnection: close\r\n\r\n{body}"
    )
}

fn answer(mut out: TcpStream, manner: &Mutex<Manner>, log: &Mutex<Vec<Asked>>) -> std::io::Result<()> {
    let asked = read(&out)?;
    log.lock().unwrap().push(asked.clone());
    let list = asked.path.ends_with("/models");
    let manner = {
        let mut shared = manner.lock().unwrap();
        let now = shared.clone();
        if !list && !shared.statuses.is_empty() {
            shared.statuses.remove(0);
        }
        now
    };
    let refuse = |out: &mut TcpStream, status: u16, said: &str| {
        let body = json!({"error": {"message": said}}).to_string();
        let wait = manner.retry_after.map(|wait| format!("Retry-After: {wait}\r\n")).unwrap_or_default();
        reply(out, status, &format!("Content-Type: application/json\r\n{wait}"), &body)
    };
    if !asked.path.starts_with("/v1/") {
        return refuse(&mut out, 404, "page not found");
    }
    if let Some(key) = manner.key
        && asked.key.as_deref() != Some(&format!("Bearer {key}"))
    {
        return refuse(&mut out, 401, "who are you?");
    }
    if let Some((status, body)) = manner.list.filter(|_| list) {
        return reply(&mut out, status, "", body);
    }
    if list {
        let models: Vec<Value> = manner.models.iter().map(|id| json!({"id": id})).collect();
        let body = json!({"object": "list", "data": models}).to_string();
        return reply(&mut out, 200, "", &body);
    }
    if let Some(status) = manner.statuses.first() {
        return refuse(&mut out, *status, "not now");
    }
    if !manner.models.contains(&asked.body["model"].as_str().unwrap_or_default()) {
        return refuse(&mut out, 404, "no such model");
    }
    if let Some(key) = manner.unknown.iter().find(|key| asked.body.get(**key).is_some()) {
        return refuse(&mut out, 400, &format!("Unrecognized request argument supplied: {key}"));
    }
    let has = |key: &str| {
        let messages = asked.body["messages"].as_array().into_iter().flatten();
        asked.body.get(key).is_some() || messages.into_iter().any(|message| message["role"] == key)
    };
    if let Some((_, status, said)) = manner.refusals.iter().find(|(key, ..)| has(key)) {
        return refuse(&mut out, *status, said);
    }
    let raw = asked.path == "/v1/completions";
    if raw && !manner.raw {
        return refuse(&mut out, 404, "Not Found");
    }
    match manner.fault {
        Fault::Silent => {
            std::thread::sleep(Duration::from_secs(5));
            return Ok(());
        }
        Fault::Moved => {
            let to = &manner.elsewhere;
            return write!(out, "HTTP/1.1 307 Moved\r\nLocation: {to}\r\nContent-Length: 0\r\n\r\n");
        }
        Fault::EchoesKey => return refuse(&mut out, 400, &format!("bad header \u{1b}[2J {:?}", asked.key)),
        _ => {}
    }
    if let Some((kind, body)) = manner.verbatim {
        return reply(&mut out, 200, &format!("Content-Type: {kind}\r\n"), body);
    }
    write!(
        out,
        "HTTP/1.1 200 OK\r\nContent-Type: text/event-stream\r\nConnection: close\r\n\r\n: hello\n\n"
    )?;
    stream(&mut out, &asked, &manner, raw)
}

/// The words, piece by piece.
fn stream(out: &mut TcpStream, asked: &Asked, manner: &Manner, raw: bool) -> std::io::Result<()> {
    let wanted = asked.body["n"].as_u64().unwrap_or(1);
    let count = if manner.several { wanted } else { 1 };
    let piece = |index: u64, text: &str, finish: Value| {
        let mut choice = json!({"index": index, "finish_reason": finish});
        let words = if raw { json!(text) } else { json!({"content": text}) };
        choice[if raw { "text" } else { "delta" }] = words;
        if !asked.body["logprobs"].is_null() && !text.is_empty() {
            choice["logprobs"] = json!({"content": [{"token": text, "logprob": -0.5}]});
        }
        format!("data: {}\n\n", json!({"choices": [choice]}))
    };
    let key = asked.key.clone().unwrap_or_default();
    let key = key.trim_start_matches("Bearer ");
    let words: Vec<&str> = match () {
        // In two pieces, neither of which is the key.
        () if manner.fault == Fault::SaysKey => {
            vec![" I know ", &key[..key.len() / 2], &key[key.len() / 2..]]
        }
        () => manner.says.clone(),
    };
    let thinks = manner.thinks_without.is_some_and(|word| !asked.body.to_string().contains(word));
    let thoughts = ["\n<think>\n"]
        .into_iter()
        .chain(std::iter::repeat_n(" hm,", manner.thoughts))
        .chain(["</think>\n\n"]);
    let all: Vec<&str> = thoughts.filter(|_| thinks).chain(words).collect();
    let most = ["max_tokens", "max_completion_tokens"].iter().find_map(|key| asked.body[key].as_u64());
    let words = &all[..all.len().min(most.unwrap_or(u64::MAX) as usize)];
    let finish = if words.len() < all.len() { "length" } else { "stop" };
    for (at, word) in words.iter().enumerate() {
        for index in 0..count {
            out.write_all(piece(index, word, Value::Null).as_bytes())?;
        }
        if at > 0 {
            continue;
        }
        match manner.fault {
            Fault::Stalls => std::thread::sleep(Duration::from_secs(5)),
            Fault::Cuts => return Ok(()),
            Fault::NoJson => out.write_all(b"data: {\"choices\": [\x1b[31m\n\n")?,
            Fault::LongLine => {
                for _ in 0..64 {
                    out.write_all(&[b'x'; 1 << 16])?;
                }
            }
            Fault::LateError => out.write_all(b"data: {\"error\": {\"message\": \"out of memory\"}}\n\n")?,
            _ => {}
        }
    }
    for index in 0..count {
        out.write_all(piece(index, "", json!(finish)).as_bytes())?;
    }
    out.write_all(b"data: [DONE]\n\n")
}
