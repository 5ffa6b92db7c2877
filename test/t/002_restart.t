# heartbeat stores each reading exactly once, even after a crash of a worker, a kill of the broker, a restart of the server,
# or an immediate shutdown of the server.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

my $total = 200_000;

my $kafka = Heartbeat::Kafka->new('restart');
$kafka->start;
$kafka->create_topic('heartbeat-events', 4);
my @messages = reading_stream($total, 4);
$kafka->produce('heartbeat-events', @messages[ 0 .. 149_999 ]);

# The batches are small, so the crashes and restarts come before all readings are stored.
my $node = Heartbeat::Cluster->create('restart', settings => { 'heartbeat.batch_size' => 200 });
$node->set('heartbeat.brokers' => $kafka->brokers);
my $stored = 'SELECT coalesce(sum(records + anomalies), 0) FROM heartbeat_offsets';

sub interrupt_past
{
	my ($count, $what, $interrupt) = @_;
	$node->wait_for_query("SELECT ($stored) > $count", 't', "more than $count readings are stored before $what");
	my $before = $node->query($stored);
	$interrupt->();
	cmp_ok($before, '<', 150_000, "$what comes before all readings are stored, after about $before readings");
	return;
}

interrupt_past(10_000, 'a crash of the worker', sub { $node->kill_worker('heartbeat worker%') });
interrupt_past(40_000, 'an immediate shutdown', sub { $node->stop('immediate'); $node->start });
interrupt_past(70_000, 'a restart', sub { $node->restart });
interrupt_past(100_000, 'a second crash of the worker', sub { $node->kill_worker('heartbeat worker%') });
$node->set('heartbeat.batch_size' => 20_000);
$node->wait_for_offsets('heartbeat-events', (37_500) x 4);

# The broker is killed while a producer writes to this broker and the worker reads from this broker.
my $producer = $kafka->producer('heartbeat-events', '--timeout', 90);
$producer->send(@messages[ 150_000 .. 174_999 ]);
$node->wait_for_query("SELECT ($stored) > 150000", 't', 'the worker stores readings before the broker is killed');
$kafka->kill9;
$producer->send(@messages[ 175_000 .. 199_999 ]);
$kafka->start;
$producer->finish;

my @ends = $kafka->end_offsets('heartbeat-events');
$node->wait_for_offsets('heartbeat-events', @ends);

my ($normal, $anomalies, $sum) = (0, 0, 0);
for my $message (@messages)
{
	my ($rate) = $message->{value} =~ /"heart_rate":([-\d.]+)/;
	$sum += $rate;
	$rate >= 40 && $rate <= 180 ? $normal++ : $anomalies++;
}
is($node->count('heartbeat_records'),   $normal,    'every normal reading is stored once');
is($node->count('heartbeat_anomalies'), $anomalies, 'every anomaly is stored once');
is($node->query('SELECT (SELECT sum(heart_rate) FROM heartbeat_records) + (SELECT sum(heart_rate) FROM heartbeat_anomalies)'),
	$sum, 'the stored heart rates add up to the sum of the published heart rates');
is($node->query('SELECT sum(duplicates), sum(dead_letters), sum(empty_offsets) FROM heartbeat_offsets'),
	'0|0|0', 'the worker stores no message a second time');
is($node->query('SELECT sum(reading_count) FROM vw_customer_bpm_summary'), $normal, 'vw_customer_bpm_summary counts the same readings');
$node->assert_audit;
$node->assert_no_crash;

# New messages arrive while the server is down. After the restart the worker continues at the stored offsets.
$node->stop;
$kafka->produce('heartbeat-events', reading_stream(400, 4, first => $total));
$node->start;
$node->wait_for_offsets('heartbeat-events', $kafka->end_offsets('heartbeat-events'));
is($node->count('heartbeat_records'), $normal + 388, 'after a restart the worker continues at the stored offsets');
$node->assert_audit;
$kafka->stop;
done_testing();
