"""An engine in a child process that can be ended: what hangs, swells or crashes there is denied.

Rules that are not those of this build are compiled and judged there, and all rules where the engine
does not count its steps. The daemon and everybody else's rules go on.
"""

import itertools
import os
import signal
import socket
import subprocess
import sys
import time
import weakref
from threading import Lock

import msgspec

from aegisd.core.errors import EvaluatorFailed, EvaluatorStuck, PolicyInvalid
from aegisd.ports import Evaluator
from aegisd.rego.child import (
    LENGTH_BYTES,
    Answer,
    Compile,
    Evaluate,
    Failure,
    Question,
    Reply,
    Unknown,
    written,
)

# Milliseconds to wait for an answer. The bounds in the child are of its processor time and end it
# before; this one is for a child that gets none, on a machine that does much else.
CHILD_WAIT_MS_MAX = 10_000

# Milliseconds that a bundle is not asked after it ended the child: ten times what it may take, so
# that others are judged in between.
REST_MS = 10_000

_decode = msgspec.msgpack.Decoder(Reply).decode


class Shelter:
    """`ports.Evaluator` with its programs in a child, which begins with the first of them."""

    bounded = True

    def __init__(self, evaluator: Evaluator) -> None:
        self.name, self.version = evaluator.name, evaluator.version
        self._child: Child | None = None
        self._numbers = itertools.count()
        # When a bundle may be asked again, on the monotonic clock.
        self._resting: dict[bytes, float] = {}
        # One question at a time; whoever compiles may be on another thread than who judges.
        self._turn = Lock()

    def compile(self, bundle: bytes, manifest: bytes) -> "Sheltered":
        """Compile in the child. Raises `PolicyInvalid`, also where the child did not survive it."""
        source = Compile(next(self._numbers), bundle, manifest)
        with self._turn:
            self._compile(source)
        return Sheltered(self, source)

    def evaluate(self, source: Compile, policy_input: bytes) -> bytes:
        """Judge by a program, compiled again where the child lost it.

        Raises `EvaluatorStuck` past a bound of time and while the bundle rests, and otherwise
        `EvaluatorFailed`.
        """
        question = Evaluate(source.program, policy_input)
        with self._turn:
            reply = self._ask(question, source.bundle)
            if isinstance(reply, Unknown):
                self._compile(source)
                reply = self._ask(question, source.bundle)
        if isinstance(reply, Answer):
            return reply.output
        raise EvaluatorFailed(reply.message if isinstance(reply, Failure) else "no answer")

    def _compile(self, source: Compile) -> None:
        try:
            reply = self._ask(source, source.bundle)
        except EvaluatorFailed as error:
            raise PolicyInvalid(f"the policy does not compile: {error.message}") from None
        if isinstance(reply, Failure):
            raise PolicyInvalid(reply.message)

    def _ask(self, question: Question, bundle: bytes) -> Reply:
        if self._resting.get(bundle, 0) > time.monotonic():
            raise EvaluatorStuck(
                f"these rules ended their process less than REST_MS = {REST_MS} ms ago"
            )
        if self._child is None or not self._child.lives():
            self._child = Child(self.name)
        try:
            return self._child.ask(question)
        except EvaluatorFailed:
            self._child = None
            self._rest(bundle)
            raise

    def _rest(self, bundle: bytes) -> None:
        now_s = time.monotonic()
        self._resting = {each: until for each, until in self._resting.items() if until > now_s}
        self._resting[bundle] = now_s + REST_MS / 1000


class Sheltered:
    """`ports.Program` in a child: short enough to wait for, and too long for the event loop."""

    prompt = False

    def __init__(self, shelter: Shelter, source: Compile) -> None:
        self._shelter, self._source = shelter, source

    def evaluate(self, policy_input: bytes) -> bytes:
        """Judge a canonical policy input. Raises as `Shelter.evaluate`."""
        return self._shelter.evaluate(self._source, policy_input)


class Child:
    """One process, which ends with this object. Who gets an error from it asks it nothing more."""

    def __init__(self, engine: str) -> None:
        """Start it. Raises `EvaluatorFailed` where the machine has no process left."""
        self._socket, theirs = socket.socketpair()
        self._socket.settimeout(CHILD_WAIT_MS_MAX / 1000)
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the name is one of `engines`
                [sys.executable, "-P", "-m", "aegisd.rego.child", engine],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                # A native library that dies may quote what it was given.
                stderr=subprocess.DEVNULL,
                # The child imports what this process imports, and nothing from where it began.
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                # An interrupt at the terminal is for the parent, which may have calls to answer.
                start_new_session=True,
            )
        except OSError as error:
            self._socket.close()
            raise EvaluatorFailed(f"no process for the engine: {error.strerror}") from None
        finally:
            theirs.close()
        self._end = weakref.finalize(self, _end, os.getpid(), self._socket, self._process)

    def lives(self) -> bool:
        """Whether it can be asked. What ended it in between is nobody's question."""
        return self._process.poll() is None

    def ask(self, question: Question) -> Reply:
        """The reply. Raises `EvaluatorStuck` past a bound of time, else `EvaluatorFailed`."""
        try:
            self._socket.sendall(written(question))
            length = int.from_bytes(self._read(LENGTH_BYTES), "big")
            reply: Reply = _decode(self._read(length))
        except TimeoutError:
            self._end()
            raise EvaluatorStuck(
                f"no answer within CHILD_WAIT_MS_MAX = {CHILD_WAIT_MS_MAX} ms"
            ) from None
        except (OSError, EOFError, msgspec.MsgspecError):
            self._end()
            raise _cause(self._process.returncode, question) from None
        return reply

    def _read(self, size: int) -> bytes:
        """So many bytes. Raises `EOFError` where the child ends before."""
        read = bytearray()
        while len(read) < size:
            piece = self._socket.recv(size - len(read))
            if not piece:
                raise EOFError
            read += piece
        return bytes(read)


def _end(parent: int, connection: socket.socket, process: "subprocess.Popen[bytes]") -> None:
    """End a child, whatever it does, and leave nothing of it. One that died keeps its status.

    A forked process has the object too, and the child is still its parent's.
    """
    connection.close()
    if os.getpid() != parent:
        return
    process.kill()
    process.wait()


def _cause(status: int, question: Question) -> EvaluatorFailed:
    """What a child died of."""
    if status == -signal.SIGPROF:
        bound = "COMPILE_MS_MAX" if isinstance(question, Compile) else "EVALUATION_MS_MAX"
        return EvaluatorStuck(f"it takes more than {bound} of a processor")
    return EvaluatorFailed(f"the engine dies of it (exit status {status})")
