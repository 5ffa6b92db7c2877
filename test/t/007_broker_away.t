# What is not there is waited for: a broker, a topic, a database, the extension. The status says so, the log says so
# once, and reading begins when it appears.

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

# The thread of the worker's Kafka client that is there as long as the client is; none between two.
sub client_thread
{
	my ($thread) = grep { (eval { slurp_file("$_/comm") } // '') eq "rdk:main\n" } glob '/proc/' . $node->worker_pid('heartbeat worker') . '/task/*';
	return defined $thread ? basename($thread) : undef;
}

my $logged = sub { $node->log_matches(qr/heartbeat: $_[0]/) };

# Without a database there is no heartbeat_status to ask: the log is what tells.
$node->wait_for_log(qr/heartbeat: STOPPED: database "heartbeat" does not exist/);
pass('a missing database is named');

$node->safe_psql('postgres', 'CREATE DATABASE heartbeat');
ok($node->poll_query_until('postgres', "SELECT count(*) > 0 FROM pg_stat_activity WHERE backend_type = 'heartbeat worker'"),
	'the database is found by itself');
$node->wait_for_log(qr/heartbeat: STOPPED: extension "heartbeat" is not in this database/);
is($logged->('STOPPED: database'),  1, 'the missing database is logged once');
is($logged->('STOPPED: extension'), 1, 'so is the missing extension');

$node->query('CREATE EXTENSION heartbeat');
$node->wait_for_state('CONNECTING', undef, 'the extension is found by itself; a broker that is not there is CONNECTING');
isnt($node->status->{reason}, '', 'with a reason');

# Several attempts to connect later, it is still one line in the log.
$node->wait_for_query("SELECT clock_timestamp() > since + interval '4 s' FROM heartbeat_status", 't', 'the state stays');
cmp_ok($logged->('CONNECTING'), '<=', 2, 'a state that stays is not logged again and again');

$kafka->start;
$node->wait_for_state('CONNECTING', 'heartbeat-events', 'a missing topic is named');
$kafka->create_topic('heartbeat-events', 2);
$node->wait_for_state('RUNNING');
$kafka->produce('heartbeat-events', reading_stream(1_000, 2));
$node->wait_for_offsets('heartbeat-events', 500, 500);
is($node->status->{reason} // '', '', 'a running worker needs no reason');

# A broker that goes away and comes back.
$kafka->stop;
$node->wait_for_state('CONNECTING', undef, 'a broker that went away is CONNECTING');

# A client may have forgotten every broker there was, so another one takes its place.
my $client   = client_thread();
my $deadline = time + 60;
usleep(100_000) while time < $deadline && (client_thread() // $client) == $client;
isnt(client_thread() // $client, $client, 'a client that gets no answer gives way to a new one');
my $position = $node->log_position;
$kafka->start;
$kafka->produce('heartbeat-events', reading_stream(1_000, 2, first => 1_000));
$node->wait_for_offsets('heartbeat-events', 1_000, 1_000);
$node->wait_for_state('RUNNING');
is($node->log_matches(qr/heartbeat: RUNNING/, $position), 1, 'that it runs again is logged once');

# What librdkafka said each time is a line within a minute, and a count when it is over.
is($logged->('librdkafka: _ALL_BROKERS_DOWN'), 1, 'notes that are alike are logged once');
cmp_ok($logged->('librdkafka: \d+ more like "_ALL_BROKERS_DOWN'), '>=', 1, 'and then how many more there were');

# One that stops answering, with its connections open.
$kafka->freeze;
my @messages = reading_stream(1_000, 2, first => 2_000);
is($node->query('SELECT 1'), 1, 'a frozen broker does not hold up the server');
$kafka->thaw;
$kafka->wait_until_ready;
$kafka->produce('heartbeat-events', @messages);
$node->wait_for_offsets('heartbeat-events', 1_500, 1_500);

# The server stops in time although the broker does not answer.
$kafka->freeze;
my $began = time;
$node->stop('fast');
cmp_ok(time - $began, '<', 10, 'a frozen broker does not hold up a shutdown');
$kafka->thaw;
$node->start;
$node->wait_for_state('RUNNING');

# The extension goes and comes back; its tables, and with them its positions, are new.
$node->query('DROP EXTENSION heartbeat CASCADE');
$node->query('CREATE EXTENSION heartbeat');
$node->wait_for_offsets('heartbeat-events', 1_500, 1_500);
$node->assert_audit;
$node->assert_no_crash;
$kafka->stop;
done_testing();
