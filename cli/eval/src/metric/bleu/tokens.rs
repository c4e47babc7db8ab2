//! The two ways `sacrebleu` puts spaces between tokens: 13a, as the script mteval-v13a does, and zh, where characters stand alone.

/// The white space of Unicode and the four separators of ASCII.
pub(super) fn is_space(c: char) -> bool {
    c.is_whitespace() || matches!(c, '\u{1c}'..='\u{1f}')
}

pub(super) fn mteval_13a(text: &str) -> String {
    let text = text.trim_end_matches(is_space).replace("<skipped>", "").replace("-\n", "").replace('\n', " ");
    let text = text.replace("&quot;", "\"").replace("&amp;", "&").replace("&lt;", "<").replace("&gt;", ">");
    western(&format!(" {text} "))
}

pub(super) fn zh(text: &str) -> String {
    let mut spaced = String::with_capacity(3 * text.len());
    for c in text.trim_matches(is_space).chars() {
        if stands_alone(c) {
            spaced.extend([' ', c, ' ']);
        } else {
            spaced.push(c);
        }
    }
    western(&spaced)
}

/// The characters that `sacrebleu` counts as Chinese. Two of its ranges, meant for characters beyond the basic plane, are written so
/// that they mean U+2001 to U+2A6D and U+2F81 to U+2FA1; to agree with it they do here.
fn stands_alone(c: char) -> bool {
    const RANGES: [(char, char); 14] = [
        ('\u{2001}', '\u{2a6d}'),
        ('\u{2e80}', '\u{2fdf}'),
        ('\u{2ff0}', '\u{303f}'),
        ('\u{3100}', '\u{312f}'),
        ('\u{31a0}', '\u{31bf}'),
        ('\u{31c0}', '\u{31ef}'),
        ('\u{3200}', '\u{4db5}'),
        ('\u{4e00}', '\u{9fbb}'),
        ('\u{f900}', '\u{fa2d}'),
        ('\u{fa30}', '\u{fa6a}'),
        ('\u{fa70}', '\u{fad9}'),
        ('\u{fe10}', '\u{fe1f}'),
        ('\u{fe30}', '\u{fe4f}'),
        ('\u{ff00}', '\u{ffef}'),
    ];
    RANGES.iter().any(|(first, last)| (*first..=*last).contains(&c))
}

/// Most punctuation stands alone; full stops and commas but between digits; a hyphen after a digit.
fn western(text: &str) -> String {
    let mut spaced = String::with_capacity(2 * text.len());
    for c in text.chars() {
        if matches!(c, ' '..='&' | '('..='+' | '/' | ':'..='@' | '['..='`' | '{'..='~') {
            spaced.extend([' ', c, ' ']);
        } else {
            spaced.push(c);
        }
    }
    let stop = |c: char| matches!(c, '.' | ',');
    let spaced = pairs(&spaced, |a, b| (!a.is_ascii_digit() && stop(b)).then_some([a, ' ', b, ' ']));
    let spaced = pairs(&spaced, |a, b| (stop(a) && !b.is_ascii_digit()).then_some([' ', a, ' ', b]));
    pairs(&spaced, |a, b| (a.is_ascii_digit() && b == '-').then_some([a, ' ', b, ' ']))
}

/// Replaces pairs of neighbours from the left; a character belongs to one pair only.
fn pairs(text: &str, replacement: impl Fn(char, char) -> Option<[char; 4]>) -> String {
    let mut replaced = String::with_capacity(2 * text.len());
    let mut chars = text.chars().peekable();
    while let Some(a) = chars.next() {
        match chars.peek().and_then(|b| replacement(a, *b)) {
            Some(new) => {
                replaced.extend(new);
                chars.next();
            }
            None => replaced.push(a),
        }
    }
    replaced
}
