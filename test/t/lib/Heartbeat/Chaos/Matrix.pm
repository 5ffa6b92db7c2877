# Test code: injects every fault of a deck (see Heartbeat::Chaos::Plan), with one assertion for each fault, and reports the
# results. 020_chaos.t and 064_brokers.t call this code.

package Heartbeat::Chaos::Matrix;

use strict;
use warnings;

use Exporter qw(import);
use List::Util qw(sum);
use Test::More;

use Heartbeat::Chaos::Plan;

our @EXPORT = qw(assert_recovers report_chaos);

# Injects faults until every kind of the deck has occurred, and checks all data.
sub assert_recovers
{
	my ($chaos, %deck) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	for (1 .. sum(values %deck))
	{
		my $event = $chaos->strike;
		note $chaos->line($event);
		is(join('; ', @{ $event->{problems} }), '', "$event->{number}. " . Heartbeat::Chaos::Plan::describe($event->{fault})) or last;
	}
	is($_->{difference}, '', $_->{claim}) for $chaos->proofs;
	return;
}

# Call this function at the end of a test. If the test has passed, the function prints a summary. If the test has failed, the
# function prints all faults.
sub report_chaos
{
	my ($chaos, $node) = @_;
	return note $chaos->summary, $chaos->composition if Test::More->builder->is_passing;
	diag $chaos->history;
	return $node->show_state;
}

1;
