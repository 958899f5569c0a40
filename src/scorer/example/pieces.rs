//! What becomes of a turn, sentence by sentence: kept, turned or left out.

use super::observe::{is_charge, observe};
use super::propose::{Proposal, propose, requested};
use super::source::{KINDS, phrase, sentence};
use crate::scorer::parse::{Clause, Mood, Parsed, Person};
use crate::scorer::rubric::Check::{self, *};
use crate::scorer::verdict::{Position, Utterance, Verdicts};
use std::ops::Range;

/// The most sentences of a long turn that are kept.
const MOST_KEPT: usize = 6;

/// The most choices made of a turn's commands.
const MOST_CHOICES: usize = 2;

/// What a sentence of an example is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
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

/// One sentence of an example.
#[derive(Clone, Debug)]
pub struct Piece {
    /// The sentence.
    pub text: String,
    /// What it is.
    pub role: Role,
    /// It asks something.
    pub asks: bool,
    /// The helpful behaviours it shows, as far as known without grading it.
    pub shows: Vec<Check>,
}

impl Piece {
    fn turned(text: &str, role: Role) -> Piece {
        Piece { text: sentence(text, '.'), role, asks: false, shows: Vec::new() }
    }
}

/// Takes a turn apart.
pub struct Maker<'a> {
    turn: &'a Utterance<'a>,
    verdicts: &'a Verdicts,
    parsed: &'a Parsed<'a>,
    /// The indices of each sentence's clauses.
    clauses: Vec<Range<usize>>,
    /// The turn does harm by what it says, not only by when it says it.
    harmful: bool,
}

impl<'a> Maker<'a> {
    /// A maker for `turn`, read as `parsed` and graded as `verdicts`.
    pub fn of(turn: &'a Utterance<'a>, verdicts: &'a Verdicts, parsed: &'a Parsed<'a>) -> Maker<'a> {
        let mut clauses = vec![0..0; parsed.sentences.len()];
        for (at, clause) in parsed.clauses.iter().enumerate() {
            if let Some(range) = clauses.get_mut(clause.sentence) {
                *range = if range.start == range.end { at..at + 1 } else { range.start..at + 1 };
            }
        }
        let harmful = verdicts.present().any(|check| !check.is_helpful() && check != Springs);
        Maker { turn, verdicts, parsed, clauses, harmful }
    }

    /// The sentences that are left of the turn.
    pub fn pieces(&self) -> Vec<Piece> {
        let mut pieces: Vec<Piece> = Vec::new();
        let mut gap = false;
        for at in 0..self.parsed.sentences.len() {
            let before = pieces.len();
            let turn = self.is_harmful(&self.parsed.sentences[at]) || self.charges_or_demands(at);
            if turn {
                self.turn_clauses(at, &mut pieces);
            } else if let Some(proposal) = self.request(at) {
                push_choice(&proposal, &mut pieces);
            } else if let Some(piece) = self.kept(at, gap) {
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
        let evidence = &self.verdicts.get(check).evidence;
        self.verdicts.is_yes(check)
            && evidence.iter().any(|found| found.start < span.end && span.start < found.end)
    }

    /// The bytes of a clause, without what joins it to the one before.
    fn core(&self, clause: &Clause) -> Range<usize> {
        self.parsed.words[clause.head].start..clause.end
    }

    /// Is the sentence a charge or, in a turn that prescribes, a demand, though no evidence says so?
    fn charges_or_demands(&self, sentence: usize) -> bool {
        self.clauses[sentence].clone().any(|at| {
            let clause = &self.parsed.clauses[at];
            let demand = clause.mood == Mood::Declarative && !clause.quoted && self.demands(clause);
            is_charge(self.parsed, clause) || demand && propose(self.parsed, at).is_some()
        })
    }

    /// In a turn that prescribes: does the clause say what the boss, or both, must do?
    fn demands(&self, clause: &Clause) -> bool {
        self.verdicts.is_yes(Prescribes) && clause.modality.is_some() && clause.subject != Person::I
    }

    /// A plain request, "can you send it by Friday?", as a choice.
    fn request(&self, sentence: usize) -> Option<Proposal> {
        const FINE: [Check; 7] = [
            AsksPermission,
            SchedulesAhead,
            OffersOptions,
            OffersHelp,
            InvitesInput,
            ExploresSituation,
            OpenQuestion,
        ];
        let span = &self.parsed.sentences[sentence];
        let fine = FINE.iter().any(|&check| self.touches(check, span));
        let single = self.clauses[sentence].len() == 1;
        if !single || fine || self.turn.position == Position::Opening {
            return None;
        }
        requested(self.parsed, self.clauses[sentence].start)
    }

    /// A sentence without harm, as it was said.
    fn kept(&self, at: usize, after_gap: bool) -> Option<Piece> {
        let span = self.parsed.sentences[at].clone();
        let clauses = &self.parsed.clauses[self.clauses[at].clone()];
        let first = clauses.first()?;
        let courtesy = self.touches(Acknowledges, &span) || is_greeting(self.parsed, first);
        let helpful = self.verdicts.present().filter(|check| check.is_helpful() && *check != StatesTopic);
        let shows: Vec<Check> = helpful.filter(|&check| self.touches(check, &span)).collect();
        if self.harmful
            && !courtesy
            && !(self.stands_alone(clauses, after_gap) && self.is_fair(clauses, &shows))
        {
            return None;
        }
        let said = self.turn.text[span].split_whitespace().collect::<Vec<_>>().join(" ");
        let asks = clauses.iter().any(|clause| clause.mood == Mood::Interrogative && !clause.quoted);
        let ends = said.trim_end_matches(['"', '”', '’', '\'', ')']).ends_with(['.', '!', '?', '…']);
        let text = if ends { said } else { format!("{said}{}", if asks { '?' } else { '.' }) };
        Some(Piece { text, role: if courtesy { Role::Courtesy } else { Role::Said }, asks, shows })
    }

    /// Can the sentence be understood when what stood before it has gone or changed?
    fn stands_alone(&self, clauses: &[Clause], after_gap: bool) -> bool {
        let states = |clause: &Clause| clause.verb.is_some() && clause.subject != Person::None;
        let whole = clauses.iter().any(|clause| clause.mood == Mood::Interrogative || states(clause));
        // "Nobody here does."
        let last = clauses.last().map(|clause| &self.parsed.words[clause.words.end - 1]);
        let cut_short = last.is_some_and(|word| word.is(KINDS.aux));
        whole && !(after_gap && (self.points_back(&clauses[0]) || cut_short))
    }

    /// Is its subject something said before?
    fn points_back(&self, clause: &Clause) -> bool {
        let pointers = ["it", "that", "this", "they", "he", "she", "there"];
        clause.subject_at.is_some_and(|at| pointers.contains(&self.parsed.words[at].lower.as_str()))
    }

    /// In a turn that does harm: can the sentence be trusted to do none? Beside blame and anger, what
    /// speaks of the boss, or asks, is trusted only where it helps; beside commands, all but "you are …".
    fn is_fair(&self, clauses: &[Clause], shows: &[Check]) -> bool {
        let helps = shows.iter().any(|&check| check != AsksQuestion);
        let sour = self.verdicts.is_yes(Blames) || self.verdicts.is_yes(Heated);
        let asks = |clause: &Clause| clause.mood == Mood::Interrogative;
        let is = |word: usize| matches!(self.parsed.words[word].lower.as_str(), "are" | "were");
        let describes = |clause: &Clause| clause.subject == Person::You && clause.verb.is_some_and(is);
        helps
            || !clauses.iter().any(|clause| match sour {
                true => asks(clause) || self.names_boss(clause),
                false => !asks(clause) && describes(clause),
            })
    }

    /// The clauses of a harmful sentence, each turned, kept or left out.
    fn turn_clauses(&self, sentence: usize, pieces: &mut Vec<Piece>) {
        let (mut covered, mut conditions) = (0, false);
        for at in self.clauses[sentence].clone() {
            let clause = &self.parsed.clauses[at];
            if clause.quoted || clause.words.start < covered {
                continue;
            }
            let span = self.core(clause);
            conditions |= clause.conditional;
            let charged = self.touches(Blames, &span) || is_charge(self.parsed, clause);
            if let Some(fact) = observe(self.parsed, clause).filter(|_| charged) {
                let role = if fact.over { Role::Past } else { Role::Observation };
                pieces.push(Piece::turned(&fact.text, role));
                continue;
            }
            if let Some(proposal) = self.command(at) {
                covered = proposal.end;
                // An opening asks for the talk; proposals come when there is one.
                if self.turn.position != Position::Opening {
                    push_choice(&proposal, pieces);
                }
                continue;
            }
            // A fact that was taken for blame stays, where it does not speak of the boss. What would follow
            // from "if you …" is no fact, and often a threat.
            let fair = !self.is_harmful(&span) || self.touches(Blames, &span) && !self.names_boss(clause);
            if fair && !conditions {
                let gap = at > self.clauses[sentence].start;
                self.push_statement(clause, gap, pieces);
            }
        }
    }

    /// The clause as a proposal, where it commands; in a heated sentence also behind an "if" or an "or".
    fn command(&self, at: usize) -> Option<Proposal> {
        let clause = &self.parsed.clauses[at];
        let span = self.core(clause);
        let at_boss = clause.subject == Person::You || clause.mood == Mood::Imperative;
        let threatened = at_boss && self.touches(Heated, &self.parsed.sentences[clause.sentence]);
        let commands = self.touches(Prescribes, &span) || self.demands(clause) || threatened;
        if commands { propose(self.parsed, at) } else { None }
    }

    fn names_boss(&self, clause: &Clause) -> bool {
        let mut words = self.parsed.words_of(clause).iter();
        words.any(|word| matches!(word.lower.as_str(), "you" | "your"))
    }

    /// A harmless clause of a harmful sentence, where it can stand as a sentence.
    fn push_statement(&self, clause: &Clause, after_gap: bool, pieces: &mut Vec<Piece>) {
        let states = clause.verb.is_some() && clause.mood == Mood::Declarative && clause.words.len() > 2;
        let own = clause.subject_at.is_none_or(|at| at >= clause.words.start);
        let someone = !matches!(clause.subject, Person::None | Person::You);
        if states && own && someone && !clause.subordinate && !(after_gap && self.points_back(clause)) {
            pieces.push(Piece::turned(&phrase(self.parsed, clause.head..clause.words.end), Role::Said));
        }
    }
}

fn push_choice(proposal: &Proposal, pieces: &mut Vec<Piece>) {
    let choices = pieces.iter().filter(|piece| piece.role == Role::Choice).count();
    if choices < MOST_CHOICES {
        let text = if choices == 0 { proposal.sentence() } else { proposal.second_sentence() };
        pieces.push(Piece { text, role: Role::Choice, asks: true, shows: vec![OffersOptions, InvitesInput] });
    }
}

fn is_greeting(parsed: &Parsed<'_>, clause: &Clause) -> bool {
    let first = parsed.words[clause.words.start].lower.as_str();
    let greets = matches!(first, "hi" | "hello" | "hey" | "morning" | "thanks" | "thank" | "good");
    greets && clause.words.len() <= 6 && clause.mood != Mood::Interrogative
}
