//! Untrusted bytes: every kept seed of the fuzz targets goes through every input, within time and memory.

#[path = "../../fuzz/src/inputs/mod.rs"]
mod inputs;

use std::path::{Path, PathBuf};
use std::process::Command;

/// Seconds of processor time that one seed may take in one input.
const MOST_SECONDS: f64 = 1.0;

/// Most memory of the process that reads them all, in kB. What the program itself loads for it (scenarios, rules,
/// word lists) is a part of that.
const MOST_MEMORY: u64 = 200_000;

/// The seeds, by the input they are made for.
fn seeds() -> Vec<(String, PathBuf)> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/seeds");
    let inside = |folder: &Path| -> Vec<PathBuf> {
        let entries =
            std::fs::read_dir(folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
        let mut found: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
        found.sort();
        found
    };
    let name = |folder: &Path| folder.file_name().unwrap().to_string_lossy().into_owned();
    let folders = inside(&folder);
    folders.iter().flat_map(|folder| inside(folder).into_iter().map(|file| (name(folder), file))).collect()
}

/// Seconds that this process has kept a processor busy, to a hundredth; none where the system can't tell.
fn busy() -> Option<f64> {
    let stat = std::fs::read_to_string("/proc/self/stat").ok()?;
    // After the name, which may hold anything: the state is field 3, user and system time are 14 and 15.
    let fields: Vec<&str> = stat.rsplit_once(')')?.1.split_whitespace().collect();
    let ticks = |at: usize| fields.get(at)?.parse::<f64>().ok();
    Some((ticks(11)? + ticks(12)?) / 100.0)
}

/// The most memory that this process has had, in kB; none where the system can't tell.
fn peak() -> Option<u64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    status.lines().find_map(|line| line.strip_prefix("VmHWM:"))?.trim().strip_suffix(" kB")?.parse().ok()
}

#[test]
fn every_input_has_seeds_and_every_seed_an_input() {
    let seeds = seeds();
    for (input, _) in inputs::INPUTS {
        assert!(seeds.iter().any(|(name, _)| name == input), "`fuzz/seeds/{input}` is empty");
        let target = format!("fuzz/fuzz_targets/{input}.rs");
        assert!(Path::new(env!("CARGO_MANIFEST_DIR")).join(&target).exists(), "`{target}` is missing");
    }
    for (name, file) in seeds {
        assert!(inputs::INPUTS.iter().any(|(input, _)| name == *input), "{}", file.display());
        let size = std::fs::metadata(&file).unwrap().len();
        assert!(size <= 26_000, "{} has {size} bytes; seeds are small", file.display());
    }
}

/// Runs alone, in a process of its own that the next test starts, so that its time and memory are the seeds'.
#[test]
#[ignore = "the next test runs it"]
fn all_seeds_through_all_inputs() {
    // Grading is slow, and honestly so: what grades reads only what is made for it, at the end.
    let quick = |input: &str| !["score", "lines", "text"].contains(&input);
    for (name, file) in seeds() {
        let bytes = std::fs::read(&file).unwrap();
        for (input, read) in inputs::INPUTS.into_iter().filter(|(input, _)| quick(input)) {
            eprintln!("{name}/{} in {input}", file.file_name().unwrap().display());
            let before = busy();
            read(&bytes);
            if let (Some(before), Some(after)) = (before, busy()) {
                let taken = after - before;
                assert!(taken < MOST_SECONDS, "{} took {taken} s in {input}", file.display());
            }
        }
    }
    assert!(peak().is_none_or(|peak| peak < MOST_MEMORY), "{:?} kB", peak());
    for (name, file) in seeds().into_iter().filter(|(name, _)| !quick(name)) {
        inputs::input(&name)(&std::fs::read(&file).unwrap());
    }
}

#[test]
fn no_seed_crashes_or_takes_long_or_fills_the_memory() {
    let mut command = Command::new(std::env::current_exe().unwrap());
    command.args(["untrusted::all_seeds_through_all_inputs", "--exact", "--ignored", "--nocapture"]);
    let output = command.output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    let last: Vec<&str> = words.lines().rev().take(8).collect();
    assert!(output.status.success(), "{}", last.into_iter().rev().collect::<Vec<_>>().join("\n"));
    assert!(String::from_utf8_lossy(&output.stdout).contains("1 passed"), "the test was found");
}
