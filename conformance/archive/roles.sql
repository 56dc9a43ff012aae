-- Roles are the cluster's, so that pg_dump leaves them out; a first start of aegisd makes them.
DO $$
DECLARE name text;
BEGIN
    FOREACH name IN ARRAY ARRAY['aegis_reader', 'aegis_writer'] LOOP
        BEGIN
            EXECUTE format('CREATE ROLE %I NOLOGIN', name);
        EXCEPTION WHEN duplicate_object OR unique_violation THEN
            NULL;
        END;
    END LOOP;
    IF NOT pg_has_role('aegis_writer', 'aegis_reader', 'MEMBER') THEN
        GRANT aegis_reader TO aegis_writer;
    END IF;
END $$;

