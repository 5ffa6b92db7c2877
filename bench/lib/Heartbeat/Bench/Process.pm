# Benchmark: the CPU time and the memory of processes, from /proc.

package Heartbeat::Bench::Process;

use strict;
use warnings;

use Exporter qw(import);
use POSIX ();
use PostgreSQL::Test::Utils;

our @EXPORT_OK = qw(cpu_seconds server_cpu_seconds fine_cpu_seconds main_thread_seconds private_memory);

my $ticks = POSIX::sysconf(POSIX::_SC_CLK_TCK());

# Returns the CPU seconds of processes with all their threads, including threads that have ended.
sub cpu_seconds
{
	my $sum = 0;
	for my $pid (@_)
	{
		my @stat = split ' ', slurp_file("/proc/$pid/stat") =~ s/^.*\) //sr;
		$sum += ($stat[11] + $stat[12]) / $ticks;
	}
	return $sum;
}

# Returns the CPU seconds of all processes of a server, including processes that have ended. The argument is the postmaster's
# process id.
sub server_cpu_seconds
{
	my ($postmaster) = @_;
	my $sum = 0;
	for my $file (glob '/proc/[0-9]*/stat')
	{
		my $text = eval { slurp_file($file) } // next;    # the process may have ended
		my ($pid, $rest) = $text =~ /^(\d+) .*\) (.*)/s or next;
		my @stat = split ' ', $rest;
		$sum += ($stat[11] + $stat[12]) / $ticks if $pid == $postmaster || $stat[1] == $postmaster;
		$sum += ($stat[13] + $stat[14]) / $ticks if $pid == $postmaster;
	}
	return $sum;
}

# Returns the CPU seconds of a process, as the sum over the threads that the process has now. The resolution is finer than in
# cpu_seconds(), which counts clock ticks. But the sum does not include threads that have ended, so use this function only for a
# process that always has the same threads.
sub fine_cpu_seconds
{
	my ($pid) = @_;
	my $sum = 0;
	$sum += (split ' ', slurp_file($_))[0] / 1e9 for glob "/proc/$pid/task/*/schedstat";
	return $sum;
}

# Returns the CPU seconds of the main threads of processes. In a worker, the main thread is the thread that calls the server.
sub main_thread_seconds
{
	my $sum = 0;
	$sum += (split ' ', slurp_file("/proc/$_/schedstat"))[0] / 1e9 for @_;
	return $sum;
}

# Returns the private memory of a process in MiB, without the server's shared memory.
sub private_memory
{
	my ($pid) = @_;
	return (slurp_file("/proc/$pid/status") =~ /^RssAnon:\s*(\d+)/m)[0] / 1024;
}

1;
