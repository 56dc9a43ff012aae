"""What two engines read differently is not admitted, and old bundles that hold it still load."""

import pytest

from aegisd.core.errors import PolicyInvalid
from aegisd.rego import portable
from aegisd.rego.check import admit, check
from aegisd.rego.module import read
from tests.rego.worlds import base_files
from tests.table import each

HEAD = "package aegis.rules\n\nimport rego.v1\n\n"
CALL = 'deny contains "x" if '


def files(source: str) -> dict[str, str]:
    base = {f"aegis/{path}": text for path, text in base_files().items() if "_test" not in path}
    return {**base, "rules/a.rego": source}


REFUSED = [
    (CALL + "object.union({}, input.call.args) == {}", "object.union may not be called"),
    (CALL + "sum(input.call.args.l) > 500", "bound each item, such as every item in"),
    (CALL + 'sprintf("%v", [1, 2]) == "1"', "a list of 1 values, as many as its format has %v"),
    (CALL + 'sprintf("%v and %v", [1]) == "1"', "a list of 2 values"),
    (CALL + 'sprintf("no", [1]) == "1"', "a list of 0 values"),
    (CALL + 'sprintf("%v", input.call.args.l) == "1"', "found something else"),
    (CALL + 'sprintf("%v", [[1, 2], {3, 4},]) == "1"', "found 2"),
    (CALL + "{ [_, v] := walk(input.call.args); v == 1 }", "expected walk(value, [path, leaf])"),
    (CALL + "[p | p := walk(input.call.args)] == []", "expected walk(value, [path, leaf])"),
    (CALL + '{ "k", 5 in input.call.args.l }', "expected one value before `in`"),
    (
        CALL + '{ x := [1 | "k", 5 in input.call.args.l]; x == [] }',
        "expected one value before `in`",
    ),
    (CALL + "f(1, 2 in [3])\n\nf(x, y) if x == y", "expected one value before `in`"),
    ("deny contains [x | some x in [1]] if true", "move the comprehension"),
    ("deny contains {x | some x in [1]}", "move the comprehension"),
    ('deny contains {"k": {x: 1 | some x in [1]}}', "move the comprehension"),
    ("x := [y | some y in [1]] if true\n\n" + CALL + "x == []", "move the comprehension"),
    ("x := 1 if false else := [y | some y in [1]]\n\n" + CALL + "x == 1", "move the comprehension"),
    ("x[y].z := 1 if some y in [1]\n\n" + CALL + "x == 1", "to end with its bracket"),
    ("x[y] contains 1 if some y in [1]\n\n" + CALL + "x == 1", "to end with its bracket"),
    ("x.y[z] contains 1 if some z in [1]\n\n" + CALL + "x == 1", "to end with its bracket"),
    ("x := 1\n\nx contains 2\n\n" + CALL + "x == 1", "a set in one place and a value in another"),
    ("default x := 1\n\nx contains 2\n\n" + CALL + "x == 1", "a set in one place"),
    # A variable with the name of a package, which no `:=`, `some … in` or parameter declares.
    (CALL + '{ walk(input.call.args, [path, _]); path == ["a"] }', "rename the variable path"),
    (CALL + '{ walk(input.call.args, [_, args]); args == "x" }', "rename the variable args"),
    (CALL + '{ some path; input.call.args.l[path] == "x" }', "rename the variable path"),
    (CALL + '{ [path, _] := input.call.args.l; path == "x" }', "rename the variable path"),
    (CALL + '{ [_, path] := input.call.args.l; path == "x" }', "rename the variable path"),
    (CALL + '{ path = input.call.args.p; path == "x" }', "rename the variable path"),
]


@each(("body", "says"), REFUSED)
def test_what_two_engines_read_differently_is_not_admitted(body: str, says: str) -> None:
    with pytest.raises(PolicyInvalid, match=r"^rules/a\.rego:\d+: ") as caught:
        admit(files(HEAD + body))
    assert says in caught.value.message


@each(("body", "says"), REFUSED)
def test_a_bundle_of_an_old_log_may_hold_it(body: str, says: str) -> None:
    check(files(HEAD + body))


def test_an_imported_function_is_called_in_its_package() -> None:
    lists = {
        "rules/l.rego": "package aegis.rules.l\n\nimport rego.v1\n\nhas(x) if x == 1\n",
    }
    rule = "import data.aegis.rules.l\n\n" + CALL + "l.has(1)"
    admit({**files(HEAD + rule), **lists})
    rule = "import data.aegis.rules.l.has\n\n" + CALL + "has(1)"
    with pytest.raises(PolicyInvalid, match="has is an imported function"):
        admit({**files(HEAD + rule), **lists})


@each(
    "body",
    [
        CALL + 'sprintf("%v and %v, 100%%", [input.call.tool, f(1, 2)]) == "x"\n\nf(a, b) := a + b',
        CALL + 'sprintf("%v", [{"a, b": [1, 2]}],) == "x"',
        CALL + 'sprintf("plain", []) == "x"',
        CALL + '{ walk(input.call.args, [_, leaf]); leaf == "x" }',
        CALL + "{ some key, item in input.call.args; item in [1]; key in {2} }",
        CALL + '{ {"a": 1 in [1], "b": 2 in [2]} == {} }',
        CALL + "[1 in [1]] == [true]",
        CALL + 'input.call.args["a, in"] == "in"',
        CALL + "input.call.args.in == 1",
        "x := [y | some y in [1]]\n\n" + CALL + "x == []",
        "x := ([1] | [2]) if true\n\n" + CALL + "x == []",
        "deny contains found if found := [x | some x in [1]]",
        "x[y] := z if some y, z in [1]\n\n" + CALL + "x[0] == 1",
        "x.y := 1\n\n" + CALL + "x.y == 1",
        CALL + "{ some path in input.call.paths; path.access == input.call.args.a }",
        CALL + "{ some path, access in input.call.args; path == access }",
        CALL + '{ path := input.call.args.p; path == "x" }',
        CALL + '{ every path in input.call.paths { path.access == "x" } }',
        CALL + "f(1)\n\nf(path) if path == 1",
        CALL + 'args.a == "x"\n\nargs := input.call.args',
        CALL + "[1 | path := input.call.args.l[_]; path == 1] == []",
    ],
)
def test_what_they_read_alike_is_admitted(body: str) -> None:
    admit(files(HEAD + body))


def test_a_string_that_is_a_bracket_opens_nothing() -> None:
    with pytest.raises(PolicyInvalid, match="nothing reads"):
        admit(files(HEAD + 'a "["'))


def test_the_base_rules_are_portable() -> None:
    portable.check([read(path, text) for path, text in files(HEAD).items()])
