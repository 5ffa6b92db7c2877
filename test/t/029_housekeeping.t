# What administrators do to the workers and their database while readings stream: cancel, terminate, drop, rename, copy.
# Every process comes back by itself and soon, nothing is lost or stored twice, and no state is left behind.

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

my $kafka = Heartbeat::Kafka->new('housekeeping');
$kafka->start;
$kafka->create_topic('heartbeat-events', 2);
my $node = Heartbeat::Cluster->create('housekeeping', kafka => $kafka,
	settings => { 'heartbeat.batch_size' => 100, 'heartbeat.workers' => 2 });
my $start     = int(time) - 3600;
my $published = 0;

sub publish
{
	my ($count) = @_;
	$kafka->produce('heartbeat-events', reading_stream($count, 2, first => $published, start => $start));
	$published += $count;
	return;
}

sub assert_complete
{
	my ($what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$node->wait_for_offsets('heartbeat-events', $published / 2, $published / 2);
	is($node->query('SELECT sum(records), sum(anomalies), sum(duplicates), sum(dead_letters) FROM heartbeat_offsets'),
		$published * 0.97 . '|' . $published * 0.03 . '|0|0', "$what: each reading is stored once");
	$node->wait_for_state('RUNNING', undef, 'and the state has no memory of it');
	return $node->assert_audit;
}

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

sub wait_until_locked_out
{
	my ($what) = @_;
	return $node->wait_for_query(
		"SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type LIKE 'heartbeat worker%' AND wait_event_type = 'Lock'", 't', $what);
}

# Meanwhile somebody ends the maintenance worker whenever it comes back, so that its returns are put off ever longer.
publish(100);
assert_complete('at first');
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
	publish(1_000);
	$cancelled += signal_workers('cancel', 'heartbeat%') for 1 .. 3;
}
cmp_ok($cancelled, '>=', 60 * 3, 'the launcher and the workers are cancelled again and again, in the middle of batches');
assert_complete('cancelled while storing');
my $position = $node->log_position;
signal_workers('cancel', 'heartbeat%') for 1 .. 20;
is($node->status->{state}, 'RUNNING', 'cancelled while idle: nothing happens');
is($node->log_matches('ERROR|WARNING', $position), 0, 'and nothing is said');

my $user = $node->background_psql('heartbeat');
$user->query_safe('BEGIN');
$user->query_safe('LOCK TABLE heartbeat_anomalies IN EXCLUSIVE MODE');
publish(200);
wait_until_locked_out('a batch waits for a lock');
signal_workers('cancel', 'heartbeat worker%');
$node->wait_for_state('RETRYING', 'user request', 'a wait for a lock can be cancelled; the state tells');
wait_until_locked_out('and the batch is tried again');
$user->query_safe('COMMIT');
assert_complete('cancelled while waiting for a lock');

$kafka->freeze;
for (1 .. 10)
{
	$node->safe_psql('postgres', 'SELECT pg_reload_conf()');
	signal_workers('cancel', 'heartbeat worker%');
	usleep(100_000);
}
$kafka->thaw;
publish(200);
assert_complete('cancelled while asking Kafka');

# Terminating: each comes back.
for my $like ('heartbeat worker%', 'heartbeat launcher')
{
	my @old = $node->worker_pids($like);
	publish(3_000);
	is(signal_workers('terminate', $like), scalar @old, "$like: terminated");
	cmp_ok(seconds_until_replaced($like, @old), '<', 5, 'and is back within seconds');
	assert_complete('after it');
}

# Once it has lived for a while, the maintenance worker is forgiven its short lives.
$enemy->query_until(qr/ended/, '');
$enemy->quit;
$node->wait_for_query("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'heartbeat maintenance' AND backend_start < clock_timestamp() - interval '10.2 s'",
	1, 'the maintenance worker lives on when nobody ends it');
my @old = $node->worker_pids('heartbeat maintenance');
signal_workers('terminate', 'heartbeat maintenance');
cmp_ok(seconds_until_replaced('heartbeat maintenance', @old), '<', 4, 'and is then back at once when it is terminated');

# What wants the database for itself is refused while the workers are in it.
my (undef, undef, $refusal) = $node->psql('postgres', 'DROP DATABASE heartbeat');
like($refusal, qr/is being accessed by other users/, 'DROP DATABASE is refused while the workers are connected');
$user->quit;

# The README's way to have it alone: nobody gets in, the workers are sent away, and come back by themselves.
my ($alone) = slurp_file("$FindBin::RealBin/../../README.md") =~ /^```sql\n(ALTER DATABASE heartbeat ALLOW_CONNECTIONS false;.*?)^```/ms
  or die 'the README does not say how to have the database alone';
publish(5_000);
$position = $node->log_position;
for my $statement (grep { /\S/ } split /;\n/, $alone)
{
	$node->poll_query_until('postgres', "SELECT count(*) = 0 FROM pg_stat_activity WHERE datname = 'heartbeat'") if $statement =~ /TEMPLATE/;
	$node->safe_psql('postgres', $statement);
}
is($node->safe_psql('copy_of_heartbeat', 'SELECT count(*) FROM heartbeat_audit() WHERE difference <> 0'), 0, 'a copy is whole');
is($node->safe_psql('copy_of_heartbeat', 'SELECT state FROM heartbeat_status'), 'STOPPED', 'and nobody ingests into it');
assert_complete('after the database was copied');
is($node->log_matches('STOPPED: database "heartbeat" does not accept connections', $position), 1, 'the launcher said once that it cannot get in');

# DROP DATABASE WITH (FORCE), in the middle of batches and while Kafka does not answer; made again, it is found.
for my $frozen (0, 1)
{
	publish(10_000);
	if ($frozen)
	{
		$kafka->freeze;
		$node->safe_psql('postgres', 'SELECT pg_reload_conf()');
		$node->wait_for_state('CONNECTING', undef, 'Kafka does not answer');
	}
	my $began = time;
	$node->safe_psql('postgres', 'DROP DATABASE heartbeat WITH (FORCE)');
	cmp_ok(time - $began, '<', 8, 'DROP DATABASE WITH (FORCE) takes seconds' . ($frozen ? ', also while the workers ask Kafka' : ''));
	$kafka->thaw if $frozen;
	$node->safe_psql('postgres', 'CREATE DATABASE heartbeat');
	$node->query('CREATE EXTENSION heartbeat');
	assert_complete('in a database that was dropped and made again');
}

# Renamed: the setting first, which takes a restart; then the workers are not in the way.
$node->safe_psql('postgres', "ALTER SYSTEM SET heartbeat.database = 'elsewhere'");
$node->restart;
$node->wait_for_log(qr/STOPPED: database "elsewhere" does not exist/);
$node->safe_psql('postgres', 'ALTER DATABASE heartbeat RENAME TO elsewhere');
$node->{heartbeat_database} = 'elsewhere';
publish(1_000);
assert_complete('in a database that was renamed');

$node->assert_no_crash;
$kafka->stop;
done_testing();
