"""Whom a manifest lists, in the spelling that calls are read in."""

import pytest

from aegisd.core.errors import ManifestInvalid
from aegisd.core.manifest.parse import from_document
from aegisd.core.manifest.recipient import LOCAL_CHARACTERS_MAX, entry, mailbox
from tests.table import each

ENTRIES = [
    ("*", "*"),
    ("@ACME.dev", "@acme.dev"),
    ("@bücher.example", "@xn--bcher-kva.example"),
    ("Ann@Acme.DEV.", "ann@acme.dev"),
    ("ann+x@acme.dev", "ann+x@acme.dev"),
    ("jürgen@acme.dev", "jürgen@acme.dev"),
    ("@ann", "@ann"),
    ("@ann:acme.dev", "@ann:acme.dev"),
    ("#general", "#general"),
    ("+49 30 1234", "+49 30 1234"),
    ("DE89370400440532013000", "DE89370400440532013000"),
]


@each(("written", "read"), ENTRIES)
def test_an_entry_has_one_spelling(written: str, read: str) -> None:
    assert entry(written) == read
    assert entry(read) == read


NOBODY = [
    *("", " ann@acme.dev", "a@b@c.d", "@*.acme.dev", "ann@*", "a,b", "a\nb", "Ann <ann@acme.dev>"),
    *("ann@acme dev", "a%evil.example@acme.dev", "-oQ@acme.dev", "|sh@acme.dev"),
    *("@a..b", "@ac\u200bme.dev"),
]


@each("written", NOBODY)
def test_what_no_call_could_name_is_refused_with_what_to_write(written: str) -> None:
    with pytest.raises(ManifestInvalid, match=r"recipients: .* @example\.com"):
        entry(written)


def test_an_address_has_as_many_characters_before_the_at_as_rfc_5321_and_no_more() -> None:
    assert mailbox("a" * LOCAL_CHARACTERS_MAX + "@acme.dev")
    assert mailbox("a" * (LOCAL_CHARACTERS_MAX + 1) + "@acme.dev") is None


def _manifest(recipients: object, args: object) -> dict[str, object]:
    tool = {"effects": ["message"], **({"args": args} if args else {})}
    head = {"schema": "aegis.dev/manifest/v0.2", "name": "n", "version": "1", "publisher": "p"}
    return {**head, "tools": {"send": tool}, "recipients": recipients}


TO = {"type": "object", "properties": {"to": {}}}


def test_one_list_is_that_of_every_parameter() -> None:
    assert from_document(_manifest(["A@b.c"], TO)).recipients == {"*": ("a@b.c",)}


@each("name", ["to", "send.to", "*"])
def test_a_list_is_of_a_parameter_of_a_tool(name: str) -> None:
    assert from_document(_manifest({name: []}, TO)).recipients == {name: ()}


def test_a_list_of_a_parameter_that_no_tool_has_is_refused_by_the_nearest() -> None:
    with pytest.raises(ManifestInvalid, match=r"no tool has a parameter 'too'.*nearest is 'to'"):
        from_document(_manifest({"too": []}, TO))
    assert from_document(_manifest({"too": []}, None)).recipients == {"too": ()}
