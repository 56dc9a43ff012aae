"""Queries: known, once, well-formed; page tokens that only their own listing understands."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.requests import Request

from aegisd.core.errors import InvalidField, InvalidRequest, UnknownField
from aegisd.core.log.canonical import INTEGER_MAX
from aegisd.http.query import (
    PAGE_ITEMS_DEFAULT,
    PAGE_ITEMS_MAX,
    Parameter,
    Query,
    check_any_id,
    token,
)


def query(text: str, *known: str) -> Query:
    request = Request({"type": "http", "query_string": text.encode("utf-8"), "headers": []})
    names = known or ("limit", "page_token", "id", "outcome")
    return Query(request, *(Parameter(name=name, schema={}) for name in names))


def test_an_unknown_parameter_names_the_nearest_known() -> None:
    with pytest.raises(UnknownField) as refused:
        query("limt=3")
    assert "limit" in refused.value.message


@pytest.mark.parametrize("text", ["limit=1&limit=1", "id=a&id=b"])
def test_a_parameter_is_named_once(text: str) -> None:
    with pytest.raises(InvalidField):
        query(text)


@pytest.mark.parametrize(
    ("text", "limit"),
    [("", PAGE_ITEMS_DEFAULT), ("limit=1", 1), (f"limit={PAGE_ITEMS_MAX}", PAGE_ITEMS_MAX)],
)
def test_a_limit_has_a_default_and_two_ends(text: str, limit: int) -> None:
    assert query(text).limit() == limit


@pytest.mark.parametrize(
    "value", ["0", str(PAGE_ITEMS_MAX + 1), "-1", "1.0", "%2B1", "1_0", "", "٣", "x", "9" * 5000]
)
def test_a_limit_past_an_end_or_not_a_number_is_refused(value: str) -> None:
    with pytest.raises(InvalidField):
        query(f"limit={value}").limit()


@given(st.integers(0, INTEGER_MAX))
def test_a_token_brings_back_its_place(place: int) -> None:
    assert query(f"page_token={token('p', place)}").place("p") == place


@given(st.integers(0, INTEGER_MAX), st.sampled_from("psqx"))
def test_a_token_of_another_listing_is_refused(place: int, kind: str) -> None:
    with pytest.raises(InvalidField):
        query(f"page_token={token(kind, place)}").place("z")


@given(st.text(st.characters(min_codepoint=33, max_codepoint=126, exclude_characters="&%+;#=")))
def test_no_text_is_a_token_but_one_that_was_given(text: str) -> None:
    asked = query(f"page_token={text}")
    try:
        place = asked.place("p")
    except InvalidField:
        return
    assert place is not None
    assert token("p", place) == text or token("p", place).startswith(text[:1])


@pytest.mark.parametrize("place", ["-1", "1.5", "", "9" * 30])
def test_a_forged_place_that_is_no_number_is_refused(place: str) -> None:
    with pytest.raises(InvalidField):
        query(f"page_token={token('p', place)}").place("p")


def test_without_a_token_the_listing_begins_at_its_beginning() -> None:
    assert query("").place("p") is None


def test_a_choice_is_one_of_its_words() -> None:
    assert query("outcome=deny").choice("outcome", ("allow", "deny")) == "deny"
    with pytest.raises(InvalidField):
        query("outcome=Deny").choice("outcome", ("allow", "deny"))


@pytest.mark.parametrize("value", ["s1", "$control", "$archive.x", "a" * 128])
def test_what_can_be_in_the_log_can_be_asked_about(value: str) -> None:
    assert check_any_id(value, "session_id") == value


@pytest.mark.parametrize("value", ["", "$", "$$", "a b", ".a", "a" * 129, "é", None, 3])
def test_what_cannot_be_in_the_log_is_refused(value: object) -> None:
    with pytest.raises(InvalidRequest):
        check_any_id(value, "session_id")


def test_an_id_that_must_be_there_is_missed() -> None:
    with pytest.raises(InvalidField):
        query("").id("id")
    assert query("").optional_id("id") is None
