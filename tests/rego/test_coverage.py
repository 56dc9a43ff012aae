"""Lines that some test reached, of the rules and not of the tests."""

import pytest

from aegisd.core.errors import ConfigInvalid
from aegisd.rego.coverage import FileCoverage, Meter, percent
from aegisd.rego.engines import installed
from aegisd.rego.testing import report

native = pytest.mark.skipif("regorus" not in installed(), reason="needs the native engine")

RULES = """package aegis.rules

import rego.v1

deny contains "late" if {
	input.time.weekday > 5
}

deny contains "never" if {
	input.time.weekday > 7
	input.call.tool == "fetch"
}

advise contains said if some said in [
	{"type": "a"},
]
"""
OTHER = "package aegis.rules\n\nimport rego.v1\n\noblige contains said if some said in []\n"
TESTS = """package aegis.rules_test

import rego.v1

test_late if {
	data.aegis.rules.deny == {"late"} with input as {"time": {"weekday": 6}}
}

todo_test_advice if count(data.aegis.rules.advise) == 1
"""


def reached(tests: str = TESTS) -> dict[str, tuple[list[int], list[int]]]:
    files = {"rules/a.rego": RULES, "rules/b.rego": OTHER}
    told = report(files, {"rules/a_test.rego": tests}, coverage=files).coverage
    assert told is not None
    return {each.file: (each.covered, each.uncovered) for each in told}


@native
def test_a_line_counts_where_an_expression_stands_on_it() -> None:
    assert reached()["rules/a.rego"] == ([5, 6, 10], [9, 11, 14, 15])


@native
def test_a_file_that_no_test_reached_is_told_with_every_line() -> None:
    assert reached()["rules/b.rego"] == ([], [5])


@native
def test_without_a_test_nothing_is_reached() -> None:
    none = reached("package aegis.rules_test\n")
    assert none == {"rules/a.rego": ([], [5, 6, 9, 10, 11, 14, 15]), "rules/b.rego": ([], [5])}


@native
def test_what_several_worlds_reached_is_added() -> None:
    more = TESTS + (
        "\ntest_never if {\n\tcount(data.aegis.rules.deny) == 2"
        ' with input as {"time": {"weekday": 8}, "call": {"tool": "fetch"}}'
        ' with data.manifest as {"name": "other"}\n}\n'
    )
    assert reached(more)["rules/a.rego"] == ([5, 6, 9, 10, 11], [14, 15])


@native
def test_a_test_that_fails_has_reached_lines_too() -> None:
    assert reached(TESTS.replace('{"late"}', "3")) == reached()


@native
def test_measuring_changes_no_outcome() -> None:
    files, tests = {"rules/a.rego": RULES, "rules/b.rego": OTHER}, {"rules/a_test.rego": TESTS}
    plain = report(files, tests)
    assert plain.coverage is None
    assert report(files, tests, coverage=files).outcomes == plain.outcomes


def test_without_the_engine_that_counts_coverage_is_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("aegisd.rego.coverage.installed", lambda: ("regopy",))
    with pytest.raises(ConfigInvalid, match=r"pip install \./native"):
        Meter({}, {})


@pytest.mark.parametrize(
    ("covered", "uncovered", "told"),
    [(0, 0, 100.0), (0, 3, 0.0), (3, 0, 100.0), (1, 2, 33.3), (2, 1, 66.6), (9999, 1, 99.9)],
)
def test_a_percentage_is_cut_so_that_a_hundred_means_every_line(
    covered: int, uncovered: int, told: float
) -> None:
    lines = FileCoverage("a", [1] * covered, [2] * uncovered)
    assert lines.percent == told
    assert percent([lines, FileCoverage("b", [], [])]) == told
