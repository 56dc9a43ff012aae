"""`policy`: what the daemon would say, said before."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from aegisd import resources
from aegisd.rego.engines import installed
from tests.aegisctl.conftest import Type
from tests.typed import aegisctl

RULE = 'package aegis.rules\n\ndeny contains "no" if {\n\tinput.event.type == "MEMORY_WRITE"\n}\n'
TEST = (
    "package aegis.rules_test\n\nimport data.aegis.rules\n\n"
    'test_no if {\n\tcount(rules.deny) == 1 with input as {"event": {"type": "MEMORY_WRITE"}}\n}\n'
)


# Files of the base rules' tests that are kept where a few are enough.
FEW = frozenset({"decision_test.rego", "limits_test.rego"})

native = pytest.mark.skipif("regorus" not in installed(), reason="needs the native engine")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "no.rego").write_text(RULE)
    return tmp_path / "rules"


@pytest.fixture
def few(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The base rules with few of their tests: most of these are about what stands beside them."""
    policies = tmp_path / "policies"
    shutil.copytree(resources.policies(), policies)
    for path in (policies / "aegis").glob("*_test.rego"):
        if path.name not in FEW:
            path.unlink()
    monkeypatch.setattr(resources, "policies", lambda: policies)


@pytest.fixture(scope="module")
def base() -> dict[str, Any]:
    """What all tests of the base rules say, on all engines that are here."""
    asked = ["--engine", "both", "--coverage"] if "regorus" in installed() else []
    done = aegisctl("policy", "test", "--json", *asked)
    assert done.returncode == 0, done.stdout + done.stderr
    told: dict[str, Any] = json.loads(done.stdout)
    return told


def test_rules_that_load_say_as_which_bundle(folder: Path, type_: Type) -> None:
    typed = type_("policy", "check", folder, "--json")
    assert typed.code == 0
    report = json.loads(typed.out)
    assert (report["loads"], report["problem"], len(report["bundle"])) == (True, None, 64)


@pytest.mark.parametrize(
    ("source", "place"),
    [
        ("package aegis.rules\n\ndeny contains", "no.rego"),
        (RULE.replace('"MEMORY_WRITE"', "time.now_ns()"), "no.rego:4"),
        (RULE.replace("input.event.type", "input.event.typo"), "no.rego:4"),
        (RULE.replace("aegis.rules", "aegis.decision"), "no.rego:1"),
        (RULE.replace("deny", "denny"), "no.rego:3: nothing reads aegis.rules.denny"),
    ],
)
def test_rules_that_would_be_refused_say_where(
    source: str, place: str, folder: Path, type_: Type
) -> None:
    (folder / "no.rego").write_text(source)
    for verb in ("check", "test"):
        typed = type_("policy", verb, folder)
        assert typed.code == 1
        assert f"{folder}/{place}" in typed.out
        assert json.loads(type_("policy", verb, folder, "--json").out)["problem"]


def test_the_tests_of_the_base_rules_pass(base: dict[str, Any]) -> None:
    assert base["passed"] is True
    files = {each["file"] for each in base["tests"]}
    kept = {path.name for path in (resources.policies() / "aegis").glob("*_test.rego")}
    assert files == {f"aegis/{name}" for name in kept}


@pytest.mark.usefixtures("few")
def test_an_operators_tests_run_alone_or_beside_them_and_one_that_fails_is_one(
    folder: Path, type_: Type
) -> None:
    (folder / "no_test.rego").write_text(TEST)
    typed = type_("policy", "test", folder, "--json")
    assert typed.code == 0, typed.out
    (told,) = json.loads(typed.out)["tests"]
    assert (told["file"], told["line"], told["name"]) == (f"{folder}/no_test.rego", 5, "test_no")
    beside = json.loads(type_("policy", "test", folder, "--base", "--json").out)["tests"]
    assert {each["file"] for each in beside} == {
        told["file"],
        *(f"aegis/{name}" for name in FEW),
    }
    (folder / "no_test.rego").write_text(TEST.replace("== 1", "== 2"))
    typed = type_("policy", "test", folder)
    assert typed.code == 1
    assert f"FAILED  {folder}/no_test.rego:5: test_no: the result is undefined" in typed.out
    assert json.loads(type_("policy", "test", folder, "--json").out)["passed"] is False


def test_a_rule_that_fails_in_a_test_is_named_where_it_lies(folder: Path, type_: Type) -> None:
    (folder / "no.rego").write_text(
        RULE + '\ndeny contains "long" if {\n\tcount(input.call.args.n) > 7\n}\n'
    )
    (folder / "no_test.rego").write_text(TEST.replace('"}}', '"}, "call": {"args": {"n": 1}}}'))
    for engine in installed():
        line, called = ("8", "count") if engine == "regorus" else ("7", "a built-in")
        typed = type_("policy", "test", folder, "--engine", engine)
        assert typed.out.startswith(
            f"FAILED  {folder}/no_test.rego:5: test_no: {folder}/no.rego:{line}: rule deny: "
            f"a rule failed: {called} was given what it does not take\n"
        )


def test_a_test_gives_a_data_file_another_value(folder: Path, type_: Type) -> None:
    (folder / "no.rego").write_text(
        "package aegis.rules\n\nimport rego.v1\n\n"
        'deny contains "x" if input.event.seq > data.aegis.rules.tables.limit\n'
    )
    (folder / "limit.json").write_text("7")
    (folder / "no_test.rego").write_text(
        "package aegis.rules_test\n\nimport rego.v1\n\n"
        "test_as_it_is if count(data.aegis.rules.deny) == 0 with input.event.seq as 7\n\n"
        "test_lower if count(data.aegis.rules.deny) == 1 with input.event.seq as 7 "
        "with data.aegis.rules.tables.limit as 6\n"
    )
    for engine in installed():
        typed = type_("policy", "test", folder, "--engine", engine)
        assert typed.out.endswith("2 tests passed, 0 failed, 0 to do\n"), typed.out


def test_a_data_file_that_no_rule_reads_is_refused_by_its_own_name(
    folder: Path, type_: Type
) -> None:
    (folder / "mail.json").write_text("{}")
    typed = type_("policy", "check", folder)
    assert typed.code == 1
    assert f"refused: {folder}/mail.json: mail.json is read by no rule: read data." in typed.out


@pytest.mark.usefixtures("few")
def test_a_test_that_waits_is_listed_and_not_counted(folder: Path, type_: Type) -> None:
    (folder / "no_test.rego").write_text(TEST.replace("test_no", "todo_test_no"))
    typed = type_("policy", "test", folder)
    assert typed.code == 0
    assert f"todo    {folder}/no_test.rego:5: todo_test_no" in typed.out
    assert typed.out.endswith("0 tests passed, 0 failed, 1 to do\n")


def test_a_folder_that_is_not_there_could_not_be_told(tmp_path: Path, type_: Type) -> None:
    for verb in ("check", "test"):
        assert type_("policy", verb, tmp_path / "none").code == 2


# ── engines ─────────────────────────────────────────────────────────────────────────────────────


def test_a_check_asks_every_engine_that_is_installed_or_the_one_that_is_named(
    folder: Path, type_: Type
) -> None:
    report = json.loads(type_("policy", "check", folder, "--json").out)
    assert report["engines"] == dict.fromkeys(installed())
    one = json.loads(type_("policy", "check", folder, "--json", "--engine", "regopy").out)
    assert (one["engines"], one["bundle"]) == ({"regopy": None}, report["bundle"])


@native
def test_what_one_engine_refuses_is_refused_in_that_engines_words(
    folder: Path, type_: Type
) -> None:
    # A name without a value, which rego-cpp lets be undefined.
    (folder / "no.rego").write_text(
        "package aegis.rules\n\nimport rego.v1\n\n"
        'deny contains "x" if {\n\tnot late == 1\n\tnot late == 2\n}\n'
    )
    typed = type_("policy", "check", folder, "--json")
    report = json.loads(typed.out)
    assert (typed.code, report["loads"], report["bundle"]) == (1, False, None)
    words = report["engines"]["regorus"]
    assert words.startswith(f"{folder}/no.rego:6: ")
    assert report["engines"]["regopy"] is None
    assert report["problem"] == f"{words} (engine regorus)"
    assert type_("policy", "check", folder, "--engine", "regopy").code == 0


@native
def test_the_tests_of_the_base_rules_pass_on_both_engines(base: dict[str, Any]) -> None:
    assert base["engines"] == ["regorus", "regopy"]
    assert all(each["engines"] == {"regorus": "", "regopy": ""} for each in base["tests"])


@native
@pytest.mark.usefixtures("few")
def test_a_disagreement_is_shown_as_one(folder: Path, type_: Type) -> None:
    (folder / "no_test.rego").write_text(
        "package aegis.rules_test\n\nimport rego.v1\n\n"
        'test_union if count(object.union({"a": {"b": 1}}, {"a": {"c": 2}}).a) == 2\n'
    )
    typed = type_("policy", "test", folder, "--engine", "both")
    assert typed.code == 1
    assert "test_union: the engines disagree: regorus: holds; regopy: " in typed.out


def test_an_engine_that_is_not_installed_could_not_be_asked(
    folder: Path, type_: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aegisd.rego.engines._regorus", lambda: None)
    for engine in ("regorus", "both"):
        for verb in ("check", "test"):
            typed = type_("policy", verb, folder, "--engine", engine, "--json")
            assert (typed.code, typed.out) == (2, "")
            assert "pip install ./native" in typed.err


# ── coverage ────────────────────────────────────────────────────────────────────────────────────


@native
@pytest.mark.usefixtures("few")
def test_coverage_names_the_lines_that_no_test_reached(folder: Path, type_: Type) -> None:
    typed = type_("policy", "test", folder, "--coverage")
    assert typed.code == 0
    row = next(line for line in typed.out.splitlines() if line.startswith(str(folder)))
    assert row.split(maxsplit=3) == [f"{folder}/no.rego", "0.0", "%", "3-4"]
    (folder / "no_test.rego").write_text(TEST)
    report = json.loads(type_("policy", "test", folder, "--coverage", "--json").out)["coverage"]
    assert (report["percent"], report["scope"], report["minimum"]) == (100, f"{folder}/", None)
    assert report["files"] == [
        {"covered": [3, 4], "file": f"{folder}/no.rego", "percent": 100, "uncovered": []}
    ]


@native
@pytest.mark.usefixtures("few")
def test_a_minimum_of_coverage_is_a_gate_of_its_own(folder: Path, type_: Type) -> None:
    typed = type_("policy", "test", folder, "--base", "--coverage-min", "50.1", "--json")
    report = json.loads(typed.out)
    assert (typed.code, report["passed"], report["coverage"]["holds"]) == (1, True, False)
    assert type_("policy", "test", folder, "--base", "--coverage-min", "50").code == 0
    (folder / "no_test.rego").write_text(TEST)
    assert type_("policy", "test", folder, "--coverage-min", "100").code == 0


@pytest.mark.usefixtures("few")
def test_no_coverage_is_measured_unless_it_is_asked_for(type_: Type) -> None:
    assert json.loads(type_("policy", "test", "--json").out)["coverage"] is None


@native
def test_the_tests_of_the_base_rules_reach_nearly_all_of_them(base: dict[str, Any]) -> None:
    told = base["coverage"]
    missed = {each["file"] for each in told["files"] if each["uncovered"]}
    # What speaks only where an operator has rules, and the net below the families.
    assert missed == {"aegis/operator.rego", "aegis/decision.rego"}
    assert told["percent"] >= 96


def test_coverage_without_the_engine_that_counts_could_not_be_told(
    type_: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("aegisd.rego.coverage.installed", lambda: ("regopy",))
    typed = type_("policy", "test", "--engine", "regopy", "--coverage", "--json")
    assert (typed.code, typed.out) == (2, "")
    assert "pip install ./native" in typed.err


def test_a_check_warns_where_the_engine_that_would_judge_fails_on_ordinary_text(
    tmp_path: Path, type_: Type
) -> None:
    rule = 'deny contains "x" if endswith(input.call.args.path, "x")\n'
    (tmp_path / "a.rego").write_text(f"package aegis.rules\n\nimport rego.v1\n\n{rule}")
    told = type_("policy", "check", tmp_path, "--engine", "regopy")
    assert told.code == 0
    assert f"warning: {tmp_path}/a.rego:5: endswith looks inside text" in told.out
    (tmp_path / "a.rego").write_text(
        f"package aegis.rules\n\nimport rego.v1\n\n{rule}".replace("endswith", "startswith")
    )
    assert "warning" not in type_("policy", "check", tmp_path, "--engine", "regopy").out


def test_a_check_warns_where_recipients_are_counted_that_nobody_may_have_looked_for(
    tmp_path: Path, type_: Type
) -> None:
    counts = (
        "package aegis.rules\n\nimport rego.v1\n\n"
        'deny contains "many" if {\n\tdata.manifest.registered\n'
        "\tcount(input.call.recipients) > 3\n}\n"
    )
    proof = '\ndeny contains "all" if data.manifest.recipients == {}\n'
    (tmp_path / "a.rego").write_text(counts)
    told = type_("policy", "check", tmp_path)
    assert told.code == 0
    assert f"warning: {tmp_path}/a.rego:7: input.call.recipients is empty while" in told.out
    assert '"recipients": ["*"]' in told.out
    (tmp_path / "a.rego").write_text(counts + proof)
    assert "warning" not in type_("policy", "check", tmp_path).out
