//! Tests that what ships in `prompts/` works together: every boss in every scenario, on one screen.

use super::library::embedded_text;
use super::{Boss, Entry, Library, Pronoun, Scenario};
use std::collections::{BTreeMap, BTreeSet};

/// The folder that is embedded, as it lies on the disk.
const PROMPTS: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/prompts");

fn all<E: Entry>() -> Vec<E> {
    Library::embedded().all::<E>().map(|(_, entry)| entry.clone()).collect()
}

#[track_caller]
fn embedded_is_as_on_disk<E: Entry>(fewest: usize) {
    let folder = std::fs::read_dir(format!("{PROMPTS}/{}", E::FOLDER)).unwrap();
    let on_disk: BTreeSet<String> =
        folder.map(|file| file.unwrap().path().file_stem().unwrap().to_string_lossy().into_owned()).collect();
    let embedded: BTreeSet<String> =
        Library::embedded().all::<E>().map(|(name, _)| name.to_owned()).collect();
    assert_eq!(embedded, on_disk, "touch src/scenario/library.rs: cargo does not see new files");
    assert!(embedded.len() >= fewest, "{} are {}", E::FOLDER, embedded.len());
}

#[test]
fn every_file_on_the_disk_is_embedded() {
    embedded_is_as_on_disk::<Scenario>(10);
    embedded_is_as_on_disk::<Boss>(5);
    embedded_is_as_on_disk::<super::Difficulty>(5);
    for kind in [Scenario::KIND, Boss::KIND, super::Difficulty::KIND] {
        assert!(embedded_text(&format!("new/{kind}.toml")).is_some(), "no template for a {kind}");
    }
}

/// The rows that `text` takes on a terminal of 80 columns.
fn rows(text: &str) -> usize {
    textwrap::wrap(text, 80).len()
}

#[test]
fn a_briefing_fits_on_one_screen_with_every_boss() {
    for scenario in all::<Scenario>() {
        for boss in all::<Boss>() {
            let roles = format!(
                "You are Sam, {}. {} is {}: {}.",
                scenario.your_role, boss.name, scenario.boss_role, boss.title
            );
            let texts = [&scenario.title, &scenario.situation, &roles, &scenario.goal, &scenario.outcome];
            let taken: usize = texts.iter().map(|text| rows(text)).sum();
            // The rest is for blank lines, the difficulty and the keys, the greeting and the prompt.
            assert!(taken <= 15, "{} with {}: {taken} rows", scenario.name, boss.name);
        }
    }
}

#[test]
fn every_fact_reads_right_of_every_boss() {
    for fact in all::<Scenario>().iter().flat_map(|scenario| &scenario.facts) {
        for pronoun in [Pronoun::She, Pronoun::He, Pronoun::They] {
            let told = pronoun.fill(&fact.fact);
            assert!(!told.contains(['{', '}']), "{told}");
        }
        assert!(fact.line.ends_with(['.', '!', '?']), "{}", fact.line);
    }
}

#[test]
fn no_two_bosses_share_a_line_a_name_or_an_age() {
    let mut owners: BTreeMap<String, String> = BTreeMap::new();
    for boss in all::<Boss>() {
        let age: String = boss.title.chars().take_while(char::is_ascii_digit).collect();
        assert_eq!(age.len(), 2, "{}: the title begins with the age", boss.id);
        let lines = boss.greetings.iter().chain(&boss.matters).map(|line| line.to_lowercase());
        let own: BTreeSet<String> = lines.chain([age, boss.name.clone()]).collect();
        for line in own {
            if let Some(other) = owners.insert(line.clone(), boss.id.clone()) {
                panic!("`{line}` is {}'s and {other}'s", boss.id);
            }
        }
    }
}

#[test]
fn a_key_that_no_file_has_is_an_error_with_the_nearest() {
    let home = tempfile::tempdir().unwrap();
    for (path, key, typo) in [
        ("scenarios/late-feedback.toml", "\nboss-view", "\nboss-veiw"),
        ("scenarios/late-feedback.toml", "\nline =", "\nlien ="),
        ("bosses/dana.toml", "\ngreetings", "\ngreetngs"),
    ] {
        let file = home.path().join("mine.toml");
        std::fs::write(&file, embedded_text(path).unwrap().replacen(key, typo, 1)).unwrap();
        let error = match path.starts_with("bosses") {
            true => super::read::<Boss>(&file).unwrap_err().to_string(),
            false => super::read::<Scenario>(&file).unwrap_err().to_string(),
        };
        let near = key.trim_matches(['\n', ' ', '=']);
        assert!(error.contains(&format!("did you mean `{near}`?")), "{error}");
    }
}
