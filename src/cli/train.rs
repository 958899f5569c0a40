//! `coachup train scorer`: makes the scorer's weights anew from a labelled corpus.

use crate::scorer::classifier::train;
use crate::scorer::corpus::{self, Labelled};
use crate::scorer::rubric::Check;
use anyhow::{Context, Result, bail};
use clap::{Args, Subcommand};
use std::io::Write;
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
}

/// Where from and where to.
#[derive(Args, Debug)]
#[command(after_help = "Example: coachup train scorer --corpus tests/corpus")]
struct ScorerArgs {
    /// Folder with `train.jsonl` and `extra.jsonl` to learn from and `dev.jsonl` to choose thresholds on
    #[arg(long, value_name = "DIR")]
    corpus: PathBuf,
    /// File to write the weights to
    #[arg(long, value_name = "FILE", default_value = "src/scorer/classifier/weights.bin")]
    output: PathBuf,
}

/// Runs the command.
///
/// # Errors
/// A corpus that can't be read or that is empty; a file that can't be written.
pub fn run(args: &TrainArgs, out: &mut dyn Write) -> Result<()> {
    let What::Scorer(args) = &args.what;
    let lessons = lessons(&args.corpus)?;
    let dev = corpus::read(&args.corpus.join("dev.jsonl"))?;
    let bar = indicatif::ProgressBar::new(Check::COUNT as u64).with_message("training");
    let weights = train::train(&lessons, &dev, |done| bar.set_position(done as u64));
    bar.finish_and_clear();
    let bytes = weights.to_bytes();
    std::fs::write(&args.output, &bytes)
        .with_context(|| format!("can't write `{}`", args.output.display()))?;
    writeln!(
        out,
        "{}: {} features from {} turns, {} bytes",
        args.output.display(),
        weights.keys.len(),
        lessons.len(),
        bytes.len()
    )?;
    Ok(())
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
