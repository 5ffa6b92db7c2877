# Runs ALTER EXTENSION heartbeat UPDATE from each earlier version, in a database with data, while readings arrive. The updated
# database has the same objects as a database after CREATE EXTENSION. The workers of the new version use the tables of the old
# version until the update, and then the tables of the new version. Every reading is stored once.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils qw(command_ok);
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Definition;
use Heartbeat::Feed;
use Heartbeat::Kafka;

my $kafka = Heartbeat::Kafka->new('update');
$kafka->start;
my $feed    = Heartbeat::Feed->new($kafka, 3);
my $fresh   = Heartbeat::Cluster->create('fresh');
my $current = $fresh->query("SELECT default_version FROM pg_available_extensions WHERE name = 'heartbeat'");
# A server can also have the scripts of a later version, so the query selects only earlier versions.
my @earlier = split /\n/, $fresh->query(
	"SELECT version FROM pg_available_extension_versions WHERE name = 'heartbeat'
	 AND string_to_array(version, '.')::integer[] < string_to_array('$current', '.')::integer[] ORDER BY version");
my $expected = definition($fresh);
cmp_ok(@earlier, '>', 0, 'earlier versions exist');

# A user changes the owner and the rights of heartbeat_seek(). In 2.0 this function has one more parameter, so the update must
# create a new function, with the same owner and rights.
my $seek  = 'heartbeat_seek(timestamptz, integer)';
my @given = ('CREATE ROLE operator', 'CREATE ROLE keeper', "GRANT EXECUTE ON FUNCTION $seek TO operator WITH GRANT OPTION", "ALTER FUNCTION $seek OWNER TO keeper");
my $has   = "SELECT proowner::regrole, array_to_string(ARRAY(SELECT a::text FROM unnest(proacl) a ORDER BY 1), ' ') FROM pg_proc WHERE oid = '$seek'::regprocedure";
my $new   = 'heartbeat_seek(timestamptz, integer, text)';
my @taken = ("ALTER FUNCTION $new OWNER TO CURRENT_USER", 'DROP OWNED BY operator');

# These objects use event_time, the old name of the parameter kafka_time. For each object the list has the statement that
# creates the object and the statement that drops the object.
my %named = (
	'view public.named'             => [ 'CREATE VIEW named AS SELECT * FROM heartbeat_seek(event_time => now())', 'DROP VIEW named' ],
	'materialized view public.kept' => [ 'CREATE MATERIALIZED VIEW kept AS SELECT next_offset FROM heartbeat_kafka_offsets(event_time => now()) WITH NO DATA', 'DROP MATERIALIZED VIEW kept' ],
	'function public.named()'       => [ 'CREATE FUNCTION named() RETURNS bigint BEGIN ATOMIC SELECT count(*) FROM heartbeat_seek(partition => 0, event_time => now()); END', 'DROP FUNCTION named' ]);

# These objects of a user call functions whose parameters or columns change in 2.0.
my %called = (
	'view public.back'          => [ 'CREATE VIEW back AS SELECT * FROM heartbeat_seek(now())', 'DROP VIEW back' ],
	'view public.audited'       => [ 'CREATE VIEW audited AS SELECT difference FROM heartbeat_audit()', 'DROP VIEW audited' ],
	'function public.audited()' => [ 'CREATE FUNCTION audited() RETURNS bigint BEGIN ATOMIC SELECT count(*) FROM heartbeat_audit(); END', 'DROP FUNCTION audited' ]);

for my $version (@earlier)
{
	my $node = Heartbeat::Cluster->create("from_$version", kafka => $kafka, version => $version, settings => { 'heartbeat.batch_size' => 100 });
	$feed->publish(3_000);
	$feed->assert_stored($node, "the workers store readings in the tables of $version");
	$node->wait_for_log(qr/LOG:  heartbeat: the extension in the database has version \Q$version\E, but its library has version \Q$current\E\n.*HINT:  Run ALTER EXTENSION heartbeat UPDATE in database "heartbeat"/);
	pass('the log says that the extension must be updated');
	$node->wait_for_query('SELECT count(*) FROM heartbeat_rollup_pending', 0, 'the rollup has sums of the old version');
	$kafka->produce('heartbeat-events', { partition => 1, value => 'no reading' });
	$node->query("INSERT INTO heartbeat_alert_rules (name, kind, threshold) VALUES ('garbage', 'dead_letters', 0)");
	$node->wait_for_query('SELECT count(*) FROM heartbeat_alerts', 1, 'an alert is open before the update');
	$node->query($_) for @given;
	my $kept = join ' UNION ALL ', map { "SELECT \$\$$_\$\$, md5(string_agg(row::text, ' ' ORDER BY row::text)) FROM $_ t, LATERAL (SELECT to_jsonb(t) - '{device_id, source, header_names, header_values, readings}'::text[]) r (row)" }
	  qw(heartbeat_records heartbeat_anomalies heartbeat_rollup heartbeat_dead_letters heartbeat_alert_rules), '(SELECT customer_id FROM heartbeat_customers)';

	# A dump does not contain the version of the extension. So a person creates the extension with the version of the dump, restores
	# the dump, and then updates the extension.
	my $dump = $node->basedir . '/dump';
	my $dumped = $node->query($kept);
	$node->query('CREATE DATABASE restored');
	$node->safe_psql('restored', "SET row_security = off; CREATE EXTENSION heartbeat VERSION '$version'");
	command_ok([ $node->installed_command($_->[0]), @$_[ 1 .. $#$_ ] ], "$_->[0] succeeds with a database of $version")
	  for [ 'pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('heartbeat') ], [ 'pg_restore', '--exit-on-error', '-d', $node->connstr('restored'), $dump ];
	$node->safe_psql('restored', 'ALTER EXTENSION heartbeat UPDATE');
	is($node->safe_psql('restored', $kept), $dumped, "a restored and updated dump of $version has the contents of the tables");
	is($node->safe_psql('restored', 'SELECT (SELECT sum(abs(difference)) FROM heartbeat_audit()), (SELECT sum(abs(difference)) FROM heartbeat_audit_tables()), (SELECT hold FROM heartbeat_control WHERE paused)'),
		'0|0|restore', 'both audits are exact, and ingest is paused');
	$node->query('DROP DATABASE restored');

	$node->query("ALTER TABLE heartbeat_records ADD COLUMN ward text DEFAULT 'unknown'");
	$node->query($_) for 'CREATE ROLE viewer', 'GRANT SELECT ON heartbeat_status, heartbeat_partitions, vw_customer_bpm_summary TO viewer',
	  'GRANT EXECUTE ON FUNCTION heartbeat_state(), heartbeat_partition_states() TO viewer';
	# The update treats each role with these INSERT rights as a role of the workers. So it must grant the role `storer` the
	# rights on new objects.
	$node->query($_) for 'CREATE ROLE storer', 'GRANT INSERT ON heartbeat_records, heartbeat_anomalies, heartbeat_dead_letters, heartbeat_rollup_pending TO storer', 'GRANT SELECT ON heartbeat_dead_letters TO PUBLIC';
	# versions before 1.2 could store an incomplete character at the end of a text
	my $old = $version lt '1.2';
	$node->query($_) for grep { $old } 'CREATE CAST (bytea AS text) WITHOUT FUNCTION', q{INSERT INTO heartbeat_events (kind, reason) VALUES ('half', '\x61c3'::bytea::text)},
		q{UPDATE heartbeat_alerts SET detail = detail || jsonb_build_object('half', '\x61c3'::bytea::text)}, 'DROP CAST (bytea AS text)';
	my $before = $node->query($kept);
	my $letters = $node->query('SELECT sum(dead_letters) FROM heartbeat_offsets');

	for my $caller ($old ? sort keys %named : ())
	{
		$node->query($named{$caller}[0]);
		like($node->query_error('ALTER EXTENSION heartbeat UPDATE'),
			qr/ERROR:  the parameter event_time of heartbeat_seek\(\) has the new name kafka_time.*\nDETAIL:  It is used by \Q$caller\E\.\nHINT:  Create these objects again without/,
			"the update refuses a caller that uses the parameter's old name, and names the caller: $caller");
		$node->query($named{$caller}[1]);
	}
	for my $caller (sort keys %called)
	{
		$node->query($called{$caller}[0]);
		like($node->query_error('ALTER EXTENSION heartbeat UPDATE'),
			qr/ERROR:  functions of extension "heartbeat" have other parameters or columns in 2.0, and other objects call them\nDETAIL:  These objects call the functions: \Q$caller\E\.\nHINT:  Drop these objects/,
			"the update refuses a caller of a function that 2.0 replaces, and names the caller: $caller");
		$node->query($called{$caller}[1]);
	}
	$node->query($_) for 'GRANT EXECUTE ON FUNCTION heartbeat_audit() TO viewer WITH GRANT OPTION', 'CREATE ROLE mover',
	  'GRANT EXECUTE ON FUNCTION heartbeat_move_offset(text, integer, bigint, text) TO mover', 'GRANT SELECT ON heartbeat_control TO mover';
	my $had = $node->query($has);
	# The new owner of this view has no rights in pg_init_privs, so the view's list of rights becomes empty there. The update
	# must delete this row of pg_init_privs, because PostgreSQL cannot read an empty list.
	$node->query('ALTER VIEW vw_recent_anomalies OWNER TO keeper');

	my $updater = $node->background_psql('heartbeat');
	$updater->query_safe('BEGIN');
	my %alerts = (
		'a duty'  => 'RETRYING|the maintenance worker cannot apply retention: x',
		'broken'  => 'RETRYING|could not extend file',
		'paused'  => 'PAUSED|repair',
		'workers' => 'RETRYING|1 of 2 workers run');
	for my $name (sort keys %alerts)
	{
		my ($state, $reason) = split /\|/, $alerts{$name};
		$updater->query_safe("INSERT INTO heartbeat_alert_rules (name, kind, period) VALUES ('$name', 'state', '1 day')");
		$updater->query_safe("INSERT INTO heartbeat_alerts (rule, subject, detail) VALUES ('$name', 'pipeline', jsonb_build_object('state', '$state', 'reason', '$reason'))");
	}
	$updater->query_safe("ALTER EXTENSION heartbeat UPDATE");
	is($updater->query_safe("SELECT string_agg(rule || '=' || coalesce(source, ''), ',' ORDER BY rule) FROM heartbeat_alerts WHERE closed_at IS NULL"),
		'a duty=,broken=default,garbage=default,paused=,workers=', 'an open alert is about the source default, or belongs to no source');
	$updater->query_safe("DELETE FROM heartbeat_alert_rules WHERE kind = 'state'");
	$feed->publish(6_000);
	is($updater->query_safe($kept), $before, 'the update does not change the contents of the tables');
	my $stored = $updater->query_safe('SELECT sum(records + anomalies) FROM heartbeat_offsets');
	$updater->query_safe('ROLLBACK');
	$node->wait_for_query("SELECT sum(records + anomalies) > $stored FROM heartbeat_offsets", 't', 'the worker continues when the update is rolled back');
	is($node->query("SELECT extversion FROM pg_extension WHERE extname = 'heartbeat'"), $version, 'a rolled back update leaves the old version');

	# A session holds a lock. A batch waits for this lock, and ALTER EXTENSION UPDATE waits for the batch. When the session
	# releases the lock, the batch is stored, and then the update runs. The workers store the remaining messages after the
	# update.
	my $holder = $node->background_psql('heartbeat');
	$holder->query_safe($_) for 'BEGIN', 'LOCK TABLE heartbeat_control';
	$feed->publish(6_000);
	my $waits = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock'";
	$node->wait_for_query("$waits AND backend_type LIKE 'heartbeat worker%'", 1, 'a batch waits for a lock');
	$updater->query_until(qr/begins/, "\\echo begins\nBEGIN; ALTER EXTENSION heartbeat UPDATE;\n");
	$node->wait_for_query("$waits AND query LIKE 'ALTER EXTENSION%'", 1, 'the update waits behind the batch');
	$holder->quit;
	my $left = $updater->query_safe('SELECT ' . $feed->count . ' - sum(records + anomalies) FROM heartbeat_offsets');
	cmp_ok($left, '>', 0, 'the update happens while messages remain');
	$updater->query_safe('COMMIT');
	$updater->quit;
	is($node->query("SELECT extversion FROM pg_extension WHERE extname = 'heartbeat'"), $current, "$version is updated to $current");
	$feed->publish(300);
	$feed->assert_stored($node, 'every reading is stored after the update');
	is($node->query('SELECT sum(duplicates) FROM heartbeat_offsets'), 0, 'no reading counts as a duplicate');
	is($node->query('SELECT sum(messages) = sum(records + anomalies), sum(readings) = sum(records + anomalies), sum(dead_letters) FROM heartbeat_offsets'), "t|t|$letters",
		'each message of the old version counts as one message with one reading');
	$node->assert_audit;
	$node->assert_summary('the summary is exact after the update');
	$node->wait_for_state('RUNNING');
	is($node->query("SELECT count(*) FROM heartbeat_records WHERE ward IS DISTINCT FROM 'unknown'"), 0, "the update keeps a column of a user");
	is($node->query("SELECT has_table_privilege('viewer', 'heartbeat_status', 'SELECT')"), 't', "the update keeps a grant of a user");
	is($node->query('SET ROLE viewer; SELECT name, source FROM heartbeat_sources, heartbeat_source_status'), 'default|default', 'a role that could read heartbeat_partitions can read the sources');
	is($node->query("SELECT (SELECT reason FROM heartbeat_events WHERE kind = 'half'), (SELECT detail->>'half' FROM heartbeat_alerts)"),
		'a\\xc3|a\\xc3', 'the update shows an incomplete character as its bytes') if $old;
	is($node->query($has =~ s/\Q$seek\E/$new/r), $had, 'heartbeat_seek() keeps its owner and its grants');
	is($node->query("SELECT has_function_privilege('viewer', 'heartbeat_audit()', 'EXECUTE WITH GRANT OPTION'),
		has_function_privilege('mover', 'heartbeat_move_offset(text, text, integer, bigint, text)', 'EXECUTE'),
		has_table_privilege('mover', 'heartbeat_source_definitions', 'SELECT')"), 't|t|t', 'the new functions and tables have the grants of the old functions and tables');
	my $rights = "SELECT string_agg(format('%s: %s', a.attrelid::regclass, x), ', ' ORDER BY a.attrelid::regclass::text, x::text)
		FROM (SELECT oid AS attrelid, relacl AS acl FROM pg_class UNION ALL SELECT attrelid, attacl FROM pg_attribute) a, unnest(a.acl) x
		WHERE a.attrelid IN ('heartbeat_dead_letters'::regclass, 'heartbeat_arrivals'::regclass) AND x::text NOT LIKE 'postgres=%'";
	is($node->query($rights), 'heartbeat_arrivals: storer=a/postgres, heartbeat_dead_letters: =r/postgres, heartbeat_dead_letters: storer=a/postgres'
		. ', heartbeat_dead_letters: storer=w/postgres' x 4, 'the update grants rights on new objects to the roles that had such rights') if $old;
	is($node->query("SELECT has_any_column_privilege('storer', 'heartbeat_records', 'UPDATE'), has_any_column_privilege('storer', 'heartbeat_anomalies', 'UPDATE'),
		has_table_privilege('storer', 'heartbeat_records', 'DELETE'), has_table_privilege('storer', 'heartbeat_anomalies', 'DELETE')"),
		'f|f|f|f', 'the update grants no role the right to change a stored reading') if $old;
	like($node->query_error("SELECT * FROM $_"), qr/heartbeat_seek needs ingest to be paused|permission denied for function heartbeat_require/, "$_ calls heartbeat_seek() after the update")
	  for 'heartbeat_seek(kafka_time => now())', 'heartbeat_seek(partition => 0, kafka_time => now())', 'heartbeat_seek(now())';
	like($node->query_error('SELECT heartbeat_seek(event_time => now())'), qr/function heartbeat_seek\(event_time => timestamp with time zone\) does not exist/, 'PostgreSQL refuses the old name of the parameter');
	is($node->query('SELECT count(*) FROM pg_init_privs WHERE cardinality(initprivs) = 0'), 0, 'the update leaves no empty list of rights');
	$node->query($_) for @taken, 'ALTER VIEW vw_recent_anomalies OWNER TO CURRENT_USER';
	is($node->query('SELECT count(*) FROM heartbeat_check_objects()'), 0, "no object of the extension uses an object of another role");

	$node->query('ALTER TABLE heartbeat_records DROP COLUMN ward');
	$node->query('CREATE DATABASE restored');
	command_ok([ $node->installed_command($_->[0]), @$_[ 1 .. $#$_ ] ], "$_->[0] succeeds after the update")
	  for [ 'pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('heartbeat') ], [ 'pg_restore', '--exit-on-error', '-d', $node->connstr('restored'), $dump ];
	is($node->safe_psql('restored', $rights), $node->query($rights), 'a restored database has these rights');
	$node->query('DROP DATABASE restored');
	$node->query($_) for 'DROP OWNED BY viewer, storer, mover', 'REVOKE ALL ON heartbeat_dead_letters FROM PUBLIC';
	# Roles without rights can be dropped. In PostgreSQL 17 and newer this also needs correct rows in pg_shdepend.
	is($node->query_error("DROP ROLE $_"), '', "role $_ can be dropped after the update") for qw(viewer storer mover operator keeper);
	my $updated = definition($node);
	is($updated->{$_}, $expected->{$_}, "$_ are the same as after CREATE EXTENSION") for sort keys %$expected;
	$node->assert_no_crash;
	$node->stop;
}
$fresh->assert_no_crash;

done_testing();
