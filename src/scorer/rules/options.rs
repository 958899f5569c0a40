//! Ways forward: options, handles, the future, offers of help, and too many of them.

use super::super::parse::lexicon::{Classes, Lexicon};
use super::super::parse::{Clause, Modality, Mood, Person, Tense, Word};
use super::super::rubric::Check;
use super::super::verdict::Position;
use super::Board;
use super::reading::Reading;
use std::ops::Range;
use std::sync::LazyLock;

struct Classed {
    modal: Classes,
    aux: Classes,
    help: Classes,
    selfish: Classes,
}

static C: LazyLock<Classed> = LazyLock::new(|| {
    let class = |name: &str| Lexicon::get().class(name);
    Classed { modal: class("modal"), aux: class("aux"), help: class("help"), selfish: class("selfish") }
});

/// Judges offers-help and offers-options, once questions, permission and harm are known.
pub(super) fn judge_proposals(reading: &Reading<'_>, board: &mut Board) {
    judge_help(reading, board);
    judge_options(reading, board);
}

/// Judges future-focus, specific and overloads, once proposals and benefits are known.
pub(super) fn judge_future(reading: &Reading<'_>, board: &mut Board) {
    judge_focus(reading, board);
    judge_specific(reading, board);
    judge_overload(reading, board);
}

fn heated_here(reading: &Reading<'_>, words: &Range<usize>) -> bool {
    let sentence = reading.sentence_words(words.start);
    ["threat", "insult", "sarcasm"]
        .iter()
        .any(|section| reading.touching(section, &sentence).is_some_and(|hit| hit.weight >= 0.6))
}

fn either(reading: &Reading<'_>, sections: &[&str], words: &Range<usize>) -> bool {
    sections.iter().any(|section| reading.touching(section, words).is_some())
}

fn arranges_talk(reading: &Reading<'_>, words: &Range<usize>) -> bool {
    reading.touching("permission", words).is_some_and(|hit| hit.weight >= 0.6)
        || (reading.touching("agreed", words).is_some())
}

/// The main verb behind a clause's modal: "draft" in "I could quickly draft".
fn main_verb<'a>(reading: &'a Reading<'_>, clause: &Clause) -> Option<&'a Word> {
    let words = &reading.parsed.words;
    let from = clause.verb?;
    let shared = clause.modality.is_some() && !words[from].is(C.modal);
    let start = if shared { from } else { from + 1 };
    words[start..clause.words.end.min(start + 5)].iter().find(|word| {
        word.forms.base && !word.is(C.aux) || word.lower == "have" || word.lower == "be" || word.lower == "do"
    })
}

/// How much a clause sounds like an offer: the speaker will, could, would do something, and not merely think, want or leave.
fn offer_by_form(reading: &Reading<'_>, clause: &Clause) -> f32 {
    let modal = matches!(clause.modality, Some(Modality::Will | Modality::Can | Modality::Would));
    if clause.subject != Person::I
        || clause.negated
        || clause.tense == Tense::Past
        || clause.mood != Mood::Declarative
    {
        return 0.0;
    }
    let Some(verb) = main_verb(reading, clause) else { return 0.0 };
    if modal {
        let own = verb.is(C.selfish) || either(reading, &["not-help", "absence"], &reading.core(clause));
        if own {
            return 0.0;
        }
        let for_them = reading.parsed.words_of(clause).iter().any(|word| {
            matches!(word.lower.as_str(), "you" | "your" | "it" | "them" | "that" | "this" | "us")
        });
        return if verb.is(C.help) {
            0.75
        } else if for_them {
            0.58
        } else {
            0.4
        };
    }
    // "I take the red flags, you get the rest": an offer in the plain present, beside the boss or a time.
    let plain = clause
        .verb
        .map(|at| &reading.parsed.words[at])
        .is_some_and(|word| word.forms.base && word.is(C.help));
    let words = reading.core(clause);
    let shared = reading.parsed.clauses_of(clause.sentence).any(|other| other.subject == Person::You)
        || reading.touching("handle", &words).is_some();
    if plain && shared && clause.modality.is_none() { 0.45 } else { 0.0 }
}

fn judge_help(reading: &Reading<'_>, board: &mut Board) {
    for hit in reading.hits("help") {
        let clause = reading.parsed.clause_of(hit.words.start);
        let mut weight = hit.weight;
        if either(reading, &["not-help", "absence"], &hit.words) {
            weight *= 0.3;
        }
        if arranges_talk(reading, &hit.words) {
            weight *= 0.4;
        }
        if heated_here(reading, &hit.words) {
            weight *= 0.4;
        }
        if clause.tense == Tense::Past {
            weight *= 0.3;
        }
        board.of(Check::OffersHelp).add(weight, hit.words.clone());
    }
    for clause in reading.own_clauses() {
        let words = reading.core(clause);
        let mut weight = offer_by_form(reading, clause);
        if arranges_talk(reading, &words) || heated_here(reading, &words) {
            weight *= 0.4;
        }
        if weight > 0.0 {
            board.of(Check::OffersHelp).add(weight, words);
        }
    }
}

fn judge_options(reading: &Reading<'_>, board: &mut Board) {
    for hit in reading.hits("tentative") {
        let mut weight = hit.weight;
        if arranges_talk(reading, &hit.words) {
            weight *= 0.4;
        }
        if heated_here(reading, &hit.words) {
            weight *= 0.4;
        }
        let clause = reading.parsed.clause_of(hit.words.start);
        if clause.tense == Tense::Past && clause.mood != Mood::Interrogative {
            weight *= 0.5;
        }
        board.of(Check::OffersOptions).add(weight, hit.words.clone());
    }
    judge_alternatives(reading, board);
    judge_left_open(reading, board);
}

/// "Try it a week. Your call.": a proposal left to the boss is an option.
fn judge_left_open(reading: &Reading<'_>, board: &mut Board) {
    let left = reading.hits("choice-of").iter().any(|hit| hit.words.len() <= 2);
    if let (true, Some(&at)) = (left, proposals(reading).first()) {
        board.of(Check::OffersOptions).add(0.55, reading.core(&reading.parsed.clauses[at]));
    }
}

/// Alternatives by form: "or" between times, proposals or offers; a choice that is asked for.
fn judge_alternatives(reading: &Reading<'_>, board: &mut Board) {
    for question in &reading.questions {
        let chooses = reading.parsed.words[question.words.clone()].iter().any(|word| word.lower == "or");
        if chooses && reading.touching("handle", &question.words).is_some() {
            board.of(Check::OffersOptions).add(0.7, question.words.clone());
        }
    }
    for clause in reading.own_clauses() {
        let opener = &reading.parsed.words[clause.words.start];
        let words = reading.core(clause);
        let joins = opener.lower == "or" && clause.words.len() > 2 && clause.mood != Mood::Interrogative;
        let open_to = matches!(clause.modality, Some(Modality::Can))
            && matches!(clause.subject, Person::We | Person::You | Person::Other)
            && !clause.negated
            && clause.mood == Mood::Declarative
            && !clause.subordinate;
        let weight = match (joins, open_to) {
            (true, _) if clause.tense == Tense::Past => 0.0,
            (true, true) => 0.7,
            (true, false) => 0.45,
            (false, true) => 0.4,
            _ => 0.0,
        };
        if weight > 0.0 && !heated_here(reading, &words) {
            board.of(Check::OffersOptions).add(weight, words);
        }
    }
}

/// The future of the work: what offers, options and standing commands are about, and plain agreements on what comes next.
fn judge_focus(reading: &Reading<'_>, board: &mut Board) {
    for hit in reading.hits("wayforward") {
        let mut weight = hit.weight * if hit.weight >= 0.8 { 0.85 } else { 0.65 };
        if arranges_talk(reading, &hit.words) || heated_here(reading, &hit.words) {
            weight *= 0.3;
        }
        board.of(Check::FutureFocus).add(weight, hit.words.clone());
    }
    for (check, share) in [
        (Check::OffersOptions, 1.0),
        (Check::OffersHelp, 1.0),
        (Check::Prescribes, 0.62),
        (Check::MutualBenefit, 1.0),
    ] {
        let score = board.of(check).score();
        let best = board
            .of(check)
            .found
            .iter()
            .filter(|signal| !arranges_talk(reading, &signal.words))
            .max_by(|a, b| a.weight.total_cmp(&b.weight))
            .cloned();
        if let Some(best) = best {
            board.of(Check::FutureFocus).add(share * score.min(0.9), best.words);
        }
    }
    if board.is_yes(Check::Heated) {
        board.of(Check::FutureFocus).damp(0.5);
    }
    if reading.position == Position::Opening && board.is_yes(Check::AsksPermission) {
        board.of(Check::FutureFocus).damp(0.35);
    }
}

/// A time or number that belongs to something still to come.
fn judge_specific(reading: &Reading<'_>, board: &mut Board) {
    let proposes = [
        Check::OffersHelp,
        Check::OffersOptions,
        Check::Prescribes,
        Check::SchedulesAhead,
        Check::FutureFocus,
    ]
    .into_iter()
    .any(|check| board.is_yes(check));
    let proposes = proposes
        || reading
            .own_clauses()
            .any(|clause| clause.mood == Mood::Interrogative && asks_for_action(reading, clause));
    for hit in reading.hits("handle") {
        let clause = reading.parsed.clause_of(hit.words.start);
        let sentence = reading.sentence_words(hit.words.start);
        let forward = clause.tense == Tense::Future
            || matches!(clause.mood, Mood::Imperative)
            || clause.modality.is_some()
            || ["help", "tentative", "wayforward", "prescribes", "arranging", "permission"]
                .iter()
                .any(|section| reading.touching(section, &sentence).is_some());
        let mut weight = hit.weight;
        if clause.tense == Tense::Past && reading.touching("agreed", &sentence).is_none() {
            weight *= 0.15;
        } else if !forward {
            weight *= if clause.mood == Mood::Fragment && proposes { 0.6 } else { 0.3 };
        }
        if reading.touching("absence", &reading.core(clause)).is_some() {
            weight *= 0.4;
        }
        if !proposes {
            weight *= 0.6;
        }
        if reading.touching("nowish", &hit.words).is_some()
            && reading.touching("permission", &sentence).is_some()
        {
            weight *= 0.3;
        }
        board.of(Check::Specific).add(weight * 0.9, hit.words.clone());
    }
}

/// The clauses that propose, offer, ask for or command something to be done, each a proposal of its own.
pub(super) fn proposals(reading: &Reading<'_>) -> Vec<usize> {
    let clauses = &reading.parsed.clauses;
    (0..clauses.len()).filter(|&at| is_proposal(reading, &clauses[at])).collect()
}

fn is_proposal(reading: &Reading<'_>, clause: &Clause) -> bool {
    let words = reading.core(clause);
    if clause.quoted
        || clause.tense == Tense::Past
        || clause.subordinate
        || clause.negated
        || reading.reported(clause)
    {
        return false;
    }
    if reading.touching("benefit", &words).is_some() || arranges_talk(reading, &words) {
        return false;
    }
    let touching = |section| reading.touching(section, &words).is_some_and(|hit| hit.weight >= 0.5);
    let opener = &reading.parsed.words[clause.words.start];
    match clause.mood {
        Mood::Imperative => !reading.harmless_command(clause),
        Mood::Interrogative => touching("help") || touching("tentative") || asks_for_action(reading, clause),
        Mood::Declarative => {
            let modal = match clause.subject {
                Person::I => offer_by_form(reading, clause) >= 0.45,
                Person::We | Person::You | Person::Other => {
                    matches!(clause.modality, Some(Modality::Can | Modality::Must | Modality::Should))
                }
                Person::None => clause.modality == Some(Modality::Can),
            };
            // "One, you look at the orders. Two, we share them.": counted off, in the plain present.
            let counted = opener.number
                || matches!(
                    opener.lower.as_str(),
                    "one"
                        | "two"
                        | "three"
                        | "four"
                        | "five"
                        | "six"
                        | "first"
                        | "second"
                        | "third"
                        | "fourth"
                        | "fifth"
                );
            let listed = counted
                && clause.tense == Tense::Present
                && matches!(clause.subject, Person::I | Person::We | Person::You);
            modal
                || listed
                || touching("prescribes")
                || touching("tentative")
                || (opener.lower == "or" && clause.words.len() > 2)
        }
        Mood::Fragment => {
            clause.words.len() > 2
                && (touching("tentative") || matches!(opener.lower.as_str(), "or" | "maybe" | "perhaps"))
        }
    }
}

/// "Could you look at it": a request in the form of a question.
fn asks_for_action(reading: &Reading<'_>, clause: &Clause) -> bool {
    clause.subject == Person::You
        && matches!(clause.modality, Some(Modality::Can | Modality::Would | Modality::Will))
        && main_verb(reading, clause).is_some_and(|verb| {
            !matches!(verb.lower.as_str(), "be" | "have" | "see" | "think" | "say" | "like" | "know")
        })
}

/// More than three proposals or requests.
fn judge_overload(reading: &Reading<'_>, board: &mut Board) {
    let proposals = proposals(reading);
    if proposals.len() <= 3 {
        return;
    }
    let likely = match proposals.len() {
        4 => 0.56,
        5 => 0.64,
        6 => 0.7,
        _ => 0.75,
    };
    for (nth, &at) in proposals.iter().take(6).enumerate() {
        // The first carries the score, the others are shown with it.
        board
            .of(Check::Overloads)
            .add(if nth == 0 { likely } else { 0.01 }, reading.core(&reading.parsed.clauses[at]));
    }
}
