//! One layer: attention and feed-forward, each between norms and around a residual. Which norms there are and how projections lie
//! together in the checkpoint are the configuration's affair.

use candle_core::{Result, Tensor, bail};
use specfuse_kernels::rows;

use super::part;
use crate::model::LoadError;
use crate::model::activation::activate;
use crate::model::attention::{AttentionRule, HeadShape, attend};
use crate::model::config::{Activation, LayerConfig, ModelConfig};
use crate::model::host;
use crate::model::kv::LayerKv;
use crate::model::linear::Linear;
use crate::model::norm::Norm;
use crate::model::pass::Pass;
use crate::model::weights::Weights;

pub(super) struct Layer {
    before_attention: Norm,
    self_attn: Attention,
    after_attention: Option<Norm>,
    before_mlp: Norm,
    mlp: Mlp,
    after_mlp: Option<Norm>,
}

impl Layer {
    pub(super) fn load(
        config: &ModelConfig,
        weights: &mut Weights<'_>,
        name: &str,
        layer: LayerConfig,
    ) -> std::result::Result<Self, LoadError> {
        let at = |part: &str| format!("{name}.{part}");
        let names = config.names;
        let mut norm = |name: &str| Norm::load(config, weights, &at(name), config.hidden_size);
        Ok(Self {
            before_attention: norm("input_layernorm")?,
            after_attention: names.after_attention.map(&mut norm).transpose()?,
            before_mlp: norm(names.before_mlp)?,
            after_mlp: names.after_mlp.map(&mut norm).transpose()?,
            self_attn: Attention::load(config, weights, &at("self_attn"), layer)?,
            mlp: Mlp::load(config, weights, &at("mlp"))?,
        })
    }

    pub(super) fn weight_bytes(&self) -> u64 {
        self.products().map(Linear::bytes).iter().sum()
    }

    /// Elements of all matrices.
    pub(super) fn weights(&self) -> u64 {
        self.products().map(Linear::weights).iter().sum()
    }

    fn products(&self) -> [&Linear; 4] {
        let (attention, mlp) = (&self.self_attn, &self.mlp);
        [&attention.qkv_proj, &attention.o_proj, &mlp.gate_up_proj, &mlp.down_proj]
    }

    /// Of the largest product.
    pub(super) fn weight_format(&self) -> &'static str {
        self.mlp.gate_up_proj.format()
    }

    pub(super) fn forward(&self, x: &Tensor, pass: &Pass<'_>, kv: &mut LayerKv) -> Result<Tensor> {
        let attended = self.self_attn.forward(&self.before_attention.forward(x)?, pass, kv)?;
        let x = sum(x, &normed(self.after_attention.as_ref(), attended)?, pass)?;
        let mlp = self.mlp.forward(&self.before_mlp.forward(&x)?)?;
        sum(&x, &normed(self.after_mlp.as_ref(), mlp)?, pass)
    }
}

fn sum(x: &Tensor, y: &Tensor, pass: &Pass<'_>) -> Result<Tensor> {
    if pass.on_device.is_some() || x.shape() != y.shape() {
        return x + y;
    }
    host::read(y, |y| host::apply(x, "sum", x.dim(1)?, |x| Ok(rows::sum(x, y))))
}

/// Columns `from`… of x, as a tensor of their own.
fn columns(x: &Tensor, from: usize, width: usize, pass: &Pass<'_>) -> Result<Tensor> {
    let columns = x.narrow(1, from, width)?;
    if pass.on_device.is_some() {
        return columns.contiguous();
    }
    let whole = x.dim(1)?;
    host::apply(x, "columns", width, |x| Ok(rows::columns(x, whole, from..from + width)))
}

fn normed(norm: Option<&Norm>, x: Tensor) -> Result<Tensor> {
    match norm {
        Some(norm) => norm.forward(&x),
        None => Ok(x),
    }
}

struct Attention {
    qkv_proj: Linear,
    /// Of each head's query and key.
    qk_norm: Option<(Norm, Norm)>,
    o_proj: Linear,
    rule: AttentionRule,
    /// Its place among the model's rotary embeddings.
    rope: usize,
}

impl Attention {
    fn load(
        config: &ModelConfig,
        weights: &mut Weights<'_>,
        name: &str,
        layer: LayerConfig,
    ) -> std::result::Result<Self, LoadError> {
        let shape = HeadShape { heads: config.heads, kv_heads: config.kv_heads, head_dim: config.head_dim };
        let (hidden, width, kv_width) = (config.hidden_size, shape.width(), shape.kv_width());
        let at = |part: &str| format!("{name}.{part}");
        let one = |projection: &str, rows| part(&at(projection), rows);
        let qkv = match config.names.fused_qkv {
            true => vec![one("qkv_proj", width + 2 * kv_width)],
            false => vec![one("q_proj", width), one("k_proj", kv_width), one("v_proj", kv_width)],
        };
        let qkv_proj = Linear::load(weights, &qkv, hidden, config.qkv_bias)?;
        let o_proj = Linear::load(weights, &[one("o_proj", hidden)], width, config.o_bias)?;
        let mut norm = |part: &str| Norm::load(config, weights, &at(part), config.head_dim);
        let qk_norm = match config.qk_norm {
            true => Some((norm("q_norm")?, norm("k_norm")?)),
            false => None,
        };
        let (scale, softcap, window) = (config.attention_scale, config.attention_softcap, layer.window);
        let rule = AttentionRule { shape, scale, softcap, window };
        Ok(Self { qkv_proj, qk_norm, o_proj, rule, rope: layer.rope })
    }

    fn forward(&self, x: &Tensor, pass: &Pass<'_>, kv: &mut LayerKv) -> Result<Tensor> {
        let HeadShape { heads, kv_heads, head_dim } = self.rule.shape;
        let (width, kv_width) = (self.rule.shape.width(), self.rule.shape.kv_width());
        let Some(angles) = pass.angles.get(self.rope) else { bail!("no angles of rotary embedding {}", self.rope) };
        let qkv = self.qkv_proj.forward(x)?; // [rows, width + 2 kv_width]
        let mut queries = columns(&qkv, 0, width, pass)?; // [rows, width]
        let mut keys = columns(&qkv, width, kv_width, pass)?; // [rows, kv_width]
        let values = columns(&qkv, width + kv_width, kv_width, pass)?; // [rows, kv_width]
        if let Some((query_norm, key_norm)) = &self.qk_norm {
            (queries, keys) = (query_norm.forward_heads(&queries)?, key_norm.forward_heads(&keys)?);
        }
        let (queries, keys) = (angles.rotate(&queries, heads, head_dim)?, angles.rotate(&keys, kv_heads, head_dim)?);
        // Every row's keys are in the store before any row attends: rows of one pass may see each other, across spans too.
        kv.write(&keys, &values, pass)?;
        self.o_proj.forward(&attend(&queries, kv, pass, &self.rule)?)
    }
}

struct Mlp {
    gate_up_proj: Linear,
    down_proj: Linear,
    activation: Activation,
    inner: usize,
    kernels: bool,
}

impl Mlp {
    fn load(config: &ModelConfig, weights: &mut Weights<'_>, name: &str) -> std::result::Result<Self, LoadError> {
        let (hidden, inner) = (config.hidden_size, config.intermediate_size);
        let one = |projection: &str, rows| part(&format!("{name}.{projection}"), rows);
        let gate_up = match config.names.fused_gate_up {
            true => vec![one("gate_up_proj", 2 * inner)],
            false => vec![one("gate_proj", inner), one("up_proj", inner)],
        };
        Ok(Self {
            gate_up_proj: Linear::load(weights, &gate_up, hidden, config.mlp_bias)?,
            down_proj: Linear::load(weights, &[one("down_proj", hidden)], inner, config.mlp_bias)?,
            activation: config.activation,
            inner,
            kernels: weights.kernels(),
        })
    }

    fn forward(&self, x: &Tensor) -> Result<Tensor> {
        let gate_up = self.gate_up_proj.forward(x)?; // [rows, 2 inner]
        self.down_proj.forward(&activate(self.activation, &gate_up, self.inner, self.kernels)?)
    }
}
