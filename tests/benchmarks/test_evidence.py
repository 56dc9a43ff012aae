"""The run of all figures: what it takes, what it leaves out, and the sections it is made of."""

import gc
import json
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from benchmarks import evidence, overhead, postgres, transfer, verification
from benchmarks.evidence import main
from benchmarks.overhead import OFF, ON, Turn, Turns
from benchmarks.report import Section
from benchmarks.verification import Exported, Passed


@pytest.fixture(autouse=True)
def _interpreter() -> Iterator[None]:
    """Put back what a run sets for its whole process."""
    collecting, switching = gc.get_threshold(), sys.getswitchinterval()
    yield
    gc.set_threshold(*collecting)
    sys.setswitchinterval(switching)


def _aims(section: Section) -> list[bool]:
    return [aim["holds"] == "yes" for aim in section.aims]


def _column(section: Section, name: str) -> list[object]:
    (rows, *_) = section.tables.values()
    return [row[name] for row in rows]


# ── overhead ─────────────────────────────────────────────────────────────────────────────────────


def _turns(*pairs: tuple[float, float]) -> Turns:
    return {
        ("call", 32, ON): [Turn(each, 100.0) for each, _ in pairs],
        ("call", 32, OFF): [Turn(each, 90.0) for _, each in pairs],
    }


def test_what_is_kept_is_the_median_of_pairs_and_not_the_ratio_of_medians() -> None:
    turns = _turns((950, 1000), (95, 100), (9500, 10_000), (10, 100), (100, 10))

    section = overhead.section(turns, {ON: 3, OFF: 0})

    assert _column(section, "kept") == [pytest.approx(0.95)]
    assert (_column(section, "on"), _column(section, "off")) == ([100], [100])


@pytest.mark.parametrize(("on", "holds"), [(951, True), (949, False), (1_100, True)])
def test_checkpoints_may_take_five_in_a_hundred(on: float, holds: bool) -> None:
    section = overhead.section(_turns((on, 1_000)), {ON: 3, OFF: 0})

    (title,) = section.tables
    assert _aims(section) == [holds]
    assert "on 3, off 0" in title


# ── verification ─────────────────────────────────────────────────────────────────────────────────


def _exported(tmp_path: Path, events: int = 1_000) -> Exported:
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"aegis_export":1}\n' + b'{"event":1}\n' * events + b'{"$kind":"end"}\n')
    return Exported(path=path, events=events, public_key=tmp_path / "key")


@pytest.mark.parametrize(("seconds", "holds"), [(0.004, True), (0.0041, False)])
def test_a_verifier_is_held_to_its_rate_and_shown_beside_the_bare_loops(
    tmp_path: Path, seconds: float, holds: bool
) -> None:
    found = {
        verification.COMMAND: Passed(seconds, 80.0),
        verification.SINGLE: Passed(0.1, 30.0),
        verification.BARE_HASH: Passed(0.001),
        verification.BARE_JSON: Passed(0.002),
    }

    section = verification.section(_exported(tmp_path), found)

    assert _aims(section) == [holds]
    assert _column(section, "of SHA-256")[1:] == pytest.approx([0.01, 1, 0.5])
    assert _column(section, "of JSON")[1:] == pytest.approx([0.02, 2, 1])


def test_a_verifier_that_ends_well_and_found_nothing_signed_is_no_figure() -> None:
    with pytest.raises(RuntimeError, match="expected SIGNED"):
        verification._verified([sys.executable, "-c", "print('CHAIN')"])

    assert verification._verified([sys.executable, "-c", "print('SIGNED')"]).seconds > 0


# ── transfer ─────────────────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize(("daemon_mb", "holds"), [(300.0, True), (300.1, False)])
def test_nobody_who_moves_a_log_may_need_more_than_300_mb(
    tmp_path: Path, daemon_mb: float, holds: bool
) -> None:
    found = {
        transfer.EXPORT_FILE: Passed(10.0, 50.0),
        transfer.IMPORT: Passed(20.0, 60.0, daemon_mb),
        transfer.BARE_SELECT: Passed(2.0),
        transfer.BARE_INSERT: Passed(5.0),
    }

    section = transfer.section(_exported(tmp_path), found)

    assert _aims(section) == [True, True, holds]
    assert _column(section, "of bare") == [5, 4, None, None]


# ── PostgreSQL ───────────────────────────────────────────────────────────────────────────────────


def test_stores_are_compared_with_the_bare_insert_and_daemons_with_each_other() -> None:
    alone = {"bare": [10_000.0], f"{postgres.STORE}, 100": [15_000.0]}
    served = {postgres.POSTGRES: [14_999.0], postgres.SQLITE: [10_000.0]}

    section = postgres.section("17.1", alone, served)

    assert _column(section, "of bare, or SQLite") == pytest.approx([1, 1.5, 1.4999, 1])
    assert _aims(section) == [True, False]


# ── the command ──────────────────────────────────────────────────────────────────────────────────


def test_a_part_that_nobody_knows_is_refused_naming_those_there_are() -> None:
    done = CliRunner().invoke(main, ["--only", "everything"])

    assert done.exit_code == 2
    assert all(name in done.stderr for name in evidence.PARTS)


@pytest.mark.parametrize(("events", "code"), [("999", 2), ("1000", 0)])
def test_a_log_has_at_least_a_thousand_events(
    events: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(evidence, "_measure", lambda *_: iter(()))

    assert CliRunner().invoke(main, ["--events", events, "--json"]).exit_code == code


def test_json_is_one_document_with_the_parts_that_were_asked_for(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    asked = ["--events", "1000", "--only", "transfer", "--json"]

    done = CliRunner().invoke(main, asked)

    document = json.loads(done.stdout)
    assert list(document["parts"]) == ["transfer"]
    assert {"method", "durability", "tables", "aims"} < set(document["parts"]["transfer"])
    assert list(tmp_path.iterdir()) == []


def test_without_postgresql_that_part_is_left_out_and_said_so(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("tests.postgres.programs", lambda: None)

    told = CliRunner().invoke(main, ["--only", "postgres", "--json"])
    shown = CliRunner().invoke(main, ["--only", "postgres"])

    assert "pip install" in json.loads(told.stdout)["parts"]["postgres"]["method"]
    assert "left out" in shown.stdout
    assert told.exit_code == shown.exit_code == 0
