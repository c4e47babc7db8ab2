//! What tells one family from another: its switches, the defaults of its published configuration class, and where its weights lie.
//! A family is a row of the table and nothing else: no code asks which one it is.

mod table;

use super::{Activation, Pairs};

pub(super) use table::FAMILIES;

pub(super) struct Family {
    /// config.json's model_type.
    pub(super) name: &'static str,
    /// The object in config.json that describes the decoder, where that is not the whole file.
    pub(super) inside: Option<&'static str>,
    pub(super) vocab_size: usize,
    pub(super) hidden_size: usize,
    pub(super) intermediate_size: usize,
    pub(super) layers: usize,
    pub(super) heads: usize,
    /// None: as many as heads.
    pub(super) kv_heads: Option<usize>,
    /// None: hidden_size / heads.
    pub(super) head_dim: Option<usize>,
    pub(super) max_positions: usize,
    pub(super) norm_eps: f64,
    /// Added to the weights of every norm.
    pub(super) norm_offset: f32,
    pub(super) tied_embeddings: bool,
    pub(super) activation_field: &'static str,
    pub(super) activation: Activation,
    pub(super) attention_bias: AttentionBias,
    /// It reads mlp_bias.
    pub(super) mlp_bias: bool,
    pub(super) qk_norm: bool,
    /// Embeddings are multiplied by √hidden_size.
    pub(super) scaled_embeddings: bool,
    /// Attention is scaled by query_pre_attn_scalar, whose default this is; None: by head_dim.
    pub(super) query_scalar: Option<f64>,
    pub(super) attention_softcap: Softcap,
    pub(super) logit_softcap: Softcap,
    pub(super) windows: Windows,
    pub(super) rotary: Rotary,
    pub(super) names: Names,
}

#[derive(Clone, Copy)]
pub(super) enum AttentionBias {
    Never,
    /// Query, key and value always, output never.
    Qkv,
    /// Query, key and value by attention_bias; the output too if `output`.
    Flag {
        default: bool,
        output: bool,
    },
}

#[derive(Clone, Copy)]
pub(super) enum Softcap {
    Unread,
    Read { default: Option<f64> },
}

/// Which layers see a window only, where layer_types does not say it.
#[derive(Clone, Copy)]
pub(super) enum Windows {
    Never,
    /// Every layer, if there is a window.
    Every {
        default: Option<usize>,
    },
    /// Those from max_window_layers on, with use_sliding_window.
    Last,
    /// All but each n-th, n being `period` or, where that is None, sliding_window_pattern.
    Alternating {
        period: Option<usize>,
    },
}

#[derive(Clone, Copy)]
pub(super) struct Rotary {
    /// Default share of a head that turns; None: the whole head, and no other share is known.
    pub(super) partial: Option<f64>,
    pub(super) pairs: Pairs,
    pub(super) kinds: &'static [&'static str],
    /// Layers with a window and layers without have parameters of their own.
    pub(super) by_layer_type: bool,
    /// Default of original_max_position_embeddings, which this family reads outside the rotary parameters alone.
    pub(super) original_positions: Option<usize>,
}

/// Where the weights of a family lie in its checkpoints.
#[derive(Debug, PartialEq)]
pub(crate) struct Names {
    /// The decoder's name and the head's: the first pair whose final norm is in the checkpoint.
    pub(crate) roots: &'static [(&'static str, &'static str)],
    /// One tensor `qkv_proj` instead of three.
    pub(crate) fused_qkv: bool,
    /// One tensor `gate_up_proj`, gate first, instead of two.
    pub(crate) fused_gate_up: bool,
    pub(crate) after_attention: Option<&'static str>,
    pub(crate) before_mlp: &'static str,
    pub(crate) after_mlp: Option<&'static str>,
}
