# Test code: a server that does not speak Kafka's protocol, at the address of a Kafka broker. The server resets connections,
# answers with random bytes, answers as a web server, or does not answer. The process of the server ends with the test.

package Heartbeat::Impostor;

use strict;
use warnings;

use Carp;
use IO::Select;
use IO::Socket::INET;
use POSIX ();
use Socket qw(SOL_SOCKET SO_LINGER);

my @impostors;

my %answers = (
	reset   => sub { my ($client) = @_; setsockopt($client, SOL_SOCKET, SO_LINGER, pack('ii', 1, 0)); return 0; },
	garbage => sub { my ($client) = @_; return syswrite($client, join '', map { chr rand 256 } 1 .. 1 + rand 2000); },
	silence => sub { return 1; },
	http    => sub { my ($client) = @_; syswrite($client, "HTTP/1.1 400 Bad Request\r\nContent-Length: 0\r\n\r\n"); return 0; });

# $manners is 'reset', 'garbage', 'silence' or 'http'.
sub new
{
	my ($class, $manners) = @_;
	my $answer = $answers{$manners} // croak "no such manners: $manners";
	my $listener = IO::Socket::INET->new(LocalAddr => '127.0.0.1', LocalPort => 0, Listen => 64) or croak "listen: $!";
	my $pid = fork // croak "fork: $!";
	_serve($listener, $answer) if $pid == 0;
	my $self = bless { manners => $manners, port => $listener->sockport, pid => $pid }, $class;
	push @impostors, $self;
	return $self;
}

sub address { my ($self) = @_; return "127.0.0.1:$self->{port}"; }

# Calls $answer each time a client sends bytes. If $answer returns false, closes the connection. This function never returns.
sub _serve
{
	my ($listener, $answer) = @_;
	$SIG{PIPE} = 'IGNORE';
	my $all = IO::Select->new($listener);
	while (my @ready = $all->can_read)
	{
		for my $socket (@ready)
		{
			if ($socket == $listener)
			{
				my $client = $listener->accept;
				$all->add($client) if $client;
				next;
			}
			next if sysread($socket, my $said, 65536) && $answer->($socket);
			$all->remove($socket);
			close $socket;
		}
	}
	POSIX::_exit(0);
}

sub end
{
	my ($self) = @_;
	my $pid = delete $self->{pid} // return;
	kill('KILL', $pid);
	waitpid($pid, 0);
	return;
}

END
{
	my $status = $?;
	$_->end for @impostors;
	$? = $status;
}

1;
