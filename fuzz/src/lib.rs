//! The fuzz targets of coachup: each hands libFuzzer's bytes to one of the [`inputs`], within bounds.
//!
//! `cargo +nightly fuzz run gguf`, from the repository's top; see `fuzz/README.md`.

pub mod inputs;

use cap::Cap;
use cpu_time::ThreadTime;
use std::alloc::System;
use std::time::Duration;

/// Counts what is allocated, and ends the process where it is too much: a finding.
#[global_allocator]
static MEMORY: Cap<System> = Cap::new(System, usize::MAX);

/// What one input may hold at a time, in bytes.
const MOST_MEMORY: usize = 100 << 20;

/// How long one input may keep a processor busy.
const MOST_TIME: Duration = Duration::from_secs(1);

/// Hands `bytes` to an input.
///
/// # Panics
/// It took too long, or the input has a fault: findings.
pub fn bounded(input: fn(&[u8]), bytes: &[u8]) {
    MEMORY.set_limit(MEMORY.allocated() + MOST_MEMORY).expect("above what is allocated");
    let begun = ThreadTime::now();
    input(bytes);
    let taken = begun.elapsed();
    assert!(taken < MOST_TIME, "{} bytes kept a processor busy for {taken:?}", bytes.len());
    MEMORY.set_limit(usize::MAX).expect("above what is allocated");
}

/// A fuzz target for the input called so. What is loaded once, is loaded before the first input counts.
#[macro_export]
macro_rules! target {
    ($name:literal) => {
        static INPUT: std::sync::LazyLock<fn(&[u8])> = std::sync::LazyLock::new(|| {
            let input = $crate::inputs::input($name);
            input(b"tWhat do you need from me, so that this can be done by Thursday?");
            input
        });

        libfuzzer_sys::fuzz_target!(|data: &[u8]| $crate::bounded(*INPUT, data));
    };
}
