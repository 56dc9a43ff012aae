"""The log in PostgreSQL, appended to in turns: a tenant's turn is the lock on its row of heads."""

import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from operator import attrgetter

import psycopg
from msgspec import Struct
from msgspec.structs import astuple
from psycopg.rows import TupleRow

from aegisd.core.errors import CommitUnknown, LogCorrupt, StoreFailed
from aegisd.core.log.envelope import StoredEvent
from aegisd.rows import Batch, Detached, Growth, SnapshotRow, Turn
from aegisd.store.pool import Pool
from aegisd.store.postgres import failure, schema
from aegisd.store.postgres.connection import (
    WRITER,
    Connection,
    connect,
    connect_again,
    end_silent,
)
from aegisd.store.postgres.herald import Herald
from aegisd.store.postgres.listener import Listener
from aegisd.store.postgres.presence import Presence
from aegisd.store.postgres.reader import NAME_TENANT, PostgresReader, unreachable

# Writing connections kept open when nobody appends: as many as turns that are usually had at once.
IDLE_WRITERS_MAX = 16

# What a server sends beside the answers of a transaction that did not become what it was asked to:
# a commit whose replication was cut short, or that had no transaction.
WARNING = "WARNING"

FIELDS = StoredEvent.__struct_fields__

BEGIN = "BEGIN ISOLATION LEVEL READ COMMITTED READ WRITE"

# The clock is read outside, once the row is locked: inside it would be read before the wait.
TAKE_TURN = """SELECT next_position, hash, floor(extract(epoch FROM clock_timestamp()) * 1000)::int8
    FROM (SELECT next_position, hash FROM aegis.tenant_head WHERE tenant_id = %s FOR UPDATE) AS head
    """
# In one message with one answer. Behind a pipeline the driver sends one message more, which
# switches the server's bound on a silent turn off again.
BEGIN_TURN = f"{BEGIN}; {NAME_TENANT}; {TAKE_TURN}"
MAKE_HEAD = "INSERT INTO aegis.tenant_head VALUES (%s, 0, '') ON CONFLICT DO NOTHING"
# Row-level security forbids COPY; of what is left, a prepared statement sent once per row without
# waiting in between is the fastest and the simplest: docs/POSTGRES.md has the figures.
INSERT_EVENT = f"INSERT INTO aegis.events VALUES ({', '.join(['%s'] * len(FIELDS))})"  # noqa: S608 - as many marks as columns
MOVE_HEAD = """UPDATE aegis.tenant_head SET next_position = %s, hash = %s
    WHERE tenant_id = %s AND next_position = %s"""
INSERT_DOCUMENT = "INSERT INTO aegis.documents VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
REPLACE_SNAPSHOT = """INSERT INTO aegis.snapshots VALUES (%s, %s, %s, %s, %s, %s)
    ON CONFLICT (tenant_id, session_id) DO UPDATE
    SET rules_version = excluded.rules_version, head = excluded.head,
    head_hash = excluded.head_hash, body = excluded.body"""
INSERT_DETACHED = "INSERT INTO aegis.detached VALUES (%s, %s, %s, %s, %s, %s)"
# A division by zero where a value is not there: then nothing of the batch is written. One statement
# for all of them: others wait for the turn meanwhile.
ERASE = """WITH gone AS (DELETE FROM aegis.detached
        USING unnest(%s::int8[], %s::bytea[]) AS told (number, place)
        WHERE tenant_id = %s AND position = number AND pointer = place RETURNING 1)
    SELECT 1 / (count(*) = %s)::int FROM gone"""

GROW_BLOCK = "INSERT INTO aegis.blocks VALUES (%s, %s, %s) ON CONFLICT DO NOTHING"
GROW_CHECKPOINT = """INSERT INTO aegis.checkpoints AS kept VALUES (%s, %s, %s, %s)
    ON CONFLICT (tenant_id, size) DO UPDATE SET note = excluded.note
    WHERE kept.note = '' AND excluded.note <> '' AND kept.root = excluded.root"""
OTHER_ROOTS = """SELECT 'block', number FROM aegis.blocks
        JOIN unnest(%s::int8[], %s::bytea[]) AS grown (number, root) USING (number)
        WHERE tenant_id = %s AND blocks.root <> grown.root
    UNION ALL
    SELECT 'checkpoint of size', size FROM aegis.checkpoints
        JOIN unnest(%s::int8[], %s::bytea[]) AS grown (size, root) USING (size)
        WHERE tenant_id = %s AND checkpoints.root <> grown.root
    ORDER BY 1, 2 LIMIT 1"""

# A statement, and the values of each time it is sent.
Statement = tuple[str, Sequence[Sequence[object]]]


class HeldTurn(Struct):
    """A transaction that holds a tenant's row, and the turn it gives."""

    connection: Connection
    turn: Turn


class PostgresStore(PostgresReader):
    """An `EventStore` for any number of daemons on one database."""

    waits = True
    shared = True
    # Each write asks the server anew, and so does each look at its readiness.
    fault = ""

    def __init__(self, dsn: str) -> None:
        """Open the log, bringing the database up to this build where it is not.

        Raises `ConfigInvalid` when the server, the database or the role cannot hold a log.
        """
        try:
            with connect(dsn, None) as connection:
                schema.prepare(connection)
                schema.guarded(connection)
            self._writers = Pool(lambda: connect_again(dsn, WRITER), IDLE_WRITERS_MAX)
            self._writers.give(connect(dsn, WRITER))
        except psycopg.Error as error:
            raise unreachable(error) from None
        self._lock = threading.Lock()
        self._turns: dict[str, HeldTurn] = {}
        self._herald, self._listeners = Herald(dsn), list[Listener]()
        self._presence = Presence(dsn)
        super().__init__(dsn)

    def close(self) -> None:
        """Close every connection; a turn that is still held ends without a trace."""
        self._herald.close()
        for listener in self._listeners:
            listener.close()
        super().close()
        self._presence.close()
        self._writers.close()
        with self._lock:
            held, self._turns = list(self._turns.values()), {}
        for turn in held:
            turn.connection.close()

    def listen(self, callback: Callable[[str, int], None]) -> Callable[[], None]:
        """See `aegisd.ports.EventStore.listen`."""
        listener = Listener(self._dsn, self._looked, callback)
        self._listeners.append(listener)
        return listener.close

    def _looked(self) -> dict[str, int]:
        """What a listener looks at from time to time, and whether others still see our keys."""
        self._presence.renew()
        return self.heads()

    def probe(self) -> None:
        """See `aegisd.ports.EventStore.probe`. Nothing here stays broken."""

    def announce(self, key_ids: Sequence[bytes]) -> list[tuple[bytes, ...]]:
        """See `aegisd.ports.EventStore.announce`."""
        try:
            return self._presence.announce(key_ids)
        except psycopg.Error as error:
            raise failure.of_read(error, "the keys of other daemons", {}) from error

    # ── turns ────────────────────────────────────────────────────────────────────────────────────

    def begin(self, tenant_id: str) -> Turn:
        """See `aegisd.ports.EventStore.begin`."""
        if tenant_id in self._turns:
            raise StoreFailed(f"tenant {tenant_id!r}: this process has its turn already")
        try:
            held = self._take_turn(tenant_id)
        except psycopg.Error as error:
            raise failure.of_begin(error, tenant_id) from error
        with self._lock:
            self._turns[tenant_id] = held
        return held.turn

    def _take_turn(self, tenant_id: str) -> HeldTurn:
        try:
            return self._locked(self._writers.take(), tenant_id)
        except psycopg.errors.LockNotAvailable:
            if not end_silent(self._dsn):
                raise
        except psycopg.Error as error:
            if not failure.is_lost(error):
                raise
            # A connection that lay idle may be dead since, and likely all are; nothing was written.
            self._writers.forget()
        return self._locked(self._writers.take(), tenant_id)

    def _locked(self, connection: Connection, tenant_id: str) -> HeldTurn:
        with ExitStack() as undo:
            undo.callback(connection.close)
            cursor = psycopg.ClientCursor(connection)
            cursor.execute(BEGIN_TURN, (tenant_id, tenant_id))
            while cursor.nextset():
                pass
            row = cursor.fetchone() or _made_head(connection, tenant_id)
            undo.pop_all()
        next_position, digest, now_ms = row
        turn = Turn(
            tenant_id=tenant_id, next_position=next_position, head_hash=digest, now_ms=now_ms
        )
        return HeldTurn(connection, turn)

    def abandon(self, tenant_id: str) -> None:
        """See `aegisd.ports.EventStore.abandon`."""
        with self._lock:
            held = self._turns.pop(tenant_id, None)
        if held is not None:
            self._release(held.connection)

    def _release(self, connection: Connection) -> None:
        """Roll back what is open and keep the connection for the next turn, if it still lives."""
        try:
            if connection.info.transaction_status != psycopg.pq.TransactionStatus.IDLE:
                connection.execute("ROLLBACK")
        except psycopg.Error:
            # The server ends what a lost connection left open.
            connection.close()
            return
        self._writers.give(connection)

    @contextmanager
    def _turn_of(self, tenant_id: str) -> Iterator[HeldTurn]:
        """The tenant's turn, begun here if nobody has; it ends with what is done inside."""
        if tenant_id not in self._turns:
            self.begin(tenant_id)
        with self._lock:
            held = self._turns.pop(tenant_id)
        try:
            yield held
        finally:
            self._release(held.connection)

    # ── append ───────────────────────────────────────────────────────────────────────────────────

    def append(self, batch: Batch) -> None:
        """See `aegisd.ports.EventStore.append`. Without a turn it takes one for itself.

        Raises `CommitUnknown` when the server was lost after the commit had been sent.
        """
        batch.refuse_strangers()
        with self._turn_of(batch.tenant_id) as held:
            batch.refuse_other_end(held.turn.next_position)
            statements = list(_statements(batch))
            if statements:
                self._commit(held.connection, batch.tenant_id, statements)
        if batch.events:
            self._herald.tell(batch.tenant_id, batch.first_position + len(batch.events))

    def _commit(
        self, connection: Connection, tenant_id: str, statements: Sequence[Statement]
    ) -> None:
        """Send everything and the commit at once, and wait for the one answer that counts."""
        warnings: list[str] = []

        def note(told: psycopg.errors.Diagnostic) -> None:
            if told.severity_nonlocalized == WARNING:
                warnings.append(told.message_primary or WARNING)

        connection.add_notice_handler(note)
        try:
            with connection.pipeline(), connection.cursor() as cursor:
                for statement, rows in statements:
                    cursor.executemany(statement, rows)
                ended = connection.execute("COMMIT")
            if ended.statusmessage != "COMMIT" or warnings:
                raise CommitUnknown(
                    f"tenant {tenant_id!r}: PostgreSQL ended a commit with "
                    f"{'; '.join(warnings) or ended.statusmessage}; the same idempotency key tells "
                    "whether it holds"
                )
        except psycopg.Error as error:
            lost = connection.broken or failure.is_lost(error)
            if lost:
                connection.close()
            self._end_who_hinders(error)
            raise failure.of_write(error, tenant_id, lost=lost) from error
        finally:
            connection.remove_notice_handler(note)

    def _end_who_hinders(self, error: psycopg.Error) -> None:
        """Have a lock free by the next attempt that somebody silent did not give."""
        if isinstance(error, psycopg.errors.LockNotAvailable):
            with suppress(psycopg.Error, StoreFailed):
                end_silent(self._dsn)

    def grow(self, *growths: Growth) -> None:
        """See `aegisd.ports.EventStore.grow`. Takes no turn: what is kept is the same for all."""
        # In one order everywhere, or two daemons wait for each other's row.
        ordered = sorted(growths, key=attrgetter("tenant_id"))
        with self._beside(ordered[0].tenant_id) as connection:
            with connection.pipeline():
                connection.execute(BEGIN)
                others = [_grown(connection, growth) for growth in ordered]
            # Behind the pipeline, so that the server's bound on a silent turn is on: `BEGIN_TURN`.
            connection.execute("SELECT")
            for growth, other in zip(ordered, others, strict=True):
                row = other.fetchone()
                if row is not None:
                    raise LogCorrupt(
                        f"tenant {growth.tenant_id}: the {row[0]} {row[1]} is kept with another "
                        "root than the log has; run `aegisctl verify`",
                        tenant_id=growth.tenant_id,
                    )
            self._commit(connection, ordered[0].tenant_id, ())

    def keep(self, rows: Sequence[SnapshotRow]) -> None:
        """See `aegisd.ports.EventStore.keep`."""
        ordered = sorted(rows, key=attrgetter("tenant_id", "session_id"))
        statements: list[Statement] = []
        for row in ordered:
            statements += [(NAME_TENANT, [(row.tenant_id,)]), (REPLACE_SNAPSHOT, [astuple(row)])]
        with self._beside(ordered[0].tenant_id) as connection:
            connection.execute(BEGIN)
            self._commit(connection, ordered[0].tenant_id, statements)

    @contextmanager
    def _beside(self, tenant_id: str) -> Iterator[Connection]:
        """A connection for work beside all turns; an error is told of `tenant_id`."""
        try:
            connection = self._writers.take()
        except psycopg.Error as error:
            raise failure.of_write(error, tenant_id, lost=False) from error
        try:
            yield connection
        except psycopg.Error as error:
            self._end_who_hinders(error)
            raise failure.of_write(error, tenant_id, lost=False) from error
        finally:
            self._release(connection)


def _grown(connection: Connection, growth: Growth) -> psycopg.Cursor[TupleRow]:
    """Add what a tree grew by, in a pipeline; what then is kept with another root."""
    tenant_id = growth.tenant_id
    blocks = list(enumerate(growth.blocks, growth.first_block))
    grown = sorted(growth.checkpoints, key=attrgetter("size"))
    sizes = [(row.size, row.root) for row in grown]
    connection.execute(NAME_TENANT, (tenant_id,))
    with connection.cursor() as cursor:
        cursor.executemany(GROW_BLOCK, [(tenant_id, *block) for block in blocks])
        cursor.executemany(GROW_CHECKPOINT, [astuple(row) for row in grown])
    checks = (*_columns(blocks), tenant_id, *_columns(sizes), tenant_id)
    return connection.execute(OTHER_ROOTS, checks)


def _made_head(connection: Connection, tenant_id: str) -> TupleRow:
    """The turn of a tenant without a row. Who makes it second waits for who makes it first."""
    connection.execute(MAKE_HEAD, (tenant_id,))
    row = connection.execute(TAKE_TURN, (tenant_id,), binary=True).fetchone()
    if row is None:
        raise psycopg.OperationalError("the row of heads that was just made is not there")
    return row


def _statements(batch: Batch) -> Iterator[Statement]:
    """What a batch asks of the database, nothing for what it does not hold."""
    tenant_id = batch.tenant_id
    if batch.events:
        yield INSERT_EVENT, [astuple(row) for row in batch.events]
        following = batch.first_position + len(batch.events)
        yield MOVE_HEAD, [(following, batch.events[-1].hash, tenant_id, batch.first_position)]
    if batch.documents:
        # In one order everywhere, or two daemons wait for each other's document.
        yield INSERT_DOCUMENT, sorted(map(astuple, batch.documents))
    if batch.detached:
        yield INSERT_DETACHED, [_detached(row) for row in batch.detached]
    if batch.erased:
        places = [(at.position, at.pointer.encode()) for at in batch.erased]
        yield ERASE, [(*_columns(places), tenant_id, len(places))]


def _columns(rows: Sequence[tuple[int, bytes]]) -> Iterator[list[bytes] | str]:
    """Numbers and bytes as two arrays; numbers as text, or the driver types them by the first."""
    yield f"{{{','.join(str(number) for number, _ in rows)}}}"
    yield [each for _, each in rows]


def _detached(row: Detached) -> tuple[object, ...]:
    pointer = row.pointer.encode()
    return (row.tenant_id, row.position, pointer, row.subject, row.salt, row.value)
