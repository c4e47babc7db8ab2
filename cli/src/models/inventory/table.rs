//! The models as a table for people: reasons stand below it, since they are long.

use std::fmt::Write;

use indicatif::HumanBytes;

use super::Listed;
use crate::text;

const HEADS: [&str; 6] = ["model", "family", "parameters", "type", "size", "runs"];

pub(super) fn of(listed: &[Listed]) -> String {
    if listed.is_empty() {
        return String::new();
    }
    let mut rows = vec![HEADS.map(str::to_owned)];
    rows.extend(listed.iter().map(row));
    let widths: [usize; 6] = std::array::from_fn(|at| rows.iter().map(|row| width(row, at)).max().unwrap_or_default());
    let mut table = String::new();
    for row in &rows {
        let cells = row.iter().zip(widths).map(|(cell, width)| format!("{cell:width$}"));
        // Writing to a string does not fail.
        let _ = writeln!(table, "{}", cells.collect::<Vec<_>>().join("  ").trim_end());
    }
    let reasons = listed.iter().filter_map(|model| Some((model, model.unfit.as_ref()?)));
    for (at, (model, reason)) in reasons.enumerate() {
        let gap = if at == 0 { "\n" } else { "" };
        let _ = writeln!(table, "{gap}{}: {}", text::harmless(&model.model), text::harmless(reason));
    }
    table
}

fn width(row: &[String; 6], at: usize) -> usize {
    row.get(at).map_or(0, |cell| cell.chars().count())
}

fn row(listed: &Listed) -> [String; 6] {
    let unknown = || "?".to_owned();
    let weights = listed.weights.as_ref();
    [
        text::harmless(&listed.model),
        listed.family.as_deref().map_or_else(unknown, text::harmless),
        weights.map_or_else(unknown, |weights| count(weights.parameters)),
        weights.and_then(|weights| weights.dtype.as_deref()).map_or_else(unknown, str::to_lowercase),
        HumanBytes(listed.size).to_string(),
        if listed.unfit.is_none() { "yes" } else { "no" }.to_owned(),
    ]
}

/// "494 M": three digits.
fn count(parameters: u64) -> String {
    let (unit, divisor) = match parameters {
        0..1_000_000 => ("k", 1e3),
        1_000_000..1_000_000_000 => ("M", 1e6),
        _ => ("G", 1e9),
    };
    let scaled = parameters as f64 / divisor;
    let places = if scaled < 10.0 { 2 } else { usize::from(scaled < 100.0) };
    format!("{scaled:.places$} {unit}")
}

#[cfg(test)]
mod tests {
    use specfuse_worker::model::WeightsOutline;

    use super::*;

    #[test]
    fn numbers_of_weights_have_three_digits() {
        let counts = [999, 12_300, 494_032_768, 1_543_714_304].map(count);
        assert_eq!(counts, ["1.00 k", "12.3 k", "494 M", "1.54 G"]);
    }

    #[test]
    fn a_model_is_a_row_and_a_reason_a_line() {
        let model = |model: &str, family: &str, unfit: Option<&str>| Listed {
            model: model.to_owned(),
            folder: "/m".into(),
            family: Some(family.to_owned()),
            weights: Some(WeightsOutline { parameters: 2_000_000, dtype: Some("F32".to_owned()) }),
            size: 2048,
            unfit: unfit.map(str::to_owned),
        };
        let table = of(&[model("/models/a", "llama", None), model("hf:o/b", "mamba", Some("no such family"))]);
        let expected = "\
model      family  parameters  type  size      runs
/models/a  llama   2.00 M      f32   2.00 KiB  yes
hf:o/b     mamba   2.00 M      f32   2.00 KiB  no

hf:o/b: no such family
";
        assert_eq!(table, expected);
    }
}
