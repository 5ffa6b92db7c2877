# The summary by minute is exact at every moment: before the rollup, after it, when a reading comes late, and when a
# partition is made, and rows are moved to it, just while the rollup runs.

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
# Without sequential scans even small tables are joined as large ones are: by indexes, and only in the partitions that a
# minute can be in.
my $node = Heartbeat::Cluster->create('rollup', kafka => $kafka, owner => 'heartbeat_owner', settings => { enable_seqscan => 'off', enable_material => 'off' });

my $now = int(time / 60) * 60 - 3600;
my $old = $now - 61 * 7 * 86400;    # no partition is made for it by itself

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
is($node->query('SELECT sum(reading_count) FROM heartbeat_rollup_pending'), 1500, 'batches have left their sums');
is($node->count('heartbeat_stale_minutes'), 0, 'and marked no minute');
$node->assert_summary('before the rollup');

# A batch with a reading of each of many customers, of whom five are duplicates, marks its minute instead. Sums of that
# minute come before and after it.
$node->set('heartbeat.batch_wait' => '500ms');
publish($now, 1, 600);    # one batch has half of them at least
cmp_ok($node->count('heartbeat_stale_minutes'), '>', 0, 'many customers: the minute is marked');
publish($now + 45, 1, 7);
$node->assert_summary('with a minute that is marked and has sums');
is($node->query("SELECT value FROM vw_pipeline_summary WHERE metric = 'customers'"), 600, 'customers count at once');

# A partition is being made when the rollup comes.
my $maker = $node->background_psql('heartbeat');
$maker->query_safe('BEGIN');
$maker->query_safe("SELECT heartbeat_make_partitions(to_timestamp($old), to_timestamp($old))");
$node->wait_for_query(
	"SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'heartbeat maintenance' AND wait_event_type = 'Lock'
		AND query IN ('folding the rollup', 'rolling up minutes')",
	1, 'the rollup waits for the partition that is being made');
$maker->query_safe('COMMIT');
$maker->quit;
$node->wait_for_query('SELECT count(*) FROM heartbeat_rollup_pending', 0, 'the rollup has taken every row');
$node->wait_for_query('SELECT count(*) FROM heartbeat_stale_minutes', 0, 'and every minute');
is($node->count('heartbeat_records_default'), 0, 'the old readings were moved');
is($node->query('SELECT count(*), sum(reading_count) FROM heartbeat_rollup'), '620|2097', 'and rolled up with the others');
$node->assert_summary('after the rollup');
is($node->count('heartbeat_customers'), 600, 'customers are known');
is($node->query('SELECT sum(customers) FROM heartbeat_customers_total'), 600, 'and their number');

publish($now + 30, 1, 7);    # seven readings, five of which are there already
$node->assert_summary('with late readings, at once');

# More comes while the rollup is in the middle of a transaction, since somebody has locked a row that it is to change:
# what it takes away then is what it had seen, and no more. A crowd's readings mark their minute only as long as the rollup
# has nothing of it, so here it is marked by hand too.
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
		1, "$activity is under way");
	publish($now + ++$second, 1, $meanwhile);
	mark() if $meanwhile == $crowd;
	$node->assert_summary("$activity, readings of $meanwhile customers come");
	$holder->query_safe('COMMIT');
	$node->wait_for_query("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'heartbeat maintenance' AND state = 'idle'",
		1, 'it is done');
	$node->assert_summary("$activity is done");
	return;
}

sub await_rollup
{
	$node->query("UPDATE heartbeat_stale_minutes SET marked_at = now() - interval '1 hour'");
	$node->query('SELECT heartbeat_wake_workers()');
	$node->wait_for_query("SELECT count(*) FROM $_", 0, "$_ is empty") for qw(heartbeat_stale_minutes heartbeat_rollup_pending);
	return;
}

for ([ 'folding the rollup', $few, $few ], [ 'folding the rollup', $few, $crowd ], [ 'rolling up minutes', $crowd, $few ], [ 'rolling up minutes', $crowd, $crowd ])
{
	assert_exact_around(@$_);
	await_rollup();
	$node->assert_summary('and when all is rolled up');
}
$holder->quit;

$kafka->produce('heartbeat-events', { value => reading('new', 200, reading_time($now, 0)) });
$node->wait_for_offsets('heartbeat-events', $kafka->end_offsets('heartbeat-events'));
is($node->query("SELECT value FROM vw_pipeline_summary WHERE metric = 'customers'"), 601, 'a customer with nothing but an anomaly counts at once');
$node->assert_summary('and has no minute');

# A batch that is undone, and stored later by the same worker: customers whom it has nothing but anomalies of are counted
# once, as are those of a user's session.
sub assert_customers
{
	my ($expected, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is($node->query("SELECT value FROM vw_pipeline_summary WHERE metric = 'customers'"), $expected, $what);
	await_rollup();
	is($node->query('SELECT (SELECT sum(customers) FROM heartbeat_customers_total), (SELECT count(*) FROM heartbeat_customers)'),
		"$expected|$expected", 'and so they are when the rollup has them');
	return;
}

my $worker = $node->worker_pid('heartbeat worker');
assert_customers(601, 'customers');
$kafka->produce('heartbeat-events', { value => 'no reading' });
$node->wait_for_offsets('heartbeat-events', $kafka->end_offsets('heartbeat-events'));
$node->set('heartbeat.dead_letter_limit' => 1);
$kafka->produce('heartbeat-events', { value => 'nor this' }, map { { value => reading("limited $_", 200, reading_time($now, $_)) } } 1 .. 5);
$node->wait_for_state('FAILED', 'dead_letter_limit', 'a batch is given up when it is nearly stored');
is($node->query('SELECT count(*) FROM heartbeat_rollup_pending'), 0, 'and has left nothing');
$node->set('heartbeat.dead_letter_limit' => 0);
$node->query('SELECT heartbeat_resume()');
$node->wait_for_offsets('heartbeat-events', $kafka->end_offsets('heartbeat-events'));
assert_customers(606, 'its customers count when it is stored');

$node->query(q{CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
	$$BEGIN RAISE EXCEPTION 'refused for now' USING ERRCODE = 'lock_not_available'; END$$});
$node->query('CREATE TRIGGER refuse BEFORE UPDATE ON heartbeat_offsets FOR EACH ROW EXECUTE FUNCTION refuse()');
$kafka->produce('heartbeat-events', map { { value => reading("refused $_", 200, reading_time($now, $_)) } } 1 .. 5);
$node->wait_for_state('RETRYING', 'refused for now', 'a batch fails when it is nearly stored');
$node->query('DROP TRIGGER refuse ON heartbeat_offsets');
$node->wait_for_offsets('heartbeat-events', $kafka->end_offsets('heartbeat-events'));
assert_customers(611, 'its customers count when it is stored');
is($node->worker_pid('heartbeat worker'), $worker, 'it was the same worker all the time');
$node->assert_audit;
$node->assert_no_crash;

done_testing();
