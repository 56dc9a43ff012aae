"""The two states. Neither copies the other: one knows a session's events, one a tenant's."""

from msgspec import Struct

from aegisd.core.budget import Counters
from aegisd.core.state.ledger import Ledger

# Where a call stands: proposed, then its decision's outcome, then settled once an allowed call's
# result or error came.
PROPOSED, ALLOWED, SETTLED = "proposed", "allow", "settled"


class Fact(Struct, frozen=True, kw_only=True):
    """One event as a fold sees it: where it stands, and its payload decoded."""

    position: int
    session_id: str
    seq: int
    hash: bytes
    event_type: str
    agent_id: str | None
    payload: object


class Pending(Struct, frozen=True, kw_only=True):
    """The last event, where a decision about it may follow."""

    event_type: str
    call_id: str


class SessionState(Struct, frozen=True, kw_only=True):
    """Fold of one session's events.

    `calls` maps a call id to (event type, status), and while a tool's call is open to (event type,
    status, tool name). `violations` counts results and starts of calls
    that nobody allowed. `after_end` counts proposals recorded after the session's end.
    """

    tenant_id: str
    session_id: str
    next_seq: int = 0
    head_hash: bytes = b""
    counters: Counters = Counters()
    terminated: bool = False
    after_end: int = 0
    violations: int = 0
    calls: Ledger = Ledger()
    pending: Pending | None = None


class Activation(Struct, frozen=True, kw_only=True):
    """What is in force and who put it there. `digest` is hex SHA-256."""

    digest: str
    author: str


class TenantState(Struct, frozen=True, kw_only=True):
    """Fold of all a tenant's events in position order.

    `allowed` and `denied` count decisions about step events over all sessions; an ask counts in
    neither. `agents` maps an agent id to (allowed, denied). `last_now_ms` is the newest time the
    daemon recorded; time never runs backwards from it.
    """

    tenant_id: str
    next_position: int = 0
    head_hash: bytes = b""
    last_now_ms: int = 0
    manifest: Activation | None = None
    bundle: Activation | None = None
    sessions: int = 0
    allowed: int = 0
    denied: int = 0
    agents: Ledger = Ledger()
    pending: str | None = None
