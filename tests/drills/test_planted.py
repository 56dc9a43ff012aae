"""Every evil build is caught by the packs, and `conformance.evil` says so when one is not."""

from functools import partial
from pathlib import Path

import msgspec
import pytest
from click.testing import CliRunner, Result

from conformance import evil
from conformance.evil import CAUGHT, NOT_CAUGHT, UNKNOWN, Build, BuildInvalid, Catch, Report

# The engine that every installation has. The changes are in core and in the rules, so that each
# engine runs them.
ENGINE = "regopy"

NAMES = sorted(evil.builds())

HARMLESS = Build(
    story="Somebody mended a comment.",
    law="None.",
    file="policies/aegis/limits.rego",
    old="# What the manifest makes the enforcement point hold",
    new="# To what the manifest makes the enforcement point hold",
    cases=("TNE-001", "TNE-002"),
)


@pytest.fixture(scope="module")
def report() -> Report:
    return evil.report(evil.builds(), engine=ENGINE)


@pytest.mark.parametrize("name", NAMES)
def test_an_evil_build_is_caught_by_every_case_it_names(name: str, report: Report) -> None:
    found = next(each for each in report.builds if each.name == name)
    assert not found.problem
    assert found.caught, f"a case is missing: {found.missed} did not notice"


def test_the_unchanged_copy_holds_so_a_catch_proves_something(report: Report) -> None:
    assert not report.unchanged.problem
    assert report.unchanged.holds, report.unchanged.cases
    assert report.exit_code == CAUGHT


def test_the_builds_cover_the_rules_the_core_the_engine_and_the_log() -> None:
    rooms = {"/".join(build.file.split("/")[:3]) for build in evil.builds().values()}
    assert len(NAMES) >= 14
    assert {"policies/aegis/path.rego", "aegisd/core/log", "aegisd/core/policy"} <= rooms
    assert any(room.startswith("aegisd/engine") for room in rooms)


def test_no_build_touches_one_engine_alone() -> None:
    assert not [build.file for build in evil.builds().values() if "/rego/" in build.file]


@pytest.fixture(scope="module")
def uncaught() -> Report:
    """A change that breaks nothing, one that a named case lets pass, one that does not start."""
    seq = evil.builds(["seq-ignored"])["seq-ignored"]
    return evil.report(
        {
            "harmless": HARMLESS,
            "half": msgspec.structs.replace(seq, cases=("CN-001", "CN-006")),
            "broken": msgspec.structs.replace(
                HARMLESS,
                file="aegisd/core/budget.py",
                old="class Counters(",
                new="class Counters((",
            ),
        },
        engine=ENGINE,
    )


def test_a_build_that_changes_nothing_is_not_caught(uncaught: Report) -> None:
    harmless = uncaught.builds[0]
    assert not harmless.caught
    assert harmless.holds
    assert harmless.missed == HARMLESS.cases


def test_a_build_that_one_named_case_lets_pass_is_not_caught(uncaught: Report) -> None:
    half = uncaught.builds[1]
    assert half.cases == {"conditions": ["CN-001"]}
    assert half.missed == ("CN-006",)
    assert not half.caught


def test_a_build_that_does_not_start_is_a_problem_and_no_catch(uncaught: Report) -> None:
    broken = uncaught.builds[2]
    assert "exit code" in broken.problem
    assert not broken.caught
    assert uncaught.unchanged.holds
    assert uncaught.exit_code == UNKNOWN


def test_a_case_that_no_pack_has_is_a_problem_and_no_catch() -> None:
    found = evil.judge("typo", HARMLESS, ("TNE-999",), ENGINE)
    assert "TNE-999" in found.problem
    assert not found.caught


def answer(*verdicts: str, waits_for: str | None = None) -> bytes:
    cases = [
        {"id": f"XX-{number:03}", "verdict": verdict, "waits_for": waits_for}
        for number, verdict in enumerate(verdicts)
    ]
    return msgspec.json.encode({"packs": [{"pack": "x", "cases": cases}]})


def test_only_a_run_in_which_something_was_judged_and_all_of_it_held_holds() -> None:
    assert evil.told(answer("holds", "holds")) == ({}, True)
    assert evil.told(answer("holds", "fails")) == ({"x": ["XX-001"]}, False)
    assert evil.told(answer("holds", "not_judged")) == ({}, False)
    assert evil.told(answer("not_judged", waits_for="taint")) == ({}, False)
    assert evil.told(answer()) == ({}, False)


def test_what_is_no_answer_of_the_runner_is_no_verdict() -> None:
    for text in (b"", b"Traceback", b"{}", answer("holds")[:-1]):
        with pytest.raises(msgspec.MsgspecError):
            evil.told(text)


def catch(*, caught: bool = True, holds: bool = False, problem: str = "") -> Catch:
    cases = {"egress": ["EG-001"]} if caught else {}
    return Catch(name="x", law="", cases=cases, holds=holds, seconds=0.0, problem=problem)


@pytest.mark.parametrize(
    ("builds", "unchanged", "expected"),
    [
        ((catch(),), catch(caught=False, holds=True), CAUGHT),
        ((catch(), catch(caught=False)), catch(caught=False, holds=True), NOT_CAUGHT),
        ((catch(),), catch(), NOT_CAUGHT),
        ((catch(),), catch(caught=False, holds=False), NOT_CAUGHT),
        ((catch(), catch(problem="hung")), catch(caught=False, holds=True), UNKNOWN),
        ((catch(),), catch(problem="hung"), UNKNOWN),
    ],
)
def test_the_exit_code_is_0_only_if_all_are_caught_and_the_copy_holds(
    builds: tuple[Catch, ...], unchanged: Catch, expected: int
) -> None:
    assert Report(engine=ENGINE, builds=builds, unchanged=unchanged).exit_code == expected


@pytest.mark.parametrize("name", NAMES)
def test_the_old_text_stands_once_in_the_source_and_the_new_one_never(name: str) -> None:
    build = evil.builds([name])[name]
    text = (evil.ROOT / build.file).read_text("utf-8")
    assert text.count(build.old) == 1
    assert build.story.endswith(".")
    assert build.law.endswith(".")


def test_old_text_that_is_gone_is_refused_with_the_file_to_mend(tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text("x = 1\nx = 1\n")
    apply = partial(evil.apply, tree=tmp_path)
    for old, found in (("x = 1", 2), ("y = 1", 0)):
        build = msgspec.structs.replace(HARMLESS, file="a.py", old=old, new="z = 1")
        with pytest.raises(BuildInvalid, match=f"a.py: .* found it {found} times"):
            apply(build)
    assert (tmp_path / "a.py").read_text() == "x = 1\nx = 1\n"


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("story: [", "x.yaml: "),
        ("story: a\n", "x.yaml: .*`law`"),
        ("story: a\nlaw: b\nfile: c\nold: d\nnew: e\ncases: [CH-001]\nwhy: f\n", "x.yaml: .*`why`"),
        ("story: a\nlaw: b\nfile: c\nold: d\nnew: e\ncases: []\n", "expected ids of cases"),
        ("story: a\nlaw: b\nfile: c\nold: d\nnew: d\ncases: [CH-001]\n", "the same text"),
    ],
)
def test_a_build_that_is_not_written_right_is_refused(text: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "x.yaml").write_text(text)
    with pytest.raises(BuildInvalid, match=said):
        evil.builds(folder=tmp_path)


def invoke(*arguments: str) -> Result:
    return CliRunner().invoke(evil.main, arguments)


def test_an_unknown_name_ends_with_2_and_the_names_there_are() -> None:
    done = invoke("nobody")
    assert done.exit_code == UNKNOWN
    assert "no build is called nobody" in done.stderr
    assert "budget-off-by-one" in done.stderr


def test_json_is_one_document_that_names_the_cases() -> None:
    done = invoke("seq-ignored", "--engine", ENGINE, "--json")
    assert done.exit_code == CAUGHT
    told = msgspec.json.decode(done.stdout, type=Report)
    assert told.builds[0].name == "seq-ignored"
    assert "CN-001" in told.builds[0].cases["conditions"]
    assert told.unchanged.holds


def test_the_table_names_build_case_and_what_was_missed(
    uncaught: Report, capsys: pytest.CaptureFixture[str]
) -> None:
    evil._show(uncaught)
    shown = capsys.readouterr().out
    assert "harmless" in shown
    assert "NOT CAUGHT by CN-006" in shown
    assert "CN-001" in shown
    assert "0 of 3 evil builds caught" in shown
