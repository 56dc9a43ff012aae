"""`/v1/policy/decide`: a what-if on the caller's own event and manifest, which records nothing."""

from functools import partial
from typing import Annotated, Literal

import msgspec
from msgspec import UNSET, Meta, Struct, UnsetType

from aegisd.core.capabilities import NONE, from_value
from aegisd.core.decision import Decision
from aegisd.core.policy.input import Snapshot
from aegisd.core.proposal import read as read_proposal
from aegisd.engine.engine import Engine
from aegisd.http.body import as_shape, receive_unkeyed
from aegisd.http.memory import turn
from aegisd.http.operation import Asked, Operation

_NOBODY = "simulated"

# Objects of a manifest that comes with a question and is made ready for it alone, by whoever asks:
# two hundred tools of ten parameters, a tenth of a second.
SIMULATED_OBJECTS_MAX = 2_048

# Parts of the snapshot's vocabulary that no rule of this version reads.
_LATER = frozenset({"is_tainted", "loop_violation", "taint_labels", "sanitized_keys", "spend"})
_LATER_REASON = "no rule of this version reads it, so it is refused rather than ignored"


class SimulatedEvent(Struct, frozen=True, kw_only=True):
    """An event to judge. Ids left out are "simulated"; without `agent_id` there is no agent."""

    event_type: str
    payload: dict[str, object] | None
    tenant_id: str = _NOBODY
    session_id: str = _NOBODY
    user_id: str = _NOBODY
    agent_id: str | UnsetType = UNSET


class SimulatedSnapshot(Snapshot, frozen=True, kw_only=True):
    """The session as rules shall see it. Times in milliseconds; what is left out is zero."""


# Objects whose fields are read one by one, so that an unknown one is named.
Event = Annotated[
    dict[str, object], Meta(extra_json_schema={"$ref": "#/components/schemas/SimulatedEvent"})
]
Counters = Annotated[
    dict[str, object], Meta(extra_json_schema={"$ref": "#/components/schemas/SimulatedSnapshot"})
]


class Simulation(Struct, frozen=True, kw_only=True):
    """A what-if: the event, and where given the counters and the manifest (v0.1 or v0.2)."""

    event: Event
    snapshot: Counters = {}
    manifest: dict[str, object] | UnsetType = UNSET


class SimulatedDecision(Decision, frozen=True, kw_only=True):
    """What the configured bundle says. No fact of the log was read and none was written."""

    simulated: Literal[True] = True


@Operation("POST", "/v1/policy/decide", asks=Simulation)
async def decide(engine: Engine, asked: Asked) -> SimulatedDecision:
    """Judge the caller's own event, counters and manifest; records nothing.

    Raises an `InvalidRequest` for what could not be recorded.
    """
    told = as_shape(await receive_unkeyed(asked), Simulation)
    as_shape(told.event, SimulatedEvent, "event.")
    ids = {"tenant_id": _NOBODY, "session_id": _NOBODY, "user_id": _NOBODY}
    proposal = read_proposal({**ids, **told.event})
    counters = as_shape(told.snapshot, SimulatedSnapshot, "snapshot.", _LATER_REASON, _LATER)
    manifest, capabilities = told.manifest, NONE
    if manifest is not UNSET:
        ready = partial(from_value, manifest, SIMULATED_OBJECTS_MAX)
        async with turn(asked.scope):
            capabilities = await engine.reads.apart(ready)
    verdict = await engine.simulate(proposal, counters, capabilities)
    return SimulatedDecision(**msgspec.structs.asdict(verdict.spell()))
