"""`/v1/manifests`: put a capability manifest in force, and read those that are or were."""

from msgspec import Raw, Struct
from starlette.requests import Request
from starlette.responses import Response

from aegisd.core.capabilities import from_value
from aegisd.core.decision import Named
from aegisd.door.operator import ActReceipt, OperatorAct, act_receipt
from aegisd.engine.engine import Engine
from aegisd.http.answers import answer
from aegisd.http.operation import Operation
from aegisd.http.operator import document, receive_act
from aegisd.http.query import TENANT, Query


class ManifestRegistration(OperatorAct, frozen=True, kw_only=True):
    """A manifest, v0.1 or v0.2, to govern the tenant's agents from the next decision on."""

    manifest: dict[str, object]


class ActiveManifest(Struct, frozen=True, kw_only=True):
    """A manifest in force, as it was registered, and who registered it."""

    digest: str
    author: str
    manifest: Named


class ManifestList(Struct, frozen=True, kw_only=True):
    """The manifests in force; none means that every proposal is denied."""

    manifests: list[ActiveManifest]


class Manifests:
    """The manifests of one engine's tenants."""

    def __init__(self, engine: Engine) -> None:
        self._engine = engine

    async def register(self, request: Request) -> Response:
        """`POST /v1/manifests`. Raises `ManifestInvalid`, and nothing of it was used."""
        act = await receive_act(request, ManifestRegistration)
        found = await self._engine.reads.apart(lambda: from_value(act.manifest))
        done = await self._engine.register_manifest(
            act.tenant_id, found, author=act.author, reason=act.reason
        )
        return answer(act_receipt(done), 201)

    async def list(self, request: Request) -> Response:
        """`GET /v1/manifests`: what is in force for a tenant."""
        tenant = await self._engine.reads.tenant(Query(request, TENANT).id("tenant_id"))
        active = tenant.activations.manifest
        if active is None:
            return answer(ManifestList(manifests=[]))
        body = await self._engine.reads.document(active.digest, "manifest")
        told = ActiveManifest(digest=active.digest, author=active.author, manifest=Raw(body))
        return answer(ManifestList(manifests=[told]))

    async def show(self, request: Request) -> Response:
        """`GET /v1/manifests/{digest}`: a manifest's canonical bytes. Raises `NotFound`."""
        return await document(self._engine, request, "manifest")


def operations(engine: Engine) -> list[Operation]:
    """The operations of this resource."""
    manifests = Manifests(engine)
    return [
        Operation(
            "POST",
            "/v1/manifests",
            manifests.register,
            "Put a capability manifest in force for a tenant.",
            asks=ManifestRegistration,
            answers=ActReceipt,
            status=201,
        ),
        Operation(
            "GET",
            "/v1/manifests",
            manifests.list,
            "The manifests in force for a tenant.",
            query=(TENANT,),
            answers=ManifestList,
        ),
        Operation(
            "GET",
            "/v1/manifests/{digest}",
            manifests.show,
            "The RFC 8785 bytes of a manifest that is or was in force.",
        ),
    ]
