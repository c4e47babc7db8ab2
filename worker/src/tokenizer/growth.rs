//! How many times longer the parts of a tokenizer can make a text, told from the file before it is loaded. Parts that follow each other
//! multiply: a few dozen that double a text would fill any memory. An estimate from above, but for characters that hardly occur.

use serde_json::Value;

/// No published tokenizer comes near it.
pub(super) const MOST: u64 = 1 << 12;

/// Of all parts of a section together.
pub(super) fn growth(section: &Value) -> u64 {
    let inner: u64 = match section {
        Value::Array(parts) => product(parts.iter().map(growth)),
        Value::Object(fields) => product(fields.values().map(growth)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 1,
    };
    inner.saturating_mul(own(section))
}

fn product(factors: impl Iterator<Item = u64>) -> u64 {
    factors.fold(1, u64::saturating_mul)
}

/// Of one part, without those in it. Older files do not name a part's type: its fields tell it.
fn own(part: &Value) -> u64 {
    let compatibility = ["NFKC", "NFKD"];
    if part["pattern"].is_object() && part["content"].is_string() {
        // Its pattern may match between any two characters.
        return part["content"].as_str().map_or(1, |content| content.len() as u64 + 1);
    }
    if let Some(pieces) = part["single"].as_array() {
        return pieces.iter().filter(|piece| piece["Sequence"].is_object()).count().max(1) as u64;
    }
    match part["type"].as_str() {
        Some("ByteLevel") => 2,
        Some("Precompiled") => 4,
        Some(kind) if compatibility.contains(&kind) => 4,
        Some(_) | None => 1,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn parts_multiply_wherever_they_stand() {
        let replace = json!({"type": "Replace", "pattern": {"String": "a"}, "content": "aa"});
        let old = json!({"pattern": {"Regex": ""}, "content": "▁"});
        let double = json!({"type": "TemplateProcessing", "single": [{"Sequence": {"id": "A"}}, {"Sequence": {"id": "A"}}, {"SpecialToken": {}}]});
        for (section, times) in [
            (json!(null), 1),
            (json!({"type": "NFC"}), 1),
            (replace.clone(), 3),
            (json!({"type": "Sequence", "normalizers": [replace, old, {"type": "NFKC"}]}), 48),
            (json!({"type": "Sequence", "processors": [double.clone(), double]}), 4),
            (json!({"pretokenizers": vec![json!({"type": "ByteLevel"}); 70]}), u64::MAX),
        ] {
            assert_eq!(growth(&section), times, "{section}");
        }
    }
}
