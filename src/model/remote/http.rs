//! Requests to the server: time-outs, tries again before the first byte, and statuses in words.
//!
//! Redirects are never followed: turns and key go to the address that the person gave, and nowhere else.

use super::address::{Address, ApiKey};
use super::error::ServerError;
use crate::text::one_line;
use serde_json::Value;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};
use ureq::http::Response;
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
/// Between two looks at whether the caller has gone.
const TICK: Duration = Duration::from_millis(20);

/// A server that can be asked.
#[derive(Clone, Debug)]
pub(super) struct Client {
    pub address: Address,
    pub timeouts: Timeouts,
    key: Option<ApiKey>,
    agent: Agent,
}

impl Client {
    pub fn new(address: Address, key: Option<ApiKey>, timeouts: Timeouts) -> Client {
        let mut config = Agent::config_builder()
            .timeout_connect(Some(timeouts.connect))
            .timeout_send_request(Some(timeouts.between))
            .timeout_send_body(Some(timeouts.between))
            .timeout_recv_response(Some(timeouts.first))
            .timeout_recv_body(Some(LONGEST_REPLY))
            .max_redirects(0)
            .http_status_as_error(false)
            .user_agent(concat!("coachup/", env!("CARGO_PKG_VERSION")));
        if address.is_loopback() {
            // What stays on this machine goes through no proxy.
            config = config.proxy(None);
        }
        Client { address, timeouts, key, agent: config.build().into() }
    }

    /// The answer to a question, whole.
    pub fn get(&self, path: &str, gone: &AtomicBool) -> Result<String, ServerError> {
        let mut response = self.ask(path, None, gone)?;
        self.text(&mut response)
    }

    /// The answer to a request, to be read as it comes.
    pub fn post(&self, path: &str, body: &Value, gone: &AtomicBool) -> Result<Response<Body>, ServerError> {
        self.ask(path, Some(body), gone)
    }

    /// The rest of an answer.
    pub fn text(&self, response: &mut Response<Body>) -> Result<String, ServerError> {
        let body = response.body_mut().with_config().limit(LARGEST_ANSWER).lossy_utf8(true);
        body.read_to_string().map_err(|error| self.broken(&error))
    }

    /// Asks, and asks again where the server can't be reached or says that it is busy.
    fn ask(
        &self,
        path: &str,
        body: Option<&Value>,
        gone: &AtomicBool,
    ) -> Result<Response<Body>, ServerError> {
        let mut pause = self.timeouts.backoff;
        for attempt in 1.. {
            let last = attempt >= self.timeouts.tries.max(1);
            match self.send(path, body) {
                Ok(response) if is_busy(&response) && !last => {
                    wait(pause.max(retry_after(&response)), gone)?;
                }
                Ok(response) if response.status().is_success() => return Ok(response),
                Ok(response) => return Err(self.refusal(response, attempt)),
                Err(ServerError::Unreachable { .. }) if !last => wait(pause, gone)?,
                Err(error) => return Err(error),
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
        sent.map_err(|error| match error {
            ureq::Error::Timeout(ureq::Timeout::RecvResponse) => self.slow("before its reply"),
            // The system's number for it helps nobody who reads this.
            ureq::Error::Io(error) => {
                self.unreachable(error.to_string().split(" (os error").next().unwrap_or_default())
            }
            error => self.unreachable(&error.to_string()),
        })
    }

    /// A status that is no success, in words.
    fn refusal(&self, mut response: Response<Body>, tries: u32) -> ServerError {
        let (server, status) = (self.server(), response.status());
        if status.is_redirection() {
            let to = response.headers().get("location").and_then(|to| to.to_str().ok()).unwrap_or("?");
            return ServerError::Moved { server, to: self.quote(to) };
        }
        let said = self.text(&mut response).map(|text| self.quote(&message(&text))).unwrap_or_default();
        let status = status.as_u16();
        match status {
            401 | 403 if self.key.is_none() => {
                let remedy = "put it into the environment variable `COACHUP_API_KEY`";
                ServerError::Key { server, what: "wants a key", status, remedy }
            }
            401 | 403 => {
                let remedy =
                    "look at the variable it comes from: `COACHUP_API_KEY`, or the one that `key-env` names";
                ServerError::Key { server, what: "does not accept the key", status, remedy }
            }
            429 | 500.. => {
                let said = if said.is_empty() { said } else { format!("; it says: {said}") };
                ServerError::Busy { server, status, tries, said }
            }
            _ => ServerError::Refused { server, status, said },
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

    fn unreachable(&self, why: &str) -> ServerError {
        ServerError::Unreachable { server: self.server(), why: self.quote(why) }
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

fn is_busy(response: &Response<Body>) -> bool {
    matches!(response.status().as_u16(), 429 | 500 | 502 | 503 | 504)
}

/// What the server asks to wait, up to ten seconds.
fn retry_after(response: &Response<Body>) -> Duration {
    let seconds = response.headers().get("retry-after").and_then(|value| value.to_str().ok()?.parse().ok());
    Duration::from_secs(seconds.unwrap_or(0u64).min(10))
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
    let at = |pointer: &str| json.as_ref()?.pointer(pointer)?.as_str().map(str::to_owned);
    ["/error/message", "/error", "/message", "/detail"]
        .into_iter()
        .find_map(at)
        .unwrap_or_else(|| text.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_words_of_an_error_are_found() {
        assert_eq!(message(r#"{"error":{"message":"no such model","code":404}}"#), "no such model");
        assert_eq!(message(r#"{"error":"busy"}"#), "busy");
        assert_eq!(message(r#"{"detail":"Not Found"}"#), "Not Found");
        assert_eq!(message("<html>"), "<html>");
    }

    #[test]
    fn a_quote_is_short_harmless_and_without_the_key() {
        let (address, _) = Address::read("http://localhost/v1").unwrap();
        let client = Client::new(address, Some(ApiKey::new("canary")), Timeouts::default());
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
