//! `unsafe` stands only in the files that are named here; that each block says why it is right, clippy checks.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Files below `src/` that may have unsafe code, and what it is for.
const NAMED: [(&str, &str); 16] = [
    ("model/candle/attention.rs", "threads write disjoint parts of one output"),
    ("model/candle/gguf.rs", "maps the model file"),
    ("model/candle/kernels/avx2.rs", "instructions of the processor"),
    ("model/candle/kernels/avx2_tiles.rs", "instructions of the processor"),
    ("model/candle/kernels/avx512.rs", "instructions of the processor"),
    ("model/candle/kernels/avx512_tiles.rs", "instructions of the processor"),
    ("model/candle/kernels/dispatch.rs", "calls the kernels for the processor that was detected"),
    ("model/candle/kernels/floats.rs", "calls functions for the processor that was detected"),
    ("model/candle/kernels/input.rs", "sees blocks of numbers as bytes"),
    ("model/candle/kernels/low_rank.rs", "threads write disjoint parts of one output"),
    ("model/candle/kernels/mod.rs", "threads write disjoint parts of one output"),
    ("model/candle/kernels/neon.rs", "instructions of the processor"),
    ("model/candle/pool.rs", "lends a closure and a slice to threads"),
    ("model/candle/shrunk.rs", "puts memory in the place of what is gone from a file"),
    ("model/candle/store.rs", "maps a file in a test"),
    ("model/candle/weights.rs", "sees bytes as blocks of numbers"),
];

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

/// Does the line have the keyword, outside a comment and a longer word?
fn is_unsafe(line: &str) -> bool {
    let code = line.split("//").next().unwrap_or_default();
    code.match_indices("unsafe").any(|(at, word)| {
        let part_of_a_word = |c: char| c.is_alphanumeric() || c == '_';
        !code[..at].ends_with(part_of_a_word) && !code[at + word.len()..].starts_with(part_of_a_word)
            // In a string, as in a message.
            && !code[..at].contains('"')
    })
}

#[test]
fn unsafe_code_is_where_it_is_named() {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src");
    let mut files = Vec::new();
    rust_files(&root, &mut files);
    let found: BTreeSet<String> = files
        .iter()
        .filter(|path| std::fs::read_to_string(path).unwrap().lines().any(is_unsafe))
        .map(|path| path.strip_prefix(&root).unwrap().to_string_lossy().replace('\\', "/"))
        .collect();
    let named: BTreeSet<String> = NAMED.iter().map(|(file, _)| (*file).to_owned()).collect();
    assert_eq!(found, named);
}

#[test]
fn the_compiler_refuses_it_elsewhere() {
    let manifest = std::fs::read_to_string(concat!(env!("CARGO_MANIFEST_DIR"), "/Cargo.toml")).unwrap();
    let manifest: toml::Table = manifest.parse().unwrap();
    assert_eq!(manifest["lints"]["rust"]["unsafe_code"].as_str(), Some("deny"));
    assert_eq!(manifest["lints"]["clippy"]["undocumented_unsafe_blocks"].as_str(), Some("deny"));
}
