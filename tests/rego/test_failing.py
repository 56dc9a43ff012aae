"""The failing statement is named with file and line, and no value of the input."""

import pytest

from aegisd.core.errors import RuleFailed
from aegisd.core.log.canonical import encode
from aegisd.rego import failing
from aegisd.rego.bundle import build
from aegisd.rego.engines import choose, installed
from tests.rego.worlds import INPUT, MANIFEST, base_files, bent

SECRET = "hunter2"
LIBRARY = "package aegis.rules.lib\n\nimport rego.v1\n\nsize := count(input.call.args.n)\n"
RULES = """package aegis.rules

import rego.v1

import data.aegis.rules.lib

deny contains "never" if input.call.tool == "none"

deny contains {"message": "long"} if {
	lib.size > 7
}
"""


@pytest.mark.parametrize("engine", installed())
@pytest.mark.parametrize(
    ("rules", "places"),
    [
        ({"a.rego": RULES, "lib.rego": LIBRARY}, ("rules/lib.rego:5: rule size: ",) * 2),
        (
            {"a.rego": RULES.replace("lib.size", "count(input.call.args.n)")},
            ("rules/a.rego:10: rule deny: ", "rules/a.rego:9: rule deny: "),
        ),
    ],
)
def test_the_statement_that_fails_is_named_by_file_line_and_rule(
    engine: str, rules: dict[str, str], places: tuple[str, str]
) -> None:
    if "lib.rego" not in rules:
        rules = {"a.rego": rules["a.rego"].replace("import data.aegis.rules.lib\n", "\n")}
    program = choose(engine).compile(build(rules, base_files()), encode(MANIFEST))
    assert program.evaluate(encode(bent(INPUT, call__args={"n": [SECRET]})))
    with pytest.raises(RuleFailed) as failed:
        program.evaluate(encode(bent(INPUT, call__args={"n": 7, "word": SECRET})))
    # regorus tells the expression and its built-in, rego-cpp nothing: its statement is looked for.
    place, called = (places[0], "count") if engine == "regorus" else (places[1], "a built-in")
    assert failed.value.message == f"{place}a rule failed: {called} was given what it does not take"
    assert SECRET not in failed.value.message


TWO_VALUES = """package aegis.rules

import rego.v1

deny contains {"message": "late"} if {
	input.call.tool != "none"
	limit > 7
}

limit := 7

limit := 8 if input.call.args.n == 7
"""
FUNCTION = """package aegis.rules

import rego.v1

deny contains {"message": "late"} if {
	input.call.tool != "none"
	limit(input.call.args.n) > 7
}

limit(x) := 7 if x != "none"

limit(x) := 8 if x == 7
"""


@pytest.mark.parametrize(
    ("engine", "rules", "place"),
    [
        ("regorus", TWO_VALUES, "rules/a.rego:12: rule limit: "),
        ("regopy", TWO_VALUES, "rules/a.rego:10: rule limit: "),
        ("regorus", FUNCTION, "rules/a.rego:7: rule deny: "),
        ("regopy", FUNCTION, "rules/a.rego:5: rule deny: "),
    ],
)
def test_two_values_for_one_name_are_told_as_that(engine: str, rules: str, place: str) -> None:
    if engine not in installed():
        pytest.skip("needs the native engine")
    program = choose(engine).compile(build({"a.rego": rules}, base_files()), encode(MANIFEST))
    assert program.evaluate(encode(bent(INPUT, call__args={"n": 6})))
    with pytest.raises(RuleFailed) as failed:
        program.evaluate(encode(bent(INPUT, call__args={"n": 7, "word": SECRET})))
    assert failed.value.message == f"{place}a rule failed: two values for one name"


def test_many_statements_are_not_asked_one_by_one() -> None:
    rules = RULES.partition("import data")[0] + "".join(
        f'deny contains "{number}" if count(input.call.args.n) == {number}\n'
        for number in range(failing.STATEMENTS_MAX + 1)
    )
    program = choose("regopy").compile(build({"a.rego": rules}, base_files()), encode(MANIFEST))
    with pytest.raises(RuleFailed, match=r"^a rule failed"):
        program.evaluate(encode(bent(INPUT, call__args={"n": 7})))
