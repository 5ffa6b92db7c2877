# The crash matrix, bounded: some dozens of faults at random, one after the other and one within another, while
# readings, duplicates, late readings and bad messages stream in; then everything is proven. CHAOS_SEED selects another
# run than the usual one; script/soak does the same for as long as wanted.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Chaos;
use Heartbeat::Cluster;
use Heartbeat::Kafka;

my $seed   = $ENV{CHAOS_SEED} // 1;
my $faults = 32;                      # the whole deck: every kind
my ($topic, $partitions, $workers) = ('heartbeat-events', 5, 3);

my $kafka = Heartbeat::Kafka->new('chaos');
$kafka->start;
$kafka->create_topic($topic, $partitions);
my $node = Heartbeat::Cluster->create('chaos', kafka => $kafka, settings => { 'heartbeat.workers' => $workers });
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
for (1 .. $faults)
{
	my $event = $chaos->strike;
	note $chaos->line($event);
	is(join('; ', @{ $event->{problems} }), '', "$event->{number}. " . Heartbeat::Chaos::Plan::describe($event->{fault})) or last;
}
$chaos->finish;
is($_->{difference}, '', $_->{claim}) for $chaos->proofs;
$node->assert_audit;
$node->assert_no_crash;
note $chaos->summary, $chaos->composition;

if (!Test::More->builder->is_passing)
{
	diag $chaos->history;
	$node->show_state;
}
done_testing();
