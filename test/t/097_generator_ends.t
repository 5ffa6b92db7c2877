# The generator ends when a person stops it, even if nobody reads its output, or if its input has no newline. If --duration ends
# a run before --count messages are published, the run succeeds, and its output does not say "not delivered".

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run ();
use POSIX qw(WNOHANG);
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use Heartbeat::Poll;

my $generator = "$FindBin::RealBin/../../build/generator/heartbeat-generator";

# Starts the generator, and sends SIGTERM one second later. Returns the number of seconds from SIGTERM until the generator ends.
# If the generator does not end within 20 seconds, the function kills it.
sub seconds_until_end
{
	my ($stdout, @options) = @_;
	my $pid = fork // die "fork: $!";
	if ($pid == 0)
	{
		open(STDOUT, '>&', $stdout) or die "stdout: $!";
		open(STDERR, '>', '/dev/null') or die "stderr: $!";
		exec $generator, @options or die "exec: $!";
	}
	sleep 1;
	my $begin = time;
	kill TERM => $pid;
	my $poll = Heartbeat::Poll->new;
	until (waitpid($pid, WNOHANG) == $pid)
	{
		kill KILL => $pid if time - $begin > 20;
		$poll->pause;
	}
	return time - $begin;
}

pipe(my $unread, my $full) or die "pipe: $!";
cmp_ok(seconds_until_end($full, '--dry-run', '--interval', 0), '<', 10, 'the generator ends although its output is a full pipe');
open(my $nowhere, '>', '/dev/null') or die "/dev/null: $!";
cmp_ok(seconds_until_end($nowhere, '--dry-run', '--replay', '/dev/zero'), '<', 10, 'the generator ends although its input has no newline');

my $begin = time;
IPC::Run::run([ $generator, qw(--dry-run --count 1000 --rate 10 --duration 1) ], '>', \my $lines, '2>', \my $said);
is($?, 0, 'the exit status is 0 if --duration ends the run before --count');
unlike($said, qr/not delivered/, 'no message counts as not delivered');
cmp_ok(scalar(() = $lines =~ /\n/g), '<', 1000, 'the run has ended before the count');

done_testing();
