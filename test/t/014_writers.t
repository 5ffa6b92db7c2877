# While the worker stores a batch, another session moves the stored offset, pauses ingest, or stores the same messages.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

my $kafka = Heartbeat::Kafka->new('writers');
$kafka->start;
$kafka->create_topic('heartbeat-events', 1);
my $node = Heartbeat::Cluster->create('writers', kafka => $kafka);
my $rows = 'SELECT (SELECT count(*) FROM heartbeat_records) + (SELECT count(*) FROM heartbeat_anomalies)';
my $begin = 1_790_000_000;

# Locks a table in a user's session, publishes ten readings, and waits until the worker waits for the lock in the middle of its
# batch. Returns the session.
sub hold_batch
{
	my ($first) = @_;
	my $user = $node->background_psql('heartbeat');
	$user->query_safe('BEGIN');
	$user->query_safe('LOCK TABLE heartbeat_anomalies IN EXCLUSIVE MODE');
	$kafka->produce('heartbeat-events', map { { value => reading('writer', $_ == 5 ? 200 : 70, reading_time($begin + $first + $_)) } } 0 .. 9);
	$node->wait_for_query(
		"SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'heartbeat worker%' AND wait_event_type = 'Lock'",
		1, 'the worker waits for a lock in the middle of a batch');
	return $user;
}

# Another session moves the stored offset past the ten messages of the waiting batch, and counts their offsets as empty offsets.
my $user = hold_batch(0);
$node->query('UPDATE heartbeat_offsets SET next_offset = next_offset + 10, empty_offsets = empty_offsets + 10');
my $log = $node->log_position;
$user->query_safe('COMMIT');
$user->quit;
$node->wait_for_query("SELECT state FROM heartbeat_status", 'RUNNING', 'the worker is RUNNING after another session moved the stored offset');
$kafka->produce('heartbeat-events', { value => reading('writer', 70, reading_time($begin + 100)) });
$node->wait_for_offsets('heartbeat-events', 11);
is($node->query($rows), 1, 'the worker rolls back its batch, because the other session moved the stored offset first');
is($node->log_matches('another process changed an offset', $log), 1, 'the worker logs once that somebody else moved the offset');
$node->assert_audit;

# heartbeat_pause() waits for the current batch.
$user = hold_batch(200);
my $operator = $node->background_psql('heartbeat');
$operator->query_until(qr/asked/, "\\echo asked\nSELECT heartbeat_pause('exactly now');\n\\echo paused\n");
$node->wait_for_query(
	"SELECT count(*) FROM pg_stat_activity WHERE query LIKE '%exactly now%' AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()",
	1, 'heartbeat_pause() waits for the current batch');
$user->query_safe('COMMIT');
$user->quit;
$operator->query_until(qr/paused/, '');
is($node->query($rows), 11, 'the current batch is stored when heartbeat_pause() returns');
$kafka->produce('heartbeat-events', { value => reading('writer', 70, reading_time($begin + 300)) });
$operator->quit;
$node->wait_for_query('SELECT max(high_watermark) FROM heartbeat_partitions', 22, 'more messages are published while ingest is paused');
is($node->query($rows), 11, 'a paused worker stores no more readings');
$node->query('SELECT heartbeat_resume()');
$node->wait_for_offsets('heartbeat-events', 22);
is($node->query($rows), 12, 'the worker stores the next reading after heartbeat_resume()');
$node->assert_audit;

# A second writer and the worker run at the same time. The second writer stores the messages one by one, in the same way as a
# worker.
$node->query('CREATE TABLE rival_took ("offset" bigint)');
$node->query(
	"CREATE PROCEDURE rival() LANGUAGE plpgsql AS \$\$
	 DECLARE
	     taken bigint;
	 BEGIN
	     LOOP
	         SELECT next_offset INTO taken FROM heartbeat_offsets;
	         EXIT WHEN taken = 422;
	         INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp)
	             VALUES ('writer', 70, to_timestamp($begin + 1000 + taken - 22)) ON CONFLICT DO NOTHING;
	         UPDATE heartbeat_offsets SET next_offset = taken + 1, messages = messages + 1, readings = readings + 1, records = records + 1 WHERE next_offset = taken;
	         IF FOUND THEN
	             INSERT INTO rival_took VALUES (taken);
	             COMMIT;
	         ELSE
	             ROLLBACK;
	         END IF;
	     END LOOP;
	 END \$\$");
# this trigger makes each of the two writers wait after it has stored a reading and before it moves the offset
$node->query('CREATE FUNCTION take_time() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.01); RETURN NULL; END $$');
$node->query('CREATE TRIGGER slowly BEFORE UPDATE ON heartbeat_offsets FOR EACH STATEMENT EXECUTE FUNCTION take_time()');
$node->set('heartbeat.batch_size' => 1);
$log = $node->log_position;
$node->query('SELECT heartbeat_pause()');
$kafka->produce('heartbeat-events', map { { value => reading('writer', 70, reading_time($begin + 1_000 + $_)) } } 0 .. 399);
$node->query('SELECT heartbeat_resume()');
$node->wait_for_query('SELECT next_offset > 22 FROM heartbeat_offsets', 't', 'the worker has begun to store the readings');
$node->query('CALL rival()');
$node->wait_for_offsets('heartbeat-events', 422);
is($node->query($rows), 412, 'two writers at the same time store each reading');
is($node->query('SELECT sum(duplicates) FROM heartbeat_offsets'), 0, 'two writers at the same time count no duplicate');
is($node->query('SELECT count(*) BETWEEN 1 AND 399, count(*) - count(DISTINCT "offset") FROM rival_took'), 't|0', 'both writers have stored some of the readings');
cmp_ok($node->log_matches('another process changed an offset', $log), '>', 0, 'the worker found at least once that the other writer had moved the offset');
$node->assert_audit;
$node->assert_no_crash;

done_testing();
