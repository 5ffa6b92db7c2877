# Each state with a real cause: what heartbeat_status says, since when, why and what to do; how far behind it is; right
# from the first moment after a restart, and while somebody has locked the tables.

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

# The status in a line, as whoever is on call would read it: it may not wait for anything.
my $line = "SET statement_timeout = '3s'; SELECT concat_ws(' | ', state, reason, hint, lag_messages, since IS NOT NULL) FROM heartbeat_status";

# Healthy and idle.
$feed->publish(1000);
$feed->assert_stored($node, 'readings are stored');
$node->wait_for_query($line, 'RUNNING | 0 | t', 'healthy and idle: running, no lag, nothing to do');
is($node->query('SELECT lag_seconds, workers FROM heartbeat_status'), '0|1', 'behind by no second, with the worker');
cmp_ok($node->query('SELECT messages_per_second FROM heartbeat_status'), '>=', 1000 / 60, 'the rate is that of the last minute');
is( $node->query('SELECT partition, lag_messages, lag_seconds FROM heartbeat_partitions ORDER BY 1'), "0|0|0\n1|0|0", 'nor is a partition');
is( $node->query("SELECT application_name, state, query FROM pg_stat_activity WHERE backend_type = 'heartbeat worker'"),
	'heartbeat worker 0|idle|waiting for messages', 'pg_stat_activity says what the worker does');
is( $node->query("SELECT string_agg(application_name, ', ' ORDER BY application_name) FROM pg_stat_activity WHERE backend_type LIKE 'heartbeat%'"),
	'heartbeat launcher, heartbeat maintenance, heartbeat worker 0', 'and which of the processes it is');

# Paused, with readings that wait.
$node->query("SELECT heartbeat_pause('disk is being replaced')");
is($node->query($line), 'PAUSED | disk is being replaced | heartbeat_resume() goes on. | 0 | t', 'paused at once: why, and what to do');
$feed->publish(100);
$node->wait_for_query('SELECT lag_messages, lag_seconds > 0 FROM heartbeat_status', '100|t', 'the lag grows, in messages and in seconds');
is($node->query('SELECT lag_messages, lag_seconds > 0 FROM heartbeat_partitions ORDER BY partition'), "50|t\n50|t", 'for each partition too');
is($node->query('BEGIN; SELECT heartbeat_resume(); SELECT state FROM heartbeat_status; ROLLBACK') =~ /PAUSED/ ? 'PAUSED' : 'not yet',
	'PAUSED', 'a resume that has not committed has not resumed');

# From the first moment after a restart: starting or paused, and not stopped or in trouble.
sub states_after_restart
{
	my ($until) = @_;
	$node->restart;
	my (%seen, $now);
	do { $now = $node->query('SELECT state FROM heartbeat_status'); $seen{$now}++; } until $now eq $until or $seen{$now} > 500;
	return join ' ', sort keys %seen;
}
like(states_after_restart('PAUSED'), qr/^(CONNECTING )?PAUSED$/, 'after a restart it is still paused');
$node->wait_for_query('SELECT lag_messages FROM heartbeat_status', 100, 'and as far behind');
$node->query('SELECT heartbeat_resume()');
$feed->assert_stored($node, 'resumed');
like(states_after_restart('RUNNING'), qr/^(CONNECTING )?RUNNING$/, 'after a restart it is connecting, then running');

# A locked table: the status waits for nobody, and says who does.
my $user = $node->background_psql('heartbeat');
$user->query_safe('BEGIN; LOCK TABLE heartbeat_offsets, heartbeat_control IN ACCESS EXCLUSIVE MODE');
is($node->query($line), 'RUNNING | 0 | t', 'heartbeat_status answers while its tables are locked');
my $one  = { partition => 0, value => reading('LATE', 70, reading_time(time)) };
my $late = $kafka->producer('heartbeat-events', '-X', 'linger.ms=0');    # does not take longer than the worker waits for a lock
$late->send($one);
$feed->add($one);
$node->wait_for_query($line, qr/^STALLED \| a batch has been waiting for \d+ seconds to be stored: process \d+ .* holds a lock on table "heartbeat_\w+" \| Ask that user to end the transaction, or end it: SELECT pg_terminate_backend.* \| 1 \| t$/,
	'a batch that waits for a lock is a stall, with who holds it and the lag that the workers know');
is($node->query("SELECT query FROM pg_stat_activity WHERE backend_type = 'heartbeat worker'"), 'storing a batch of messages', 'pg_stat_activity says so too');
cmp_ok($node->query("SELECT cardinality(pg_blocking_pids(pid)) FROM pg_stat_activity WHERE backend_type = 'heartbeat worker'"), '>', 0, 'and the hint leads to who has the lock');
$user->query_safe('COMMIT');
$user->quit;
$late->finish;
$feed->assert_stored($node, 'afterwards all is stored');
$node->wait_for_query($line, 'RUNNING | 0 | t', 'and it runs');

# An error of the database.
$node->query(q{CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS
	$$ BEGIN RAISE 'the night shift' USING ERRCODE = 'lock_not_available'; END $$});
$node->query('CREATE TRIGGER refuse BEFORE UPDATE ON heartbeat_offsets EXECUTE FUNCTION refuse()');
$feed->publish(100);
$node->wait_for_query($line, qr/^RETRYING \| the night shift \| .*It is tried again by itself;.* \| 100 \| t$/, 'an error of the database: retrying, and why');
is($node->query("SELECT last_error, last_error_at > now() - interval '1 minute' FROM heartbeat_status"), 'the night shift|t', 'with the last error and when');
$node->query('DROP TRIGGER refuse ON heartbeat_offsets');
$feed->assert_stored($node, 'the error is over');

# Lag and no progress: a producer has not ended its transaction, and Kafka gives nothing from behind it.
my $producer = $kafka->producer('heartbeat-events', '--transaction', 'open', '-X', 'linger.ms=0', '--abort');
$producer->send({ partition => 1, value => reading('CUST-OPEN', 70, reading_time(time)) });
$node->wait_for_query($line, qr/^STALLED \| partition 1 has had nothing to read for \d+ seconds, and ends at \d+, 1 behind.* \| 1 \| t$/,
	'lag and no progress is a stall that names the partition');
$feed->publish(100);
$node->wait_for_query('SELECT next_offset = high_watermark FROM heartbeat_partitions WHERE partition = 0', 't', 'the other partition goes on meanwhile');
is($node->status->{state}, 'STALLED', 'which does not hide it');
$producer->finish;
$node->wait_for_query($line, 'RUNNING | 0 | t', 'the transaction is aborted: the stall is over');
$feed->assert_stored($node, 'and what was behind it is stored');

# A broker that is away.
$kafka->stop;
$node->wait_for_query($line, qr/^CONNECTING \| .*\| .*(?:Check that the brokers run|Check the broker).*\| t$/, 'a broker that is away: connecting, and what to check');
$kafka->start;
$node->wait_for_state('RUNNING');

# A stop that needs a person.
$node->set('heartbeat.kafka_config_file' => '/nowhere');
$node->wait_for_query($line, qr{^FAILED \| .*kafka_config_file names cannot be read: .* \| Correct the setting and reload the configuration\.}, 'a setting that cannot be: failed, and what to do');
$node->set('heartbeat.kafka_config_file' => $properties);
$node->wait_for_state('RUNNING');
$node->set('heartbeat.brokers' => '');
$node->wait_for_query($line, qr/^STOPPED \| heartbeat.brokers is empty \| Set it/, 'no brokers: stopped, and what to set');
$node->set('heartbeat.brokers' => $kafka->brokers);
$node->wait_for_state('RUNNING');

$feed->assert_stored($node, 'in the end');
$node->assert_no_crash;
$kafka->stop;
done_testing();
