//! Fractions of whole numbers, compared exactly with decimal numbers. A text is a fraction only if it is nothing else: dates and
//! fractions of a unit ("3/4 hours") stay words, and two fractions are the same only if they are written alike.

use super::number::is_number;

/// Of a number, so that products fit.
const MOST_DIGITS: usize = 17;
const COMMANDS: [&str; 3] = ["\\frac{", "\\dfrac{", "\\tfrac{"];

/// Numerator and denominator.
type Ratio = (i128, i128);

/// \frac{1}{2} as 1/2, where both are whole numbers.
pub(super) fn flattened(text: &str) -> String {
    let mut flat = text.to_owned();
    for command in COMMANDS {
        let mut kept = String::with_capacity(flat.len());
        let mut rest = flat.as_str();
        while let Some((before, after)) = rest.split_once(command) {
            kept.push_str(before);
            rest = after;
            match parts(after) {
                Some((top, bottom, after)) => {
                    kept.extend([top, "/", bottom]);
                    rest = after;
                }
                None => kept.push_str(command),
            }
        }
        kept.push_str(rest);
        flat = kept;
    }
    flat
}

/// Of "1}{2}..": 1, 2 and what comes after.
fn parts(text: &str) -> Option<(&str, &str, &str)> {
    let (top, rest) = digits(text)?;
    let (bottom, rest) = digits(rest.strip_prefix("}{")?)?;
    Some((top, bottom, rest.strip_prefix('}')?))
}

fn digits(text: &str) -> Option<(&str, &str)> {
    let length = text.bytes().take_while(u8::is_ascii_digit).count();
    text.split_at_checked(length).filter(|(digits, _)| !digits.is_empty())
}

/// Whether one is a fraction and the other the decimal number that it equals.
pub(super) fn are_equal(a: &str, b: &str) -> bool {
    let equal = |a: &str, b: &str| {
        let Some(((top, bottom), (number, scale))) = fraction(a).zip(decimal(b)) else { return false };
        top.checked_mul(scale).zip(number.checked_mul(bottom)).is_some_and(|(one, other)| one == other)
    };
    equal(a, b) || equal(b, a)
}

/// Back over the numerators before a denominator: "3/4/2020" too.
pub(super) fn start(text: &str, denominator: usize) -> usize {
    let bytes = text.as_bytes();
    let mut start = denominator;
    while let Some(slash) = start.checked_sub(1).filter(|slash| bytes.get(*slash) == Some(&b'/')) {
        let before = bytes.get(..slash).unwrap_or_default();
        let numerator = before.iter().rev().take_while(|byte| byte.is_ascii_digit()).count();
        if numerator == 0 {
            break;
        }
        start = slash - numerator;
    }
    start
}

fn fraction(text: &str) -> Option<Ratio> {
    let (top, bottom) = text.split_once('/')?;
    let sign = if top.starts_with('-') { -1 } else { 1 };
    let (top, bottom) = (whole(top.strip_prefix('-').unwrap_or(top))?, whole(bottom)?);
    (bottom != 0).then_some((sign * top, bottom))
}

fn decimal(text: &str) -> Option<Ratio> {
    if !is_number(text) {
        return None;
    }
    let sign = if text.starts_with('-') { -1 } else { 1 };
    let unsigned = text.strip_prefix('-').unwrap_or(text);
    let (whole_part, decimals) = unsigned.split_once('.').unwrap_or((unsigned, ""));
    let number = whole(&format!("{whole_part}{decimals}"))?;
    Some((sign * number, 10_i128.checked_pow(u32::try_from(decimals.len()).ok()?)?))
}

fn whole(text: &str) -> Option<i128> {
    let plain = text.len() <= MOST_DIGITS && !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    plain.then(|| text.parse().ok()).flatten()
}
