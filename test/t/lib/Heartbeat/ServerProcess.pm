# Test code: the process of a server that is not PostgreSQL, for example a broker or a schema registry. A test can start, stop,
# kill and freeze the process. Heartbeat::Kafka::Node and Heartbeat::Registry are subclasses. Each function that waits has a
# condition and a deadline. The code ends every process by its process id, even when the test dies.

package Heartbeat::ServerProcess;

use strict;
use warnings;

use Carp;
use POSIX qw(:sys_wait_h);
use Time::HiRes qw(time usleep);

use PostgreSQL::Test::Utils;
use Heartbeat::Poll;

my $deadline_seconds = 120;

my @processes;

=pod

    package Heartbeat::Registry;
    use parent 'Heartbeat::ServerProcess';

    my $self = $class->SUPER::new('registry', 'name', port => 8081);    # not started; the other arguments become fields

A subclass has two more methods: command() returns the program and its arguments, and answers() returns whether the server is ready.

=cut

sub new
{
	my ($class, $kind, $name, %fields) = @_;
	my $self = bless { %fields, name => $name, log => "$PostgreSQL::Test::Utils::log_path/${kind}_${name}_$$.log", pid => undef, frozen => 0 }, $class;
	push @processes, $self;
	return $self;
}

sub pid { my ($self) = @_; return $self->{pid}; }

sub log_file { my ($self) = @_; return $self->{log}; }

# Returns whether the process runs and is not frozen.
sub is_alive { my ($self) = @_; return defined $self->{pid} && !$self->{frozen}; }

# Starts the process, and returns when the server is ready. With no_wait => 1 the caller must call wait_until_ready().
sub start
{
	my ($self, %opt) = @_;
	croak "$self->{name} runs" if defined $self->{pid};
	my $pid = fork // croak "fork: $!";
	if ($pid == 0)
	{
		setpgrp;
		open(STDIN,  '<',  '/dev/null')  or POSIX::_exit(126);
		open(STDOUT, '>>', $self->{log}) or POSIX::_exit(126);
		open(STDERR, '>&', \*STDOUT)     or POSIX::_exit(126);
		exec($self->command) or POSIX::_exit(127);
	}
	$self->{pid} = $pid;
	$self->wait_until_ready unless $opt{no_wait};
	return;
}

sub wait_until_ready
{
	my ($self) = @_;
	my $deadline = time + $deadline_seconds;
	my $poll     = Heartbeat::Poll->new;
	until ($self->answers)
	{
		if (waitpid($self->{pid}, WNOHANG) == $self->{pid})
		{
			$self->{pid} = undef;
			croak "$self->{name} ended while starting:\n" . $self->_log_tail;
		}
		croak "$self->{name} does not answer:\n" . $self->_log_tail if time > $deadline;
		$poll->pause;
	}
	return;
}

sub stop { my ($self) = @_; return $self->_end('TERM'); }

sub kill9 { my ($self) = @_; return $self->_end('KILL'); }

sub restart { my ($self) = @_; $self->stop; return $self->start; }

# A frozen process keeps its connections and answers nothing, like a process that has lost its network.
sub freeze
{
	my ($self) = @_;
	kill('STOP', $self->{pid}) or croak "kill: $!";
	$self->{frozen} = 1;
	return;
}

sub thaw
{
	my ($self) = @_;
	kill('CONT', $self->{pid}) or croak "kill: $!";
	$self->{frozen} = 0;
	return;
}

sub _end
{
	my ($self, $signal) = @_;
	my $pid = $self->{pid} // return;
	kill($signal, $pid);
	kill('CONT', $pid) if $self->{frozen};    # a frozen process handles the first signal only after SIGCONT
	my $deadline = time + 30;
	while (waitpid($pid, WNOHANG) == 0)
	{
		kill('KILL', $pid) if time > $deadline;
		usleep(5_000);
	}
	@{$self}{qw(pid frozen)} = (undef, 0);
	return;
}

sub _log_tail
{
	my ($self) = @_;
	my @lines = split /^/, slurp_file($self->{log});
	return join '', @lines > 30 ? @lines[ -30 .. -1 ] : @lines;
}

# The processes must end with the test. When the processes end, Perl changes $?, so this code restores the exit status of the
# test.
END
{
	my $status = $?;
	$_->_end('KILL') for @processes;
	$? = $status;
}

1;
