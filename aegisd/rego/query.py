"""Rules of which any one can be asked, on either engine: what tests and coverage stand on.

The gate asks one rule of checked bundles, through the port `Evaluator`. Tests ask many.
"""

from collections.abc import Callable, Mapping, Sequence

from aegisd.core.errors import ConfigInvalid, EvaluatorFailed
from aegisd.rego.engines import CHOICES, choose, installed

BOTH = "both"

# What `--engine` takes where two opinions can be had.
OPINIONS: tuple[str, ...] = (*CHOICES, BOTH)


# Asks a rule such as `data.a.b` for an input: the value of the one for the other, as JSON bytes.
# Raises `EvaluatorFailed` on an error and on an undefined value.
Query = Callable[[str, bytes], bytes]


def engines(opinion: str) -> tuple[str, ...]:
    """The engines that `auto`, `regorus`, `regopy` or `both` means here, by name.

    Raises `ConfigInvalid` for one that is not installed.
    """
    if opinion == BOTH:
        return tuple(choose(name).name for name in ("regorus", "regopy"))
    if opinion == "auto":
        return installed()[:1]
    return (choose(opinion).name,)


def compiled(engine: str, files: Mapping[str, str], data: bytes, rules: Sequence[str]) -> Query:
    """Compile `files` (path to source) with `data` (JSON of an object) for `rules`.

    Raises `PolicyInvalid`, naming file and line where the engine does. Not checked before: a test
    may name what a bundle may not.
    """
    if engine == "regorus":
        return _regorus(files, data, rules)
    if engine == "regopy":
        return _regopy(files, data, rules)
    raise ConfigInvalid(f"expected the engine regorus or regopy, found {engine!r}")


def _regorus(files: Mapping[str, str], data: bytes, rules: Sequence[str]) -> Query:
    # A wheel without the native module has no such engine, and must import this file.
    from aegis_regorus import EvaluationError  # noqa: PLC0415

    from aegisd.rego.regorus_engine import program  # noqa: PLC0415

    compiled = program(files, data, list(rules))

    def query(rule: str, document: bytes) -> bytes:
        try:
            return compiled.evaluate(rule, document)
        except EvaluationError as error:
            raise EvaluatorFailed(str(error)) from None

    return query


def _regopy(files: Mapping[str, str], data: bytes, rules: Sequence[str]) -> Query:
    # Loading rego-cpp takes a tenth of a second, which only those who use it shall wait.
    from aegisd.rego.machine import Machine  # noqa: PLC0415

    machine = Machine(files, data, [_path(rule) for rule in rules])
    return lambda rule, document: machine.ask(_path(rule), document)


def _path(rule: str) -> str:
    """How rego-cpp names `data.a.b`: `a/b`."""
    return rule.removeprefix("data.").replace(".", "/")
