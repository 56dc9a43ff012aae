"""`events` and `sessions`: what happened, the same from a database, an export and a server."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from aegisctl.events import FOLLOW_SECONDS, Filter, matches
from aegisd.audit.export_log import ExportLog
from aegisd.core.act import acts
from aegisd.core.errors import Unavailable
from aegisd.core.log.canonical import encode
from aegisd.core.log.envelope import StoredEvent
from aegisd.remote.log import ServerLog
from tests.aegisctl.conftest import Type
from tests.audit.recording import call, record
from tests.audit.tampering import edit, tamper
from tests.remote.shelf import Shelf


def test_a_json_line_is_what_the_server_answers(recorded: Path, shelf: Shelf, type_: Type) -> None:
    told = [
        json.loads(line)
        for line in type_("events", recorded, "--tenant", "acme", "--json").out.splitlines()
    ]
    answer = shelf("GET", "/v1/events?tenant_id=acme&limit=1000", None, {})
    assert told == json.loads(answer.body)["events"]


def test_a_json_line_is_canonical(recorded: Path, type_: Type) -> None:
    for line in type_("events", recorded, "--tenant", "acme", "--json").out.splitlines():
        assert line.encode() == encode(json.loads(line))


def test_a_filter_takes_calls_with_their_decisions(export: Path) -> None:
    log = ExportLog(str(export))
    wanted = Filter(None, None, "fetch", "deny")
    found = [
        (event.session_id, event.seq)
        for act in acts(log.events("acme"))
        for event in act.rows
        if matches(event, act, wanted)
    ]
    log.close()
    assert found == [("s2", 2), ("s2", 3)]


def test_a_question_about_nobody_could_not_be_answered(recorded: Path, type_: Type) -> None:
    for arguments in (
        ("--tenant", "nobody"),
        ("--tenant", "acme", "--session", "nobody"),
        ("--tenant", "acme", "--type", "NO_SUCH"),
        ("--tenant", "acme", "--limit", "0"),
        (),
    ):
        assert type_("events", recorded, *arguments).code == 2


@pytest.mark.parametrize("body", [b"", b"{", b"[]", b"\xff"])
def test_what_is_no_event_is_said_and_not_shown(body: bytes, log_file: Path, type_: Type) -> None:
    tamper(log_file, edit("body", body, "acme", 2))
    for more in ((), ("--json",), ("--tool", "fetch")):
        typed = type_("events", log_file, "--tenant", "acme", "--session", "s1", *more)
        assert typed.code == 1
        assert "position 2: the stored bytes are not an envelope" in typed.err


def test_follow_asks_a_server_only(recorded: Path, type_: Type) -> None:
    assert type_("events", recorded, "--tenant", "acme", "--follow").code == 2


def test_follow_begins_at_the_end_and_goes_on_where_it_was_until_it_is_stopped(
    shelf: Shelf, type_: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 3:
            raise KeyboardInterrupt
        number = {"path": f"/workspace/{len(slept)}"}
        record(shelf.store, [call("read_file", number, session_id="late")])

    monkeypatch.setattr("aegisctl.events.time.sleep", sleep)
    typed = type_("events", "--tenant", "acme", "--follow", "--json")
    assert (typed.code, slept) == (0, [FOLLOW_SECONDS] * 3)
    told = [json.loads(line)["position"] for line in typed.out.splitlines()]
    assert told == [18, 19, 20, 21]
    gone = type_("events", "--tenant", "nobody", "--follow")
    assert (gone.code, gone.out) == (2, "")
    assert "the server has no event of tenant nobody" in gone.err


def test_who_follows_outlives_a_server_that_starts_again(
    shelf: Shelf, type_: Type, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept: list[float] = []
    real = ServerLog.matching

    def matching(log: ServerLog, tenant_id: str, **wanted: int) -> Iterator[StoredEvent]:
        if 1 <= len(slept) <= 2:
            raise Unavailable("no server answers")
        return real(log, tenant_id, **wanted)

    def sleep(seconds: float) -> None:
        slept.append(seconds)
        if len(slept) == 5:
            raise KeyboardInterrupt
        if len(slept) == 2:
            record(shelf.store, [call("read_file", {"path": "/workspace/a"}, session_id="late")])

    monkeypatch.setattr("aegisctl.events.time.sleep", sleep)
    monkeypatch.setattr(ServerLog, "matching", matching)
    typed = type_("events", "--tenant", "acme", "--follow", "--json")
    assert typed.code == 0
    assert [json.loads(line)["position"] for line in typed.out.splitlines()] == [18, 19]
    assert typed.err.count("asking again") == typed.err.count("answers again") == 1


def test_a_session_named_in_the_house_of_a_url_is_only_a_name(type_: Type, shelf: Shelf) -> None:
    type_("verify", "--tenant", "acme", "--session", "../../x?y=1#z")
    assert all("/v1/" in path and "#" not in path for path in shelf.asked)


def test_the_transcript_of_a_log(
    recorded: Path, type_: Type, golden: Callable[[str, str], None]
) -> None:
    transcript = ""
    for verb in ("sessions", "events"):
        typed = type_(verb, recorded, "--tenant", "acme")
        transcript += (
            f"$ aegisctl {verb} aegis.db --tenant acme\n{typed.out}(exit {typed.code})\n\n"
        )
    golden("events", transcript)
