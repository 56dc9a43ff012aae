"""Foreign logs: kept whole, kept once, and never under a false name."""

import hashlib

import pytest
from msgspec import Raw

from aegisd.core.errors import ExportInvalid
from aegisd.core.log.envelope import Envelope, StoredEvent, seal
from aegisd.core.log.export import Scope, write
from aegisd.engine import imports
from aegisd.store.memory import MemoryStore

MANIFEST = b'{"schema":"aegis.dev/manifest/v0.2"}'


def _event() -> StoredEvent:
    envelope = Envelope(
        event_type="USER_MESSAGE",
        payload=Raw(b'{"content":"hello"}'),
        seq=0,
        session_id="s",
        tenant_id="acme",
        ts_unix_ms=1,
        user_id="",
    )
    return seal(envelope, 0, b"")


def _export(kind: str, body: bytes) -> bytes:
    return b"".join(write(Scope(tenant_id="acme"), [(kind, body)], [_event()]))


def test_an_import_done_twice_is_there_once_under_its_file_s_digest() -> None:
    store = MemoryStore()
    data = _export("manifest", MANIFEST)
    checked = imports.check(data)
    for _ in range(2):
        imports.keep(store, checked)
    assert checked.archive == f"$archive.{hashlib.sha256(data).hexdigest()[:32]}"
    (event,) = store.events(checked.archive)
    assert event.body == _event().body
    assert imports.body_tenant(store, checked.archive) == "acme"
    assert imports.body_tenant(store, "acme") is None


@pytest.mark.parametrize(
    ("kind", "body"), [("bundle", MANIFEST), ("manifest", b'{"files":{}}'), ("note", MANIFEST)]
)
def test_bytes_under_a_false_kind_are_not_kept(kind: str, body: bytes) -> None:
    with pytest.raises(ExportInvalid):
        imports.check(_export(kind, body))
