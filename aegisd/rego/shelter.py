"""An engine in child processes that can be ended: what hangs, swells or crashes there is denied.

Rules that are not those of this build are judged there, and all rules where the engine does not
count its steps. The daemon and everybody else's rules go on. What is only tried, before it comes
into force, is compiled in a child of its own, so that no decision waits for it.
"""

import hashlib
import logging
import os
import signal
import socket
import subprocess
import sys
import time
import weakref
from collections.abc import Callable
from functools import partial
from pathlib import Path
from threading import Event, Lock
from typing import TypeVar

import msgspec

from aegisd.core.errors import Busy, EvaluatorFailed, EvaluatorStuck, PolicyInvalid, RuleFailed
from aegisd.ports import Evaluator
from aegisd.rego.child import (
    EVALUATION_MS_MAX,
    LENGTH_BYTES,
    Answer,
    Compile,
    Evaluate,
    Failure,
    Question,
    Reply,
    Told,
    Unknown,
    written,
)
from aegisd.rego.share import SHARE_MS_MAX, Shares

# Milliseconds to wait for a child that neither runs nor could. The bounds in the child are of its
# processor time, and end one that runs.
CHILD_WAIT_MS_MAX = 10_000

# Milliseconds between two looks at what a child that does not answer is doing.
LOOK_MS = 250

# Bytes of an answer read at once; most have some hundred.
PIECE_BYTES = 65_536

# Milliseconds that a tenant's bundle is not asked after it ended the child: ten times what it may
# take, so that others are judged in between.
REST_MS = 10_000

# Who asks where it is no tenant: who tries, checks and replays.
NOBODY = ""

# States of a process in proc(5): one that runs or waits for a processor, and those that are held.
RUNS, STOPPED = "R", ("T", "t")

T = TypeVar("T")

_logger = logging.getLogger("aegisd.rego")

_decode = msgspec.msgpack.Decoder(Told).decode


class Shelter:
    """`ports.Evaluator` with its programs in a child, which begins with the first of them."""

    bounded = True

    def __init__(self, evaluator: Evaluator) -> None:
        self.name, self.version = evaluator.name, evaluator.version
        self._judging, self._trying = Lane(self.name), Lane(self.name)

    def begin(self) -> None:
        """Begin the child that judges, for who soon asks and has something else to do till then.

        Raises `EvaluatorFailed`.
        """
        self._judging.begin()

    def attempt(self, bundle: bytes, manifest: bytes, tenant_id: str) -> None:
        """Find out whether they compile, without a wait for who judges.

        Raises `PolicyInvalid`, also where the child does not survive it, and `Busy` where the
        tenant has used its share.
        """
        rest_ms = self._trying.shares.rest_ms(tenant_id)
        if rest_ms:
            raise Busy(_rests(tenant_id, rest_ms))
        self._trying.compile(Compile(b"", bundle, manifest), tenant_id)

    def compile(self, bundle: bytes, manifest: bytes, tenant_id: str = NOBODY) -> "Sheltered":
        """Compile to judge by. Raises `PolicyInvalid`."""
        name = hashlib.sha256(len(bundle).to_bytes(8, "big") + bundle + manifest).digest()
        source = Compile(name, bundle, manifest)
        self._judging.compile(source, tenant_id)
        return Sheltered(self._judging, source, tenant_id)

    def close(self) -> None:
        """End the children. Whoever asks from then on is told that nobody judges any more."""
        self._judging.close()
        self._trying.close()


class Sheltered:
    """`ports.Program` in a child: short enough to wait for, and too long for the event loop."""

    __slots__ = ("_lane", "_source", "_tenant_id")

    prompt = False

    def __init__(self, lane: "Lane", source: Compile, tenant_id: str) -> None:
        self._lane, self._source, self._tenant_id = lane, source, tenant_id

    @property
    def name(self) -> bytes:
        """A digest of the bundle and the manifest."""
        return self._source.program

    def of(self, tenant_id: str) -> "Sheltered":
        """The same, asked for a tenant."""
        return Sheltered(self._lane, self._source, tenant_id)

    def refuse(self) -> None:
        """Raise `EvaluatorStuck` while the bundle or the tenant rests."""
        with self._lane.turn:
            self._lane.refuse(self._source.bundle, self._tenant_id)

    def evaluate(self, policy_input: bytes) -> bytes:
        """Judge a canonical policy input.

        Raises `EvaluatorStuck` past a bound of time, and while the bundle or the tenant rests, and
        otherwise `EvaluatorFailed`.
        """
        question = Evaluate(self._source.program, policy_input)
        reply = self._lane.reply(question, self._source, self._tenant_id)
        if isinstance(reply, Answer):
            return reply.output
        if isinstance(reply, Failure):
            raise RuleFailed(reply.message)
        raise EvaluatorFailed("no answer")


class Lane:
    """One child after the other, each asked one thing at a time, and what tenants used of them."""

    def __init__(self, engine: str) -> None:
        self._engine = engine
        self._child: Child | None = None
        self._closed = Event()
        # Whoever asks may be on any thread.
        self.turn = Lock()
        self.shares = Shares()
        # When a tenant's bundle may be asked again, on the monotonic clock.
        self._resting: dict[tuple[str, bytes], float] = {}

    def compile(self, source: Compile, tenant_id: str) -> None:
        """Compile. Raises `PolicyInvalid` for what does not, and for who rests."""
        try:
            reply = self.reply(source, source, tenant_id)
        except EvaluatorFailed as error:
            raise PolicyInvalid(f"the policy does not compile: {error.message}") from None
        if isinstance(reply, Failure):
            raise PolicyInvalid(reply.message)

    def reply(self, question: Question, source: Compile, tenant_id: str) -> Reply:
        """What the child says; a program that it lost is compiled again. Raises `EvaluatorFailed`.

        What ends it for another reason than time may have died of what others left there, or by
        somebody's hand. So it is asked once again, alone, in a new one.
        """
        with self.turn:
            self.refuse(source.bundle, tenant_id)
            try:
                return self._ask(question, source, tenant_id)
            except _EndedError as first:
                if not first.stuck:
                    try:
                        return self._ask(question, source, tenant_id)
                    except _EndedError as second:
                        raise self._blamed(second, source.bundle, tenant_id) from None
                raise self._blamed(first, source.bundle, tenant_id) from None

    def begin(self) -> None:
        """Begin a child. Raises `EvaluatorFailed`."""
        with self.turn:
            self._living()

    def close(self) -> None:
        """End the child, whatever it does."""
        self._closed.set()
        child = self._child
        if child is not None:
            child.end()

    def _ask(self, question: Question, source: Compile, tenant_id: str) -> Reply:
        reply = self._told(question, tenant_id)
        if not isinstance(reply, Unknown):
            return reply
        compiled = self._told(source, tenant_id)
        return compiled if isinstance(compiled, Failure) else self._told(question, tenant_id)

    def _living(self) -> "Child":
        if self._closed.is_set():
            raise EvaluatorFailed("this judge was closed")
        if self._child is None or not self._child.lives():
            self._child = Child(self._engine)
            if self._closed.is_set():
                # Whoever closed it meanwhile has not seen this one.
                self._child.end()
        return self._child

    def _told(self, question: Question, tenant_id: str) -> Reply:
        reply, used_ms = self._living().ask(question)
        self.shares.count(tenant_id, used_ms)
        rest_ms = self.shares.rest_ms(tenant_id)
        if rest_ms:
            _logger.warning("%s", _rests(tenant_id, rest_ms))
        return reply

    def refuse(self, bundle: bytes, tenant_id: str) -> None:
        """Raise `EvaluatorStuck` for who rests. Called with the turn held."""
        rest_ms = self.shares.rest_ms(tenant_id)
        if rest_ms:
            raise EvaluatorStuck(_rests(tenant_id, rest_ms))
        if self._resting and self._resting.get((tenant_id, bundle), 0) > time.monotonic():
            raise EvaluatorStuck(
                f"these rules ended their process less than REST_MS = {REST_MS} ms ago"
            )

    def _blamed(self, ended: "_EndedError", bundle: bytes, tenant_id: str) -> EvaluatorFailed:
        now_s = time.monotonic()
        self._resting = {each: until for each, until in self._resting.items() if until > now_s}
        self._resting[tenant_id, bundle] = now_s + REST_MS / 1000
        self.shares.count(tenant_id, EVALUATION_MS_MAX)
        _logger.warning("rules of tenant %s rest for %d ms: %s", tenant_id, REST_MS, ended)
        return EvaluatorStuck(str(ended)) if ended.stuck else EvaluatorFailed(str(ended))


class _EndedError(Exception):
    """A child has ended without an answer; `stuck` tells that it was for time."""

    def __init__(self, message: str, *, stuck: bool) -> None:
        super().__init__(message)
        self.stuck = stuck


class Child:
    """One process, which ends with this object. Who gets an error from it asks it nothing more."""

    def __init__(self, engine: str) -> None:
        """Start it. Raises `EvaluatorFailed` where the machine has no process left."""
        self._socket, theirs = socket.socketpair()
        self._socket.settimeout(LOOK_MS / 1000)
        try:
            self._process = subprocess.Popen(  # noqa: S603 - the name is one of `engines`
                [sys.executable, "-P", "-m", "aegisd.rego.child", engine],
                stdin=theirs.fileno(),
                stdout=subprocess.DEVNULL,
                # A native library that dies may quote what it was given.
                stderr=subprocess.DEVNULL,
                # The child imports what this process imports, and nothing from where it began.
                env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
                # An interrupt at the terminal is for the parent, which may have calls to answer. In
                # the same session, so that the system hangs up one that is stopped as it ends.
                process_group=0,
            )
        except OSError as error:
            self._socket.close()
            raise EvaluatorFailed(f"no process for the engine: {error.strerror}") from None
        finally:
            theirs.close()
        self.end = weakref.finalize(self, _end, os.getpid(), self._socket, self._process)

    def lives(self) -> bool:
        """Whether it can be asked. What ended it in between is nobody's question."""
        return self._process.poll() is None

    def ask(self, question: Question) -> Told:
        """The reply, and the processor time it took. Raises `_EndedError`."""
        try:
            left = memoryview(written(question))
            while left:
                left = left[self._patiently(partial(self._socket.send, left)) :]
            told: Told = _decode(self._read())
        except (OSError, EOFError, msgspec.MsgspecError):
            self.end()
            raise _cause(self._process.returncode, question) from None
        return told

    def _read(self) -> memoryview:
        """One message; nothing follows it unasked. Raises `EOFError` where the child ends first."""
        read, size = bytearray(), LENGTH_BYTES
        while len(read) < size:
            piece = self._patiently(partial(self._socket.recv, PIECE_BYTES))
            if not piece:
                raise EOFError
            read += piece
            size = LENGTH_BYTES + int.from_bytes(read[:LENGTH_BYTES], "big")
        return memoryview(read)[LENGTH_BYTES:]

    def _patiently(self, step: Callable[[], T]) -> T:
        """Wait for a step while the child runs, or has no processor to run on."""
        waited_ms = 0
        while True:
            try:
                return step()
            except TimeoutError:
                state = _state(self._process.pid)
                waited_ms += LOOK_MS if state != RUNS else 0
            if state in STOPPED or waited_ms >= CHILD_WAIT_MS_MAX:
                self.end()
                raise _EndedError(
                    "its process was stopped from outside"
                    if state in STOPPED
                    else f"no answer within CHILD_WAIT_MS_MAX = {CHILD_WAIT_MS_MAX} ms",
                    stuck=state not in STOPPED,
                )


def _state(process_id: int) -> str:
    """What a process does, by the letters of proc(5); empty where the system does not tell."""
    try:
        return Path(f"/proc/{process_id}/stat").read_text().rpartition(") ")[2][:1]
    except OSError:
        return ""


def _end(parent: int, connection: socket.socket, process: "subprocess.Popen[bytes]") -> None:
    """End a child, whatever it does, and leave nothing of it. One that died keeps its status.

    A forked process has the object too, and the child is still its parent's.
    """
    if os.getpid() == parent:
        process.kill()
        process.wait()
    # After the end: another thread may be reading, and sees that.
    connection.close()


def _cause(status: int | None, question: Question) -> _EndedError:
    """What a child died of."""
    if status == -signal.SIGPROF:
        bound = "COMPILE_MS_MAX" if isinstance(question, Compile) else "EVALUATION_MS_MAX"
        return _EndedError(f"it takes more than {bound} of a processor", stuck=True)
    return _EndedError(f"the engine dies of it (exit status {status})", stuck=False)


def _rests(tenant_id: str, rest_ms: float) -> str:
    return (
        f"rules of tenant {tenant_id} used more than SHARE_MS_MAX = {SHARE_MS_MAX} ms of a "
        f"processor while others asked, and rest for {rest_ms:.0f} ms"
    )
