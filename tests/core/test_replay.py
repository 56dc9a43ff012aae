"""A log decided again: no difference where nothing was done to it, and each deed in its place."""

import json
import subprocess
import sys
from collections.abc import Callable, Iterable, Sequence

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec import UNSET, Raw
from msgspec.structs import replace

from aegisd.core.log.canonical import encode
from aegisd.core.log.envelope import Envelope, StoredEvent, seal, unseal
from aegisd.core.replay import Difference, counterfactual, derive_session, derive_tenant
from tests.core.builders import ROOT
from tests.core.gate import (
    BUNDLE,
    Gate,
    Json,
    ScriptedJudge,
    base,
    claim,
    digest,
    manifest,
    proposal,
    says,
    tool,
)

OTHER = b'{"files":{"rules/other.py":"other"}}'

Edit = Callable[[list[Envelope]], None]


def worked(held: Json | None = None) -> Gate:
    """A tenant with two sessions that meet every outcome, an end and a late result."""
    gate = Gate(held=manifest(budgets={"steps": 9, "tool_calls": 3}, **(held or {})))
    gate.propose(proposal("USER_MESSAGE", {"content": "hi"}, agent_id="a1"))
    for number, name in enumerate(["read_file", "undeclared", "pay", "typed"]):
        asked = {"tool_name": name, "args": {}, "call_id": f"t{number}"}
        gate.propose(proposal(payload=asked, agent_id="a1"))
        gate.now_ms += 10
        other = {"tool_name": name, "args": {"path": "/workspace/é"}}
        gate.propose(proposal(payload=other, session_id="s2", agent_id="a2"))
    gate.propose(proposal("TOOL_RESULT", {"call_id": "t0", "result": 1.5}, agent_id="a1"))
    gate.propose(proposal("TERMINATION", None, agent_id="a1"))
    gate.propose(proposal("TOOL_RESULT", {"call_id": "t3", "result": None}, agent_id="a1"))
    gate.propose(tool("read_file"))
    return gate


def rewritten(events: Iterable[StoredEvent], edit: Edit) -> list[StoredEvent]:
    """The log as somebody leaves it who edits it and hashes everything again."""
    envelopes = [replace(unseal(event.body), prev_hash=UNSET) for event in events]
    edit(envelopes)
    heads: dict[str, bytes] = {}
    rows: list[StoredEvent] = []
    for envelope in envelopes:
        row = seal(envelope, len(rows), heads.get(envelope.session_id, b""))
        heads[envelope.session_id] = row.hash
        rows.append(row)
    return rows


def differences(
    events: Sequence[StoredEvent], judge: ScriptedJudge
) -> tuple[list[Difference], list[Difference]]:
    """What both passes find."""
    first: list[Difference] = []
    for session_id in sorted({event.session_id for event in events}):
        own = [event for event in events if event.session_id == session_id]
        first += derive_session(own, judge)[1]
    return first, derive_tenant(events, judge)


def decision(envelopes: list[Envelope], number: int = 0) -> int:
    """Where the numbered decision of session s1 stands."""
    own = (index for index, e in enumerate(envelopes) if is_decision(e) and e.session_id == "s1")
    return list(own)[number]


def is_decision(envelope: Envelope) -> bool:
    return envelope.event_type == "POLICY_DECISION"


def payload(envelope: Envelope, **changes: object) -> Envelope:
    """The envelope with other fields in its payload; `...` takes one out."""
    fields = json.loads(bytes(envelope.payload)) | changes
    kept = {name: value for name, value in fields.items() if value is not ...}
    return replace(envelope, payload=Raw(encode(kept)))


def in_decision(number: int = 0, **changes: object) -> Edit:
    def edit(envelopes: list[Envelope]) -> None:
        at = decision(envelopes, number)
        envelopes[at] = payload(envelopes[at], **changes)

    return edit


def in_cause(**changes: object) -> Edit:
    def edit(envelopes: list[Envelope]) -> None:
        at = decision(envelopes) - 1
        envelopes[at] = payload(envelopes[at], **changes)

    return edit


def around_decision(**changes: object) -> Edit:
    def edit(envelopes: list[Envelope]) -> None:
        at = decision(envelopes)
        envelopes[at] = replace(envelopes[at], **changes)

    return edit


def test_a_log_that_the_gate_wrote_has_no_difference() -> None:
    gate = worked()
    assert differences(gate.events, gate.judge) == ([], [])
    counts = {s: derive_session(gate.of(s), gate.judge)[0] for s in ("s1", "s2", "$control")}
    assert counts == {"s1": 5, "s2": 4, "$control": 0}


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["s1", "s2", "s3"]),
            st.sampled_from(["read_file", "undeclared", "pay", "fetch", "run"]),
            st.sampled_from(["a1", "a2", None]),
            st.integers(0, 1000),
        ),
        max_size=12,
    )
)
def test_no_log_that_the_gate_writes_has_a_difference(
    asked: list[tuple[str, str, str | None, int]],
) -> None:
    gate = Gate(held=manifest(budgets={"steps": 3, "wall_time_ms": 2000}))
    for session_id, name, agent_id, passed_ms in asked:
        gate.now_ms += passed_ms
        fields: Json = {"session_id": session_id}
        if agent_id is not None:
            fields["agent_id"] = agent_id
        gate.propose(proposal(payload={"tool_name": name}, **fields))
    assert differences(gate.events, gate.judge) == ([], [])


PLANTED: list[tuple[str, Edit, set[tuple[str, str, str]]]] = [
    ("outcome", in_decision(1, outcome="allow"), {("verdict", "outcome", "tampered")}),
    ("reason", in_decision(1, reason="OK"), {("verdict", "reason", "tampered")}),
    ("reasons", in_decision(1, reasons=[]), {("verdict", "reasons", "tampered")}),
    ("constraints", in_decision(constraints={}), {("verdict", "constraints", "tampered")}),
    ("obligations", in_decision(obligations=[1]), {("verdict", "obligations", "tampered")}),
    ("advice", in_decision(advice=["x"]), {("verdict", "advice", "tampered")}),
    ("reserved", in_decision(reserved=[1]), {("decide", "reserved", "tampered")}),
    ("call_id", in_decision(call_id="x"), {("decide", "call_id", "tampered")}),
    ("added", in_decision(added=1), {("decide", "added", "tampered")}),
    ("input", in_decision(input_sha256="0" * 64), {("input", "input_sha256", "tampered")}),
    ("offset", in_decision(utc_offset_s=60), {("input", "input_sha256", "tampered")}),
    ("arguments", in_cause(args={"path": "/x"}), {("input", "input_sha256", "tampered")}),
    (
        "facts",
        in_decision(facts={"agent": {}, "tenant": {}}),
        {("input", "input_sha256", "tampered"), ("facts", "facts", "tampered")},
    ),
    (
        "no facts",
        in_decision(facts={}),
        {("input", "facts", "tampered"), ("facts", "facts", "tampered")},
    ),
    (
        "bundle",
        in_decision(bundle="0" * 64),
        {("verdict", "bundle", "unreplayable"), ("facts", "bundle", "tampered")},
    ),
    (
        "manifest",
        in_decision(manifest="0" * 64),
        {("input", "manifest", "unreplayable"), ("facts", "manifest", "tampered")},
    ),
    ("not a decision", in_decision(outcome="perhaps"), {("state", "payload", "tampered")}),
    ("half a decision", in_decision(facts=...), {("state", "payload", "tampered")}),
    ("user", around_decision(user_id="u9"), {("decide", "user_id", "tampered")}),
    ("time", around_decision(ts_unix_ms=5), {("decide", "ts_unix_ms", "tampered")}),
    (
        "agent",
        around_decision(agent_id="a2"),
        {("decide", "agent_id", "tampered"), ("facts", "facts", "tampered")},
    ),
    ("key", around_decision(idempotency_key="k"), {("decide", "idempotency_key", "tampered")}),
]


@pytest.mark.parametrize(
    ("edit", "expected"), [p[1:] for p in PLANTED], ids=[p[0] for p in PLANTED]
)
def test_each_rewrite_of_a_decision_is_found_and_placed(
    edit: Edit, expected: set[tuple[str, str, str]]
) -> None:
    gate = worked()
    events = rewritten(gate.events, edit)
    first, second = differences(events, gate.judge)
    found = {(d.place, d.field, d.klass) for d in [*first, *second]}
    changed = [e.position for e, was in zip(events, gate.events, strict=True) if e.body != was.body]
    assert found >= expected
    places = {
        (d.place, d.field, d.klass) for d in [*first, *second] if d.position <= changed[0] + 1
    }
    assert places == expected


def test_the_places_are_where_the_first_changed_decision_stands() -> None:
    gate = worked()
    events = rewritten(gate.events, in_decision(1, outcome="allow"))
    first, _ = differences(events, gate.judge)
    at = events[decision([unseal(event.body) for event in events], 1)]
    assert (first[0].position, first[0].session_id, first[0].seq) == (at.position, "s1", at.seq)
    assert (first[0].recorded, first[0].derived) == ('"allow"', '"deny"')


def test_a_decision_taken_out_is_missed_in_the_state() -> None:
    gate = worked()

    def remove(envelopes: list[Envelope]) -> None:
        del envelopes[decision(envelopes)]
        renumber(envelopes)

    first, _ = differences(rewritten(gate.events, remove), gate.judge)
    assert ("state", "decision", "tampered") in {(d.place, d.field, d.klass) for d in first}


def test_the_last_decision_taken_out_is_missed_too() -> None:
    gate = worked()
    first, _ = differences(gate.events[:-1], gate.judge)
    assert [(d.place, d.field, d.klass) for d in first] == [("state", "decision", "tampered")]


def test_a_decision_about_nothing_is_found_by_both_passes() -> None:
    gate = worked()

    def double(envelopes: list[Envelope]) -> None:
        at = decision(envelopes)
        envelopes.insert(at + 1, envelopes[at])
        renumber(envelopes)

    first, _ = differences(rewritten(gate.events, double), gate.judge)
    assert ("state", "cause", "tampered") in {(d.place, d.field, d.klass) for d in first}


def test_a_decision_parted_from_its_cause_is_found_in_the_tenants_order() -> None:
    gate = worked()

    def part(envelopes: list[Envelope]) -> None:
        at = decision(envelopes)
        after = envelopes[at + 1]
        assert after.session_id == "s2"
        envelopes[at], envelopes[at + 1] = after, envelopes[at]

    events = rewritten(gate.events, part)
    first, second = differences(events, gate.judge)
    assert first == []
    assert ("state", "cause") in {(d.place, d.field) for d in second}


def test_an_event_that_no_gate_admits_is_found_in_the_state() -> None:
    gate = worked()

    def reuse(envelopes: list[Envelope]) -> None:
        for at in (decision(envelopes) - 1, decision(envelopes, 1) - 1):
            envelopes[at] = payload(envelopes[at], call_id="same")
        for at in (decision(envelopes), decision(envelopes, 1)):
            envelopes[at] = payload(envelopes[at], call_id="same")

    first, _ = differences(rewritten(gate.events, reuse), gate.judge)
    assert ("state", "admission", "call_id_reused") in {
        (d.place, d.field, d.derived) for d in first
    }


def test_a_time_that_runs_backwards_is_found_in_the_facts() -> None:
    gate = Gate(held=manifest())
    gate.propose(proposal())
    gate.now_ms -= 1
    gate.propose(proposal(session_id="s2"))
    first, second = differences(gate.events, gate.judge)
    assert first == []
    assert [(d.place, d.field, d.klass) for d in second] == [("facts", "now_ms", "tampered")]


def advising(_given: Json, _held: Json) -> Json:
    return says(advice=[{"type": "new"}])


@pytest.mark.parametrize("field", ["rules_version", "evaluator", "evaluator_version"])
def test_a_difference_under_other_rules_is_an_upgrade(field: str) -> None:
    gate = worked()
    newer = ScriptedJudge({BUNDLE: advising})
    newer.documents = gate.judge.documents
    first, _ = differences(gate.events, newer)
    assert {d.klass for d in first} == {"tampered"}
    if field == "rules_version":
        newer.rules_version = "rules 2"
    else:
        named = ("ruby", "1") if field == "evaluator" else ("python", "2")
        newer.evaluator = lambda: named  # type: ignore[method-assign]  # one method of one object
    first, second = differences(gate.events, newer)
    assert {d.klass for d in first} == {"upgrade"}
    assert second == []


def test_newer_rules_that_decide_alike_make_no_difference() -> None:
    gate = worked()
    gate.judge.rules_version = "rules 2"
    assert differences(gate.events, gate.judge) == ([], [])


@pytest.mark.parametrize("fault", ["error", "nonsense"])
def test_an_evaluation_that_failed_once_is_a_fault_and_counted_apart(fault: str) -> None:
    def sick(_given: Json, _held: Json) -> Json:
        if fault == "error":
            raise ZeroDivisionError
        return {}

    gate = Gate(ScriptedJudge({BUNDLE: sick}), manifest())
    assert gate.outcome(proposal()) == "POLICY_ERROR"
    assert differences(gate.events, gate.judge) == ([], [])
    healthy = ScriptedJudge()
    healthy.documents = gate.judge.documents
    first, second = differences(gate.events, healthy)
    assert {d.klass for d in first} == {"fault"}
    assert {d.field for d in first} >= {"outcome", "reason", "evaluator"}
    assert second == []


def test_a_release_that_the_bundle_judges_needs_its_decision() -> None:
    gate = Gate(held=manifest())
    gate.judge.releases = frozenset({"TOOL_RESULT"})
    gate.propose(proposal("TOOL_RESULT", {"call_id": "c0", "result": 1}))
    gate.propose(proposal("USER_MESSAGE", {"content": "x"}))
    assert differences(gate.events, gate.judge) == ([], [])
    gate.judge.releases = frozenset({"TOOL_RESULT", "USER_MESSAGE"})
    assert [(d.place, d.field) for d in differences(gate.events, gate.judge)[1]] == [
        ("state", "decision")
    ]
    gate.judge.releases = frozenset()
    assert [(d.place, d.field) for d in differences(gate.events, gate.judge)[1]] == [
        ("state", "cause")
    ]


def weekdays_only(given: Json, held: Json) -> Json:
    """The base rules, and one of an operator's that denies paying."""
    said = base(given, held)
    if given.get("call", {}).get("tool") == "pay":
        said["deny"].append(claim("POLICY_DENY"))
    return said


def test_a_counterfactual_changes_the_calls_that_the_changed_rule_decides_and_no_others() -> None:
    gate = worked()
    judge = ScriptedJudge({BUNDLE: base, OTHER: weekdays_only})
    judge.documents = gate.judge.documents
    for session_id, asked in (("s1", 5), ("s2", 4)):
        told = counterfactual(gate.of(session_id), judge, digest(OTHER))
        assert (told.decisions, told.unjudged) == (asked, 0)
        changes = told.changes
        assert [(c.subject, c.recorded_outcome, c.outcome, c.reason) for c in changes] == [
            ("pay", "require_approval", "deny", "POLICY_DENY")
        ]
        assert changes[0].rules == ("aegis.approval_required", "aegis.policy_deny")
        same = counterfactual(gate.of(session_id), judge, digest(BUNDLE))
        assert (same.decisions, same.changes) == (asked, [])


def test_a_counterfactual_judges_each_call_on_the_state_as_it_was_recorded() -> None:
    gate = Gate(held=manifest(budgets={"tool_calls": 2}))
    for _ in range(3):
        gate.propose(tool("read_file"))

    def nothing(_given: Json, _held: Json) -> Json:
        return says(deny=[claim("POLICY_DENY")])

    judge = ScriptedJudge({BUNDLE: base, OTHER: nothing})
    judge.documents = gate.judge.documents
    changes = counterfactual(gate.of(), judge, digest(OTHER)).changes
    assert [(c.recorded_reason, c.reason) for c in changes] == [
        ("OK", "POLICY_DENY"),
        ("OK", "POLICY_DENY"),
        ("BUDGET_EXCEEDED", "POLICY_DENY"),
    ]


def test_an_empty_log_has_nothing_to_derive() -> None:
    judge = ScriptedJudge()
    assert derive_session([], judge) == (0, [])
    assert derive_tenant([], judge) == []


def report() -> bytes:
    """Everything that replay says about one log under one other bundle."""
    gate = worked()
    judge = ScriptedJudge({BUNDLE: advising, OTHER: weekdays_only})
    judge.documents = gate.judge.documents
    changes = [counterfactual(gate.of(s), judge, digest(OTHER)) for s in ("s1", "s2")]
    return msgspec.json.encode([gate.events[-1].hash, differences(gate.events, judge), changes])


def test_a_report_is_the_same_bytes_in_another_process_zone_and_locale() -> None:
    ask = "from tests.core.test_replay import report; print(report().decode())"
    told = set()
    for seed, zone, locale in (("0", "UTC", "C"), ("1", "Asia/Tokyo", "tr_TR.UTF-8")):
        environment = {"PYTHONHASHSEED": seed, "TZ": zone, "LC_ALL": locale, "PYTHONUTF8": "1"}
        done = subprocess.run(
            [sys.executable, "-c", ask],
            cwd=ROOT,
            env=environment,
            check=True,
            capture_output=True,
        )
        told.add(done.stdout.strip())
    assert told == {report()}


def renumber(envelopes: list[Envelope]) -> None:
    """Give each session's events their seqs in order."""
    seqs: dict[str, int] = {}
    for index, envelope in enumerate(envelopes):
        seqs[envelope.session_id] = seqs.get(envelope.session_id, -1) + 1
        envelopes[index] = replace(envelope, seq=seqs[envelope.session_id])
