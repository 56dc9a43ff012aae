-- The form of the log's schema: one row for each object that guards it, and what it is, in words
-- that every version of PostgreSQL spells alike. Names outside pg_catalog come with their schema,
-- since the connection has no other search path; expressions are compared to the letter.

WITH schema AS (
    SELECT oid, nspname, nspowner, nspacl FROM pg_namespace WHERE nspname = 'aegis'
),
tables AS (
    SELECT pg_class.oid, relname, relkind, relowner, relacl, relpersistence, relrowsecurity,
        relforcerowsecurity, nspowner
    FROM pg_class JOIN schema ON relnamespace = schema.oid
    WHERE relkind NOT IN ('i', 'I', 't', 'c')
),
roles AS (
    SELECT * FROM pg_roles
    WHERE rolname IN ('aegis_reader', 'aegis_writer')
),
granted (object, grantee, privilege) AS (
    SELECT 'schema aegis', grantee, privilege_type || CASE WHEN is_grantable THEN '*' ELSE '' END
    FROM schema, aclexplode(nspacl) WHERE grantee <> nspowner
    UNION ALL
    SELECT relname, grantee, privilege_type || CASE WHEN is_grantable THEN '*' ELSE '' END
    FROM tables, aclexplode(relacl) WHERE grantee <> relowner
    UNION ALL
    SELECT attname || ' of ' || relname, grantee,
        privilege_type || CASE WHEN is_grantable THEN '*' ELSE '' END
    FROM tables JOIN pg_attribute ON attrelid = tables.oid, aclexplode(attacl)
    WHERE grantee <> relowner
),
found (object, form) AS (
    SELECT 'table ' || relname, concat_ws(', ',
        'kind ' || relkind::text, 'persistence ' || relpersistence::text,
        CASE WHEN relrowsecurity THEN 'row-level security enabled' END,
        CASE WHEN relforcerowsecurity THEN 'and forced' END,
        CASE WHEN relowner <> nspowner THEN 'owned by another than the schema' END)
    FROM tables
    UNION ALL
    SELECT 'column ' || attname || ' of ' || relname, concat_ws(', ',
        row_number() OVER (PARTITION BY attrelid ORDER BY attnum),
        format_type(atttypid, atttypmod), 'collation ' || nullif(attcollation, 0)::regcollation,
        CASE WHEN attnotnull THEN 'not null' END, CASE WHEN attgenerated <> '' THEN 'generated' END,
        CASE WHEN attidentity <> '' THEN 'identity' END,
        'default ' || pg_get_expr(adbin, adrelid))
    FROM tables JOIN pg_attribute ON attrelid = tables.oid
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE attnum > 0 AND NOT attisdropped
    UNION ALL
    -- Of what is not null each column says so itself.
    SELECT 'constraint ' || conname || ' of ' || relname, concat_ws(', ', 'kind ' || contype::text,
        CASE WHEN condeferrable THEN 'deferrable' END)
    FROM tables JOIN pg_constraint ON conrelid = tables.oid WHERE contype <> 'n'
    UNION ALL
    SELECT 'index ' || index.relname || ' of ' || tables.relname, concat_ws(', ',
        CASE WHEN indisunique THEN 'unique' END, CASE WHEN NOT indimmediate THEN 'deferred' END,
        CASE WHEN NOT (indisvalid AND indisready AND indislive) THEN 'not valid' END,
        (SELECT string_agg(concat_ws(' ', coalesce(attname, 'an expression'), 'by',
                nullif(opcnamespace::regnamespace::text, 'pg_catalog'), opcname,
                'collation ' || nullif(collated, 0)::regcollation, 'ordered ' || nullif(way, 0)),
                ', ' ORDER BY at)
            FROM unnest(indkey::int2[], indclass::oid[], indcollation::oid[], indoption::int2[])
                WITH ORDINALITY AS key (number, class, collated, way, at)
            LEFT JOIN pg_opclass ON pg_opclass.oid = class
            LEFT JOIN pg_attribute ON attrelid = indrelid AND attnum = number AND number <> 0),
        'where ' || pg_get_expr(indpred, indrelid))
    FROM tables JOIN pg_index ON indrelid = tables.oid
    JOIN pg_class AS index ON index.oid = indexrelid
    UNION ALL
    SELECT 'trigger ' || tgname || ' of ' || relname, concat_ws(', ',
        CASE WHEN tgenabled IN ('O', 'A') THEN 'enabled' ELSE 'disabled' END,
        'type ' || tgtype::text, 'calls ' || tgfoid::regproc::text, CASE WHEN tgqual IS NOT NULL THEN 'sometimes' END,
        CASE WHEN tgattr::text <> '' THEN 'for some columns' END,
        CASE WHEN tgdeferrable THEN 'deferrable' END)
    FROM tables JOIN pg_trigger ON tgrelid = tables.oid
    UNION ALL
    SELECT 'function ' || proname || '(' || oidvectortypes(proargtypes) || ')', concat_ws(', ',
        lanname, 'returns ' || format_type(prorettype, NULL),
        'settings ' || array_to_string(proconfig, ' '),
        CASE WHEN prosecdef THEN 'with the rights of its owner' END,
        CASE WHEN proowner <> nspowner THEN 'owned by another than the schema' END,
        'body ' || left(encode(sha256(convert_to(prosrc, 'UTF8')), 'hex'), 16))
    FROM pg_proc JOIN schema ON pronamespace = schema.oid
    JOIN pg_language ON pg_language.oid = prolang
    UNION ALL
    SELECT 'policy ' || polname || ' of ' || relname, concat_ws(', ',
        CASE WHEN polpermissive THEN 'permissive' ELSE 'restrictive' END, 'for ' || polcmd::text,
        CASE WHEN polroles <> '{0}' THEN 'for some roles' END,
        'using ' || pg_get_expr(polqual, polrelid),
        'check ' || pg_get_expr(polwithcheck, polrelid))
    FROM tables JOIN pg_policy ON polrelid = tables.oid
    UNION ALL
    SELECT 'rule ' || rulename || ' of ' || relname, 'on ' || ev_type::text
    FROM tables JOIN pg_rewrite ON ev_class = tables.oid
    UNION ALL
    SELECT 'inheritance of ' || inhrelid::regclass || ' from ' || inhparent::regclass, 'there'
    FROM pg_inherits WHERE inhrelid IN (SELECT oid FROM tables)
        OR inhparent IN (SELECT oid FROM tables)
    UNION ALL
    -- Who may read besides is the owner's affair; who may do more is the log's.
    SELECT 'grant on ' || object || ' to ' || coalesce(rolname, 'everybody'),
        string_agg(privilege, ' ' ORDER BY privilege)
    FROM granted LEFT JOIN pg_roles ON pg_roles.oid = grantee
    WHERE privilege NOT IN ('SELECT', 'USAGE') OR grantee IN (SELECT oid FROM roles)
    GROUP BY object, rolname
    UNION ALL
    SELECT 'role ' || roles.rolname, concat_ws(', ',
        CASE WHEN rolsuper THEN 'superuser' END,
        CASE WHEN rolbypassrls THEN 'bypasses row-level security' END,
        CASE WHEN rolcreaterole THEN 'makes roles' END,
        CASE WHEN rolcreatedb THEN 'makes databases' END,
        CASE WHEN rolreplication THEN 'replicates' END,
        CASE WHEN rolcanlogin THEN 'logs in' END,
        CASE WHEN pg_has_role(roles.oid, nspowner, 'MEMBER') THEN 'acts as the schema''s owner' END,
        'member of ' || (SELECT string_agg(DISTINCT pg_get_userbyid(roleid), ' ')
            FROM pg_auth_members WHERE member = roles.oid))
    FROM roles, schema
    UNION ALL
    -- The owner may take every guard away: nobody who may not write in any case.
    SELECT 'owner of the schema', CASE
        WHEN rolsuper OR pg_has_role(nspowner, 'aegis_writer', 'MEMBER') THEN 'who may write'
        WHEN nspowner = datdba THEN 'who may write'
        ELSE rolname::text END
    FROM schema JOIN pg_roles ON pg_roles.oid = nspowner
    JOIN pg_database ON datname = current_database()
    UNION ALL
    SELECT 'default privilege for ' || defaclobjtype::text || ' of ' || pg_get_userbyid(defaclrole),
        defaclacl::text
    FROM pg_default_acl JOIN schema ON defaclnamespace = schema.oid
    UNION ALL
    SELECT 'setting session_replication_role', current_setting('session_replication_role')
)
SELECT object, form FROM found ORDER BY object COLLATE "C", form COLLATE "C"
