//! Permission: asking for willingness, setting a time aside, or springing the matter on the boss.

use super::super::rubric::Check;
use super::super::verdict::Position;
use super::Board;
use super::reading::Reading;

/// Judges asks-permission and schedules-ahead.
pub(super) fn judge(reading: &Reading<'_>, board: &mut Board) {
    for hit in reading.hits("permission") {
        board.of(Check::AsksPermission).add(hit.weight, hit.words.clone());
    }
    for hit in reading.hits("agreed") {
        board.of(Check::SchedulesAhead).add(hit.weight, hit.words.clone());
    }
    for section in ["permission", "arranging"] {
        for hit in reading.hits(section) {
            let sentence = reading.sentence_words(hit.words.start);
            if reading.touching("handle", &sentence).is_none() || only_now(reading, &sentence) {
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

/// "Got two minutes?" asks for now: its only time is a short length.
fn only_now(reading: &Reading<'_>, sentence: &std::ops::Range<usize>) -> bool {
    reading.touching("nowish", sentence).is_some()
        && !reading.hits("handle").iter().any(|hit| {
            hit.words.start >= sentence.start
                && hit.words.end <= sentence.end
                && reading.touching("nowish", &hit.words).is_none()
        })
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
