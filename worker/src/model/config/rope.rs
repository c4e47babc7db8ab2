//! What config.json says of rotary position embeddings, in both spellings: `rope_theta` and `rope_scaling` beside each other, or
//! `rope_parameters` with everything in it, once or once for each type of layer.

use super::family::{Family, Rotary};
use super::fields::Fields;
use super::{MAX_POSITIONS, unsupported};
use crate::model::LoadError;

/// One rotary embedding.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct RopeConfig {
    pub(crate) theta: f64,
    /// Dimensions of a head that turn, from the first one; the rest pass. Even.
    pub(crate) rotary_dim: usize,
    pub(crate) pairs: Pairs,
    pub(crate) scaling: RopeScaling,
}

/// Which two dimensions turn together.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Pairs {
    /// i and i + rotary_dim / 2.
    Halves,
    /// 2 i and 2 i + 1.
    Interleaved,
}

#[derive(Clone, Debug, PartialEq)]
pub(crate) enum RopeScaling {
    None,
    Linear { factor: f64 },
    Llama3(Llama3),
    LongRope(LongRope),
}

/// Low frequencies are divided by `factor`; what counts as low, by wavelengths that fit the original context.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) struct Llama3 {
    pub(crate) factor: f64,
    pub(crate) low_freq_factor: f64,
    /// Above `low_freq_factor`.
    pub(crate) high_freq_factor: f64,
    pub(crate) original_positions: usize,
}

/// Divisors of the frequencies, one for each pair: other ones for sequences beyond the original context.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct LongRope {
    pub(crate) short: Vec<f64>,
    pub(crate) long: Vec<f64>,
    /// The longest sequence that takes the short divisors.
    pub(crate) original_positions: usize,
    /// Factor of cosines and sines, whatever the length.
    pub(crate) attention_factor: f64,
}

/// What the rest of the configuration says that rotary embeddings depend on.
#[derive(Clone, Copy)]
pub(super) struct Around<'a> {
    pub(super) family: &'a Family,
    pub(super) fields: Fields<'a>,
    pub(super) head_dim: usize,
    pub(super) max_positions: usize,
}

/// The one of all layers; or, in families that tell layer types apart, that of the full layers and that of the sliding ones.
pub(super) fn ropes(around: Around<'_>) -> Result<Vec<RopeConfig>, LoadError> {
    let Around { family, fields, .. } = around;
    let old = fields.object("rope_scaling")?;
    let new = fields.object("rope_parameters")?;
    if family.rotary.by_layer_type {
        return by_layer_type(around, old, new);
    }
    let parameters = old.or(new);
    if parameters.is_some_and(|parameters| parameters.names("full_attention") || parameters.names("sliding_attention"))
    {
        return Err(unsupported("rope_parameters", "one set for each layer type", "one set for all layers"));
    }
    Ok(vec![around.rope(parameters, fields.positive("rope_theta")?.unwrap_or(10_000.0))?])
}

fn by_layer_type(
    around: Around<'_>,
    old: Option<Fields<'_>>,
    new: Option<Fields<'_>>,
) -> Result<Vec<RopeConfig>, LoadError> {
    let fields = around.fields;
    let global = fields.positive("rope_theta")?.unwrap_or(1_000_000.0);
    let local = fields.positive("rope_local_base_freq")?.unwrap_or(10_000.0);
    let (full, sliding) = match new {
        None => (old, None),
        Some(new) if old.is_none() && new.names("full_attention") | new.names("sliding_attention") => {
            (new.object("full_attention")?, new.object("sliding_attention")?)
        }
        Some(_) => {
            let expected = "full_attention and sliding_attention in it, and no rope_scaling beside it";
            return Err(unsupported("rope_parameters", "one set for all layers", expected));
        }
    };
    Ok(vec![around.rope(full, global)?, around.rope(sliding, local)?])
}

impl Around<'_> {
    fn rope(&self, parameters: Option<Fields<'_>>, theta: f64) -> Result<RopeConfig, LoadError> {
        let inner_theta = parameters.map(|parameters| parameters.positive("rope_theta")).transpose()?.flatten();
        let rotary_dim = self.rotary_dim(parameters)?;
        Ok(RopeConfig {
            theta: inner_theta.unwrap_or(theta),
            rotary_dim,
            pairs: self.family.rotary.pairs,
            scaling: match parameters {
                Some(parameters) => self.scaling(parameters, rotary_dim)?,
                None => RopeScaling::None,
            },
        })
    }

    fn rotary_dim(&self, parameters: Option<Fields<'_>>) -> Result<usize, LoadError> {
        const FIELD: &str = "partial_rotary_factor";
        let inner = parameters.map(|parameters| parameters.positive(FIELD)).transpose()?.flatten();
        let found = match inner {
            Some(inner) => Some(inner),
            None => self.fields.positive(FIELD)?,
        };
        let Rotary { partial, .. } = self.family.rotary;
        let (share, most) = (found.or(partial).unwrap_or(1.0), self.head_dim);
        if partial.is_none() && share != 1.0 {
            return Err(unsupported(FIELD, share, "1 in this family"));
        }
        let rotary_dim = (most as f64 * share) as usize;
        if rotary_dim == 0 || rotary_dim > most || !rotary_dim.is_multiple_of(2) {
            let expected = format!("a share of head_dim ({most}) that is an even number from 2 to {most}");
            return Err(unsupported(FIELD, share, expected));
        }
        Ok(rotary_dim)
    }

    fn scaling(&self, parameters: Fields<'_>, rotary_dim: usize) -> Result<RopeScaling, LoadError> {
        let kind = match parameters.text("rope_type")? {
            Some(kind) => kind,
            None => parameters.text("type")?.unwrap_or("default"),
        };
        let kinds = self.family.rotary.kinds;
        if !kinds.contains(&kind) {
            return Err(LoadError::UnsupportedRope { found: kind.to_owned(), supported: kinds.join(", ") });
        }
        match kind {
            "linear" => Ok(RopeScaling::Linear { factor: parameters.required_positive("factor")? }),
            "llama3" => self.llama3(parameters),
            "longrope" | "su" => self.longrope(parameters, rotary_dim),
            _ => Ok(RopeScaling::None),
        }
    }

    fn llama3(&self, parameters: Fields<'_>) -> Result<RopeScaling, LoadError> {
        let low_freq_factor = parameters.required_positive("low_freq_factor")?;
        let high_freq_factor = parameters.required_positive("high_freq_factor")?;
        if high_freq_factor <= low_freq_factor {
            let expected = format!("more than low_freq_factor ({low_freq_factor})");
            return Err(unsupported("high_freq_factor", high_freq_factor, expected));
        }
        Ok(RopeScaling::Llama3(Llama3 {
            factor: parameters.required_positive("factor")?,
            low_freq_factor,
            high_freq_factor,
            original_positions: self.original_positions(parameters)?,
        }))
    }

    fn longrope(&self, parameters: Fields<'_>, rotary_dim: usize) -> Result<RopeScaling, LoadError> {
        let original_positions = self.original_positions(parameters)?;
        let factor = parameters.positive("factor")?.unwrap_or(self.max_positions as f64 / original_positions as f64);
        let inferred = || match factor <= 1.0 {
            true => 1.0,
            false => (1.0 + factor.ln() / (original_positions as f64).ln()).sqrt(),
        };
        let attention_factor = parameters.positive("attention_factor")?.unwrap_or_else(inferred);
        if !attention_factor.is_finite() {
            return Err(unsupported("original_max_position_embeddings", original_positions, "at least 2"));
        }
        Ok(RopeScaling::LongRope(LongRope {
            short: parameters.required_positives("short_factor", rotary_dim / 2)?,
            long: parameters.required_positives("long_factor", rotary_dim / 2)?,
            original_positions,
            attention_factor,
        }))
    }

    /// Outside the parameters first: there the publishers of long-context checkpoints write it.
    fn original_positions(&self, parameters: Fields<'_>) -> Result<usize, LoadError> {
        const FIELD: &str = "original_max_position_embeddings";
        let outside = match self.family.rotary.by_layer_type {
            true => None,
            false => self.fields.count(FIELD, MAX_POSITIONS)?.or(self.family.rotary.original_positions),
        };
        match outside {
            Some(outside) => Ok(outside),
            None => Ok(parameters.count(FIELD, MAX_POSITIONS)?.unwrap_or(self.max_positions)),
        }
    }
}
