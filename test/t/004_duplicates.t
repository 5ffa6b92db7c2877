# A reading published twice is stored once: in one batch, in two, over two partitions, with another heart rate.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

my $kafka = Heartbeat::Kafka->new('duplicates');
$kafka->start;
$kafka->create_topic('heartbeat-events', 2);
my $node = Heartbeat::Cluster->create('duplicates', kafka => $kafka, settings => { 'heartbeat.workers' => 2 });

my $time = reading_time(time - 60, 5);
sub publish
{
	my @messages = @_;
	$kafka->produce('heartbeat-events', @messages);
	$node->wait_for_offsets('heartbeat-events', $kafka->end_offsets('heartbeat-events'));
	return;
}
sub counters { return $node->query('SELECT sum(records), sum(anomalies), sum(duplicates) FROM heartbeat_offsets') }

publish(map { { partition => 0, key => 'a', value => reading('a', 70, $time) } } 1 .. 5);
is(counters(), '1|0|4', 'within a batch one is stored, and the others are counted');
publish({ partition => 0, value => reading('a', 70, $time) });
is(counters(), '1|0|5', 'so is one that comes later');
publish({ partition => 1, value => reading('a', 70, $time) });
is(counters(), '1|0|6', 'and one in another partition');
publish({ partition => 0, value => reading('a', 90, $time) });
is($node->query("SELECT heart_rate FROM heartbeat_records"), '70', 'the first one wins, whatever the second says');

publish({ partition => 0, value => reading('b', 60, $time) }, { partition => 0, value => reading('b', 61, $time) });
is($node->query("SELECT heart_rate FROM heartbeat_records WHERE customer_id = 'b'"), '60', 'also within a batch');

publish(map { { partition => 0, value => reading('c', $_, $time) } } 200, 200, 250);
is($node->query("SELECT heart_rate FROM heartbeat_anomalies WHERE customer_id = 'c'"), '200', 'anomalies are told apart by the same key');
is(counters(), '2|1|10', 'and counted in the same way');

# The same moment in another zone and with another precision is the same moment.
publish(
	{ partition => 0, value => reading('d', 70, '2026-01-01T12:00:00Z') },
	{ partition => 0, value => reading('d', 70, '2026-01-01T13:00:00.000000+01:00') },
	{ partition => 0, value => reading('d', 70, '2026-01-01 12:00:00') });
is($node->query("SELECT count(*) FROM heartbeat_records WHERE customer_id = 'd'"), 1, 'one moment in three notations is one reading');

# A clock far off: the natural key holds in the default partition as well.
publish(map { { partition => 0, value => reading('e', 70, '1999-12-31T23:59:59Z') } } 1 .. 3);
is( $node->query("SELECT count(*), min(tableoid::regclass::text) FROM heartbeat_records WHERE customer_id = 'e'"),
	'1|heartbeat_records_default', 'a clock far off makes no partition, and no second row');

# Everything twice, through two workers at the same time, new readings between them.
my @stream = reading_stream(30_000, 2);
my @twice  = map { ({ %$_, partition => 0 }, { %$_, partition => 1 }) } @stream;
my ($records, $anomalies, $duplicates) = split /\|/, counters();
publish(@twice);
is(counters(), join('|', $records + 29_100, $anomalies + 900, $duplicates + 30_000), 'two workers storing the same readings store each once');
$node->assert_audit;
$node->assert_no_crash;
is($node->log_matches(qr/deadlock detected/), 0, 'without a deadlock');
$kafka->stop;
done_testing();
