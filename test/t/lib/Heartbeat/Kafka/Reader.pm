# Test code: reads the real contents of a Kafka topic, message by message and byte for byte. The program kafka-consume
# (test/kafka/consume.cpp) writes the record format that this file reads.

package Heartbeat::Kafka::Reader;

use strict;
use warnings;

use Carp;
use Cwd qw(abs_path);
use File::Basename qw(dirname);

my $program   = abs_path(dirname(__FILE__) . '/../../../../..') . '/build/test/kafka-consume';
my $head_size = 8 + 4 + 8 + 4 + 4;

sub new
{
	my ($class, $brokers, $topic, @options) = @_;
	open(my $records, '-|:raw', $program, '--brokers', $brokers, '--topic', $topic, @options) or croak "$program: $!";
	return bless { records => $records, topic => $topic }, $class;
}

# Returns the next message as { partition, offset, timestamp, key, value }, and undef after the last message. Within a partition
# the messages are sorted by offset. A null key or value is undef. If the program cannot read the topic to its end, the test
# ends. The test also ends if an offset is missing, except with the option --compacted.
sub next
{
	my ($self) = @_;
	my $got = read($self->{records}, my $head, $head_size);
	if (!$got)
	{
		close($self->{records}) or croak "reading $self->{topic} failed";
		return;
	}
	croak "a record of $self->{topic} is cut short" if $got != $head_size;
	my %message;
	(@message{qw(offset partition timestamp)}, my ($key_length, $value_length)) = unpack('q<l<q<l<l<', $head);
	$message{key}   = $self->_bytes($key_length);
	$message{value} = $self->_bytes($value_length);
	return \%message;
}

sub _bytes
{
	my ($self, $length) = @_;
	return if $length < 0;
	my $bytes = '';
	croak "a record of $self->{topic} is cut short" if $length && read($self->{records}, $bytes, $length) != $length;
	return $bytes;
}

1;
