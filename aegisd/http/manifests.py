"""`/v1/manifests`: put a capability manifest in force, and read those that are or were."""

from msgspec import Raw, Struct
from starlette.responses import Response

from aegisd.core.capabilities import from_value
from aegisd.core.decision import Named
from aegisd.door.operator import ActReceipt, OperatorAct, act_receipt
from aegisd.engine.engine import Engine
from aegisd.http.memory import turn
from aegisd.http.operation import Asked, Operation
from aegisd.http.operator import document, receive_act
from aegisd.http.query import TENANT


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


@Operation("POST", "/v1/manifests", asks=ManifestRegistration, status=201)
async def register(engine: Engine, asked: Asked) -> ActReceipt:
    """Put a capability manifest in force for a tenant.

    Raises `ManifestInvalid`, and nothing of it was used.
    """
    act = await receive_act(asked, ManifestRegistration)
    async with turn(asked.scope):
        found = await engine.reads.apart(lambda: from_value(act.manifest))
    done = await engine.register_manifest(
        act.tenant_id, found, author=act.author, reason=act.reason
    )
    return act_receipt(done, ActReceipt)


@Operation("GET", "/v1/manifests", query=(TENANT,))
async def listing(engine: Engine, asked: Asked) -> ManifestList:
    """The manifests in force for a tenant."""
    tenant = await engine.reads.tenant(asked.query().id("tenant_id"))
    active = tenant.activations.manifest
    if active is None:
        return ManifestList(manifests=[])
    body = await engine.reads.document(active.digest, "manifest")
    told = ActiveManifest(digest=active.digest, author=active.author, manifest=Raw(body))
    return ManifestList(manifests=[told])


@Operation("GET", "/v1/manifests/{digest}")
async def show(engine: Engine, asked: Asked) -> Response:
    """The RFC 8785 bytes of a manifest that is or was in force.

    Raises `NotFound`.
    """
    return await document(engine, asked, "manifest")
