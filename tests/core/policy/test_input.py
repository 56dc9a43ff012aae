"""The policy input: exact, canonical, in the shape that load checks hold rules to."""

import hashlib
import json
from datetime import UTC, datetime, timedelta

import msgspec
import pytest
import rfc8785
from hypothesis import given
from hypothesis import strategies as st

from aegisd.core.budget import Counters
from aegisd.core.capabilities import NONE
from aegisd.core.ledger import Ledger
from aegisd.core.lifetime import Lifetime
from aegisd.core.policy.input import (
    Moment,
    PolicyInput,
    Snapshot,
    build,
    facts,
    snapshot,
)
from aegisd.core.policy.schema import INPUT_SCHEMA
from aegisd.core.policy.verdict import judge
from aegisd.core.proposal import Proposal, recall
from aegisd.core.state.model import SessionState, TenantState
from aegisd.core.tally import Answers, Tally
from tests.core import builders
from tests.core.builders import START_MS, identifier, json_value
from tests.core.gate import Json, manifest, misfits, proposal, tool

OFFICE = manifest()
NOBODY = facts(TenantState(tenant_id="acme"), None)
TOOLS = ["fetch", "pay", "read_file", "run", "typed", "nobody_declared_this"]


def built(asked: Proposal, now_ms: int = START_MS, utc_offset_s: int = 0) -> PolicyInput:
    moment = Moment(now_ms=now_ms, utc_offset_s=utc_offset_s)
    return build(asked, 3, Snapshot(), NOBODY, OFFICE, moment)


def read_by_rules(asked: Proposal) -> Json:
    document: Json = json.loads(built(asked).body)
    return document


args = st.dictionaries(
    st.sampled_from(["path", "url", "command", "cmd", "n", "other"]),
    json_value
    | st.sampled_from(
        [
            "/workspace/a",
            "../../etc/passwd",
            "https://docs.example.com/x",
            "http://2130706433/",
            "git status --short",
            "bash -c 'rm -rf /'",
            ["git", "push"],
        ]
    ),
    max_size=3,
)


@given(st.sampled_from(TOOLS), args, st.none() | identifier)
def test_what_rules_read_fits_the_schema_that_rules_are_held_to(
    name: str, args: dict[str, object], agent_id: str | None
) -> None:
    fields = {} if agent_id is None else {"agent_id": agent_id}
    asked = proposal(payload={"tool_name": name, "args": args}, **fields)
    document = read_by_rules(asked)
    assert misfits(document, INPUT_SCHEMA) == []
    assert document["call"]["args"] == asked.payload["args"]  # type: ignore[index]  # an object
    assert document["event"]["payload"] == {"tool_name": name}
    assert document["event"]["agent_id"] == (agent_id or "")


@pytest.mark.parametrize(
    ("event_type", "payload"),
    [
        ("MODEL_CALL_STARTED", {"model": "m", "meta": {"x": [1.5]}}),
        ("MEMORY_WRITE", {"memory_key": "k", "content": "é"}),
        ("HANDOFF_REQUESTED", {"from_agent": "a", "to_agent": "b"}),
        ("USER_MESSAGE", {"content": {"args": 1}}),
        ("TOOL_RESULT", {"call_id": "c1", "result": [None, 1e-7]}),
    ],
)
def test_only_a_proposed_call_has_a_call_and_every_other_payload_is_whole(
    event_type: str, payload: object
) -> None:
    document = read_by_rules(proposal(event_type, payload))
    shape = {name: node for name, node in INPUT_SCHEMA.items() if name != "call"}
    assert misfits(document, shape) == []
    assert document["event"]["payload"] == payload
    assert document["event"]["type"] == event_type


@given(st.sampled_from(TOOLS), args)
def test_the_bytes_are_rfc_8785_and_the_digest_is_over_them(
    name: str, args: dict[str, object]
) -> None:
    policy_input = built(proposal(payload={"tool_name": name, "args": args}))
    assert policy_input.body == rfc8785.dumps(json.loads(policy_input.body))
    assert policy_input.sha256 == hashlib.sha256(policy_input.body).hexdigest()


@given(
    st.integers(-(10**13), 2**47),  # The years 1653 to 6429.
    st.integers(-86_399, 86_399),
)
def test_date_weekday_and_minute_are_what_a_calendar_says(now_ms: int, offset_s: int) -> None:
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    there = epoch + timedelta(milliseconds=now_ms, seconds=offset_s)
    document = json.loads(built(proposal(), now_ms, offset_s).body)
    assert document["time"] == {
        "date": there.date().isoformat(),
        "minute_of_day": there.hour * 60 + there.minute,
        "now_ms": now_ms,
        "weekday": there.isoweekday(),
    }


@pytest.mark.parametrize(
    ("date", "weekday"),
    [("2000-02-29", 2), ("1900-03-01", 4), ("2024-12-31", 2), ("2023-01-01", 7), ("2100-02-28", 7)],
)
def test_leap_days_and_turns_of_years_are_found(date: str, weekday: int) -> None:
    now_ms = int(datetime.fromisoformat(date).replace(tzinfo=UTC).timestamp()) * 1000
    for moment in (now_ms, now_ms + 86_399_999):
        document = json.loads(built(proposal(), moment).body)
        assert (document["time"]["date"], document["time"]["weekday"]) == (date, weekday)


@given(*[st.integers(0, 2**53 - 1)] * 5, st.sampled_from(["a1", "a2", None]))
def test_facts_are_the_tenants_counts_and_the_agents_own(
    allowed: int, denied: int, sessions: int, ours: int, theirs: int, agent_id: str | None
) -> None:
    state = TenantState(
        tenant_id="acme",
        tally=Tally(
            allowed=allowed,
            denied=denied,
            sessions=sessions,
            agents=Ledger[Answers]().put("a1", Answers(ours, theirs)),
        ),
    )
    across = facts(state, agent_id)
    known = agent_id == "a1"
    assert json.loads(across) == {
        "agent": {
            "allowed": ours if known else 0,
            "denied": theirs if known else 0,
            "id": agent_id or "",
        },
        "tenant": {"allowed": allowed, "denied": denied, "sessions": sessions},
    }
    assert across == rfc8785.dumps(json.loads(across))
    policy_input = build(proposal(), 0, Snapshot(), across, NONE, Moment(now_ms=0))
    assert policy_input.facts == across
    document = json.loads(policy_input.body)
    assert {"agent": document["agent"], "tenant": document["tenant"]} == json.loads(across)


@pytest.mark.parametrize("across", [b"{}", b"null", b'{"agent":{},"tenant":{},"more":{}}', b"x"])
def test_facts_that_nobody_recorded_make_no_input(across: bytes) -> None:
    with pytest.raises(msgspec.MsgspecError):
        build(proposal(), 0, Snapshot(), across, NONE, Moment(now_ms=0))


def test_the_snapshot_is_the_state_before_the_proposal_at_the_writers_time() -> None:
    counters = Counters(steps=4, tool_calls=3, model_calls=1, started_ms=START_MS)
    ended = Lifetime(terminated=True)
    state = SessionState(tenant_id="acme", session_id="s", budget=counters, lifetime=ended)
    assert snapshot(state, Moment(now_ms=START_MS + 7)) == Snapshot(
        steps_consumed=4,
        tool_calls_consumed=3,
        model_calls_consumed=1,
        wall_time_ms=7,
        terminated=True,
    )


def test_a_declared_call_is_described_by_its_declaration() -> None:
    call = read_by_rules(tool("fetch", url="https://docs.example.com/a"))["call"]
    assert (call["declared"], call["effects"], call["risk"]) == (True, ["net"], "medium")
    assert (call["args_typed"], call["approval"], call["roles"]) == (False, False, {"url": "url"})
    assert [host["host"] for host in call["hosts"]] == ["docs.example.com"]
    assert call["problems"] == []


def test_an_undeclared_tool_is_critical_and_nothing_is_known_about_it() -> None:
    call = read_by_rules(tool("nobody_declared_this", url="https://evil.example/"))["call"]
    assert (call["declared"], call["risk"], call["effects"]) == (False, "critical", [])
    assert (call["args_typed"], call["roles"]) == (False, {})


@pytest.mark.parametrize(
    ("declared_for", "asked_of", "declared"),
    [
        (None, None, True),
        (None, "m", True),
        ("m", "m", True),
        ("m", None, False),
        ("m", "M", False),
    ],
)
def test_a_tool_declared_for_a_server_is_that_servers_alone(
    declared_for: str | None, asked_of: str | None, declared: bool
) -> None:
    spec = {} if declared_for is None else {"server": declared_for}
    held = manifest(tools={"t": {"risk": "low", **spec}})
    payload = {"tool_name": "t"} | ({} if asked_of is None else {"server": asked_of})
    policy_input = build(
        proposal(payload=payload), 0, Snapshot(), NOBODY, held, Moment(now_ms=START_MS)
    )
    call = json.loads(policy_input.body)["call"]
    assert call["declared"] is declared
    assert call["risk"] == ("low" if declared else "critical")
    assert call["server"] == (asked_of or "")


def test_args_that_break_the_schema_are_named_and_their_values_are_not() -> None:
    call = read_by_rules(tool("typed", n="secret"))["call"]
    assert (call["args_typed"], call["args_errors"]) == (
        True,
        [{"rule": "type", "where": "/args/n"}],
    )
    assert read_by_rules(tool("typed", n=1))["call"]["args_errors"] == []


def test_arguments_of_a_command_that_no_pattern_allows_are_listed() -> None:
    commands = read_by_rules(tool("run", command="git status --short push"))["call"]["commands"]
    assert [(c["binary"], c["unmatched"]) for c in commands] == [("git", ["push"])]
    unknown = read_by_rules(tool("run", command="rm -rf"))["call"]["commands"]
    assert [(c["binary"], c["unmatched"]) for c in unknown] == [("rm", ["-rf"])]


def test_an_input_at_its_bound_is_judged_and_one_byte_more_denies_unjudged(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    most = 4_096
    monkeypatch.setattr("aegisd.core.policy.input.POLICY_INPUT_BYTES_MAX", most)
    empty = len(built(proposal("USER_MESSAGE", {"content": ""})).body)
    room = most - empty
    seen: list[bytes] = []

    def evaluate(body: bytes) -> bytes:
        seen.append(body)
        return b'{"deny":[],"require_approval":[],"constraints":[],"obligations":[],"advice":[]}'

    at, past = (built(proposal("USER_MESSAGE", {"content": "x" * n})) for n in (room, room + 1))
    assert len(at.body) == most
    assert judge(at, evaluate).outcome == "allow"
    assert (judge(past, evaluate).outcome, judge(past, evaluate).fault) == ("deny", "error")
    assert seen == [at.body]


@given(json_value)
def test_a_payload_that_no_door_takes_still_makes_an_input(payload: object) -> None:
    event = builders.chain([builders.envelope(0, "TOOL_CALL_PROPOSED", payload)])[0]
    stored = json.loads(event.body)["payload"]
    document = read_by_rules(recall(event))
    assert ("call" in document) == isinstance(stored, dict)
