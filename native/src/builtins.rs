//! Built-ins given to the interpreter in place of its own, so that both engines give one answer.

use anyhow::{bail, Result};
use regorus::{Engine, Value};

/// Put ours before those of the engine.
pub fn replace(engine: &mut Engine) -> Result<()> {
    engine.add_extension(
        "lower".to_owned(),
        1,
        Box::new(|given: Vec<Value>| lower(&given)),
    )?;
    engine.add_extension(
        "array.slice".to_owned(),
        3,
        Box::new(|given: Vec<Value>| slice(&given)),
    )?;
    engine.add_extension(
        "strings.count".to_owned(),
        2,
        Box::new(|given: Vec<Value>| count(&given)),
    )?;
    engine.add_extension(
        "substring".to_owned(),
        3,
        Box::new(|given: Vec<Value>| substring(&given)),
    )
}

/// The letters A to Z in lower case. Those of other alphabets stay: what lies under them depends on
/// the version of Unicode that an engine knows.
fn lower(given: &[Value]) -> Result<Value> {
    let [Value::String(text)] = given else {
        bail!("lower takes a string")
    };
    Ok(Value::from(text.to_ascii_lowercase()))
}

/// The items from `start` up to `stop`, both cut to the array. A fraction is no index.
fn slice(given: &[Value]) -> Result<Value> {
    let [Value::Array(items), start, stop] = given else {
        bail!("array.slice takes an array")
    };
    let (start, stop) = (index(start)?, index(stop)?);
    let stop = usize::try_from(stop).unwrap_or(0).min(items.len());
    let start = usize::try_from(start).unwrap_or(0).min(stop);
    Ok(Value::from(items[start..stop].to_vec()))
}

/// The characters from an offset on, at most a length of them; all the rest for a negative length.
fn substring(given: &[Value]) -> Result<Value> {
    let [Value::String(text), offset, length] = given else {
        bail!("substring takes a string")
    };
    let (offset, length) = (usize::try_from(index(offset)?)?, index(length)?);
    let length = usize::try_from(length).unwrap_or(usize::MAX);
    Ok(Value::from(
        text.chars().skip(offset).take(length).collect::<String>(),
    ))
}

/// How often a text stands in another, no character counted twice. The empty text stands before
/// every character and at the end.
fn count(given: &[Value]) -> Result<Value> {
    let [Value::String(text), Value::String(sought)] = given else {
        bail!("strings.count takes two strings")
    };
    Ok(Value::from(u64::try_from(
        text.matches(sought.as_ref()).count(),
    )?))
}

fn index(value: &Value) -> Result<i64> {
    match value {
        Value::Number(number) => match number.as_i64() {
            Some(whole) => Ok(whole),
            None => bail!("a fraction is no index"),
        },
        _ => bail!("expected a number"),
    }
}
