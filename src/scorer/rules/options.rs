//! Ways forward: options, handles, the future, offers of help, and too many of them.

use super::super::parse::{Mood, Person, Tense};
use super::super::rubric::Check;
use super::Board;
use super::reading::Reading;
use std::ops::Range;

/// Judges offers-options, offers-help, future-focus, specific and overloads, once questions, permission and harm are known.
pub(super) fn judge(reading: &Reading<'_>, board: &mut Board) {
    judge_help(reading, board);
    judge_options(reading, board);
    judge_future(reading, board);
    judge_specific(reading, board);
    judge_overload(reading, board);
}

fn heated_here(reading: &Reading<'_>, words: &Range<usize>) -> bool {
    let sentence = reading.sentence_words(words.start);
    ["threat", "insult", "sarcasm"]
        .iter()
        .any(|section| reading.touching(section, &sentence).is_some_and(|hit| hit.weight >= 0.8))
}

fn arranges_talk(reading: &Reading<'_>, words: &Range<usize>) -> bool {
    reading.touching("permission", words).is_some_and(|hit| hit.weight >= 0.8)
        || (reading.touching("agreed", words).is_some())
}

fn judge_help(reading: &Reading<'_>, board: &mut Board) {
    for hit in reading.hits("help") {
        let clause = reading.parsed.clause_of(hit.words.start);
        let mut weight = hit.weight;
        if reading.touching("not-help", &hit.words).is_some() {
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
}

fn judge_options(reading: &Reading<'_>, board: &mut Board) {
    for hit in reading.hits("tentative") {
        let mut weight = hit.weight * 0.85;
        if arranges_talk(reading, &hit.words) {
            weight *= 0.4;
        }
        if heated_here(reading, &hit.words) {
            weight *= 0.4;
        }
        if reading.parsed.clause_of(hit.words.start).tense == Tense::Past {
            weight *= 0.5;
        }
        board.of(Check::OffersOptions).add(weight, hit.words.clone());
    }
    // "Tuesday or Thursday?": times to choose from.
    for question in &reading.questions {
        let words = &reading.parsed.words[question.words.clone()];
        let chooses = words.iter().any(|word| word.lower == "or");
        if chooses && reading.touching("handle", &question.words).is_some() {
            board.of(Check::OffersOptions).add(0.7, question.words.clone());
        }
    }
}

/// Commands and proposals whose sense is a better way of working.
fn judge_future(reading: &Reading<'_>, board: &mut Board) {
    for hit in reading.hits("wayforward") {
        let mut weight = hit.weight * 0.7;
        if arranges_talk(reading, &hit.words) {
            weight *= 0.3;
        }
        if heated_here(reading, &hit.words) {
            weight *= 0.5;
        }
        board.of(Check::FutureFocus).add(weight, hit.words.clone());
    }
    for (check, weight) in [(Check::OffersOptions, 0.75), (Check::OffersHelp, 0.8), (Check::Prescribes, 0.55)]
    {
        if !board.is_yes(check) {
            continue;
        }
        let best = board
            .of(check)
            .found
            .iter()
            .filter(|signal| !arranges_talk(reading, &signal.words))
            .max_by(|a, b| a.weight.total_cmp(&b.weight))
            .cloned();
        if let Some(best) = best {
            board.of(Check::FutureFocus).add(weight, best.words);
        }
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

/// Counts distinct proposals and requests: clauses that propose, offer or command, each once.
fn judge_overload(reading: &Reading<'_>, board: &mut Board) {
    let mut proposals: Vec<usize> = Vec::new();
    for (at, clause) in reading.parsed.clauses.iter().enumerate() {
        if clause.quoted || clause.tense == Tense::Past {
            continue;
        }
        let words = reading.core(clause);
        let proposes = ["help", "prescribes"]
            .iter()
            .any(|section| reading.touching(section, &words).is_some())
            || clause.mood == Mood::Imperative && reading.touching("harmless-imperative", &words).is_none()
            || (matches!(clause.subject, Person::We | Person::You | Person::I | Person::Other)
                && clause.modality.is_some()
                && !clause.negated
                && clause.mood == Mood::Declarative
                && !clause.subordinate)
            || reading.touching("tentative", &words).is_some_and(|hit| hit.words.len() > 2);
        if proposes {
            proposals.push(at);
        }
    }
    if proposals.len() >= 4 {
        let span = |at: usize| reading.core(&reading.parsed.clauses[at]);
        let weight = match proposals.len() {
            4 => 0.5,
            5 => 0.6,
            _ => 0.75,
        };
        for &at in proposals.iter().take(6) {
            board.of(Check::Overloads).add(weight / 2.0, span(at));
        }
    }
}
