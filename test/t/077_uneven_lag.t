# A worker that lags hands Kafka partitions with at most half of its lag over to a worker that does not lag. A stopped worker
# gets no Kafka partition. A worker can get a Kafka partition that it does not know yet.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

# Worker 0 begins with the even partitions, and worker 1 with the odd partitions.
my $topic = 'heartbeat-events';
my $kafka = Heartbeat::Kafka->new('uneven');
$kafka->start;
$kafka->create_topic($topic, 8);
my $node = Heartbeat::Cluster->create('uneven', kafka => $kafka,
	settings => { 'heartbeat.workers' => 2, 'heartbeat.batch_size' => 100 });
$node->wait_for_state('RUNNING');

# Makes each batch take at least this number of seconds, so that few messages are a long lag.
sub slow_down
{
	my ($seconds) = @_;
	return $node->query("CREATE OR REPLACE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM pg_sleep($seconds); RETURN NULL; END'");
}
slow_down(0.03);
$node->query('CREATE TRIGGER slow AFTER INSERT ON heartbeat_records FOR EACH STATEMENT EXECUTE FUNCTION slow()');

my ($sent, @end) = (0, (0) x 8);
# Publishes messages to these partitions in turn, so that all of them lag at the same time.
sub publish
{
	my ($count, @partitions) = @_;
	my $all = $count * @partitions;
	$kafka->produce($topic, map { { %$_, partition => $partitions[ $_->{partition} ] } } reading_stream($all, scalar @partitions, first => $sent));
	$sent += $all;
	$end[$_] += $count for @partitions;
	return;
}

sub assert_stored
{
	my ($what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$node->wait_for_offsets($topic, @end);
	is($node->query('SELECT sum(records) + sum(anomalies), sum(duplicates) FROM heartbeat_offsets'), "$sent|0", "$what: each reading is stored exactly once");
	return $node->assert_audit;
}

# SIGSTOP stops worker 1 while it waits for messages, so its last reported state stays RUNNING.
publish(16, 0 .. 7);
assert_stored('at first');
my ($stopped) = $node->query('SELECT worker_pid FROM heartbeat_partitions WHERE partition = 1');
my $position = $node->log_position;
kill('STOP', $stopped);
sleep 4;
publish(9_000, 0, 2);
assert_stored('worker 1 is stopped');
kill('CONT', $stopped);
ok(!$node->log_matches(qr/hands partition/, $position), 'a worker hands no partition over to a worker that is stopped');

# Four partitions of worker 0 have the same lag, so worker 0 can hand over two of them. The lag must last until worker 0 notices
# it, even on a busy machine.
my $hands_over = qr/worker 0 hands partition [0246] of topic "$topic" over to worker 1/;
$position = $node->log_position;
$node->query('SELECT heartbeat_pause()');
publish(7_000, 0, 2, 4, 6);
slow_down(0.3);
$node->query('SELECT heartbeat_resume()');
$node->wait_for_log(qr/$hands_over.*$hands_over/s, $position);
is($node->log_matches($hands_over, $position), 2, 'worker 0 hands two of four partitions over');
slow_down(0.03);
assert_stored('four partitions lag');

# Only worker 0 knows that the topic has more partitions.
$kafka->grow_topic($topic, 12);
push @end, (0) x 4;
$node->query("SELECT heartbeat_alter_source('default', offset_reset => 'error')");
$node->wait_for_query('SELECT count(*) FROM heartbeat_offsets', 12, 'the workers read the new partitions');
$kafka->grow_topic($topic, 14);
push @end, (0) x 2;
my ($worker_0) = $node->query('SELECT worker_pid FROM heartbeat_partitions WHERE partition = 0');
$node->query("SELECT pg_terminate_backend($worker_0)");
$node->wait_for_query('SELECT count(*) FROM heartbeat_offsets', 14, 'worker 0 reads the newest partitions');
$position = $node->log_position;
slow_down(0.3);
publish(9_000, 0, 2);
$node->wait_for_log($hands_over, $position);
slow_down(0.03);
assert_stored('worker 1 knows fewer partitions');
is($node->query('SELECT count(*) FROM heartbeat_offsets WHERE lost_at IS NOT NULL'), 0, 'no stored offset is marked as lost');
ok(!$node->log_matches(qr/FAILED/), 'no worker reports that the topic was recreated');

$node->assert_no_crash;
$node->stop;
$kafka->stop;
done_testing();
