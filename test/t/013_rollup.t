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
my $node = Heartbeat::Cluster->create('rollup', kafka => $kafka, settings => { enable_seqscan => 'off', enable_material => 'off' });

# Passes when the view says of every customer and minute what the readings say.
sub assert_exact
{
	my ($what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	is( $node->query(
			"WITH truth AS (SELECT customer_id, date_bin('1 minute', event_timestamp, '2000-01-01Z') AS minute_bucket,
			                       avg(heart_rate) AS avg_bpm, count(*) AS reading_count
			                FROM heartbeat_records GROUP BY 1, 2)
			 SELECT count(*), (SELECT count(*) FROM truth) FROM truth t
			 JOIN vw_customer_bpm_summary v USING (customer_id, minute_bucket, reading_count)
			 WHERE abs(v.avg_bpm - t.avg_bpm) < 1e-9"),
		$node->query(
			"SELECT count(*), count(*) FROM (SELECT DISTINCT customer_id, date_bin('1 minute', event_timestamp, '2000-01-01Z')
			 FROM heartbeat_records) d"),
		$what);
	is($node->count('vw_customer_bpm_summary'),
		$node->query("SELECT count(*) FROM (SELECT DISTINCT customer_id, date_bin('1 minute', event_timestamp, '2000-01-01Z')
			FROM heartbeat_records) d"),
		'and of nobody else');
	return;
}

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
assert_exact('before the rollup');

# A batch with a reading of each of many customers, of whom five are duplicates, marks its minute instead. Sums of that
# minute come before and after it.
$node->set('heartbeat.batch_wait' => '500ms');
publish($now, 1, 600);    # one batch has half of them at least
cmp_ok($node->count('heartbeat_stale_minutes'), '>', 0, 'many customers: the minute is marked');
publish($now + 45, 1, 7);
assert_exact('with a minute that is marked and has sums');
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
assert_exact('after the rollup');
is($node->count('heartbeat_customers'), 600, 'customers are known');
is($node->query('SELECT sum(customers) FROM heartbeat_customers_total'), 600, 'and their number');

publish($now + 30, 1, 7);    # seven readings, five of which are there already
assert_exact('with late readings, at once');
$kafka->produce('heartbeat-events', { value => reading('new', 200, reading_time($now, 0)) });
$node->wait_for_offsets('heartbeat-events', $kafka->end_offsets('heartbeat-events'));
is($node->query("SELECT value FROM vw_pipeline_summary WHERE metric = 'customers'"), 601, 'a customer with nothing but an anomaly counts at once');
assert_exact('and has no minute');
$node->assert_audit;
$node->assert_no_crash;

done_testing();
