# The runbook's first half, walked: each state is caused for real, heartbeat_status tells it rightly, and what
# docs/operations.md says to do ends it. Every SQL block of that half is run, as the operator or as a superuser.

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

# What a person reads first, and is called by.
$feed->publish(1000);
$feed->assert_stored($node, 'it reads');
$runbook->run('Before the first night', $_) for 1, 2;
like($runbook->run('Operations', 1), qr/^RUNNING\|.*\n.*start/s, 'the first look shows the state and what has happened');

# Slow, since somebody put a trigger on the readings.
$node->query(q{CREATE FUNCTION audit_reading() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN PERFORM pg_sleep(0.005); RETURN NEW; END $$;
	CREATE TRIGGER audit_reading BEFORE INSERT ON heartbeat_records FOR EACH ROW EXECUTE FUNCTION audit_reading()});
$feed->publish(2000);
$node->wait_for_query('SELECT state, lag_messages > 0, lag_seconds > 0 FROM heartbeat_status', 'RUNNING|t|t', 'it runs, and is behind');
$runbook->look('the lag grows');
like($runbook->run('Lag grows', 1), qr/^[01]\|\d{2,}\|.*^0\.25\|\d+\n.*^\+Inf\|\d+$/ms, 'the partitions that lag, and how long batches take');
like($runbook->run('Lag grows', 2), qr/^heartbeat_records\|audit_reading$/m, 'what slows them is a trigger');
$node->query('DROP TRIGGER audit_reading ON heartbeat_records');
$feed->assert_stored($node, 'without it the lag is gone');
$runbook->run('Lag grows', 3);
$node->restart;
$node->wait_for_query('SELECT state, workers FROM heartbeat_status', 'RUNNING|2', 'with two workers');
$feed->publish(100);
$feed->assert_stored($node, 'they share the partitions');

# Idle: nothing to do.
my $idle = $runbook->run('Nothing arrives', 1);
like($idle, qr/^0\|(\d+)\|\1\|0\|.*^1\|(\d+)\|\2\|0\|.*^heartbeat-events\|127.*^total_records\|3007$/ms, 'idle: all that is in the topic is stored');
is($node->status->{state}, 'RUNNING', 'and it runs');

# Kafka is away, somewhere else, or without the topic.
$kafka->stop;
state_is('CONNECTING', 'Check that the brokers run', 'the broker is away');
like($runbook->run('CONNECTING', 1), qr/^CONNECTING\|.*^heartbeat\.brokers\|127/ms, 'where it looks');
$kafka->start;
state_is('RUNNING', '', 'the broker is back: it goes on by itself');
$node->safe_psql('postgres', q{ALTER SYSTEM SET heartbeat.brokers = '127.0.0.1:1'});
$runbook->run('CONNECTING', 2);
state_is('CONNECTING', 'refused', 'a wrong address');
$node->safe_psql('postgres', 'ALTER SYSTEM RESET heartbeat.brokers');
$runbook->run('CONNECTING', 2);
state_is('RUNNING', '', 'the address is corrected, and read again');
$node->set('heartbeat.topic' => 'hartbeat-events');
state_is('CONNECTING', 'topic "hartbeat-events" does not exist', 'a topic that is not there');
$node->set('heartbeat.topic' => $topic);
$feed->publish(100);
$feed->assert_stored($node, 'corrected');

# Paused by somebody.
$node->psql('heartbeat', q{SELECT heartbeat_pause('the disk is being replaced')}, extra_params => [ '-U', 'heartbeat_operator' ]);
state_is('PAUSED', 'the disk is being replaced \| heartbeat_resume', 'paused');
like($runbook->run('PAUSED', 1), qr/^pause\|the disk is being replaced\|heartbeat_operator\|.*\|heartbeat_operator\|pause\|the disk/ms, 'who paused, when and why');
$feed->publish(100);
$runbook->run('PAUSED', 2);
$feed->assert_stored($node, 'resumed');

# The workers' role has lost a right.
$node->query('REVOKE INSERT ON heartbeat_records FROM heartbeat_worker');
$feed->publish(100);
state_is('RETRYING', 'permission denied for table heartbeat_records.*It is tried again by itself', 'a right is missing');
like($runbook->run('RETRYING', 1), qr/^RETRYING\|.*^heartbeat_records$/ms, 'which one');
$runbook->run('RETRYING', 2);
$feed->assert_stored($node, 'the right is given');
state_is('RUNNING', '', 'and it runs');
is($node->count('heartbeat_dead_letters'), 0, 'nothing became a dead letter');

# Somebody has locked a table, and gone for a coffee.
my ($in, $out) = ("SELECT 'pid ' || pg_backend_pid();\nBEGIN;\nLOCK TABLE heartbeat_records;\n\\echo locked\n", '');
my $session = IPC::Run::start([ 'psql', '-XAtq', '-d', $node->connstr('heartbeat') . ' application_name=coffee' ], '<', \$in, '>', \$out, '2>&1');
$session->pump until $out =~ /^locked$/m;
my ($holder) = $out =~ /^pid (\d+)$/m;
$feed->publish(100);
state_is('STALLED', qq{a batch has been waiting.*process $holder .*"coffee".* holds a lock.*pg_terminate_backend}, 'a table is locked');
like($runbook->run('STALLED', 1), qr/^$holder\|\w+\|coffee\|idle in transaction\|.*LOCK TABLE heartbeat_records/m, 'by whom');
is($runbook->run('STALLED', 2), "$holder|t", 'that session is ended');
$feed->assert_stored($node, 'and what waited is stored');
state_is('RUNNING', '', 'the stall is over');
eval { $session->finish };

# A producer's transaction that nobody ends.
my $producer = $kafka->producer($topic, '--transaction', 'open', '-X', 'linger.ms=0', '--abort');
$producer->send({ partition => 1, value => reading('CUST-OPEN', 70, reading_time(time)) });
state_is('STALLED', 'partition 1 has had nothing to read', 'an open transaction');
like($runbook->run('STALLED', 3), qr/^1\|\d+\|\d+\|1\|/, 'the partition, and that Kafka has more');
$producer->finish;
state_is('RUNNING', '', 'the transaction is aborted');
$feed->assert_stored($node, 'all of the first topic');

# The topic is made again: its offsets mean other messages now.
$kafka->delete_topic($topic);
state_is('CONNECTING', 'does not exist', 'the topic is gone');
$kafka->create_topic($topic, 2);
$kafka->produce($topic, reading_stream(4000, 2, start => time - 7200));
state_is('FAILED', 'was deleted.*heartbeat_seek', 'the topic was made again');
like($runbook->run('FAILED', 1), qr/topic .*? was deleted.*^heartbeat-events\|0\|\d+\|/ms, 'what is stored of it');
like($runbook->run('FAILED', 2), qr/^0\|\d+\|0\n1\|\d+\|0$/m, 'each partition is sought to its beginning');
$node->wait_for_offsets($topic, 2000, 2000);
state_is('RUNNING', '', 'all of the new topic is read');
is($node->query("SELECT sum(records + anomalies) FROM heartbeat_offsets WHERE topic = '$topic'"), $feed->count + 4000, 'beside what the old one gave');
$node->assert_audit;

# Kafka has been quicker to forget than the database to read.
$node->query("SELECT heartbeat_pause('long enough')");
$kafka->produce($topic, reading_stream(4000, 2, start => time - 7200, first => 4000));
$kafka->truncate($topic, 0, 3000);
$node->query('SELECT heartbeat_resume()');
state_is('FAILED', 'Kafka no longer holds offset 2000 of partition 0', 'what was to be read next is gone');
$runbook->run('FAILED', 3);
$node->wait_for_offsets($topic, 4000, 4000);
state_is('RUNNING', '', 'it goes on where Kafka begins');
like($runbook->run('FAILED', 4), qr/^heartbeat-events\|0\|2000\|3000\|1000\|/, 'and what was lost is written down');
$runbook->run('FAILED', 5);
$node->wait_for_query('SHOW heartbeat.offset_reset', 'error', 'the next loss stops it again');

# No worker.
$node->set('heartbeat.brokers' => '');
state_is('STOPPED', 'heartbeat.brokers is empty', 'no brokers');
$node->safe_psql('postgres', 'ALTER SYSTEM RESET heartbeat.brokers');
$node->safe_psql('postgres', 'ALTER SYSTEM SET max_worker_processes = 2');
$node->restart;
state_is('STOPPED', 'no background worker can be started \| Raise max_worker_processes', 'no room for a worker');
like($runbook->run('STOPPED', 1), qr/^STOPPED\|no background.*^max_worker_processes\|2\|f\n.*^heartbeat launcher\|1$/ms, 'what is set, and who runs');
$runbook->run('STOPPED', 2);
$node->restart;
state_is('RUNNING', '', 'with room they start');

$runbook->assert_all_run('Operations', 'Before the first night', 'States');
$node->assert_audit;
$node->assert_no_crash;
$kafka->stop;
done_testing();
