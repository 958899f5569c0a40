//! Tuning by `training/adapter.py`: what a lesson is, how the script is run, and how its factors become an adapter.

use super::super::{ModelError, hex};
use super::adapter::{BASE_SHA256, BASE_SIZE};
use super::gguf::Gguf;
use super::tokens::{Controls, Tokens};
use candle_core::Device;
use candle_core::quantized::gguf_file::{self, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use serde::Serialize;
use sha2::{Digest, Sha256};
use std::io::{Seek, Write};
use std::path::{Path, PathBuf};
use std::process::Command;

/// The script, as seen from the folder of the project.
const SCRIPT: &str = "training/adapter.py";

/// A text in pieces; of each whether it is learned or only read.
pub type Lesson = Vec<(String, bool)>;

/// How to learn.
#[derive(Clone, Copy, Debug)]
pub struct Course<'a> {
    /// The model's file.
    pub base: &'a Path,
    /// How often each lesson is seen.
    pub epochs: f64,
    /// The highest learning rate.
    pub rate: f64,
    /// Order of the lessons, first factors.
    pub seed: u64,
    /// Factors of an earlier training to begin with, or an adapter made of them.
    pub start: Option<&'a Path>,
    /// The python command.
    pub python: &'a str,
}

/// A lesson in tokens, as the script reads it.
#[derive(Default, Serialize)]
struct Numbers {
    ids: Vec<u32>,
    /// First and last (exclusive) of the tokens that are learned.
    learn: Vec<(usize, usize)>,
}

impl Course<'_> {
    /// Teaches the model `lessons`, measured on `dev`, and writes the factors to `output`, for [`pack`]. What is
    /// there of an interrupted training is gone on with.
    ///
    /// # Errors
    /// A model file that can't be read; a file that can't be written; a python that is missing, lacks the packages
    /// of `training/requirements.txt`, or was stopped.
    pub fn run(&self, lessons: &[Lesson], dev: &[Lesson], output: &Path) -> Result<(), ModelError> {
        let fault = |what: String| ModelError::Engine(format!("training failed: {what}"));
        let tokens = Tokens::from_gguf(&Gguf::open(self.base)?)?;
        let write = |lessons: &[Lesson], name: &str| -> Result<PathBuf, ModelError> {
            let file = output.with_extension(name);
            let mut lines = String::new();
            for lesson in lessons {
                lines +=
                    &serde_json::to_string(&numbers(lesson, &tokens)?).map_err(|e| fault(e.to_string()))?;
                lines.push('\n');
            }
            let written = std::fs::write(&file, lines);
            written.map_err(|error| fault(format!("can't write `{}`: {error}", file.display())))?;
            Ok(file)
        };
        let files = [write(lessons, "lessons.jsonl")?, write(dev, "dev.jsonl")?];
        let mut command = Command::new(self.python);
        command.arg(SCRIPT).args([Path::new("--base"), self.base, Path::new("--output"), output]);
        command.args([Path::new("--lessons"), &files[0], Path::new("--dev"), &files[1]]);
        command.args(["--epochs", &self.epochs.to_string(), "--rate", &self.rate.to_string()]);
        command.args(["--seed", &self.seed.to_string()]);
        if let Some(start) = self.start {
            command.arg("--start").arg(start);
        }
        let status =
            command.status().map_err(|error| fault(format!("can't start `{}`: {error}", self.python)))?;
        if !status.success() {
            return Err(fault(format!(
                "`{SCRIPT}` ended with {status}; it needs the packages of `training/requirements.txt` and is run \
                 in the folder of the project"
            )));
        }
        Ok(())
    }
}

fn numbers(lesson: &Lesson, tokens: &Tokens) -> Result<Numbers, ModelError> {
    let mut numbers = Numbers::default();
    for (text, learned) in lesson {
        let start = numbers.ids.len();
        numbers.ids.extend(tokens.encode(text, Controls::Text)?);
        if *learned {
            numbers.learn.push((start, numbers.ids.len()));
        }
    }
    Ok(numbers)
}

/// Writes the adapter's file: the factors in `factors`, which [`Course::run`] has made for the model file `base`, the
/// first in bytes (`Q8_0`), the second as half floats, whose rows are too short for blocks.
///
/// # Errors
/// A file that can't be read, that has no factors, or that can't be written.
pub fn pack(factors: &Path, base: &Path, out: &mut (impl Write + Seek)) -> Result<(), ModelError> {
    let gguf = Gguf::open(base)?;
    let architecture = gguf.required_text("general.architecture")?;
    let fault = |what: String| ModelError::file(&factors.display().to_string(), what);
    let bytes = std::fs::read(factors).map_err(|error| fault(error.to_string()))?;
    let alpha = alpha(&bytes).map_err(fault)?;
    let mut pack = || -> candle_core::Result<()> {
        let mut tensors: Vec<(String, QTensor)> = Vec::new();
        for (name, factor) in candle_core::safetensors::load_buffer(&bytes, &Device::Cpu)? {
            let dtype = if name.ends_with(".lora_a") { GgmlDType::Q8_0 } else { GgmlDType::F16 };
            tensors.push((name, QTensor::quantize(&factor, dtype)?));
        }
        tensors.sort_by(|(a, _), (b, _)| a.cmp(b));
        let text = |text: &str| Value::String(text.to_owned());
        let keys = [
            ("general.type", text("adapter")),
            ("general.architecture", text(architecture)),
            ("adapter.type", text("lora")),
            ("adapter.lora.alpha", Value::F32(alpha)),
            (BASE_SIZE, Value::U64(gguf.size() as u64)),
            (BASE_SHA256, text(&hex(&Sha256::digest(gguf.store().all())))),
        ];
        let keys: Vec<(&str, &Value)> = keys.iter().map(|(key, value)| (*key, value)).collect();
        let tensors: Vec<(&str, &QTensor)> = tensors.iter().map(|(name, t)| (name.as_str(), t)).collect();
        gguf_file::write(out, &keys, &tensors)
    };
    pack().map_err(|error| fault(error.to_string()))
}

/// What the product of the factors is multiplied with, times the rank, as training has written it down.
fn alpha(factors: &[u8]) -> Result<f32, String> {
    let (_, header) = safetensors::SafeTensors::read_metadata(factors).map_err(|error| error.to_string())?;
    let alpha = header.metadata().as_ref().and_then(|metadata| metadata.get("alpha"));
    alpha.and_then(|alpha| alpha.parse().ok()).ok_or_else(|| "it does not say its `alpha`".to_owned())
}
