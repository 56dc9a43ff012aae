"""What is held of the starts that were measured."""

import pytest

from benchmarks import start
from benchmarks.start import Started


def test_a_start_is_held_to_a_second_by_its_median() -> None:
    found = {
        start.STOPPED: [Started(each, 50.0, 1.0, 1.0) for each in (0.2, 9.0, 1.0)],
        start.KILLED: [Started(each, 50.0, 1.0, 1.0) for each in (0.2, 1.01, 9.0)],
        start.EMPTY: [Started(0.5, 50.0, 1.0, 1.0)],
    }

    section = start.section(1_000, found)

    (rows,) = section.tables.values()
    assert [aim["holds"] for aim in section.aims] == ["yes", "no"]
    assert [row["of no log"] for row in rows] == pytest.approx([2, 2.02, 1])
