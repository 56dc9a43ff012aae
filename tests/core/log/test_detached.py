"""Detaching and attaching: nothing is lost, nothing can be changed, nothing is told."""

import hashlib
import json

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from aegisd.core.errors import LogCorrupt
from aegisd.core.log.canonical import encode
from aegisd.core.log.detached import (
    BEGINS,
    SALT_BYTES,
    Value,
    at,
    attach,
    commitment,
    detach,
    is_commitment,
    pointer_of,
    pointers,
    replaced,
    tokens,
)

SCALARS = st.none() | st.booleans() | st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=9)
KEYS = st.text(max_size=4).filter(lambda key: key != "$detached")
PAYLOADS = st.recursive(
    SCALARS | st.floats(-1e6, 1e6),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
    max_leaves=20,
)


def places(payload: object) -> list[str]:
    """The pointer of every value inside a payload, and of all of it."""
    found = [""]
    members = (
        payload.items()
        if isinstance(payload, dict)
        else enumerate(payload)
        if isinstance(payload, list)
        else ()
    )
    for key, value in members:
        found += [pointer_of([str(key)]) + place for place in places(value)]
    return found


@st.composite
def detachments(draw: st.DrawFn) -> tuple[object, list[str], list[bytes]]:
    """A payload, places in it of which none is inside another, and salts."""
    payload = json.loads(encode(draw(PAYLOADS)))
    picked: list[str] = []
    for place in draw(st.lists(st.sampled_from(places(payload)), max_size=4, unique=True)):
        if not any(
            one == other[: len(one)] or other == one[: len(other)]
            for one, other in [(tokens(place), tokens(each)) for each in picked]
        ):
            picked.append(place)
    salts = [draw(st.binary(min_size=SALT_BYTES, max_size=SALT_BYTES)) for _ in picked]
    return payload, picked, salts


def test_a_commitment_is_what_the_format_says() -> None:
    salt, value = bytes(range(32)), b'"078-05-1120"'
    told = {"$detached": {"bytes": 13, "sha256": hashlib.sha256(salt + value).hexdigest()}}
    assert commitment(salt, value) == told
    assert encode(told) == (
        b'{"$detached":{"bytes":13,"sha256":'
        b'"c093003ce9b5cb99dcd6c367086693c4f7cd37cc8cc3572064c3de4bd601c465"}}'
    )
    assert encode(told).startswith(BEGINS)


@given(detachments())
def test_attaching_what_was_detached_gives_it_back_in_every_byte(
    case: tuple[object, list[str], list[bytes]],
) -> None:
    payload, picked, salts = case
    before = encode(payload)
    stored, body, values = detach(payload, before, picked, salts)
    assert encode(payload) == before, "what was given stays as it is"
    assert body == encode(stored)
    assert pointers(stored) == sorted(picked)
    assert [value.pointer for value in values] == picked
    assert encode(attach(stored, values)) == before
    assert encode(attach(stored, values[::-1])) == before
    for value in values:
        assert encode(at(payload, value.pointer)) == value.value


@given(detachments(), st.data())
def test_another_salt_or_value_or_place_is_refused(
    case: tuple[object, list[str], list[bytes]], data: st.DataObject
) -> None:
    payload, picked, salts = case
    assume(picked)
    stored, _body, values = detach(payload, encode(payload), picked, salts)
    value = data.draw(st.sampled_from(values))
    flipped = data.draw(st.integers(0, 8 * SALT_BYTES - 1))
    salt = (int.from_bytes(value.salt) ^ (1 << flipped)).to_bytes(SALT_BYTES)
    other = encode(data.draw(PAYLOADS))
    assume(other != value.value)
    for wrong in (
        Value(pointer=value.pointer, salt=salt, value=value.value),
        Value(pointer=value.pointer, salt=value.salt, value=other),
        Value(pointer=value.pointer + "/x", salt=value.salt, value=value.value),
    ):
        with pytest.raises(LogCorrupt, match="somebody changed"):
            attach(stored, [wrong])


@pytest.mark.parametrize("body", [b'{"b":1,"a":2}', b" 1", b"1.0", b"nonsense", b""])
def test_a_value_that_is_not_canonical_json_is_refused_though_its_digest_holds(body: bytes) -> None:
    salt = bytes(SALT_BYTES)
    stored = {"args": {"a": commitment(salt, body)}}
    with pytest.raises(LogCorrupt):
        attach(stored, [Value(pointer="/args/a", salt=salt, value=body)])


def test_a_refusal_repeats_no_value() -> None:
    stored, _, (value,) = detach({"a": "hunter2"}, b'{"a":"hunter2"}', ["/a"], [bytes(32)])
    with pytest.raises(LogCorrupt) as caught:
        attach(stored, [Value(pointer="/a", salt=bytes([1]) * 32, value=value.value)])
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("place", ["/b", "/a/0", "/l/2", "/l/-", "/l/01", "/l/x", "/a/b/c"])
def test_a_place_with_nothing_in_it_is_a_key_error(place: str) -> None:
    payload = {"a": "text", "l": [1, 2]}
    with pytest.raises(KeyError):
        detach(payload, encode(payload), [place], [bytes(32)])
    assert replaced(payload, place, 9) == payload


def test_an_array_is_copied_once_however_many_of_its_items_are_detached() -> None:
    class Counting(list[object]):
        copies = 0

        def copy(self) -> list[object]:
            Counting.copies += 1
            return super().copy()

    payload = {"rows": Counting(range(300))}
    places = [f"/rows/{index}" for index in range(256)]
    stored, _, values = detach(
        payload, encode({"rows": list(range(300))}), places, [bytes(32)] * 256
    )
    assert (Counting.copies, len(values), pointers(stored)) == (1, 256, sorted(places))


def test_the_names_of_a_pointer_are_escaped_as_rfc_6901_says() -> None:
    for names in [("a/b", "m~n"), ("",), ("~1",), (), ("a", "", "0")]:
        assert tokens(pointer_of(names)) == names
    assert pointer_of(("a/b", "m~n")) == "/a~1b/m~0n"
    assert at({"a/b": {"m~n": [7]}}, "/a~1b/m~0n/0") == 7


@pytest.mark.parametrize(
    "value",
    [
        {},
        {"$detached": 1},
        {"$detached": {}},
        {"$detached": {"bytes": 1}},
        {"$detached": {"bytes": 1, "sha256": "x", "more": 1}},
        {"$detached": {"bytes": 1, "sha256": "x"}, "more": 1},
        [{"bytes": 1, "sha256": "x"}],
        None,
    ],
)
def test_what_is_not_exactly_a_commitment_is_none(value: object) -> None:
    assert not is_commitment(value)
    assert pointers({"a": value}) == []


def test_a_commitment_is_found_however_deep() -> None:
    inner: object = commitment(bytes(32), b"1")
    for _ in range(3000):
        inner = [inner]
    assert pointers(inner) == ["/0" * 3000]
