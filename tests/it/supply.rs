//! The supply chain: each direct dependency is one that was looked at, and all come from where they should.

use std::collections::{BTreeMap, BTreeSet};

/// A dependency in `supply-chain/dependencies.toml`.
#[derive(Debug, serde::Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
struct Reviewed {
    version: String,
    why: String,
    keeper: String,
    licence: String,
    #[allow(dead_code)] // for people
    r#unsafe: u32,
    #[allow(dead_code)]
    build_script: bool,
    #[serde(default)]
    touches: Option<String>,
}

fn table(file: &str) -> toml::Table {
    let path = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join(file);
    std::fs::read_to_string(&path).unwrap().parse().unwrap_or_else(|error| panic!("{file}: {error}"))
}

fn reviewed() -> BTreeMap<String, Reviewed> {
    table("supply-chain/dependencies.toml").try_into().unwrap()
}

/// Every dependency of the manifest: of the program and of its tests, everywhere or on some systems only.
fn wanted(manifest: &toml::Table) -> BTreeSet<String> {
    let targets = manifest.get("target").and_then(|targets| targets.as_table());
    let tables =
        targets.into_iter().flat_map(|targets| targets.values().filter_map(|target| target.as_table()));
    let sections = std::iter::once(manifest).chain(tables).flat_map(|table| {
        ["dependencies", "dev-dependencies", "build-dependencies"].map(|section| table.get(section))
    });
    let names = sections.flatten().filter_map(|section| section.as_table());
    names.flat_map(|section| section.keys().cloned()).collect()
}

#[test]
fn each_direct_dependency_was_looked_at_in_this_version() {
    let (manifest, lock, reviewed) = (table("Cargo.toml"), table("Cargo.lock"), reviewed());
    let wanted = wanted(&manifest);
    let known: BTreeSet<String> = reviewed.keys().cloned().collect();
    assert_eq!(wanted, known, "look at it, then write it into supply-chain/dependencies.toml");
    for (name, entry) in &reviewed {
        let versions: Vec<&str> = lock["package"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|package| package["name"].as_str() == Some(name))
            .map(|package| package["version"].as_str().unwrap())
            .collect();
        assert!(
            versions.contains(&entry.version.as_str()),
            "`{name}` {} was looked at, and Cargo.lock has {versions:?}: look at what changed",
            entry.version
        );
        let words = [&entry.why, &entry.keeper, &entry.licence];
        assert!(words.iter().all(|words| !words.trim().is_empty()), "`{name}` is not described");
        assert!(entry.touches.as_ref().is_none_or(|touches| !touches.trim().is_empty()), "`{name}`");
    }
}

#[test]
fn every_crate_comes_from_the_registry_with_a_sum() {
    let lock = table("Cargo.lock");
    for package in lock["package"].as_array().unwrap() {
        let name = package["name"].as_str().unwrap();
        if name.starts_with("coachup") {
            assert!(package.get("source").is_none(), "`{name}` is ours");
            continue;
        }
        let source = package.get("source").and_then(|source| source.as_str());
        assert_eq!(source, Some("registry+https://github.com/rust-lang/crates.io-index"), "`{name}`");
        let sum = package.get("checksum").and_then(|sum| sum.as_str()).unwrap_or_default();
        assert_eq!(sum.len(), 64, "`{name}` has no checksum");
    }
}
