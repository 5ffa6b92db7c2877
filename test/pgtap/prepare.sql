-- What tells the workers something cannot be prepared: COMMIT PREPARED may happen where nobody would tell them.
\set ON_ERROR_STOP off
\set ON_ERROR_ROLLBACK off
SELECT plan(6);

BEGIN;
DO $$ BEGIN PERFORM heartbeat_pause('prepared'); END $$;
PREPARE TRANSACTION 'heartbeat_pgtap';
\set state :SQLSTATE
\set message :LAST_ERROR_MESSAGE
SELECT is(:'state'::text, '0A000', 'a pause cannot be prepared');
SELECT is(:'message'::text, 'cannot PREPARE a transaction that steers heartbeat''s workers', 'and the error says so');
SELECT is_empty('SELECT FROM heartbeat_control WHERE paused', 'the pause is undone');
SELECT is_empty('SELECT FROM pg_prepared_xacts', 'nothing is prepared');

BEGIN;
DO $$ BEGIN PERFORM heartbeat_resume(); END $$;
PREPARE TRANSACTION 'heartbeat_pgtap';
\set state :SQLSTATE
SELECT is(:'state'::text, '0A000', 'nor can a resume');

-- another transaction can, as far as the server is set up for it
BEGIN;
DO $$ BEGIN PERFORM heartbeat_classify(74); END $$;
PREPARE TRANSACTION 'heartbeat_pgtap';
\set state :SQLSTATE
SELECT isnt(:'state'::text, '0A000', 'a transaction that steers nothing is not refused for that');
SELECT count(*) = 1 AS prepared FROM pg_prepared_xacts WHERE gid = 'heartbeat_pgtap' \gset
\if :prepared
    ROLLBACK PREPARED 'heartbeat_pgtap';
\endif
SELECT * FROM finish();
