//! `coachup train`: makes the scorer's weights and the boss's critic anew from what was labelled by hand.

use crate::boss::critic::MOMENT_PIECES;
use crate::boss::critic::labelled::{self as candidates, Label, Moment, Split};
use crate::model::encoder::Encoder;
use crate::model::encoder::train::{Example, Settings, fine_tune};
use crate::repl::interrupt::Interrupt;
use crate::scorer::classifier::train;
use crate::scorer::corpus::{self, Labelled};
use crate::scorer::rubric::Check;
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use indicatif::{ProgressBar, ProgressStyle};
use std::io::{Cursor, Write};
use std::ops::ControlFlow;
use std::path::{Path, PathBuf};

/// What to train.
#[derive(Args, Debug)]
#[command(after_help = "Example: coachup train scorer --corpus tests/corpus")]
pub struct TrainArgs {
    #[command(subcommand)]
    what: What,
}

#[derive(Debug, Subcommand)]
enum What {
    /// The scorer's classifier: the same turns give the same weights, byte for byte
    Scorer(ScorerArgs),
    /// The critic that chooses among the boss's candidates: the same candidates give the same weights
    Critic(CriticArgs),
}

/// Where from and where to.
#[derive(Args, Debug)]
#[command(after_help = "Example: coachup train scorer --corpus tests/corpus")]
struct ScorerArgs {
    /// Folder with `train.jsonl` and `extra.jsonl` to learn from and `dev.jsonl` to choose thresholds on
    #[arg(long, value_name = "DIR")]
    corpus: PathBuf,
    /// Folder to write `encoder.gguf` and `weights.bin` to
    #[arg(long, value_name = "DIR", default_value = "src/scorer/classifier")]
    output: PathBuf,
    /// Keep the `encoder.gguf` that is there, and fit only `weights.bin`: half a minute instead of half an hour
    #[arg(long)]
    keep_encoder: bool,
    /// How often the encoder sees each turn
    #[arg(long, default_value_t = Settings::default().epochs)]
    epochs: usize,
}

/// Where from and where to.
#[derive(Args, Debug)]
#[command(after_help = "Example: coachup train critic --candidates tests/corpus/candidates.jsonl")]
struct CriticArgs {
    /// Labelled candidates; those of the test part are left alone
    #[arg(long, value_name = "FILE")]
    candidates: PathBuf,
    /// File to write
    #[arg(long, value_name = "FILE", default_value = "src/boss/critic/critic.gguf")]
    output: PathBuf,
    /// How often the critic sees each candidate
    #[arg(long, default_value_t = Settings::default().epochs)]
    epochs: usize,
    /// Order of examples, first heads, dropout
    #[arg(long, default_value_t = 0)]
    seed: u64,
}

/// Runs the command; `pretrained` finds or fetches the folder of the model that the encoder starts from.
///
/// # Errors
/// A corpus that can't be read or that is empty; a model that can't be had; a file that can't be written.
pub fn run(
    args: &TrainArgs,
    pretrained: impl FnOnce() -> Result<PathBuf>,
    out: &mut dyn Write,
) -> Result<()> {
    match &args.what {
        What::Scorer(args) => scorer(args, pretrained, out),
        What::Critic(args) => critic(args, pretrained, out),
    }
}

fn critic(
    args: &CriticArgs,
    pretrained: impl FnOnce() -> Result<PathBuf>,
    out: &mut dyn Write,
) -> Result<()> {
    let moments = candidates::read(&args.candidates)?;
    let lessons: Vec<&Moment> = moments.iter().filter(|moment| moment.split == Split::Train).collect();
    let examples: Vec<Example> = lessons.iter().flat_map(|moment| moment.examples()).collect();
    if examples.is_empty() {
        bail!("no candidates to learn from in `{}`", args.candidates.display());
    }
    let settings =
        Settings { epochs: args.epochs, before: MOMENT_PIECES, seed: args.seed, ..Settings::default() };
    let labels = Label::ALL.map(|label| label.id().to_owned());
    let encoder = encoder(&pretrained()?, &labels, &examples, &settings)?;
    let mut bytes = Cursor::new(Vec::new());
    encoder.write_tuned(&mut bytes)?;
    write(&args.output, &bytes.into_inner(), "critic", &format!("{} candidates", examples.len()), out)
}

fn scorer(
    args: &ScorerArgs,
    pretrained: impl FnOnce() -> Result<PathBuf>,
    out: &mut dyn Write,
) -> Result<()> {
    let lessons = lessons(&args.corpus)?;
    let dev = corpus::read(&args.corpus.join("dev.jsonl"))?;
    let file = args.output.join("encoder.gguf");
    if !args.keep_encoder {
        let settings = Settings { epochs: args.epochs, ..Settings::default() };
        let examples: Vec<Example> = lessons.iter().map(train::example).collect();
        let labels = Check::ALL.map(|check| check.id().to_owned());
        let encoder = encoder(&pretrained()?, &labels, &examples, &settings)?;
        let mut bytes = Cursor::new(Vec::new());
        encoder.write(&mut bytes)?;
        write(&file, &bytes.into_inner(), "encoder", &turns(&lessons), out)?;
    }
    // What is mixed and calibrated is the encoder as it was stored, with its weights rounded.
    let bar = ProgressBar::new(Check::COUNT as u64).with_message("features");
    let weights = train::train(&lessons, &dev, &stored(&file)?, |done| bar.set_position(done as u64))?;
    bar.finish_and_clear();
    write(&args.output.join("weights.bin"), &weights.to_bytes(), "features", &turns(&lessons), out)
}

fn turns(lessons: &[Labelled]) -> String {
    format!("{} turns", lessons.len())
}

/// Teaches the pretrained model in the folder `start` the examples.
fn encoder(start: &Path, labels: &[String], examples: &[Example], settings: &Settings) -> Result<Encoder> {
    let style = ProgressStyle::with_template("encoder {wide_bar} {pos}/{len} {msg} {eta}")?;
    let bar = ProgressBar::new(0).with_style(style);
    let mut smooth = None;
    let interrupt = Interrupt::install();
    let told = |step: usize, steps: usize, loss: f32| {
        let mean = smooth.map_or(loss, |mean: f32| 0.98 * mean + 0.02 * loss);
        smooth = Some(mean);
        bar.set_length(steps as u64);
        bar.set_position(step as u64);
        bar.set_message(format!("loss {mean:.3}"));
        if interrupt.is_set() { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    };
    let encoder = fine_tune(start, labels, examples, settings, told)?;
    bar.finish_and_clear();
    Ok(encoder)
}

fn stored(file: &Path) -> Result<Encoder> {
    let bytes = std::fs::read(file).with_context(|| format!("can't read `{}`", file.display()))?;
    Ok(Encoder::from_bytes(&bytes)?)
}

fn write(file: &Path, bytes: &[u8], what: &str, lessons: &str, out: &mut dyn Write) -> Result<()> {
    std::fs::write(file, bytes).with_context(|| format!("can't write `{}`", file.display()))?;
    Ok(writeln!(out, "{}: {what} from {lessons}, {} bytes", file.display(), bytes.len())?)
}

/// The files with turns to learn from; the second may be missing.
const LESSONS: [&str; 2] = ["train.jsonl", "extra.jsonl"];

/// The turns to learn from in `folder`.
fn lessons(folder: &Path) -> Result<Vec<Labelled>> {
    let mut turns = Vec::new();
    for (at, name) in LESSONS.iter().enumerate() {
        let file = folder.join(name);
        if at == 0 || file.exists() {
            turns.extend(corpus::read(&file)?);
        }
    }
    if turns.is_empty() {
        bail!("no turns in `{}`: put labelled turns into {}", folder.display(), LESSONS[0]);
    }
    Ok(turns)
}
