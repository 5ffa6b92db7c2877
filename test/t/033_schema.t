# What users do to the extension, its schema and its tables while readings stream: drop and create, rename, change, give
# away, squat. Nothing is lost or stored twice, nobody waits for ever, and the state says what is the matter.

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

# Publishes readings; those of earlier calls may still be on their way into the tables.
sub publish
{
	my ($count, $from) = @_;
	$kafka->produce('heartbeat-events', reading_stream($count, $partitions, first => $published, start => $from // $start));
	$published += $count;
	return;
}

# Everything that was ever published is in the tables, once.
sub assert_complete
{
	my ($what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$node->wait_for_offsets('heartbeat-events', ($published / $partitions) x $partitions);
	is($node->query('SELECT sum(records), sum(anomalies), sum(duplicates), sum(dead_letters) FROM heartbeat_offsets'),
		$published * 0.97 . '|' . $published * 0.03 . '|0|0', "$what: each reading is stored once");
	return $node->assert_audit;
}

# The unqualified names of this test are those of the schema.
sub look_in { my ($schema) = @_; $node->query("ALTER DATABASE heartbeat SET search_path = $schema, public"); return; }

sub wait_until_locked_out
{
	my ($what) = @_;
	return $node->wait_for_query(
		"SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type LIKE 'heartbeat worker%' AND wait_event_type = 'Lock'", 't', $what);
}

# DROP EXTENSION in the middle of ingest, with the partitions that the worker has made and a user's view on them.
publish(200, $start - 5 * 7 * 86400);    # a week that has a partition only when a worker has seen to it
publish(20_000);
$node->wait_for_query('SELECT coalesce(sum(records), 0) > 500 FROM heartbeat_offsets', 't', 'readings stream');
$node->query('CREATE VIEW of_a_user AS SELECT customer_id FROM heartbeat_records');
like($node->query_error('DROP EXTENSION heartbeat'), qr/other objects depend on it/, 'DROP EXTENSION respects what users have made');
my $position = $node->log_position;
my $began    = time;
$node->query('DROP EXTENSION heartbeat CASCADE');
cmp_ok(time - $began, '<', 20, 'DROP EXTENSION CASCADE does not hang');
is($node->query(q{SELECT count(*) FROM pg_class WHERE relname ~ '^(heartbeat_|vw_)'}), 0, 'and leaves no partition behind');
publish(200);    # workers that were idle notice by the next reading
$node->wait_for_log(qr/STOPPED: extension "heartbeat" is not in this database/, $position);
$position = $node->log_position;
publish(200);
is($node->log_matches(qr/ERROR|WARNING/, $position), 0, 'the workers rest, quietly');
$node->query('CREATE EXTENSION heartbeat');
assert_complete('after it has been created again');
is($node->query('SELECT count(*) FROM heartbeat_records_default'), 0, 'weeks that were seen to before have their partitions again');

# Dropped, and not after all.
my $user = $node->background_psql('heartbeat');
$user->query_safe('BEGIN');
$user->query_safe('DROP EXTENSION heartbeat');
publish(200);
wait_until_locked_out('the workers wait for a DROP EXTENSION that is under way');
$user->query_safe('ROLLBACK');
assert_complete('after a DROP EXTENSION that was rolled back');

# While a batch is in the middle of waiting for somebody's lock.
$user->query_safe('BEGIN');
$user->query_safe('LOCK TABLE heartbeat_anomalies IN EXCLUSIVE MODE');
publish(200);
wait_until_locked_out('a batch waits for a user');
my $dropper = $node->background_psql('heartbeat');
$dropper->query_until(qr/asked/, "\\echo asked\nDROP EXTENSION heartbeat;\n\\echo dropped\n");
$node->wait_for_query("SELECT count(*) FROM pg_stat_activity WHERE query LIKE 'DROP EXT%' AND wait_event_type = 'Lock' AND pid <> pg_backend_pid()",
	1, 'DROP EXTENSION waits for the batch');
$user->query_safe('COMMIT');
$dropper->query_until(qr/dropped/, '');
is($node->query("SELECT count(*) FROM pg_extension WHERE extname = 'heartbeat'"), 0, 'and ends as soon as the batch has');
$dropper->quit;

# In one transaction, in another schema, whose name needs quotes; and again at once.
$node->query('CREATE SCHEMA "It\'s ""Ward"" 7"');
for (1 .. 2)
{
	$node->query('BEGIN; DROP EXTENSION IF EXISTS heartbeat; CREATE EXTENSION heartbeat SCHEMA "It\'s ""Ward"" 7"; COMMIT');
}
look_in('"It\'s ""Ward"" 7"');
assert_complete('in a schema whose name needs quotes');

# The schema gets another name, while readings stream.
publish(5_000);
$node->query('ALTER SCHEMA "It\'s ""Ward"" 7" RENAME TO "Ward Eight"');
look_in('"Ward Eight"');
assert_complete('after the schema was renamed');
$start -= 3 * 7 * 86400;
publish(1_000);
assert_complete('of weeks that have no partition yet');
is($node->query('SELECT count(*) FROM heartbeat_records_default'), 0, 'partitions are made under the new name');
$node->query("SELECT heartbeat_pause('to seek')");
is($node->query('SELECT new_offset FROM heartbeat_seek(0, 0)'), 0, 'heartbeat_seek works');
is($node->query("SELECT string_agg(new_offset::text, ' ' ORDER BY kafka_partition) FROM heartbeat_seek(now() + interval '1 hour')"),
	$published / 2 . ' ' . $published / 2, 'also by time');
$node->query('SELECT heartbeat_resume()');
$node->set('heartbeat.retention' => '14d');
$node->wait_for_query("SELECT count(*) FROM pg_inherits WHERE inhparent = 'heartbeat_records'::regclass", qr/^[234]$/, 'retention works, in the worker');
$node->set('heartbeat.retention' => 0);
my $kept = $node->count('heartbeat_records');
my $dump = $node->basedir . '/dump';
command_ok([ 'pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('heartbeat') ], 'pg_dump works');
$node->safe_psql('postgres', 'CREATE DATABASE restored');
command_ok([ 'pg_restore', '--exit-on-error', '-d', $node->connstr('restored'), $dump ], 'and so does pg_restore');
is($node->safe_psql('restored', 'SELECT count(*) FROM "Ward Eight".heartbeat_records'), $kept, 'with all readings');

# From here on in tables of a role's own, which is no superuser. Retention has dropped readings, so it begins anew.
$node->query($_) for 'DROP EXTENSION heartbeat', 'DROP SCHEMA "Ward Eight"', 'CREATE SCHEMA ward', 'CREATE ROLE chief SUPERUSER',
	'CREATE ROLE clerk', 'GRANT USAGE, CREATE ON SCHEMA ward TO clerk', 'SET ROLE chief; CREATE EXTENSION heartbeat SCHEMA ward';
look_in('ward');
assert_complete('of an owner who is not the superuser of the cluster');
$node->query('REASSIGN OWNED BY chief TO clerk; DROP ROLE chief');
is($node->query("SELECT extowner::regrole FROM pg_extension WHERE extname = 'heartbeat'"), 'clerk', 'the extension is given to a role without rights');
publish(1_000);
assert_complete('as that role');
$node->query('ALTER TABLE heartbeat_records OWNER TO CURRENT_USER');
publish(200);
$node->wait_for_state('RETRYING', 'permission denied for table heartbeat_records', 'a table that is taken away: the state names it');
$node->query('ALTER TABLE heartbeat_records OWNER TO clerk');
assert_complete('after it was given back');
$node->set('heartbeat.role' => 'ghost');
$node->wait_for_state('RETRYING', 'role "ghost" does not exist', 'a role that does not exist: the state names it');
$node->set('heartbeat.role' => '');
$node->wait_for_state('RUNNING');

# A user's columns, a plain one and a generated one, and rows that move to a new partition with them.
publish(1_000);
$node->query(q{ALTER TABLE heartbeat_records ADD COLUMN ward text DEFAULT 'unknown',
	ADD COLUMN per_second double precision GENERATED ALWAYS AS (heart_rate / 60) STORED});
$kafka->produce('heartbeat-events', map { { partition => $_ % 2, value => reading('old', 97, reading_time($start - 20 * 7 * 86400, $_)) } } 1 .. 100);
$published += 100;
my $complete = 'SELECT sum(records + anomalies), sum(duplicates + dead_letters) FROM heartbeat_offsets';
$node->wait_for_query($complete, "$published|0", 'a user adds columns');
is($node->query("SELECT count(*) FROM heartbeat_records WHERE ward = 'unknown' AND per_second = heart_rate / 60"),
	$node->count('heartbeat_records'), 'each row has them');
my $long_ago = '2015-01-01';
$node->query("INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp, ward) VALUES ('by hand', 60, '$long_ago', 'seven')");
is($node->query("SELECT heartbeat_make_partitions('$long_ago', '$long_ago')"), 3, 'a partition is made with them');
is($node->query("SELECT tableoid::regclass, ward, per_second FROM heartbeat_records WHERE customer_id = 'by hand'"),
	'heartbeat_records_2015w01|seven|1', 'and rows are moved into it');
$node->query("DELETE FROM heartbeat_records WHERE customer_id = 'by hand'");
$node->query('ALTER TABLE heartbeat_records DROP COLUMN ward');

# As an ALTER EXTENSION UPDATE does it: the workers wait for its end, and go on with what there is then.
$user->quit;
$user = $node->background_psql('heartbeat'); # with the search path of now
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
$node->wait_for_query($complete, "$published|0", 'and go on when it has committed');

# What a user does to the partitions while readings stream.
my ($partition) = split /\n/, $node->query("SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent = 'heartbeat_records'::regclass ORDER BY pg_relation_size(inhrelid) DESC");
for my $housekeeping ("CREATE INDEX CONCURRENTLY by_rate ON $partition (heart_rate)", "REINDEX TABLE CONCURRENTLY $partition", "REINDEX TABLE $partition",
	"VACUUM FULL $partition", "VACUUM (ANALYZE, FREEZE) heartbeat_records", 'DROP INDEX CONCURRENTLY by_rate', 'ANALYZE')
{
	publish(2_000);
	$node->query($housekeeping);
}
$node->wait_for_query($complete, "$published|0", 'CREATE INDEX CONCURRENTLY, REINDEX, VACUUM FULL and ANALYZE of partitions hold nothing up for long');
$node->assert_audit;

# Somebody who may create objects puts his own before the extension's and the server's, for every process of this database.
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
$node->wait_for_query(($complete =~ s/heartbeat_offsets/ward.heartbeat_offsets/r), "$published|0", 'objects of an attacker that come first keep nobody from storing');
$node->safe_psql('heartbeat', q{SELECT ward.heartbeat_make_partitions('2014-01-01', '2014-01-01'); SELECT ward.heartbeat_pause(); SELECT ward.heartbeat_resume(); SELECT * FROM ward.heartbeat_audit();
	SELECT * FROM ward.heartbeat_apply_retention(); SELECT * FROM ward.heartbeat_retry_dead_letters();
	SELECT * FROM ward.heartbeat_status; SELECT * FROM ward.vw_pipeline_summary; SELECT * FROM ward.vw_customer_bpm_summary});
is($node->query('SELECT count(*) FROM mallory.heartbeat_records') + $node->query('SELECT count(*) FROM mallory.heartbeat_offsets'), 0, 'nothing is written to them');
is($node->log_matches('mallory runs', $position), 0, 'and nobody has run what he made');
look_in('ward');
is($node->query("SELECT count(*) FROM $squatted"), 0, 'nor is a table that has a partition\'s name taken for one');
like($node->query("SELECT DISTINCT c.relname FROM heartbeat_records r JOIN pg_class c ON c.oid = r.tableoid WHERE customer_id = 'squat'"),
	qr/^${squatted}_[0-9a-f]{8}$/, 'the readings of that week are in a partition of another name');
$node->assert_audit;
$node->query('DROP OWNED BY mallory; DROP ROLE mallory');

# A user's event trigger forbids what makes a partition.
$node->query('CREATE FUNCTION public.forbid() RETURNS event_trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION \'tables are frozen\'; END $$');
$node->query("CREATE EVENT TRIGGER frozen ON ddl_command_start WHEN TAG IN ('CREATE TABLE') EXECUTE FUNCTION public.forbid()");
$kafka->produce('heartbeat-events', map { { partition => $_ % 2, value => reading('frozen', 97, reading_time($start - 100 * 86400, $_)) } } 1 .. 100);
$published += 100;
$node->wait_for_state('RETRYING', 'tables are frozen', 'an event trigger that forbids a partition: the state has its words');
$node->query('DROP EVENT TRIGGER frozen');
$node->wait_for_query($complete, "$published|0", 'nothing was lost, and nothing became a dead letter');
$node->assert_audit;

# The owner goes, and with him the extension.
$position = $node->log_position;
$node->query('DROP OWNED BY clerk');
publish(200);
$node->wait_for_log(qr/STOPPED: extension "heartbeat" is not in this database/, $position);
$node->query('DROP ROLE clerk; CREATE EXTENSION heartbeat SCHEMA ward');
$node->wait_for_query($complete, "$published|0", 'it begins anew for another owner');
$node->assert_audit;

$user->quit;
$node->assert_no_crash;
$kafka->stop;
done_testing();
