//! A value to JSON bytes, where it is one that both engines write alike.

use std::collections::BTreeSet;

use regorus::Value;

use crate::{EvaluationError, Undefined};
use pyo3::PyErr;

/// RFC 8785 section 3.2.2.3, RFC 7493 section 2.2: beyond this, doubles skip integers.
const INTEGER_MAX: i64 = (1 << 53) - 1;

/// The JSON of an answer. Sets become arrays, in the order that rego-cpp gives them.
pub fn json(value: &Value) -> Result<Vec<u8>, PyErr> {
    if *value == Value::Undefined {
        return Err(Undefined::new_err("the result is undefined"));
    }
    spelled(value).map(String::into_bytes).ok_or_else(|| {
        EvaluationError::new_err("expected an answer of text and whole numbers, found another")
    })
}

/// A value's JSON; `None` where it has no single spelling: a fraction, a large number, an undefined.
fn spelled(value: &Value) -> Option<String> {
    match value {
        Value::Null => Some("null".to_owned()),
        Value::Bool(truth) => Some(truth.to_string()),
        Value::String(text) => serde_json::to_string(text.as_ref()).ok(),
        Value::Number(_) => whole(value).map(|number| number.to_string()),
        Value::Array(items) => items
            .iter()
            .map(spelled)
            .collect::<Option<Vec<_>>>()
            .map(|items| listed(&items)),
        Value::Set(items) => ordered(items.iter()).map(|items| listed(&items)),
        Value::Object(members) => members
            .iter()
            .map(|(key, member)| Some(format!("{}:{}", named(key)?, spelled(member)?)))
            .collect::<Option<BTreeSet<_>>>()
            .map(|members| Vec::from_iter(members).join(", "))
            .map(|members| format!("{{{members}}}")),
        Value::Undefined => None,
    }
}

fn listed(items: &[String]) -> String {
    format!("[{}]", items.join(","))
}

/// The name of a member: text as it is, and the JSON of a key that is none.
fn named(key: &Value) -> Option<String> {
    let text = spelled(key)?;
    match key {
        Value::String(_) => Some(text),
        _ => serde_json::to_string(&text).ok(),
    }
}

/// The members of a set by type, numbers by value and all else by spelling.
fn ordered<'a>(items: impl Iterator<Item = &'a Value>) -> Option<Vec<String>> {
    let mut members = items
        .map(|item| Some((rank(item), whole(item), spelled(item)?)))
        .collect::<Option<Vec<_>>>()?;
    members.sort();
    Some(members.into_iter().map(|(_, _, text)| text).collect())
}

fn rank(value: &Value) -> u8 {
    match value {
        Value::Null => 0,
        Value::Bool(_) => 1,
        Value::Number(_) => 2,
        Value::String(_) => 3,
        Value::Set(_) => 4,
        Value::Array(_) => 5,
        Value::Object(_) | Value::Undefined => 6,
    }
}

/// A number that is whole, that a double holds, and that is not the zero with a sign.
fn whole(value: &Value) -> Option<i64> {
    let Value::Number(number) = value else {
        return None;
    };
    let is_signed_zero =
        matches!(value.as_f64(), Ok(float) if float == 0.0 && float.is_sign_negative());
    number
        .as_i64()
        .filter(|whole| (-INTEGER_MAX..=INTEGER_MAX).contains(whole) && !is_signed_zero)
}
