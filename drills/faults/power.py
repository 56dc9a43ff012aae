"""Power cuts: a store's or a daemon's calls are journalled, and the power fails at any of them."""

import errno
import json
import re
import time
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from aegisd.child import NotStarted
from aegisd.core.errors import AegisError
from aegisd.store.sqlite.store import SqliteStore
from drills.daemon import CREATED, Daemon, proposal
from drills.faults.acknowledged import Acknowledged, Breach, examine
from drills.faults.appending import Batches, heard, run
from drills.faults.interposer import EVERY, SYNC, Orders, disk
from drills.faults.journal import SENT, Operation, read
from drills.faults.load import Load, acknowledge, half_batches
from drills.faults.outcome import NORMAL, Tally, fault
from drills.faults.powercut import Disk

# Batches of one recording: the write-ahead log is copied into the file dozens of times.
BATCHES = 60

# Seconds of load on a recorded daemon.
LOAD_S = 1.0

# The daemon copies its write-ahead log into the file many times in so short a run.
OFTEN = "from aegisd.store.sqlite import store; store.CHECKPOINT_PAGES = 40"

# What a build looks like whose commits do not wait for the disk.
CARELESS = """
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


@fault("power cut, store", attempts=400, quick=40)
def store(attempts: int, tally: Tally) -> None:
    """Calls journalled; unsynced writes there, absent or torn; names as synced."""
    for seed, cuts in _recordings(attempts):
        with disk(journal=True) as between:
            run(between, seed, BATCHES).check_returncode()
            operations = read(between.journal)
            for after, moment in _cuts(operations, between.folder, cuts, seed):
                said = b"".join(each.data for each in operations[:moment] if each.kind == SENT)
                tally.attempt(_restart(after, *heard(said)))


@fault("power cut, daemon", attempts=400, quick=40)
def daemon(attempts: int, tally: Tally) -> None:
    """The same under 8 clients; each tenth cut starts the whole daemon."""
    for seed, cuts in _recordings(attempts):
        _daemon(seed, cuts, tally)


@fault("power cut, careless build", store=NORMAL, attempts=80, quick=40, planted=True)
def careless(attempts: int, tally: Tally) -> None:
    """The same with synchronous=NORMAL planted, which must lose events."""
    for seed, cuts in _recordings(attempts):
        _daemon(seed, cuts, tally, prelude=CARELESS)


@fault("sync fails, then the power", attempts=300, quick=30)
def unsynced(attempts: int, tally: Tally) -> None:
    """One sync, or all from one on, fails and its writes are lost; then a power cut."""
    for seed, cuts in _recordings(attempts, CUTS_OF_FAILED):
        chance = Random(seed)  # noqa: S311 - seeded, so that a run can be told again
        orders = Orders(
            operations=SYNC,
            error=errno.EIO,
            passing=chance.randrange(SYNCS_PASSING),
            failing=chance.choice((1, EVERY)),
        )
        _daemon(seed, cuts, tally, orders=orders)


def _recordings(attempts: int, each: int = CUTS_EACH) -> Iterator[tuple[int, int]]:
    """Seeds, and how many cuts of each."""
    for seed, first in enumerate(range(0, attempts, each)):
        yield seed, min(each, attempts - first)


def _daemon(
    seed: int, cuts: int, tally: Tally, *, prelude: str = "", orders: Orders | None = None
) -> None:
    """Record one daemon under load, cut its power `cuts` times, and see what a restart finds."""
    with disk(journal=True) as between:
        settings = between.environment
        running = Daemon(between.folder, prelude=OFTEN + prelude, settings=settings)
        clients = Load(running, CLIENTS)
        between.order(orders or Orders())
        time.sleep(LOAD_S)
        running.kill()
        clients.join()
        operations = read(between.journal)
        for number, (after, moment) in enumerate(_cuts(operations, between.folder, cuts, seed)):
            found = _restart(after, _answered(operations[:moment]))
            if not found and number % STARTS == 0:
                found = _serve(after)
            tally.attempt(found)


def _cuts(
    operations: list[Operation], folder: Path, cuts: int, seed: int
) -> Iterator[tuple[Path, int]]:
    """Folders as power cuts leave them, each with its moment in the journal.

    Half of the moments are right after something was said, when there is most to lose.
    """
    chance = Random(seed)  # noqa: S311 - seeded, so that a run can be told again
    said = [index + 1 for index, each in enumerate(operations) if each.kind == SENT]
    moments = sorted(
        chance.choice(said) if said and number % 2 else chance.randrange(len(operations) + 1)
        for number in range(cuts)
    )
    found = Disk(folder, chance)
    played = 0
    for moment in moments:
        found.play(operations[played:moment])
        played = moment
        with TemporaryDirectory(prefix="aegis-cut-") as after:
            found.cut(Path(after))
            yield Path(after), moment


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
        with closing(SqliteStore(str(folder / "aegis.db"))) as log:
            found = examine(log, acknowledged, borders)
            halves = half_batches(log)
            if found or halves:
                return Breach(lost=found.lost, broken=(*found.broken, *halves))
            # A batch for a tenant that nobody wrote to: the log is not only readable.
            log.append(Batches(0, ["afterwards"]).batch())
            return found
    except AegisError as error:
        return Breach(broken=(error.message,))
