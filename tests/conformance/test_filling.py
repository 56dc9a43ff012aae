"""Known names are filled in wherever a text stands; everything else stays as it is written."""

import base64

from hypothesis import given
from hypothesis import strategies as st

from aegisd.conformance.filling import data, fill, text

NAMES = {"tenant": "t1", "n": 3, "first": {"seq": 0}}

JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=6),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=8,
)


def test_a_text_that_is_one_name_takes_the_type_of_its_value() -> None:
    given_value = {"a": "{n}", "b": ["{tenant}", "{first}"], "c": "/{n}.txt", "{n}": 1}
    assert fill(given_value, NAMES) == {
        "a": 3,
        "b": ["t1", {"seq": 0}],
        "c": "/3.txt",
        "{n}": 1,
    }


def test_unknown_names_and_other_braces_stay() -> None:
    for written in ("{other}", '{"tenant_id": 1}', "{}", "{tenant", "{Tenant}", "${n }"):
        assert text(written, NAMES) == written
        assert fill(written, NAMES) == written


def test_what_is_no_text_is_spelled_as_json_inside_of_one() -> None:
    assert text("x{n}{first}{tenant}", NAMES) == 'x3{"seq":0}t1'


def test_bytes_that_are_no_text_are_filled_in_too() -> None:
    written = base64.b64decode(base64.b64encode(b"\xff{tenant}\x00{n}"))
    assert data(written, NAMES) == b"\xfft1\x003"


@given(JSON)
def test_without_names_nothing_changes(value: object) -> None:
    assert fill(value, {}) == value
