-- All objects that CREATE EXTENSION heartbeat creates. `make` joins the files of sql/extension into this script: first the tables,
-- then the functions and views. `make` also joins the same files into the scripts of updates (sql/updates). A role may rename
-- the extension's schema at any time, and other roles may create objects in this schema. So no function looks up a name in this
-- schema: SQL bodies are bound when they are created, and PL/pgSQL functions, which write DDL, receive their tables by oid
-- (regclass).
\echo Use "CREATE EXTENSION heartbeat" to load this file. \quit
