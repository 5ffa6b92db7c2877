# The worker's role needs each right that docs/security.md grants to this role. If a right is missing, the status names the
# table or function. The role has no other right.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;
use Heartbeat::Registry;
use Heartbeat::Runbook;

my $block   = grants_of('heartbeat_worker');
my $replace = document_block('docs/security.md', 'GRANT UPDATE (heart_rate');

# Splits a list of rights such as "SELECT, UPDATE (one, other)" into single rights. A right on two columns becomes two
# rights.
sub single
{
	my ($actions) = @_;
	return map { my ($action, $columns) = /^(\w+)(?: \((.*)\))?$/; defined $columns ? map { "$action ($_)" } split /, /, $columns : $action } $actions =~ /\w+(?: \([^)]*\))?/g;
}

# Returns each single right of a block as [ right, kind of object, object ].
sub rights_of
{
	my ($statements) = @_;
	my @rights;
	while ($statements =~ /^GRANT (.+?) ON (?:(SEQUENCE|FUNCTION) )?(.+?)\s+TO heartbeat_worker;/msg)
	{
		my ($actions, $kind, $objects) = ($1, $2 // 'TABLE', $3);
		for my $object ($objects =~ /(\w+(?:\([^)]*\))?)/g)
		{
			push @rights, map { [ $_, $kind, $object ] } single($actions);
		}
	}
	return @rights;
}
my @rights = rights_of($block);

my $topic = 'heartbeat-events';
my $kafka = Heartbeat::Kafka->new('rights');
$kafka->start;
$kafka->create_topic($_, 1) for $topic, 'another', 'schemas';
my $registry = Heartbeat::Registry->new('rights');
$registry->start;
my $schemas = 0;
my $node = Heartbeat::Cluster->create('rights', kafka => $kafka, settings => { 'heartbeat.offset_reset' => 'earliest' });
$node->query('REVOKE CREATE ON SCHEMA public FROM PUBLIC');    # the default in PostgreSQL 15 and newer
$node->query($_) for grep { /\S/ } split /;\n/, $block;

$node->query("SELECT heartbeat_add_source('schemas', 'schemas', format => 'avro', schema_registry => '" . $registry->url . "')");

# For each right, a function that makes the worker use this right. It returns a query that shows the error while the right is
# missing.
my $now    = int(time);
my $weeks  = 0;
my $status = "SELECT reason FROM heartbeat_status WHERE state = 'RETRYING'";
my $work   = sub {
	my $time = reading_time($now - 86400 * 7 * ++$weeks);    # each call uses a new week, so that the worker must create table partitions
	$kafka->produce($topic, map { { value => $_ } } reading('A', 70, $time), reading('A', 70, $time),
		reading('A', 200, $time), reading('A', 200, $time), 'garbage');
	return $status;
};
my $held   = 1;    # the first offset that Kafka still has
my $replay = sub {
	$node->wait_for_offsets($topic, $kafka->end_offsets($topic));    # without this wait, a batch can contain the message that Kafka removes next
	$node->query("SELECT heartbeat_pause(); SELECT heartbeat_seek(0, $held)");
	$kafka->truncate($topic, 0, ++$held);    # Kafka removes a message after the seek, so that the worker finds a gap
	$node->query('SELECT heartbeat_resume()');
	return $status;
};
my $last_error = sub { return "SELECT last_error FROM heartbeat_status WHERE last_error_at > '" . $node->query('SELECT clock_timestamp()') . "'"; };
my $maintain   = sub {
	my $query = $last_error->();
	$node->query("INSERT INTO heartbeat_rollup_pending
		SELECT date_trunc('minute', event_timestamp), 'new ' || clock_timestamp(), 0, 1 FROM heartbeat_records;
		INSERT INTO heartbeat_stale_minutes (minute_bucket, marked_at)
		SELECT date_trunc('minute', event_timestamp), now() - interval '1 hour' FROM heartbeat_records;
		SELECT heartbeat_wake_workers()");
	return $query;
};
my $retain = sub {
	my $query = $last_error->();
	$node->set('heartbeat.retention' => $_) for 0, '36500d';
	return $query;
};
my $alert = sub {
	my $query = $last_error->();
	$node->query('UPDATE heartbeat_alert_rules SET enabled = true');
	return $query;
};
my $begin = sub { $node->set('heartbeat.topic' => 'another'); return $status; };
my $mark  = sub {    # many customers have one reading each in a minute, so the worker marks the minute and adds no sums
	$node->set('heartbeat.batch_wait' => '500ms');
	my $time = reading_time($now - 86400 * 7 * ++$weeks);
	$kafka->produce($topic, map { { value => reading("C$_", 70, $time) } } 1 .. 600);    # at least half of these readings are in one batch
	return $status;
};
my $met  = 0;
my $meet = sub {    # each call uses a new customer, because the worker stores at most one arrival of a customer a minute
	$kafka->produce($topic, { value => reading('met ' . ++$met, 70, reading_time($now)) });
	return $status;
};
my $learn = sub {    # publishes a message whose schema is neither in the worker's memory nor in heartbeat_schemas
	my $schema = sprintf '{"type":"record","name":"R%d","fields":[{"name":"customer_id","type":"string"}]}', ++$schemas;
	my $id     = $registry->register("rights-$schemas", 'AVRO', $schema);
	$kafka->produce('schemas', { value => pack('CN', 0, $id) . "\x02A" });
	return $status;
};
my %stimulus = (
	'SELECT heartbeat_records'        => $maintain,
	'SELECT heartbeat_anomalies'      => $maintain,
	'INSERT heartbeat_offsets'        => $begin,
	'INSERT heartbeat_stale_minutes'  => $mark,
	'INSERT heartbeat_arrivals'       => $meet,
	'heartbeat_take_arrivals'         => $maintain,
	'INSERT heartbeat_gaps'           => $replay,
	'SELECT heartbeat_schemas'        => $learn,
	'INSERT heartbeat_schemas'        => $learn,
	'heartbeat_move_offset'           => $replay,
	'heartbeat_record_event'          => $replay,
	'heartbeat_apply_retention'       => $retain,
	'heartbeat_evaluate_alerts'       => $alert,
	(map { $_ => $maintain } 'SELECT heartbeat_customers', 'INSERT heartbeat_customers', 'SELECT heartbeat_stale_minutes',
		'SELECT heartbeat_rollup_pending', 'DELETE heartbeat_rollup_pending', 'UPDATE heartbeat_rollup',
		(map { "$_ heartbeat_customers_total" } qw(SELECT INSERT DELETE)),
		'DELETE heartbeat_stale_minutes', 'SELECT heartbeat_rollup', 'INSERT heartbeat_rollup', 'DELETE heartbeat_rollup',
		'heartbeat_summarize_partitions'));

$work->() for 1 .. 2;
$node->wait_for_offsets($topic, 10);
$node->wait_for_state('RUNNING');
$kafka->truncate($topic, 0, $held);

# heartbeat_retry_dead_letters() uses the rights of the worker's role. The test retries a corrected dead letter and a dead
# letter that is still bad.
my $mended = 0;
sub assert_retry_needs
{
	my ($action, $table) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$work->() for 1 .. 2;
	$node->wait_for_offsets($topic, $kafka->end_offsets($topic));
	my $mend = reading('mended', 70, reading_time($now - ++$mended));
	$node->query("UPDATE $table SET payload = convert_to('$mend', 'UTF8') WHERE id = (SELECT min(id) FROM $table WHERE resolved_at IS NULL)");
	$node->query("REVOKE $action ON $table FROM heartbeat_worker");
	like($node->query_error('SELECT heartbeat_retry_dead_letters()'), qr/permission denied for table $table/, "without $action on $table a retry names the missing right");
	$node->query("GRANT $action ON $table TO heartbeat_worker");
	is($node->query('SELECT resolved FROM heartbeat_retry_dead_letters()'), 1, "with $action on $table a retry resolves the dead letter");
	return;
}

# A retry with `replace` replaces a stored reading. If the corrected reading belongs to the other table, the retry must delete
# the stored reading, and needs the right DELETE.
my $replaced = 0;
sub assert_replace_needs
{
	my ($action, $table) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my ($customer, $time) = ('replaced ' . ++$replaced, reading_time($now));
	my ($first, $second) = $table eq 'heartbeat_records' ? (70, 71) : (200, 30);
	$kafka->produce($topic, map { { value => reading($customer, $_, $time) } } $first, $second);
	$node->wait_for_offsets($topic, $kafka->end_offsets($topic));
	my $moved = reading($customer, $table eq 'heartbeat_records' ? 200 : 70, $time);
	$node->query("UPDATE heartbeat_dead_letters SET payload = convert_to('$moved', 'UTF8') WHERE error_code = 'CONFLICT' AND resolved_at IS NULL") if $action eq 'DELETE';
	$node->query("REVOKE $action ON $table FROM heartbeat_worker");
	my $retry = "FROM heartbeat_retry_dead_letters('CONFLICT', replace => true)";
	like($node->query_error("SELECT resolved $retry"), qr/permission denied for table $table/, "without $action on $table a retry with replace names the missing right");
	$node->query("GRANT $action ON $table TO heartbeat_worker");
	is($node->query("SELECT resolved $retry"), 1, "with $action on $table a retry replaces the reading");
	return;
}

for my $right (@rights)
{
	my ($action, $kind, $object) = @$right;
	my ($name) = $object =~ /^(\w+)/;
	if ($action =~ /\(/) { assert_retry_needs($action, $object); next; }
	my $stimulus = $stimulus{"$action $name"} // $stimulus{$name} // $work;
	$node->query("REVOKE $action ON $kind $object FROM heartbeat_worker");
	my $query = $stimulus->();
	$node->wait_for_query($query, qr/permission denied for \w+ $name$/, "without $action on $name the worker reports the missing right");
	$node->query("GRANT $action ON $kind $object TO heartbeat_worker");
	$node->wait_for_query('SELECT state FROM heartbeat_status', 'RUNNING', "with $action on $name the worker is RUNNING again");
	$node->set('heartbeat.batch_wait' => '2ms') if $stimulus == $mark;
	next if $stimulus != $begin;
	$node->set('heartbeat.topic' => $topic);
	$node->wait_for_state('RUNNING');
}
$maintain->();
$node->wait_for_offsets($topic, $kafka->end_offsets($topic));
$node->wait_for_query('SELECT count(*) FROM heartbeat_stale_minutes', 0, 'every marked minute is processed after all rights are granted again');

# A second block in docs/security.md grants the rights that a retry with `replace` needs.
$node->query($_) for grep { /\S/ } split /;\n/, $replace;
assert_replace_needs(@$_[ 0, 2 ]) for rights_of($replace);
$node->query($_) for grep { /\S/ } split /;\n/, $replace =~ s/^GRANT (.*) TO /REVOKE $1 FROM /mgr;

# The rights of the second block are revoked, so the worker's role has only the rights of the first block. PostgreSQL must
# refuse the statements below.
my $all = $node->query("SELECT count(*) FROM (
	SELECT a.privilege_type FROM pg_class c, aclexplode(c.relacl) a WHERE a.grantee = 'heartbeat_worker'::regrole
	UNION ALL SELECT a.privilege_type FROM pg_attribute c, aclexplode(c.attacl) a WHERE a.grantee = 'heartbeat_worker'::regrole
	UNION ALL SELECT a.privilege_type FROM pg_proc p, aclexplode(p.proacl) a WHERE a.grantee = 'heartbeat_worker'::regrole) r");
is($all, scalar @rights, 'heartbeat_worker has exactly the rights of docs/security.md');
for my $sql (
	(map { ("TRUNCATE $_", "UPDATE $_ SET id = 0", "DELETE FROM $_") } qw(heartbeat_records heartbeat_anomalies heartbeat_dead_letters)),
	'SELECT * FROM heartbeat_records_default', 'DELETE FROM heartbeat_offsets', 'DELETE FROM heartbeat_gaps', 'SELECT * FROM heartbeat_gaps',
	'UPDATE heartbeat_control SET paused = false', 'INSERT INTO heartbeat_control (paused) VALUES (true)',
	'SELECT heartbeat_pause()', 'SELECT heartbeat_resume()', 'SELECT heartbeat_seek(0, 0)', 'SELECT heartbeat_seek(now())',
	'SELECT heartbeat_kafka_offsets(now())', 'SELECT heartbeat_retry_dead_letters()', 'SELECT heartbeat_audit()',
	"SELECT heartbeat_make_weeks('2001-01-01', '2001-01-01', '{heartbeat_records}', '{event_timestamp}', false)",
	'DROP TABLE heartbeat_records_default', 'CREATE TABLE mine (i int)', 'SHOW heartbeat.kafka_config_file',
	"ALTER SYSTEM SET heartbeat.role = ''")
{
	like($node->query_error("SET ROLE heartbeat_worker; $sql"), qr/permission denied|must be owner|must be superuser/, "heartbeat_worker may not run: $sql");
}
$node->assert_audit;
$node->assert_no_crash;
$kafka->stop;
done_testing();
