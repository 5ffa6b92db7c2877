--
-- The end
--

-- workers that wait for the extension are told once it commits
SELECT heartbeat_wake_workers();

-- What somebody else has put into this schema may have matched better than the server's own above (an operator for
-- double precision and integer, say). Whoever used a view or stored a row would run it. This is the last statement,
-- since the search path is from here on without the schema.
DO $$
DECLARE
    member text;
    stranger text;
BEGIN
    SET LOCAL search_path = pg_catalog, pg_temp;
    WITH members AS (
        SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
        WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e' AND e.extname = 'heartbeat'
    ), parts AS (
        SELECT classid, objid FROM members
        UNION ALL SELECT 'pg_rewrite'::regclass, r.oid FROM pg_rewrite r JOIN members m ON m.objid = r.ev_class
        UNION ALL SELECT 'pg_attrdef'::regclass, a.oid FROM pg_attrdef a JOIN members m ON m.objid = a.adrelid
        UNION ALL SELECT 'pg_constraint'::regclass, c.oid FROM pg_constraint c JOIN members m ON m.objid = c.conrelid
        UNION ALL SELECT 'pg_class'::regclass, i.indexrelid FROM pg_index i JOIN members m ON m.objid = i.indrelid
    )
    SELECT pg_describe_object(d.classid, d.objid, d.objsubid), pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid)
    INTO member, stranger
    FROM parts p JOIN pg_depend d ON d.classid = p.classid AND d.objid = p.objid
    WHERE d.refclassid IN ('pg_proc'::regclass, 'pg_operator'::regclass, 'pg_type'::regclass, 'pg_collation'::regclass)
      AND NOT EXISTS (SELECT FROM members m WHERE m.classid = d.refclassid AND m.objid = d.refobjid)
    ORDER BY 1, 2 LIMIT 1;
    IF FOUND THEN
        RAISE EXCEPTION 'extension "heartbeat" would use %, which is not the server''s', stranger
            USING ERRCODE = 'object_not_in_prerequisite_state', DETAIL = format('It would be used by %s.', member),
                  HINT = 'Drop it, or create the extension in a schema where nobody else can create objects.';
    END IF;
END
$$;
