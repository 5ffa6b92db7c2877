# Test code: a Kafka of a test, with one process that is broker and controller. This Kafka uses ports that no other process
# uses. A test can start, stop, kill and freeze this Kafka, and read its contents. Heartbeat::Kafka::Cluster has several
# brokers.

package Heartbeat::Kafka;

use strict;
use warnings;

use parent qw(Heartbeat::Kafka::Node Heartbeat::Kafka::Client);

=pod

    my $kafka = Heartbeat::Kafka->new('name', %server_properties);   # free ports, formatted storage, not started
    $kafka->start;
    $kafka->create_topic('topic', 3, 'max.message.bytes=2000000');
    $kafka->produce('topic', { value => '{...}' }, { partition => 1, key => 'k', value => undef, timestamp => 1 });

Besides the properties, new() has two options. listeners => { NAME => 'SASL_SSL' } adds a listener to the listener PLAINTEXT.
The added listener has the address $kafka->brokers('NAME'), and its properties begin with 'listener.name.name.'.
scram => [ [ user, password ] ] creates users for SCRAM.

=cut

sub new
{
	my ($class, $name, %properties) = @_;
	my %opt = map { $_ => delete $properties{$_} } grep { exists $properties{$_} } qw(listeners scram);
	my $self = $class->SUPER::new($name, %opt, id => 1, roles => 'broker,controller', properties => \%properties);
	$self->configure("1\@127.0.0.1:" . $self->controller_port);
	$self->format;
	return $self;
}

sub brokers { my ($self, $listener) = @_; return $self->address($listener); }

# Prepares empty storage for a new cluster. Each call gives the cluster another id, and keeps the port.
sub format
{
	my ($self) = @_;
	$self->{cluster_id} = Heartbeat::Kafka::Node::new_cluster_id();
	Heartbeat::Kafka::Node::format_all($self->{cluster_id}, $self);
	return $self->{cluster_id};
}

sub cluster_id { my ($self) = @_; return $self->{cluster_id}; }

1;
