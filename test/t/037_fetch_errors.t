# The worker fetches every kind of message: with each compression codec, of the largest size, with huge keys, and with headers.
# If a record batch is damaged on the broker's disk, the worker neither stores nor skips this batch.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

my $topic = 'heartbeat-events';
my $kafka = Heartbeat::Kafka->new('fetch');
$kafka->start;
$kafka->create_topic($topic, 2, 'max.message.bytes=12000000');
my $node = Heartbeat::Cluster->create('fetch', kafka => $kafka);

my $published = 0;
for my $codec (qw(none gzip snappy lz4 zstd))
{
	my $producer = $kafka->producer($topic, '-X', "compression.codec=$codec");
	$producer->send(reading_stream(1000, 2, first => $published));
	$producer->finish;
	$published += 1000;
	$node->wait_for_offsets($topic, $kafka->end_offsets($topic));
	is($node->count('heartbeat_records') + $node->count('heartbeat_anomalies'), $published, "the worker reads messages with compression $codec");
}

# Publishes messages of almost the largest size that the topic accepts, much more than the worker's fetch requests ask for.
my $time = '2026-01-01T00:00:00Z';
my $large = sub { reading($_[0], 70, $time) =~ s/^\{/sprintf '{"note":"%s",', 'x' x 11_900_000/er };
$kafka->produce($topic,
	{ value => reading('small', 70, $time) }, { value => $large->('large') }, { value => 'y' x 11_900_000 },
	{ value => reading('huge key', 70, $time), key => 'k' x 5_000_000 }, { value => reading('no key', 70, $time) },
	{ value => reading('empty key', 70, $time), key => '' });
$published += 5;
$node->wait_for_offsets($topic, $kafka->end_offsets($topic));
is($node->count('heartbeat_records') + $node->count('heartbeat_anomalies'), $published, 'the worker stores readings of 12 MB and with keys of 5 MB');
is($node->query('SELECT count(*), max(length(payload)) FROM heartbeat_dead_letters'), '1|11900000', 'a bad message of 12 MB is a dead letter');

# Headers do not change a reading.
my $with_headers = $kafka->producer($topic, map { ('--header', $_) } 'trace=one', 'trace=two', 'empty=', 'customer_id=another', 'large=' . 'x' x 100_000);
$with_headers->send({ value => reading('headers', 71, $time), key => 'k' }, { value => reading('headers', 200, $time) }, { value => undef });
$with_headers->finish;
$node->wait_for_offsets($topic, $kafka->end_offsets($topic));
is($node->query("SELECT heart_rate FROM heartbeat_records WHERE customer_id = 'headers' UNION ALL SELECT heart_rate FROM heartbeat_anomalies WHERE customer_id = 'headers'"),
	"71\n200", 'readings with headers are stored');
is($node->query('SELECT payload IS NULL FROM heartbeat_dead_letters ORDER BY id DESC LIMIT 1'), 't', 'a tombstone with headers is a dead letter');

# One byte of a customer's id changes on the broker's disk.
$kafka->produce($topic, map { { partition => 1, value => reading('before', 70, reading_time(1_767_225_600 + $_)) } } 1 .. 5);
$node->wait_for_offsets($topic, my @before = $kafka->end_offsets($topic));
$node->set('heartbeat.brokers' => '');
$kafka->produce($topic, map { { partition => 1, value => reading($_, 70, $time) } } 'good', 'harmed');
$kafka->produce($topic, { partition => 1, value => reading('after', 70, $time) }, { partition => 0, value => reading('beside', 70, $time) });
$kafka->stop;
my $segment = "$kafka->{folder}/data/$topic-1/00000000000000000000.log";
my $bytes   = slurp_file($segment);
my $place   = index $bytes, '"harmed"';
cmp_ok($place, '>', 0, 'the log segment on the disk contains the message');
open(my $file, '+<', $segment) or die "$segment: $!";
seek $file, $place + 1, 0;
print $file 'H';
close $file;
$kafka->start;
my $position = $node->log_position;
$node->set('heartbeat.brokers' => $kafka->brokers);
$node->wait_for_state('CONNECTING', 'partition 1.*CRC', 'the reason names the damaged batch and its partition');
$node->wait_for_query("SELECT clock_timestamp() > since + interval '4 s' FROM heartbeat_status", 't', 'the worker stays CONNECTING while it tries the damaged batch again');
like($node->status->{hint}, qr/heartbeat_seek/, 'the hint names heartbeat_seek');
cmp_ok($node->log_matches(qr/^/m, $position), '<=', 30, 'the damaged batch does not fill the log');
is($node->query('SELECT next_offset FROM heartbeat_offsets WHERE partition = 1'), $before[1], 'the worker does not pass the damaged batch');
is($node->query("SELECT string_agg(customer_id, ' ') FROM heartbeat_records WHERE customer_id IN ('good', 'harmed', 'Harmed', 'after', 'beside')"),
	'beside', 'nothing of the damaged partition is stored, but the worker reads the other partition');
$node->query('SELECT heartbeat_pause()');
$node->wait_for_state('PAUSED');
$node->query("SELECT heartbeat_seek(1, $before[1] + 2)");
$node->query('SELECT heartbeat_resume()');
$node->wait_for_offsets($topic, $kafka->end_offsets($topic));
$node->wait_for_state('RUNNING', undef, 'the worker is RUNNING after a seek to the offset after the damaged batch');
is($node->query("SELECT count(*) FROM heartbeat_records WHERE customer_id = 'after'"), 1, 'the worker stores the message after the damaged batch');
is($node->query('SELECT to_offset - from_offset FROM heartbeat_gaps'), 2, 'heartbeat_gaps records the two skipped messages');
$node->assert_audit;
$node->assert_no_crash;
$kafka->stop;
done_testing();
