"""The `Evaluator` port on regorus, through the native module `aegis_regorus`.

Canonical bytes go in as they are and the answer's bytes come out: nothing of Python is walked.
Every evaluation ends after a number of steps, so the same input ends the same way in a replay.

regorus has an interpreter and a virtual machine, which is five times faster and not to be trusted
with a no: an error inside a rule only makes the rule undefined there, and so does a loop in an
`else`. So the interpreter judges. The machine may only prove that the base rules have nothing to
say, which is a rule that cannot fail, and is asked where operators' rules say nothing either.
"""

from collections.abc import Mapping
from functools import lru_cache

import aegis_regorus

from aegisd.core.errors import PolicyInvalid, RuleFailed
from aegisd.core.policy.release import OPERATOR_PREFIX
from aegisd.core.policy.verdict import EVALUATION_STEPS_MAX
from aegisd.rego import recursion
from aegisd.rego.bundle import decode
from aegisd.rego.check import CHECKED_MAX, check
from aegisd.rego.complaint import explain
from aegisd.rego.failing import Failing
from aegisd.rego.module import read

ENTRYPOINT = "data.aegis.decision.result"

# The answer where everything is fine; undefined elsewhere.
CLEAR = "data.aegis.decision.clear"

# True where no operator's rule says anything.
SILENT = "data.aegis.operator.silent"


class RegorusProgram:
    """One bundle compiled with one manifest.

    `prover` is the base rules alone, None where they are too old to have `CLEAR`; `spoken` tells
    that the bundle has operators' rules.
    """

    def __init__(
        self,
        whole: aegis_regorus.Interpreter,
        prover: aegis_regorus.Program | None,
        *,
        spoken: bool,
        failing: Failing,
    ) -> None:
        self._whole, self._prover, self._spoken = whole, prover, spoken
        self._failing = failing
        # One step of an operator's rule may be as long as the text that it makes.
        self.prompt = not spoken

    def evaluate(self, policy_input: bytes) -> bytes:
        """Judge a canonical policy input. Raises `EvaluatorFailed`; no answer is partial."""
        try:
            if self._prover is not None and not (self._spoken and self._speaks(policy_input)):
                try:
                    return self._prover.evaluate(CLEAR, policy_input)
                except aegis_regorus.EvaluationError:
                    pass  # No proof. What there is to say is the interpreter's.
            return self._whole.evaluate(ENTRYPOINT, policy_input)
        except (aegis_regorus.StepsExceeded, aegis_regorus.Undefined) as error:
            raise RuleFailed(str(error)) from None
        except aegis_regorus.EvaluationError as error:
            why = str(error)
            if self._spoken:
                why = self._failing.named(why, policy_input)
            raise RuleFailed(why) from None

    def _speaks(self, policy_input: bytes) -> bool:
        """Whether an operator's rule says something. Raises where one of them fails."""
        try:
            return self._whole.evaluate(SILENT, policy_input) != b"true"
        except aegis_regorus.Undefined:
            return True


class RegorusEvaluator:
    """regorus. Its version is part of every decision's record."""

    bounded = True

    def __init__(self) -> None:
        self.name = "regorus"
        self.version = aegis_regorus.REGORUS_VERSION

    def compile(self, bundle: bytes, manifest: bytes) -> RegorusProgram:
        """Check and compile. Raises `PolicyInvalid`, naming file and line where there is one."""
        files = _checked(bundle)
        data = b'{"manifest":' + manifest + b"}"
        base = {path: text for path, text in files.items() if not path.startswith(OPERATOR_PREFIX)}
        spoken = len(base) < len(files)
        entrypoints = [ENTRYPOINT, SILENT] if spoken else [ENTRYPOINT]
        whole = program(files, data, entrypoints)
        failing = Failing(self.name, files, data)
        return RegorusProgram(whole, _prover(base, data), spoken=spoken, failing=failing)


@lru_cache(CHECKED_MAX)
def _checked(bundle: bytes) -> Mapping[str, str]:
    """The files of a bundle that may be compiled. Raises `PolicyInvalid`."""
    files = decode(bundle)
    check(files)
    # Bundles of old logs were not held to it, and this engine dies of recursion.
    recursion.check([read(path, files[path]) for path in sorted(files)])
    return files


def program(
    files: Mapping[str, str], data: bytes, entrypoints: list[str]
) -> aegis_regorus.Interpreter:
    """Any rules, `files` by path with `data` (JSON of an object). Raises `PolicyInvalid`."""
    sources = list(files.items())
    try:
        return aegis_regorus.Interpreter(sources, data, entrypoints, EVALUATION_STEPS_MAX)
    except aegis_regorus.CompileError as error:
        raise PolicyInvalid(explain(str(error))) from None


def _prover(base: Mapping[str, str], data: bytes) -> aegis_regorus.Program | None:
    """The base rules for the machine; None for those of an old log, which have no `CLEAR`."""
    try:
        return aegis_regorus.Program(list(base.items()), data, [CLEAR], EVALUATION_STEPS_MAX)
    except aegis_regorus.CompileError:
        return None
