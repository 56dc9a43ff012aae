"""The vocabulary of the log: what each payload may hold, and how what it may not is refused."""

from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.errors import (
    AegisError,
    InvalidField,
    InvalidRequest,
    ReservedEventType,
    UnknownEventType,
    UnknownField,
    UnsupportedField,
)
from aegisd.core.events import (
    AGENT_EVENTS,
    DAEMON_EVENTS,
    DECLARATIONS,
    JUDGED,
    RELEASED,
    check_payload,
)
from aegisd.core.lifetime import Termination
from aegisd.core.log.canonical import INTEGER_MAX
from aegisd.core.shapes.identifier import ID_CHARACTERS_MAX
from aegisd.core.shapes.payload import MESSAGE_CHARACTERS_MAX, NAME_CHARACTERS_MAX, AgentPayload
from tests.core.builders import json_value, text
from tests.table import each

USAGE = {"input_tokens": 1, "output_tokens": 2, "cost_usd_micros": 3}

# Every field of every agent event, required ones first; `meta` may join them all.
FIELDS: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {  # Any: payloads are any JSON.
    "USER_MESSAGE": ({"content": "hi"}, {}),
    "MODEL_CALL_STARTED": (
        {"model": "m"},
        {"call_id": "c1", "provider": "p", "purpose": "plan", "complexity": "low"}
        | {"max_tokens": 10, "prompt_tokens": 0},
    ),
    "MODEL_CALL_FINISHED": (
        {"call_id": "c1"},
        {"finish_reason": "stop", "content": ["x"], "usage": USAGE, "latency_ms": 5},
    ),
    "TOOL_CALL_PROPOSED": (
        {"tool_name": "read_file"},
        {"args": {"path": "/a"}, "call_id": "c1", "server": "files"}
        | {"estimate": {"usd_micros": 1, "tokens": 2}},
    ),
    "TOOL_CALL_EXECUTED": ({"call_id": "c1"}, {"started_ms": 1}),
    "TOOL_RESULT": (
        {"call_id": "c1", "result": {"rows": []}},
        {"is_error": True, "usage": USAGE, "latency_ms": 5},
    ),
    "MEMORY_READ": ({"memory_key": "k"}, {"memory_store": "s", "content": 1, "bytes": 2}),
    "MEMORY_WRITE": ({"memory_key": "k"}, {"memory_store": "s", "content": None, "bytes": 2}),
    "HANDOFF_REQUESTED": (
        {"from_agent": "a", "to_agent": "b"},
        {"context_id": "x", "content": {}},
    ),
    "HANDOFF_COMPLETED": (
        {"from_agent": "a", "to_agent": "b", "success": False},
        {"context_id": "x", "content": {}},
    ),
    "ERROR_RAISED": ({"code": "e", "message": "m"}, {"fatal": True, "call_id": "c1"}),
    "TERMINATION": ({}, {"reason_code": "r", "reason": "why", "detail": "more"}),
}
META = {"meta": {"anything": [1, {"$key": None}]}}
ALL = {name: {**required, **optional, **META} for name, (required, optional) in FIELDS.items()}

IDS = {"call_id", "from_agent", "to_agent", "context_id"}
NAMES = {"model", "provider", "complexity", "finish_reason", "tool_name", "server"}
NAMES |= {"memory_store", "code", "reason_code"}
MESSAGES = {"purpose", "memory_key", "message", "reason", "detail"}
COUNTS = {"max_tokens", "prompt_tokens", "latency_ms", "started_ms", "bytes"}


def fields_in(kinds: set[str]) -> list[tuple[str, str]]:
    return [(name, field) for name, payload in ALL.items() for field in payload if field in kinds]


def test_the_vocabulary_is_the_designs() -> None:
    assert set(AGENT_EVENTS) == set(ALL)
    assert set(DAEMON_EVENTS) == {
        "SESSION_OPENED",
        "POLICY_DECISION",
        "MANIFEST_REGISTERED",
        "POLICY_ACTIVATED",
        "LOG_IMPORTED",
        "PAYLOAD_ERASED",
        "ROLLBACK_ACCEPTED",
        "SIGNING_KEYS_CHANGED",
        "CLOCK_CORRECTED",
    }
    assert {
        "TOOL_CALL_PROPOSED",
        "MODEL_CALL_STARTED",
        "MEMORY_WRITE",
        "HANDOFF_REQUESTED",
    } == JUDGED
    assert {"USER_MESSAGE", "MODEL_CALL_FINISHED", "TOOL_RESULT", "MEMORY_READ"} == RELEASED


@pytest.mark.parametrize("event_type", ALL)
def test_each_agent_event_has_these_fields_and_no_others(event_type: str) -> None:
    known = set(AGENT_EVENTS[event_type].__struct_fields__)
    both = {"content", "result"} if event_type == "TOOL_RESULT" else set()
    assert known == set(ALL[event_type]) | both


@pytest.mark.parametrize("event_type", ALL)
def test_a_payload_with_every_field_is_read_as_it_was_sent(event_type: str) -> None:
    event = check_payload(event_type, ALL[event_type])
    assert msgspec.to_builtins(event) == ALL[event_type]


@pytest.mark.parametrize("event_type", ALL)
def test_a_payload_needs_its_required_fields_and_no_more(event_type: str) -> None:
    required, _ = FIELDS[event_type]
    check_payload(event_type, required)
    for field in required:
        with pytest.raises(InvalidField):
            check_payload(event_type, {name: required[name] for name in required if name != field})


@each("event_type", ALL)
@each("payload", ["text", [], 1, True, None])
def test_a_payload_is_an_object(event_type: str, payload: object) -> None:
    if event_type == "TERMINATION" and payload is None:
        assert check_payload(event_type, payload) == Termination()
        return
    with pytest.raises(InvalidField, match="expected an object"):
        check_payload(event_type, payload)


@pytest.mark.parametrize("event_type", ALL)
def test_an_unknown_field_is_refused_and_the_nearest_known_one_named(event_type: str) -> None:
    for field in ALL[event_type]:
        payload = {name: value for name, value in ALL[event_type].items() if name != field}
        with pytest.raises(UnknownField, match=rf"nearest known one is {field}$") as refused:
            check_payload(event_type, {**payload, f"{field}x": 1})
        assert refused.value.details == {"field": f"{field}x", "nearest": field}


@pytest.mark.parametrize(
    ("event_type", "field", "inner", "near"),
    [
        ("TOOL_RESULT", "usage", "input_token", "input_tokens"),
        ("MODEL_CALL_FINISHED", "usage", "cost", "cost_usd_micros"),
        ("TOOL_CALL_PROPOSED", "estimate", "token", "tokens"),
        ("TOOL_CALL_PROPOSED", "estimate", "usd_micro", "usd_micros"),
    ],
)
def test_an_unknown_field_inside_a_field_is_refused_likewise(
    event_type: str, field: str, inner: str, near: str
) -> None:
    with pytest.raises(UnknownField, match=rf"^payload\.{field}: .* {near}$"):
        check_payload(event_type, {**ALL[event_type], field: {inner: 1}})


@each("event_type", ALL)
@each("field", ["approval_id", "lease"])
def test_a_field_of_a_part_that_is_not_there_is_refused_and_not_ignored(
    event_type: str, field: str
) -> None:
    with pytest.raises(UnsupportedField, match=rf"^payload\.{field}: ") as refused:
        check_payload(event_type, {**ALL[event_type], field: "x"})
    assert refused.value.details == {"field": field}


@pytest.mark.parametrize(("event_type", "field"), fields_in(IDS))
def test_ids_inside_payloads_are_bounded_and_of_the_ids_alphabet(
    event_type: str, field: str
) -> None:
    def check(value: object) -> object:
        return check_payload(event_type, {**ALL[event_type], field: value})

    assert check("x" * ID_CHARACTERS_MAX)
    for wrong in ("x" * (ID_CHARACTERS_MAX + 1), "", "$x", ".x", "a b", "é", "a\n", 1, None):
        with pytest.raises(InvalidField):
            check(wrong)


@pytest.mark.parametrize(("event_type", "field"), fields_in(NAMES | MESSAGES))
def test_texts_inside_payloads_are_bounded(event_type: str, field: str) -> None:
    def check(value: object) -> object:
        return check_payload(event_type, {**ALL[event_type], field: value})

    bound = NAME_CHARACTERS_MAX if field in NAMES else MESSAGE_CHARACTERS_MAX
    assert check("é" * bound)
    for wrong in ["é" * (bound + 1), 1, None, ["x"], *([""] if field in NAMES else [])]:
        with pytest.raises(InvalidField):
            check(wrong)


@pytest.mark.parametrize(("event_type", "field"), fields_in(COUNTS))
def test_counts_inside_payloads_are_integers_json_keeps(event_type: str, field: str) -> None:
    def check(value: object) -> object:
        return check_payload(event_type, {**ALL[event_type], field: value})

    assert check(0)
    assert check(INTEGER_MAX)
    for wrong in (-1, INTEGER_MAX + 1, 0.5, True, "1", None):
        with pytest.raises(InvalidField):
            check(wrong)


@pytest.mark.parametrize(
    ("event_type", "field", "wrong"),
    [
        ("TOOL_CALL_PROPOSED", "args", []),
        ("TOOL_CALL_PROPOSED", "args", None),
        ("TOOL_CALL_PROPOSED", "estimate", {"tokens": -1}),
        ("TOOL_CALL_PROPOSED", "estimate", 5),
        ("TOOL_RESULT", "is_error", "false"),
        ("TOOL_RESULT", "is_error", 0),
        ("TOOL_RESULT", "usage", {"input_tokens": 0.5}),
        ("HANDOFF_COMPLETED", "success", 1),
        ("ERROR_RAISED", "fatal", None),
        ("USER_MESSAGE", "meta", []),
    ],
)
def test_a_field_of_the_wrong_type_is_refused_by_name(
    event_type: str, field: str, wrong: object
) -> None:
    with pytest.raises(InvalidField, match=field):
        check_payload(event_type, {**ALL[event_type], field: wrong})


def test_a_result_is_exactly_one_of_content_and_result() -> None:
    values: list[object] = [None, "", {}]
    for field in ("content", "result"):
        for value in values:
            check_payload("TOOL_RESULT", {"call_id": "c1", field: value})
    wrong: list[dict[str, object]] = [
        {},
        {"content": "x", "result": "x"},
        {"content": None, "result": None},
    ]
    for said in wrong:
        with pytest.raises(InvalidField, match="exactly one of content and result"):
            check_payload("TOOL_RESULT", {"call_id": "c1", **said})


@each(
    "event_type",
    [
        *DAEMON_EVENTS,
        "FINDINGS_RECORDED",
        "APPROVAL_REQUESTED",
        "APPROVAL_DECIDED",
        "APPROVAL_VOIDED",
        "GRANT_ISSUED",
        "GRANT_REVOKED",
        "LEASE_ACQUIRED",
        "TAINT_DECLASSIFIED",
        "TOOL_PINNED",
        "QUARANTINE_STARTED",
        "BUDGET_SET",
        "RATE_LIMITED",
    ],
)
@each("payload", [{}, None, {"outcome": "allow"}])
def test_an_event_only_the_daemon_writes_is_refused(event_type: str, payload: object) -> None:
    with pytest.raises(ReservedEventType):
        check_payload(event_type, payload)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [
        ("TOOL_CALL_PROPOSE", "TOOL_CALL_PROPOSED"),
        ("tool_result", "TOOL_RESULT"),
        ("", "MEMORY_READ"),
        ("TOOL_CALL_EXECUTED ", "TOOL_CALL_EXECUTED"),
        ("X" * 1_000_000, "TOOL_CALL_EXECUTED"),
    ],
)
def test_an_unknown_event_type_is_refused_and_a_known_one_named(typed: str, meant: str) -> None:
    with pytest.raises(UnknownEventType) as refused:
        check_payload(typed, {})
    assert meant in str(refused.value)
    assert len(str(refused.value)) < 100


@given(
    event_type=st.sampled_from(sorted(ALL)),
    changes=st.dictionaries(
        st.sampled_from(sorted({f for p in ALL.values() for f in p})), json_value
    ),
    more=st.dictionaries(text, json_value, max_size=2),
)
def test_any_payload_is_read_or_refused_and_a_refusal_repeats_no_value(
    event_type: str, changes: dict[str, object], more: dict[str, object]
) -> None:
    payload = {**ALL[event_type], **changes, **more, "meta": {"secret": "hunter2"}}
    read = outcome(event_type, payload)
    if isinstance(read, InvalidRequest):
        assert type(read) in (InvalidField, UnknownField, UnsupportedField)
        assert "hunter2" not in f"{read} {read.details}"
    else:
        assert msgspec.to_builtins(read) == {**DEFAULTS.get(event_type, {}), **payload}


DEFAULTS: dict[str, dict[str, object]] = {
    "TOOL_CALL_PROPOSED": {"args": {}},
    "TOOL_RESULT": {"is_error": False},
    "ERROR_RAISED": {"fatal": False},
}


def outcome(event_type: str, payload: object) -> AgentPayload | InvalidRequest:
    try:
        return check_payload(event_type, payload)
    except InvalidRequest as error:
        return error


@pytest.mark.parametrize(
    "payload",
    [
        {"tool_name": 5, "args": {"password": "hunter2"}},
        {"tool_name": ["hunter2"]},
        {"tool_name": "hunter2" * 100},
        {"tool_name": "t", "args": "hunter2"},
        {"tool_name": "t", "call_id": "hunter2 hunter2"},
        {"tool_name": "t", "estimate": {"tokens": "hunter2"}},
        {"tool_name": "t", "toolname": "hunter2"},
        {"tool_name": "t", "lease": "hunter2"},
    ],
)
def test_a_refusal_never_repeats_a_value(payload: object) -> None:
    with pytest.raises(AegisError) as refused:
        check_payload("TOOL_CALL_PROPOSED", payload)
    assert "hunter2" not in str(refused.value)
    assert "hunter2" not in str(refused.value.details)


def test_a_decision_is_declared_in_the_order_it_is_stored() -> None:
    for name in DAEMON_EVENTS:
        shape = DECLARATIONS[name].payload
        assert list(shape.__struct_fields__) == sorted(shape.__struct_fields__)


def test_every_event_type_is_told_by_its_declaration_and_by_nothing_else() -> None:
    assert {*AGENT_EVENTS, *DAEMON_EVENTS} == set(DECLARATIONS)
    for name, declared in DECLARATIONS.items():
        assert declared.event_type == name
        assert (declared.writer == "agent") is (name in AGENT_EVENTS)
        assert (name in JUDGED, name in RELEASED) == (declared.judged, declared.released)
        assert not (declared.judged and declared.released)
        told = {*declared.content, *declared.documents, *(declared.shown or ())}
        assert told | {declared.subject or "meta"} - {"meta"} <= {
            *declared.payload.__struct_fields__
        }
