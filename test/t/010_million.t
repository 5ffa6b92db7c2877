# The generator publishes a million readings, and the test kills a worker before all readings are stored. At the end the tables
# contain exactly the published readings.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;

my $total     = 1_000_000;
my @generator = (
	"$FindBin::RealBin/../../build/generator/heartbeat-generator", '--customers', 1000, '--count', $total,
	'--interval', 0, '--seed', 11, '--start-time', '2026-11-20T00:00:00Z', '--quiet');

# Returns the expected result as "number|sum number|sum": the number of normal readings and the sum of their heart rates, then
# the number of anomalies and the sum of their heart rates.
sub expected
{
	my %sums = (normal => [ 0, 0 ], anomaly => [ 0, 0 ]);
	open(my $lines, '-|', @generator, '--dry-run') or die "the generator: $!";
	while (<$lines>)
	{
		my ($rate) = /"heart_rate":(-?\d+)/ or die "not a reading: $_";
		my $sum = $sums{ $rate >= 40 && $rate <= 180 ? 'normal' : 'anomaly' };
		$sum->[0]++;
		$sum->[1] += $rate;
	}
	close($lines) or die 'the generator failed';
	return join ' ', map { join '|', @{ $sums{$_} } } qw(normal anomaly);
}

my $kafka = Heartbeat::Kafka->new('million');
$kafka->start;
$kafka->create_topic('heartbeat-events', 3);
system(@generator, '-b', $kafka->brokers) == 0 or die 'the generator failed';

my $node   = Heartbeat::Cluster->create('million', settings => { 'heartbeat.workers' => 2, 'max_wal_size' => '4GB' });
my $stored = 'SELECT coalesce(sum(records + anomalies), 0) FROM heartbeat_offsets';
$node->set('heartbeat.brokers' => $kafka->brokers);
$node->wait_for_query("SELECT ($stored) > $total / 3", 't', 'the worker stores a third of the readings');
my $before = $node->query($stored);
$node->kill_worker('heartbeat worker%');
cmp_ok($before, '<', $total, "a worker is killed after $before readings");
$node->wait_for_offsets('heartbeat-events', $kafka->end_offsets('heartbeat-events'));

is( $node->query('SELECT count(*), sum(heart_rate) FROM heartbeat_records') . ' '
	  . $node->query('SELECT count(*), sum(heart_rate) FROM heartbeat_anomalies'),
	expected(),
	'every published reading is stored once');
is($node->query("SELECT sum(reading_count) FROM vw_customer_bpm_summary"),
	$node->count('heartbeat_records'), 'vw_customer_bpm_summary counts every normal reading');
is($node->query('SELECT sum(duplicates) FROM heartbeat_offsets'), 0, 'no reading counts as a duplicate');
$node->assert_audit;
$node->assert_no_crash;

done_testing();
