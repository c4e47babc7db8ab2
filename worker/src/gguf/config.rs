//! The config.json that a GGUF file's keys amount to, in Hugging Face's spelling, for the decoder to check as it checks any other.

use serde_json::{Map, Value, json};

use super::Gguf;
use super::fault::Fault;
use super::names::Architecture;
use super::rope;

/// Gemma 2 scales its queries by the head's width, but in the one size with so many layers by the model's width over the heads. No
/// key says so.
const GEMMA2_27B_LAYERS: u64 = 46;
/// Of the attention and of the logits, where a file was written before there were keys for them: what every published Gemma 2 has.
const GEMMA2_CAPS: (f64, f64) = (50.0, 30.0);

/// The keys that start with the architecture's name.
#[derive(Clone, Copy)]
pub(super) struct ModelKeys<'a> {
    pub(super) file: &'a Gguf,
    pub(super) architecture: Architecture,
}

impl<'a> ModelKeys<'a> {
    pub(super) fn key(self, name: &str) -> String {
        format!("{}.{name}", self.architecture.name())
    }

    pub(super) fn count(self, name: &str) -> Result<Option<u64>, Fault> {
        self.file.metadata().count(&self.key(name))
    }

    pub(super) fn required_count(self, name: &str) -> Result<u64, Fault> {
        self.file.metadata().required_count(&self.key(name))
    }

    pub(super) fn number(self, name: &str) -> Result<Option<f64>, Fault> {
        self.file.metadata().number(&self.key(name))
    }

    pub(super) fn text(self, name: &str) -> Result<Option<&'a str>, Fault> {
        self.file.metadata().text(&self.key(name))
    }

    fn required_number(self, name: &str) -> Result<f64, Fault> {
        self.number(name)?.ok_or_else(|| Fault::Missing { key: self.key(name) })
    }

    /// How many heads queries have, and keys.
    fn heads(self) -> Result<(u64, u64), Fault> {
        let heads = self.required_count("attention.head_count")?;
        if heads == 0 {
            return Err(self.refused("attention.head_count", heads, "from 1 to embedding_length"));
        }
        match self.count("attention.head_count_kv")?.unwrap_or(heads) {
            0 => Err(self.refused("attention.head_count_kv", 0, "from 1 to attention.head_count")),
            kv_heads => Ok((heads, kv_heads)),
        }
    }

    /// Width of a head.
    pub(super) fn head_dim(self) -> Result<usize, Fault> {
        let (hidden, (heads, _)) = (self.required_count("embedding_length")?, self.heads()?);
        let (width, refused) = match self.count("attention.key_length")? {
            Some(width) => (width, self.refused("attention.key_length", width, "from 1 on")),
            None => (hidden / heads, self.refused("attention.head_count", heads, "from 1 to embedding_length")),
        };
        usize::try_from(width).ok().filter(|width| *width > 0).ok_or(refused)
    }

    fn refused(self, name: &str, found: impl ToString, expected: &str) -> Fault {
        Fault::Value { key: self.key(name), found: found.to_string(), expected: expected.to_owned() }
    }
}

/// What the decoder needs to know of the file's model.
pub(super) fn config(keys: ModelKeys<'_>) -> Result<Value, Fault> {
    refuse_what_no_decoder_has(keys)?;
    let (layers, hidden) = (keys.required_count("block_count")?, keys.required_count("embedding_length")?);
    let ((heads, kv_heads), head_dim) = (keys.heads()?, keys.head_dim()?);
    let mut config = Map::new();
    let mut set = |field: &str, value: Value| config.insert(field.to_owned(), value);
    set("hidden_size", json!(hidden));
    set("num_hidden_layers", json!(layers));
    set("num_attention_heads", json!(heads));
    set("num_key_value_heads", json!(kv_heads));
    set("head_dim", json!(head_dim));
    set("intermediate_size", json!(keys.required_count("feed_forward_length")?));
    set("max_position_embeddings", json!(keys.required_count("context_length")?));
    set("vocab_size", json!(keys.file.vocab_size()?));
    set("tie_word_embeddings", json!(!keys.file.has_tensor("output.weight")));
    set("rms_norm_eps", json!(keys.required_number("attention.layer_norm_rms_epsilon")?));
    set("rope_theta", json!(keys.number("rope.freq_base")?.unwrap_or(10_000.0)));
    let window = keys.count("attention.sliding_window")?.filter(|window| *window > 0);
    let has_bias = |tensor: &str| keys.file.has_tensor(tensor);
    let model_type = match keys.architecture {
        Architecture::Llama if window.is_none() => {
            set("hidden_act", json!("silu"));
            set("attention_bias", json!(has_bias("blk.0.attn_q.bias")));
            set("mlp_bias", json!(has_bias("blk.0.ffn_gate.bias")));
            "llama"
        }
        Architecture::Llama | Architecture::Mistral3 => {
            set("hidden_act", json!("silu"));
            set("sliding_window", json!(window));
            "mistral"
        }
        Architecture::Qwen2 | Architecture::Qwen3 => {
            set("hidden_act", json!("silu"));
            set("attention_bias", json!(has_bias("blk.0.attn_output.bias")));
            keys.architecture.name()
        }
        Architecture::Gemma2 => {
            set("hidden_activation", json!("gelu_pytorch_tanh"));
            set("sliding_window", json!(window));
            let types = ["sliding_attention", "full_attention"];
            set("layer_types", types.into_iter().cycle().take(layers.min(1 << 16) as usize).collect());
            set("attn_logit_softcapping", json!(keys.number("attn_logit_softcapping")?.unwrap_or(GEMMA2_CAPS.0)));
            set("final_logit_softcapping", json!(keys.number("final_logit_softcapping")?.unwrap_or(GEMMA2_CAPS.1)));
            let scalar = if layers == GEMMA2_27B_LAYERS { hidden / heads } else { head_dim as u64 };
            set("query_pre_attn_scalar", json!(scalar));
            "gemma2"
        }
        Architecture::Phi3 => {
            set("hidden_act", json!("silu"));
            set("sliding_window", json!(window));
            "phi3"
        }
    };
    set("model_type", json!(model_type));
    config.extend(rope::fields(keys, head_dim)?);
    Ok(Value::Object(config))
}

fn refuse_what_no_decoder_has(keys: ModelKeys<'_>) -> Result<(), Fault> {
    if let Some(experts) = keys.count("expert_count")?.filter(|experts| *experts > 0) {
        return Err(keys.refused("expert_count", experts, "0: mixtures of experts are not supported"));
    }
    let head_dim = keys.head_dim()? as u64;
    if let Some(width) = keys.count("attention.value_length")?.filter(|width| *width != head_dim) {
        return Err(keys.refused("attention.value_length", width, &format!("the keys' length, {head_dim}")));
    }
    if let Some(scale) = keys.number("attention.temperature_scale")?.filter(|scale| *scale != 0.0) {
        return Err(keys.refused("attention.temperature_scale", scale, "0"));
    }
    Ok(())
}

#[cfg(test)]
mod tests;
