//! Data files that a person edits or gets from somebody: the catalogue, bosses, scenarios and presets,
//! settings, plans.

use super::scratch::Scratch;
use super::talk;
use coachup::boss::Cast;
use coachup::model::catalogue::Catalogue;
use coachup::scenario::{Boss, Difficulty, Entry, Library, Scenario, read};
use coachup::session::plan::Plan;
use coachup::settings::Settings;
use std::path::Path;

/// Any bytes as a `models.toml` of one's own.
pub fn catalogue(bytes: &[u8]) {
    let scratch = Scratch::new();
    match Catalogue::load(&scratch.file("models.toml", bytes)) {
        Ok(catalogue) => {
            for entry in catalogue.entries() {
                let name = Path::new(&entry.name);
                assert_eq!(name.components().count(), 1, "it becomes a folder: {name:?}");
                assert!(entry.memory >= entry.size());
            }
            let _ = catalogue.get("no such model");
        }
        Err(error) => talk::one_harmless_line(&error.to_string()),
    }
}

/// Any bytes as a boss, a scenario or a preset, told by the first byte. One that is read also plays.
pub fn preset(bytes: &[u8]) {
    let Some((kind, bytes)) = bytes.split_first() else { return };
    let mut cast = talk::cast();
    let fits = match kind {
        b'b' => entry::<Boss>(bytes, &mut cast, |cast, boss| cast.boss = boss),
        b's' => entry::<Scenario>(bytes, &mut cast, |cast, scenario| cast.scenario = scenario),
        _ => entry::<Difficulty>(bytes, &mut cast, |cast, preset| cast.difficulty = preset),
    };
    if fits {
        let script =
            "Do you have ten minutes on Thursday?\nWhat stands in the way? I could sum it up.\n/why\n";
        talk::practise(cast, script.as_bytes(), &["Well, {you}, not now."]);
    }
}

fn entry<E: Entry>(bytes: &[u8], cast: &mut Cast, put: fn(&mut Cast, E)) -> bool {
    let scratch = Scratch::new();
    let file = scratch.file(&format!("{}/mine.toml", E::FOLDER), bytes);
    if let Ok(entry) = read::<E>(&file) {
        // What an author is told to mend may quote the file at length; the command cleans it.
        entry.problems().iter().for_each(|problem| drop(problem.to_string()));
    }
    let library = Library::with_folders(&[scratch.path().to_owned()]).expect("a folder that can be read");
    match library.get::<E>("mine") {
        Ok(entry) => {
            put(cast, entry.clone());
            true
        }
        Err(error) => {
            talk::one_harmless_line(&error.to_string());
            false
        }
    }
}

/// Any bytes as `settings.toml`.
pub fn settings(bytes: &[u8]) {
    let scratch = Scratch::new();
    scratch.file("settings.toml", bytes);
    let home = scratch.path().into();
    match Settings::from(&[("COACHUP_HOME".to_owned(), home)].into()) {
        Ok(settings) => assert!(settings.folders.data.starts_with(scratch.path())),
        Err(error) => talk::one_harmless_line(&error.to_string()),
    }
}

/// Any bytes as a plan; one that is read is written and read again as it was.
pub fn plan(bytes: &[u8]) {
    let scratch = Scratch::new();
    match Plan::read(&scratch.file("plan.toml", bytes)) {
        Ok(plan) => {
            let again = Plan::read(&scratch.file("again.toml", plan.to_toml().as_bytes()));
            assert_eq!(again.expect("what was written is right"), plan);
        }
        Err(error) => talk::one_harmless_line(&error.to_string()),
    }
}
