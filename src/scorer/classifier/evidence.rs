//! Where in a turn the weights of a check lie: the words that carry its answer.

use super::super::rules::Reading;
use std::ops::Range;

/// Evidence is cut to this many words around the strongest.
const LONGEST: usize = 12;

/// The bytes of the words that `pulls` (words and what they add to the answer) speak for most: within one
/// clause, at most [`LONGEST`] words, without fillers in front.
pub(super) fn strongest(
    reading: &Reading<'_>,
    pulls: impl Iterator<Item = (Range<usize>, f32)>,
) -> Option<Range<usize>> {
    let parsed = &reading.parsed;
    let mut by_word = vec![0.0f32; parsed.words.len()];
    for (words, pull) in pulls {
        let share = pull / words.len().max(1) as f32;
        by_word[words].iter_mut().for_each(|sum| *sum += share);
    }
    let worth = |words: &Range<usize>| by_word[words.clone()].iter().sum::<f32>();
    let cores = parsed.clauses.iter().map(|clause| {
        let core = reading.core(clause);
        let core = if core.is_empty() { clause.words.clone() } else { core };
        (clause.quoted, core)
    });
    let cores = cores.filter(|(_, core)| !core.is_empty());
    let (_, core) = cores.reduce(|best, next| {
        let better = (best.0 && !next.0) || (best.0 == next.0 && worth(&next.1) > worth(&best.1));
        if better { next } else { best }
    })?;
    Some(parsed.bytes(&window(&core, &by_word)))
}

/// The best stretch of at most [`LONGEST`] words within `core`.
fn window(core: &Range<usize>, by_word: &[f32]) -> Range<usize> {
    if core.len() <= LONGEST {
        return core.clone();
    }
    let mut sum: f32 = by_word[core.start..core.start + LONGEST].iter().sum();
    let mut best = (sum, core.start);
    for start in core.start + 1..=core.end - LONGEST {
        sum += by_word[start + LONGEST - 1] - by_word[start - 1];
        if sum > best.0 {
            best = (sum, start);
        }
    }
    best.1..best.1 + LONGEST
}

#[cfg(test)]
mod tests {
    use super::super::super::verdict::{Position, Utterance};
    use super::*;

    #[test]
    fn points_at_the_clause_that_carries_the_answer() {
        let text = "I sent it on Monday. And well, you never answer me. Thanks.";
        let reading = Reading::of(&Utterance { text, context: None, position: Position::Middle });
        let at = reading.parsed.words.iter().position(|word| word.lower == "never").unwrap();
        let found = strongest(&reading, [(at..at + 2, 1.0), (0..2, 0.3)].into_iter()).unwrap();
        assert_eq!(&text[found], "you never answer me");
    }

    #[test]
    fn a_long_clause_is_cut_to_its_strongest_words() {
        let by_word: Vec<f32> = (0..40).map(|at| if (20..24).contains(&at) { 1.0 } else { 0.0 }).collect();
        let found = window(&(0..40), &by_word);
        assert!(found.len() == LONGEST && found.start <= 20 && found.end >= 24);
    }
}
