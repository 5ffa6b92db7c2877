# Follows the second half of the runbook (docs/operations.md). The test causes each symptom by a real event. The query of the
# runbook must show the symptom, and its steps must remove the cause. Every SQL block of this half runs as the operator or as a
# superuser.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;
use Heartbeat::Runbook;

my $topic = 'heartbeat-events';
my $kafka = Heartbeat::Kafka->new('walk');
$kafka->start;
$kafka->create_topic($topic, 2);
my $node = Heartbeat::Cluster->create('walk', kafka => $kafka);

$node->query(grants_of("heartbeat_$_")) for qw(reader operator);
$node->query('ALTER ROLE heartbeat_operator LOGIN');
my $runbook = Heartbeat::Runbook->new($node, 'docs/operations.md', 'heartbeat_operator');
$runbook->run('Before the first night', $_) for 1, 2;

sub publish
{
	my @messages = map { ref $_ ? $_ : { partition => 0, value => $_ } } @_;
	$kafka->produce($topic, @messages);
	return;
}
sub stored { return $node->wait_for_offsets($topic, $kafka->end_offsets($topic)); }
sub open_alerts { return $node->query("SELECT coalesce(string_agg(rule || ' ' || subject, ', ' ORDER BY rule, subject), '') FROM heartbeat_alerts WHERE closed_at IS NULL"); }

my @stream = reading_stream(4000, 2);
publish(@stream);
stored();
my $now = int(time);

# Makes dead letters with three error codes. The number of dead letters reaches heartbeat.dead_letter_limit.
$node->query("UPDATE heartbeat_alert_rules SET threshold = 3 WHERE name = 'garbage'");
$node->set('heartbeat.dead_letter_limit' => 6);
$node->query('ALTER TABLE heartbeat_records ADD CONSTRAINT no_77 CHECK (heart_rate <> 77) NOT VALID');
my $time = reading_time($now - 100);
publish(map { $_, $_ =~ s/"heart_rate"/"bpm"/r =~ s/:77,/:70,/r =~ s/refused/misspelt/r } map { reading("refused-$_", 77, $time) } 1 .. 2);
publish("\x80garbage", 'rubbish');
stored();
$node->wait_for_query("SELECT count(*) FROM heartbeat_alerts WHERE rule = 'garbage' AND closed_at IS NULL", 1, 'many dead letters raise an alert');
$runbook->look('many dead letters');
publish('one more', reading('behind', 70, $time));
$node->wait_for_state('FAILED', 'heartbeat.dead_letter_limit \(6\) is reached');
$runbook->look('the limit of dead letters is reached');
like($runbook->run('Dead letters', 1), qr/^23514\|2\|.*^INVALID_JSON\|2\|.*^MISSING_FIELD\|2\|/ms, 'the query counts the dead letters of each error');
like($runbook->run('Dead letters', 2), qr/^\d+\|0\|\d+\|.*\|(\\200garbage|rubbish)$/m, 'the query shows payloads with any bytes');
$node->query('ALTER TABLE heartbeat_records DROP CONSTRAINT no_77');
like($runbook->run('Dead letters', 3), qr/^2\|0\|/, 'when a constraint is dropped, a retry stores the readings that the constraint had refused');
stored();
like($runbook->run('Dead letters', 4), qr/^2\|0\|/, 'the misspelt readings are corrected and stored');
is($runbook->run('Dead letters', 5), '', 'the remaining dead letters are deleted');
$node->wait_for_state('RUNNING', undef, 'the worker is RUNNING when the dead letters are repaired');
$runbook->look('the dead letters are repaired');
is($node->query("SELECT count(*) FROM heartbeat_records WHERE customer_id ~ 'refused|misspelt|behind'"), 5, 'the repaired readings are stored');
$node->wait_for_query("SELECT count(*) FROM heartbeat_alerts WHERE rule = 'garbage' AND closed_at IS NULL", 0, 'the alert about dead letters is closed');
$node->safe_psql('postgres', 'ALTER SYSTEM RESET heartbeat.dead_letter_limit');
$node->assert_audit;

# A producer sends the same messages a second time.
publish(@stream[ 0 .. 99 ]);
stored();
like($runbook->run('Duplicates', 1), qr/^0\|\d+\|50\n1\|2000\|50$/m, 'the query shows the duplicates of each partition');

# A producer corrects a heart rate.
publish(reading('CORRECTED', 70, $time), reading('CORRECTED', 75, $time));
stored();
like($runbook->run('Conflicts', 1), qr/^\d+\|default\|[^|]*\|CORRECTED\|\|[^|]*\|70\|75\|0\|\d+\|\d[^|]*$/m, 'the query shows both heart rates, and the place of the message');
is($runbook->run('Conflicts', 2), '1|0|{}', 'the newer heart rate replaces the stored heart rate');
is($node->query("SELECT heart_rate FROM heartbeat_records WHERE customer_id = 'CORRECTED'"), 75, 'the newer heart rate is stored');

# A user has deleted readings.
$node->query("DELETE FROM heartbeat_records WHERE customer_id = 'CUST-0003'");
my $deleted = -$node->query("SELECT difference FROM heartbeat_audit_tables() WHERE table_name = 'heartbeat_records'");
cmp_ok($deleted, '>', 0, 'a user has deleted readings');
like($runbook->run('Readings are missing', 1), qr/^heartbeat_records\|\d+\|\d+\|-$deleted$/m, 'the audit of the tables counts the deleted readings');
my $back = 0;
$back += (split /\|/)[4] for split /\n/, $runbook->run('Readings are missing', 2);
is($back, $deleted, 'a replay restores the deleted readings');
is($node->query('SELECT count(*) FROM heartbeat_audit_tables() WHERE difference <> 0'), 0, 'the audit of the tables shows no difference after the replay');

is($runbook->run('The maintenance worker fails', 1) =~ /^\w+\|[^|]*\|\|0\|/m, 1, 'no task of the maintenance worker fails');
like($runbook->run('The summary is wrong', 1), qr/^\d+$/, 'the summary is rebuilt');

# One customer is silent, and another customer has a high heart rate.
publish(map { { partition => 1, value => reading('CUST-0007', 190, reading_time($now - 20 + $_)) } } 1 .. 12);
publish(reading('CUST-0008', 70, reading_time($now - 600)));
stored();
$runbook->run('Customers', 1);
# The silence rule has a period of five minutes. The test does not wait five minutes: it sets `heard_until` to an earlier time.
$node->wait_for_query("SELECT heard_until IS NOT NULL FROM heartbeat_customers WHERE customer_id = 'CUST-0008'", 't', 'the arrival of the customer is recorded');
$node->query("UPDATE heartbeat_customers SET heard_until = now() - interval '10 minutes' WHERE customer_id = 'CUST-0008'");
$node->wait_for_query("SELECT count(*) FROM heartbeat_alerts WHERE closed_at IS NULL AND (rule, subject) IN (('storm', 'CUST-0007'), ('silent', 'CUST-0008'))",
	2, 'both customers raise an alert');
note 'open alerts: ' . substr(open_alerts(), -40);
like($runbook->run('Customers', 2), qr/^CUST-0007\|TACHYCARDIA\|12\|190\|190\|/m, 'the query shows the customer and the anomalies');
$runbook->run('Customers', 3);
$node->wait_for_query("SELECT count(*) FROM heartbeat_alerts WHERE closed_at IS NULL", 0, 'the changed rules close their alerts');

# The clock of a device is a day ahead.
publish(reading('CUST-0009', 70, reading_time($now + 86400)));
stored();
like($runbook->run('Customers', 4), qr/^CUST-0009\|1\|(?:23:5|1 day|24:0)/, 'the query shows the customer whose device is ahead, and by how much');

# Old readings fill the disk.
my @old = map { { partition => $_ % 2, value => reading('OLD', 70, reading_time($now - 120 * 86400 + $_)) } } 1 .. 1000;
publish(@old);
stored();
my $before = $node->count('heartbeat_records');
like($runbook->run('The disk fills', 1), qr/^heartbeat_records\|heartbeat_records_\d{4}w\d\d\|FOR VALUES.*(kB|MB)$/m, 'the query shows the size of each table partition');
$runbook->run('The disk fills', 2);
$node->wait_for_query("SELECT count(*), count(*) FILTER (WHERE NOT x.indisvalid) FROM pg_class k JOIN pg_index x ON x.indexrelid = k.oid
	WHERE k.relname LIKE 'heartbeat_%' AND k.reloptions = '{fillfactor=100}'", '2|0', 'the keys of the old week have full pages');
is($node->query('SELECT count(*) FROM pg_index WHERE NOT indisvalid'), 0, 'no invalid index is left');
like($runbook->run('The disk fills', 3), qr/^(?:0|[23])\|0\|0$/m, 'retention drops the old week');
$node->wait_for_query("SELECT count(*) FROM heartbeat_records", $before - 1000, 'the operator or the maintenance worker has dropped the old readings');
like($runbook->run('The audit shows a difference', 1), qr/^heartbeat_records\|\d+\|\d+\|-1000\n.*retention/s, 'the audit of the tables shows the dropped readings, and the events show retention');
is($node->query('SELECT count(*) FROM heartbeat_audit() WHERE difference <> 0'), 0, 'the audit of the counters shows no difference');
$node->safe_psql('postgres', 'ALTER SYSTEM RESET heartbeat.retention');

# Dashboards are slow.
publish(map { { partition => 1, value => reading("CUST-$_", 60, reading_time($now)) } } 1 .. 50);
stored();
like($runbook->run('Dashboards are slow', 1), qr/^[1-9]\d*\|\d+\|.*\n\d+\|idle\|/, 'the query shows the pending rows, and that no session is stuck');

# A user inserts a row.
$node->query("INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp) VALUES ('by hand', 70, now())");
like($runbook->run('The audit shows a difference', 1), qr/^heartbeat_records\|\d+\|\d+\|-999$/m, 'the audit of the tables shows the row of the user');
$node->query("DELETE FROM heartbeat_records WHERE customer_id = 'by hand'");

# Kafka's own tools show the committed offset of the group. It must equal the stored offset.
my ($shown) = $runbook->run("Kafka's tools show another position", 1) =~ /^heartbeat-events\|0\|(\d+)$/m;
is(($kafka->wait_for_group_offsets('heartbeat-consumer-group', $topic, $shown))[0], $shown, "the committed offset of the group equals the stored offset");

# Follows the steps of the section "Upgrade and restart".
like($runbook->run('Upgrade and restart', 1), qr/^0\|$shown\|0$/m, 'the query shows the stored offset and the lag');
$node->restart;
publish(reading('meanwhile', 70, $time));
$node->wait_for_state('PAUSED', 'upgrade', 'the worker is PAUSED after the restart');
$runbook->look('the server has restarted during a pause');
like($runbook->run('Upgrade and restart', 2), qr/^([\d.]+)\|\1$/m, 'the library and the extension have the same version');
stored();
$node->wait_for_state('RUNNING');

# A dump is restored into another database, which the workers then use.
my $dump = PostgreSQL::Test::Utils::tempdir . '/dump';
$node->safe_psql('postgres', 'CREATE DATABASE restored');
for my $tool ([ 'pg_dump', '-Fc', '-f', $dump, '-d', $node->connstr('heartbeat') ], [ 'pg_restore', '-d', $node->connstr('restored'), $dump ])
{
	my ($program, @arguments) = @$tool;
	my $output;
	IPC::Run::run([ $node->installed_command($program), @arguments ], '<', \undef, '>', \$output, '2>&1') or die "$program: $output";
}
publish(reading('after the dump', 70, $time));
stored();
$node->safe_psql('postgres', "ALTER SYSTEM SET heartbeat.database = 'restored'");
$node->restart;
$node->{heartbeat_database} = 'restored';
$node->wait_for_state('PAUSED', 'restored from a dump', 'the worker of a restored database is PAUSED');
$node->wait_for_query('SELECT lag_messages FROM heartbeat_status', 1, 'the worker has asked Kafka for the lag');
$runbook->look('the database was restored from a dump');
like($runbook->run('After a restore or a failover', 1), qr/^f\|PAUSED\|restored from a dump.*\|1$/, 'the restored database lacks only the messages after the dump');
$runbook->run('After a restore or a failover', 2);
stored();
is($node->query("SELECT count(*) FROM heartbeat_records WHERE customer_id = 'after the dump'"), 1, 'the worker reads the messages after the dump');
$runbook->run('After a restore or a failover', 3);
$node->wait_for_state('STOPPED', 'heartbeat.brokers is empty', 'heartbeat.brokers = \'\' keeps a copy from reading');

$runbook->assert_all_run('Symptoms');
is($node->query('SELECT count(*) FROM heartbeat_audit() WHERE difference <> 0'), 0, 'the audit of the counters shows no difference at the end');
$node->assert_no_crash;
$kafka->stop;
done_testing();
