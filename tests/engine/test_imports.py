"""Foreign logs: kept whole, kept once, gone on with after a cut, and never under a false name."""

import asyncio
import hashlib
import io
from collections.abc import Iterable
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

import pytest
from msgspec import UNSET

from aegisd.audit.archives import evidence, import_acts
from aegisd.audit.database_log import DatabaseLog
from aegisd.audit.export_writing import complete, plan_of
from aegisd.audit.partial_export import PartialExport
from aegisd.audit.proofs import StoredProofs
from aegisd.core.archive import body_tenant
from aegisd.core.custody import LogImported
from aegisd.core.errors import ExportInvalid, PositionConflict
from aegisd.core.log import detached
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.log.export import (
    Evidence,
    ExportedCheckpoint,
    ExportedDetached,
    ExportedProof,
    Scope,
)
from aegisd.core.log.merkle import Tree
from aegisd.core.shapes.identifier import ARCHIVE_PREFIX
from aegisd.engine import imports
from aegisd.engine.imports import Import, Keeping
from aegisd.ports import EventStore
from aegisd.rows import Batch
from aegisd.store.memory import MemoryStore
from aegisd.store.sqlite.store import SqliteStore
from tests.audit.signed import note
from tests.core.builders import chain, envelope, export_lines, small_log
from tests.engine.world import run, running, said

MANIFEST = b'{"schema":"aegis.dev/manifest/v0.2"}'
LOG = small_log()
WHOLE, SESSION = Scope(tenant_id="acme"), Scope(tenant_id="acme", session_id="s2")
S2 = [row for row in LOG if row.session_id == "s2"]


def tree() -> Tree:
    grown = Tree()
    grown.extend([row.hash for row in LOG])
    return grown


NOTE = ExportedCheckpoint(note=note(len(LOG), tree().root()))
PROOFS = [
    ExportedProof(
        index=row.position,
        hashes=tuple(
            tree().inclusion(
                row.position, len(LOG), lambda at, n: [r.hash for r in LOG[at : at + n]]
            )
        ),
    )
    for row in S2
]


def exported(
    scope: Scope = WHOLE,
    events: Iterable[StoredEvent] = LOG,
    evidence: Iterable[Evidence] = (),
    documents: Iterable[tuple[str, bytes]] = (("manifest", MANIFEST),),
) -> bytes:
    """An export."""
    return b"".join(export_lines(scope, documents, events, evidence))


def keep(store: EventStore, file: BinaryIO, checked: Import) -> Keeping:
    """Append all that is not there yet, as the engine does."""
    keeping = Keeping(store, file, checked)
    while (batch := keeping.batch()) is not None:
        store.append(batch)
    growth = keeping.growth()
    if growth is not None:
        store.grow(growth)
    return keeping


def test_an_import_done_twice_is_there_once_under_its_file_s_digest() -> None:
    store = MemoryStore()
    data = exported()
    file = io.BytesIO(data)
    checked = imports.check(file)
    for _ in range(2):
        keep(store, file, checked)
    assert checked.archive == f"{ARCHIVE_PREFIX}{hashlib.sha256(data).hexdigest()[:32]}"
    assert [row.body for row in store.events(checked.archive)] == [row.body for row in LOG]
    assert store.document(hashlib.sha256(MANIFEST).digest()) is not None
    assert body_tenant(store.events, checked.archive) == "acme"


@pytest.mark.parametrize(
    ("kind", "body"), [("bundle", MANIFEST), ("manifest", b'{"files":{}}'), ("note", MANIFEST)]
)
def test_bytes_under_a_false_kind_are_not_kept(kind: str, body: bytes) -> None:
    with pytest.raises(ExportInvalid):
        imports.check(io.BytesIO(exported(documents=[(kind, body)])))


@pytest.mark.parametrize("events", [1, 2, 3, 7, 8])
@pytest.mark.parametrize("size", [1, 300, 1 << 24])
def test_batches_are_bounded_by_events_and_by_bytes(
    monkeypatch: pytest.MonkeyPatch, events: int, size: int
) -> None:
    monkeypatch.setattr(imports, "IMPORT_BATCH_EVENTS_MAX", events)
    monkeypatch.setattr(imports, "IMPORT_BATCH_BYTES_MAX", size)
    store, file = MemoryStore(), io.BytesIO(exported())
    checked = imports.check(file)
    keeping = Keeping(store, file, checked)
    while (batch := keeping.batch()) is not None:
        assert len(batch.events) <= events
        assert sum(len(row.body) for row in batch.events[:-1]) < size
        store.append(batch)
    assert [row.body for row in store.events(checked.archive)] == [row.body for row in LOG]


@pytest.mark.parametrize("batches", range(5))
def test_an_import_that_was_cut_is_finished_by_the_next(
    monkeypatch: pytest.MonkeyPatch, batches: int
) -> None:
    monkeypatch.setattr(imports, "IMPORT_BATCH_EVENTS_MAX", 2)
    store, file = MemoryStore(), io.BytesIO(exported(evidence=[NOTE]))
    checked = imports.check(file)
    begun = Keeping(store, file, checked)
    for _ in range(batches):
        batch = begun.batch()
        if batch is not None:
            store.append(batch)
    keep(store, file, checked)
    assert [row.body for row in store.events(checked.archive)] == [row.body for row in LOG]
    assert store.newest_checkpoint(checked.archive) is not None


def test_the_checkpoint_of_a_whole_tenant_is_kept_with_its_archive() -> None:
    store, file = MemoryStore(), io.BytesIO(exported(evidence=[NOTE]))
    checked = imports.check(file)
    keep(store, file, checked)
    kept = store.newest_checkpoint(checked.archive)
    assert kept is not None
    assert (kept.size, kept.root, kept.note) == (len(LOG), tree().root(), NOTE.note)
    act = keep(store, file, checked).act(author="ann", reason="r").payload("ann", 1)
    assert isinstance(act, LogImported)
    assert act.evidence is UNSET


@pytest.mark.parametrize("batch", [1, 2, 512])
def test_values_beside_events_are_kept_with_theirs(
    monkeypatch: pytest.MonkeyPatch, batch: int
) -> None:
    monkeypatch.setattr(imports, "IMPORT_BATCH_EVENTS_MAX", batch)
    salt, value = b"\3" * 32, b'"42"'
    payload = {"content": detached.commitment(salt, value), "meta": {"a": 1}}
    plain = {"content": "x"}
    events = chain(
        [envelope(seq, "USER_MESSAGE", payload if seq % 2 else plain) for seq in range(6)]
    )
    values = [
        ExportedDetached(
            position=at, pointer="/content", subject="u1", salt=salt, value=value.decode()
        )
        for at in (1, 5)
    ]
    store = MemoryStore()
    file = io.BytesIO(exported(events=events, evidence=values))
    checked = imports.check(file)
    keep(store, file, checked)
    assert [row.body for row in store.events(checked.archive)] == [row.body for row in events]
    assert [len(store.detached(checked.archive, at)) for at in range(6)] == [0, 1, 0, 0, 0, 1]
    (row,) = store.detached(checked.archive, 5)
    assert (row.tenant_id, row.pointer, row.salt, row.value) == (
        checked.archive,
        "/content",
        salt,
        value,
    )


@pytest.mark.parametrize("piece", [1, 700, 1 << 20])
@pytest.mark.parametrize(
    ("scope", "events", "evidence_"),
    [(WHOLE, LOG, [NOTE]), (WHOLE, LOG, []), (SESSION, S2, [NOTE, *PROOFS]), (SESSION, S2, [])],
)
def test_an_archive_exports_to_the_bytes_it_was_imported_from(
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    piece: int,
    scope: Scope,
    events: list[StoredEvent],
    evidence_: list[Evidence],
) -> None:
    monkeypatch.setattr(imports, "EVIDENCE_BYTES", piece)
    data = exported(scope, events, evidence_, documents=())
    path = tmp_path / "aegis.db"

    async def take(store: EventStore) -> str:
        async with running(store) as engine:
            file = io.BytesIO(data)
            kept, _ = await engine.import_log("audit", file, author="ann", reason="r")
            return kept.archive

    with closing(SqliteStore(str(path))) as store:
        archive = run(take(store))
    out = io.BytesIO()
    with closing(DatabaseLog(str(path))) as log:
        proofs = StoredProofs(log)
        plan = plan_of(proofs, archive, None, values=False)
        with closing(PartialExport.temporary(plan)) as partial:
            complete(log, proofs, partial, out)
        pieces = list(evidence(log, import_acts(log, [archive]).get(archive)))
    assert out.getvalue() == data
    assert bool(pieces) == (scope is SESSION and bool(evidence_))


def test_two_imports_of_one_file_at_once_are_one(monkeypatch: pytest.MonkeyPatch) -> None:
    class Rival(MemoryStore):
        """A store to which somebody else brings the second batch first."""

        raced = False

        def append(self, batch: Batch) -> None:
            if batch.first_position == 2 and not self.raced:
                self.raced = True
                super().append(batch)
                raise PositionConflict("a rival was quicker")
            super().append(batch)

    async def take() -> None:
        store = Rival()
        async with running(store) as engine:
            file = io.BytesIO(exported(documents=()))
            kept, _ = await engine.import_log("audit", file, author="ann", reason="r")
        assert store.raced
        assert [row.body for row in store.events(kept.archive)] == [row.body for row in LOG]

    monkeypatch.setattr(imports, "IMPORT_BATCH_EVENTS_MAX", 2)
    run(take())


def test_commits_of_others_go_between_the_batches_of_an_import(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    order: list[str] = []

    class Watched(MemoryStore):
        waits = True

        def __init__(self) -> None:
            super().__init__()
            self._loop, self.begun = asyncio.get_running_loop(), asyncio.Event()

        def append(self, batch: Batch) -> None:
            order.append(batch.tenant_id)
            self._loop.call_soon_threadsafe(self.begun.set)
            super().append(batch)

    async def take() -> None:
        store = Watched()
        async with running(store) as engine:
            file = io.BytesIO(exported(documents=()))
            importing = asyncio.ensure_future(
                engine.import_log("audit", file, author="ann", reason="r")
            )
            await store.begun.wait()
            await engine.append((said("hello"),))
            await importing

    monkeypatch.setattr(imports, "IMPORT_BATCH_EVENTS_MAX", 1)
    run(take())
    archived = [at for at, tenant in enumerate(order) if tenant.startswith(ARCHIVE_PREFIX)]
    assert archived[0] < order.index("acme") < archived[-1]
