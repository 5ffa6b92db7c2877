# Test code: one process of Kafka, which is a broker, a controller or both, with its own storage and ports. A test can format the
# storage. The base class starts, stops, kills and freezes the process. Heartbeat::Kafka and Heartbeat::Kafka::Cluster use this
# class.

package Heartbeat::Kafka::Node;

use strict;
use warnings;

use Carp;
use File::Path qw(rmtree);
use IO::Socket::INET;
use IPC::Run ();
use MIME::Base64 qw(encode_base64url);

use PostgreSQL::Test::Cluster;
use PostgreSQL::Test::Utils;
use Heartbeat::Kafka::Programs qw($kafka_program $admin_program run_programs);
use parent 'Heartbeat::ServerProcess';

=pod

    my $node = Heartbeat::Kafka::Node->new('name', id => 1, roles => 'broker,controller', properties => {});
    $node->configure("1\@127.0.0.1:" . $node->controller_port);    # the argument is $voters; writes server.properties
    Heartbeat::Kafka::Node::format_all($cluster_id, $node);
    $node->start;

Further options: listeners => { NAME => 'SASL_SSL' }, besides PLAINTEXT; scram => [ [ user, password ] ].

=cut

sub new
{
	my ($class, $name, %opt) = @_;
	my $listeners = $opt{listeners} // {};
	return $class->SUPER::new(
		'kafka', $name,
		id         => $opt{id},
		roles      => $opt{roles},
		folder     => '' . PostgreSQL::Test::Utils::tempdir("kafka_$name"),
		port       => PostgreSQL::Test::Cluster::get_free_port(),
		controller => PostgreSQL::Test::Cluster::get_free_port(),
		listeners  => { map { $_ => [ $listeners->{$_}, PostgreSQL::Test::Cluster::get_free_port() ] } keys %$listeners },
		scram      => $opt{scram}      // [],
		properties => $opt{properties} // {});
}

sub id { my ($self) = @_; return $self->{id}; }

# Returns the folder of the node's partitions. In this folder each partition has a folder TOPIC-PARTITION.
sub data_folder { my ($self) = @_; return "$self->{folder}/data"; }

sub is_broker { my ($self) = @_; return $self->{roles} =~ /broker/; }

sub address
{
	my ($self, $listener) = @_;
	return defined $listener ? "localhost:$self->{listeners}{$listener}[1]" : "127.0.0.1:$self->{port}";
}

sub controller_port { my ($self) = @_; return $self->{controller}; }

# Returns a new cluster id: sixteen bytes in base64. The first byte is fixed, because a program could take an id that begins
# with "-" for an option.
sub new_cluster_id { return encode_base64url(pack('C*', 0x41, map { int(rand(256)) } 1 .. 15)); }

# Deletes the storage of the nodes, and formats empty storage. All of these nodes belong to the same cluster.
sub format_all
{
	my ($cluster_id, @of_one_cluster) = @_;
	for my $node (@of_one_cluster)
	{
		croak "$node->{name} runs" if defined $node->{pid};
		rmtree($node->data_folder);
	}
	run_programs(map { [ $kafka_program, 'format', "$_->{folder}/server.properties", $cluster_id, $_->_scram_options ] } @of_one_cluster);
	return;
}

sub _scram_options
{
	my ($self) = @_;
	return map {
		my ($name, $password) = @$_;
		map { ('--add-scram', "$_=[name=$name,password=$password]") } qw(SCRAM-SHA-256 SCRAM-SHA-512)
	} @{ $self->{scram} };
}

sub command { my ($self) = @_; return ($kafka_program, 'serve', "$self->{folder}/server.properties"); }

# Returns whether the process is ready. A broker is ready when it answers a request. A controller answers only nodes of Kafka,
# so this code does not send it a request: a controller counts as ready when its port is open.
sub answers
{
	my ($self) = @_;
	return defined IO::Socket::INET->new(PeerAddr => "127.0.0.1:$self->{controller}", Timeout => 1) unless $self->is_broker;
	return IPC::Run::run([ $admin_program, '--brokers', $self->address, '--timeout', 1, 'ready' ],
		'<', \undef, '>', \my $out, '2>', \my $err);
}

# Writes server.properties. $voters has the controllers of the quorum.
sub configure
{
	my ($self, $voters) = @_;
	my %listeners = %{ $self->{listeners} };
	my $addresses = join ',', "PLAINTEXT://" . $self->address, map { "$_://localhost:$listeners{$_}[1]" } sort keys %listeners;
	my $protocols = join '', map { ",$_:$listeners{$_}[0]" } sort keys %listeners;
	my %broker    = $self->is_broker ? ('advertised.listeners' => $addresses, 'inter.broker.listener.name' => 'PLAINTEXT') : ();
	my %properties = (
		'process.roles'                            => $self->{roles},
		'node.id'                                  => $self->{id},
		'controller.quorum.voters'                 => $voters,
		'listeners'                                => join(',', $self->is_broker ? $addresses : (),
			$self->{roles} =~ /controller/ ? "CONTROLLER://127.0.0.1:$self->{controller}" : ()),
		%broker,
		'controller.listener.names'                => 'CONTROLLER',
		'listener.security.protocol.map'           => "CONTROLLER:PLAINTEXT,PLAINTEXT:PLAINTEXT$protocols",
		'log.dirs'                                 => $self->data_folder,
		'auto.create.topics.enable'                => 'false',
		# After kill -9 a broker can start again only when the controller has ended the broker's old session.
		'broker.session.timeout.ms'                => 4000,
		'broker.heartbeat.interval.ms'             => 1000,
		# By default a controller writes a record every half second, which takes a third of the CPU time of an idle broker. With
		# 0 the controller does not write these records.
		'metadata.max.idle.interval.ms'            => 0,
		'offsets.topic.replication.factor'         => 1,
		'offsets.topic.num.partitions'             => 1,
		'transaction.state.log.replication.factor' => 1,
		'transaction.state.log.min.isr'            => 1,
		'transaction.state.log.num.partitions'     => 1,
		'group.initial.rebalance.delay.ms'         => 0,
		'log.cleaner.dedupe.buffer.size'           => 2097152,
		# Messages of a test can have any timestamp. With the default retention the broker would remove old messages half a minute
		# after its start.
		'log.retention.ms'                         => -1,
		'num.network.threads'                      => 2,
		'num.io.threads'                           => 2,
		%{ $self->{properties} });
	open(my $file, '>', "$self->{folder}/server.properties") or croak "server.properties: $!";
	print $file map { "$_=$properties{$_}\n" } sort keys %properties;
	close($file) or croak "server.properties: $!";
	return;
}

1;
