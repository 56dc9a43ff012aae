"""A proof of one event from a log at hand, with nobody to ask: a database, or an export."""

from typing import TYPE_CHECKING, cast

from aegisd.audit.export_log import ExportLog
from aegisd.audit.log import Log
from aegisd.audit.proofs import StoredProofs
from aegisd.core.errors import EventUnknown, ExportInvalid, NotCovered
from aegisd.core.log import checkpoint
from aegisd.core.log.envelope import StoredEvent
from aegisd.core.log.merkle import Tree
from aegisd.core.log.proof import Proof

if TYPE_CHECKING:
    from aegisd.ports import EventReader


def prove(log: Log, tenant_id: str, event: StoredEvent) -> Proof:
    """The event's path to the newest signed checkpoint of the log, with its own bytes.

    Raises `NotCovered` where that was signed before the event, or nothing is signed.
    """
    if isinstance(log, ExportLog):
        return _from_export(log, tenant_id, event)
    # A file is an export or a database, whose reader answers more than a log must.
    proofs = StoredProofs(cast("EventReader", log))
    note = _signed(proofs.signed(tenant_id), event.position)
    path = proofs.path(tenant_id, event.position, checkpoint.read(note)[0])
    return Proof(index=event.position, hashes=tuple(path), checkpoint=note, extra=event.body)


def find(
    log: Log, tenant_id: str, position: int | None, session_id: str | None, seq: int | None
) -> StoredEvent:
    """An event by its position in the tenant, or by its session and seq. Raises `EventUnknown`."""
    if position is None:
        events = log.session_events(tenant_id, session_id or "", from_seq=seq or 0, limit=1)
    else:
        if isinstance(log, ExportLog) and log.proofs:
            # Of one session: its events are counted from 0, and the proofs tell their places.
            position = next(
                (at for at, each in enumerate(log.proofs) if each.index == position), -1
            )
        events = (
            log.events(tenant_id, from_position=position, limit=1) if position >= 0 else iter(())
        )
    found = next(iter(events), None)
    if found is None:
        raise EventUnknown("the log does not hold that event; `aegisctl events` lists what it does")
    return found


def _from_export(log: ExportLog, tenant_id: str, event: StoredEvent) -> Proof:
    if log.scope.session_id is not None:
        for part in log.proofs[event.position : event.position + 1]:
            note = _signed(log.checkpoint, part.index)
            return Proof(index=part.index, hashes=part.hashes, checkpoint=note, extra=event.body)
        _signed("", event.position)
    note = _signed(log.checkpoint, event.position)
    head = checkpoint.read(note)[0]
    hashes = [each.hash for each in log.events(tenant_id, limit=head.size)]
    tree = Tree()
    tree.extend(hashes)
    if tree.size < head.size or tree.root() != head.root:
        raise ExportInvalid("the events are not those that were signed; run `aegisctl verify`")
    path = tuple(tree.inclusion(event.position, head.size, lambda at, n: hashes[at : at + n]))
    return Proof(index=event.position, hashes=path, checkpoint=note, extra=event.body)


def _signed(note: str, position: int) -> str:
    """The note where it covers a position. Raises `NotCovered`."""
    size = checkpoint.read(note)[0].size if note else 0
    if position >= size:
        raise NotCovered(
            "no signed checkpoint in this file covers the event; take an export after the next one"
        )
    return note
