"""The tables: brought up to this build by numbered SQL files, and held to be as we made them."""

import hashlib
from importlib import resources

from msgspec import Struct
from psycopg import errors, sql

from aegisd.core.errors import ConfigInvalid, UnknownVersion, WrongFile
from aegisd.store.postgres import failure, form
from aegisd.store.postgres.connection import READER, WRITER, Connection, without_role

# Names the one lock under which a database is brought up to date: the letters "aegis" as a number.
LOCK = int.from_bytes(b"aegis")

# Milliseconds for one migration's statement. A big log's new index takes minutes, not hours.
MIGRATION_MS_MAX = 3_600_000

SET = "SELECT set_config(%s, %s, true)"
BEGIN_RECORD = """CREATE SCHEMA IF NOT EXISTS aegis;
    CREATE TABLE IF NOT EXISTS aegis.migrations (
        number int8 PRIMARY KEY,
        name text NOT NULL,
        digest bytea NOT NULL,
        applied timestamptz NOT NULL DEFAULT clock_timestamp()
    )"""
RECORDED = "SELECT number, name, digest FROM aegis.migrations ORDER BY number"
RECORD = "INSERT INTO aegis.migrations (number, name, digest) VALUES (%s, %s, %s)"

MISSING_ROLES = """SELECT wanted FROM unnest(%s::text[]) AS wanted
    WHERE NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted)"""


# Whether the user has what a role was granted, without becoming it.
INHERITS = "SELECT 1 FROM pg_roles WHERE rolname = %s AND pg_has_role(oid, 'usage')"


class Migration(Struct, frozen=True):
    """One numbered file. `digest` is the SHA-256 of its bytes; what was applied never changes."""

    number: int
    name: str
    digest: bytes
    text: str


def migrations() -> list[Migration]:
    """The files this build carries, in order."""
    folder = resources.files("aegisd.store.postgres") / "migrations"
    found = []
    for file in sorted(folder.iterdir(), key=lambda file: file.name):
        if file.name.endswith(".sql"):
            data = file.read_bytes()
            digest = hashlib.sha256(data).digest()
            found.append(Migration(int(file.name[:4]), file.name, digest, data.decode()))
    return found


def prepare(connection: Connection) -> None:
    """Bring the database up to this build in one transaction, or leave it as it is.

    `connection` works as who logged in. Raises `ConfigInvalid` for a database that this build
    cannot use, or may not bring up to date, and `psycopg.Error`.
    """
    try:
        due = pending(connection)
    except errors.InsufficientPrivilege as error:
        raise _denied(connection, WRITER, error) from None
    if not due:
        return
    try:
        with connection.transaction():
            for bound in ("statement_timeout", "lock_timeout"):
                connection.execute(SET, (bound, str(MIGRATION_MS_MAX)))
            connection.execute("SELECT pg_advisory_xact_lock(%s)", [LOCK])
            _make_roles(connection)
            connection.execute(BEGIN_RECORD)
            # Another daemon may have been faster.
            for migration in pending(connection):
                connection.execute(migration.text)
                record = (migration.number, migration.name, migration.digest)
                connection.execute(RECORD, record)
    except errors.InsufficientPrivilege as error:
        raise ConfigInvalid(
            f"the database lacks {', '.join(migration.name for migration in due)} and user "
            f"{connection.info.user} may not apply it ({error.diag.message_primary}); start once "
            "with a --dsn of the database's owner"
        ) from None


def pending(connection: Connection) -> list[Migration]:
    """The files that the database still lacks.

    Raises `UnknownVersion` for one of a newer build, or of files that this build has changed.
    """
    ours = migrations()
    applied = _applied(connection)
    for place, (number, name, digest) in enumerate(applied):
        if number > len(ours):
            raise UnknownVersion(
                f"the database has {name}, this build knows {len(ours)} migrations; it was left "
                "untouched, start the version of Aegis that made it or a newer one"
            )
        if (number, digest) != (place + 1, ours[place].digest):
            raise UnknownVersion(
                f"{name} was applied to the database with other contents than this build's "
                f"{ours[place].name}; start the version of Aegis that made it"
            )
    return ours[len(applied) :]


def _applied(connection: Connection) -> list[tuple[int, str, bytes]]:
    known = connection.execute("SELECT to_regclass('aegis.migrations')").fetchone()
    if known is None or known[0] is None:
        return []
    rows = connection.execute(RECORDED, binary=True).fetchall()
    return [(int(number), str(name), bytes(digest)) for number, name, digest in rows]


def _make_roles(connection: Connection) -> None:
    """Make the roles of the cluster where they are missing, as far as the user may."""
    missing = connection.execute(MISSING_ROLES, [[READER, WRITER]]).fetchall()
    for (name,) in missing:
        try:
            with connection.transaction():
                connection.execute(sql.SQL("CREATE ROLE {} NOLOGIN").format(sql.Identifier(name)))
        except (errors.DuplicateObject, errors.UniqueViolation):
            # Roles are the cluster's: a daemon of another database was faster.
            continue
        except errors.InsufficientPrivilege:
            raise ConfigInvalid(
                f"the roles {READER} and {WRITER} do not exist and user {connection.info.user} may "
                f"not make them; let an administrator run: CREATE ROLE {READER} NOLOGIN; "
                f"CREATE ROLE {WRITER} NOLOGIN; GRANT {READER} TO {WRITER}; "
                f"GRANT {WRITER} TO {connection.info.user}"
            ) from None
    if missing:
        user = sql.Identifier(connection.info.user)
        connection.execute(f"GRANT {READER} TO {WRITER}")
        if connection.info.parameter_status("is_superuser") != "on":
            connection.execute(sql.SQL("GRANT aegis_writer TO {}").format(user))


def guarded(connection: Connection) -> None:
    """Raise `ConfigInvalid` where an object of the schema is not as Aegis made it."""
    changes = form.changes(connection)
    if changes:
        raise ConfigInvalid(
            f"the database is not as Aegis made it: {'; '.join(changes)}; nothing was written. "
            "Let its owner drop what was added and put back the rest as in "
            "aegisd/store/postgres/migrations, or restore a backup, and look for who did it"
        )


def readable(connection: Connection) -> None:
    """Raise `WrongFile` unless the database holds a log that this build reads. Only reads.

    Raises `ConfigInvalid` where it may not be read.
    """
    try:
        due = pending(connection)
    except errors.InsufficientPrivilege as error:
        raise _denied(connection, READER, error) from None
    if due:
        found = "an older log" if len(due) < len(migrations()) else "no log"
        raise WrongFile(
            f"the database holds {found}: it lacks {due[0].name}; start aegisd on it first"
        )


def _denied(
    connection: Connection, role: str, error: errors.InsufficientPrivilege
) -> ConfigInvalid:
    """What a user is told who may not even read what was applied."""
    if connection.execute(INHERITS, [role]).fetchone() is None:
        return without_role(connection, role)
    lost = "; ".join(form.changes(connection)) or failure.sentence(error)
    return ConfigInvalid(
        f"user {connection.info.user} has the rights of {role}, and the database took some of them "
        f"back: {lost}. Let its owner grant them again as in aegisd/store/postgres/migrations, and "
        "look for who did it"
    )
