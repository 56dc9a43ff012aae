"""A disk that fails when a test says so."""

import sqlite3
from collections.abc import Sequence


class Failing:
    """A connection on which one statement fails as SQLite would have it fail.

    `when` is how the statement begins; it fails instead of running.
    """

    def __init__(self, real: sqlite3.Connection, when: str, code: int) -> None:
        self.real, self.when, self.code = real, when, code

    def execute(self, sql: str, values: Sequence[object] = ()) -> sqlite3.Cursor:
        self.fail(sql)
        return self.real.execute(sql, values)

    def executemany(self, sql: str, rows: list[tuple[object, ...]]) -> sqlite3.Cursor:
        self.fail(sql)
        return self.real.executemany(sql, rows)

    def fail(self, sql: str) -> None:
        if sql.startswith(self.when):
            error = sqlite3.OperationalError("injected")
            error.sqlite_errorcode = self.code
            raise error

    @property
    def in_transaction(self) -> bool:
        return self.real.in_transaction
