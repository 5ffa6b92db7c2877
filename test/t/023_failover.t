# Failover: a standby rests, is promoted half way and goes on from its own positions, while the old primary comes back as
# a second one, is rewound, follows, and takes over again. Each of them ends with every reading once.

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
$feed->assert_stored($primary, 'the primary has read what there is');
$primary->backup('base');
my $standby = Heartbeat::Cluster->create_from_backup('standby', $primary, 'base', has_streaming => 1);
$standby->backup('of_standby');
my $cascaded = Heartbeat::Cluster->create_from_backup('cascaded', $standby, 'of_standby', has_streaming => 1);

# A hot standby: it shows everything and does nothing.
$feed->publish(3_000);
$primary->query('SELECT heartbeat_pause($$for the standby to see$$)');
$primary->query('SELECT heartbeat_resume()');
for my $node ($standby, $cascaded)
{
	my $name = $node->name;
	$feed->assert_stored($node, "$name has what the primary has stored");
	is_deeply([ $node->worker_pids ], [], "$name runs no process of heartbeat");
	$node->wait_for_state('STOPPED', 'in recovery', "$name says that it is in recovery");
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
	is($here, $there, "$look answers on a standby");
}
$standby->set('heartbeat.retention' => '1min');
$primary->query('SELECT heartbeat_pause()');
$standby->wait_for_query('SELECT paused FROM heartbeat_control', 't', 'the pause has reached the standby');
for my $act ('heartbeat_pause()', 'heartbeat_resume()', 'heartbeat_seek(0, 0)', 'heartbeat_seek(2, 0)',
	"heartbeat_seek('2026-01-01'::timestamptz)", 'heartbeat_retry_dead_letters()', 'heartbeat_apply_retention()',
	"heartbeat_make_partitions('2041-01-01', '2041-01-01')", "heartbeat_move_offset('heartbeat-events', 0, 0, '')",
	"heartbeat_make_weeks('2001-01-01', '2001-01-01', '{heartbeat_records}', '{event_timestamp}', false)")
{
	like($standby->query_error("SELECT $act"), qr/cannot execute [A-Z ]+ (in a read-only transaction|during recovery)/,
		"$act is refused on a standby, with the reason");
}
like($standby->query_error("SELECT heartbeat_replay(now() - interval '1 hour', now())"), qr/cannot execute heartbeat_replay\(\)/, 'and so is a replay');
$primary->query('SELECT heartbeat_resume()');
$standby->set('heartbeat.retention' => 0);

# An alert that is open when the primary dies is not raised again by the standby.
sub watch
{
	my ($node, $customer) = @_;
	$node->query("INSERT INTO heartbeat_alert_rules (name, kind, period, customer_id) VALUES ('$customer is silent', 'silence', '10 seconds', '$customer')");
	# heard while there was no such rule, the customer counts as heard for a minute: the arrival is put back
	$node->wait_for_query("SELECT heard_until IS NOT NULL FROM heartbeat_customers WHERE customer_id = '$customer'", 't', "$customer was heard");
	$node->query("UPDATE heartbeat_customers SET heard_until = now() - interval '20 seconds' WHERE customer_id = '$customer'");
	$node->wait_for_query("SELECT count(*) FROM heartbeat_alerts WHERE subject = '$customer'", 1, $node->name . " raises an alert of $customer");
	return;
}
watch($primary, 'CUST-0001');
$standby->wait_for_query('SELECT count(*) FROM heartbeat_alerts', 1, 'which the standby has too');

# A synchronous standby that is away holds up who asks for it, and that is not the worker.
$cascaded->stop;
$standby->stop;
$primary->set('synchronous_standby_names' => 'standby');
$feed->publish(300);
$feed->assert_stored($primary, 'the worker does not wait for a synchronous standby that is away');
$primary->set('synchronous_standby_names' => '');
$standby->start;
$cascaded->start;

# The standby is cut off half way, and the primary is killed later, with many readings still to come.
$primary->set('heartbeat.batch_size' => 1);
$feed->publish(60_000);
$primary->wait_for_query("SELECT ($stored) > 13000", 't', 'the primary is storing readings');
$standby->wait_for_query("SELECT ($stored) > 12500", 't', 'and the standby is following');
$standby->set('primary_conninfo' => '');
my $before = $primary->query($stored);
$primary->wait_for_query("SELECT ($stored) > $before + 1000", 't', 'the primary goes on alone');
my $at_death = $primary->query($stored);
my @pids     = $primary->worker_pids;
$primary->kill9;
ok($primary->processes_end(3, @pids), 'the workers end with their server, also in the middle of a backlog');
cmp_ok($at_death, '<', $feed->count, "which is after about $at_death readings");
$primary->start_after_kill9;
$primary->set('heartbeat.batch_size' => 20_000);
cmp_ok($standby->query($stored), '<', $at_death, 'the standby lacks some of what the primary had stored');
$standby->promote;
$feed->assert_stored($standby, 'the promoted standby reads again from Kafka what it had not received');
is($standby->query('SELECT sum(duplicates) FROM heartbeat_offsets'), 0, 'each once');
is( $standby->query("SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'heartbeat%'"),
	4, 'a launcher, a maintenance worker and two workers run since the promotion');

watch($standby, 'CUST-0002');
is($standby->query("SELECT count(*) FROM heartbeat_alerts WHERE subject = 'CUST-0001'"), 1, 'it raises no alert again that was open');    # closed, where the standby has heard of the customer since

# The old primary is back as a second one with the same group: to each its own positions.
$feed->publish(3_000);
for my $node ($primary, $standby)
{
	my $name = $node->name;
	$feed->assert_stored($node, "two primaries, one topic and one group: $name has everything");
	is($node->query('SELECT sum(duplicates) FROM heartbeat_offsets'), 0, 'each once');
}
my @ends = $kafka->end_offsets('heartbeat-events');
is_deeply([ $kafka->wait_for_group_offsets('heartbeat-consumer-group', 'heartbeat-events', @ends) ],
	\@ends, 'the group in Kafka shows the end');
$feed->assert_stored($cascaded, 'a standby of the promoted standby follows it');
is_deeply([ $cascaded->worker_pids ], [], 'and rests');

# Rewound to the new primary, the old one follows, rests, and takes over again.
$primary->stop;
$standby->query('ALTER SYSTEM RESET primary_conninfo');
$standby->query('CHECKPOINT');
command_ok([ 'pg_rewind', '--target-pgdata', $primary->data_dir, '--source-server', $standby->connstr('postgres'), '--no-sync' ],
	'the old primary is rewound');
$primary->append_conf('postgresql.conf', 'port = ' . $primary->port);
$primary->enable_streaming($standby);
$primary->start;
$feed->publish(3_000);
$feed->assert_stored($primary, 'as a standby it has what the new primary stores');
is_deeply([ $primary->worker_pids ], [], 'and rests');
$standby->stop;
$feed->publish(3_000);
$primary->promote;
$feed->assert_stored($primary, 'promoted again, it goes on');
is($primary->query('SELECT sum(duplicates) FROM heartbeat_offsets'), 0, 'each once');
$_->assert_no_crash for $primary, $standby, $cascaded;

done_testing();
