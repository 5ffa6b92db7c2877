# A worker that lags hands Kafka partitions over to a worker that does not lag. No reading is lost or stored twice. During the
# hand-over both workers continue to read their other Kafka partitions. When a worker's process ends, its new process reads the
# same Kafka partitions.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

# Worker 0 begins with the partitions 0 and 2, and worker 1 with the partitions 1 and 3.
my $topic = 'heartbeat-events';
my $kafka = Heartbeat::Kafka->new('hand_over');
$kafka->start;
$kafka->create_topic($topic, 4);
my $node = Heartbeat::Cluster->create('hand_over', kafka => $kafka,
	settings => { 'heartbeat.workers' => 2, 'heartbeat.batch_size' => 100 });
$node->wait_for_state('RUNNING');

# This trigger makes each batch take at least 30 ms, so a few thousand messages are a lag of several seconds.
$node->query("CREATE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep(0.03); RETURN NULL; END'");
$node->query('CREATE TRIGGER slow AFTER INSERT ON heartbeat_records FOR EACH STATEMENT EXECUTE FUNCTION slow()');

my ($sent, @end) = (0, 0, 0, 0, 0);

# Publishes $count messages to each of @partitions. Ingest is paused until all messages are published, so that all partitions
# lag at the same time.
sub publish
{
	my ($count, @partitions) = @_;
	$node->query('SELECT heartbeat_pause()');
	for my $partition (@partitions)
	{
		$kafka->produce($topic, map { { %$_, partition => $partition } } reading_stream($count, 1, first => $sent));
		$sent += $count;
		$end[$partition] += $count;
	}
	$node->wait_for_query('SELECT sum(high_watermark) FROM heartbeat_partitions', $sent, 'the workers know the end of each partition');
	return $node->query('SELECT heartbeat_resume()');
}

# Returns the partitions of both workers, for example "0 2, 1 3".
my $division = q{SELECT string_agg(partitions, ', ' ORDER BY partitions)
	FROM (SELECT string_agg(partition::text, ' ' ORDER BY partition) AS partitions FROM heartbeat_partitions WHERE state = 'READING' GROUP BY worker_pid) w};

sub assert_stored
{
	my ($what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$node->wait_for_offsets($topic, @end);
	is($node->query('SELECT sum(records) + sum(anomalies), sum(duplicates) FROM heartbeat_offsets'), "$sent|0", "$what: each reading is stored exactly once");
	return $node->assert_audit;
}

# If only one partition of a worker lags, the worker keeps this partition.
my $position = $node->log_position;
publish(7_000, 0);
assert_stored('one partition lags');
ok(!$node->log_matches(qr/hands partition/, $position), 'a worker keeps the only partition that lags');
is($node->query($division), '0 2, 1 3', 'each worker reads its two partitions');

# Both partitions of worker 0 lag, and worker 1 has nothing to read.
publish(8_000, 0, 2);
$node->wait_for_log(qr/worker 0 hands partition [02] of topic "$topic" over to worker 1/, $position);
$node->wait_for_query("SELECT count(DISTINCT worker_pid) FROM heartbeat_partitions WHERE partition IN (0, 2) AND state = 'READING' AND lag_messages > 0",
	2, 'each worker reads a partition that lags');
assert_stored('worker 0 lags');
my ($moved) = slurp_file($node->logfile, $position) =~ /hands partition (\d)/;
my ($kept, $new) = (2 - $moved, join ' ', sort $moved, 1, 3);
my $divided = join ', ', sort "$kept", $new;
is($node->query($division), $divided, 'worker 1 keeps the partition after the lag has ended');

# After the end of a worker's process, the launcher starts a new process with the same worker number. The new process reads the
# same partitions.
$node->query("SELECT pg_terminate_backend(worker_pid) FROM heartbeat_partitions WHERE partition = $moved");
$node->wait_for_query($division, $divided, 'a new process of worker 1 reads the partition');
publish(1_000, 0 .. 3);
assert_stored('after the end of a process');

# A pause, a seek and a reload do not change which partitions each worker reads.
$node->query('SELECT heartbeat_pause()');
$node->query("SELECT heartbeat_seek($moved, $end[$moved] - 100)");
$node->query('SELECT heartbeat_resume()');
$node->wait_for_query("SELECT duplicates FROM heartbeat_offsets WHERE partition = $moved", 100, 'worker 1 reads from the new offset');
$node->set('heartbeat.batch_wait' => '50ms');
$node->wait_for_query($division, $divided, 'worker 1 reads the partition after a reload');

# Now worker 1 lags, and worker 0 has nothing to read.
$position = $node->log_position;
publish(8_000, $moved, 1);
$node->wait_for_log(qr/worker 1 hands partition \d of topic "$topic" over to worker 0/, $position);
$node->wait_for_offsets($topic, @end);
is($node->query('SELECT sum(records) + sum(anomalies) FROM heartbeat_offsets'), $sent, 'worker 1 lags: each reading is stored exactly once');
$node->assert_audit;

# During a hand-over, one worker stops reading the partition before the other worker begins. So while a worker stores a batch
# of a partition, no other worker changes the stored offset of this partition.
ok(!$node->log_matches(qr/another process changed an offset/), 'no worker finds an offset that the other worker has advanced');

# A worker is killed while it stores readings. PostgreSQL then restarts all processes.
publish(5_000, 0 .. 3);
$node->kill_worker('heartbeat worker%');
$node->wait_for_offsets($topic, @end);
is($node->query('SELECT sum(records) + sum(anomalies) FROM heartbeat_offsets'), $sent, 'a killed worker: each reading is stored exactly once');
$node->assert_audit;

# After a change of the source, each worker reads the partitions that it had at the beginning of the test.
$position = $node->log_position;
publish(8_000, 0, 2);
$node->wait_for_log(qr/worker 0 hands partition [02] of topic "$topic" over to worker 1/, $position);
$node->wait_for_offsets($topic, @end);
$node->query("SELECT heartbeat_alter_source('default', offset_reset => 'earliest')");
$node->wait_for_query($division, '0 2, 1 3', 'each worker reads its first partitions after a change of the source');
publish(500, 0 .. 3);
$node->wait_for_offsets($topic, @end);
is($node->query('SELECT sum(records) + sum(anomalies) FROM heartbeat_offsets'), $sent, 'an altered source: each reading is stored exactly once');
$node->assert_audit;
$node->assert_no_crash;
$kafka->stop;
done_testing();
