--
-- Rights: every role may call heartbeat_classify(). This block revokes all other rights from PUBLIC, and the owner can grant
-- rights later. During ALTER EXTENSION heartbeat UPDATE, the block does not change the rights on existing objects, because the
-- owner may have granted these rights. begin.sql stores the oids of the existing objects in heartbeat_building.found.
--
DO $$
DECLARE
    found oid[] := string_to_array(current_setting('heartbeat_building.found'), ' ')::oid[];
    statement text;
BEGIN
    FOR statement IN
        SELECT format('REVOKE ALL ON %s %s FROM PUBLIC', CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END, c.oid::regclass)
        FROM pg_class c
        WHERE c.relnamespace = 'heartbeat_building'::regnamespace AND c.relkind IN ('r', 'p', 'v', 'S') AND c.oid <> ALL (found)
        UNION ALL
        SELECT format('REVOKE ALL ON FUNCTION %s FROM PUBLIC', p.oid::regprocedure)
        FROM pg_proc p
        WHERE p.pronamespace = 'heartbeat_building'::regnamespace AND p.proname <> 'heartbeat_classify' AND p.oid <> ALL (found)
    LOOP
        EXECUTE statement;
    END LOOP;
END
$$;
