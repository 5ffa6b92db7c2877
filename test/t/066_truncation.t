# Kafka's log of a partition goes back, and new messages take the place of those that were read: a volume restored as it
# was. It is found before anything after them is stored, stopped by default, and settled as a person decides.

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

# One server for each thing that heartbeat may be doing meanwhile, and a topic for each server. Where the times are equal,
# nothing but the bytes of a message tells it from another one.
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

# Publishes readings to a topic that no topic has had before; its server must hold them in the end.
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

# The volume is kept as it is now.
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
		0, "$name: a restart of the broker alone is no truncation");
}

# What each is doing when it comes back.
my %sessions;
my ($locked, $paused, $down) = map { $cases{$_}{node} } qw(locked paused down);
my $session = $locked->background_psql('heartbeat');
$session->query_safe('BEGIN; LOCK TABLE heartbeat_records, heartbeat_anomalies');
publish('locked', 100);
$locked->wait_for_query("SELECT count(*) > 0 FROM pg_locks WHERE NOT granted", 't', 'a lock holds the worker, with messages in hand');
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
		"$name: a truncated log is found");
	diag sprintf '%s: FAILED %.1f s after the broker was back', $name, time - $back;
}
$session->query_safe('COMMIT');
$session->quit;
$paused->query('SELECT heartbeat_resume()');
$down->start;
$locked->wait_for_state('FAILED', 'truncated to offset 1000: .* read up to offset 1600', 'locked: a truncated log is found after the batch in hand');
$paused->wait_for_state('FAILED', 'truncated to offset 1000: .* read up to offset 1500', 'paused: a truncated log is found');
$down->wait_for_state('FAILED', 'truncated to offset 1000( or a later one up to \d+)?: .* read up to offset 1500', 'down: a truncated log is found');

for my $name (@names)
{
	my $node = $cases{$name}{node};
	is($node->count('heartbeat_records') + $node->count('heartbeat_anomalies'), $name eq 'locked' ? 1600 : 1500,
		"$name: nothing of the new log is stored");
	is($node->query("SELECT count(*), min(details->>'next_offset') FROM heartbeat_events WHERE kind = 'truncation'"),
		$name eq 'locked' ? '1|1600' : '1|1500', "$name: an event tells of it");
}

# Settled by the setting, from the first new message on.
for my $name (qw(equal locked paused down))
{
	my $node = $cases{$name}{node};
	$node->set('heartbeat.offset_reset' => 'earliest');
	$node->wait_for_offsets($name, 1700);
	$node->wait_for_state('RUNNING');
	$node->assert_readings("$name: with offset_reset = earliest each reading that Kafka ever had is stored", @{ $cases{$name}{messages} });
	$node->assert_audit;
	is($node->count('heartbeat_gaps'), 0, "$name: and nothing was skipped");
}

# Settled by a person, as docs/operations.md has it.
my $reading = $cases{reading}{node};
like($reading->status->{hint}, qr/heartbeat_seek\(0, 1000\)/, 'the hint names the seek');
$reading->query(grants_of("heartbeat_$_")) for qw(reader operator worker);
$reading->query('ALTER ROLE heartbeat_operator LOGIN');
my $runbook = Heartbeat::Runbook->new($reading, 'docs/operations.md', 'heartbeat_operator');
my $section = 'After Kafka lost messages';
$runbook->run('Before the first night', 1);
like($runbook->run($section, 1), qr/^0\|1000\|1500\|.*truncated to offset 1000/, 'the runbook shows the partition');
like($runbook->run($section, 2), qr/^0\|1500\|1000$/m, 'and goes back to where the log is another one');
$reading->wait_for_offsets('reading', 1700);
$reading->wait_for_state('RUNNING');
$reading->assert_readings('after that each reading is stored', @{ $cases{reading}{messages} });
$reading->assert_audit;
like($runbook->run($section, 3), qr/truncated to offset 1000.*"truncated_to": 1000/, 'and what happened is written down');
$runbook->assert_all_run($section);

$_->{node}->assert_no_crash, $_->{node}->stop for values %cases;
$kafka->stop;

# Three brokers: what is no truncation, and an unclean leader election.
my $cluster = Heartbeat::Kafka::Cluster->new('unclean', brokers => 3, 'unclean.leader.election.enable' => 'true');
$cluster->start;
my $topic = 'heartbeat-events';
$cluster->create_assigned_topic($topic, [ [ 1, 2 ], [ 2, 3 ], [ 3, 1 ] ], 'min.insync.replicas=1', 'message.timestamp.type=CreateTime');
my $node = Heartbeat::Cluster->create('unclean', kafka => $cluster);
my @all;

# Publishes to partition 0 or to all three.
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
is($node->query("SELECT count(*) FROM heartbeat_events WHERE kind = 'truncation' OR details->>'state' = 'FAILED'"), 0, 'a rolling restart is no truncation');
is($node->query('SELECT sum(duplicates) FROM heartbeat_offsets'), 0, 'and nothing is stored twice');

# Broker 2 misses what broker 1, alone, takes; then broker 1 dies, and 2 leads with less.
$cluster->elect_preferred_leaders;
$cluster->node(2)->stop;
feed(500, 1);
$node->wait_for_offsets($topic, 1800, 1300, 1300);
$cluster->node(1)->kill9;
$cluster->node(2)->start(no_wait => 1);
my $leader = $cluster->wait_for_other_leader($topic, 0, $cluster->node(1));
my $elected = time;
is($leader->id, 2, 'the broker that lacks messages leads');
feed(700, 1);
$node->wait_for_state('FAILED', 'log of partition 0 was truncated to offset 1300: .* read up to offset 1800', 'an unclean election is found');
diag sprintf 'unclean election: FAILED %.1f s after it', time - $elected;
is($node->count('heartbeat_records') + $node->count('heartbeat_anomalies'), 4400, 'before anything of the new log is stored');

# latest skips what the log has, and says what that is; a replay brings it back.
$node->set('heartbeat.offset_reset' => 'latest');
$node->wait_for_offsets($topic, 2000, 1300, 1300);
$node->wait_for_state('RUNNING');
is($node->query("SELECT partition, from_offset, to_offset FROM heartbeat_gaps"), '0|1300|2000', 'with offset_reset = latest the gap is recorded');
$node->assert_audit;
$node->query("SELECT heartbeat_replay('1970-01-01 00:00+00', 'now')");
$node->assert_readings('and heartbeat_replay() fills it', @all);
$node->assert_audit;

$node->assert_no_crash;
$cluster->stop;
done_testing();
