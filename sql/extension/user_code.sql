--
-- These functions protect heartbeat from other roles: from their triggers, rules, policies and expressions, and from a full
-- notification queue
--

CREATE FUNCTION heartbeat_refuse_user_code(tables regclass[]) RETURNS void
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_refuse_user_code(regclass[]) IS
    'Internal: locks bookkeeping tables of heartbeat for writing. Raises an error if one of the tables has a rule, a policy or '
    'another owner. Also raises an error for two kinds of triggers: a trigger whose function belongs neither to the owner nor to a '
    'superuser, and every trigger of a table on which other roles have TRIGGER. heartbeat''s own triggers are exceptions. If the '
    'current role is a superuser, the trigger''s function must belong to a superuser. Also raises an error if a condition of a '
    'trigger, a default, a constraint, an index or statistics use functions that are not part of PostgreSQL or not immutable, or '
    'if a column has a domain or a range type of a role. Each function of the extension calls this function before it writes to '
    'such a table with the rights of the extension''s owner.';

CREATE FUNCTION heartbeat_notify(channel text, payload text) RETURNS void
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_notify(text, text) IS
    'Internal: sends NOTIFY. If the server''s notification queue is more than a quarter full, the function drops and counts the '
    'announcement instead. So no role can stop heartbeat by filling the queue.';

CREATE FUNCTION heartbeat_announcements_dropped() RETURNS bigint
    AS 'MODULE_PATHNAME' LANGUAGE C STRICT;
COMMENT ON FUNCTION heartbeat_announcements_dropped() IS
    'Returns how many announcements (NOTIFY) heartbeat has dropped since the server started, because the notification queue '
    'was more than a quarter full. In a database that the workers do not serve, returns NULL. heartbeat_metrics shows the number.';
