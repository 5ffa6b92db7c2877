# Readings, duplicates, bad messages and large messages arrive. Meanwhile the test repeatedly pauses ingest, seeks, reloads the
# configuration, retries dead letters, terminates the workers and restarts the broker. EVERYTHING_SECONDS sets the duration of
# the test. script/test runs this load under the sanitizers.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

my $seconds = $ENV{EVERYTHING_SECONDS} // 10;
my $topic   = 'heartbeat-events';
my $kafka   = Heartbeat::Kafka->new('everything');
$kafka->start;
$kafka->create_topic($topic, 2, 'max.message.bytes=20000000');
my $node = Heartbeat::Cluster->create('everything', kafka => $kafka,
	settings => { 'heartbeat.workers' => 2, 'heartbeat.batch_size' => 300, 'heartbeat.log_readings' => 'on' });

my ($readings, $bad) = (0, 0);

# Publishes readings with duplicates, and publishes bad messages between the readings.
sub publish
{
	my ($count) = @_;
	my @messages = reading_stream($count, 2, first => $readings, start => 1_767_225_600);
	$readings += $count;
	my @broken = (
		'', undef, 'not json', "\xff" x 300, '[' x 100_000, 'x' x 1_500_000,
		reading('x' x 100_000, 70, '2026-01-01T00:00:00Z'), reading('a\u0000b', 70, '2026-01-01T00:00:00Z'));
	$bad += @broken;
	$kafka->produce($topic, @messages[ 0 .. $count / 2 ],
		(map { { partition => $_ % 2, value => $broken[$_], key => $_ % 3 ? 'k' x 10_000 : undef } } 0 .. $#broken),
		@messages[ $count / 3 .. $count - 1 ]);
	return;
}

my %steps = (
	'a pause, a seek back, a resume' => sub {
		$node->query('SELECT heartbeat_pause()');
		publish(2000);
		$node->wait_for_state('PAUSED');
		$node->query('SELECT heartbeat_seek(p, greatest(0, next_offset - 1000)) FROM heartbeat_offsets, unnest(ARRAY[partition]) p');
		$node->query('SELECT heartbeat_resume()');
	},
	'reloads' => sub {
		$node->set('heartbeat.batch_size' => 1 + int(rand(2000)), 'heartbeat.batch_wait' => '20ms');
		publish(2000);
		$node->safe_psql('postgres', 'SELECT pg_reload_conf()') for 1 .. 3;
		$node->set('heartbeat.brokers' => '');
		$node->set('heartbeat.brokers' => $kafka->brokers);
	},
	'a retry of dead letters' => sub {
		publish(2000);
		$node->query('SELECT heartbeat_retry_dead_letters()');
	},
	'ended workers' => sub {
		publish(2000);
		$node->query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type LIKE 'heartbeat worker%'");
		publish(2000);
	},
	'a broker that restarts' => sub {
		publish(2000);
		$kafka->restart;
		publish(2000);
	},
	'a constraint that refuses some readings' => sub {
		$node->query("ALTER TABLE heartbeat_records ADD CONSTRAINT refused CHECK (customer_id <> 'CUST-0013') NOT VALID");
		publish(1000);
		$node->wait_for_offsets($topic, $kafka->end_offsets($topic));
		$node->query('ALTER TABLE heartbeat_records DROP CONSTRAINT refused');
		$node->query('SELECT heartbeat_retry_dead_letters()');
	});

# Runs all steps in the order of their names at least once. Repeats the steps in this order until $seconds have passed.
my @order = sort keys %steps;
my $until = time + $seconds;
my $done  = 0;
until ($done >= @order && time > $until)
{
	my $what = $order[ $done++ % @order ];
	note sprintf '%.1f s: %s', time - $^T, $what;
	$steps{$what}->();
}
$node->wait_for_offsets($topic, $kafka->end_offsets($topic));
$node->wait_for_state('RUNNING');

is($node->count('heartbeat_records') + $node->count('heartbeat_anomalies'), $readings, "after $done steps every reading is stored once");
is($node->query('SELECT count(*) FROM heartbeat_dead_letters WHERE resolved_at IS NULL'), $bad, 'every bad message is one dead letter');
$node->assert_audit;
$node->assert_no_crash;
$kafka->stop;
done_testing();
