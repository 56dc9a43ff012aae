"""`/v1/checkpoints`: what of a tenant's log is signed, as C2SP checkpoints."""

from typing import Literal

from msgspec import Struct

from aegisd.core.log.checkpoint import read
from aegisd.engine.engine import Engine
from aegisd.http.body import as_shape, receive_unkeyed
from aegisd.http.operation import Asked, Operation
from aegisd.http.query import (
    LIMIT,
    PAGE_TOKEN,
    TENANT,
    Parameter,
    check_any_id,
    token,
)
from aegisd.rows import Checkpoint

_FROM_SIZE = Parameter(name="from_size", schema={"type": "integer", "minimum": 0})


class CheckpointRequest(Struct, frozen=True, kw_only=True):
    """Sign now what is durable and not covered yet."""

    tenant_id: str


class SignedCheckpoint(Struct, frozen=True, kw_only=True):
    """A signed tree head. `root` is hex; `note` is the C2SP text that holds all of it, signed."""

    tenant_id: str
    origin: str
    size: int
    root: str
    note: str


class CheckpointPage(Struct, frozen=True, kw_only=True):
    """Checkpoints by size. `next_page_token` is null after the last page."""

    checkpoints: list[SignedCheckpoint]
    next_page_token: str | None


class SigningKeys(Struct, frozen=True, kw_only=True):
    """The verifier keys that sign now, the newest first, under the log's name.

    A convenience: an auditor gets them from the operator by another way than from the daemon.
    """

    log_name: str
    keys: list[str]
    algorithm: Literal["Ed25519"] = "Ed25519"


def _told(signed: Checkpoint) -> SignedCheckpoint:
    return SignedCheckpoint(
        tenant_id=signed.tenant_id,
        origin=read(signed.note)[0].origin,
        size=signed.size,
        root=signed.root.hex(),
        note=signed.note,
    )


@Operation("POST", "/v1/checkpoints", asks=CheckpointRequest)
async def sign(engine: Engine, asked: Asked) -> SignedCheckpoint:
    """Sign now what is durable and not covered by a checkpoint yet.

    Raises `CheckpointUnknown`.
    """
    value = await receive_unkeyed(asked)
    tenant_id = check_any_id(as_shape(value, CheckpointRequest).tenant_id, "tenant_id")
    return _told(await engine.signing().sign_now(tenant_id))


@Operation("GET", "/v1/checkpoints", query=(TENANT, _FROM_SIZE, LIMIT, PAGE_TOKEN))
async def listing(engine: Engine, asked: Asked) -> CheckpointPage:
    """A tenant's signed checkpoints, by size."""
    query = asked.query()
    tenant_id, limit = query.id("tenant_id"), query.limit()
    first = query.place("c") or query.integer("from_size", 0)
    rows = await engine.reads.checkpoints(tenant_id, from_size=first, limit=limit + 1)
    return CheckpointPage(
        checkpoints=[_told(row) for row in rows[:limit] if row.note],
        next_page_token=token("c", rows[limit].size) if rows[limit:] else None,
    )


@Operation("GET", "/v1/checkpoints/latest", query=(TENANT,))
async def latest(engine: Engine, asked: Asked) -> SignedCheckpoint:
    """The newest signed checkpoint.

    Raises `CheckpointUnknown` before the first.
    """
    tenant_id = asked.query().id("tenant_id")
    return _told(await engine.signing().latest(tenant_id))


@Operation("GET", "/v1/checkpoints/keys")
async def keys(engine: Engine, asked: Asked) -> SigningKeys:
    """The verifier keys that sign now."""
    asked.query()
    log_name, signing = engine.signing().keys()
    return SigningKeys(log_name=log_name, keys=list(map(str, signing)))
