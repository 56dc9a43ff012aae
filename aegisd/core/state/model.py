"""The two states. Neither copies the other: one knows a session's events, one a tenant's.

Each is composed of what its rooms remember: a part folds itself, and sees every event.
"""

from msgspec import Struct

from aegisd.core.activation import Activations
from aegisd.core.budget import Counters
from aegisd.core.call import Calls
from aegisd.core.lifetime import Lifetime
from aegisd.core.shapes.fact import Cause
from aegisd.core.tally import Tally


class SessionState(Struct, frozen=True, kw_only=True):
    """Fold of one session's events. `cause` is what a consequence that comes next is about."""

    tenant_id: str
    session_id: str
    next_seq: int = 0
    head_hash: bytes = b""
    cause: Cause | None = None
    budget: Counters = Counters()
    calls: Calls = Calls()
    lifetime: Lifetime = Lifetime()


class TenantState(Struct, frozen=True, kw_only=True):
    """Fold of all a tenant's events in position order.

    `last_now_ms` is the newest time the daemon recorded; time never runs backwards from it, but by
    an operator's correction. `stepped_ms` is how far corrections put it back in all.
    """

    tenant_id: str
    next_position: int = 0
    head_hash: bytes = b""
    last_now_ms: int = 0
    stepped_ms: int = 0
    cause: Cause | None = None
    activations: Activations = Activations()
    tally: Tally = Tally()
