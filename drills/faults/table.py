"""The fault table: every bad day that is tried, how, and on which store."""

from functools import partial

from drills.faults import (
    calls,
    clock,
    damage,
    kill,
    power,
    simulation,
    traffic,
    upgrade,
)
from drills.faults.outcome import Fault, Step, Tally
from tests import postgres

FULL, NORMAL = "SQLite FULL", "SQLite NORMAL"
POSTGRES = "PostgreSQL on"


def _killed(attempts: int, step: Step) -> Tally:
    """Kill daemon and server over a PostgreSQL of our own. Raises `LookupError` without one."""
    server = postgres.own_server()
    if server is None:
        raise LookupError("no PostgreSQL on this machine")
    return kill.postgres(attempts, step, server, postgres.new_database(server.dsn))


FAULTS = (
    Fault(
        name="kill -9",
        method="8 clients, batches too; daemon killed at a random moment and started again",
        store=FULL,
        attempts=100,
        quick=5,
        work=kill.sqlite,
    ),
    Fault(
        name="kill -9, and of the server",
        method="the same; every other time the database server is killed first",
        store=POSTGRES,
        attempts=100,
        quick=4,
        work=_killed,
    ),
    Fault(
        name="power cut, store",
        method="calls journalled; unsynced writes there, absent or torn; names as synced",
        store=FULL,
        attempts=400,
        quick=40,
        work=power.store,
    ),
    Fault(
        name="power cut, daemon",
        method="the same under 8 clients; each tenth cut starts the whole daemon",
        store=FULL,
        attempts=400,
        quick=40,
        work=power.daemon,
    ),
    Fault(
        name="power cut, careless build",
        method="the same with synchronous=NORMAL planted, which must lose events",
        store=NORMAL,
        attempts=80,
        quick=40,
        work=partial(power.daemon, prelude=power.NORMAL),
        planted=True,
    ),
    Fault(
        name="damaged files",
        method="bit, sector or end of database, WAL, key or kept checkpoint; start and verify",
        store=FULL,
        attempts=1000,
        quick=60,
        work=damage.sqlite,
    ),
    Fault(
        name="disk full, at every call",
        method="ENOSPC from the nth write, truncate, create or rename on, torn half the time",
        store=FULL,
        attempts=250,
        quick=12,
        work=calls.full,
    ),
    Fault(
        name="disk full under the daemon",
        method="ENOSPC for a while under 8 clients: 503, reads go on, then as before",
        store=FULL,
        attempts=50,
        quick=3,
        work=calls.full_daemon,
    ),
    Fault(
        name="sync fails",
        method="EIO from the nth fsync on: 503, exit 70, no batch tried again, next start holds",
        store=FULL,
        attempts=50,
        quick=3,
        work=calls.unsynced,
    ),
    Fault(
        name="sync fails, then the power",
        method="one sync, or all from one on, fails and its writes are lost; then a power cut",
        store=FULL,
        attempts=300,
        quick=30,
        work=power.unsynced,
    ),
    Fault(
        name="clock jumps",
        method="the process's wall clock a day on, a day back, standing; restarts between",
        store=FULL,
        attempts=100,
        quick=10,
        work=clock.jumps,
    ),
    Fault(
        name="retry storm",
        method="one request, one key, 8 connections; then another body under the key",
        store=FULL,
        attempts=1000,
        quick=200,
        work=traffic.retries,
    ),
    Fault(
        name="64 writers, one seq",
        method="64 connections name the same seq at once: one 201, 63 times 409",
        store=FULL,
        attempts=50,
        quick=2,
        work=traffic.one_seq,
    ),
    Fault(
        name="two daemons, one file",
        method="a second daemon started while the first is under load: refused, exit 78",
        store=FULL,
        attempts=20,
        quick=1,
        work=traffic.two_daemons,
    ),
    Fault(
        name="flood on a slow disk",
        method="128 connections, 256 events a request, 200 ms a sync: 201 or 503 queue_full",
        store=FULL,
        attempts=400,
        quick=130,
        work=traffic.flood,
    ),
    Fault(
        name="SIGTERM under load",
        method="answered or refused, exit 0 within 10 s",
        store=FULL,
        attempts=20,
        quick=1,
        work=traffic.stopped,
    ),
    Fault(
        name="files of earlier versions",
        method="opened, continued, every stored byte as before",
        store=FULL,
        attempts=10,
        quick=10,
        work=upgrade.files,
    ),
    Fault(
        name="simulated worlds",
        method="seeded: clients, crashes, disk faults, clock, interleaving; all laws after each",
        store="memory",
        attempts=1000,
        quick=20,
        work=simulation.memory,
    ),
    Fault(
        name="simulated worlds, file",
        method="the same on a file that is found as the crash left it",
        store=FULL,
        attempts=100,
        quick=2,
        work=simulation.sqlite,
    ),
)
