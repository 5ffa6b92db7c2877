-- Everything that CREATE EXTENSION heartbeat makes, in the order in which a reading meets it. `make` joins this script from
-- the pieces in sql/extension. What changes there after a release, sql/heartbeat--OLD--NEW.sql changes in the databases that
-- have the old version.
-- Its schema may be renamed at any time, so no function holds the name: the bodies in SQL are parsed here, once and for
-- all, and those in PL/pgSQL, which write DDL, look the name up.
\echo Use "CREATE EXTENSION heartbeat" to load this file. \quit
