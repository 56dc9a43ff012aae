"""A server's log is verified from what it answers, and its lies show."""

import json

import pytest

from tests.aegisctl.conftest import Type
from tests.remote.shelf import Shelf


def test_a_server_verifies(shelf: Shelf, type_: Type) -> None:
    assert type_("verify", "--tenant", "acme").code == 0
    assert type_("verify", "--tenant", "acme", "--session", "s1").code == 0
    assert type_("verify", "--tenant", "acme", "--session", "$control").code == 0


def test_what_a_server_does_not_know_is_not_valid(shelf: Shelf, type_: Type) -> None:
    for arguments in (("--tenant", "nobody"), ("--tenant", "acme", "--session", "nobody"), ()):
        typed = type_("verify", *arguments)
        assert (typed.code, typed.out) == (2, "")


@pytest.mark.parametrize(
    ("said", "instead"),
    [
        (b"notes.txt", b"sales.txt"),
        (b'"user_id":"u1"', b'"user_id":"u2"'),
        (b'"position":7', b'"position":8'),
        (b'"tenant_id":"acme"', b'"tenant_id":"zeta"'),
        (b"0.5", b"0.25"),
        (b'"outcome":"deny"', b'"outcome":"allow"'),
    ],
)
def test_a_server_that_tells_another_log_is_caught(
    shelf: Shelf, type_: Type, said: bytes, instead: bytes
) -> None:
    shelf.lie = lambda path, body: body.replace(said, instead) if "/events" in path else body
    typed = type_("verify", "--tenant", "acme")
    assert typed.code == 1, typed
    assert "BROKEN" in typed.out


def test_the_last_event_of_a_session_is_hashed_though_nothing_links_to_it(
    shelf: Shelf, type_: Type
) -> None:
    shelf.lie = lambda path, body: (
        body.replace(b'"TERMINATION"', b'"USER_MESSAGE"') if "/events" in path else body
    )
    typed = type_("verify", "--tenant", "acme")
    assert typed.code == 1
    assert "session s2, seq 6: hash:" in typed.out


def test_a_server_that_keeps_back_the_end_of_a_log_is_caught(shelf: Shelf, type_: Type) -> None:
    def cut(path: str, body: bytes) -> bytes:
        if "/events" not in path:
            return body
        page = json.loads(body)
        page["events"] = [each for each in page["events"] if each["position"] < 17]
        return json.dumps(page).encode()

    shelf.lie = cut
    typed = type_("verify", "--tenant", "acme")
    assert typed.code == 1
    assert "seq 6: head" in typed.out


def test_a_server_that_gives_another_bundle_is_caught(shelf: Shelf, type_: Type) -> None:
    shelf.lie = lambda path, body: body + b" " if "/policies/" in path else body
    assert type_("verify", "--tenant", "acme").code == 1
