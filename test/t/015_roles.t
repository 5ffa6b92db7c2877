# Runs the grants of docs/security.md. Tests the rights of the reader, the operator and the worker. The worker acts as a role
# that owns nothing.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;
use Heartbeat::Runbook;

my $kafka = Heartbeat::Kafka->new('roles');
$kafka->start;
$kafka->create_topic('heartbeat-events', 1);
my $node = Heartbeat::Cluster->create('roles', kafka => $kafka);
for my $role (qw(heartbeat_reader heartbeat_operator heartbeat_worker))
{
	# ALTER SYSTEM cannot run in a transaction block, so the test sends each statement separately
	$node->query($_) for grep { /\S/ } split /;\n/, grants_of($role);
}
$node->query('CREATE TABLE actor (name name DEFAULT current_user)');
$node->query('GRANT INSERT ON actor TO heartbeat_worker');
$node->query('CREATE FUNCTION note_actor() RETURNS trigger LANGUAGE plpgsql AS
	$$ BEGIN INSERT INTO public.actor DEFAULT VALUES; RETURN NULL; END $$');
$node->query('CREATE TRIGGER note AFTER INSERT ON heartbeat_records_default FOR EACH ROW EXECUTE FUNCTION note_actor()');
$node->wait_for_state('RUNNING');

my $now = int(time);
$kafka->produce('heartbeat-events',
	{ value => reading('A', 70,  reading_time($now)) },
	{ value => reading('A', 70,  reading_time($now)) },
	{ value => reading('A', 200, reading_time($now)) },
	{ value => 'garbage' },
	{ value => reading('A', 70, reading_time($now - 3 * 365 * 86400)) },
	{ value => reading('A', 70, reading_time($now - 30 * 86400)) });
$node->wait_for_offsets('heartbeat-events', 6);
is($node->query('SELECT records, anomalies, duplicates, dead_letters FROM heartbeat_offsets'), '3|1|1|1', 'the worker stores every kind of message with the grants of docs/security.md');
is($node->query('SELECT DISTINCT name FROM actor'), 'heartbeat_worker', 'the worker stores the readings as heartbeat_worker');
like($node->query_error('SET ROLE heartbeat_worker; DELETE FROM heartbeat_records'), qr/permission denied/, 'heartbeat_worker may not delete readings');
$node->wait_for_query('SELECT count(*) FROM heartbeat_rollup_pending', 0, 'the maintenance worker adds pending sums to the rollup with the rights of heartbeat_worker');
is($node->query('SELECT sum(reading_count) FROM heartbeat_rollup'), 3, 'the rollup contains all normal readings');

is($node->query("SET ROLE heartbeat_reader; SELECT value FROM vw_pipeline_summary WHERE metric = 'total_records'"), 3, 'heartbeat_reader reads a view');
is($node->query('SET ROLE heartbeat_reader; SELECT state FROM heartbeat_status'), 'RUNNING', 'heartbeat_reader reads the status');
for my $sql ('SELECT * FROM heartbeat_dead_letters', 'SELECT heartbeat_pause()', 'SELECT * FROM heartbeat_retry_dead_letters()')
{
	like($node->query_error("SET ROLE heartbeat_reader; $sql"), qr/permission denied/, "heartbeat_reader may not run: $sql");
}

# Checks all objects of the extension, and its table partitions. The reader can read the views and the table heartbeat_events,
# but no other table and no sequence. The reader can call only functions that change nothing.
my $member = "JOIN pg_depend d ON d.objid = o.oid AND d.deptype = 'e' AND d.refobjid = (SELECT oid FROM pg_extension WHERE extname = 'heartbeat')";
my @views  = split /\n/, $node->query("SELECT o.relname FROM pg_class o $member WHERE relkind = 'v'");
my @tables = split /\n/, $node->query("SELECT o.relname FROM pg_class o $member WHERE relkind NOT IN ('v', 'i', 'I')
	UNION SELECT c.relname FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid AND c.relkind = 'r' JOIN pg_class o ON o.oid = i.inhparent $member");
cmp_ok(scalar @views,  '>=', 5,  'the test tries the views');
cmp_ok(scalar @tables, '>=', 18, 'the test tries the tables, their table partitions and the sequences');
is_deeply([ map { $node->query("SET ROLE heartbeat_reader; SELECT count(*) >= 0 FROM $_") } @views ], [ ('t') x @views ], 'heartbeat_reader reads each view');
is_deeply([ grep { $node->query_error("SET ROLE heartbeat_reader; SELECT * FROM $_") !~ /permission denied for (table|sequence) $_$/m } @tables ],
	['heartbeat_events'], 'heartbeat_events is the only table that heartbeat_reader reads');
is($node->query("SELECT string_agg(o.proname, ' ' ORDER BY o.proname) FROM pg_proc o $member WHERE has_function_privilege('heartbeat_reader', o.oid, 'EXECUTE')"),
	'heartbeat_announcements_dropped heartbeat_audit heartbeat_batch_times heartbeat_classify heartbeat_maintenance_duties heartbeat_partition_states heartbeat_source_states heartbeat_state heartbeat_summarize_minute', 'heartbeat_reader may call only functions that change nothing');

my $operator = 'SET ROLE heartbeat_operator;';
$node->query("$operator SELECT heartbeat_pause('by an operator')");
is($node->query("$operator SELECT state, reason FROM heartbeat_status"), 'PAUSED|by an operator', 'heartbeat_operator pauses ingest');
is($node->query("$operator SELECT previous_offset, new_offset FROM heartbeat_seek(0, 3)"), '6|3', 'heartbeat_operator seeks to an offset');
is($node->query("$operator SELECT new_offset FROM heartbeat_seek(to_timestamp($now - 86400))"), 0, 'heartbeat_operator seeks to a time');
is($node->query("$operator SELECT resolved, remaining FROM heartbeat_retry_dead_letters()"), '0|1', 'heartbeat_operator retries dead letters');
$node->query("$operator SELECT heartbeat_resume()");
$node->wait_for_offsets('heartbeat-events', 6);
like($node->query_error("$operator UPDATE heartbeat_offsets SET next_offset = 0"), qr/permission denied/, 'heartbeat_operator has no right on a table');
$node->assert_audit;
$node->assert_no_crash;

done_testing();
