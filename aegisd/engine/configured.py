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
        """What is asked for and not in force. Raises `ConfigInvalid` against a later act.

        `upgraded` is what the tenant's operator put in force, on the base rules of this build,
        where they were others.
        """
        active = state.activations
        bundle = active.bundle
        if bundle is not None and upgraded is not None:
            bundle = replace(bundle, digest=upgraded.digest)
        digest, named = self.bundle_digest, self.policy_named
        if _must_activate(state.tenant_id, "policy", bundle, digest, named=named):
            act = policy_control(self.bundle, CONFIG, "changed at start", generation)
            yield Replacement(act=act, replaced=digest_of(active.bundle))
        elif upgraded is not None:
            yield Replacement(act=upgraded.act(generation), replaced=digest_of(active.bundle))
        held = self.capabilities
        if held is None:
            return
        if _must_activate(state.tenant_id, "manifest", active.manifest, held.digest, named=True):
            act = manifest_control(held, CONFIG, "changed at start")
            yield Replacement(act=act, replaced=digest_of(active.manifest))


def _must_activate(
    tenant_id: str, what: str, active: Activation | None, digest: str, *, named: bool
) -> bool:
    if active is None:
        return True
    if active.digest == digest:
        return False
    if active.author == CONFIG:
        return True
    if named:
        raise ConfigInvalid(
            f"tenant {tenant_id}: the configured {what} is {digest}, but {active.author} "
            f"put {active.digest} in force since; start without --{what}, or activate it again"
        )
    return False
