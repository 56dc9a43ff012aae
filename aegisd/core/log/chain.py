"""The hash chain, checked from stored bytes: every link, every index column, every position.

Nothing here believes a column. The hash is taken again over the stored bytes, the bytes must be
canonical, and what the columns say must be what the bytes say.
"""

import hashlib
from base64 import b64encode
from collections.abc import Iterator

import msgspec
from msgspec import UNSET, Struct

from aegisd.core.log.envelope import Envelope, StoredEvent, restore, unseal
from aegisd.core.log.form import is_canonical

# What the bytes say too; a row's position is the tenant's, and nothing in the event.
_COLUMNS = tuple(
    name for name in StoredEvent.__struct_fields__ if name not in ("position", "hash", "body")
)

# Stands for a position or seq that is not known.
NOWHERE = -1


class Break(Struct, frozen=True):
    """Where a log does not hold, and the rule it breaks.

    `rule` is one of `envelope` (not one), `canonical` (bytes are not RFC 8785), `hash` (bytes
    changed after hashing), `column` (an index column contradicts the bytes), `position` (a row of
    the tenant is missing, doubled or moved), `scope` (an event of another tenant or session than
    the export says it holds), `seq` (the same in a session), `prev_hash` (the link
    to the event before does not hold), `head` (the log ends elsewhere than was recorded), `row`
    (a row cannot be read) and `document` (a manifest or bundle is not the one its digest names).
    Of evidence: `checkpoint` (not one, of another tenant, or of more events than there are),
    `signature` (not signed by a key that was given), `root` (the tree over the events is not the
    one that was signed), `proof` (a path does not lead from its event to the root) and `detached`
    (a value beside its event is not the one the event commits to).
    `audit` adds `file` (what SQLite or the schema says) and `export` (a line or the trailer).
    A position or seq of `NOWHERE` is not known, nor is an empty tenant or session.
    """

    rule: str
    detail: str
    tenant_id: str = ""
    position: int = NOWHERE
    session_id: str = ""
    seq: int = NOWHERE

    @classmethod
    def of(cls, event: StoredEvent, rule: str, detail: str) -> "Break":
        """A break at an event."""
        return cls(rule, detail, event.tenant_id, event.position, event.session_id, event.seq)


class Chain:
    """Checks events one after another. Holds one (seq, hash) per session, and nothing else.

    With `whole`, events are all of a tenant in position order, and positions must have no gap.
    `body_tenant` is the tenant id that bodies carry where it is not the column's.
    """

    def __init__(self, *, whole: bool, body_tenant: str | None = None) -> None:
        self.events = 0
        self.heads: dict[str, tuple[int, bytes]] = {}
        self._next_position = 0
        self._whole = whole
        self._body_tenant = body_tenant

    def go_on(self, heads: dict[str, tuple[int, bytes]], events: int) -> None:
        """Go on behind so many events that are known to hold; `heads` are those of all sessions."""
        self.heads = heads
        self.events += events
        self._next_position += events

    def check(self, event: StoredEvent) -> list[Break]:
        """What is wrong with the next event; empty when it holds."""
        if self._holds(event):
            self._next_position = event.position + 1
            self.heads[event.session_id] = (event.seq, event.hash)
            self.events += 1
            return []
        found: list[tuple[str, str]] = []
        if self._whole and event.position != self._next_position:
            expected = f"expected position {self._next_position}, found {event.position}"
            found.append(("position", expected))
        self._next_position = event.position + 1
        found += self._check_bytes(event)
        found += self._check_link(event)
        self.events += 1
        return [Break.of(event, rule, detail) for rule, detail in found]

    def _holds(self, event: StoredEvent) -> bool:
        """Whether all is well, told quickly; else what is wrong is looked for rule by rule."""
        if self._whole and event.position != self._next_position:
            return False
        if (event.seq - 1, event.prev_hash) != self.heads.get(event.session_id, (-1, b"")):
            return False
        if hashlib.sha256(event.body).digest() != event.hash or not is_canonical(event.body):
            return False
        try:
            told = unseal(event.body)
        except (msgspec.MsgspecError, UnicodeError):
            return False
        expected = event.tenant_id if self._body_tenant is None else self._body_tenant
        return told.tenant_id == expected and agree(event, told)

    def _check_bytes(self, event: StoredEvent) -> Iterator[tuple[str, str]]:
        if hashlib.sha256(event.body).digest() != event.hash:
            yield "hash", "the stored bytes do not have the stored hash"
        try:
            told = restore(event.body, event.position)
        except (msgspec.MsgspecError, ValueError):
            yield "envelope", "the stored bytes are not an envelope"
            return
        if not is_canonical(event.body):
            yield "canonical", "the stored bytes are not in RFC 8785 form"
        for column in _COLUMNS:
            expected = getattr(told, column)
            if column == "tenant_id" and self._body_tenant is not None:
                expected = event.tenant_id if expected == self._body_tenant else None
            if getattr(event, column) != expected:
                yield "column", f"column {column} contradicts the stored bytes"

    def _check_link(self, event: StoredEvent) -> Iterator[tuple[str, str]]:
        seq, head = self.heads.get(event.session_id, (-1, b""))
        if event.seq != seq + 1:
            yield "seq", f"expected seq {seq + 1}, found {event.seq}"
        if event.prev_hash != head:
            yield "prev_hash", f"does not continue the hash of seq {seq}"
        # Going on from what is stored names each break once instead of every event behind it.
        self.heads[event.session_id] = (event.seq, event.hash)


def missing(*, has_gap: bool) -> str:
    """What is missing of a log that a checkpoint says is longer."""
    return "events are missing, see the gap" if has_gap else "its tail was cut"


def agree(event: StoredEvent, told: Envelope) -> bool:
    """Whether the columns but tenant, position and hash say what the bytes say."""
    prev_hash = b64encode(event.prev_hash).decode() if event.prev_hash else UNSET
    return (
        told.session_id == event.session_id
        and told.seq == event.seq
        and told.event_type == event.event_type
        and told.ts_unix_ms == event.ts_unix_ms
        and told.user_id == event.user_id
        and told.agent_id == (UNSET if event.agent_id is None else event.agent_id)
        and told.idempotency_key
        == (UNSET if event.idempotency_key is None else event.idempotency_key)
        and told.prev_hash == prev_hash
    )
