-- heartbeat_set_owner(): afterwards no object of the extension depends on the old owner, so a superuser can drop this role.
SET client_min_messages = warning;
DROP EXTENSION heartbeat;
CREATE ROLE heartbeat_regress_dba SUPERUSER;
CREATE ROLE heartbeat_regress_owner;
SET ROLE heartbeat_regress_dba;
CREATE EXTENSION heartbeat;
SELECT heartbeat_set_owner('heartbeat_regress_owner');
RESET ROLE;

-- the initial rights of the extension's objects name only the new owner
CREATE VIEW heartbeat_initial AS
    SELECT DISTINCT a.grantor::regrole AS grantor, a.grantee::regrole AS grantee
    FROM pg_init_privs i
    JOIN pg_depend d ON d.classid = i.classoid AND d.objid = i.objoid AND d.refclassid = 'pg_extension'::regclass AND d.deptype = 'e'
    JOIN pg_extension e ON e.oid = d.refobjid AND e.extname = 'heartbeat', aclexplode(i.initprivs) a;
SELECT * FROM heartbeat_initial WHERE grantee <> 0;
REASSIGN OWNED BY heartbeat_regress_dba TO CURRENT_USER;
DROP OWNED BY heartbeat_regress_dba;
DROP ROLE heartbeat_regress_dba;

-- a role that owned the extension, and now owns nothing, can be dropped too
SELECT heartbeat_set_owner(quote_ident(current_user)::regrole);
SELECT DISTINCT grantee = quote_ident(current_user)::regrole AS returned FROM heartbeat_initial WHERE grantee <> 0;
DROP OWNED BY heartbeat_regress_owner;
DROP ROLE heartbeat_regress_owner;
DROP VIEW heartbeat_initial;
DROP EXTENSION heartbeat;
CREATE EXTENSION heartbeat;
