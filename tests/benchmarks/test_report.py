"""Reports: an aim holds at its bound, and what is shown and what is JSON say the same."""

import pytest

from benchmarks import report
from benchmarks.report import Aim, Grid, Section, amount, seconds


@pytest.mark.parametrize(
    ("found", "at_most", "holds"),
    [
        (0.05, True, True),
        (0.0501, True, False),
        (-0.2, True, True),
        (0.05, False, True),
        (0.0499, False, False),
    ],
)
def test_an_aim_holds_at_its_bound_and_not_one_past_it(
    found: float, at_most: bool, holds: bool
) -> None:
    aim = Aim(what="cost", found=found, aim=0.05, at_most=at_most)

    assert aim.holds is holds
    assert aim.plain()["holds"] is holds
    assert aim.plain()["at_most" if at_most else "at_least"] == 0.05


def test_what_is_shown_names_every_table_figure_and_missed_aim(
    capsys: pytest.CaptureFixture[str],
) -> None:
    section = Section(
        name="copying",
        method="a copy of a file",
        durability="fsync",
        figures={"seconds": 12},
        grids=[Grid(title="copies", columns=("what", "seconds"), rows=[("a file", "12.0")])],
        aims=[Aim(what="rate", found=99.5, aim=1234.5), Aim(what="memory", found=3, aim=3)],
    )

    report.show(section)
    report.show_aims([section])

    lines = capsys.readouterr().out.splitlines()
    words = " ".join(lines)
    assert all(each in words for each in ("copying", "a copy of a file", "durability: fsync"))
    assert any("a file" in line and "12.0" in line for line in lines)
    assert any("rate" in line and ">= 1,234" in line and "no" in line for line in lines)
    assert any("memory" in line and "yes" in line for line in lines)
    assert section.plain()["figures"] == {"seconds": 12}


def test_numbers_have_about_three_digits() -> None:
    assert [amount(each) for each in (250_000, 100, 12.345, 0.04567)] == [
        "250,000", "100", "12.3", "0.0457",
    ]  # fmt: skip
    assert [seconds(each) for each in (0.1234, 9.994, 10, 123.45)] == [
        "0.12", "9.99", "10.0", "123.5",
    ]  # fmt: skip
