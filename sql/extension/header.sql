-- heartbeat 1.0: everything that CREATE EXTENSION heartbeat makes, in the order in which a reading meets it. `make` joins
-- this script from the pieces in sql/extension.
-- Its schema may be renamed at any time, so no function holds the name: the bodies in SQL are parsed here, once and for
-- all, and those in PL/pgSQL, which write DDL, look the name up.
\echo Use "CREATE EXTENSION heartbeat" to load this file. \quit
