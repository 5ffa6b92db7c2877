# Test code: publishes messages of Avro, Protobuf and JSON Schema with the serializers of confluent-kafka. This file sends
# requests to the program test/formats/publish.py, which publishes the messages. publish.py describes the format of the
# requests. The program runs until the test ends.

package Heartbeat::Publisher;

use strict;
use warnings;

use Carp;
use Cwd qw(abs_path);
use Exporter qw(import);
use File::Basename qw(dirname);
use IO::Handle;
use IPC::Open2 qw(open2);
use JSON::PP ();

our @EXPORT_OK = qw(framed);

my $program = abs_path(dirname(__FILE__) . '/../../../..') . '/test/formats/publisher';

=pod

    my $publisher = Heartbeat::Publisher->new($kafka, $registry->url, 'basic.auth.user.info' => 'user:password');
    my @ids = $publisher->publish('ward', { format => 'avro', schema => $schema }, undef, { value => { bpm => 70 } }, ...);

The third parameter describes the keys. If the third parameter is undef, a key is text.

=cut

sub new
{
	my ($class, $kafka, $url, %settings) = @_;
	my ($output, $input);
	my $pid = open2($output, $input, $program, 'run', $kafka->brokers, $url, map { "$_=$settings{$_}" } sort keys %settings);
	$input->autoflush(1);
	return bless { pid => $pid, input => $input, output => $output, json => JSON::PP->new->utf8->canonical }, $class;
}

# Waits until Kafka has acknowledged all messages. Returns a sorted list of the schema ids that the values have.
sub publish
{
	my ($self, $topic, $value, $key, @messages) = @_;
	my $request = { topic => $topic, value => $value, ($key ? (key => $key) : ()), messages => \@messages };
	print { $self->{input} } $self->{json}->encode($request), "\n";
	my $output = $self->{output};
	my $answer = <$output> // croak 'publish.py ended';
	$answer = $self->{json}->decode($answer);
	croak $answer->{error} if defined $answer->{error};
	return @{ $answer->{ids} };
}

sub DESTROY
{
	my ($self) = @_;
	local ($?, $!, $@);
	close $self->{input};
	kill('TERM', $self->{pid});    # if a forked process of the test still has the pipe open, the program does not see the end of its input
	waitpid($self->{pid}, 0);
	return;
}

# Returns a message in Confluent's frame, with the id of a schema and the bytes of the value.
sub framed { my ($id, $bytes) = @_; return pack('CN', 0, $id) . $bytes; }

1;
