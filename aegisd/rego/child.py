"""The child process that compiles and judges what may hang, swell or crash.

`shelter` runs it as `python -m aegisd.rego.child ENGINE`, with its end of a socket pair as standard
input. It is asked one thing at a time, and each answer is bounded: by processor time, which a busy
machine does not use up, and by memory. What goes past either ends the child and nobody else.
"""

import resource
import signal
import socket
import sys
from collections import OrderedDict
from pathlib import Path
from typing import BinaryIO

import msgspec
from msgspec import Struct

from aegisd.core.errors import EvaluatorFailed, PolicyInvalid
from aegisd.ports import Evaluator, Program

# Milliseconds of processor time to compile in. The base bundle takes 25; what takes a hundred times
# that hangs.
COMPILE_MS_MAX = 5_000

# Milliseconds of processor time for one evaluation: a thousand times what the base bundle takes.
EVALUATION_MS_MAX = 1_000

# Bytes of memory beside what the child begins with. A compiled bundle has 2 to 50 MB; rules that
# make text out of text reach any bound.
CHILD_BYTES_MAX = 1_073_741_824

# Bytes that the programs kept may have grown the child by: half of what it may have, so that there
# is room to judge. Past it, each new one takes the place of the one asked longest ago.
PROGRAMS_BYTES_MAX = 536_870_912

# Programs that have at least their place. With fewer, the memory is not theirs but what others left
# and an allocator keeps, and a new child is less to wait for than compiling at each call.
PROGRAMS_MIN = 8

# Bytes of the length before each message.
LENGTH_BYTES = 4


class Compile(Struct, frozen=True, tag=True):
    """Compile `bundle` with `manifest` and keep it under a name; under an empty one only try it."""

    program: bytes
    bundle: bytes
    manifest: bytes


class Evaluate(Struct, frozen=True, tag=True):
    """Judge a canonical policy input."""

    program: bytes
    policy_input: bytes


class Compiled(Struct, frozen=True, tag=True):
    """The program may be asked now."""


class Answer(Struct, frozen=True, tag=True):
    """What the program said."""

    output: bytes


class Failure(Struct, frozen=True, tag=True):
    """What the engine refused, in words that repeat no value."""

    message: str


class Unknown(Struct, frozen=True, tag=True):
    """No program has that name here: it was never compiled, or had to go."""


Question = Compile | Evaluate
Reply = Compiled | Answer | Failure | Unknown

# A reply, and the milliseconds of processor time that it took, to a few ticks of the system.
Told = tuple[Reply, float]


def written(message: Question | Told) -> bytes:
    """A message as bytes on the wire."""
    body = msgspec.msgpack.encode(message)
    return len(body).to_bytes(LENGTH_BYTES, "big") + body


class Programs:
    """Programs of one engine by their names, as many as `PROGRAMS_BYTES_MAX` has room for."""

    def __init__(self, evaluator: Evaluator) -> None:
        self._evaluator = evaluator
        self._programs: OrderedDict[bytes, Program] = OrderedDict()
        self._begun = resident()

    def answer(self, question: Question) -> Told:
        """The reply to one question. What the engine throws is a `Failure`."""
        milliseconds = EVALUATION_MS_MAX
        if isinstance(question, Compile):
            if question.program in self._programs:
                return Compiled(), 0
            self._make_room()
            milliseconds = COMPILE_MS_MAX
        # Nobody handles SIGPROF, so the bound ends the process, whatever native code is doing.
        signal.setitimer(signal.ITIMER_PROF, milliseconds / 1000)
        try:
            if isinstance(question, Compile):
                reply = self._compile(question)
            else:
                reply = self._evaluate(question)
        except (PolicyInvalid, EvaluatorFailed) as error:
            reply = Failure(error.message)
        left_s, _ = signal.setitimer(signal.ITIMER_PROF, 0)
        return reply, milliseconds - left_s * 1000

    def _compile(self, question: Compile) -> Reply:
        program = self._evaluator.compile(question.bundle, question.manifest)
        if question.program:
            self._programs[question.program] = program
        return Compiled()

    def _make_room(self) -> None:
        """For one program more; where leaving makes none, the process ends, and another begins."""
        grown = resident() - self._begun
        if grown <= PROGRAMS_BYTES_MAX:
            return
        if grown > CHILD_BYTES_MAX or len(self._programs) < PROGRAMS_MIN:
            raise SystemExit
        self._programs.popitem(last=False)

    def _evaluate(self, question: Evaluate) -> Reply:
        program = self._programs.get(question.program)
        if program is None:
            return Unknown()
        self._programs.move_to_end(question.program)
        return Answer(program.evaluate(question.policy_input))


def resident() -> int:
    """Bytes of memory this process has; where the system does not tell, the most it ever had."""
    told = Path("/proc/self/statm")
    if told.exists():
        return int(told.read_text().split()[1]) * resource.getpagesize()
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss


def main() -> None:
    """Serve the parent until it closes its end."""
    # Imported here: the parent needs the messages alone, and an engine is slow to load.
    from aegisd.rego.engines import choose  # noqa: PLC0415

    programs = Programs(choose(sys.argv[1]))
    _bound_memory()
    decode = msgspec.msgpack.Decoder(Question).decode
    with socket.socket(fileno=sys.stdin.fileno()) as parent, parent.makefile("rb") as questions:
        while body := _message(questions):
            parent.sendall(written(programs.answer(decode(body))))


def _message(stream: BinaryIO) -> bytes:
    """The next message; empty at the end of the stream."""
    length = stream.read(LENGTH_BYTES)
    return stream.read(int.from_bytes(length, "big"))


def _bound_memory() -> None:
    """Let an allocation past the bound fail, which ends the child; Linux alone tells what it has.

    regopy reserves its address space when it is loaded, so only the bound on time bounds it. Where
    memory runs out all the same, the kernel is told whom to end.
    """
    status, score = Path("/proc/self/status"), Path("/proc/self/oom_score_adj")
    if not status.exists():
        return
    reserved = int(status.read_text().partition("VmData:")[2].split()[0]) * 1024
    resource.setrlimit(resource.RLIMIT_DATA, (reserved + CHILD_BYTES_MAX, resource.RLIM_INFINITY))
    score.write_text("1000")


if __name__ == "__main__":
    main()
