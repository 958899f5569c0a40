//! A difficulty for any receptiveness, between the presets that come with the program.

use super::{Difficulty, Library};

impl Difficulty {
    /// The difficulty that starts at `receptiveness`, 0 to 100 (values outside are brought to the nearer
    /// end): the other numbers lie on straight lines between the neighbouring presets, and beyond the
    /// outermost presets stay theirs.
    pub fn from_receptiveness(receptiveness: f64) -> Difficulty {
        let receptiveness = if receptiveness.is_nan() { 0.0 } else { receptiveness.clamp(0.0, 100.0) };
        let library = Library::embedded();
        let ladder = library.ladder();
        let (easier, harder) = neighbours(&ladder, receptiveness);
        let width = easier.receptiveness - harder.receptiveness;
        let share = if width > 0.0 { ((receptiveness - harder.receptiveness) / width).clamp(0.0, 1.0) } else { 0.0 };
        let between = |low: f64, high: f64| low + (high - low) * share;
        let whole = |low: usize, high: usize| between(low as f64, high as f64).round() as usize;
        Difficulty {
            name: "custom".to_owned(),
            title: format!("receptiveness {receptiveness:.0}"),
            receptiveness,
            patience: whole(harder.patience as usize, easier.patience as usize) as u32,
            threshold: between(harder.threshold, easier.threshold),
            earned: whole(harder.earned, easier.earned),
            gain: between(harder.gain, easier.gain),
            loss: between(harder.loss, easier.loss),
            cap: between(harder.cap, easier.cap),
        }
    }
}

/// The presets on both sides; the outermost one twice beyond the ends. `ladder` is easiest first.
fn neighbours<'a>(ladder: &[&'a Difficulty], receptiveness: f64) -> (&'a Difficulty, &'a Difficulty) {
    let first = ladder.first().expect("the program comes with presets");
    let last = ladder.last().expect("the program comes with presets");
    let pair = ladder.windows(2).find(|pair| pair[0].receptiveness >= receptiveness && receptiveness >= pair[1].receptiveness);
    match pair {
        Some(pair) => (pair[0], pair[1]),
        None if receptiveness > first.receptiveness => (first, first),
        None => (last, last),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn at_a_preset_it_is_the_preset_and_between_it_lies_between() {
        let library = Library::embedded();
        for preset in library.ladder() {
            let made = Difficulty::from_receptiveness(preset.receptiveness);
            let same = Difficulty { name: preset.name.clone(), title: preset.title.clone(), ..made };
            assert_eq!(same, *preset);
        }
        let (open, guarded): (&Difficulty, &Difficulty) =
            (library.get("open").unwrap(), library.get("guarded").unwrap());
        let middle = Difficulty::from_receptiveness((open.receptiveness + guarded.receptiveness) / 2.0);
        assert_eq!(middle.cap, (open.cap + guarded.cap) / 2.0);
    }

    #[test]
    fn it_grows_easier_all_the_way_and_stays_in_bounds() {
        let made: Vec<Difficulty> = (0..=100).map(|r| Difficulty::from_receptiveness(f64::from(r))).collect();
        for pair in made.windows(2) {
            assert!(pair[0].gain <= pair[1].gain && pair[0].loss >= pair[1].loss);
            assert!(pair[0].earned >= pair[1].earned && pair[0].patience <= pair[1].patience);
            assert!(pair[0].receptiveness < pair[1].receptiveness);
        }
        assert!(made.iter().all(|difficulty| difficulty.check().is_empty()));
        assert_eq!(Difficulty::from_receptiveness(f64::NAN).receptiveness, 0.0);
        assert_eq!(Difficulty::from_receptiveness(500.0).receptiveness, 100.0);
    }
}
