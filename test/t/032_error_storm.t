# Tests error storms: the brokers do not exist, fail repeatedly, or other servers answer at their addresses. The worker reports
# a reason, uses little CPU time and memory, and logs little. When Kafka is back, the worker reads again at once. No reading is
# lost, and no process ends.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);
use Heartbeat::Cluster;
use Heartbeat::Impostor;
use Heartbeat::Kafka;
use Heartbeat::Reading;

my $topic = 'heartbeat-events';
my $kafka = Heartbeat::Kafka->new('storm');
$kafka->start;
$kafka->create_topic($topic, 2, 'max.message.bytes=12000000');
my $node      = Heartbeat::Cluster->create('storm', kafka => $kafka);
my $published = 0;
my @ends;

# Publishes a few readings and waits until the readings are stored.
sub reads_on
{
	my ($what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $began = time;
	$kafka->produce($topic, reading_stream(100, 2, first => $published));
	$published += 100;
	@ends = $kafka->end_offsets($topic);
	$node->wait_for_offsets($topic, @ends);
	$node->wait_for_state('RUNNING');
	return note sprintf '%s: %.1f s', $what, time - $began;
}
reads_on('at first');
my ($worker) = $node->worker_pids('heartbeat worker%');

# Returns the CPU seconds and the private memory in MiB of the worker.
sub spent
{
	my @stat = split / /, slurp_file("/proc/$worker/stat") =~ s/^.*\) //sr;
	my ($memory) = slurp_file("/proc/$worker/status") =~ /^RssAnon:\s+(\d+) kB/m;
	return (($stat[11] + $stat[12]) / 100, $memory / 1024);
}

# Measures the worker's CPU time, memory and log lines during an error storm of $seconds seconds.
sub endure
{
	my ($what, $seconds, $state) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $position = $node->log_position;
	my ($processor, $memory) = spent();
	my $began = time;
	usleep(50_000) while time < $began + $seconds;
	my ($processor_after, $memory_after) = spent();
	my $lines = $node->log_matches(qr/^/m, $position);
	cmp_ok($lines, '<=', 30, "$what: $lines lines in the log");
	my $share = ($processor_after - $processor) / (time - $began);
	cmp_ok($share, '<', 0.25, sprintf '%s: %.0f %% of a processor', $what, 100 * $share);
	cmp_ok($memory_after - $memory, '<', 24, sprintf '%s: %+.1f MiB', $what, $memory_after - $memory);
	$node->wait_for_state($state, undef, "$what: the state is $state") if defined $state;
	return;
}

# Other servers answer at the addresses in heartbeat.brokers, or no server answers.
my @impostors = map { Heartbeat::Impostor->new($_) } qw(reset garbage silence http);
my %storms    = (
	(map { ("a server of $_->{manners}" => $_->address) } @impostors),
	'nobody'                 => '127.0.0.1:' . PostgreSQL::Test::Cluster::get_free_port(),
	'an unknown name'        => 'no-such-host.invalid:9092',
	'a hundred unknown'      => join(',', map { "no-such-host-$_.invalid:9092" } 'aa' .. 'dv'),
	'a hundred without a server' => join(',', map { "127.0.0.1:$_" } 20_001 .. 20_100));
for my $what (sort keys %storms)
{
	my $position = $node->log_position;
	$node->set('heartbeat.brokers' => $storms{$what});
	$node->wait_for_query("SELECT state IN ('CONNECTING', 'FAILED') AND reason <> '' FROM heartbeat_status", 't', "$what: the status gives a reason");
	endure($what, 2.5);
}
$_->end for @impostors;
$node->set('heartbeat.brokers' => $kafka->brokers);
reads_on('after impostors');

# The properties file makes librdkafka log all its actions.
my $properties = $node->data_dir . '/kafka.properties';
append_to_file($properties, "debug=all\nstatistics.interval.ms=10\nlog.connection.close=true\n");
chmod 0600, $properties;
$node->set('heartbeat.kafka_config_file' => $properties);
reads_on('with debug=all');
endure('debug=all', 3, 'RUNNING');
$node->set('heartbeat.kafka_config_file' => '');
$node->wait_for_state('RUNNING');

# A broker starts three times, and each time the test kills the broker before it is ready.
my $position = $node->log_position;
for (1 .. 3)
{
	$kafka->kill9;
	$kafka->start(no_wait => 1);
	usleep(700_000);
}
$kafka->kill9;
$kafka->start;
reads_on('after a broker that restarts repeatedly');
cmp_ok($node->log_matches(qr/^/m, $position), '<=', 60, 'a broker that restarts repeatedly does not fill the log');

is(($node->worker_pids('heartbeat worker%'))[0], $worker, 'the worker is the same process after all error storms');
is($node->count('heartbeat_records') + $node->count('heartbeat_anomalies'), $published, 'every reading is stored after the error storms');
$node->assert_audit;
$node->assert_no_crash;
$kafka->stop;
done_testing();
