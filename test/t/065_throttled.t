# A quota of Kafka's: the state says that a broker throttles the worker, and which, and neither that a lock or an open
# transaction holds it up nor that it stalls; reading goes on as fast as the quota allows.

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
append_to_file($properties, "max.partition.fetch.bytes=20000\ntopic.metadata.refresh.interval.ms=1000\n");    # as often it asks what the topic is
chmod 0600, $properties;
my $node = Heartbeat::Cluster->create('throttled', kafka => $kafka, owner => 'heartbeat_owner',
	settings => { 'heartbeat.stall_timeout' => '1s', 'heartbeat.kafka_config_file' => $properties });
my $line = 'SELECT state, reason, hint FROM heartbeat_status';

$feed->publish(100);
$feed->assert_stored($node, 'readings are stored');
is($node->query($line), 'RUNNING||', 'without a quota nothing is said of one');

# Some readings at once, and then nothing for five seconds, to no request: not to that for the topic either.
my $quota_since = $node->query('SELECT clock_timestamp()');
$kafka->set_quota('consumer_byte_rate=8000');
$feed->publish(100) for 1 .. 25;    # each a batch of its own: Kafka never cuts one, and a large one would wait for good
$node->wait_for_query($line, qr/^RUNNING\|broker 1 \(\Q${\ $kafka->brokers}\E\) throttles the worker by a quota, .*kafka-configs/, 'a broker that throttles is named');
$node->wait_for_query('SELECT lag_messages > 0 FROM heartbeat_status', 't', 'readings wait');

# Longer than stall_timeout, it is still the quota.
$node->wait_for_query(
	"SELECT state, reason LIKE '%throttles%', lag_messages > 0 FROM heartbeat_status WHERE clock_timestamp() >
		(SELECT min(happened_at) FROM heartbeat_events WHERE reason LIKE '%throttles%') + interval '4 s'",
	'RUNNING|t|t', 'it is RUNNING for longer than stall_timeout');
is( $node->query("SELECT string_agg(DISTINCT details ->> 'state', ' ') FROM heartbeat_events WHERE kind = 'state' AND happened_at > '$quota_since'"),
	'RUNNING', 'and never was STALLED or CONNECTING');
cmp_ok($node->query("SELECT count(*) FROM heartbeat_events WHERE reason LIKE '%throttles%'"), '<=', 3, 'which is recorded once, not for each answer');
is($node->log_matches(qr/heartbeat: broker 1 \(\S+ throttles the worker by a quota/), 1, 'and logged once');

$kafka->remove_quota('consumer_byte_rate');
$feed->assert_stored($node, 'without the quota everything is read');
$node->wait_for_query($line, 'RUNNING||', 'and nothing is said of it any longer');
$node->assert_no_crash;
done_testing();
