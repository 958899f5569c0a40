//! A difficulty between the presets: `--receptiveness` sets the start, the rest follows.

use super::Difficulty;

impl Difficulty {
    /// The difficulty of a boss who starts at `receptiveness` (0 to 100): between two presets of `ladder`
    /// (easiest first) every number is interpolated linearly, counts rounded; beyond the ends the last
    /// preset's numbers hold.
    ///
    /// # Panics
    /// When `ladder` is empty.
    pub fn at(receptiveness: f64, ladder: &[&Difficulty]) -> Difficulty {
        let start = receptiveness.clamp(0.0, 100.0);
        let below = ladder.iter().position(|preset| preset.receptiveness <= start);
        let hard = ladder[below.unwrap_or(ladder.len() - 1)];
        let easy = ladder[below.map_or(ladder.len() - 1, |at| at.saturating_sub(1))];
        let gap = easy.receptiveness - hard.receptiveness;
        let share = if gap > 0.0 { (start - hard.receptiveness) / gap } else { 0.0 };
        let between = |hard: f64, easy: f64| hard + share * (easy - hard);
        Difficulty {
            name: "custom".to_owned(),
            title: format!("starts at {start:.0} of 100"),
            receptiveness: start,
            patience: between(f64::from(hard.patience), f64::from(easy.patience)).round() as u32,
            threshold: between(hard.threshold, easy.threshold),
            earned: between(hard.earned as f64, easy.earned as f64).round() as usize,
            gain: between(hard.gain, easy.gain),
            loss: between(hard.loss, easy.loss),
            cap: between(hard.cap, easy.cap),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::Library;
    use super::*;

    #[test]
    fn presets_are_met_and_the_way_between_them_is_monotone() {
        let library = Library::embedded();
        let ladder = library.ladder();
        for preset in &ladder {
            let met = Difficulty::at(preset.receptiveness, &ladder);
            assert_eq!((met.patience, met.earned), (preset.patience, preset.earned), "{}", preset.name);
            assert!((met.gain - preset.gain).abs() < 1e-9 && (met.loss - preset.loss).abs() < 1e-9);
        }
        let steps: Vec<Difficulty> = (0..=100).map(|at| Difficulty::at(f64::from(at), &ladder)).collect();
        for pair in steps.windows(2) {
            assert!(pair[0].gain <= pair[1].gain && pair[0].loss >= pair[1].loss);
            assert!(pair[0].earned >= pair[1].earned && pair[0].threshold >= pair[1].threshold);
            assert!(pair[0].receptiveness < pair[1].receptiveness);
        }
        assert!(steps.iter().all(|step| step.check().is_empty()));
    }
}
