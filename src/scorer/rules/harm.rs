//! Harm: commanding, blaming, losing one's temper.

use super::super::parse::{Modality, Mood, Parsed, Person, Tense};
use super::super::rubric::Check;
use super::Board;
use super::reading::Reading;

/// Judges heated, blames and prescribes, in this order: each looks at the ones before.
pub(super) fn judge(reading: &Reading<'_>, board: &mut Board) {
    judge_heat(reading, board);
    judge_blame(reading, board);
    judge_accounts(reading, board);
    judge_commands(reading, board);
}

fn judge_heat(reading: &Reading<'_>, board: &mut Board) {
    for section in ["insult", "threat", "sarcasm"] {
        for hit in reading.hits(section) {
            let at_boss = reading
                .parsed
                .words
                .iter()
                .any(|word| matches!(word.lower.as_str(), "you" | "your" | "yours" | "yourself"));
            let share = match section {
                // "He's a vile man", "I was rude": somebody else's temper, or one's own.
                "insult" if of_others(reading, hit.words.start) => 0.5,
                "insult" if at_boss => 1.0,
                "insult" => 0.8,
                _ => 1.0,
            };
            board.of(Check::Heated).add(hit.weight * share, hit.words.clone());
        }
    }
    for question in reading.questions.iter().filter(|question| question.genuine < 0.45) {
        board.of(Check::Heated).add(0.3, question.words.clone());
    }
    if let Some(words) = shouting(&reading.parsed) {
        board.of(Check::Heated).add(0.4, words);
    }
}

/// Is the clause about the speaker or a third person, and not about the boss?
fn of_others(reading: &Reading<'_>, at: usize) -> bool {
    let clause = reading.parsed.clause_of(at);
    let words = reading.parsed.words_of(clause);
    let named = words.iter().any(|word| {
        matches!(word.lower.as_str(), "he" | "she" | "him" | "her" | "his" | "they" | "i" | "my")
    });
    named && !words.iter().any(|word| matches!(word.lower.as_str(), "you" | "your" | "yourself"))
}

/// A run of words in capitals, or a sentence that ends in several exclamation marks.
fn shouting(parsed: &Parsed<'_>) -> Option<std::ops::Range<usize>> {
    let shouted: Vec<usize> = (0..parsed.words.len())
        .filter(|&at| {
            parsed.words[at].shouted && !parsed.words[at].quoted && parsed.words[at].lower.len() > 3
        })
        .collect();
    if shouted.len() >= 2 {
        return Some(shouted[0]..shouted[0] + 1);
    }
    let loud = parsed.sentences.iter().position(|span| parsed.text[span.clone()].ends_with("!!"))?;
    let first = parsed.words.iter().position(|word| word.sentence == loud)?;
    let count = parsed.words[first..].iter().take_while(|word| word.sentence == loud).count();
    Some(first..first + count)
}

fn judge_blame(reading: &Reading<'_>, board: &mut Board) {
    for hit in reading.hits("blames") {
        let clause = reading.parsed.clause_of(hit.words.start);
        let sentence = reading.sentence_words(hit.words.start);
        let mut weight = hit.weight;
        if reading.touching("fault-denied", &sentence).is_some() {
            weight *= 0.5;
        }
        if reading.touching("acknowledges", &hit.words).is_some_and(|found| found.weight > hit.weight) {
            weight *= 0.5;
        }
        // "You would never have to", "if you skip one": not done, only imagined.
        let imagined = clause.conditional
            || matches!(clause.modality, Some(Modality::Would | Modality::Can | Modality::Will));
        if imagined && clause.mood != Mood::Interrogative {
            weight *= 0.4;
        }
        if reading.touching("benefit", &hit.words).is_some()
            || reading.touching("tentative", &sentence).is_some()
        {
            weight *= 0.6;
        }
        if reading.reported(clause) {
            weight *= 0.3;
        }
        board.of(Check::Blames).add(weight, hit.words.clone());
    }
}

/// What the boss did or does, told without appreciation: the more of it, the more likely it is held against them.
fn judge_accounts(reading: &Reading<'_>, board: &mut Board) {
    const KINDER: [&str; 8] =
        ["acknowledges", "benefit", "help", "tentative", "permission", "agreed", "invites", "prescribes"];
    for clause in reading.own_clauses() {
        let told = clause.subject == Person::You
            && clause.mood == Mood::Declarative
            && clause.modality.is_none()
            && !clause.conditional;
        let words = reading.core(clause);
        if !told
            || clause.words.len() < 3
            || reading.reported(clause)
            || KINDER
                .iter()
                .any(|section| reading.touching(section, &words).is_some_and(|hit| hit.weight >= 0.45))
        {
            continue;
        }
        let hurts = reading
            .parsed
            .words_of(clause)
            .iter()
            .any(|word| matches!(word.lower.as_str(), "me" | "us" | "my" | "our" | "mine"));
        let mut weight: f32 = if clause.tense == Tense::Past { 0.3 } else { 0.22 };
        if clause.negated {
            weight += 0.1;
        }
        if hurts {
            weight += 0.1;
        }
        board.of(Check::Blames).add(weight, words);
    }
    if board.is_yes(Check::Heated) {
        let first = reading
            .own_clauses()
            .find(|clause| clause.subject == Person::You)
            .map(|clause| reading.core(clause));
        if let Some(words) = first {
            board.of(Check::Blames).add(0.25, words);
        }
    }
}

fn judge_commands(reading: &Reading<'_>, board: &mut Board) {
    for hit in reading.hits("prescribes") {
        let clause = reading.parsed.clause_of(hit.words.start);
        let mut weight = hit.weight;
        if let Some(harmless) = reading.touching("harmless-should", &hit.words) {
            weight *= 1.0 - harmless.weight;
        }
        if reading.reported(clause) || clause.mood == Mood::Interrogative {
            weight *= 0.3;
        }
        board.of(Check::Prescribes).add(weight, hit.words.clone());
    }
    for clause in reading.own_clauses().filter(|clause| clause.mood == Mood::Imperative) {
        let words = reading.core(clause);
        let mut weight: f32 = 0.7;
        if reading.harmless_command(clause) {
            weight *= 0.05;
        }
        if reading.reported(clause) {
            weight *= 0.2;
        }
        if reading.promised_in_return(clause) {
            weight *= 0.2;
        }
        // "Start earlier, or swap the days. Your call.": a command in form, an option in sense.
        if board.is_yes(Check::InvitesInput) && !board.is_yes(Check::Heated) {
            weight *= 0.6;
        }
        if reading.touching("tentative", &reading.sentence_words(words.start)).is_some() {
            weight *= 0.6;
        }
        board.of(Check::Prescribes).add(weight, words);
    }
}
