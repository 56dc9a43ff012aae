"""OPA's cases on both engines: what is asked, what counts, and who survives it."""

import gzip
import io
import json
import tarfile
from pathlib import Path

import pytest
from click.testing import CliRunner

from drills import opa
from drills.opa import Asker, CaseOutcome, ask, is_silent, refusal
from drills.opa_cases import Case
from tests.rego.evaluators import ENGINES, require
from tests.table import each

P = "data.test.p"


def case(module: str, wanted: list[object] | None, *, strict: bool = True) -> Case:
    return Case(
        suite="OPA",
        category="c",
        note="n",
        modules=[f"package test\n\nimport rego.v1\n\n{module}\n"],
        query=P,
        data={"a": [1]},
        input={"x": "y"},
        wanted=wanted,
        strict=strict,
    )


@each("engine", ENGINES)
@each(
    ("asked", "result"),
    [
        (case("p := data.a[0]", [1]), opa.PASS),
        (case("p := input.x", ["y"]), opa.PASS),
        (case("p contains x if some x in [2, 1]", [[1, 2]]), opa.PASS),
        (case("p := input.nosuch", []), opa.PASS),
        (case("p := 1", [2]), opa.FAIL),
        (case("p := 1", ["1"]), opa.FAIL),
        (case("p := abs(input.x)", None), opa.ERROR),
        (case("p := {", None), opa.ERROR),
        (case("p := 1", None), opa.ANSWERED),
        (case("p := abs(input.x)", [1]), opa.FAILED),
        (case("p := abs(input.x)", [], strict=False), opa.STRICT),
        (case("p := 1.5", [1.5]), opa.NUMBER),
    ],
)
def test_a_case_comes_to_what_it_says(engine: str, asked: Case, result: str) -> None:
    require(engine)
    found, answer = ask(engine, asked)
    assert found == result
    assert bool(answer) is (result in (opa.FAIL, opa.ANSWERED))


def test_a_case_that_kills_its_process_is_counted_and_the_next_one_is_asked() -> None:
    asker = Asker("regopy")
    try:
        assert asker.ask(case("data = 1", None)) == (opa.CRASHED, "")
        assert asker.ask(case("p := 1", [1])) == (opa.PASS, "")
    finally:
        asker.close()


def test_a_case_that_does_not_end_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(opa, "CASE_SECONDS_MAX", 0)
    asker = Asker("regopy")
    try:
        assert asker.ask(case("p := 1", [1])) == (opa.HUNG, "")
    finally:
        asker.close()


@pytest.mark.parametrize(
    ("module", "says"),
    [
        ("p := time.now_ns()", "calls time.now_ns"),
        ("p := object.union({}, {})", "object.union may not be called"),
        ("p if { input.x with input as {} }", "`with`"),
        ("p := p", "may not come back to itself"),
        ("p := abs(1)", ""),
        ("p := f(1)\n\nf(x) := x", ""),
    ],
)
def test_what_the_gate_would_refuse_is_told(module: str, says: str) -> None:
    found = refusal(case(module, None))
    assert says in found
    assert bool(says) is bool(found)


def test_two_answers_are_silent_and_an_error_is_not() -> None:
    assert is_silent({"regopy": opa.PASS, "regorus": opa.FAIL})
    assert not is_silent({"regopy": opa.PASS, "regorus": opa.FAILED})
    two = CaseOutcome(
        suite="OPA",
        category="c",
        note="n",
        results={"regopy": opa.FAIL, "regorus": opa.FAIL},
        answers={"regopy": "1", "regorus": "2"},
        loads=True,
    )
    assert two.differs


def cases(folder: Path, *rows: dict[str, object]) -> Path:
    with gzip.open(folder / opa.OPA_CASES, "wt", encoding="utf-8") as lines:
        lines.writelines(json.dumps(row) + "\n" for row in rows)
    asked = {"data": {}, "query": "data.t.x"}
    old = {**asked, "note": "old", "modules": ["package t\nx { true }"]}
    new = {**asked, "note": "set", "modules": ["package t\nimport rego.v1\nx := {1}"]}
    text = json.dumps({"cases": [old, {**new, "want_result": {"set!": [1]}}]}).encode()
    with tarfile.open(folder / opa.REGORUS_CASES, "w:gz") as archive:
        member = tarfile.TarInfo("tests/interpreter/cases/some/a.yaml")
        member.size = len(text)
        archive.addfile(member, io.BytesIO(text))
    return folder


def test_the_command_reports_what_was_asked_and_what_was_left_out(tmp_path: Path) -> None:
    for engine in ENGINES:
        require(engine)
    row: dict[str, object] = {
        "file": "v1/sum/a.json",
        "note": "one",
        "query": "data.test.p = x",
        "modules": ["package test\n\np := sum([1, 2])\n"],
        "want_result": [{"x": 3}],
    }
    folder = cases(tmp_path, row, {**row, "query": "data = x"}, {**row, "input_term": "{}"})
    done = CliRunner().invoke(opa.main, ["--data", str(folder), "--json"])
    assert done.exit_code == 0
    report = json.loads(done.stdout)
    assert report["totals"]["OPA"] == {engine: {"pass": 1} for engine in ENGINES}
    assert report["totals"]["regorus"] == {engine: {"pass": 1} for engine in ENGINES}
    assert sorted(report["left_out"].values()) == [1, 1, 1]
    assert report["two_answers"] == []


def test_without_the_cases_it_could_not_tell(tmp_path: Path) -> None:
    done = CliRunner().invoke(opa.main, ["--data", str(tmp_path)])
    assert done.exit_code == 2
    assert "missing: " in done.stderr
    assert opa.OPA_CASES in done.stderr
