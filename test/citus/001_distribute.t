# heartbeat_distribute() spreads the tables of a running installation over the nodes of a Citus cluster, and
# heartbeat_undistribute() moves the tables back. Everything that works on one server must also work on distributed tables, and
# each reading is stored once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../t/lib";
use Test::More;
use Heartbeat::Citus;
use Heartbeat::Cluster;
use Heartbeat::Definition;
use Heartbeat::Feed;
use Heartbeat::Kafka;
use Heartbeat::Reading;

my $kafka = Heartbeat::Kafka->new('citus');
$kafka->start;
my $feed = Heartbeat::Feed->new($kafka, 3);
my ($node, $first) = citus_create('coordinator', nodes => 1, kafka => $kafka, settings => { 'heartbeat.workers' => 2 });
my $second = citus_create_node('second', extension => 1, settings => { 'shared_preload_libraries' => 'citus,heartbeat', 'heartbeat.brokers' => $kafka->brokers });

# heartbeat_distribute() must refuse a node that has the extension. The second node has the extension.
$second->wait_for_state('RUNNING', undef, 'the worker of the node is RUNNING before the node joins');
citus_join($node, $second);
$second->query('SELECT pg_reload_conf()');
$second->wait_for_state('STOPPED', 'this server is a node of a Citus cluster', 'the worker is STOPPED when its server has become a node');
like($node->query_error('SELECT heartbeat_distribute()'), qr/these nodes have the extension "heartbeat", or do not answer: 127\.0\.0\.1:${\ $second->port}\n.*HINT:.*DROP EXTENSION heartbeat/s,
	'heartbeat_distribute() refuses a node that has the extension, and names the node');
$second->query('DROP EXTENSION heartbeat');

# The messages are of the same kinds as in test/t: readings, anomalies, duplicates, bad messages.
my $now = int(time / 60) * 60 - 7200;
my $old = $now - 61 * 7 * 86400;    # heartbeat creates no table partition for this time

sub publish
{
	my (@messages) = @_;
	$kafka->produce('heartbeat-events', map { { value => $_ } } @messages);
	$node->wait_for_offsets('heartbeat-events', $kafka->end_offsets('heartbeat-events'));
	return;
}

sub await_rollup
{
	$node->query("UPDATE heartbeat_stale_minutes SET marked_at = now() - interval '1 hour'");
	$node->query('SELECT heartbeat_wake_workers()');
	$node->wait_for_query("SELECT count(*) FROM $_", 0, "$_ is empty") for qw(heartbeat_stale_minutes heartbeat_rollup_pending);
	return;
}

$feed->publish(6_000);
$feed->assert_stored($node, 'readings are stored before the tables are distributed');
my $before = definition($node);

$feed->publish(6_000);
citus_distribute($node, 4);
$feed->publish(6_000);
$feed->assert_stored($node, 'readings are stored while the tables are distributed');
is($node->query("SELECT string_agg(table_name::text || ' ' || shard_count, ', ' ORDER BY table_name::text) FROM citus_tables
		WHERE table_name::text !~ '_(default|[0-9]+w[0-9]+)'"),
	'heartbeat_anomalies 4, heartbeat_records 4, heartbeat_rollup 4, heartbeat_rollup_pending 4', 'four tables are distributed');
is($node->query("SELECT count(DISTINCT colocation_id) FROM citus_tables WHERE citus_table_type = 'distributed'"), 1, 'the four tables are colocated, so all rows of a customer are on one node');
is($node->query("SELECT count(*) FROM pg_inherits WHERE inhparent = 'heartbeat_records'::regclass AND pg_relation_size(inhrelid) > 0"),
	0, 'no reading is stored on the coordinator');
is($node->query("SELECT kind, details FROM heartbeat_events WHERE kind = 'distribute'"), 'distribute|{"shards": 4}', 'heartbeat_events records heartbeat_distribute()');
like($node->query_error('SELECT heartbeat_distribute()'), qr/the tables are already distributed/, 'a second heartbeat_distribute() fails');
is($node->query("SELECT setting FROM pg_settings WHERE name = 'synchronous_commit'"), 'on', 'sessions keep their synchronous_commit');

# Tests the rollup of pending sums (heartbeat_rollup_pending), of stale minutes, of a stale minute that also has pending sums,
# and of late readings.
$node->assert_summary('the summary is exact while the sums are pending');
await_rollup();
$node->assert_summary('the summary is exact when the pending sums are rolled up');
$node->set('heartbeat.batch_wait' => '500ms');
publish(map { reading("C$_", 60 + $_ % 60, reading_time($now, $_)) } 1 .. 600);
cmp_ok($node->count('heartbeat_stale_minutes'), '>', 0, 'a batch of many customers marks its minute as stale');
publish(map { reading("C$_", 70, reading_time($now + 30, $_)) } 1 .. 5);
$node->assert_summary('the summary is exact for a stale minute that also has pending sums');
my $customers = $node->query("SELECT value FROM vw_pipeline_summary WHERE metric = 'customers'");
is($customers, $node->query('SELECT count(DISTINCT customer_id) FROM (SELECT customer_id FROM heartbeat_records UNION SELECT customer_id FROM heartbeat_anomalies) c'),
	'vw_pipeline_summary counts new customers at once');
await_rollup();
$node->assert_summary('the summary is exact when stale minutes are rolled up');
is($node->query('SELECT (SELECT sum(customers) FROM heartbeat_customers_total), (SELECT count(*) FROM heartbeat_customers)'),
	"$customers|$customers", 'the customer tables have all customers after the rollup');
publish(map { reading("C$_", 75, reading_time($now + 31, $_)) } 1 .. 5);
$node->assert_summary('the summary is exact at once with late readings');

# Tests duplicates, bad messages, and readings that a constraint refuses.
my $stored = $node->query('SELECT sum(records), sum(anomalies) FROM heartbeat_offsets');
publish(map { reading("C$_", 60 + $_ % 60, reading_time($now, $_)) } 1 .. 600);
is($node->query('SELECT sum(records), sum(anomalies) FROM heartbeat_offsets'), $stored, 'no reading is stored twice');
cmp_ok($node->query('SELECT sum(duplicates) FROM heartbeat_offsets'), '>=', 600, 'duplicates are counted');
$node->query("ALTER TABLE heartbeat_records ADD CONSTRAINT no_thirteen CHECK (customer_id <> 'Z13')");
publish('garbage', map { reading("Z$_", 80, reading_time($now + 40, $_)) } 1 .. 600);
is($node->query('SELECT string_agg(error_code, \' \' ORDER BY error_code) FROM heartbeat_dead_letters WHERE resolved_at IS NULL'),
	'23514 INVALID_JSON', 'a reading that a node refuses and a message that is not JSON are dead letters');
$node->query('ALTER TABLE heartbeat_records DROP CONSTRAINT no_thirteen');
is($node->query('SELECT resolved, remaining FROM heartbeat_retry_dead_letters()'), '1|1', 'a retry stores the refused reading when the constraint is dropped');
$node->assert_audit;
is($node->query('SELECT sum(abs(difference)) FROM heartbeat_audit_tables()'), 0, 'heartbeat_audit_tables() shows no difference');
my $replayed = $node->query('SELECT sum(messages), sum(records + anomalies + dead_letters) FROM heartbeat_replay(now() - interval \'1 hour\', now())');
like($replayed, qr/^[1-9]\d+\|0$/, 'a replay stores no reading again');

# Old readings move to a new table partition, and retention drops this table partition.
publish(map { reading("C$_", 80, reading_time($old, $_)) } 1 .. 20);
is($node->count('heartbeat_records_default'), 20, 'old readings are in the default partition');
await_rollup();
is($node->query("SELECT heartbeat_make_partitions(to_timestamp($old), to_timestamp($old))"), 3, 'table partitions are made for the old readings');
is($node->count('heartbeat_records_default'), 0, 'the default partition is empty afterwards');
is($node->query("SELECT count(*) FROM heartbeat_records WHERE event_timestamp < to_timestamp($old) + interval '1 day'"), 20, 'the old readings are in the new table partition');
$node->assert_audit;
$node->assert_summary('the summary is exact after the move');
publish(map { reading("late $_", 80, reading_time($old + 60, $_)) } 1 .. 20);
await_rollup();
$node->set('heartbeat.retention' => '365d');
$node->wait_for_query("SELECT count(*) FROM heartbeat_records WHERE event_timestamp < to_timestamp($old) + interval '1 day'", 0, 'retention drops the old readings');
$node->set('heartbeat.retention' => '0');
$node->assert_summary('the summary is exact after retention');

# Tests the alerts.
$node->query("INSERT INTO heartbeat_alert_rules (name, kind, threshold, period) VALUES ('many', 'anomalies', 3, '1 minute')");
$node->query("INSERT INTO heartbeat_alert_rules (name, kind, period, customer_id) VALUES ('gone', 'silence', '10 seconds', 'quiet')");
my $raised = q(SELECT string_agg(rule || ' ' || subject, ', ' ORDER BY rule) FROM heartbeat_alerts WHERE closed_at IS NULL);
publish(map { reading('hot', 200 + $_, reading_time(int(time) - 15, $_)) } 1 .. 3);
$node->wait_for_query($raised, 'many hot', 'a rule on anomalies raises an alert');
# The alert of the rule `many` shows that the maintenance worker has read both rules. The test sends the silent customer's
# reading only now. If the reading arrived before the rules are known, the worker would set heard_until of the customer to 60
# seconds after the arrival, and the alert would be late.
publish(reading('quiet', 70, reading_time(int(time) - 15, 0)));
$node->wait_for_query($raised, 'gone quiet, many hot', 'a rule on silence raises another alert');
publish(reading('quiet', 70, reading_time(int(time) + 5, 0)));
$node->wait_for_query("SELECT count(*) FROM heartbeat_alerts WHERE rule = 'gone' AND closed_at IS NOT NULL", 1, 'the alert about silence is closed at the next reading');

# Each view can be queried.
for my $view (split /\n/, $node->query("SELECT relname FROM pg_class WHERE relkind = 'v' AND relname ~ '^(heartbeat|vw)_' AND relnamespace = 'public'::regnamespace"))
{
	is($node->query_error("SELECT * FROM $view"), '', "a query on $view succeeds");
}
like($node->query("EXPLAIN SELECT * FROM vw_customer_bpm_summary WHERE minute_bucket > now() - interval '1 hour'"),
	qr/Task Count: 4\b.*Index Cond: \(minute_bucket > \(now\(\) - '01:00:00'::interval\)\)/s, 'the nodes compute the summary, and use their indexes');

# The tables do not have the readings that retention has dropped, but the counters include these readings.
sub assert_tables
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is($node->query('SELECT table_name, difference FROM heartbeat_audit_tables() WHERE difference <> 0'),
		'heartbeat_records|-40', 'the tables lack exactly the readings that retention has dropped');
}

# Moves the tables back to one server.
my ($audit, $rows) = ('SELECT sum(abs(difference)) FROM heartbeat_audit()', 'SELECT md5(string_agg(t::text, \' \' ORDER BY t::text)) FROM heartbeat_records t');
my $readings = $node->query($rows);
$node->query('DELETE FROM heartbeat_alert_rules');
$node->query('SELECT heartbeat_undistribute()');
is($node->query('SELECT count(*) FROM citus_tables'), 0, 'no table is distributed');
is($node->query($rows), $readings, 'heartbeat_undistribute() changes no reading');
is_deeply(definition($node), $before, 'the extension is the same as before heartbeat_distribute()');
publish(map { reading("C$_", 90, reading_time($now + 50, $_)) } 1 .. 600);
await_rollup();
$node->assert_summary('the summary is exact after new readings are stored and rolled up');
assert_tables();
is($node->query($audit), 0, 'the audit shows no difference after heartbeat_undistribute()');
is($first->query("SELECT count(*) FROM pg_class WHERE relname LIKE 'heartbeat_%'"), 0, 'heartbeat_undistribute() leaves no table on the node');
citus_distribute($node);
is($node->query("SELECT shard_count FROM citus_tables WHERE table_name = 'heartbeat_records'::regclass"), 8, 'the default is four shards for each of two nodes');
publish(map { reading("C$_", 91, reading_time($now + 51, $_)) } 1 .. 600);
assert_tables();
$_->assert_no_crash for $node, $first, $second;
$kafka->stop;
done_testing();
