# The summary by minute is always exact: before and after the rollup, and after a late reading. The summary stays exact if a
# table partition is created and rows move to this table partition during the rollup.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

my $kafka = Heartbeat::Kafka->new('rollup');
$kafka->start;
$kafka->create_topic('heartbeat-events', 1);
# For each minute, the rollup must read only the table partitions that can contain readings of this minute. PostgreSQL does this
# when it uses an index, as it does for large tables. The tables of this test are small, so the setting enable_seqscan = off
# makes PostgreSQL use the indexes.
my $node = Heartbeat::Cluster->create('rollup', kafka => $kafka, owner => 'heartbeat_owner', settings => { enable_seqscan => 'off', enable_material => 'off' });

my $now = int(time / 60) * 60 - 3600;
my $old = $now - 61 * 7 * 86400;    # heartbeat creates no table partition for this time

sub publish
{
	my ($start, $seconds, $customers) = @_;
	my @messages;
	for my $second (0 .. $seconds - 1)
	{
		push @messages, { value => reading("C$_", 60 + ($second * 7 + $_) % 60, reading_time($start + $second, $_)) }
		  for 1 .. $customers;
	}
	$kafka->produce('heartbeat-events', @messages);
	$node->wait_for_offsets('heartbeat-events', $kafka->end_offsets('heartbeat-events'));
	return;
}

publish($now, 180, 5);
publish($old, 120, 5);
is($node->count('heartbeat_records_default'), 600, 'old readings are in the default partition');
is($node->query('SELECT sum(reading_count) FROM heartbeat_rollup_pending'), 1500, 'the batches added their sums to heartbeat_rollup_pending');
is($node->count('heartbeat_stale_minutes'), 0, 'these batches marked no minute');
$node->assert_summary('the summary is exact before the rollup');

# If a batch has readings of many customers in one minute, the worker marks the minute as stale: it inserts the minute into
# heartbeat_stale_minutes, and adds no sums to heartbeat_rollup_pending. Here a batch with such a mark also has five duplicates,
# and the batches before and after it add sums of the same minute.
$node->set('heartbeat.batch_wait' => '500ms');
publish($now, 1, 600);    # at least half of these readings are in one batch
cmp_ok($node->count('heartbeat_stale_minutes'), '>', 0, 'a batch of many customers marks its minute as stale');
publish($now + 45, 1, 7);
$node->assert_summary('the summary is exact for a stale minute that also has pending sums');
is($node->query("SELECT value FROM vw_pipeline_summary WHERE metric = 'customers'"), 600, 'vw_pipeline_summary counts new customers at once');

# Another session is creating a table partition when the rollup starts.
my $maker = $node->background_psql('heartbeat');
$maker->query_safe('BEGIN');
$maker->query_safe("SELECT heartbeat_make_partitions(to_timestamp($old), to_timestamp($old))");
$node->wait_for_query(
	"SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'heartbeat maintenance' AND wait_event_type = 'Lock'
		AND query IN ('adding pending sums to the rollup', 'rebuilding changed minutes of the rollup')",
	1, 'the rollup waits for the session that makes a table partition');
$maker->query_safe('COMMIT');
$maker->quit;
$node->wait_for_query('SELECT count(*) FROM heartbeat_rollup_pending', 0, 'the rollup adds every pending sum');
$node->wait_for_query('SELECT count(*) FROM heartbeat_stale_minutes', 0, 'the rollup rebuilds every stale minute');
is($node->count('heartbeat_records_default'), 0, 'the old readings were moved to the new table partition');
is($node->query('SELECT count(*), sum(reading_count) FROM heartbeat_rollup'), '620|2097', 'the rollup contains the moved readings and the other readings');
$node->assert_summary('the summary is exact after the rollup');
is($node->count('heartbeat_customers'), 600, 'heartbeat_customers has every customer');
is($node->query('SELECT sum(customers) FROM heartbeat_customers_total'), 600, 'heartbeat_customers_total has the number of customers');

publish($now + 30, 1, 7);    # seven readings, five of which are duplicates
$node->assert_summary('the summary is exact at once with late readings');

# Another session has locked a row, and the rollup waits for this row in the middle of its transaction. Meanwhile more readings
# arrive. The rollup must not remove the sums and marks of the new readings. The test adds the mark itself: heartbeat_rollup
# already has a row of this minute, so a batch of many customers does not mark the minute.
my ($few, $crowd) = (7, 600);
my $holder = $node->background_psql('heartbeat');
my $second = 30;

sub mark { return $node->query("INSERT INTO heartbeat_stale_minutes (minute_bucket) VALUES (to_timestamp($now))"); }

sub assert_exact_around
{
	my ($activity, $before, $meanwhile) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	publish($now + ++$second, 1, $before);
	mark() if $before == $crowd;
	$holder->query_safe("BEGIN; SELECT FROM heartbeat_rollup WHERE minute_bucket = to_timestamp($now) FOR UPDATE");
	$node->query("UPDATE heartbeat_stale_minutes SET marked_at = now() - interval '1 hour'");
	$node->query('SELECT heartbeat_wake_workers()');
	$node->wait_for_query(
		"SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'heartbeat maintenance' AND wait_event_type = 'Lock' AND query = '$activity'",
		1, "$activity has begun, and waits for the locked row");
	publish($now + ++$second, 1, $meanwhile);
	mark() if $meanwhile == $crowd;
	$node->assert_summary("the summary is exact when readings of $meanwhile customers come during $activity");
	$holder->query_safe('COMMIT');
	$node->wait_for_query("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'heartbeat maintenance' AND state = 'idle'",
		1, "$activity has ended");
	$node->assert_summary("the summary is exact after $activity");
	return;
}

sub await_rollup
{
	$node->query("UPDATE heartbeat_stale_minutes SET marked_at = now() - interval '1 hour'");
	$node->query('SELECT heartbeat_wake_workers()');
	$node->wait_for_query("SELECT count(*) FROM $_", 0, "$_ is empty after the rollup") for qw(heartbeat_stale_minutes heartbeat_rollup_pending);
	return;
}

for ([ 'adding pending sums to the rollup', $few, $few ], [ 'adding pending sums to the rollup', $few, $crowd ], [ 'rebuilding changed minutes of the rollup', $crowd, $few ], [ 'rebuilding changed minutes of the rollup', $crowd, $crowd ])
{
	assert_exact_around(@$_);
	await_rollup();
	$node->assert_summary('the summary is exact when every minute is rolled up');
}
$holder->quit;

$kafka->produce('heartbeat-events', { value => reading('new', 200, reading_time($now, 0)) });
$node->wait_for_offsets('heartbeat-events', $kafka->end_offsets('heartbeat-events'));
is($node->query("SELECT value FROM vw_pipeline_summary WHERE metric = 'customers'"), 601, 'vw_pipeline_summary at once counts a customer with only an anomaly');
$node->assert_summary('an anomaly adds nothing to the summary by minute');

# When the maintenance worker has removed some thousand rows from heartbeat_rollup_pending and heartbeat_stale_minutes, the worker
# vacuums both tables.
$node->query("INSERT INTO heartbeat_stale_minutes (minute_bucket) SELECT to_timestamp($now) FROM generate_series(1, 9000)");
await_rollup();
$node->wait_for_query("SELECT count(*) FROM pg_stat_user_tables WHERE relname IN ('heartbeat_rollup_pending', 'heartbeat_stale_minutes') AND vacuum_count > 0",
	2, 'the maintenance worker vacuums both tables after it has removed thousands of rows');

# The worker rolls a batch back, and stores the batch later in the same process. It must count each customer of the batch once,
# also a customer with only anomalies.
sub assert_customers
{
	my ($expected, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($node->query("SELECT value FROM vw_pipeline_summary WHERE metric = 'customers'"), $expected, $what);
	await_rollup();
	is($node->query('SELECT (SELECT sum(customers) FROM heartbeat_customers_total), (SELECT count(*) FROM heartbeat_customers)'),
		"$expected|$expected", 'the customer tables have the same number after the rollup');
	return;
}

my $worker = $node->worker_pid('heartbeat worker');
assert_customers(601, 'every customer counts once before any batch fails');
$kafka->produce('heartbeat-events', { value => 'no reading' });
$node->wait_for_offsets('heartbeat-events', $kafka->end_offsets('heartbeat-events'));
$node->set('heartbeat.dead_letter_limit' => 1);
$kafka->produce('heartbeat-events', { value => 'nor this' }, map { { value => reading("limited $_", 200, reading_time($now, $_)) } } 1 .. 5);
$node->wait_for_state('FAILED', 'dead_letter_limit', 'the worker is FAILED at dead_letter_limit when a batch is almost stored');
is($node->query('SELECT count(*) FROM heartbeat_rollup_pending'), 0, 'the rolled back batch leaves no sums');
$node->set('heartbeat.dead_letter_limit' => 0);
$node->query('SELECT heartbeat_resume()');
$node->wait_for_offsets('heartbeat-events', $kafka->end_offsets('heartbeat-events'));
assert_customers(606, 'the customers of the batch count once when the batch is stored after heartbeat_resume()');

$node->query(q{CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
	$$BEGIN RAISE EXCEPTION 'refused for now' USING ERRCODE = 'lock_not_available'; END$$});
$node->query('CREATE TRIGGER refuse BEFORE UPDATE ON heartbeat_offsets FOR EACH ROW EXECUTE FUNCTION refuse()');
$kafka->produce('heartbeat-events', map { { value => reading("refused $_", 200, reading_time($now, $_)) } } 1 .. 5);
$node->wait_for_state('RETRYING', 'refused for now', 'the worker is RETRYING when a batch fails at its end');
$node->query('DROP TRIGGER refuse ON heartbeat_offsets');
$node->wait_for_offsets('heartbeat-events', $kafka->end_offsets('heartbeat-events'));
assert_customers(611, 'the customers of the batch count once when the retry stores it');
is($node->worker_pid('heartbeat worker'), $worker, 'one worker process stored all batches');
$node->assert_audit;
$node->assert_no_crash;

done_testing();
