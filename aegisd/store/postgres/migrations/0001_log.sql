-- The log. Applied once, in one transaction; a file that was applied is never changed again.
--
-- Text is compared by code point (COLLATE "C"), whatever the database's locale. Every key begins
-- with tenant_id. A JSON pointer may hold a NUL, which text cannot, so pointers are bytes (UTF-8).

CREATE TABLE aegis.events (
    tenant_id text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    session_id text COLLATE "C" NOT NULL,
    seq bigint NOT NULL,
    event_type text COLLATE "C" NOT NULL,
    ts_unix_ms bigint NOT NULL,
    user_id text COLLATE "C" NOT NULL,
    agent_id text COLLATE "C",
    idempotency_key text COLLATE "C",
    prev_hash bytea NOT NULL,
    hash bytea NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (tenant_id, position),
    UNIQUE (tenant_id, session_id, seq)
);

CREATE INDEX events_by_key ON aegis.events (tenant_id, idempotency_key, position)
    WHERE idempotency_key IS NOT NULL;

-- Bytes that events name by their SHA-256, kept once for all tenants: who has the digest may read.
CREATE TABLE aegis.documents (
    digest bytea PRIMARY KEY,
    kind text COLLATE "C" NOT NULL,
    body bytea NOT NULL
);

CREATE TABLE aegis.snapshots (
    tenant_id text COLLATE "C" NOT NULL,
    session_id text COLLATE "C" NOT NULL,
    rules_version text COLLATE "C" NOT NULL,
    head bigint NOT NULL,
    head_hash bytea NOT NULL,
    body bytea NOT NULL,
    PRIMARY KEY (tenant_id, session_id)
);

-- Where each tenant's log ends. Its row lock is the tenant's turn. A cache beside the log, checked
-- against it: rows cut from the tail show here.
CREATE TABLE aegis.tenant_head (
    tenant_id text COLLATE "C" PRIMARY KEY,
    next_position bigint NOT NULL,
    hash bytea NOT NULL
) WITH (fillfactor = 50);

CREATE TABLE aegis.checkpoints (
    tenant_id text COLLATE "C" NOT NULL,
    size bigint NOT NULL,
    root bytea NOT NULL,
    note text COLLATE "C" NOT NULL,
    PRIMARY KEY (tenant_id, size)
);

CREATE TABLE aegis.blocks (
    tenant_id text COLLATE "C" NOT NULL,
    number bigint NOT NULL,
    root bytea NOT NULL,
    PRIMARY KEY (tenant_id, number)
);

CREATE TABLE aegis.detached (
    tenant_id text COLLATE "C" NOT NULL,
    position bigint NOT NULL,
    pointer bytea NOT NULL,
    subject text COLLATE "C" NOT NULL,
    salt bytea NOT NULL,
    value bytea NOT NULL,
    PRIMARY KEY (tenant_id, position, pointer)
);

CREATE INDEX detached_of_subject ON aegis.detached (tenant_id, subject);

-- ── append-only ──────────────────────────────────────────────────────────────────────────────────
-- The triggers stop accidents of an owner; against an owner who means it there are hashes and
-- checkpoints signed by a key that is not in the database.

CREATE FUNCTION aegis.refuse() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    RAISE EXCEPTION 'aegis: % of % is refused: the log is append-only', TG_OP, TG_TABLE_NAME
        USING ERRCODE = 'restrict_violation';
END $$;

CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON aegis.events
    FOR EACH STATEMENT EXECUTE FUNCTION aegis.refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON aegis.documents
    FOR EACH STATEMENT EXECUTE FUNCTION aegis.refuse();
CREATE TRIGGER append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON aegis.blocks
    FOR EACH STATEMENT EXECUTE FUNCTION aegis.refuse();
CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON aegis.checkpoints
    FOR EACH STATEMENT EXECUTE FUNCTION aegis.refuse();
CREATE TRIGGER append_only BEFORE DELETE OR TRUNCATE ON aegis.tenant_head
    FOR EACH STATEMENT EXECUTE FUNCTION aegis.refuse();
CREATE TRIGGER no_update BEFORE UPDATE ON aegis.detached
    FOR EACH STATEMENT EXECUTE FUNCTION aegis.refuse();

CREATE FUNCTION aegis.refuse_other_root() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    IF (old.tenant_id, old.size, old.root) IS DISTINCT FROM (new.tenant_id, new.size, new.root)
        OR old.note <> ''
    THEN
        RAISE EXCEPTION 'aegis: a checkpoint gets its note once and nothing else of it changes'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN new;
END $$;

CREATE TRIGGER note_once BEFORE UPDATE ON aegis.checkpoints
    FOR EACH ROW EXECUTE FUNCTION aegis.refuse_other_root();

CREATE FUNCTION aegis.refuse_shorter() RETURNS trigger LANGUAGE plpgsql SET search_path = '' AS $$
BEGIN
    IF new.tenant_id <> old.tenant_id OR new.next_position < old.next_position THEN
        RAISE EXCEPTION 'aegis: a log only grows'
            USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN new;
END $$;

CREATE TRIGGER only_forward BEFORE UPDATE ON aegis.tenant_head
    FOR EACH ROW EXECUTE FUNCTION aegis.refuse_shorter();

-- ── one tenant at a time ─────────────────────────────────────────────────────────────────────────
-- A second wall behind the conditions in every statement: a transaction sees and writes rows of the
-- tenant it named (set_config('aegis.tenant', …, true)), and without a name none at all. FORCE holds
-- the owner to it too. The name '*', which no tenant can have, lists where the logs end.

ALTER TABLE aegis.events ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE aegis.snapshots ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE aegis.tenant_head ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE aegis.checkpoints ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE aegis.blocks ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;
ALTER TABLE aegis.detached ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY;

CREATE POLICY one_tenant ON aegis.events
    USING (tenant_id = current_setting('aegis.tenant', true));
CREATE POLICY one_tenant ON aegis.snapshots
    USING (tenant_id = current_setting('aegis.tenant', true));
CREATE POLICY one_tenant ON aegis.tenant_head
    USING (tenant_id = current_setting('aegis.tenant', true));
CREATE POLICY one_tenant ON aegis.checkpoints
    USING (tenant_id = current_setting('aegis.tenant', true));
CREATE POLICY one_tenant ON aegis.blocks
    USING (tenant_id = current_setting('aegis.tenant', true));
CREATE POLICY one_tenant ON aegis.detached
    USING (tenant_id = current_setting('aegis.tenant', true));
CREATE POLICY every_tenant ON aegis.tenant_head FOR SELECT
    USING (current_setting('aegis.tenant', true) = '*');

-- ── who may do what ──────────────────────────────────────────────────────────────────────────────
-- The daemon logs in as whoever the DSN names and works as aegis_writer, its readers as
-- aegis_reader. Both roles are made before this file is applied.

REVOKE ALL ON SCHEMA aegis FROM PUBLIC;
GRANT USAGE ON SCHEMA aegis TO aegis_reader, aegis_writer;
GRANT SELECT ON ALL TABLES IN SCHEMA aegis TO aegis_reader, aegis_writer;
GRANT INSERT ON aegis.events, aegis.documents, aegis.snapshots, aegis.tenant_head,
    aegis.checkpoints, aegis.blocks, aegis.detached TO aegis_writer;
GRANT UPDATE ON aegis.tenant_head, aegis.snapshots TO aegis_writer;
GRANT UPDATE (note) ON aegis.checkpoints TO aegis_writer;
GRANT DELETE ON aegis.detached TO aegis_writer;
