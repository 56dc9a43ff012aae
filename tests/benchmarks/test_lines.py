"""Of the everyday lines nine in ten are allowed, and no hostile one."""

import pytest

from benchmarks import lines


@pytest.mark.parametrize("name", ["hostile", "reserve"])
def test_no_hostile_line_is_allowed(name: str) -> None:
    judged = lines.judge(lines.hostile(lines.LINES / f"{name}.json"))
    assert [each.entry.id for each in judged if each.outcome == "allow"] == []
    assert all(reason for each in judged for reason in each.reasons)


def test_nine_in_ten_everyday_lines_are_allowed() -> None:
    judged = lines.judge(lines.everyday(lines.LINES / "everyday.json"))
    allowed = [each for each in judged if each.outcome == "allow"]
    assert len(allowed) >= lines.SHARE_MIN * len(judged)
