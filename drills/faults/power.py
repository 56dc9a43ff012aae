"""Power cuts: a store's or a daemon's calls are journalled, and the power fails at any of them."""

import errno
import json
import re
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from msgspec.structs import replace

from aegisd.child import NotStarted
from aegisd.core.errors import AegisError
from aegisd.rows import Batch
from aegisd.store.sqlite.store import SqliteStore
from drills.daemon import CREATED, ROOT, Daemon, proposal
from drills.faults.acknowledged import Acknowledged, Breach, examine, half_batches
from drills.faults.appending import Batches, heard
from drills.faults.interposer import EVERY, SYNC, Interposer, Orders
from drills.faults.journal import SENT, Operation, read
from drills.faults.load import BATCH_ROWS, BATCHES_OF, Load, acknowledge
from drills.faults.outcome import Step, Tally
from drills.faults.powercut import Disk

# Batches of one recording: the write-ahead log is copied into the file dozens of times.
BATCHES = 60

# Seconds of load on a recorded daemon.
LOAD_S = 1.0

# The daemon copies its write-ahead log into the file many times in so short a run.
OFTEN = "from aegisd.store.sqlite import store; store.CHECKPOINT_PAGES = 40"

# What a build looks like whose commits do not wait for the disk.
NORMAL = """
from aegisd.store.sqlite import store as sqlite
prepare = sqlite.SqliteStore._prepare
def careless(self, path):
    prepare(self, path)
    self._writer.execute("PRAGMA synchronous=NORMAL")
sqlite.SqliteStore._prepare = careless
"""

CLIENTS = 8

# Of so many power cuts under a daemon, one is followed by a start of the whole daemon.
STARTS = 10

ANSWER = re.compile(rb"HTTP/1\.1 (\d+) .*?\r\ncontent-length: (\d+)\r\n\r\n", re.DOTALL)

# Power cuts of one recording.
CUTS_EACH = 40

# The same where one sync of each recording fails, and of how many first ones it is one.
CUTS_OF_FAILED = 10
SYNCS_PASSING = 120


def store(attempts: int, step: Step, synchronous: str = "FULL") -> Tally:
    """Cut the power under the store so many times, over several recordings."""
    tally = Tally()
    for seed, cuts in _recordings(attempts):
        for found in store_cuts(seed, cuts, step, synchronous):
            tally.attempt(found)
    return tally


def daemon(attempts: int, step: Step, prelude: str = "") -> Tally:
    """Cut the power under the daemon so many times, over several recordings."""
    tally = Tally()
    for seed, cuts in _recordings(attempts):
        for found in daemon_cuts(seed, cuts, step, prelude):
            tally.attempt(found)
    return tally


def unsynced(attempts: int, step: Step) -> Tally:
    """One sync of the daemon fails, each time another; then the power. Once with every later one.

    What a failed sync was asked for may be lost for ever, so nothing may be built on it.
    """
    tally = Tally()
    for seed, cuts in _recordings(attempts, CUTS_OF_FAILED):
        chance = Random(seed)  # noqa: S311 - seeded, so that a run can be told again
        orders = Orders(
            operations=SYNC,
            error=errno.EIO,
            passing=chance.randrange(SYNCS_PASSING),
            failing=chance.choice((1, EVERY)),
        )
        for found in daemon_cuts(seed, cuts, step, orders=orders):
            tally.attempt(found)
    return tally


def _recordings(attempts: int, each: int = CUTS_EACH) -> Iterator[tuple[int, int]]:
    """Seeds, and how many cuts of each."""
    for seed, first in enumerate(range(0, attempts, each)):
        yield seed, min(each, attempts - first)


def store_cuts(seed: int, cuts: int, step: Step, synchronous: str = "FULL") -> Iterator[Breach]:
    """Record one run of the store and cut its power `cuts` times; what each restart finds.

    Raises `Unsupported` where calls cannot be journalled.
    """
    with TemporaryDirectory(prefix="aegis-power-") as name:
        place, folder = Path(name), Path(name, "disk")
        folder.mkdir()
        with Interposer(folder, place, journal=True) as between:
            command = [sys.executable, "-m", "drills.faults.appending", str(folder)]
            subprocess.run(
                [*command, str(seed), str(BATCHES), synchronous],
                env=between.environment,
                cwd=ROOT,
                stdout=subprocess.PIPE,
                check=True,
            )
        operations = read(place / "journal")
        chance = Random(seed)  # noqa: S311 - seeded, so that a run can be told again
        for after, moment in _cuts(operations, folder, cuts, chance):
            said = b"".join(each.data for each in operations[:moment] if each.kind == SENT)
            yield _restart(after, *heard(said))
            step()


def daemon_cuts(
    seed: int, cuts: int, step: Step, prelude: str = "", orders: Orders | None = None
) -> Iterator[Breach]:
    """Record one daemon under load and cut its power `cuts` times; what each restart finds.

    Raises `Unsupported` where calls cannot be journalled.
    """
    with TemporaryDirectory(prefix="aegis-power-") as name:
        place, folder = Path(name), Path(name, "disk")
        folder.mkdir()
        with Interposer(folder, place, journal=True) as between:
            running = Daemon(folder, prelude=OFTEN + prelude, settings=between.environment)
            clients = Load(running, CLIENTS)
            between.order(orders or Orders())
            time.sleep(LOAD_S)
            running.kill()
            clients.join()
        operations = read(place / "journal")
        chance = Random(seed)  # noqa: S311 - seeded, so that a run can be told again
        for number, (after, moment) in enumerate(_cuts(operations, folder, cuts, chance)):
            found = _restart(after, _answered(operations[:moment]))
            if not found and number % STARTS == 0:
                found = _serve(after)
            yield found
            step()


def _cuts(
    operations: list[Operation], folder: Path, cuts: int, chance: Random
) -> Iterator[tuple[Path, int]]:
    """Folders as power cuts leave them, each with its moment in the journal."""
    for moment, disk in _moments(operations, folder, cuts, chance):
        with TemporaryDirectory(prefix="aegis-cut-") as after:
            disk.cut(Path(after))
            yield Path(after), moment


def _moments(
    operations: list[Operation], folder: Path, cuts: int, chance: Random
) -> Iterator[tuple[int, Disk]]:
    """Moments of a journal in order, each with the disk as it then is.

    Half of them right after something was said, when there is most to lose.
    """
    said = [index + 1 for index, each in enumerate(operations) if each.kind == SENT]
    moments = sorted(
        chance.choice(said) if said and number % 2 else chance.randrange(len(operations) + 1)
        for number in range(cuts)
    )
    disk = Disk(folder, chance)
    played = 0
    for moment in moments:
        disk.play(operations[played:moment])
        played = moment
        yield moment, disk


def _answered(operations: list[Operation]) -> Acknowledged:
    """What whole answers 201 had told anybody by then."""
    streams: dict[int, bytearray] = {}
    for each in operations:
        if each.kind == SENT:
            streams.setdefault(each.descriptor, bytearray()).extend(each.data)
    acknowledged = Acknowledged()
    for stream in streams.values():
        for answer in ANSWER.finditer(stream):
            body = stream[answer.end() : answer.end() + int(answer[2])]
            if answer[1] == b"201" and len(body) == int(answer[2]):
                acknowledge(acknowledged, json.loads(body))
    return acknowledged


def _serve(folder: Path) -> Breach:
    """Start a daemon on what a power cut left, and let it decide once."""
    try:
        with Daemon(folder) as again:
            status, _ = again.connect().request("POST", "/v1/events", proposal("afterwards"))
    except NotStarted as error:
        return Breach(broken=(str(error),))
    return Breach() if status == CREATED else Breach(broken=(f"answers {status}",))


def _restart(
    folder: Path, acknowledged: Acknowledged, borders: dict[str, set[int]] | None = None
) -> Breach:
    """Open what the power cut left, hold it to what was said, and append one more batch."""
    try:
        log = SqliteStore(str(folder / "aegis.db"))
    except AegisError as error:
        return Breach(broken=(f"does not open: {error.message}",))
    try:
        found = examine(log, acknowledged, borders)
        halves = half_batches(log, "acme", BATCHES_OF, BATCH_ROWS)
        if found or halves:
            return Breach(lost=found.lost, broken=(*found.broken, *halves))
        _append_again(log)
    except AegisError as error:
        return Breach(broken=(error.message,))
    finally:
        log.close()
    return found


def _append_again(store: SqliteStore) -> None:
    """A batch for a tenant that nobody wrote to: the log is not only readable."""
    batch = Batches(0).batch()
    tenant_id = "afterwards"
    events = [replace(event, tenant_id=tenant_id) for event in batch.events]
    store.append(Batch(tenant_id=tenant_id, first_position=0, events=events))
