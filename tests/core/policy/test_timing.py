"""Whether operators' rules may read the time is told from their text, and never missed."""

import pytest

from aegisd.core.policy.timing import reads_time


@pytest.mark.parametrize(
    ("text", "reads"),
    [
        ('deny if input.call.tool == "x"', False),
        ("deny if input.snapshot.steps_consumed > 3", False),
        ("deny if some_input.time", False),
        ("deny if input.time.weekday > 5", True),
        ('deny if input["time"].weekday > 5', True),
        ("deny if input.snapshot.wall_time_ms > 5", True),
        ("deny if input.snapshot[k] > 5", True),
        ("deny if input.snapshot.steps_consumed_otherwise", True),
        ("deny if input.caller", True),
        ("everything := input", True),
        ("import input.time as t", True),
        ("deny if input .time.weekday > 5", True),
        ("deny if input.call.tool; walk(input, x)", True),
    ],
)
def test_any_way_to_the_time_counts_as_reading_it(text: str, *, reads: bool) -> None:
    assert reads_time({"rules/a.rego": text, "aegis/b.rego": "input.time"}) is reads
