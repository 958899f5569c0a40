//! Putting an example together: the sentences left of a turn, and the frames around them.

use super::grounded::is_grounded;
use super::pieces::{Maker, Piece, Role};
use super::stock::STOCK;
use crate::scorer::parse::parse;
use crate::scorer::rubric::Check::{self, *};
use crate::scorer::verdict::{Position, Utterance, Verdicts};
use crate::text::printable;

/// Sentences that an example may have more than the turn.
const MOST_ADDED: usize = 2;

/// A turn of so few words is answered by a question alone.
const TERSE: usize = 3;

/// How many frames are put around a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Amount {
    /// As many as a coach would.
    Plain,
    /// One more, where there is room.
    Full,
}

/// Wordings of `turn`, the fullest first; the last is nothing but frames. Every one is made of the turn's
/// words, the topic's and the frames' alone, and has at most two sentences more than the turn.
pub fn drafts(turn: &Utterance<'_>, verdicts: &Verdicts, topic: &str) -> Vec<String> {
    let parsed = parse(turn.text);
    let topic = if topic.trim().is_empty() { "this" } else { topic };
    let most = parsed.sentences.len() + MOST_ADDED;
    let terse = parsed.words.len() <= TERSE;
    let framer = Framer { topic, round: turn.text.len(), position: turn.position, verdicts, terse, most };
    let pieces = Maker::of(turn, verdicts, &parsed).pieces();
    let kept = |wanted: fn(&Piece) -> bool| -> Vec<Piece> {
        pieces.iter().filter(|piece| wanted(piece)).cloned().collect()
    };
    let mut sets = vec![pieces.clone()];
    // Only where the turn does harm may harmless sentences go.
    if verdicts.present().any(|check| !check.is_helpful()) {
        sets.push(kept(|piece| piece.role != Role::Said || !piece.shows.is_empty()));
        sets.push(kept(|piece| !piece.shows.is_empty() || piece.role == Role::Courtesy));
        sets.push(Vec::new());
    }
    let mut drafts: Vec<String> = Vec::new();
    for set in sets {
        for amount in [Amount::Plain, Amount::Full] {
            let framed = framer.framed(set.clone(), amount);
            let text = framed.iter().map(|piece| piece.text.as_str()).collect::<Vec<_>>().join(" ");
            let text = printable(&text).into_owned();
            if !same_words(&text, turn.text) && !drafts.contains(&text) && is_grounded(&text, &parsed, topic)
            {
                drafts.push(text);
            }
        }
    }
    drafts
}

/// Puts frames around the sentences of a turn.
struct Framer<'a> {
    topic: &'a str,
    /// Makes variants of frames take turns from one turn to the next.
    round: usize,
    position: Position,
    verdicts: &'a Verdicts,
    terse: bool,
    /// The most sentences of the whole.
    most: usize,
}

impl Framer<'_> {
    fn framed(&self, mut pieces: Vec<Piece>, amount: Amount) -> Vec<Piece> {
        pieces.truncate(self.most - 1);
        if self.position == Position::Opening {
            self.frame_opening(&mut pieces, amount);
        } else {
            self.frame_later(&mut pieces, amount);
        }
        // Too long: the last frames go first.
        while pieces.len() > self.most {
            match pieces.iter().rposition(|piece| piece.role == Role::Frame) {
                Some(at) => pieces.remove(at),
                None => break,
            };
        }
        pieces
    }

    fn frame(&self, lines: &[String], shows: Check) -> Piece {
        let text = lines[self.round % lines.len()].replace("{topic}", self.topic);
        let asks = text.ends_with('?');
        Piece { text, role: Role::Frame, asks, shows: vec![shows] }
    }

    /// First the talk is asked for; with more room, how the boss sees it.
    fn frame_opening(&self, pieces: &mut Vec<Piece>, amount: Amount) {
        let frames = &STOCK.frames;
        let asks_for_talk = |piece: &Piece| shows(piece, AsksPermission) || shows(piece, SchedulesAhead);
        if !(pieces.iter().any(asks_for_talk) && self.verdicts.is_yes(StatesTopic)) {
            // What only asked for a moment is said again with the topic in it.
            pieces.retain(|piece| !asks_for_talk(piece));
            let courtesies = pieces.iter().take_while(|piece| piece.role == Role::Courtesy).count();
            pieces.insert(courtesies, self.frame(&frames.ask_time, AsksPermission));
        }
        if amount == Amount::Full {
            let past = pieces.iter().any(|piece| piece.role == Role::Past);
            let lines = if past { &frames.side_then } else { &frames.side };
            pieces.push(self.frame(lines, OpenQuestion));
        }
    }

    /// A question, an invitation or an offer of help, by what the turn has become.
    fn frame_later(&self, pieces: &mut Vec<Piece>, amount: Amount) {
        let frames = &STOCK.frames;
        let any = |pieces: &[Piece], role: Role| pieces.iter().any(|piece| piece.role == role);
        let shown = |pieces: &[Piece], check: Check| pieces.iter().any(|piece| shows(piece, check));
        let bare = pieces.iter().all(|piece| piece.role == Role::Courtesy) && !self.terse;
        if bare {
            pieces.push(self.frame(&frames.understand, Acknowledges));
        }
        let proposes = shown(pieces, OffersOptions);
        let open = any(pieces, Role::Observation);
        let past = any(pieces, Role::Past) && !open;
        if proposes && !shown(pieces, InvitesInput) {
            pieces.push(self.frame(&frames.invite, InvitesInput));
        } else if past && !proposes {
            pieces.push(self.frame(&frames.side_then, OpenQuestion));
            pieces.push(self.frame(&frames.next_time, FutureFocus));
        } else if !pieces.iter().any(|piece| piece.asks) {
            let hard = bare || open || self.verdicts.is_yes(Blames) || self.verdicts.is_yes(Heated);
            let lines = if hard { &frames.obstacle } else { &frames.side };
            pieces.push(self.frame(lines, OpenQuestion));
        }
        let load = proposes || open || amount == Amount::Full && !past && !self.terse;
        if load && !shown(pieces, OffersHelp) {
            pieces.push(self.frame(&frames.help, OffersHelp));
        }
    }
}

/// Do the two differ in marks and spaces at most?
fn same_words(a: &str, b: &str) -> bool {
    let letters = |text: &str| text.chars().filter(|c| c.is_alphanumeric()).collect::<String>();
    letters(a) == letters(b)
}

fn shows(piece: &Piece, check: Check) -> bool {
    piece.shows.contains(&check)
}
