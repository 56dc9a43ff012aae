"""Damaged files: a bit, a sector or the end of a log's files is wrong, and somebody must notice.

What is wrong may be refused, reported, or harmless because nothing of it is used. What must not be
is a log that is taken for good and tells another story.
"""

import shutil
import time
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from random import Random
from tempfile import TemporaryDirectory

from aegisd.core.errors import AegisError
from aegisd.engine import recovery
from aegisd.engine.clock import SystemClock
from aegisd.engine.rollback import RollbackCheck
from aegisd.engine.signed_log import SignedLog
from aegisd.engine.snapshots import Snapshots
from aegisd.rules_version import rules_version
from aegisd.signing.guard import GuardFolder
from aegisd.signing.signer import guard_path, key_path, open_keyring, origin_in
from aegisd.signing.snapshot_key import open_snapshot_key, snapshot_key_path
from aegisd.store.sqlite.store import SqliteStore
from drills.daemon import Daemon
from drills.faults.acknowledged import Acknowledged, examine
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
    try:
        with closing(SqliteStore(str(folder / "aegis.db"))) as store:
            with ThreadPoolExecutor(1) as commits:
                _start(store, folder, commits)
            if examine(store, Acknowledged()):
                return "reported"
            return "harmless" if _told(store) == hashes else "a wrong ok"
    except AegisError:
        return "refused"


def _start(store: SqliteStore, folder: Path, commits: ThreadPoolExecutor) -> None:
    """What the daemon does before it listens. Raises `AegisError`."""
    database = folder / "aegis.db"
    signer = open_keyring(key_path(database), lambda: origin_in(store))
    guard = GuardFolder(guard_path(database))
    clock = SystemClock()
    signed = SignedLog(store=store, signer=signer, guard=guard, clock=clock, commits=commits)
    check = RollbackCheck(signed, store, guard, signer, clock.now_ms())
    tenants = [each for each in store.tenants() if each[:1] != "$"]
    check.acts(tenants, accept_rollback=False)
    key = open_snapshot_key(snapshot_key_path(key_path(database)))
    snapshots = Snapshots(rules_version(), key, signed=True)
    for tenant_id in tenants:
        state = recovery.tenant_state(store, tenant_id, snapshots)
        recovery.check_head(store, state)
