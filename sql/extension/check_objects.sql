--
-- This function finds objects of other roles that the extension uses
--

CREATE FUNCTION heartbeat_check_objects(OUT object text, OUT uses text) RETURNS SETOF record
    LANGUAGE sql STABLE SET search_path = pg_catalog, pg_temp
BEGIN ATOMIC
    -- `parents` has each of these four tables that the extension's owner owns, even if a person has removed the table from the
    -- extension (ALTER EXTENSION heartbeat DROP TABLE).
    WITH RECURSIVE parents AS MATERIALIZED (
        SELECT c.oid
        FROM unnest(ARRAY['heartbeat_records'::regclass, 'heartbeat_anomalies'::regclass, 'heartbeat_rollup'::regclass,
                          'heartbeat_rollup_pending'::regclass]) t (parent)
        JOIN pg_class c ON c.oid = t.parent::oid JOIN pg_extension e ON e.extowner = c.relowner
        WHERE e.extname = 'heartbeat'::name
    ), below AS ( -- the owner may have divided a table partition into further table partitions, in several levels
        SELECT h.inhrelid FROM pg_inherits h JOIN parents p ON p.oid = h.inhparent
        UNION ALL SELECT h.inhrelid FROM below b JOIN pg_inherits h ON h.inhparent = b.inhrelid
    ), members AS MATERIALIZED (
        SELECT d.classid, d.objid FROM pg_depend d JOIN pg_extension e ON e.oid = d.refobjid
        WHERE d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'::"char" AND e.extname = 'heartbeat'::name
        UNION SELECT 'pg_class'::regclass::oid, p.oid FROM parents p
        UNION SELECT 'pg_class'::regclass::oid, b.inhrelid FROM below b
        UNION SELECT d.classid, d.objid FROM pg_depend d JOIN parents p ON p.oid = d.refobjid -- the sequences of `parents`
        JOIN pg_class s ON s.oid = d.objid AND s.relkind = 'S'::"char"
        WHERE d.classid = 'pg_class'::regclass::oid AND d.refclassid = 'pg_class'::regclass::oid AND d.deptype = 'a'::"char"
    ), tables AS (
        SELECT m.objid FROM members m WHERE m.classid = 'pg_class'::regclass::oid
    ), parts AS (
        SELECT classid, objid FROM members
        UNION ALL SELECT 'pg_rewrite'::regclass::oid, r.oid FROM pg_rewrite r JOIN tables t ON t.objid = r.ev_class
        UNION ALL SELECT 'pg_attrdef'::regclass::oid, a.oid FROM pg_attrdef a JOIN tables t ON t.objid = a.adrelid
        UNION ALL SELECT 'pg_constraint'::regclass::oid, c.oid FROM pg_constraint c JOIN tables t ON t.objid = c.conrelid
        UNION ALL SELECT 'pg_class'::regclass::oid, i.indexrelid FROM pg_index i JOIN tables t ON t.objid = i.indrelid
        UNION ALL SELECT 'pg_policy'::regclass::oid, p.oid FROM pg_policy p JOIN tables t ON t.objid = p.polrelid
        UNION ALL SELECT 'pg_trigger'::regclass::oid, g.oid FROM pg_trigger g JOIN tables t ON t.objid = g.tgrelid
            -- This condition excludes the triggers of constraints. tgisinternal cannot replace this test: PostgreSQL 14 also sets
            -- this column for a trigger that a table partition has from its parent.
            WHERE NOT EXISTS (SELECT FROM pg_constraint k WHERE k.oid = g.tgconstraint AND k.contype <> 't'::"char")
    ), own AS (
        SELECT classid, objid FROM parts
        UNION ALL SELECT 'pg_type'::regclass::oid, y.oid FROM pg_type y JOIN tables t ON t.objid = y.typrelid
    )
    SELECT pg_describe_object(p.classid, p.objid, 0), pg_describe_object(d.refclassid, d.refobjid, d.refobjsubid)
    FROM parts p JOIN pg_depend d ON d.classid = p.classid AND d.objid = p.objid
    WHERE d.refclassid IN ('pg_proc'::regclass::oid, 'pg_operator'::regclass::oid, 'pg_type'::regclass::oid,
                           'pg_collation'::regclass::oid, 'pg_opclass'::regclass::oid, 'pg_class'::regclass::oid)
      AND d.refobjid >= 16384::oid -- initdb has created all objects with smaller oids
      AND d.deptype = 'n'::"char"
      AND NOT EXISTS (SELECT FROM own o WHERE o.classid = d.refclassid AND o.objid = d.refobjid)
    GROUP BY 1, 2 ORDER BY 1, 2;
END;
COMMENT ON FUNCTION heartbeat_check_objects() IS
    'Finds each object of the extension that uses an object of a user. An object of a user belongs neither to the server nor to the '
    'extension, for example a function, an operator, a type or a table. Each row has the extension''s object and the user''s object. '
    'An object of the extension is a function, a view, or a table''s default, constraint, index, policy or trigger. A user''s '
    'function runs with the rights of the role that uses the extension''s object. The function also returns rows for objects that '
    'you have added to the tables yourself. Every other row shows a security problem.';
