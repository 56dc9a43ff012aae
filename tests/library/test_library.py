"""The gate in-process is the gate: the same events, the same refusals, one writer per log."""

import asyncio
import base64
import os
import subprocess
import sys
from pathlib import Path

import msgspec
import pytest

from aegisd import compose
from aegisd.core.errors import (
    AegisError,
    CheckpointUnknown,
    ConfigInvalid,
    InvalidField,
    LogUnavailable,
    ReservedId,
    SessionExists,
    SessionUnknown,
    Stopping,
    StoreBroken,
    TooDeep,
    Unavailable,
)
from aegisd.core.log import checkpoint, proof
from aegisd.core.log.canonical import DEPTH_MAX
from aegisd.core.log.merkle import consistent
from aegisd.core.log.note import read_key
from aegisd.library import Library, LibraryThread
from aegisd.rego import installation
from aegisd.rego.shelter import Lane
from aegisd.rows import Batch
from aegisd.signing import ed25519
from aegisd.store.memory import MemoryStore
from tests.aegis.world import run
from tests.http.door import MANIFEST, Clock, Door, call, event, message
from tests.patience import PATIENCE_S

ROOT = Path(__file__).parent.parent.parent


@pytest.fixture
def as_in_door(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock and the version of the rules that the HTTP door of the tests has."""
    monkeypatch.setattr(compose, "SystemClock", Clock)
    monkeypatch.setattr(installation, "rules_version", lambda: "tests")


# ── one gate on every path ───────────────────────────────────────────────────────────────────────


STORY: list[dict[str, object]] = [
    message(user_id="u1", agent_id="a1", ts_unix_ms=5),
    call("think", args={"b": [1, 2.5, "ü\n"], "a": None}),
    event("TOOL_CALL_EXECUTED", {"call_id": "c1"}),
    event("TOOL_RESULT", {"call_id": "c1", "result": {"n": 1}}),
    call("read_file", args={"path": "/etc/passwd"}),
    call("ask_boss"),
    call("rm_rf", call_id="mine"),
    event("ERROR_RAISED", {"code": "E", "message": "m", "call_id": "c1"}),
    event("TOOL_RESULT", {"call_id": "nobody", "content": "x"}),
    call("think", session="s2"),
    event("TERMINATION", None),
    call("think"),
]


def test_a_session_through_http_and_in_process_is_the_same_log_byte_for_byte(
    as_in_door: None, dsn: str | None
) -> None:
    with Door() as door:
        opened = door.post("/v1/sessions", {"tenant_id": "acme", "session_id": "s0"}).json()
        receipts = door.record(*STORY)
        served = list(door.store.events("acme"))
    gate = LibraryThread(Library(dsn, manifest=MANIFEST))
    told = gate.call(gate.library.open_session("acme", "s0"))
    assert msgspec.to_builtins(told) == opened
    for asked, answered in zip(STORY, receipts, strict=True):
        found = gate.call(gate.library.record(asked))
        assert msgspec.json.decode(msgspec.json.encode(found)) == answered
    assert list(gate.library.reader.events("acme")) == served
    gate.close()


def test_bytes_and_values_are_the_same_request(as_in_door: None) -> None:
    logs = []
    for as_bytes in (False, True):
        gate = LibraryThread(Library(manifest=MANIFEST))
        for asked in STORY:
            if as_bytes:
                gate.call(gate.library.append(msgspec.json.encode(asked)))
            else:
                gate.call(gate.library.record(asked))
        logs.append(list(gate.library.reader.events("acme")))
        gate.close()
    assert logs[0] == logs[1]


@pytest.mark.parametrize(
    "asked",
    [
        message("$control"),
        event("POLICY_DECISION", {}),
        event("TOOL_CALL_PROPOSED", {"tol_name": "x"}),
        event("TOOL_CALL_PROPOSED", {"tool_name": "x", "approval_id": "a"}),
        message(seq=5),
        event("USER_MESSAGE", {"content": 2**53}),
        event("TOOL_RESULT", {"call_id": "c0"}),
    ],
)
def test_what_http_refuses_is_refused_for_the_same_reason(asked: dict[str, object]) -> None:
    with Door() as door:
        problem = door.post("/v1/events", asked).json()
    gate = LibraryThread(Library(manifest=MANIFEST))
    with pytest.raises(AegisError) as caught:
        gate.call(gate.library.record(asked))
    gate.close()
    assert (caught.value.code, caught.value.message) == (problem["code"], problem["detail"])


def test_an_event_may_be_depth_max_deep_and_not_one_more(gate: LibraryThread) -> None:
    for levels, fits in ((DEPTH_MAX - 2, True), (DEPTH_MAX - 1, False)):
        value: object = 1
        for _ in range(levels):
            value = [value]
        asked = gate.library.record(event("USER_MESSAGE", {"content": value}))
        if fits:
            gate.call(asked)
        else:
            with pytest.raises(TooDeep):
                gate.call(asked)


# ── what is asked ────────────────────────────────────────────────────────────────────────────────


def test_a_batch_is_answered_in_order_and_a_retry_says_so(gate: LibraryThread) -> None:
    data = msgspec.json.encode([call(), call("rm_rf"), message()])
    first = gate.call(gate.library.append(data, idempotency_key="k1"))
    again = gate.call(gate.library.append(data, idempotency_key="k1"))
    outcomes = [each.decision and each.decision.outcome for each in first]
    assert outcomes == ["allow", "deny", None]
    assert (tuple(first), first.replayed, again.replayed) == (tuple(again), False, True)
    lines = b"\n".join(msgspec.json.encode(message()) for _ in range(3))
    assert len(gate.call(gate.library.append(lines, ndjson=True))) == 3


def test_a_conflict_inside_a_batch_names_its_item_and_nothing_is_written(
    gate: LibraryThread,
) -> None:
    gate.call(gate.library.record(call(call_id="mine")))
    before = gate.library.reader.next_position("acme")
    with pytest.raises(AegisError, match=r"^item 1: call_id") as caught:
        gate.call(gate.library.append(msgspec.json.encode([message(), call(call_id="mine")])))
    assert caught.value.details["index"] == 1
    assert gate.library.reader.next_position("acme") == before


def test_a_key_that_is_no_id_is_refused(gate: LibraryThread) -> None:
    with pytest.raises(InvalidField):
        gate.call(gate.library.append(msgspec.json.encode(message()), idempotency_key="a b"))


def test_a_check_records_nothing(gate: LibraryThread) -> None:
    ask = gate.library.check
    with pytest.raises(SessionUnknown):
        gate.call(ask(call()))
    gate.call(gate.library.open_session("acme", "s1"))
    before = gate.library.reader.next_position("acme")
    found = gate.call(ask(call("rm_rf")))
    assert found is not None
    assert found.outcome == "deny"
    assert gate.call(ask(message())) is None
    assert gate.library.reader.next_position("acme") == before


def test_a_session_is_opened_once_under_a_name_of_its_own_or_a_made_up_one(
    gate: LibraryThread,
) -> None:
    made = {gate.call(gate.library.open_session("acme")).session_id for _ in range(2)}
    assert len(made) == 2
    gate.call(gate.library.open_session("acme", "s1", user_id="u", agent_id="a", meta={"k": 1}))
    with pytest.raises(SessionExists):
        gate.call(gate.library.open_session("acme", "s1"))
    (row,) = gate.library.reader.session_events("acme", "s1")
    assert (row.user_id, row.agent_id) == ("u", "a")


def test_snapshot_verification_and_events_are_those_of_the_log(gate: LibraryThread) -> None:
    gate.call(gate.library.record(call()))
    snapshot = gate.call(gate.library.snapshot("acme", "s1"))
    assert (snapshot.steps_consumed, [each.call_id for each in snapshot.open_calls]) == (1, ["c0"])
    held = gate.call(gate.library.verify("acme", "s1"))
    assert (held.valid, held.events, held.breaks) == (True, 2, [])
    whole = gate.call(gate.library.events("acme"))
    session = gate.call(gate.library.events("acme", "s1"))
    assert [each.position for each in whole] == [0, 1, 2, 3]
    assert whole[2:] == session
    assert gate.call(gate.library.events("nobody")) == []
    for ask in (gate.library.snapshot, gate.library.verify):
        with pytest.raises(SessionUnknown):
            gate.call(ask("acme", "nowhere"))


def test_a_manifest_and_rules_are_put_in_force_by_somebody(gate: LibraryThread) -> None:
    ask = gate.library
    wide = {**MANIFEST, "tools": {"rm_rf": {"risk": "low"}}}
    gate.call(ask.record(call("rm_rf")))
    receipt = gate.call(ask.register_manifest("acme", wide, author="ann", reason="wider"))
    assert (receipt.author, receipt.name) == ("ann", "notes")
    found = gate.call(ask.record(call("rm_rf")))
    assert found.decision is not None
    assert found.decision.outcome == "allow"
    rules = 'package aegis.rules\nimport rego.v1\ndeny contains {"message": "no"} if true\n'
    gate.call(ask.activate_policy("acme", {"a.rego": rules}, author="ann", reason="stop"))
    found = gate.call(ask.record(call("rm_rf")))
    assert found.decision is not None
    assert found.decision.reason == "POLICY_DENY"


def test_an_act_names_a_person_and_a_reason(gate: LibraryThread) -> None:
    ask = gate.library.register_manifest
    with pytest.raises(ReservedId):
        gate.call(ask("acme", MANIFEST, author="config", reason="x"))
    with pytest.raises(InvalidField, match="reason"):
        gate.call(ask("acme", MANIFEST, author="ann", reason=""))


# ── what cannot be honoured ──────────────────────────────────────────────────────────────────────


def test_a_start_that_cannot_be_honoured_says_why_and_leaves_no_lock(tmp_path: Path) -> None:
    dsn = str(tmp_path / "a.db")
    missing = tmp_path / "none.json"
    (tmp_path / "bad.json").write_text("{")
    with pytest.raises(ConfigInvalid, match="cannot be read: No such file"):
        LibraryThread(Library(dsn, manifest=missing))
    with pytest.raises(ConfigInvalid, match=r"bad\.json: expected"):
        LibraryThread(Library(dsn, manifest=tmp_path / "bad.json"))
    with pytest.raises(ConfigInvalid, match=r"policy\.engine"):
        LibraryThread(Library(dsn, evaluator="prolog"))
    with pytest.raises(AegisError, match="broken"):
        LibraryThread(Library(dsn, policy={"broken.rego": "package"}))
    LibraryThread(Library(dsn)).close()


def test_a_start_against_an_operators_later_act_is_refused_and_leaves_no_lock(
    tmp_path: Path,
) -> None:
    dsn = str(tmp_path / "a.db")
    gate = LibraryThread(Library(dsn, manifest=MANIFEST))
    other = {**MANIFEST, "version": "2"}
    gate.call(gate.library.register_manifest("acme", other, author="ann", reason="new"))
    gate.close()
    with pytest.raises(ConfigInvalid, match="ann"):
        LibraryThread(Library(dsn, manifest=MANIFEST))
    LibraryThread(Library(dsn)).close()


def test_a_log_in_a_file_is_signed_and_proved_and_one_in_memory_is_not(
    gate: LibraryThread, dsn: str | None
) -> None:
    library = gate.library
    for _ in range(3):
        gate.call(library.record(message()))
    if dsn is None:
        for ask in (
            library.checkpoint("acme"),
            library.signing_keys(),
            library.inclusion("acme", 0),
        ):
            with pytest.raises(CheckpointUnknown):
                gate.call(ask)
        with pytest.raises(CheckpointUnknown):
            gate.call(library.consistency("acme", 1))
        return
    first = gate.call(library.checkpoint("acme"))
    gate.call(library.record(message()))
    signed = gate.call(library.checkpoint("acme"))
    told = gate.call(library.signing_keys())
    keys = [read_key(key) for key in told.keys]
    head = checkpoint.verify(signed.note, keys, ed25519.check)
    assert (head.origin, head.size) == (f"{told.log_name}/acme", first.size + 1)
    assert head.root.hex() == signed.root
    proved = gate.call(library.inclusion("acme", 1, wait_ms=10))
    file = proof.read(proved.proof)
    assert proof.verify(file, bytes.fromhex(proved.hash), keys, ed25519.check) == head
    assert gate.call(library.inclusion("acme", 1, size=first.size)).checkpoint == first.note
    grown = gate.call(library.consistency("acme", first.size))
    path = list(map(base64.b64decode, grown.hashes))
    assert consistent(first.size, grown.second, bytes.fromhex(first.root), head.root, path)
    gate.close()
    with pytest.raises(Stopping):
        gate.call(library.checkpoint("acme"))


def test_a_log_has_one_writer(tmp_path: Path) -> None:
    dsn = str(tmp_path / "a.db")
    gate = LibraryThread(Library(dsn))
    with pytest.raises(ConfigInvalid, match="one process at a time"):
        LibraryThread(Library(dsn))
    told = subprocess.run(
        [sys.executable, "-m", "aegisd.daemon", "--dsn", dsn, "--addr", "127.0.0.1:0"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    gate.close()
    assert f"locked by process {os.getpid()}" in told.stderr or told.returncode == 0


def lanes_of(opened: Library) -> list[Lane]:
    shelter = opened._judge._shelter
    return [shelter._judging, shelter._trying]


def test_a_library_is_used_on_the_loop_that_started_it(dsn: str | None) -> None:
    rules = 'package aegis.rules\nimport rego.v1\ndeny contains {"message": "no"} if false\n'
    opened = Library(dsn, manifest=MANIFEST, policy={"a.rego": rules})

    async def early() -> None:
        with pytest.raises(Unavailable, match="another event loop"):
            await opened.record(call())

    async def story() -> None:
        await opened.start()
        receipts = await asyncio.gather(*(opened.record(call()) for _ in range(20)))
        assert len({each.seq for each in receipts}) == 20

    async def late() -> None:
        with pytest.raises(Unavailable, match="another event loop"):
            await opened.record(call())

    run(early())
    run(story())
    run(late())
    children = [lane._child for lane in lanes_of(opened)]
    run(opened.close())
    # What judges beside the process ends with it, on this way out as on the others.
    assert [child is not None and child._process.returncode for child in children] == [-9, -9]


def test_a_broken_log_breaks_the_gate_and_not_the_process(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    gate = LibraryThread(Library(manifest=MANIFEST))
    gate.call(gate.library.record(call()))

    def fail(_store: MemoryStore, _batch: Batch) -> None:
        raise StoreBroken("the disk is gone")

    monkeypatch.setattr(MemoryStore, "append", fail)
    with pytest.raises(LogUnavailable):
        gate.call(gate.library.record(call()))
    monkeypatch.undo()
    works = [
        gate.library.record(call()),
        gate.library.check(call()),
        gate.library.append(msgspec.json.encode(call())),
        gate.library.snapshot("acme", "s1"),
    ]
    for work in works:
        with pytest.raises(Unavailable, match="broken"):
            gate.call(work)
    assert "the disk is gone" in caplog.text
    gate.close()
