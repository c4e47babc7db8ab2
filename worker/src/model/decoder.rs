//! The decoder: embedding, layers, norm and head, over all rows of a batch at once. Linear layers see one [rows, hidden] matrix;
//! attention runs per span. Owns the weights; knows no sequence and no request. Names equal the checkpoint's.

use candle_core::{Device, Result, Tensor, bail};

use super::LoadError;
use super::attention::{HeadShape, attend};
use super::config::ModelConfig;
use super::kv::{KvStore, LayerKv};
use super::rope::{Angles, Rope};
use super::weights::Weights;
use crate::engine::batch::Batch;

pub(super) struct Decoder {
    embed_tokens: Tensor, // [vocab, hidden]
    layers: Vec<Layer>,
    norm: Norm,
    lm_head: Linear, // [vocab, hidden]
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
        let embed_tokens = weights.take("model.embed_tokens.weight", &[config.vocab_size, config.hidden_size])?;
        let layer = |(index, window): (usize, &Option<usize>)| Layer::load(config, weights, index, *window);
        let layers = config.windows.iter().enumerate().map(layer).collect::<std::result::Result<_, _>>()?;
        let lm_head = match config.tied_embeddings {
            true => embed_tokens.clone(),
            false => weights.take("lm_head.weight", &[config.vocab_size, config.hidden_size])?,
        };
        Ok(Self {
            embed_tokens,
            layers,
            norm: Norm::load(config, weights, "model.norm")?,
            lm_head: Linear { weight: lm_head, bias: None },
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
        self.embed_tokens.device()
    }

    pub(super) fn forward(&self, batch: &Batch, store: &mut KvStore) -> Result<Logits> {
        let device = self.device();
        let vocab = self.embed_tokens.dim(0)?;
        if batch.tokens.iter().any(|token| *token as usize >= vocab) {
            bail!("a token id beyond the vocabulary of {vocab}");
        }
        let tokens = Tensor::new(batch.tokens.as_slice(), device)?;
        let angles = self.rope.angles(&batch.positions, device)?;
        let mut x = self.embed_tokens.index_select(&tokens, 0)?; // [rows, hidden]
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
    q_proj: Linear,
    k_proj: Linear,
    v_proj: Linear,
    o_proj: Linear,
    shape: HeadShape,
    window: Option<usize>,
}

impl Attention {
    fn load(
        config: &ModelConfig,
        weights: &mut Weights,
        name: &str,
        window: Option<usize>,
    ) -> std::result::Result<Self, LoadError> {
        let (hidden, kv_width) = (config.hidden_size, config.kv_width());
        let width = config.heads * config.head_dim;
        let mut linear = |part: &str, shape, bias| Linear::load(weights, &format!("{name}.{part}"), shape, bias);
        Ok(Self {
            q_proj: linear("q_proj", [width, hidden], config.qkv_bias)?,
            k_proj: linear("k_proj", [kv_width, hidden], config.qkv_bias)?,
            v_proj: linear("v_proj", [kv_width, hidden], config.qkv_bias)?,
            o_proj: linear("o_proj", [hidden, width], config.o_bias)?,
            shape: HeadShape { heads: config.heads, kv_heads: config.kv_heads, head_dim: config.head_dim },
            window,
        })
    }

    fn forward(&self, x: &Tensor, angles: &Angles, batch: &Batch, kv: &mut LayerKv) -> Result<Tensor> {
        let HeadShape { heads, kv_heads, head_dim } = self.shape;
        let queries = angles.rotate(&self.q_proj.forward(x)?, heads, head_dim)?; // [rows, heads * head_dim]
        let keys = angles.rotate(&self.k_proj.forward(x)?, kv_heads, head_dim)?; // [rows, kv_heads * head_dim]
        let values = self.v_proj.forward(x)?; // [rows, kv_heads * head_dim]
        // Every row's keys are in the store before any row attends: rows of one pass may see each other, across spans too.
        kv.write(&keys, &values, &batch.writes)?;
        self.o_proj.forward(&attend(&queries, kv, &batch.spans, self.shape, self.window)?)
    }
}

struct Mlp {
    gate_proj: Linear,
    up_proj: Linear,
    down_proj: Linear,
}

impl Mlp {
    fn load(config: &ModelConfig, weights: &mut Weights, name: &str) -> std::result::Result<Self, LoadError> {
        let (hidden, inner) = (config.hidden_size, config.intermediate_size);
        let mut linear = |part: &str, shape| Linear::load(weights, &format!("{name}.{part}"), shape, config.mlp_bias);
        Ok(Self {
            gate_proj: linear("gate_proj", [inner, hidden])?,
            up_proj: linear("up_proj", [inner, hidden])?,
            down_proj: linear("down_proj", [hidden, inner])?,
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let gated = (self.gate_proj.forward(x)?.silu()? * self.up_proj.forward(x)?)?; // [rows, intermediate]
        self.down_proj.forward(&gated)
    }
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

/// x wᵀ + b, the weight kept as the checkpoint has it: [out, in].
struct Linear {
    weight: Tensor,
    bias: Option<Tensor>,
}

impl Linear {
    fn load(
        weights: &mut Weights,
        name: &str,
        [outputs, inputs]: [usize; 2],
        bias: bool,
    ) -> std::result::Result<Self, LoadError> {
        let weight = weights.take(&format!("{name}.weight"), &[outputs, inputs])?;
        let bias = bias.then(|| weights.take(&format!("{name}.bias"), &[outputs])).transpose()?;
        Ok(Self { weight, bias })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let y = x.matmul(&self.weight.t()?)?;
        match &self.bias {
            Some(bias) => y.broadcast_add(bias),
            None => Ok(y),
        }
    }
}
