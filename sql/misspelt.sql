-- The prefix heartbeat belongs to the extension, so a misspelt setting is an error. PostgreSQL 14 raises no such error: see
-- expected/misspelt_1.out.
SET heartbeat.brokrs = 'localhost:9092';
SELECT current_setting('heartbeat.brokrs');
