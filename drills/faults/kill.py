"""kill -9 under load: the daemon, or the database server under it."""

import signal
import time
from contextlib import closing
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from aegisd.core.state.fold import fact, fold_session
from aegisd.core.state.model import SessionState
from aegisd.core.state.snapshot import digest
from aegisd.ports import EventReader
from aegisd.store.dsn import open_reader
from drills.daemon import Daemon
from drills.faults.acknowledged import Acknowledged
from drills.faults.load import Load, half_batches
from drills.faults.outcome import Tally, fault
from drills.faults.server import own_server
from tests import postgres as postgresql

CLIENTS = 8

# Seconds between the first request and the kill.
KILL_S = (0.05, 0.6)


@fault("kill -9", attempts=100, quick=5)
def sqlite(attempts: int, tally: Tally) -> None:
    """8 clients, batches too; daemon killed at a random moment and started again."""
    with TemporaryDirectory(prefix="aegis-kill-") as name:
        _rounds(attempts, tally, Path(name), str(Path(name, "aegis.db")), None)


@fault("kill -9, and of the server", store="PostgreSQL on", attempts=100, quick=4)
def postgres(attempts: int, tally: Tally) -> None:
    """The same; every other time the database server is killed first."""
    with own_server() as server, TemporaryDirectory(prefix="aegis-kill-") as name:
        _rounds(attempts, tally, Path(name), postgresql.new_database(server.dsn), server)


def _rounds(
    attempts: int, tally: Tally, folder: Path, dsn: str, server: postgresql.Server | None
) -> None:
    chance = Random(20_260_101)  # noqa: S311 - seeded, so that a run can be told again
    heard = Acknowledged()
    for number in range(attempts):
        daemon = Daemon(folder, dsn=dsn)
        # Sessions return in later rounds, so that a tail is folded after a crash.
        load = Load(daemon, CLIENTS, heard=heard)
        time.sleep(chance.uniform(*KILL_S))
        killed = server if number % 2 else None
        if killed is not None:
            killed.end(signal.SIGKILL)
        daemon.kill()
        load.join()
        if killed is not None:
            killed.start()
        tally.attempt()
    with Daemon(folder, dsn=dsn) as daemon, closing(open_reader(dsn)) as reader:
        tally.hold(dsn, heard)
        tally.broken += half_batches(reader)
        tally.broken += _folds(reader, daemon)


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
    return different
