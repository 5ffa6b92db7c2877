# A role can create triggers on heartbeat's tables, or owns one of these tables. The role gains no other rights. If the role adds
# a trigger or rule to a bookkeeping table (such as heartbeat_offsets), heartbeat refuses to write to it, and the error names the
# object. A trigger or a table can still have expressions of the role when the role has lost its rights. heartbeat refuses these
# expressions in the same way. On the tables of readings the role's triggers never run with more rights than the workers' role
# has, even if an operator or a superuser calls a function of heartbeat. When the triggers and rules are dropped, ingest
# continues, and no reading is lost.

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
use Heartbeat::Runbook;
use Heartbeat::Spy;

my $topic = 'heartbeat-events';
my $kafka = Heartbeat::Kafka->new('triggers');
$kafka->start;
$kafka->create_topic($topic, 1);
my $node = Heartbeat::Cluster->create('triggers', kafka => $kafka, extension => 0,
	settings => { 'heartbeat.batch_wait' => 0, 'log_min_messages' => 'warning' });

# Creates the extension as README.md describes, with an owner who is not a superuser. Also creates the roles of docs/security.md.
$node->query('CREATE ROLE heartbeat_owner SUPERUSER');
$node->query('SET ROLE heartbeat_owner; CREATE EXTENSION heartbeat');
$node->query($_) for 'ALTER ROLE heartbeat_owner NOSUPERUSER NOLOGIN', 'GRANT CREATE, USAGE ON SCHEMA public TO heartbeat_owner';
for my $role (qw(heartbeat_reader heartbeat_operator heartbeat_worker))
{
	$node->query($_) for grep { /\S/ } split /;\n/, grants_of($role);
}
$node->query('ALTER ROLE heartbeat_operator LOGIN');
my $spy = Heartbeat::Spy->new($node, 'mallory', qw(heartbeat_owner heartbeat_worker heartbeat_operator));
$node->query("INSERT INTO heartbeat_alert_rules (name, kind, threshold, period) VALUES ('anomalous', 'anomalies', 1, '1 hour')");
$node->query("INSERT INTO heartbeat_alert_rules (name, kind, threshold) VALUES ('garbage', 'dead_letters', 0)");

my $published = 0;
sub publish
{
	my (@messages) = @_;
	$kafka->produce($topic, map { { value => $_ } } @messages);
	$published += @messages;
	return;
}

# Publishes a normal reading, an anomaly and a bad message with the present time, and two readings whose week has no table
# partition.
my $now = int(time);
my $old = $now - 3 * 365 * 86400;
sub publish_some
{
	my $time = sub { reading_time($_[0] + $published, 0) };
	publish(reading("N$published", 70, $time->($now - 1800)), reading("A$published", 200, $time->($now - 1800)), 'garbage',
		reading("O$published", 70, $time->($old)), reading("O$published", 20, $time->($old)));
	return;
}

# Waits until a query returns true, or until the status or the log names an object that heartbeat refuses. The names of the role's
# objects begin with spy_. The result tells which event came first.
my $log_position = 0;
sub done_or_refused
{
	my ($query) = @_;
	my $deadline = time + 30;
	while (time < $deadline)
	{
		return 'done' if $node->query($query) eq 't';
		my $said = $node->query("SELECT concat_ws(' ', state, reason, hint, last_error) FROM heartbeat_status");
		return 'refused' if $said =~ /spy_/ || $node->log_matches(qr/(ERROR|WARNING|LOG): .*spy_/, $log_position);
		usleep(50_000);
	}
	return 'neither: ' . $node->query("SELECT concat_ws(' ', state, reason, hint, last_error) FROM heartbeat_status");
}

# Returns the error of a role's call, or '' if the call succeeds. The role logs in, so that deferred triggers would run as
# this role at the commit.
sub call
{
	my ($role, $sql) = @_;
	my ($status, undef, $error) = $node->psql('heartbeat', $sql, extra_params => defined $role ? [ '-U', $role ] : []);
	return $status == 0 ? '' : $error;
}

# Causes each part of heartbeat to write to tables: ingest, the maintenance worker, the functions of the operator and of the owner.
# The test fails if a call has an error that does not name the refused object.
sub assert_work
{
	my ($what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my @wrong;
	# one minute has readings of so many customers that the batch inserts this minute into heartbeat_stale_minutes
	publish(map { reading("S$_", 70, reading_time($now - 3600, $published)) } 1 .. 300) if $what =~ /stale|all/;
	publish_some();
	my $stored = done_or_refused("SELECT coalesce(max(next_offset), 0) = $published FROM heartbeat_offsets");
	push @wrong, "ingest: $stored" if $stored =~ /^neither/;
	my @calls = (
		(map { [ 'heartbeat_operator', "SELECT $_" ] } "heartbeat_pause('work')", 'heartbeat_seek(0, 0)', 'heartbeat_seek(0, 1)',
			"heartbeat_seek(to_timestamp(0))", 'heartbeat_resume()', 'heartbeat_retry_dead_letters()',
			"heartbeat_replay(now() - interval '1 hour', now() + interval '1 hour')"),
		(map { [ undef, "SELECT $_" ] } "heartbeat_retry_dead_letters()", "heartbeat_replay(now() - interval '1 day', now() + interval '1 day')",
			"heartbeat_make_partitions(to_timestamp($old + 86400 * 30), to_timestamp($old + 86400 * 30))", 'heartbeat_summarize_partitions()'));
	for my $call (@calls)
	{
		my $error = call(@$call);
		push @wrong, "$call->[1]: $error" unless $error eq '' || $error =~ /spy_/ || $error =~ /needs ingest to be paused/ && $call->[1] =~ /seek/;
	}
	# a call above has woken the maintenance worker, so the worker moves the rows of heartbeat_rollup_pending at once
	my $rolled = $stored eq 'done' ? done_or_refused('SELECT count(*) = 0 FROM heartbeat_rollup_pending') : '';
	push @wrong, "rollup: $rolled" if $rolled =~ /^neither/;
	return is("@wrong", '', "$what: each call succeeds, or its error names the refused object");
}

# Passes when ingest continues, and the audit shows no difference.
sub assert_goes_on
{
	my ($what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$node->query('SELECT heartbeat_resume()');
	publish_some();
	$node->wait_for_offsets($topic, $published);
	$node->wait_for_state('RUNNING', undef, "$what: the worker is RUNNING when the objects are dropped");
	$node->assert_audit;
	$log_position = $node->log_position;
	$spy->forget;
	return;
}

# Runs statements as the role mallory, who has all rights on all tables. Each error must name the trigger and the table, or say that
# tables cannot have this kind of trigger. Returns whether at least one statement succeeded.
sub assert_made
{
	my ($what, @statements) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$node->query('GRANT ALL ON ALL TABLES IN SCHEMA public TO mallory');    # also on new table partitions
	my @errors = grep { $_ ne '' } map { $spy->act($_) } @statements;
	my @unnamed = grep { !/spy_\w+.*heartbeat_|heartbeat_\w+.*spy_/s && !/tables cannot have|transition table/ } @errors;
	is("@unnamed", '', "$what: mallory creates triggers, or the error names a refused trigger");
	return @errors < @statements;
}
sub remove_triggers
{
	$node->query(q{DO $$ DECLARE t record; BEGIN
		FOR t IN SELECT tgname, tgrelid::regclass AS rel FROM pg_trigger WHERE tgname LIKE 'spy\_%' AND tgparentid = 0
		LOOP EXECUTE format('DROP TRIGGER %I ON %s', t.tgname, t.rel); END LOOP; END $$});
	return;
}

assert_goes_on('before any trigger');

# Each round creates triggers on one bookkeeping table. The last round creates triggers on all bookkeeping tables.
my @bookkeeping = map { "heartbeat_$_" } qw(events control offsets gaps alerts alert_rules customers customers_total rollup rollup_pending stale_minutes);
for my $tables (map({ [$_] } @bookkeeping), \@bookkeeping)
{
	my $what = @$tables > 1 ? 'all bookkeeping tables' : $tables->[0];
	assert_made($what, map { $spy->triggers_on($_) } @$tables);
	assert_work($what);
	$spy->assert_only($what);
	remove_triggers();
	assert_goes_on($what);
}

# Triggers on the tables of readings and dead letters run, but only as the workers' role. If heartbeat refused a trigger on
# one of these tables, this test would fail.
for my $tables (map { [$_] } qw(heartbeat_records heartbeat_anomalies heartbeat_dead_letters))
{
	my ($table) = @$tables;
	my $made = assert_made($table, $spy->triggers_on($table));
	assert_work($table);
	$spy->assert_only($table, 'heartbeat_worker');
	remove_triggers();
	assert_goes_on($table);
}
assert_made('a plain trigger', "CREATE TRIGGER spy_plain AFTER INSERT ON heartbeat_records FOR EACH ROW EXECUTE FUNCTION mallory.run_trigger()");
publish_some();
$node->wait_for_offsets($topic, $published);
is(join(' ', $spy->actors), 'heartbeat_worker', "a trigger on readings runs as the workers' role");
remove_triggers();
assert_goes_on('a plain trigger');

# An operator or a superuser calls functions that insert rows: a retry of corrected dead letters, a replay, and a move of rows
# to a table partition.
for my $role ('heartbeat_operator', undef)
{
	my $who = $role // 'a superuser';
	publish_some();
	$node->wait_for_offsets($topic, $published);
	# the row of N0 stays, because a seek above has skipped the message of N0
	$node->query("DELETE FROM heartbeat_records WHERE customer_id LIKE 'N_%' AND customer_id <> 'N0'");
	$node->query("UPDATE heartbeat_dead_letters SET payload = convert_to('" . reading("M$published", 70, reading_time($now - 600 + $published)) . "', 'UTF8')
		WHERE id = (SELECT max(id) FROM heartbeat_dead_letters WHERE resolved_at IS NULL)");
	assert_made('on readings and dead letters', map { $spy->triggers_on($_) } qw(heartbeat_records heartbeat_anomalies heartbeat_dead_letters));
	for my $sql ('SELECT resolved FROM heartbeat_retry_dead_letters()', "SELECT sum(records) FROM heartbeat_replay(now() - interval '1 hour', now() + interval '1 hour')")
	{
		my $error = call($role, $sql);
		ok($error eq '' || $error =~ /spy_/, "$who calls $sql") || diag $error;
		$spy->assert_only("$who calls $sql", 'heartbeat_worker');
	}
	my $of_week = "event_timestamp - date_trunc('week', to_timestamp($old), 'UTC') BETWEEN interval '0' AND interval '7 days'";
	cmp_ok($node->query("SELECT count(*) FROM heartbeat_records_default WHERE $of_week"), '>', 0, 'the default partition has rows to move');
	my $error = call(undef, "SELECT heartbeat_make_partitions(to_timestamp($old), to_timestamp($old))");
	ok($error eq '' || $error =~ /spy_/ && $error =~ /heartbeat_(records|anomalies)/, 'rows are moved to a table partition, or the error names the trigger') || diag $error;
	$spy->assert_only('rows moved to a table partition', 'heartbeat_worker');
	remove_triggers();
	is(call($role, 'SELECT heartbeat_retry_dead_letters()') . call($role, "SELECT heartbeat_replay(now() - interval '1 hour', now() + interval '1 hour')"), '',
		"$who calls both functions when the triggers are dropped");
	assert_goes_on("$who has retried and replayed");
	$old += 40 * 86400;
}
# Publishes old readings, which go to the default partition. Retention then deletes these readings.
$old = $now - 2 * 365 * 86400;
assert_goes_on('before retention');

# mallory owns a bookkeeping table and adds one object of every kind.
my %additions = (
	trigger    => 'CREATE TRIGGER spy_trigger BEFORE INSERT OR UPDATE ON TABLE FOR EACH ROW EXECUTE FUNCTION mallory.run_trigger()',
	rule       => "CREATE RULE spy_rule AS ON INSERT TO TABLE DO ALSO SELECT mallory.note('rule')",
	update     => "CREATE RULE spy_update AS ON UPDATE TO TABLE DO ALSO SELECT mallory.note('rule')",
	policy     => 'ALTER TABLE TABLE ENABLE ROW LEVEL SECURITY; CREATE POLICY spy_policy ON TABLE USING (mallory.noted(1)) WITH CHECK (mallory.noted(1))',
	default    => 'ALTER TABLE TABLE ADD COLUMN spy_default boolean; ALTER TABLE TABLE ALTER spy_default SET DEFAULT mallory.noted(1)',
	generated  => 'ALTER TABLE TABLE ADD COLUMN spy_generated boolean GENERATED ALWAYS AS (mallory.noted(1)) STORED',
	constraint => 'ALTER TABLE TABLE ADD CONSTRAINT spy_constraint CHECK (mallory.noted(1)) NOT VALID',
	index      => 'CREATE INDEX spy_index ON TABLE (mallory.noted(COLUMN))',
	partial    => 'CREATE INDEX spy_partial ON TABLE (COLUMN) WHERE mallory.noted(COLUMN)');
my %undo = (
	trigger => 'DROP TRIGGER spy_trigger ON TABLE', rule => 'DROP RULE spy_rule ON TABLE', update => 'DROP RULE spy_update ON TABLE',
	policy => 'DROP POLICY spy_policy ON TABLE; ALTER TABLE TABLE DISABLE ROW LEVEL SECURITY', default => 'ALTER TABLE TABLE DROP COLUMN spy_default',
	generated => 'ALTER TABLE TABLE DROP COLUMN spy_generated', constraint => 'ALTER TABLE TABLE DROP CONSTRAINT spy_constraint',
	index => 'DROP INDEX public.spy_index', partial => 'DROP INDEX public.spy_partial');
my %column = (heartbeat_events => 'id', heartbeat_offsets => 'updated_at');
$node->query('GRANT CREATE ON SCHEMA public TO mallory');    # mallory needs this right to create an index
for my $table (sort keys %column)
{
	for my $kind (sort keys %additions)
	{
		my $sql = sub { my ($text) = @_; return $text =~ s/ALTER TABLE TABLE/ALTER TABLE public.$table/gr =~ s/\bTABLE\b(?= (FOR|DO|USING|\())/public.$table/gr =~ s/(ON) TABLE\b/$1 public.$table/gr =~ s/COLUMN(?=\))/$column{$table}/gr =~ s/\(COLUMN\b/($column{$table}/gr; };
		# The table gets another owner, and its sequence also gets this owner. So the other roles need a right on the sequence.
		$node->query("ALTER TABLE $table OWNER TO mallory; GRANT ALL ON ALL SEQUENCES IN SCHEMA public TO heartbeat_owner, heartbeat_worker");
		# mallory's statement adds the object, and evaluates the object's expression once, as mallory
		is($spy->act("GRANT ALL ON $table TO heartbeat_owner, heartbeat_worker; " . $sql->($additions{$kind})), '', "mallory owns $table and adds a $kind");
		my $pause = call('heartbeat_operator', "SELECT heartbeat_pause('owned')");
		ok($pause eq '' || $pause =~ /$table/, 'heartbeat_pause() succeeds, or its error names the table') || diag $pause;
		my $resume = call('heartbeat_operator', 'SELECT heartbeat_resume()');
		ok($resume eq '' || $resume =~ /$table/, 'heartbeat_resume() succeeds, or its error names the table') || diag $resume;
		publish_some();
		like(done_or_refused("SELECT coalesce((SELECT next_offset FROM heartbeat_offsets), 0) = $published
				OR (SELECT concat_ws(' ', state, reason, last_error) ~ 'RETRYING.*$table' FROM heartbeat_status)"),
			qr/^(done|refused)$/, 'readings are stored, or the status names the table');
		$spy->assert_only("$kind of $table");
		# The extension's owner gets the table back, and mallory's object is still there.
		$node->query("ALTER TABLE $table OWNER TO heartbeat_owner; REVOKE ALL ON $table FROM mallory");
		for my $call ("heartbeat_pause('given back')", 'heartbeat_resume()')
		{
			my $refused = call('heartbeat_operator', "SELECT $call");
			ok($refused eq '' || $refused =~ /spy_|row level security.*$table/, "$call succeeds, or its error names the object") || diag $refused;
		}
		like(done_or_refused("SELECT coalesce((SELECT next_offset FROM heartbeat_offsets), 0) = $published
				OR (SELECT concat_ws(' ', state, reason, last_error) ~ 'RETRYING.*$table' FROM heartbeat_status)"),
			qr/^(done|refused)$/, 'readings are stored, or the status names the object');
		$spy->assert_only("$kind of $table, which mallory has given back");
		$node->query($sql->($undo{$kind}));
		assert_goes_on("$kind of $table");
	}
}

# No other role has the right TRIGGER. The role heartbeat_worker had this right in the test above.
$node->query('REVOKE TRIGGER ON ' . join(', ', sort keys %column) . ' FROM heartbeat_worker');

# mallory gets the right TRIGGER, creates a trigger, and then loses the right. The function of the trigger belongs to the server.
# Only the condition (WHEN) runs code of mallory: a function of mallory, or a query that the server's function query_to_xml()
# runs.
my $own = 'EXECUTE FUNCTION suppress_redundant_updates_trigger()';
for my $condition ('mallory.noted(1)', "query_to_xml('SELECT mallory.note(''condition'')', true, true, '') IS NOT NULL")
{
	for my $table (qw(heartbeat_offsets heartbeat_events heartbeat_control))
	{
		my $name = "spy_when_$table";
		$node->query("GRANT ALL ON $table TO mallory");
		is($spy->act("CREATE TRIGGER $name BEFORE INSERT OR UPDATE ON public.$table FOR EACH ROW WHEN ($condition) $own"), '', "mallory creates a trigger with a condition on $table");
		$node->query("REVOKE ALL ON $table FROM mallory");
		assert_work("a condition on $table");
		like(call(undef, "SELECT heartbeat_refuse_user_code(ARRAY['$table'::regclass])"), qr/the condition of trigger "$name" on table "$table" could run code with the rights of role "postgres"/,
			'the error names the trigger and the table');
		$spy->assert_only("a condition on $table");
		remove_triggers();
		assert_goes_on("a condition on $table");
	}
}

# mallory creates triggers on the tables from which retention deletes rows. The workers, an operator and a superuser apply
# retention.
$node->query('GRANT ALL ON ALL TABLES IN SCHEMA public TO mallory');
$node->query("UPDATE heartbeat_events SET happened_at = now() - interval '400 days' WHERE id % 2 = 0");
$node->query("UPDATE heartbeat_dead_letters SET arrived_at = now() - interval '400 days' WHERE id % 2 = 0");
my $left = 'SELECT count(*) FROM heartbeat_records_default WHERE event_timestamp < now() - interval \'310 days\'';
my @deleted_from = qw(heartbeat_records heartbeat_anomalies heartbeat_dead_letters);
for my $tables ((map { [$_] } @deleted_from), \@deleted_from)
{
	$node->set('heartbeat.retention' => 0);    # the maintenance worker must not apply retention before the triggers exist
	remove_triggers();
	$spy->act($_) for map { $spy->triggers_on($_) } @$tables;
	cmp_ok($node->query($left), '>', 0, 'there are readings to delete');
	$node->set('heartbeat.retention' => '300d');
	for my $role ('heartbeat_operator', undef)
	{
		my $who   = ($role // 'a superuser') . " applies retention to @$tables";
		my $error = call($role, 'SELECT heartbeat_apply_retention()');
		ok($error eq '' || $error =~ /spy_\w+|foreign key/ && $error =~ /heartbeat_|mallory/, "$who, or the error names the trigger or the foreign key, and its table") || diag $error;
		$spy->assert_only($who, 'heartbeat_worker');
	}
}
remove_triggers();
for my $table (@deleted_from)
{
	my $name = "spy_when_$table";
	is($spy->act("CREATE TRIGGER $name BEFORE DELETE ON public.$table FOR EACH ROW WHEN (mallory.noted(1)) $own"), '', "mallory creates a trigger with a condition on $table");
	$node->query('REVOKE ALL ON ALL TABLES IN SCHEMA public FROM mallory');
	like(call($_, 'SELECT heartbeat_apply_retention()'), qr/\Q$name\E/, 'the error of heartbeat_apply_retention() names the trigger') for 'heartbeat_operator', undef;
	like(call(undef, "SELECT heartbeat_make_partitions(to_timestamp($old), to_timestamp($old))"), qr/cannot move rows of table \S*${table}_default .*\Q$name\E/, 'the error of heartbeat_make_partitions() names the trigger')
	  unless $table eq 'heartbeat_dead_letters';
	$spy->assert_only("retention with a condition on $table");
	remove_triggers();
	$node->query('GRANT ALL ON ALL TABLES IN SCHEMA public TO mallory');
}
$node->set('heartbeat.retention' => 0);

# mallory has all rights on all tables, but has created no trigger. So sources can be changed.
is(call(undef, $_), '', "$_ succeeds while mallory has TRIGGER on each table") for "SELECT heartbeat_add_source('more', 'more-events')",
	"SELECT heartbeat_alter_source('more', topic => 'other-events')", "SELECT heartbeat_drop_source('more')";

# mallory's tables have foreign keys that refer to heartbeat's tables. mallory's tables also have deferred constraint triggers,
# which run at the commit.
$spy->act($_) for "CREATE TABLE mallory.referring (id bigint REFERENCES public.heartbeat_events ON DELETE CASCADE ON UPDATE CASCADE)",
	'CREATE CONSTRAINT TRIGGER spy_referring AFTER DELETE OR UPDATE ON mallory.referring DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION mallory.run_trigger()',
	'CREATE TABLE mallory.letters (id bigint REFERENCES public.heartbeat_dead_letters ON DELETE CASCADE ON UPDATE CASCADE)',
	'CREATE CONSTRAINT TRIGGER spy_letters AFTER DELETE OR UPDATE ON mallory.letters DEFERRABLE INITIALLY DEFERRED FOR EACH ROW EXECUTE FUNCTION mallory.run_trigger()';
$node->query('INSERT INTO mallory.referring SELECT id FROM heartbeat_events; INSERT INTO mallory.letters SELECT id FROM heartbeat_dead_letters');
cmp_ok($node->count('mallory.referring'), '>', 0, 'a table of mallory refers to events');
$spy->forget;
$node->set('heartbeat.retention' => '300d');
for my $role ('heartbeat_operator', undef)
{
	# an old event to which mallory's table refers
	$node->query("INSERT INTO heartbeat_events (kind) VALUES ('old')");
	$node->query("INSERT INTO mallory.referring SELECT max(id) FROM heartbeat_events WHERE kind = 'old'");
	$node->query("UPDATE heartbeat_events SET happened_at = now() - interval '400 days' WHERE kind = 'old'");
	my $error = call($role, 'SELECT heartbeat_apply_retention()');
	ok($error eq '' || $error =~ /mallory|referring|letters/, 'heartbeat_apply_retention() succeeds, or its error names the foreign key') || diag $error;
	$spy->assert_only('a foreign key of mallory');
}
$node->query('DROP TABLE mallory.referring, mallory.letters');
is(call('heartbeat_operator', 'SELECT heartbeat_apply_retention()'), '', 'heartbeat_apply_retention() succeeds when the foreign keys are dropped');
is($node->query($left), 0, 'heartbeat_apply_retention() has deleted the old readings');
is($node->query('SELECT count(*) FROM heartbeat_audit() WHERE difference <> 0'), 0, 'the audit shows no difference');

# mallory owns a table partition.
my $week = $node->query("SELECT date_trunc('week', now() - interval '20 weeks', 'UTC')");
my $hers = $node->query("SELECT to_char(timestamptz '$week' AT TIME ZONE 'UTC', '\"heartbeat_records\"_IYYY\"w\"IW')");
$node->query("SET ROLE heartbeat_owner; CREATE TABLE $hers (LIKE heartbeat_records INCLUDING ALL); ALTER TABLE $hers ADD PRIMARY KEY (customer_id, event_timestamp, device_id)");
$node->query("ALTER TABLE heartbeat_records ATTACH PARTITION $hers FOR VALUES FROM ('$week') TO (timestamptz '$week' + interval '7 days')");
$node->query("ALTER TABLE $hers OWNER TO mallory");
is($spy->act(join '; ', $spy->triggers_on($hers), "CREATE INDEX spy_of_hers ON $hers (mallory.noted(id))"), '', 'mallory owns a table partition and adds triggers and an index');
my $then = $node->query("SELECT extract(epoch FROM timestamptz '$week')::bigint + 3600");
publish(map { reading("H$_", 70, reading_time($then + $_)) } 1 .. 3);
like(done_or_refused("SELECT next_offset = $published FROM heartbeat_offsets"), qr/^(done|refused)$/, 'the readings of this table partition are stored, or the status names it');
$spy->assert_only('a table partition of mallory', 'heartbeat_worker');
my $error = call('heartbeat_operator', "SELECT heartbeat_replay(now() - interval '1 hour', now() + interval '1 hour')");
ok($error eq '' || $error =~ /spy_|$hers/, 'heartbeat_replay() succeeds, or its error names the table partition') || diag $error;
$spy->assert_only('a replay into a table partition of mallory', 'heartbeat_worker');
$node->query("ALTER TABLE $hers OWNER TO heartbeat_owner; DROP INDEX spy_of_hers");
remove_triggers();
$node->wait_for_offsets($topic, $published);
$node->wait_for_state('RUNNING');

# If the workers act as a superuser, the status has a hint, and no trigger of mallory runs as a superuser.
$node->wait_for_query('SELECT hint FROM heartbeat_status', qr/^(?!.*superuser)/s, 'the status has no hint about a superuser when the owner is no superuser');
$node->query('ALTER ROLE heartbeat_owner SUPERUSER');
$node->set('heartbeat.role' => '');
publish_some();
$node->wait_for_query('SELECT state, hint FROM heartbeat_status', qr/^RUNNING\|.*superuser/s, 'the status is RUNNING with a hint when the workers act as a superuser');
$spy->forget;
$spy->act($_) for map { $spy->triggers_on($_) } 'heartbeat_offsets', 'heartbeat_events';
assert_work('a superuser as the owner');
$spy->assert_only('a superuser as the owner');
remove_triggers();
$node->query('SELECT heartbeat_resume()');
$node->wait_for_offsets($topic, $published);
$node->query('ALTER ROLE heartbeat_owner NOSUPERUSER');
$node->set('heartbeat.role' => 'heartbeat_worker');
publish_some();
$node->wait_for_offsets($topic, $published);
$node->wait_for_query('SELECT state, hint FROM heartbeat_status', qr/^RUNNING\|(?!.*superuser)/s, 'the status has no hint about a superuser when the owner is no superuser any more');
is($node->query('SELECT count(*) FROM heartbeat_audit() WHERE difference <> 0'), 0, 'the audit shows no difference');

$node->assert_no_crash;
$kafka->stop;
done_testing();
