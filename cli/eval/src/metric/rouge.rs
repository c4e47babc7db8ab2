//! ROUGE-L: how long a common subsequence of tokens two texts have (Lin 2004). Agrees with Google's `rouge_score` without stemming:
//! tokens are runs of ASCII letters and digits in lower case, so other alphabets count for nothing. By characters (ours), each CJK
//! character is a token too.

mod subsequence;

use std::collections::HashMap;

use super::script::is_cjk;

/// What comes after so many tokens of a text is not compared: two such texts take less than a second.
pub const MOST_TOKENS: usize = 100_000;

/// The F-measure with the nearest reference, 0 to 1.
pub fn rouge_l(text: &str, references: &[String], characters: bool) -> f64 {
    let mut known = HashMap::new();
    let text = numbered(&mut known, text, characters);
    let of = |reference: &String| f_measure(&text, &numbered(&mut known, reference, characters));
    references.iter().map(of).fold(0.0, f64::max)
}

fn f_measure(text: &[u32], reference: &[u32]) -> f64 {
    let (longer, shorter) = if text.len() < reference.len() { (reference, text) } else { (text, reference) };
    let common = subsequence::longest_common(longer, shorter);
    // 2PR / (P + R) with P = c/t and R = c/r
    2.0 * count(common) / count((text.len() + reference.len()).max(1))
}

/// Equal tokens get equal numbers.
fn numbered(known: &mut HashMap<String, u32>, text: &str, characters: bool) -> Vec<u32> {
    let mut numbered = Vec::new();
    let lower = text.to_lowercase();
    for token in tokens(&lower, characters).take(MOST_TOKENS) {
        let next = u32::try_from(known.len()).unwrap_or(u32::MAX);
        numbered.push(*known.entry(token.to_owned()).or_insert(next));
    }
    numbered
}

fn tokens(lower: &str, characters: bool) -> impl Iterator<Item = &str> {
    let mut rest = lower;
    std::iter::from_fn(move || {
        let single = move |c: char| characters && is_cjk(c);
        rest = rest.trim_start_matches(|c: char| !c.is_ascii_alphanumeric() && !single(c));
        let first = rest.chars().next()?;
        let run = rest.find(|c: char| !c.is_ascii_alphanumeric()).unwrap_or(rest.len());
        let (token, after) = rest.split_at_checked(if single(first) { first.len_utf8() } else { run })?;
        rest = after;
        Some(token)
    })
}

#[expect(clippy::cast_precision_loss, reason = "at most twice as many tokens as MOST_TOKENS")]
fn count(tokens: usize) -> f64 {
    tokens as f64
}
