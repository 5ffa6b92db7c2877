# While readings arrive, users drop, create, rename and alter the extension, its schema and its tables, and give them other
# owners. Users also create their own objects with the names of heartbeat's objects. No reading is lost or stored twice, no
# session waits forever, and the status names the problem.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

my $partitions = 2;
my $kafka      = Heartbeat::Kafka->new('schema');
$kafka->start;
$kafka->create_topic('heartbeat-events', $partitions);
my $node = Heartbeat::Cluster->create('schema', kafka => $kafka,
	settings => { 'heartbeat.batch_size' => 200, 'heartbeat.workers' => 2, 'deadlock_timeout' => '100ms' });
my $start     = int(time) - 3600;
my $published = 0;

# Publishes readings, but does not wait until the worker has stored them.
sub publish
{
	my ($count, $from) = @_;
	$kafka->produce('heartbeat-events', reading_stream($count, $partitions, first => $published, start => $from // $start));
	$published += $count;
	return;
}

# Passes when every published reading is in the tables once.
sub assert_complete
{
	my ($what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$node->wait_for_offsets('heartbeat-events', ($published / $partitions) x $partitions);
	is($node->query('SELECT sum(records), sum(anomalies), sum(duplicates), sum(dead_letters) FROM heartbeat_offsets'),
		$published * 0.97 . '|' . $published * 0.03 . '|0|0', "$what: each reading is stored once");
	return $node->assert_audit;
}

# Sets search_path to $schema, so that unqualified names in the test's later queries refer to objects of this schema.
sub look_in { my ($schema) = @_; $node->query("ALTER DATABASE heartbeat SET search_path = $schema, public"); return; }

sub wait_until_locked_out
{
	my ($what) = @_;
	return $node->wait_for_query(
		"SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type LIKE 'heartbeat worker%' AND wait_event_type = 'Lock'", 't', $what);
}

# A user runs DROP EXTENSION during ingest. The worker has created table partitions, and a user's view depends on the tables.
publish(200, $start - 5 * 7 * 86400);    # this week has no table partition before a worker creates it
publish(20_000);
$node->wait_for_query('SELECT coalesce(sum(records), 0) > 500 FROM heartbeat_offsets', 't', 'the worker stores readings before DROP EXTENSION');
$node->query('CREATE VIEW of_a_user AS SELECT customer_id FROM heartbeat_records');
like($node->query_error('DROP EXTENSION heartbeat'), qr/other objects depend on it/, 'DROP EXTENSION refuses to drop objects of users');
my $position = $node->log_position;
my $began    = time;
$node->query('DROP EXTENSION heartbeat CASCADE');
cmp_ok(time - $began, '<', 20, 'DROP EXTENSION CASCADE ends within 20 seconds');
is($node->query(q{SELECT count(*) FROM pg_class WHERE relname ~ '^(heartbeat_|vw_)'}), 0, 'DROP EXTENSION CASCADE leaves no table partition behind');
publish(200);    # idle workers notice DROP EXTENSION only at the next reading
$node->wait_for_log(qr/STOPPED: extension "heartbeat" is not in this database/, $position);
$position = $node->log_position;
publish(200);
is($node->log_matches(qr/ERROR|WARNING/, $position), 0, 'the workers wait for the extension without an error or a warning');
$node->query('CREATE EXTENSION heartbeat');
assert_complete('after CREATE EXTENSION');
is($node->query('SELECT count(*) FROM heartbeat_records_default'), 0, 'the worker makes the table partitions again after CREATE EXTENSION');

# A user runs DROP EXTENSION in a transaction, and rolls the transaction back.
my $user = $node->background_psql('heartbeat');
$user->query_safe('BEGIN');
$user->query_safe('DROP EXTENSION heartbeat');
publish(200);
wait_until_locked_out('the workers wait for an open DROP EXTENSION');
$user->query_safe('ROLLBACK');
assert_complete('after a DROP EXTENSION that was rolled back');

# A user runs DROP EXTENSION while a batch waits for the lock of another session.
$user->query_safe('BEGIN');
$user->query_safe('LOCK TABLE heartbeat_anomalies IN EXCLUSIVE MODE');
publish(200);
wait_until_locked_out('a batch waits for the lock of a user');
my $dropper = $node->background_psql('heartbeat');
$dropper->query_until(qr/asked/, "\\echo asked\nDROP EXTENSION heartbeat;\n\\echo dropped\n");
$node->wait_for_query("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'DROP EXT%' AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()",
	1, 'DROP EXTENSION waits for the batch');
$user->query_safe('COMMIT');
$dropper->query_until(qr/dropped/, '');
is($node->query("SELECT count(*) FROM pg_extension WHERE extname = 'heartbeat'"), 0, 'DROP EXTENSION ends when the batch has ended');
$dropper->quit;

# Twice, a user drops and creates the extension in one transaction. The name of the extension's new schema needs quotes.
$node->query('CREATE SCHEMA "It\'s ""Ward"" 7"');
for (1 .. 2)
{
	$node->query('BEGIN; DROP EXTENSION IF EXISTS heartbeat; CREATE EXTENSION heartbeat SCHEMA "It\'s ""Ward"" 7"; COMMIT');
}
look_in('"It\'s ""Ward"" 7"');
assert_complete('in a schema whose name needs quotes');

# The schema is renamed while readings arrive.
publish(5_000);
$node->query('ALTER SCHEMA "It\'s ""Ward"" 7" RENAME TO "Ward Eight"');
look_in('"Ward Eight"');
assert_complete('after the schema was renamed');
$start -= 3 * 7 * 86400;
publish(1_000);
assert_complete('readings of weeks without a table partition');
is($node->query('SELECT count(*) FROM heartbeat_records_default'), 0, 'the worker makes table partitions in the renamed schema');
$node->query("SELECT heartbeat_pause('to seek')");
is($node->query('SELECT new_offset FROM heartbeat_seek(0, 0)'), 0, 'heartbeat_seek() to an offset works in the renamed schema');
is($node->query("SELECT string_agg(new_offset::text, ' ' ORDER BY kafka_partition) FROM heartbeat_seek(now() + interval '1 hour')"),
	$published / 2 . ' ' . $published / 2, 'heartbeat_seek() to a time works in the renamed schema');
$node->query('SELECT heartbeat_resume()');
$node->set('heartbeat.retention' => '14d');
$node->wait_for_query("SELECT count(*) FROM pg_inherits WHERE inhparent = 'heartbeat_records'::regclass", qr/^[234]$/, 'the maintenance worker applies retention in the renamed schema');
$node->set('heartbeat.retention' => 0);
my $kept = $node->count('heartbeat_records');
my $dump = $node->basedir . '/dump';
command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('heartbeat') ], 'pg_dump succeeds with the renamed schema');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('restored'), $dump ], 'pg_restore succeeds with the renamed schema');
is($node->safe_psql('restored', 'SELECT count(*) FROM "Ward Eight".heartbeat_records'), $kept, 'the restored database has all readings');

# Retention has dropped readings, but Kafka still has their messages. So the test drops and creates the extension, and the
# worker reads all messages again. The role `chief` owns the new extension. Later in the test, the role `clerk` owns the
# extension, and `clerk` is not a superuser.
$node->query($_) for 'DROP EXTENSION heartbeat', 'DROP SCHEMA "Ward Eight"', 'CREATE SCHEMA ward', 'CREATE ROLE chief SUPERUSER',
	'CREATE ROLE clerk', 'GRANT USAGE, CREATE ON SCHEMA ward TO clerk', 'SET ROLE chief; CREATE EXTENSION heartbeat SCHEMA ward';
look_in('ward');
assert_complete('an owner who is not the superuser of the cluster');
$node->query('REASSIGN OWNED BY chief TO clerk; DROP ROLE chief');
is($node->query("SELECT extowner::regrole FROM pg_extension WHERE extname = 'heartbeat'"), 'clerk', 'a role without rights owns the extension');
publish(1_000);
assert_complete('with an owner without rights');
$node->query('ALTER TABLE heartbeat_records OWNER TO CURRENT_USER');
publish(200);
$node->wait_for_state('RETRYING', 'permission denied for table heartbeat_records', 'the worker is RETRYING when another role owns heartbeat_records, and the reason names the table');
$node->query('ALTER TABLE heartbeat_records OWNER TO clerk');
assert_complete('after the table was given back');
$node->set('heartbeat.role' => 'ghost');
$node->wait_for_state('RETRYING', 'role "ghost" does not exist', 'the worker is RETRYING when heartbeat.role does not exist, and the reason names the role');
$node->set('heartbeat.role' => '');
$node->wait_for_state('RUNNING');

# A user adds a plain column and a generated column. New table partitions of heartbeat_make_partitions() must have both columns
# too, and a row that moves must keep its values of these columns.
publish(1_000);
$node->query(q{ALTER TABLE heartbeat_records ADD COLUMN ward text DEFAULT 'unknown',
	ADD COLUMN per_second double precision GENERATED ALWAYS AS (heart_rate / 60) STORED});
$kafka->produce('heartbeat-events', map { { partition => $_ % 2, value => reading('old', 97, reading_time($start - 20 * 7 * 86400, $_)) } } 1 .. 100);
$published += 100;
my $complete = 'SELECT sum(records + anomalies), sum(duplicates + dead_letters) FROM heartbeat_offsets';
$node->wait_for_query($complete, "$published|0", 'the worker stores readings in a table with columns of a user');
is($node->query("SELECT count(*) FROM heartbeat_records WHERE ward = 'unknown' AND per_second = heart_rate / 60"),
	$node->count('heartbeat_records'), 'each row has the added columns');
my $long_ago = '2015-01-01';
$node->query("INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp, ward) VALUES ('by hand', 60, '$long_ago', 'seven')");
is($node->query("SELECT heartbeat_make_partitions('$long_ago', '$long_ago')"), 3, 'heartbeat_make_partitions() makes a table partition with the added columns');
is($node->query("SELECT tableoid::regclass, ward, per_second FROM heartbeat_records WHERE customer_id = 'by hand'"),
	'heartbeat_records_2015w01|seven|1', 'heartbeat_make_partitions() moves the row into the table partition');
$node->query("DELETE FROM heartbeat_records WHERE customer_id = 'by hand'");
$node->query('ALTER TABLE heartbeat_records DROP COLUMN ward');

# A user runs ALTER EXTENSION UPDATE. The workers wait until the user's transaction ends, and continue with the changed objects.
$user->quit;
$user = $node->background_psql('heartbeat');    # a new session, with the current search_path
$user->query_safe('SET client_min_messages = warning');
$user->query_safe('BEGIN');
$user->query_safe('LOCK TABLE heartbeat_control IN EXCLUSIVE MODE');
$user->query_safe("ALTER EXTENSION heartbeat UPDATE");
$user->query_safe('ALTER TABLE heartbeat_records DROP COLUMN per_second, ADD COLUMN note text');
$user->query_safe('ALTER EXTENSION heartbeat DROP FUNCTION heartbeat_summarize_partitions()');
$user->query_safe('DROP FUNCTION heartbeat_summarize_partitions()');
$user->query_safe('CREATE FUNCTION heartbeat_summarize_partitions() RETURNS bigint LANGUAGE sql BEGIN ATOMIC SELECT 0::bigint; END');
$user->query_safe('ALTER EXTENSION heartbeat ADD FUNCTION heartbeat_summarize_partitions()');
publish(1_000);
wait_until_locked_out('the workers wait for an update of the extension');
$user->query_safe('COMMIT');
$node->wait_for_query($complete, "$published|0", 'the workers continue when the update has committed');

# A user maintains the table partitions while readings arrive.
my ($partition) = split /\n/, $node->query("SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'heartbeat_records'::regclass ORDER BY pg_relation_size(inhrelid) DESC");
for my $housekeeping ("CREATE INDEX CONCURRENTLY by_rate ON $partition (heart_rate)", "REINDEX TABLE CONCURRENTLY $partition", "REINDEX TABLE $partition",
	"VACUUM FULL $partition", "VACUUM (ANALYZE, FREEZE) heartbeat_records", 'DROP INDEX CONCURRENTLY by_rate', 'ANALYZE')
{
	publish(2_000);
	$node->query($housekeeping);
}
$node->wait_for_query($complete, "$published|0", 'the worker stores every reading during CREATE INDEX CONCURRENTLY, REINDEX, VACUUM FULL and ANALYZE');
$node->assert_audit;

# The role `mallory` may create objects. This role creates tables, functions and operators that have the names of objects of the
# extension or of PostgreSQL. In every session of this database, the schema of `mallory` comes first in search_path.
$node->query($_) for 'CREATE ROLE mallory LOGIN', 'CREATE SCHEMA mallory AUTHORIZATION mallory', 'GRANT CREATE, USAGE ON SCHEMA ward TO mallory';
$node->query("SET ROLE mallory; $_") for
	map({ "CREATE TABLE mallory.$_ (topic text, partition integer, next_offset bigint, cluster_id text, lost_at timestamptz, paused boolean)" }
		qw(heartbeat_offsets heartbeat_control heartbeat_records heartbeat_records_default heartbeat_rollup_pending pg_extension)),
	(map { my $schema = $_; map { "CREATE FUNCTION $schema.$_ LANGUAGE plpgsql AS 'BEGIN RAISE ''mallory runs as %'', current_user; END'" }
			'unnest(text[], double precision[], timestamptz[]) RETURNS SETOF record', 'now() RETURNS timestamptz', 'format(text, text) RETURNS text',
			'format(text, name) RETURNS text', 'greatest_of(text, integer) RETURNS boolean' } 'mallory', 'ward'),
	map { "CREATE OPERATOR $_.= (FUNCTION = $_.greatest_of, LEFTARG = text, RIGHTARG = integer)" } 'mallory', 'ward';
my $squatted = $node->query("SELECT 'heartbeat_records' || to_char(to_timestamp($start) - interval '210 days', '_IYYY\"w\"IW')");
$node->query("SET ROLE mallory; CREATE TABLE ward.$squatted (customer_id text)");
look_in('mallory, ward, pg_catalog');
$position = $node->log_position;
$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type LIKE 'heartbeat%'");
$kafka->produce('heartbeat-events', map { { partition => $_ % 2, value => reading('squat', $_ == 9 ? 200 : 97, reading_time($start - 210 * 86400, $_)) } } 1 .. 100);
$published += 100;
$node->wait_for_query(($complete =~ s/heartbeat_offsets/ward.heartbeat_offsets/r), "$published|0", 'the worker stores every reading although objects of an attacker come first in search_path');
$node->safe_psql('heartbeat', q{SELECT ward.heartbeat_make_partitions('2014-01-01', '2014-01-01'); SELECT ward.heartbeat_pause(); SELECT ward.heartbeat_resume(); SELECT * FROM ward.heartbeat_audit();
	SELECT * FROM ward.heartbeat_apply_retention(); SELECT * FROM ward.heartbeat_retry_dead_letters();
	SELECT * FROM ward.heartbeat_status; SELECT * FROM ward.vw_pipeline_summary; SELECT * FROM ward.vw_customer_bpm_summary});
is($node->query('SELECT count(*) FROM mallory.heartbeat_records') + $node->query('SELECT count(*) FROM mallory.heartbeat_offsets'), 0, 'nothing is written to the tables of the attacker');
is($node->log_matches('mallory runs', $position), 0, 'no process runs a function of the attacker');
look_in('ward');
is($node->query("SELECT count(*) FROM $squatted"), 0, 'the worker stores nothing in a table that only has the name of a table partition');
like($node->query("SELECT DISTINCT c.relname FROM heartbeat_records r JOIN pg_class c ON c.oid = r.tableoid WHERE customer_id = 'squat'"),
	qr/^${squatted}_[0-9a-f]{8}$/, 'the worker makes a table partition with another name for this week');
$node->assert_audit;
$node->query('DROP OWNED BY mallory; DROP ROLE mallory');

# An event trigger of a user forbids CREATE TABLE, so the worker cannot create a table partition.
$node->query('CREATE FUNCTION public.forbid() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION \'tables are frozen\'; END $$');
$node->query("CREATE EVENT TRIGGER frozen ON ddl_command_start WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION public.forbid()");
$kafka->produce('heartbeat-events', map { { partition => $_ % 2, value => reading('frozen', 97, reading_time($start - 100 * 86400, $_)) } } 1 .. 100);
$published += 100;
$node->wait_for_state('RETRYING', 'tables are frozen', 'the worker is RETRYING, and the reason has the message of the event trigger');
$node->query('DROP EVENT TRIGGER frozen');
$node->wait_for_query($complete, "$published|0", 'every reading is stored when the event trigger is dropped, and no reading is a dead letter');
$node->assert_audit;

# DROP OWNED BY also drops the extension if the role owns the extension.
$position = $node->log_position;
$node->query('DROP OWNED BY clerk');
publish(200);
$node->wait_for_log(qr/STOPPED: extension "heartbeat" is not in this database/, $position);
$node->query('DROP ROLE clerk; CREATE EXTENSION heartbeat SCHEMA ward');
$node->wait_for_query($complete, "$published|0", 'after CREATE EXTENSION by another owner the worker stores every message again');
$node->assert_audit;

$user->quit;
$node->assert_no_crash;
$kafka->stop;
done_testing();
