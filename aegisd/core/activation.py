"""What is in force for a tenant: the manifest and the bundle that its operators put there."""

from msgspec import UNSET, Struct, UnsetType
from msgspec.structs import replace

from aegisd.core.shapes.declaration import Declaration
from aegisd.core.shapes.fact import Cause, Fact


class ManifestRegistered(Struct, frozen=True, kw_only=True):
    """Daemon, `$control`: from the next decision on, this manifest governs the tenant's agents.

    `digest` is the SHA-256 of the manifest's canonical bytes, in hex.
    """

    author: str
    digest: str
    name: str
    now_ms: int
    reason: str
    version: str


class PolicyActivated(Struct, frozen=True, kw_only=True):
    """Daemon, `$control`: from the next decision on, this bundle judges. `digest` as above.

    `generation` is that of the base rules in it; logs written before it was recorded have none.
    """

    author: str
    digest: str
    generation: int | UnsetType = UNSET
    now_ms: int
    reason: str


EVENTS = (
    Declaration(
        event_type="MANIFEST_REGISTERED",
        payload=ManifestRegistered,
        writer="daemon",
        documents={"digest": "manifest"},
        shown=("name", "version", "author", "digest"),
    ),
    Declaration(
        event_type="POLICY_ACTIVATED",
        payload=PolicyActivated,
        writer="daemon",
        documents={"digest": "bundle"},
        shown=("author", "digest"),
    ),
)


class Activation(Struct, frozen=True, kw_only=True):
    """What is in force and who put it there. `digest` is hex SHA-256.

    `generation` is that of a bundle's base rules, 0 where it was not recorded.
    """

    digest: str
    author: str
    generation: int = 0


class Activations(Struct, frozen=True, kw_only=True):
    """The newest manifest and bundle; None for what nobody put in force."""

    manifest: Activation | None = None
    bundle: Activation | None = None

    def fold(self, event: Fact, _cause: Cause | None) -> "Activations":
        """One more event of the tenant."""
        if event.event_type == "MANIFEST_REGISTERED":
            return replace(self, manifest=_activation(event))
        if event.event_type == "POLICY_ACTIVATED":
            return replace(self, bundle=_activation(event))
        return self


def digest_of(activation: Activation | None) -> str:
    """The digest of what is in force; empty for nothing."""
    return activation.digest if activation is not None else ""


def _activation(event: Fact) -> Activation:
    fields = event.fields
    generation = fields.get("generation")
    return Activation(
        digest=str(fields.get("digest")),
        author=str(fields.get("author")),
        generation=generation if isinstance(generation, int) else 0,
    )
