# What happens during chaos: an endless sequence of faults, each with all its particulars, drawn from a seed.
# Test code. Nothing but the seed decides, so that a run can be told again.

package Heartbeat::Chaos::Plan;

use strict;
use warnings;

use Heartbeat::Chaos::Dice;

# How often each kind is in the deck, which is shuffled and dealt to its end before it is shuffled anew: so every kind
# has its turn.
my %deck = (
	worker_killed         => 3,
	maintenance_killed    => 1,
	launcher_killed       => 1,
	worker_terminated     => 2,
	helper_terminated     => 1,
	helper_cancelled      => 1,
	worker_cancelled      => 3,
	server_stopped        => 2,
	server_restarted      => 1,
	postmaster_killed     => 1,
	broker_killed         => 2,
	broker_restarted      => 1,
	broker_frozen         => 2,
	settings_reloaded     => 2,
	paused                => 1,
	replayed              => 2,
	replayed_under_batch  => 2,
	moved_by_another      => 1,
	locked                => 5);

# Faults that last, with the shortest and longest time in seconds; others may strike meanwhile.
my %lasts = (
	broker_killed        => [ 0,   0.5 ],
	broker_frozen        => [ 0.2, 1.5 ],
	paused               => [ 0.1, 0.4 ],
	replayed             => [ 0,   0.2 ],
	replayed_under_batch => [ 0.1, 0.3 ],
	moved_by_another     => [ 0.1, 0.3 ],
	locked               => [ 0.2, 1.0 ]);
my @meanwhile = (('worker_cancelled') x 2, ('worker_terminated') x 2, 'worker_killed', 'maintenance_killed', 'server_stopped', 'settings_reloaded');
my %meanwhile = (broker_killed => 0.5, broker_frozen => 0.5, paused => 0.5, replayed => 0.3, locked => 0.75);

my $hasty = 0.2;    # how often the next fault does not wait until everything has recovered from this one

sub deck { return %deck; }

# seed, workers (the most that there may be), partitions.
sub new
{
	my ($class, %opt) = @_;
	return bless { %opt, dice => Heartbeat::Chaos::Dice->new($opt{seed}), cards => [] }, $class;
}

# The next fault as a hash with its kind and particulars, and in `meanwhile` one that strikes while it lasts.
sub next
{
	my ($self) = @_;
	my $dice = $self->{dice};
	$self->{cards} = [ $dice->shuffle(map { ($_) x $deck{$_} } sort keys %deck) ] unless @{ $self->{cards} };
	my $fault = $self->_fault(shift @{ $self->{cards} });
	$fault->{meanwhile} = $self->_fault($dice->pick(@meanwhile)) if $dice->chance($meanwhile{ $fault->{kind} } // 0);
	$fault->{hasty} = $dice->chance($hasty) ? 1 : 0;
	return $fault;
}

sub _fault
{
	my ($self, $kind) = @_;
	my $dice  = $self->{dice};
	my %fault = (kind => $kind);
	$fault{hold}  = sprintf '%.2f', $dice->between(@{ $lasts{$kind} }) if $lasts{$kind};
	$fault{which} = $dice->below(100) / 100 if $kind =~ /^worker/;
	$fault{helper} = $dice->pick('launcher', 'maintenance') if $kind =~ /^helper/;
	$fault{workers} = 2 + $dice->below($self->{workers} - 1) if $kind =~ /^(server|postmaster)/ && $dice->chance(0.5);
	@fault{qw(batch_size batch_wait)} = ($dice->pick(10, 100, 1_000, 20_000), $dice->pick(0, 2, 20, 100))
	  if $kind eq 'settings_reloaded';
	@fault{qw(partition back)} = ($dice->below($self->{partitions}), 1 + $dice->below(3_000)) if $kind =~ /^(replayed|moved)/;
	$fault{by_time} = 1 if $kind eq 'replayed' && $dice->chance(0.5);
	$fault{table} = $dice->pick(map { "heartbeat_$_" } qw(records records anomalies dead_letters offsets stale_minutes))
	  if $kind eq 'locked';
	return \%fault;
}

# A fault in words, the same for the same seed.
sub describe
{
	my ($fault) = @_;
	my @particulars = map { /^(kind|meanwhile|hasty)$/ ? () : "$_ $fault->{$_}" } sort keys %$fault;
	my $words = $fault->{kind} . (@particulars ? ' (' . join(', ', @particulars) . ')' : '');
	$words .= ', meanwhile ' . describe($fault->{meanwhile}) if $fault->{meanwhile};
	return $words;
}

1;
