--
-- The end of each script: moves all objects to the extension's schema, and makes the extension's owner the owner of these objects
--

-- the workers wait for the extension; this call wakes them when the transaction commits
SELECT heartbeat_wake_workers();

-- From here on PostgreSQL looks up names only in pg_catalog.
SET LOCAL search_path = pg_catalog, pg_temp;

DO $$
DECLARE
    taken text;
    owner name := (SELECT r.rolname FROM pg_extension e JOIN pg_roles r ON r.oid = e.extowner WHERE e.extname = 'heartbeat');
    schema name := (SELECT n.nspname FROM pg_extension e JOIN pg_namespace n ON n.oid = e.extnamespace WHERE e.extname = 'heartbeat');
    found record;
    one record;
BEGIN
    FOR found IN SELECT object, uses FROM heartbeat_building.heartbeat_check_objects()
                 WHERE object LIKE 'function %' OR object LIKE 'rule \_RETURN on view %' LOOP
        RAISE EXCEPTION 'extension "heartbeat" would use %, which does not belong to the server', found.uses
            USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = format('The object that would use it: %s.', found.object),
                  HINT = 'Drop the used object, and try again.';
    END LOOP;
    taken := (
        SELECT string_agg(o.description, ', ' ORDER BY o.description) FROM (
            SELECT format('function %s', old.oid::regprocedure)
            FROM pg_proc new JOIN pg_proc old ON old.proname = new.proname AND old.proargtypes = new.proargtypes
            JOIN pg_namespace n ON n.oid = old.pronamespace AND n.nspname = schema
            WHERE new.pronamespace = 'heartbeat_building'::regnamespace
            UNION SELECT pg_describe_object('pg_class'::regclass, old.oid, 0)
            FROM pg_class new JOIN pg_class old ON old.relname = new.relname
            JOIN pg_namespace n ON n.oid = old.relnamespace AND n.nspname = schema
            WHERE new.relnamespace = 'heartbeat_building'::regnamespace
            UNION SELECT pg_describe_object('pg_type'::regclass, old.oid, 0)
            FROM pg_class new JOIN pg_type old ON old.typname = new.relname AND old.typrelid = 0 AND new.reltype <> 0
            JOIN pg_namespace n ON n.oid = old.typnamespace AND n.nspname = schema
            WHERE new.relnamespace = 'heartbeat_building'::regnamespace) o (description));
    IF taken IS NOT NULL THEN
        RAISE EXCEPTION 'schema "%" has objects of other roles with names of extension "heartbeat"', schema
            USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = taken,
                  HINT = 'Drop or rename these objects, or create the extension in a schema where no other role can create objects.';
    END IF;
    FOR one IN
        SELECT CASE c.relkind WHEN 'v' THEN 'VIEW' ELSE 'TABLE' END AS kind, c.oid::regclass::text AS name, c.relowner AS owner
        FROM pg_class c WHERE c.relnamespace = 'heartbeat_building'::regnamespace AND c.relkind IN ('r', 'p', 'v')
        UNION ALL
        SELECT 'FUNCTION', p.oid::regprocedure::text, p.proowner
        FROM pg_proc p WHERE p.pronamespace = 'heartbeat_building'::regnamespace
    LOOP
        -- heartbeat's functions must run with the rights of the extension's owner. If another role runs this script, this role
        -- owns the new objects, and this loop gives them to the extension's owner.
        IF one.owner <> quote_ident(owner)::regrole AND one.owner = quote_ident(current_user)::regrole THEN
            EXECUTE format('ALTER %s %s OWNER TO %I', one.kind, one.name, owner);
        END IF;
        EXECUTE format('ALTER %s %s SET SCHEMA %I', one.kind, one.name, schema);
    END LOOP;
END
$$;
DROP SCHEMA heartbeat_building;
