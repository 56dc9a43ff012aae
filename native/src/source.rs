//! Policy text to an engine that has read it.

use std::num::{NonZeroU32, NonZeroUsize};

use pyo3::prelude::*;
use regorus::{Engine, PolicyLengthConfig, Value};

use crate::CompileError;

/// Bytes, lines and columns of one file. The caller bounds the bundle; what passes there must not
/// fail here on one engine only.
const FILE_BYTES_MAX: u32 = 1 << 20;

/// An engine with the files `(path, source)` and the data `{...}`, both not yet compiled.
pub fn read(files: Vec<(String, String)>, data: &[u8]) -> PyResult<Engine> {
    let mut engine = Engine::new();
    engine.set_policy_length_config(PolicyLengthConfig {
        max_col: NonZeroU32::new(FILE_BYTES_MAX).unwrap_or(NonZeroU32::MIN),
        max_file_bytes: NonZeroUsize::new(FILE_BYTES_MAX as usize).unwrap_or(NonZeroUsize::MIN),
        max_lines: NonZeroUsize::new(FILE_BYTES_MAX as usize).unwrap_or(NonZeroUsize::MIN),
    });
    engine.set_strict_builtin_errors(true);
    for (path, source) in files {
        engine
            .add_policy(path, source)
            .map_err(|error| CompileError::new_err(error.to_string()))?;
    }
    engine
        .add_data(value(data).ok_or_else(|| CompileError::new_err("the data is not JSON"))?)
        .map_err(|_| CompileError::new_err("the data is not a JSON object"))?;
    Ok(engine)
}

/// JSON bytes as a value; `None` where they are not JSON.
pub fn value(json: &[u8]) -> Option<Value> {
    Value::from_json_str(std::str::from_utf8(json).ok()?).ok()
}
