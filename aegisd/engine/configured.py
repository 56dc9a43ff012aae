"""What the start puts in force: for new tenants, and for those that have something else."""

from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import replace

from aegisd.core.activation import Activation, digest_of
from aegisd.core.capabilities import Capabilities
from aegisd.core.errors import ConfigInvalid, ManifestInvalid
from aegisd.core.state.model import TenantState
from aegisd.engine.commands.command import CONFIG
from aegisd.engine.commands.control import (
    Control,
    Replacement,
    document,
    manifest_control,
    policy_control,
)
from aegisd.engine.upgrade import Upgrade
from aegisd.ports import Clock, LiveJudge


class Configured(Struct, frozen=True, kw_only=True):
    """What the start names for every tenant: the policy bundle and, maybe, a manifest.

    `policy_named` tells that an operator chose the bundle; else it is the base bundle alone.
    """

    bundle: bytes
    policy_named: bool
    capabilities: Capabilities | None

    @property
    def bundle_digest(self) -> str:
        """SHA-256 of the bundle, in hex."""
        return document("bundle", self.bundle).digest.hex()

    def check_zone(self, clock: Clock) -> None:
        """Hold the manifest to a zone of this machine. Raises `ConfigInvalid`."""
        if self.capabilities is None:
            return
        try:
            clock.utc_offset_s(self.capabilities.manifest.zone, clock.now_ms())
        except ManifestInvalid as error:
            raise ConfigInvalid(f"manifest: {error.message}") from None

    def tell(self, judge: LiveJudge) -> None:
        """Let the judge know what no store may hold yet."""
        judge.keep(document("bundle", self.bundle))
        if self.capabilities is not None:
            judge.keep(document("manifest", self.capabilities.document))

    def opening(self, generation: int) -> list[Control]:
        """What a tenant's log begins with: the rules in force before its first event."""
        acts = [policy_control(self.bundle, CONFIG, "configured at start", generation)]
        if self.capabilities is not None:
            acts.append(manifest_control(self.capabilities, CONFIG, "configured at start"))
        return acts

    def renewal(
        self, active: Activation | None, upgraded: Upgrade | None, generation: int
    ) -> list[Control]:
        """What takes the place of a bundle on older base rules; nothing where nothing can."""
        if upgraded is not None:
            return [upgraded.act(generation)]
        if active is None or active.author != CONFIG:
            return []
        return [policy_control(self.bundle, CONFIG, "renewed by a newer build", generation)]

    def due(
        self, state: TenantState, upgraded: Upgrade | None, generation: int
    ) -> Iterator[Replacement]:
        """What is asked for and not in force, and nobody else put another in its place.

        `upgraded` is what the tenant's operator put in force, on the base rules of this build,
        where they were others.
        """
        active = state.activations
        if _differs(_renewed(state, upgraded), self.bundle_digest, ours=True):
            act = policy_control(self.bundle, CONFIG, "changed at start", generation)
            yield Replacement(act=act, replaced=digest_of(active.bundle))
        elif upgraded is not None:
            yield Replacement(act=upgraded.act(generation), replaced=digest_of(active.bundle))
        held = self.capabilities
        if held is not None and _differs(active.manifest, held.digest, ours=True):
            act = manifest_control(held, CONFIG, "changed at start")
            yield Replacement(act=act, replaced=digest_of(active.manifest))

    def kept(self, state: TenantState, upgraded: Upgrade | None) -> str:
        """What a tenant keeps although the start names another, and how to change it; or empty."""
        held, told = self.capabilities, []
        bundle, manifest = _renewed(state, upgraded), state.activations.manifest
        if bundle and self.policy_named and _differs(bundle, self.bundle_digest):
            told.append(
                f"policy {bundle.digest} of {bundle.author}, and not the configured "
                f"{self.bundle_digest} (`aegisctl policy activate FOLDER --tenant "
                f"{state.tenant_id}` puts that in force)"
            )
        if manifest and held is not None and _differs(manifest, held.digest):
            told.append(
                f"manifest {manifest.digest} of {manifest.author}, and not the configured "
                f"{held.digest} (`aegisctl manifest register FILE --tenant {state.tenant_id}` "
                "puts that in force)"
            )
        return f"tenant {state.tenant_id} keeps {'; and '.join(told)}" if told else ""


def _renewed(state: TenantState, upgraded: Upgrade | None) -> Activation | None:
    """The tenant's bundle, on the base rules of this build."""
    bundle = state.activations.bundle
    return bundle and (replace(bundle, digest=upgraded.digest) if upgraded else bundle)


def _differs(active: Activation | None, digest: str, *, ours: bool = False) -> bool:
    """Whether another digest is in force, or none; one of a start if `ours`, else of somebody."""
    if active is None:
        return True
    return active.digest != digest and (active.author == CONFIG) is ours
