"""A library that any number of threads use: it runs on a loop of its own, and ends in order."""

import asyncio
import os
import signal
import subprocess
import sys
import threading
from pathlib import Path

import pytest

from aegisd import reaper
from aegisd.core.errors import AegisError, SessionUnknown, Stopping, Unavailable
from aegisd.library import Library, LibraryThread
from tests.aegis.world import run
from tests.core.builders import verify
from tests.http.door import MANIFEST, call
from tests.patience import PATIENCE_S, until

ROOT = Path(__file__).parent.parent.parent


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
