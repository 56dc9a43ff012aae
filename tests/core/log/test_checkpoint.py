"""Checkpoints: three lines, one tenant's tree, signed by a key that may speak for it."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.errors import NoteInvalid
from aegisd.core.log import checkpoint, note
from aegisd.core.log.checkpoint import (
    LOG_NAME_CHARACTERS_MAX,
    TreeHead,
    is_log_name,
    keys_for,
    origin,
    read,
    verify,
)
from aegisd.core.log.note import Key
from aegisd.signing import ed25519
from tests.core.builders import identifier

SEED = b"\1" * 32
PUBLIC = ed25519.public_key(SEED)
LOG = Key(name="example.com/log", public=PUBLIC)
HEAD = TreeHead(origin="example.com/log/acme", size=7, root=b"\2" * 32)
ROOT = base64.b64encode(HEAD.root).decode()


def signed(text: str, name: str = HEAD.origin) -> str:
    return note.write(text, [(Key(name=name, public=PUBLIC), ed25519.signing(SEED)(text.encode()))])


NOTE = signed(HEAD.text)


def test_a_checkpoint_is_origin_size_and_root_a_line_each() -> None:
    assert HEAD.text == f"example.com/log/acme\n7\n{ROOT}\n"
    assert origin("example.com/log", "acme") == HEAD.origin
    assert verify(NOTE, [LOG], ed25519.check) == HEAD
    assert read(NOTE)[0] == HEAD


@given(
    name=identifier,
    size=st.integers(0, 10**19 - 1),
    root=st.binary(min_size=32, max_size=32),
)
def test_any_head_reads_back(name: str, size: int, root: bytes) -> None:
    head = TreeHead(origin=origin("example.com/log", name), size=size, root=root)
    assert verify(signed(head.text, head.origin), [LOG], ed25519.check) == head


@pytest.mark.parametrize(
    "text",
    [
        f"{HEAD.origin}\n7\n",
        f"{HEAD.origin}\n7\n{ROOT}\nextension\n",
        f"\n7\n{ROOT}\n",
        f"{HEAD.origin}\n\n{ROOT}\n",
        f"{HEAD.origin}\n07\n{ROOT}\n",
        f"{HEAD.origin}\n+7\n{ROOT}\n",
        f"{HEAD.origin}\n-7\n{ROOT}\n",
        f"{HEAD.origin}\n7 \n{ROOT}\n",
        f"{HEAD.origin}\n٧\n{ROOT}\n",
        f"{HEAD.origin}\n{10**19}\n{ROOT}\n",
        f"{HEAD.origin}\n7\n{ROOT[:-1]}\n",
        f"{HEAD.origin}\n7\n{ROOT[:-2]}B=\n",  # Bits left over.
        f"{HEAD.origin}\n7\n{base64.b64encode(bytes(31)).decode()}\n",
        f"{HEAD.origin}\n7\n{base64.b64encode(bytes(33)).decode()}\n",
        f"{HEAD.origin}\n7\n{'!' * 44}\n",
    ],
)
def test_what_is_no_checkpoint_is_refused_though_it_is_signed(text: str) -> None:
    with pytest.raises(NoteInvalid):
        read(signed(text))


def test_a_key_speaks_for_its_own_name_and_for_the_tenants_of_its_log() -> None:
    own = Key(name=HEAD.origin, public=PUBLIC)
    for key in (LOG, own):
        assert keys_for(HEAD, [key]) == (own,)
        assert verify(NOTE, [key], ed25519.check) == HEAD
    for name in ("example.com", "example.com/log/other", "example.com/log/acme/x", "log", ""):
        assert keys_for(HEAD, [Key(name=name, public=PUBLIC)]) == ()
    with pytest.raises(NoteInvalid, match="no key for origin"):
        verify(NOTE, [Key(name="example.com", public=PUBLIC)], ed25519.check)
    with pytest.raises(NoteInvalid, match="keys given are of none"):
        verify(NOTE, [], ed25519.check)


def test_a_signature_under_the_logs_name_is_not_one_under_the_tenants() -> None:
    with pytest.raises(NoteInvalid, match="not signed by"):
        verify(signed(HEAD.text, LOG.name), [LOG], ed25519.check)


def test_a_note_of_one_tenant_is_not_one_of_another() -> None:
    other = TreeHead(origin="example.com/log/acmf", size=HEAD.size, root=HEAD.root)
    with pytest.raises(NoteInvalid):
        verify(NOTE.replace(HEAD.text, other.text), [LOG], ed25519.check)


@pytest.mark.parametrize("name", ["a", "example.com/prod", "127.0.0.1:8080", "A.b_c-d/e:f"])
def test_log_names_are_urls_without_a_scheme(name: str) -> None:
    assert is_log_name(name)


@pytest.mark.parametrize("name", ["", "/a", ".a", "a/", "a b", "a+b", "a\n", "é", "https://a?b"])
def test_what_cannot_stand_in_an_origin_is_no_log_name(name: str) -> None:
    assert not is_log_name(name)


def test_a_log_name_of_the_greatest_length_is_one_and_a_longer_one_is_not() -> None:
    assert is_log_name("a" * LOG_NAME_CHARACTERS_MAX)
    assert not is_log_name("a" * (LOG_NAME_CHARACTERS_MAX + 1))


@given(identifier, st.from_regex(checkpoint._LOG_NAME, fullmatch=True))
def test_an_origin_tells_log_and_tenant_apart(tenant_id: str, log_name: str) -> None:
    named = origin(log_name, tenant_id)
    assert named.rpartition("/")[::2] == (log_name, tenant_id)
