//! Putting an example together: what is kept of a turn, what it becomes, and the sentences around it.

use super::grounded::is_grounded;
use super::observe::{is_charge, observe};
use super::propose::{Proposal, propose, requested};
use super::source::{KINDS, phrase, sentence};
use super::stock::STOCK;
use crate::scorer::parse::{Clause, Mood, Parsed, Person, parse};
use crate::scorer::rubric::Check::{self, *};
use crate::scorer::verdict::{Position, Utterance, Verdicts};
use crate::text::printable;
use std::ops::Range;

/// The most sentences of a long turn that are kept.
const MOST_KEPT: usize = 6;

/// Sentences that an example may have more than the turn.
const MOST_ADDED: usize = 2;

/// The most choices made of a turn's commands.
const MOST_CHOICES: usize = 2;

/// A turn of so few words is answered by a question alone.
const TERSE: usize = 3;

/// What a sentence of an example is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// A greeting or a word for the boss's side: may stand before everything else.
    Courtesy,
    /// Kept as it was said.
    Said,
    /// A fact that was a charge, still open or going on.
    Observation,
    /// A fact that was a charge, and is over.
    Past,
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

    fn choice(proposal: &Proposal, round: usize) -> Piece {
        Piece { text: proposal.sentence(round), role: Role::Choice, asks: true, helps: true }
    }
}

/// Wordings of `turn`, the fullest first; the last is nothing but frames. Every one is made of the turn's
/// words, the topic's and the frames' alone.
pub fn drafts(turn: &Utterance<'_>, verdicts: &Verdicts, topic: &str) -> Vec<String> {
    let parsed = parse(turn.text);
    let topic = if topic.trim().is_empty() { "this" } else { topic };
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
    let mut drafts: Vec<String> = Vec::new();
    for set in sets {
        for amount in [Amount::Plain, Amount::Full] {
            let framed = maker.framed(set.clone(), amount);
            let text = framed.iter().map(|piece| piece.text.as_str()).collect::<Vec<_>>().join(" ");
            let text = printable(&text).into_owned();
            if text != turn.text && !drafts.contains(&text) && is_grounded(&text, &parsed, topic) {
                drafts.push(text);
            }
        }
    }
    drafts
}

/// How many frames are put around a turn.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Amount {
    /// As many as a coach would.
    Plain,
    /// One more, where there is room.
    Full,
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
        let harmful = self.verdicts.present().any(|check| !check.is_helpful() && check != Springs);
        let mut pieces: Vec<Piece> = Vec::new();
        let mut gap = false;
        for at in 0..self.parsed.sentences.len() {
            let before = pieces.len();
            let turn = self.is_harmful(&self.parsed.sentences[at]) || self.charges_or_demands(at, harmful);
            if turn {
                self.turned(at, &mut pieces);
            } else if let Some(choice) = self.request(at) {
                pieces.push(choice);
            } else if let Some(piece) = self.kept(at, gap, harmful) {
                pieces.push(piece);
            }
            gap = turn || pieces.len() == before;
            if pieces.len() >= MOST_KEPT {
                break;
            }
        }
        pieces
    }

    /// Does harmful evidence touch these bytes?
    fn is_harmful(&self, span: &Range<usize>) -> bool {
        [Heated, Blames, Prescribes].into_iter().any(|check| self.touches(check, span))
    }

    fn touches(&self, check: Check, span: &Range<usize>) -> bool {
        let touching = |start: usize, end: usize| start < span.end && span.start < end;
        self.verdicts.is_yes(check)
            && self.verdicts.get(check).evidence.iter().any(|found| touching(found.start, found.end))
    }

    /// The bytes of a clause, without what joins it to the one before.
    fn core(&self, clause: &Clause) -> Range<usize> {
        self.parsed.words[clause.head].start..clause.end
    }

    /// Is the sentence a charge or, in a turn that prescribes, a demand, though no evidence says so?
    fn charges_or_demands(&self, sentence: usize, harmful: bool) -> bool {
        let demanding = self.verdicts.is_yes(Prescribes) && harmful;
        (0..self.parsed.clauses.len()).filter(|&at| self.parsed.clauses[at].sentence == sentence).any(|at| {
            let clause = &self.parsed.clauses[at];
            is_charge(self.parsed, clause)
                || demanding
                    && !clause.quoted
                    && clause.mood == Mood::Declarative
                    && clause.modality.is_some()
                    && clause.subject != Person::I
                    && propose(self.parsed, at).is_some()
        })
    }

    /// A plain request, "can you send it by Friday?", as a choice.
    fn request(&self, sentence: usize) -> Option<Piece> {
        let span = self.parsed.sentences[sentence].clone();
        let fine = [
            AsksPermission,
            SchedulesAhead,
            OffersOptions,
            OffersHelp,
            InvitesInput,
            ExploresSituation,
            OpenQuestion,
        ];
        let mut clauses =
            (0..self.parsed.clauses.len()).filter(|&at| self.parsed.clauses[at].sentence == sentence);
        let (only, none) = (clauses.next()?, clauses.next());
        if none.is_some()
            || self.turn.position == Position::Opening
            || fine.iter().any(|&check| self.touches(check, &span))
        {
            return None;
        }
        requested(self.parsed, only).map(|proposal| Piece::choice(&proposal, self.round))
    }

    /// A sentence without harm, as it was said.
    fn kept(&self, at: usize, after_gap: bool, harmful: bool) -> Option<Piece> {
        let span = self.parsed.sentences[at].clone();
        let clauses: Vec<&Clause> = self.parsed.clauses_of(at).collect();
        let first = clauses.first()?;
        let courtesy = self.touches(Acknowledges, &span) || is_greeting(self.parsed, first);
        let helps = self
            .verdicts
            .present()
            .any(|check| check.is_helpful() && check != StatesTopic && self.touches(check, &span));
        if harmful
            && !courtesy
            && (!self.stands_alone(&clauses, after_gap) || !helps && self.describes_boss(first))
        {
            return None;
        }
        let said = self.turn.text[span].split_whitespace().collect::<Vec<_>>().join(" ");
        let asks = clauses.iter().any(|clause| clause.mood == Mood::Interrogative && !clause.quoted);
        let ends = said.ends_with(['.', '!', '?', '…', '"', '”', '’', ')']);
        let text = if ends { said } else { format!("{said}{}", if asks { '?' } else { '.' }) };
        Some(Piece { text, role: if courtesy { Role::Courtesy } else { Role::Said }, asks, helps })
    }

    /// Can the sentence be understood when what stood before it has gone or changed?
    fn stands_alone(&self, clauses: &[&Clause], after_gap: bool) -> bool {
        let whole = clauses.iter().any(|clause| {
            clause.mood == Mood::Interrogative || clause.verb.is_some() && clause.subject != Person::None
        });
        let points_back = clauses[0].subject_at.is_some_and(|at| {
            matches!(
                self.parsed.words[at].lower.as_str(),
                "it" | "that" | "this" | "they" | "he" | "she" | "there"
            )
        });
        // "Nobody here does."
        let cut_short =
            clauses.last().is_some_and(|clause| self.parsed.words[clause.words.end - 1].is(KINDS.aux));
        whole && !(after_gap && (points_back || cut_short))
    }

    /// "You're so disorganised."
    fn describes_boss(&self, clause: &Clause) -> bool {
        let is = |word: usize| matches!(self.parsed.words[word].lower.as_str(), "are" | "were");
        clause.subject == Person::You && clause.mood != Mood::Interrogative && clause.verb.is_some_and(is)
    }

    /// The clauses of a harmful sentence, each turned, kept or left out.
    fn turned(&self, sentence_at: usize, pieces: &mut Vec<Piece>) {
        let heated = self.touches(Heated, &self.parsed.sentences[sentence_at]);
        let mut covered = 0;
        for at in 0..self.parsed.clauses.len() {
            let clause = &self.parsed.clauses[at];
            if clause.sentence != sentence_at || clause.quoted || clause.words.start < covered {
                continue;
            }
            let span = self.core(clause);
            let commands = self.touches(Prescribes, &span)
                || self.verdicts.is_yes(Prescribes)
                    && clause.modality.is_some()
                    && clause.subject != Person::I
                || heated && (clause.subject == Person::You || clause.mood == Mood::Imperative);
            if self.touches(Blames, &span) || is_charge(self.parsed, clause) {
                if let Some(fact) = observe(self.parsed, clause) {
                    let role = if fact.over { Role::Past } else { Role::Observation };
                    pieces.push(Piece { text: sentence(&fact.text, '.'), role, asks: false, helps: false });
                    continue;
                }
                if self
                    .parsed
                    .words_of(clause)
                    .iter()
                    .any(|word| matches!(word.lower.as_str(), "you" | "your"))
                {
                    continue;
                }
            } else if commands {
                if let Some(proposal) = propose(self.parsed, at) {
                    covered = proposal.end;
                    self.push_choice(&proposal, pieces);
                    continue;
                }
                if self.touches(Prescribes, &span) {
                    continue;
                }
            } else if self.touches(Heated, &span) {
                continue;
            }
            self.push_bare_statement(clause, pieces);
        }
    }

    fn push_choice(&self, proposal: &Proposal, pieces: &mut Vec<Piece>) {
        // An opening asks for the talk; proposals come when there is one.
        let too_early = self.turn.position == Position::Opening;
        let choices = pieces.iter().filter(|piece| piece.role == Role::Choice).count();
        if !too_early && choices < MOST_CHOICES {
            pieces.push(Piece::choice(proposal, self.round + choices));
        }
    }

    /// A harmless clause of a harmful sentence, where it can stand as a sentence.
    fn push_bare_statement(&self, clause: &Clause, pieces: &mut Vec<Piece>) {
        let states =
            clause.verb.is_some() && clause.subject != Person::None && clause.mood == Mood::Declarative;
        let own = clause.subject_at.is_none_or(|at| at >= clause.words.start);
        let heated = self.touches(Heated, &self.core(clause));
        if states
            && own
            && !heated
            && !clause.subordinate
            && clause.subject != Person::You
            && clause.words.len() > 2
        {
            let text = sentence(&phrase(self.parsed, clause.head..clause.words.end), '.');
            pieces.push(Piece { text, role: Role::Said, asks: false, helps: false });
        }
    }

    /// The pieces with frames around them, as many as there is room for.
    fn framed(&self, pieces: Vec<Piece>, amount: Amount) -> Vec<Piece> {
        let room = (self.parsed.sentences.len() + MOST_ADDED).saturating_sub(pieces.len());
        let mut framed = pieces;
        let before = framed.len();
        if self.turn.position == Position::Opening {
            self.frame_opening(&mut framed, amount);
        } else {
            self.frame_later(&mut framed, amount);
        }
        // Too long: the last frames go first.
        while framed.len() > before + room {
            match framed.iter().rposition(|piece| piece.role == Role::Frame) {
                Some(at) => framed.remove(at),
                None => break,
            };
        }
        framed
    }

    /// First the talk is asked for; with more room, how the boss sees it.
    fn frame_opening(&self, framed: &mut Vec<Piece>, amount: Amount) {
        let frames = &STOCK.frames;
        let asked = self.verdicts.is_yes(AsksPermission) || self.verdicts.is_yes(SchedulesAhead);
        let named = self.verdicts.is_yes(StatesTopic);
        if !(asked && named && framed.iter().any(|piece| piece.asks)) {
            let place = framed.iter().take_while(|piece| piece.role == Role::Courtesy && !piece.asks).count();
            // What only asked for a moment is said again with the topic in it.
            framed.retain(|piece| !(asked && piece.asks && piece.role != Role::Frame));
            framed.insert(place.min(framed.len()), Piece::frame(&frames.ask_time, 0, self.topic));
        }
        if amount == Amount::Full {
            let past = framed.iter().any(|piece| piece.role == Role::Past);
            let lines = if past { &frames.side_then } else { &frames.side };
            framed.push(Piece::frame(lines, self.round, self.topic));
        }
    }

    /// A question, an invitation or an offer of help, by what the turn has become.
    fn frame_later(&self, framed: &mut Vec<Piece>, amount: Amount) {
        let frames = &STOCK.frames;
        let yes = |check: Check| self.verdicts.is_yes(check);
        let frame = |lines: &[String]| Piece::frame(lines, self.round, self.topic);
        let has = |framed: &[Piece], role: Role| framed.iter().any(|piece| piece.role == role);
        let terse = self.parsed.words.len() <= TERSE;
        if framed.iter().all(|piece| piece.role == Role::Courtesy) && !terse {
            framed.push(frame(&frames.understand));
        }
        let choice = has(framed, Role::Choice);
        let open = has(framed, Role::Observation);
        let past = has(framed, Role::Past) && !open;
        if yes(OffersOptions) && has(framed, Role::Said) && !choice && !yes(InvitesInput) {
            framed.push(frame(&frames.invite));
        } else if past && !choice {
            framed.extend([frame(&frames.side_then), frame(&frames.next_time)]);
        } else if !framed.iter().any(|piece| piece.asks) {
            let hard = open || yes(Blames) || yes(Heated);
            framed.push(frame(if hard { &frames.obstacle } else { &frames.side }));
        }
        let lighter = choice || open || yes(OffersOptions) || amount == Amount::Full && !past && !terse;
        if lighter && !yes(OffersHelp) {
            framed.push(Piece { helps: true, ..frame(&frames.help) });
        }
    }
}

fn is_greeting(parsed: &Parsed<'_>, clause: &Clause) -> bool {
    let first = parsed.words[clause.words.start].lower.as_str();
    clause.words.len() <= 6
        && matches!(first, "hi" | "hello" | "hey" | "morning" | "thanks" | "thank" | "good")
        && clause.mood != Mood::Interrogative
}
