//! The Rego engine regorus for Aegis: JSON bytes in, JSON bytes out, nothing of Python in between.
//!
//! Rules are interpreted, with steps counted, so that an evaluation ends at the same one wherever it
//! is repeated. Rules that cannot fail may run on regorus's virtual machine, which counts too and is
//! five times faster. No message of an error holds a value of the input or of the data.

mod answer;
mod builtins;
mod coverage;
mod failure;
mod interpreter;
mod program;
mod source;
mod steps;

use pyo3::create_exception;
use pyo3::exceptions::PyException;
use pyo3::prelude::*;

create_exception!(
    aegis_regorus,
    CompileError,
    PyException,
    "The policy does not compile; the message is regorus's own and names file, line and column."
);
create_exception!(
    aegis_regorus,
    EvaluationError,
    PyException,
    "No answer: a rule failed, the value is undefined, or it is not text and whole numbers."
);
create_exception!(
    aegis_regorus,
    Undefined,
    EvaluationError,
    "The rule has no value for this input."
);
create_exception!(
    aegis_regorus,
    StepsExceeded,
    EvaluationError,
    "The evaluation was stopped at its bound of steps."
);

#[pymodule]
fn aegis_regorus(module: &Bound<'_, PyModule>) -> PyResult<()> {
    // A panic becomes an error below; its text on standard error could quote what a rule was given.
    std::panic::set_hook(Box::new(|_| {}));
    module.add("REGORUS_VERSION", "0.11.0")?;
    module.add("CompileError", module.py().get_type::<CompileError>())?;
    module.add("EvaluationError", module.py().get_type::<EvaluationError>())?;
    module.add("Undefined", module.py().get_type::<Undefined>())?;
    module.add("StepsExceeded", module.py().get_type::<StepsExceeded>())?;
    steps::install();
    module.add_class::<interpreter::Interpreter>()?;
    module.add_class::<program::Program>()?;
    module.add_class::<coverage::Coverage>()?;
    Ok(())
}
