# Runs every fault of a deck once in a test, with one assertion a fault, and reports what happened. 020_chaos.t and
# 064_brokers.t call it.
# Test code.

package Heartbeat::Chaos::Matrix;

use strict;
use warnings;

use Exporter qw(import);
use List::Util qw(sum);
use Test::More;

use Heartbeat::Chaos::Plan;

our @EXPORT = qw(assert_recovers report_chaos);

# Strikes until every kind of the deck has had its turn, and checks the proofs.
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

# At the end of a test: what was done, or, where something failed, all that is needed to see why.
sub report_chaos
{
	my ($chaos, $node) = @_;
	return note $chaos->summary, $chaos->composition if Test::More->builder->is_passing;
	diag $chaos->history;
	return $node->show_state;
}

1;
