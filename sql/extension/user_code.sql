--
-- Code of other roles
--

CREATE FUNCTION heartbeat_refuse_user_code(tables regclass[]) RETURNS void
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_refuse_user_code(regclass[]) IS
    'Internal: locks tables of heartbeat''s bookkeeping for writing, and raises an error where code on one of them would run as '
    'the role that writes, and somebody else may have put it there: a trigger whose function belongs to neither the owner nor a '
    'superuser, or on a table on which others hold TRIGGER; a rule, a policy, another owner''s table. Each function that writes '
    'there as the extension''s owner calls it first.';

CREATE FUNCTION heartbeat_notify(channel text, payload text) RETURNS void
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_notify(text, text) IS
    'Internal: NOTIFY, unless the server''s queue of notifications is more than a quarter full: then the announcement is dropped and '
    'counted, so that no role can hold up heartbeat by filling the queue.';

CREATE FUNCTION heartbeat_announcements_dropped() RETURNS bigint
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_announcements_dropped() IS
    'How many announcements (NOTIFY) were dropped since the server started, because the queue of notifications was full; '
    'behind heartbeat_metrics.';
