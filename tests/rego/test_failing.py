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
    ("rules", "place"),
    [
        ({"a.rego": RULES, "lib.rego": LIBRARY}, "rules/lib.rego:5: rule size: "),
        (
            {"a.rego": RULES.replace("lib.size", "count(input.call.args.n)")},
            "rules/a.rego:9: rule deny: ",
        ),
    ],
)
def test_the_statement_that_fails_is_named_by_file_line_and_rule(
    engine: str, rules: dict[str, str], place: str
) -> None:
    if "lib.rego" not in rules:
        rules = {"a.rego": rules["a.rego"].replace("import data.aegis.rules.lib\n", "\n")}
    program = choose(engine).compile(build(rules, base_files()), encode(MANIFEST))
    assert program.evaluate(encode(bent(INPUT, call__args={"n": [SECRET]})))
    with pytest.raises(RuleFailed) as failed:
        program.evaluate(encode(bent(INPUT, call__args={"n": 7, "word": SECRET})))
    assert failed.value.message.startswith(f"{place}a rule failed")
    assert SECRET not in failed.value.message


def test_many_statements_are_not_asked_one_by_one() -> None:
    rules = RULES.partition("import data")[0] + "".join(
        f'deny contains "{number}" if count(input.call.args.n) == {number}\n'
        for number in range(failing.STATEMENTS_MAX + 1)
    )
    program = choose(installed()[0]).compile(
        build({"a.rego": rules}, base_files()), encode(MANIFEST)
    )
    with pytest.raises(RuleFailed, match=r"^a rule failed"):
        program.evaluate(encode(bent(INPUT, call__args={"n": 7})))
