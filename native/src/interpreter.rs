//! A bundle read once and asked any number of times, where an error in a rule is an error.

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::Mutex;

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use regorus::{Engine, Value};

use crate::{
    answer, builtins, failure, source, steps, CompileError, EvaluationError, StepsExceeded,
};

/// Rules with their data, interpreted. Calls from several threads take turns.
#[pyclass(frozen)]
pub struct Interpreter {
    steps_max: u64,
    /// Prepared, and never asked: an error leaves an engine in the middle of things.
    fresh: Engine,
    idle: Mutex<Option<Engine>>,
}

#[pymethods]
impl Interpreter {
    /// Compile `files` [(path, source)] with `data` (JSON of an object) for rules `data.a.b`.
    ///
    /// An evaluation ends after `steps_max` steps, to the stride. Raises `CompileError`.
    #[new]
    fn new(
        py: Python<'_>,
        files: Vec<(String, String)>,
        data: &[u8],
        entrypoints: Vec<String>,
        steps_max: u64,
    ) -> PyResult<Self> {
        py.detach(|| {
            catch_unwind(AssertUnwindSafe(|| {
                let mut fresh = source::read(files, data)?;
                builtins::replace(&mut fresh)
                    .map_err(|error| CompileError::new_err(error.to_string()))?;
                for entrypoint in &entrypoints {
                    fresh
                        .compile_with_entrypoint(&entrypoint.as_str().into())
                        .map_err(|error| CompileError::new_err(error.to_string()))?;
                }
                fresh.set_execution_timer_config(steps::bound(steps_max));
                let idle = Mutex::new(Some(fresh.clone()));
                Ok(Self {
                    steps_max,
                    fresh,
                    idle,
                })
            }))
            .unwrap_or_else(|_| Err(CompileError::new_err("regorus failed on this policy")))
        })
    }

    /// The value of a rule for an input, both as JSON bytes. Raises `EvaluationError`.
    fn evaluate<'py>(
        &self,
        py: Python<'py>,
        entrypoint: &str,
        input: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        // Whose rules these are nobody here knows, so whoever watches them must be able to run.
        let told = py.detach(|| self.run(entrypoint, input))?;
        Ok(PyBytes::new(py, &told))
    }
}

impl Interpreter {
    fn run(&self, entrypoint: &str, input: &[u8]) -> PyResult<Vec<u8>> {
        let input = source::value(input)
            .ok_or_else(|| EvaluationError::new_err("expected JSON, found another input"))?;
        let idle = self.idle.lock().ok().and_then(|mut idle| idle.take());
        let mut engine = idle.unwrap_or_else(|| self.fresh.clone());
        let before = steps::taken();
        // An engine that panicked or failed is dropped here, and the next question gets a fresh one.
        let (engine, value) = catch_unwind(AssertUnwindSafe(|| {
            engine.set_input(input);
            let value = engine.eval_rule(entrypoint.to_owned());
            engine.set_input(Value::Undefined);
            (engine, value)
        }))
        .map_err(|_| EvaluationError::new_err("regorus failed on this input"))?;
        let value = value.map_err(|error| self.failure(steps::taken() - before, &error))?;
        if let Ok(mut idle) = self.idle.lock() {
            *idle = Some(engine);
        }
        answer::json(&value)
    }

    /// What went wrong, without the engine's own words: they quote the values a rule was given.
    fn failure(&self, taken: u64, error: &anyhow::Error) -> PyErr {
        if taken > self.steps_max {
            return StepsExceeded::new_err(format!("stopped after {} steps", self.steps_max));
        }
        EvaluationError::new_err(failure::told(&error.to_string()))
    }
}
