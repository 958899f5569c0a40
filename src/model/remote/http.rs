//! Requests to the server: time-outs, tries again before the first byte, and statuses in words.
//!
//! Redirects are never followed: turns and key go to the address that the person gave, and nowhere else.

use super::address::{Address, ApiKey};
use super::error::ServerError;
use super::proxy::Proxies;
use super::wire;
use crate::text::one_line;
use jiff::fmt::rfc2822::DateTimeParser;
use serde_json::Value;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use ureq::http::Response;
use ureq::tls::{Certificate, RootCerts, TlsConfig};
use ureq::{Agent, Body};

/// How long to wait for what.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Timeouts {
    /// For the connection.
    pub connect: Duration,
    /// From the request to the first piece of the reply: a large prompt on a slow machine takes a while.
    pub first: Duration,
    /// Between two pieces of the reply.
    pub between: Duration,
    /// Before the second try; doubled before each further one.
    pub backoff: Duration,
    /// How often a server is asked that can't be reached or is busy.
    pub tries: u32,
}

impl Default for Timeouts {
    fn default() -> Timeouts {
        Timeouts {
            connect: Duration::from_secs(5),
            first: Duration::from_secs(120),
            between: Duration::from_secs(30),
            backoff: Duration::from_millis(500),
            tries: 4,
        }
    }
}

/// The largest answer that is read, in bytes; candidates of a boss's line have a few hundred.
pub(super) const LARGEST_ANSWER: u64 = 8 << 20;
/// The most that an error quotes of what the server says, in characters.
const LONGEST_QUOTE: usize = 200;
/// A whole reply takes no longer: the end of a connection that nobody listens to any more.
const LONGEST_REPLY: Duration = Duration::from_secs(600);
/// A server that asks to wait longer is not waited for: the person is told how long instead.
const LONGEST_PAUSE: Duration = Duration::from_secs(60);
/// Between two looks at whether the caller has gone.
const TICK: Duration = Duration::from_millis(20);

/// Why a request came to nothing, and all that the server said of it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Failure {
    pub error: ServerError,
    /// Its words, in which it may name what it does not take; empty where it said nothing.
    pub said: String,
}

impl From<ServerError> for Failure {
    fn from(error: ServerError) -> Failure {
        Failure { error, said: String::new() }
    }
}

/// A server that can be asked.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pub address: Address,
    pub timeouts: Timeouts,
    key: Option<ApiKey>,
    agent: Agent,
    /// The proxy on the way to it, as errors show it.
    proxy: Option<String>,
}

impl Client {
    /// # Errors
    /// A proxy on the way to it whose address is none.
    pub fn new(
        address: Address,
        key: Option<ApiKey>,
        timeouts: Timeouts,
        proxies: &Proxies,
    ) -> Result<Client, ServerError> {
        let proxy = proxies.to(&address)?;
        let shown = proxy.as_ref().map(|proxy| format!("{}:{}", proxy.host(), proxy.port()));
        let mut config = Agent::config_builder()
            .timeout_connect(Some(timeouts.connect))
            .timeout_send_request(Some(timeouts.between))
            .timeout_send_body(Some(timeouts.between))
            .timeout_recv_response(Some(timeouts.first))
            .timeout_recv_body(Some(LONGEST_REPLY))
            .max_redirects(0)
            .http_status_as_error(false)
            .proxy(proxy)
            .user_agent(concat!("coachup/", env!("CARGO_PKG_VERSION")));
        if address.as_str().starts_with("https:") {
            config = config.tls_config(TlsConfig::builder().root_certs(trusted()).build());
        }
        Ok(Client { address, timeouts, key, agent: config.build().into(), proxy: shown })
    }

    /// The answer to a question, whole.
    pub fn get(&self, path: &str, gone: &AtomicBool) -> Result<String, ServerError> {
        let mut response = self.ask(path, None, gone).map_err(|failure| failure.error)?;
        self.text(&mut response)
    }

    /// The answer to a request, to be read as it comes.
    pub fn post(&self, path: &str, body: &Value, gone: &AtomicBool) -> Result<Response<Body>, Failure> {
        self.ask(path, Some(body), gone)
    }

    /// The rest of an answer.
    fn text(&self, response: &mut Response<Body>) -> Result<String, ServerError> {
        let body = response.body_mut().with_config().limit(LARGEST_ANSWER).lossy_utf8(true);
        body.read_to_string().map_err(|error| self.broken(&error))
    }

    /// Asks, and asks again where the server can't be reached or says that it is busy.
    fn ask(&self, path: &str, body: Option<&Value>, gone: &AtomicBool) -> Result<Response<Body>, Failure> {
        let mut pause = self.timeouts.backoff;
        for attempt in 1.. {
            let last = attempt >= self.timeouts.tries.max(1);
            match self.send(path, body) {
                Ok(response) if response.status().is_success() => return Ok(response),
                Ok(response) => {
                    let asked = asked_to_wait(&response).unwrap_or_default();
                    let failed = response.status() == 500;
                    let failure = self.refusal(response, attempt, asked);
                    // A server that fails over what it then names fails again.
                    let named = body
                        .filter(|_| failed)
                        .is_some_and(|body| !wire::named(&failure.said, body).is_empty());
                    let busy = matches!(failure.error, ServerError::Busy { .. }) && !named;
                    if !busy || last || asked > LONGEST_PAUSE {
                        return Err(failure);
                    }
                    wait(pause.max(asked), gone)?;
                }
                Err(ServerError::Unreachable { .. }) if !last => wait(pause, gone)?,
                Err(error) => return Err(error.into()),
            }
            pause *= 2;
        }
        unreachable!("the last try returns")
    }

    fn send(&self, path: &str, body: Option<&Value>) -> Result<Response<Body>, ServerError> {
        let url = self.address.join(path);
        let key = self.key.as_ref().map(ApiKey::header).transpose()?;
        let sent = match body {
            None => {
                let request = self.agent.get(&url);
                let request = key.iter().fold(request, |request, key| request.header("Authorization", key));
                request.call()
            }
            Some(body) => {
                let request = self.agent.post(&url).header("Accept", "text/event-stream, application/json");
                let request = key.iter().fold(request, |request, key| request.header("Authorization", key));
                request.send_json(body)
            }
        };
        sent.map_err(|error| self.unsent(error))
    }

    /// Why there is no answer at all.
    fn unsent(&self, error: ureq::Error) -> ServerError {
        let why = match &error {
            ureq::Error::Timeout(ureq::Timeout::RecvResponse) => return self.slow("before its reply"),
            // The system's number for it helps nobody who reads this.
            ureq::Error::Io(error) => {
                error.to_string().split(" (os error").next().unwrap_or_default().to_owned()
            }
            error => error.to_string(),
        };
        let (server, why) = (self.server(), self.quote(&why));
        // What the TLS client has against a server is data that it does not accept.
        let tls = match &error {
            ureq::Error::Io(error) => error.kind() == std::io::ErrorKind::InvalidData,
            ureq::Error::Rustls(_) | ureq::Error::Tls(_) => true,
            _ => false,
        };
        if tls && server.starts_with("https:") {
            return ServerError::Tls { server, remedy: tls_remedy(&why), why };
        }
        match &self.proxy {
            Some(proxy) => ServerError::Proxy { server, proxy: proxy.clone(), why },
            None => ServerError::Unreachable { server, why },
        }
    }

    /// A status that is no success, in words.
    fn refusal(&self, mut response: Response<Body>, tries: u32, asked: Duration) -> Failure {
        let (server, status) = (self.server(), response.status());
        if status.is_redirection() {
            let to = response.headers().get("location").and_then(|to| to.to_str().ok()).unwrap_or("?");
            return ServerError::Moved { server, to: self.quote(to) }.into();
        }
        let text = self.text(&mut response).unwrap_or_default();
        let (message, words) = (self.quote(&message(&text)), words(&text));
        let status = status.as_u16();
        let error = match status {
            401 | 403 if self.key.is_none() => {
                let remedy = "put it into the environment variable `COACHUP_API_KEY`";
                ServerError::Key { server, what: "wants a key", status, remedy }
            }
            401 | 403 => {
                let remedy =
                    "look at the variable it comes from: `COACHUP_API_KEY`, or the one that `key-env` names";
                ServerError::Key { server, what: "does not accept the key", status, remedy }
            }
            // An account that is used up stays so, however often it is asked.
            408 | 425 | 429 | 500 | 502..=504 | 520..=530 if !words.contains("insufficient_quota") => {
                let said = if message.is_empty() { message } else { format!("; it says: {message}") };
                let when = match asked {
                    asked if asked > LONGEST_PAUSE => format!("in {} s, as it asks", asked.as_secs()),
                    _ => "in a while".to_owned(),
                };
                ServerError::Busy { server, status, tries, said, when }
            }
            _ => ServerError::Refused { server, status, said: message },
        };
        Failure { error, said: words }
    }

    /// An error that the server tells in an answer that began well.
    pub fn told(&self, error: &Value) -> Failure {
        let text = error.to_string();
        let said = self.quote(&message(&text));
        Failure {
            error: ServerError::Refused { server: self.server(), status: 200, said },
            said: words(&text),
        }
    }

    /// An answer that ended before its end.
    pub fn broken(&self, error: &ureq::Error) -> ServerError {
        match error {
            ureq::Error::BodyExceedsLimit(_) => self.garbled("it does not end"),
            ureq::Error::Timeout(_) => self.slow("in the middle of its reply"),
            _ => ServerError::Cut { server: self.server() },
        }
    }

    pub fn slow(&self, stage: &'static str) -> ServerError {
        let limit = if stage.starts_with("before") { self.timeouts.first } else { self.timeouts.between };
        ServerError::Slow { server: self.server(), seconds: limit.as_secs().max(1), stage }
    }

    pub fn garbled(&self, what: &str) -> ServerError {
        ServerError::Garbled { server: self.server(), what: self.quote(what) }
    }

    /// The server as errors name it.
    pub fn server(&self) -> String {
        self.address.as_str().to_owned()
    }

    /// What the server said: without the key, on one line, safe to print, not too long.
    pub fn quote(&self, text: &str) -> String {
        let text = one_line(&self.without_key(text));
        match text.char_indices().nth(LONGEST_QUOTE) {
            Some((end, _)) => format!("{}…", &text[..end]),
            None => text,
        }
    }

    /// `text` without the key, should the server say it back.
    pub fn without_key(&self, text: &str) -> String {
        self.key.as_ref().map_or_else(|| text.to_owned(), |key| key.hidden_in(text))
    }
}

/// Who may vouch for a server: the system's store, or what `SSL_CERT_FILE` and `SSL_CERT_DIR` name, so that a company's
/// own authority counts. A system that has none, as small containers, gets the list that browsers begin with.
fn trusted() -> RootCerts {
    let found = rustls_native_certs::load_native_certs().certs;
    if found.is_empty() {
        return RootCerts::WebPki;
    }
    found.iter().map(|found| Certificate::from_der(found).to_owned()).into()
}

fn tls_remedy(why: &str) -> &'static str {
    if why.contains("certificate") {
        "if its authority is your company's own, put that into the system's store, or name its file in `SSL_CERT_FILE`"
    } else {
        "it may speak no TLS there: try `http://`"
    }
}

/// How long the server asks to wait: in seconds, or until a time by its own clock, which it must tell then.
fn asked_to_wait(response: &Response<Body>) -> Option<Duration> {
    let header = |name: &str| response.headers().get(name)?.to_str().ok();
    let time = |text: &str| DateTimeParser::new().parse_timestamp(text.trim()).ok();
    let asked = header("retry-after")?;
    if let Ok(seconds) = asked.trim().parse() {
        return Some(Duration::from_secs(seconds));
    }
    let now = header("date").and_then(time)?;
    Some(Duration::try_from(time(asked)?.duration_since(now)).unwrap_or_default())
}

/// Waits, unless the caller has gone.
fn wait(pause: Duration, gone: &AtomicBool) -> Result<(), ServerError> {
    let until = Instant::now() + pause;
    while Instant::now() < until {
        if gone.load(Ordering::Relaxed) {
            return Err(ServerError::Stopped);
        }
        std::thread::sleep(TICK.min(until.saturating_duration_since(Instant::now())));
    }
    Ok(())
}

/// The words of an error: the message in the usual JSON, or what stands there.
pub(super) fn message(text: &str) -> String {
    let json: Option<Value> = serde_json::from_str(text).ok();
    // Some wrap it into a list.
    let json = json.map(|json| json.get(0).cloned().unwrap_or(json));
    let at = |pointer: &str| json.as_ref()?.pointer(pointer)?.as_str().map(str::to_owned);
    ["/error/message", "/error", "/message", "/detail"]
        .into_iter()
        .find_map(at)
        .unwrap_or_else(|| text.to_owned())
}

/// All words of an error, in which it may name what it is about; not those that it says back.
fn words(text: &str) -> String {
    fn collect(value: &Value, words: &mut Vec<String>) {
        match value {
            Value::String(text) => words.push(text.clone()),
            Value::Array(parts) => parts.iter().for_each(|part| collect(part, words)),
            Value::Object(fields) => {
                let own = fields.iter().filter(|(key, _)| *key != "input");
                own.for_each(|(_, field)| collect(field, words));
            }
            _ => {}
        }
    }
    let Ok(json) = serde_json::from_str(text) else { return text.to_owned() };
    let mut words = Vec::new();
    collect(&json, &mut words);
    words.join("\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_an_error_are_found() {
        assert_eq!(message(r#"{"error":{"message":"no such model","code":404}}"#), "no such model");
        assert_eq!(message(r#"{"error":"busy"}"#), "busy");
        assert_eq!(message(r#"{"detail":"Not Found"}"#), "Not Found");
        assert_eq!(message(r#"[{"error":{"message":"no such key"}}]"#), "no such key");
        assert_eq!(message("<html>"), "<html>");
    }

    #[test]
    fn a_refusal_names_things_in_any_of_its_fields_and_not_in_what_it_says_back() {
        let said = words(
            r#"{"detail":[{"loc":["body","top_k"],"msg":"Not permitted","input":{"a":"seed"},"n":1}]}"#,
        );
        assert_eq!(said, "body\ntop_k\nNot permitted");
        assert_eq!(words("no seed here"), "no seed here");
    }

    #[test]
    fn a_server_says_how_long_to_wait_in_seconds_or_until_when() {
        let asked = |headers: &[(&str, &str)]| {
            let response = Response::builder().status(429);
            let response =
                headers.iter().fold(response, |response, (name, value)| response.header(*name, *value));
            asked_to_wait(&response.body(Body::builder().data("")).unwrap()).map(|asked| asked.as_secs())
        };
        let date = ("date", "Sun, 06 Nov 1994 08:49:37 GMT");
        assert_eq!(asked(&[("retry-after", "8")]), Some(8));
        assert_eq!(asked(&[("retry-after", "Sun, 06 Nov 1994 08:49:41 GMT"), date]), Some(4));
        assert_eq!(asked(&[("retry-after", "Sun, 06 Nov 1994 08:49:01 GMT"), date]), Some(0), "it is over");
        assert_eq!(
            asked(&[("retry-after", "Sun, 06 Nov 1994 08:49:41 GMT")]),
            None,
            "its clock is not known"
        );
        assert_eq!(asked(&[("retry-after", "soon")]), None);
        assert_eq!(asked(&[]), None);
    }

    #[test]
    fn a_quote_is_short_harmless_and_without_the_key() {
        let (address, _) = Address::read("http://localhost/v1").unwrap();
        let key = Some(ApiKey::new("canary"));
        let client = Client::new(address, key, Timeouts::default(), &Proxies::default()).unwrap();
        let quote = client.quote(&format!("bad\u{1b}[2J key\ncanary {}", "x".repeat(1000)));
        assert!(!quote.contains("canary") && !quote.contains(['\u{1b}', '\n']), "{quote}");
        assert!(quote.chars().count() <= LONGEST_QUOTE + 1);
        assert!(!format!("{client:?}").contains("canary"));
    }

    #[test]
    fn nobody_waits_for_a_caller_that_has_gone() {
        let started = Instant::now();
        let waited = wait(Duration::from_secs(60), &AtomicBool::new(true));
        assert_eq!(waited, Err(ServerError::Stopped));
        assert!(started.elapsed() < Duration::from_secs(5));
    }
}
