"""Agents' payloads: every field known, also inside a field, and a refusal that repeats nothing."""

import pytest
from msgspec import UNSET, Struct, UnsetType

from aegisd.core.errors import InvalidField, UnknownField, UnsupportedField
from aegisd.core.shapes.payload import AgentPayload, Count, Name, read


class Inner(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    size: Count | UnsetType = UNSET


class Outer(AgentPayload, frozen=True, kw_only=True):
    name: Name
    inner: Inner | UnsetType = UNSET


def test_what_is_declared_is_read_as_it_was_sent() -> None:
    given = {"name": "n", "inner": {"size": 3}, "meta": {"a": 1}}
    assert read(given, Outer, "MADE_UP") == Outer(name="n", inner=Inner(size=3), meta={"a": 1})
    assert read({"name": "n"}, Outer, "MADE_UP") == Outer(name="n")


@pytest.mark.parametrize(
    ("given", "where", "nearest"),
    [
        ({"name": "n", "nmae": 1}, "payload:", "name"),
        ({"name": "n", "inner": {"sise": 1}}, "payload.inner:", "size"),
    ],
)
def test_what_is_not_declared_is_refused_at_any_depth(
    given: object, where: str, nearest: str
) -> None:
    with pytest.raises(UnknownField) as refused:
        read(given, Outer, "MADE_UP")
    assert str(refused.value).startswith(where)
    assert refused.value.details["nearest"] == nearest


def test_what_belongs_to_a_part_that_is_not_there_is_refused_by_its_name() -> None:
    with pytest.raises(UnsupportedField, match="approval_id"):
        read({"name": "n", "approval_id": "a"}, Outer, "MADE_UP")


@pytest.mark.parametrize("given", ["hunter2", ["hunter2"], {"name": 5}, {"name": "hunter2" * 99}])
def test_a_refusal_repeats_no_value(given: object) -> None:
    with pytest.raises(InvalidField) as refused:
        read(given, Outer, "MADE_UP")
    assert "hunter2" not in str(refused.value)
