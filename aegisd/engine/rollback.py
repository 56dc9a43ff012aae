"""Before anything is written: whether each log is still the one that was signed."""

import logging
from collections.abc import Sequence

from aegisd.core.custody import RollbackAccepted, SigningKeysChanged
from aegisd.core.errors import ConfigInvalid, LogCorrupt, LogRolledBack, NoteInvalid
from aegisd.core.log.checkpoint import origin, read
from aegisd.core.log.note import Key
from aegisd.engine.commands.command import CONFIG
from aegisd.engine.commands.control import Control
from aegisd.engine.signed_log import SignedLog
from aegisd.ports import EventReader, Guard, Signer
from aegisd.rows import Checkpoint

_logger = logging.getLogger("aegisd.engine")


class RollbackCheck:
    """Holds logs to the checkpoints in their database and to those kept outside it. Blocks."""

    def __init__(
        self, signed_log: SignedLog, reader: EventReader, guard: Guard, signer: Signer, now_ms: int
    ) -> None:
        self._signed_log, self._reader, self._guard = signed_log, reader, guard
        self._signer, self._now_ms = signer, now_ms
        # Of tenants with nothing to sign or keep behind their newest checkpoint, its size.
        self.settled: dict[str, int] = {}
        # Tenants that were signed and of whom the guard has nothing: somebody emptied it.
        self.unguarded: list[str] = []

    def acts(self, tenants: Sequence[str], *, accept_rollback: bool) -> list[tuple[str, Control]]:
        """What is to be recorded, by tenant, before the gate opens.

        Raises `LogRolledBack` where a log is shorter than, or other than, the checkpoint that the
        guard kept. With `accept_rollback` that is recorded instead; the checkpoint is set aside
        when the next one is signed, so that until then every start is refused again.
        A log that contradicts the checkpoints in its own database is never accepted.
        """
        acts: list[tuple[str, Control]] = []
        for tenant_id in sorted({*self._guard.tenants(), *tenants}):
            rolled_back = self._rolled_back(tenant_id)
            if rolled_back is not None:
                if not accept_rollback:
                    raise rolled_back[0]
                _logger.warning("%s; accepted, and recorded", rolled_back[0].message)
                acts.append((tenant_id, rolled_back[1]))
                self._signed_log.supersede(tenant_id)
            changed = self._keys_changed(tenant_id, self._signed_log.tree(tenant_id).newest)
            if changed is not None:
                acts.append((tenant_id, changed))
        return acts

    def _rolled_back(self, tenant_id: str) -> tuple[LogRolledBack, Control] | None:
        """What stands against a log, and the act that would accept it."""
        tree = self._signed_log.tree(tenant_id)
        note = self._guard.newest(tenant_id)
        if note is None:
            if tree.newest is not None and self._was_signed(tree.newest):
                self.unguarded.append(tenant_id)
            return None
        signed = self._guarded(tenant_id, note)
        if tree.newest is not None and tree.newest.note == note:
            self.settled[tenant_id] = tree.newest.size
        try:
            tree.require(signed)
        except LogRolledBack as error:
            error.message += (
                "; restore the newest backup, or start once with --accept-rollback, which is "
                "recorded in the log"
            )
            found = self._reader.next_position(tenant_id)
            return error, Control(
                by=CONFIG,
                event_type="ROLLBACK_ACCEPTED",
                payload=lambda by, now_ms: RollbackAccepted(
                    author=by,
                    found=found,
                    now_ms=now_ms,
                    reason="started with --accept-rollback",
                    root=signed.root.hex(),
                    signed=signed.size,
                ),
            )
        return None

    def _was_signed(self, kept: Checkpoint) -> bool:
        """Whether a checkpoint or the one before has a note; of the last it may have been lost."""
        rows = self._reader.checkpoints(kept.tenant_id, limit=2)
        return bool(kept.note) or any(row.note for row in rows)

    def _signed_before(self, kept: Checkpoint) -> Checkpoint | None:
        """The newest checkpoint before one whose note was lost that has its own."""
        found, size = None, 0
        while rows := self._reader.checkpoints(kept.tenant_id, from_size=size):
            found = next((row for row in reversed(rows) if row.note), found)
            size = rows[-1].size + 1
        return found

    def _guarded(self, tenant_id: str, note: str) -> Checkpoint:
        """The checkpoint that the guard kept. Its signature is not checked.

        Whoever could write another one there could as well put back an older one of ours.
        """
        try:
            head, _signed = read(note)
        except NoteInvalid as error:
            raise ConfigInvalid(
                f"the kept checkpoint of {tenant_id}, in checkpoints.path: {error.message}; put "
                "the file back from elsewhere, or move it away to start without it"
            ) from None
        named = origin(self._signer.log_name, tenant_id)
        if head.origin != named:
            raise ConfigInvalid(
                f"the kept checkpoint of {tenant_id} is of {head.origin}, and the key signs for "
                f"{named}: one of checkpoints.path and signing.key belongs to another log"
            )
        return Checkpoint(tenant_id=tenant_id, size=head.size, root=head.root, note=note)

    def _keys_changed(self, tenant_id: str, kept: Checkpoint | None) -> Control | None:
        """The act that tells of other keys than those of the newest checkpoint, `kept`.

        Where its note was lost, this start's keys make another, so the one before is asked.
        """
        if kept is not None and not kept.note:
            kept = self._signed_before(kept)
        if kept is None:
            return None
        keys = self._signer.keys(self._now_ms)
        named = origin(self._signer.log_name, tenant_id)
        try:
            head, note = read(kept.note)
        except NoteInvalid as error:
            raise LogCorrupt(
                f"tenant {tenant_id}: the stored checkpoint of size {kept.size} is none: "
                f"{error.message}; run `aegisctl verify`"
            ) from None
        if head.origin != named:
            raise ConfigInvalid(
                f"the log has checkpoints of {head.origin}, and the key signs for {named}: "
                "signing.key belongs to another log"
            )
        before = tuple(each.key_id.hex() for each in note.signatures)
        if Key(name=named, public=keys[0].public).id.hex() in before:
            return None
        return Control(
            by=CONFIG,
            event_type="SIGNING_KEYS_CHANGED",
            payload=lambda by, now_ms: SigningKeysChanged(
                author=by,
                before=before,
                keys=tuple(map(str, keys)),
                now_ms=now_ms,
                reason="changed at start",
            ),
        )
