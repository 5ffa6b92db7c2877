# Test code: a stream of readings that a test publishes in several parts. This code also checks that a database has stored the
# stream.

package Heartbeat::Feed;

use strict;
use warnings;

use Test::More;

use Heartbeat::Reading;

=pod

    my $feed = Heartbeat::Feed->new($kafka, 3);    # creates the topic heartbeat-events with 3 partitions
    $feed->publish(300);
    $feed->assert_stored($node, 'a restored database has them');

=cut

my $topic = 'heartbeat-events';

sub new
{
	my ($class, $kafka, $partitions) = @_;
	$kafka->create_topic($topic, $partitions);
	return bless { kafka => $kafka, partitions => $partitions, start => int(time) - 3600, published => [] }, $class;
}

# Publishes the next readings of the stream, spread evenly over the partitions.
sub publish
{
	my ($self, $count) = @_;
	my @messages = reading_stream($count, $self->{partitions}, start => $self->{start}, first => $self->count);
	$self->{kafka}->produce($topic, @messages);
	push @{ $self->{published} }, @messages;
	return;
}

# Adds a message to the stream, but does not publish it: the test has already published this message.
sub add { my ($self, $message) = @_; push @{ $self->{published} }, $message; return; }

# Returns how many messages are published.
sub count { my ($self) = @_; return scalar @{ $self->{published} }; }

# Passes when the database has read the topic to its end and has stored each reading. Compares the readings one by one.
sub assert_stored
{
	my ($self, $node, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$node->wait_for_offsets($topic, $self->{kafka}->end_offsets($topic));
	$node->assert_readings($what, @{ $self->{published} });
	return $node->assert_audit;
}

# Passes when the database has counted each normal reading and each anomaly of the stream once, and the worker is RUNNING. The
# function does not ask Kafka, and takes the same time for any number of readings. It computes the expected counts from two
# rules: 3 of each hundred readings are anomalies, and each partition has the same number of readings. So the number of
# published readings must be a multiple of a hundred and of the number of partitions.
sub assert_counted
{
	my ($self, $node, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $published = $self->count;
	$node->wait_for_offsets($topic, ($published / $self->{partitions}) x $self->{partitions});
	is($node->query('SELECT sum(records), sum(anomalies), sum(duplicates), sum(dead_letters) FROM heartbeat_offsets'),
		$published * 0.97 . '|' . $published * 0.03 . '|0|0', "$what: each reading is stored once");
	$node->wait_for_state('RUNNING', undef, 'the worker is RUNNING');
	return $node->assert_audit;
}

1;
