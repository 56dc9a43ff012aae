"""The values beside a tenant's events, held to what the events say of them.

An event tells which values it has, the salted digest of each, and whose they are; PAYLOAD_ERASED
tells which were deleted, and LOG_IMPORTED which came with an archive. So a value that was changed,
moved, added, taken away, or kept for another subject contradicts the log.
"""

import hashlib
from collections.abc import Iterator, Sequence

import msgspec

from aegisd.core.custody import LogImported
from aegisd.core.errors import LogCorrupt
from aegisd.core.log import detached
from aegisd.core.log.chain import Break
from aegisd.core.log.envelope import StoredEvent, unseal
from aegisd.core.policy.generation import TELLS_SECRETS
from aegisd.core.shapes.identifier import ARCHIVE_PREFIX
from aegisd.core.state.fold import fact
from aegisd.ports import LogReader
from aegisd.rows import Detached

# The events that tell what is kept of later ones, and what was deleted of earlier ones.
TELLING = frozenset({"MANIFEST_REGISTERED", "PAYLOAD_ERASED", "POLICY_ACTIVATED"})


class ValueCheck:
    """Takes a tenant's events in the order of positions, each with the values beside it.

    Of those without values, or commitments to some, only the `TELLING` ones matter.

    Holds a position for each subject that has values, and the places of what is missing.
    """

    def __init__(self, log: LogReader, tenant_id: str, act: LogImported | None) -> None:
        """`act` is what was read of an archive before the first of its events, if anything."""
        self._log, self._tenant_id, self._act = log, tenant_id, act
        self._found, self._places = 0, hashlib.sha256()
        # Which values came with a foreign log, none of its events tells.
        self._is_archive = tenant_id.startswith(ARCHIVE_PREFIX)
        # Without a manifest nothing is a secret; under one, events of newer builds tell.
        self._is_governed = self._tells_secrets = False
        self._kept: dict[str, int] = {}
        # Without their events: an erasure leaves as many as it took.
        self._missing: dict[str, list[tuple[str, Break]]] = {}

    def check(self, event: StoredEvent, rows: Sequence[Detached]) -> Iterator[Break]:
        """What is wrong with the values beside the next event; it holds by itself."""
        if rows or detached.BEGINS in event.body:
            yield from self._beside(event, rows)
        elif event.event_type == "POLICY_ACTIVATED":
            generation = _told(event, "generation")
            self._tells_secrets |= isinstance(generation, int) and generation >= TELLS_SECRETS
        elif event.event_type == "MANIFEST_REGISTERED":
            self._is_governed = True
        elif event.event_type == "PAYLOAD_ERASED":
            yield from self._erased(event)

    def end(self) -> Iterator[Break]:
        """What is missing, was not appended since it was looked for, and not erased since."""
        act = self._act
        if act is not None and act.values_at not in (msgspec.UNSET, self._places.hexdigest()):
            told = f"LOG_IMPORTED counts {act.values} values, found beside events that hold"
            others = " at other places" if act.values == self._found else ""
            yield Break("detached", f"{told}: {self._found}{others}", self._tenant_id)
        if not self._missing:
            return
        last = max(found.position for places in self._missing.values() for _, found in places)
        # In this order: what is erased behind this look was there, or is told by the next one.
        for places in self._missing.values():
            places[:] = [place for place in places if not self._is_there(*place)]
        for event in self._log.events(self._tenant_id, from_position=last + 1):
            if event.event_type == "PAYLOAD_ERASED":
                self._missing.pop(str(_told(event, "subject")), None)
        for places in self._missing.values():
            yield from (found for _, found in places)

    def _beside(self, event: StoredEvent, rows: Sequence[Detached]) -> Iterator[Break]:
        payload = msgspec.json.decode(unseal(event.body).payload)
        subject = detached.subject_of(event.user_id, event.session_id)
        missing = detached.kept_at(payload)
        for row in rows:
            missing.discard(row.pointer)
            if row.subject != subject:
                detail = "is kept for another subject than its event tells"
                yield _break(event, f"the value kept for {row.pointer} {detail}")
            try:
                detached.attach(payload, [row.plain])
            except LogCorrupt as error:
                yield _break(event, error.message)
            self._kept[subject] = event.position
            if self._act is not None:
                self._found += 1
                self._places.update(detached.place(row.position, row.pointer))
        is_told = self._tells_secrets or not self._is_governed
        if missing and is_told and not self._is_archive:
            detail = "is missing, and no PAYLOAD_ERASED tells of it"
            self._missing.setdefault(subject, []).extend(
                (each, _break(event, f"the value kept for {each} {detail}"))
                for each in sorted(missing)
            )

    def _is_there(self, pointer: str, found: Break) -> bool:
        rows = self._log.detached(self._tenant_id, found.position)
        return any(row.pointer == pointer for row in rows)

    def _erased(self, event: StoredEvent) -> Iterator[Break]:
        subject = str(_told(event, "subject"))
        self._missing.pop(subject, None)
        position = self._kept.pop(subject, None)
        # Looked at again: it may have been erased since it was read.
        if position is not None and self._log.detached(self._tenant_id, position):
            detail = f"what was kept beside position {position} is told to be erased, and is there"
            yield _break(event, detail)


def _told(event: StoredEvent, member: str) -> object:
    """What an event of the daemon's says; nothing where it is not as promised."""
    try:
        return fact(event).fields.get(member)
    except (msgspec.MsgspecError, UnicodeError):
        return None


def _break(event: StoredEvent, detail: str) -> Break:
    return Break.of(event, "detached", detail)
