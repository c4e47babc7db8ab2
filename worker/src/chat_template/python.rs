//! Python's string, list and dict methods for templates. Most are the template engine's own compatibility layer; here is what that
//! lacks, and what it does without counting.

use minijinja::{
    Error, ErrorKind, State, Value,
    value::{Tuple, from_args},
};

/// A method that the engine does not know by itself.
pub(super) fn method(state: &mut State, value: &Value, name: &str, args: &[Value]) -> Result<Value, Error> {
    let found = value.as_str().map(|text| string_method(text, name, args)).transpose()?.flatten();
    match found {
        Some(found) => Ok(found),
        None => minijinja_contrib::pycompat::unknown_method_callback(state, value, name, args),
    }
}

/// None: not one of these.
fn string_method(text: &str, name: &str, args: &[Value]) -> Result<Option<Value>, Error> {
    let found = match name {
        "removeprefix" => {
            let (prefix,): (&str,) = from_args(args)?;
            Value::from(text.strip_prefix(prefix).unwrap_or(text))
        }
        "removesuffix" => {
            let (suffix,): (&str,) = from_args(args)?;
            Value::from(text.strip_suffix(suffix).unwrap_or(text))
        }
        "partition" => {
            let separator = separator(args)?;
            let (before, after) = text.split_once(separator).unzip();
            parts([before.unwrap_or(text), before.map_or("", |_| separator), after.unwrap_or_default()])
        }
        "rpartition" => {
            let separator = separator(args)?;
            let (before, after) = text.rsplit_once(separator).unzip();
            parts([before.unwrap_or_default(), before.map_or("", |_| separator), after.unwrap_or(text)])
        }
        "rsplit" => {
            let (separator, most): (Option<&str>, Option<i64>) = from_args(args)?;
            let most = most.and_then(|most| usize::try_from(most).ok()).unwrap_or(usize::MAX);
            rsplit(text, separator, most)?.into_iter().map(Value::from).collect()
        }
        "format" if has_wide_field(text) => return Err(invalid("format was given too wide a field")),
        _ => return Ok(None),
    };
    Ok(Some(found))
}

fn separator(args: &[Value]) -> Result<&str, Error> {
    let (separator,): (&str,) = from_args(args)?;
    if separator.is_empty() { Err(invalid("empty separator")) } else { Ok(separator) }
}

fn parts(parts: [&str; 3]) -> Value {
    Value::from(Tuple::from(parts.map(Value::from)))
}

/// At most `most` splits, counted from the end; without a separator at runs of white space.
fn rsplit<'t>(text: &'t str, separator: Option<&str>, most: usize) -> Result<Vec<&'t str>, Error> {
    let mut parts: Vec<&str> = match separator {
        Some("") => return Err(invalid("empty separator")),
        Some(separator) => text.rsplitn(most.saturating_add(1), separator).collect(),
        None => {
            let mut parts = Vec::new();
            let mut rest = text.trim_end();
            while !rest.is_empty() {
                let (before, part) = match rest.rfind(char::is_whitespace) {
                    Some(_) if parts.len() == most => ("", rest),
                    Some(_) => {
                        let before = rest.trim_end_matches(|c: char| !c.is_whitespace());
                        (before.trim_end(), &rest[before.len()..])
                    }
                    None => ("", rest),
                };
                parts.push(part);
                rest = before;
            }
            parts
        }
    };
    parts.reverse();
    Ok(parts)
}

/// `str.format` pads to any width without counting. A width of four digits, or one that an argument gives, is too wide.
fn has_wide_field(format: &str) -> bool {
    format.contains(":{") || format.split(|c: char| !c.is_ascii_digit()).any(|digits| digits.len() > 3)
}

fn invalid(detail: &'static str) -> Error {
    Error::new(ErrorKind::InvalidOperation, detail)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn call(text: &str, name: &str, args: &[Value]) -> String {
        string_method(text, name, args).unwrap().unwrap().to_string()
    }

    #[test]
    fn prefixes_and_suffixes_go_once_or_not_at_all() {
        for (text, name, arg, result) in [
            ("aab", "removeprefix", "a", "ab"),
            ("aab", "removeprefix", "b", "aab"),
            ("abb", "removesuffix", "b", "ab"),
            ("abb", "removesuffix", "a", "abb"),
        ] {
            assert_eq!(call(text, name, &[arg.into()]), result);
        }
    }

    #[test]
    fn partitions_have_three_parts() {
        for (text, name, result) in [
            ("a:b:c", "partition", "('a', ':', 'b:c')"),
            ("abc", "partition", "('abc', '', '')"),
            ("a:b:c", "rpartition", "('a:b', ':', 'c')"),
            ("abc", "rpartition", "('', '', 'abc')"),
        ] {
            assert_eq!(call(text, name, &[":".into()]), result);
        }
        assert!(string_method("a", "partition", &["".into()]).is_err());
    }

    #[test]
    fn rsplit_counts_from_the_end() {
        let none = Value::from(());
        for (text, args, result) in [
            ("a,b,,c", vec![",".into()], "['a', 'b', '', 'c']"),
            ("a,b,c", vec![",".into(), 1.into()], "['a,b', 'c']"),
            ("a,b", vec![",".into(), 0.into()], "['a,b']"),
            ("a,b", vec![",".into(), (-1).into()], "['a', 'b']"),
            ("", vec![",".into()], "['']"),
            ("  a \n b  c ", vec![], "['a', 'b', 'c']"),
            ("  a  b \u{3000}c ", vec![none.clone(), 1.into()], "['  a  b', 'c']"),
            (" a ", vec![none, 0.into()], "[' a']"),
            ("  ", vec![], "[]"),
        ] {
            assert_eq!(call(text, "rsplit", &args), result, "{text:?}");
        }
        assert!(string_method("a", "rsplit", &["".into()]).is_err());
    }

    #[test]
    fn a_wide_field_is_refused_and_a_narrow_one_is_left_to_the_engine() {
        for wide in ["{:1000}", "{:{}}", "{0:>99999}"] {
            assert!(string_method(wide, "format", &[1.into()]).is_err(), "{wide}");
        }
        assert!(string_method("{:>9} of {}", "format", &[1.into(), 2.into()]).unwrap().is_none());
    }
}
