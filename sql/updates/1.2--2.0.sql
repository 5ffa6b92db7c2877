-- heartbeat 1.2 to 2.0: changes the old version into the extension that CREATE EXTENSION creates, object by object. It replaces all
-- functions and views.
\echo Use "ALTER EXTENSION heartbeat UPDATE" to load this file. \quit

-- @distributed_begin@

-- @begin@

-- @code@

-- Rights on new objects

-- @rights@

-- @distributed_finish@

-- @finish@
