"""What the database itself refuses, and how its tables come to be as they are."""

from concurrent.futures import ThreadPoolExecutor

import psycopg
import pytest
from psycopg import errors
from psycopg.conninfo import conninfo_to_dict

from aegisd.core.errors import ConfigInvalid
from aegisd.store.postgres import connection, form, schema
from aegisd.store.postgres.reader import PostgresReader
from aegisd.store.postgres.store import PostgresStore
from tests import postgres
from tests.store.contract import batch, checkpoint, document, event, growth, value, with_values

SEEN = "SELECT tenant_id FROM aegis.{}"
TABLES = {"blocks", "checkpoints", "detached", "events", "snapshots", "tenant_head"}


@pytest.fixture
def filled(dsn: str) -> str:
    """A database with rows of two tenants in every table that tells tenants apart."""
    store = PostgresStore(dsn)
    for tenant_id in ("a", "b"):
        rows = [event(0, tenant_id=tenant_id)]
        store.append(with_values(rows, value(0, "/x", tenant_id=tenant_id)))
    store.close()
    with psycopg.connect(dsn, autocommit=True) as admin:
        for tenant_id in ("a", "b"):
            for row in (
                "snapshots VALUES (%s, '', 'r', 0, '', '')",
                "checkpoints VALUES (%s, 1, '', '')",
                "blocks VALUES (%s, 0, '')",
            ):
                admin.execute(f"INSERT INTO aegis.{row}", (tenant_id,))
    return dsn


def opened(dsn: str) -> None:
    """Open and close: what a start does."""
    PostgresStore(dsn).close()


def alter(dsn: str, statement: str) -> None:
    """Do something as the superuser."""
    with psycopg.connect(dsn, autocommit=True) as admin:
        admin.execute(statement)


# ── one tenant at a time ─────────────────────────────────────────────────────────────────────────


@pytest.mark.parametrize("role", [connection.WRITER, connection.READER])
def test_who_named_one_tenant_sees_nothing_of_another_in_any_table(filled: str, role: str) -> None:
    with connection.connect(filled, role) as link:
        tables = {
            name
            for (name,) in link.execute(
                "SELECT relname FROM pg_class JOIN pg_attribute ON attrelid = pg_class.oid "
                "WHERE relnamespace = 'aegis'::regnamespace AND relkind IN ('r', 'p', 'v', 'm') "
                "AND attname = 'tenant_id'"
            ).fetchall()
        }
        assert tables == TABLES
        for named, seen in (("a", {"a"}), ("b", {"b"}), ("", set()), ("c", set()), (None, set())):
            for table in tables:
                with link.transaction():
                    if named is not None:
                        link.execute("SELECT set_config('aegis.tenant', %s, true)", (named,))
                    rows = link.execute(SEEN.format(table)).fetchall()
                assert {tenant_id for (tenant_id,) in rows} == seen, (table, named)


def test_the_name_of_every_tenant_lists_where_logs_end_and_nothing_else(filled: str) -> None:
    with connection.connect(filled, connection.WRITER) as link:
        for table in TABLES:
            with link.transaction():
                link.execute("SELECT set_config('aegis.tenant', '*', true)")
                rows = link.execute(SEEN.format(table)).fetchall()
            assert len(rows) == (2 if table == "tenant_head" else 0)
        with link.transaction():
            link.execute("SELECT set_config('aegis.tenant', '*', true)")
            moved = link.execute("UPDATE aegis.tenant_head SET next_position = 9")
            assert moved.rowcount == 0


def test_who_named_one_tenant_writes_nothing_of_another(filled: str) -> None:
    with connection.connect(filled, connection.WRITER) as link:
        for insert in (
            "events VALUES ('b', 1, 's', 1, '', 0, '', NULL, NULL, '', '', '')",
            "snapshots VALUES ('b', 's', 'r', 0, '', '')",
            "tenant_head VALUES ('c', 0, '')",
            "checkpoints VALUES ('b', 2, '', '')",
            "blocks VALUES ('b', 1, '')",
            "detached VALUES ('b', 1, '', '', '', '')",
        ):
            link.execute("SELECT set_config('aegis.tenant', 'a', false)")
            with pytest.raises(errors.InsufficientPrivilege, match="row-level"):
                link.execute(f"INSERT INTO aegis.{insert}")
        with link.transaction():
            link.execute("SELECT set_config('aegis.tenant', 'a', true)")
            assert link.execute("DELETE FROM aegis.detached").rowcount == 1
        with link.transaction():
            link.execute("SELECT set_config('aegis.tenant', 'b', true)")
            assert link.execute("SELECT FROM aegis.detached").rowcount == 1


# ── append-only ──────────────────────────────────────────────────────────────────────────────────


CHANGES = (
    "UPDATE aegis.events SET body = ''",
    "DELETE FROM aegis.events",
    "TRUNCATE aegis.events",
    "UPDATE aegis.documents SET body = ''",
    "DELETE FROM aegis.documents",
    "UPDATE aegis.blocks SET root = ''",
    "DELETE FROM aegis.blocks",
    "DELETE FROM aegis.checkpoints",
    "UPDATE aegis.checkpoints SET root = 'x'",
    "DELETE FROM aegis.tenant_head",
    "UPDATE aegis.detached SET value = ''",
)


@pytest.mark.parametrize("change", CHANGES)
def test_the_daemons_role_may_neither_change_nor_delete_what_is_in_the_log(
    filled: str, change: str
) -> None:
    with connection.connect(filled, connection.WRITER) as link:
        link.execute("SELECT set_config('aegis.tenant', 'a', false)")
        with pytest.raises(errors.InsufficientPrivilege, match="permission denied"):
            link.execute(change)


@pytest.mark.parametrize("change", [*CHANGES, "UPDATE aegis.tenant_head SET next_position = 0"])
def test_even_an_owner_who_errs_is_refused_by_a_trigger(filled: str, change: str) -> None:
    with psycopg.connect(filled) as admin, pytest.raises(errors.RestrictViolation, match="aegis"):
        admin.execute(change)


def test_readers_write_nothing_and_nobody_of_ours_changes_tables(filled: str) -> None:
    with connection.connect(filled, connection.READER) as link:
        link.execute("SELECT set_config('aegis.tenant', 'a', false)")
        with pytest.raises(errors.ReadOnlySqlTransaction):
            link.execute("INSERT INTO aegis.blocks VALUES ('a', 7, '')")
        link.execute("SET default_transaction_read_only = off")
        with pytest.raises(errors.InsufficientPrivilege):
            link.execute("INSERT INTO aegis.blocks VALUES ('a', 7, '')")
    for role in (connection.READER, connection.WRITER):
        with connection.connect(filled, role) as link:
            link.execute("SET default_transaction_read_only = off")
            for change in (
                "ALTER TABLE aegis.events DISABLE ROW LEVEL SECURITY",
                "DROP TRIGGER append_only ON aegis.events",
                "DROP TABLE aegis.events",
                "CREATE TABLE aegis.more (n int)",
            ):
                with pytest.raises(errors.InsufficientPrivilege):
                    link.execute(change)


def test_an_owner_who_is_no_superuser_needs_the_role_and_is_held_to_one_tenant(dsn: str) -> None:
    opened(dsn)
    name = str(conninfo_to_dict(dsn)["dbname"])
    for statement in (
        "DROP SCHEMA aegis CASCADE",
        "CREATE ROLE aegis_test_owner LOGIN",
        f"ALTER DATABASE {name} OWNER TO aegis_test_owner",
    ):
        alter(dsn, statement)
    owner = postgres.as_uri(dsn, user="aegis_test_owner")
    try:
        with pytest.raises(ConfigInvalid, match="GRANT aegis_writer TO aegis_test_owner"):
            opened(owner)
        alter(dsn, "GRANT aegis_writer TO aegis_test_owner")
        store = PostgresStore(owner)
        store.append(batch([event(0)]))
        assert list(store.events("acme")) == [event(0)]
        store.close()
        with psycopg.connect(owner) as link:
            assert link.execute("SELECT FROM aegis.events").rowcount == 0
    finally:
        alter(dsn, f"ALTER DATABASE {name} OWNER TO CURRENT_USER")
        alter(dsn, "REASSIGN OWNED BY aegis_test_owner TO CURRENT_USER")
        alter(dsn, "DROP ROLE aegis_test_owner")


def test_a_user_who_may_do_nothing_is_told_what_to_ask_for(dsn: str) -> None:
    alter(dsn, "CREATE ROLE aegis_test_nobody LOGIN")
    nobody = postgres.as_uri(dsn, user="aegis_test_nobody")
    try:
        with pytest.raises(ConfigInvalid, match=r"0001_log\.sql.* the database's owner"):
            opened(nobody)
        opened(dsn)
        with pytest.raises(ConfigInvalid, match="GRANT aegis_writer TO aegis_test_nobody"):
            opened(nobody)
        with pytest.raises(ConfigInvalid, match="aegis_test_nobody cannot work as aegis_reader"):
            PostgresReader(nobody)
        alter(dsn, "GRANT aegis_writer TO aegis_test_nobody")
        opened(nobody)
        alter(dsn, "REVOKE SELECT ON aegis.migrations FROM aegis_reader, aegis_writer")
        for ask in (opened, PostgresReader):
            with pytest.raises(ConfigInvalid, match="grant on migrations to aegis_reader is mis"):
                ask(nobody)
    finally:
        alter(dsn, "DROP ROLE aegis_test_nobody")


# ── migrations ───────────────────────────────────────────────────────────────────────────────────


def test_migrations_are_numbered_without_a_gap_and_recorded_with_their_digest(dsn: str) -> None:
    ours = schema.migrations()
    assert [migration.number for migration in ours] == list(range(1, len(ours) + 1))
    opened(dsn)
    with psycopg.connect(dsn) as admin:
        rows = admin.execute("SELECT number, name, digest FROM aegis.migrations").fetchall()
    assert rows == [(each.number, each.name, each.digest) for each in ours]


def test_daemons_that_start_at_once_on_an_empty_database_make_one_log(dsn: str) -> None:
    with ThreadPoolExecutor(6) as pool:
        stores = list(pool.map(lambda _: PostgresStore(dsn), range(6)))
    for at, store in enumerate(stores):
        store.append(batch([event(at)]))
        store.close()


def test_a_database_of_a_newer_build_is_refused_and_left_untouched(dsn: str) -> None:
    opened(dsn)
    alter(dsn, "INSERT INTO aegis.migrations VALUES (99, '0099_future.sql', '')")
    for opens in (PostgresStore, PostgresReader):
        with pytest.raises(ConfigInvalid, match=r"0099_future\.sql"):
            opens(dsn)


def test_a_migration_that_was_changed_after_it_was_applied_is_refused(dsn: str) -> None:
    opened(dsn)
    alter(dsn, "UPDATE aegis.migrations SET digest = 'x' WHERE number = 1")
    with pytest.raises(ConfigInvalid, match="other contents"):
        opened(dsn)


@pytest.mark.parametrize(
    "statement",
    [
        "UPDATE aegis.migrations SET number = 0 WHERE number = 1",
        "UPDATE aegis.migrations SET number = -1 WHERE number = 1",
        "UPDATE aegis.migrations SET number = -2147483648 WHERE number = 1",
    ],
)
def test_a_migration_of_a_number_that_none_has_is_refused(dsn: str, statement: str) -> None:
    opened(dsn)
    alter(dsn, statement)
    with pytest.raises(ConfigInvalid, match="other contents"):
        opened(dsn)


def test_a_migration_that_fails_leaves_the_database_as_it_was(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    broken = schema.Migration(2, "0002_broken.sql", b"x", "CREATE TABLE aegis.x (); SELECT 1/0")
    ours = [*schema.migrations(), broken]
    monkeypatch.setattr(schema, "migrations", lambda: ours)
    with pytest.raises(ConfigInvalid, match="division by zero"):
        opened(dsn)
    with psycopg.connect(dsn) as admin:
        assert admin.execute("SELECT to_regnamespace('aegis')").fetchone() == (None,)


def test_a_later_migration_is_applied_to_a_log_and_a_reader_says_it_is_missing(
    dsn: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = PostgresStore(dsn)
    store.append(batch([event(0)], documents=[document(b"d")]))
    store.close()
    later = schema.Migration(2, "0002_later.sql", b"x", "ALTER TABLE aegis.events ADD more int")
    ours = [*schema.migrations(), later]
    monkeypatch.setattr(schema, "migrations", lambda: ours)
    monkeypatch.setattr(form, "changes", lambda _: [])
    with pytest.raises(ConfigInvalid, match=r"an older log: it lacks 0002_later\.sql"):
        PostgresReader(dsn)
    opened(dsn)
    reader = PostgresReader(dsn)
    assert list(reader.events("acme")) == [event(0)]
    reader.close()


def test_a_database_without_a_log_is_read_by_nobody_and_left_untouched(dsn: str) -> None:
    with pytest.raises(ConfigInvalid, match="no log"):
        PostgresReader(dsn)
    with psycopg.connect(dsn) as admin:
        assert admin.execute("SELECT to_regnamespace('aegis')").fetchone() == (None,)


def test_a_checkpoint_of_another_root_is_not_even_taken_by_the_table(dsn: str) -> None:
    store = PostgresStore(dsn)
    store.grow(growth(checkpoint(3, "signed")))
    store.close()
    with psycopg.connect(dsn) as admin, pytest.raises(errors.RestrictViolation, match="note once"):
        admin.execute("UPDATE aegis.checkpoints SET note = 'another'")
