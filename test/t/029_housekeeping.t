# Administrators cancel and terminate the workers while readings arrive. Every terminated process restarts within seconds, and
# no reading is lost or stored twice.

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

# Cancels or terminates every process of a type by SQL, as an administrator would, and returns the number of these processes.
sub signal_workers
{
	my ($how, $like) = @_;
	return $node->safe_psql('postgres', "SELECT count(pg_${how}_backend(pid)) FROM pg_stat_activity WHERE backend_type LIKE '$like'");
}

# Waits until new processes of the type have replaced the given processes, and returns the duration of the wait in seconds.
sub seconds_until_replaced
{
	my ($like, @old) = @_;
	my $began = time;
	$node->poll_query_until('postgres', "SELECT count(*) = " . @old . " FROM pg_stat_activity WHERE backend_type LIKE '$like' AND pid NOT IN ("
		  . join(', ', @old) . ')') or die "no $like came back";
	return time - $began;
}

# Terminates the processes of a type while readings arrive.
sub terminate
{
	my ($like) = @_;
	my @old = $node->worker_pids($like);
	$feed->publish(3_000);
	is(signal_workers('terminate', $like), scalar @old, "$like: terminated");
	cmp_ok(seconds_until_replaced($like, @old), '<', 5, "$like: replaced within five seconds");
	return $feed->assert_counted($node, "every reading is counted once after $like was terminated");
}

sub wait_until_locked_out
{
	my ($what) = @_;
	return $node->wait_for_query(
		"SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type LIKE 'heartbeat worker%' AND wait_event_type = 'Lock'", 't', $what);
}

# During the next steps, the session $enemy terminates the maintenance worker three times. So the launcher delays each restart
# of this worker, and doubles the delay each time, up to a limit.
$feed->publish(100);
$feed->assert_counted($node, 'every reading is counted once before any signal');
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

# Cancels every process at random moments while batches are stored.
my $cancelled = 0;
for (1 .. 20)
{
	$feed->publish(1_000);
	$cancelled += signal_workers('cancel', 'heartbeat%') for 1 .. 3;
}
cmp_ok($cancelled, '>=', 60 * 3, 'the launcher and the workers are canceled many times while batches are stored');
$feed->assert_counted($node, 'every reading is counted once after the workers were canceled');
my $position = $node->log_position;
# This loop must cancel only idle processes. The maintenance worker is not idle, because the session $enemy repeatedly
# terminates it, so the loop does not cancel it.
for (1 .. 20) { signal_workers('cancel', $_) for 'heartbeat worker%', 'heartbeat launcher'; }
is($node->status->{state}, 'RUNNING', 'an idle worker that is canceled stays RUNNING');
is($node->log_matches('ERROR|WARNING', $position), 0, 'an idle worker that is canceled logs no error and no warning');

# Terminates all ingest workers, which then restart.
terminate('heartbeat worker%');

# From here on no session terminates the maintenance worker. When the maintenance worker has run for ten seconds, the launcher
# does not delay the next restart of this worker.
$enemy->query_until(qr/ended/, '');
$enemy->quit;

my $user = $node->background_psql('heartbeat');
$user->query_safe('BEGIN');
$user->query_safe('LOCK TABLE heartbeat_anomalies IN EXCLUSIVE MODE');
$feed->publish(200);
wait_until_locked_out('a batch waits for a lock');
signal_workers('cancel', 'heartbeat worker%');
$node->wait_for_state('RETRYING', 'user request', 'the worker is RETRYING when its wait for a lock is canceled');
wait_until_locked_out('the worker tries the canceled batch again');
$user->query_safe('COMMIT');
$feed->assert_counted($node, 'every reading is counted once after a wait for a lock was canceled');
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
$feed->assert_counted($node, 'every reading is counted once after the workers were canceled while they asked Kafka');

$node->wait_for_query("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'heartbeat maintenance' AND backend_start < clock_timestamp() - interval '10.2 s'",
	1, 'the maintenance worker lives for ten seconds when no session terminates it');
my @old = $node->worker_pids('heartbeat maintenance');
signal_workers('terminate', 'heartbeat maintenance');
cmp_ok(seconds_until_replaced('heartbeat maintenance', @old), '<', 4, 'the maintenance worker restarts at once if it is terminated after these ten seconds');

# A new launcher begins again with the shortest delay before a restart, because it does not know how long earlier processes ran.
# The steps above need longer delays, so the test terminates the launcher last.
terminate('heartbeat launcher');

$node->assert_no_crash;
$kafka->stop;
done_testing();
