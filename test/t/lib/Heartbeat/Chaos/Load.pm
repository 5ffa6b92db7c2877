# Test code: a process that publishes messages at a constant rate, even while the broker is down. Heartbeat::Chaos uses this
# code. The process keeps the broker's acknowledgments with their offsets. The producer is idempotent and tries again, so a
# killed broker only delays the messages.

package Heartbeat::Chaos::Load;

use strict;
use warnings;

use Carp;
use POSIX qw(:sys_wait_h);
use Time::HiRes qw(time usleep);

use PostgreSQL::Test::Utils;

my $tick             = 10_000;    # microseconds
my $delivery_seconds = 120;    # the longest wait for the acknowledgments at the end of the stream

my @loads;

# Options: kafka, topic, messages (a Heartbeat::Chaos::Messages that no other object uses), rate (messages per second).
sub start
{
	my ($class, %opt) = @_;
	my $folder = PostgreSQL::Test::Utils::tempdir('load');
	my $self   = bless { %opt, folder => $folder, receipts => "$folder/receipts" }, $class;
	my $parent = $$;
	$self->{pid} = fork // croak "fork: $!";
	if ($self->{pid} == 0)
	{
		setpgrp;    # a signal to this group also reaches the producer
		eval { $self->_publish($parent); 1 } or do { print STDERR "publishing: $@"; POSIX::_exit(1) };
		POSIX::_exit(0);
	}
	push @loads, $self;
	return $self;
}

sub _publish
{
	my ($self, $parent) = @_;
	my $ended = 0;
	local $SIG{TERM} = sub { $ended = 1 };
	my $producer = $self->{kafka}->producer($self->{topic}, '--receipts', $self->{receipts}, '--timeout', $delivery_seconds);
	my ($began, $sent) = (time, 0);
	until ($ended)
	{
		die "the test has ended\n" if getppid != $parent;
		my $due = int((time - $began) * $self->{rate}) - $sent;
		$producer->send(map { $self->{messages}->next } 1 .. $due);
		$sent += $due;
		usleep($tick);
	}
	$producer->finish;
	return;
}

# Returns whether the process still publishes. Before finish() the process ends only after an error.
sub is_running { my ($self) = @_; return waitpid($self->{pid}, WNOHANG) == 0; }

# Ends the stream, and returns when every message is acknowledged.
sub finish
{
	my ($self) = @_;
	kill('TERM', $self->{pid});
	waitpid($self->{pid}, 0);
	my $status = $?;
	delete $self->{pid};
	croak 'the load was not delivered' if $status != 0;
	return;
}

# Returns a function. Each call of this function returns the next acknowledgment: number, partition, offset and time of a
# message.
sub receipts
{
	my ($self) = @_;
	open(my $receipts, '<', $self->{receipts}) or croak "$self->{receipts}: $!";
	return sub {
		my $line = <$receipts> // return;
		chomp $line;
		return split / /, $line;
	};
}

# The process must end with the test.
END
{
	my $status = $?;
	for my $pid (grep { defined } map { $_->{pid} } @loads)
	{
		kill('KILL', -$pid);
		waitpid($pid, 0);
	}
	$? = $status;
}

1;
