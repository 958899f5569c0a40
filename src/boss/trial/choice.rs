//! Lines that a model drew and a demanding reader has read, against the choice among them.

use crate::boss::choice::preferences;
use crate::boss::scene::content_of;
use crate::boss::talks::{Mark, Reading};

/// What the choice among the lines comes to.
#[derive(Clone, Copy, Debug, Default, PartialEq)]
pub struct Choice {
    /// Moments.
    pub moments: usize,
    /// Lines.
    pub lines: usize,
    /// … that the reader would leave as they are.
    pub good: usize,
    /// Moments whose lines are not all good and not all bad, so that there is something to choose.
    pub open: usize,
    /// Of those, the good lines that blind choice would bring, on average.
    pub blind: f64,
    /// … that the choice brings.
    pub chosen: usize,
}

/// Chooses among the lines of each reading, of which so many are taken as a talk draws.
pub fn choice(readings: &[Reading], candidates: usize) -> Choice {
    let mut choice = Choice::default();
    let parts = readings.iter().flat_map(|reading| {
        reading.lines.chunks(candidates).map(|lines| (reading.direction.as_str(), lines))
    });
    for (direction, lines) in parts {
        let good: Vec<bool> = lines.iter().map(|(_, mark)| *mark == Mark::Good).collect();
        let right = good.iter().filter(|good| **good).count();
        choice.moments += 1;
        choice.lines += lines.len();
        choice.good += right;
        if right > 0 && right < lines.len() {
            let texts: Vec<&str> = lines.iter().map(|(line, _)| line.as_str()).collect();
            let preferred = preferences(&texts, &content_of(direction));
            let best = (0..lines.len()).max_by(|one, other| preferred[*one].total_cmp(&preferred[*other]));
            choice.open += 1;
            choice.blind += right as f64 / lines.len() as f64;
            choice.chosen += usize::from(best.is_some_and(|best| good[best]));
        }
    }
    choice
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::boss::talks;
    use std::path::Path;

    #[test]
    fn the_choice_brings_more_good_lines_than_chance() {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/corpus/talks");
        let readings = talks::readings(&folder.join("readings.jsonl")).unwrap();
        let chosen = choice(&readings, 4);
        assert!(chosen.open > 200 && chosen.chosen as f64 > 1.15 * chosen.blind, "{chosen:?}");
    }
}
