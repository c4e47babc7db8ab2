//! What config.json says of a decoder, parsed once into a value that cannot be wrong: every dimension is positive and bounded,
//! heads divide evenly, every switch is one the decoder has. Reads no weights; refuses what it does not know.

use serde_json::Value;

use super::LoadError;
use super::fields::Fields;

const SUPPORTED: [(&str, Family); 3] =
    [("llama", Family::Llama), ("mistral", Family::Mistral), ("qwen2", Family::Qwen2)];

// Upper limits: far above any published checkpoint, low enough that products of two of them cannot overflow.
const MAX_WIDTH: usize = 1 << 20;
const MAX_LAYERS: usize = 1 << 10;
const MAX_HEADS: usize = 1 << 12;
const MAX_HEAD_DIM: usize = 1 << 12;
const MAX_VOCAB: usize = 1 << 22;
const MAX_POSITIONS: usize = 1 << 26;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Family {
    Llama,
    Mistral,
    Qwen2,
}

/// The shape of a decoder and its switches.
#[derive(Clone, Debug, PartialEq)]
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
    pub(crate) rope: RopeConfig,
    pub(crate) tied_embeddings: bool,
    pub(crate) qkv_bias: bool,
    pub(crate) o_bias: bool,
    pub(crate) mlp_bias: bool,
    /// One for each layer: how many keys a row sees, its own included; None: all before it.
    pub(crate) windows: Vec<Option<usize>>,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct RopeConfig {
    pub(crate) theta: f64,
    pub(crate) scaling: RopeScaling,
}

#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum RopeScaling {
    None,
    Linear { factor: f64 },
    Llama3 { factor: f64, low_freq_factor: f64, high_freq_factor: f64, original_positions: usize },
}

impl ModelConfig {
    pub(crate) fn parse(config: &Value) -> Result<Self, LoadError> {
        let object = config.as_object().ok_or(LoadError::ConfigFieldMissing { field: "model_type" })?;
        let fields = Fields::new(object);
        let (name, family) = family(fields)?;
        activation(fields)?;
        if fields.object("quantization_config")?.is_some() {
            return Err(LoadError::Quantized);
        }
        let hidden_size = fields.required_count("hidden_size", MAX_WIDTH)?;
        let heads = fields.required_count("num_attention_heads", MAX_HEADS)?;
        let layers = fields.required_count("num_hidden_layers", MAX_LAYERS)?;
        let llama = family == Family::Llama;
        let attention_bias = llama && fields.flag("attention_bias")?.unwrap_or(false);
        Ok(Self {
            family: name,
            vocab_size: fields.required_count("vocab_size", MAX_VOCAB)?,
            hidden_size,
            intermediate_size: fields.required_count("intermediate_size", MAX_WIDTH)?,
            heads,
            kv_heads: kv_heads(fields, heads)?,
            head_dim: head_dim(fields, hidden_size, heads)?,
            max_positions: fields.required_count("max_position_embeddings", MAX_POSITIONS)?,
            norm_eps: fields.positive("rms_norm_eps")?.unwrap_or(1e-6) as f32,
            rope: rope(fields)?,
            tied_embeddings: fields.flag("tie_word_embeddings")?.unwrap_or(false),
            qkv_bias: attention_bias || family == Family::Qwen2,
            o_bias: attention_bias,
            mlp_bias: llama && fields.flag("mlp_bias")?.unwrap_or(false),
            windows: windows(fields, family, layers)?,
        })
    }

    /// Elements of one token's keys (or values) in one layer.
    pub(crate) fn kv_width(&self) -> usize {
        self.kv_heads * self.head_dim
    }
}

fn family(fields: Fields<'_>) -> Result<(&'static str, Family), LoadError> {
    let found = fields.text("model_type")?.ok_or(LoadError::ConfigFieldMissing { field: "model_type" })?;
    SUPPORTED.iter().find(|(name, _)| *name == found).copied().ok_or_else(|| LoadError::UnsupportedArchitecture {
        found: found.to_owned(),
        supported: SUPPORTED.iter().map(|(name, _)| *name).collect::<Vec<_>>().join(", "),
    })
}

fn activation(fields: Fields<'_>) -> Result<(), LoadError> {
    match fields.text("hidden_act")? {
        // Two names of one function.
        None | Some("silu" | "swish") => Ok(()),
        Some(other) => Err(unsupported("hidden_act", other, "silu")),
    }
}

fn kv_heads(fields: Fields<'_>, heads: usize) -> Result<usize, LoadError> {
    let kv_heads = fields.count("num_key_value_heads", MAX_HEADS)?.unwrap_or(heads);
    if heads.is_multiple_of(kv_heads) {
        return Ok(kv_heads);
    }
    Err(unsupported("num_key_value_heads", kv_heads, format!("a divisor of num_attention_heads ({heads})")))
}

fn head_dim(fields: Fields<'_>, hidden_size: usize, heads: usize) -> Result<usize, LoadError> {
    let head_dim = match fields.count("head_dim", MAX_HEAD_DIM)? {
        Some(head_dim) => head_dim,
        None if hidden_size.is_multiple_of(heads) => hidden_size / heads,
        None => {
            return Err(unsupported(
                "hidden_size",
                hidden_size,
                format!("a multiple of num_attention_heads ({heads}) where head_dim is absent"),
            ));
        }
    };
    if head_dim.is_multiple_of(2) && head_dim <= MAX_HEAD_DIM {
        return Ok(head_dim);
    }
    Err(unsupported("head_dim", head_dim, format!("an even number up to {MAX_HEAD_DIM}")))
}

/// Older checkpoints write `rope_theta` and `rope_scaling`, newer ones `rope_parameters` with both in it.
fn rope(fields: Fields<'_>) -> Result<RopeConfig, LoadError> {
    let parameters = match fields.object("rope_parameters")? {
        Some(parameters) => Some(parameters),
        None => fields.object("rope_scaling")?,
    };
    if parameters.is_some_and(|parameters| parameters.names("full_attention") || parameters.names("sliding_attention"))
    {
        return Err(unsupported("rope_parameters", "one set for each layer type", "one set for all layers"));
    }
    let inner_theta = parameters.map(|parameters| parameters.positive("rope_theta")).transpose()?.flatten();
    for holder in [Some(fields), parameters].into_iter().flatten() {
        if let Some(factor) = holder.positive("partial_rotary_factor")?.filter(|factor| *factor != 1.0) {
            return Err(unsupported("partial_rotary_factor", factor, "1"));
        }
    }
    Ok(RopeConfig {
        theta: inner_theta.or(fields.positive("rope_theta")?).unwrap_or(10_000.0),
        scaling: parameters.map_or(Ok(RopeScaling::None), rope_scaling)?,
    })
}

fn rope_scaling(parameters: Fields<'_>) -> Result<RopeScaling, LoadError> {
    let kind = match parameters.text("rope_type")? {
        Some(kind) => Some(kind),
        None => parameters.text("type")?,
    };
    match kind {
        None | Some("default") => Ok(RopeScaling::None),
        Some("linear") => Ok(RopeScaling::Linear { factor: parameters.required_positive("factor")? }),
        Some("llama3") => {
            let low_freq_factor = parameters.required_positive("low_freq_factor")?;
            let high_freq_factor = parameters.required_positive("high_freq_factor")?;
            if high_freq_factor <= low_freq_factor {
                let expected = format!("more than low_freq_factor ({low_freq_factor})");
                return Err(unsupported("high_freq_factor", high_freq_factor, expected));
            }
            Ok(RopeScaling::Llama3 {
                factor: parameters.required_positive("factor")?,
                low_freq_factor,
                high_freq_factor,
                original_positions: parameters.required_count("original_max_position_embeddings", MAX_POSITIONS)?,
            })
        }
        Some(other) => Err(LoadError::UnsupportedRope { found: other.to_owned() }),
    }
}

fn windows(fields: Fields<'_>, family: Family, layers: usize) -> Result<Vec<Option<usize>>, LoadError> {
    let windowed = match family {
        Family::Llama => false,
        Family::Mistral => true,
        Family::Qwen2 => fields.flag("use_sliding_window")?.unwrap_or(false),
    };
    if !windowed {
        return Ok(vec![None; layers]);
    }
    // Both families' published default, for a file that does not name the window at all; null means none.
    let default = (!fields.names("sliding_window")).then_some(4096);
    let window = fields.count("sliding_window", MAX_POSITIONS)?.or(default);
    match family {
        Family::Llama | Family::Mistral => Ok(vec![window; layers]),
        Family::Qwen2 => match fields.texts("layer_types")? {
            Some(types) => typed_windows(&types, window, layers),
            None => {
                // Counts the full layers before the first windowed one: 0 is a proper value.
                let first = fields.count_from_zero("max_window_layers", MAX_LAYERS)?.unwrap_or(28);
                Ok((0..layers).map(|layer| window.filter(|_| layer >= first)).collect())
            }
        },
    }
}

fn typed_windows(types: &[&str], window: Option<usize>, layers: usize) -> Result<Vec<Option<usize>>, LoadError> {
    if types.len() != layers {
        return Err(unsupported("layer_types", format!("{} types", types.len()), format!("{layers} types")));
    }
    let one = |kind: &&str| match *kind {
        "full_attention" => Ok(None),
        "sliding_attention" => Ok(window),
        other => Err(unsupported("layer_types", other, "full_attention or sliding_attention")),
    };
    types.iter().map(one).collect()
}

fn unsupported(field: &'static str, found: impl ToString, expected: impl Into<String>) -> LoadError {
    LoadError::ConfigField { field, found: found.to_string(), expected: expected.into() }
}

#[cfg(test)]
mod tests;
