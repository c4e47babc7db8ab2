//! The `tojson` filter as transformers defines it: Python's `json.dumps(value, ensure_ascii=False)`, with its separators, and
//! no escaping for HTML. The text is bounded in length and in depth.

use std::fmt::Write as _;

use minijinja::{
    Error, ErrorKind, State, Value,
    value::{Kwargs, ValueKind},
};

use super::MAX_RENDERED;

const MAX_DEPTH: usize = 64;
const MAX_INDENT: usize = 64;

pub(super) fn tojson(state: &State, value: &Value, indent: Option<Value>, options: Kwargs) -> Result<Value, Error> {
    let indent = match indent {
        Some(indent) => Some(indent),
        None => options.get("indent")?,
    };
    let indent = indent.filter(|indent| !indent.is_none()).as_ref().map(unit_of).transpose()?;
    let separators: Option<Vec<String>> = options.get("separators")?;
    let ensure_ascii: Option<bool> = options.get("ensure_ascii")?;
    let sort_keys: Option<bool> = options.get("sort_keys")?;
    options.assert_all_used()?;
    let [item, key] = match separators.as_deref() {
        None if indent.is_some() => [",", ": "],
        None => [", ", ": "],
        Some([item, key]) => [item.as_str(), key.as_str()],
        Some(_) => return Err(invalid("tojson takes two separators")),
    };
    let layout = Layout {
        indent: indent.as_deref(),
        item,
        key,
        ascii: ensure_ascii.unwrap_or(false),
        sorted: sort_keys.unwrap_or(false),
    };
    let mut out = String::new();
    layout.write(&mut out, value, 0)?;
    state.consume_fuel(out.len() as u64 / 4)?;
    Ok(Value::from(out))
}

/// One level of indentation: a number of spaces, or the string itself.
fn unit_of(indent: &Value) -> Result<String, Error> {
    let unit = match indent.as_str() {
        Some(unit) => unit.to_owned(),
        None => " ".repeat(usize::try_from(indent.clone())?.min(MAX_INDENT + 1)),
    };
    if unit.len() > MAX_INDENT { Err(invalid("tojson was given too wide an indent")) } else { Ok(unit) }
}

fn invalid(detail: &'static str) -> Error {
    Error::new(ErrorKind::InvalidOperation, detail)
}

struct Layout<'a> {
    indent: Option<&'a str>,
    item: &'a str,
    key: &'a str,
    ascii: bool,
    sorted: bool,
}

impl Layout<'_> {
    fn write(&self, out: &mut String, value: &Value, depth: usize) -> Result<(), Error> {
        if depth > MAX_DEPTH {
            return Err(invalid("tojson was given too deep a value"));
        }
        if out.len() > MAX_RENDERED {
            return Err(invalid("tojson was given too large a value"));
        }
        match value.kind() {
            ValueKind::None => out.push_str("null"),
            ValueKind::Bool => out.push_str(if value.is_true() { "true" } else { "false" }),
            ValueKind::Number => write_number(out, value),
            ValueKind::String => self.write_string(out, value.as_str().unwrap_or_default()),
            ValueKind::Seq | ValueKind::Iterable => self.write_list(out, value, depth)?,
            ValueKind::Map => self.write_object(out, value, depth)?,
            // Whatever else a value may be, Python's json has no word for it either.
            ValueKind::Undefined | ValueKind::Bytes | ValueKind::Plain | ValueKind::Invalid | _ => {
                let detail = format!("tojson cannot write a value of type {}", value.kind());
                return Err(Error::new(ErrorKind::InvalidOperation, detail));
            }
        }
        Ok(())
    }

    fn write_list(&self, out: &mut String, list: &Value, depth: usize) -> Result<(), Error> {
        out.push('[');
        let mut empty = true;
        for element in list.try_iter()? {
            self.begin_item(out, &mut empty, depth);
            self.write(out, &element, depth + 1)?;
        }
        self.end(out, empty, depth);
        out.push(']');
        Ok(())
    }

    fn write_object(&self, out: &mut String, object: &Value, depth: usize) -> Result<(), Error> {
        out.push('{');
        let mut empty = true;
        let mut keys: Vec<Value> = object.try_iter()?.collect();
        if self.sorted {
            keys.sort();
        }
        for key in keys {
            self.begin_item(out, &mut empty, depth);
            match key.as_str() {
                Some(name) => self.write_string(out, name),
                None => {
                    let mut name = String::new();
                    self.write(&mut name, &key, MAX_DEPTH)?;
                    self.write_string(out, &name);
                }
            }
            out.push_str(self.key);
            self.write(out, &object.get_item(&key)?, depth + 1)?;
        }
        self.end(out, empty, depth);
        out.push('}');
        Ok(())
    }

    fn begin_item(&self, out: &mut String, empty: &mut bool, depth: usize) {
        if !std::mem::take(empty) {
            out.push_str(self.item);
        }
        self.new_line(out, depth + 1);
    }

    fn end(&self, out: &mut String, empty: bool, depth: usize) {
        if !empty {
            self.new_line(out, depth);
        }
    }

    fn new_line(&self, out: &mut String, depth: usize) {
        if let Some(unit) = self.indent {
            out.push('\n');
            (0..depth).for_each(|_| out.push_str(unit));
        }
    }

    fn write_string(&self, out: &mut String, text: &str) {
        out.push('"');
        for c in text.chars() {
            match c {
                '"' => out.push_str("\\\""),
                '\\' => out.push_str("\\\\"),
                '\n' => out.push_str("\\n"),
                '\r' => out.push_str("\\r"),
                '\t' => out.push_str("\\t"),
                '\u{8}' => out.push_str("\\b"),
                '\u{c}' => out.push_str("\\f"),
                c if c < ' ' || (self.ascii && !c.is_ascii()) => {
                    for unit in c.encode_utf16(&mut [0; 2]) {
                        // Writing to a string cannot fail.
                        let _ = write!(out, "\\u{unit:04x}");
                    }
                }
                c => out.push(c),
            }
        }
        out.push('"');
    }
}

/// Integers as they are; floats as Python's `repr` (`1.0`, `Infinity`, `NaN`).
fn write_number(out: &mut String, number: &Value) {
    let float = (!number.is_integer()).then(|| f64::try_from(number.clone()).ok()).flatten();
    let _ = match float {
        Some(float) if float.is_nan() => out.write_str("NaN"),
        Some(float) if float.is_infinite() => out.write_str(if float > 0.0 { "Infinity" } else { "-Infinity" }),
        Some(float) => write!(out, "{float:?}"),
        None => write!(out, "{number}"),
    };
}
