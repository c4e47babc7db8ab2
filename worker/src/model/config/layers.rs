//! What differs from layer to layer: how far back a layer sees, and by which rotary embedding. `layer_types` says it, or the
//! family's own rule does.

use super::family::{Family, Windows};
use super::fields::Fields;
use super::{MAX_LAYERS, MAX_POSITIONS, unsupported};
use crate::model::LoadError;

/// One layer's share of the configuration.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LayerConfig {
    /// How many keys a row sees, its own included; None: all before it.
    pub(crate) window: Option<usize>,
    /// Its place among the configuration's rotary embeddings, which have one there.
    pub(crate) rope: usize,
}

/// Families whose layers alternate all have this window by default.
const DEFAULT_WINDOW: Option<usize> = Some(4096);

pub(super) fn layers(fields: Fields<'_>, family: &Family) -> Result<Vec<LayerConfig>, LoadError> {
    let count = fields.count("num_hidden_layers", MAX_LAYERS)?.unwrap_or(family.layers);
    let window = window(fields, family)?;
    let sliding = match typed(fields, family, count)? {
        Some(sliding) => sliding,
        None => by_rule(fields, family, window, count)?,
    };
    if window.is_none() && sliding.contains(&true) {
        return Err(unsupported("sliding_window", "absent", "a count where layers slide"));
    }
    let layer = |sliding: bool| LayerConfig {
        window: window.filter(|_| sliding),
        rope: usize::from(sliding && family.rotary.by_layer_type),
    };
    Ok(sliding.into_iter().map(layer).collect())
}

fn window(fields: Fields<'_>, family: &Family) -> Result<Option<usize>, LoadError> {
    let default = match family.windows {
        Windows::Never => return Ok(None),
        Windows::Last if !fields.flag("use_sliding_window")?.unwrap_or(false) => return Ok(None),
        Windows::Every { default } => default,
        Windows::Last | Windows::Alternating { .. } => DEFAULT_WINDOW,
    };
    fields.nullable_count("sliding_window", MAX_POSITIONS, default)
}

/// What layer_types says of each layer, in the families that read it: whether it slides.
fn typed(fields: Fields<'_>, family: &Family, count: usize) -> Result<Option<Vec<bool>>, LoadError> {
    if matches!(family.windows, Windows::Never | Windows::Every { .. }) {
        return Ok(None);
    }
    let Some(types) = fields.texts("layer_types")? else { return Ok(None) };
    if types.len() != count {
        return Err(unsupported("layer_types", format!("{} types", types.len()), format!("{count} types")));
    }
    let one = |kind: &&str| match *kind {
        "full_attention" => Ok(false),
        "sliding_attention" => Ok(true),
        other => Err(unsupported("layer_types", other, "full_attention or sliding_attention")),
    };
    types.iter().map(one).collect::<Result<_, _>>().map(Some)
}

fn by_rule(fields: Fields<'_>, family: &Family, window: Option<usize>, count: usize) -> Result<Vec<bool>, LoadError> {
    let sliding: Vec<bool> = match family.windows {
        Windows::Never => vec![false; count],
        Windows::Every { .. } => vec![window.is_some(); count],
        Windows::Last => {
            // Counts the full layers before the first windowed one: 0 is a proper value.
            let first = fields.count_from_zero("max_window_layers", MAX_LAYERS)?.unwrap_or(28);
            (0..count).map(|layer| window.is_some() && layer >= first).collect()
        }
        Windows::Alternating { period } => {
            let period = match period {
                Some(period) => period,
                None => fields.count("sliding_window_pattern", MAX_LAYERS)?.unwrap_or(6),
            };
            (1..=count).map(|place| !place.is_multiple_of(period)).collect()
        }
    };
    Ok(sliding)
}
