//! Putting an example together: what is kept of a turn, what it becomes, and the sentences around it.

use super::observe::observe;
use super::propose::{Shape, propose};
use super::source::{KINDS, phrase, sentence};
use super::stock::STOCK;
use crate::scorer::parse::{Clause, Mood, Parsed, Person, parse};
use crate::scorer::rubric::Check::{self, *};
use crate::scorer::verdict::{Position, Utterance, Verdicts};
use crate::text::printable;

/// The most sentences of a long turn that are kept.
const MOST_KEPT: usize = 6;

/// Sentences that an example may have more than the turn.
const MOST_ADDED: usize = 2;

/// A wording to be graded.
#[derive(Clone, Debug)]
pub struct Draft {
    /// The wording.
    pub text: String,
}

/// What a sentence of an example is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// A greeting or a word for the boss's side: may stand before everything else.
    Courtesy,
    /// Kept as it was said.
    Said,
    /// A fact that was a charge.
    Observation,
    /// A choice that was a command.
    Choice,
    /// One of the frames.
    Frame,
}

#[derive(Clone, Debug)]
struct Piece {
    text: String,
    role: Role,
    asks: bool,
    helps: bool,
}

impl Piece {
    fn frame(lines: &[String], round: usize, topic: &str) -> Piece {
        let text = lines[round % lines.len()].replace("{topic}", topic);
        let asks = text.ends_with('?');
        Piece { text, role: Role::Frame, asks, helps: false }
    }
}

/// Wordings of `turn`, the fullest first; the last is nothing but frames.
pub fn drafts(turn: &Utterance<'_>, verdicts: &Verdicts, topic: &str) -> Vec<Draft> {
    let parsed = parse(turn.text);
    let maker = Maker { turn, verdicts, parsed: &parsed, topic, round: turn.text.len() };
    let pieces = maker.pieces();
    let kept =
        |wanted: fn(&Piece) -> bool| pieces.iter().filter(|piece| wanted(piece)).cloned().collect::<Vec<_>>();
    let sets = [
        pieces.clone(),
        kept(|piece| piece.role != Role::Said || piece.helps),
        kept(|piece| piece.helps || piece.role == Role::Courtesy),
        Vec::new(),
    ];
    let mut drafts: Vec<Draft> = Vec::new();
    for set in sets {
        for framed in [maker.framed(set.clone(), true), maker.framed(set.clone(), false)] {
            let text = framed.iter().map(|piece| piece.text.as_str()).collect::<Vec<_>>().join(" ");
            let text = printable(&text).into_owned();
            if !drafts.iter().any(|known| known.text == text) && text != turn.text {
                drafts.push(Draft { text });
            }
        }
    }
    drafts
}

struct Maker<'a> {
    turn: &'a Utterance<'a>,
    verdicts: &'a Verdicts,
    parsed: &'a Parsed<'a>,
    topic: &'a str,
    round: usize,
}

impl Maker<'_> {
    /// What becomes of the turn, sentence by sentence.
    fn pieces(&self) -> Vec<Piece> {
        let harmless = !self.verdicts.present().any(|check| !check.is_helpful() && check != Springs);
        let mut pieces: Vec<Piece> = Vec::new();
        let mut dropped = false;
        let mut choices = 0;
        for at in 0..self.parsed.sentences.len() {
            let before = pieces.len();
            if harmless || !self.is_harmful(self.parsed.sentences[at].clone()) {
                if let Some(piece) = self.kept(at, dropped, harmless) {
                    pieces.push(piece);
                }
            } else {
                self.turned(at, &mut pieces, &mut choices);
            }
            dropped = pieces.len() == before;
            if pieces.len() >= MOST_KEPT {
                break;
            }
        }
        pieces
    }

    /// Does harmful evidence touch these bytes?
    fn is_harmful(&self, span: std::ops::Range<usize>) -> bool {
        [Heated, Blames, Prescribes].into_iter().any(|check| self.touches(check, &span))
    }

    fn touches(&self, check: Check, span: &std::ops::Range<usize>) -> bool {
        self.verdicts.is_yes(check)
            && self
                .verdicts
                .get(check)
                .evidence
                .iter()
                .any(|found| found.start < span.end && span.start < found.end)
    }

    /// A sentence without harm, as it was said.
    fn kept(&self, at: usize, after_gap: bool, whole: bool) -> Option<Piece> {
        let span = self.parsed.sentences[at].clone();
        let said = self.turn.text[span.clone()].split_whitespace().collect::<Vec<_>>().join(" ");
        let clauses: Vec<&Clause> = self.parsed.clauses_of(at).collect();
        let first = clauses.first()?;
        let stands_alone =
            clauses.iter().any(|clause| clause.verb.is_some() && clause.subject != Person::None)
                || clauses.iter().any(|clause| clause.mood == Mood::Interrogative);
        let courtesy = self.touches(Acknowledges, &span) || is_greeting(self.parsed, first);
        // What pointed back to a sentence that is gone, and scraps of it, go too.
        let points_back = matches!(first.subject, Person::Other)
            && first.subject_at.is_some_and(|at| {
                matches!(self.parsed.words[at].lower.as_str(), "it" | "that" | "this" | "they" | "he" | "she")
            });
        if !whole && (!stands_alone && !courtesy || after_gap && points_back) {
            return None;
        }
        let ends = said.ends_with(['.', '!', '?', '…', '"', '”', '’', ')']);
        let asks = clauses.iter().any(|clause| clause.mood == Mood::Interrogative && !clause.quoted);
        let text = if ends { said } else { format!("{said}{}", if asks { '?' } else { '.' }) };
        let helps = self
            .verdicts
            .present()
            .any(|check| check.is_helpful() && check != StatesTopic && self.touches(check, &span));
        Some(Piece { text, role: if courtesy { Role::Courtesy } else { Role::Said }, asks, helps })
    }

    /// The clauses of a harmful sentence, each turned, kept or left out.
    fn turned(&self, sentence_at: usize, pieces: &mut Vec<Piece>, choices: &mut usize) {
        let mut commanded: Option<usize> = None;
        for at in 0..self.parsed.clauses.len() {
            let clause = &self.parsed.clauses[at];
            if clause.sentence != sentence_at || clause.quoted {
                continue;
            }
            let span = clause.start..clause.end;
            if self.touches(Heated, &span) && !self.touches(Prescribes, &span) {
                continue;
            }
            if self.touches(Blames, &span) {
                if let Some(fact) = observe(self.parsed, clause) {
                    pieces.push(Piece {
                        text: sentence(&fact, '.'),
                        role: Role::Observation,
                        asks: false,
                        helps: false,
                    });
                }
                continue;
            }
            let threatened = self.touches(Heated, &self.parsed.sentences[sentence_at])
                && (clause.conditional || *choices == 0);
            if self.touches(Prescribes, &span) || (threatened && clause.subject == Person::You) {
                if let Some(proposal) = propose(self.parsed, at).filter(|_| *choices < 2) {
                    if self.turn.position == Position::Opening && proposal.shape != Shape::Have {
                        // An opening asks for the talk; proposals come when there is one.
                        continue;
                    }
                    *choices += 1;
                    commanded = Some(at);
                    let text = proposal.sentence(self.round);
                    pieces.push(Piece { text, role: Role::Choice, asks: true, helps: true });
                }
                continue;
            }
            let hangs = clause.subordinate
                || commanded.is_some_and(|done| done + 1 == at && clause.mood == Mood::Fragment);
            let states =
                clause.verb.is_some() && clause.subject != Person::None && clause.mood == Mood::Declarative;
            let about_boss = clause.subject == Person::You;
            if !hangs && states && !about_boss {
                let text = sentence(&phrase(self.parsed, clause.head..clause.words.end), '.');
                pieces.push(Piece { text, role: Role::Said, asks: false, helps: false });
            }
        }
    }

    /// The pieces with frames around them, as many as there is room for.
    fn framed(&self, pieces: Vec<Piece>, offer: bool) -> Vec<Piece> {
        let frames = &STOCK.frames;
        let topic = if self.is_elsewhere() || self.topic.is_empty() { "this" } else { self.topic };
        let mut room = (self.parsed.sentences.len() + MOST_ADDED).saturating_sub(pieces.len());
        let mut framed = pieces;
        let yes = |check: Check| self.verdicts.is_yes(check);
        let courtesies = framed.iter().take_while(|piece| piece.role == Role::Courtesy).count();
        if self.turn.position == Position::Opening {
            let asked = (yes(AsksPermission) || yes(SchedulesAhead)) && framed.iter().any(|piece| piece.asks);
            if !asked && room > 0 {
                let lines = if offer { &frames.ask_time } else { &frames.ask_now };
                let place = if topic == "this" { framed.len() } else { courtesies };
                framed.insert(place, Piece::frame(lines, 0, topic));
            }
            return framed;
        }
        let has = |framed: &[Piece], role: Role| framed.iter().any(|piece| piece.role == role);
        let asks = |framed: &[Piece]| framed.iter().any(|piece| piece.asks);
        if framed.iter().all(|piece| piece.role == Role::Courtesy) && self.parsed.words.len() > 3 && room > 1
        {
            framed.push(Piece::frame(&frames.understand, self.round, topic));
            room -= 1;
        }
        if has(&framed, Role::Said) && yes(OffersOptions) && !yes(InvitesInput) && room > 0 {
            framed.push(Piece::frame(&frames.invite, self.round, topic));
            room -= 1;
        } else if !asks(&framed) && room > 0 {
            let harmed = yes(Blames) || yes(Heated);
            let lines =
                if harmed || has(&framed, Role::Observation) { &frames.obstacle } else { &frames.side };
            framed.push(Piece::frame(lines, self.round, topic));
            room -= 1;
        }
        let wanted =
            has(&framed, Role::Choice) || has(&framed, Role::Observation) || has(&framed, Role::Said);
        if offer && wanted && !yes(OffersHelp) && room > 0 {
            let mut help = Piece::frame(&frames.help, self.round, topic);
            help.helps = true;
            framed.push(help);
        }
        framed
    }

    /// Is the turn about something else than the talk's topic?
    fn is_elsewhere(&self) -> bool {
        let topic = parse(self.topic);
        let content = |word: &&crate::scorer::parse::Word| {
            word.lower.len() > 2
                && !word.is(KINDS.det | KINDS.prep | KINDS.conj | KINDS.aux | KINDS.subj | KINDS.adverb)
        };
        let shared = topic
            .words
            .iter()
            .filter(content)
            .any(|word| self.parsed.words.iter().any(|said| same(word, said)));
        self.verdicts.is_yes(StatesTopic) && !shared
    }
}

fn same(a: &crate::scorer::parse::Word, b: &crate::scorer::parse::Word) -> bool {
    a.lower == b.lower
        || (a.lemma != 0 && a.lemma == b.lemma)
        || a.lower.trim_end_matches('s') == b.lower.trim_end_matches('s')
}

fn is_greeting(parsed: &Parsed<'_>, clause: &Clause) -> bool {
    let first = parsed.words[clause.words.start].lower.as_str();
    clause.words.len() <= 6
        && matches!(first, "hi" | "hello" | "hey" | "morning" | "thanks" | "thank" | "good")
        && clause.mood != Mood::Interrogative
}
