"""Reports: an aim holds at its bound, and what is shown and what is JSON say the same."""

import msgspec
import pytest

from benchmarks import report
from benchmarks.report import Section, aim, cell


@pytest.mark.parametrize(
    ("found", "bounds", "holds"),
    [
        (0.05, {"at_most": 0.05}, "yes"),
        (0.0501, {"at_most": 0.05}, "no"),
        (-0.2, {"at_most": 0.05}, "yes"),
        (0.05, {"at_least": 0.05}, "yes"),
        (0.0499, {"at_least": 0.05}, "no"),
    ],
)
def test_an_aim_holds_at_its_bound_and_not_one_past_it(
    found: float, bounds: dict[str, float], holds: str
) -> None:
    told = aim("cost", found, **bounds)

    assert (told["what"], told["found"], told["holds"]) == ("cost", found, holds)
    assert {told["at least"], told["at most"]} == {None, 0.05}


def test_what_is_shown_names_every_table_figure_and_missed_aim(
    capsys: pytest.CaptureFixture[str],
) -> None:
    section = Section(
        name="copying",
        title="files",
        method="a copy of a file",
        durability="fsync",
        tables={"copies": [{"what": "a file", "seconds": 12.0, "MB": None, "of bare": 1.5}]},
        aims=[aim("rate", 99.5, at_least=1234.5), aim("memory", 3, at_most=3)],
    )

    report.show([section])

    lines = capsys.readouterr().out.splitlines()
    words = " ".join(lines)
    told = ("copying: files", "a copy of a file", "durability: fsync", "copies", "aims")
    assert all(each in words for each in told)
    assert "MB" not in words
    assert any("a file" in line and "12" in line and "1.5x" in line for line in lines)
    assert any("rate" in line and "1,234" in line and "no" in line for line in lines)
    assert any("memory" in line and "yes" in line for line in lines)
    assert msgspec.to_builtins(section)["tables"] == section.tables


def test_numbers_have_about_three_digits() -> None:
    numbers = {250_000: "250,000", 100: "100", 12.345: "12.3", 0.04567: "0.0457"}
    assert {each: cell("seconds", each) for each in numbers} == numbers


def test_a_ratio_has_two_digits() -> None:
    ratios = {1.5: "1.5x", 12: "12x", 1000: "1,000x", 0.005: "0.005x", 9.9: "10x"}
    assert {each: cell("of bare", each) for each in ratios} == ratios


def test_a_figure_that_there_is_not_is_an_empty_cell() -> None:
    assert (cell("of bare", None), cell("MB", None)) == ("", "")
