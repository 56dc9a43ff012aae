"""`doctor`: looks and touches nothing; says what to do where something is wrong."""

import json
import sqlite3
from pathlib import Path
from typing import NamedTuple

import pytest

from aegisctl import doctor
from aegisd.core.errors import ConfigInvalid
from aegisd.rego.engines import choose, installed
from aegisd.store.lock import LockFile
from aegisd.store.sqlite.store import SqliteStore
from tests.aegisctl.conftest import Type
from tests.audit.tampering import tamper
from tests.remote.shelf import URL, Shelf

NOBODY = "http://127.0.0.1:9"


class Usage(NamedTuple):
    """As much of a disk's usage as `doctor` reads."""

    free: int


def findings(type_: Type, *arguments: str | Path) -> tuple[int, dict[str, tuple[str, str]]]:
    typed = type_("doctor", "--json", *arguments)
    told = json.loads(typed.out)["findings"]
    return typed.code, {each["subject"]: (each["level"], each["text"]) for each in told}


@pytest.fixture(autouse=True)
def _no_server(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr("aegisctl.options.SERVER_DEFAULT", NOBODY)
    monkeypatch.chdir(tmp_path)


def test_a_healthy_log_is_well(recorded: Path, type_: Type) -> None:
    code, told = findings(type_, "--dsn", recorded)
    assert code == 0
    assert {level for level, _ in told.values()} == {"ok"}
    assert told["tenant"][1] == "zeta: 4 events"
    assert told["sqlite"][1].startswith(sqlite3.sqlite_version)
    assert told["database"][1].endswith("schema version 2")


def test_a_machine_without_a_log_is_well(type_: Type) -> None:
    code, told = findings(type_)
    assert code == 0
    assert told["database"] == ("ok", "none at aegis.db yet; aegisd makes one")


def test_a_log_that_was_named_and_is_not_there_is_a_problem(tmp_path: Path, type_: Type) -> None:
    code, told = findings(type_, "--dsn", tmp_path / "none.db")
    assert (code, told["database"][0]) == (2, "problem")


def test_a_server_that_was_named_and_does_not_answer_is_a_problem(type_: Type) -> None:
    code, told = findings(type_, "--server", NOBODY)
    assert (code, told["server"][0]) == (2, "problem")


def test_a_server_that_answers_is_well(shelf: Shelf, type_: Type) -> None:
    code, told = findings(type_, "--server", URL)
    assert (code, told["server"]) == (0, ("ok", f"{URL} takes events"))


def test_who_writes_is_named_and_not_disturbed(log_file: Path, type_: Type) -> None:
    assert findings(type_, "--dsn", log_file)[1]["writer"] == ("ok", "none, and none so far")
    lock = LockFile(f"{log_file}.lock")
    assert findings(type_, "--dsn", log_file)[1]["writer"][1].startswith("process ")
    lock.release()
    assert findings(type_, "--dsn", log_file)[1]["writer"] == ("ok", "none")
    SqliteStore(str(log_file)).close()


def test_a_cut_tail_is_a_problem(log_file: Path, type_: Type) -> None:
    tamper(log_file, "DELETE FROM events WHERE tenant_id = 'zeta' AND position = 3")
    code, told = findings(type_, "--dsn", log_file)
    assert (code, told["tenant"][0]) == (2, "problem")


@pytest.mark.parametrize(
    ("free", "level", "code"),
    [
        (doctor.DISK_LOW_BYTES, "ok", 0),
        (doctor.DISK_LOW_BYTES - 1, "warning", 1),
        (doctor.DISK_FULL_BYTES, "warning", 1),
        (doctor.DISK_FULL_BYTES - 1, "problem", 2),
    ],
)
def test_a_full_disk_is_told_before_it_denies(
    free: int, level: str, code: int, monkeypatch: pytest.MonkeyPatch, type_: Type
) -> None:
    monkeypatch.setattr("aegisctl.doctor.shutil.disk_usage", lambda _folder: Usage(free))
    told = findings(type_)
    assert (told[0], told[1]["disk"][0]) == (code, level)


def test_an_old_sqlite_is_a_problem_and_an_affected_one_is_explained(
    monkeypatch: pytest.MonkeyPatch, type_: Type
) -> None:
    monkeypatch.setattr("aegisctl.doctor.SQLITE_VERSION_MIN", (99, 0, 0))
    assert findings(type_)[0] == 2
    monkeypatch.undo()
    for affected in (True, False):
        monkeypatch.setattr("aegisctl.doctor.sqlite_version_affected", lambda told=affected: told)
        level, text = findings(type_)[1]["sqlite"]
        assert level == "ok"
        assert ("Let no other program write" in text) is affected


def test_every_engine_is_named_with_its_version_and_the_one_that_auto_takes(type_: Type) -> None:
    _, told = findings(type_)
    for name in installed():
        level, text = told[name]
        assert level == "ok"
        assert text.startswith(choose(name).version)
        assert ("which `auto` takes" in text) is (name == choose("auto").name)


def test_a_missing_native_engine_is_well_and_says_how_to_get_it(
    monkeypatch: pytest.MonkeyPatch, type_: Type
) -> None:
    monkeypatch.setattr("aegisd.rego.engines._regorus", lambda: None)
    code, told = findings(type_)
    assert code == 0
    assert "which `auto` takes" in told["regopy"][1]
    assert "pip install ./native" in told["regorus"][1]


def test_an_engine_that_cannot_be_loaded_is_a_problem(
    monkeypatch: pytest.MonkeyPatch, type_: Type
) -> None:
    for error, name in (
        (ConfigInvalid("built for another Python"), "regorus"),
        (ImportError("no library"), "regopy"),
    ):

        def fail(_name: str, error: Exception = error) -> None:
            raise error

        monkeypatch.setattr("aegisctl.doctor.choose", fail)
        code, told = findings(type_)
        assert (code, told[name][0]) == (2, "problem")
