"""Each deed in its place, and under whose rules it was done."""

import subprocess
import sys

import msgspec
import pytest

from aegisd.core.log.envelope import unseal
from aegisd.core.replay.counterfactual import counterfactual
from tests.core.builders import ROOT
from tests.core.gate import (
    BUNDLE,
    ScriptedJudge,
    digest,
)
from tests.core.replay.rewriting import (
    OTHER,
    Edit,
    advising,
    around_decision,
    compared,
    decision,
    differences,
    in_cause,
    in_decision,
    rewritten,
    weekdays_only,
    worked,
)

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


def test_another_engine_does_not_excuse_another_input() -> None:
    gate = worked()
    log = rewritten(gate.events, in_decision(4, input_sha256="0" * 64))
    gate.judge.evaluator = lambda: ("ruby", "1")  # type: ignore[method-assign]  # of one object
    assert [d.klass for d in compared(gate, log).differences] == ["tampered"]


def report() -> bytes:
    """Everything that replay says about one log under one other bundle."""
    gate = worked()
    judge = ScriptedJudge({BUNDLE: advising, OTHER: weekdays_only})
    judge.documents = gate.judge.documents
    changes = [counterfactual(gate.of(s), judge, digest(OTHER)) for s in ("s1", "s2")]
    return msgspec.json.encode([gate.events[-1].hash, differences(gate.events, judge), changes])


def test_a_report_is_the_same_bytes_in_another_process_zone_and_locale() -> None:
    ask = "from tests.core.replay.test_difference import report; print(report().decode())"
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
