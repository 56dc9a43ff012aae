"""One connection to PostgreSQL: what it must be like before the log trusts it, how long it waits.

The daemon works as `aegis_writer` or `aegis_reader`, whoever it logged in as, so that no statement
of its own can change or delete what is in the log.
"""

from contextlib import ExitStack
from types import MappingProxyType
from typing import TypeVar

import psycopg
from psycopg.abc import PQGen
from psycopg.conninfo import conninfo_to_dict, make_conninfo
from psycopg.rows import TupleRow
from psycopg.types.numeric import Int8BinaryDumper

from aegisd.core.errors import ConfigInvalid, StoreFailed

WRITER, READER = "aegis_writer", "aegis_reader"

# The oldest release line that its makers still mended when this was written.
SERVER_VERSION_MIN = 140000

# Milliseconds to wait for another daemon to end its turn, each of which is a few. Whoever waits
# longer waits for somebody who hangs, and its callers have gone.
TURN_WAIT_MS_MAX = 5_000

# Milliseconds that a statement may run in the server. The longest reads a page of events.
STATEMENT_MS_MAX = 10_000

# Milliseconds the server leaves a turn to a daemon that says nothing, before it takes it away:
# several times what the fullest batch takes to judge. The server counts them only between two
# messages that each end with an answer; whoever falls silent within a batch is ended by whoever
# waits for it, see `end_silent`.
TURN_IDLE_MS_MAX = 10_000

# Seconds to wait for the server's answer to anything. Longer than the server's own bounds, so that
# it is met only by a server that hangs, or a network that swallows.
ANSWER_S_MAX = 15.0

# libpq's own settings, where the DSN says nothing else. A peer that vanished is known after 10 s.
CONNECTION = MappingProxyType(
    {
        "application_name": "aegis",
        "client_encoding": "UTF8",
        "connect_timeout": "5",
        "keepalives_idle": "5",
        "keepalives_interval": "2",
        "keepalives_count": "3",
        "tcp_user_timeout": "10000",
    }
)

# The same for the server's side of the connection, which else learns after two hours that a host
# vanished. On a Unix socket they mean nothing.
SERVER_SIDE = MappingProxyType(
    {
        "tcp_keepalives_idle": "5",
        "tcp_keepalives_interval": "2",
        "tcp_keepalives_count": "3",
        "tcp_user_timeout": "10000",
    }
)

# Settings of the server without which a commit is not durable, and the values that make it so.
DURABLE = MappingProxyType(
    {
        "fsync": ("on",),
        "full_page_writes": ("on",),
        "synchronous_commit": ("on", "remote_apply"),
    }
)

# What a connection is held to, and what it is set to, in one round trip.
INTRODUCE = f"""SELECT pg_backend_pid(), current_setting('server_version_num')::int8,
    current_setting('server_encoding'), pg_is_in_recovery(),
    current_setting('fsync'), current_setting('full_page_writes'),
    current_setting('synchronous_commit'),
    set_config('search_path', '', false),
    set_config('lock_timeout', %s, false),
    set_config('statement_timeout', %s, false),
    set_config('idle_in_transaction_session_timeout', %s, false),
    set_config('default_transaction_isolation', 'read committed', false),
    set_config('default_transaction_read_only', %s, false),
    set_config('row_security', 'on', false),
    set_config('quote_all_identifiers', 'off', false),
    {", ".join(f"set_config('{name}', '{value}', false)" for name, value in SERVER_SIDE.items())}"""

# Ends every session of this user that has written to the log, or locked a row of it, in a
# transaction older than a turn may be silent, and of which the server awaits more.
END_SILENT = """SELECT pg_terminate_backend(pid) FROM pg_stat_activity AS session
    WHERE datname = current_database() AND usename = session_user AND wait_event = 'ClientRead'
        AND xact_start < clock_timestamp() - make_interval(secs => %s)
        AND EXISTS (SELECT FROM pg_locks JOIN pg_class ON pg_class.oid = relation
            WHERE pg_locks.pid = session.pid AND relnamespace = to_regnamespace('aegis')
                AND mode IN ('RowShareLock', 'RowExclusiveLock'))"""

T = TypeVar("T")


class Connection(psycopg.Connection[TupleRow]):
    """A connection that waits at most `ANSWER_S_MAX` for an answer."""

    def wait(self, gen: PQGen[T], interval: float = 0.1, timeout: float | None = None) -> T:
        """Wait for the server; raises `psycopg.OperationalError` when it does not answer."""
        return super().wait(gen, interval, ANSWER_S_MAX if timeout is None else timeout)


def connect(dsn: str, role: str | None) -> Connection:
    """Open a connection that works as `role`, or as who logged in; READER only reads.

    Raises `ConfigInvalid` for a server or a pooler that the log cannot lie behind, and
    `psycopg.Error` when there is no connection to be had.
    """
    connection = Connection.connect(parameters(dsn), autocommit=True, prepare_threshold=2)
    with ExitStack() as undo:
        undo.callback(connection.close)
        # One type for every integer, whatever its size: one prepared statement, not four.
        connection.adapters.register_dumper(int, Int8BinaryDumper)
        _introduce(connection, read_only=role == READER)
        if role is not None:
            _become(connection, role)
        undo.pop_all()
    return connection


def connect_again(dsn: str, role: str | None) -> Connection:
    """As `connect`, for a log that is open: what stops a start is a server changed under us then.

    Raises `StoreFailed` for that, and `psycopg.Error`.
    """
    try:
        return connect(dsn, role)
    except ConfigInvalid as error:
        raise StoreFailed(error.message) from error


def end_silent(dsn: str) -> bool:
    """End the sessions that hold a lock of the log and have said nothing for `TURN_IDLE_MS_MAX`.

    That reaches those that the server's own bound does not: it is off from the first message of a
    batch to the last, and so for good where the rest never comes. Only sessions of the same user
    may be ended. Tells whether there were any. Raises as `connect_again`.
    """
    with connect_again(dsn, None) as connection:
        ended = connection.execute(END_SILENT, (TURN_IDLE_MS_MAX / 1000,)).fetchall()
    return any(done for (done,) in ended)


def parameters(dsn: str) -> str:
    """The DSN with the defaults of `CONNECTION`. Raises `ConfigInvalid` for a malformed one."""
    try:
        named = conninfo_to_dict(dsn)
        return make_conninfo("", **{**CONNECTION, **named})
    except psycopg.Error:
        # libpq's own message repeats parts of the DSN, and one of them may be the password.
        raise ConfigInvalid(
            "--dsn is no URI of PostgreSQL; expected postgresql://USER@HOST:PORT/DATABASE, special "
            "characters of a password written as %XX"
        ) from None


def _introduce(connection: Connection, *, read_only: bool) -> None:
    bounds = (TURN_WAIT_MS_MAX, STATEMENT_MS_MAX, TURN_IDLE_MS_MAX)
    values = (*map(str, bounds), "on" if read_only else "off")
    row = connection.execute(INTRODUCE, values).fetchone()
    if row is None:
        raise psycopg.OperationalError("the server did not introduce itself")
    backend, version, encoding, standby, *durable = row[: 4 + len(DURABLE)]
    if backend != connection.info.backend_pid:
        raise ConfigInvalid(
            "--dsn leads to a connection pooler such as PgBouncer (the server's process is not the "
            "one that answered first); a turn needs a connection of its own, so name the "
            "PostgreSQL server itself"
        )
    if version < SERVER_VERSION_MIN:
        raise ConfigInvalid(
            f"expected PostgreSQL {SERVER_VERSION_MIN // 10000} or newer, found {version // 10000}"
        )
    if encoding != "UTF8":
        raise ConfigInvalid(
            f"expected a database of encoding UTF8, found {encoding}; create one with "
            "`createdb --encoding UTF8 --template template0`"
        )
    if read_only:
        return
    if standby:
        raise ConfigInvalid(
            "--dsn leads to a standby, which takes no writes; name the primary, or add "
            "target_session_attrs=read-write to a DSN with several hosts"
        )
    for (name, wanted), found in zip(DURABLE.items(), durable, strict=True):
        if found not in wanted:
            raise ConfigInvalid(
                f"expected {name}={' or '.join(wanted)} in PostgreSQL, found {name}={found}; with "
                "it a commit that was acknowledged may be lost, so set it back"
            )


def _become(connection: Connection, role: str) -> None:
    try:
        connection.execute(f"SET ROLE {role}")
    except (psycopg.errors.InsufficientPrivilege, psycopg.errors.InvalidParameterValue):
        raise without_role(connection, role) from None


def without_role(connection: Connection, role: str) -> ConfigInvalid:
    """What a user is told who may not work as a role of ours."""
    user = connection.info.user
    return ConfigInvalid(
        f"user {user} cannot work as {role}; let an administrator run: GRANT {role} TO {user} "
        "(of a database never used before: docs/POSTGRES.md)"
    )
