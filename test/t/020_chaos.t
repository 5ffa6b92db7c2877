# Injects some dozens of faults, such as crashes, into a PostgreSQL server and a Kafka broker. The faults are random, and
# several faults can occur at the same time. Meanwhile readings, duplicates, late readings and bad messages arrive. At the end
# the test checks all data. To test another sequence of faults, set CHAOS_SEED to another number. script/soak runs the same kind
# of test for as long as you want.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Chaos;
use Heartbeat::Chaos::Matrix;
use Heartbeat::Cluster;
use Heartbeat::Kafka;

my $seed = $ENV{CHAOS_SEED} // 1;
my %deck = Heartbeat::Chaos::Plan::deck('single');
my ($topic, $partitions, $workers) = ('heartbeat-events', 5, 3);

my $kafka = Heartbeat::Kafka->new('chaos');
$kafka->start;
$kafka->create_topic($topic, $partitions);
my $node = Heartbeat::Cluster->create('chaos', kafka => $kafka, owner => 'heartbeat_owner', settings => { 'heartbeat.workers' => $workers });
my $chaos = Heartbeat::Chaos->new(
	node       => $node,
	kafka      => $kafka,
	topic      => $topic,
	partitions => $partitions,
	workers    => $workers,
	rate       => 1_500,
	seed       => $seed);

note "seed $seed";
$chaos->start;
assert_recovers($chaos, %deck);
$node->assert_audit;
$node->assert_no_crash;

report_chaos($chaos, $node);
done_testing();
