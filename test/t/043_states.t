# Causes each state by a real event, and checks heartbeat_status: the state, its beginning, the reason, the hint and the lag.
# heartbeat_status must be right from the first moment after a restart, and while another session has locked the tables.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Feed;
use Heartbeat::Kafka;
use Heartbeat::Reading;

my $kafka = Heartbeat::Kafka->new('states');
$kafka->start;
my $feed       = Heartbeat::Feed->new($kafka, 2);
my $properties = PostgreSQL::Test::Utils::tempdir . '/kafka.properties';
append_to_file($properties, "topic.metadata.refresh.interval.ms=500\n");
chmod 0600, $properties;
my $node = Heartbeat::Cluster->create('states', kafka => $kafka, owner => 'heartbeat_owner',
	settings => { 'heartbeat.stall_timeout' => '1s', 'heartbeat.kafka_config_file' => $properties });

# This query returns the status as one line, in the order in which a person on call reads the columns. The query must return
# within three seconds, even while the tables are locked.
my $line = "SET statement_timeout = '3s'; SELECT concat_ws(' | ', state, reason, hint, lag_messages, since IS NOT NULL) FROM heartbeat_status";

# The worker has stored all messages, and no more messages arrive.
$feed->publish(1000);
$feed->assert_stored($node, 'readings are stored before the states are tested');
$node->wait_for_query($line, 'RUNNING | 0 | t', 'an idle worker is RUNNING, without lag and without a hint');
is($node->query('SELECT lag_seconds, workers FROM heartbeat_status'), '0|1', 'the lag is 0 seconds with one worker');
cmp_ok($node->query('SELECT messages_per_second FROM heartbeat_status'), '>=', 1000 / 60, 'messages_per_second counts the messages of the last minute');
is( $node->query('SELECT partition, lag_messages, lag_seconds FROM heartbeat_partitions ORDER BY 1'), "0|0|0\n1|0|0", 'each Kafka partition is without lag');
$node->wait_for_query("SELECT application_name, state, query FROM pg_stat_activity WHERE backend_type = 'heartbeat worker'",
	'heartbeat worker 0|idle|waiting for messages', 'pg_stat_activity shows what the worker does');
is( $node->query("SELECT string_agg(application_name, ', ' ORDER BY application_name) FROM pg_stat_activity WHERE backend_type LIKE 'heartbeat%'"),
	'heartbeat launcher, heartbeat maintenance, heartbeat worker 0', 'pg_stat_activity shows a different name for each process of heartbeat');

# The worker is paused, and readings wait.
$node->query("SELECT heartbeat_pause('disk is being replaced')");
is($node->query($line), 'PAUSED | disk is being replaced | heartbeat_resume() resumes ingest. | 0 | t', 'the status is PAUSED at once, with reason and hint');
$feed->publish(100);
$node->wait_for_query('SELECT lag_messages, lag_seconds > 0 FROM heartbeat_status', '100|t', 'the lag of a paused worker grows, in messages and in seconds');
is($node->query('SELECT lag_messages, lag_seconds > 0 FROM heartbeat_partitions ORDER BY partition'), "50|t\n50|t", 'the lag of each Kafka partition grows');
is($node->query('BEGIN; SELECT heartbeat_resume(); SELECT state FROM heartbeat_status; ROLLBACK') =~ /PAUSED/ ? 'PAUSED' : 'not yet',
	'PAUSED', 'heartbeat_resume() has no effect before its transaction commits');

# Returns the states that heartbeat_status shows after a restart, sorted by name. The state can first be CONNECTING, but it must
# never be STOPPED or RETRYING.
sub states_after_restart
{
	my ($until) = @_;
	$node->restart;
	my (%seen, $now);
	do { $now = $node->query('SELECT state FROM heartbeat_status'); $seen{$now}++; } until $now eq $until or $seen{$now} > 500;
	return join ' ', sort keys %seen;
}
like(states_after_restart('PAUSED'), qr/^(CONNECTING )?PAUSED$/, 'the state is PAUSED again after a restart');
$node->wait_for_query('SELECT lag_messages FROM heartbeat_status', 100, 'the lag is the same after a restart');
$node->query('SELECT heartbeat_resume()');
$feed->assert_stored($node, 'the readings are stored after heartbeat_resume()');
like(states_after_restart('RUNNING'), qr/^(CONNECTING )?RUNNING$/, 'the state is CONNECTING after a restart, then RUNNING');

# A user locks the tables: the status does not wait, and names the process that holds the lock.
my $user = $node->background_psql('heartbeat');
$user->query_safe('BEGIN; LOCK TABLE heartbeat_offsets, heartbeat_control IN ACCESS EXCLUSIVE MODE');
is($node->query($line), 'RUNNING | 0 | t', 'heartbeat_status answers while its tables are locked');
my $one  = { partition => 0, value => reading('LATE', 70, reading_time(time)) };
# send() does not wait for the delivery, so the test can query the status while the worker waits for the lock
my $late = $kafka->producer('heartbeat-events', '-X', 'linger.ms=0');
$late->send($one);
$feed->add($one);
$node->wait_for_query($line, qr/^STALLED \| a batch has been waiting for \d+ seconds to be stored: process \d+ .* holds a lock on table "heartbeat_\w+" \| Ask that user to end the transaction, or end it: SELECT pg_terminate_backend.* \| 1 \| t$/,
	'the worker is STALLED when its batch waits for a lock; the status has the process that holds the lock, and the last known lag');
is($node->query("SELECT query FROM pg_stat_activity WHERE backend_type = 'heartbeat worker'"), 'storing a batch of messages', 'pg_stat_activity shows that the worker stores a batch');
cmp_ok($node->query("SELECT cardinality(pg_blocking_pids(pid)) FROM pg_stat_activity WHERE backend_type = 'heartbeat worker'"), '>', 0, 'pg_blocking_pids() finds the process that holds the lock');
$user->query_safe('COMMIT');
$user->quit;
$late->finish;
$feed->assert_stored($node, 'all readings are stored after the lock is released');
$node->wait_for_query($line, 'RUNNING | 0 | t', 'the worker is RUNNING after the lock is released');

# The database raises an error.
$node->query(q{CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
	$$ BEGIN RAISE 'the night shift' USING ERRCODE = 'lock_not_available'; END $$});
$node->query('CREATE TRIGGER refuse BEFORE UPDATE ON heartbeat_offsets EXECUTE FUNCTION refuse()');
$feed->publish(100);
$node->wait_for_query($line, qr/^RETRYING \| the night shift \| .*heartbeat tries again automatically\..* \| 100 \| t$/, 'the worker is RETRYING after an error of the database, with the error as reason');
is($node->query("SELECT last_error, last_error_at > now() - interval '1 minute' FROM heartbeat_status"), 'the night shift|t', 'heartbeat_status has the last error and its time');
$node->query('DROP TRIGGER refuse ON heartbeat_offsets');
$feed->assert_stored($node, 'the readings are stored after the error');

# A producer has not ended its transaction, so Kafka returns no message after the beginning of this transaction. The worker has
# a lag, but cannot read further.
my $producer = $kafka->producer('heartbeat-events', '--transaction', 'open', '-X', 'linger.ms=0', '--abort');
$producer->send({ partition => 1, value => reading('CUST-OPEN', 70, reading_time(time)) });
$node->wait_for_query($line, qr/^STALLED \| Kafka has delivered nothing of partition 1 for \d+ seconds, but its end offset is \d+, 1 above.* \| 1 \| t$/,
	'the worker is STALLED when the lag stays without progress, and the reason names the Kafka partition');
$feed->publish(100);
$node->wait_for_query('SELECT next_offset = high_watermark FROM heartbeat_partitions WHERE partition = 0', 't', 'the worker reads the other Kafka partition meanwhile');
is($node->status->{state}, 'STALLED', 'the state stays STALLED although the other Kafka partition makes progress');
$producer->finish;
$node->wait_for_query($line, 'RUNNING | 0 | t', 'the worker is RUNNING when the transaction is aborted');
$feed->assert_stored($node, 'the messages after the transaction are stored');

# The broker is down.
$kafka->stop;
$node->wait_for_query($line, qr/^CONNECTING \| .*\| .*(?:Check that the brokers run|Check the broker).*\| t$/, 'the worker is CONNECTING when the broker is down, and the hint says what to check');
$kafka->start;
$node->wait_for_state('RUNNING');

# A setting is wrong or empty. The worker stops until a person corrects the setting.
$node->set('heartbeat.kafka_config_file' => '/nowhere');
$node->wait_for_query($line, qr{^FAILED \| cannot read the file in heartbeat\.kafka_config_file: .* \| Correct the setting and reload the configuration\.}, 'the worker is FAILED with an unusable setting, and the hint says what to do');
$node->set('heartbeat.kafka_config_file' => $properties);
$node->wait_for_state('RUNNING');
$node->set('heartbeat.brokers' => '');
$node->wait_for_query($line, qr/^STOPPED \| heartbeat.brokers is empty \| Set heartbeat.brokers/, 'without brokers the worker is STOPPED, and the hint says what to set');
$node->set('heartbeat.brokers' => $kafka->brokers);
$node->wait_for_state('RUNNING');

$feed->assert_stored($node, 'all readings are stored after the last state');
$node->assert_no_crash;
$kafka->stop;
done_testing();
