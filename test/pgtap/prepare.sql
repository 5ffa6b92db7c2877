-- A transaction that controls the workers notifies them at its commit. After PREPARE TRANSACTION, another session can run COMMIT
-- PREPARED, and this other session would not notify the workers. So heartbeat refuses to prepare such a transaction.
\set ON_ERROR_STOP off
\set ON_ERROR_ROLLBACK off
SELECT plan(6);

BEGIN;
DO $$ BEGIN PERFORM heartbeat_pause('prepared'); END $$;
PREPARE TRANSACTION 'heartbeat_pgtap';
\set state :SQLSTATE
\set message :LAST_ERROR_MESSAGE
SELECT is(:'state'::text, '0A000', 'heartbeat_pause() cannot be prepared');
SELECT is(:'message'::text, 'cannot PREPARE a transaction that controls heartbeat''s workers', 'the error names the workers');
SELECT is_empty('SELECT FROM heartbeat_control WHERE paused', 'the pause is rolled back');
SELECT is_empty('SELECT FROM pg_prepared_xacts', 'no transaction is prepared');

BEGIN;
DO $$ BEGIN PERFORM heartbeat_resume(); END $$;
PREPARE TRANSACTION 'heartbeat_pgtap';
\set state :SQLSTATE
SELECT is(:'state'::text, '0A000', 'heartbeat_resume() cannot be prepared');

-- heartbeat lets the server prepare all other transactions
BEGIN;
DO $$ BEGIN PERFORM heartbeat_classify(74); END $$;
PREPARE TRANSACTION 'heartbeat_pgtap';
\set state :SQLSTATE
SELECT isnt(:'state'::text, '0A000', 'a transaction that does not notify the workers is not refused');
SELECT count(*) = 1 AS prepared FROM pg_prepared_xacts WHERE gid = 'heartbeat_pgtap' \gset
\if :prepared
    ROLLBACK PREPARED 'heartbeat_pgtap';
\endif
SELECT * FROM finish();
