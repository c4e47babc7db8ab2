//! The rotary embedding's scaling as a GGUF file has it: a key that names the way, or tensors with a divisor for each frequency.

use std::f64::consts::TAU;

use serde_json::{Map, Value, json};

use super::config::ModelKeys;
use super::fault::Fault;

/// What every published Llama 3 checkpoint has; their converter keeps only the divisors that follow from it.
const LOW_FREQ_FACTOR: f64 = 1.0;
const HIGH_FREQ_FACTOR: f64 = 4.0;
/// Relative: the divisors are stored in f32 and were computed in it.
const SAME: f64 = 1e-4;

/// The fields of config.json that say how positions turn into angles, `rope_theta` aside.
pub(super) fn fields(keys: ModelKeys<'_>, head_dim: usize) -> Result<Map<String, Value>, Fault> {
    let mut fields = Map::new();
    let rotated = keys.count("rope.dimension_count")?.filter(|rotated| *rotated != head_dim as u64);
    if let Some(rotated) = rotated {
        fields.insert("partial_rotary_factor".to_owned(), json!(share(rotated, head_dim)));
    }
    if let Some(divisors) = keys.file.floats("rope_freqs.weight")? {
        fields.insert("rope_scaling".to_owned(), from_divisors(keys, &divisors)?);
    } else if let Some([short, long]) = short_and_long(keys)? {
        let original = keys.required_count("rope.scaling.original_context_length")?;
        fields.insert("original_max_position_embeddings".to_owned(), json!(original));
        let mut scaling = json!({"rope_type": "longrope", "short_factor": short, "long_factor": long});
        if let Some(factor) = keys.number("rope.scaling.attn_factor")? {
            scaling["attention_factor"] = json!(factor);
        }
        fields.insert("rope_scaling".to_owned(), scaling);
    } else if let Some(scaling) = by_name(keys)? {
        fields.insert("rope_scaling".to_owned(), scaling);
    }
    Ok(fields)
}

/// The share of a head that turns, such that as many dimensions come out when it is multiplied back and cut to a whole number.
fn share(rotated: u64, head_dim: usize) -> f64 {
    let share = rotated as f64 / head_dim as f64;
    if share * (head_dim as f64) < rotated as f64 { share.next_up() } else { share }
}

/// Longrope's two sets of divisors: both or none.
fn short_and_long(keys: ModelKeys<'_>) -> Result<Option<[Vec<f32>; 2]>, Fault> {
    let [short, long] = ["rope_factors_short.weight", "rope_factors_long.weight"];
    let missing = |tensor: &str| Err(Fault::NoTensor { tensor: tensor.to_owned() });
    match (keys.file.floats(short)?, keys.file.floats(long)?) {
        (Some(short), Some(long)) => Ok(Some([short, long])),
        (Some(_), None) => missing(long),
        (None, Some(_)) => missing(short),
        (None, None) => Ok(None),
    }
}

fn by_name(keys: ModelKeys<'_>) -> Result<Option<Value>, Fault> {
    let factor = match keys.number("rope.scaling.factor")? {
        Some(factor) => Some(factor),
        // As files were written before scaling had names.
        None => keys.number("rope.scale_linear")?,
    };
    let linear = factor.filter(|factor| *factor != 1.0).map(|factor| json!({"rope_type": "linear", "factor": factor}));
    match keys.text("rope.scaling.type")? {
        None | Some("linear") => Ok(linear),
        Some("none") => Ok(None),
        Some(other) => Err(Fault::Value {
            key: keys.key("rope.scaling.type"),
            found: format!("{other:?}"),
            expected: "none, linear, or the divisors of llama3 or longrope in tensors".to_owned(),
        }),
    }
}

/// Llama 3's scaling where its parameters are found that give these very divisors; else the divisors themselves, in the one spelling
/// that config.json has for them.
fn from_divisors(keys: ModelKeys<'_>, divisors: &[f32]) -> Result<Value, Fault> {
    let theta = keys.number("rope.freq_base")?.unwrap_or(10_000.0);
    let factor = f64::from(divisors.iter().copied().fold(1.0, f32::max));
    let gives_them = |original: &f64| {
        let expected = (0..divisors.len()).map(|pair| {
            let wavelength = TAU * theta.powf(pair as f64 / divisors.len() as f64);
            llama3_divisor(factor, *original, wavelength)
        });
        expected.zip(divisors).all(|(expected, found)| (f64::from(*found) / expected - 1.0).abs() < SAME)
    };
    if let Some(original) = (4..=20).map(|power| f64::from(1u32 << power)).find(gives_them) {
        return Ok(json!({
            "rope_type": "llama3",
            "factor": factor,
            "low_freq_factor": LOW_FREQ_FACTOR,
            "high_freq_factor": HIGH_FREQ_FACTOR,
            "original_max_position_embeddings": original as u64,
        }));
    }
    let context = keys.required_count("context_length")?;
    Ok(json!({
        "rope_type": "longrope",
        "short_factor": divisors,
        "long_factor": divisors,
        "attention_factor": 1.0,
        "original_max_position_embeddings": context,
    }))
}

fn llama3_divisor(factor: f64, original: f64, wavelength: f64) -> f64 {
    if wavelength > original / LOW_FREQ_FACTOR {
        factor
    } else if wavelength < original / HIGH_FREQ_FACTOR {
        1.0
    } else {
        let smooth = (original / wavelength - LOW_FREQ_FACTOR) / (HIGH_FREQ_FACTOR - LOW_FREQ_FACTOR);
        1.0 / ((1.0 - smooth) / factor + smooth)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_share_that_turns_gives_its_dimensions_back() {
        for head_dim in 1..=512 {
            for rotated in 1..=head_dim as u64 {
                assert_eq!((head_dim as f64 * share(rotated, head_dim)) as u64, rotated, "of {head_dim}");
            }
        }
        assert_eq!(share(12, 16), 0.75);
    }

    #[test]
    fn divisors_rise_from_one_to_the_factor() {
        // Wavelengths below 64/4, above 64/1, and in their middle, by frequency: 1/16 and 1/64 have 2.5/64 between them.
        assert_eq!(llama3_divisor(8.0, 64.0, 15.0), 1.0);
        assert_eq!(llama3_divisor(8.0, 64.0, 65.0), 8.0);
        let middle = llama3_divisor(8.0, 64.0, 64.0 / 2.5);
        assert!((middle - 1.0 / (0.5 / 8.0 + 0.5)).abs() < 1e-12, "{middle}");
    }
}
