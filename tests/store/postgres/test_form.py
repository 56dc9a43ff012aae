"""Whatever somebody changes in the schema stops the start, and `verify` says it."""

import os
from collections.abc import Iterator
from importlib import resources
from pathlib import Path

import pytest
from psycopg.conninfo import conninfo_to_dict

from aegisd.audit.log import opened_database
from aegisd.audit.verification.database import verify_database
from aegisd.core.errors import ConfigInvalid
from aegisd.store.postgres import connection, form, schema
from aegisd.store.postgres.store import PostgresStore

KEPT = Path(str(resources.files("aegisd.store.postgres"))) / "form.txt"

DISARMED = "RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$ BEGIN RETURN new; END $$"

# What somebody did, and the object that must be named.
CHANGES = {
    "DROP TRIGGER append_only ON aegis.events": "trigger append_only of events is missing",
    "ALTER TABLE aegis.documents DISABLE TRIGGER ALL": "append_only of documents was changed",
    "ALTER TABLE aegis.events ENABLE REPLICA TRIGGER append_only": "append_only of events",
    "DROP TRIGGER only_forward ON aegis.tenant_head; CREATE TRIGGER only_forward BEFORE UPDATE ON "
    "aegis.tenant_head FOR EACH ROW WHEN (new.hash = '') EXECUTE FUNCTION aegis.refuse_shorter()": (
        "trigger only_forward of tenant_head was changed"
    ),
    f"CREATE OR REPLACE FUNCTION aegis.refuse() {DISARMED}": "function refuse() was changed",
    "ALTER FUNCTION aegis.refuse() RESET ALL": "function refuse() was changed",
    f"CREATE FUNCTION aegis.more() {DISARMED}; CREATE TRIGGER more BEFORE INSERT ON aegis.events "
    "FOR EACH ROW EXECUTE FUNCTION aegis.more()": "trigger more of events was added",
    "CREATE RULE less AS ON INSERT TO aegis.events DO INSTEAD NOTHING": "rule less of events",
    "ALTER TABLE aegis.detached DISABLE ROW LEVEL SECURITY": "table detached was changed",
    "ALTER TABLE aegis.events NO FORCE ROW LEVEL SECURITY": "table events was changed",
    "ALTER POLICY one_tenant ON aegis.events USING (true)": "policy one_tenant of events",
    "ALTER POLICY one_tenant ON aegis.blocks WITH CHECK (true)": "policy one_tenant of blocks",
    "CREATE POLICY more ON aegis.events USING (tenant_id = 'a')": "policy more of events was added",
    "GRANT UPDATE ON aegis.events TO aegis_writer": "grant on events to aegis_writer was changed",
    "GRANT UPDATE (body) ON aegis.events TO aegis_reader": "grant on body of events to",
    "GRANT DELETE ON aegis.documents TO PUBLIC": "grant on documents to everybody was added",
    "GRANT INSERT ON aegis.blocks TO aegis_writer WITH GRANT OPTION": "grant on blocks to",
    "GRANT CREATE ON SCHEMA aegis TO PUBLIC": "grant on schema aegis to everybody was added",
    "REVOKE SELECT ON aegis.blocks FROM aegis_reader": "grant on blocks to aegis_reader is missing",
    "ALTER TABLE aegis.events OWNER TO aegis_writer": "table events was changed",
    "ALTER SCHEMA aegis OWNER TO aegis_writer": "role aegis_writer was changed",
    "ALTER FUNCTION aegis.refuse() OWNER TO aegis_writer": "function refuse() was changed",
    "ALTER TABLE aegis.blocks SET UNLOGGED": "table blocks was changed",
    "ALTER TABLE aegis.events ADD more int": "column more of events was added",
    "ALTER TABLE aegis.events ALTER user_id DROP NOT NULL": "column user_id of events was changed",
    "ALTER TABLE aegis.events ALTER agent_id SET DEFAULT 'x'": "column agent_id of events",
    'ALTER TABLE aegis.events ALTER user_id TYPE text COLLATE "POSIX"': "column user_id of events",
    "ALTER TABLE aegis.events DROP CONSTRAINT events_tenant_id_session_id_seq_key": (
        "index events_tenant_id_session_id_seq_key of events is missing"
    ),
    "ALTER TABLE aegis.events ADD CHECK (seq < 9)": "constraint events_seq_check of events",
    "CREATE UNIQUE INDEX more ON aegis.events (session_id)": "index more of events was added",
    "DROP INDEX aegis.events_by_key; CREATE INDEX events_by_key ON aegis.events (tenant_id, "
    "idempotency_key, position) WHERE idempotency_key <> 'k'": "index events_by_key of events",
    "DROP INDEX aegis.events_by_key; CREATE COLLATION public.ci (provider = icu, "
    "locale = 'und-u-ks-level2', deterministic = false); CREATE INDEX events_by_key "
    "ON aegis.events (tenant_id, idempotency_key COLLATE public.ci, position) "
    "WHERE idempotency_key IS NOT NULL": "index events_by_key of events was changed",
    "ALTER POLICY one_tenant ON aegis.events "
    "USING (tenant_id::name = current_setting('aegis.tenant', true)::name)": (
        "policy one_tenant of events was changed"
    ),
    "ALTER POLICY every_tenant ON aegis.tenant_head "
    "USING (current_setting('aegis.tenant', true) = '( * )')": "policy every_tenant of tenant_head",
    "CREATE ROLE mallory; ALTER SCHEMA aegis OWNER TO mallory": (
        "owner of the schema was changed: expected 'who may write', found 'mallory'"
    ),
    "ALTER DEFAULT PRIVILEGES IN SCHEMA aegis GRANT ALL ON TABLES TO PUBLIC": (
        "default privilege for r of postgres was added"
    ),
    "CREATE TABLE aegis.mine (tenant_id text)": "table mine was added",
    "CREATE VIEW aegis.mine AS SELECT 1": "table mine was added",
    "CREATE TABLE public.child () INHERITS (aegis.events)": "inheritance of public.child",
    "CREATE TABLE public.child (d bytea REFERENCES aegis.documents)": "of documents was added",
}


@pytest.fixture
def admin(dsn: str) -> Iterator[connection.Connection]:
    """The superuser, in a database that a start has made a log in."""
    PostgresStore(dsn).close()
    with connection.connect(dsn, None) as link:
        yield link


def test_what_is_expected_is_what_the_migrations_make(dsn: str) -> None:
    with connection.connect(dsn, None) as link:
        schema.prepare(link)
        made = "".join(f"{name}\t{what}\n" for name, what in form.found(link).items())
    if os.environ.get("GOLDEN_REWRITE"):
        KEPT.write_text(made, "utf-8")
    assert made == KEPT.read_text("utf-8"), "run with GOLDEN_REWRITE=1 and read the diff"


def test_a_change_of_any_object_is_told_by_its_name(admin: connection.Connection) -> None:
    for change, named in CHANGES.items():
        with admin.transaction(force_rollback=True):
            admin.execute(change)
            changes = form.changes(admin)
            assert any(named in each for each in changes), (change, changes)
    assert form.changes(admin) == []


def test_a_disarmed_guard_is_told_by_a_start_and_by_verify(
    dsn: str, admin: connection.Connection
) -> None:
    admin.execute(f"CREATE OR REPLACE FUNCTION aegis.refuse() {DISARMED}")
    with pytest.raises(ConfigInvalid, match=r"function refuse\(\) was changed: expected .*, found"):
        PostgresStore(dsn)
    with opened_database(dsn) as log:
        (found,) = verify_database(log, []).breaks
    assert (found.rule, "function refuse() was changed" in found.detail) == ("file", True)


def test_what_a_role_of_ours_may_beyond_the_schema_is_told(
    dsn: str, admin: connection.Connection
) -> None:
    for change, named in {
        "GRANT pg_write_all_data TO aegis_writer": "role aegis_writer",
        "ALTER ROLE aegis_reader BYPASSRLS": "role aegis_reader",
        "ALTER ROLE aegis_writer LOGIN": "role aegis_writer was changed: expected 'member of",
        "ALTER ROLE aegis_writer REPLICATION": "role aegis_writer",
        "ALTER ROLE aegis_writer CREATEDB": "role aegis_writer",
    }.items():
        with admin.transaction(force_rollback=True):
            admin.execute(change)
            assert [named in each for each in form.changes(admin)] == [True]
    name = conninfo_to_dict(dsn)["dbname"]
    admin.execute(f"ALTER DATABASE {name} SET session_replication_role = replica")
    try:
        with pytest.raises(ConfigInvalid, match="session_replication_role was changed"):
            PostgresStore(dsn)
    finally:
        admin.execute(f"ALTER DATABASE {name} RESET session_replication_role")


def test_how_a_database_spells_names_does_not_count(dsn: str, admin: connection.Connection) -> None:
    name = conninfo_to_dict(dsn)["dbname"]
    admin.execute(f"ALTER DATABASE {name} SET quote_all_identifiers = on")
    PostgresStore(dsn).close()


def test_who_may_read_besides_is_the_owners_affair(dsn: str, admin: connection.Connection) -> None:
    admin.execute("GRANT USAGE ON SCHEMA aegis TO PUBLIC")
    admin.execute("GRANT SELECT ON aegis.events TO PUBLIC")
    PostgresStore(dsn).close()
