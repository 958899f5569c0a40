//! One talk to be had in a trial, and the order in which talks are had.

use super::script::Script;
use crate::boss::draw::{Draw, Purpose};
use serde::{Deserialize, Serialize};

/// One talk to be had.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Cell {
    /// The script's name.
    pub script: String,
    /// The boss.
    pub boss: String,
    /// The preset's name, or `custom` for one between presets.
    pub difficulty: String,
    /// Openness at the start, 0 to 100.
    pub receptiveness: f64,
    /// Seed of everything random.
    pub seed: u64,
    /// The model's name.
    pub model: String,
}

impl Cell {
    /// A name for files, the same for the same talk.
    pub fn id(&self) -> String {
        let level = match self.difficulty.as_str() {
            "custom" => format!("at-{:.0}", self.receptiveness),
            preset => preset.to_owned(),
        };
        format!("{}-{level}-{}-{}", self.script, self.boss, self.seed)
    }
}

/// Every script at every preset, with each of `seeds` seeds. The bosses take turns, so that each meets
/// every script and every preset sooner or later.
pub fn every(scripts: &[Script], bosses: &[&str], presets: &[(&str, f64)], seeds: u64) -> Vec<Cell> {
    let mut cells = Vec::new();
    for seed in 1..=seeds {
        for (row, script) in scripts.iter().enumerate() {
            for (column, (preset, receptiveness)) in presets.iter().enumerate() {
                let boss = bosses[(row + column + seed as usize) % bosses.len()];
                cells.push(Cell {
                    script: script.name.clone(),
                    boss: boss.to_owned(),
                    difficulty: (*preset).to_owned(),
                    receptiveness: *receptiveness,
                    seed,
                    model: String::new(),
                });
            }
        }
    }
    cells
}

/// `most` of the cells, the same ones every time and more of them for a larger `most`, sorted so that
/// talks with the same boss follow each other: the model keeps what their prompts share.
pub fn sample(cells: Vec<Cell>, most: usize) -> Vec<Cell> {
    let mut draw = Draw::new(0, 0, Purpose::Wording);
    let mut chosen: Vec<Cell> = draw.shuffled(cells).into_iter().take(most).collect();
    chosen.sort_by(|a, b| (a.seed, &a.boss, &a.script).cmp(&(b.seed, &b.boss, &b.script)));
    chosen
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_sample_is_part_of_a_larger_one_and_every_cell_has_its_own_name() {
        let script = |name: &str| Script {
            name: name.to_owned(),
            scenario: "late-feedback".to_owned(),
            turns: vec!["Hello.".to_owned()],
        };
        let cells = every(&[script("a"), script("b")], &["x", "y"], &[("open", 48.0), ("hard", 9.0)], 3);
        assert_eq!(cells.len(), 12);
        let ids: std::collections::BTreeSet<String> = cells.iter().map(Cell::id).collect();
        assert_eq!(ids.len(), 12);
        let few = sample(cells.clone(), 4);
        let more = sample(cells, 8);
        assert!(few.iter().all(|cell| more.contains(cell)));
        assert!(few.windows(2).all(|pair| pair[0].seed <= pair[1].seed));
    }
}
