# Test code: an endless sequence of random faults with all their parameters. The choice of faults depends only on the seed, so
# a run can be repeated.

package Heartbeat::Chaos::Plan;

use strict;
use warnings;

use Heartbeat::Chaos::Dice;

# A deck has a number of faults for each kind of fault. The plan puts these faults into a random order. When all of them have
# occurred, it puts them into a new random order. So every kind of fault occurs. The following deck is for a Kafka in one
# process.
my %single = (
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

# The faults of Kafka for the deck `cluster`. In this deck they replace the three broker faults of the deck `single`.
my %of_cluster = (
	leader_killed     => 4,
	leader_frozen     => 3,
	leader_restarted  => 1,
	rolling_restart   => 1,
	controller_killed => 2,
	controller_frozen => 1,
	reassigned        => 2,
	leaders_elected   => 1,
	broker_replaced   => 1);
my %cluster = (%single, %of_cluster);
delete @cluster{qw(broker_killed broker_restarted broker_frozen)};

my %decks = (
	single  => \%single,
	cluster => \%cluster,
	brokers => { %of_cluster, leader_killed => 2, leader_frozen => 1, controller_killed => 1, reassigned => 1 });

# Faults that last for a time, with the shortest and the longest time in seconds. Other faults can occur during this time.
my %lasts = (
	broker_killed        => [ 0,   0.5 ],
	broker_frozen        => [ 0.2, 1.5 ],
	leader_killed        => [ 1,   7 ],
	leader_frozen        => [ 5,   12 ],
	controller_killed    => [ 0.5, 3 ],
	controller_frozen    => [ 0.5, 4 ],
	paused               => [ 0.1, 0.4 ],
	replayed             => [ 0,   0.2 ],
	replayed_under_batch => [ 0.1, 0.3 ],
	moved_by_another     => [ 0.1, 0.3 ],
	locked               => [ 0.2, 1.0 ]);
my @long      = (8, 10);    # seconds, for leader faults of the deck `brokers`; a partition with a live leader must not stand still for so long
my @meanwhile = (('worker_cancelled') x 2, ('worker_terminated') x 2, 'worker_killed', 'maintenance_killed', 'server_stopped', 'settings_reloaded');
# Second faults that can occur during a fault of the Kafka cluster, for example while Kafka elects a leader.
my @restarts  = qw(worker_terminated worker_killed server_stopped server_restarted paused settings_reloaded);
my %meanwhile = (broker_killed => 0.5, broker_frozen => 0.5, leader_killed => 0.5, leader_frozen => 0.5, paused => 0.5, replayed => 0.3, locked => 0.75);

# For each deck: the probability that a fault has the flag `hasty`. After a `hasty` fault the test does not wait for the
# recovery before the next fault.
my %hasty = (single => 0.2, cluster => 0.2, brokers => 0);

# Returns the deck with this name: single, cluster or brokers. The deck `brokers` has only the faults of a cluster, and only
# a few of each kind.
sub deck { my ($name) = @_; return %{ $decks{$name} }; }

# Options: seed, workers (the highest number of workers), partitions, deck (the name of the deck).
sub new
{
	my ($class, %opt) = @_;
	return bless { %opt, name => $opt{deck}, deck => { deck($opt{deck}) }, dice => Heartbeat::Chaos::Dice->new($opt{seed}), cards => [] }, $class;
}

# Returns the next fault as a hash with its kind and parameters. If the plan has a second fault during this fault, the key
# `meanwhile` of the hash has the second fault.
sub next
{
	my ($self) = @_;
	my $dice = $self->{dice};
	$self->{cards} = [ $dice->shuffle(map { ($_) x $self->{deck}{$_} } sort keys %{ $self->{deck} }) ] unless @{ $self->{cards} };
	my $fault = $self->_fault(shift @{ $self->{cards} });
	my @may_strike = $fault->{of_cluster} ? @restarts : @meanwhile;
	$fault->{meanwhile} = $self->_fault($dice->pick(@may_strike)) if $dice->chance($meanwhile{ $fault->{kind} } // 0);
	$fault->{hasty} = $dice->chance($hasty{ $self->{name} }) ? 1 : 0;
	return $fault;
}

sub _fault
{
	my ($self, $kind) = @_;
	my $dice  = $self->{dice};
	my %fault = (kind => $kind);
	my @lasts = $self->{name} eq 'brokers' && $kind =~ /^leader_/ ? @long : @{ $lasts{$kind} // [] };
	$fault{hold} = sprintf '%.2f', $dice->between(@lasts) if $lasts{$kind};
	$fault{of_cluster} = 1 if $of_cluster{$kind};
	$fault{which} = $dice->below(100) / 100 if $kind =~ /^worker|^broker_replaced/;
	$fault{partition} = $dice->below($self->{partitions}) if $kind =~ /^leader_/;
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

# Describes a fault in words. The same seed gives the same words.
sub describe
{
	my ($fault) = @_;
	my @particulars = map { /^(kind|meanwhile|hasty|of_cluster)$/ ? () : "$_ $fault->{$_}" } sort keys %$fault;
	my $words = $fault->{kind} . (@particulars ? ' (' . join(', ', @particulars) . ')' : '');
	$words .= ', meanwhile ' . describe($fault->{meanwhile}) if $fault->{meanwhile};
	return $words;
}

1;
