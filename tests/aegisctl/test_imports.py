"""`import`: verified here before it is sent, sent as it is."""

from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO

import pytest

from aegisd.remote.client import Answer
from tests.aegisctl.conftest import Type

ACT = ("--tenant", "audit", "--author", "ann", "--reason", "case 12")


class Inbox:
    """A server that keeps what it is sent."""

    def __init__(self) -> None:
        self.received: list[tuple[str, str, bytes, Mapping[str, str]]] = []

    def __call__(
        self, method: str, path: str, body: BinaryIO | None, headers: Mapping[str, str]
    ) -> Answer:
        """Keep it."""
        self.received.append((method, path, b"" if body is None else body.read(), headers))
        return Answer(201, b'{"archive":"$archive.0","events":18,"more":1}')


@pytest.fixture
def inbox(monkeypatch: pytest.MonkeyPatch) -> Inbox:
    kept = Inbox()
    monkeypatch.setattr("aegisd.remote.client.connect", lambda *_: kept)
    return kept


def test_an_export_is_sent_as_it_is(export: Path, inbox: Inbox, type_: Type) -> None:
    typed = type_("import", export, *ACT)
    assert (typed.code, typed.out) == (0, "imported 18 events as $archive.0\n")
    ((method, path, body, headers),) = inbox.received
    assert (method, path) == ("POST", "/v1/imports?tenant_id=audit&author=ann&reason=case+12")
    assert body == export.read_bytes()
    assert headers["Content-Length"] == str(len(body))
    assert type_("import", export, *ACT, "--json").out == '{"archive":"$archive.0","events":18}\n'


def test_an_export_that_does_not_hold_is_not_sent(export: Path, inbox: Inbox, type_: Type) -> None:
    export.write_bytes(export.read_bytes().replace(b"notes", b"sales"))
    typed = type_("import", export, *ACT)
    assert (typed.code, typed.out, inbox.received) == (1, "", [])


def test_only_exports_are_imported(recorded: Path, inbox: Inbox, type_: Type) -> None:
    assert type_("import", recorded, *ACT).code == 2
    assert inbox.received == []


@pytest.mark.parametrize("left_out", range(0, len(ACT), 2))
def test_an_import_needs_a_tenant_an_author_and_a_reason(
    export: Path, inbox: Inbox, type_: Type, left_out: int
) -> None:
    act = [*ACT[:left_out], *ACT[left_out + 2 :]]
    assert type_("import", export, *act).code == 2
    assert inbox.received == []
