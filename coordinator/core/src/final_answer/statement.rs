//! Where a text states an answer. One pass for each kind of marker; what follows a marker is read up to a fixed length, so the time
//! is linear in the text.

/// What is longer is an explanation: it is cut. In bytes.
const LONGEST: usize = 500;
const MARKUP: [char; 5] = ['*', '_', '`', ' ', '\t'];

/// Every stated answer, by place.
pub(super) fn all(text: &str) -> Vec<&str> {
    // As long as the text itself, byte by byte: places in one are places in the other.
    let lower = text.to_ascii_lowercase();
    let mut found = Vec::new();
    for (at, word) in lower.match_indices("answer") {
        let joined = joint(&lower, at + word.len(), &["is", ":", "：", "="]);
        found.extend(joined.and_then(|joint| Some((at, sentence(text.get(joint..)?)))));
    }
    for (at, word) in lower.match_indices("答案") {
        let joined = joint(&lower, at + word.len(), &["应该是", "应是", "应为", "是", "为", ":", "：", "="]);
        found.extend(joined.and_then(|joint| Some((at, sentence(text.get(joint..)?)))));
    }
    for (at, brace) in lower.match_indices("\\boxed{") {
        found.extend(text.get(at + brace.len()..).and_then(braced).map(|answer| (at, answer)));
    }
    for (at, hashes) in lower.match_indices("####") {
        found.extend(text.get(at + hashes.len()..).and_then(marked_line).map(|answer| (at, answer)));
    }
    found.sort_by_key(|(at, _)| *at);
    found.into_iter().map(|(_, answer)| bare(answer)).filter(|answer| !answer.is_empty()).collect()
}

/// The place past the word that joins "answer" to what it is.
fn joint(lower: &str, at: usize, words: &[&str]) -> Option<usize> {
    let rest = lower.get(at..)?.trim_start_matches(MARKUP);
    let (word, after) = words.iter().find_map(|word| Some((*word, rest.strip_prefix(word)?)))?;
    let cut = word == "is" && after.starts_with(|c: char| c.is_ascii_alphanumeric() || c == '\'' || c == '’');
    (!cut).then(|| lower.len() - after.len())
}

/// Up to the end of the sentence or line. Leading markup and line breaks are passed over.
fn sentence(rest: &str) -> &str {
    let mut rest = rest;
    loop {
        let shorter = rest
            .trim_start_matches(|c: char| c.is_whitespace() || matches!(c, ':' | '：' | '*' | '_' | '`' | '$' | '='));
        let shorter = shorter.strip_prefix("\\[").or_else(|| shorter.strip_prefix("\\(")).unwrap_or(shorter);
        if shorter.len() == rest.len() {
            break;
        }
        rest = shorter;
    }
    let rest = head(rest);
    let mut chars = rest.char_indices().peekable();
    while let Some((at, c)) = chars.next() {
        let closes = |next: Option<&(usize, char)>| {
            next.is_none_or(|(_, next)| next.is_whitespace() || matches!(next, '*' | '"' | '”' | '`' | '$' | ')'))
        };
        if matches!(c, '\n' | '。' | '！' | '？' | '；') || (matches!(c, '.' | '!' | '?') && closes(chars.peek())) {
            return rest.get(..at).unwrap_or_default();
        }
    }
    rest
}

/// Up to the brace that closes.
fn braced(rest: &str) -> Option<&str> {
    let rest = head(rest);
    let mut depth = 1_u32;
    for (at, c) in rest.char_indices() {
        match c {
            '{' => depth += 1,
            '}' => depth -= 1,
            _ => {}
        }
        if depth == 0 {
            return rest.get(..at);
        }
    }
    None
}

/// The rest of the line, if it is a number or the text's last: other lines that begin with four hashes are headings, "1. First" too.
fn marked_line(rest: &str) -> Option<&str> {
    if rest.starts_with('#') {
        return None;
    }
    let line = head(rest).lines().next()?;
    let last = rest.get(line.len()..).is_some_and(|after| after.chars().all(char::is_whitespace));
    let number = line.trim_start_matches([' ', '$', '-', '\u{2212}', '*', '€', '£', '¥']);
    let after_digits = number.trim_start_matches(|c: char| c.is_ascii_digit());
    let heading =
        after_digits.strip_prefix(['.', ')']).is_some_and(|title| title.starts_with(' ') && !title.trim().is_empty());
    (last || (number.starts_with(|c: char| c.is_ascii_digit() || c == '.') && !heading)).then_some(line)
}

fn head(text: &str) -> &str {
    text.get(..text.floor_char_boundary(LONGEST)).unwrap_or(text)
}

fn bare(answer: &str) -> &str {
    let edge = |c: char| c.is_whitespace() || matches!(c, '*' | '`' | '"' | '“' | '”');
    let answer = answer.trim_matches(edge).trim_end_matches(['.', '。']).trim_matches(edge);
    // The bracket around the whole sentence.
    if answer.contains('(') { answer } else { answer.trim_end_matches(')') }
}
