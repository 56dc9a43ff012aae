"""Three targets, one answer: in-process, an own daemon, and somebody's server."""

import io
import json
import os
import signal
from collections.abc import Iterator, Mapping
from contextlib import closing
from pathlib import Path
from typing import BinaryIO

import pytest

from aegisd import child
from aegisd.conformance import served
from aegisd.conformance.embedded import Embedded
from aegisd.conformance.replaying import Replays
from aegisd.conformance.served import OwnDaemon, Served
from aegisd.conformance.target import NotJudged, Reply
from aegisd.core.errors import ConfigInvalid, Unavailable
from aegisd.remote.client import Answer
from tests.conformance.packs import FETCH, NOTE, findings, held, one

STORY = (
    f"{{post: {NOTE}, expect: {{status: 201, outcome: deny}}}}",
    "manifest: desk",
    "policy: quiet",
    f"{{post: {NOTE}, expect: {{outcome: deny, rules: [quiet]}}}}",
    "policy: null",
    f"{{post: [{NOTE}, {FETCH}], key: k1,",
    " expect: {items: [{outcome: allow}, {outcome: deny}]}}",
    f"{{check: {NOTE}, expect: {{outcome: allow}}}}",
    "{raw: '[', expect: {status: 400, code: json_invalid}}",
    "{open: {}, session: s2, key: k2, expect: {seq: 0, replayed: false}}",
    "{open: {}, session: s2, key: k2, expect: {seq: 0, replayed: true}}",
    "{snapshot: s1, expect: {tool_calls_consumed: 1}}",
    "{events: s2, expect: {types: [SESSION_OPENED]}}",
    "{events: s9, expect: {types: []}}",
    "verify: {}",
    "{replay: {}, expect: {holds: true, decisions: 4}}",
)
SIGNED = (
    f"post: {NOTE}",
    "{checkpoint: {}, save: {first: '.', note: note, size: size}}",
    "{checkpoint: {}, expect: {same_as: first}}",
    f"post: [{NOTE}, {FETCH}]",
    "checkpoint: {}",
    "continues: {}",
    "continues: {from: '{note}'}",
    "prove: {}",
    "prove: {seq: 1, size: '{size}'}",
    "{prove: {seq: 5, size: '{size}'}, expect: {code: not_covered, status: 409}}",
    "verify: {against: kept}",
)
ROLLED_BACK = (
    f"post: {NOTE}",
    "backup: {}",
    "checkpoint: {}",
    "{rollback: {}, expect: {starts: true}}",
    f"post: {NOTE}",
    "checkpoint: {}",
    "{rollback: {}, expect: {starts: false, says: '{tenant}'}}",
    "continues: {}",
)
RESTARTED = (
    "restart: {}",
    "restart: {kill: true}",
    "{snapshot: s1, expect: {tool_calls_consumed: 1}}",
)


@pytest.fixture(scope="module")
def daemon() -> Iterator[OwnDaemon]:
    with closing(OwnDaemon("auto")) as target:
        yield target


def test_the_same_story_holds_in_process_and_over_http(
    tmp_path: Path, gate: Embedded, daemon: OwnDaemon, replays: Replays
) -> None:
    pack = one(tmp_path, *STORY)
    assert findings(held(pack, gate, replays)) == []
    assert findings(held(pack, daemon, replays)) == []
    assert daemon.url is not None
    assert findings(held(pack, Served(daemon.url), replays)) == []


def test_both_own_targets_keep_what_was_answered_over_an_end_and_a_kill(
    tmp_path: Path, gate: Embedded, daemon: OwnDaemon, replays: Replays
) -> None:
    pack = one(tmp_path, *STORY, *RESTARTED, "verify: {}", "replay: {}")
    for target in (gate, daemon):
        assert findings(held(pack, target, replays)) == []


def test_what_is_signed_and_proved_holds_in_process_and_over_http(
    tmp_path: Path, gate: Embedded, daemon: OwnDaemon, replays: Replays
) -> None:
    pack = one(tmp_path, *SIGNED)
    assert findings(held(pack, gate, replays)) == []
    assert findings(held(pack, daemon, replays)) == []
    assert daemon.url is not None
    assert findings(held(pack, Served(daemon.url), replays)) == []


def test_both_own_targets_start_on_a_backup_only_where_nothing_was_signed_since(
    tmp_path: Path, gate: Embedded, daemon: OwnDaemon, replays: Replays
) -> None:
    pack = one(tmp_path, *ROLLED_BACK)
    for target in (gate, daemon):
        assert findings(held(pack, target, replays)) == []
    assert daemon.url is not None
    result = held(pack, Served(daemon.url), replays)
    assert (result.verdict, len(result.steps)) == ("not_judged", 1)
    assert "--daemon" in str(result.why)


def test_a_target_without_a_backup_rolls_nothing_back(
    gate: Embedded, daemon: OwnDaemon, monkeypatch: pytest.MonkeyPatch
) -> None:
    for target in (gate, daemon):
        monkeypatch.setattr(target, "_backup", None)
        with pytest.raises(NotJudged, match="backup"):
            target.rollback()
    with pytest.raises(NotJudged, match="backup"):
        Served(daemon.url or "").rollback()


def test_what_was_answered_last_is_there_after_a_kill(
    tmp_path: Path, gate: Embedded, daemon: OwnDaemon, replays: Replays
) -> None:
    asked = f"{{post: {NOTE}, key: k1, save: {{first: '.'}}}}"
    again = f"{{post: {NOTE}, key: k1, expect: {{replayed: true, same_as: first}}}}"
    pack = one(tmp_path, asked, "restart: {kill: true}", again, "verify: {}")
    for target in (gate, daemon):
        assert findings(held(pack, target, replays)) == []


def test_a_daemon_is_ended_in_order_or_killed_as_asked(daemon: OwnDaemon) -> None:
    first = daemon._daemon
    daemon.restart(kill=True)
    second = daemon._daemon
    daemon.restart(kill=False)
    assert (first.wait(), second.wait()) == (-signal.SIGKILL, 0)


def test_a_server_is_not_ours_to_end(tmp_path: Path, daemon: OwnDaemon, replays: Replays) -> None:
    assert daemon.url is not None
    pack = one(tmp_path, f"post: {NOTE}", "restart: {}")
    result = held(pack, Served(daemon.url), replays)
    assert result.verdict == "not_judged"
    assert "--daemon" in str(result.why)


def test_a_killed_gate_keeps_nothing_that_was_done_afterwards(replays: Replays) -> None:
    """Whatever closing the old gate still writes goes to files that the new one does not read."""
    with closing(Embedded("auto")) as target:
        before = target._path
        target.restart(kill=True)
        killed = target._path
        assert killed.parent != before.parent
        target.restart(kill=False)
        assert target._path == killed


def test_an_own_daemon_leaves_no_process_and_no_file() -> None:
    target = OwnDaemon("regopy")
    folder, number = target.folder, target._daemon.pid
    assert target.engine is not None
    assert target.engine[0] == "regopy"
    target.close()
    assert not folder.exists()
    with pytest.raises(ProcessLookupError):
        os.kill(number, 0)


def test_the_environment_of_a_person_does_not_configure_the_daemon_of_a_run(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("AEGIS_TRUST_MODE", "prod")
    with closing(OwnDaemon("auto")) as target:
        assert target.kind == "daemon"


def test_a_daemon_that_cannot_start_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(served, "choose", lambda _name: None)
    with pytest.raises(Unavailable, match="did not start: ended with 78: aegisd: "):
        OwnDaemon("rego9")
    monkeypatch.undo()
    with pytest.raises(ConfigInvalid):
        OwnDaemon("rego9")


def test_a_daemon_that_never_listens_is_ended(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(child, "START_SECONDS_MAX", 0.2)
    monkeypatch.setattr(child, "START", "import time; time.sleep(3600)")
    with pytest.raises(Unavailable, match="it said nothing"):
        OwnDaemon("auto")


def test_a_daemon_that_does_not_end_in_order_is_killed(monkeypatch: pytest.MonkeyPatch) -> None:
    target = OwnDaemon("regopy")
    monkeypatch.setattr(child, "END_SECONDS_MAX", 0.2)
    os.kill(target._daemon.pid, signal.SIGSTOP)
    target.close()
    assert target._daemon.wait() == -signal.SIGKILL


class Wire:
    """`aegisd.remote.client.Transport` that answers one thing and keeps what it was asked."""

    def __init__(self, status: int, body: bytes, **headers: str) -> None:
        self.answer, self.asked = Answer(status, body, headers), list[tuple[str, str, bytes]]()
        self.headers: Mapping[str, str] = {}

    def __call__(
        self, method: str, path: str, body: BinaryIO | None, headers: Mapping[str, str]
    ) -> Answer:
        self.asked.append((method, path, (body or io.BytesIO()).read()))
        self.headers = headers
        return self.answer


def test_http_is_asked_as_the_design_says() -> None:
    wire = Wire(201, b"{}", **{"idempotency-replayed": "true"})
    target = Served("http://gate.example/", wire)
    assert target.append(b"x", ndjson=True, key="k1") == Reply(value={}, status=201, replayed=True)
    assert wire.headers["Idempotency-Key"] == "k1"
    assert wire.headers["Content-Type"] == "application/x-ndjson"
    target.check("t1", "s/1", {"event_type": "X"})
    target.open({"session_id": "s2"}, key=None)
    assert "Idempotency-Key" not in wire.headers
    target.snapshot("t 1", "s1")
    target.verify("t1", "s1")
    target.keys()
    target.checkpoint("t1")
    target.inclusion("t1", 3, None)
    target.inclusion("t1", 3, 5)
    target.consistency("t1", 2)
    assert [(method, path) for method, path, _ in wire.asked] == [
        ("POST", "/v1/events"),
        ("POST", "/v1/sessions/s%2F1/check"),
        ("POST", "/v1/sessions"),
        ("GET", "/v1/sessions/s1/snapshot?tenant_id=t+1"),
        ("GET", "/v1/sessions/s1/verify?tenant_id=t1"),
        ("GET", "/v1/checkpoints/keys"),
        ("POST", "/v1/checkpoints"),
        ("GET", "/v1/proofs/inclusion?tenant_id=t1&position=3&wait_ms=10000"),
        ("GET", "/v1/proofs/inclusion?tenant_id=t1&position=3&wait_ms=10000&size=5"),
        ("GET", "/v1/proofs/consistency?tenant_id=t1&from=2"),
    ]
    assert json.loads(wire.asked[1][2]) == {"tenant_id": "t1", "event_type": "X"}


def test_a_refusal_is_read_whoever_wrote_it() -> None:
    problem = b'{"status":422,"code":"field_unknown","detail":"d","index":3}'
    refusal = Served("http://x", Wire(422, problem)).append(b"", ndjson=False, key=None).refusal
    assert refusal is not None
    assert (refusal.code, refusal.message, refusal.index) == ("field_unknown", "d", 3)
    for hostile in (b"<html>", b"[]", b'{"code":1}', b"\xff"):
        reply = Served("http://x", Wire(502, hostile)).append(b"", ndjson=False, key=None)
        assert reply.refusal is not None
        assert (reply.status, reply.refusal.code) == (502, "")


def test_an_answer_that_is_no_json_is_no_answer() -> None:
    deep = b"[" * 100_000 + b"]" * 100_000
    for hostile in (b"hello", b"\xff", b'{"a":1,"a":2}', b"", deep):
        with pytest.raises(Unavailable, match="no JSON"):
            Served("http://x", Wire(200, hostile)).snapshot("t1", "s1")
    reply = Served("http://x", Wire(500, deep)).snapshot("t1", "s1")
    assert reply.refusal is not None


def test_a_key_that_http_cannot_carry_is_not_judged(daemon: OwnDaemon) -> None:
    for key in ("a\nb", "\u0416"):
        with pytest.raises(NotJudged, match="key"):
            daemon.append(b"{}", ndjson=False, key=key)


def test_what_the_library_has_no_argument_for_is_not_judged(gate: Embedded) -> None:
    with pytest.raises(NotJudged, match="colour"):
        gate.open({"tenant_id": "t1", "colour": 1}, key=None)
