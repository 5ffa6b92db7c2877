-- All objects that CREATE EXTENSION heartbeat creates. `make` joins the files of sql/extension into this script: first the tables,
-- then the functions and views. `make` also joins the same files into the scripts of updates (sql/updates). A role may rename the
-- extension's schema at any time, and other roles may create objects in this schema. So functions use tables by oid, not by name.
-- In an SQL body PostgreSQL looks up the tables only once, when CREATE FUNCTION runs. In PL/pgSQL it looks up the tables when the
-- function runs, so PL/pgSQL functions receive their tables as arguments of type regclass.
\echo Use "CREATE EXTENSION heartbeat" to load this file. \quit
