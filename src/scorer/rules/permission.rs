//! Permission: asking for willingness, setting a time aside, or springing the matter on the boss.

use super::super::parse::lexicon::{Classes, Lexicon};
use super::super::parse::{Hit, Mood};
use super::super::rubric::Check;
use super::super::verdict::Position;
use super::Board;
use super::reading::Reading;
use std::ops::Range;
use std::sync::LazyLock;

struct Classed {
    time: Classes,
}

static C: LazyLock<Classed> = LazyLock::new(|| {
    let names = ["time", "weekday", "dayword", "month", "clock"];
    Classed { time: names.iter().fold(0, |bits, name| bits | Lexicon::get().class(name)) }
});

/// Judges asks-permission and schedules-ahead.
pub(super) fn judge(reading: &Reading<'_>, board: &mut Board) {
    for hit in reading.hits("permission") {
        board.of(Check::AsksPermission).add(hit.weight, hit.words.clone());
    }
    if let Some(words) = clipped_request(reading) {
        board.of(Check::AsksPermission).add(0.7, words.clone());
        if !only_now(reading, &(0..reading.parsed.words.len())) {
            board.of(Check::SchedulesAhead).add(0.7, words);
        }
    }
    for hit in reading.hits("agreed") {
        board.of(Check::SchedulesAhead).add(hit.weight, hit.words.clone());
    }
    for section in ["permission", "arranging"] {
        for hit in reading.hits(section) {
            let sentence = reading.sentence_words(hit.words.start);
            if !names_a_time(reading, &sentence) || only_now(reading, &sentence) {
                continue;
            }
            // Elsewhere than in an opening, a time is more often one for the solution than for the talk.
            let share = match (section, reading.position) {
                ("permission", _) if hit.weight < 0.6 => 0.5,
                ("permission", Position::Opening) => 1.0,
                ("permission", _) => 0.75,
                (_, Position::Opening) => 0.7,
                _ => 0.3,
            };
            board.of(Check::SchedulesAhead).add(hit.weight * share, hit.words.clone());
        }
    }
}

/// Does a handle in the sentence measure or name a time, rather than count things?
fn names_a_time(reading: &Reading<'_>, sentence: &Range<usize>) -> bool {
    let timed = |hit: &Hit| {
        let words = &reading.parsed.words[hit.words.clone()];
        words.iter().any(|word| word.is(C.time))
            || words
                .iter()
                .any(|word| matches!(word.lower.as_str(), "at" | "by" | "o'clock" | "min" | "mins"))
    };
    reading.hits_in("handle", sentence).iter().any(timed)
}

/// "Budget. Twenty minutes. Friday?": a short opening that names a length or a day asks for it.
fn clipped_request(reading: &Reading<'_>) -> Option<Range<usize>> {
    let words = &reading.parsed.words;
    if reading.position != Position::Opening || words.len() > CLIPPED {
        return None;
    }
    let asks = !reading.questions.is_empty() || words.iter().any(|word| word.lower == "please");
    let all = 0..words.len();
    let verbless = reading.parsed.clauses.iter().filter(|clause| clause.mood != Mood::Fragment).count() <= 1;
    let hit = reading
        .hits("handle")
        .iter()
        .find(|hit| words[hit.words.clone()].iter().any(|word| word.is(C.time)))?;
    (asks && verbless && names_a_time(reading, &all)).then(|| hit.words.clone())
}

/// Words a clipped request has at most.
const CLIPPED: usize = 14;

/// "Got two minutes?" asks for now: its only time is a short length.
fn only_now(reading: &Reading<'_>, sentence: &Range<usize>) -> bool {
    reading.touching("nowish", sentence).is_some()
        && reading
            .hits_in("handle", sentence)
            .iter()
            .all(|hit| reading.touching("nowish", &hit.words).is_some())
}

/// Judges springs, once permission, time and topic are known.
pub(super) fn judge_springing(reading: &Reading<'_>, board: &mut Board) {
    if reading.position != Position::Opening
        || board.is_yes(Check::AsksPermission)
        || board.is_yes(Check::SchedulesAhead)
    {
        return;
    }
    let content = super::topic::content_words(reading);
    let raised = [Check::StatesTopic, Check::Blames, Check::Prescribes, Check::Heated]
        .into_iter()
        .any(|check| board.is_yes(check));
    if raised || content.len() >= 3 {
        let words = content.first().map_or(0..1, |&first| reading.sentence_words(first));
        let core = reading.parsed.clause_of(words.start.max(content.first().copied().unwrap_or(0)));
        let span = reading.core(core);
        board.of(Check::Springs).add(if raised { 0.85 } else { 0.6 }, span);
    }
}
