"""A crowd at the door beside somebody who behaves: slow callers, endless headers, large bodies."""

import os
import resource
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager, suppress
from functools import partial
from http import HTTPStatus
from pathlib import Path
from statistics import median
from tempfile import TemporaryDirectory

from drills.daemon import CREATED, PATIENCE_S, ROOT, Daemon
from drills.faults.outcome import Tally, fault
from drills.faults.traffic import resident_bytes

# Connections that bring nothing, half a head, or half a body, a byte now and then.
SLOW = 1000

# Bodies of eight megabytes, and heads of one, of a round; spread over it.
LARGE, LARGE_BYTES = 200, 8_000_000
HEADS, HEAD_BYTES = 100, 1_000_000

# Seconds of one measurement.
ROUND_S = 10

# What a caller may be answered; 0 is a connection that was closed on it.
HUNG_UP = 0
TOO_LARGE = HTTPStatus.REQUEST_ENTITY_TOO_LARGE
HEAD_TOO_LARGE = HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE
UNAVAILABLE = HTTPStatus.SERVICE_UNAVAILABLE

# Bytes that the daemon may have in all: itself, what large bodies hold together and what is made
# of them, and a head and a small body of each connection.
RESIDENT_BYTES_MAX = 512 << 20

# Milliseconds below which the p99 of the good load says more about the machine than about us, and
# rounds without which its median does.
NOISE_MS, ROUNDS_MIN = 12, 3

_HEAD = b"%s /v1/events HTTP/1.1\r\nHost: 127.0.0.1\r\n"
_EVENT = (
    b'{"tenant_id":"acme","session_id":"large","event_type":"USER_MESSAGE",'
    b'"payload":{"content":"%s"}}'
)


@fault("a crowd beside a steady load", attempts=5, quick=1, alone=True)
def crowd(attempts: int, tally: Tally) -> None:
    """1,000 slow callers, 100 endless headers, 200 large bodies: the p99 beside doubles at most."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, min(hard, 4 * SLOW)), hard))
    alone, beside, worst = [], [], 0
    with TemporaryDirectory(prefix="aegis-crowd-") as name, _apart(Path(name)) as daemon:
        for _ in range(attempts):
            alone.append(_steady(daemon)[0])
            with _slow(daemon), _flood(daemon) as answers:
                p99, most = _steady(daemon)
            beside.append(p99)
            worst = max(worst, most)
            odd = answers - {HUNG_UP, CREATED, TOO_LARGE, HEAD_TOO_LARGE, UNAVAILABLE}
            tally.require(f"answers {sorted(odd)}", holds=not odd)
            tally.require("no endless header was refused", holds=HEAD_TOO_LARGE in answers)
            tally.attempt()
    # A machine that does other work at times is told from a daemon that is kept from its own.
    before, after = median(alone), median(beside)
    doubled = attempts >= ROUNDS_MIN and after > 2 * max(before, NOISE_MS)
    tally.require(f"p99 of {before} ms alone and {after} beside it", holds=not doubled)
    tally.require(f"{worst >> 20} MiB of memory", holds=worst < RESIDENT_BYTES_MAX)
    tally.note("ms p99 alone", before)
    tally.note("beside it (medians)", after)
    tally.note("times that alone", round(after / before, 1))
    bound = f"RESIDENT_BYTES_MAX is {RESIDENT_BYTES_MAX >> 20}"
    tally.note(f"MiB of memory at most ({bound})", worst >> 20)


@contextmanager
def _apart(folder: Path) -> Iterator[Daemon]:
    """A daemon on half of the processors; whoever is in the crowd, this process, has the others.

    What a crowd costs its senders is theirs, who are on other machines.
    """
    ours = os.sched_getaffinity(0)
    os.sched_setaffinity(0, _half(ours))
    try:
        with Daemon(folder) as daemon:
            os.sched_setaffinity(0, ours - _half(ours) or ours)
            yield daemon
    finally:
        os.sched_setaffinity(0, ours)


def _half(processors: set[int]) -> set[int]:
    return set(sorted(processors)[: max(1, len(processors) // 2)])


def _steady(daemon: Daemon) -> tuple[float, int]:
    """The p99 of a steady load in milliseconds, and the most memory the daemon had meanwhile."""
    command = [sys.executable, "-m", "drills.faults.steady", str(daemon.port), str(ROUND_S)]
    most = 0
    with subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True) as load:
        os.sched_setaffinity(load.pid, os.sched_getaffinity(daemon.pid))
        while load.poll() is None:
            most = max(most, resident_bytes(daemon))
            time.sleep(0.02)
        told = load.stdout.read() if load.stdout else ""
    return float(told), most


@contextmanager
def _slow(daemon: Daemon) -> Iterator[None]:
    """Callers who send next to nothing, and come again when they are hung up on."""
    begun = (b"", _HEAD % b"GET", _HEAD % b"POST" + b"Content-Length: 60000\r\n\r\n{")
    stopping = threading.Event()

    def drip() -> None:
        callers: dict[int, socket.socket] = {}
        while not stopping.is_set():
            for number in range(SLOW):
                try:
                    if number in callers:
                        callers[number].send(b" " if number % 3 else b"")
                    else:
                        callers[number] = socket.create_connection(("127.0.0.1", daemon.port))
                        callers[number].send(begun[number % 3])
                except OSError:
                    if number in callers:
                        callers.pop(number).close()
                # They do not know of each other.
                time.sleep(1 / SLOW)
        for each in callers.values():
            each.close()

    with _running(drip, stopping):
        time.sleep(2)
        yield


@contextmanager
def _flood(daemon: Daemon) -> Iterator[set[int]]:
    """Endless headers and large bodies, spread over a round; the statuses they were answered."""
    event = _EVENT % (b"x" * LARGE_BYTES)
    large = _HEAD % b"POST" + b"Content-Length: %d\r\n\r\n%b" % (len(event), event)
    endless = _HEAD % b"GET" + b"A: " + b"a" * HEAD_BYTES
    answers: set[int] = set()
    stopping = threading.Event()

    def send(what: bytes, pause_s: float) -> None:
        while not stopping.wait(pause_s):
            answers.add(_status(daemon, what))

    # Ten at once, so that those that are read slowly are many.
    with ExitStack() as stack:
        for _ in range(10):
            stack.enter_context(_running(partial(send, large, 10 * ROUND_S / LARGE), stopping))
        stack.enter_context(_running(partial(send, endless, ROUND_S / HEADS), stopping))
        yield answers
        stopping.set()


def _status(daemon: Daemon, what: bytes) -> int:
    with suppress(OSError), closing(socket.create_connection(("127.0.0.1", daemon.port))) as caller:
        caller.settimeout(PATIENCE_S)
        with suppress(OSError):
            caller.sendall(what)
        return int(caller.recv(12)[9:] or HUNG_UP)
    return HUNG_UP


@contextmanager
def _running(work: Callable[[], None], stopping: threading.Event) -> Iterator[None]:
    thread = threading.Thread(target=work)
    thread.start()
    try:
        yield
    finally:
        stopping.set()
        thread.join()
