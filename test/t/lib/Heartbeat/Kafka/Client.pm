# Test code: the operations of a test on any Kafka: topics, offsets, messages, consumer groups, Kafka's own tools.
# Heartbeat::Kafka and Heartbeat::Kafka::Cluster inherit from this class. Each of these two classes has a function brokers(),
# which returns the addresses of the brokers. Each function that waits has a condition and a deadline.

package Heartbeat::Kafka::Client;

use strict;
use warnings;

use Carp;
use Time::HiRes qw(time usleep);

use Heartbeat::Kafka::Producer;
use Heartbeat::Kafka::Programs qw($kafka_program $admin_program run_program);
use Heartbeat::Kafka::Reader;

# Creates a topic. Kafka spreads the partitions of the topic over the brokers. The further arguments are settings of the topic
# in the form key=value. Heartbeat::Kafka::Cluster has its own create_topic(), which also sets the number of replicas.
sub create_topic
{
	my ($self, $topic, $partitions, @config) = @_;
	$self->_admin('create', $topic, $partitions // 1, map { ('--config', $_) } @config);
	return;
}

# Changes settings of the topic. Each setting is given as key=value.
sub configure_topic
{
	my ($self, $topic, @config) = @_;
	$self->tool('configs', '--entity-type', 'topics', '--entity-name', $topic, '--alter', map { ('--add-config', $_) } @config);
	return;
}

# Sets a quota in the form key=value, for example consumer_byte_rate=1000. Each broker applies the quota to each client.
sub set_quota
{
	my ($self, $quota) = @_;
	$self->tool('configs', '--entity-type', 'clients', '--entity-default', '--alter', '--add-config', $quota);
	return;
}

sub remove_quota
{
	my ($self, $key) = @_;
	$self->tool('configs', '--entity-type', 'clients', '--entity-default', '--alter', '--delete-config', $key);
	return;
}

sub delete_topic { my ($self, $topic) = @_; $self->_admin('delete', $topic); return; }

# Adds partitions to a topic. $partitions is the new total number.
sub grow_topic { my ($self, $topic, $partitions) = @_; $self->_admin('grow', $topic, $partitions); return; }

# Removes the messages of a partition before an offset, as retention would.
sub truncate
{
	my ($self, $topic, $partition, $offset) = @_;
	$self->_admin('truncate', $topic, $partition, $offset);
	return;
}

# Returns the end offset of each partition, as a list by partition.
sub end_offsets { my ($self, $topic) = @_; return map { $_->[2] } $self->_offsets($topic); }

# Returns the first offset that each partition still has, as a list by partition.
sub first_offsets { my ($self, $topic) = @_; return map { $_->[1] } $self->_offsets($topic); }

# Returns a stream of messages to a topic; see Heartbeat::Kafka::Producer for its options.
sub producer
{
	my ($self, $topic, @options) = @_;
	return Heartbeat::Kafka::Producer->new($self->brokers, $topic, @options);
}

# Returns a reader of the whole topic; see Heartbeat::Kafka::Reader.
sub reader
{
	my ($self, $topic, @options) = @_;
	return Heartbeat::Kafka::Reader->new($self->brokers, $topic, @options);
}

# Waits until Kafka has compacted a topic to at most $at_most messages, and returns the number of messages. Kafka compacts a
# segment only after a later message has closed it, so the function calls $publish_one, which publishes a message.
sub wait_for_compaction
{
	my ($self, $topic, $at_most, $publish_one) = @_;
	my $deadline = time + 60;
	my $messages;
	do
	{
		$publish_one->();
		usleep(100_000);
		$messages = 0;
		my $reader = $self->reader($topic, '--compacted');
		$messages++ while $reader->next;
	} until ($messages <= $at_most or time > $deadline);
	return $messages;
}

# Publishes messages, and waits until the broker has acknowledged all of them. Returns { partition => [messages, first
# offset, last offset] }.
sub produce
{
	my ($self, $topic, @messages) = @_;
	my $producer = $self->producer($topic);
	$producer->send(@messages);
	return $producer->finish;
}

# Publishes messages in one transaction, and commits or aborts the transaction. The transaction always ends with a marker, which
# has an offset of its own.
sub produce_transaction
{
	my ($self, $topic, $outcome, @messages) = @_;
	croak "commit or abort?" unless $outcome =~ /^(commit|abort)$/;
	my @options = ('--transaction', "test-$$-" . ++$self->{transactions});
	push @options, '--abort' if $outcome eq 'abort';
	my $producer = $self->producer($topic, @options);
	$producer->send(@messages);
	return $producer->finish;
}

# Runs one of Kafka's own tools, and returns its output.
sub tool
{
	my ($self, $tool, @arguments) = @_;
	return run_program($kafka_program, $tool, '--bootstrap-server', $self->brokers, @arguments);
}

# Asks kafka-consumer-groups for the committed offsets of a group. Returns { topic => { partition => { offset, end, lag } } }.
sub group_offsets
{
	my ($self, $group) = @_;
	my %found;
	for my $line (split /\n/, $self->tool('groups', '--describe', '--group', $group))
	{
		# GROUP TOPIC PARTITION CURRENT-OFFSET LOG-END-OFFSET LAG ...
		next unless $line =~ /^\Q$group\E\s+(\S+)\s+(\d+)\s+(\S+)\s+(\S+)\s+(\S+)/;
		$found{$1}{$2} = { offset => $3, end => $4, lag => $5 };
	}
	return \%found;
}

# Waits until kafka-consumer-groups shows the expected committed offsets of the group: one offset for each partition, in order.
# Returns the offsets that kafka-consumer-groups showed last.
sub wait_for_group_offsets
{
	my ($self, $group, $topic, @expected) = @_;
	my $deadline = time + 60;
	my @shown;
	do
	{
		my $found = $self->group_offsets($group)->{$topic} // {};
		@shown = map { $found->{$_}{offset} // 'none' } 0 .. $#expected;
	} until ("@shown" eq "@expected" or time > $deadline);
	return @shown;
}

# Returns the version of Kafka.
sub version { return run_program($kafka_program, 'version') =~ s/\s+\z//r; }

sub _offsets
{
	my ($self, $topic) = @_;
	return map { [ split / / ] } split /\n/, $self->_admin('offsets', $topic);
}

sub _admin
{
	my ($self, @arguments) = @_;
	return run_program($admin_program, '--brokers', $self->brokers, @arguments);
}

1;
