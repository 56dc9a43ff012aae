"""What the child answers, and how it ends itself, without a parent beside it."""

import signal
import socket
import subprocess
import sys

import pytest
from msgspec import msgpack

from aegisd.core.errors import EvaluatorFailed, PolicyInvalid
from aegisd.ports import Program
from aegisd.rego import child
from aegisd.rego.child import Answer, Compile, Compiled, Evaluate, Failure, Programs, Unknown
from tests.patience import PATIENCE_S


class Echo:
    """An engine whose programs say their manifest, or refuse."""

    name, version, bounded, prompt = "echo", "1", True, True

    def __init__(self, manifest: bytes = b"") -> None:
        self._manifest = manifest

    def compile(self, bundle: bytes, manifest: bytes) -> Program:
        """A program, unless the bundle is empty."""
        if not bundle:
            raise PolicyInvalid("empty")
        return Echo(manifest)

    def evaluate(self, policy_input: bytes) -> bytes:
        """The manifest, unless there is no input."""
        if not policy_input:
            raise EvaluatorFailed("nothing")
        return self._manifest


def test_a_program_is_asked_by_its_number_and_what_is_refused_is_said() -> None:
    programs = Programs(Echo())
    assert programs.answer(Evaluate(1, b"in")) == Unknown()
    assert programs.answer(Compile(1, b"", b"m1")) == Failure("empty")
    assert programs.answer(Compile(1, b"b", b"m1")) == Compiled()
    assert programs.answer(Compile(2, b"b", b"m2")) == Compiled()
    assert programs.answer(Evaluate(2, b"in")) == Answer(b"m2")
    assert programs.answer(Evaluate(1, b"in")) == Answer(b"m1")
    assert programs.answer(Evaluate(1, b"")) == Failure("nothing")
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)


def test_the_program_asked_longest_ago_goes_first(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "PROGRAMS_MAX", 2)
    programs = Programs(Echo())
    for number in (1, 2):
        programs.answer(Compile(number, b"b", b"m"))
    programs.answer(Evaluate(1, b"in"))
    programs.answer(Compile(3, b"b", b"m"))
    asked = [programs.answer(Evaluate(number, b"in")) for number in (1, 2, 3)]
    assert asked == [Answer(b"m"), Unknown(), Answer(b"m")]


@pytest.mark.parametrize(
    ("question", "bound"),
    [(Compile(1, b"b", b"m"), "COMPILE_MS_MAX"), (Evaluate(1, b"in"), "EVALUATION_MS_MAX")],
)
def test_what_takes_a_processor_too_long_ends_the_process(
    question: Compile | Evaluate, bound: str
) -> None:
    spins = (
        "from aegisd.rego import child; from tests.rego.test_child import Echo; "
        f"child.{bound} = 100; programs = child.Programs(Echo()); "
        "programs.answer(child.Compile(1, b'b', b'm')); "
        "Echo.compile = Echo.evaluate = lambda *_: exec('while True: pass'); "
        f"programs.answer(child.{question!r})"
    )
    ended = subprocess.run([sys.executable, "-c", spins], check=False, timeout=PATIENCE_S)
    assert ended.returncode == -signal.SIGPROF


def test_it_ends_when_its_parent_does() -> None:
    ours, theirs = socket.socketpair()
    with ours, theirs:
        served = subprocess.Popen(
            [sys.executable, "-m", "aegisd.rego.child", "regopy"], stdin=theirs.fileno()
        )
        ours.sendall(child.written(Evaluate(7, b"{}")))
        told = ours.recv(1024)
        assert msgpack.decode(told[child.LENGTH_BYTES :], type=child.Reply) == Unknown()
        theirs.close()
        ours.shutdown(socket.SHUT_RDWR)
        assert served.wait(PATIENCE_S) == 0
