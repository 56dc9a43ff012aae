"""`policy`: what the daemon would say, said before."""

import json
from pathlib import Path

import pytest

from aegisd import resources
from tests.aegisctl.conftest import Type

RULE = 'package aegis.rules\n\ndeny contains "no" if {\n\tinput.event.type == "MEMORY_WRITE"\n}\n'
TEST = (
    "package aegis.rules_test\n\nimport data.aegis.rules\n\n"
    'test_no if {\n\tcount(rules.deny) == 1 with input as {"event": {"type": "MEMORY_WRITE"}}\n}\n'
)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "rules").mkdir()
    (tmp_path / "rules" / "no.rego").write_text(RULE)
    return tmp_path / "rules"


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


def test_the_tests_of_the_base_rules_pass(type_: Type) -> None:
    typed = type_("policy", "test", "--json")
    assert typed.code == 0, typed.out
    files = {each["file"] for each in json.loads(typed.out)["tests"]}
    kept = {path.name for path in (resources.policies() / "aegis").glob("*_test.rego")}
    assert files == {f"aegis/{name}" for name in kept}


def test_an_operators_tests_run_beside_them_and_one_that_fails_is_one(
    folder: Path, type_: Type
) -> None:
    (folder / "no_test.rego").write_text(TEST)
    typed = type_("policy", "test", folder, "--json")
    assert typed.code == 0, typed.out
    assert "test_no" in typed.out
    (folder / "no_test.rego").write_text(TEST.replace("== 1", "== 2"))
    typed = type_("policy", "test", folder)
    assert typed.code == 1
    assert "FAILED  rules/no_test.rego: test_no" in typed.out
    assert json.loads(type_("policy", "test", folder, "--json").out)["passed"] is False


def test_a_test_that_waits_is_listed_and_not_counted(folder: Path, type_: Type) -> None:
    before = type_("policy", "test").out
    (folder / "no_test.rego").write_text(TEST.replace("test_no", "todo_test_no"))
    typed = type_("policy", "test", folder)
    assert typed.code == 0
    assert typed.out.endswith(before.replace("0 to do", "1 to do"))


def test_a_folder_that_is_not_there_could_not_be_told(tmp_path: Path, type_: Type) -> None:
    for verb in ("check", "test"):
        assert type_("policy", verb, tmp_path / "none").code == 2
