//! Fine-tuning: an encoder learns labels from examples (Devlin et al. 2019, section 4; AdamW: Loshchilov &
//! Hutter 2019). Same examples, same settings, same machine type: same weights.

use super::file::{self, Cutter, Pieces};
use super::network::{Batch, Dropout, Network};
use super::{Encoder, label_tensors};
use crate::model::ModelError;
use candle_core::{DType, Device, Result, Tensor, Var};
use candle_nn::{AdamW, Optimizer, ParamsAdamW};
use rand::rngs::StdRng;
use rand::seq::SliceRandom;
use rand::{RngExt, SeedableRng};
use std::ops::ControlFlow;
use std::path::Path;

/// A text with what is known of it.
#[derive(Clone, Debug)]
pub struct Example {
    /// The text.
    pub text: String,
    /// What stood before it.
    pub before: Option<String>,
    /// One answer a label; none where the label does not apply and teaches nothing.
    pub answers: Vec<Option<bool>>,
}

/// How to learn.
#[derive(Clone, Copy, Debug)]
pub struct Settings {
    /// How often each example is seen.
    pub epochs: usize,
    /// Examples a step.
    pub batch: usize,
    /// The highest rate for the pretrained layers; it rises over the first steps and falls to 0 at the last.
    pub rate: f64,
    /// The same for the labels' heads, which start from nothing.
    pub head_rate: f64,
    /// Share of numbers set to zero.
    pub dropout: f64,
    /// Most word pieces read of what stood before a text.
    pub before: usize,
    /// Order of examples, first heads, dropout.
    pub seed: u64,
}

impl Default for Settings {
    fn default() -> Settings {
        Settings {
            epochs: 4,
            batch: 32,
            rate: 1.5e-4,
            head_rate: 2e-3,
            dropout: 0.1,
            before: file::BEFORE,
            seed: 0,
        }
    }
}

/// Layers of the model that is started from.
const LAYERS: usize = 6;

/// Share of the steps over which the rate rises.
const RISE: f64 = 0.06;

/// A longer gradient is shortened to this length (Pascanu et al. 2013).
const LONGEST_GRADIENT: f64 = 1.0;

/// Batches are cut from stretches of this many, sorted by length, so that little is padding.
const SORTED_TOGETHER: usize = 16;

struct Thinning {
    share: f64,
    random: StdRng,
}

impl Dropout for Thinning {
    fn drop(&mut self, numbers: &Tensor) -> Result<Tensor> {
        if self.share <= 0.0 {
            return Ok(numbers.clone());
        }
        let kept = (1.0 / (1.0 - self.share)) as f32;
        // Sixteen random bits a number decide as well as more would.
        let below = (self.share * 65536.0) as u16;
        let count = numbers.elem_count();
        let mut mask = Vec::with_capacity(count + 3);
        while mask.len() < count {
            let bits: u64 = self.random.random();
            mask.extend((0..4).map(|at| if ((bits >> (16 * at)) as u16) < below { 0.0f32 } else { kept }));
        }
        mask.truncate(count);
        numbers * Tensor::from_vec(mask, numbers.shape(), &Device::Cpu)?
    }
}

/// Teaches the sentence-embedding model in `folder` the `labels`. `told` hears after each step how many are
/// done, of how many, and the step's loss; it can stop the training.
///
/// # Errors
/// A file of the model that can't be used; a fault of candle; `told` said stop.
pub fn fine_tune(
    folder: &Path,
    labels: &[String],
    examples: &[Example],
    settings: &Settings,
    told: impl FnMut(usize, usize, f32) -> ControlFlow<()>,
) -> std::result::Result<Encoder, ModelError> {
    let (network, cutter) = file::pretrained(folder, LAYERS, settings.before)?;
    let pieces = examples.iter().map(|example| first_stretch(&cutter, example));
    let pieces: Vec<Pieces> = pieces.collect::<std::result::Result<_, _>>()?;
    let course = Course { pieces, examples, settings, labels: labels.len() };
    let network = course.run(network, told);
    let network = network.map_err(|error| ModelError::Engine(format!("training failed: {error}")))?;
    Ok(Encoder { network, cutter, labels: labels.to_vec() })
}

fn first_stretch(cutter: &Cutter, example: &Example) -> std::result::Result<Pieces, ModelError> {
    let mut cut = cutter.cut(&example.text, example.before.as_deref())?;
    Ok(cut.swap_remove(0))
}

struct Course<'a> {
    pieces: Vec<Pieces>,
    examples: &'a [Example],
    settings: &'a Settings,
    labels: usize,
}

impl Course<'_> {
    fn run(
        &self,
        mut network: Network,
        mut told: impl FnMut(usize, usize, f32) -> ControlFlow<()>,
    ) -> Result<Network> {
        let settings = self.settings;
        let mut random = StdRng::seed_from_u64(settings.seed);
        let width = network.words.dim(1)?;
        label_tensors(&mut network, self.labels, width, || random.random::<f32>() * 0.08 - 0.04)?;
        let (body, heads) = learning(&mut network)?;
        let all: Vec<Var> = body.iter().chain(&heads).cloned().collect();
        let adam = ParamsAdamW { weight_decay: 0.01, ..ParamsAdamW::default() };
        let mut optimizers = [
            (AdamW::new(body, adam.clone())?, settings.rate),
            (AdamW::new(heads, adam)?, settings.head_rate),
        ];
        let mut thinning =
            Thinning { share: settings.dropout, random: StdRng::seed_from_u64(settings.seed + 1) };
        let steps = settings.epochs * self.examples.len().div_ceil(settings.batch);
        let mut step = 0;
        for _ in 0..settings.epochs {
            for batch in self.batches(&mut random) {
                let share = step as f64 / steps as f64;
                let rate = (share / RISE).min(1.0) * (1.0 - share);
                let loss = self.loss(&network, &batch, &mut thinning)?;
                let mut gradients = loss.backward()?;
                shorten(&mut gradients, &all)?;
                for (optimizer, highest) in &mut optimizers {
                    optimizer.set_learning_rate(*highest * rate);
                    optimizer.step(&gradients)?;
                }
                step += 1;
                if told(step, steps, loss.to_scalar()?).is_break() {
                    candle_core::bail!("stopped after {step} of {steps} steps");
                }
            }
        }
        for (_, tensor) in network.named() {
            *tensor = tensor.detach();
        }
        Ok(network)
    }

    /// All examples once, in batches of like length, in random order.
    fn batches(&self, random: &mut StdRng) -> Vec<Vec<usize>> {
        let size = self.settings.batch.max(1);
        let mut order: Vec<usize> = (0..self.examples.len()).collect();
        order.shuffle(random);
        let mut batches: Vec<Vec<usize>> = Vec::new();
        for stretch in order.chunks_mut(size * SORTED_TOGETHER) {
            stretch.sort_by_key(|&at| self.pieces[at].ids.len());
            batches.extend(stretch.chunks(size).map(<[usize]>::to_vec));
        }
        batches.shuffle(random);
        batches
    }

    /// Mean cross-entropy of the answers that apply.
    fn loss(&self, network: &Network, batch: &[usize], thinning: &mut Thinning) -> Result<Tensor> {
        let pieces: Vec<&Pieces> = batch.iter().map(|&at| &self.pieces[at]).collect();
        let said = network.forward(&Batch::of(&pieces)?, Some(thinning))?;
        let answers = || batch.iter().flat_map(|&at| &self.examples[at].answers);
        let size = (batch.len(), self.labels);
        let signs = answers().map(|answer| if *answer == Some(true) { -1.0f32 } else { 1.0 }).collect();
        let signs = Tensor::from_vec(signs, size, &Device::Cpu)?;
        let counted: Vec<f32> = answers().map(|answer| f32::from(answer.is_some())).collect();
        let count = f64::from(counted.iter().sum::<f32>().max(1.0));
        let counted = Tensor::from_vec(counted, size, &Device::Cpu)?;
        // ln(1 + eˣ) without overflow: max(x, 0) + ln(1 + e^-|x|).
        let x = (said.logits * signs)?;
        let softplus = (x.relu()? + (x.abs()?.neg()?.exp()? + 1.0)?.log()?)?;
        (softplus * counted)?.sum_all()? / count
    }
}

/// Makes every tensor but the vocabulary one that learns; the labels' own apart.
fn learning(network: &mut Network) -> Result<(Vec<Var>, Vec<Var>)> {
    let (mut body, mut heads) = (Vec::new(), Vec::new());
    for (name, tensor) in network.named() {
        if name == "token_embd.weight" {
            continue;
        }
        let var = Var::from_tensor(tensor)?;
        *tensor = var.as_tensor().clone();
        if name.starts_with("labels.") { heads.push(var) } else { body.push(var) }
    }
    Ok((body, heads))
}

fn shorten(gradients: &mut candle_core::backprop::GradStore, all: &[Var]) -> Result<()> {
    let mut squares = 0.0f64;
    for gradient in all.iter().filter_map(|var| gradients.get(var)) {
        squares += f64::from(gradient.sqr()?.sum_all()?.to_dtype(DType::F32)?.to_scalar::<f32>()?);
    }
    let length = squares.sqrt();
    if length > LONGEST_GRADIENT {
        for var in all {
            if let Some(gradient) = gradients.remove(var) {
                gradients.insert(var, (gradient * (LONGEST_GRADIENT / length))?);
            }
        }
    }
    Ok(())
}
