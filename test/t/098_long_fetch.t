# A broker answers the requests of a connection in their order. So with a large fetch.wait.max.ms, an answer about offsets can wait
# for seconds behind a fetch. A leader that answers this late is not away.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

my @topics = qw(first second);
my $kafka  = Heartbeat::Kafka->new('long_fetch');
$kafka->start;
$kafka->create_topic($_, 3) for @topics;
my $properties = PostgreSQL::Test::Utils::tempdir() . '/kafka.properties';
append_to_file($properties, "fetch.wait.max.ms=4000\n");
chmod 0600, $properties;
my $node = Heartbeat::Cluster->create('long_fetch', kafka => $kafka,
	settings => { 'heartbeat.topic' => 'first', 'heartbeat.kafka_config_file' => $properties });
$node->wait_for_state('RUNNING');
my $position = $node->log_position;

# Two sources share a client. While the topics are empty, each fetch takes four seconds.
$node->query(q{SELECT heartbeat_add_source('second', 'second')});
$node->wait_for_query(q{SELECT count(*) FROM heartbeat_source_status WHERE state = 'RUNNING'}, 2, 'both sources are RUNNING');
# The worker asks the leader every two seconds. If all answers arrive, no state changes that the test could wait for, so it
# sleeps for three fetches.
sleep 12;
$kafka->produce($_, reading_stream(300, 3)) for @topics;
$node->wait_for_query(q{SELECT sum(next_offset) FROM heartbeat_offsets}, 600, 'both topics are read to their ends');
ok(!$node->log_matches(qr/is not read: its leader|cannot reach Kafka/, $position), 'no leader counts as away because its answer waits behind a fetch');
is($node->query(q{SELECT count(*) FROM heartbeat_partitions WHERE state = 'AWAY'}), 0, 'no partition is AWAY');

$node->assert_audit;
$node->assert_no_crash;
$node->stop;
$kafka->stop;
done_testing();
