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


def test_a_program_is_asked_by_its_name_and_what_is_refused_is_said() -> None:
    programs = Programs(Echo())
    for question, reply in (
        (Evaluate(b"1", b"in"), Unknown()),
        (Compile(b"1", b"", b"m1"), Failure("empty")),
        (Compile(b"1", b"b", b"m1"), Compiled()),
        (Compile(b"2", b"b", b"m2"), Compiled()),
        # What is known is not compiled again: an empty bundle would be refused.
        (Compile(b"2", b"", b"m"), Compiled()),
        (Compile(b"", b"b", b"m3"), Compiled()),
        (Evaluate(b"2", b"in"), Answer(b"m2")),
        (Evaluate(b"1", b"in"), Answer(b"m1")),
        (Evaluate(b"1", b""), Failure("nothing")),
        # What is only tried is not kept.
        (Evaluate(b"", b"in"), Unknown()),
    ):
        told, used_ms = programs.answer(question)
        assert told == reply
        # To a few ticks of the system's clock.
        assert abs(used_ms) < child.EVALUATION_MS_MAX / 2
    assert signal.getitimer(signal.ITIMER_PROF) == (0.0, 0.0)


def test_past_the_bytes_for_programs_the_one_asked_longest_ago_makes_room(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    has = [0]
    monkeypatch.setattr(child, "resident", lambda: has[0])
    programs, few = Programs(Echo()), Programs(Echo())
    names = [bytes([n]) for n in range(1, child.PROGRAMS_MIN + 2)]

    def kept(name: bytes) -> bool:
        return isinstance(programs.answer(Evaluate(name, b"in"))[0], Answer)

    has[0] = child.PROGRAMS_BYTES_MAX
    for name in names:
        programs.answer(Compile(name, b"b", b"m"))
    assert kept(names[0])
    has[0] += 1
    programs.answer(Compile(b"new", b"b", b"m"))
    assert [kept(name) for name in (*names, b"new")] == [name != names[1] for name in (*names, 0)]
    # Where hardly anybody could leave, and where leaving does not help, a new process does.
    with pytest.raises(SystemExit):
        few.answer(Compile(b"1", b"b", b"m"))
    has[0] = child.CHILD_BYTES_MAX + 1
    with pytest.raises(SystemExit):
        programs.answer(Compile(b"newer", b"b", b"m"))


@pytest.mark.parametrize(
    ("question", "bound"),
    [(Compile(b"2", b"b", b"m"), "COMPILE_MS_MAX"), (Evaluate(b"1", b"in"), "EVALUATION_MS_MAX")],
)
def test_what_takes_a_processor_too_long_ends_the_process(
    question: Compile | Evaluate, bound: str
) -> None:
    spins = (
        "from aegisd.rego import child; from tests.rego.test_child import Echo; "
        f"child.{bound} = 100; programs = child.Programs(Echo()); "
        "programs.answer(child.Compile(b'1', b'b', b'm')); "
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
        ours.sendall(child.written(Evaluate(b"7", b"{}")))
        told = ours.recv(1024)
        assert msgpack.decode(told[child.LENGTH_BYTES :], type=child.Told)[0] == Unknown()
        theirs.close()
        ours.shutdown(socket.SHUT_RDWR)
        assert served.wait(PATIENCE_S) == 0
