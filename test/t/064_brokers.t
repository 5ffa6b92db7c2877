# A cluster of three brokers has faults while readings arrive. Leaders and the controller are killed, or are frozen for some
# time. Brokers restart one by one, or are replaced by brokers with new ids and ports. Kafka partitions move to other brokers.
# Every reading is stored once. The worker reads all Kafka partitions that have a live leader, and does not wait for the others.
# To test another sequence of faults, set CHAOS_SEED to another number. script/soak --brokers 3 injects these faults and faults
# of the database for as long as you want.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Chaos;
use Heartbeat::Chaos::Matrix;
use Heartbeat::Cluster;
use Heartbeat::Kafka::Cluster;

my $seed             = $ENV{CHAOS_SEED} // 1;
my $standstill_bound = 5;    # seconds, counted from the election of the leader by Kafka
my %deck             = Heartbeat::Chaos::Plan::deck('brokers');

my $kafka = Heartbeat::Kafka::Cluster->new('brokers');
$kafka->start;
my $node = Heartbeat::Cluster->create('brokers', kafka => $kafka, settings => { 'heartbeat.workers' => 2 });
my $chaos = Heartbeat::Chaos->new(
	node       => $node,
	kafka      => $kafka,
	topic      => 'heartbeat-events',
	partitions => 5,
	workers    => 2,
	rate       => 500,
	padding    => 4_000,    # the messages are large, so that librdkafka's queue fills and empties repeatedly
	seed       => $seed,
	deck       => 'brokers');
$chaos->create_topic;

note "seed $seed";
$chaos->start;
assert_recovers($chaos, %deck);
my %still = $chaos->standstills;
cmp_ok($still{$_}, '<', $standstill_bound, "$_: no partition with a live leader stands still for $standstill_bound s") for sort keys %still;
note $chaos->standstill_in_words;
$node->assert_audit;
$node->assert_no_crash;

report_chaos($chaos, $node);
done_testing();
