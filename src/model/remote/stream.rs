//! Candidates as they arrive: requests on threads of their own, so that a person can stop at any time.
//!
//! A request that nobody listens to any more ends with its next piece: the connection closes, and the
//! server stops working on it.

use super::error::ServerError;
use super::http::{Client, Failure, LARGEST_ANSWER};
use super::sse::{Event, Events, Fault};
use super::wire::{self, Choice};
use crate::model::{Finish, OnText};
use serde_json::Value;
use std::io::{BufRead, BufReader, Read};
use std::ops::ControlFlow;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::time::{Duration, Instant};

/// How often a waiting person is asked whether to go on.
const WAIT: Duration = Duration::from_millis(20);
/// A candidate is taken no further, in bytes: a boss's line, and what a model thinks before it.
const LONGEST_CANDIDATE: usize = 32 << 10;

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
    /// It goes on with plain text as it stands; white space before a chat's reply, line breaks too, is no part of it.
    pub raw: bool,
}

/// One candidate while it arrives.
#[derive(Clone, Debug, Default)]
pub(super) struct Arriving {
    /// Its text so far, without the stop string.
    pub text: String,
    /// All that came.
    raw: String,
    /// The model thinks before it speaks.
    pub thought: bool,
    /// Tokens drawn: as many as there are log-probabilities, or else pieces.
    pub tokens: usize,
    /// Sum of the natural-log probabilities of those that are said.
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
        self.thought |= piece.thought;
        if self.finish.is_some() {
            return String::new();
        }
        self.tokens += if piece.logprobs.is_empty() {
            usize::from(!piece.text.is_empty())
        } else {
            piece.logprobs.len()
        };
        self.raw.push_str(&piece.text);
        let before = self.text.len();
        let (tagged, said) = aloud(&self.raw);
        self.thought |= tagged.is_some_and(|thought| !thought.trim().is_empty());
        if let Some(said) = said {
            self.logprob += piece.logprobs.iter().sum::<f64>();
            self.known += piece.logprobs.len();
            let bare = said.trim_start();
            self.text = if cutting.raw && tagged.is_none() { said } else { bare }.to_owned();
            let end = cutting.stop.iter().filter_map(|stop| self.text.find(stop.as_str())).min();
            if let Some(end) = end {
                self.text.truncate(end);
                self.finish = Some(Finish::Stop);
            }
        }
        let full = (self.raw.len() > LONGEST_CANDIDATE).then_some(Finish::Length);
        self.finish = self.finish.or(piece.finish).or(full);
        self.text.get(before..).unwrap_or_default().to_owned()
    }

    /// Did it come to nothing that is said?
    pub fn is_silent(&self) -> bool {
        self.text.trim().is_empty()
    }

    /// Did the model think, as far as it shows? Where a server keeps that to itself, the tokens are used up without a
    /// word.
    pub fn thinks(&self) -> bool {
        self.thought || self.heard && self.is_silent() && self.finish == Some(Finish::Length)
    }
}

/// What a model thinks in tags before its reply, as `<think>` (which some leave empty), and the reply; none while
/// that part is open.
fn aloud(text: &str) -> (Option<&str>, Option<&str>) {
    let is_name = |name: &str| {
        !name.is_empty() && name.bytes().all(|byte| byte.is_ascii_alphabetic() || b"_:".contains(&byte))
    };
    let opening = text.trim_start().strip_prefix('<').map(|tag| tag.split_once('>').unwrap_or((tag, "")));
    let opened = opening.filter(|(name, _)| is_name(name) || name.is_empty()).map(|(_, inside)| inside);
    let closing = text.match_indices("</").filter_map(|(at, _)| {
        let (name, rest) = text[at + 2..].split_once('>')?;
        is_name(name).then_some((at, rest))
    });
    match (opened, closing.last()) {
        (Some(inside), Some((at, rest))) => (inside.get(..inside.len() - (text.len() - at)), Some(rest)),
        // The opening tag may stand in the prompt, where nobody sees it.
        (None, Some((at, rest))) => (Some(&text[..at]), Some(rest)),
        (Some(inside), None) => (Some(inside), None),
        (None, None) => (None, Some(text)),
    }
}

/// What a thread tells.
enum Report {
    /// The server has begun to answer.
    Answers,
    Piece(Piece),
    Ended(Result<(), Failure>),
}

/// A piece of a candidate.
struct Piece {
    index: usize,
    text: String,
    thought: bool,
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
) -> Result<(Vec<Arriving>, ControlFlow<()>), Failure> {
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
    // Until the server answers, the request's own time-outs hold, and it may have to be asked again.
    let mut heard: Option<(Instant, bool)> = None;
    while open > 0 && !candidates.iter().all(|candidate| candidate.finish.is_some()) {
        match next(&reports, on_text) {
            Next::Broken => return Ok((candidates, ControlFlow::Break(()))),
            Next::Nothing => match heard {
                Some((last, true)) if last.elapsed() > client.timeouts.between => {
                    return Err(client.slow("in the middle of its reply").into());
                }
                Some((last, false)) if last.elapsed() > client.timeouts.first => {
                    return Err(client.slow("before its reply").into());
                }
                _ => {}
            },
            Next::Report(Report::Answers) => {
                let any = heard.is_some_and(|(_, any)| any);
                heard = Some((Instant::now(), any));
            }
            Next::Report(Report::Piece(piece)) => {
                heard = Some((Instant::now(), true));
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
fn answer(client: &Client, ask: &Ask, sender: &Sender<Report>, gone: &AtomicBool) -> Result<(), Failure> {
    let response = client.post(ask.path, &ask.body, gone)?;
    let _ = sender.send(Report::Answers);
    // Where HTTP says how long the answer is, its end is no break.
    let measured =
        response.body().content_length().is_some() || response.headers().contains_key("transfer-encoding");
    let body = response.into_body().into_with_config().limit(LARGEST_ANSWER).reader();
    let mut body = BufReader::new(body);
    let begins = beginning(&mut body).map_err(|error| client.broken(&ureq::Error::from(error)))?;
    let mut taken = Taken { client, ask, sender, places: vec![None; ask.count], pieces: 0, ended: 0 };
    // What it says of its kind is not to be relied on.
    match begins.starts_with(['{', '[']) {
        true => take_whole(&mut taken, body, &begins)?,
        false => take_events(&mut taken, body, measured, gone)?,
    }
    match taken.pieces {
        0 => Err(client.garbled(&format!("no words in it: {begins}")).into()),
        _ => Ok(()),
    }
}

/// How a body begins, for as much of it as has come; white space before is passed over.
fn beginning(body: &mut impl BufRead) -> std::io::Result<String> {
    const SHOWN: usize = 80;
    loop {
        let come = body.fill_buf()?;
        let blank = come.iter().take_while(|byte| b" \t\r\n\xef\xbb\xbf".contains(byte)).count();
        if blank < come.len() || come.is_empty() {
            let shown = come.len().min(blank + SHOWN);
            let begins = String::from_utf8_lossy(&come[blank..shown]).into_owned();
            body.consume(blank);
            return Ok(begins);
        }
        body.consume(blank);
    }
}

/// An answer as one value, from a server that does not stream, or as one after the other.
fn take_whole(taken: &mut Taken, body: impl Read, begins: &str) -> Result<(), Failure> {
    let client = taken.client;
    for value in serde_json::Deserializer::from_reader(body).into_iter::<Value>() {
        match value {
            Ok(Value::Array(values)) => values.iter().try_for_each(|value| taken.take(value))?,
            Ok(value) => taken.take(&value)?,
            Err(error) if error.is_io() => {
                return Err(client.broken(&ureq::Error::from(std::io::Error::from(error))).into());
            }
            Err(error) if error.is_eof() => return Err(ServerError::Cut { server: client.server() }.into()),
            // What follows the words may be anything.
            Err(_) if taken.pieces > 0 => break,
            Err(error) => return Err(client.garbled(&format!("{error}, in: {begins}")).into()),
        }
    }
    Ok(())
}

/// An answer as it is made.
fn take_events(
    taken: &mut Taken,
    body: impl BufRead,
    measured: bool,
    gone: &AtomicBool,
) -> Result<(), Failure> {
    let client = taken.client;
    let mut events = Events::new(body);
    while !gone.load(Ordering::Relaxed) {
        match events.next() {
            Ok(Some(Event::Done)) => return Ok(()),
            Ok(Some(Event::Value(value))) => taken.take(&value)?,
            Ok(Some(Event::Other(text))) if text.starts_with(['{', '[']) => {
                return Err(client
                    .garbled(&format!("broken JSON: {}", text.chars().take(80).collect::<String>()))
                    .into());
            }
            // Some keep the connection alive with words.
            Ok(Some(Event::Other(_))) => {}
            Ok(None) if measured || taken.ended >= taken.ask.count => return Ok(()),
            Ok(None) if taken.pieces == 0 => return Ok(()),
            Ok(None) => return Err(ServerError::Cut { server: client.server() }.into()),
            Err(Fault::LongLine) => return Err(client.garbled("a line without end").into()),
            Err(Fault::Io(error)) => return Err(client.broken(&ureq::Error::from(error)).into()),
        }
    }
    Err(ServerError::Stopped.into())
}

/// What came of a request, passed on.
struct Taken<'a> {
    client: &'a Client,
    ask: &'a Ask,
    sender: &'a Sender<Report>,
    /// The server's numbers of the candidates, in the order of ours.
    places: Vec<Option<usize>>,
    /// How many pieces came.
    pieces: usize,
    /// How many candidates ended.
    ended: usize,
}

impl Taken<'_> {
    /// Passes on what a value holds.
    fn take(&mut self, value: &Value) -> Result<(), Failure> {
        let choices = wire::choices(value);
        if let Some(error) = wire::error(value)
            && choices.iter().all(|choice| choice.text.is_empty())
        {
            return Err(self.client.told(&serde_json::json!({ "error": error })));
        }
        // Of several that are not told apart, each is one.
        let numbers: std::collections::BTreeSet<_> = choices.iter().map(|choice| choice.index).collect();
        let several = numbers.len() < choices.len();
        for (at, choice) in choices.into_iter().enumerate() {
            let number = if several { at } else { choice.index.unwrap_or(0) };
            self.pieces += 1;
            let Some(place) = self.place(number) else { continue };
            self.ended += usize::from(choice.finish.is_some());
            if self.sender.send(Report::Piece(self.piece(place, choice))).is_err() {
                return Err(ServerError::Stopped.into());
            }
        }
        Ok(())
    }

    /// Which of our candidates the server's `number` is: some count from 1. None for more than were asked for.
    fn place(&mut self, number: usize) -> Option<usize> {
        let known = self.places.iter().position(|place| *place == Some(number));
        let same = (self.places.get(number) == Some(&None)).then_some(number);
        let place = known.or(same).or_else(|| self.places.iter().position(Option::is_none))?;
        self.places[place] = Some(number);
        Some(place)
    }

    fn piece(&self, place: usize, choice: Choice) -> Piece {
        let finish = choice.finish.as_deref().map(|reason| match reason {
            "length" | "max_tokens" | "content_filter" => Finish::Length,
            _ => Finish::Stop,
        });
        Piece {
            index: self.ask.first + place,
            text: self.client.without_key(&choice.text),
            thought: choice.thought,
            logprobs: choice.logprobs,
            finish,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn taken(pieces: &[&str], raw: bool) -> Arriving {
        let cutting = Cutting { stop: vec!["\n".to_owned()], raw };
        let mut candidate = Arriving::default();
        for text in pieces {
            let piece = Piece {
                index: 0,
                text: (*text).to_owned(),
                thought: false,
                logprobs: vec![-1.0],
                finish: None,
            };
            candidate.take(&piece, &cutting);
        }
        candidate
    }

    #[test]
    fn a_candidate_ends_before_the_stop_string_wherever_it_is_cut() {
        let candidate = taken(&[" Not", " now.", "\nSAM:", " More"], true);
        assert_eq!((candidate.text.as_str(), candidate.finish), (" Not now.", Some(Finish::Stop)));
        assert_eq!((candidate.tokens, candidate.logprob), (3, -3.0));
        assert_eq!(taken(&["\n"], true).finish, Some(Finish::Stop));
    }

    #[test]
    fn a_chats_leading_white_space_is_no_stop() {
        let candidate = taken(&["\n", "\n Not", " now."], false);
        assert_eq!((candidate.text.as_str(), candidate.finish), ("Not now.", None));
    }

    #[test]
    fn what_is_thought_before_the_reply_is_no_part_of_it() {
        for thought in ["<think>", "\n<think>\nOkay,", "<think> Okay", "<thinking>", "Okay, they"] {
            let closing = if thought.contains("thinking") { "</thinking>" } else { "</think>" };
            for raw in [false, true] {
                let candidate = taken(&[thought, " want.", closing, "\n\nNot", " now.\n"], raw);
                assert_eq!(candidate.text, "Not now.", "{thought}");
                assert!(candidate.thought && candidate.finish == Some(Finish::Stop), "{thought}");
            }
        }
        let empty = taken(&["<think>\n\n", "</think>\n\n", "Not", " now."], true);
        assert_eq!((empty.text.as_str(), empty.thought), ("Not now.", false));
        let split = taken(&["<", "thi", "nk></th", "ink>Not", " now."], false);
        assert_eq!((split.text.as_str(), split.known), ("Not now.", 2));
        let open = taken(&["<think>", "Okay\n", "they want"], false);
        assert!(open.is_silent() && open.thinks() && open.finish.is_none());
        let plain = taken(&["Less than <", "3 days?"], false);
        assert_eq!((plain.text.as_str(), plain.thought), ("Less than <3 days?", false));
        let heart = taken(&["<", "3 days?"], false);
        assert_eq!((heart.text.as_str(), heart.thought), ("<3 days?", false));
    }
}
