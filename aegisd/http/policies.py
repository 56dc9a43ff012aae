"""`/v1/policies`: put an operator's rules in force, and read those that are or were."""

from msgspec import Raw, Struct
from starlette.requests import Request
from starlette.responses import Response

from aegisd.core.decision import Named
from aegisd.door.operator import ActReceipt, OperatorAct, act_receipt
from aegisd.engine.engine import Engine
from aegisd.http.answers import answer
from aegisd.http.operation import Operation
from aegisd.http.operator import document, receive_act
from aegisd.http.query import TENANT, Query


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


class Policies:
    """The policy bundles of one engine's tenants."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def activate(self, request: Request) -> Response:
        """`POST /v1/policies`. Raises `PolicyInvalid`, and the bundle in force stays in force."""
        act = await receive_act(request, PolicyActivation)
        done = await self._engine.activate_policy(
            act.tenant_id, act.files, author=act.author, reason=act.reason
        )
        return answer(act_receipt(done), 201)

    async def list(self, request: Request) -> Response:
        """`GET /v1/policies`: what is in force for a tenant."""
        tenant = await self._engine.reads.tenant(Query(request, TENANT).id("tenant_id"))
        active = tenant.activations.bundle
        if active is None:
            return answer(PolicyList(policies=[]))
        body = await self._engine.reads.document(active.digest, "bundle")
        told = ActivePolicy(digest=active.digest, author=active.author, bundle=Raw(body))
        return answer(PolicyList(policies=[told]))

    async def show(self, request: Request) -> Response:
        """`GET /v1/policies/{digest}`: a bundle's canonical bytes. Raises `NotFound`."""
        return await document(self._engine, request, "bundle")


def operations(engine: Engine) -> list[Operation]:
    """The operations of this resource."""
    policies = Policies(engine)
    return [
        Operation(
            "POST",
            "/v1/policies",
            policies.activate,
            "Put an operator's rules in force for a tenant.",
            asks=PolicyActivation,
            answers=ActReceipt,
            status=201,
        ),
        Operation(
            "GET",
            "/v1/policies",
            policies.list,
            "The policy bundle in force for a tenant.",
            query=(TENANT,),
            answers=PolicyList,
        ),
        Operation(
            "GET",
            "/v1/policies/{digest}",
            policies.show,
            "The RFC 8785 bytes of a bundle that is or was in force.",
        ),
    ]
