# A leader that is killed, frozen or gone for good keeps only its own partitions waiting: the others are read meanwhile, and
# each goes on within 5 seconds of Kafka's own election, also where the server restarts or ingest is resumed in the middle of it.
# What cannot be read is named with the broker's address, its lag is not 0, and it goes on by itself.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use List::Util qw(max);
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);
use Heartbeat::Cluster;
use Heartbeat::Kafka::Cluster;
use Heartbeat::Reading;

my $topic = 'heartbeat-events';
my $limit = 5;
my $kafka = Heartbeat::Kafka::Cluster->new('leader');
$kafka->start;
$kafka->create_assigned_topic($topic, [ [ 1, 2 ], [ 2, 3 ], [ 3, 2 ] ]);
$kafka->create_assigned_topic('single', [ [ 1 ], [ 2 ], [ 3 ] ]);
my $node = Heartbeat::Cluster->create('leader', kafka => $kafka);
$node->wait_for_state('RUNNING');
my $published = 0;
my %longest;

sub took
{
	my ($what, $seconds, $name) = @_;
	$longest{$what} = $seconds if $seconds > ($longest{$what} // 0);
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return cmp_ok($seconds, '<', $limit, $name);
}

# 400 messages of 15 kB a second to the partitions, from a process of their own, until it is told to end: then it says how many.
sub load
{
	my ($name, @partitions) = @_;
	my $brokers = join ',', map { $_->address } grep { $_->id > 1 } $kafka->nodes;
	pipe(my $read, my $write);
	my $pid = fork // die "fork: $!";
	if ($pid == 0)
	{
		my ($ends, $sent) = (0, 0);
		local $SIG{TERM} = sub { $ends = 1 };
		my $producer = Heartbeat::Kafka::Producer->new($brokers, $name, '-X', 'linger.ms=5');
		until ($ends)
		{
			$producer->send(map {
				$sent++;
				{ partition => $partitions[ $sent % @partitions ], value => reading("LOAD-$$", 60, reading_time($^T, $sent)) . ' ' x 15_000 }
			} 1 .. 20);
			usleep(50_000);
		}
		$producer->finish;
		syswrite($write, "$sent\n");
		POSIX::_exit(0);
	}
	close $write;
	return sub { kill('TERM', $pid); my $sent = <$read>; waitpid($pid, 0); return $sent + 0; };
}

sub offsets { return { map { split /\|/ } split /\n/, $node->query("SELECT partition, next_offset FROM heartbeat_offsets WHERE topic = current_setting('heartbeat.topic')") }; }

# For how long the position of one of the partitions stood still at the longest, while that many seconds pass.
sub standstill
{
	my ($seconds, @partitions) = @_;
	my $end  = time + $seconds;
	my $last = offsets();
	my %moved_at = map { $_ => time } @partitions;
	my $longest  = 0;
	while (time < $end)
	{
		my $now = offsets();
		for my $partition (@partitions)
		{
			$longest = max($longest, time - $moved_at{$partition});
			$moved_at{$partition} = time if $now->{$partition} != $last->{$partition};
		}
		$last = $now;
	}
	return $longest;
}

# Publishes one reading to each partition and returns how long it takes until all are stored.
sub passes_in
{
	my ($name, @partitions) = @_;
	my $before = offsets();
	my $began  = time;
	$kafka->produce($name, map { { partition => $_, value => reading("LOAD-$$-$name", 60, reading_time($^T, ++$published)) } } @partitions);
	while (time < $began + 60)
	{
		my $now = offsets();
		return time - $began unless grep { $now->{$_} == $before->{$_} } @partitions;
		usleep(20_000);
	}
	return 60;
}

# Back to where each leader was.
sub heal
{
	$_->start for grep { !defined $_->pid } $kafka->nodes;
	$kafka->wait_until_ready;
	$kafka->wait_until_in_sync;
	$kafka->elect_preferred_leaders;
	$node->wait_for_state('RUNNING');
	return;
}

# Killed under load: partitions that never were on that broker are read all the while.
my $end_load = load($topic, 1, 2);
$node->wait_for_query('SELECT min(next_offset) > 20 FROM heartbeat_offsets WHERE partition > 0', 't', 'there is load');
$kafka->node(1)->kill9;
my $killed = time;
took('other partitions, leader killed', standstill(8, 1, 2), 'a killed leader keeps no other partition waiting');
$kafka->wait_for_other_leader($topic, 0, $kafka->node(1));
took('its partition, leader killed', passes_in($topic, 0), 'its partition goes on with the new leader');
my $sent = $end_load->();
note sprintf '%d messages of 15 kB in %.0f s', $sent, time - $killed;
heal();

# Frozen under load.
$end_load = load($topic, 1, 2);
$node->wait_for_query("SELECT min(next_offset) > 20 FROM heartbeat_offsets WHERE partition > 0 AND next_offset > $sent / 2", 't', 'there is load again');
$kafka->node(1)->freeze;
took('other partitions, leader frozen', standstill(8, 1, 2), 'a frozen leader keeps no other partition waiting');
$kafka->wait_for_other_leader($topic, 0, $kafka->node(1));
took('its partition, leader frozen', passes_in($topic, 0), 'its partition goes on with the new leader');
$sent = $end_load->();
$kafka->node(1)->thaw;
heal();

# In the middle of an election the server restarts, or ingest is resumed.
for my $kind ('restart', 'resume')
{
	for my $fault ('kill9', 'freeze')
	{
		my $victim = $kafka->node(1);
		$node->query("SELECT heartbeat_pause('election')") if $kind eq 'resume';
		$node->wait_for_state('PAUSED') if $kind eq 'resume';
		$victim->$fault;
		$kind eq 'restart' ? $node->restart : $node->query('SELECT heartbeat_resume()');
		$kafka->wait_for_other_leader($topic, 0, $victim);
		took("$kind after $fault", passes_in($topic, 0, 1, 2), "all partitions go on after $fault and $kind within seconds of the election");
		$victim->thaw if $fault eq 'freeze';
		heal();
	}
}
$node->wait_for_offsets($topic, $kafka->end_offsets($topic));
$node->assert_audit;

# A worker that reads from one broker alone, which is also its bootstrap server, asks the other brokers when that one is frozen.
$kafka->create_assigned_topic('alone', [ [ 1, 2 ], [ 2, 3 ], [ 1, 3 ] ]);
my $brokers = $kafka->brokers;
$node->set('heartbeat.topic' => 'alone', 'heartbeat.brokers' => $kafka->node(1)->address, 'heartbeat.workers' => 2);
$node->restart;
$node->wait_for_query("SELECT count(*) FROM heartbeat_partitions WHERE state = 'READING'", '3', 'two workers read a topic');
passes_in('alone', 0, 1, 2);
$kafka->node(1)->freeze;
$kafka->wait_for_other_leader('alone', $_, $kafka->node(1)) for 0, 2;
took('the only leader frozen', passes_in('alone', 0, 2), 'the new leaders are found by way of another broker');
$kafka->node(1)->thaw;
$node->set('heartbeat.brokers' => $brokers, 'heartbeat.workers' => 1);
$node->restart;
heal();

# A partition that exists once, and whose broker is gone.
$node->set('heartbeat.topic' => 'single');
$node->wait_for_query("SELECT count(*) FROM heartbeat_partitions WHERE state = 'READING'", '3', 'another topic is read');
my $address = $kafka->node(1)->address;
$kafka->node(1)->stop;
$node->wait_for_state('CONNECTING', qr/partition 0 is not read.*broker 1 \(\Q$address\E\)/, 'the state names the partition and the address of its leader');
$node->wait_for_query("SELECT string_agg(partition || state || (reason IS NULL)::int || coalesce(lag_messages::text, '?'), ' ' ORDER BY partition) FROM heartbeat_partitions",
	'0AWAY0? 1READING10 2READING10', 'heartbeat_partitions says of each how it stands, and 15 seconds later that the lag is not known');
like($node->query('SELECT reason FROM heartbeat_partitions WHERE partition = 0'), qr/\Q$address\E/, 'with the address');
is($node->query("SELECT value FROM heartbeat_metrics WHERE name = 'heartbeat_partition_away' ORDER BY labels->>'partition'"), "1\n0\n0", 'so does heartbeat_metrics');
is($node->status->{lag_messages}, undef, 'and the lag of all is not known either');
took('others while one is gone', passes_in('single', 1, 2), 'the others are read meanwhile');
$node->query("SELECT heartbeat_pause('gone')");
$node->wait_for_state('PAUSED');
$node->query('SELECT heartbeat_resume()');
took('others while one is gone, resumed', passes_in('single', 1, 2), 'also after a pause');
$node->wait_for_state('CONNECTING', qr/partition 0 is not read.*\Q$address\E/, 'and the state says so again');
$node->restart;
took('others while one is gone, restarted', passes_in('single', 1, 2), 'and after a restart');
$node->wait_for_state('CONNECTING', qr/partition 0 is not read.*broker 1/, 'which names the broker');
$kafka->node(1)->start;
$kafka->wait_until_ready;
$node->wait_for_state('RUNNING');
passes_in('single', 0);
$node->wait_for_offsets('single', $kafka->end_offsets('single'));
$node->assert_audit;

note sprintf '%s: %.2f s', $_, $longest{$_} for sort keys %longest;
$node->assert_no_crash;
$node->stop;
$kafka->stop;
done_testing();
