# Kafka has a quota for the worker. The status names the broker that throttles the worker. It does not name a lock or an open
# transaction as the cause of the lag, and the state is not STALLED. The worker reads as fast as the quota allows.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Feed;
use Heartbeat::Kafka;

my $kafka = Heartbeat::Kafka->new('throttled');
$kafka->start;
my $feed = Heartbeat::Feed->new($kafka, 2);
my $properties = PostgreSQL::Test::Utils::tempdir . '/kafka.properties';
append_to_file($properties, "max.partition.fetch.bytes=20000\ntopic.metadata.refresh.interval.ms=1000\n");    # the worker asks for the topic's metadata each second
chmod 0600, $properties;
my $node = Heartbeat::Cluster->create('throttled', kafka => $kafka, owner => 'heartbeat_owner',
	settings => { 'heartbeat.stall_timeout' => '1s', 'heartbeat.kafka_config_file' => $properties });
my $line = 'SELECT state, reason, hint FROM heartbeat_status';

$feed->publish(100);
$feed->assert_stored($node, 'the worker stores readings before there is a quota');
is($node->query($line), 'RUNNING||', 'the status mentions no quota when Kafka has none');

# The test sets a low quota. Kafka answers the first requests immediately. Then, for five seconds, Kafka answers no request of
# the worker, not even a request for the metadata of the topic.
my $quota_since = $node->query('SELECT clock_timestamp()');
$kafka->set_quota('consumer_byte_rate=8000');
$feed->publish(100) for 1 .. 25;    # the record batches are small, because Kafka never splits a record batch, and a large record batch would wait too long
$node->wait_for_query($line, qr/^RUNNING\|broker 1 \(\Q${\ $kafka->brokers}\E\) throttles the worker by a quota, .*kafka-configs/, 'the reason names the broker that throttles');
$node->wait_for_query('SELECT lag_messages > 0 FROM heartbeat_status', 't', 'readings wait for the quota');

# The quota stays longer than heartbeat.stall_timeout.
$node->wait_for_query(
	"SELECT state, reason LIKE '%throttles%', lag_messages > 0 FROM heartbeat_status WHERE clock_timestamp() >
		(SELECT min(happened_at) FROM heartbeat_events WHERE reason LIKE '%throttles%') + interval '4 s'",
	'RUNNING|t|t', 'the worker stays RUNNING for longer than stall_timeout');
is( $node->query("SELECT string_agg(DISTINCT details ->> 'state', ' ') FROM heartbeat_events WHERE kind = 'state' AND happened_at > '$quota_since'"),
	'RUNNING', 'the worker never was STALLED or CONNECTING');
cmp_ok($node->query("SELECT count(*) FROM heartbeat_events WHERE reason LIKE '%throttles%'"), '<=', 3, 'heartbeat_events records the quota a few times, not for each answer');
is($node->log_matches(qr/heartbeat: broker 1 \(\S+ throttles the worker by a quota/), 1, 'the log mentions the quota once');

$kafka->remove_quota('consumer_byte_rate');
$feed->assert_stored($node, 'every reading is stored when the quota is removed');
$node->wait_for_query($line, 'RUNNING||', 'the status does not mention the quota any longer');
$node->assert_no_crash;
done_testing();
