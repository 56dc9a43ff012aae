"""The `Evaluator` port on rego-cpp, through the wheel called regopy.

Strings inside this engine are JSON escape sequences. Comparing whole strings is right; looking
inside them is not, so a program whose rules do that fails on an input with escapes, and says so.
The engine is given what some rule reads: an escape in a field no rule names disturbs nobody.
"""

from collections.abc import Mapping
from functools import lru_cache

import regopy

from aegisd.core.errors import EvaluatorFailed, PolicyInvalid, RuleFailed
from aegisd.rego.bundle import decode
from aegisd.rego.check import CHECKED_MAX, Facts, check, project
from aegisd.rego.failing import Failing
from aegisd.rego.machine import Machine

ENTRYPOINT = "aegis/decision/result"


class RegopyProgram:
    """One bundle compiled with one manifest. Used by one thread at a time."""

    prompt = False

    def __init__(self, machine: Machine, facts: Facts, failing: Failing) -> None:
        self._machine, self._facts, self._failing = machine, facts, failing

    def evaluate(self, policy_input: bytes) -> bytes:
        """Judge a canonical policy input. Raises `EvaluatorFailed`; no answer is partial."""
        visible = project(policy_input, self._facts.reads)
        if self._facts.plain_text and b"\\" in visible:
            raise RuleFailed(
                f"{self._facts.plain_text}: this engine cannot look inside text with quotation "
                "marks, backslashes or line breaks; compare whole strings, or use regorus"
            )
        try:
            return self._machine.ask(ENTRYPOINT, visible)
        except EvaluatorFailed as error:
            raise RuleFailed(self._failing.named(error.message, visible)) from None


class RegopyEvaluator:
    """rego-cpp. Its version is part of every decision's record."""

    bounded = False

    def __init__(self) -> None:
        self.name = "regopy"
        self.version = str(regopy.__version__)

    def compile(self, bundle: bytes, manifest: bytes) -> RegopyProgram:
        """Check and compile. Raises `PolicyInvalid`, naming file and line where there is one."""
        files, facts = _checked(bundle)
        data = b'{"manifest":' + manifest + b"}"
        if facts.plain_text and b"\\" in manifest:
            raise PolicyInvalid(
                f"{facts.plain_text} looks inside text, which this engine cannot do with "
                "quotation marks, backslashes or line breaks; take them out of the manifest"
            )
        failing = Failing(self.name, files, data)
        return RegopyProgram(Machine(files, data, [ENTRYPOINT]), facts, failing)


@lru_cache(CHECKED_MAX)
def _checked(bundle: bytes) -> tuple[Mapping[str, str], Facts]:
    """The files of a bundle that may be compiled, and their facts. Raises `PolicyInvalid`."""
    files = decode(bundle)
    return files, check(files)
