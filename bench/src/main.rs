//! coachup's engine and llama.cpp in turns, on the same file with the same threads.
//!
//! ```text
//! cargo --config bench/peer.toml run --release -p coachup-bench -- MODEL.gguf [--threads N] [--pairs N] [--long]
//! ```
//!
//! Every measurement is a process of its own, so that load time and peak memory are those of one engine
//! alone; the two take turns, so that whatever else the machine does falls on both. Ratios are medians over
//! the pairs, with the smallest and the largest.
//!
//! llama.cpp is built for the machine it is built on (`bench/peer.toml`), and the benchmark refuses to run
//! with one that lacks what the processor has; coachup is built as it ships and picks its kernels at run time.

mod bandwidth;
mod ours;
mod peer;

use anyhow::{Context, Result, bail};
use clap::Parser;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Instant;

/// Tokens of the prompt that is prefilled.
const PROMPT: usize = 256;
/// Tokens decoded, one at a time and in a batch.
const STEPS: usize = 32;
/// Continuations of the batch.
const BATCH: usize = 4;
/// Contexts at which decoding is measured.
const CONTEXTS: [usize; 4] = [512, 2048, 4096, 8000];

#[derive(Parser)]
#[command(about = "coachup's engine and llama.cpp in turns on the same file")]
struct Options {
    /// The model file
    model: PathBuf,
    /// Threads of each
    #[arg(long, default_value_t = std::thread::available_parallelism().map_or(1, usize::from))]
    threads: usize,
    /// Alternating pairs of runs
    #[arg(long, default_value_t = 5)]
    pairs: usize,
    /// Also measure decoding at contexts up to 8000 tokens (takes minutes)
    #[arg(long)]
    long: bool,
    /// Run one engine once and print its numbers (what the pairs are made of)
    #[arg(long, hide = true)]
    worker: Option<String>,
    /// Where coachup keeps prompts between sessions
    #[arg(long, hide = true)]
    prefixes: Option<PathBuf>,
}

/// What one engine can do, for both.
trait Engine {
    /// Works through the tokens and returns when the logits after the last are there.
    fn prefill(&mut self, tokens: &[u32]) -> Result<()>;
    /// Draws `steps` greedy tokens in `branches` continuations.
    fn decode(&mut self, branches: usize, steps: usize) -> Result<()>;
    /// Forgets everything.
    fn clear(&mut self);
}

/// A named number of one run.
type Numbers = Vec<(String, f64)>;

fn tokens(count: usize) -> Vec<u32> {
    (0..count as u32).map(|i| 1000 + i * 7919 % 30_000).collect()
}

fn seconds(work: impl FnOnce() -> Result<()>) -> Result<f64> {
    let start = Instant::now();
    work()?;
    Ok(start.elapsed().as_secs_f64())
}

/// Peak resident memory of this process in MiB, where the system tells.
fn peak_memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    let kib = line.and_then(|line| line.trim().trim_end_matches("kB").trim().parse::<f64>().ok());
    kib.unwrap_or(f64::NAN) / 1024.0
}

/// One run: load, first token, prefill, decode, batch, memory.
fn measure(load: impl FnOnce() -> Result<Box<dyn Engine>>, long: bool) -> Result<Numbers> {
    let start = Instant::now();
    let mut engine = load()?;
    let loaded = start.elapsed().as_secs_f64();
    let prompt = tokens(PROMPT);
    engine.prefill(&prompt)?;
    engine.decode(1, 1)?;
    let first = start.elapsed().as_secs_f64();
    // Once more, now that the weights are in memory.
    let mut best = f64::MAX;
    for _ in 0..2 {
        engine.clear();
        best = best.min(seconds(|| engine.prefill(&prompt))?);
    }
    let decode = seconds(|| engine.decode(1, STEPS))?;
    engine.clear();
    engine.prefill(&prompt)?;
    let batch = seconds(|| engine.decode(BATCH, STEPS))?;
    let mut numbers = vec![
        ("load (s)".to_string(), loaded),
        ("first token (s)".to_string(), first),
        ("prefill (tokens/s)".to_string(), PROMPT as f64 / best),
        ("decode (tokens/s)".to_string(), STEPS as f64 / decode),
        (format!("decode, batch of {BATCH} (tokens/s)"), (BATCH * STEPS) as f64 / batch),
        ("peak memory (MiB)".to_string(), peak_memory()),
    ];
    if long {
        for context in CONTEXTS {
            engine.clear();
            let prefill = seconds(|| engine.prefill(&tokens(context)))?;
            numbers.push((format!("prefill of {context} tokens (tokens/s)"), context as f64 / prefill));
            let steps = 16;
            let time = seconds(|| engine.decode(1, steps))?;
            numbers.push((format!("decode at {context} tokens (tokens/s)"), steps as f64 / time));
        }
    }
    Ok(numbers)
}

/// A second session: from nothing to the first token after the same prompt.
fn measure_second(load: impl FnOnce() -> Result<Box<dyn Engine>>) -> Result<Numbers> {
    let time = seconds(|| {
        let mut engine = load()?;
        engine.prefill(&tokens(PROMPT))?;
        engine.decode(1, 1)
    })?;
    Ok(vec![("first token of a second session (s)".to_string(), time)])
}

fn work(options: &Options, which: &str) -> Result<()> {
    let (model, threads) = (&options.model, options.threads);
    let prefixes = options.prefixes.as_deref();
    let numbers = match which {
        "ours" => measure(|| ours::load(model, threads, None), options.long)?,
        "peer" => measure(|| peer::load(model, threads), options.long)?,
        "ours-second" => measure_second(|| ours::load(model, threads, prefixes))?,
        "peer-second" => measure_second(|| peer::load(model, threads))?,
        _ => bail!("no such worker: {which}"),
    };
    for (name, value) in numbers {
        println!("{name}\t{value}");
    }
    Ok(())
}

/// Runs a worker in a process of its own and reads its numbers.
fn run_worker(options: &Options, which: &str, prefixes: &Path) -> Result<Numbers> {
    let mut command = Command::new(std::env::current_exe()?);
    command.arg(&options.model).args(["--worker", which, "--threads", &options.threads.to_string()]);
    command.arg("--prefixes").arg(prefixes);
    if options.long {
        command.arg("--long");
    }
    let output = command.output().context("starting a worker")?;
    if !output.status.success() {
        bail!("the worker `{which}` failed: {}", String::from_utf8_lossy(&output.stderr));
    }
    let text = String::from_utf8(output.stdout)?;
    let number = |line: &str| -> Option<(String, f64)> {
        let (name, value) = line.split_once('\t')?;
        Some((name.to_string(), value.parse().ok()?))
    };
    Ok(text.lines().filter_map(number).collect())
}

fn median(values: &[f64]) -> f64 {
    let mut sorted = values.to_vec();
    sorted.sort_by(f64::total_cmp);
    sorted[sorted.len() / 2]
}

fn main() -> Result<()> {
    let options = Options::parse();
    if let Some(which) = options.worker.clone() {
        return work(&options, &which);
    }
    let info = peer::system_info();
    peer::check(&info)?;
    println!("llama.cpp: {info}");
    let size = options.model.metadata().context("reading the model file")?.len();
    let prefixes = std::env::temp_dir().join(format!("coachup-bench-{}", std::process::id()));
    // The first session of ours leaves its prompt on disk; it is not one of those measured.
    run_worker(&options, "ours-second", &prefixes)?;
    let mut pairs: Vec<(Numbers, Numbers)> = Vec::new();
    let mut bandwidths = Vec::new();
    for pair in 0..options.pairs {
        eprintln!("pair {} of {}", pair + 1, options.pairs);
        let mut ours = run_worker(&options, "ours", &prefixes)?;
        let mut peer = run_worker(&options, "peer", &prefixes)?;
        ours.extend(run_worker(&options, "ours-second", &prefixes)?);
        peer.extend(run_worker(&options, "peer-second", &prefixes)?);
        pairs.push((ours, peer));
        bandwidths.push(bandwidth::measure(options.threads)?);
    }
    // What can't be removed is in the system's folder for such things.
    let _ = std::fs::remove_dir_all(&prefixes);
    report(&options, size, &pairs, median(&bandwidths));
    Ok(())
}

fn report(options: &Options, size: u64, pairs: &[(Numbers, Numbers)], bandwidth: f64) {
    println!("{}, {} threads, {} pairs", options.model.display(), options.threads, pairs.len());
    println!("{:42} {:>10} {:>10} {:>7}  spread", "", "coachup", "llama.cpp", "ratio");
    for (at, (name, _)) in pairs[0].0.iter().enumerate() {
        let ours: Vec<f64> = pairs.iter().map(|(ours, _)| ours[at].1).collect();
        let peer: Vec<f64> = pairs.iter().map(|(_, peer)| peer[at].1).collect();
        let ratios: Vec<f64> = ours.iter().zip(&peer).map(|(ours, peer)| ours / peer).collect();
        let (low, high) = ratios.iter().fold((f64::MAX, 0f64), |(l, h), r| (l.min(*r), h.max(*r)));
        println!(
            "{name:42} {:>10.3} {:>10.3} {:>7.2}  {low:.2} to {high:.2}",
            median(&ours),
            median(&peer),
            median(&ratios)
        );
    }
    let decode: Vec<f64> = pairs.iter().map(|(ours, _)| ours[3].1).collect();
    let limit = bandwidth / size as f64;
    println!(
        "memory reads at {:.1} GB/s with {} threads: at most {limit:.1} tokens/s for {:.0} MB; decode is at {:.0}%",
        bandwidth * 1e-9,
        options.threads,
        size as f64 * 1e-6,
        100.0 * median(&decode) / limit
    );
}
