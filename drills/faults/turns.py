"""A daemon that falls silent while it has a tenant's turn: the others go on within a bound."""

import os
import signal
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from psycopg.conninfo import conninfo_to_dict

from aegisd.store.postgres.connection import TURN_IDLE_MS_MAX, TURN_WAIT_MS_MAX
from drills.daemon import CREATED, Daemon, proposal
from drills.faults.acknowledged import Acknowledged
from drills.faults.load import Load
from drills.faults.outcome import Tally, fault
from drills.faults.server import own_server
from tests import postgres as postgresql
from tests.postgres_proxy import Proxy

CLIENTS = 4

# Seconds of load on both daemons before one falls silent.
SILENT_S = (0.05, 0.6)

# Seconds until the others must have the turn: what a silent one keeps it, what is waited for it,
# and some for a busy machine.
ON_S_MAX = (TURN_IDLE_MS_MAX + TURN_WAIT_MS_MAX) / 1000 + 5

# Rounds at once: each is asleep for as long as a silent daemon may keep a turn.
AT_ONCE = 4

# Answers on end that show that it is theirs.
ANSWERS = 2

# Makes one daemon silent: the daemon, and its wire to the database.
Silence = Callable[[Daemon, Proxy], None]


@fault("a hung turn", store="PostgreSQL on", attempts=20, quick=2)
def hung(attempts: int, tally: Tally) -> None:
    """SIGSTOP of one of two daemons under load on one tenant; the other goes on in 20 s."""
    _rounds(attempts, tally, lambda daemon, _: os.kill(daemon.pid, signal.SIGSTOP))


@fault("a black-holed connection", store="PostgreSQL on", attempts=20, quick=2)
def vanished(attempts: int, tally: Tally) -> None:
    """Between one of two daemons and the database nothing passes, and nothing is closed."""
    _rounds(attempts, tally, lambda _, wire: wire.frozen.set())


def _rounds(attempts: int, tally: Tally, silence: Silence) -> None:
    chance = Random(20_260_105)  # noqa: S311 - seeded, so that a run can be told again
    longest = 0.0
    with own_server() as server, ThreadPoolExecutor(AT_ONCE) as rounds:
        silent = [chance.uniform(*SILENT_S) for _ in range(attempts)]
        for dsn, took, heard in rounds.map(partial(_round, server.dsn, silence), silent):
            longest = max(longest, took)
            tally.require(f"the other was not answered for {took:.0f} s", holds=took < ON_S_MAX)
            tally.attempt()
            tally.hold(dsn, heard)
    tally.note("s at most until the other went on", round(longest))


def _round(server: str, silence: Silence, silent_s: float) -> tuple[str, float, Acknowledged]:
    """Two daemons on a database of their own; until the one goes on, and what both acknowledged."""
    dsn, heard = postgresql.new_database(server), Acknowledged()
    port = int(str(conninfo_to_dict(dsn)["port"]))
    with (
        TemporaryDirectory(prefix="aegis-turns-") as name,
        Daemon(Path(name), dsn=dsn) as other,
        Proxy(port) as wire,
    ):
        # The tenant is there: what holds of one that is new need not hold of it.
        other.connect().propose("first")
        daemon = Daemon(Path(name), dsn=postgresql.as_uri(dsn, port=wire.port))
        loads = [Load(each, CLIENTS, heard=heard) for each in (daemon, other)]
        time.sleep(silent_s)
        silence(daemon, wire)
        took = _goes_on(other, time.monotonic())
        daemon.kill()
        for load in loads:
            load.stop()
        wire.frozen.clear()
    return dsn, took, heard


def _goes_on(other: Daemon, began: float) -> float:
    """Seconds until a daemon has taken `ANSWERS` proposals of the tenant on end."""
    client, taken = other.connect(), 0
    while taken < ANSWERS and time.monotonic() - began < ON_S_MAX:
        status, _ = client.request("POST", "/v1/events", proposal("probe"))
        taken = taken + 1 if status == CREATED else 0
    return time.monotonic() - began
