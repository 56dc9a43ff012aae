"""What every database that holds the log in tables is asked alike, and what its rows make.

How rows are fetched, page by page or at once, is each database's own, and so is what its errors
mean. Nothing that is read is believed: a value of the wrong type, or a row out of order, is
`LogCorrupt` that names the place.
"""

from abc import ABC, abstractmethod
from collections.abc import Iterator, Mapping, Sequence
from functools import cache
from typing import Any, ClassVar, Literal, NamedTuple, TypeVar

import msgspec
from msgspec import Struct

from aegisd.core.errors import LogCorrupt
from aegisd.core.log.canonical import encode
from aegisd.core.log.detached import owner
from aegisd.core.log.envelope import StoredEvent
from aegisd.rows import Checkpoint, Detached, Document, Place, SessionHead, SnapshotRow

# The largest integer of a column: 64 bits with a sign. No position, seq or size is beyond it.
INTEGER_MAX = 2**63 - 1

COLUMNS = ", ".join(StoredEvent.__struct_fields__)

# Any: the types are what the database has, and each is looked at before it is used.
Row = tuple[Any, ...]
Values = Sequence[object] | dict[str, object]

# What events are read in the order of.
Order = Literal["position", "seq"]

S = TypeVar("S", bound=Struct)


class Read(NamedTuple):
    """One question to a database: what it reads, in words, and its statement.

    In a statement that databases share, `{log}` is what each puts before a table, and `{v}` how it
    marks a value.
    """

    what: str
    sql: str


BY_KEY = Read(
    "an idempotency key",
    f"SELECT {COLUMNS} FROM {{log}}events WHERE tenant_id = {{v}} AND idempotency_key = {{v}} "  # noqa: S608 - column names of ours
    "ORDER BY position",
)
IN_SESSIONS = Read(
    "the index of sessions",
    """SELECT coalesce(sum(length), 0), coalesce(sum(whole), 0), count(*) FROM (
        SELECT count(*) AS length,
            CASE WHEN min(seq) = 0 AND max(seq) + 1 = count(*) THEN 1 ELSE 0 END AS whole
        FROM {log}events WHERE tenant_id = {v} GROUP BY session_id
    ) AS sessions""",
)
HEAD = Read(
    "a head",
    """SELECT session_id, seq, hash FROM {log}events
    WHERE tenant_id = {v} AND session_id = {v} ORDER BY seq DESC LIMIT 1""",
)
LAST_POSITION = Read(
    "the last position",
    "SELECT coalesce(max(position), -1) FROM {log}events WHERE tenant_id = {v}",
)
DOCUMENT = Read("a document", "SELECT kind, body FROM {log}documents WHERE digest = {v}")
SNAPSHOT = Read(
    "a snapshot",
    """SELECT rules_version, head, head_hash, body FROM {log}snapshots
    WHERE tenant_id = {v} AND session_id = {v}""",
)
HASHES = Read(
    "the hashes",
    """SELECT position, hash FROM {log}events
    WHERE tenant_id = {v} AND position >= {v} ORDER BY position LIMIT {v}""",
)
BLOCKS = Read(
    "the blocks",
    """SELECT number, root FROM {log}blocks
    WHERE tenant_id = {v} AND number >= {v} ORDER BY number""",
)
CHECKPOINTS = Read(
    "the checkpoints",
    """SELECT size, root, note FROM {log}checkpoints
    WHERE tenant_id = {v} AND size >= {v} ORDER BY size LIMIT {v}""",
)
NEWEST_CHECKPOINT = Read(
    "the newest checkpoint",
    """SELECT size, root, note FROM {log}checkpoints
    WHERE tenant_id = {v} ORDER BY size DESC LIMIT 1""",
)
# The columns of `Detached` but the tenant's. `{kept}` tells a value from what an erasure left.
VALUES = "SELECT position, pointer, subject, salt, value FROM {log}detached"
DETACHED = Read(
    "detached values",
    VALUES + " WHERE tenant_id = {v} AND position = {v} AND {kept} ORDER BY pointer",
)
KEPT = Read(
    "the detached values",
    VALUES
    + """ WHERE tenant_id = {v} AND (position, pointer) > ({v}, {v}) AND {kept}
    ORDER BY position, pointer LIMIT {v}""",
)
# Where the first value stands from a position on. `{unsorted}` reads the table without an index, of
# which a row may be missing.
NEXT_KEPT = Read(
    "where the next detached value stands",
    """SELECT min(position) FROM {log}detached {unsorted}
    WHERE tenant_id = {v} AND position >= {v} AND {kept}""",
)
# Of a stretch of positions, those whose event holds the id of a subject somewhere and may be its:
# the bytes themselves tell. With the pointers of all values there, in hexadecimal between blanks.
# Each event is looked at once, however many values it has.
VALUES_OF = Read(
    "the detached values of a subject",
    """SELECT beside.position, pointers FROM (
        SELECT position, {gathered} AS pointers FROM {log}detached {unsorted}
        WHERE tenant_id = {v} AND position >= {v} AND position <= {v} AND {kept} GROUP BY position
    ) AS beside LEFT JOIN {log}events AS event
        ON event.tenant_id = {v} AND event.position = beside.position
    WHERE body IS NULL OR {holds} ORDER BY beside.position""",
)

# Values read in one go: each may have as many bytes as an event.
PAGE_VALUES_MAX = 16


class TableReader(ABC):
    """The reads of an `EventReader` that databases answer alike.

    A database says how it spells what stands in braces in statements, and its own form of two
    reads: `SESSIONS`, of `tenant`, `after` and `limit` by name, gives the heads of sessions by id;
    `RECORDED_HEAD` what the last commit said of a tenant's end.
    """

    SPELLING: ClassVar[Mapping[str, str]]
    # Positions whose values are looked through in one statement.
    STRETCH: ClassVar[int]
    # What comes before the first pointer.
    BEFORE_POINTERS: ClassVar[str | bytes]
    SESSIONS: ClassVar[Read]
    RECORDED_HEAD: ClassVar[Read]

    @abstractmethod
    def _rows(self, tenant_id: str, read: Read, values: Values) -> Sequence[Row]:
        """The rows of one read in the name of a tenant.

        Raises `LogCorrupt` where the database is damaged, `StoreFailed` for what may pass.
        """

    @abstractmethod
    def _stream(
        self, order: Order, scope: Mapping[str, str], first: int, limit: int | None
    ) -> Iterator[StoredEvent]:
        """Events whose columns are `scope`, page by page, in an order, beginning at `first`.

        Raises as `_rows`, with the place in that order among the details; going on behind it reads
        what is left.
        """

    @abstractmethod
    def _event(self, row: Row) -> StoredEvent:
        """The event of a row of `COLUMNS`."""

    @abstractmethod
    def _pointer(self, column: object) -> object:
        """The JSON pointer of a value, from its column; anything but text where it is none."""

    def next_position(self, tenant_id: str) -> int:
        """See `aegisd.ports.EventReader.next_position`."""
        ((last,),) = self._ask(LAST_POSITION, tenant_id)
        if not isinstance(last, int):
            raise _wrong_type(LAST_POSITION.what, tenant_id)
        return last + 1

    def recorded_head(self, tenant_id: str) -> tuple[int, bytes] | None:
        """See `aegisd.ports.EventReader.recorded_head`."""
        for row in self._rows(tenant_id, self.RECORDED_HEAD, (tenant_id,)):
            match row:
                case [int(next_position), bytes(digest)]:
                    return next_position, digest
            raise _wrong_type(self.RECORDED_HEAD.what, tenant_id)
        return None

    def sessions(self, tenant_id: str, *, after: str = "", limit: int = 1000) -> list[SessionHead]:
        """See `aegisd.ports.EventReader.sessions`."""
        values = {"tenant": tenant_id, "after": after, "limit": limit}
        heads: list[SessionHead] = []
        for row in self._rows(tenant_id, self.SESSIONS, values):
            head = made(SessionHead, self.SESSIONS, tenant_id, *row)
            if head.session_id <= (heads[-1].session_id if heads else after):
                raise LogCorrupt(
                    f"the session index of tenant {tenant_id!r} is out of order",
                    tenant_id=tenant_id,
                )
            heads.append(head)
        return heads

    def session_head(self, tenant_id: str, session_id: str) -> SessionHead | None:
        """See `aegisd.ports.EventReader.session_head`."""
        rows = self._ask(HEAD, tenant_id, session_id)
        return made(SessionHead, HEAD, tenant_id, *rows[0]) if rows else None

    def events(
        self, tenant_id: str, *, from_position: int = 0, limit: int | None = None
    ) -> Iterator[StoredEvent]:
        """See `aegisd.ports.EventReader.events`."""
        return self._stream("position", {"tenant_id": tenant_id}, from_position, limit)

    def session_events(
        self, tenant_id: str, session_id: str, *, from_seq: int = 0, limit: int | None = None
    ) -> Iterator[StoredEvent]:
        """See `aegisd.ports.EventReader.session_events`."""
        scope = {"tenant_id": tenant_id, "session_id": session_id}
        return self._stream("seq", scope, from_seq, limit)

    def in_sessions(self, tenant_id: str) -> int | None:
        """See `aegisd.ports.EventReader.in_sessions`."""
        ((events, whole, sessions),) = self._ask(IN_SESSIONS, tenant_id)
        return int(events) if whole == sessions else None

    def by_idempotency_key(self, tenant_id: str, key: str) -> list[StoredEvent]:
        """See `aegisd.ports.EventReader.by_idempotency_key`."""
        return [self._event(row) for row in self._ask(BY_KEY, tenant_id, key)]

    def document(self, digest: bytes) -> Document | None:
        """See `aegisd.ports.EventReader.document`."""
        read = self._spelled(DOCUMENT)._replace(what=f"document {digest.hex()}")
        rows = self._rows("", read, (digest,))
        return made(Document, read, digest, *rows[0]) if rows else None

    def snapshot(self, tenant_id: str, session_id: str) -> SnapshotRow | None:
        """See `aegisd.ports.EventReader.snapshot`. What is not a snapshot counts as none."""
        for row in self._ask(SNAPSHOT, tenant_id, session_id):
            try:
                return made(SnapshotRow, SNAPSHOT, tenant_id, session_id, *row)
            except LogCorrupt:
                return None
        return None

    def detached(self, tenant_id: str, position: int) -> list[Detached]:
        """See `aegisd.ports.EventReader.detached`."""
        return [self._value(tenant_id, row) for row in self._ask(DETACHED, tenant_id, position)]

    def kept(self, tenant_id: str) -> Iterator[Detached]:
        """See `aegisd.ports.EventReader.kept`."""
        last: tuple[object, object] = (-INTEGER_MAX - 1, self.BEFORE_POINTERS)
        while rows := self._ask(KEPT, tenant_id, *last, PAGE_VALUES_MAX):
            for row in rows:
                yield self._value(tenant_id, row)
            last = rows[-1][0], rows[-1][1]

    def values_of(self, tenant_id: str, subject: str) -> list[Place]:
        """See `aegisd.ports.EventReader.values_of`."""
        found: list[Place] = []
        first = -INTEGER_MAX - 1
        while first <= INTEGER_MAX and (rows := self._ask(NEXT_KEPT, tenant_id, first)):
            ((first_kept,),) = rows
            if first_kept is None:
                break
            last = min(first_kept + self.STRETCH, INTEGER_MAX)
            values = (first_kept, last, tenant_id, encode(subject))
            for position, pointers in self._ask(VALUES_OF, tenant_id, *values):
                if self._owner(tenant_id, position) == subject:
                    there = sorted(bytes.fromhex(each) for each in pointers.split(" "))
                    found += (Place(position, each.decode(errors="replace")) for each in there)
            first = last + 1
        return found

    def _owner(self, tenant_id: str, position: int) -> str:
        """Whose the values beside an event are. Raises `LogCorrupt` where there is no event."""
        event = next(self.events(tenant_id, from_position=position, limit=1), None)
        try:
            return owner(event.body if event and event.position == position else b"")
        except (msgspec.MsgspecError, UnicodeError):
            raise LogCorrupt(
                f"tenant {tenant_id!r}, position {position}: a value is kept of an event that "
                "is not there or cannot be read; run `aegisctl verify`",
                tenant_id=tenant_id,
            ) from None

    def _value(self, tenant_id: str, row: Row) -> Detached:
        position, pointer, *rest = row
        return made(Detached, DETACHED, tenant_id, position, self._pointer(pointer), *rest)

    # ── evidence ─────────────────────────────────────────────────────────────────────────────────

    def hashes(self, tenant_id: str, *, from_position: int, limit: int) -> list[bytes]:
        """See `aegisd.ports.EventReader.hashes`."""
        if from_position > INTEGER_MAX:
            return []
        rows = self._ask(HASHES, tenant_id, from_position, min(limit, INTEGER_MAX))
        return _hashes("position", tenant_id, rows, from_position)

    def blocks(self, tenant_id: str, *, first: int = 0) -> list[bytes]:
        """See `aegisd.ports.EventReader.blocks`."""
        rows = self._ask(BLOCKS, tenant_id, first)
        whole = next((at for at, row in enumerate(rows) if row[0] != first + at), len(rows))
        return _hashes("block", tenant_id, rows[:whole], first)

    def checkpoints(
        self, tenant_id: str, *, from_size: int = 0, limit: int = 1000
    ) -> list[Checkpoint]:
        """See `aegisd.ports.EventReader.checkpoints`."""
        if from_size > INTEGER_MAX:
            return []
        rows = self._ask(CHECKPOINTS, tenant_id, from_size, min(limit, INTEGER_MAX))
        return [made(Checkpoint, CHECKPOINTS, tenant_id, *row) for row in rows]

    def newest_checkpoint(self, tenant_id: str) -> Checkpoint | None:
        """See `aegisd.ports.EventReader.newest_checkpoint`."""
        rows = self._ask(NEWEST_CHECKPOINT, tenant_id)
        return made(Checkpoint, NEWEST_CHECKPOINT, tenant_id, *rows[0]) if rows else None

    def _ask(self, read: Read, tenant_id: str, *values: object) -> Sequence[Row]:
        return self._rows(tenant_id, self._spelled(read), (tenant_id, *values))

    def _spelled(self, read: Read) -> Read:
        return _spelled(read, type(self))


@cache
def _spelled(read: Read, reader: type[TableReader]) -> Read:
    return read._replace(sql=read.sql.format_map(reader.SPELLING))


def made(kind: type[S], read: Read, *values: object) -> S:
    """The struct whose fields are these, in order. Raises `LogCorrupt` for one of another type."""
    fields = dict(zip(kind.__struct_fields__, values, strict=True))
    try:
        return msgspec.convert(fields, kind, builtin_types=(bytes,))
    except msgspec.ValidationError:
        raise _wrong_type(read.what, fields.get("tenant_id")) from None


def _wrong_type(what: str, tenant_id: object) -> LogCorrupt:
    told = {"tenant_id": tenant_id} if isinstance(tenant_id, str) else {}
    of = f" of tenant {tenant_id!r}" if told else ""
    return LogCorrupt(f"{what}{of}: found a value of the wrong type; run `aegisctl verify`", **told)


def _hashes(name: str, tenant_id: str, rows: Sequence[Row], first: int) -> list[bytes]:
    """The hashes of rows that stand at `first` and on without a gap. Raises `LogCorrupt`."""
    found: list[bytes] = []
    for number, (at, digest) in enumerate(rows, first):
        if at != number or not isinstance(digest, bytes):
            what = "holds a value of the wrong type" if at == number else "is missing or not alone"
            raise LogCorrupt(
                f"{name} {number} of tenant {tenant_id!r} {what}; run `aegisctl verify`",
                tenant_id=tenant_id,
                **{name: number},
            )
        found.append(digest)
    return found
