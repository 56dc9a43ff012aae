"""State and proposal to policy input: everything a rule may read, and nothing else.

The result is canonical JSON; its SHA-256 is recorded with the decision. Rego compares and never
parses: hosts, paths, commands and schema breaches are found here, once.
"""

import hashlib
from collections.abc import Mapping
from functools import lru_cache
from typing import Annotated

import msgspec
from msgspec import UNSET, Meta, Raw, Struct, UnsetType

from aegisd.core.capabilities import Capabilities
from aegisd.core.log.detached import Value
from aegisd.core.manifest.arguments import ArgumentError
from aegisd.core.manifest.model import Manifest, Tool
from aegisd.core.proposal import Proposal
from aegisd.core.shapes.payload import Count
from aegisd.core.state.model import SessionState, TenantState
from aegisd.core.target import model as target
from aegisd.core.target.extract import extract
from aegisd.core.target.pattern import COMPARISONS_MAX, unmatched

# What an evaluator reads in well under a second on both engines; past it the verdict is an error.
# Of any payload there is room for what its arguments name as well, a few times over.
POLICY_INPUT_BYTES_MAX = 4_194_304

# The computed year runs from March, so that a leap day is its last; the last two months wrap.
_MARCH_TO_DECEMBER = 10

_encode = msgspec.json.Encoder(order="sorted").encode

# Of a tool that the manifest does not declare.
_NO_ROLES = Raw(b"{}")

# What a caller shaped: any JSON, of which the rules know nothing.
Free = object


class _Across(Struct, frozen=True, forbid_unknown_fields=True):
    agent: Raw
    tenant: Raw


_decode_parts = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_across = msgspec.json.Decoder(_Across).decode


class Moment(Struct, frozen=True, kw_only=True):
    """The writer's time for a batch: milliseconds since the Unix epoch, seconds east of UTC.

    `clock_off_ms` is how far its clock was off, as it is recorded: 0 where that is within bounds;
    `stepped_ms` how far operators had put it back in all.
    """

    now_ms: int
    utc_offset_s: int = 0
    clock_off_ms: int = 0
    stepped_ms: int = 0


class Snapshot(Struct, frozen=True, kw_only=True):
    """What rules read of the session: counters before the proposal."""

    steps_consumed: Count = 0
    tool_calls_consumed: Count = 0
    model_calls_consumed: Count = 0
    wall_time_ms: Count = 0
    terminated: bool = False


class Agent(Struct, frozen=True, kw_only=True):
    """How often the agent of the event was answered so far, over all of its sessions."""

    allowed: int
    denied: int
    id: str


class Tenant(Struct, frozen=True, kw_only=True):
    """The same of all the tenant's agents, and its sessions."""

    allowed: int
    denied: int
    sessions: int


class Event(Struct, frozen=True, kw_only=True):
    """The event; `payload` is its own, for a call less `args`, which stand in `call`."""

    agent_id: str
    payload: Free
    seq: int
    session_id: str
    tenant_id: str
    type: str
    user_id: str


class Command(Struct, frozen=True, kw_only=True):
    """A program that the call runs; `unmatched` are the arguments that no pattern allows it."""

    args: tuple[str, ...]
    binary: str
    unmatched: tuple[str, ...]
    where: str


class Breach(Struct, frozen=True, kw_only=True):
    """Where arguments break their schema, and the keyword they break."""

    rule: str
    where: str


class Problem(Struct, frozen=True, kw_only=True):
    """What is not read as a target; see `target.model.Problem`."""

    code: str
    target: str
    where: str


class Call(Struct, frozen=True, kw_only=True):
    """The proposed call: what the manifest says of its tool, and what its arguments reach for."""

    approval: bool
    args: Annotated[Raw, Meta(extra={"spells": Free})]
    args_errors: tuple[Breach, ...]
    args_typed: bool
    commands: tuple[Command, ...]
    declared: bool
    effects: tuple[str, ...]
    hosts: tuple[target.Host, ...]
    paths: tuple[target.PathTarget, ...]
    problems: tuple[Problem, ...]
    recipients: tuple[target.Recipient, ...]
    risk: str
    roles: Annotated[Raw, Meta(extra={"spells": dict[str, str]})]
    server: str
    tool: str


class Time(Struct, frozen=True, kw_only=True):
    """When it is judged, in the manifest's zone. `weekday` counts from Monday, 1."""

    date: str
    minute_of_day: int
    now_ms: int
    weekday: int


class RuleInput(Struct, frozen=True, kw_only=True):
    """Everything a rule may read, under `input`. Only a proposed tool call has a `call`.

    A part that is encoded already is annotated with what its bytes spell.
    """

    agent: Annotated[Raw, Meta(extra={"spells": Agent})]
    call: Call | UnsetType = UNSET
    event: Event
    snapshot: Snapshot
    tenant: Annotated[Raw, Meta(extra={"spells": Tenant})]
    time: Time


class Findings(Struct, frozen=True, kw_only=True):
    """What was found of a call beyond what rules compare: what a denial of it may name."""

    breaches: tuple[ArgumentError, ...]
    problems: tuple[target.Problem, ...]
    manifest: Manifest


class PolicyInput(Struct, frozen=True, kw_only=True):
    """What is judged. `facts` is the canonical JSON of exactly what was read across sessions.

    `findings` are those of a call, for the words of its denial.

    Where `values` of the event are kept beside it, `recorded` is the same input made from the event
    as it is stored, with commitments in place of the values; else it is empty.
    """

    body: bytes
    facts: bytes
    findings: Findings | None = None
    recorded: bytes = b""
    values: tuple[Value, ...] = ()

    @property
    def sha256(self) -> str:
        """Hex digest of what was judged; of what was recorded, where a digest might tell values."""
        return hashlib.sha256(self.recorded or self.body).hexdigest()

    @property
    def too_large(self) -> bool:
        """Whether there is too much to judge, which denies."""
        return len(self.body) > POLICY_INPUT_BYTES_MAX


def snapshot(session: SessionState, moment: Moment) -> Snapshot:
    """The session as rules see it at a moment."""
    return Snapshot(
        steps_consumed=session.budget.steps,
        tool_calls_consumed=session.budget.tool_calls,
        model_calls_consumed=session.budget.model_calls,
        wall_time_ms=session.budget.wall_time_ms(moment.now_ms, moment.stepped_ms),
        terminated=session.lifetime.terminated,
    )


def facts(tenant: TenantState, agent_id: str | None) -> bytes:
    """What a decision reads of other sessions, as canonical JSON."""
    return _encode(tenant.tally.facts(agent_id))


def build(
    proposal: Proposal,
    seq: int,
    counters: Snapshot,
    across: bytes,
    capabilities: Capabilities,
    moment: Moment,
) -> PolicyInput:
    """The policy input for a proposal that would get `seq`, from recorded or live facts alike.

    Raises `msgspec.MsgspecError` for facts that `facts` did not write.
    """
    shared = _decode_across(across)
    payload = proposal.payload
    call: Call | UnsetType = UNSET
    findings: Findings | None = None
    if isinstance(proposal.payload, dict):
        # Canonical as they are stored, so its parts enter as they are.
        payload = parts = _decode_parts(proposal.body)
        args = parts.pop("args", Raw(b"{}"))
        if proposal.event_type == "TOOL_CALL_PROPOSED":
            call, findings = _call(proposal.payload, args, capabilities)
    document = RuleInput(
        agent=shared.agent,
        call=call,
        event=_event(proposal, seq, payload),
        snapshot=counters,
        tenant=shared.tenant,
        time=_time(moment),
    )
    return PolicyInput(body=_encode(document), facts=across, findings=findings)


def beside(judged: PolicyInput, recorded: PolicyInput, values: tuple[Value, ...]) -> PolicyInput:
    """What is judged, where values of the event are kept beside it; `recorded` is made without."""
    return msgspec.structs.replace(judged, recorded=recorded.body, values=values)


def _event(proposal: Proposal, seq: int, payload: object) -> Event:
    return Event(
        agent_id=proposal.agent_id or "",
        payload=payload,
        seq=seq,
        session_id=proposal.session_id,
        tenant_id=proposal.tenant_id,
        type=proposal.event_type,
        user_id=proposal.user_id,
    )


def _call(
    payload: Mapping[str, object], body: Raw, capabilities: Capabilities
) -> tuple[Call, Findings]:
    """The call, and what was found of it; `body` is the args' own bytes."""
    # Total: replay builds this from any log, also from one that no door would have taken.
    name, args = str(payload.get("tool_name", "")), payload.get("args", {})
    server = str(payload.get("server", ""))
    tool = capabilities.manifest.tools.get(name)
    declared = tool is not None and tool.server in (None, server)
    if tool is None or not declared:
        tool = Tool(risk="critical")
    found = extract(
        args,
        tool=name,
        effects=tool.effects,
        roles=tool.roles,
        programs=capabilities.programs,
        limits=capabilities.limits,
    )
    breaches = capabilities.arguments.check(name, args) if declared else ()
    call = Call(
        approval=tool.approval,
        args=body,
        args_errors=tuple(Breach(rule=each.rule, where=each.where) for each in breaches),
        args_typed=tool.args is not None,
        commands=_commands(found.commands, capabilities),
        declared=declared,
        effects=tuple(sorted(tool.effects)),
        hosts=found.hosts,
        paths=found.paths,
        problems=_problems(found.problems),
        recipients=found.recipients,
        risk=tool.risk,
        roles=capabilities.roles.get(name, _NO_ROLES) if declared else _NO_ROLES,
        server=server,
        tool=name,
    )
    manifest = capabilities.manifest
    return call, Findings(breaches=breaches, problems=found.problems, manifest=manifest)


def _problems(found: tuple[target.Problem, ...]) -> tuple[Problem, ...]:
    """Each problem once, whoever's words have it."""
    told = dict.fromkeys((each.target, each.code, each.where) for each in found)
    return tuple(Problem(target=of, code=code, where=where) for of, code, where in told)


def _commands(found: tuple[target.Command, ...], capabilities: Capabilities) -> tuple[Command, ...]:
    if not found:
        return ()
    most = COMPARISONS_MAX // len(found)
    return tuple(_command(command, capabilities, most) for command in found)


def _command(command: target.Command, capabilities: Capabilities, most: int) -> Command:
    binary = capabilities.binaries.get(command.binary)
    patterns = binary.args if binary is not None else ()
    return Command(
        args=command.args,
        binary=command.binary,
        unmatched=unmatched(command.args, patterns, most),
        where=command.where,
    )


# A batch has one moment, and a session's batches follow each other within seconds.
@lru_cache(16)
def _time(moment: Moment) -> Time:
    """Weekday, date and minute in the manifest's zone, by Howard Hinnant's civil-from-days."""
    seconds = moment.now_ms // 1000 + moment.utc_offset_s
    days, second_of_day = divmod(seconds, 86_400)
    era, day_of_era = divmod(days + 719_468, 146_097)
    year_of_era = (
        day_of_era - day_of_era // 1_460 + day_of_era // 36_524 - day_of_era // 146_096
    ) // 365
    day_of_year = day_of_era - (365 * year_of_era + year_of_era // 4 - year_of_era // 100)
    shifted = (5 * day_of_year + 2) // 153
    day = day_of_year - (153 * shifted + 2) // 5 + 1
    wraps = shifted >= _MARCH_TO_DECEMBER
    month = shifted - 9 if wraps else shifted + 3
    year = year_of_era + era * 400 + wraps
    return Time(
        date=f"{year:04d}-{month:02d}-{day:02d}",
        minute_of_day=second_of_day // 60,
        now_ms=moment.now_ms,
        weekday=(days + 3) % 7 + 1,
    )
