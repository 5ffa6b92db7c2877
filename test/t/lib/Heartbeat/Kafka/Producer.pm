# Test code: a stream of messages from a test to one Kafka topic, byte for byte. This file writes each message as a record to
# the input of the program kafka-produce, and this program publishes the message. test/kafka/produce.cpp describes the format of
# a record.

package Heartbeat::Kafka::Producer;

use strict;
use warnings;

use Carp;
use Cwd qw(abs_path);
use File::Basename qw(dirname);
use IO::Handle;

my $program = abs_path(dirname(__FILE__) . '/../../../../..') . '/build/test/kafka-produce';

# @options are options of the program kafka-produce. For example, with '-X', 'linger.ms=0' messages do not wait for a batch.
sub new
{
	my ($class, $brokers, $topic, @options) = @_;
	pipe(my $input_read,  my $input)  or croak "pipe: $!";
	pipe(my $output, my $output_write) or croak "pipe: $!";
	my $pid = fork // croak "fork: $!";
	if ($pid == 0)
	{
		open(STDIN,  '<&', $input_read)   or POSIX::_exit(126);
		open(STDOUT, '>&', $output_write) or POSIX::_exit(126);
		exec($program, '--brokers', $brokers, '--topic', $topic, @options) or POSIX::_exit(127);
	}
	close $input_read;
	close $output_write;
	binmode $input;
	$input->autoflush(1);
	return bless { pid => $pid, input => $input, output => $output, topic => $topic }, $class;
}

# A message is { value, key, partition, timestamp }, or a text that is the value. The default partition is 0. With partition
# -1 the key decides the partition. An undefined value is a tombstone. The timestamp is in milliseconds.
sub send
{
	my ($self, @messages) = @_;
	local $SIG{PIPE} = 'IGNORE';    # if the program has ended, the test must not die here: finish() reports the reason
	my $records = '';
	for my $message (@messages)
	{
		$message = { value => $message } unless ref $message;
		my ($key, $value) = @{$message}{qw(key value)};
		$records .= pack('l<q<l<l<',
			$message->{partition} // 0,
			$message->{timestamp} // 0,
			defined $key   ? length $key   : -1,
			defined $value ? length $value : -1);
		$records .= $key   if defined $key;
		$records .= $value if defined $value;
		next if length $records < 1 << 20;
		print { $self->{input} } $records;
		$records = '';
	}
	print { $self->{input} } $records;
	return;
}

# Ends the stream, and waits until Kafka has acknowledged every message. Returns { partition => [messages, first offset, last
# offset] }.
sub finish
{
	my ($self) = @_;
	close $self->{input};
	my $output  = $self->{output};
	my %offsets = map { my ($partition, @rest) = split ' '; $partition => \@rest } <$output>;
	waitpid($self->{pid}, 0);
	croak "publishing to $self->{topic} failed" if $? != 0;
	return \%offsets;
}

1;
