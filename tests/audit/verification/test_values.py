"""A value beside an event is the event's own, or what became of it stands in the log."""

import io
from collections.abc import Callable
from contextlib import closing

import pytest
from msgspec.structs import replace

from aegisd.audit.export_writing import complete
from aegisd.audit.partial_export import ExportPlan, PartialExport
from aegisd.audit.verification import values
from aegisd.audit.verification.database import verify_database
from aegisd.core import gate
from aegisd.core.errors import LogCorrupt
from aegisd.core.log.detached import detach
from aegisd.core.log.export import ExportedDetached, Scope
from aegisd.core.policy.generation import BASE_GENERATION
from aegisd.core.proposal import Proposal
from aegisd.core.sensitive import DETACHED_BYTES_MIN
from aegisd.rows import Detached
from aegisd.store.memory import MemoryStore, TenantLog
from tests.core.builders import export_lines
from tests.core.gate import MANIFEST, Json, manifest, proposal
from tests.engine.world import configured, run, running

CRM: Json = {
    "args": {"type": "object", "properties": {"ssn": {}, "pin": {}}},
    "roles": {"ssn": "content", "pin": "content"},
    "sensitive": {"ssn": "personal", "pin": "secret"},
    "result_sensitive": {"token": "secret", "ssn": "personal"},
}
HELD = manifest(
    tools={**MANIFEST["tools"], "crm": CRM},
    sensitive={"USER_MESSAGE": {"content": "personal"}},
    budgets={},
)


def said(content: str, **fields: object) -> Proposal:
    return proposal("USER_MESSAGE", {"content": content}, **fields)


def called(call_id: str, args: Json, **fields: object) -> Proposal:
    payload = {"tool_name": "crm", "call_id": call_id, "args": args}
    return proposal("TOOL_CALL_PROPOSED", payload, **fields)


def answered(call_id: str, result: Json, **fields: object) -> Proposal:
    return proposal("TOOL_RESULT", {"call_id": call_id, "result": result}, **fields)


def recorded(store: MemoryStore | None = None) -> MemoryStore:
    """Values of u1 and of session s2; of u3 one erased and one told since; secrets of both kinds.

    One answer is kept for its length alone, of a tool whose answers may hold a secret. The last one
    is of no open call, so that nobody knows its tool: all of it is a secret.
    """
    store = store or MemoryStore()

    async def story() -> None:
        async with running(store, told=configured(HELD)) as engine:
            await engine.append((said("ann", user_id="u1"), said("bob", session_id="s2")))
            await engine.append((called("c1", {"ssn": 1, "pin": 2}, user_id="u1"),))
            await engine.append((answered("c1", {"token": 3, "ssn": 4}, user_id="u1"),))
            await engine.append((said("carol", user_id="u3", session_id="s3"),))
            await engine.erase("acme", "u3", author="ann", reason="asked to")
            await engine.append((said("x" * DETACHED_BYTES_MIN, user_id="u3", session_id="s3"),))
            await engine.append((called("c2", {}, user_id="u1"),))
            long = {"note": "x" * DETACHED_BYTES_MIN}
            await engine.append((answered("c2", long, user_id="u1"),))
            await engine.append((answered("c1", {"ssn": 4}, user_id="u1"),))

    run(story())
    return store


def found(store: MemoryStore) -> list[str]:
    """Rule and detail of each break."""
    told = verify_database(store, store.tenants())
    return [f"{each.rule}: {each.detail}" for each in told.breaks]


def places(log: TenantLog) -> list[Detached]:
    return [row for at in sorted(log.detached) for row in log.detached[at].values()]


def test_what_was_kept_erased_or_never_kept_holds() -> None:
    store = recorded()
    assert found(store) == []
    kept = [(row.pointer, row.subject) for row in store.kept("acme")]
    assert kept == [
        ("/content", "u1"),
        ("/content", "s2"),
        ("/args/ssn", "u1"),
        ("/result/ssn", "u1"),
        ("/content", "u3"),
        ("/result", "u1"),
    ]


def test_of_a_log_whose_events_do_not_tell_what_is_secret_what_is_missing_may_be(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(gate, "detach", lambda *told: detach(*told[:4]))
    store = recorded()
    assert len(found(store)) == 3, "as if values had been taken away"
    monkeypatch.setattr(values, "TELLS_SECRETS", BASE_GENERATION + 1)
    assert found(store) == []


def test_a_value_that_was_appended_behind_the_last_that_was_read_is_no_break(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = recorded()
    kept = list(store.kept("acme"))
    for read in range(len(kept)):
        monkeypatch.setattr(store, "kept", lambda _tenant, rows=kept[:read]: iter(rows))
        assert found(store) == []


Alter = Callable[[Detached], Detached | None]

ALTERATIONS: dict[str, tuple[Alter, str]] = {
    "salt": (lambda row: replace(row, salt=bytes(31) + b"1"), "not the one its event is committed"),
    "value": (lambda row: replace(row, value=b'"other"'), "not the one its event is committed"),
    "pointer": (lambda row: replace(row, pointer="/x"), "not the one its event is committed"),
    "subject": (lambda row: replace(row, subject="u9"), "kept for another subject"),
    "moved": (lambda row: replace(row, position=row.position + 1), "is missing, and no PAYLOAD"),
    "no event": (lambda row: replace(row, position=10**9), "of an event that is not there"),
    "deleted": (lambda _row: None, "is missing, and no PAYLOAD_ERASED tells of it"),
}


@pytest.mark.parametrize("name", sorted(ALTERATIONS))
@pytest.mark.parametrize("number", range(6))
def test_a_value_that_the_log_does_not_tell_of_is_a_break(name: str, number: int) -> None:
    alter, detail = ALTERATIONS[name]
    store = recorded()
    log = store._tenants["acme"]
    row = places(log)[number]
    del log.detached[row.position][row.pointer]
    other = alter(row)
    if other is not None:
        log.detached.setdefault(other.position, {})[other.pointer] = other
    told = found(store)
    assert all(each.startswith("detached: ") for each in told)
    assert any(detail in each for each in told), told


def test_a_value_that_was_told_to_be_erased_and_is_there_is_a_break() -> None:
    store = recorded()
    log = store._tenants["acme"]
    (last,) = [row for row in places(log) if row.subject == "u3"]
    before = next(event for event in log.events if event.user_id == "u3")
    log.detached[before.position] = {last.pointer: replace(last, position=before.position)}
    assert any("is told to be erased, and is there" in each for each in found(store))


def test_an_erasure_behind_the_last_event_that_was_read_is_no_break(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    store = recorded()
    read = store.events
    at = next(each.position for each in read("acme") if each.event_type == "PAYLOAD_ERASED")

    def events(tenant_id: str, *, from_position: int = 0, limit: int | None = None) -> object:
        rows = read(tenant_id, from_position=from_position, limit=limit)
        return (row for row in rows if from_position or row.position < at)

    monkeypatch.setattr(store, "events", events)
    assert [each for each in found(store) if each.startswith("detached")] == []


def imported(store: MemoryStore) -> tuple[str, Detached]:
    """An archive of an export without the last of its values, and that value beside its event."""
    *came, lacking = store.kept("acme")
    beside = [
        ExportedDetached(
            position=row.position,
            pointer=row.pointer,
            subject=row.subject,
            salt=row.salt,
            value=row.value.decode(),
        )
        for row in came
    ]
    lines = export_lines(Scope(tenant_id="acme"), [], store.events("acme"), beside)
    file = io.BytesIO(b"".join(lines))

    async def story() -> str:
        async with running(store, told=configured(HELD)) as engine:
            kept, _ = await engine.import_log("audit", file, author="ann", reason="case 12")
            return kept.archive

    archive = run(story())
    return archive, replace(lacking, tenant_id=archive)


@pytest.mark.parametrize(
    ("deleted", "added", "detail"), [(1, 0, "4"), (0, 1, "6"), (1, 1, "5 at other places")]
)
def test_an_archive_is_there_with_the_values_that_came_with_it_and_no_others(
    deleted: int, added: int, detail: str
) -> None:
    store = recorded()
    archive, other = imported(store)
    assert found(store) == []
    log = store._tenants[archive]
    for row in places(log)[:deleted]:
        del log.detached[row.position][row.pointer]
    if added:
        log.detached[other.position] = {other.pointer: other}
    told = f"LOG_IMPORTED counts 5 values, found beside events that hold: {detail}"
    assert found(store) == [f"detached: {told}"]
    plan = ExportPlan(tenant_id=archive, session_id=None, values=True, end=None, note="")
    with closing(PartialExport.temporary(plan)) as partial, pytest.raises(LogCorrupt, match=told):
        complete(store, None, partial, io.BytesIO())


def test_an_archive_is_the_one_that_was_imported() -> None:
    store, other = recorded(), recorded()
    archive, _ = imported(store)
    log = store._tenants[archive]
    forged = other._tenants[imported(other)[0]]
    log.events[:] = [replace(event, tenant_id=archive) for event in forged.events]
    log.detached = forged.detached
    assert found(store) == ["root: the events are others than those that LOG_IMPORTED tells of"]
    del store._tenants[archive]
    assert found(store) == [f"head: counts {len(log.events)} events of {archive}, found none"]
