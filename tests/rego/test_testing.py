"""The runner of Rego tests: what is not true did not pass."""

import pytest

from aegisd import resources
from aegisd.core.errors import PolicyInvalid
from aegisd.rego import bundle
from aegisd.rego.engines import installed
from aegisd.rego.testing import TestOutcome, report
from tests.rego.worlds import base_files

TestOutcome.__test__ = False  # type: ignore[attr-defined] # pytest collects by name

HEAD = "package aegis.rules_test\n\nimport rego.v1\n\n"
RULES = (
    "package aegis.rules\n\nimport rego.v1\n\n"
    'deny contains "late" if {\n\tis_number(input.time.weekday)\n'
    "\tinput.time.weekday > data.manifest.budgets.steps\n}\n"
)

ENGINES = installed()
on_each = pytest.mark.parametrize("engine", ENGINES)
with_both = pytest.mark.skipif(len(ENGINES) == 1, reason="needs the native engine")


def outcomes(tests: str, rules: str = RULES, engine: str = "auto") -> dict[str, tuple[bool, str]]:
    files = bundle.decode(bundle.build({"a.rego": rules}, base_files()))
    found = report(files, {"a_test.rego": HEAD + tests}, engine).outcomes
    return {outcome.name: (outcome.passed, outcome.detail) for outcome in found}


LATE = 'with input as {"time": {"weekday": 6}} with data.manifest as {"budgets": {"steps": 5}}'

COUNT = "count(data.aegis.rules.deny) == 1"
BODIES = {
    "on one line": f'{{ data.aegis.rules.deny == {{"late"}} {LATE} }}',
    "before a line": f'{{\n\tsome said in data.aegis.rules.deny {LATE}\n\tsaid == "late"\n}}',
    "on later lines": f"""{{
	{COUNT}
		with input as {{"time": {{"weekday": 6}}}}
		with data.manifest as {{"budgets": {{"steps": 5}}}}
}}""",
    "by name": f"""{{ {COUNT} with input as given with data.manifest as limits }}

given := {{"time": {{"weekday": 6}}}}

limits := {{"budgets": {{"steps": 5}}}}""",
    "by function": f"""{{ {COUNT} with input as on(6) with data.manifest.budgets.steps as 5 }}

on(day) := {{"time": {{"weekday": day}}}}""",
    "in part": f"{{ {COUNT} with input.time.weekday as 6 with data.manifest.budgets.steps as 5 }}",
    "under not": "{ not data.aegis.rules.deny.late with input as {} }",
    "nothing": "true",
}


@on_each
@pytest.mark.parametrize("body", BODIES.values(), ids=BODIES)
def test_with_replaces_input_and_manifest(body: str, engine: str) -> None:
    assert outcomes("test_it if " + body, engine=engine)["test_it"][0]


@on_each
def test_files_of_one_package_do_not_replace_each_others_values(engine: str) -> None:
    files = bundle.decode(bundle.build({"a.rego": RULES}, base_files()))
    early = LATE.replace("6", "4")
    tests = {
        "a_test.rego": f"{HEAD}test_late if {{ {COUNT} {LATE} }}\n",
        "b_test.rego": f"{HEAD}test_early if {{ count(data.aegis.rules.deny) == 0 {early} }}\n",
    }
    assert [each.detail for each in report(files, tests, engine).outcomes] == ["", ""]


def test_two_tests_of_one_name_in_one_package_are_told() -> None:
    files = bundle.decode(bundle.build({"a.rego": RULES}, base_files()))
    tests = dict.fromkeys(("a_test.rego", "b_test.rego"), f"{HEAD}test_it if true\n")
    with pytest.raises(PolicyInvalid, match=r"b_test.rego:5: test_it has the name of a test in a_"):
        report(files, tests)


@on_each
@pytest.mark.parametrize(
    ("tests", "detail"),
    [
        ("test_it if false", "undefined"),
        ("test_it := false", "expected true"),
        ('test_it := "true"', "expected true"),
        ("test_it if input.nosuch", "undefined"),
        ("test_it if { true with input as nothing }\n\nnothing := 1 if false", "undefined"),
        ('test_it if { true with input as {"n": 1.5} }', "fraction"),
    ],
)
def test_what_is_false_undefined_or_an_error_fails(tests: str, detail: str, engine: str) -> None:
    ok, found = outcomes(tests, engine=engine)["test_it"]
    assert not ok
    assert detail in found


@on_each
@pytest.mark.parametrize("body", ["lower(1) == 1", "not lower(1) == 1", "1 / 0 == 1"])
def test_an_error_never_passes_and_is_told_as_one(body: str, engine: str) -> None:
    ok, detail = outcomes("test_it if " + body, engine=engine)["test_it"]
    assert not ok
    assert "a rule failed" in detail


def test_a_test_that_waits_is_reported_and_not_run() -> None:
    assert outcomes("todo_test_it if 1 / 0 == 1") == {"todo_test_it": (True, "waits")}


@on_each
def test_tests_do_not_see_each_others_worlds(engine: str) -> None:
    tests = (
        "test_a if { count(data.aegis.rules.deny) == 1 with input.time.weekday as 6"
        " with data.manifest.budgets.steps as 5 }\n\n"
        "test_b if { count(data.aegis.rules.deny) == 0 with input.time.weekday as 6"
        " with data.manifest.budgets.steps as 6 }\n\n"
        "test_c if { count(data.aegis.rules.deny) == 0 }\n"
    )
    assert {name: ok for name, (ok, _) in outcomes(tests, engine=engine).items()} == {
        "test_a": True,
        "test_b": True,
        "test_c": True,
    }


def test_outcomes_name_file_and_package() -> None:
    files = bundle.decode(bundle.build({}, base_files()))
    (outcome,) = report(files, {"a_test.rego": HEAD + "test_it if true"}).outcomes
    assert (outcome.file, outcome.package) == ("a_test.rego", "aegis.rules_test")


def test_a_test_fails_where_the_gate_would() -> None:
    head = "package aegis.rules\n\nimport rego.v1\n\n"
    rules = head + 'deny contains "x" if contains(input.call.tool, "n")\n'
    tests = (
        'test_it if { count(data.aegis.rules.deny) == 0 with input as {"call": {"tool": "a\\n"}} }'
    )
    ok, detail = outcomes(tests, rules, "regopy")["test_it"]
    assert not ok
    assert "escapes" in detail


DIFFERENT = 'test_it if count(object.union({"a": {"b": 1}}, {"a": {"c": 2}}).a) == '


@with_both
@pytest.mark.parametrize(("number", "holds"), [(1, "regopy"), (2, "regorus"), (3, "")])
def test_a_test_passes_on_both_only_if_it_does_on_each(number: int, holds: str) -> None:
    files = bundle.decode(bundle.build({}, base_files()))
    (told,) = report(files, {"a_test.rego": HEAD + DIFFERENT + str(number)}, "both").outcomes
    assert not told.passed
    assert told.disagree is bool(holds)
    assert [name for name, complaint in told.engines.items() if not complaint] == [holds] * bool(
        holds
    )
    assert ("the engines disagree" in told.detail) is bool(holds)
    if holds:
        assert f"{holds}: holds" in told.detail


@with_both
def test_a_test_that_holds_on_both_passes_and_says_so_of_each() -> None:
    files = bundle.decode(bundle.build({}, base_files()))
    (told,) = report(files, {"a_test.rego": HEAD + "test_it if true"}, "both").outcomes
    assert (told.passed, told.detail) == (True, "")
    assert told.engines == {"regorus": "", "regopy": ""}
    assert not told.disagree


EXAMPLES = sorted(path.name for path in (resources.policies() / "examples").iterdir())


@on_each
@pytest.mark.parametrize("example", EXAMPLES)
def test_every_test_of_the_examples_passes(example: str, engine: str) -> None:
    folder = resources.policies() / "examples" / example
    files = bundle.decode(bundle.build(bundle.load_directory(folder), base_files()))
    found = report(files, bundle.load_directory(folder, tests=True), engine).outcomes
    assert found
    assert [outcome for outcome in found if not outcome.passed] == []
