# Test code: a front, which is an HTTP server between heartbeat and a schema registry. The front forwards requests to the
# registry, or behaves badly: it sends an error or a wrong text, sends its answer slowly, or never ends its answer. The front
# keeps a list of the requests.

package Heartbeat::RegistryFront;

use strict;
use warnings;

use Carp;
use HTTP::Tiny;
use IO::Socket::INET;
use POSIX ();
use Time::HiRes qw(time usleep);

use PostgreSQL::Test::Utils;

my @fronts;

=pod

    my $front = Heartbeat::RegistryFront->new($registry->url);
    $front->behave('error 500');    # later requests get this answer
    $front->behave('pass');         # passes requests on to the registry, as at the beginning

The behaviors: pass (502 if the registry does not answer); error STATUS; text TEXT (an answer 200 with this text); drop
(closes the connection); slow SECONDS (passes the request on after this time); trickle (one byte of the answer in a second);
endless (an answer without an end); hold (answers only when another behavior begins).

=cut

sub new
{
	my ($class, $url) = @_;
	my $socket = IO::Socket::INET->new(Listen => 50, LocalAddr => '127.0.0.1', ReuseAddr => 1) or croak "no socket: $!";
	my $folder = PostgreSQL::Test::Utils::tempdir('front');
	my $self   = bless { url => $url, socket => $socket, port => $socket->sockport, behavior => "$folder/behavior", log => "$folder/log" }, $class;
	$self->behave('pass');
	append_to_file($self->{log}, '');
	$self->{pid} = fork // croak "fork: $!";
	if ($self->{pid} == 0)
	{
		$self->_serve;
		POSIX::_exit(0);
	}
	push @fronts, $self;
	return $self;
}

sub url { my ($self) = @_; return "http://127.0.0.1:$self->{port}"; }

sub behave
{
	my ($self, $behavior) = @_;
	open(my $file, '>', "$self->{behavior}.new") or croak "$self->{behavior}: $!";
	print $file $behavior;
	close $file;
	rename("$self->{behavior}.new", $self->{behavior}) or croak "$self->{behavior}: $!";
	return;
}

# Returns the paths of the requests of all clients.
sub requests { my ($self) = @_; return split /\n/, slurp_file($self->{log}); }

# Each connection has a process of its own, so a slow answer does not delay other answers.
sub _serve
{
	my ($self) = @_;
	local $SIG{CHLD} = 'IGNORE';
	local $SIG{TERM} = 'DEFAULT';
	setpgrp;
	while (my $client = $self->{socket}->accept)
	{
		my $pid = fork // next;
		if ($pid == 0)
		{
			local $SIG{CHLD} = 'DEFAULT';
			$self->_answer($client);
			POSIX::_exit(0);
		}
		close $client;
	}
	return;
}

sub _answer
{
	my ($self, $client) = @_;
	my $request = '';
	while (my $line = <$client>) { $request .= $line; last if $line =~ /^\r?\n$/; }
	my ($path) = $request =~ m{^GET (\S+)} or return;
	append_to_file($self->{log}, "$path\n");
	my ($behavior, $argument) = slurp_file($self->{behavior}) =~ /^(\S+) ?(.*)$/s;
	while ($behavior eq 'hold')
	{
		usleep(20_000);
		($behavior, $argument) = slurp_file($self->{behavior}) =~ /^(\S+) ?(.*)$/s;
	}
	return if $behavior eq 'drop';
	sleep $argument if $behavior eq 'slow';
	return _send($client, $argument, '{"error_code":50001,"message":"broken"}') if $behavior eq 'error';
	return _send($client, 200,       $argument) if $behavior eq 'text';
	return _endless($client) if $behavior eq 'endless';
	my $answer = HTTP::Tiny->new(timeout => 20)->get("$self->{url}$path");
	return _send($client, 502, '') if $answer->{status} == 599;    # HTTP::Tiny returns 599 if the registry has not answered
	return _trickle($client, $answer) if $behavior eq 'trickle';
	return _send($client, $answer->{status}, $answer->{content});
}

sub _send
{
	my ($client, $status, $text) = @_;
	print $client "HTTP/1.1 $status Status\r\nContent-Type: application/json\r\nConnection: close\r\nContent-Length: "
	  . length($text) . "\r\n\r\n$text";
	close $client;
	return;
}

sub _trickle
{
	my ($client, $answer) = @_;
	$client->autoflush(1);
	print $client "HTTP/1.1 200 OK\r\nContent-Length: " . length($answer->{content}) . "\r\n\r\n";
	for my $byte (split //, $answer->{content})
	{
		print $client $byte or return;
		sleep 1;
	}
	return;
}

sub _endless
{
	my ($client) = @_;
	local $SIG{PIPE} = 'DEFAULT';
	print $client "HTTP/1.1 200 OK\r\n\r\n";
	print $client 'x' x 65_536 while 1;
	return;
}

END
{
	my $status = $?;
	kill('KILL', -$_->{pid}) || kill('KILL', $_->{pid}) for @fronts;
	waitpid($_->{pid}, 0) for @fronts;
	$? = $status;
}

1;
