//! The network: BERT's encoder layers (Devlin et al. 2019) with one attention-pooled head a label.
//!
//! Shapes: `B` texts in a batch, `L` word pieces, `D` width of the model, `H` attention heads, `C` labels.

use super::file::Pieces;
use super::ops;
use candle_core::{DType, Device, Result, Tensor};

/// Added to the variance under the root, as BERT was trained.
pub(super) const EPSILON: f32 = 1e-12;

/// The attention heads of MiniLM-L6: 12 of 32 numbers each.
const HEADS: usize = 12;

/// Attention to a position that is not there.
const NOWHERE: f64 = -1e4;

/// A weight `[out, in]` and what is added to its product, `[out]`.
#[derive(Clone, Debug)]
pub(super) struct Linear {
    pub weight: Tensor,
    pub bias: Tensor,
}

impl Linear {
    fn apply(&self, rows: &Tensor) -> Result<Tensor> {
        ops::add_bias(&rows.matmul(&self.weight.t()?)?, &self.bias)
    }
}

/// Scale and shift of a normalised row, `[D]` each.
#[derive(Clone, Debug)]
pub(super) struct Norm {
    pub weight: Tensor,
    pub bias: Tensor,
}

impl Norm {
    fn apply(&self, rows: &Tensor) -> Result<Tensor> {
        ops::layer_norm(rows, &self.weight, &self.bias, EPSILON)
    }
}

/// One encoder layer.
#[derive(Clone, Debug)]
pub(super) struct Layer {
    pub query: Linear,
    pub key: Linear,
    pub value: Linear,
    pub output: Linear,
    pub output_norm: Norm,
    pub up: Linear,
    pub down: Linear,
    pub layer_norm: Norm,
}

/// The whole network.
#[derive(Clone, Debug)]
pub(super) struct Network {
    /// `[vocabulary, D]`
    pub words: Tensor,
    /// `[longest, D]`
    pub positions: Tensor,
    /// `[2, D]`: of the text itself, of what stood before it.
    pub kinds: Tensor,
    pub norm: Norm,
    pub layers: Vec<Layer>,
    /// `[C, D]`: which word pieces a label looks at.
    pub look: Tensor,
    /// `[C, D]`: what it makes of them.
    pub weigh: Tensor,
    /// `[C]`
    pub bias: Tensor,
}

/// Sets numbers to zero at random while learning, so that no answer hangs on one of them (Srivastava et al.
/// 2014).
pub(super) trait Dropout {
    fn drop(&mut self, numbers: &Tensor) -> Result<Tensor>;
}

/// Word pieces of several texts, padded to the longest.
pub(super) struct Batch {
    /// `[B, L]`
    ids: Tensor,
    kinds: Tensor,
    /// `[B, L]`, 0 where a piece is there and [`NOWHERE`] where not.
    missing: Tensor,
    /// `[B, L]`, 0 where a piece is the text's own and [`NOWHERE`] where not.
    foreign: Tensor,
}

impl Batch {
    /// # Errors
    /// A fault of candle.
    pub fn of(texts: &[&Pieces]) -> Result<Batch> {
        let width = texts.iter().map(|text| text.ids.len()).max().unwrap_or_default();
        let size = (texts.len(), width);
        let (mut ids, mut kinds) = (vec![0u32; size.0 * width], vec![0u32; size.0 * width]);
        let mut missing = vec![NOWHERE as f32; size.0 * width];
        let mut foreign = missing.clone();
        for (text, at) in texts.iter().zip((0..).step_by(width.max(1))) {
            ids[at..at + text.ids.len()].copy_from_slice(&text.ids);
            kinds[at + text.own..at + text.ids.len()].fill(1);
            missing[at..at + text.ids.len()].fill(0.0);
            foreign[at..at + text.own].fill(0.0);
        }
        let device = &Device::Cpu;
        Ok(Batch {
            ids: Tensor::from_vec(ids, size, device)?,
            kinds: Tensor::from_vec(kinds, size, device)?,
            missing: Tensor::from_vec(missing, size, device)?,
            foreign: Tensor::from_vec(foreign, size, device)?,
        })
    }
}

/// What the heads say.
pub(super) struct Said {
    /// `[B, C]`: log-odds before calibration.
    pub logits: Tensor,
    /// `[B, L, C]`: how much each word piece adds to each.
    pub pulls: Tensor,
}

impl Network {
    /// Runs a batch; with `dropout`, so that it can be learned from.
    ///
    /// # Errors
    /// A fault of candle.
    pub fn forward(&self, batch: &Batch, mut dropout: Option<&mut dyn Dropout>) -> Result<Said> {
        let (texts, width) = batch.ids.dims2()?;
        let size = self.words.dim(1)?;
        let mut thin = |numbers: Tensor| match dropout.as_mut() {
            Some(dropout) => dropout.drop(&numbers),
            None => Ok(numbers),
        };
        let place = self.positions.narrow(0, 0, width)?;
        let words = self.words.index_select(&batch.ids.flatten_all()?, 0)?;
        let kinds = self.kinds.index_select(&batch.kinds.flatten_all()?, 0)?;
        let embedded = (words + kinds)?.reshape((texts, width, size))?.broadcast_add(&place)?;
        let mut rows = thin(self.norm.apply(&embedded.reshape((texts * width, size))?)?)?;
        let missing = batch.missing.reshape((texts, 1, 1, width))?;
        for layer in &self.layers {
            let by_head = |linear: &Linear| -> Result<Tensor> {
                let heads = linear.apply(&rows)?.reshape((texts, width, HEADS, size / HEADS))?;
                heads.transpose(1, 2)?.contiguous()
            };
            let query = (by_head(&layer.query)? * (HEADS as f64 / size as f64).sqrt())?;
            let scores = query.matmul(&by_head(&layer.key)?.t()?)?.broadcast_add(&missing)?;
            let shares = thin(ops::softmax(&scores)?)?;
            let mixed = shares.matmul(&by_head(&layer.value)?)?.transpose(1, 2)?.contiguous()?;
            let attended = thin(layer.output.apply(&mixed.reshape((texts * width, size))?)?)?;
            rows = layer.output_norm.apply(&(rows + attended)?)?;
            let thought = thin(layer.down.apply(&ops::gelu(&layer.up.apply(&rows)?)?)?)?;
            rows = layer.layer_norm.apply(&(rows + thought)?)?;
        }
        let rows = thin(rows)?;
        let labels = self.look.dim(0)?;
        let looks = rows.matmul(&self.look.t()?)?.reshape((texts, width, labels))?;
        let looks = looks.broadcast_add(&batch.foreign.unsqueeze(2)?)?.transpose(1, 2)?.contiguous()?;
        let shares = ops::softmax(&looks)?.transpose(1, 2)?.contiguous()?;
        let worth = rows.matmul(&self.weigh.t()?)?.reshape((texts, width, labels))?;
        let pulls = (shares * worth)?;
        let logits = pulls.sum(1)?.broadcast_add(&self.bias)?;
        Ok(Said { logits, pulls })
    }

    /// Every tensor with its name in a GGUF (llama.cpp's names for BERT; the heads are ours).
    pub fn named(&mut self) -> Vec<(String, &mut Tensor)> {
        let mut all: Vec<(String, &mut Tensor)> = vec![
            ("token_embd.weight".into(), &mut self.words),
            ("position_embd.weight".into(), &mut self.positions),
            ("token_types.weight".into(), &mut self.kinds),
            ("token_embd_norm.weight".into(), &mut self.norm.weight),
            ("token_embd_norm.bias".into(), &mut self.norm.bias),
        ];
        for (at, layer) in self.layers.iter_mut().enumerate() {
            let linears = [
                ("attn_q", &mut layer.query),
                ("attn_k", &mut layer.key),
                ("attn_v", &mut layer.value),
                ("attn_output", &mut layer.output),
                ("ffn_up", &mut layer.up),
                ("ffn_down", &mut layer.down),
            ];
            for (name, linear) in linears {
                all.push((format!("blk.{at}.{name}.weight"), &mut linear.weight));
                all.push((format!("blk.{at}.{name}.bias"), &mut linear.bias));
            }
            let norms =
                [("attn_output_norm", &mut layer.output_norm), ("layer_output_norm", &mut layer.layer_norm)];
            for (name, norm) in norms {
                all.push((format!("blk.{at}.{name}.weight"), &mut norm.weight));
                all.push((format!("blk.{at}.{name}.bias"), &mut norm.bias));
            }
        }
        all.push(("labels.look.weight".into(), &mut self.look));
        all.push(("labels.weigh.weight".into(), &mut self.weigh));
        all.push(("labels.bias".into(), &mut self.bias));
        all
    }

    /// A network of `layers` layers whose tensors are all empty, to be filled by name.
    pub fn empty(layers: usize) -> Result<Network> {
        let nothing = || Tensor::zeros(0, DType::F32, &Device::Cpu);
        let linear = || -> Result<Linear> { Ok(Linear { weight: nothing()?, bias: nothing()? }) };
        let norm = || -> Result<Norm> { Ok(Norm { weight: nothing()?, bias: nothing()? }) };
        let layer = || -> Result<Layer> {
            Ok(Layer {
                query: linear()?,
                key: linear()?,
                value: linear()?,
                output: linear()?,
                output_norm: norm()?,
                up: linear()?,
                down: linear()?,
                layer_norm: norm()?,
            })
        };
        Ok(Network {
            words: nothing()?,
            positions: nothing()?,
            kinds: nothing()?,
            norm: norm()?,
            layers: (0..layers).map(|_| layer()).collect::<Result<_>>()?,
            look: nothing()?,
            weigh: nothing()?,
            bias: nothing()?,
        })
    }
}
