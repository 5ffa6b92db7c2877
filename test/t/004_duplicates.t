# A reading that is published twice is stored once. The second message can be in the same batch, in another batch or in another
# Kafka partition, and can have another heart rate than the first message.

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
is(counters(), '1|0|4', 'of five equal readings in a batch one is stored and four count as duplicates');
publish({ partition => 0, value => reading('a', 70, $time) });
is(counters(), '1|0|5', 'an equal reading in a later batch counts as a duplicate');
publish({ partition => 1, value => reading('a', 70, $time) });
is(counters(), '1|0|6', 'an equal reading in another partition counts as a duplicate');
publish({ partition => 0, value => reading('a', 90, $time) });
is($node->query("SELECT heart_rate FROM heartbeat_records"), '70', 'the first reading stays stored when a second reading has another heart rate');

publish({ partition => 0, value => reading('b', 60, $time) }, { partition => 0, value => reading('b', 61, $time) });
is($node->query("SELECT heart_rate FROM heartbeat_records WHERE customer_id = 'b'"), '60', 'of two readings in one batch that differ only in the heart rate, the first is stored');

publish(map { { partition => 0, value => reading('c', $_, $time) } } 200, 200, 250);
is($node->query("SELECT heart_rate FROM heartbeat_anomalies WHERE customer_id = 'c'"), '200', 'the first anomaly with the same customer and time is stored');
is(counters(), '2|1|7', 'an equal anomaly counts as a duplicate');
is($node->query('SELECT sum(conflicts) FROM heartbeat_offsets'), 3, 'readings with another heart rate than the stored one count as conflicts');

# One time can be written in several time zones and with several precisions.
publish(
	{ partition => 0, value => reading('d', 70, '2026-01-01T12:00:00Z') },
	{ partition => 0, value => reading('d', 70, '2026-01-01T13:00:00.000000+01:00') },
	{ partition => 0, value => reading('d', 70, '2026-01-01 12:00:00') });
is($node->query("SELECT count(*) FROM heartbeat_records WHERE customer_id = 'd'"), 1, 'one time in three notations is one reading');

# Readings with an event time far in the past go to the default table partition. It has the same primary key as the other
# table partitions, so heartbeat finds duplicates there too.
publish(map { { partition => 0, value => reading('e', 70, '1999-12-31T23:59:59Z') } } 1 .. 3);
is( $node->query("SELECT count(*), min(tableoid::regclass::text) FROM heartbeat_records WHERE customer_id = 'e'"),
	'1|heartbeat_records_default', 'an event time far in the past makes no partition, and is stored once');

# Two Kafka partitions contain the same readings, and two workers read one partition each, at the same time.
my @stream = reading_stream(30_000, 2);
my @twice  = map { ({ %$_, partition => 0 }, { %$_, partition => 1 }) } @stream;
my ($records, $anomalies, $duplicates) = split /\|/, counters();
publish(@twice);
is(counters(), join('|', $records + 29_100, $anomalies + 900, $duplicates + 30_000), 'two workers that store the same readings store each reading once');
$node->assert_audit;
$node->assert_no_crash;
is($node->log_matches(qr/deadlock detected/), 0, 'the two workers cause no deadlock');
$kafka->stop;
done_testing();
