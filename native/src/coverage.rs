//! Which lines of a policy some evaluation reached, for tests of policies.

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Mutex;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use regorus::Engine;

use crate::{answer, builtins, source, CompileError, EvaluationError};

/// An interpreter that remembers the lines it ran. Slower than `Program`, and not step bounded.
#[pyclass(frozen)]
pub struct Coverage {
    engine: Mutex<Engine>,
}

#[pymethods]
impl Coverage {
    /// Read `files` [(path, source)] with `data` (JSON of an object). Raises `CompileError`.
    #[new]
    fn new(files: Vec<(String, String)>, data: &[u8]) -> PyResult<Self> {
        let mut engine = source::read(files, data)?;
        builtins::replace(&mut engine).map_err(|error| CompileError::new_err(error.to_string()))?;
        engine.set_enable_coverage(true);
        Ok(Self {
            engine: Mutex::new(engine),
        })
    }

    /// The value of a rule such as `data.a.b` for an input, both as JSON bytes.
    fn evaluate<'py>(
        &self,
        py: Python<'py>,
        entrypoint: String,
        input: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        let input = source::value(input)
            .ok_or_else(|| EvaluationError::new_err("expected JSON, found another input"))?;
        let mut engine = self
            .engine
            .lock()
            .map_err(|_| EvaluationError::new_err("regorus failed before"))?;
        let before = engine.clone();
        engine.set_input(input);
        let told = catch_unwind(AssertUnwindSafe(|| engine.eval_rule(entrypoint)));
        if !matches!(told, Ok(Ok(_))) {
            // An error leaves an engine in the middle of things, and the next answer would be wrong.
            *engine = before;
        }
        let value = told
            .map_err(|_| EvaluationError::new_err("regorus failed on this input"))?
            .map_err(|_| EvaluationError::new_err("a rule failed"))?;
        Ok(PyBytes::new(py, &answer::json(&value)?))
    }

    /// `{"files": [{"path", "code", "covered": [line], "not_covered": [line]}]}` as JSON bytes.
    fn report<'py>(&self, py: Python<'py>) -> PyResult<Bound<'py, PyBytes>> {
        let engine = self
            .engine
            .lock()
            .map_err(|_| EvaluationError::new_err("regorus failed before"))?;
        let report = engine
            .get_coverage_report()
            .map_err(|error| CompileError::new_err(error.to_string()))?;
        let json = serde_json::to_vec(&report)
            .map_err(|error| EvaluationError::new_err(error.to_string()))?;
        Ok(PyBytes::new(py, &json))
    }
}
