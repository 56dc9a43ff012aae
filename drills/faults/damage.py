"""Damaged files: a bit, a sector or the end of a log's files is wrong, and somebody must notice.

What is wrong may be refused, reported, or harmless because nothing of it is used. What must not be
is a log that is taken for good and tells another story.
"""

import asyncio
import shutil
import time
from contextlib import closing
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from aegisd.core.errors import AegisError
from aegisd.store.sqlite.store import SqliteStore
from drills.daemon import Daemon
from drills.faults.acknowledged import Acknowledged, examine
from drills.faults.engine import running
from drills.faults.load import Load
from drills.faults.outcome import Tally, fault
from drills.faults.powercut import SECTOR_BYTES

# Seconds of load that make the log to be damaged: a few hundred events, the newest of them in the
# write-ahead log.
LOAD_S = 0.6

# How a file is damaged.
DEEDS = ("a bit flipped", "a sector zeroed", "a sector of noise", "a sector elsewhere", "cut short")


@fault("damaged files", attempts=1000, quick=60)
def sqlite(attempts: int, tally: Tally) -> None:
    """Bit, sector or end of database, WAL, key or kept checkpoint; start and verify."""
    chance = Random(20_260_102)  # noqa: S311 - seeded, so that a run can be told again
    with TemporaryDirectory(prefix="aegis-damage-") as name:
        whole = Path(name, "whole")
        hashes = _make(Path(name), whole)
        files = sorted(path.relative_to(whole) for path in whole.rglob("*") if path.is_file())
        files = [each for each in files if not each.name.endswith((".lock", "-shm", ".err"))]
        weights = [4 if each.name.endswith((".db", "-wal")) else 1 for each in files]
        for number in range(attempts):
            copy = Path(name, str(number))
            shutil.copytree(whole, copy)
            (file,) = chance.choices(files, weights)
            deed = chance.choice(DEEDS)
            where = _damage(copy / file, deed, chance)
            verdict = _judge(copy, hashes)
            tally.note(verdict)
            tally.require(f"{file} {deed} at {where}: {verdict}", holds=verdict != "a wrong ok")
            shutil.rmtree(copy)
            tally.attempt()


def _make(place: Path, whole: Path) -> dict[tuple[str, int], str]:
    """A signed log as a kill leaves it: file, write-ahead log, key, kept checkpoints."""
    folder = place / "made"
    folder.mkdir()
    daemon = Daemon(folder)
    load = Load(daemon, 8)
    time.sleep(LOAD_S)
    load.stop()
    client = daemon.connect()
    status, answer = client.request("POST", "/v1/checkpoints", {"tenant_id": "acme"})
    if status >= 300:  # noqa: PLR2004 - no success
        raise AssertionError(f"nothing was signed: {answer}")
    shutil.copytree(folder, whole)
    daemon.kill()
    return _hashes(whole)


def _hashes(folder: Path) -> dict[tuple[str, int], str]:
    """Every event of a log, read from a copy."""
    with TemporaryDirectory(prefix="aegis-read-") as name:
        copy = Path(name, "copy")
        shutil.copytree(folder, copy)
        with closing(SqliteStore(str(copy / "aegis.db"))) as store:
            return _told(store)


def _told(store: SqliteStore) -> dict[tuple[str, int], str]:
    """Every event by its place: its hash and its bytes, both in hex."""
    return {
        (tenant_id, event.position): event.hash.hex() + event.body.hex()
        for tenant_id in store.tenants()
        for event in store.events(tenant_id)
    }


def _damage(path: Path, deed: str, chance: Random) -> int:
    """Do it, at a random place, which is returned."""
    content = bytearray(path.read_bytes())
    at = chance.randrange(len(content))
    sector = at // SECTOR_BYTES * SECTOR_BYTES
    size = len(content[sector : sector + SECTOR_BYTES])
    if deed == "a bit flipped":
        content[at] ^= 1 << chance.randrange(8)
    elif deed == "a sector zeroed":
        content[sector : sector + size] = bytes(size)
    elif deed == "a sector of noise":
        content[sector : sector + size] = chance.randbytes(size)
    elif deed == "a sector elsewhere":
        source = chance.randrange(len(content)) // SECTOR_BYTES * SECTOR_BYTES
        content[sector : sector + size] = content[source : source + size]
    else:
        del content[at:]
    path.write_bytes(content)
    return at


def _judge(folder: Path, hashes: dict[tuple[str, int], str]) -> str:
    """What a start and a verification say of a damaged log: refused, reported, harmless, or not."""
    database = str(folder / "aegis.db")
    try:
        asyncio.run(_start(database))
        with closing(SqliteStore(database)) as store:
            if examine(store, Acknowledged()):
                return "reported"
            return "harmless" if _told(store) == hashes else "a wrong ok"
    except AegisError:
        return "refused"


async def _start(database: str) -> None:
    """What the daemon does before it listens. Raises `AegisError`."""
    async with running(database):
        pass
