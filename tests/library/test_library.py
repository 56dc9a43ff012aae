"""The gate in-process is the gate: the same events, the same refusals, one writer per log."""

import asyncio
import base64
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Coroutine, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from aegisd import compose, reaper
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
from aegisd.rows import Batch
from aegisd.signing import ed25519
from aegisd.store.memory import MemoryStore
from tests.core.builders import verify
from tests.http.door import MANIFEST, Clock, Door, call, event, message
from tests.patience import PATIENCE_S, until

ROOT = Path(__file__).parent.parent


@pytest.fixture(params=["memory", "sqlite"])
def dsn(request: pytest.FixtureRequest, tmp_path: Path) -> str | None:
    return None if request.param == "memory" else str(tmp_path / "aegis.db")


@pytest.fixture
def gate(dsn: str | None) -> Iterator[LibraryThread]:
    opened = LibraryThread(Library(dsn, manifest=MANIFEST))
    yield opened
    opened.close()


@pytest.fixture
def as_in_door(monkeypatch: pytest.MonkeyPatch) -> None:
    """The clock and the version of the rules that the HTTP door of the tests has."""
    monkeypatch.setattr(compose, "SystemClock", Clock)
    monkeypatch.setattr(installation, "rules_version", lambda: "tests")


def run(story: Coroutine[Any, Any, object]) -> None:
    asyncio.run(asyncio.wait_for(story, PATIENCE_S))


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


# ── threads and loops ────────────────────────────────────────────────────────────────────────────


def test_eight_threads_lose_no_event_and_the_chain_holds(gate: LibraryThread) -> None:
    failures: list[AegisError] = []

    def work(number: int) -> None:
        try:
            for turn in range(20):
                session = "shared" if turn % 2 else f"t{number}"
                gate.call(gate.library.record(call(session=session)))
        except AegisError as error:
            failures.append(error)

    threads = [threading.Thread(target=work, args=(number,)) for number in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    rows = list(gate.library.reader.events("acme"))
    assert list(verify(rows, whole=True)) == []
    assert sum(row.event_type == "TOOL_CALL_PROPOSED" for row in rows) == 160
    assert sum(row.session_id == "shared" for row in rows) == 160


def test_a_caller_on_another_loop_waits_without_holding_it_up(gate: LibraryThread) -> None:
    async def story() -> None:
        works = [gate.call_async(gate.library.record(call())) for _ in range(20)]
        receipts = await asyncio.gather(*works)
        assert sorted(each.seq for each in receipts) == list(range(0, 40, 2))
        with pytest.raises(SessionUnknown):
            await gate.call_async(gate.library.verify("acme", "nowhere"))

    run(story())


def test_a_caller_that_gives_up_disturbs_nobody(gate: LibraryThread) -> None:
    async def story() -> None:
        task = asyncio.create_task(gate.call_async(gate.library.record(call())))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        await gate.call_async(gate.library.record(call()))

    run(story())
    assert gate.call(gate.library.verify("acme", "s1")).events == 4


def test_the_gates_own_thread_cannot_wait_for_itself(gate: LibraryThread) -> None:
    async def story() -> None:
        gate.call(gate.library.record(call()))

    with pytest.raises(Unavailable, match="own thread"):
        gate.call(story())


def test_a_library_is_used_on_the_loop_that_started_it(dsn: str | None) -> None:
    opened = Library(dsn, manifest=MANIFEST)

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
    run(opened.close())


# ── the end ──────────────────────────────────────────────────────────────────────────────────────


def test_a_closed_gate_answers_nobody_and_the_next_one_finds_the_log(tmp_path: Path) -> None:
    dsn = str(tmp_path / "a.db")
    gate = LibraryThread(Library(dsn, manifest=MANIFEST))
    gate.call(gate.library.record(call()))
    gate.close()
    gate.close()
    for ask in (gate.library.record(call()), gate.library.snapshot("acme", "s1")):
        with pytest.raises(Stopping, match="closed"):
            gate.call(ask)
    again = LibraryThread(Library(dsn, manifest=MANIFEST))
    assert again.call(again.library.record(call())).seq == 2
    assert again.call(again.library.verify("acme", "s1")).valid
    again.close()


def test_closing_answers_what_is_asked_already_and_keeps_nobody_waiting(dsn: str | None) -> None:
    gate = LibraryThread(Library(dsn, manifest=MANIFEST))
    gate.call(gate.library.record(call()))
    seen: list[str] = []

    def work() -> None:
        while True:
            try:
                gate.call(gate.library.record(call()))
                seen.append("ok")
            except AegisError as error:
                seen.append(error.code)
                return

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    until(lambda: len(seen) >= 20)
    gate.close()
    for thread in threads:
        thread.join(PATIENCE_S)
    assert not any(thread.is_alive() for thread in threads)
    assert [code for code in seen if code != "ok"] == ["stopping"] * 8
    if dsn is not None:
        again = LibraryThread(Library(dsn, manifest=MANIFEST))
        recorded = again.call(again.library.verify("acme", "s1"))
        assert recorded.valid
        assert recorded.events == 2 + 2 * seen.count("ok")
        again.close()


def test_work_that_the_loop_never_came_to_is_answered_at_the_end(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    gate = LibraryThread(Library(manifest=MANIFEST))
    seen: list[str] = []

    def work() -> None:
        with pytest.raises(Stopping):
            gate.call(gate.library.record(call()))
        seen.append("answered")

    monkeypatch.setattr(gate, "_tell", lambda _what: True)
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    until(lambda: gate._waiting)
    monkeypatch.undo()
    gate.close()
    thread.join(PATIENCE_S)
    assert seen == ["answered"]


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
    asks: list[Callable[[], Coroutine[Any, Any, object]]] = [
        lambda: gate.library.record(call()),
        lambda: gate.library.check(call()),
        lambda: gate.library.append(msgspec.json.encode(call())),
        lambda: gate.library.snapshot("acme", "s1"),
    ]
    for ask in asks:
        with pytest.raises(Unavailable, match="broken"):
            gate.call(ask())
    assert "the disk is gone" in caplog.text
    gate.close()


def test_a_forked_child_cannot_use_its_parents_gate_nor_keep_its_log(tmp_path: Path) -> None:
    dsn = str(tmp_path / "a.db")
    gate = LibraryThread(Library(dsn, manifest=MANIFEST))
    gate.call(gate.library.record(call()))
    told, proceed = os.pipe(), os.pipe()
    child = os.fork()
    if child == 0:
        try:
            gate.call(gate.library.record(call()))
        except Unavailable as error:
            os.write(told[1], error.message.encode())
        gate.close()
        os.read(proceed[0], 1)
        os._exit(0)
    said = os.read(told[0], 1000).decode()
    assert f"belongs to process {os.getpid()}" in said
    assert gate.call(gate.library.record(call())).seq == 2
    gate.close()
    again = LibraryThread(Library(dsn, manifest=MANIFEST))
    assert again.call(again.library.verify("acme", "s1")).events == 4
    again.close()
    os.write(proceed[1], b"x")
    assert os.waitpid(child, 0)[1] == 0
    for descriptor in (*told, *proceed):
        os.close(descriptor)


LEFT_OPEN = """
import atexit, sys
from aegis import Gate
gate = Gate(log=sys.argv[1], manifest="manifests/quickstart.json")
atexit.register(lambda: print(type(gate).__name__, "at exit"))
print(gate.propose("read_file", {"path": "/workspace/a"}).outcome)
"""


def test_a_gate_left_open_ends_with_the_interpreter(tmp_path: Path) -> None:
    dsn = str(tmp_path / "a.db")
    ended = subprocess.run(
        [sys.executable, "-c", LEFT_OPEN, dsn],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
        timeout=PATIENCE_S,
    )
    assert (ended.returncode, ended.stdout, ended.stderr) == (0, "allow\nGate at exit\n", "")
    again = LibraryThread(Library(dsn))
    assert [len(again.call(again.library.events("local"))), again.library.reader.tenants()] == [
        4,
        ["local"],
    ]
    again.close()


INTERRUPTED = """
import sys, threading, time
from aegisd.library import Library, LibraryThread
from aegisd.store.memory import MemoryStore
entered, door = threading.Event(), threading.Event()
gate = LibraryThread(Library())
async def hang():
    entered.set()
    import asyncio
    await asyncio.sleep(600)
threading.Thread(target=lambda: (entered.wait(), print("waiting", flush=True))).start()
try:
    gate.call(hang())
except KeyboardInterrupt:
    print("interrupted", flush=True)
gate.close()
print("closed", flush=True)
"""


@pytest.mark.usefixtures("interruptible")
def test_an_interrupt_ends_the_wait_and_the_gate_still_closes() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", INTERRUPTED], cwd=ROOT, stdout=subprocess.PIPE, text=True
    ) as started:
        reaper.keep(started)
        assert started.stdout is not None
        assert started.stdout.readline() == "waiting\n"
        started.send_signal(signal.SIGINT)
        try:
            assert started.communicate(timeout=PATIENCE_S)[0] == "interrupted\nclosed\n"
        finally:
            started.kill()
    assert started.returncode == 0
