# Tests failover. A standby runs no worker. The standby is promoted before it has received all readings that the primary has
# stored. The workers of the promoted server continue at the stored offsets of this server. The old primary is first started as
# a second primary. Later pg_rewind makes the old primary a standby of the new primary, and the test promotes this standby. At
# the end each of the two servers has every reading once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Feed;
use Heartbeat::Kafka;

my $kafka = Heartbeat::Kafka->new('failover');
$kafka->start;
my $feed = Heartbeat::Feed->new($kafka, 3);

my $stored = 'SELECT coalesce(sum(records + anomalies), 0) FROM heartbeat_offsets';

$feed->publish(9_000);
my $primary = Heartbeat::Cluster->create(
	'primary', kafka => $kafka, streaming => 1,
	settings => { 'heartbeat.workers' => 2, 'wal_log_hints' => 'on', 'wal_keep_size' => '1GB' });
$feed->assert_stored($primary, 'the primary stores the first messages');
$primary->backup('base');
my $standby = Heartbeat::Cluster->create_from_backup('standby', $primary, 'base', has_streaming => 1);
$standby->backup('of_standby');
my $cascaded = Heartbeat::Cluster->create_from_backup('cascaded', $standby, 'of_standby', has_streaming => 1);

# A hot standby shows all data and changes no data.
$feed->publish(3_000);
$primary->query('SELECT heartbeat_pause($$for the standby to see$$)');
$primary->query('SELECT heartbeat_resume()');
for my $node ($standby, $cascaded)
{
	my $name = $node->name;
	$feed->assert_stored($node, "$name has all readings of the primary");
	is_deeply([ $node->worker_pids ], [], "$name runs no process of heartbeat");
	$node->wait_for_state('STOPPED', 'in recovery', "the status of $name says that the server is in recovery");
}
for my $look ('heartbeat_partitions', 'heartbeat_dead_letters', 'heartbeat_gaps', 'vw_customer_bpm_summary',
	'vw_recent_anomalies', 'heartbeat_partition_states()', 'heartbeat_audit()', 'heartbeat_classify(300)',
	'heartbeat_kafka_offsets(now())', "vw_pipeline_summary WHERE metric !~ '^state|^lag'")
{
	my $query = "SELECT count(*), md5(string_agg(md5(row::text), '' ORDER BY md5(row::text))) FROM (SELECT * FROM $look) row";
	$query = "SELECT topic, partition, next_offset, records, dead_letters FROM $look ORDER BY 2" if $look eq 'heartbeat_partitions';
	$query = "SELECT count(*) FROM $look" if $look =~ /bpm_summary|partition_states/;
	my ($here, $there) = map { $_->query($query) } $standby, $primary;
	$there = 0 if $look =~ /partition_states/;
	is($here, $there, "$look answers on a standby as on the primary");
}
$standby->set('heartbeat.retention' => '1min');
$primary->query('SELECT heartbeat_pause()');
$standby->wait_for_query('SELECT paused FROM heartbeat_control', 't', 'the pause reaches the standby');
for my $act ('heartbeat_pause()', 'heartbeat_resume()', 'heartbeat_seek(0, 0)', 'heartbeat_seek(2, 0)',
	"heartbeat_seek('2026-01-01'::timestamptz)", 'heartbeat_retry_dead_letters()', 'heartbeat_apply_retention()',
	"heartbeat_make_partitions('2041-01-01', '2041-01-01')", "heartbeat_move_offset('default', 'heartbeat-events', 0, 0, '')",
	"heartbeat_make_weeks('2001-01-01', '2001-01-01', '{heartbeat_records}', '{event_timestamp}', false)")
{
	like($standby->query_error("SELECT $act"), qr/cannot execute [A-Z ]+ (in a read-only transaction|during recovery)/,
		"$act fails on a standby, and the error gives the reason");
}
like($standby->query_error("SELECT heartbeat_replay(now() - interval '1 hour', now())"), qr/cannot execute heartbeat_replay\(\)/, 'heartbeat_replay() fails on a standby');
$primary->query('SELECT heartbeat_resume()');
$standby->set('heartbeat.retention' => 0);

# If an alert is open when the primary is killed, the promoted standby does not raise this alert a second time.
sub watch
{
	my ($node, $customer) = @_;
	$node->query("INSERT INTO heartbeat_alert_rules (name, kind, period, customer_id) VALUES ('$customer is silent', 'silence', '1 minute', '$customer')");
	# A silence rule measures the silence from heard_until, which can be a minute after the arrival of the customer's last
	# reading. To avoid a long wait, the test sets heard_until to a time in the past.
	$node->wait_for_query("SELECT heard_until IS NOT NULL FROM heartbeat_customers WHERE customer_id = '$customer'", 't', "the arrival of $customer is recorded");
	$node->query("UPDATE heartbeat_customers SET heard_until = now() - interval '2 minutes' WHERE customer_id = '$customer'");
	$node->wait_for_query("SELECT count(*) FROM heartbeat_alerts WHERE subject = '$customer'", 1, $node->name . " raises the alert of $customer");
	return;
}
watch($primary, 'CUST-0001');
$standby->wait_for_query('SELECT count(*) FROM heartbeat_alerts', 1, 'the standby has the alert');

# If a synchronous standby is down, a session with synchronous_commit = on waits at its commit. The worker commits with
# synchronous_commit = off, so the worker does not wait.
$cascaded->stop;
$standby->stop;
$primary->set('synchronous_standby_names' => 'standby');
$feed->publish(300);
$feed->assert_stored($primary, 'the worker does not wait for a synchronous standby that is down');
$primary->set('synchronous_standby_names' => '');
$standby->start;
$cascaded->start;

# While the primary stores a backlog, the standby loses its connection to the primary. The primary stores more readings, and is
# killed before it has stored the whole backlog.
$primary->set('heartbeat.batch_size' => 1);
$feed->publish(120_000);
$primary->wait_for_query("SELECT ($stored) > 13000", 't', 'the primary stores readings of the backlog');
$standby->wait_for_query("SELECT ($stored) > 12500", 't', 'the standby receives readings of the backlog');
$standby->set('primary_conninfo' => '');
my $before = $primary->query($stored);
$primary->wait_for_query("SELECT ($stored) > $before + 1000", 't', 'the primary stores more readings than the standby receives');
my $at_death = $primary->query($stored);
my @pids     = $primary->worker_pids;
$primary->kill9;
ok($primary->processes_end(3, @pids), 'the workers end with their server in the middle of a backlog');
cmp_ok($at_death, '<', $feed->count, "the primary is killed after about $at_death readings");
$primary->start_after_kill9;
$primary->set('heartbeat.batch_size' => 20_000);
cmp_ok($standby->query($stored), '<', $at_death, 'the standby lacks some readings that the primary had stored');
$standby->promote;
$feed->assert_stored($standby, 'the promoted standby reads the missing messages again from Kafka');
is($standby->query('SELECT sum(duplicates) FROM heartbeat_offsets'), 0, 'the promoted standby counts no duplicate');
is( $standby->query("SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'heartbeat%'"),
	4, 'the promoted standby runs a launcher, a maintenance worker and two workers');

watch($standby, 'CUST-0002');
# A later reading of the customer may have closed the alert, so the test counts open and closed alerts.
is($standby->query("SELECT count(*) FROM heartbeat_alerts WHERE subject = 'CUST-0001'"), 1, 'the promoted standby does not raise an open alert again');

# The old primary runs again, as a second primary with the same consumer group. Each server has its own stored offsets.
$feed->publish(3_000);
for my $node ($primary, $standby)
{
	my $name = $node->name;
	$feed->assert_stored($node, "$name stores every reading while two primaries use one topic and one group");
	is($node->query('SELECT sum(duplicates) FROM heartbeat_offsets'), 0, "$name counts no duplicate");
}
my @ends = $kafka->end_offsets('heartbeat-events');
is_deeply([ $kafka->wait_for_group_offsets('heartbeat-consumer-group', 'heartbeat-events', @ends) ],
	\@ends, 'the consumer group in Kafka has the end offsets');
$feed->assert_stored($cascaded, 'a standby of the promoted standby has every reading');
is_deeply([ $cascaded->worker_pids ], [], 'the cascaded standby runs no process of heartbeat');

# The old primary is rewound to the new primary, follows the new primary as a standby, and is promoted again.
$primary->stop;
$standby->query('ALTER SYSTEM RESET primary_conninfo');
$standby->query('CHECKPOINT');
command_ok([ 'pg_rewind', '--target-pgdata', $primary->data_dir, '--source-server', $standby->connstr('postgres'), '--no-sync' ],
	'pg_rewind rewinds the old primary');
$primary->append_conf('postgresql.conf', 'port = ' . $primary->port);
$primary->enable_streaming($standby);
$primary->start;
$feed->publish(3_000);
$feed->assert_stored($primary, 'the old primary, now a standby, receives the readings of the new primary');
is_deeply([ $primary->worker_pids ], [], 'the old primary runs no process of heartbeat as a standby');
$standby->stop;
$feed->publish(3_000);
$primary->promote;
$feed->assert_stored($primary, 'the old primary stores the next messages when it is promoted again');
is($primary->query('SELECT sum(duplicates) FROM heartbeat_offsets'), 0, 'the old primary counts no duplicate after its promotion');
$_->assert_no_crash for $primary, $standby, $cascaded;

done_testing();
