//! JSON, changed by its structure: a value becomes one of another type, goes, comes twice or a thousand times, moves, or lies deep. The
//! result is a text, which now and then is no JSON any more.

use proptest::{prelude::*, sample::Index};
use serde_json::{Value, json};

use crate::text;

/// Elements of a list or object that was made long.
const MANY: [usize; 3] = [2, 40, 700];
const LEVELS: [usize; 4] = [1, 30, 61, 200];
/// Bytes of the result: what grows beyond is left as it was.
const LARGEST: usize = 1 << 16;

#[derive(Clone, Debug)]
enum Change {
    Replace(Value),
    Remove(Index),
    /// Becomes what stands at another place.
    Copy(Index),
    /// An element again, so many times.
    Repeat(Index, usize),
    /// Lies in so many lists or objects.
    Wrap(bool, usize),
    /// A key becomes another, or a string longer.
    Rename(Index, String),
    Add(i8),
}

/// `valid`, changed in one to four places.
pub fn json(valid: Value) -> impl Strategy<Value = String> {
    let edits = prop::collection::vec((any::<Index>(), change()), 1..=4);
    let changed = edits.prop_map(move |edits| edited(valid.clone(), edits).to_string()).boxed();
    prop_oneof![9 => changed.clone(), 1 => changed.prop_flat_map(|changed| text(&changed))]
}

fn change() -> impl Strategy<Value = Change> {
    let at = any::<Index>;
    let levels = prop::sample::select(LEVELS.as_slice());
    prop_oneof![
        6 => atom().prop_map(Change::Replace),
        3 => at().prop_map(Change::Remove),
        3 => at().prop_map(Change::Copy),
        2 => (at(), prop::sample::select(MANY.as_slice())).prop_map(|(at, times)| Change::Repeat(at, times)),
        1 => (any::<bool>(), levels).prop_map(|(list, levels)| Change::Wrap(list, levels)),
        4 => (at(), string()).prop_map(|(at, new)| Change::Rename(at, new)),
        3 => any::<i8>().prop_map(Change::Add),
    ]
}

fn atom() -> impl Strategy<Value = Value> {
    let numbers = vec![
        json!(0),
        json!(1),
        json!(2),
        json!(-1),
        json!(0.5),
        json!(-0.0),
        json!(1e308),
        json!(-1e308),
        json!(1e-308),
        json!(255),
        json!(65536),
        json!(u32::MAX),
        json!(1u64 << 32),
        json!(i64::MAX),
        json!(i64::MIN),
        json!(u64::MAX),
    ];
    prop_oneof![
        4 => prop::sample::select(numbers),
        2 => prop::sample::select(vec![json!(null), json!(true), json!(false), json!([]), json!({}), json!([[]]), json!([null])]),
        3 => string().prop_map(Value::from),
    ]
}

fn string() -> impl Strategy<Value = String> {
    let hard = vec![
        "",
        " ",
        "a",
        "\0",
        "é",
        "e\u{301}",
        "\u{2581}",
        "</s>",
        "👩‍👩‍👧",
        "\u{fffd}",
        "(",
        "\\",
        "a+",
        "(a+)+$",
        ".*",
        "\\p{L}",
        "[",
        "{",
    ];
    prop_oneof![
        4 => prop::sample::select(hard).prop_map(str::to_owned),
        1 => (prop::sample::select(vec!["a", "é", "ab ", "("]), 1usize..3000).prop_map(|(piece, times)| piece.repeat(times)),
        1 => any::<String>(),
    ]
}

fn edited(mut root: Value, edits: Vec<(Index, Change)>) -> Value {
    for (at, change) in edits {
        let before = root.clone();
        apply(&mut root, at, change);
        if root.to_string().len() > LARGEST {
            root = before;
        }
    }
    root
}

fn apply(root: &mut Value, at: Index, change: Change) {
    let count = count(root);
    let from = if let Change::Copy(from) = change { from } else { at };
    let copied = node(root, &mut from.index(count)).cloned();
    let Some(node) = node(root, &mut at.index(count)) else { return };
    match change {
        Change::Replace(new) => *node = new,
        Change::Copy(_) => *node = copied.unwrap_or_default(),
        Change::Remove(place) => remove(node, place),
        Change::Repeat(place, times) => repeat(node, place, times),
        Change::Wrap(list, levels) => {
            for _ in 0..levels {
                let inner = node.take();
                *node = if list { json!([inner]) } else { json!({"a": inner}) };
            }
        }
        Change::Rename(place, new) => rename(node, place, new),
        Change::Add(by) => add(node, by),
    }
}

fn remove(node: &mut Value, place: Index) {
    match node {
        Value::Array(list) if !list.is_empty() => drop(list.remove(place.index(list.len()))),
        Value::Object(members) if !members.is_empty() => {
            let key = members.keys().nth(place.index(members.len())).cloned();
            key.and_then(|key| members.shift_remove(&key));
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) | Value::Object(_) => {
            *node = Value::Null;
        }
    }
}

fn repeat(node: &mut Value, place: Index, times: usize) {
    match node {
        Value::Array(list) if !list.is_empty() => {
            let again = list.get(place.index(list.len())).cloned().unwrap_or_default();
            list.extend(std::iter::repeat_n(again, times));
        }
        Value::Object(members) if !members.is_empty() => {
            let member = members.iter().nth(place.index(members.len()));
            let Some((key, value)) = member.map(|(key, value)| (key.clone(), value.clone())) else { return };
            members.extend((0..times).map(|time| (format!("{key}{time}"), value.clone())));
        }
        Value::String(text) => *text = text.repeat(times),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            *node = Value::Array(vec![node.take(); times]);
        }
    }
}

fn rename(node: &mut Value, place: Index, new: String) {
    match node {
        Value::Object(members) if !members.is_empty() => {
            let key = members.keys().nth(place.index(members.len())).cloned();
            let value = key.and_then(|key| members.shift_remove(&key));
            members.extend(value.map(|value| (new, value)));
        }
        Value::String(text) => text.insert_str(text.floor_char_boundary(place.index(text.len() + 1)), &new),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            *node = Value::String(new);
        }
    }
}

fn add(node: &mut Value, by: i8) {
    if let Some(integer) = node.as_i64() {
        *node = json!(integer.saturating_add(by.into()));
    } else if let Some(float) = node.as_f64() {
        *node = json!(float * f64::from(by));
    } else if let Some(text) = node.as_str() {
        // Characters from the end.
        *node =
            json!(text.chars().take(text.chars().count().saturating_sub(by.unsigned_abs().into())).collect::<String>());
    } else if let Some(flag) = node.as_bool() {
        *node = json!(!flag);
    }
}

/// Values in a value, itself included.
fn count(value: &Value) -> usize {
    1 + match value {
        Value::Array(list) => list.iter().map(count).sum(),
        Value::Object(members) => members.values().map(count).sum(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => 0usize,
    }
}

/// One of them, counted from above.
fn node<'a>(value: &'a mut Value, left: &mut usize) -> Option<&'a mut Value> {
    if *left == 0 {
        return Some(value);
    }
    *left -= 1;
    match value {
        Value::Array(list) => list.iter_mut().find_map(|element| node(element, left)),
        Value::Object(members) => members.values_mut().find_map(|member| node(member, left)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    }
}
