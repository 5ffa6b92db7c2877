# The extension's owner changes the extension's tables while heartbeat uses them. Columns get other types and names. Tables
# are renamed, moved, removed from the extension or made unlogged, and get row level security and rules. The server never
# crashes, and the status or the called function names the problem. When the owner undoes the change, ingest continues, and
# no reading is missing.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../t/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

my $kafka = Heartbeat::Kafka->new('objects');
$kafka->start;
$kafka->create_topic('heartbeat-events', 1);
my $node = Heartbeat::Cluster->create('objects', kafka => $kafka);
$node->query('CREATE SCHEMA elsewhere');
$node->query('CREATE TABLE steps (step text)');

my @tables    = map { "heartbeat_$_" } qw(control offsets dead_letters records anomalies stale_minutes rollup_pending rollup customers
  customers_total gaps events source_definitions dropped_offsets);
my $start     = int(time) - 3600;
my $published = 0;

# Publishes a reading of each kind, and a bad message.
sub publish
{
	my $time = reading_time($start + $published);
	$kafka->produce('heartbeat-events', map { { value => $_ } } reading("CUST-$published", 70, $time), reading("CUST-$published", 200, $time),
		'no reading');
	$published += 3;
	return;
}

# Runs statements one by one, each in its own transaction, and returns the errors.
sub run
{
	my @statements = @_;
	$node->psql('heartbeat', join(";\n", @statements), stderr => \my $error, on_error_stop => 0);
	return $error // '';
}

# Returns the worker's state and reason if the state is RETRYING or FAILED. If the query of the state fails, returns the error of
# this query. Without a problem, returns ''.
sub trouble
{
	$node->psql('heartbeat', q{SELECT state, reason FROM heartbeat_state() WHERE state IN ('RETRYING', 'FAILED')},
		stdout => \my $state, stderr => \my $error);
	return ($state // '') . ($error // '');
}

sub is_stored
{
	$node->psql('heartbeat', "SELECT next_offset = $published FROM heartbeat_offsets", stdout => \my $stored, stderr => \my $error);
	return ($stored // '') eq 't';
}

my (@silent, %outcomes);

# Makes the change, lets heartbeat work, and undoes the change. Each problem that heartbeat reports must match the pattern
# $name. If $must is true, heartbeat must report the problem before it stores a row. Returns false if PostgreSQL refuses the
# change.
sub attempt
{
	my ($what, $change, $undo, $name, $must) = @_;
	run('SELECT heartbeat_pause()') if $must;
	if (run("BEGIN; $change; COMMIT") ne '')
	{
		$outcomes{refused}++;    # PostgreSQL itself has refused the change
		run('SELECT heartbeat_resume()') if $must;
		return 0;
	}
	publish();
	# after the reload the worker reads the stored offsets
	my $called = run('SELECT pg_reload_conf()', 'SELECT * FROM heartbeat_retry_dead_letters()', 'SELECT * FROM heartbeat_status', 'SELECT heartbeat_resume()');
	my $deadline = time + 30;
	my $told     = '';
	usleep(20_000) until is_stored() || ($told = trouble()) ne '' || time > $deadline;
	my $stored  = $told eq '';
	push @silent, "$what: nothing happens" if time > $deadline;
	push @silent, "$what: $told$called" if ($must || $told . $called =~ /\S/) && "$told$called" !~ $name;
	$outcomes{ $stored ? 'stored' : 'told' }++;
	my $left = run("BEGIN; $undo; COMMIT");
	push @silent, "$what: not undone: $left" if $left ne '';
	$deadline = time + 30;
	usleep(20_000) until is_stored() || time > $deadline;
	push @silent, "$what: not stored afterwards: " . trouble() if time > $deadline;
	$node->crash_lines == 0 or BAIL_OUT("$what: the server crashed");
	return 1;
}

sub finish
{
	my ($what) = @_;
	is(join("\n", @silent), '', "$what: " . join ', ', map { "$outcomes{$_} $_" } sort keys %outcomes);
	@silent = %outcomes = ();
	$node->wait_for_offsets('heartbeat-events', $published);
	$node->wait_for_state('RUNNING');
	return;
}

publish();
$node->wait_for_offsets('heartbeat-events', $published);

my @columns = map { [ split /\|/ ] } split /\n/, $node->query(
	"SELECT attrelid::regclass, attname, format_type(atttypid, atttypmod), attgenerated FROM pg_attribute WHERE attnum > 0 AND NOT attisdropped
	 AND attrelid IN (" . join(', ', map { "'$_'::regclass" } @tables) . ') ORDER BY attrelid, attnum');
my %other = (
	'text'                     => [ 'bytea',   'convert_to(%s, \'UTF8\')', 'convert_from(%s, \'UTF8\')' ],
	'text[]'                   => [ 'text',    '%s::text',                 '%s::text[]' ],
	'bytea'                    => [ 'text',    'encode(%s, \'hex\')',      'decode(%s, \'hex\')' ],
	'bytea[]'                  => [ 'text',    '%s::text',                 '%s::bytea[]' ],
	'bigint'                   => [ 'numeric', '%s',                       '%s' ],
	'integer'                  => [ 'bigint',  '%s',                       '%s' ],
	'double precision'         => [ 'numeric', '%s',                       '%s' ],
	'boolean'                  => [ 'text',    '%s::text',                 '%s::boolean' ],
	'jsonb'                    => [ 'text',    '%s::text',                 '%s::jsonb' ],
	'timestamp with time zone' => [ 'text',    '%s::text',                 '%s::timestamptz' ]);

# heartbeat's C++ code reads the values of these columns directly. No operator of PostgreSQL checks the type of these values, so
# the C++ code itself must refuse a wrong type.
my %read = map { $_ => 1 } map { "heartbeat_$_" } qw(offsets.next_offset offsets.first_offset offsets.last_message_offset
  offsets.topic_id offsets.lost_reason dead_letters.key dead_letters.payload);
for my $column (@columns)
{
	my ($table, $name, $type, $generated) = @$column;
	my ($other, $there, $back) = @{ $other{$type} // die "type $type" };
	my $alter = sub { sprintf 'ALTER TABLE %s ALTER "%s" TYPE %s USING ' . $_[1], $table, $name, $_[0], qq("$name") };
	my $must = $read{"$table.$name"};
	my $told = $must ? qr/column "$name" of extension "heartbeat" is of type $other/ : qr/\Q$name\E|\Q$table\E|operator|function|types/;
	next if attempt("$table.$name of type $other", $alter->($other, $there), $alter->($type, $back), $told, $must);

	# PostgreSQL does not change the type of a column that a view uses. So the test renames this column, and adds a column that
	# has the old name and another type.
	next if $table =~ /records|anomalies/ || $generated;
	attempt("another $table.$name of type $other",
		qq(ALTER TABLE $table RENAME "$name" TO former; ALTER TABLE $table ADD "$name" $other; )
		  . sprintf(qq(UPDATE $table SET "$name" = $there), 'former'),
		sprintf(qq(UPDATE $table SET former = coalesce($back, former)), qq("$name"))
		  . qq(; ALTER TABLE $table DROP "$name"; ALTER TABLE $table RENAME former TO "$name"), $told, $must);
}
finish('columns of another type');

for my $column (@columns)
{
	my ($table, $name) = @$column;
	attempt("$table.$name renamed", qq(ALTER TABLE $table RENAME "$name" TO renamed), qq(ALTER TABLE $table RENAME renamed TO "$name"),
		qr/\Q$name\E|\Q$table\E/);
}
finish('columns of another name');

for my $table (@tables)
{
	my $name = qr/\Q$table\E/;
	attempt("$table renamed", "ALTER TABLE $table RENAME TO renamed", "ALTER TABLE renamed RENAME TO $table", $name);
	attempt("$table moved", "ALTER TABLE $table SET SCHEMA elsewhere", "ALTER TABLE elsewhere.$table SET SCHEMA public", $name);
	attempt("$table taken out of the extension",
		"ALTER EXTENSION heartbeat DROP TABLE $table; ALTER TABLE $table RENAME TO renamed",
		"ALTER TABLE renamed RENAME TO $table; ALTER EXTENSION heartbeat ADD TABLE $table", $name);
	attempt("$table another kind of object",
		"ALTER TABLE $table RENAME TO renamed; CREATE VIEW $table AS SELECT * FROM renamed LIMIT 10",
		"DROP VIEW IF EXISTS $table; ALTER TABLE renamed RENAME TO $table", $name);
	attempt("$table with row level security",
		"ALTER TABLE $table ENABLE ROW LEVEL SECURITY, FORCE ROW LEVEL SECURITY",
		"ALTER TABLE $table DISABLE ROW LEVEL SECURITY, NO FORCE ROW LEVEL SECURITY", $name);
	attempt("$table with a rule for $_", "CREATE RULE obstacle AS ON $_ TO $table DO INSTEAD SELECT 1", "DROP RULE obstacle ON $table",
		qr/\Q$table\E|rules?\b/)
	  for $table =~ /offsets|control/ ? ('UPDATE') : ('INSERT', 'UPDATE', 'DELETE');
}
finish('changed tables');

# A crash would empty an unlogged table and keep the other tables. So heartbeat must store nothing while a table is unlogged.
for my $table (@tables)
{
	my $partition = $node->query("SELECT coalesce(min(inhrelid::regclass::text), '') FROM pg_inherits WHERE inhparent = '$table'::regclass");
	for my $unlogged ($partition eq '' ? $table : $partition)
	{
		$node->query("ALTER TABLE $unlogged SET UNLOGGED");
		publish();
		$node->wait_for_query('SELECT state, reason FROM heartbeat_state()', qr/^RETRYING\|table "$unlogged" of extension "heartbeat" is unlogged/,
			"the worker is RETRYING when $unlogged is unlogged, and the reason names it");
		like($node->query_error('SELECT heartbeat_pause()'), qr/"$unlogged" .* is unlogged/, "heartbeat_pause() fails when $unlogged is unlogged");
		is(is_stored(), '', "nothing is stored while $unlogged is unlogged");
		$node->query("ALTER TABLE $unlogged SET LOGGED");
		$node->wait_for_offsets('heartbeat-events', $published);
	}
}

# The maintenance worker vacuums heartbeat_rollup_pending and heartbeat_stale_minutes when it has removed more than 8192 rows
# from these tables. If one of these tables is missing, the worker still removes the rows of the other table.
$node->query('ALTER TABLE heartbeat_stale_minutes RENAME TO renamed');
$node->query(q{INSERT INTO heartbeat_rollup_pending SELECT date_trunc('minute', now()), 'CUST-0', 0, 0 FROM generate_series(1, 9000)});
$node->query('SELECT heartbeat_resume()');
$node->wait_for_query('SELECT count(*) FROM heartbeat_rollup_pending', qr/^\d{1,3}$/, 'the maintenance worker removes the rows that it has rolled up');
$node->wait_for_query('SELECT last_error FROM heartbeat_status', qr/heartbeat_stale_minutes/, 'the last error names the missing table');
$node->query('ALTER TABLE renamed RENAME TO heartbeat_stale_minutes');
$node->query(q{INSERT INTO heartbeat_rollup_pending SELECT date_trunc('minute', now()), 'CUST-0', 0, 0 FROM generate_series(1, 9000)});
$node->query('SELECT heartbeat_resume()');
$node->wait_for_query("SELECT count(*) FROM pg_stat_user_tables WHERE relname IN ('heartbeat_rollup_pending', 'heartbeat_stale_minutes') AND vacuum_count > 0",
	2, 'the maintenance worker vacuums both tables when both exist');

publish();
$node->wait_for_offsets('heartbeat-events', $published);
$node->wait_for_state('RUNNING');
$node->assert_audit;
is($node->count('heartbeat_records') . ' ' . $node->count('heartbeat_anomalies') . ' ' . $node->count('heartbeat_dead_letters'),
	join(' ', ($published / 3) x 3), 'every message is stored once after all changes');

# While the readings' table has another name, another role makes a table with the old name. heartbeat stores nothing in this table,
# and runs no function of this role. A batch of 300 readings is stored by a bulk insert, and a smaller batch by a statement.
$node->query('CREATE ROLE stranger; GRANT CREATE ON SCHEMA public TO stranger');
for my $readings (3, 300)
{
	$node->query('SELECT heartbeat_pause(); ALTER TABLE heartbeat_records RENAME TO renamed');
	$node->query("SET ROLE stranger; CREATE TABLE calls (n int); GRANT INSERT ON calls TO PUBLIC;
		CREATE FUNCTION counted() RETURNS int LANGUAGE sql AS 'INSERT INTO public.calls VALUES (1) RETURNING 1';
		CREATE TABLE heartbeat_records (customer_id text COLLATE \"C\", heart_rate float8, event_timestamp timestamptz, device_id text COLLATE \"C\",
			counted int DEFAULT counted()) PARTITION BY RANGE (event_timestamp);
		CREATE TABLE theirs PARTITION OF heartbeat_records FOR VALUES FROM (MINVALUE) TO (MAXVALUE); GRANT ALL ON heartbeat_records TO PUBLIC");
	my $before = $node->query('SELECT count(*) FROM renamed');
	$kafka->produce('heartbeat-events', map { { value => reading("CUST-$_", 70, reading_time($start - 1000 * $readings + $_)) } } 1 .. $readings);
	$published += $readings;
	$node->query('SELECT heartbeat_resume()');
	$node->wait_for_query('SELECT state, reason FROM heartbeat_state()', qr/^RETRYING\|relation "heartbeat_records" does not belong to extension "heartbeat"/,
		"a batch of $readings readings is not stored in another role's table");
	is($node->query('SELECT (SELECT count(*) FROM calls), (SELECT count(*) FROM theirs)'), '0|0', 'the function of the other role does not run');
	$node->query('DROP TABLE heartbeat_records, calls; DROP FUNCTION counted(); ALTER TABLE renamed RENAME TO heartbeat_records');
	$node->wait_for_offsets('heartbeat-events', $published);
	is($node->count('heartbeat_records'), $before + $readings, 'the readings are stored when the table has its name again');
}
$node->assert_no_crash;

done_testing();
