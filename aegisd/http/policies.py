"""`/v1/policies`: put an operator's rules in force, and read those that are or were."""

from msgspec import Raw, Struct
from starlette.responses import Response

from aegisd.core.decision import Named
from aegisd.door.operator import ActReceipt, OperatorAct, act_receipt
from aegisd.engine.engine import Engine
from aegisd.http.operation import Asked, Operation
from aegisd.http.operator import document, receive_act
from aegisd.http.query import TENANT


class PolicyActivation(OperatorAct, frozen=True, kw_only=True):
    """Rego files by name (package `aegis.rules`), to judge from the next decision on.

    They replace the operator's files in force; the base rules stay. No files: the base rules alone.
    """

    files: dict[str, str]


class ActivePolicy(Struct, frozen=True, kw_only=True):
    """The bundle in force with its files, base rules included, and who activated it."""

    digest: str
    author: str
    bundle: Named


class PolicyList(Struct, frozen=True, kw_only=True):
    """The bundle in force; none for a tenant without events."""

    policies: list[ActivePolicy]


@Operation("POST", "/v1/policies", asks=PolicyActivation, status=201)
async def activate(engine: Engine, asked: Asked) -> ActReceipt:
    """Put an operator's rules in force for a tenant.

    Raises `PolicyInvalid`, and the bundle in force stays in force.
    """
    act = await receive_act(asked, PolicyActivation)
    done = await engine.activate_policy(
        act.tenant_id, act.files, author=act.author, reason=act.reason
    )
    return act_receipt(done, ActReceipt)


@Operation("GET", "/v1/policies", query=(TENANT,))
async def listing(engine: Engine, asked: Asked) -> PolicyList:
    """The policy bundle in force for a tenant."""
    tenant = await engine.reads.tenant(asked.query().id("tenant_id"))
    active = tenant.activations.bundle
    if active is None:
        return PolicyList(policies=[])
    body = await engine.reads.document(active.digest, "bundle")
    told = ActivePolicy(digest=active.digest, author=active.author, bundle=Raw(body))
    return PolicyList(policies=[told])


@Operation("GET", "/v1/policies/{digest}")
async def show(engine: Engine, asked: Asked) -> Response:
    """The RFC 8785 bytes of a bundle that is or was in force.

    Raises `NotFound`.
    """
    return await document(engine, asked, "bundle")
