# Test code: the faults of Heartbeat::Chaos::Faults, and faults of a Kafka with several brokers. A fault of Kafka hits one
# process at a time, and only when all replicas are in sync, so that Kafka itself loses no acknowledged message.

package Heartbeat::Chaos::ClusterFaults;

use strict;
use warnings;

use parent qw(Heartbeat::Chaos::Faults);

use Time::HiRes qw(time);

use PostgreSQL::Test::Utils;

# Options: the options of Heartbeat::Chaos::Faults, and standstill (a Heartbeat::Chaos::Standstill). When a broker goes down or
# up, this class calls down() or up() of the Standstill.
sub strike
{
	my ($self, $fault) = @_;
	$self->{kafka}->wait_until_in_sync if $fault->{of_cluster};
	return $self->SUPER::strike($fault);
}

sub _leader { my ($self, $fault) = @_; return $self->{kafka}->leader_of($self->{topic}, $fault->{partition}); }

# Runs a function. The broker counts as down from the start of the function until the broker answers again.
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

# During a clean stop, a broker first gives the leadership of its partitions to other brokers. Each partition has a live leader
# in this time, so the broker counts as down only after its process has ended.
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

# Moves each replica to the next broker. The leader moves with its replica.
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

# Replaces a broker. When the old broker has ended, the function sets heartbeat.brokers to the new addresses.
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
