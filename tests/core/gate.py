"""The gate without its shell: one tenant's log in a list, with rules written in Python."""

import copy
import hashlib
import json
from collections.abc import Callable, Mapping, Sequence
from functools import lru_cache
from typing import Any

import msgspec

from aegisd.core import gate
from aegisd.core.capabilities import NONE, Capabilities, from_value
from aegisd.core.clock import CORRECTED, ClockCorrected
from aegisd.core.errors import EvaluatorFailed
from aegisd.core.events import JUDGED, RELEASED
from aegisd.core.gate import States, Step
from aegisd.core.log.canonical import encode
from aegisd.core.log.detached import Value
from aegisd.core.log.envelope import Envelope, StoredEvent, seal, unseal
from aegisd.core.policy.generation import BASE_GENERATION
from aegisd.core.policy.input import PolicyInput
from aegisd.core.policy.judge import maker
from aegisd.core.policy.schema import Leaf, ListOf, MapOf, Schema
from aegisd.core.policy.verdict import Verdict, judge
from aegisd.core.proposal import Proposal, read
from aegisd.core.state.fold import fact, fold_session, fold_tenant
from aegisd.core.state.model import SessionState, TenantState
from aegisd.rows import Document
from tests.core.builders import START_MS

# Any: rules read JSON as Rego does, without types.
Json = dict[str, Any]
Rule = Callable[[Json, Json], Json]

MANIFEST: Json = {
    "schema": "aegis.dev/manifest/v0.2",
    "name": "office",
    "version": "1",
    "publisher": "acme",
    "tools": {
        "fetch": {"effects": ["net"], "roles": {"url": "url"}},
        "pay": {"effects": ["spend"], "risk": "high", "approval": True, "args": {}},
        "read_file": {"effects": ["read"], "roles": {"path": "path"}},
        "run": {"effects": ["exec"], "roles": {"command": "command"}},
        "typed": {
            "args": {
                "type": "object",
                "properties": {"n": {"type": "integer"}},
                "additionalProperties": False,
            }
        },
    },
    "fs": {"read_roots": ["/workspace"]},
    "net": {"domains": ["docs.example.com"]},
    "exec": {"binaries": [{"name": "git", "args": ["status", "--*"]}]},
    "budgets": {"steps": None, "tool_calls": None, "wall_time_ms": None},
}

BUNDLE = b'{"files":{"rules/base.py":"base"}}'


def digest(body: bytes) -> str:
    """Hex SHA-256."""
    return hashlib.sha256(body).hexdigest()


def manifest(**changes: object) -> Capabilities:
    """The office manifest with other top-level fields."""
    return from_value({**MANIFEST, **changes})


def proposal(
    event_type: str = "TOOL_CALL_PROPOSED", payload: object = ..., **fields: object
) -> Proposal:
    """A checked request of session s1; by default the agent proposes to read a file."""
    if payload is ...:
        payload = {"tool_name": "read_file", "args": {"path": "/workspace/a"}}
    key = fields.pop("idempotency_key", None)
    request = {"tenant_id": "acme", "session_id": "s1", "event_type": event_type} | fields
    return read(
        {**request, "payload": payload}, idempotency_key=key if isinstance(key, str) else None
    )


def tool(tool_name: str, session_id: str = "s1", **args: object) -> Proposal:
    """A proposed call."""
    return proposal(payload={"tool_name": tool_name, "args": args}, session_id=session_id)


def says(**lists: list[Json]) -> Json:
    """An evaluator's output with these lists and the other ones empty."""
    names = ("deny", "require_approval", "constraints", "obligations", "advice")
    return {name: lists.get(name, []) for name in names}


def claim(code: str, where: str = "", **data: object) -> Json:
    """A base rule's word."""
    return {"code": code, "rule": f"aegis.{code.lower()}", "where": where, "data": data}


def base(given: Json, held: Json) -> Json:
    """What the base bundle says about ends, declarations, budgets and approval, in plain Python."""
    if given["event"]["type"] not in JUDGED:
        return says()
    deny = []
    used = given["snapshot"]
    counted = {"steps": used["steps_consumed"]}
    if given["event"]["type"] == "TOOL_CALL_PROPOSED":
        counted["tool_calls"] = used["tool_calls_consumed"]
    if given["event"]["type"] == "MODEL_CALL_STARTED":
        counted["model_calls"] = used["model_calls_consumed"]
    call = given.get("call")
    if used["terminated"]:
        deny.append(claim("SESSION_TERMINATED"))
    if not held["registered"] or (call and not call["declared"]):
        deny.append(claim("PERMISSION_UNDECLARED"))
    for name, consumed in counted.items():
        limit = held["budgets"][name]
        if limit is not None and consumed >= limit:
            deny.append(claim("BUDGET_EXCEEDED", budget=name, limit=limit, consumed=consumed))
    limit = held["budgets"]["wall_time_ms"]
    if limit is not None and used["wall_time_ms"] > limit:
        deny.append(claim("BUDGET_EXCEEDED", budget="wall_time_ms", limit=limit))
    ask = [claim("APPROVAL_REQUIRED")] if call and call["approval"] else []
    limits = [{"name": k, "value": v} for k, v in held["constraints"].items() if v is not None]
    return says(deny=deny, require_approval=ask, constraints=limits if call else [])


@lru_cache(64)
def _read(manifest: bytes) -> Capabilities:
    """A manifest made ready, once: a world asks for the same one thousands of times."""
    return from_value(json.loads(manifest))


class ScriptedJudge:
    """A `ports.LiveJudge` whose rules are Python functions, one for each bundle."""

    rules_version = "rules 1"
    generation = BASE_GENERATION
    prompt = False

    def __init__(self, rules: Mapping[bytes, Rule] | None = None) -> None:
        self.rules = {digest(body): rule for body, rule in (rules or {BUNDLE: base}).items()}
        self.documents: dict[str, bytes] = {}
        self.releases: frozenset[str] = frozenset()
        self.timed = False
        self.judged = 0

    def evaluator(self) -> tuple[str, str]:
        return "python", "1"

    def on(self, engine: str) -> "ScriptedJudge":
        return self

    def of(self, tenant_id: str) -> "ScriptedJudge":
        return self

    def apart(self) -> "ScriptedJudge":
        return copy.copy(self)

    def bundle(self, files: Mapping[str, str]) -> bytes:
        body = encode({"files": dict(files)})
        self.rules.setdefault(digest(body), base)
        return body

    def renewed(self, bundle: bytes) -> bytes:
        return bundle

    def problem(self, bundle: bytes) -> str | None:
        return None

    def keep(self, document: Document) -> None:
        self.documents[document.digest.hex()] = document.body

    def is_prompt(self, bundle: str, manifest: str) -> bool:
        return self.prompt

    def capabilities(self, manifest: str) -> Capabilities | None:
        if not manifest:
            return NONE
        body = self.documents.get(manifest)
        return None if body is None else _read(body)

    def released(self, bundle: str) -> frozenset[str]:
        return self.releases if bundle in self.rules else RELEASED

    def reads_time(self, bundle: str) -> bool:
        return self.timed or bundle not in self.rules

    def judge(self, bundle: str, manifest: str, policy_input: PolicyInput) -> Verdict | None:
        rule, held = self.rules.get(bundle), self.capabilities(manifest)
        if rule is None or held is None:
            return None
        data = json.loads(held.data)
        self.judged += 1

        def evaluate(body: bytes) -> bytes:
            try:
                return json.dumps(rule(json.loads(body), data)).encode()
            except ArithmeticError as error:
                raise EvaluatorFailed(str(error)) from error

        return judge(policy_input, evaluate)


class Gate:
    """One tenant's log in a list. Each step is what design section 4 says, and nothing more."""

    def __init__(
        self,
        judge: ScriptedJudge | None = None,
        held: Capabilities | None = None,
        *,
        now_ms: int = START_MS,
    ) -> None:
        self.judge = judge or ScriptedJudge()
        self.now_ms, self.clock_off_ms = now_ms, 0
        self.tenant = TenantState(tenant_id="acme")
        self.sessions: dict[str, SessionState] = {}
        self.events: list[StoredEvent] = []
        self.values: dict[int, tuple[Value, ...]] = {}
        self._control("POLICY_ACTIVATED", BUNDLE, {"generation": self.judge.generation})
        if held is not None:
            named = {"name": held.manifest.name, "version": held.manifest.version}
            self._control("MANIFEST_REGISTERED", held.document, named)

    def propose(self, asked: Proposal) -> tuple[StoredEvent, Json | None]:
        """Record and judge one event; give it, and its decision as JSON."""
        states = States(tenant=self.tenant, session=self.session(asked.session_id))
        question = gate.ask(
            states,
            asked,
            gate.in_force(self.tenant, self.judge),
            now_ms=self.now_ms,
            utc_offset_s=0,
            clock_off_ms=self.clock_off_ms,
            salt=lambda: b"salt" * 8,
        )
        verdict = gate.answer(question, self.judge)
        step = gate.settle(states, question, verdict, maker(self.judge))
        self._take(step)
        cause, *behind = step.events
        return cause, json.loads(bytes(unseal(behind[0].body).payload)) if behind else None

    def outcome(self, asked: Proposal) -> str:
        """`allow`, or the reason why not."""
        _, decision = self.propose(asked)
        if decision is None:
            return "recorded"
        return "allow" if decision["outcome"] == "allow" else str(decision["reason"])

    def session(self, session_id: str = "s1") -> SessionState:
        """The session's fold so far."""
        return self.sessions.get(session_id) or SessionState(
            tenant_id="acme", session_id=session_id
        )

    def append(self, envelope: Envelope) -> StoredEvent:
        """Seal and fold one event that no proposal caused, as if read back from the log."""
        session = self.session(envelope.session_id)
        event = seal(envelope, self.tenant.next_position, session.head_hash)
        self.sessions[event.session_id] = fold_session(session, fact(event))
        self.tenant = fold_tenant(self.tenant, fact(event))
        self.events.append(event)
        return event

    def _take(self, step: Step) -> None:
        self.tenant = step.states.tenant
        self.sessions[step.states.session.session_id] = step.states.session
        self.events += step.events
        self.values[step.events[0].position] = step.values

    def of(self, session_id: str = "s1") -> list[StoredEvent]:
        """The events of one session."""
        return [event for event in self.events if event.session_id == session_id]

    def kept(self, event: StoredEvent) -> Sequence[Value]:
        """The values that are kept beside an event."""
        return self.values.get(event.position, ())

    def correct(self, to_ms: int) -> None:
        """An operator's word that the clock is right."""
        told = ClockCorrected(author="ann", from_ms=self.now_ms, reason="r", to_ms=to_ms)
        states = States(tenant=self.tenant, session=self.session("$control"))
        self._take(gate.note(states, CORRECTED, told, to_ms))
        self.now_ms = to_ms

    def _control(self, event_type: str, body: bytes, named: Json) -> None:
        self.judge.documents[digest(body)] = body
        payload = {"author": "config", "digest": digest(body), "now_ms": self.now_ms}
        self.append(
            Envelope(
                event_type=event_type,
                payload=msgspec.Raw(encode({**payload, "reason": "configured at start", **named})),
                seq=self.session("$control").next_seq,
                session_id="$control",
                tenant_id="acme",
                ts_unix_ms=self.now_ms,
                user_id="",
            )
        )


def misfits(value: object, schema: Schema, where: str = "") -> list[str]:
    """Every place where a value and a schema do not say the same."""
    if schema is Leaf.FREE:
        return []
    if schema is Leaf.SCALAR:
        return [] if value is None or isinstance(value, str | int) else [where]
    if isinstance(schema, ListOf):
        if not isinstance(value, list):
            return [where]
        return [
            m for i, item in enumerate(value) for m in misfits(item, schema.item, f"{where}/{i}")
        ]
    if not isinstance(value, dict):
        return [where]
    if isinstance(schema, MapOf):
        return [m for key in value for m in misfits(value[key], schema.value, f"{where}/{key}")]
    assert isinstance(schema, Mapping)
    wrong = [f"{where}/{key}" for key in set(value) ^ set(schema)]
    both = set(value) & set(schema)
    return wrong + [m for key in both for m in misfits(value[key], schema[key], f"{where}/{key}")]
