"""The child process that a policy is compiled in first."""

import signal
import subprocess

import pytest

from aegisd.core.errors import PolicyInvalid
from aegisd.rego import probe
from tests.rego.evaluators import ENGINES, require

ENTRYPOINTS = {"regopy": "aegis/a/result", "regorus": "data.aegis.a.result"}


def ask(engine: str, source: str) -> None:
    """Try one file, whose package is `aegis.a`."""
    require(engine)
    probe.survive(engine, {"rules/a.rego": source}, ENTRYPOINTS[engine])


def source(body: str) -> str:
    """A file of the package that is asked."""
    return f"package aegis.a\n\nimport rego.v1\n\n{body}\n"


@pytest.mark.parametrize("engine", ENGINES)
def test_what_compiles_passes(engine: str) -> None:
    ask(engine, source("result := 1"))


@pytest.mark.parametrize("engine", ENGINES)
def test_what_does_not_compile_is_refused_with_its_file_and_line(engine: str) -> None:
    with pytest.raises(PolicyInvalid, match=r"^rules/a\.rego:5: "):
        ask(engine, source("result := := 1"))


@pytest.mark.parametrize("engine", ENGINES)
def test_a_policy_that_a_child_lived_through_is_not_tried_again(
    engine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ask(engine, source("result := 2"))
    monkeypatch.setattr(subprocess, "run", refuse)
    ask(engine, source("result := 2"))
    with pytest.raises(PolicyInvalid, match="no process"):
        ask(engine, source("result := 3"))


def test_a_child_that_could_not_start_is_no_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as patched:
        patched.setattr(subprocess, "run", refuse)
        with pytest.raises(PolicyInvalid, match="no process"):
            ask("regopy", source("result := 4"))
    ask("regopy", source("result := 4"))


def refuse(*_: object, **__: object) -> None:
    """No process may start here."""
    raise OSError(11, "none left")


def test_a_policy_that_takes_a_processor_too_long_is_told_from_a_machine_that_is_busy(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    killed = subprocess.CompletedProcess[bytes]([], -signal.SIGXCPU, b"", b"")
    monkeypatch.setattr(subprocess, "run", lambda *_, **__: killed)
    with pytest.raises(PolicyInvalid, match="COMPILE_MS_MAX"):
        ask("regopy", source("result := 5"))
    monkeypatch.setattr(subprocess, "run", late)
    with pytest.raises(PolicyInvalid, match="COMPILE_WAIT_MS_MAX"):
        ask("regopy", source("result := 6"))


def late(*_: object, **__: object) -> None:
    """A child that has not ended by now."""
    raise subprocess.TimeoutExpired([], 1)
