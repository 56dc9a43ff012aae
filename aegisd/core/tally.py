"""What a tenant's agents were answered so far: the facts that decisions read across sessions."""

from msgspec import Struct
from msgspec.structs import replace

from aegisd.core.decision import DECISION
from aegisd.core.ledger import Ledger
from aegisd.core.shapes.fact import Cause, Fact
from aegisd.core.shapes.identifier import CONTROL_SESSION


class Answers(Struct, frozen=True, array_like=True):
    """How many calls of one agent were allowed and denied."""

    allowed: int = 0
    denied: int = 0


class Tally(Struct, frozen=True, kw_only=True):
    """Counts over all sessions of a tenant.

    `allowed` and `denied` count decisions about events that cost a step; one that needs approval
    counts in neither. `agents` has the same of each agent. `sessions` does not count `$control`.
    """

    sessions: int = 0
    allowed: int = 0
    denied: int = 0
    agents: Ledger[Answers] = Ledger()

    def fold(self, event: Fact, cause: Cause | None) -> "Tally":
        """One more event of the tenant."""
        tally = self
        if event.seq == 0 and event.session_id != CONTROL_SESSION:
            tally = replace(tally, sessions=tally.sessions + 1)
        if event.event_type == DECISION and cause is not None and cause.judged:
            tally = _decided(tally, event)
        return tally

    def facts(self, agent_id: str | None) -> dict[str, object]:
        """What a decision about an agent's event reads here."""
        own = self.agents.get(agent_id or "") or Answers()
        return {
            "agent": {"id": agent_id or "", "allowed": own.allowed, "denied": own.denied},
            "tenant": {"allowed": self.allowed, "denied": self.denied, "sessions": self.sessions},
        }


def _decided(tally: Tally, event: Fact) -> Tally:
    outcome = event.fields.get("outcome")
    allowed, denied = int(outcome == "allow"), int(outcome == "deny")
    agents = tally.agents
    if event.agent_id is not None:
        own = agents.get(event.agent_id) or Answers()
        own = Answers(own.allowed + allowed, own.denied + denied)
        agents = agents.put(event.agent_id, own)
    return replace(
        tally, allowed=tally.allowed + allowed, denied=tally.denied + denied, agents=agents
    )
