//! Tuning: what a lesson is, how an adapter's factors are learned from lessons, and the file they go to.

use super::super::{ModelError, hex};
use super::adapter::{BASE_SHA256, BASE_SIZE};
use super::config::Config;
use super::gguf::Gguf;
use super::learner::{Choice, Learner, Loss, Piece};
use super::tokens::{Controls, Tokens};
use super::weights::Weights;
use candle_core::quantized::gguf_file::{self, Value};
use candle_core::quantized::{GgmlDType, QTensor};
use candle_core::{Device, Tensor};
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use rand_chacha::ChaCha8Rng;
use sha2::{Digest, Sha256};
use std::collections::{BTreeMap, HashMap};
use std::io::{Seek, Write};
use std::path::Path;
use std::time::Instant;

/// Size of the factors, and what their product counts, times the rank.
const RANK: usize = 16;
const ALPHA: f32 = 32.0;
/// The share of the layers, from the first, that stay as they are.
const UNTUNED: f64 = 1.0 / 3.0;
/// Lessons of a step, and out of how many, drawn at random, those are put together that are about as long.
const TOGETHER: usize = 2;
const SORTED: usize = 16;
/// The share of the steps in which the rate rises; then it falls as a cosine to the lowest share of itself.
const RISING: f64 = 0.05;
const LOWEST: f64 = 0.02;
/// Steps from one line of the log to the next, and from one saved state to the next.
const TELL: usize = 10;
const SAVE: usize = 40;
/// Lessons that the loss is measured on at each saved state, evenly from those kept apart.
const MEASURED: usize = 12;

/// A text to learn from.
#[derive(Clone, Debug, Default)]
pub struct Lesson {
    /// It in parts; of each whether it is learned or only read.
    pub parts: Vec<(String, bool)>,
    /// What could stand instead of a part, by its index: several texts, and whether each is among the better ones.
    pub choices: BTreeMap<usize, Vec<(String, bool)>>,
}

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
}

impl Course<'_> {
    /// Teaches the model `lessons`, measured on `dev`, and writes the factors to `output`, for [`pack`]. What is
    /// there of an interrupted training is gone on with. `log` is told how it goes.
    ///
    /// # Errors
    /// A model file that can't be read or is built otherwise; a file that can't be read or written.
    pub fn run(
        &self,
        lessons: &[Lesson],
        dev: &[Lesson],
        output: &Path,
        log: &mut dyn FnMut(&str),
    ) -> Result<(), ModelError> {
        let gguf = Gguf::open(self.base)?;
        let tokens = Tokens::from_gguf(&gguf)?;
        let read = |lessons: &[Lesson]| -> Result<Vec<Piece>, ModelError> {
            lessons.iter().map(|lesson| piece(lesson, &tokens)).collect()
        };
        let (lessons, mut dev) = (read(lessons)?, read(dev)?);
        let every = dev.len().div_ceil(MEASURED).max(1);
        dev = dev.into_iter().step_by(every).collect();
        let config = Config::from_gguf(&gguf)?;
        let weights = Weights::from_gguf(&gguf, &config)?;
        let mut random = ChaCha8Rng::seed_from_u64(self.seed);
        let first = (config.layers as f64 * UNTUNED) as usize;
        let threads = std::thread::available_parallelism().map_or(1, usize::from);
        let mut normal = || (0..12).map(|_| random.random::<f32>()).sum::<f32>() - 6.0;
        let mut learner = Learner::new(config, weights, first, RANK, ALPHA, threads, &mut normal)?;
        let mut done = 0;
        if output.exists() {
            let saved = State::read(output)?;
            done = saved.steps;
            learner.take_up(&saved.tensors, done as i32)?;
            log(&format!("going on after step {done}"));
        } else if let Some(start) = self.start {
            learner.take_up(&State::read(start)?.tensors, 0)?;
        }
        let sizes: Vec<usize> = lessons.iter().map(Piece::tokens).collect();
        let order = self.order(&sizes);
        let steps = (self.epochs * lessons.len() as f64 / TOGETHER as f64) as usize;
        let (begun, mut read, mut sums) = (Instant::now(), 0, Sums::default());
        for step in done..steps {
            let part: Vec<&Piece> =
                order[step * TOGETHER..(step + 1) * TOGETHER].iter().map(|at| &lessons[*at]).collect();
            sums.add(&part, &learner.learn(&part, true)?);
            read += part.iter().map(|piece| piece.tokens()).sum::<usize>();
            learner.step((self.rate * pace(step as f64 / steps as f64)) as f32);
            let at = step + 1;
            if at.is_multiple_of(TELL) || at == steps {
                let speed = read as f64 / begun.elapsed().as_secs_f64();
                log(&format!("step {at}/{steps} loss {} {speed:.1} tokens/s", sums.text()));
                sums = Sums::default();
            }
            if at.is_multiple_of(SAVE) || at == steps {
                State { tensors: learner.state()?, steps: at }.write(output)?;
                log(&format!("kept apart {}", kept_apart(&mut learner, &dev)?));
            }
        }
        Ok(())
    }

    /// The lessons of all steps, by their sizes: those of a step are about as long, so that no thread waits for another.
    /// It depends on the seed and the lessons alone, so what was done before a stop can be passed over.
    fn order(&self, sizes: &[usize]) -> Vec<usize> {
        let epochs = 0..self.epochs.ceil() as u64;
        let once = |epoch| {
            let mut once: Vec<usize> = (0..sizes.len()).collect();
            let mut random = ChaCha8Rng::seed_from_u64(self.seed);
            random.set_stream(1 + epoch);
            once.shuffle(&mut random);
            once.chunks_mut(SORTED).for_each(|some| some.sort_by_key(|at| sizes[*at]));
            let mut steps: Vec<&[usize]> = once.chunks(TOGETHER).collect();
            steps.shuffle(&mut random);
            steps.concat()
        };
        epochs.flat_map(once).collect()
    }
}

/// The share of the highest rate that holds when a share of the steps is done.
fn pace(done: f64) -> f64 {
    let falling = 0.5 * (1.0 + (std::f64::consts::PI * done).cos());
    ((done / RISING).min(1.0) * falling).max(LOWEST)
}

fn piece(lesson: &Lesson, tokens: &Tokens) -> Result<Piece, ModelError> {
    let mut piece = Piece::default();
    for (at, (text, learned)) in lesson.parts.iter().enumerate() {
        let start = piece.ids.len();
        if let Some(lines) = lesson.choices.get(&at) {
            let line = |(text, better): &(String, bool)| Ok((tokens.encode(text, Controls::Text)?, *better));
            let lines = lines.iter().map(line).collect::<Result<_, ModelError>>()?;
            piece.choices.push(Choice { after: start, lines });
        }
        piece.ids.extend(tokens.encode(text, Controls::Text)?);
        if *learned {
            piece.learn.extend(start..piece.ids.len());
        }
    }
    Ok(piece)
}

/// Sums over what was learned.
#[derive(Default)]
struct Sums {
    loss: Loss,
    learned: usize,
}

impl Sums {
    fn add(&mut self, pieces: &[&Piece], losses: &[Loss]) {
        for (piece, loss) in pieces.iter().zip(losses) {
            self.loss.written += loss.written;
            self.loss.choices += loss.choices;
            self.loss.ordered += loss.ordered;
            self.learned += piece.learn.len();
        }
    }

    /// The mean loss of a token, and the share of the pairs of lines of which the better one is likelier.
    fn text(&self) -> String {
        let Loss { written, choices, ordered } = self.loss;
        let ordered = match choices {
            0 => String::new(),
            _ => format!(", {:.3} of the pairs in order", ordered / choices as f64),
        };
        format!("{:.4}{ordered}", written / self.learned.max(1) as f64)
    }
}

/// What lessons lose that are not learned from.
fn kept_apart(learner: &mut Learner, dev: &[Piece]) -> Result<String, ModelError> {
    let mut sums = Sums::default();
    let dev: Vec<&Piece> = dev.iter().collect();
    sums.add(&dev, &learner.learn(&dev, false)?);
    Ok(sums.text())
}

/// Factors on disk, and after how many steps.
struct State {
    tensors: HashMap<String, Tensor>,
    steps: usize,
}

impl State {
    /// From a state that was written, or from an adapter's file.
    fn read(file: &Path) -> Result<State, ModelError> {
        let fault = |what: String| ModelError::file(&file.display().to_string(), what);
        let bytes = std::fs::read(file).map_err(|error| fault(error.to_string()))?;
        if bytes.starts_with(b"GGUF") {
            return Ok(State { tensors: factors(&Gguf::open(file)?)?, steps: 0 });
        }
        let (_, header) =
            safetensors::SafeTensors::read_metadata(&bytes).map_err(|error| fault(error.to_string()))?;
        let steps = header.metadata().as_ref().and_then(|keys| keys.get("steps")?.parse().ok());
        let steps =
            steps.ok_or_else(|| fault("it does not say after how many `steps` it was saved".to_owned()))?;
        let tensors = candle_core::safetensors::load_buffer(&bytes, &Device::Cpu);
        Ok(State { tensors: tensors.map_err(|error| fault(error.to_string()))?, steps })
    }

    /// Writes it beside its place first, so that a stop leaves one whole state.
    fn write(&self, file: &Path) -> Result<(), ModelError> {
        let fault = |what: String| ModelError::file(&file.display().to_string(), what);
        let keys = HashMap::from([("steps".to_owned(), self.steps.to_string())]);
        let beside = file.with_extension("part");
        let written = safetensors::serialize_to_file(&self.tensors, Some(keys), &beside);
        written.map_err(|error| fault(error.to_string()))?;
        std::fs::rename(&beside, file).map_err(|error| fault(error.to_string()))
    }
}

/// All tensors of an adapter's file as floats.
fn factors(gguf: &Gguf) -> Result<HashMap<String, Tensor>, ModelError> {
    let tensor = |(name, place): (&String, &super::gguf::TensorPlace)| {
        let mut floats = vec![0.0; place.shape.iter().product()];
        super::dequantize(place.dtype, place.store.bytes(place.bytes.clone()), &mut floats);
        let tensor = Tensor::from_vec(floats, place.shape.clone(), &Device::Cpu);
        Ok((name.clone(), tensor.map_err(|error| gguf.error(error.to_string()))?))
    };
    gguf.tensors().iter().map(tensor).collect()
}

/// Writes the adapter's file: the factors in `state`, which [`Course::run`] has learned for the model file `base`, the
/// first in bytes (`Q8_0`), the second as half floats, whose rows are too short for blocks.
///
/// # Errors
/// A file that can't be read, that has no factors, or that can't be written.
pub fn pack(state: &Path, base: &Path, out: &mut (impl Write + Seek)) -> Result<(), ModelError> {
    let gguf = Gguf::open(base)?;
    let architecture = gguf.required_text("general.architecture")?;
    let factors = State::read(state)?.tensors;
    let mut pack = || -> candle_core::Result<()> {
        let mut tensors: Vec<(&String, QTensor)> = Vec::new();
        for (name, factor) in &factors {
            let dtype = match name.rsplit('.').next() {
                Some("lora_a") => GgmlDType::Q8_0,
                Some("lora_b") => GgmlDType::F16,
                // What the optimizer keeps.
                _ => continue,
            };
            tensors.push((name, QTensor::quantize(factor, dtype)?));
        }
        tensors.sort_by_key(|(name, _)| *name);
        let text = |text: &str| Value::String(text.to_owned());
        let keys = [
            ("general.type", text("adapter")),
            ("general.architecture", text(architecture)),
            ("adapter.type", text("lora")),
            ("adapter.lora.alpha", Value::F32(ALPHA)),
            (BASE_SIZE, Value::U64(gguf.size() as u64)),
            (BASE_SHA256, text(&hex(&Sha256::digest(gguf.store().all())))),
        ];
        let keys: Vec<(&str, &Value)> = keys.iter().map(|(key, value)| (*key, value)).collect();
        let tensors: Vec<(&str, &QTensor)> = tensors.iter().map(|(name, t)| (name.as_str(), t)).collect();
        gguf_file::write(out, &keys, &tensors)
    };
    pack().map_err(|error| ModelError::file(&state.display().to_string(), error.to_string()))
}

#[cfg(test)]
mod tests {
    use super::super::tests::tiny::Tiny;
    use super::super::{Adapter, CandleModel, CandleOptions};
    use super::*;
    use crate::model::{LanguageModel, Prompt};
    use std::sync::Arc;

    fn lessons() -> Vec<Lesson> {
        let lesson = |at: usize| {
            let line = |text: &str, learned| (text.to_owned(), learned);
            let lead_in = format!("Sam: Question {at}?\nDana [cold]:");
            let lines = vec![line(" Not today.\n", true), line(" I'll send you it.\n", false)];
            Lesson { parts: vec![(lead_in, false), line(" Not now.\n", true)], choices: [(1, lines)].into() }
        };
        (0..6).map(lesson).collect()
    }

    #[test]
    fn a_stopped_course_goes_on_and_what_it_made_tunes_the_file_that_it_was_made_for() {
        let folder = tempfile::tempdir().unwrap();
        let base = Tiny::new("qwen2", GgmlDType::F32).write(&folder);
        let [whole, stopped] = ["whole", "stopped"].map(|name| folder.path().join(name));
        let course = Course { base: &base, epochs: 14.0, rate: 3e-3, seed: 1, start: None };
        let mut said = Vec::new();
        let mut log = |line: &str| {
            if line.starts_with("kept apart") && !stopped.exists() {
                std::fs::copy(&whole, &stopped).unwrap();
            }
            said.push(line.to_owned());
        };
        course.run(&lessons(), &lessons()[..2], &whole, &mut log).unwrap();
        assert!(said.iter().any(|line| line.starts_with("step 42/42 loss")), "{said:?}");
        assert!(said.last().unwrap().ends_with("1.000 of the pairs in order"), "{said:?}");
        said.clear();
        course.run(&lessons(), &lessons()[..2], &stopped, &mut |line| said.push(line.to_owned())).unwrap();
        assert_eq!(said[0], "going on after step 40");

        let packed = |state: &Path| {
            let mut bytes = std::io::Cursor::new(Vec::new());
            pack(state, &base, &mut bytes).unwrap();
            bytes.into_inner()
        };
        let adapter = packed(&whole);
        assert!(adapter == packed(&stopped), "a stop changes what is learned");
        let file = folder.path().join("adapter.gguf");
        std::fs::write(&file, adapter).unwrap();
        let likely = |adapters: Vec<Arc<Adapter>>| {
            let options = CandleOptions { adapters, ..CandleOptions::default() };
            let mut model = CandleModel::load(&base, &options).unwrap();
            let prompt = Prompt::Raw(lessons()[0].parts[0].0.clone());
            model.loglik(&prompt, &[" Not now.\n".to_owned()]).unwrap()[0]
        };
        let (plain, tuned) = (likely(Vec::new()), likely(vec![Arc::new(Adapter::open(&file).unwrap())]));
        assert!(tuned > plain + 1.0, "{tuned} after {plain}");
        // What was made can be gone on from.
        let course = Course { epochs: 0.4, start: Some(&file), ..course };
        course.run(&lessons(), &[], &folder.path().join("on"), &mut |_| ()).unwrap();
        std::fs::write(&file, b"GGUF").unwrap();
        assert!(course.run(&lessons(), &[], &folder.path().join("other"), &mut |_| ()).is_err());
    }
}
