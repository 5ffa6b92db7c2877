-- The prefix belongs to the extension: a misspelt setting is an error. PostgreSQL 14 has no such errors:
-- expected/misspelt_1.out.
SET heartbeat.brokrs = 'localhost:9092';
SELECT current_setting('heartbeat.brokrs');
