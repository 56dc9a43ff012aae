"""Finding the rules that nothing reads, and what it costs."""

from time import process_time

import pytest

from aegisd.rego.module import Module, read
from aegisd.rego.unread import first

HEAD = "package aegis.rules\n\nimport rego.v1\n\n"
PACKAGE, ROOTS = ("aegis", "rules"), frozenset({"deny"})

# Seconds of processor time for thousands of rules; comparing each with each took more than five.
SECONDS_MAX = 3


def modules(*rules: str) -> list[Module]:
    return [read("rules/a.rego", HEAD + "\n".join(rules))]


def names(number: int) -> list[str]:
    return [f"name_{index}" for index in range(number)]


@pytest.mark.parametrize(
    "reading",
    [
        [f"{name} if {name}0" for name in names(1)],
        [f"{name} if data.aegis.rules.name_0" for name in names(4000)],
        [f"{name} if data.aegis.rules" for name in names(4000)],
        [f"{name}(x) if x == 1" for name in names(4000)],
        [f"name_{n} if name_{n + 1}" for n in range(4000)],
    ],
    ids=["one", "all read one", "all read all", "functions", "a chain"],
)
def test_thousands_of_rules_take_no_more_than_a_moment(reading: list[str]) -> None:
    found = modules(*reading)
    start = process_time()
    rule = first(found, PACKAGE, ROOTS)
    assert process_time() - start < SECONDS_MAX
    assert rule is not None


def test_thousands_of_rules_that_are_all_read_have_none_to_name() -> None:
    rules = [f"{name}(x) if x == 1" for name in names(4000)]
    calls = [f'deny contains "x" if {name}(1)' for name in names(4000)]
    found = modules(*rules, *calls)
    start = process_time()
    assert first(found, PACKAGE, ROOTS) is None
    assert process_time() - start < SECONDS_MAX


def test_of_a_rule_and_its_only_reader_the_reader_is_named() -> None:
    rule = first(modules("a if true", "b if data.aegis.rules.a", "c if b"), PACKAGE, ROOTS)
    assert rule is not None
    assert (rule.name, rule.line) == ("c", 7)


def test_a_rule_that_reads_itself_is_not_read_by_that() -> None:
    rule = first(modules("a if data.aegis.rules.a", "b if a"), PACKAGE, ROOTS)
    assert rule is not None
    assert rule.name == "b"
