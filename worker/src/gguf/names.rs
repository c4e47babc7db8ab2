//! What GGUF calls the architectures and their tensors, and how its converters change a tensor on the way.

use super::header::TensorInfo;

/// An architecture that a file may have, by its name in `general.architecture`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Architecture {
    /// Llama, and Mistral with it.
    Llama,
    Mistral3,
    Qwen2,
    Qwen3,
    Gemma2,
    Phi3,
}

/// A tensor that was found under its Hugging Face name.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Found<'a> {
    /// What the file calls it.
    pub(crate) name: String,
    pub(crate) info: &'a TensorInfo,
    /// Some: within each head of so many rows, the file has the rows of the two rotary halves interleaved.
    pub(crate) interleaved: Option<usize>,
    /// What the file's values have more than the model's.
    pub(crate) lifted: f32,
}

impl Architecture {
    pub(super) const ALL: [Self; 6] = [Self::Llama, Self::Mistral3, Self::Qwen2, Self::Qwen3, Self::Gemma2, Self::Phi3];

    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Llama => "llama",
            Self::Mistral3 => "mistral3",
            Self::Qwen2 => "qwen2",
            Self::Qwen3 => "qwen3",
            Self::Gemma2 => "gemma2",
            Self::Phi3 => "phi3",
        }
    }

    /// ggml rotates neighbouring dimensions in these: their converter moves the rows of query and key accordingly.
    fn interleaves(self, hugging_face: &str) -> bool {
        let rotated = hugging_face.contains(".q_proj.") || hugging_face.contains(".k_proj.");
        rotated && matches!(self, Self::Llama | Self::Mistral3)
    }

    /// Gemma multiplies by 1 + weight; its converter adds the 1.
    fn lift(self, hugging_face: &str) -> f32 {
        if self == Self::Gemma2 && hugging_face.ends_with("norm.weight") { 1.0 } else { 0.0 }
    }

    /// The file's name of the tensor that Hugging Face calls `hugging_face`. None: no such tensor in this architecture.
    pub(super) fn tensor_name(self, hugging_face: &str) -> Option<String> {
        match hugging_face {
            "model.embed_tokens.weight" => return Some("token_embd.weight".to_owned()),
            "model.norm.weight" => return Some("output_norm.weight".to_owned()),
            "lm_head.weight" => return Some("output.weight".to_owned()),
            _ => {}
        }
        let (layer, part) = hugging_face.strip_prefix("model.layers.")?.split_once('.')?;
        let (part, kind) = part.rsplit_once('.')?;
        let part = match (self, part) {
            (Self::Gemma2, "post_attention_layernorm") => "post_attention_norm",
            (Self::Gemma2, "pre_feedforward_layernorm") => "ffn_norm",
            (Self::Gemma2, "post_feedforward_layernorm") => "post_ffw_norm",
            (Self::Phi3, "self_attn.qkv_proj") => "attn_qkv",
            (Self::Phi3, "mlp.gate_up_proj") => "ffn_up",
            (_, "input_layernorm") => "attn_norm",
            (_, "post_attention_layernorm") => "ffn_norm",
            (_, "self_attn.q_proj") => "attn_q",
            (_, "self_attn.k_proj") => "attn_k",
            (_, "self_attn.v_proj") => "attn_v",
            (_, "self_attn.o_proj") => "attn_output",
            (_, "self_attn.q_norm") => "attn_q_norm",
            (_, "self_attn.k_norm") => "attn_k_norm",
            (_, "mlp.gate_proj") => "ffn_gate",
            (_, "mlp.up_proj") => "ffn_up",
            (_, "mlp.down_proj") => "ffn_down",
            (_, _) => return None,
        };
        Some(format!("blk.{layer}.{part}.{kind}"))
    }

    /// The tensor as found, with what the converter did to it.
    pub(super) fn describe<'a>(
        self,
        hugging_face: &str,
        found: (String, &'a TensorInfo),
        head_dim: usize,
    ) -> Found<'a> {
        let (name, info) = found;
        let interleaved = self.interleaves(hugging_face).then_some(head_dim);
        Found { name, info, interleaved, lifted: self.lift(hugging_face) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tensors_have_the_names_that_the_converters_give_them() {
        for (architecture, hugging_face, expected) in [
            (Architecture::Llama, "model.embed_tokens.weight", Some("token_embd.weight")),
            (Architecture::Llama, "lm_head.weight", Some("output.weight")),
            (Architecture::Llama, "model.layers.11.self_attn.q_proj.weight", Some("blk.11.attn_q.weight")),
            (Architecture::Llama, "model.layers.0.post_attention_layernorm.weight", Some("blk.0.ffn_norm.weight")),
            (
                Architecture::Gemma2,
                "model.layers.0.post_attention_layernorm.weight",
                Some("blk.0.post_attention_norm.weight"),
            ),
            (Architecture::Gemma2, "model.layers.0.pre_feedforward_layernorm.weight", Some("blk.0.ffn_norm.weight")),
            (
                Architecture::Gemma2,
                "model.layers.0.post_feedforward_layernorm.weight",
                Some("blk.0.post_ffw_norm.weight"),
            ),
            (Architecture::Qwen2, "model.layers.2.self_attn.v_proj.bias", Some("blk.2.attn_v.bias")),
            (Architecture::Qwen3, "model.layers.2.self_attn.k_norm.weight", Some("blk.2.attn_k_norm.weight")),
            (Architecture::Phi3, "model.layers.2.self_attn.qkv_proj.weight", Some("blk.2.attn_qkv.weight")),
            (Architecture::Phi3, "model.layers.2.mlp.gate_up_proj.weight", Some("blk.2.ffn_up.weight")),
            (Architecture::Llama, "model.layers.2.mlp.gate_up_proj.weight", None),
            (Architecture::Llama, "model.layers.2.nothing.weight", None),
            (Architecture::Llama, "model.layers", None),
        ] {
            assert_eq!(architecture.tensor_name(hugging_face).as_deref(), expected, "{hugging_face}");
        }
    }

    #[test]
    fn only_the_architectures_that_ggml_rotates_by_neighbours_have_their_rows_moved() {
        let query = "model.layers.0.self_attn.q_proj.weight";
        let moved: Vec<_> = Architecture::ALL.into_iter().filter(|one| one.interleaves(query)).collect();
        assert_eq!(moved, [Architecture::Llama, Architecture::Mistral3]);
        assert!(!Architecture::Llama.interleaves("model.layers.0.self_attn.v_proj.weight"));
        assert_eq!(Architecture::Gemma2.lift("model.norm.weight"), 1.0);
        assert_eq!(Architecture::Gemma2.lift("model.embed_tokens.weight"), 0.0);
        assert_eq!(Architecture::Llama.lift("model.norm.weight"), 0.0);
    }
}
