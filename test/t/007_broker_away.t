# A worker waits for a missing broker, topic, database or extension. The status names the missing one, and the log names it only
# once. When it exists again, the worker reads messages.

use strict;
use warnings;

use File::Basename;
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

my $kafka = Heartbeat::Kafka->new('away');
my $node = Heartbeat::Cluster->create('away', kafka => $kafka, extension => 0, start => 0);
$node->start;

# Returns the id of the main thread of the worker's Kafka client, or undef if the worker has no client now. If the id changes,
# the worker has a new client.
sub client_thread
{
	my ($thread) = grep { (eval { slurp_file("$_/comm") } // '') eq "rdk:main\n" } glob '/proc/' . $node->worker_pid('heartbeat worker') . '/task/*';
	return defined $thread ? basename($thread) : undef;
}

my $logged = sub { $node->log_matches(qr/heartbeat: $_[0]/) };

# Without a database no query can read heartbeat_status, so the test reads the log.
$node->wait_for_log(qr/heartbeat: STOPPED: database "heartbeat" does not exist/);
pass('the log names the missing database');

$node->safe_psql('postgres', 'CREATE DATABASE heartbeat');
ok($node->poll_query_until('postgres', "SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type = 'heartbeat worker'"),
	'a worker finds the new database without a restart');
$node->wait_for_log(qr/heartbeat: STOPPED: extension "heartbeat" is not in this database/);
is($logged->('STOPPED: database'),  1, 'the log names the missing database once');
is($logged->('STOPPED: extension'), 1, 'the log names the missing extension once');

$node->query('CREATE EXTENSION heartbeat');
$node->wait_for_state('CONNECTING', undef, 'the worker finds the new extension without a restart, and is CONNECTING without a broker');
isnt($node->status->{reason}, '', 'the status gives a reason for CONNECTING');

# In 4 seconds the client tries to connect several times, but the log does not repeat the state.
$node->wait_for_query("SELECT clock_timestamp() > since + interval '4 s' FROM heartbeat_status", 't', 'the worker stays CONNECTING for 4 seconds');
cmp_ok($logged->('CONNECTING'), '<=', 2, 'the log does not repeat a state that stays the same');

$kafka->start;
$node->wait_for_state('CONNECTING', 'heartbeat-events', 'the status names the missing topic');
$kafka->create_topic('heartbeat-events', 2);
$node->wait_for_state('RUNNING');
$kafka->produce('heartbeat-events', reading_stream(1_000, 2));
$node->wait_for_offsets('heartbeat-events', 500, 500);
is($node->status->{reason} // '', '', 'a RUNNING worker shows no reason');

# The broker stops and starts again.
$kafka->stop;
$node->wait_for_state('CONNECTING', undef, 'the worker reports CONNECTING when the broker is gone');

# If no broker answers, a Kafka client can forget all brokers. So after some time the worker makes a new client.
my $client   = client_thread();
my $deadline = time + 60;
usleep(100_000) while time < $deadline && (client_thread() // $client) == $client;
isnt(client_thread() // $client, $client, 'the worker replaces a client that gets no answer');
my $position = $node->log_position;
$kafka->start;
$kafka->produce('heartbeat-events', reading_stream(1_000, 2, first => 1_000));
$node->wait_for_offsets('heartbeat-events', 1_000, 1_000);
$node->wait_for_state('RUNNING');
is($node->log_matches(qr/heartbeat: RUNNING/, $position), 1, 'the log says once that the worker is RUNNING again');

# If librdkafka repeats a log message, heartbeat logs this message at most once a minute. When the worker is RUNNING again,
# heartbeat logs how many repetitions it has not logged.
is($logged->('librdkafka: _ALL_BROKERS_DOWN'), 1, 'a repeated message of librdkafka is logged once');
cmp_ok($logged->('librdkafka: \d+ more messages similar to "_ALL_BROKERS_DOWN'), '>=', 1, 'the log then counts the repeated messages');

# A broker stops answering, but its connections stay open.
$kafka->freeze;
my @messages = reading_stream(1_000, 2, first => 2_000);
is($node->query('SELECT 1'), 1, 'the server answers while the broker is frozen');
$kafka->thaw;
$kafka->wait_until_ready;
$kafka->produce('heartbeat-events', @messages);
$node->wait_for_offsets('heartbeat-events', 1_500, 1_500);

# While the broker does not answer, the server must stop within ten seconds.
$kafka->freeze;
my $began = time;
$node->stop('fast');
cmp_ok(time - $began, '<', 10, 'the server stops within ten seconds while the broker is frozen');
$kafka->thaw;
$node->start;
$node->wait_for_state('RUNNING');

# A user drops the extension and creates it again. The new tables are empty, so the worker reads the topic from its beginning.
$node->query('DROP EXTENSION heartbeat CASCADE');
$node->query('CREATE EXTENSION heartbeat');
$node->wait_for_offsets('heartbeat-events', 1_500, 1_500);
$node->assert_audit;
$node->assert_no_crash;
$kafka->stop;
done_testing();
