# What administrators do to the workers while readings stream: they cancel and terminate them. Every process comes back
# by itself and soon, nothing is lost or stored twice, and no state is left behind.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);
use Heartbeat::Cluster;
use Heartbeat::Feed;
use Heartbeat::Kafka;

my $kafka = Heartbeat::Kafka->new('housekeeping');
$kafka->start;
my $feed = Heartbeat::Feed->new($kafka, 2);
my $node = Heartbeat::Cluster->create('housekeeping', kafka => $kafka,
	settings => { 'heartbeat.batch_size' => 100, 'heartbeat.workers' => 2 });

# Sends a signal to every process of a type by SQL, as an administrator would; returns how many there were.
sub signal_workers
{
	my ($how, $like) = @_;
	return $node->safe_psql('postgres', "SELECT count(pg_${how}_backend(pid)) FROM pg_stat_activity WHERE backend_type LIKE '$like'");
}

# Seconds until other processes of the type have taken the places of those given.
sub seconds_until_replaced
{
	my ($like, @old) = @_;
	my $began = time;
	$node->poll_query_until('postgres', "SELECT count(*) = " . @old . " FROM pg_stat_activity WHERE backend_type LIKE '$like' AND pid NOT IN ("
		  . join(', ', @old) . ')') or die "no $like came back";
	return time - $began;
}

# Ends the processes of a type while readings stream.
sub terminate
{
	my ($like) = @_;
	my @old = $node->worker_pids($like);
	$feed->publish(3_000);
	is(signal_workers('terminate', $like), scalar @old, "$like: terminated");
	cmp_ok(seconds_until_replaced($like, @old), '<', 5, 'and is back within seconds');
	return $feed->assert_counted($node, 'after it');
}

sub wait_until_locked_out
{
	my ($what) = @_;
	return $node->wait_for_query(
		"SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type LIKE 'heartbeat worker%' AND wait_event_type = 'Lock'", 't', $what);
}

# Meanwhile somebody ends the maintenance worker whenever it comes back, so that its returns are put off ever longer.
$feed->publish(100);
$feed->assert_counted($node, 'at first');
my $enemy = $node->background_psql('postgres');
$enemy->query_until(qr/begun/, q{\echo begun
	DO $$
	DECLARE ended integer := 0;
	BEGIN
		WHILE ended < 3 LOOP
			PERFORM pg_stat_clear_snapshot(), pg_sleep(0.02);
			ended := ended + (SELECT count(pg_terminate_backend(pid)) FROM pg_stat_activity WHERE backend_type = 'heartbeat maintenance');
			PERFORM pg_sleep(0.5);
		END LOOP;
	END $$;
	\echo ended
});

# Cancelling: at any moment of a stream of batches, of every process.
my $cancelled = 0;
for (1 .. 20)
{
	$feed->publish(1_000);
	$cancelled += signal_workers('cancel', 'heartbeat%') for 1 .. 3;
}
cmp_ok($cancelled, '>=', 60 * 3, 'the launcher and the workers are cancelled again and again, in the middle of batches');
$feed->assert_counted($node, 'cancelled while storing');
my $position = $node->log_position;
# Not the maintenance worker: the enemy has it start anew, and then it is at work.
for (1 .. 20) { signal_workers('cancel', $_) for 'heartbeat worker%', 'heartbeat launcher'; }
is($node->status->{state}, 'RUNNING', 'cancelled while idle: nothing happens');
is($node->log_matches('ERROR|WARNING', $position), 0, 'and nothing is said');

# Terminating: each comes back.
terminate('heartbeat worker%');

# From here on nobody ends the maintenance worker any more. Once it has lived for a while, it is forgiven its short lives.
$enemy->query_until(qr/ended/, '');
$enemy->quit;

my $user = $node->background_psql('heartbeat');
$user->query_safe('BEGIN');
$user->query_safe('LOCK TABLE heartbeat_anomalies IN EXCLUSIVE MODE');
$feed->publish(200);
wait_until_locked_out('a batch waits for a lock');
signal_workers('cancel', 'heartbeat worker%');
$node->wait_for_state('RETRYING', 'user request', 'a wait for a lock can be cancelled; the state tells');
wait_until_locked_out('and the batch is tried again');
$user->query_safe('COMMIT');
$feed->assert_counted($node, 'cancelled while waiting for a lock');
$user->quit;

$kafka->freeze;
for (1 .. 10)
{
	$node->safe_psql('postgres', 'SELECT pg_reload_conf()');
	signal_workers('cancel', 'heartbeat worker%');
	usleep(100_000);
}
$kafka->thaw;
$feed->publish(200);
$feed->assert_counted($node, 'cancelled while asking Kafka');

$node->wait_for_query("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'heartbeat maintenance' AND backend_start < clock_timestamp() - interval '10.2 s'",
	1, 'the maintenance worker lives on when nobody ends it');
my @old = $node->worker_pids('heartbeat maintenance');
signal_workers('terminate', 'heartbeat maintenance');
cmp_ok(seconds_until_replaced('heartbeat maintenance', @old), '<', 4, 'and is then back at once when it is terminated');

# A new launcher knows nothing of short lives, so it comes last.
terminate('heartbeat launcher');

$node->assert_no_crash;
$kafka->stop;
done_testing();
