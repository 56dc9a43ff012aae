"""What is no id and no JSON never becomes an event."""

from pathlib import Path

import pytest

from aegis import AegisError, Gate
from aegisd.core.errors import InvalidField, ReservedId, TooDeep
from aegisd.core.log.canonical import DEPTH_MAX
from tests.aegis.world import told


@pytest.mark.parametrize("bad", ["$control", "a b", ".x", "x" * 129])
def test_an_id_that_the_log_cannot_hold_is_refused_at_once(gate: Gate, bad: str) -> None:
    for name in ("session_id", "user_id", "agent_id"):
        with pytest.raises((InvalidField, ReservedId)):
            gate.session(**{name: bad})
    with pytest.raises((InvalidField, ReservedId)):
        Gate(tenant_id=bad)


def test_values_that_are_no_json_are_refused_by_place_and_nothing_is_written(gate: Gate) -> None:
    deep: object = 1
    for _ in range(DEPTH_MAX):
        deep = [deep]
    endless: list[object] = []
    endless.append(endless)
    for args, error, place in (
        ({"a": [1, {"b": object()}]}, InvalidField, r"args\.a\[1\]\.b: .* found a object"),
        ({"a": {1: 2}}, InvalidField, r"args\.a: expected text for each key, found a int"),
        ({"a": Path()}, InvalidField, r"args\.a: expected a JSON value"),
        ({"a": b"x"}, InvalidField, r"found a bytes"),
        ({"a": {1, 2}}, InvalidField, r"found a set"),
        ({"a": float("nan")}, AegisError, "not finite"),
        ({"a": 2**53}, AegisError, "integer outside"),
        ({"a": "\ud800"}, AegisError, "surrogate"),
        ({"a": deep}, TooDeep, "nested"),
        ({"a": endless}, TooDeep, "nested"),
    ):
        with pytest.raises(error, match=place):
            gate.propose("think", args)
    assert told(gate.reader) == []
