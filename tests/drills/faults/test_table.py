"""A few attempts of every row of the fault table; `python -m drills.faults` makes them all."""

import fnmatch
import os
import re
from functools import partial
from subprocess import CompletedProcess

import msgspec
import pytest
from click.testing import CliRunner
from msgspec.structs import replace

from drills.faults import __main__ as program
from drills.faults import altered, crowd, traffic
from drills.faults.acknowledged import Breach
from drills.faults.interposer import Unsupported
from drills.faults.outcome import NAMED_MAX, Fault, FaultOutcome, Tally, judge

# Attempts in CI of rows that take long; the others make their quick number.
FEW = {
    "kill -9": 2,
    "kill -9, and of the server": 1,
    "power cut, store": 20,
    "power cut, daemon": 10,
    "power cut, careless build": 12,
    "damaged files": 20,
    "altered by hand": 8,
    "altered by hand, PostgreSQL": 4,
    "a hung turn": 1,
    "a black-holed connection": 1,
    "a stuck evaluation": 1,
    "disk full, at every call": 6,
    "disk full under the daemon": 1,
    "sync fails": 1,
    "sync fails, then the power": 10,
    "clock jumps": 5,
    "clock jumps, time bounds": 1,
    "retry storm": 80,
    "64 writers, one seq": 1,
    "flood on a slow disk": 40,
}

# A disk that is slow enough to fill the queue, and no slower.
SLOW_US = 20_000

# Held by tests/sim itself.
ELSEWHERE = "simulated worlds*"


@pytest.mark.parametrize(
    "fault",
    [each for each in program.FAULTS if not fnmatch.fnmatch(each.name, ELSEWHERE)],
    ids=lambda fault: fault.name,
)
def test_nothing_that_was_acknowledged_is_lost(
    fault: Fault, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(traffic, "SLOW_US", SLOW_US)
    # By what is answered: how long it takes is the full run's business.
    monkeypatch.setattr(crowd, "NOISE_MS", 1e9)
    monkeypatch.setattr(crowd, "ROUND_S", 2)
    tally = Tally()
    try:
        fault.work(FEW.get(fault.name, fault.quick), tally)
    except Unsupported as error:
        if os.environ.get("CI") == "true":
            pytest.fail(str(error))
        pytest.skip(str(error))
    outcome = judge(fault, tally, 0)
    assert tally.attempts
    assert outcome.verdict == ("caught" if fault.planted else "holds"), outcome.detail


def _fault(found: Breach, *, planted: bool = False) -> Fault:
    def work(attempts: int, tally: Tally) -> None:
        tally.attempt(found)

    return Fault(name="odd", method="m", store="s", attempts=1, quick=1, work=work, planted=planted)


@pytest.mark.parametrize(
    ("found", "planted", "verdict", "code"),
    [
        (Breach(), False, "holds", 0),
        (Breach(lost=("acme/1 is gone",)), False, "broken", 1),
        (Breach(broken=("a law",)), False, "broken", 1),
        (Breach(lost=("acme/1 is gone",)), True, "caught", 0),
        (Breach(), True, "missed", 1),
    ],
)
def test_a_row_and_the_exit_code_say_what_was_found(
    found: Breach, planted: bool, verdict: str, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(program, "FAULTS", (_fault(found, planted=planted),))
    said = CliRunner().invoke(program.main, ["--json"])
    table = msgspec.json.decode(said.stdout, type=program.FaultTable)
    assert (table.outcomes[0].verdict, said.exit_code) == (verdict, code)
    shown = CliRunner().invoke(program.main, ["odd"])
    assert verdict in shown.output
    assert shown.exit_code == code


def test_what_cannot_be_tried_here_is_unknown_and_exit_2(monkeypatch: pytest.MonkeyPatch) -> None:
    def work(attempts: int, tally: Tally) -> None:
        raise Unsupported("no compiler")

    fault = Fault(name="odd", method="m", store="s", attempts=1, quick=1, work=work)
    monkeypatch.setattr(program, "FAULTS", (fault,))
    said = CliRunner().invoke(program.main, [])
    assert said.exit_code == 2
    assert "no compiler" in said.output


def test_a_daemon_that_is_gone_where_nobody_killed_it_breaks_the_row(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def work(attempts: int, tally: Tally) -> None:
        raise BrokenPipeError("gone")

    fault = Fault(name="odd", method="m", store="s", attempts=1, quick=1, work=work)
    monkeypatch.setattr(program, "FAULTS", (fault,))
    assert CliRunner().invoke(program.main, []).exit_code == 1


def test_a_row_that_measures_time_is_tried_when_all_others_have_ended() -> None:
    running: list[str] = []

    def outcome_of(fault: Fault) -> FaultOutcome:
        running.append(fault.name)
        assert (fault.name == "timed") == (sorted(running) == ["first", "last", "timed"])
        return judge(fault, Tally(), 0)

    names = ("timed", "first", "last")
    faults = [replace(_fault(Breach()), name=name, alone=name == "timed") for name in names]
    outcomes = program.report(faults, outcome_of).outcomes
    assert tuple(each.fault for each in outcomes) == names


@pytest.mark.parametrize(("said", "detail"), [(b"", "killed"), (None, "1 broken: a law")])
def test_a_row_of_another_process_is_what_that_told_or_unknown(
    said: bytes | None, detail: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    fault = _fault(Breach(broken=("a law",)))
    told = program.report([fault], partial(program.tried, quick=True, step=lambda: None))
    out = msgspec.json.encode(told) if said is None else said
    ended = CompletedProcess([], 1, out, b"killed")
    monkeypatch.setattr("aegisd.reaper.run", lambda *_: ended)
    found = program.tried_elsewhere(fault, quick=True, step=lambda: None)
    assert (found.verdict, found.detail) == ("broken" if said is None else "unknown", detail)


def test_every_distinct_violation_is_told_with_its_count_and_where_it_was_seen_first(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    def work(attempts: int, tally: Tally) -> None:
        for kind in range(NAMED_MAX + 2):
            for row in range(9 - kind):
                tally.require(f"kind {kind}", holds=False, where=f"row {row}")

    fault = Fault(name="odd", method="m", store="s", attempts=1, quick=1, work=work)
    monkeypatch.setattr(program, "FAULTS", (fault,))
    said = CliRunner().invoke(program.main, ["--json"])
    (outcome,) = msgspec.json.decode(said.stdout, type=program.FaultTable).outcomes
    assert [(each.what, each.count, each.first) for each in outcome.violations] == [
        (f"kind {kind}", 9 - kind, "row 0") for kind in range(NAMED_MAX + 2)
    ]
    assert outcome.detail == (
        "35 broken: 9 times kind 0 (first: row 0); 8 times kind 1 (first: row 0); "
        "7 times kind 2 (first: row 0); 2 more kinds"
    )
    shown = CliRunner().invoke(program.main, [])
    assert shown.stderr == (
        "odd: 6 times kind 3 (first: row 0)\nodd: 5 times kind 4 (first: row 0)\n"
    )


def test_an_alteration_that_nobody_foresaw_is_told_with_its_column_and_its_kind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(altered.Auditor, "judged", lambda *_: ("nobody foresaw", "an error"))
    tally = Tally()
    altered.sqlite.work(5, tally)
    verdict, wrong = tally.violations
    assert (verdict.what, verdict.count) == ("verify says nobody foresaw", 5)
    assert (wrong.what, wrong.count) == ("nobody foresaw, an error", 5)
    assert re.fullmatch(r"\w+\.\w+ (a value|deleted|doubled|swapped) at \d+.*", verdict.first)


def test_a_name_that_no_row_has_is_usage_and_names_those_there_are() -> None:
    said = CliRunner().invoke(program.main, ["earthquake"])
    assert said.exit_code == 2
    assert "'power cut, store'" in said.output


def test_every_row_has_a_name_of_its_own_and_says_how_it_is_brought_about() -> None:
    assert len({each.name for each in program.FAULTS}) == len(program.FAULTS)
    assert all(each.method and "\n" not in each.method for each in program.FAULTS)
