"""Full paths that no rule and no package answers are not admitted: they would never hold."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.errors import PolicyInvalid
from aegisd.rego.check import admit, check

HEAD = "package aegis.rules\n\nimport rego.v1\n\n"
CALL = 'deny contains "x" if '
BELOW = "package aegis.rules.hours\n\nimport rego.v1\n\nopen if input.time.weekday == 1\n\n"
BELOW += 'limits := {"max": 3}\n'
READ = "advise contains 1 if data.aegis.rules.hours[input.call.tool]\n\n"


def files(body: str) -> dict[str, str]:
    return {"rules/a.rego": HEAD + body, "rules/b.rego": BELOW}


REFUSED = [
    ("data.aegis.rules.hepler\n\nhelper if true", "hepler", "helper"),
    ("not data.aegis.rules.hepler\n\nhelper if true", "hepler", "helper"),
    ("data.aegis.rules.hepler(1)\n\nhelper(n) if n == 1", "hepler", "helper"),
    ('data["aegis"].rules["hepler"]\n\nhelper if true', "hepler", "helper"),
    ("data.aegis.rules.hepler[input.call.tool]\n\nhelper := {}", "hepler", "helper"),
    ("data.aegis.rules.hour.open", "hour.open", "hours"),
    ("data.aegis.rules.hours.opne", "hours.opne", "hours.open"),
    ("data.aegis.rules.hours.opne[input.call.tool].x", "hours.opne", "hours.open"),
    ("data.aegis.rules.require_aproval", "require_aproval", "require_approval"),
]


@pytest.mark.parametrize(("body", "path", "near"), REFUSED)
def test_a_path_that_leads_nowhere_is_refused_with_the_nearest_name(
    body: str, path: str, near: str
) -> None:
    known = 'require_approval contains "x" if false\n\n'
    with pytest.raises(PolicyInvalid) as caught:
        admit(files(known + READ + CALL + body))
    assert caught.value.message == (
        f"rules/a.rego:9: no rule and no package answers data.aegis.rules.{path}, "
        f"so what reads it never holds: the nearest is data.aegis.rules.{near}"
    )


@pytest.mark.parametrize(
    ("name", "read"),
    [
        ("data.aegis.rules.hours", "hours.opne"),
        ("data.aegis.rules.hours as known", "known.opne"),
        ("data.aegis.rules.hours.opne", "opne"),
        ("data.aegis.rules as all_rules", "all_rules.hours.opne"),
    ],
)
def test_so_is_one_through_an_import(name: str, read: str) -> None:
    with pytest.raises(PolicyInvalid, match=r"answers data\.aegis\.rules\.hours\.opne, "):
        admit(files(f"import {name}\n\n" + READ + CALL + read))


def test_a_package_without_rules_answers_only_for_itself() -> None:
    empty = {"rules/c.rego": "package aegis.rules.empty\n"}
    admit({**files(READ + CALL + "count(data.aegis.rules.empty) == 0"), **empty})
    with pytest.raises(PolicyInvalid, match=r"package aegis\.rules\.empty is empty$"):
        admit({**files(READ + CALL + "data.aegis.rules.empty.open"), **empty})


@pytest.mark.parametrize(
    "body",
    [
        CALL + "data.aegis.rules.helper\n\nhelper if true",
        CALL + "input.call.args.n > data.aegis.rules.limits.max\n\nlimits := {}",
        CALL + "data.aegis.rules.limits[input.call.tool].max\n\nlimits := {}",
        CALL + "data.aegis.rules.names.a.b\n\nnames.a.b := 1",
        CALL + 'data.aegis.rules.names["a"]\n\nnames contains "a"',
        CALL + "data.aegis.rules.small(1)\n\nsmall(n) if n == 1",
        CALL + "data.aegis.rules.small\n\ndefault small := false",
        CALL + "input.call.args.n > data.aegis.rules.hours.limits.max",
        CALL + "data.aegis.rules.hours[input.call.tool].max",
        CALL + "count(data.aegis.rules.hours) == 1",
        "import data.aegis.rules.hours\n" + CALL + "hours.limits.max == 3",
        "import data.aegis.rules.hours.limits as l\n" + CALL + "l.max == 3",
        "import data.aegis.rules.hours.open\n" + CALL + "open",
        "import data.aegis.rules as r\n" + CALL + "r.hours[input.call.tool].opne",
        # The import's name as a variable.
        "import data.aegis.rules.hours\n" + CALL + "{ some hours in input.call.hosts; hours.x }",
        "import data.aegis.rules.hours\n" + CALL + "f(1)\n\nf(hours) if hours.x",
    ],
)
def test_a_path_that_something_answers_is_admitted(body: str) -> None:
    admit(files(body + "\n\n" + READ))


NAMES = st.text("abc", min_size=1, max_size=3).filter(lambda name: name != "abs")


@given(defined=st.lists(NAMES, min_size=1, max_size=4, unique=True), read=NAMES)
def test_a_path_is_admitted_if_and_only_if_a_rule_has_its_name(
    defined: list[str], read: str
) -> None:
    rules = [f"{name} if input.time.weekday == 1" for name in defined]
    rules += [f"advise contains 1 if {name}" for name in defined]
    body = HEAD + "\n\n".join([*rules, CALL + f"data.aegis.rules.{read}"])
    if read in defined:
        admit({"rules/a.rego": body})
    else:
        with pytest.raises(PolicyInvalid, match="no rule and no package answers"):
            admit({"rules/a.rego": body})


def test_a_bundle_of_an_old_log_may_hold_such_a_path() -> None:
    check(files(READ + CALL + "data.aegis.rules.hepler"))
