"""A program that appends to a SQLite log and says so: `python -m drills.faults.appending`.

Before each batch it says `try TENANT FIRST COUNT`, and once the append returned `done TENANT FIRST
HASH...`, one line each on standard output. Same seed, same bytes.
"""

import hashlib
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from random import Random

import msgspec
from msgspec import Raw

from aegisd.core.errors import StoreFailed
from aegisd.core.log.envelope import Envelope, StoredEvent, seal
from aegisd.rows import Batch, Document
from aegisd.store.sqlite import store as sqlite
from drills.daemon import ROOT
from drills.faults.acknowledged import Acknowledged
from drills.faults.interposer import Interposer

TENANTS = ("acme", "umbrella")
SESSIONS = ("s1", "s2", "s3")

# Pages of the write-ahead log before it is copied into the file: few, so that a short run does it
# many times.
CHECKPOINT_PAGES = 24


class Batches:
    """Batches of some tenants, each the next of its log. All chance comes from the seed."""

    def __init__(self, seed: int, tenants: Sequence[str] = TENANTS) -> None:
        self._chance = Random(seed)  # noqa: S311 - seeded, so that a run can be told again
        self._next: dict[str, int] = dict.fromkeys(tenants, 0)
        self._heads: dict[tuple[str, str], tuple[int, bytes]] = {}

    def batch(self) -> Batch:
        """The next batch: mostly small, sometimes longer than one statement takes."""
        chance = self._chance
        tenant_id = chance.choice(list(self._next))
        count = chance.choice((1, 1, 2, 3, 8, 30, 140))
        first = self._next[tenant_id]
        events = [self._event(tenant_id, first + index) for index in range(count)]
        self._next[tenant_id] += count
        body = chance.randbytes(chance.randrange(1, 9000))
        document = Document(digest=hashlib.sha256(body).digest(), kind="bundle", body=body)
        more = chance.random() < 1 / 4
        return Batch(
            tenant_id=tenant_id,
            first_position=first,
            events=events,
            documents=[document] if more else (),
        )

    def _event(self, tenant_id: str, position: int) -> StoredEvent:
        session_id = self._chance.choice(SESSIONS)
        seq, head = self._heads.get((tenant_id, session_id), (0, b""))
        content = "x" * self._chance.choice((10, 300, 2500))
        envelope = Envelope(
            event_type="USER_MESSAGE",
            payload=Raw(msgspec.json.encode({"content": content})),
            seq=seq,
            session_id=session_id,
            tenant_id=tenant_id,
            ts_unix_ms=position,
            user_id="",
        )
        event = seal(envelope, position, head)
        self._heads[tenant_id, session_id] = (seq + 1, event.hash)
        return event


def heard(said: bytes) -> tuple[Acknowledged, dict[str, set[int]]]:
    """What complete lines acknowledge, and after which positions a batch of a tenant may end."""
    acknowledged = Acknowledged()
    borders: dict[str, set[int]] = {tenant_id: {0} for tenant_id in TENANTS}
    for line in said.decode().split("\n")[:-1]:
        match line.split():
            case ["try", tenant_id, first, count]:
                borders[tenant_id].add(int(first) + int(count))
            case ["done", tenant_id, first, *hashes]:
                for position, found in enumerate(hashes, int(first)):
                    acknowledged.add(tenant_id, position, found)
    return acknowledged, borders


def run(between: Interposer, seed: int, batches: int) -> "subprocess.CompletedProcess[bytes]":
    """Run the program in the folder of an interposer, to whatever end; what it said is captured."""
    command = [sys.executable, "-m", "drills.faults.appending", str(between.folder)]
    return subprocess.run(
        [*command, str(seed), str(batches)],
        env=between.environment,
        cwd=ROOT,
        capture_output=True,
        check=False,
    )


def main(folder: str, seed: str, batches: str) -> None:
    """Append so many batches to a log in the folder."""
    sqlite.CHECKPOINT_PAGES = CHECKPOINT_PAGES
    store = sqlite.SqliteStore(str(Path(folder, "aegis.db")))
    writing = Batches(int(seed))
    for _ in range(int(batches)):
        batch = writing.batch()
        print("try", batch.tenant_id, batch.first_position, len(batch.events), flush=True)
        while True:
            try:
                store.append(batch)
            except StoreFailed:
                # The disk is full for now; the batch is tried again as the engine would.
                print("full", flush=True)
                continue
            break
        hashes = (event.hash.hex() for event in batch.events)
        print("done", batch.tenant_id, batch.first_position, *hashes, flush=True)


if __name__ == "__main__":
    main(*sys.argv[1:])
