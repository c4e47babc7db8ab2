//! How numbers are written for people: qualities in percent with one decimal, always a point, and a dash for what there is not.

pub(super) const NONE: &str = "–";
const MINUS: char = '\u{2212}';

pub(super) fn percent(share: Option<f64>) -> String {
    share.map_or_else(|| NONE.to_owned(), |share| fixed(share * 100.0, 1))
}

/// "58.0–66.8"
pub(super) fn interval(low: Option<f64>, high: Option<f64>) -> String {
    match low.zip(high) {
        Some((low, high)) => format!("{}–{}", percent(Some(low)), percent(Some(high))),
        None => NONE.to_owned(),
    }
}

/// Percentage points with their sign.
pub(super) fn points(difference: Option<f64>) -> String {
    let Some(difference) = difference else { return NONE.to_owned() };
    let written = fixed(difference * 100.0, 1);
    if written.starts_with(MINUS) || written == "0.0" { written } else { format!("+{written}") }
}

/// Percentage points without their sign.
pub(super) fn distance(difference: f64) -> String {
    fixed(difference.abs() * 100.0, 1)
}

pub(super) fn p(p: Option<f64>) -> String {
    match p {
        None => NONE.to_owned(),
        Some(p) if p < 0.001 => "<0.001".to_owned(),
        Some(p) => fixed(p, 3),
    }
}

pub(super) fn decimals(value: Option<f64>, decimals: usize) -> String {
    value.map_or_else(|| NONE.to_owned(), |value| fixed(value, decimals))
}

/// All its decimals: to be copied.
pub(super) fn exact(value: f64) -> String {
    value.to_string()
}

/// Milliseconds: whole from a hundred on.
pub(super) fn milliseconds(value: Option<f64>) -> String {
    decimals(value, if value.is_some_and(|value| value >= 100.0) { 0 } else { 1 })
}

/// "1 question", "2 questions"
pub(super) fn counted(count: usize, one: &str) -> String {
    if count == 1 { format!("1 {one}") } else { format!("{count} {one}s") }
}

/// A name of so many letters at most.
pub(super) fn shortened(name: &str, width: usize) -> String {
    if name.chars().count() <= width {
        return name.to_owned();
    }
    name.chars().take(width.saturating_sub(1)).chain(['…']).collect()
}

fn fixed(value: f64, decimals: usize) -> String {
    let written = format!("{:.decimals$}", value.abs());
    let zero = written.bytes().all(|byte| matches!(byte, b'0' | b'.'));
    if value < 0.0 && !zero { format!("{MINUS}{written}") } else { written }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_one_form() {
        assert_eq!(percent(Some(0.66666)), "66.7");
        assert_eq!(interval(Some(0.58), Some(0.668)), "58.0–66.8");
        assert_eq!(
            (points(Some(0.031)), points(Some(-0.031)), points(Some(-0.0001))),
            ("+3.1".into(), "−3.1".into(), "0.0".into())
        );
        assert_eq!((p(Some(0.0004)), p(Some(0.0416)), p(None)), ("<0.001".into(), "0.042".into(), "–".into()));
        assert_eq!((milliseconds(Some(99.44)), milliseconds(Some(1234.5))), ("99.4".into(), "1234".into()));
        assert_eq!((counted(1, "round"), counted(0, "round")), ("1 round".into(), "0 rounds".into()));
    }
}
