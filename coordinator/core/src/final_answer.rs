//! What a worked answer comes to: the part that others can agree with.

/// Placeholder for the merge.
pub fn extract(text: &str) -> Option<String> {
    let (_, tail) = text.rsplit_once("answer is ")?;
    Some(tail.trim().trim_end_matches('.').to_owned())
}

/// What answers that agree have in common: the final answer, or the whole text where none is found.
pub fn key(text: &str) -> String {
    extract(text).unwrap_or_else(|| text.trim().to_lowercase())
}
