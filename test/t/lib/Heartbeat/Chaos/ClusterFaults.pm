# The faults of Heartbeat::Chaos::Faults, and those that a Kafka of several brokers has beside them: one of its processes at
# a time, and never before the replicas are in sync, so that Kafka itself loses nothing that it has acknowledged.
# Test code.

package Heartbeat::Chaos::ClusterFaults;

use strict;
use warnings;

use parent qw(Heartbeat::Chaos::Faults);

use Time::HiRes qw(time);

use PostgreSQL::Test::Utils;

# Beside the others: topic, standstill (a Heartbeat::Chaos::Standstill, which is told who is down).
sub strike
{
	my ($self, $fault) = @_;
	$self->{kafka}->wait_until_in_sync if $fault->{of_cluster};
	return $self->SUPER::strike($fault);
}

sub _leader { my ($self, $fault) = @_; return $self->{kafka}->leader_of($self->{topic}, $fault->{partition}); }

# A broker is down while the function runs and until it answers again.
sub _while_down
{
	my ($self, $node, $do) = @_;
	$self->{standstill}->down($node->id);
	$do->();
	$self->{kafka}->wait_until_ready;
	$self->{standstill}->up($node->id);
	return time;
}

sub _leader_killed
{
	my ($self, $fault) = @_;
	my $node = $self->_leader($fault);
	return $self->_while_down($node, sub { $node->kill9; $self->_last($fault); $node->start; });
}

sub _leader_frozen
{
	my ($self, $fault) = @_;
	my $node = $self->_leader($fault);
	return $self->_while_down($node, sub { $node->freeze; $self->_last($fault); $node->thaw; });
}

# It hands its partitions over before it ends, so it counts as alive until then.
sub _leader_restarted
{
	my ($self, $fault) = @_;
	return $self->_restart($self->_leader($fault));
}

sub _restart
{
	my ($self, $node) = @_;
	$node->stop;
	return $self->_while_down($node, sub { $node->start; });
}

sub _rolling_restart
{
	my ($self) = @_;
	my $over;
	for my $node ($self->{kafka}->nodes)
	{
		$over = $self->_restart($node);
		$self->{kafka}->wait_until_in_sync;
	}
	return $over;
}

sub _controller_killed
{
	my ($self, $fault) = @_;
	my $node = $self->{kafka}->controller;
	$node->kill9;
	$self->_last($fault);
	$node->start;
	$self->{kafka}->wait_until_ready;
	return time;
}

sub _controller_frozen
{
	my ($self, $fault) = @_;
	my $node = $self->{kafka}->controller;
	$node->freeze;
	$self->_last($fault);
	$node->thaw;
	$self->{kafka}->wait_until_ready;
	return time;
}

# Each partition to the next broker's place, and its leader with it.
sub _reassigned
{
	my ($self) = @_;
	my @ids  = map { $_->id } $self->{kafka}->nodes;
	my %next = map { $ids[$_] => $ids[ ($_ + 1) % @ids ] } 0 .. $#ids;
	$self->{kafka}->reassign($self->{topic},
		{ map { $_->{partition} => [ map { $next{$_} } @{ $_->{replicas} } ] } $self->{kafka}->partitions($self->{topic}) });
	$self->{kafka}->elect_preferred_leaders;
	return time;
}

sub _leaders_elected { my ($self) = @_; $self->{kafka}->elect_preferred_leaders; return time; }

# The oldest broker, or another one; the setting follows when the old one is gone.
sub _broker_replaced
{
	my ($self, $fault) = @_;
	my @nodes = $self->{kafka}->nodes;
	my $node  = $nodes[ $fault->{which} * @nodes ];
	$self->{kafka}->replace($node);
	$self->{node}->set('heartbeat.brokers' => $self->{kafka}->brokers);
	return time;
}

1;
