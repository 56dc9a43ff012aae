"""The contract suite on SQLite, and what a disk or a kill can do to a commit."""

import os
import resource
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import IO

import pytest
from hypothesis import settings
from hypothesis.stateful import rule
from msgspec.structs import replace

from aegisd.core.errors import ConfigInvalid, PositionConflict
from aegisd.store.sqlite.reader import SqliteReader
from aegisd.store.sqlite.store import STATEMENT_ROWS_MAX, SqliteStore
from tests.effort import times
from tests.store.contract import (
    EvidenceContract,
    StoreContract,
    StoreMachine,
    batch,
    document,
    event,
    snapshot,
)


class TestSqliteStore(StoreContract, EvidenceContract):
    @pytest.fixture
    def store(self, path: Path) -> Iterator[SqliteStore]:
        opened = SqliteStore(str(path))
        yield opened
        opened.close()


class SqliteMachine(StoreMachine):
    def open_store(self) -> SqliteStore:
        if not hasattr(self, "folder"):
            self.folder = Path(tempfile.mkdtemp())
        return SqliteStore(str(self.folder / "aegis.db"))

    @rule()
    def close_and_open_again(self) -> None:
        self.store.close()
        self.store = self.open_store()

    def teardown(self) -> None:
        super().teardown()
        shutil.rmtree(self.folder)


TestSqliteMachine = SqliteMachine.TestCase
# Each step commits to a disk.
TestSqliteMachine.settings = settings(max_examples=times(15, 500), stateful_step_count=20)


# ── commits ──────────────────────────────────────────────────────────────────────────────────────


def test_every_commit_is_synced_before_it_is_answered(store: SqliteStore) -> None:
    wanted = {"journal_mode": "wal", "synchronous": 2, "mmap_size": 0, "page_size": 8192}
    assert {
        name: store._writer.execute(f"PRAGMA {name}").fetchone()[0] for name in wanted
    } == wanted


@pytest.mark.parametrize("size", [1, STATEMENT_ROWS_MAX])
def test_a_batch_is_one_statement_so_that_a_busy_thread_delays_it_once(
    store: SqliteStore, size: int
) -> None:
    assert statements(store, size) == ["INSERT"]


def test_a_batch_past_the_bound_of_a_statement_is_still_one_transaction(store: SqliteStore) -> None:
    verbs = ["BEGIN", "SELECT", "INSERT", "INSERT", "COMMIT"]
    assert statements(store, STATEMENT_ROWS_MAX + 1) == verbs


def statements(store: SqliteStore, size: int) -> list[str]:
    """The verbs of the statements that an append of this many events runs."""
    seen: list[str] = []
    store.probe()
    store._writer.set_trace_callback(seen.append)
    store.append(batch([event(i) for i in range(size)]))
    # A statement is reported again for each run of a trigger.
    return [sql.split()[0] for sql in dict.fromkeys(seen)]


def test_what_was_appended_is_there_after_a_restart(path: Path) -> None:
    first = SqliteStore(str(path))
    first.append(batch([event(0)], documents=[document(b"m")]))
    first.keep([snapshot(b"s")])
    first.close()
    again = SqliteStore(str(path))
    StoreContract.assert_holds(again, [event(0)])
    assert again.document(document(b"m").digest) == document(b"m")
    assert again.snapshot("acme", "s") == snapshot(b"s")
    again.append(batch([event(1)]))
    again.close()


def test_one_process_at_a_time_has_the_log_by_whatever_name(store: SqliteStore, path: Path) -> None:
    (path.parent / "link.db").symlink_to(path)
    for name in (path, path.parent / "link.db", path.parent / "." / "aegis.db"):
        with pytest.raises(ConfigInvalid, match=f"locked by process {os.getpid()}"):
            SqliteStore(str(name))
    store.append(batch([event(0)]))


def test_a_start_that_failed_gives_the_lock_back(path: Path) -> None:
    path.write_text("not a database, but long enough to be looked at by SQLite" * 99)
    for _ in range(2):
        with pytest.raises(ConfigInvalid, match="not an SQLite database"):
            SqliteStore(str(path))


def test_a_conflict_in_the_middle_of_a_transaction_rolls_it_back(store: SqliteStore) -> None:
    store.append(batch([event(0)]))
    with pytest.raises(PositionConflict):
        store.append(batch([event(5)], documents=[document(b"m")]))
    assert not store._writer.in_transaction


def test_a_value_sqlite_cannot_hold_rolls_back_and_passes_on(store: SqliteStore) -> None:
    wrong = replace(event(0), ts_unix_ms=2**63)
    with pytest.raises(OverflowError):
        store.append(batch([wrong], documents=[document(b"m")]))
    assert not store._writer.in_transaction
    store.append(batch([event(0)]))


# ── the process ──────────────────────────────────────────────────────────────────────────────────


APPEND = """
import sys
from aegisd.core.errors import AegisError
from aegisd.store.sqlite.store import SqliteStore
from tests.store.contract import batch, event, document, snapshot
store = SqliteStore(sys.argv[1])
at = store.next_position("acme")
try:
    while True:
        size = 1 + at % 5
        extra = [document(b"%d" % at)] if at % 3 == 0 else []
        store.append(batch([event(at + i, seq=at + i) for i in range(size)], documents=extra))
        at += size
        print(at, flush=True)
except AegisError as error:
    print(error.code, flush=True)
"""


def appending(path: Path, **options: object) -> "subprocess.Popen[str]":
    """Start a process that appends to `path` and prints each next position once acknowledged."""
    command = [sys.executable, "-c", APPEND, str(path)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True, **options)  # type: ignore[call-overload,no-any-return] # options of Popen


def output(process: "subprocess.Popen[str]") -> IO[str]:
    """What the process prints."""
    assert process.stdout is not None
    return process.stdout


def killed_after(path: Path, lines: int) -> int:
    """Kill a process without warning after some acknowledged batches; return the last answer."""
    with appending(path) as process:
        said = [output(process).readline() for _ in range(lines)]
        process.send_signal(signal.SIGKILL)
        said += output(process).read().split()
    return int(said[-1])


def test_every_acknowledged_row_survives_a_kill(path: Path) -> None:
    acknowledged = 0
    for lines in (1, 2, 5, 13, 34, 89):
        acknowledged = max(acknowledged, killed_after(path, lines))
        reader = SqliteReader(str(path))
        rows = list(reader.events("acme"))
        assert len(rows) >= acknowledged > 0
        assert rows == [event(i) for i in range(len(rows))]
        assert reader.recorded_head("acme") == (len(rows), rows[-1].hash)
        assert reader.faults() == []
        reader.close()


def test_a_reader_leaves_the_log_as_a_crash_left_it(path: Path) -> None:
    killed_after(path, 20)
    files = path, path.with_name("aegis.db-wal")
    before = [file.read_bytes() for file in files]
    reader = SqliteReader(str(path))
    assert next(reader.events("acme")) == event(0)
    reader.close()
    assert [file.read_bytes() for file in files] == before


def test_a_write_that_the_kernel_refuses_ends_the_store(path: Path) -> None:
    def small_files_only() -> None:
        signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
        resource.setrlimit(resource.RLIMIT_FSIZE, (300_000, 300_000))

    with appending(path, preexec_fn=small_files_only) as process:
        *acknowledged, last = output(process).read().split()
    assert last == "store_broken"
    reader = SqliteReader(str(path))
    rows = list(reader.events("acme"))
    assert len(rows) >= int(acknowledged[-1])
    assert rows == [event(i) for i in range(len(rows))]
    reader.close()
