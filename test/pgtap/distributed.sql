-- Tests the dependencies of the tables that Citus distributes. The test needs no Citus, because the test itself follows
-- dependencies as Citus does. A distributed table must not depend on itself, directly or through other objects, because
-- Citus refuses such a table. A distributed table must not depend on the extension either, because Citus would create the
-- extension on the nodes.
BEGIN;
SELECT plan(10);

SELECT heartbeat_make_partitions(now(), now()) AS made \gset

CREATE TEMP VIEW distributed AS
    SELECT c.oid FROM pg_class c WHERE c.relname IN ('heartbeat_records', 'heartbeat_anomalies', 'heartbeat_rollup', 'heartbeat_rollup_pending')
    UNION
    SELECT h.inhrelid FROM pg_inherits h JOIN pg_class c ON c.oid = h.inhparent
    WHERE c.relname IN ('heartbeat_records', 'heartbeat_anomalies', 'heartbeat_rollup');

-- Each row has two objects. Citus must create the second object on its nodes before it creates the first object.
CREATE TEMP VIEW needs (classid, objid, refclassid, refobjid) AS
    SELECT d.classid, d.objid, d.refclassid, d.refobjid FROM pg_depend d WHERE d.deptype IN ('n', 'e')
    UNION -- if a view, function, constraint, default, policy or index uses both a relation and a function, the relation needs the function
    SELECT u.refclassid, u.refobjid, f.refclassid, f.refobjid
    FROM pg_depend u JOIN pg_depend f ON f.classid = u.classid AND f.objid = u.objid AND f.objsubid = u.objsubid
    WHERE u.refclassid = 'pg_class'::regclass AND f.refclassid = 'pg_proc'::regclass
      AND (u.deptype = 'n' OR u.deptype = 'a' AND u.refobjsubid <> 0)
    UNION -- a table needs the functions of its triggers
    SELECT 'pg_class'::regclass, t.tgrelid, 'pg_proc'::regclass, t.tgfoid FROM pg_trigger t WHERE t.tgparentid = 0
    UNION -- a table needs its indexes
    SELECT 'pg_class'::regclass, x.indrelid, 'pg_class'::regclass, x.indexrelid FROM pg_index x
    UNION -- a table needs its sequences
    SELECT d.refclassid, d.refobjid, d.classid, d.objid FROM pg_depend d JOIN pg_class c ON c.oid = d.objid
    WHERE d.classid = 'pg_class'::regclass AND d.deptype = 'a' AND c.relkind = 'S'
    UNION -- a view needs all objects that it uses
    SELECT 'pg_class'::regclass, r.ev_class, d.refclassid, d.refobjid
    FROM pg_rewrite r JOIN pg_depend d ON d.classid = 'pg_rewrite'::regclass AND d.objid = r.oid WHERE d.deptype <> 'i' AND d.refobjid <> r.ev_class
    UNION -- a row type needs its table, and an array type needs the type of its elements
    SELECT 'pg_type'::regclass, y.oid, 'pg_class'::regclass, y.typrelid FROM pg_type y WHERE y.typrelid <> 0
    UNION
    SELECT 'pg_type'::regclass, y.oid, 'pg_type'::regclass, y.typelem FROM pg_type y WHERE y.typelem <> 0;

CREATE TEMP VIEW reached AS
    WITH RECURSIVE walk (start, classid, objid) AS (
        SELECT t.oid, n.refclassid, n.refobjid FROM distributed t JOIN needs n ON n.classid = 'pg_class'::regclass AND n.objid = t.oid
        UNION SELECT w.start, n.refclassid, n.refobjid FROM walk w JOIN needs n ON n.classid = w.classid AND n.objid = w.objid
    ) SELECT w.start::regclass AS start, pg_describe_object(w.classid, w.objid, 0) AS object, w.objid = w.start AND w.classid = 'pg_class'::regclass AS itself
    FROM walk w;

CREATE TEMP VIEW calls AS
    SELECT d.objid::regprocedure AS caller, d.refobjid::regprocedure AS called, d.deptype FROM pg_depend d
    WHERE d.classid = 'pg_proc'::regclass AND d.refclassid = 'pg_proc'::regclass
      AND d.objid IN (SELECT m.objid FROM pg_depend m JOIN pg_extension e ON e.oid = m.refobjid
                      WHERE m.classid = 'pg_proc'::regclass AND m.deptype = 'e' AND e.extname = 'heartbeat');
CREATE TEMP TABLE calls_before AS SELECT * FROM calls;

-- Before heartbeat_prepare_spread() the forbidden dependencies exist, and the test must find them here. If the test could
-- not find dependencies, the checks below would always pass.
SELECT cmp_ok((SELECT count(*) FROM distributed), '>=', 10::bigint, 'the test looks at the tables and their table partitions');
SELECT cmp_ok((SELECT count(*) FROM calls), '>=', 80::bigint, 'PostgreSQL records the calls between functions of the extension');
SELECT isnt_empty('SELECT FROM reached WHERE itself', 'before the preparation a table depends on itself');
SELECT isnt_empty($$SELECT FROM reached WHERE object = 'extension heartbeat'$$, 'before the preparation a table depends on the extension');

SELECT heartbeat_prepare_spread();
SELECT is_empty('SELECT start, object FROM reached WHERE itself', 'heartbeat_distribute() distributes no table that depends on itself');
SELECT is_empty($$SELECT start, object FROM reached WHERE object ~ '^extension|heartbeat' AND object !~ 'sequence heartbeat_(records|anomalies)_id_seq|^index '$$,
                'no table that heartbeat_distribute() distributes depends on the extension or on one of its objects');
SELECT is_empty('SELECT * FROM heartbeat_check_objects()', 'the extension uses no object of another role: these tables are still its own');
SELECT is((SELECT sum(difference) FROM heartbeat_audit_tables()), 0::numeric, 'functions still call each other');

-- heartbeat_undistribute() also calls heartbeat_record_all_calls(true)
SELECT heartbeat_record_all_calls(true);
SELECT set_eq('SELECT * FROM calls', 'SELECT * FROM calls_before', 'heartbeat_record_all_calls() records the same calls again');
SELECT is((SELECT count(*) FROM calls), (SELECT count(*) FROM calls_before), 'and records none of them twice');

SELECT * FROM finish();
ROLLBACK;
