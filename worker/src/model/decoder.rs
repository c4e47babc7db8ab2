//! The decoder: embedding, layers, norm and head, over all rows of a batch at once. Linear layers see one [rows, hidden] matrix;
//! attention runs per span. Owns the weights; knows no sequence and no request. Names equal the checkpoint's.

use candle_core::{Device, Result, Tensor, bail};

use super::LoadError;
use super::attention::{AttentionRule, HeadShape, attend};
use super::config::ModelConfig;
use super::kv::{KvStore, LayerKv};
use super::linear::{Embedding, Linear, Part};
use super::rope::{Angles, Rope};
use super::weights::Weights;
use crate::engine::batch::Batch;

pub(super) struct Decoder {
    embed_tokens: Embedding,
    vocab: usize,
    device: Device,
    layers: Vec<Layer>,
    norm: Norm,
    lm_head: Linear,
    rope: Rope,
    kv_width: usize,
}

/// The model's output for the rows read, in their order.
#[derive(Debug)]
pub struct Logits {
    values: Vec<f32>, // [reads, vocab]
    vocab: usize,
}

impl Logits {
    /// The logits of the `index`-th row read; empty where there is none.
    pub fn row(&self, index: usize) -> &[f32] {
        self.values.get(index * self.vocab..(index + 1) * self.vocab).unwrap_or_default()
    }
}

impl Decoder {
    pub(super) fn load(config: &ModelConfig, weights: &mut Weights) -> std::result::Result<Self, LoadError> {
        let (vocab, hidden) = (config.vocab_size, config.hidden_size);
        let embed_tokens = Embedding::load(weights, "model.embed_tokens", vocab, hidden)?;
        let layer = |(index, window): (usize, &Option<usize>)| Layer::load(config, weights, index, *window);
        let layers = config.windows.iter().enumerate().map(layer).collect::<std::result::Result<_, _>>()?;
        let lm_head = match config.tied_embeddings {
            true => embed_tokens.tied_head(),
            false => Linear::load(weights, &[part("lm_head", vocab)], hidden, false)?,
        };
        Ok(Self {
            embed_tokens,
            vocab,
            device: weights.device().clone(),
            layers,
            norm: Norm::load(config, weights, "model.norm")?,
            lm_head,
            rope: Rope::new(config.rope, config.head_dim),
            kv_width: config.kv_width(),
        })
    }

    pub(super) fn layers(&self) -> usize {
        self.layers.len()
    }

    pub(super) fn kv_width(&self) -> usize {
        self.kv_width
    }

    pub(super) fn device(&self) -> &Device {
        &self.device
    }

    pub(super) fn forward(&self, batch: &Batch, store: &mut KvStore) -> Result<Logits> {
        let (device, vocab) = (&self.device, self.vocab);
        if batch.tokens.iter().any(|token| *token as usize >= vocab) {
            bail!("a token id beyond the vocabulary of {vocab}");
        }
        let angles = self.rope.angles(&batch.positions, device)?;
        let mut x = self.embed_tokens.forward(&batch.tokens)?; // [rows, hidden]
        for (layer, kv) in self.layers.iter().zip(store.layers_mut()) {
            x = layer.forward(&x, &angles, batch, kv)?;
        }
        if batch.reads.is_empty() {
            return Ok(Logits { values: Vec::new(), vocab });
        }
        let x = x.index_select(&Tensor::new(batch.reads.as_slice(), device)?, 0)?; // [reads, hidden]
        let logits = self.lm_head.forward(&self.norm.forward(&x)?)?; // [reads, vocab]
        Ok(Logits { values: logits.flatten_all()?.to_vec1()?, vocab })
    }
}

struct Layer {
    input_layernorm: Norm,
    self_attn: Attention,
    post_attention_layernorm: Norm,
    mlp: Mlp,
}

impl Layer {
    fn load(
        config: &ModelConfig,
        weights: &mut Weights,
        index: usize,
        window: Option<usize>,
    ) -> std::result::Result<Self, LoadError> {
        let at = |part: &str| format!("model.layers.{index}.{part}");
        Ok(Self {
            input_layernorm: Norm::load(config, weights, &at("input_layernorm"))?,
            self_attn: Attention::load(config, weights, &at("self_attn"), window)?,
            post_attention_layernorm: Norm::load(config, weights, &at("post_attention_layernorm"))?,
            mlp: Mlp::load(config, weights, &at("mlp"))?,
        })
    }

    fn forward(&self, x: &Tensor, angles: &Angles, batch: &Batch, kv: &mut LayerKv) -> Result<Tensor> {
        let x = (x + self.self_attn.forward(&self.input_layernorm.forward(x)?, angles, batch, kv)?)?;
        let mlp = self.mlp.forward(&self.post_attention_layernorm.forward(&x)?)?;
        x + mlp
    }
}

struct Attention {
    qkv_proj: Linear,
    o_proj: Linear,
    rule: AttentionRule,
}

impl Attention {
    fn load(
        config: &ModelConfig,
        weights: &mut Weights,
        name: &str,
        window: Option<usize>,
    ) -> std::result::Result<Self, LoadError> {
        let shape = HeadShape { heads: config.heads, kv_heads: config.kv_heads, head_dim: config.head_dim };
        let (hidden, width, kv_width) = (config.hidden_size, shape.width(), shape.kv_width());
        let one = |projection: &str, rows| part(&format!("{name}.{projection}"), rows);
        let qkv = [one("q_proj", width), one("k_proj", kv_width), one("v_proj", kv_width)];
        Ok(Self {
            qkv_proj: Linear::load(weights, &qkv, hidden, config.qkv_bias)?,
            o_proj: Linear::load(weights, &[one("o_proj", hidden)], width, config.o_bias)?,
            rule: AttentionRule { shape, scale: 1.0 / (config.head_dim as f32).sqrt(), softcap: None, window },
        })
    }

    fn forward(&self, x: &Tensor, angles: &Angles, batch: &Batch, kv: &mut LayerKv) -> Result<Tensor> {
        let HeadShape { heads, kv_heads, head_dim } = self.rule.shape;
        let (width, kv_width) = (self.rule.shape.width(), self.rule.shape.kv_width());
        let qkv = self.qkv_proj.forward(x)?; // [rows, width + 2 kv_width]
        let queries = angles.rotate(&qkv.narrow(1, 0, width)?.contiguous()?, heads, head_dim)?; // [rows, width]
        let keys = angles.rotate(&qkv.narrow(1, width, kv_width)?.contiguous()?, kv_heads, head_dim)?; // [rows, kv_width]
        let values = qkv.narrow(1, width + kv_width, kv_width)?.contiguous()?; // [rows, kv_width]
        // Every row's keys are in the store before any row attends: rows of one pass may see each other, across spans too.
        kv.write(&keys, &values, &batch.writes)?;
        self.o_proj.forward(&attend(&queries, kv, &batch.spans, &self.rule)?)
    }
}

struct Mlp {
    gate_up_proj: Linear,
    down_proj: Linear,
    inner: usize,
}

impl Mlp {
    fn load(config: &ModelConfig, weights: &mut Weights, name: &str) -> std::result::Result<Self, LoadError> {
        let (hidden, inner) = (config.hidden_size, config.intermediate_size);
        let one = |projection: &str, rows| part(&format!("{name}.{projection}"), rows);
        let gate_up = [one("gate_proj", inner), one("up_proj", inner)];
        Ok(Self {
            gate_up_proj: Linear::load(weights, &gate_up, hidden, config.mlp_bias)?,
            down_proj: Linear::load(weights, &[one("down_proj", hidden)], inner, config.mlp_bias)?,
            inner,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let gate_up = self.gate_up_proj.forward(x)?; // [rows, 2 inner]
        let (gate, up) = (gate_up.narrow(1, 0, self.inner)?, gate_up.narrow(1, self.inner, self.inner)?);
        self.down_proj.forward(&(gate.silu()? * up)?)
    }
}

fn part(name: &str, rows: usize) -> Part {
    Part { name: name.to_owned(), rows }
}

struct Norm {
    weight: Tensor, // [hidden]
    eps: f32,
}

impl Norm {
    fn load(config: &ModelConfig, weights: &mut Weights, name: &str) -> std::result::Result<Self, LoadError> {
        let weight = weights.take(&format!("{name}.weight"), &[config.hidden_size])?;
        Ok(Self { weight, eps: config.norm_eps })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        candle_nn::ops::rms_norm(x, &self.weight, self.eps)
    }
}
