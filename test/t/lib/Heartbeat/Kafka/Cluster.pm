# Test code: a Kafka with several brokers. The test can start, stop, kill and freeze each process separately. The controllers
# are separate processes. So a fault of a controller does not hit the leader of a partition, and a fault of a leader does not
# hit a controller. Each function that waits has a condition and a deadline.

package Heartbeat::Kafka::Cluster;

use strict;
use warnings;

use parent qw(Heartbeat::Kafka::Client);

use Carp;
use JSON::PP ();
use List::Util qw(all first min);
use Time::HiRes qw(time);

use PostgreSQL::Test::Utils;
use Heartbeat::Kafka::Node;
use Heartbeat::Kafka::Programs qw($cluster_program $kafka_program run_program);
use Heartbeat::Poll;

my $deadline_seconds    = 120;
my $first_controller_id = 101;

=pod

    my $kafka = Heartbeat::Kafka::Cluster->new('name', brokers => 3, %server_properties);    # not started
    $kafka->start;
    $kafka->create_topic('topic', 3);                                     # replicated 3 times
    $kafka->create_assigned_topic('topic', [ [ 1, 2 ], [ 2, 3 ] ]);       # the brokers of each partition, its leader first
    my $node = $kafka->leader_of('topic', 0);                             # a Heartbeat::Kafka::Node
    $node->kill9;                                                         # or stop, freeze; $kafka->node(1) and $kafka->controller are nodes too
    $kafka->wait_for_other_leader('topic', 0, $node);
    $node->start;
    $kafka->wait_until_in_sync;

Besides the properties, new() has two options: brokers (the number of brokers, by default 3; their ids begin with 1), and
controllers (the number of controllers, by default 1; their ids begin with 101).

=cut

sub new
{
	my ($class, $name, %properties) = @_;
	my $brokers     = delete $properties{brokers}     // 3;
	my $controllers = delete $properties{controllers} // 1;
	my $self        = bless {
		name       => $name,
		cluster_id => Heartbeat::Kafka::Node::new_cluster_id(),
		properties => {
			'offsets.topic.replication.factor'         => min(3, $brokers),
			'transaction.state.log.replication.factor' => min(3, $brokers),
			# With a short session, the controller soon elects another leader for the partitions of a killed or frozen broker.
			'broker.session.timeout.ms'                => 2000,
			'broker.heartbeat.interval.ms'             => 500,
			%properties
		},
		brokers => [],
		highest => 0,
	}, $class;
	$self->{controllers} = [ map { $self->_make_node($_, 'controller') } $first_controller_id .. $first_controller_id + $controllers - 1 ];
	$self->_add_broker for 1 .. $brokers;
	$_->configure($self->_voters) for $self->_all;
	Heartbeat::Kafka::Node::format_all($self->{cluster_id}, $self->_all);
	return $self;
}

sub _make_node
{
	my ($self, $id, $role) = @_;
	return Heartbeat::Kafka::Node->new("$self->{name}_$id", id => $id, roles => $role, properties => $self->{properties});
}

sub _add_broker
{
	my ($self) = @_;
	my $node = $self->_make_node(++$self->{highest}, 'broker');
	push @{ $self->{brokers} }, $node;
	return $node;
}

sub _voters { my ($self) = @_; return join ',', map { $_->id . '@127.0.0.1:' . $_->controller_port } @{ $self->{controllers} }; }

sub _all { my ($self) = @_; return (@{ $self->{controllers} }, @{ $self->{brokers} }); }

sub cluster_id { my ($self) = @_; return $self->{cluster_id}; }

sub nodes { my ($self) = @_; return @{ $self->{brokers} }; }

sub node
{
	my ($self, $id) = @_;
	return first { $_->id == $id } $self->_all;
}

# Returns the first controller.
sub controller { my ($self) = @_; return $self->{controllers}[0]; }

# Returns the addresses of all brokers in the format of bootstrap.servers.
sub brokers { my ($self) = @_; return join ',', map { $_->address } $self->nodes; }

# Starts the nodes that do not run, and returns when Kafka reports all brokers as alive.
sub start
{
	my ($self) = @_;
	$_->start(no_wait => 1) for grep { !defined $_->pid } $self->_all;
	$self->wait_until_ready;
	return;
}

sub stop { my ($self) = @_; $_->stop for reverse $self->_all; return; }

# Waits until each running broker reports all running brokers, and no other broker, as alive.
sub wait_until_ready
{
	my ($self) = @_;
	$_->wait_until_ready for grep { $_->is_alive } $self->_all;
	my @alive = map { $_->address } grep { $_->is_alive } $self->nodes;
	for my $address (@alive)
	{
		$self->_wait(sub { return $self->_ask($address, 'nodes') == @alive }, 'the brokers do not know each other');
	}
	return;
}

sub _wait
{
	my ($self, $is_so, $error) = @_;
	my $deadline = time + $deadline_seconds;
	my $poll     = Heartbeat::Poll->new;
	until ($is_so->())
	{
		croak "$error:\n" . join "\n", $self->_ask($self->brokers, 'partitions') if time > $deadline;
		$poll->pause;
	}
	return;
}

# Runs kafka-cluster with $address as its bootstrap servers, and returns the lines of its output.
sub _ask
{
	my ($self, $address, @arguments) = @_;
	return split /\n/, run_program($cluster_program, '--brokers', $address, @arguments);
}

# Returns the partitions of a topic, or of all topics: { topic, partition, leader (-1: none), replicas, in_sync }. The list is
# sorted by topic and partition.
sub partitions
{
	my ($self, @topic) = @_;
	return $self->_partitions_at(join(',', $self->_alive_addresses), @topic);
}

sub _alive_addresses { my ($self) = @_; return map { $_->address } grep { $_->is_alive } $self->nodes; }

# Returns the partitions as one of these brokers knows them.
sub _partitions_at
{
	my ($self, $addresses, @topic) = @_;
	my @found = map {
		my %partition;
		@partition{qw(topic partition leader)} = (split)[ 0 .. 2 ];
		@partition{qw(replicas in_sync)} = map { [ grep { $_ ne 'none' } split /,/ ] } (split)[ 3, 4 ];
		\%partition
	} $self->_ask($addresses, 'partitions', @topic);
	return sort { $a->{topic} cmp $b->{topic} || $a->{partition} <=> $b->{partition} } @found;
}

# Returns the node that leads a partition, or undef if the partition has no leader.
sub leader_of
{
	my ($self, $topic, $partition) = @_;
	return $self->node(($self->partitions($topic))[$partition]{leader});
}

# Returns the ids of the leaders, by partition. -1 means that the partition has no leader.
sub leaders { my ($self, $topic) = @_; return map { $_->{leader} } $self->partitions($topic); }

# Starts `kafka-cluster watch`, which writes each change of a topic's leaders to a file. The process ends when the caller closes
# the returned handle.
sub watch_leaders
{
	my ($self, $topic, $file) = @_;
	open(my $input, '|-', "exec $cluster_program --brokers @{[ $self->brokers ]} watch $topic > $file") or croak "$cluster_program: $!";
	return $input;
}

# Waits until another node than the given node leads the partition, and returns the new leader.
sub wait_for_other_leader
{
	my ($self, $topic, $partition, $node) = @_;
	my $leader;
	$self->_wait(sub { $leader = $self->leader_of($topic, $partition); return defined $leader && $leader != $node },
		"no other node than @{[ $node->id ]} leads partition $partition");
	return $leader;
}

# Waits until each partition of a topic, or of all topics, has a leader and all its replicas in sync.
sub wait_until_in_sync
{
	my ($self, @topic) = @_;
	$self->_wait(
		sub {
			return all { $_->{leader} >= 0 && @{ $_->{in_sync} } == @{ $_->{replicas} } } $self->partitions(@topic);
		},
		'the replicas are not in sync');
	return;
}

# Creates a topic that Kafka spreads over the brokers. Each partition has three replicas, or one on each broker if there are
# fewer than three brokers. The further arguments are settings in the form key=value.
sub create_topic
{
	my ($self, $topic, $partitions, @config) = @_;
	return $self->_create($topic, $partitions // 1, [ '--replication', min(3, scalar $self->nodes) ], @config);
}

# Creates a topic with the given replicas. For each partition, $replicas has a list of the broker ids, the leader first.
sub create_assigned_topic
{
	my ($self, $topic, $replicas, @config) = @_;
	return $self->_create($topic, scalar @$replicas, [ map { ('--replicas', join ',', @$_) } @$replicas ], @config);
}

sub _create
{
	my ($self, $topic, $partitions, $options, @config) = @_;
	$self->_admin('create', $topic, $partitions, @$options, map { ('--config', $_) } @config);
	$self->wait_until_in_sync($topic);
	return;
}

# Moves partitions to other brokers. $replicas: { partition => [ broker ids, preferred leader first ] }. Returns after the move.
sub reassign { my ($self, $topic, $replicas) = @_; return $self->_reassign(map { [ $topic, $_, $replicas->{$_} ] } sort keys %$replicas); }

sub _reassign
{
	my ($self, @moves) = @_;
	my $file = PostgreSQL::Test::Utils::tempdir('reassign') . '/plan.json';
	my @plan = map { { topic => $_->[0], partition => $_->[1] + 0, replicas => [ map { $_ + 0 } @{ $_->[2] } ] } } @moves;
	PostgreSQL::Test::Utils::append_to_file($file, JSON::PP::encode_json({ version => 1, partitions => \@plan }));
	$self->tool('reassign', '--reassignment-json-file', $file, '--execute');
	my %target = map { ("$_->[0] $_->[1]" => join ' ', sort @{ $_->[2] }) } @moves;
	my $is_moved = sub {
		my %there = map { ("$_->{topic} $_->{partition}" => $_) } @_;
		return all { my $p = $there{$_}; join(' ', sort @{ $p->{replicas} }) eq $target{$_} && @{ $p->{in_sync} } == @{ $p->{replicas} } } keys %target;
	};
	$self->_wait(sub { return all { $is_moved->($self->_partitions_at($_)) } $self->_alive_addresses }, 'the partitions are not moved');
	return;
}

# Makes the first replica of each partition the leader of the partition.
sub elect_preferred_leaders
{
	my ($self) = @_;
	$self->tool('elect', '--election-type', 'preferred', '--all-topic-partitions');
	return;
}

# Replaces a broker by a new broker with another id and port, stops the old broker, and returns the new node. The test itself
# must change the configuration of clients that have the old address.
sub replace
{
	my ($self, $old) = @_;
	my $new = $self->_add_broker;
	$new->configure($self->_voters);
	Heartbeat::Kafka::Node::format_all($self->{cluster_id}, $new);
	$new->start;
	$self->wait_until_ready;
	my @moves = map { [ $_->{topic}, $_->{partition}, [ map { $_ == $old->id ? $new->id : $_ } @{ $_->{replicas} } ] ] }
	  grep { grep { $_ == $old->id } @{ $_->{replicas} } } $self->partitions;
	$self->_reassign(@moves) if @moves;
	$old->stop;
	$self->{brokers} = [ grep { $_ != $old } $self->nodes ];
	run_program($kafka_program, 'cluster', 'unregister', '--bootstrap-server', $self->brokers, '--id', $old->id);
	return $new;
}

1;
