"""An archive's events say whose they were; every other tenant's are its own."""

from msgspec.structs import replace

from aegisd.core.archive import body_tenant
from aegisd.core.shapes.identifier import ARCHIVE_PREFIX
from aegisd.rows import Batch
from aegisd.store.memory import MemoryStore
from tests.core.builders import small_log

ARCHIVE = f"{ARCHIVE_PREFIX}{'0' * 32}"


def test_an_archive_is_its_source_tenants_and_no_other_tenant_is_anybody_elses() -> None:
    store = MemoryStore()
    for tenant_id in (ARCHIVE, "acme"):
        rows = [replace(row, tenant_id=tenant_id) for row in small_log()]
        store.append(Batch(tenant_id=tenant_id, first_position=0, events=rows))
    assert body_tenant(store.events, ARCHIVE) == "acme"
    assert body_tenant(store.events, "acme") is None
    assert body_tenant(store.events, f"{ARCHIVE}x") is None


def test_an_archive_whose_first_row_is_no_envelope_is_nobodys() -> None:
    store = MemoryStore()
    row = replace(small_log()[0], tenant_id=ARCHIVE, body=b"{}")
    store.append(Batch(tenant_id=ARCHIVE, first_position=0, events=[row]))
    assert body_tenant(store.events, ARCHIVE) is None
