"""States as canonical bytes and back, and the digest over them.

A snapshot is a cache: valid for one `rules_version` and one head, deletable at any time.
"""

import hashlib

import msgspec

from aegisd.core.budget import Counters
from aegisd.core.log.canonical import encode as canonical
from aegisd.core.state.ledger import Ledger
from aegisd.core.state.model import Activation, Pending, SessionState, TenantState

State = SessionState | TenantState


class _Frozen(msgspec.Struct, frozen=True, kw_only=True):
    """The fields that both states share in frozen form."""

    head_hash: str


class _FrozenSession(_Frozen, frozen=True, kw_only=True):
    after_end: int
    calls: dict[str, tuple[str, ...]]
    counters: Counters
    next_seq: int
    pending: Pending | None
    session_id: str
    tenant_id: str
    terminated: bool
    violations: int


class _FrozenTenant(_Frozen, frozen=True, kw_only=True):
    agents: dict[str, tuple[int, int]]
    allowed: int
    bundle: Activation | None
    denied: int
    last_now_ms: int
    manifest: Activation | None
    next_position: int
    pending: str | None
    sessions: int
    tenant_id: str


def freeze(state: State) -> bytes:
    """RFC 8785 bytes of a state; equal states freeze to equal bytes, however they were folded."""
    return canonical(document(state))


def document(state: State) -> dict[str, object]:
    """The state as plain JSON values: what `freeze` encodes and the snapshot route answers."""
    plain: dict[str, object] = {
        field: _plain(getattr(state, field)) for field in state.__struct_fields__
    }
    return plain


def thaw_session(body: bytes) -> SessionState:
    """The session state that `freeze` wrote. Raises `msgspec.MsgspecError` for anything else."""
    frozen = msgspec.json.decode(body, type=_FrozenSession)
    return SessionState(
        tenant_id=frozen.tenant_id,
        session_id=frozen.session_id,
        next_seq=frozen.next_seq,
        head_hash=bytes.fromhex(frozen.head_hash),
        counters=frozen.counters,
        terminated=frozen.terminated,
        after_end=frozen.after_end,
        violations=frozen.violations,
        calls=Ledger((frozen.calls,)) if frozen.calls else Ledger(),
        pending=frozen.pending,
    )


def thaw_tenant(body: bytes) -> TenantState:
    """The tenant state that `freeze` wrote. Raises `msgspec.MsgspecError` for anything else."""
    frozen = msgspec.json.decode(body, type=_FrozenTenant)
    return TenantState(
        tenant_id=frozen.tenant_id,
        next_position=frozen.next_position,
        head_hash=bytes.fromhex(frozen.head_hash),
        last_now_ms=frozen.last_now_ms,
        manifest=frozen.manifest,
        bundle=frozen.bundle,
        sessions=frozen.sessions,
        allowed=frozen.allowed,
        denied=frozen.denied,
        agents=Ledger((frozen.agents,)) if frozen.agents else Ledger(),
        pending=frozen.pending,
    )


def digest(state: State) -> bytes:
    """SHA-256 of the frozen state."""
    return hashlib.sha256(freeze(state)).digest()


def _plain(value: object) -> object:
    if isinstance(value, bytes):
        return value.hex()
    if isinstance(value, Ledger):
        return {key: list(entry) for key, entry in value.items()}
    return msgspec.to_builtins(value)
