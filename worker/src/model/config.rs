//! What config.json says of a decoder, parsed once into a value that cannot be wrong: every dimension is positive and bounded,
//! heads divide evenly, every switch is one the decoder has. Absent fields take the defaults of the family's published class. Reads
//! no weights; refuses what it does not know.

mod family;
mod fields;
mod layers;
mod rope;

use serde_json::Value;

use super::LoadError;
use family::{AttentionBias, FAMILIES, Family, Softcap};
use fields::Fields;
use rope::Around;

pub(crate) use family::Names;
pub(crate) use layers::LayerConfig;
pub(crate) use rope::{Llama3, LongRope, Pairs, RopeConfig, RopeScaling};

// Upper limits: far above any published checkpoint, low enough that products of two of them cannot overflow.
const MAX_WIDTH: usize = 1 << 20;
const MAX_LAYERS: usize = 1 << 10;
const MAX_HEADS: usize = 1 << 12;
const MAX_HEAD_DIM: usize = 1 << 12;
const MAX_VOCAB: usize = 1 << 22;
const MAX_POSITIONS: usize = 1 << 26;

/// The shape of a decoder and its switches.
#[derive(Debug)]
pub(crate) struct ModelConfig {
    /// config.json's model_type.
    pub(crate) family: &'static str,
    pub(crate) vocab_size: usize,
    pub(crate) hidden_size: usize,
    pub(crate) intermediate_size: usize,
    pub(crate) heads: usize,
    /// Divides `heads`.
    pub(crate) kv_heads: usize,
    /// Even.
    pub(crate) head_dim: usize,
    pub(crate) max_positions: usize,
    pub(crate) norm_eps: f32,
    /// Added to the weights of every norm.
    pub(crate) norm_offset: f32,
    pub(crate) tied_embeddings: bool,
    pub(crate) qkv_bias: bool,
    pub(crate) o_bias: bool,
    pub(crate) mlp_bias: bool,
    /// Each head's query and key are normed before they turn.
    pub(crate) qk_norm: bool,
    pub(crate) activation: Activation,
    /// Factor of the embeddings.
    pub(crate) embedding_scale: Option<f64>,
    /// Factor of q kᵀ.
    pub(crate) attention_scale: f32,
    pub(crate) attention_softcap: Option<f32>,
    pub(crate) logit_softcap: Option<f64>,
    /// At least one.
    pub(crate) layers: Vec<LayerConfig>,
    /// At least one.
    pub(crate) ropes: Vec<RopeConfig>,
    pub(crate) names: &'static Names,
}

/// What the gate goes through.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Activation {
    Silu,
    /// x Φ(x).
    Gelu,
    /// The same with Φ by its approximation in tanh.
    GeluTanh,
}

impl ModelConfig {
    pub(crate) fn parse(config: &Value) -> Result<Self, LoadError> {
        let object = config.as_object().ok_or(LoadError::ConfigFieldMissing { field: "model_type" })?;
        let whole = Fields::new(object);
        let family = family(whole)?;
        let fields = match family.inside {
            Some(inside) => whole.object(inside)?.ok_or(LoadError::ConfigFieldMissing { field: inside })?,
            None => whole,
        };
        refuse_foreign_switches(whole)?;
        refuse_foreign_switches(fields)?;
        let hidden_size = fields.count("hidden_size", MAX_WIDTH)?.unwrap_or(family.hidden_size);
        let heads = fields.count("num_attention_heads", MAX_HEADS)?.unwrap_or(family.heads);
        let head_dim = head_dim(fields, family, hidden_size, heads)?;
        let max_positions = fields.count("max_position_embeddings", MAX_POSITIONS)?.unwrap_or(family.max_positions);
        let (qkv_bias, o_bias) = attention_biases(fields, family)?;
        let tied_embeddings = match whole.flag("tie_word_embeddings")? {
            Some(tied) => tied,
            None => fields.flag("tie_word_embeddings")?.unwrap_or(family.tied_embeddings),
        };
        Ok(Self {
            family: family.name,
            vocab_size: fields.count("vocab_size", MAX_VOCAB)?.unwrap_or(family.vocab_size),
            hidden_size,
            intermediate_size: fields.count("intermediate_size", MAX_WIDTH)?.unwrap_or(family.intermediate_size),
            heads,
            kv_heads: kv_heads(fields, family, heads)?,
            head_dim,
            max_positions,
            norm_eps: fields.positive("rms_norm_eps")?.unwrap_or(family.norm_eps) as f32,
            norm_offset: family.norm_offset,
            tied_embeddings,
            qkv_bias,
            o_bias,
            mlp_bias: family.mlp_bias && fields.flag("mlp_bias")?.unwrap_or(false),
            qk_norm: family.qk_norm,
            activation: activation(fields, family)?,
            embedding_scale: family.scaled_embeddings.then(|| (hidden_size as f64).sqrt()),
            attention_scale: attention_scale(fields, family, head_dim)?,
            attention_softcap: softcap(fields, "attn_logit_softcapping", family.attention_softcap)?
                .map(|cap| cap as f32),
            logit_softcap: softcap(fields, "final_logit_softcapping", family.logit_softcap)?,
            layers: layers::layers(fields, family)?,
            ropes: rope::ropes(Around { family, fields, head_dim, max_positions })?,
            names: &family.names,
        })
    }

    /// The longest sequence computed with longrope's short factors; None: every sequence is computed alike.
    pub(crate) fn short_context(&self) -> Option<usize> {
        self.ropes.iter().find_map(|rope| match &rope.scaling {
            RopeScaling::LongRope(long) => Some(long.original_positions),
            RopeScaling::None | RopeScaling::Linear { .. } | RopeScaling::Llama3(_) => None,
        })
    }
}

fn family(fields: Fields<'_>) -> Result<&'static Family, LoadError> {
    let found = fields.text("model_type")?.ok_or(LoadError::ConfigFieldMissing { field: "model_type" })?;
    FAMILIES.into_iter().find(|family| family.name == found).ok_or_else(|| LoadError::UnsupportedArchitecture {
        found: found.to_owned(),
        supported: FAMILIES.map(|family| family.name).join(", "),
    })
}

/// Switches of no family here that would change what is computed.
fn refuse_foreign_switches(fields: Fields<'_>) -> Result<(), LoadError> {
    if fields.object("quantization_config")?.is_some() {
        return Err(LoadError::Quantized);
    }
    for experts in ["num_experts", "num_local_experts", "n_routed_experts"] {
        if let Some(count) = fields.count_from_zero(experts, MAX_WIDTH)?.filter(|count| *count > 0) {
            return Err(unsupported(experts, count, "0: mixtures of experts are not supported"));
        }
    }
    match fields.flag("use_bidirectional_attention")? {
        Some(true) => Err(unsupported("use_bidirectional_attention", true, "false")),
        Some(false) | None => Ok(()),
    }
}

fn activation(fields: Fields<'_>, family: &Family) -> Result<Activation, LoadError> {
    let field = family.activation_field;
    match fields.text(field)? {
        None => Ok(family.activation),
        // Two names of one function.
        Some("silu" | "swish") => Ok(Activation::Silu),
        Some("gelu") => Ok(Activation::Gelu),
        Some("gelu_pytorch_tanh") => Ok(Activation::GeluTanh),
        Some(other) => Err(unsupported(field, other, "silu, gelu or gelu_pytorch_tanh")),
    }
}

/// Of query, key and value, and of the output.
fn attention_biases(fields: Fields<'_>, family: &Family) -> Result<(bool, bool), LoadError> {
    match family.attention_bias {
        AttentionBias::Never => Ok((false, false)),
        AttentionBias::Qkv => Ok((true, false)),
        AttentionBias::Flag { default, output } => {
            let biased = fields.flag("attention_bias")?.unwrap_or(default);
            Ok((biased, biased && output))
        }
    }
}

fn attention_scale(fields: Fields<'_>, family: &Family, head_dim: usize) -> Result<f32, LoadError> {
    let divisor = match family.query_scalar {
        Some(default) => fields.positive("query_pre_attn_scalar")?.unwrap_or(default),
        None => head_dim as f64,
    };
    Ok((1.0 / divisor.sqrt()) as f32)
}

fn softcap(fields: Fields<'_>, field: &'static str, softcap: Softcap) -> Result<Option<f64>, LoadError> {
    match softcap {
        Softcap::Unread => Ok(None),
        Softcap::Read { default } => fields.nullable_positive(field, default),
    }
}

fn kv_heads(fields: Fields<'_>, family: &Family, heads: usize) -> Result<usize, LoadError> {
    let kv_heads = fields.nullable_count("num_key_value_heads", MAX_HEADS, family.kv_heads)?.unwrap_or(heads);
    if heads.is_multiple_of(kv_heads) {
        return Ok(kv_heads);
    }
    Err(unsupported("num_key_value_heads", kv_heads, format!("a divisor of num_attention_heads ({heads})")))
}

fn head_dim(fields: Fields<'_>, family: &Family, hidden_size: usize, heads: usize) -> Result<usize, LoadError> {
    let head_dim = match fields.count("head_dim", MAX_HEAD_DIM)?.or(family.head_dim) {
        Some(head_dim) => head_dim,
        None if hidden_size.is_multiple_of(heads) => hidden_size / heads,
        None => {
            let expected = format!("a multiple of num_attention_heads ({heads}) where head_dim is absent");
            return Err(unsupported("hidden_size", hidden_size, expected));
        }
    };
    if head_dim.is_multiple_of(2) && head_dim <= MAX_HEAD_DIM {
        return Ok(head_dim);
    }
    Err(unsupported("head_dim", head_dim, format!("an even number up to {MAX_HEAD_DIM}")))
}

fn unsupported(field: &'static str, found: impl ToString, expected: impl Into<String>) -> LoadError {
    LoadError::ConfigField { field, found: found.to_string(), expected: expected.into() }
}

#[cfg(test)]
mod tests;
