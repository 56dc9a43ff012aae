"""Calls that fail: the disk is full at every step, or a sync does not come through."""

import errno
import time
from collections.abc import Callable
from contextlib import closing
from http import HTTPStatus
from random import Random

from aegisd.core.errors import AegisError
from aegisd.store.sqlite.store import SqliteStore
from drills.daemon import CREATED, Client, Daemon, proposal
from drills.faults.acknowledged import Breach, examine
from drills.faults.appending import heard, run
from drills.faults.interposer import CREATE, RENAME, SYNC, TRUNCATE, WRITE, Orders, disk
from drills.faults.load import Load
from drills.faults.outcome import Tally, fault

# Batches of one run with a disk that is full in between.
BATCHES = 12

# Calls that need space.
NEED_SPACE = WRITE | CREATE | TRUNCATE | RENAME

# Of some 250 such calls of a run, the first that fails; and then so many.
FAILING = (1, 3, 40)

# The exit code of a daemon whose disk failed.
EXIT_BROKEN = 70

OK = HTTPStatus.OK
REFUSED = (HTTPStatus.SERVICE_UNAVAILABLE, "log_unavailable")

# Seconds under load before the fault, and seconds within which it must show.
LOAD_S = 0.3
SHOWS_S = 20


@fault("disk full, at every call", attempts=250, quick=12)
def full(attempts: int, tally: Tally) -> None:
    """ENOSPC from the nth write, truncate, create or rename on, torn half the time."""
    chance = Random(20_260_103)  # noqa: S311 - seeded, so that a run can be told again
    for number in range(attempts):
        orders = Orders(
            operations=NEED_SPACE,
            error=errno.ENOSPC,
            passing=number * 250 // attempts,
            failing=chance.choice(FAILING),
            torn=chance.random() < 1 / 2,
        )
        tally.attempt(_full(orders, number, tally))


def _full(orders: Orders, seed: int, tally: Tally) -> Breach:
    with disk() as between:
        between.order(orders)
        done = run(between, seed, BATCHES)
        tally.note("failed calls", between.failed)
        if done.returncode:
            tally.note("runs that ended")
        acknowledged, borders = heard(done.stdout)
        tally.acknowledged += len(acknowledged)
        try:
            store = SqliteStore(str(between.folder / "aegis.db"))
        except AegisError as error:
            return Breach(broken=(f"does not open: {error.message}",))
        with closing(store):
            return examine(store, acknowledged, borders)


@fault("disk full under the daemon", attempts=50, quick=3)
def full_daemon(attempts: int, tally: Tally) -> None:
    """ENOSPC for a while under 8 clients: 503, reads go on, then as before."""
    with disk() as between:
        with Daemon(between.folder, settings=between.environment) as daemon:
            load = Load(daemon, 8)
            client = daemon.connect()
            for number in range(attempts):
                time.sleep(LOAD_S)
                between.order(Orders(operations=NEED_SPACE, error=errno.ENOSPC, passing=number))
                refused = _until(lambda: _status(client) == REFUSED)
                tally.require("a full disk is answered 503 log_unavailable", holds=refused)
                healthy = client.request("GET", "/healthz")[0]
                tally.require(f"/healthz answers {healthy} on a full disk", holds=healthy == OK)
                ready = client.request("GET", "/readyz")[0]
                tally.require(f"/readyz answers {ready} on a full disk", holds=ready != OK)
                between.order(Orders())
                taken = _until(lambda: _status(client)[0] == CREATED)
                tally.require("events are taken again once there is space", holds=taken)
                again = _until(lambda: client.request("GET", "/readyz")[0] == OK)
                tally.require("/readyz is 200 again once there is space", holds=again)
                tally.attempt()
            load.stop()
        codes = {refusal for refusal in load.refusals if refusal != REFUSED}
        tally.require(f"refusals other than 503 log_unavailable: {codes}", holds=not codes)
        tally.hold(daemon.database, load.heard)


def _status(client: Client) -> tuple[int, object]:
    status, answer = client.request("POST", "/v1/events", proposal("probe"))
    return status, answer.get("code")


def _until(holds: Callable[[], bool]) -> bool:
    """Whether something becomes true in time."""
    give_up = time.monotonic() + SHOWS_S
    while time.monotonic() < give_up:
        if holds():
            return True
    return False


@fault("sync fails", attempts=50, quick=3)
def unsynced(attempts: int, tally: Tally) -> None:
    """EIO from the nth fsync on: 503, exit 70, no batch tried again, next start holds."""
    for number in range(attempts):
        with disk() as between:
            daemon = Daemon(between.folder, settings=between.environment)
            load = Load(daemon, 8)
            time.sleep(LOAD_S)
            between.order(Orders(operations=SYNC, error=errno.EIO, passing=number % 7))
            code = daemon.wait()
            load.join()
            tally.note("failed syncs", between.failed)
            tally.require(f"exit code {code}", holds=code == EXIT_BROKEN)
            odd = {status for status, _ in load.refusals if status != REFUSED[0]}
            tally.require(f"refusals with {odd}", holds=not odd)
            with Daemon(between.folder) as again:
                tally.hold(again.database, load.heard)
        tally.attempt()
