"""A planted bug is caught by every case and test that it names, and a catch proves something.

Here a sample of the bugs is planted; `make exhaustive` plants all of them, by `drills.planted`.
"""

from collections.abc import Mapping

import msgspec
import pytest

from drills.planted.bug import Bug, bugs
from drills.planted.catch import (
    CAUGHT,
    NOT_CAUGHT,
    UNKNOWN,
    Catch,
    Catches,
    Named,
    judge,
    judge_all,
    told,
)
from tests.drills.planted.test_bug import HARMLESS

# The changes are in core and in the rules, so that each engine runs them.
ENGINE = "auto"


def caught(name: str, bug: Bug) -> Catch:
    return judge(name, bug, Named(bug.cases, bug.tests), ENGINE)


def sample() -> Mapping[str, Bug]:
    """The first bug of code and of rules, for each way to be caught: by cases, tests or both."""
    found: dict[tuple[str, bool, bool], tuple[str, Bug]] = {}
    for name, bug in bugs().items():
        floor, _, _ = bug.file.partition("/")
        found.setdefault((floor, bool(bug.cases), bool(bug.tests)), (name, bug))
    return dict(found.values())


SAMPLE = sample()


@pytest.mark.parametrize("name", SAMPLE)
def test_a_planted_bug_is_caught_by_all_that_it_names(name: str) -> None:
    found = caught(name, SAMPLE[name])
    assert not found.problem
    assert found.caught, f"a case or a test is missing: {found.missed} did not notice"


def test_a_change_that_breaks_nothing_is_not_caught_so_a_catch_proves_something() -> None:
    cases = tuple(sorted({case for bug in SAMPLE.values() for case in bug.cases}))
    tests = ("tests/core/test_tally.py",)
    harmless = caught("harmless", msgspec.structs.replace(HARMLESS, cases=cases, tests=tests))
    assert not harmless.problem
    assert harmless.holds, harmless.cases
    assert not harmless.caught
    assert harmless.missed == (*cases, *tests)


def test_a_bug_that_one_named_case_lets_pass_is_not_caught() -> None:
    seq = msgspec.structs.replace(bugs()["seq-ignored"], cases=("CN-001", "CN-006"))
    half = caught("half", seq)
    assert half.cases == {"conditions": ["CN-001"]}
    assert half.missed == ("CN-006",)
    assert not half.caught


def test_a_build_that_does_not_start_is_a_problem_and_no_catch() -> None:
    tally = {"file": "aegisd/core/tally.py", "tests": ("tests/core/test_tally.py",)}
    words = {"old": "class Tally(", "new": "class Tally(("}
    broken = caught("broken", msgspec.structs.replace(HARMLESS, cases=(), **tally, **words))
    assert "exit code" in broken.problem
    assert not broken.caught


def test_a_case_that_no_pack_has_is_a_problem_and_no_catch() -> None:
    found = judge("typo", HARMLESS, Named(("TNE-999",)), ENGINE)
    assert "TNE-999" in found.problem
    assert not found.caught


def answer(*verdicts: str, waits_for: str | None = None) -> bytes:
    cases = [
        {"id": f"XX-{number:03}", "verdict": verdict, "waits_for": waits_for}
        for number, verdict in enumerate(verdicts)
    ]
    return msgspec.json.encode({"packs": [{"pack": "x", "cases": cases}]})


def test_only_a_run_in_which_something_was_judged_and_all_of_it_held_holds() -> None:
    assert told(answer("holds", "holds")) == ({}, True)
    assert told(answer("holds", "fails")) == ({"x": ["XX-001"]}, False)
    assert told(answer("holds", "not_judged")) == ({}, False)
    assert told(answer("not_judged", waits_for="taint")) == ({}, False)
    assert told(answer()) == ({}, False)


def test_what_is_no_answer_of_the_runner_is_no_verdict() -> None:
    for text in (b"", b"Traceback", b"{}", answer("holds")[:-1]):
        with pytest.raises(msgspec.MsgspecError):
            told(text)


def catch(*, cases: bool = True, holds: bool = False, problem: str = "") -> Catch:
    failed = {"egress": ["EG-001"]} if cases else {}
    return Catch(name="x", law="", cases=failed, holds=holds, seconds=0.0, problem=problem)


@pytest.mark.parametrize(
    ("found", "unchanged", "expected"),
    [
        ((catch(),), catch(cases=False, holds=True), CAUGHT),
        ((catch(), catch(cases=False)), catch(cases=False, holds=True), NOT_CAUGHT),
        ((catch(),), catch(), NOT_CAUGHT),
        ((catch(),), catch(cases=False, holds=False), NOT_CAUGHT),
        ((catch(), catch(problem="hung")), catch(cases=False, holds=True), UNKNOWN),
        ((catch(),), catch(problem="hung"), UNKNOWN),
    ],
)
def test_the_exit_code_is_0_only_if_all_are_caught_and_the_copy_holds(
    found: tuple[Catch, ...], unchanged: Catch, expected: int
) -> None:
    assert Catches(engine=ENGINE, bugs=found, unchanged=unchanged).exit_code == expected


def test_the_copy_that_nobody_changed_is_judged_by_all_that_is_named(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    asked: dict[str, Named] = {}

    def heard(name: str, _bug: Bug | None, run: Named, _engine: str, *, every: bool) -> Catch:
        asked[name] = run
        return catch(cases=every)

    monkeypatch.setattr("drills.planted.catch.judge", heard)
    chosen = {
        "a": msgspec.structs.replace(HARMLESS, cases=("B-1",), tests=("t",)),
        "b": msgspec.structs.replace(HARMLESS, cases=("A-1", "B-1")),
    }
    judge_all(chosen, engine=ENGINE)
    assert asked == {
        "unchanged": Named(("A-1", "B-1"), ("t",)),
        "a": Named(("B-1",), ("t",)),
        "b": Named(("A-1", "B-1")),
    }
