# ruff: noqa: A002, PYI021 - the names are the native module's, and nothing else describes it.
"""The Rego engine regorus: JSON bytes in, JSON bytes out."""

from collections.abc import Sequence
from typing import Self

REGORUS_VERSION: str

class CompileError(Exception): ...
class EvaluationError(Exception): ...
class StepsExceeded(EvaluationError): ...
class Undefined(EvaluationError): ...

class Interpreter:
    """Rules with their data, where an error in a rule is an `EvaluationError`."""

    def __new__(
        cls,
        files: Sequence[tuple[str, str]],
        data: bytes,
        entrypoints: Sequence[str],
        steps_max: int,
    ) -> Self: ...
    def evaluate(self, entrypoint: str, input: bytes) -> bytes: ...

class Program:
    """Rules that cannot fail, compiled with their data: a rule that fails is undefined here.

    Calls from several threads take turns or a machine each.
    """

    def __new__(
        cls,
        files: Sequence[tuple[str, str]],
        data: bytes,
        entrypoints: Sequence[str],
        steps_max: int,
    ) -> Self: ...
    def evaluate(self, entrypoint: str, input: bytes) -> bytes: ...

class Coverage:
    """An interpreter that remembers the lines it ran."""

    def __new__(cls, files: Sequence[tuple[str, str]], data: bytes) -> Self: ...
    def evaluate(self, entrypoint: str, input: bytes) -> bytes: ...
    def report(self) -> bytes: ...
