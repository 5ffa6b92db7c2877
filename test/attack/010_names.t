# The stranger is a role that may create objects in the extension's schema. The stranger creates objects that a session could use
# by mistake, instead of objects of the extension or the server. The stranger creates these objects before CREATE EXTENSION, before
# an update, and while heartbeat works. No function of the stranger runs with the rights of another role, and heartbeat continues.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../t/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;
use Heartbeat::Runbook;
use Heartbeat::Stranger;

my $topic = 'heartbeat-events';
my $kafka = Heartbeat::Kafka->new('names');
$kafka->start;
$kafka->create_topic($topic, 1);
# The extension has its own schema, in which the stranger may create objects.
my $node = Heartbeat::Cluster->create('names', kafka => $kafka, extension => 0);
$node->query("CREATE SCHEMA hb; ALTER DATABASE heartbeat SET search_path = hb, public");
$node->query('CREATE EXTENSION heartbeat SCHEMA hb');
my $names = Heartbeat::Stranger->names($node);
cmp_ok(scalar @{ $names->{functions} }, '>=', 30, 'the test knows at least 30 functions of the extension');

# After in_database(NAME) the test sends its queries to the database NAME. If a query begins with $catalog, PostgreSQL looks up
# an unqualified name only in its own catalog.
my $catalog = 'SET search_path = pg_catalog;';
sub in_database
{
	my ($database) = @_;
	$node->{heartbeat_database} = $database;
	return;
}
sub make_database
{
	my ($database) = @_;
	$node->safe_psql('postgres', "CREATE DATABASE $database");
	in_database($database);
	$node->query('DROP SCHEMA IF EXISTS stranger CASCADE');
	$node->safe_psql('postgres', 'DROP ROLE IF EXISTS stranger');
	return;
}

# Drops the database, and also the role stranger, because a role exists in all databases.
sub drop_database
{
	my ($database) = @_;
	in_database('heartbeat');
	$node->safe_psql('postgres', "DROP DATABASE $database");
	$node->safe_psql('postgres', 'DROP ROLE stranger');
	return;
}

# Returns the error of a statement, or '' if the statement succeeds. The error begins with the SQLSTATE. The statement runs in
# a user's session.
sub error_of
{
	my ($sql) = @_;
	my ($status, undef, $error) = $node->psql($node->{heartbeat_database}, $sql, extra_params => [ '-v', 'VERBOSITY=verbose' ]);
	return $status == 0 ? '' : $error =~ s/.*?ERROR:\s+//sr;
}

# Drops the objects that an error names, if the stranger owns these objects.
sub drop_named
{
	my ($error) = @_;
	if ($error =~ /would use ((?:function|operator|type|aggregate|procedure|cast) .+?), which/) { return error_of("DROP $1 CASCADE") eq ''; }
	if ($error =~ /has objects of other roles.*?DETAIL:\s+(.*?)\n/s)
	{
		my @named = split /, (?=(?:function|table|view|type|index) )/, $1;
		return !grep { error_of("SET ROLE stranger; $catalog DROP $_ CASCADE") ne '' } @named;
	}
	my ($name) = $error =~ /(?:relation|type|function) "([^"]+)" already exists/ or return 0;
	my $kinds = $node->query("$catalog SELECT string_agg(format('DROP %s %s CASCADE', kind, name), '; ') FROM (
		SELECT CASE relkind WHEN 'v' THEN 'VIEW' WHEN 'r' THEN 'TABLE' END, oid::regclass::text FROM pg_class WHERE relname = '$name' AND relowner = 'stranger'::regrole AND relkind IN ('r', 'v')
		UNION ALL SELECT CASE typtype WHEN 'd' THEN 'DOMAIN' ELSE 'TYPE' END, oid::regtype::text FROM pg_type WHERE typname = '$name' AND typowner = 'stranger'::regrole AND typtype IN ('e', 'd')
		UNION ALL SELECT 'FUNCTION', oid::regprocedure::text FROM pg_proc WHERE proname = '$name' AND proowner = 'stranger'::regrole AND prokind = 'f') o (kind, name)");
	return $kinds ne '' && error_of($kinds) eq '';
}

# Runs the statement. If an error names objects of the stranger, drops these objects and runs the statement again. Passes
# when the statement succeeds.
sub assert_works_in_the_end
{
	my ($what, $sql) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($error, $tries) = ('', 0);
	do
	{
		$error = error_of($sql);
	} while ($error ne '' && $error =~ /^(55000|42P07|42710|42723): / && drop_named($error) && ++$tries < 80);
	return is($error, '', "$what succeeds after the $tries objects that its errors name are dropped");
}
sub assert_nothing_used
{
	my ($what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $schema = $node->query("$catalog SELECT extnamespace::regnamespace FROM pg_extension WHERE extname = 'heartbeat'");
	return is(error_of("$catalog DO \$\$ BEGIN IF EXISTS (SELECT FROM $schema.heartbeat_check_objects()) THEN RAISE 'it uses something'; END IF; END \$\$"),
		'', "$what: heartbeat_check_objects() finds nothing");
}

# The stranger creates the objects before CREATE EXTENSION.
for my $case ([ 'overloads', 'public' ], [ 'ambiguous', 'public' ], [ 'names', 'public' ], [ 'everything', 'elsewhere' ])
{
	my ($kind, $schema) = @$case;
	make_database($kind);
	$node->query("CREATE SCHEMA $schema") if $schema ne 'public';
	my $stranger = Heartbeat::Stranger->new($node, $schema, $names);
	$stranger->overload->make_operators->make_casts if $kind =~ /overloads|everything/;
	$stranger->make_ambiguous if $kind =~ /ambiguous|everything/;
	$stranger->take_names if $kind =~ /names|everything/;
	$stranger->take_weeks(-3 .. 5);
	cmp_ok($stranger->count, '>', $kind =~ /overloads|everything/ ? 1500 : 60, "the stranger has created objects: $kind");
	assert_works_in_the_end("CREATE EXTENSION ($kind)", "CREATE EXTENSION heartbeat SCHEMA $schema");
	assert_nothing_used($kind);
	$stranger->spy->assert_only("CREATE EXTENSION ($kind)");
	drop_database($kind);
}

# The stranger creates the objects before an update.
for my $version ('1.0', '1.1')
{
	my $database = 'from_' . $version =~ s/\.//r;
	make_database($database);
	$node->query("CREATE EXTENSION heartbeat VERSION '$version'");
	my $stranger = Heartbeat::Stranger->new($node, 'public', $names);
	$stranger->overload->make_ambiguous->make_operators->make_casts->take_weeks(-3 .. 5);
	my $found = $node->query(document_block('docs/administration.md', 'SET search_path = pg_catalog'));
	like($found, qr/^$_ .*\|stranger$/m, "the query of docs/administration.md names a $_ of the stranger in $version") for qw(function operator type table right);
	$stranger->spy->forget;
	assert_works_in_the_end("ALTER EXTENSION UPDATE from $version", 'ALTER EXTENSION heartbeat UPDATE');
	assert_nothing_used("updated from $version");
	$stranger->spy->assert_only("an update from $version");
	drop_database($database);
}

# CREATE EXTENSION has succeeded. From here on the test uses everything that the extension offers.
sub ask { my ($sql) = @_; return "$catalog $sql"; }
for my $role (qw(heartbeat_reader heartbeat_operator heartbeat_worker))
{
	$node->query("SET search_path = hb, pg_catalog; $_") for grep { /\S/ } split /;\n/, grants_of($role);
}
$node->query('GRANT USAGE ON SCHEMA hb TO heartbeat_reader, heartbeat_operator, heartbeat_worker');
$node->query("INSERT INTO hb.heartbeat_alert_rules (name, kind, threshold, period) VALUES ('anomalous', 'anomalies', 1, '1 hour'), ('silent', 'silence', NULL, '10 seconds'),
	('behind', 'lag', 0, NULL), ('garbage', 'dead_letters', 0, NULL), ('wrong', 'state', NULL, '0')");
my $published = 0;
my $now       = int(time);
my $week      = 7 * 86400;

# Publishes one bad message, and then a normal reading and an anomaly for each given week: 0 is this week, and -1 is last week.
# Some of these weeks have no table partition. For some of these weeks, the stranger has created objects with the names that the
# table partitions would get.
sub publish
{
	my (@weeks) = @_;
	my @messages = ('garbage', map { my $t = $now + $_ * $week + $published; (reading("N$published", 70, reading_time($t)), reading("A$published", 200, reading_time($t))) } @weeks);
	$kafka->produce($topic, map { { value => $_ } } @messages);
	$published += @messages;
	return;
}
sub assert_all_stored
{
	my ($what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$node->wait_for_query(ask("SELECT next_offset, records + anomalies + dead_letters FROM hb.heartbeat_offsets"), "$published|$published", "$what: every message is stored");
	$node->wait_for_query(ask('SELECT state FROM hb.heartbeat_status'), 'RUNNING', "$what: the state is RUNNING");
	is($node->query(ask('SELECT count(*) FROM hb.heartbeat_audit() WHERE difference <> 0')), 0, "$what: the audit shows no difference");
	is($node->query(ask('SELECT sum(abs(difference)) FROM hb.heartbeat_audit_tables()')), 0, "$what: the audit of the tables shows no difference");
	return;
}

# Passes when the worker has read every message. The test calls this function if replays have changed the counters, or if the
# test cannot call heartbeat_audit(). In both cases assert_all_stored() would fail.
sub assert_all_read
{
	my ($what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$node->wait_for_query(ask('SELECT next_offset FROM hb.heartbeat_offsets'), $published, "$what: the topic is read to its end");
	$node->wait_for_query(ask('SELECT state FROM hb.heartbeat_status'), 'RUNNING', "$what: the state is RUNNING");
	is($node->query(ask('SELECT next_offset - first_offset + rewound - messages - ignored - dead_letters - empty_offsets,
		readings - records - anomalies - duplicates - conflicts FROM hb.heartbeat_offsets')), '0|0', "$what: the counters add up to all messages and readings");
	return;
}
publish(0);
assert_all_stored('before');
$node->safe_psql('postgres', 'DROP ROLE IF EXISTS stranger');
my $stranger = Heartbeat::Stranger->new($node, 'hb', $names, roles => [qw(heartbeat_worker heartbeat_operator)]);
$stranger->overload->make_operators->make_casts;
cmp_ok($stranger->count, '>', 1500, 'the stranger has created objects');

# Ends heartbeat's processes, and waits for new processes. The new processes have no cached plans, so they plan each statement
# again.
sub restart_processes
{
	my ($what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my @pids = $node->worker_pids;
	$node->safe_psql('postgres', "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type LIKE 'heartbeat%'");
	ok($node->processes_end(20, @pids), "$what: the processes have ended");
	$node->worker_pid('heartbeat maintenance');
	$node->worker_pid('heartbeat worker%');
	return $node->log_position;
}
sub assert_quiet
{
	my ($what, $from) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my @said = grep { /UTC \[\d+\] (ERROR|WARNING|FATAL)/ } split /^/, slurp_file($node->logfile, $from);
	return is(join('', @said), '', "$what: the processes log no error");
}
my $position = restart_processes('overloads');
publish(0, -4, -5, -6, -15, 9);
assert_all_stored('overloads');

# The calls in this list come from a person. Each argument has the type of the function's parameter. With an argument of another
# type, the person would call a function of the stranger.
my @calls = (
	'heartbeat_classify(70::float8)', "heartbeat_pause('names'::text)", 'heartbeat_require_pause(NULL::text)', 'heartbeat_seek(0, 0::bigint)', "heartbeat_seek(0, $published\::bigint)",
	'heartbeat_seek(to_timestamp(0), NULL::integer)', 'heartbeat_resume()', 'heartbeat_retry_dead_letters(NULL::text, NULL::text, NULL::integer, NULL::timestamptz, NULL::timestamptz, NULL::bigint[])',
	"heartbeat_replay(now() - interval '1 day', now() + interval '1 day', NULL::integer)", 'heartbeat_make_partitions(to_timestamp(0), to_timestamp(0))',
	"heartbeat_make_partitions(now() - interval '5 weeks', now() - interval '4 weeks')", 'heartbeat_summarize_partitions()', 'heartbeat_summarize_minute(now())', 'heartbeat_evaluate_alerts(NULL::text, true)', 'heartbeat_take_arrivals()',
	'heartbeat_alerts_of_anomalies()', 'heartbeat_conditions_of_silence(NULL::text)', 'heartbeat_conditions_of_lag()', 'heartbeat_conditions_of_dead_letters()', 'heartbeat_conditions_of_state()',
	"heartbeat_is_recent(now(), '1 minute'::interval)", 'heartbeat_common_trouble()', "heartbeat_pause_of('default'::text)", 'heartbeat_maintenance_started()',
	'heartbeat_silences_ended(NULL::text, NULL::text)', 'heartbeat_customers_after(NULL::text)',
	'heartbeat_audit()', 'heartbeat_audit_tables()', 'heartbeat_state()', 'heartbeat_partition_states()', 'heartbeat_batch_times()', 'heartbeat_is_distributed()', 'heartbeat_actor()',
	"heartbeat_newest_anomalies('hb.heartbeat_anomalies'::regclass, now() - interval '1 day', now(), '1 minute'::interval, NULL::text, NULL::text)", "heartbeat_heard('hb.heartbeat_records'::regclass, 'hb.heartbeat_anomalies'::regclass, false, '{N0}'::text[], now() - interval '1 day', now())",
	'heartbeat_kafka_offsets(now(), NULL::integer, NULL::text)', "heartbeat_check_offset('default'::text, 0, 0::bigint)", "heartbeat_require(true, ''::text, ''::text, ''::text)",
	"heartbeat_record_event('names'::text, 'why'::text, '{}'::jsonb, now())", 'heartbeat_apply_retention()');
sub assert_calls
{
	my ($what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	for my $role ('', 'heartbeat_operator')
	{
		my @may = split /\n/, $node->query(ask("SELECT proname FROM pg_proc WHERE pronamespace = 'hb'::regnamespace AND has_function_privilege('" . ($role || 'postgres') . "', oid, 'EXECUTE')
			AND proowner <> 'stranger'::regrole"));
		my %may = map { $_ => 1 } @may;
		my @wrong;
		for my $call (grep { /^(\w+)/ && $may{$1} } @calls)
		{
			my $error = error_of("$catalog " . ($role ? "SET ROLE $role;" : '') . " SELECT * FROM hb.$call");
			push @wrong, "$call: $error" unless $error eq '';
		}
		is(join('', @wrong), '', "$what: each function works for " . ($role || 'a superuser'));
		my @views = split /\n/, $node->query(ask("SELECT relname FROM pg_class WHERE relnamespace = 'hb'::regnamespace AND relkind = 'v' AND relowner <> 'stranger'::regrole
			AND has_table_privilege('" . ($role || 'postgres') . "', oid, 'SELECT')"));
		my @errors = map { my $e = error_of("$catalog " . ($role ? "SET ROLE $role;" : '') . " SELECT * FROM hb.$_"); $e eq '' ? () : "$_: $e" } @views;
		is(join('', @errors), '', "$what: each view works for " . ($role || 'a superuser'));
		like(error_of("$catalog SELECT hb.heartbeat_distribute(32)"), qr/Citus/i, "$what: heartbeat_distribute() says that Citus is missing") if !$role;
	}
	return;
}
assert_calls('overloads');
assert_all_read('overloads called');

assert_nothing_used('overloads');
$stranger->spy->assert_only('everything that the extension does');
assert_quiet('overloads', $position);

# The stranger creates objects with the names that table partitions of future and past weeks would get.
$stranger->take_weeks(-20 .. -7, 10 .. 12);
$position = $node->log_position;
publish(0, -7, -8, -9, 10, 11);
assert_all_read('names of weeks');
assert_calls('names of weeks');
assert_all_read('names of weeks');
assert_quiet('names of weeks', $position);

# The stranger creates functions that make a person's call ambiguous if the call does not give all arguments. Calls inside
# the extension stay unambiguous.
$stranger->make_ambiguous;
$position = restart_processes('ambiguous calls');
$node->query("$catalog INSERT INTO hb.heartbeat_records_default (id, customer_id, heart_rate, event_timestamp, ingested_at)
	VALUES (0, 'moved', 70, to_timestamp(" . ($now - 11 * $week) . '), now())');
publish(0, -10, -11, -16, 12);
assert_all_read('ambiguous calls');
is($node->query(ask("SELECT tableoid::regclass <> 'hb.heartbeat_records_default'::regclass FROM hb.heartbeat_records WHERE customer_id = 'moved'")), 't',
	'ambiguous calls: a reading of the default partition has moved to its table partition');
$node->set('heartbeat.retention' => '70d');
$node->wait_for_query(ask("SELECT count(*) FROM hb.heartbeat_records WHERE event_timestamp < now() - interval '84 days'"), 0, 'ambiguous calls: the maintenance worker applies retention');
$node->wait_for_query(ask("SELECT count(*) > 0 FROM hb.heartbeat_events WHERE kind = 'retention'"), 't', 'ambiguous calls: heartbeat_events records retention');
$node->wait_for_query(ask('SELECT count(*) FROM hb.heartbeat_rollup_pending'), 0, 'ambiguous calls: all pending sums are rolled up');
$node->wait_for_query(ask("SELECT count(*) > 0 FROM hb.heartbeat_alerts WHERE rule = 'anomalous'"), 't', 'ambiguous calls: alerts are raised');
assert_all_read('ambiguous calls');
assert_nothing_used('ambiguous calls');
$stranger->spy->assert_only('the work of the workers');
assert_quiet('ambiguous calls', $position);

# A superuser adds a default or a constraint that calls a function of the stranger. heartbeat_check_objects() finds the table.
$node->query("$catalog CREATE FUNCTION stranger.kind() RETURNS text LANGUAGE sql RETURN 'strange'");
for my $use ([ 'ALTER TABLE hb.heartbeat_events ALTER kind SET DEFAULT stranger.kind()', 'ALTER TABLE hb.heartbeat_events ALTER kind DROP DEFAULT', 'heartbeat_events' ],
	[ "ALTER TABLE hb.heartbeat_gaps ADD CONSTRAINT strange CHECK (stranger.kind() <> '')", 'ALTER TABLE hb.heartbeat_gaps DROP CONSTRAINT strange', 'heartbeat_gaps' ])
{
	my ($make, $undo, $named) = @$use;
	$node->query("$catalog $make");
	my (undef, $found, $error) = $node->psql('heartbeat', "$catalog SELECT * FROM hb.heartbeat_check_objects()");
	like("$found$error", qr/^(?!.*ERROR).*$named/s, "heartbeat_check_objects() names $named, which uses an object of the stranger");
	$node->query("$catalog $undo");
}
assert_nothing_used('at the end');

$node->assert_no_crash;
$kafka->stop;
done_testing();
