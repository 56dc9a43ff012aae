"""State and proposal to policy input: everything a rule may read, and nothing else.

The result is canonical JSON; its SHA-256 is recorded with the decision. Rego compares and never
parses: hosts, paths, commands and schema breaches are found here, once.
"""

import hashlib
from collections.abc import Mapping
from functools import lru_cache

import msgspec
from msgspec import Raw, Struct

from aegisd.core import target
from aegisd.core.capabilities import Capabilities
from aegisd.core.log.canonical import encode
from aegisd.core.log.detached import Value
from aegisd.core.manifest.model import Manifest, Tool
from aegisd.core.proposal import Proposal
from aegisd.core.state.model import SessionState, TenantState

# What an evaluator reads in well under a second on both engines; past it the verdict is an error.
POLICY_INPUT_BYTES_MAX = 262_144

# The computed year runs from March, so that a leap day is its last; the last two months wrap.
_MARCH_TO_DECEMBER = 10

_encode = msgspec.json.Encoder(order="sorted").encode


class _Across(Struct, frozen=True, forbid_unknown_fields=True):
    agent: Raw
    tenant: Raw


_decode_parts = msgspec.json.Decoder(dict[str, Raw]).decode
_decode_across = msgspec.json.Decoder(_Across).decode


class Moment(Struct, frozen=True, kw_only=True):
    """The writer's time for a batch: milliseconds since the Unix epoch, seconds east of UTC."""

    now_ms: int
    utc_offset_s: int = 0


class Snapshot(Struct, frozen=True, kw_only=True):
    """What rules read of the session: counters before the proposal."""

    steps_consumed: int = 0
    tool_calls_consumed: int = 0
    model_calls_consumed: int = 0
    wall_time_ms: int = 0
    terminated: bool = False


class PolicyInput(Struct, frozen=True, kw_only=True):
    """What is judged. `facts` is the canonical JSON of exactly what was read across sessions.

    Where `values` of the event are kept beside it, `recorded` is the same input made from the event
    as it is stored, with commitments in place of the values; else it is empty.
    """

    body: bytes
    facts: bytes
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


def snapshot(session: SessionState, now_ms: int) -> Snapshot:
    """The session as rules see it at `now_ms`."""
    return Snapshot(
        steps_consumed=session.budget.steps,
        tool_calls_consumed=session.budget.tool_calls,
        model_calls_consumed=session.budget.model_calls,
        wall_time_ms=session.budget.wall_time_ms(now_ms),
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
    # Canonical as they are stored, so they enter as they are.
    parts = _decode_parts(proposal.body) if isinstance(proposal.payload, dict) else None
    args = parts.pop("args", Raw(b"{}")) if parts is not None else None
    document: dict[str, object] = {
        "agent": shared.agent,
        "event": _event(proposal, seq, proposal.payload if parts is None else parts),
        "snapshot": counters,
        "tenant": shared.tenant,
        "time": _time(moment),
    }
    if proposal.event_type == "TOOL_CALL_PROPOSED" and isinstance(proposal.payload, dict):
        document["call"] = _call(proposal.payload, args, capabilities)
    return PolicyInput(body=_encode(document), facts=across)


def beside(judged: PolicyInput, recorded: PolicyInput, values: tuple[Value, ...]) -> PolicyInput:
    """What is judged, where values of the event are kept beside it; `recorded` is made without."""
    return msgspec.structs.replace(judged, recorded=recorded.body, values=values)


def _event(proposal: Proposal, seq: int, payload: object) -> dict[str, object]:
    """The event; `payload` is its own less `args`, which stand in `call`."""
    return {
        "agent_id": proposal.agent_id or "",
        "payload": payload,
        "seq": seq,
        "session_id": proposal.session_id,
        "tenant_id": proposal.tenant_id,
        "type": proposal.event_type,
        "user_id": proposal.user_id,
    }


def _call(
    payload: Mapping[str, object], body: Raw | None, capabilities: Capabilities
) -> dict[str, object]:
    """The call; `body` is the args' own bytes."""
    # Total: replay builds this from any log, also from one that no door would have taken.
    name, args = str(payload.get("tool_name", "")), payload.get("args", {})
    server = str(payload.get("server", ""))
    tool = capabilities.manifest.tools.get(name)
    declared = tool is not None and tool.server in (None, server)
    if tool is None or not declared:
        tool = Tool(risk="critical")
    found = target.extract(args, effects=tool.effects, roles=tool.roles)
    errors = capabilities.arguments.check(name, args) if declared else ()
    return {
        "approval": tool.approval,
        "args": body,
        "args_errors": errors,
        "args_typed": tool.args is not None,
        "commands": [_command(command, capabilities.manifest) for command in found.commands],
        "declared": declared,
        "effects": sorted(tool.effects),
        "hosts": found.hosts,
        "paths": found.paths,
        "problems": found.problems,
        "risk": tool.risk,
        "roles": Raw(encode(tool.roles)),
        "server": server,
        "tool": name,
    }


def _command(command: target.Command, manifest: Manifest) -> dict[str, object]:
    binary = manifest.binary(command.binary)
    patterns = binary.args if binary is not None else ()
    return {
        "args": command.args,
        "binary": command.binary,
        "unmatched": target.unmatched(command.args, patterns),
        "where": command.where,
    }


# A batch has one moment, and a session's batches follow each other within seconds.
@lru_cache(16)
def _time(moment: Moment) -> dict[str, object]:
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
    return {
        "date": f"{year:04d}-{month:02d}-{day:02d}",
        "minute_of_day": second_of_day // 60,
        "now_ms": moment.now_ms,
        "weekday": (days + 3) % 7 + 1,
    }
