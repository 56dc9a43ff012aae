"""A database file as a log to read, and what the file knows beside its rows."""

from collections.abc import Iterator

from aegisd.core.log.chain import Break
from aegisd.store.sqlite.reader import SqliteReader

# Rows moved that are reported of one tenant; one is enough to condemn its order.
MOVED_ROWS_MAX = 20

# SQLite numbers rows as they are inserted, and a vacuum keeps their order. The index on (tenant,
# position) answers this without a look at the rows.
_MOVED = """SELECT position FROM (
        SELECT position, rowid AS now, lag(rowid, 1, 0) OVER (ORDER BY position) AS before
        FROM events WHERE tenant_id = ?
    ) WHERE now <= before LIMIT ?"""


class DatabaseLog(SqliteReader):
    """Answers what `aegisd.audit.log.Log` asks, and in which order rows were appended."""

    def moved(self, tenant_id: str) -> Iterator[Break]:
        """Rows that were appended before the row in front of them. Raises `LogCorrupt`."""
        with self._reading("the order of rows", tenant_id=tenant_id) as connection:
            found = connection.execute(_MOVED, (tenant_id, MOVED_ROWS_MAX)).fetchall()
        for (position,) in found:
            yield Break(
                "position",
                "the row was appended before the one in front of it",
                tenant_id=tenant_id,
                position=position,
            )
