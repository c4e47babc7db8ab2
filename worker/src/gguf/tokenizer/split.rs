//! The ways of byte-level tokenizers to split a text before merging, by their names in `tokenizer.ggml.pre`. A name that is not
//! certain to mean what is written here is left out: a wrong split gives other ids without a sign of it.

use serde_json::{Value, json};

use super::super::fault::Fault;

/// How one family of models splits.
pub(super) struct Split {
    pub(super) normalizer: Option<Value>,
    pub(super) pre_tokenizer: Value,
    /// A piece of text that is a token is taken whole.
    pub(super) ignores_merges: bool,
    pub(super) add_bos: bool,
}

const KNOWN: [&str; 7] = ["gpt-2", "smollm", "qwen2", "llama-bpe", "dbrx", "gpt-4o", "tekken"];

/// Contractions, words, numbers of up to N digits, punctuation, line ends, white space.
fn words(digits: &str) -> String {
    let contractions = "(?i:'s|'t|'re|'ve|'m|'ll|'d)";
    format!(
        r"{contractions}|[^\r\n\p{{L}}\p{{N}}]?\p{{L}}+|{digits}| ?[^\s\p{{L}}\p{{N}}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    )
}

/// The same with words split before their capitals.
fn cased_words(digits: &str, suffix: &str) -> String {
    let (upper, lower) = (r"[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]", r"[\p{Ll}\p{Lm}\p{Lo}\p{M}]");
    let lead = r"[^\r\n\p{L}\p{N}]?";
    format!(
        r"{lead}{upper}*{lower}+{suffix}|{lead}{upper}+{lower}*{suffix}|{digits}| ?[^\s\p{{L}}\p{{N}}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+"
    )
}

impl Split {
    pub(super) fn named(name: &str) -> Result<Self, Fault> {
        let contraction = "(?i:'s|'t|'re|'ve|'m|'ll|'d)?";
        let plain = |pre_tokenizer| Self { normalizer: None, pre_tokenizer, ignores_merges: false, add_bos: false };
        let gpt2 = json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": true});
        Ok(match name {
            "gpt-2" => plain(gpt2),
            "smollm" => plain(sequence(json!({"type": "Digits", "individual_digits": true}), gpt2)),
            "qwen2" => Self { normalizer: Some(json!({"type": "NFC"})), ..plain(pattern(&words(r"\p{N}"))) },
            "llama-bpe" | "llama3" | "llama-v3" => {
                Self { ignores_merges: true, add_bos: true, ..plain(pattern(&words(r"\p{N}{1,3}"))) }
            }
            "dbrx" => plain(pattern(&words(r"\p{N}{1,3}"))),
            "gpt-4o" => plain(pattern(&cased_words(r"\p{N}{1,3}", contraction))),
            "tekken" => Self { ignores_merges: true, add_bos: true, ..plain(pattern(&cased_words(r"\p{N}", ""))) },
            other => return Err(Fault::Pre { found: other.to_owned(), known: KNOWN.join(", ") }),
        })
    }
}

fn pattern(regex: &str) -> Value {
    let split = json!({"type": "Split", "pattern": {"Regex": regex}, "behavior": "Isolated", "invert": false});
    sequence(split, json!({"type": "ByteLevel", "add_prefix_space": false, "trim_offsets": true, "use_regex": false}))
}

fn sequence(first: Value, second: Value) -> Value {
    json!({"type": "Sequence", "pretokenizers": [first, second]})
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unknown_name_is_refused_with_those_that_are_known() {
        for name in ["default", "", "no-such"] {
            let error = Split::named(name).err().unwrap().to_string();
            assert!(error.contains(&format!("{name:?}")) && error.contains("llama-bpe"), "{error}");
        }
        assert!(KNOWN.iter().all(|name| Split::named(name).is_ok()));
    }
}
