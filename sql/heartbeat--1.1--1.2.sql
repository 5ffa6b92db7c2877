-- heartbeat 1.1 to 1.2: makes of the old version what CREATE EXTENSION makes of the new one, object by object.
\echo Use "ALTER EXTENSION heartbeat UPDATE" to load this file. \quit

LOCK TABLE heartbeat_control; -- waits for the batch under way, and the next batch waits for this
