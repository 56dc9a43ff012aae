"""Each verb does what it says to a real gate, and finds out a gate that lies about it."""

from pathlib import Path
from typing import Any

import msgspec
import pytest

from aegisd.audit.progress import silent
from aegisd.conformance import replaying
from aegisd.conformance.embedded import Embedded
from aegisd.conformance.loading import load
from aegisd.conformance.play import run
from aegisd.conformance.replaying import Replays
from aegisd.conformance.served import Served
from aegisd.conformance.target import NotJudged, Reply
from aegisd.core.errors import LogCorrupt, Unavailable
from aegisd.core.log.envelope import StoredEvent
from tests.conformance.packs import (
    FETCH,
    FIRST,
    NOTE,
    Corrupt,
    Judge,
    findings,
    held,
    one,
    steps,
    write,
)

MESSAGE = "{event_type: USER_MESSAGE, payload: {content: hello}}"


def test_a_whole_story_holds(judge: Judge) -> None:
    result = judge(
        "snapshot: s1",
        " expect: {status: 404, code: session_unknown}",
        "{events: s1, expect: {types: [], count: 0}}",
        f"{{post: {NOTE}, expect: {{outcome: deny, reason: PERMISSION_UNDECLARED}}}}",
        "manifest: desk",
        f"{{check: {NOTE}, expect: {{outcome: allow, reason: OK}}}}",
        f"{{post: {NOTE}, repeat: 3, expect: {{outcome: allow, replayed: false}}}}",
        f"{{post: {NOTE}, expect: {{outcome: deny, reasons: [BUDGET_EXCEEDED]}}}}",
        "policy: quiet",
        f"{{post: {NOTE}, session: s2, expect: {{outcome: deny, rules: [quiet]}}}}",
        "policy: null",
        f"{{post: {NOTE}, session: s3, key: k1, save: {{first: '.', hash: head.hash, seq: seq}}}}",
        f"{{post: {NOTE}, session: s3, key: k1, expect: {{replayed: true, same_as: first}}}}",
        f"{{post: [{FETCH}, {MESSAGE}], session: s3, save: {{all: '.', two: items.1.hash}}}}",
        f"{{post: {NOTE}, session: s4, key: '{{hash}}'}}",
        "{open: {user_id: u1}, session: s5, expect: {seq: 0}}",
        "snapshot: s1",
        " expect: {steps_consumed: 5, tool_calls_consumed: 3, violations: 0}",
        "{snapshot: null, session: s2, expect: {terminated: false}, save: {digest: digest}}",
        "{events: s5, expect: {types: [SESSION_OPENED], count: 1}}",
        "restart: {}",
        f"{{post: {NOTE}, session: s3, key: k1, expect: {{replayed: true, same_as: first}}}}",
        "restart: {kill: true}",
        f"{{post: {NOTE}, session: s3, key: k1, expect: {{replayed: true, same_as: first}}}}",
        "verify: {}",
        "{replay: {}, expect: {holds: true, decisions: 9, differences: 0}}",
        "tamper: {rechain: {seq: 1, from: '\"deny\"', to: '\"allow\"'}}",
        "{verify: {}, expect: {holds: true}}",
        "{replay: {}, expect: {holds: false, differences: some, class: tampered}}",
        "tamper: {delete: {seq: 2}}",
        "{verify: {}, expect: {holds: false, rule: seq, place: 3}}",
        "{replay: {}, expect: {holds: false, decisions: 0, differences: 0}}",
    )
    assert findings(result) == []
    assert result.verdict == "holds"


def test_bytes_are_sent_as_they_are_written(judge: Judge) -> None:
    twice = '\'{"tenant_id":"{tenant}","session_id":"{session}","tenant_id":"x"}\''
    lines = (
        '\'{"tenant_id":"{tenant}","session_id":"s1","event_type":"TERMINATION","payload":null}\''
    )
    result = judge(
        f"{{raw: {twice}, expect: {{code: json_duplicate_key, status: 400}}}}",
        f"{{raw: {lines}, ndjson: true, expect: {{items: [{{outcome: null}}]}}}}",
        "{raw_base64: 77u/e30=, expect: {code: json_invalid}}",
    )
    assert findings(result) == []


def test_a_case_ends_with_the_first_step_that_does_not_hold(judge: Judge) -> None:
    result = judge("manifest: desk", f"{{post: {NOTE}, expect: {{outcome: deny}}}}", "verify: {}")
    assert result.verdict == "fails"
    assert findings(result) == [(2, "outcome", '"deny"', '"allow"')]
    assert [each.step.line for each in result.steps] == [FIRST, FIRST + 1]


def test_a_repeated_step_says_which_time_it_was(judge: Judge) -> None:
    result = judge("manifest: desk", f"{{post: {NOTE}, repeat: 5, expect: {{outcome: allow}}}}")
    assert findings(result) == [(2, "time 4 of 5: outcome", '"allow"', '"deny"')]


def test_a_case_that_waits_is_not_run(tmp_path: Path, replays: Replays) -> None:
    pack = one(tmp_path, f"post: {NOTE}")
    (case,) = pack.cases
    waiting = msgspec.structs.replace(case, waits_for="taint")
    result = held(msgspec.structs.replace(pack, cases=(waiting,)), None, replays)
    assert (result.verdict, result.why, result.steps) == ("not_judged", "waits for taint", ())


def allowed(reply: Reply) -> Reply:
    """The reply of a gate that turned a denial into an allow on its way out."""
    changed = msgspec.json.encode(reply.value).replace(b'"deny"', b'"allow"')
    return msgspec.structs.replace(reply, value=msgspec.json.decode(changed))


def test_a_gate_that_answers_otherwise_than_it_decides_is_found(
    judge: Judge, gate: Embedded
) -> None:
    def append(data: bytes, **more: Any) -> Reply:  # noqa: ANN401 - passed on as they are
        return allowed(gate.append(data, **more))

    def check(*given: Any) -> Reply:  # noqa: ANN401 - passed on as they are
        return allowed(gate.check(*given))

    step = f"{{post: {NOTE}, expect: {{outcome: deny}}}}"
    assert judge(step).verdict == "holds"
    assert judge(step, append=append).verdict == "fails"
    assert judge(step.replace("post", "check"), check=check).verdict == "fails"


def test_a_gate_that_accepts_everything_is_found(judge: Judge) -> None:
    def accept(*_given: object, **_more: object) -> Reply:
        return Reply(value={})

    assert judge("{raw: '{', expect: {code: json_invalid}}", append=accept).verdict == "fails"
    session = "{open: {session_id: $x}, expect: {code: id_reserved}}"
    assert judge(session).verdict == "holds"
    assert judge(session, open=accept).verdict == "fails"
    unknown = "{snapshot: s9, expect: {code: session_unknown}}"
    assert judge(unknown).verdict == "holds"
    assert judge(unknown, snapshot=accept).verdict == "fails"


def test_a_gate_that_refuses_everything_is_found(judge: Judge, gate: Embedded) -> None:
    def refuse(*_given: object, **_more: object) -> Reply:
        return gate.append(b"{", ndjson=False, key=None)

    for line, name in (
        ("manifest: desk", "register"),
        ("policy: quiet", "activate"),
        ("open: {}", "open"),
        (f"post: {NOTE}", "append"),
        (f"check: {NOTE}", "check"),
        ("snapshot: s1", "snapshot"),
    ):
        result = judge(f"{{post: {MESSAGE}, session: s1}}", line, **{name: refuse})
        assert result.verdict == "fails", line
        assert findings(result)[0][1] in ("answer", "snapshot"), line


def test_a_gate_that_counts_wrong_is_found(judge: Judge, gate: Embedded) -> None:
    def snapshot(tenant_id: str, session_id: str) -> Reply:
        value = gate.snapshot(tenant_id, session_id).value
        return Reply(value={**value, "steps_consumed": 0} if isinstance(value, dict) else value)

    steps = (f"post: {NOTE}", "{snapshot: s1, expect: {steps_consumed: 1}}")
    assert judge(*steps).verdict == "holds"
    assert findings(judge(*steps, snapshot=snapshot)) == [(2, "steps_consumed", "1", "0")]


def test_a_gate_that_does_not_record_its_denials_is_found(judge: Judge, gate: Embedded) -> None:
    def without(event: StoredEvent) -> StoredEvent | None:
        return None if event.event_type == "POLICY_DECISION" else event

    steps = (
        f"post: {NOTE}",
        "{events: s1, expect: {types: [TOOL_CALL_PROPOSED, POLICY_DECISION]}}",
    )
    assert judge(*steps).verdict == "holds"
    (finding,) = findings(judge(*steps, log=lambda: Corrupt(gate.log(), without)))
    assert finding == (
        2,
        "types",
        '["TOOL_CALL_PROPOSED", "POLICY_DECISION"]',
        '["TOOL_CALL_PROPOSED"]',
    )


def test_a_log_that_was_changed_does_not_verify_and_does_not_replay(
    judge: Judge, gate: Embedded
) -> None:
    def change(event: StoredEvent) -> StoredEvent:
        return msgspec.structs.replace(event, body=event.body.replace(b'"deny"', b'"fine"'))

    def log() -> Corrupt:
        return Corrupt(gate.log(), change)

    for line in ("verify: {}", "replay: {}"):
        assert judge(f"post: {NOTE}", line).verdict == "holds"
        assert judge(f"post: {NOTE}", line, log=log).verdict == "fails"
    told = judge(f"post: {NOTE}", "{verify: {}, expect: {holds: false}}", log=log)
    assert told.verdict == "fails", "the gate's own verify must say so too"


def test_a_gate_whose_own_verify_says_otherwise_is_found(judge: Judge) -> None:
    def verify(_tenant: str, _session: str) -> Reply:
        return Reply(value={"valid": False, "breaks": ["here"]})

    assert judge(f"post: {NOTE}", "verify: {}", verify=verify).verdict == "fails"


def test_a_replay_that_skips_denied_calls_is_found(
    judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    genuine = Replays.derive

    def lazy(self: Replays, data: bytes) -> Any:  # noqa: ANN401 - a derivation, and fewer decisions
        derived = genuine(self, data)
        fewer = [msgspec.structs.replace(each, decisions=0) for each in derived.tenants]
        return msgspec.structs.replace(derived, tenants=fewer)

    monkeypatch.setattr(Replays, "derive", lazy)
    assert judge(f"post: {NOTE}", "{replay: {}, expect: {holds: true, decisions: 1}}").verdict == (
        "fails"
    )


def test_what_a_step_saves_must_be_in_the_answer(judge: Judge) -> None:
    result = judge(f"{{post: {NOTE}, save: {{a: decision.outcome, b: decision.colour}}}}")
    assert findings(result) == [(1, "save.b", "decision.colour", "absent")]


def test_what_cannot_be_tampered_with_fails_with_a_sentence(judge: Judge) -> None:
    ((step, field, _, said),) = findings(judge(f"post: {NOTE}", "tamper: {delete: {seq: 9}}"))
    assert (step, field) == (2, "tamper")
    assert "no event 9 of session s1" in said


def test_a_gate_that_does_not_come_back_fails(judge: Judge) -> None:
    def restart(**_: bool) -> None:
        raise Unavailable("it did not start")

    assert findings(judge("restart: {}", restart=restart)) == [
        (1, "restart", "a gate that answers", "it did not start")
    ]


def test_what_a_target_cannot_do_is_not_judged_and_says_which_step(judge: Judge) -> None:
    def restart(**_: bool) -> None:
        raise NotJudged("not ours")

    result = judge(f"post: {NOTE}", "restart: {}", "verify: {}", restart=restart)
    assert (result.verdict, result.why) == ("not_judged", "step 2 (restart): not ours")


def test_a_gate_that_cannot_be_asked_is_no_verdict(judge: Judge) -> None:
    def append(*_: object, **__: object) -> Reply:
        raise Unavailable("gone")

    with pytest.raises(Unavailable):
        judge(f"post: {NOTE}", append=append)


def test_a_log_that_cannot_be_exported_does_not_hold(
    judge: Judge, monkeypatch: pytest.MonkeyPatch
) -> None:
    def export(*_: object) -> bytes:
        raise LogCorrupt("broken")

    monkeypatch.setattr(replaying, "export", export)
    assert findings(judge(f"post: {NOTE}", "verify: {}")) == [
        (2, "holds", "true", "false (broken)")
    ]
    assert judge(f"post: {NOTE}", "replay: {}").verdict == "fails"


def test_a_server_that_goes_away_leaves_the_rest_not_judged(
    tmp_path: Path, replays: Replays
) -> None:
    text = steps(f"post: {NOTE}")
    more = text[text.index("  - id:") :].replace("SM-001", "SM-002")
    packs = load([write(tmp_path, text + more)])
    found = run(packs, Served("http://127.0.0.1:1"), replays, silent)
    assert [case.verdict for case in found.cases] == ["not_judged", "not_judged"]
    assert "cannot be asked" in str(found.cases[1].why)
    assert found.verdict == "not_judged"
