"""What a log says of the archives it holds."""

import hashlib
from collections.abc import Iterator

import pytest
from msgspec import UNSET

from aegisd.audit.archives import evidence, import_acts
from aegisd.core.errors import InvalidField, LogCorrupt
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.shapes.identifier import ARCHIVE_PREFIX, CONTROL_SESSION
from aegisd.rows import Batch, Document
from aegisd.store.memory import MemoryStore
from tests.core.builders import chain, envelope

ARCHIVE = f"{ARCHIVE_PREFIX}{'0' * 32}"
PIECES = (b"first\n", b"second\n")
DIGESTS = [hashlib.sha256(piece).digest() for piece in PIECES]


def store(*payloads: dict[str, object], documents: bool = True) -> MemoryStore:
    """A log whose control session tells of imports."""
    kept = MemoryStore()
    events = chain(
        envelope(seq, "LOG_IMPORTED", payload, session_id=CONTROL_SESSION, tenant_id="audit")
        for seq, payload in enumerate(payloads)
    )
    found = [
        Document(digest=digest, kind="evidence", body=piece)
        for digest, piece in zip(DIGESTS, PIECES, strict=True)
    ]
    kept.append(
        Batch(
            tenant_id="audit",
            first_position=0,
            events=events,
            documents=found if documents else (),
        )
    )
    return kept


def told(**more: object) -> dict[str, object]:
    """The payload of an import."""
    return {
        "archive": ARCHIVE,
        "author": "ann",
        "events": 3,
        "export_sha256": "0" * 64,
        "now_ms": 1,
        "reason": "r",
        "source_tenant": "acme",
        **more,
    }


def test_the_act_of_an_archive_is_found_and_no_other() -> None:
    acts = (told(), told(author="bob", root="0" * 64), told(author="eve"))
    log = store(told(archive="$archive.x"), {"nonsense": 1}, *acts)
    found = import_acts(log, [ARCHIVE, f"{ARCHIVE}1", "audit"])
    assert list(found) == [ARCHIVE]
    assert (found[ARCHIVE].author, found[ARCHIVE].evidence) == ("bob", UNSET)


def test_control_sessions_are_read_once_for_all_archives_and_for_none_not_at_all(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    archives = [f"{ARCHIVE_PREFIX}{number:032}" for number in range(20)]
    log = store(*(told(archive=archive) for archive in archives))
    reads: list[str] = []
    read = log.session_events

    def counted(tenant_id: str, session_id: str) -> Iterator[StoredEvent]:
        reads.append(tenant_id)
        return read(tenant_id, session_id)

    monkeypatch.setattr(log, "session_events", counted)
    assert list(import_acts(log, archives)) == archives
    assert import_acts(log, ["audit"]) == {}
    assert reads == ["audit"]


def pieces(log: MemoryStore) -> list[bytes]:
    """What came with the archive, as the log tells."""
    return list(evidence(log, import_acts(log, [ARCHIVE]).get(ARCHIVE)))


def test_evidence_is_told_piece_by_piece() -> None:
    log = store(told(evidence=[digest.hex() for digest in DIGESTS]))
    assert pieces(log) == list(PIECES)
    assert pieces(store(told())) == pieces(store()) == []


def test_evidence_that_is_missing_or_another_is_a_broken_log() -> None:
    digests = [digest.hex() for digest in DIGESTS]
    with pytest.raises(LogCorrupt):
        pieces(store(told(evidence=digests), documents=False))
    log = store(told(evidence=digests))
    log._documents[DIGESTS[1]] = Document(digest=DIGESTS[1], kind="evidence", body=b"other\n")
    with pytest.raises(LogCorrupt):
        pieces(log)


def test_a_server_that_names_no_tenants_tells_of_no_archive() -> None:
    class Server(MemoryStore):
        def tenants(self) -> list[str]:
            raise InvalidField("a server does not list its tenants")

    assert import_acts(Server(), [ARCHIVE]) == {}
