"""Live, recovered and replayed states are one fold, after every event of every kind."""

from collections.abc import Callable
from typing import Any

import pytest

from aegisd.core.custody import LogImported, RollbackAccepted, SigningKeysChanged
from aegisd.core.events import DECLARATIONS
from aegisd.core.replay.difference import Difference
from aegisd.core.replay.judgement import judgements
from aegisd.core.state.fold import fact, fold_session, fold_tenant
from aegisd.core.state.model import SessionState, TenantState
from aegisd.engine import recovery
from aegisd.engine.commands.append import Append
from aegisd.engine.commands.command import Command
from aegisd.engine.commands.control import (
    Control,
    CorrectClock,
    Erase,
    manifest_control,
    policy_control,
)
from aegisd.engine.commands.opening import opening
from aegisd.engine.engine import Engine
from aegisd.engine.kept import Kept
from aegisd.engine.snapshots import Snapshots
from aegisd.ports import EventStore
from aegisd.store.memory import MemoryStore
from tests.core.gate import Json, ScriptedJudge, manifest, proposal
from tests.engine.world import SNAPSHOTS, ManualClock, close, live, log_of, run, running

OPENED = manifest(
    tools={
        "read_file": {"effects": ["read"], "roles": {"path": "path"}},
        "crm": {
            "roles": {"customer": "content"},
            "sensitive": {"customer": "personal"},
            "result_sensitive": {"/ssn": "personal"},
        },
    }
)

# Every agent event, in an order in which each means something, and some that nobody allowed.
AGENTS: list[tuple[str, Json | None]] = [
    ("USER_MESSAGE", {"content": "hi"}),
    ("TOOL_CALL_PROPOSED", {"tool_name": "read_file", "call_id": "t", "args": {}}),
    ("TOOL_CALL_EXECUTED", {"call_id": "t"}),
    ("TOOL_RESULT", {"call_id": "t", "result": 1.5}),
    ("TOOL_RESULT", {"call_id": "nobody", "result": 1}),
    ("TOOL_CALL_PROPOSED", {"tool_name": "nobody_declared_this"}),
    ("TOOL_CALL_PROPOSED", {"tool_name": "crm", "call_id": "p", "args": {"customer": "Ann"}}),
    ("TOOL_RESULT", {"call_id": "p", "result": {"ssn": "078-05-1120"}}),
    ("MODEL_CALL_STARTED", {"model": "m", "call_id": "m"}),
    ("MODEL_CALL_FINISHED", {"call_id": "m"}),
    ("MEMORY_WRITE", {"memory_key": "k", "content": 1}),
    ("MEMORY_READ", {"memory_key": "k"}),
    ("HANDOFF_REQUESTED", {"from_agent": "a", "to_agent": "b"}),
    ("HANDOFF_COMPLETED", {"from_agent": "a", "to_agent": "b", "success": True}),
    ("ERROR_RAISED", {"code": "e", "message": "m"}),
    ("TERMINATION", None),
    ("TOOL_CALL_PROPOSED", {"tool_name": "read_file"}),
]


def acts(judge: ScriptedJudge) -> list[Command[Any]]:
    """What a tenant's log may be told, one event after the other."""

    def control(event_type: str, payload: Callable[[str, int], object]) -> Control:
        return Control(by="ann", event_type=event_type, payload=payload)  # type: ignore[arg-type]  # structs of any kind

    agents = [
        Append(proposals=(proposal(event_type, payload, agent_id="a1", user_id="u1"),))
        for event_type, payload in AGENTS
    ]
    newer = manifest_control(manifest(version="2"), "ann", "newer")
    rules = policy_control(judge.bundle({}), "ann", "rules", 1)
    for act in (newer, rules):
        assert act.document is not None
        judge.keep(act.document)
    result = {"call_id": "x", "result": 1}
    released = Append(proposals=(proposal("TOOL_RESULT", result, session_id="s2"),))
    others: list[Command[Any]] = [
        opening("s2", user_id="u", agent_id="a2", meta={"a": 1}),
        control(
            "ROLLBACK_ACCEPTED",
            lambda by, now_ms: RollbackAccepted(
                author=by, found=1, now_ms=now_ms, reason="r", root="00" * 32, signed=2
            ),
        ),
        control(
            "SIGNING_KEYS_CHANGED",
            lambda by, now_ms: SigningKeysChanged(
                author=by, before=("a",), keys=("b",), now_ms=now_ms, reason="r"
            ),
        ),
        control(
            "LOG_IMPORTED",
            lambda by, now_ms: LogImported(
                archive="$archive.x",
                author=by,
                events=1,
                export_sha256="00" * 32,
                now_ms=now_ms,
                reason="r",
                source_tenant="t",
            ),
        ),
        newer,
        rules,
        CorrectClock(by="ann", reason="it was wrong"),
        Erase(by="ann", kept=Kept(MemoryStore(), "acme", "u1"), reason="asked to"),
        released,
    ]
    return [*agents, *others]


def folded(store: EventStore) -> tuple[TenantState, dict[str, SessionState]]:
    """The log folded from its first event, with no help."""
    tenant, sessions = TenantState(tenant_id="acme"), dict[str, SessionState]()
    for event in log_of(store):
        empty = SessionState(tenant_id="acme", session_id=event.session_id)
        seen = fact(event)
        tenant = fold_tenant(tenant, seen)
        sessions[event.session_id] = fold_session(sessions.get(event.session_id, empty), seen)
    return tenant, sessions


async def require_one(engine: Engine, store: EventStore, snapshots: Snapshots) -> None:
    """The state in memory, the one a start would have, and the fold of the log."""
    tenant, sessions = folded(store)
    resident, known = live(engine)
    assert resident == tenant == recovery.tenant_state(store, "acme", snapshots)
    assert await engine.reads.tenant("acme") == tenant
    for session_id, state in sessions.items():
        assert known.get(session_id, state) == state
        assert recovery.session_state(store, "acme", session_id, snapshots) == state


@pytest.mark.parametrize("spacing", [1, 128])
def test_states_are_one_fold_after_every_event_of_every_kind(
    reopen: Callable[[], EventStore], monkeypatch: pytest.MonkeyPatch, spacing: int
) -> None:
    monkeypatch.setattr("aegisd.engine.snapshots.SESSION_SNAPSHOT_EVENTS", spacing)
    monkeypatch.setattr("aegisd.engine.snapshots.TENANT_SNAPSHOT_EVENTS", spacing)

    async def story() -> None:
        store, judge = reopen(), ScriptedJudge()
        judge.releases = frozenset({"TOOL_RESULT"})
        before = dict[tuple[str, int], SessionState]()
        clock = ManualClock()
        async with running(store, judge=judge, clock=clock) as engine:
            await engine.register_manifest("acme", OPENED, author="ann", reason="r")
            for command in acts(judge):
                clock.jumped += 86_400_000 * isinstance(command, CorrectClock)
                await engine._submit("acme", command)
                await require_one(engine, store, SNAPSHOTS)
                for session_id, state in live(engine)[1].items():
                    before[session_id, state.next_seq] = state
        log = log_of(store)
        assert {event.event_type for event in log} == set(DECLARATIONS)
        differences = list[Difference]()
        for session_id in sorted({event.session_id for event in log}):
            own = [event for event in log if event.session_id == session_id]
            for judgement in judgements(own, judge, differences):
                at = session_id, judgement.act.cause.seq
                assert judgement.before == before.get(at, judgement.before)
        assert differences == []
        close(store)

    run(story())
