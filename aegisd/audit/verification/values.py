"""The values beside a tenant's events, held to what the events say of them.

An event tells which values it has, the salted digest of each, and whose they are; PAYLOAD_ERASED
tells which were deleted. So a value that was changed, moved, added, taken away, or kept for another
subject, which an erasure of its own would miss, contradicts the log.
"""

from collections import OrderedDict
from collections.abc import Iterator, Sequence

import msgspec

from aegisd.audit import documents
from aegisd.core import capabilities
from aegisd.core.capabilities import NONE, Capabilities
from aegisd.core.custody import PayloadErased
from aegisd.core.errors import AegisError, LogCorrupt
from aegisd.core.log import detached
from aegisd.core.log.chain import Break
from aegisd.core.log.envelope import StoredEvent, unseal
from aegisd.core.log.foreign import decoder
from aegisd.core.shapes.identifier import ARCHIVE_PREFIX
from aegisd.core.state.fold import fact, fold_session
from aegisd.core.state.model import SessionState
from aegisd.ports import LogReader
from aegisd.rows import Detached

_decode_erased = decoder(PayloadErased)

# Sessions whose fold is at hand, for the tool that an answer without its value is of.
SESSIONS_MAX = 256

# The events that tell what is kept of later ones, and what was deleted of earlier ones.
TELLING = frozenset({"MANIFEST_REGISTERED", "PAYLOAD_ERASED"})


class ValueCheck:
    """Takes a tenant's events in the order of positions, each with the values beside it.

    Of those without values, or commitments to some, only the `TELLING` ones matter.

    Holds a position for each subject that has values, and the places of what is missing.
    """

    def __init__(self, log: LogReader, tenant_id: str) -> None:
        self._log, self._tenant_id = log, tenant_id
        # Which values came with a foreign log, nothing here tells.
        self._is_archive = tenant_id.startswith(ARCHIVE_PREFIX)
        self._manifest = ""
        self._capabilities: Capabilities | None = NONE
        self._kept: dict[str, int] = {}
        self._missing: dict[str, list[tuple[StoredEvent, str]]] = {}
        self._sessions: OrderedDict[str, SessionState] = OrderedDict()

    def check(self, event: StoredEvent, rows: Sequence[Detached]) -> Iterator[Break]:
        """What is wrong with the values beside the next event; it holds by itself."""
        if rows or detached.BEGINS in event.body:
            yield from self._beside(event, rows)
        elif event.event_type == "MANIFEST_REGISTERED":
            for name in documents.named(event):
                self._manifest, self._capabilities = name.digest, None
        elif event.event_type == "PAYLOAD_ERASED":
            yield from self._erased(event)

    def end(self) -> Iterator[Break]:
        """What is missing, and was not erased behind the last event either."""
        if not self._missing:
            return
        last = max(event.position for events in self._missing.values() for event, _ in events)
        for event in self._log.events(self._tenant_id, from_position=last + 1):
            if event.event_type == "PAYLOAD_ERASED":
                self._missing.pop(_subject_erased(event), None)
        for place in self._missing.values():
            for event, pointer in place:
                detail = (
                    f"the value kept for {pointer} is missing, and no PAYLOAD_ERASED tells of it"
                )
                yield _break(event, detail)

    def _beside(self, event: StoredEvent, rows: Sequence[Detached]) -> Iterator[Break]:
        payload = msgspec.json.decode(unseal(event.body).payload)
        subject = detached.subject_of(event.user_id, event.session_id)
        missing = set(detached.pointers(payload))
        for row in rows:
            missing.discard(row.pointer)
            if row.subject != subject:
                detail = "is kept for another subject than its event tells, so no erasure finds it"
                yield _break(event, f"the value kept for {row.pointer} {detail}")
            try:
                detached.attach(payload, [row.plain])
            except LogCorrupt as error:
                yield _break(event, error.message)
            self._kept[subject] = event.position
        if not self._is_archive:
            for pointer in sorted(missing):
                if not self._may_be_secret(event, payload, pointer):
                    self._missing.setdefault(subject, []).append((event, pointer))

    def _erased(self, event: StoredEvent) -> Iterator[Break]:
        subject = _subject_erased(event)
        self._missing.pop(subject, None)
        position = self._kept.pop(subject, None)
        # Looked at again: it may have been erased since it was read.
        if position is not None and self._log.detached(self._tenant_id, position):
            detail = f"what was kept beside position {position} is told to be erased, and is there"
            yield _break(event, detail)

    def _may_be_secret(self, event: StoredEvent, payload: object, pointer: str) -> bool:
        """Whether a value may be missing because nothing was ever kept of it."""
        if self._capabilities is None:
            name = documents.Named("manifest", self._manifest)
            try:
                body = documents.found(name, self._log.document)
                self._capabilities = None if isinstance(body, str) else capabilities.read(body)
            except AegisError:
                pass
        if self._capabilities is None:
            # That its manifest is missing is a break of its own.
            return True
        tool = self._tool(event, payload) if event.event_type == "TOOL_RESULT" else None
        return self._capabilities.sensitive.may_be_secret(event.event_type, payload, pointer, tool)

    def _tool(self, event: StoredEvent, payload: object) -> str | None:
        """The tool that an answer is of, as the gate knew it before the event."""
        state = self._sessions.pop(event.session_id, None) or SessionState(
            tenant_id=event.tenant_id, session_id=event.session_id
        )
        behind = self._log.session_events(
            event.tenant_id,
            event.session_id,
            from_seq=state.next_seq,
            limit=event.seq - state.next_seq,
        )
        try:
            for each in behind:
                state = fold_session(state, fact(each))
        except (msgspec.MsgspecError, UnicodeError):
            # That row is a break of its own, and what the tool was is not known.
            return None
        self._sessions[event.session_id] = state
        if len(self._sessions) > SESSIONS_MAX:
            self._sessions.popitem(last=False)
        return state.calls.tool_of(payload) if isinstance(payload, dict) else None


def _subject_erased(event: StoredEvent) -> str:
    """Whose values an event says were deleted; nobody's where it is not as promised."""
    try:
        return _decode_erased(unseal(event.body).payload).subject
    except (msgspec.MsgspecError, UnicodeError):
        return ""


def _break(event: StoredEvent, detail: str) -> Break:
    return Break.of(event, "detached", detail)
