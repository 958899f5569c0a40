//! `coachup train`: makes the scorer's reader and the boss's adapters anew from what was written
//! and labelled by hand.

use crate::boss::draw::{Draw, Purpose};
use crate::boss::talks::{self, Talk};
use crate::boss::wording::TEMPERATURE;
use crate::model::LanguageModel;
use crate::model::candle::tuning::{self, Lesson};
use crate::model::candle::{Adapter, CandleModel, CandleOptions};
use crate::model::encoder::train::{Course, Example};
use crate::model::encoder::{Encoder, pack};
use crate::scorer::corpus::{self, Labelled};
use crate::scorer::reader::train;
use crate::scorer::rubric::Check;
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use std::io::{Cursor, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

/// What to train.
#[derive(Args, Debug)]
#[command(after_help = "Example: coachup train scorer --corpus tests/corpus")]
pub struct TrainArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The scorer's reader, from labelled turns
    Scorer(ScorerArgs),
    /// What tunes a model for the boss's part and for better words, from talks written by hand and lines read
    #[command(alias = "critic")]
    Boss(BossArgs),
    /// Draws lines of a tuned model for turns of the talks, to be read and labelled by hand
    Draw(DrawArgs),
}

/// Of which model, and for which turns.
#[derive(Args, Debug)]
#[command(
    after_help = "Example: coachup train draw --talks tests/corpus/talks/dev.jsonl --adapter boss.gguf"
)]
struct DrawArgs {
    /// The talks
    #[arg(long, value_name = "FILE")]
    talks: PathBuf,
    /// The model
    #[arg(long, value_name = "NAME", default_value = "qwen2.5-coder-1.5b")]
    model: String,
    /// Its adapter
    #[arg(long, value_name = "FILE")]
    adapter: PathBuf,
    /// For so many turns, of talks that are drawn
    #[arg(long, value_name = "N", default_value_t = 100)]
    turns: usize,
    /// So many lines for each
    #[arg(long, value_name = "N", default_value_t = 8)]
    lines: usize,
    /// How much they vary: a temperature
    #[arg(long, value_name = "T", default_value_t = TEMPERATURE)]
    temperature: f32,
    /// Which turns, which lines
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// Where from and where to.
#[derive(Args, Debug)]
#[command(after_help = "Example: coachup train boss --talks tests/corpus/talks --model qwen2.5-coder-1.5b")]
struct BossArgs {
    /// Folder with the talks: `train.jsonl`, `dev.jsonl`; `readings.jsonl`, lines that were drawn and read; and
    /// `better.jsonl`, turns of the person's put better
    #[arg(long, value_name = "DIR")]
    talks: PathBuf,
    /// The model to tune
    #[arg(long, value_name = "NAME", default_value = "qwen2.5-coder-1.5b")]
    model: String,
    /// The adapter to write
    #[arg(long, value_name = "FILE")]
    output: PathBuf,
    /// The factors of the training, in full; an interrupted training is gone on with
    #[arg(long, value_name = "FILE", default_value = "target/adapter.safetensors")]
    weights: PathBuf,
    /// Take the factors as they are, without training
    #[arg(long)]
    trained: bool,
    /// Factors of an earlier training to begin with, or an adapter made of them
    #[arg(long, value_name = "FILE")]
    start: Option<PathBuf>,
    /// How often each talk is seen
    #[arg(long, default_value_t = 2.0)]
    epochs: f64,
    /// The highest learning rate
    #[arg(long, default_value_t = 3e-4)]
    rate: f64,
    /// Order of the talks, first factors
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// Where from and where to. It is trained by `training/encoder.py`, which needs the packages of
/// `training/requirements.txt`.
#[derive(Args, Debug)]
#[command(after_help = "Example: coachup train scorer --corpus tests/corpus")]
struct ScorerArgs {
    /// Folder with the labelled turns
    #[arg(long, value_name = "DIR")]
    corpus: PathBuf,
    /// Folder to write `encoder.gguf` and `calibration.toml` to
    #[arg(long, value_name = "DIR", default_value = "src/scorer/reader")]
    output: PathBuf,
    /// The weights of the training, in full; an interrupted training is gone on with
    #[arg(long, value_name = "FILE", default_value = "target/training.safetensors")]
    weights: PathBuf,
    /// Take the weights as they are, without training
    #[arg(long)]
    trained: bool,
    /// How often each example is seen
    #[arg(long, default_value_t = 4)]
    epochs: usize,
    /// Order of the examples, first heads, how they are retyped
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// Runs the command; `base` finds or fetches the file or folder of the sentence-embedding model of that name, and
/// `python` runs the training.
///
/// # Errors
/// A corpus that can't be read or that is empty; a model that can't be had; a training that failed; a file that
/// can't be written.
pub fn run(
    args: &TrainArgs,
    base: impl FnOnce(&str) -> Result<PathBuf>,
    python: &str,
    out: &mut dyn Write,
) -> Result<()> {
    match &args.what {
        What::Scorer(args) => scorer(args, base, python, out),
        What::Boss(args) => boss(args, base, out),
        What::Draw(args) => draw(args, base, out),
    }
}

fn boss(args: &BossArgs, base: impl FnOnce(&str) -> Result<PathBuf>, out: &mut dyn Write) -> Result<()> {
    let read = talks::readings(&args.talks.join("readings.jsonl"))?;
    let better = talks::better(&args.talks.join("better.jsonl"))?;
    let lessons = |name: &str| -> Result<Vec<Lesson>> {
        let talks = talks::read(&args.talks.join(name))?;
        let of = |talk: &Talk| {
            let better = better.iter().filter(|better| better.talk == talk.id);
            let better = better.filter_map(|better| talk.rewording(better));
            std::iter::once(talk.lesson(&read)).chain(better).collect::<Vec<_>>()
        };
        Ok(talks.iter().flat_map(of).collect())
    };
    let (train, dev) = (lessons("train.jsonl")?, lessons("dev.jsonl")?);
    let base = base(&args.model)?;
    if !args.trained {
        let (epochs, rate, seed, start) = (args.epochs, args.rate, args.seed, args.start.as_deref());
        let course = tuning::Course { base: &base, epochs, rate, seed, start };
        let mut log = |line: &str| drop(writeln!(super::streams::stderr(), "{line}"));
        course.run(&train, &dev, &args.weights, &mut log)?;
    }
    let mut bytes = Cursor::new(Vec::new());
    tuning::pack(&args.weights, &base, &mut bytes)?;
    write(&args.output, &bytes.into_inner(), &format!("adapter from {} texts", train.len()), out)
}

fn draw(args: &DrawArgs, base: impl FnOnce(&str) -> Result<PathBuf>, out: &mut dyn Write) -> Result<()> {
    let talks = talks::read(&args.talks)?;
    let talks = Draw::new(args.seed, 0, Purpose::Wording).shuffled(talks);
    let adapters = vec![Arc::new(Adapter::open(&args.adapter)?)];
    let mut model =
        CandleModel::load(&base(&args.model)?, &CandleOptions { adapters, ..CandleOptions::default() })?;
    if !model.is_tuned() {
        bail!("`{}` was made for another file than that of {}", args.adapter.display(), args.model);
    }
    // A model keeps what the turns of one talk share, so all of a talk are drawn.
    let turns = talks.iter().flat_map(|talk| (0..talk.turns.len()).map(move |turn| (talk, turn)));
    for (talk, turn) in turns.take(args.turns) {
        let drawn = talks::draw(&mut model, talk, turn, args.lines, args.temperature, args.seed)?;
        writeln!(out, "{}", serde_json::to_string(&drawn)?)?;
    }
    Ok(())
}

/// Word pieces of what the boss said that the reader reads.
const CONTEXT_PIECES: usize = 40;

fn scorer(
    args: &ScorerArgs,
    base: impl FnOnce(&str) -> Result<PathBuf>,
    python: &str,
    out: &mut dyn Write,
) -> Result<()> {
    let lessons = turns(&args.corpus, &["train.jsonl", "extra.jsonl", "wide.jsonl"])?;
    let dev = turns(&args.corpus, &["dev.jsonl", "wide-dev.jsonl"])?;
    let examples: Vec<Example> = lessons.iter().map(train::example).collect();
    let labels = Check::ALL.map(Check::id);
    if !args.trained {
        let (epochs, seed) = (args.epochs, args.seed);
        let base = base("all-mpnet-base-v2")?;
        let course = Course { base: &base, labels: &labels, before: CONTEXT_PIECES, epochs, seed, python };
        course.run(&examples, &args.weights)?;
    }
    let mut bytes = Cursor::new(Vec::new());
    pack(&args.weights, &mut bytes)?;
    let bytes = bytes.into_inner();
    write(&args.output.join("encoder.gguf"), &bytes, &format!("reader from {} turns", lessons.len()), out)?;
    // What is calibrated is the encoder as it was stored, with its weights rounded.
    let encoder = Encoder::from_bytes(Box::leak(bytes.into_boxed_slice()))?;
    let calibration = toml::to_string(train::calibrate(encoder, &dev)?.scales())?;
    let file = args.output.join("calibration.toml");
    write(&file, calibration.as_bytes(), &format!("calibrated on {} turns", dev.len()), out)
}

fn write(file: &Path, bytes: &[u8], what: &str, out: &mut dyn Write) -> Result<()> {
    std::fs::write(file, bytes).with_context(|| format!("can't write `{}`", file.display()))?;
    Ok(writeln!(out, "{}: {what}, {} bytes", file.display(), bytes.len())?)
}

/// The turns in some files of `folder`; all but the first may be missing.
fn turns(folder: &Path, names: &[&str]) -> Result<Vec<Labelled>> {
    let mut turns = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let file = folder.join(name);
        if at == 0 || file.exists() {
            turns.extend(corpus::read(&file)?);
        }
    }
    if turns.is_empty() {
        bail!("no turns in `{}`: put labelled turns into {}", folder.display(), names[0]);
    }
    Ok(turns)
}
