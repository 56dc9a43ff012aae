"""Values of Python as JSON: copied, or refused by place."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.errors import InvalidField, TooDeep
from aegisd.core.log.canonical import DEPTH_MAX
from aegisd.pep.value import plain, plain_object

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: (
        st.lists(inner, max_size=4)
        | st.dictionaries(st.text(), inner, max_size=4)
        | st.lists(inner, max_size=4).map(tuple)
    ),
    max_leaves=20,
)


@given(value=JSON)
def test_a_copy_is_equal_of_the_same_types_and_shares_nothing_that_can_change(
    value: object,
) -> None:
    copy = plain(value, "x")
    assert repr(copy) == repr(value)
    assert not containers(copy) & containers(value)


def containers(value: object) -> set[int]:
    """Ids of every list and dict in a value."""
    found = {id(value)} if isinstance(value, list | dict) else set()
    if isinstance(value, dict):
        value = list(value.values())
    if isinstance(value, list | tuple):
        for item in value:
            found |= containers(item)
    return found


class Text(str):
    """Text that may print otherwise than it is judged."""

    __slots__ = ()


@pytest.mark.parametrize(
    ("value", "where"),
    [
        (Text("a"), "args"),
        ({"a": [1, Text("b")]}, r"args\.a\[1\]"),
        (({"a": {1}},), r"args\[0\]\.a"),
        ({"a": {1: "b"}}, r"args\.a"),
    ],
)
def test_what_is_no_json_is_refused_by_its_place(value: object, where: str) -> None:
    with pytest.raises(InvalidField, match=f"^{where}: "):
        plain(value, "args")


def test_nesting_is_refused_one_level_past_its_bound() -> None:
    value: object = 1
    for _ in range(DEPTH_MAX):
        value = [value]
    assert plain(value, "args") == value
    with pytest.raises(TooDeep, match="DEPTH_MAX"):
        plain([value], "args")


def test_an_object_is_one_whatever_mapping_it_came_in() -> None:
    given: dict[str, object] = {"a": [1]}
    copied = plain_object(given, "args")
    assert copied == given
    assert copied["a"] is not given["a"]
