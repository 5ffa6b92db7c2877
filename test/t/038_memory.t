# Tests the memory of a worker. While the database blocks the worker or fails repeatedly, messages wait in the worker's buffers.
# These buffers have a limited size, so the worker never holds the whole backlog in memory. When the database works again, the
# worker frees the memory of the buffers.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

# The limit is higher for librdkafka 2.2 and newer, because these versions fetch more messages as soon as their queue has room.
my $limit_mb      = `pkg-config --modversion rdkafka` =~ /^2\.[01]\./ ? 170 : 190;
my $kept_limit_mb = 100;

my $kafka = Heartbeat::Kafka->new('memory');
$kafka->start;
$kafka->create_topic('heartbeat-events', 4, 'max.message.bytes=10000000');
my $node = Heartbeat::Cluster->create('memory', kafka => $kafka);
$node->wait_for_state('RUNNING');
my ($pid) = $node->worker_pids('heartbeat worker%');
my $begin = int(time) - 3600;
my $published = 0;

# Returns the private memory of the worker in MB, without shared buffers and libraries.
sub memory
{
	my ($kilobytes) = slurp_file("/proc/$pid/status") =~ /^RssAnon:\s+(\d+) kB/m;
	return $kilobytes / 1024;
}

# Measures the worker's memory until the query has the expected result, and for at least two seconds. Returns the highest
# value.
sub most_memory_until
{
	my ($sql, $expected) = @_;
	my ($most, $began) = (0, time);
	while (1)
	{
		for (1 .. 10)
		{
			my $now = memory();
			$most = $now if $now > $most;
			usleep(10_000);
		}
		return $most if time > $began + 2 && $node->query($sql) eq $expected;
		last if time > $began + 120;
	}
	fail("$sql: $expected");
	return $most;
}

# Publishes readings of the given size, or bad messages of this size.
sub publish
{
	my ($count, $size, $is_reading) = @_;
	my $producer = $kafka->producer('heartbeat-events', '-X', 'message.max.bytes=10000000');
	for my $i (1 .. $count)
	{
		my $value = reading('memory', 70, reading_time($begin + int($published / 1000), $published % 1000 * 1000));
		my $rest  = $size - length $value;
		substr($value, -1) = ',"x":"' . 'x' x $rest . '"' . ($is_reading ? '}' : '') if $rest > 0;
		$producer->send({ partition => $published++ % 4, value => $value });
	}
	$producer->finish;
	return;
}

# Each backlog is larger than a batch of the worker. The backlogs with large messages are also larger than librdkafka's queue.
my $user = $node->background_psql('heartbeat');
for my $case (
	[ 'readings of 100 bytes', 100_000, 100,       1 ],
	[ 'readings of 1 MB',      100,     1_000_000, 1 ],
	[ 'dead letters of 1 MB',  100,     1_000_000, 0 ],
	[ 'dead letters of 9 MB',  15,      9_000_000, 0 ])
{
	my ($what, $count, $size, $is_reading) = @$case;
	$user->query_safe('BEGIN; LOCK TABLE heartbeat_records, heartbeat_dead_letters IN ACCESS EXCLUSIVE MODE');
	publish($count, $size, $is_reading);
	my $waiting = "SELECT count(*) FROM pg_stat_activity WHERE pid = $pid AND wait_event_type = 'Lock'";
	$node->wait_for_query($waiting, 1, "$what: the worker waits for a lock");
	my $blocked = most_memory_until($size == 1_000_000 && $is_reading ? ("SELECT state FROM heartbeat_state()", 'RETRYING') : ($waiting, 1));
	cmp_ok($blocked, '<', $limit_mb, sprintf('%s: while the worker waits, it takes %.1f MB', $what, $blocked));
	$user->query_safe('COMMIT');
	my $storing = most_memory_until('SELECT sum(next_offset) FROM heartbeat_offsets', $published);
	cmp_ok($storing, '<', $limit_mb, sprintf('%s: while the worker stores the messages, it takes %.1f MB', $what, $storing));
	my $left = memory();
	cmp_ok($left, '<', $kept_limit_mb, sprintf('%s: afterwards the worker takes %.1f MB', $what, $left));
}
is(join(' ', $node->worker_pids('heartbeat worker%')), $pid, 'the worker is the same process for all backlogs');
$user->quit;

# The worker tries a batch hundreds of times, and each attempt fails after the worker has inserted all rows. Cancel requests end
# the waits between the attempts, so that the test is short.
$node->query(q{CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
	$$ BEGIN RAISE EXCEPTION 'not now' USING ERRCODE = 'lock_not_available'; END $$});
$node->query('CREATE TRIGGER refuse AFTER INSERT ON heartbeat_records FOR EACH STATEMENT EXECUTE FUNCTION refuse()');
publish(2000, 1000, 1);
$node->wait_for_state('RETRYING', 'not now');

sub retry
{
	my ($times) = @_;
	my $attempts = 'SELECT xact_rollback FROM pg_stat_database WHERE datname = current_database()';
	my $before   = $node->query($attempts);
	$node->query("DO \$\$ BEGIN FOR i IN 1 .. $times LOOP PERFORM pg_cancel_backend($pid); PERFORM pg_sleep(0.05); END LOOP; END \$\$");
	return $node->query($attempts) - $before;
}
retry(20);
my $before   = memory();
my $attempts = retry(300);
my $after    = memory();
cmp_ok($attempts, '>=', 100, "the worker tries a batch again $attempts times");
cmp_ok($after - $before, '<', 5, sprintf('the attempts take no more memory: %.1f MB before, %.1f MB after', $before, $after));
$node->query('DROP TRIGGER refuse ON heartbeat_records');
$node->wait_for_query('SELECT sum(next_offset) FROM heartbeat_offsets', $published, 'the worker stores the batch when the trigger is dropped');
$node->assert_audit;
$node->assert_no_crash;

done_testing();
