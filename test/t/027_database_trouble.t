# What users do to the database while readings arrive: locks, long transactions, limits, rights. Ingest waits, tells why, and goes on.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

my $kafka = Heartbeat::Kafka->new('trouble');
$kafka->start;
$kafka->create_topic('heartbeat-events', 2);
my $node = Heartbeat::Cluster->create('trouble', kafka => $kafka,
	settings => { 'heartbeat.workers' => 2, 'max_connections' => 20, 'deadlock_timeout' => '100ms' });

my $rows = 'SELECT (SELECT count(*) FROM heartbeat_records) + (SELECT count(*) FROM heartbeat_anomalies)';
my $end_workers = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE backend_type LIKE 'heartbeat worker%'";
our @ends;
my $published = 0;

sub publish
{
	my ($count) = @_;
	$kafka->produce('heartbeat-events', reading_stream($count, 2, first => $published));
	$published += $count;
	@ends = ($published / 2) x 2;
	return;
}

# Passes when all that was published is stored, once, and no message was blamed.
sub assert_stored
{
	my ($what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$node->wait_for_offsets('heartbeat-events', @ends);
	is($node->query("$rows, (SELECT count(*) FROM heartbeat_dead_letters)"), "$published|0", "$what: every reading is stored once, none is a dead letter");
	$node->wait_for_query('SELECT state, reason FROM heartbeat_state()', 'RUNNING|', "$what: the workers go on by themselves");
	return;
}

sub wait_for_workers
{
	my ($sql, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return $node->wait_for_query("SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type LIKE 'heartbeat worker%' AND $sql", 't', $what);
}

publish(1000);
assert_stored('before');
my $week = $node->query('SELECT tableoid::regclass FROM heartbeat_records LIMIT 1');

# A lock that lasts: the worker's own limit ends the wait, which shows as RETRYING; here the first waits are counted only.
my $user = $node->background_psql('heartbeat');
for my $table ('heartbeat_records', $week, 'heartbeat_offsets', 'heartbeat_stale_minutes', 'heartbeat_control')
{
	$user->query_safe("BEGIN; LOCK TABLE $table IN ACCESS EXCLUSIVE MODE");
	publish(100);
	wait_for_workers("wait_event_type = 'Lock'", "$table is locked: the batch waits");
	if ($table eq 'heartbeat_records')
	{
		$node->wait_for_query('SELECT state, reason FROM heartbeat_state()', 'RETRYING|canceling statement due to lock timeout',
			"$table: that it waits too long is told");
		wait_for_workers("wait_event_type = 'Lock'", "$table: it is tried again");
	}
	$user->query_safe('COMMIT');
	assert_stored("$table was locked");
}
# A transaction that only reads, however long, holds nothing up.
$user->query_safe('BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT count(*) FROM heartbeat_records; SELECT count(*) FROM heartbeat_offsets;'
	  . ' SELECT count(*) FROM heartbeat_anomalies; SELECT count(*) FROM heartbeat_control');
publish(1000);
assert_stored('a long serializable reader');
is($user->query_safe('SELECT count(*) FROM heartbeat_offsets'), 2, 'which is still in its transaction');
$user->query_safe('COMMIT');

# Maintenance by hand, while readings arrive.
for my $sql ("VACUUM FULL $week", "CLUSTER $week USING ${week}_pkey", "CREATE INDEX ON $week (heart_rate)", "REINDEX TABLE CONCURRENTLY $week", "ANALYZE heartbeat_records")
{
	publish(500);
	$node->query($sql);
	assert_stored($sql);
}

# A deadlock: the user has what the worker wants next, and then asks for what the worker has.
$user->query_safe("BEGIN; SET LOCAL deadlock_timeout = '60s'; LOCK TABLE heartbeat_stale_minutes IN ACCESS EXCLUSIVE MODE");
publish(100);
wait_for_workers("wait_event_type = 'Lock'", 'a worker waits for a user');
my $position = $node->log_position;
$user->query_safe('LOCK TABLE heartbeat_records IN ACCESS EXCLUSIVE MODE; COMMIT');
$node->wait_for_log(qr/deadlock detected/, $position);
assert_stored('a deadlock');

# A cancelled statement is tried again.
$user->query_safe('BEGIN; LOCK TABLE heartbeat_stale_minutes IN ACCESS EXCLUSIVE MODE');
publish(100);
wait_for_workers("wait_event_type = 'Lock'", 'a worker waits for a user again');
$position = $node->log_position;
$node->query("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE backend_type LIKE 'heartbeat worker%' AND wait_event_type = 'Lock'");
$node->wait_for_log(qr/RETRYING: canceling statement due to user request/, $position);
$user->query_safe('COMMIT');
assert_stored('a cancelled statement');

# Rights: a role that does not exist, and one that may not.
$node->query('CREATE ROLE nobody_in_particular');
for my $case ([ 'nobody_at_all', 'role "nobody_at_all" does not exist' ], [ 'nobody_in_particular', 'permission denied' ])
{
	my ($role, $reason) = @$case;
	$node->set('heartbeat.role' => $role);
	publish(100);
	$node->wait_for_state('RETRYING', $reason, "$role: the state says what is wrong");
	$node->set('heartbeat.role' => '');
	assert_stored("heartbeat.role was $role");
}

# Settings for everybody that would be in the workers' way.
$node->query("ALTER DATABASE heartbeat SET $_")
  for 'session_replication_role = replica', 'statement_timeout = 1', 'default_transaction_isolation = serializable', "search_path = ''",
  'default_transaction_read_only = on';
publish(100);
$node->safe_psql('postgres', $end_workers);
$node->safe_psql('postgres', 'ALTER DATABASE heartbeat RESET ALL');
$node->set('default_transaction_read_only' => 'on');
assert_stored('settings for everybody');
$node->safe_psql('postgres', 'SET default_transaction_read_only = off; ALTER SYSTEM RESET default_transaction_read_only');
$node->safe_psql('postgres', 'SELECT pg_reload_conf()');

# Connections: a limit, and all of them taken. The workers have places of their own.
$node->query('ALTER DATABASE heartbeat CONNECTION LIMIT 0');
$node->safe_psql('postgres', $end_workers);
publish(100);
assert_stored('a database without connections');
$node->query('ALTER DATABASE heartbeat CONNECTION LIMIT -1');
my @crowd;
$node->psql('postgres', "CREATE ROLE crowd LOGIN");
while (1)
{
	my $one = eval { $node->background_psql('postgres', on_error_stop => 0, extra_params => [ '-U', 'crowd' ]) } // last;
	last unless eval { $one->query('SELECT 1'); 1 };
	push @crowd, $one;
	last if @crowd >= 20;
}
publish(100);
assert_stored(scalar @crowd . ' connections');
$_->quit for @crowd;

$node->assert_audit;
$node->assert_no_crash;
done_testing();
