//! A bundle compiled once and asked any number of times.

use std::panic::{catch_unwind, AssertUnwindSafe};
use std::sync::{Arc, Mutex};

use pyo3::prelude::*;
use pyo3::types::PyBytes;
use regorus::languages::rego::compiler::Compiler;
use regorus::rvm::program::Program as Code;
use regorus::rvm::vm::{RegoVM, VmError};
use regorus::{CompiledPolicy, Engine, Value};

use crate::{answer, source, CompileError, EvaluationError, StepsExceeded};

/// Bytes of input from which other Python threads may run meanwhile. Below it an evaluation is
/// shorter than the wait to get the interpreter back.
const DETACH_BYTES: usize = 4096;

/// Compiled rules with their data. Calls from several threads take turns.
///
/// In this machine an error inside a rule is no error: the rule is undefined, as if its body did not
/// hold. So it is for rules that prove what is fine and cannot fail; `Interpreter` is for all others.
#[pyclass(frozen)]
pub struct Program {
    code: Arc<Code>,
    policy: CompiledPolicy,
    data: Value,
    steps_max: usize,
    machine: Mutex<Option<RegoVM>>,
}

#[pymethods]
impl Program {
    /// Compile `files` [(path, source)] with `data` (JSON of an object) for rules `data.a.b`.
    ///
    /// An evaluation ends after `steps_max` instructions. Raises `CompileError`.
    #[new]
    fn new(
        py: Python<'_>,
        files: Vec<(String, String)>,
        data: &[u8],
        entrypoints: Vec<String>,
        steps_max: usize,
    ) -> PyResult<Self> {
        py.detach(|| {
            unwound(|| {
                let mut engine = source::read(files, data)?;
                let (policy, code) = compile(&mut engine, &entrypoints)?;
                let program = Self {
                    code,
                    policy,
                    data: engine.get_data(),
                    steps_max,
                    machine: Mutex::new(None),
                };
                let machine = program.machine()?;
                program.keep(machine);
                Ok(program)
            })
            .unwrap_or_else(|| Err(CompileError::new_err("regorus failed on this policy")))
        })
    }

    /// The value of a rule for an input, both as JSON bytes. Raises `EvaluationError`.
    fn evaluate<'py>(
        &self,
        py: Python<'py>,
        entrypoint: &str,
        input: &[u8],
    ) -> PyResult<Bound<'py, PyBytes>> {
        let told = if input.len() < DETACH_BYTES {
            self.run(entrypoint, input)
        } else {
            py.detach(|| self.run(entrypoint, input))
        }?;
        Ok(PyBytes::new(py, &told))
    }
}

impl Program {
    fn run(&self, entrypoint: &str, input: &[u8]) -> PyResult<Vec<u8>> {
        let input = source::value(input)
            .ok_or_else(|| EvaluationError::new_err("expected JSON, found another input"))?;
        let mut machine = match self.taken() {
            Some(machine) => machine,
            None => self.machine()?,
        };
        // What panicked is dropped here, and the next question gets a machine of its own.
        let told = unwound(|| {
            machine.set_input(input);
            let value = machine.execute_entry_point_by_name(entrypoint);
            machine.set_input(Value::Undefined);
            (machine, value)
        });
        let (machine, value) =
            told.ok_or_else(|| EvaluationError::new_err("regorus failed on this input"))?;
        self.keep(machine);
        answer::json(&value.map_err(|error| failure(&error))?)
    }

    fn machine(&self) -> PyResult<RegoVM> {
        let mut machine = RegoVM::new_with_policy(self.policy.clone());
        machine.load_program(self.code.clone());
        machine.set_strict_builtin_errors(true);
        machine.set_max_instructions(self.steps_max);
        machine
            .set_data(self.data.clone())
            .map_err(|_| CompileError::new_err("a rule and the data have the same name"))?;
        Ok(machine)
    }

    /// The idle machine, where no other thread has it.
    fn taken(&self) -> Option<RegoVM> {
        self.machine.lock().ok()?.take()
    }

    fn keep(&self, machine: RegoVM) {
        if let Ok(mut idle) = self.machine.lock() {
            *idle = Some(machine);
        }
    }
}

fn compile(engine: &mut Engine, entrypoints: &[String]) -> PyResult<(CompiledPolicy, Arc<Code>)> {
    let first = entrypoints
        .first()
        .ok_or_else(|| CompileError::new_err("expected an entry point, found none"))?;
    let policy = engine
        .compile_with_entrypoint(&first.as_str().into())
        .map_err(|error| CompileError::new_err(error.to_string()))?;
    let names: Vec<&str> = entrypoints.iter().map(String::as_str).collect();
    let code = Compiler::compile_from_policy(&policy, &names)
        .map_err(|error| CompileError::new_err(error.to_string()))?;
    Ok((policy, code))
}

/// What went wrong, without the engine's own words: they quote the values a rule was given.
fn failure(error: &VmError) -> PyErr {
    match error {
        VmError::InstructionLimitExceeded { limit, .. } => {
            StepsExceeded::new_err(format!("stopped after {limit} steps"))
        }
        _ => EvaluationError::new_err("a rule failed: a built-in was given what it does not take"),
    }
}

/// What `work` gives; `None` where it panicked.
fn unwound<T>(work: impl FnOnce() -> T) -> Option<T> {
    catch_unwind(AssertUnwindSafe(work)).ok()
}
