# The coordinator and the nodes of a cluster are killed while the workers store batches. Each reading is stored once, and the
# counters and the summary equal the tables. No prepared transaction remains, so no person has to end a prepared transaction.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../t/lib";
use Test::More;
use Time::HiRes qw(usleep);
use Heartbeat::Citus;
use Heartbeat::Cluster;
use Heartbeat::Feed;
use Heartbeat::Kafka;

my $kafka = Heartbeat::Kafka->new('citus_crash');
$kafka->start;
my $feed = Heartbeat::Feed->new($kafka, 3);
# With these settings the server writes its WAL late. So if a session commits without waiting until the WAL is written, a crash
# always loses this commit.
my ($node, @nodes) = citus_create('crashed', nodes => 2, kafka => $kafka,
	settings => { 'heartbeat.workers' => 2, 'heartbeat.batch_size' => 100, 'wal_writer_delay' => '10s', 'wal_writer_flush_after' => '1GB' });
citus_distribute($node, 4);

sub stored { return $node->query('SELECT coalesce(sum(records + anomalies + duplicates + dead_letters), 0) FROM heartbeat_offsets'); }

# Returns when the workers have stored another $more messages.
sub await_progress
{
	my ($more) = @_;
	my $from = stored();
	$node->wait_for_query("SELECT sum(records + anomalies + duplicates + dead_letters) >= $from + $more FROM heartbeat_offsets", 't', "the workers store $more more messages");
	return;
}

sub assert_exact
{
	my ($what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$node->wait_for_state('RUNNING');
	$feed->assert_stored($node, $what);
	is($node->query('SELECT sum(abs(difference)) FROM heartbeat_audit_tables()'), 0, 'the counters equal the rows in the tables');
	$node->assert_summary('the summary is exact');
	return;
}

for my $round (1 .. 6)
{
	$feed->publish(3_000);
	await_progress(200 + 300 * $round);
	$node->stop('immediate');
	$node->start;
}
assert_exact('every reading is stored after six immediate shutdowns of the coordinator');

for my $round (1 .. 4)
{
	my $victim = $nodes[ $round % 2 ];
	$feed->publish(3_000);
	await_progress(300);
	$victim->kill9;
	$node->wait_for_state('RETRYING', undef, 'the worker is RETRYING when a node is down');
	$victim->start_after_kill9;
}
assert_exact('every reading is stored after nodes were killed four times');

# The test creates a state that a crash of the coordinator can leave. In this state a transaction is prepared, but the
# coordinator has not recorded whether to commit the transaction. The prepared transaction still locks the row of a reading.
# A worker that reads the message of this reading again would wait for the lock for ever. So each worker, when it starts, must
# end such prepared transactions.
my $left = q{BEGIN; INSERT INTO %s (id, customer_id, heart_rate, event_timestamp) VALUES (0, 'blocked', 70, '2026-11-20 00:00Z'); PREPARE TRANSACTION '%s'};
my ($shard, $port) = split /\|/, $node->query(
	"SELECT shard_name(s.logicalrelid, s.shardid), n.nodeport FROM pg_dist_shard s JOIN pg_dist_placement USING (shardid) JOIN pg_dist_node n USING (groupid)
	 WHERE s.shardid = get_shard_id_for_distribution_column('heartbeat_records', 'blocked')");
my ($owner) = grep { $_->port == $port } @nodes;
$owner->query(sprintf $left, $shard, 'citus_0_1_1_1');    # the name has Citus's format, but Citus has recorded no decision
$feed->publish(300);
$feed->assert_stored($node, 'other readings are stored in spite of the prepared transaction');
$node->query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type LIKE 'heartbeat worker%'");
$owner->wait_for_query('SELECT count(*) FROM pg_prepared_xacts', 0, 'a worker that starts ends the prepared transaction');
my $reading = { value => '{"customer_id":"blocked","heart_rate":70,"event_timestamp":"2026-11-20T00:00:00Z"}' };
$kafka->produce('heartbeat-events', $reading);
$node->wait_for_offsets('heartbeat-events', $kafka->end_offsets('heartbeat-events'));
is($node->query("SELECT count(*) FROM heartbeat_records WHERE customer_id = 'blocked'"), 1, 'the blocked reading is stored');

$node->query("UPDATE heartbeat_stale_minutes SET marked_at = now() - interval '1 hour'");
$node->query('SELECT heartbeat_wake_workers()');
$node->wait_for_query("SELECT count(*) FROM $_", 0, "$_ is empty") for qw(heartbeat_stale_minutes heartbeat_rollup_pending);
$node->assert_summary('the summary is exact when all minutes are rolled up');
$node->assert_audit;
$_->assert_no_crash for $node, @nodes;
$kafka->stop;
done_testing();
