//! Candidates as they arrive: requests on threads of their own, so that a person can stop at any time.
//!
//! A request that nobody listens to any more ends with its next piece: the connection closes, and the
//! server stops working on it.

use super::error::ServerError;
use super::http::{Client, message};
use super::sse::{Events, Fault};
use super::wire::{Choice, Chunk};
use crate::model::{Finish, OnText};
use serde_json::Value;
use std::io::BufReader;
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// How often a waiting person is asked whether to go on.
const WAIT: Duration = Duration::from_millis(20);

/// One request for the candidates `first..first + count`.
pub(super) struct Ask {
    pub path: &'static str,
    pub body: Value,
    pub first: usize,
    pub count: usize,
}

/// How a candidate's text is to be taken.
#[derive(Clone, Debug)]
pub(super) struct Cutting {
    /// It ends before the first of these.
    pub stop: Vec<String>,
    /// White space before its first word is no part of it: a chat's replies begin with some.
    pub trim_start: bool,
}

/// One candidate while it arrives.
#[derive(Clone, Debug, Default)]
pub(super) struct Arriving {
    /// Its text so far, without the stop string.
    pub text: String,
    /// Tokens drawn: as many as there are log-probabilities, or else pieces.
    pub tokens: usize,
    /// Sum of their natural-log probabilities.
    pub logprob: f64,
    /// How many of them are known.
    pub known: usize,
    /// Something came for it.
    pub heard: bool,
    /// Why it ended.
    pub finish: Option<Finish>,
}

impl Arriving {
    /// Takes a piece in; gives what of it can be shown.
    fn take(&mut self, piece: &Piece, cutting: &Cutting) -> String {
        self.heard = true;
        if self.finish.is_some() {
            return String::new();
        }
        self.tokens += if piece.logprobs.is_empty() {
            usize::from(!piece.text.is_empty())
        } else {
            piece.logprobs.len()
        };
        self.logprob += piece.logprobs.iter().sum::<f64>();
        self.known += piece.logprobs.len();
        let before = self.text.len();
        self.text.push_str(&piece.text);
        if cutting.trim_start && before == 0 {
            self.text = self.text.trim_start().to_owned();
        }
        let end = cutting.stop.iter().filter_map(|stop| self.text.find(stop.as_str())).min();
        if let Some(end) = end {
            self.text.truncate(end);
            self.finish = Some(Finish::Stop);
        }
        self.finish = self.finish.or(piece.finish);
        self.text.get(before..).unwrap_or_default().to_owned()
    }
}

/// What a thread tells.
enum Report {
    Piece(Piece),
    Ended(Result<(), ServerError>),
}

/// A piece of a candidate.
struct Piece {
    index: usize,
    text: String,
    logprobs: Vec<f64>,
    finish: Option<Finish>,
}

/// Has `asks` answered; `on_text` hears the first candidate, and is asked again and again whether to go on.
/// The second value says whether it broke off.
///
/// # Errors
/// The server failed, or took too long.
pub(super) fn gather(
    client: &Client,
    asks: Vec<Ask>,
    cutting: &Cutting,
    on_text: OnText,
) -> Result<(Vec<Arriving>, ControlFlow<()>), ServerError> {
    let mut candidates =
        vec![Arriving::default(); asks.iter().map(|ask| ask.first + ask.count).max().unwrap_or(0)];
    let mut open = asks.len();
    let (sender, reports) = channel();
    let gone = Gone(Arc::new(AtomicBool::new(false)));
    for ask in asks {
        let (client, sender, gone) = (client.clone(), sender.clone(), Arc::clone(&gone.0));
        std::thread::spawn(move || {
            let answered = answer(&client, &ask, &sender, &gone);
            // Nobody may be listening any more.
            let _ = sender.send(Report::Ended(answered));
        });
    }
    drop(sender);
    let mut last_heard = Instant::now();
    let mut any = false;
    while open > 0 && !candidates.iter().all(|candidate| candidate.finish.is_some()) {
        match next(&reports, on_text) {
            Next::Broken => return Ok((candidates, ControlFlow::Break(()))),
            Next::Nothing if any && last_heard.elapsed() > client.timeouts.between => {
                return Err(client.slow("in the middle of its reply"));
            }
            Next::Nothing if last_heard.elapsed() > first_limit(client) => {
                return Err(client.slow("before its reply"));
            }
            Next::Nothing => {}
            Next::Report(Report::Piece(piece)) => {
                (any, last_heard) = (true, Instant::now());
                let Some(candidate) = candidates.get_mut(piece.index) else { continue };
                let shown = candidate.take(&piece, cutting);
                if piece.index == 0 && !shown.is_empty() && on_text(&shown).is_break() {
                    return Ok((candidates, ControlFlow::Break(())));
                }
            }
            Next::Report(Report::Ended(answered)) => {
                open -= 1;
                answered?;
            }
        }
    }
    Ok((candidates, ControlFlow::Continue(())))
}

/// The whole wait for a first piece: the reply's, and what asking again takes.
fn first_limit(client: &Client) -> Duration {
    let timeouts = &client.timeouts;
    timeouts.first + (timeouts.connect + timeouts.backoff * 2).saturating_mul(timeouts.tries)
}

/// Tells the threads, when dropped, that nobody listens any more.
struct Gone(Arc<AtomicBool>);

impl Drop for Gone {
    fn drop(&mut self) {
        self.0.store(true, Ordering::Relaxed);
    }
}

enum Next {
    Report(Report),
    Nothing,
    Broken,
}

fn next(reports: &Receiver<Report>, on_text: OnText) -> Next {
    match reports.recv_timeout(WAIT) {
        Ok(report) => Next::Report(report),
        Err(RecvTimeoutError::Disconnected) => Next::Report(Report::Ended(Ok(()))),
        Err(RecvTimeoutError::Timeout) if on_text("").is_break() => Next::Broken,
        Err(RecvTimeoutError::Timeout) => Next::Nothing,
    }
}

/// One request from beginning to end.
fn answer(client: &Client, ask: &Ask, sender: &Sender<Report>, gone: &AtomicBool) -> Result<(), ServerError> {
    let mut response = client.post(ask.path, &ask.body, gone)?;
    if response.body().mime_type() == Some("application/json") {
        // A server that does not stream.
        let text = client.text(&mut response)?;
        let _ = pass_on(client, ask, &text, sender)?;
        return Ok(());
    }
    let body = response.into_body().into_with_config().limit(super::http::LARGEST_ANSWER).reader();
    let mut events = Events::new(BufReader::new(body));
    let mut ended = 0;
    while !gone.load(Ordering::Relaxed) {
        match events.next() {
            Ok(Some(data)) if data.trim() == "[DONE]" => return Ok(()),
            Ok(Some(data)) => ended += pass_on(client, ask, &data, sender)?,
            Ok(None) if ended >= ask.count => return Ok(()),
            Ok(None) => return Err(ServerError::Cut { server: client.server() }),
            Err(Fault::LongLine) => return Err(client.garbled("a line without end")),
            Err(Fault::Io(error)) => return Err(client.broken(&ureq::Error::from(error))),
        }
    }
    Err(ServerError::Stopped)
}

/// Passes on what an event holds; gives how many candidates ended with it.
fn pass_on(client: &Client, ask: &Ask, data: &str, sender: &Sender<Report>) -> Result<usize, ServerError> {
    let chunk: Chunk = serde_json::from_str(data).map_err(|error| {
        client.garbled(&format!("{error}, in: {}", data.chars().take(80).collect::<String>()))
    })?;
    if let Some(error) = chunk.error.filter(|error| !error.is_null()) {
        let said = client.quote(&message(&serde_json::json!({ "error": error }).to_string()));
        return Err(ServerError::Refused { server: client.server(), status: 200, said });
    }
    let mut ended = 0;
    for choice in &chunk.choices {
        if choice.index >= ask.count {
            return Err(client.garbled("a candidate that nobody asked for"));
        }
        ended += usize::from(choice.finish_reason.is_some());
        if sender.send(Report::Piece(piece(client, ask, choice))).is_err() {
            return Err(ServerError::Stopped);
        }
    }
    Ok(ended)
}

fn piece(client: &Client, ask: &Ask, choice: &Choice) -> Piece {
    let finish = choice.finish_reason.as_deref().map(|reason| match reason {
        "length" | "content_filter" => Finish::Length,
        _ => Finish::Stop,
    });
    let text = client.without_key(choice.text());
    Piece { index: ask.first + choice.index, text, logprobs: choice.logprobs(), finish }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(pieces: &[&str], trim_start: bool) -> Arriving {
        let cutting = Cutting { stop: vec!["\n".to_owned()], trim_start };
        let mut candidate = Arriving::default();
        for text in pieces {
            let piece = Piece { index: 0, text: (*text).to_owned(), logprobs: vec![-1.0], finish: None };
            candidate.take(&piece, &cutting);
        }
        candidate
    }

    #[test]
    fn a_candidate_ends_before_the_stop_string_wherever_it_is_cut() {
        let candidate = taken(&[" Not", " now.", "\nSAM:", " More"], false);
        assert_eq!((candidate.text.as_str(), candidate.finish), (" Not now.", Some(Finish::Stop)));
        assert_eq!((candidate.tokens, candidate.logprob), (3, -3.0));
        assert_eq!(taken(&["\n"], false).finish, Some(Finish::Stop));
    }

    #[test]
    fn a_chats_leading_white_space_is_no_stop() {
        let candidate = taken(&["\n", "\n Not", " now."], true);
        assert_eq!((candidate.text.as_str(), candidate.finish), ("Not now.", None));
    }
}
