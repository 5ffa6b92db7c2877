# After a broker's volume was restored from a copy, the log of a Kafka partition is truncated: new messages get the offsets of
# messages that the worker has already read. The worker notices the truncation before it stores a new message. By default the
# worker is then FAILED, and a person must decide how the worker continues.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Kafka::Cluster;
use Heartbeat::Reading;
use Heartbeat::Runbook;

my $kafka = Heartbeat::Kafka->new('truncation');
$kafka->start;

# Each case has one server and one topic. The cases differ in what heartbeat does while Kafka loses messages, and in the
# messages' timestamps. If all timestamps are equal, only the bytes of a new message differ from the bytes of the earlier
# message with the same offset.
my $equal = int((time - 100) * 1000);
my %cases = (
	reading => { time => undef },
	equal   => { time => $equal },
	locked  => { time => $equal },
	down    => { time => $equal },
	paused  => { time => $equal },
);
my @names = sort keys %cases;
my $published = 0;

# Publishes readings to the topic of the given case. The server of this case must have stored them at the end. No other topic
# has the same readings.
sub publish
{
	my ($name, $count) = @_;
	my $case = $cases{$name};
	my @messages = reading_stream($count, 1, first => $published, start => int($equal / 1000) - 3600);
	$published += $count;
	defined $case->{time} and $_->{timestamp} = $case->{time} for @messages;
	$kafka->produce($name, @messages);
	push @{ $case->{messages} }, @messages;
	return;
}

for my $name (@names)
{
	$kafka->create_topic($name, 1);
	$cases{$name}{node} = Heartbeat::Cluster->create("trunc_$name", kafka => $kafka, settings => { 'heartbeat.topic' => $name });
	publish($name, 1000);
}
$_->{node}->wait_for_offsets($_->{node}->query('SHOW heartbeat.topic'), 1000) for map { $cases{$_} } @names;

# Copies the broker's volume before more messages arrive.
my $folder = $kafka->data_folder;
my $copy   = PostgreSQL::Test::Utils::tempdir('volume') . '/data';
$kafka->stop;
system_or_bail('cp', '-a', $folder, $copy);
$kafka->start;
for my $name (@names)
{
	publish($name, 500);
	$cases{$name}{node}->wait_for_offsets($name, 1500);
	is($cases{$name}{node}->query("SELECT count(*) FROM heartbeat_events WHERE kind = 'truncation' OR details->>'state' = 'FAILED'"),
		0, "$name: a restart of the broker alone is not a truncation");
}

# The test restores the volume while three servers cannot store messages. A lock blocks the worker of the first server, ingest
# of the second server is paused, and the third server is down.
my %sessions;
my ($locked, $paused, $down) = map { $cases{$_}{node} } qw(locked paused down);
my $session = $locked->background_psql('heartbeat');
$session->query_safe('BEGIN; LOCK TABLE heartbeat_records, heartbeat_anomalies');
publish('locked', 100);
$locked->wait_for_query("SELECT count(*) > 0 FROM pg_locks WHERE NOT granted", 't', 'a lock blocks the worker, which holds a batch of messages');
$paused->query('SELECT heartbeat_pause()');
$paused->wait_for_state('PAUSED');
$down->stop;

$kafka->stop;
PostgreSQL::Test::Utils::system_or_bail('rm', '-rf', $folder);
system_or_bail('cp', '-a', $copy, $folder);
$kafka->start;
my $back = time;
publish($_, 700) for @names;

for my $name (qw(reading equal))
{
	$cases{$name}{node}->wait_for_state('FAILED', 'log of partition 0 was truncated to offset 1000: .* read up to offset 1500',
		"$name: the worker is FAILED when the log was truncated");
	diag sprintf '%s: FAILED %.1f s after the broker was back', $name, time - $back;
}
$session->query_safe('COMMIT');
$session->quit;
$paused->query('SELECT heartbeat_resume()');
$down->start;
$locked->wait_for_state('FAILED', 'truncated to offset 1000: .* read up to offset 1600', 'locked: the worker is FAILED after its current batch');
$paused->wait_for_state('FAILED', 'truncated to offset 1000: .* read up to offset 1500', 'paused: the worker is FAILED after heartbeat_resume()');
$down->wait_for_state('FAILED', 'truncated to offset 1000( or a later offset up to \d+)?: .* read up to offset 1500', 'down: the worker is FAILED after the start of the server');

for my $name (@names)
{
	my $node = $cases{$name}{node};
	is($node->count('heartbeat_records') + $node->count('heartbeat_anomalies'), $name eq 'locked' ? 1600 : 1500,
		"$name: nothing of the new log is stored");
	is($node->query("SELECT count(*), min(details->>'next_offset') FROM heartbeat_events WHERE kind = 'truncation'"),
		$name eq 'locked' ? '1|1600' : '1|1500', "$name: an event records the truncation");
}

# With offset_reset = earliest the worker continues at the first new message.
for my $name (qw(equal locked paused down))
{
	my $node = $cases{$name}{node};
	$node->set('heartbeat.offset_reset' => 'earliest');
	$node->wait_for_offsets($name, 1700);
	$node->wait_for_state('RUNNING');
	$node->assert_readings("$name: with offset_reset = earliest each reading of the old and the new log is stored", @{ $cases{$name}{messages} });
	$node->assert_audit;
	is($node->count('heartbeat_gaps'), 0, "$name: no offset is skipped");
}

# A person lets the worker continue, as docs/operations.md describes.
my $reading = $cases{reading}{node};
like($reading->status->{hint}, qr/heartbeat_seek\(0, 1000\)/, 'the hint names heartbeat_seek()');
$reading->query(grants_of("heartbeat_$_")) for qw(reader operator worker);
$reading->query('ALTER ROLE heartbeat_operator LOGIN');
my $runbook = Heartbeat::Runbook->new($reading, 'docs/operations.md', 'heartbeat_operator');
my $section = 'After Kafka lost messages';
$runbook->run('Before the first night', 1);
like($runbook->run($section, 1), qr/^default\|0\|1000\|1500\|.*truncated to offset 1000/, 'the runbook shows the partition');
like($runbook->run($section, 2), qr/^default\|0\|1500\|1000$/m, 'the runbook seeks to the offset at which the new log begins');
$reading->wait_for_offsets('reading', 1700);
$reading->wait_for_state('RUNNING');
$reading->assert_readings('each reading of the old and the new log is stored after the seek', @{ $cases{reading}{messages} });
$reading->assert_audit;
like($runbook->run($section, 3), qr/truncated to offset 1000.*"truncated_to": 1000/, 'the events record the truncation');
$runbook->assert_all_run($section);

$_->{node}->assert_no_crash, $_->{node}->stop for values %cases;
$kafka->stop;

# The three brokers of a cluster first restart one by one, and Kafka truncates no log. Then the cluster has an unclean leader
# election.
my $cluster = Heartbeat::Kafka::Cluster->new('unclean', brokers => 3, 'unclean.leader.election.enable' => 'true');
$cluster->start;
my $topic = 'heartbeat-events';
$cluster->create_assigned_topic($topic, [ [ 1, 2 ], [ 2, 3 ], [ 3, 1 ] ], 'min.insync.replicas=1', 'message.timestamp.type=CreateTime');
my $node = Heartbeat::Cluster->create('unclean', kafka => $cluster);
my @all;

# Publishes messages to the first $partitions Kafka partitions.
sub feed
{
	my ($count, $partitions) = @_;
	my @messages = reading_stream($count, $partitions, first => $published, start => int($equal / 1000) - 3600);
	$published += $count;
	$_->{timestamp} = $equal for @messages;
	$cluster->produce($topic, @messages);
	push @all, @messages;
	return;
}

feed(3000, 3);
$node->wait_for_offsets($topic, 1000, 1000, 1000);
for my $id (1 .. 3)
{
	$cluster->node($id)->restart;
	$cluster->wait_until_in_sync;
	feed(300, 3);
}
$node->wait_for_offsets($topic, 1300, 1300, 1300);
is($node->query("SELECT count(*) FROM heartbeat_events WHERE kind = 'truncation' OR details->>'state' = 'FAILED'"), 0, 'a rolling restart is not a truncation');
is($node->query('SELECT sum(duplicates) FROM heartbeat_offsets'), 0, 'no message is stored twice after a rolling restart');

# Broker 1 stores messages while broker 2 is down. Then broker 1 is killed, and broker 2 becomes the leader without these
# messages.
$cluster->elect_preferred_leaders;
$cluster->node(2)->stop;
feed(500, 1);
$node->wait_for_offsets($topic, 1800, 1300, 1300);
$cluster->node(1)->kill9;
$cluster->node(2)->start(no_wait => 1);
my $leader = $cluster->wait_for_other_leader($topic, 0, $cluster->node(1));
my $elected = time;
is($leader->id, 2, 'the broker that lacks messages is the leader');
feed(700, 1);
$node->wait_for_state('FAILED', 'log of partition 0 was truncated to offset 1300: .* read up to offset 1800', 'the worker is FAILED after an unclean election');
diag sprintf 'unclean election: FAILED %.1f s after it', time - $elected;
is($node->count('heartbeat_records') + $node->count('heartbeat_anomalies'), 4400, 'nothing of the new log is stored after an unclean election');

# With offset_reset = latest the worker skips the messages that the new leader has received since its election. heartbeat_gaps
# records their offsets. A replay stores the skipped messages.
$node->set('heartbeat.offset_reset' => 'latest');
$node->wait_for_offsets($topic, 2000, 1300, 1300);
$node->wait_for_state('RUNNING');
is($node->query("SELECT partition, from_offset, to_offset FROM heartbeat_gaps"), '0|1300|2000', 'heartbeat_gaps records the skipped messages with offset_reset = latest');
$node->assert_audit;
$node->query("SELECT heartbeat_replay('1970-01-01 00:00+00', 'now')");
$node->assert_readings('heartbeat_replay() stores the messages of the gap', @all);
$node->assert_audit;

$node->assert_no_crash;
$cluster->stop;
done_testing();
