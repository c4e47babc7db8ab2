//! Whether a `precompiled_charsmap` holds the trie that it begins by announcing: the loader takes the memory for it before it looks.

use serde_json::Value;

/// Some charsmap in a section announces more than it holds.
pub(super) fn is_cut(section: &Value) -> bool {
    match section {
        Value::Array(parts) => parts.iter().any(is_cut),
        Value::Object(fields) => fields.iter().any(|(name, field)| match field.as_str() {
            Some(charsmap) if name == "precompiled_charsmap" => {
                announced(charsmap).is_some_and(|bytes| bytes > charsmap.len())
            }
            Some(_) | None => is_cut(field),
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// The first four bytes of base64, a little-endian number. None: that is not what they are; the loader says so.
fn announced(charsmap: &str) -> Option<usize> {
    let six = |bits: u64, digit: &u8| Some(bits << 6 | u64::from(value(*digit)?));
    let bits = charsmap.as_bytes().get(..6)?.iter().try_fold(0u64, six)? >> 4;
    usize::try_from(u32::try_from(bits).ok()?.swap_bytes()).ok()
}

fn value(digit: u8) -> Option<u8> {
    match digit {
        b'A'..=b'Z' => Some(digit - b'A'),
        b'a'..=b'z' => Some(digit - b'a' + 26),
        b'0'..=b'9' => Some(digit - b'0' + 52),
        b'+' => Some(62),
        b'/' => Some(63),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_charsmap_that_announces_more_than_it_holds_is_cut() {
        for (charsmap, cut) in [
            ("AAQAAAAA", true),
            ("//////8A", true),
            ("BAAAAAAAAAA=", false),
            ("", false),
            ("AAQ", false),
            ("*AQAAAAA", false),
        ] {
            let section = json!({"normalizers": [{"type": "NFC"}, {"precompiled_charsmap": charsmap}]});
            assert_eq!(is_cut(&section), cut, "{charsmap}");
        }
        assert_eq!((announced("AAQAAAAA"), announced("//////8A")), (Some(1024), Some(u32::MAX as usize)));
    }
}
