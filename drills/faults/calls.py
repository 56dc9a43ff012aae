"""Calls that fail: the disk is full at every step, or a sync does not come through."""

import errno
import subprocess
import sys
import time
from collections.abc import Callable
from http import HTTPStatus
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from aegisd.core.errors import AegisError
from aegisd.store.dsn import open_reader
from aegisd.store.sqlite.store import SqliteStore
from drills.daemon import CREATED, ROOT, Client, Daemon, proposal
from drills.faults.acknowledged import Breach, examine
from drills.faults.appending import heard
from drills.faults.interposer import (
    CREATE,
    EVERY,
    RENAME,
    SYNC,
    TRUNCATE,
    WRITE,
    Interposer,
    Orders,
)
from drills.faults.load import Load
from drills.faults.outcome import Step, Tally

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


def full(attempts: int, step: Step) -> Tally:
    """Run the store with the disk full from each of its calls on, for a while."""
    tally = Tally()
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
        step()
    return tally


def _full(orders: Orders, seed: int, tally: Tally) -> Breach:
    with TemporaryDirectory(prefix="aegis-full-") as name:
        place, folder = Path(name), Path(name, "disk")
        folder.mkdir()
        with Interposer(folder, place) as between:
            between.order(orders)
            command = [sys.executable, "-m", "drills.faults.appending", str(folder)]
            done = subprocess.run(
                [*command, str(seed), str(BATCHES)],
                env=between.environment,
                cwd=ROOT,
                capture_output=True,
                check=False,
            )
            tally.note("failed calls", between.failed)
        if done.returncode:
            tally.note("runs that ended")
        acknowledged, borders = heard(done.stdout)
        tally.acknowledged += len(acknowledged)
        try:
            store = SqliteStore(str(folder / "aegis.db"))
        except AegisError as error:
            return Breach(broken=(f"does not open: {error.message}",))
        try:
            return examine(store, acknowledged, borders)
        finally:
            store.close()


def full_daemon(attempts: int, step: Step) -> Tally:
    """Fill the disk under a loaded daemon and give it space again: 503, and then as before."""
    tally = Tally()
    with TemporaryDirectory(prefix="aegis-full-") as name:
        place, folder = Path(name), Path(name, "disk")
        folder.mkdir()
        with (
            Interposer(folder, place) as between,
            Daemon(folder, settings=between.environment) as daemon,
        ):
            load = Load(daemon, 8)
            client = daemon.connect()
            for number in range(attempts):
                time.sleep(LOAD_S)
                between.order(Orders(operations=NEED_SPACE, error=errno.ENOSPC, passing=number))
                refused = _until(lambda: _status(client) == REFUSED)
                tally.require("a full disk is answered 503 log_unavailable", holds=refused)
                healthy = client.request("GET", "/healthz")[0]
                tally.require(f"/healthz answers {healthy} on a full disk", holds=healthy == OK)
                between.order(Orders())
                taken = _until(lambda: _status(client)[0] == CREATED)
                tally.require("events are taken again once there is space", holds=taken)
                tally.attempt()
                step()
            load.stop()
            client.close()
        codes = {refusal for refusal in load.refusals if refusal != REFUSED}
        tally.require(f"refusals other than 503 log_unavailable: {codes}", holds=not codes)
        _hold(tally, folder, load)
    return tally


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


def _hold(tally: Tally, folder: Path, load: Load) -> None:
    """Hold the log to what a load was told."""
    tally.acknowledged += len(load.heard)
    reader = open_reader(str(folder / "aegis.db"))
    found = examine(reader, load.heard)
    reader.close()
    tally.lost += len(found.lost)
    tally.broken += found.broken


def unsynced(attempts: int, step: Step) -> Tally:
    """Let a sync fail under a loaded daemon: 503 to everybody, exit 70; the next start holds."""
    tally = Tally()
    for number in range(attempts):
        with TemporaryDirectory(prefix="aegis-sync-") as name:
            place, folder = Path(name), Path(name, "disk")
            folder.mkdir()
            with Interposer(folder, place) as between:
                daemon = Daemon(folder, settings=between.environment)
                load = Load(daemon, 8)
                time.sleep(LOAD_S)
                between.order(
                    Orders(operations=SYNC, error=errno.EIO, passing=number % 7, failing=EVERY)
                )
                code = daemon.wait()
                load.join()
                tally.note("failed syncs", between.failed)
            tally.require(f"exit code {code}", holds=code == EXIT_BROKEN)
            odd = {status for status, _ in load.refusals if status != REFUSED[0]}
            tally.require(f"refusals with {odd}", holds=not odd)
            with Daemon(folder):
                _hold(tally, folder, load)
            tally.attempt()
            step()
    return tally
