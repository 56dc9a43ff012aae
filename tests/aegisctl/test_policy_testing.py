"""Coverage as a person and a program read it."""

from aegisctl.policy_testing import Coverage
from aegisd.rego.coverage import FileCoverage

FILES = [
    FileCoverage("aegis/a.rego", [1, 2], []),
    FileCoverage("rules/b.rego", [4], [5, 6, 7, 9, 11, 12]),
]


def test_only_the_files_in_scope_count() -> None:
    for scope, told in (("rules/", 14.2), ("aegis/", 100.0), ("", 33.3)):
        coverage = Coverage(files=FILES, scope=scope, minimum=None)
        assert (coverage.percent, coverage.holds) == (told, True)
        assert coverage.document()["files"] == [
            {"file": "aegis/a.rego", "covered": [1, 2], "uncovered": [], "percent": 100.0},
            {
                "file": "rules/b.rego",
                "covered": [4],
                "uncovered": [5, 6, 7, 9, 11, 12],
                "percent": 14.2,
            },
        ]


def test_a_minimum_holds_at_itself_and_not_above() -> None:
    assert Coverage(files=FILES, scope="rules/", minimum=14.2).holds
    short = Coverage(files=FILES, scope="rules/", minimum=14.3)
    assert not short.holds
    *_, last = short.lines()
    assert last == "short: 14.2 % of the lines below rules/ were reached, expected 14.3 %"


def test_lines_are_told_as_ranges() -> None:
    lines = list(Coverage(files=FILES, scope="rules/", minimum=None).lines())
    assert lines[1].split() == ["aegis/a.rego", "100.0", "%"]
    assert lines[2].split(maxsplit=3)[3] == "5-7, 9, 11-12"
