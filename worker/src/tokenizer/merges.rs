//! Whether a BPE tokenizer's merges make tokens, looked at before the file is loaded: the loader ends in a panic where they do not.

use serde_json::Value;

/// The first merge whose whole is no token. None: there is none, or the model is not of the kind that has merges.
pub(super) fn spoiled(model: &Value) -> Option<String> {
    let (vocab, merges) = (model["vocab"].as_object()?, model["merges"].as_array()?);
    // Stands before every token that does not begin a word, and once in a merged one.
    let prefix = model["continuing_subword_prefix"].as_str().unwrap_or_default().len();
    let makes_a_token = |(left, right): (&str, &str)| {
        right.get(prefix..).is_some_and(|right| vocab.contains_key(&format!("{left}{right}")))
    };
    let mut parts = merges.iter().filter_map(parts);
    parts.find(|merge| !makes_a_token(*merge)).map(|(left, right)| format!("{left} {right}"))
}

/// None: the loader refuses it, or it is the line of the format's version.
fn parts(merge: &Value) -> Option<(&str, &str)> {
    match merge {
        Value::String(line) if line.starts_with("#version") => None,
        Value::String(line) => line.split_once(' '),
        Value::Array(pair) => match pair.as_slice() {
            [left, right] => Some((left.as_str()?, right.as_str()?)),
            _ => None,
        },
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn first_spoiled(merges: Value, prefix: Value) -> Option<String> {
        let vocab = json!({"ab": 0, "cd": 1, "abcd": 2, "##é": 3, "##c": 4, "abc": 5});
        spoiled(&json!({"vocab": vocab, "merges": merges, "continuing_subword_prefix": prefix}))
    }

    #[test]
    fn a_merge_that_makes_no_token_is_found_in_both_spellings() {
        let none = Value::Null;
        assert_eq!(first_spoiled(json!(["#version: 0.2", "ab cd"]), none.clone()), None);
        assert_eq!(first_spoiled(json!([["ab", "cd"], ["cd", "ab"]]), none.clone()), Some("cd ab".to_owned()));
        assert_eq!(first_spoiled(json!(["ab cd", "abcd abcd"]), none), Some("abcd abcd".to_owned()));
        assert_eq!(first_spoiled(json!(["ab ##c"]), json!("##")), None);
        // Shorter than the prefix, and a prefix that ends within a character.
        assert_eq!(first_spoiled(json!(["ab cd"]), json!("####")), Some("ab cd".to_owned()));
        assert_eq!(first_spoiled(json!(["ab ##é"]), json!("###")), Some("ab ##é".to_owned()));
    }

    #[test]
    fn what_has_no_merges_is_left_to_the_loader() {
        for model in [json!({}), json!(null), json!({"vocab": [["a", 0.5]]}), json!({"vocab": {}, "merges": 3})] {
            assert_eq!(spoiled(&model), None, "{model}");
        }
    }
}
