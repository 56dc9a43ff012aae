"""What operators do to a tenant: acts in its `$control` session, each with author and reason."""

import hashlib
from collections.abc import Callable, Iterable
from functools import lru_cache
from typing import Generic

from msgspec import Struct

from aegisd.core.activation import ManifestRegistered, PolicyActivated, digest_of
from aegisd.core.capabilities import Capabilities
from aegisd.core.clock import CLOCK_DRIFT_MS_MAX, CORRECTED, ClockCorrected, is_off
from aegisd.core.custody import PayloadErased
from aegisd.core.errors import ClockNotOff, NothingKept
from aegisd.core.shapes.identifier import CONTROL_SESSION
from aegisd.core.state.model import TenantState
from aegisd.engine.commands.command import Command, R
from aegisd.engine.kept import Kept
from aegisd.engine.reckoning import Reading
from aegisd.engine.recorded import Recorded
from aegisd.engine.stage import Stage
from aegisd.rows import Document

# A start makes the same documents for every tenant; a bundle takes 0.1 ms to hash.
DOCUMENTS_CACHED_MAX = 8


class Act(Command[R], Generic[R], frozen=True, kw_only=True):
    """An event in the tenant's `$control` session."""

    @property
    def is_short(self) -> bool:
        """Never: it counts in the log, or is compiled when the next call is judged."""
        return False

    @property
    def sessions(self) -> Iterable[str]:
        """The tenant's `$control` session."""
        return [CONTROL_SESSION]


class Control(Act[Recorded], frozen=True, kw_only=True):
    """An operator's act. `payload` gives it for its author and the writer's time."""

    event_type: str
    payload: Callable[[str, int], Struct]
    document: Document | None = None

    def stage(self, stage: Stage) -> Recorded:
        """Stage the act, with the document it brings."""
        if self.document is not None:
            stage.documents.append(self.document)
        payload = self.payload(self.by, stage.now_ms)
        return stage.note(self.event_type, CONTROL_SESSION, payload)


class Replacement(Struct, frozen=True, kw_only=True):
    """An act of the start, which was found to be due while others may have acted.

    It is dropped where something else than `replaced`, a digest, is in force by then.
    """

    act: Control
    replaced: str

    @property
    def is_bundle(self) -> bool:
        """Whether it is about the bundle, and not the manifest."""
        return self.act.event_type == "POLICY_ACTIVATED"

    def is_due(self, tenant: TenantState) -> bool:
        """Whether what it replaces is in force."""
        active = tenant.activations
        return digest_of(active.bundle if self.is_bundle else active.manifest) == self.replaced


class Settle(Act[None], frozen=True, kw_only=True):
    """Nothing of its own: what is due for a tenant is staged before it, as before any command."""

    def stage(self, stage: Stage) -> None:
        """Stage nothing."""


class Erase(Act[Recorded], frozen=True, kw_only=True):
    """Delete every value kept beside the tenant's events of one subject, and record that."""

    kept: Kept
    reason: str
    must_find: bool = False

    @property
    def is_alone(self) -> bool:
        """What is erased is counted, so it must be there; what is told after it is not erased."""
        return True

    def stage(self, stage: Stage) -> Recorded:
        """Stage PAYLOAD_ERASED and the deletion, in one commit.

        Raises `NothingKept` where there is nothing and `must_find` says that there is.
        """
        places = self.kept.places()
        if self.must_find and not places:
            raise NothingKept(
                f"no value is kept of the subject {self.kept.subject} in this tenant, so nothing "
                "was erased and nothing recorded; check the spelling: a subject is the user_id of "
                "events, or the session_id of events that name no user"
            )
        stage.erased += places
        payload = PayloadErased(
            author=self.by,
            now_ms=stage.now_ms,
            reason=self.reason,
            subject=self.kept.subject,
            values=len(places),
        )
        return stage.note("PAYLOAD_ERASED", CONTROL_SESSION, payload)


class CorrectClock(Act[tuple[Recorded, Reading]], frozen=True, kw_only=True):
    """Let the tenant's time go on from what the clock shows; gives what it was read as, too."""

    reason: str

    @property
    def is_alone(self) -> bool:
        """The time of all behind it is another."""
        return True

    def stage(self, stage: Stage) -> tuple[Recorded, Reading]:
        """Stage CLOCK_CORRECTED. Raises `ClockNotOff` where the clock is within its bounds."""
        reading = stage.reading
        if not is_off(reading.off_ms):
            raise ClockNotOff(
                f"the clock is within {CLOCK_DRIFT_MS_MAX} ms of the tenant's time and of what "
                "elapsed in this process, so there is nothing to correct"
            )
        payload = ClockCorrected(
            author=self.by,
            from_ms=stage.now_ms,
            reason=self.reason,
            to_ms=reading.wall_ms,
        )
        stage.now_ms = reading.wall_ms
        return stage.note(CORRECTED, CONTROL_SESSION, payload), reading


def manifest_control(capabilities: Capabilities, author: str, reason: str) -> Control:
    """MANIFEST_REGISTERED, with the manifest's bytes."""
    manifest, digest = capabilities.manifest, capabilities.digest
    return Control(
        by=author,
        event_type="MANIFEST_REGISTERED",
        payload=lambda by, now_ms: ManifestRegistered(
            author=by,
            digest=digest,
            name=manifest.name,
            now_ms=now_ms,
            reason=reason,
            version=manifest.version,
        ),
        document=document("manifest", capabilities.document),
    )


def policy_control(bundle: bytes, author: str, reason: str, generation: int) -> Control:
    """POLICY_ACTIVATED, with the bundle's bytes and the generation of the base rules in it."""
    brought = document("bundle", bundle)
    return Control(
        by=author,
        event_type="POLICY_ACTIVATED",
        payload=lambda by, now_ms: PolicyActivated(
            author=by,
            digest=brought.digest.hex(),
            generation=generation,
            now_ms=now_ms,
            reason=reason,
        ),
        document=brought,
    )


@lru_cache(DOCUMENTS_CACHED_MAX)
def document(kind: str, body: bytes) -> Document:
    """Bytes under their digest: a `manifest` or a `bundle`."""
    return Document(digest=hashlib.sha256(body).digest(), kind=kind, body=body)
