"""What a message repeats of a file: names that people write, and no run of a key."""

import base64
from typing import Literal

import msgspec
import pytest

from aegisd.core.quoting import (
    CHARACTERS_MAX,
    LETTERS_MAX,
    is_private_key,
    misshapen,
    named,
    unquoted,
)

KEY = base64.urlsafe_b64encode(bytes(range(224, 256))).decode().rstrip("=")


class Shape(msgspec.Struct, forbid_unknown_fields=True):
    """Something with a choice."""

    way: Literal["in", "out"] = "in"


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("x" * LETTERS_MAX, True),
        ("x" * (LETTERS_MAX + 1), False),
        ("checkpoints.interval_ms", True),
        ("1" * CHARACTERS_MAX, True),
        ("x" * CHARACTERS_MAX + "1", False),
        (KEY, False),
    ],
)
def test_a_name_is_said_where_it_cannot_be_a_key(name: str, said: bool) -> None:
    assert named(name) == (f"'{name}'" if said else f"(a name of {len(name)} characters)")


@pytest.mark.parametrize("value", [KEY, f"{KEY}` - at `$.x", f"'{KEY}", f"x\n{KEY}"])
def test_no_value_is_said_and_no_long_name_and_always_the_place(value: str) -> None:
    for document, place in (({"way": value}, "$[...].way"), ({value: 1}, "$[...]")):
        with pytest.raises(msgspec.ValidationError) as error:
            msgspec.convert({"a": document}, dict[str, Shape])
        said = misshapen(error.value)
        assert KEY not in said
        assert said.endswith(f" - at `{place}`")
    assert KEY not in unquoted(f"found '{value}' there")


def test_what_says_of_itself_that_it_is_private_is_known() -> None:
    for key in ("PRIVATE+KEY+a+1+", "-----BEGIN OPENSSH PRIVATE KEY-----", '{"d": "x"}'):
        assert is_private_key(key)
    assert not is_private_key("keys/PRIVATE.key")
