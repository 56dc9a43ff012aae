"""kill -9 under load: the daemon, or the database server under it."""

import signal
import time
from collections.abc import Callable
from contextlib import closing
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory
from typing import Protocol

from aegisd.core.state.fold import fact, fold_session
from aegisd.core.state.model import SessionState
from aegisd.core.state.snapshot import digest
from aegisd.ports import EventReader
from aegisd.store.dsn import open_reader
from drills.daemon import Daemon
from drills.faults.acknowledged import Acknowledged, examine, half_batches
from drills.faults.load import BATCH_ROWS, BATCHES_OF, Load, session_of
from drills.faults.outcome import Step, Tally

CLIENTS = 8

# Seconds between the first request and the kill.
KILL_S = (0.05, 0.6)


class Server(Protocol):
    """A database server that may be killed."""

    def start(self) -> None:
        """Start it and wait until it takes connections."""

    def end(self, how: signal.Signals = signal.SIGINT) -> None:
        """End it with a signal."""


def sqlite(attempts: int, step: Step) -> Tally:
    """Kill the daemon so many times over one SQLite file."""
    with TemporaryDirectory(prefix="aegis-kill-") as name:
        folder = Path(name)
        return _rounds(attempts, step, folder, str(folder / "aegis.db"), lambda _: None)


def postgres(attempts: int, step: Step, server: Server, dsn: str) -> Tally:
    """Kill the daemon and, every other time, the database server before it."""

    def before(number: int) -> None:
        if number % 2:
            server.end(signal.SIGKILL)

    with TemporaryDirectory(prefix="aegis-kill-") as name:
        return _rounds(attempts, step, Path(name), dsn, before, server.start)


def _rounds(
    attempts: int,
    step: Step,
    folder: Path,
    dsn: str,
    before: Callable[[int], None],
    again: Callable[[], None] | None = None,
) -> Tally:
    chance = Random(20_260_101)  # noqa: S311 - seeded, so that a run can be told again
    tally = Tally()
    heard = Acknowledged()
    for number in range(attempts):
        daemon = Daemon(folder, dsn=dsn)
        # Sessions return in later rounds, so that a tail is folded after a crash.
        load = Load(daemon, CLIENTS, session_of, heard)
        time.sleep(chance.uniform(*KILL_S))
        before(number)
        daemon.kill()
        load.join()
        if again is not None and number % 2:
            again()
        tally.attempt()
        step()
    tally.acknowledged = len(heard)
    with Daemon(folder, dsn=dsn) as daemon, closing(open_reader(dsn)) as reader:
        found = examine(reader, heard)
        tally.lost += len(found.lost)
        tally.broken += found.broken
        tally.broken += half_batches(reader, "acme", BATCHES_OF, BATCH_ROWS)
        tally.broken += _folds(reader, daemon)
    return tally


def _folds(reader: EventReader, daemon: Daemon) -> list[str]:
    """Sessions whose state in the daemon is not the fold of the log from its first event."""
    states: dict[str, SessionState] = {}
    for event in reader.events("acme"):
        before = states.get(event.session_id) or SessionState(
            tenant_id="acme", session_id=event.session_id
        )
        states[event.session_id] = fold_session(before, fact(event))
    client = daemon.connect()
    different = []
    for session_id, state in states.items():
        if not session_id.startswith("$"):
            path = f"/v1/sessions/{session_id}/snapshot?tenant_id=acme"
            if client.request("GET", path)[1].get("digest") != digest(state).hex():
                different.append(f"session {session_id} is not the fold of its events")
    client.close()
    return different
