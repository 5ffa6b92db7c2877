# heartbeat_distribute spreads a running installation over the nodes of a Citus cluster, and heartbeat_undistribute brings it
# back: whatever works on one server works then, and every reading is stored once.

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

# A node that has heartbeat itself
$second->wait_for_state('RUNNING', undef, 'a server of its own ingests');
citus_join($node, $second);
$second->query('SELECT pg_reload_conf()');
$second->wait_for_state('STOPPED', 'this server is a node of a Citus cluster', 'and rests when it has become a node');
like($node->query_error('SELECT heartbeat_distribute()'), qr/nodes have the extension "heartbeat" too, or do not answer: 127\.0\.0\.1:${\ $second->port}\n.*HINT:.*DROP EXTENSION heartbeat/s,
	'the tables of a node that has heartbeat would be in the way');
$second->query('DROP EXTENSION heartbeat');

# The same messages as everywhere: readings, anomalies, duplicates, garbage
my $now = int(time / 60) * 60 - 7200;
my $old = $now - 61 * 7 * 86400;    # no partition is made for it by itself

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
$feed->assert_stored($node, 'and while they are');
is($node->query("SELECT string_agg(table_name::text || ' ' || shard_count, ', ' ORDER BY table_name::text) FROM citus_tables
		WHERE table_name::text !~ '_(default|[0-9]+w[0-9]+)'"),
	'heartbeat_anomalies 4, heartbeat_records 4, heartbeat_rollup 4, heartbeat_rollup_pending 4', 'these tables are distributed');
is($node->query("SELECT count(DISTINCT colocation_id) FROM citus_tables WHERE citus_table_type = 'distributed'"), 1, 'a customer is on one node');
is($node->query("SELECT count(*) FROM pg_inherits WHERE inhparent = 'heartbeat_records'::regclass AND pg_relation_size(inhrelid) > 0"),
	0, 'and no reading on the coordinator');
is($node->query("SELECT kind, details FROM heartbeat_events WHERE kind = 'distribute'"), 'distribute|{"shards": 4}', 'heartbeat_events tells of it');
like($node->query_error('SELECT heartbeat_distribute()'), qr/the tables are distributed already/, 'it is done once');
is($node->query("SELECT setting FROM pg_settings WHERE name = 'synchronous_commit'"), 'on', 'sessions commit as ever');

# The rollup: sums, marks, both in one minute, late readings
$node->assert_summary('the summary is exact while it is being folded');
await_rollup();
$node->assert_summary('and when it has been');
$node->set('heartbeat.batch_wait' => '500ms');
publish(map { reading("C$_", 60 + $_ % 60, reading_time($now, $_)) } 1 .. 600);
cmp_ok($node->count('heartbeat_stale_minutes'), '>', 0, 'many customers: the minute is marked');
publish(map { reading("C$_", 70, reading_time($now + 30, $_)) } 1 .. 5);
$node->assert_summary('with a minute that is marked and has sums');
my $customers = $node->query("SELECT value FROM vw_pipeline_summary WHERE metric = 'customers'");
is($customers, $node->query('SELECT count(DISTINCT customer_id) FROM (SELECT customer_id FROM heartbeat_records UNION SELECT customer_id FROM heartbeat_anomalies) c'),
	'customers count at once');
await_rollup();
$node->assert_summary('and when it has been made from the readings');
is($node->query('SELECT (SELECT sum(customers) FROM heartbeat_customers_total), (SELECT count(*) FROM heartbeat_customers)'),
	"$customers|$customers", 'the customers are those that the rollup has met');
publish(map { reading("C$_", 75, reading_time($now + 31, $_)) } 1 .. 5);
$node->assert_summary('with late readings, at once');

# Duplicates, garbage, and readings that a constraint refuses
my $stored = $node->query('SELECT sum(records), sum(anomalies) FROM heartbeat_offsets');
publish(map { reading("C$_", 60 + $_ % 60, reading_time($now, $_)) } 1 .. 600);
is($node->query('SELECT sum(records), sum(anomalies) FROM heartbeat_offsets'), $stored, 'no reading is stored twice');
cmp_ok($node->query('SELECT sum(duplicates) FROM heartbeat_offsets'), '>=', 600, 'duplicates are counted');
$node->query("ALTER TABLE heartbeat_records ADD CONSTRAINT no_thirteen CHECK (customer_id <> 'Z13')");
publish('garbage', map { reading("Z$_", 80, reading_time($now + 40, $_)) } 1 .. 600);
is($node->query('SELECT string_agg(error_code, \' \' ORDER BY error_code) FROM heartbeat_dead_letters WHERE resolved_at IS NULL'),
	'23514 INVALID_JSON', 'what a node refuses, and what is no reading, is a dead letter');
$node->query('ALTER TABLE heartbeat_records DROP CONSTRAINT no_thirteen');
is($node->query('SELECT resolved, remaining FROM heartbeat_retry_dead_letters()'), '1|1', 'which is stored when it can be');
$node->assert_audit;
is($node->query('SELECT sum(abs(difference)) FROM heartbeat_audit_tables()'), 0, 'also says heartbeat_audit_tables');
my $replayed = $node->query('SELECT sum(messages), sum(records + anomalies + dead_letters) FROM heartbeat_replay(now() - interval \'1 hour\', now())');
like($replayed, qr/^[1-9]\d+\|0$/, 'a replay stores nothing again');

# Partitions: old readings are moved to one that is made, and one that is old is dropped
publish(map { reading("C$_", 80, reading_time($old, $_)) } 1 .. 20);
is($node->count('heartbeat_records_default'), 20, 'old readings are in the default partition');
await_rollup();
is($node->query("SELECT heartbeat_make_partitions(to_timestamp($old), to_timestamp($old))"), 3, 'partitions are made');
is($node->count('heartbeat_records_default'), 0, 'nothing is left in the default partition');
is($node->query("SELECT count(*) FROM heartbeat_records WHERE event_timestamp < to_timestamp($old) + interval '1 day'"), 20, 'its readings were moved');
$node->assert_audit;
$node->assert_summary('the rollup, too');
publish(map { reading("late $_", 80, reading_time($old + 60, $_)) } 1 .. 20);
await_rollup();
$node->set('heartbeat.retention' => '365d');
$node->wait_for_query("SELECT count(*) FROM heartbeat_records WHERE event_timestamp < to_timestamp($old) + interval '1 day'", 0, 'retention drops them');
$node->set('heartbeat.retention' => '0');
$node->assert_summary('and their rollup');

# Alerts
$node->query("INSERT INTO heartbeat_alert_rules (name, kind, threshold, period) VALUES ('many', 'anomalies', 3, '1 minute')");
$node->query("INSERT INTO heartbeat_alert_rules (name, kind, period, customer_id) VALUES ('gone', 'silence', '10 seconds', 'quiet')");
my $at = int(time) - 15;
publish((map { reading('hot', 200 + $_, reading_time($at, $_)) } 1 .. 3), reading('quiet', 70, reading_time($at, 0)));
$node->wait_for_query('SELECT string_agg(rule || \' \' || subject, \', \' ORDER BY rule) FROM heartbeat_alerts WHERE closed_at IS NULL',
	'gone quiet, many hot', 'alerts are raised');
publish(reading('quiet', 70, reading_time(int(time) + 5, 0)));
$node->wait_for_query("SELECT count(*) FROM heartbeat_alerts WHERE rule = 'gone' AND closed_at IS NOT NULL", 1, 'and closed');

# Every view answers
for my $view (split /\n/, $node->query("SELECT relname FROM pg_class WHERE relkind = 'v' AND relname ~ '^(heartbeat|vw)_' AND relnamespace = 'public'::regnamespace"))
{
	is($node->query_error("SELECT * FROM $view"), '', "$view answers");
}
like($node->query("EXPLAIN SELECT * FROM vw_customer_bpm_summary WHERE minute_bucket > now() - interval '1 hour'"),
	qr/Task Count: 4\b.*Index Cond: \(minute_bucket > \(now\(\) - '01:00:00'::interval\)\)/s, 'the summary is made on the nodes, by their indexes');

# Counted, and dropped by retention
sub assert_tables
{
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is($node->query('SELECT table_name, difference FROM heartbeat_audit_tables() WHERE difference <> 0'),
		'heartbeat_records|-40', 'the tables lack what retention has dropped, and nothing else');
}

# And back
my ($audit, $rows) = ('SELECT sum(abs(difference)) FROM heartbeat_audit()', 'SELECT md5(string_agg(t::text, \' \' ORDER BY t::text)) FROM heartbeat_records t');
my $readings = $node->query($rows);
$node->query('DELETE FROM heartbeat_alert_rules');
$node->query('SELECT heartbeat_undistribute()');
is($node->query('SELECT count(*) FROM citus_tables'), 0, 'no table is distributed');
is($node->query($rows), $readings, 'the readings are as they were');
is_deeply(definition($node), $before, 'and so is the extension');
publish(map { reading("C$_", 90, reading_time($now + 50, $_)) } 1 .. 600);
await_rollup();
$node->assert_summary('ingest goes on, and so does the rollup');
assert_tables();
is($node->query($audit), 0, 'every message is accounted for');
is($first->query("SELECT count(*) FROM pg_class WHERE relname LIKE 'heartbeat_%'"), 0, 'the node has nothing of it left');
citus_distribute($node);
is($node->query("SELECT shard_count FROM citus_tables WHERE table_name = 'heartbeat_records'::regclass"), 8, 'the default is four shards a node');
publish(map { reading("C$_", 91, reading_time($now + 51, $_)) } 1 .. 600);
assert_tables();
$_->assert_no_crash for $node, $first, $second;
$kafka->stop;
done_testing();
