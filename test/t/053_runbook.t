# Follows the first half of the runbook (docs/operations.md). The test causes each state of heartbeat_status by a real event,
# and follows the steps of the runbook, which end the state. Every SQL block of this half runs as the operator or as a
# superuser.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Feed;
use Heartbeat::Kafka;
use Heartbeat::Reading;
use Heartbeat::Runbook;

my $topic = 'heartbeat-events';
my $kafka = Heartbeat::Kafka->new('runbook');
$kafka->start;
my $feed       = Heartbeat::Feed->new($kafka, 2);
my $properties = PostgreSQL::Test::Utils::tempdir . '/kafka.properties';
append_to_file($properties, "topic.metadata.refresh.interval.ms=500\n");
chmod 0600, $properties;
my $node = Heartbeat::Cluster->create('runbook', kafka => $kafka,
	settings => { 'heartbeat.stall_timeout' => '2s', 'heartbeat.kafka_config_file' => $properties, 'heartbeat.batch_size' => 100 });

$node->query(grants_of("heartbeat_$_")) for qw(reader operator worker);
$node->query('ALTER ROLE heartbeat_operator LOGIN');
my $runbook = Heartbeat::Runbook->new($node, 'docs/operations.md', 'heartbeat_operator');

sub state_is
{
	my ($state, $pattern, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$node->wait_for_query("SELECT concat_ws(' | ', state, reason, hint) FROM heartbeat_status", qr/^$state.*$pattern/s, $what);
	return $runbook->look($what);
}

# Follows the steps of the section "Before the first night".
$feed->publish(1000);
$feed->assert_stored($node, 'the worker reads before any trouble');
$runbook->run('Before the first night', $_) for 1, 2;
like($runbook->run('Operations', 1), qr/^RUNNING\|.*\n.*start/s, 'the first query shows the state and the last events');

# Ingest is slow because a user has added a trigger to heartbeat_records.
$node->query(q{CREATE FUNCTION audit_reading() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.005); RETURN NEW; END $$;
	CREATE TRIGGER audit_reading BEFORE INSERT ON heartbeat_records FOR EACH ROW EXECUTE FUNCTION audit_reading()});
$feed->publish(2000);
$node->wait_for_query('SELECT state, lag_messages > 0, lag_seconds > 0 FROM heartbeat_status', 'RUNNING|t|t', 'the worker is RUNNING, but lags behind');
$runbook->look('the lag grows');
like($runbook->run('Lag grows', 1), qr/^[01]\|\d{2,}\|.*^0\.25\|\d+\n.*^\+Inf\|\d+$/ms, 'the query shows the partitions that lag, and how long batches take');
like($runbook->run('Lag grows', 2), qr/^heartbeat_records\|audit_reading$/m, 'the query names the trigger');
$node->query('DROP TRIGGER audit_reading ON heartbeat_records');
$feed->assert_stored($node, 'the lag is gone when the trigger is dropped');
$runbook->run('Lag grows', 3);
$node->restart;
$node->wait_for_query('SELECT state, workers FROM heartbeat_status', 'RUNNING|2', 'two workers run after the change of heartbeat.workers');
$feed->publish(100);
$feed->assert_stored($node, 'two workers divide the partitions');

# No messages arrive.
my $idle = $runbook->run('Nothing arrives', 1);
like($idle, qr/^0\|(\d+)\|\1\|0\|.*^1\|(\d+)\|\2\|0\|.*^heartbeat-events\|127.*^total_records\|3007$/ms, 'when nothing arrives, every message of the topic is stored');
is($node->status->{state}, 'RUNNING', 'the worker is RUNNING when nothing arrives');

# Kafka is down, has another address, or does not have the topic.
$kafka->stop;
state_is('CONNECTING', 'Check that the brokers run', 'the broker is down');
like($runbook->run('CONNECTING', 1), qr/^CONNECTING\|.*^heartbeat\.brokers\|127/ms, 'the query shows the address of the brokers');
$kafka->start;
state_is('RUNNING', '', 'the broker runs again');
$node->safe_psql('postgres', q{ALTER SYSTEM SET heartbeat.brokers = '127.0.0.1:1'});
$runbook->run('CONNECTING', 2);
state_is('CONNECTING', 'refused', 'a wrong address');
$node->safe_psql('postgres', 'ALTER SYSTEM RESET heartbeat.brokers');
$runbook->run('CONNECTING', 2);
state_is('RUNNING', '', 'the address is corrected and the configuration is reloaded');
$node->set('heartbeat.topic' => 'hartbeat-events');
state_is('CONNECTING', 'topic "hartbeat-events" does not exist', 'the topic does not exist');
$node->set('heartbeat.topic' => $topic);
$feed->publish(100);
$feed->assert_stored($node, 'every reading is stored when the topic is corrected');

# An operator pauses ingest.
$node->psql('heartbeat', q{SELECT heartbeat_pause('the disk is being replaced')}, extra_params => [ '-U', 'heartbeat_operator' ]);
state_is('PAUSED', 'the disk is being replaced \| heartbeat_resume', 'an operator has paused ingest');
like($runbook->run('PAUSED', 1), qr/^\|pause\|the disk is being replaced\|heartbeat_operator\|.*\|heartbeat_operator\|pause\|the disk/ms, 'the query shows who paused ingest, when and why');
$feed->publish(100);
$runbook->run('PAUSED', 2);
$feed->assert_stored($node, 'every reading is stored after heartbeat_resume()');

# The workers' role has lost a right.
$node->query('REVOKE INSERT ON heartbeat_records FROM heartbeat_worker');
$feed->publish(100);
state_is('RETRYING', 'permission denied for table heartbeat_records.*heartbeat tries again automatically', 'a right is missing');
like($runbook->run('RETRYING', 1), qr/^RETRYING\|.*^heartbeat_records$/ms, 'the query names the table of the missing right');
$runbook->run('RETRYING', 2);
$feed->assert_stored($node, 'every reading is stored when the right is granted');
state_is('RUNNING', '', 'the right is granted');
is($node->count('heartbeat_dead_letters'), 0, 'a missing right makes no dead letter');

# A user has locked a table, and left the transaction open.
my ($in, $out) = ("SELECT 'pid ' || pg_backend_pid();\nBEGIN;\nLOCK TABLE heartbeat_records;\n\\echo locked\n", '');
my $session = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('heartbeat') . ' application_name=coffee' ], '<', \$in, '>', \$out, '2>&1');
$session->pump until $out =~ /^locked$/m;
my ($holder) = $out =~ /^pid (\d+)$/m;
$feed->publish(100);
state_is('STALLED', qq{a batch has been waiting.*process $holder .*"coffee".* holds a lock.*pg_terminate_backend}, 'a table is locked');
like($runbook->run('STALLED', 1), qr/^$holder\|\w+\|coffee\|idle in transaction\|.*LOCK TABLE heartbeat_records/m, 'the query shows the session that holds the lock');
is($runbook->run('STALLED', 2), "$holder|t", 'the runbook ends this session');
$feed->assert_stored($node, 'the batch that waited is stored');
state_is('RUNNING', '', 'the lock is released');
eval { $session->finish };

# A producer does not end its transaction.
my $producer = $kafka->producer($topic, '--transaction', 'open', '-X', 'linger.ms=0', '--abort');
$producer->send({ partition => 1, value => reading('CUST-OPEN', 70, reading_time(time)) });
state_is('STALLED', 'Kafka has delivered nothing of partition 1 ', 'a transaction in Kafka is open');
like($runbook->run('STALLED', 3), qr/^1\|\d+\|\d+\|1\|/, 'the query shows the partition, and that Kafka has more messages');
$producer->finish;
state_is('RUNNING', '', 'the transaction is aborted');
$feed->assert_stored($node, 'every reading of the topic is stored');

# The topic is recreated, so the stored offsets belong to messages of the deleted topic.
$kafka->delete_topic($topic);
state_is('CONNECTING', 'does not exist', 'the topic is deleted');
$kafka->create_topic($topic, 2);
$kafka->produce($topic, reading_stream(4000, 2, start => time - 7200));
state_is('FAILED', 'was (?:probably )?deleted.*heartbeat_seek', 'the topic was recreated');
like($runbook->run('FAILED', 1), qr/^default\|.*?topic .*? was (?:probably )?deleted.*^default\|heartbeat-events\|0\|\d+\|/ms, 'the query shows the stored offsets of the topic');
like($runbook->run('FAILED', 2), qr/^0\|\d+\|0\n1\|\d+\|0$/m, 'the runbook seeks each partition to its beginning');
$node->wait_for_offsets($topic, 2000, 2000);
state_is('RUNNING', '', 'all messages of the recreated topic are read');
is($node->query("SELECT sum(records + anomalies) FROM heartbeat_offsets WHERE topic = '$topic'"), $feed->count + 4000, 'the readings of the old topic and of the recreated topic are stored');
$node->assert_audit;

# Kafka has removed messages before the worker has read them.
$node->query("SELECT heartbeat_pause('long enough')");
$kafka->produce($topic, reading_stream(4000, 2, start => time - 7200, first => 4000));
$kafka->truncate($topic, 0, 3000);
$node->query('SELECT heartbeat_resume()');
state_is('FAILED', 'Kafka no longer holds offset 2000 of partition 0', 'the next message was removed');
$runbook->run('FAILED', 3);
$node->wait_for_offsets($topic, 4000, 4000);
state_is('RUNNING', '', 'the worker continues where Kafka begins');
like($runbook->run('FAILED', 4), qr/^default\|heartbeat-events\|0\|2000\|3000\|1000\|/, 'heartbeat_gaps records the lost messages');
$runbook->run('FAILED', 5);
$node->wait_for_query('SHOW heartbeat.offset_reset', 'error', 'heartbeat.offset_reset is "error" again, so the next loss stops the worker');

# No worker runs.
$node->set('heartbeat.brokers' => '');
state_is('STOPPED', 'heartbeat.brokers is empty', 'heartbeat.brokers is empty');
$node->safe_psql('postgres', 'ALTER SYSTEM RESET heartbeat.brokers');
# With max_worker_processes = 1 PostgreSQL does not register heartbeat's launcher.
$node->safe_psql('postgres', 'ALTER SYSTEM SET max_worker_processes = 1');
$node->restart;
state_is('STOPPED', 'no background worker can be started \| Raise max_worker_processes', 'the launcher cannot be started');
$node->safe_psql('postgres', 'ALTER SYSTEM SET max_worker_processes = 2');
$node->restart;
state_is('STOPPED', 'no background worker can be started \| Raise max_worker_processes', 'no background worker can be started');
like($runbook->run('STOPPED', 1), qr/^STOPPED\|no background.*^max_worker_processes\|2\|f\n.*^heartbeat launcher\|1$/ms, 'the query shows the setting and the processes that run');
$runbook->run('STOPPED', 2);
$node->restart;
state_is('RUNNING', '', 'max_worker_processes is large enough');

# Both workers end, and the launcher cannot start them again, because the test has stopped the launcher.
my $launcher = $node->worker_pid('heartbeat launcher');
kill('STOP', $launcher) or die "kill $launcher: $!";
$node->query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type LIKE 'heartbeat worker%'");
state_is('RETRYING', '0 of 2 workers run \| The server\'s log says why', 'no worker runs');
kill('CONT', $launcher);
state_is('RUNNING', '', 'the launcher has started the workers again');

$runbook->assert_all_run('Operations', 'Before the first night', 'States');
$node->assert_audit;
$node->assert_no_crash;
$kafka->stop;
done_testing();
