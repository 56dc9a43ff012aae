"""What an author sees: a decision that is true only when it allows, sessions, and a clean end."""

import gc
import statistics
import subprocess
import sys
import threading
import weakref
from pathlib import Path

import pytest

import aegis
from aegis import AegisError, AsyncGate, Denied, Gate, Session, Unavailable
from aegisd import library
from aegisd.core.errors import ConfigInvalid, Stopping
from tests.aegis.world import MANIFEST, run, told
from tests.core.builders import verify
from tests.http.door import MANIFEST as DOOR_MANIFEST
from tests.http.door import Clock, Door, call, event, message

ROOT = Path(__file__).parent.parent.parent


def test_the_first_lines_of_the_manual() -> None:
    with Gate(manifest=ROOT / "manifests" / "quickstart.json") as gate:
        decision = gate.propose("read_file", {"path": "/workspace/notes.txt"})
        assert (decision.outcome, decision.reason, decision.allowed) == ("allow", "OK", True)
        assert decision.constraints == {"timeout_ms": 30_000, "max_output_bytes": 1_048_576}


def test_without_a_manifest_nothing_is_allowed() -> None:
    with Gate() as gate:
        assert not gate.propose("think")


def test_a_session_through_http_and_a_gate_is_the_same_log_byte_for_byte(
    monkeypatch: pytest.MonkeyPatch, log: Path | None
) -> None:
    monkeypatch.setattr("aegisd.compose.SystemClock", Clock)
    monkeypatch.setattr("aegisd.rego.installation.rules_version", lambda: "tests")
    with Door() as door:
        door.post("/v1/sessions", {"tenant_id": "acme", "session_id": "s1", "meta": {"k": 1}})
        door.record(
            message(),
            call("think", args={"a": [1.5, "ü"]}),
            event("TOOL_CALL_EXECUTED", {"call_id": "c2"}),
            event("TOOL_RESULT", {"call_id": "c2", "content": "text"}),
            call("read_file", args={"path": "/etc/passwd"}),
            call("ask_boss", call_id="mine"),
            event("ERROR_RAISED", {"code": "E", "message": "m", "call_id": "c2"}),
            event("TERMINATION", {"reason": "done"}),
            call("think"),
        )
        served = list(door.store.events("acme"))
    with Gate(log=log, manifest=DOOR_MANIFEST, tenant_id="acme", session_id="s1") as gate:
        gate.begin({"k": 1})
        gate.message("hello")
        gate.propose("think", {"a": (1.5, "ü")})
        gate.executed("c2")
        gate.result("c2", "text")
        gate.propose("read_file", {"path": "/etc/passwd"})
        gate.propose("ask_boss", call_id="mine")
        gate.error("E", "m", call_id="c2")
        gate.end("done")
        assert gate.propose("think").reason == "SESSION_TERMINATED"
        assert list(gate.reader.events("acme")) == served


def test_eight_threads_on_one_gate_lose_no_event_and_the_chain_holds(gate: Gate) -> None:
    @gate.governed
    def think(turn: int) -> int:
        return turn

    failures: list[Exception] = []

    def work() -> None:
        try:
            assert [think(turn) for turn in range(15)] == list(range(15))
        except (AegisError, Denied, AssertionError) as error:
            failures.append(error)

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    rows = list(gate.reader.events("local"))
    assert list(verify(rows, whole=True)) == []
    assert len(list(gate.reader.session_events("local", "s1"))) == 8 * 15 * 4
    assert gate.snapshot().open_calls == []


# ── on the author's own loop ─────────────────────────────────────────────────────────────────────


def test_an_async_gate_does_on_the_authors_loop_what_a_gate_does(log: Path | None) -> None:
    async def story() -> None:
        gate = AsyncGate(log=log, manifest=MANIFEST, session_id="s1")
        async with gate:
            threads = threading.active_count()
            await gate.begin()
            await gate.message("hello")
            decision = await gate.propose("think")
            assert decision
            assert decision.call_id is not None
            await gate.executed(decision.call_id)
            await gate.result(decision.call_id, "text")
            await gate.error("E", "m", call_id=decision.call_id)
            assert (await gate.check("rm_rf")).outcome == "deny"
            assert not await gate.session("s2").propose("rm_rf")
            assert (await gate.record("TERMINATION", None)).decision is None
            assert (await gate.session("s2").end()).released
            assert (await gate.snapshot()).terminated
            assert (await gate.verify()).valid
            act = {"author": "ann", "reason": "test"}
            assert (await gate.register_manifest(MANIFEST, **act)).name == "notes"
            assert (await gate.activate_policy({}, **act)).author == "ann"
            assert not any(each.name == "aegis" for each in threading.enumerate())
            assert threads <= threading.active_count()
            assert len(told(gate.reader)) == 8
        with pytest.raises(Stopping):
            await gate.propose("think")
        with pytest.raises(ConfigInvalid, match="entered before"):
            await gate.__aenter__()

    run(story())


def test_an_async_gate_that_was_not_entered_decides_nothing() -> None:
    async def story() -> None:
        gate = AsyncGate(manifest=MANIFEST)
        with pytest.raises(Unavailable, match="enter this gate first"):
            await gate.propose("think")
        await gate.close()

    run(story())


# ── the end ──────────────────────────────────────────────────────────────────────────────────────


def test_a_closed_gate_decides_nothing_and_its_sessions_neither(gate: Gate) -> None:
    session = gate.session()
    gate.close()
    gate.close()
    for ask in (gate.propose, session.propose):
        with pytest.raises(Stopping, match="closed"):
            ask("think")


def test_a_session_keeps_its_gate_open_and_a_dropped_gate_closes(tmp_path: Path) -> None:
    session: Session | None = Gate(log=tmp_path / "a.db", manifest=MANIFEST).session()
    gc.collect()
    assert session is not None
    assert session.propose("think")
    gone = weakref.ref(session)
    session = None
    gc.collect()
    assert gone() is None
    Gate(log=tmp_path / "a.db", manifest=MANIFEST).close()


def test_a_durable_log_goes_on_where_it_ended(tmp_path: Path) -> None:
    for seq in (0, 2, 4):
        with Gate(log=tmp_path / "a.db", manifest=MANIFEST) as gate:
            assert gate.session("s1").propose("think").seq == seq


def test_an_operator_changes_what_is_in_force(gate: Gate) -> None:
    assert not gate.propose("rm_rf")
    wider = {**MANIFEST, "tools": {"rm_rf": {"risk": "low"}}}
    assert gate.register_manifest(wider, author="ann", reason="wider").name == "notes"
    assert gate.propose("rm_rf")
    rules = {"a.rego": 'package aegis.rules\nimport rego.v1\ndeny contains {"message": "no"}\n'}
    gate.activate_policy(rules, author="ann", reason="stop")
    assert gate.propose("rm_rf").reason == "POLICY_DENY"


# ── what an import costs ─────────────────────────────────────────────────────────────────────────


# What only a server, a command line or a gate that was made has use for.
HEAVY = frozenset(
    {"starlette", "uvicorn", "httptools", "httpx", "click", "rich", "regopy", "aegis_regorus"}
)


def loaded(code: str) -> set[str]:
    """Top-level modules and rooms of ours that a fresh interpreter has after running `code`."""
    script = f"{code}\nimport sys\nprint(*sys.modules)"
    ran = subprocess.run(
        [sys.executable, "-c", script], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return set(ran.stdout.split())


def test_importing_aegis_loads_no_server_no_engine_and_no_loop() -> None:
    modules = loaded("import aegis")
    assert not modules & HEAVY
    assert not modules & {"asyncio", "sqlite3", "aegisd.engine", "aegisd.library", "aegisd.rego"}


def test_a_gate_that_was_made_has_loaded_no_server() -> None:
    modules = loaded("from aegis import Gate\nwith Gate() as gate: gate.propose('x')")
    assert not modules & (HEAVY - {"regopy", "aegis_regorus"})
    assert "aegisd.http" not in modules


def test_importing_aegis_takes_no_longer_than_a_tenth_of_a_second_over_a_bare_start() -> None:
    def seconds(code: str) -> float:
        timed = (
            f"import time; began = time.process_time(); {code}; print(time.process_time() - began)"
        )
        ran = [
            subprocess.run(
                [sys.executable, "-c", timed], cwd=ROOT, check=True, capture_output=True, text=True
            )
            for _ in range(5)
        ]
        return statistics.median(float(each.stdout) for each in ran)

    # Processor time, so that a busy machine does not count; and a slow one is slow for everybody:
    # against what every async program pays.
    assert seconds("import aegis") < max(0.1, 3 * seconds("import asyncio"))


def test_what_the_package_offers_is_there_and_typed() -> None:
    assert all(hasattr(aegis, name) for name in aegis.__all__)
    assert (Path(aegis.__file__).parent / "py.typed").is_file()
    assert all(hasattr(library, name) for name in library.__all__)
