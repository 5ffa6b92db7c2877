# While readings arrive, users disturb the database by locks, long transactions, low limits and missing rights. The worker
# waits, reports the reason, and continues.

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
$kafka->create_topic('heartbeat-events', 3);
# The server runs exactly max_worker_processes background workers: three ingest workers, the maintenance worker, heartbeat's
# launcher, and PostgreSQL's logical replication launcher.
my $node = Heartbeat::Cluster->create('trouble', kafka => $kafka,
	settings => { 'heartbeat.workers' => 3, 'max_worker_processes' => 6, 'max_connections' => 20, 'deadlock_timeout' => '100ms' });

my $rows = 'SELECT (SELECT count(*) FROM heartbeat_records) + (SELECT count(*) FROM heartbeat_anomalies)';
my $end_workers = "SELECT pg_terminate_backend(pid, 10000) FROM pg_stat_activity WHERE backend_type LIKE 'heartbeat worker%'";
my @ends = (0, 0, 0);
my ($published, $letters) = (0, 0);

sub produce
{
	my (@messages) = @_;
	$kafka->produce('heartbeat-events', @messages);
	$ends[ $_->{partition} ]++ for @messages;
	return;
}

# Publishes readings to the first two Kafka partitions.
sub publish
{
	my ($count) = @_;
	produce(reading_stream($count, 2, first => $published));
	$published += $count;
	return;
}

# Passes when every published reading is stored once, and only bad messages are dead letters.
sub assert_stored
{
	my ($what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$node->wait_for_offsets('heartbeat-events', @ends);
	is($node->query("$rows, (SELECT count(*) FROM heartbeat_dead_letters)"),
		"$published|$letters", "$what: every reading is stored once, and only bad messages are dead letters");
	$node->wait_for_query('SELECT state, reason FROM heartbeat_state()', 'RUNNING|', "$what: the workers are RUNNING again");
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

# A user locks a table that the worker needs for its batch, so the worker waits until the user commits.
my $user = $node->background_psql('heartbeat');
for my $table ('heartbeat_records', $week, 'heartbeat_rollup_pending', 'heartbeat_control')
{
	$user->query_safe("BEGIN; LOCK TABLE $table IN ACCESS EXCLUSIVE MODE");
	publish(100);
	wait_for_workers("wait_event_type = 'Lock'", "$table is locked: the batch waits");
	$user->query_safe('COMMIT');
	assert_stored("$table was locked");
}

# A user locks three tables for a long time, and each of the three workers waits for a different table. The lock_timeout of each
# worker ends its wait, and the status reports the lock.
my @tables = ('heartbeat_records', 'heartbeat_offsets', 'heartbeat_dead_letters');
my $log = $node->log_position;
$user->query_safe('BEGIN; LOCK TABLE ' . join(', ', @tables) . ' IN ACCESS EXCLUSIVE MODE');
my $an_hour_ago = time - 3600;
produce(
	{ partition => 0, value => reading('waits for a lock', 70,  reading_time($an_hour_ago)) },
	{ partition => 1, value => reading('waits for a lock', 200, reading_time($an_hour_ago)) },
	{ partition => 2, value => 'no reading' });
$published += 2;
$letters++;
$node->wait_for_query(
	"SELECT string_agg(DISTINCT relation::regclass::text, ' ' ORDER BY relation::regclass::text DESC) FROM pg_locks JOIN pg_stat_activity USING (pid)
	 WHERE NOT granted AND backend_type LIKE 'heartbeat worker%' AND mode = 'RowExclusiveLock'", "@tables", 'each of three workers waits for its table');
$node->wait_for_state('RETRYING', qr/canceling statement due to lock timeout: process \d+ .*idle in transaction.* holds a lock on table "heartbeat_/,
	'the reason names the lock timeout, and the process that holds the lock');
$node->wait_for_log(qr/(?:RETRYING: canceling statement due to lock timeout.*){3}/s, $log);
wait_for_workers("wait_event_type = 'Lock'", 'the workers try their batches again');
$user->query_safe('COMMIT');
assert_stored('three tables were locked for long');

# max_worker_processes leaves room for three ingest workers. The test prevents their restart until a user's parallel query has
# started a background worker. So only two ingest workers can then start.
$node->safe_psql('postgres', 'CREATE TABLE crowd AS SELECT 1');
$node->safe_psql('postgres', 'ALTER DATABASE heartbeat ALLOW_CONNECTIONS false');
$node->safe_psql('postgres', $end_workers);
my $parallel = $node->background_psql('postgres', on_error_stop => 0);
$parallel->query_until(qr/begun/, q{SET parallel_setup_cost = 0; SET parallel_tuple_cost = 0; SET min_parallel_table_scan_size = 0;
	SET parallel_leader_participation = off;
	\echo begun
	SELECT count(*) FROM crowd WHERE pg_sleep(3600) IS NULL;
});
$node->poll_query_until('postgres', "SELECT count(*) = 1 FROM pg_stat_activity WHERE backend_type = 'parallel worker'") or die 'no parallel worker';
$node->safe_psql('postgres', 'ALTER DATABASE heartbeat ALLOW_CONNECTIONS true');
publish(100);
$node->wait_for_query('SELECT state, reason, hint FROM heartbeat_state()',
	qr/^RETRYING\|2 of 3 workers run: no background worker can be started\|Raise max_worker_processes/, 'the status says that a worker cannot be started, and names max_worker_processes');
$node->safe_psql('postgres', "SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE query LIKE '%FROM crowd%' AND backend_type = 'client backend'
	AND pid <> pg_backend_pid()");
assert_stored('no place for a worker');
$parallel->quit;

# The worker wants to store late readings in the default partition, and waits for a lock on it. Meanwhile a user attaches a
# table partition for the week of these readings, so the default partition then refuses the readings.
my $bound = 'new row for relation "heartbeat_records_default" violates partition constraint';

sub late { my ($days) = @_; return "now() - interval '$days days'"; }

sub publish_late
{
	my ($days) = @_;
	my $time = time - $days * 86_400;
	produce(map { { partition => 0, value => reading("late $_", 70, reading_time($time, $_)) } } 1 .. 10);
	$published += 10;
	return;
}

sub attach_meanwhile
{
	my ($days, $what, @others) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $position = $node->log_position;
	$user->query_safe('BEGIN; SELECT heartbeat_make_partitions(' . late($days) . ', ' . late($days) . ')');
	$node->query('SELECT heartbeat_pause()');
	produce(@others) if @others;
	publish_late($days);
	$node->query('SELECT heartbeat_resume()');
	$node->wait_for_query(
		"SELECT count(*) FROM pg_locks JOIN pg_stat_activity USING (pid)
		 WHERE NOT granted AND backend_type LIKE 'heartbeat worker%' AND relation = 'heartbeat_records_default'::regclass",
		1, "$what: the batch waits for the default partition");
	is($node->log_matches(qr/violates check constraint "known"/, $position) > 0, @others > 0, "$what: if there is a bad row, it ends an earlier attempt");
	$user->query_safe('COMMIT');
	assert_stored($what);
	cmp_ok($node->log_matches(qr/ERROR:  $bound/, $position), '>=', 1, "$what: the default partition refuses the readings, and the worker tries them again");
	is($node->log_matches(qr/could not create the table partition for the week of/, $position),
		1 + (@others > 0), "$what: each attempt tries to create a table partition for this week");
	is($node->count('heartbeat_records_default'), 0, "$what: the readings are in the new table partition");
	return;
}
attach_meanwhile(21, 'a partition is attached');
$node->query("ALTER TABLE heartbeat_records ADD CONSTRAINT known CHECK (customer_id <> 'a stranger') NOT VALID");
$letters++;
attach_meanwhile(28, 'a partition is attached while a bad row is searched for',
	{ partition => 0, value => reading('a stranger', 70, reading_time($an_hour_ago)) });
is($node->query("SELECT error_text ~ 'constraint \"known\"' FROM heartbeat_dead_letters ORDER BY id DESC LIMIT 1"), 't', 'the bad row is the dead letter');
$node->query('ALTER TABLE heartbeat_records DROP CONSTRAINT known');

# A dump with a slow client locks every table for hours. Meanwhile readings of a new week arrive, and this week has no table
# partition.
publish(6000);
assert_stored('before a dump');
my $dumped = $published;
$log = $node->log_position;
open(my $dump, '-|', $node->installed_command('pg_dump'), '-d', $node->connstr('heartbeat')) or die "pg_dump: $!";
# the test does not read the pipe yet, so pg_dump waits when the pipe is full, and keeps its locks
$node->wait_for_query("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'COPY % TO stdout%'", 1, 'a dump has locked the tables and begun to copy');
publish(1000);
assert_stored('a dump');
publish_late(35);
$node->wait_for_log(qr/could not create the table partition for the week of/, $log);
assert_stored('a dump, and a new week');
is($node->count('heartbeat_records_default'), 10, 'the readings of the new week are in the default partition');
my $copied = 0;
while (<$dump>) { $copied++ if /^COPY \S*heartbeat_(records|anomalies)/ .. /^\\\.$/ and /^\d+\t/; }
ok(close($dump), 'the dump ends without an error');
is($copied, $dumped, 'the dump contains the rows that were stored when it began');
$node->query('SELECT heartbeat_make_partitions(' . late(35) . ', ' . late(35) . ')');
is($node->count('heartbeat_records_default'), 0, 'after the dump, the new table partition contains the readings');

# A long transaction that writes nothing does not block a worker.
$user->query_safe('BEGIN ISOLATION LEVEL SERIALIZABLE; SELECT count(*) FROM heartbeat_records; SELECT count(*) FROM heartbeat_offsets;'
	  . ' SELECT count(*) FROM heartbeat_anomalies; SELECT count(*) FROM heartbeat_control');
publish(1000);
assert_stored('a long serializable reader');
is($user->query_safe('SELECT count(*) FROM heartbeat_offsets'), 3, 'the long reader is still in its transaction');
$user->query_safe('COMMIT');

# A user maintains the tables by hand while readings arrive.
for my $sql ("VACUUM FULL $week", "CLUSTER $week USING ${week}_pkey", "CREATE INDEX ON $week (heart_rate)", "REINDEX TABLE CONCURRENTLY $week", "ANALYZE heartbeat_records")
{
	publish(500);
	$node->query($sql);
	assert_stored($sql);
}

# Tests a deadlock: the user holds a lock that the worker needs next, and waits for a lock that the worker holds. The worker
# must be the session that detects the deadlock. A session looks for a deadlock only once, when it has waited as long as
# deadlock_timeout. So the worker must be the last to wait: a second user delays the worker until the first user waits.
my $other = $node->background_psql('heartbeat');
$other->query_safe('BEGIN; LOCK TABLE heartbeat_anomalies IN ACCESS EXCLUSIVE MODE');
$user->query_safe("BEGIN; SET LOCAL deadlock_timeout = '60s'; LOCK TABLE heartbeat_rollup_pending IN ACCESS EXCLUSIVE MODE");
publish(100);
wait_for_workers("wait_event_type = 'Lock'", 'a worker waits for a user');
my $position = $node->log_position;
$user->query_until(qr/asks/, "\\echo asks\nLOCK TABLE heartbeat_records IN ACCESS EXCLUSIVE MODE; COMMIT;\n");
$node->wait_for_query("SELECT count(*) FROM pg_locks WHERE NOT granted AND mode = 'AccessExclusiveLock'", 1, 'the user waits for the worker');
$other->query_safe('COMMIT');
$node->wait_for_log(qr/deadlock detected/, $position);
assert_stored('a deadlock');

# An administrator cancels a worker's statement, and the worker runs this statement again.
$user->query_safe('BEGIN; LOCK TABLE heartbeat_rollup_pending IN ACCESS EXCLUSIVE MODE');
publish(100);
wait_for_workers("wait_event_type = 'Lock'", 'a worker waits for a user again');
$position = $node->log_position;
$node->query("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE backend_type LIKE 'heartbeat worker%' AND wait_event_type = 'Lock'");
$node->wait_for_log(qr/RETRYING: canceling statement due to user request/, $position);
$user->query_safe('COMMIT');
assert_stored('a canceled statement');

# Tests missing rights: heartbeat.role first names a role that does not exist, and then a role without rights.
$node->query('CREATE ROLE nobody_in_particular');
for my $case ([ 'nobody_at_all', 'role "nobody_at_all" does not exist' ], [ 'nobody_in_particular', 'permission denied' ])
{
	my ($role, $reason) = @$case;
	$node->set('heartbeat.role' => $role);
	publish(100);
	$node->wait_for_state('RETRYING', $reason, "heartbeat.role = $role: the reason names the error");
	$node->set('heartbeat.role' => '');
	assert_stored("heartbeat.role was $role");
}

# Tests settings of the database that could disturb the workers.
$node->query("ALTER DATABASE heartbeat SET $_")
  for 'session_replication_role = replica', 'statement_timeout = 1', 'default_transaction_isolation = serializable', "search_path = ''",
  'default_transaction_read_only = on';
publish(100);
$node->safe_psql('postgres', $end_workers);
$node->safe_psql('postgres', 'ALTER DATABASE heartbeat RESET ALL');
$node->set('default_transaction_read_only' => 'on');
assert_stored('settings of the database');
$node->safe_psql('postgres', 'SET default_transaction_read_only = off; ALTER SYSTEM RESET default_transaction_read_only');
$node->safe_psql('postgres', 'SELECT pg_reload_conf()');

# First the database has a connection limit of zero. Later, users' sessions use all connections of the server.
# Background workers need none of these connections.
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
