# Other users of the same database disturb heartbeat. A session or a prepared transaction never releases a lock. Users create
# rules and publications. Because of a trigger or a missing right, tasks of the maintenance worker fail. The status names the
# user or the object, and the maintenance worker does its other tasks. When the cause has ended, ingest and all tasks continue,
# and no reading is missing.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;
use Heartbeat::Runbook;

my $topic = 'heartbeat-events';
my $kafka = Heartbeat::Kafka->new('neighbours');
$kafka->start;
$kafka->create_topic($topic, 1);
my $node = Heartbeat::Cluster->create('neighbours', kafka => $kafka, owner => 'heartbeat_owner',
	settings => { max_prepared_transactions => 5, 'heartbeat.stall_timeout' => '1s', wal_level => 'logical' });
$node->query($_) for grep { /\S/ } split /;\n/, grants_of('heartbeat_worker');
$node->query('CREATE ROLE bob LOGIN SUPERUSER');
my $runbook   = Heartbeat::Runbook->new($node, 'docs/operations.md');
my $now       = int(time / 60) * 60 - 3600;
my $published = 0;

sub publish
{
	$kafka->produce($topic, { value => reading("C$published", 70, reading_time($now + $published)) });
	return ++$published;
}

sub assert_goes_on
{
	my ($what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$node->wait_for_offsets($topic, $published);
	return $node->wait_for_state('RUNNING', undef, "$what: the worker is RUNNING when the cause is gone");
}

sub bob
{
	my @statements = @_;
	my $session = $node->background_psql('heartbeat', extra_params => [ '-U', 'bob' ]);
	$session->query_safe($_) for @statements;
	return $session;
}

publish();
assert_goes_on('before any trouble');

# While a lock blocks ingest, the state is STALLED first, and RETRYING after ten seconds.
my $held = qr/prepared transaction "orphan" of user "bob", prepared at 2\d{3}-\S+ \S+ \S+, holds a lock on/;
my $say  = "SELECT concat_ws(' | ', state, reason, hint) FROM heartbeat_status";
bob('BEGIN', 'LOCK TABLE heartbeat_offsets IN EXCLUSIVE MODE', "PREPARE TRANSACTION 'orphan'")->quit;
publish();
$node->wait_for_query($say, qr/^STALLED \| a batch has been waiting for .*$held table "heartbeat_offsets" \| .*ROLLBACK PREPARED 'orphan'/s, 'the reason for STALLED names the prepared transaction');
$node->wait_for_query($say, qr/^RETRYING \| .*lock timeout: $held table "heartbeat_offsets" \| .*In database "heartbeat", run .*ROLLBACK PREPARED 'orphan'/s, 'the reason for RETRYING names the prepared transaction');
like($runbook->run('STALLED', 1), qr/orphan/, 'the query of the runbook shows the prepared transaction');
$node->query("ROLLBACK PREPARED 'orphan'");
assert_goes_on('a prepared transaction with a table');
bob('BEGIN', 'SELECT FROM heartbeat_offsets FOR UPDATE', "PREPARE TRANSACTION 'orphan'")->quit;
publish();
$node->wait_for_query($say, qr/^STALLED \| .*$held a row \| /s, 'the reason names a prepared transaction that holds a lock on a row');
$node->query("ROLLBACK PREPARED 'orphan'");
assert_goes_on('a prepared transaction with a row');
my $bob = bob("SET application_name = 'a report'", 'BEGIN', 'LOCK TABLE heartbeat_control');
my $pid = $bob->query_safe('SELECT pg_backend_pid()');
publish();
$node->wait_for_query($say, qr/^RETRYING \| .*lock timeout: process $pid \(user "bob", application "a report", idle in transaction, since 2\d{3}-.*\) holds a lock on table "heartbeat_control" \| .*SELECT pg_terminate_backend\($pid\)/s,
	'the reason names a session that is idle in its transaction');
like($runbook->run('STALLED', 1), qr/$pid.*bob.*a report/, 'the query of the runbook shows this session');
$bob->query_safe('ROLLBACK');
assert_goes_on('a session with a table');
$bob->query_safe($_) for 'BEGIN', 'SELECT count(*) FROM heartbeat_records';
my $waiter = $node->background_psql('heartbeat');
$waiter->query_until(qr/waits/, "\\echo waits\nBEGIN; LOCK TABLE heartbeat_records;\n");
publish();
$node->wait_for_query($say, qr/^STALLED \| .*process $pid \(user "bob".*\) holds a lock on table "heartbeat_records", for which process \d+ waits too \| .*pg_terminate_backend\($pid\)/s,
	'the reason names the session that holds the lock, not the session that waits for the lock');
$bob->query_safe('ROLLBACK');
$waiter->quit;
assert_goes_on('a queue for a lock');
cmp_ok($node->log_matches(qr/still waiting for/), '==', 0, 'the log has no line about single waits');

# A user creates rules that rewrite the statements of heartbeat.
$node->query('CREATE TABLE theirs (id serial)');
for my $case (
	[ 'heartbeat_records', "INSTEAD NOTHING", qr/^RETRYING \| .*rule "neighbour" on table "heartbeat_records" changes the rows that heartbeat writes: drop it with DROP RULE/ ],
	[ 'heartbeat_records', 'ALSO INSERT INTO theirs DEFAULT VALUES', qr/^RETRYING \| .* \| rule "neighbour" on table "heartbeat_records" changes the rows that heartbeat writes/ ],
	[ 'heartbeat_offsets', "INSTEAD NOTHING", qr/^RETRYING \| rule "neighbour" on table "heartbeat_offsets" rewrites a statement.* \| .*DROP RULE/, 'UPDATE' ])
{
	my ($table, $action, $expected, $event) = @$case;
	$node->query(sprintf 'CREATE RULE neighbour AS ON %s TO %s DO %s', $event // 'INSERT', $table, $action);
	publish();
	$node->wait_for_query($say, $expected, "the hint names a rule on $table that does $action");
	$node->query("DROP RULE neighbour ON $table");
	assert_goes_on("a rule on $table");
}
my $partition = $node->query('SELECT DISTINCT tableoid::regclass FROM heartbeat_records');
$node->query("CREATE RULE neighbour AS ON INSERT TO $partition DO INSTEAD NOTHING");
publish();
assert_goes_on('a rule on a table partition');
is($node->count('heartbeat_records'), $published, 'all readings are stored in spite of a rule on the table partition');
$node->query("DROP RULE neighbour ON $partition");

# If a publication includes updates and deletes, PostgreSQL refuses to update or delete rows of a published table without a
# replica identity.
$node->query("SELECT heartbeat_make_partitions(now() - interval '5 weeks', now())");
is($node->query(q{SELECT string_agg(c.relname, ' ') FROM pg_class c WHERE c.relname LIKE 'heartbeat%' AND c.relkind = 'r' AND c.relreplident <> 'f'
	AND NOT (c.relreplident = 'd' AND EXISTS (SELECT FROM pg_index x WHERE x.indrelid = c.oid AND x.indisprimary))
	AND NOT (c.relreplident = 'i' AND EXISTS (SELECT FROM pg_index x WHERE x.indrelid = c.oid AND x.indisreplident))}), '', 'each table has a replica identity');
for my $publication ("FOR ALL TABLES WITH (publish = 'update, delete', publish_via_partition_root = true)",
	$node->query('SHOW server_version_num') >= 150000 ? 'FOR TABLES IN SCHEMA public' : ())
{
	$node->query("CREATE PUBLICATION neighbour $publication");
	publish();
	assert_goes_on($publication);
	$node->query('SELECT heartbeat_wake_workers()');
	$node->wait_for_query('SELECT count(*) FROM heartbeat_rollup_pending', 0, "$publication: all pending sums are rolled up");
	$node->query("INSERT INTO heartbeat_gaps (topic, partition, from_offset, to_offset, reason, recorded_at) VALUES ('x', 0, 0, 1, 'x', now() - interval '2 years')");
	is($node->query_error("UPDATE heartbeat_records SET heart_rate = 71; INSERT INTO heartbeat_events (kind, happened_at) VALUES ('old', now() - interval '2 years')"), '', "$publication: a user can change readings");
	$node->set('heartbeat.retention' => '400d');
	$node->wait_for_query('SELECT count(*) FROM heartbeat_gaps', 0, "$publication: retention deletes rows");
	$node->set('heartbeat.retention' => 0);
	$node->query('DROP PUBLICATION neighbour');
}
if ($node->query('SHOW server_version_num') >= 150000)
{
	for my $table ('heartbeat_offsets WHERE (records > 0)', 'heartbeat_offsets (records)')
	{
		$node->query("CREATE PUBLICATION neighbour FOR TABLE $table");
		publish();
		$node->wait_for_query($say, qr/^RETRYING \| cannot update table "heartbeat_offsets" \| publication "neighbour" of table "heartbeat_offsets" prevents changes of rows.*replica identity/s, "the reason names a publication of $table");
		$node->query('DROP PUBLICATION neighbour');
		assert_goes_on("a publication of $table");
	}

	# Without a replica identity, each publication of updates prevents updates.
	$node->query($_) for 'ALTER TABLE heartbeat_offsets REPLICA IDENTITY NOTHING', 'CREATE PUBLICATION neighbour FOR TABLE heartbeat_offsets';
	publish();
	$node->wait_for_query($say, qr/^RETRYING \| cannot update table "heartbeat_offsets" [^|]*replica identity[^|]* \| publication "neighbour" of table "heartbeat_offsets" prevents changes of rows, because the table has no replica identity/,
		'the hint names a publication of a table without a replica identity');
	$node->query('ALTER TABLE heartbeat_offsets REPLICA IDENTITY DEFAULT');
	assert_goes_on('a table without a replica identity');

	# Now a rule prevents updates, and no publication does. The error has the same code, but the hint must not name a
	# publication.
	$node->query('CREATE RULE neighbour AS ON UPDATE TO heartbeat_offsets DO INSTEAD NOTHING');
	publish();
	$node->wait_for_query($say, qr/^RETRYING \| rule "neighbour" on table "heartbeat_offsets" rewrites a statement(?!.*publication).*DROP RULE/, 'the hint does not name a publication that prevents nothing');
	$node->query($_) for 'DROP RULE neighbour ON heartbeat_offsets', 'DROP PUBLICATION neighbour';
	assert_goes_on('a publication that prevents nothing');

	# The column list of the publication lacks columns of the replica identity, so nobody can delete rows from the default
	# partition. So a reading cannot move from the default partition to the table partition of its week.
	my $week = time - 10 * 7 * 86_400;
	$node->query("SET session_replication_role = replica; INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp) VALUES ('by hand', 70, to_timestamp($week))");
	$node->query('CREATE PUBLICATION neighbour FOR TABLE heartbeat_records (customer_id) WITH (publish_via_partition_root = true)');
	$kafka->produce($topic, { value => reading('late', 70, reading_time($week)) });
	$published++;
	assert_goes_on('a publication that prevents a move');
	is($node->query("SELECT tableoid::regclass FROM heartbeat_records WHERE customer_id = 'late'"), 'heartbeat_records_default',
		'the reading is in the default partition');
	$node->wait_for_log(qr/could not create the table partition for the week of [^\n]*: cannot delete from table "heartbeat_records_default"/);
	$node->set('heartbeat.retention' => '400d');
	$node->wait_for_query("SELECT concat_ws(' | ', reason, hint) FROM heartbeat_maintenance WHERE duty = 'retention'",
		qr/^cannot delete from table "heartbeat_records_default" \| publication "neighbour" of table "heartbeat_records" prevents changes of rows/,
		'the hint names the publication of the partitioned table');
	$node->query('DROP PUBLICATION neighbour');
	$node->set('heartbeat.retention' => '401d');
	$node->wait_for_query("SELECT failing_since IS NULL FROM heartbeat_maintenance WHERE duty = 'retention'", 't', 'retention succeeds without the publication');
	$node->set('heartbeat.retention' => 0);
	$node->query("SET session_replication_role = replica; DELETE FROM heartbeat_records WHERE customer_id = 'by hand'");
	assert_goes_on('a publication that prevented a move');
}

# First one task of the maintenance worker fails. Then several tasks fail at the same time, each for a different reason.
$node->query("INSERT INTO heartbeat_alert_rules (name, kind, period) VALUES ('not running', 'state', '0 seconds')");
$node->query("INSERT INTO heartbeat_alert_rules (name, kind, threshold) VALUES ('garbage', 'dead_letters', 0)");
$node->wait_for_query("SELECT count(*) FROM heartbeat_maintenance WHERE duty IN ('partitions', 'retention', 'indexes', 'fold', 'alerts', 'events') AND done_at IS NOT NULL AND failing_since IS NULL", 6, 'each task succeeds before the trouble');
sub failing { my ($duty) = @_; return "SELECT concat_ws(' | ', failures > 0, reason, hint) FROM heartbeat_maintenance WHERE duty = '$duty'"; }
sub dues { $node->query('SELECT heartbeat_wake_workers()'); return publish(); }
# the owner of a table has created a trigger with a broken function
$node->query("CREATE FUNCTION broken() RETURNS trigger LANGUAGE plpgsql AS 'BEGIN PERFORM no_such_function(); RETURN NEW; END'; ALTER FUNCTION broken() OWNER TO heartbeat_owner");
$node->query('CREATE TRIGGER broken BEFORE INSERT OR UPDATE ON heartbeat_rollup FOR EACH ROW EXECUTE FUNCTION broken()');
dues();
$node->wait_for_query(failing('fold'), qr/^t \| function no_such_function\(\) does not exist \| .*The error came from PL\/pgSQL function (public\.)?broken\(\) line 1/, 'a broken function makes the task `fold` fail, and the hint names the function');
# a missing right
$node->query('REVOKE EXECUTE ON FUNCTION heartbeat_apply_retention() FROM heartbeat_worker');
$node->set('heartbeat.retention' => '101d');
# a lock
$bob->query_safe($_) for 'BEGIN', 'LOCK TABLE heartbeat_stale_minutes IN EXCLUSIVE MODE';
$node->query('SELECT heartbeat_wake_workers()');
$node->wait_for_query(failing('fold'), qr/^t/, 'the task `fold` still fails');
$node->wait_for_query("SELECT state, reason FROM heartbeat_status", qr/^RETRYING\|the maintenance worker cannot (add pending sums to the rollup|rebuild changed minutes of the rollup|apply retention): /, 'a task that fails repeatedly is the reason for RETRYING');
like($node->status->{hint}, qr/Ingest continues\./, 'the hint says that ingest continues');
$node->wait_for_query("SELECT count(*) FROM heartbeat_alerts WHERE rule = 'not running' AND detail->>'reason' LIKE 'the maintenance worker cannot%'", qr/^[1-9]/, 'the failing task raises an alert');
publish();
$node->wait_for_offsets($topic, $published);
$node->wait_for_query("SELECT count(*) FROM heartbeat_metrics WHERE name = 'heartbeat_maintenance_failing' AND value = 1", qr/^[1-9]/, 'heartbeat_metrics shows the failing task');
is($node->query("SELECT value > 2 FROM heartbeat_metrics WHERE name = 'heartbeat_maintenance_failures_total' AND labels->>'duty' = 'fold'"), 't', 'heartbeat_metrics counts the failures');
$node->wait_for_query("SELECT count(*) > 0 FROM heartbeat_events WHERE kind = 'state' AND reason LIKE 'the maintenance worker cannot%'", 't', 'heartbeat_events records the failing task');
$node->wait_for_query(failing('retention'), qr/^t \| permission denied for function heartbeat_apply_retention/, 'a missing right makes retention fail');
$kafka->produce($topic, { value => 'garbage' });
$published++;
$node->wait_for_query("SELECT count(*) FROM heartbeat_alerts WHERE rule = 'garbage' AND closed_at IS NULL", 1, 'alerts are evaluated while other tasks fail');
$node->query("SELECT heartbeat_pause('to look')");
like($node->query($say), qr/^PAUSED \| to look \| .*In addition, the maintenance worker cannot/, 'the hint of a paused worker still names the failing task');
$node->query('SELECT heartbeat_resume()');
# a missing table
$node->query('DROP TRIGGER broken ON heartbeat_rollup; ALTER TABLE heartbeat_customers_total RENAME TO away');
dues();
$node->wait_for_query(failing('fold'), qr/^t \| .*heartbeat_customers_total/, 'a missing table makes the task `fold` fail, and the reason names the table');
$node->query('ALTER TABLE away RENAME TO heartbeat_customers_total');
$bob->query_safe('ROLLBACK');
$bob->quit;
$node->query('GRANT EXECUTE ON FUNCTION heartbeat_apply_retention() TO heartbeat_worker');
$node->query('SELECT heartbeat_wake_workers()');
$node->wait_for_query('SELECT count(*) FROM heartbeat_maintenance WHERE failing_since IS NOT NULL', 0, 'all tasks succeed when the causes are gone');
assert_goes_on('the duties');
$node->wait_for_query("SELECT count(*) FROM heartbeat_alerts WHERE rule = 'not running' AND closed_at IS NULL", 0, 'the alert is closed when all tasks succeed');
$node->query('SELECT heartbeat_wake_workers()');
$node->wait_for_query('SELECT count(*) FROM heartbeat_rollup_pending', 0, 'the rollup is complete when all tasks succeed');
$node->assert_summary('the summary is exact when all tasks succeed');
$node->assert_audit;
$node->assert_no_crash;
$kafka->stop;
done_testing();
