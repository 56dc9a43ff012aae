"""A server's log: rebuilt from its answers into the bytes it stores, believed in nothing."""

import json
from pathlib import Path

import pytest

from aegisd.audit.database_log import DatabaseLog
from aegisd.audit.log import all_sessions
from aegisd.core.errors import AegisError, ConfigInvalid, InvalidField, NotFound
from aegisd.remote.client import Client
from aegisd.remote.log import ServerLog, event
from tests.aegisctl.conftest import Type
from tests.remote.shelf import URL, Shelf


@pytest.fixture
def served(shelf: Shelf) -> ServerLog:
    return ServerLog(Client(URL, shelf))


def test_a_server_tells_the_same_log_as_its_database(served: ServerLog, log_file: Path) -> None:
    log = DatabaseLog(str(log_file))
    for tenant_id in ("acme", "zeta"):
        assert list(served.events(tenant_id)) == list(log.events(tenant_id))
        assert list(served.events(tenant_id, from_position=3, limit=7)) == list(
            log.events(tenant_id, from_position=3, limit=7)
        )
        heads = list(all_sessions(log, tenant_id))
        assert list(all_sessions(served, tenant_id)) == heads
        for head in heads:
            name = head.session_id
            assert served.session_head(tenant_id, name) == head
            assert list(served.session_events(tenant_id, name, from_seq=1, limit=2)) == list(
                log.session_events(tenant_id, name, from_seq=1, limit=2)
            )
    log.close()


def test_values_are_refused_and_not_left_out_in_silence(served: ServerLog) -> None:
    with pytest.raises(ConfigInvalid, match="--dsn"):
        served.detached("acme", 3)


def test_sessions_are_read_page_by_page(served: ServerLog) -> None:
    found: list[str] = []
    after = ""
    while page := served.sessions("acme", after=after, limit=1):
        after = page[-1].session_id
        found.append(after)
    assert found == ["$control", "s1", "s2"]


def test_documents_come_by_digest(served: ServerLog, log_file: Path) -> None:
    log = DatabaseLog(str(log_file))
    (first,) = log.events("acme", limit=1)
    digest = bytes.fromhex(json.loads(first.body)["payload"]["digest"])
    assert served.document(digest) == log.document(digest)
    assert served.document(b"\1" * 32) is None
    log.close()


def test_a_server_does_not_list_its_tenants(served: ServerLog) -> None:
    with pytest.raises(InvalidField):
        served.tenants()


def test_an_unknown_session_is_unknown(served: ServerLog) -> None:
    assert served.session_head("acme", "nobody") is None
    with pytest.raises(NotFound):
        list(served.session_events("acme", "nobody"))


@pytest.mark.parametrize("answer", [b"", b"[]", b"{}", b'{"seq":1}', b'{"seq":1,"seq":2}', b"\xff"])
def test_an_answer_that_is_no_event_is_refused(answer: bytes) -> None:
    with pytest.raises((AegisError, TypeError, ValueError)):
        event(answer)


def test_a_server_that_turns_in_circles_is_left(shelf: Shelf, type_: Type) -> None:
    shelf.lie = lambda path, body: (
        b'{"events":[],"next_page_token":"x"}' if "/events" in path else body
    )
    assert type_("verify", "--tenant", "acme").code == 2


def test_nonsense_from_a_server_could_not_tell(shelf: Shelf, type_: Type) -> None:
    for nonsense in (b"", b"<html>", b"{}", b'{"events":[{}],"next_page_token":null}'):
        shelf.lie = lambda path, body, said=nonsense: said if "/events" in path else body  # type: ignore[misc]
        assert type_("verify", "--tenant", "acme").code == 2


def test_a_closed_database_and_its_server_export_the_same_bytes(
    shelf: Shelf, recorded: Path, tmp_path: Path, type_: Type
) -> None:
    for number, scope in enumerate([(), ("--session", "s1"), ("--session", "$control")]):
        database, server = tmp_path / f"d{number}", tmp_path / f"s{number}"
        for place, source in ((database, ("--dsn", recorded)), (server, ("--server", URL))):
            arguments = ("export", "--tenant", "acme", *source, *scope, "--out", place)
            assert type_(*arguments).code == 0
        assert database.read_bytes() == server.read_bytes()
