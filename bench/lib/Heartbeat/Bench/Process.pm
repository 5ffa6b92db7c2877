# Benchmark: what a process costs, from /proc.

package Heartbeat::Bench::Process;

use strict;
use warnings;

use Exporter qw(import);
use POSIX ();
use PostgreSQL::Test::Utils;

our @EXPORT_OK = qw(cpu_seconds server_cpu_seconds fine_cpu_seconds main_thread_seconds private_memory);

my $ticks = POSIX::sysconf(POSIX::_SC_CLK_TCK());

# CPU seconds of processes with all of their threads, also those that have ended.
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

# CPU seconds of all processes of a server, by its postmaster's process id, also of those that have ended.
sub server_cpu_seconds
{
	my ($postmaster) = @_;
	my $sum = 0;
	for my $file (glob '/proc/[0-9]*/stat')
	{
		my $text = eval { slurp_file($file) } // next;    # it may have ended
		my ($pid, $rest) = $text =~ /^(\d+) .*\) (.*)/s or next;
		my @stat = split ' ', $rest;
		$sum += ($stat[11] + $stat[12]) / $ticks if $pid == $postmaster || $stat[1] == $postmaster;
		$sum += ($stat[13] + $stat[14]) / $ticks if $pid == $postmaster;
	}
	return $sum;
}

# CPU seconds of the threads that a process has now: finer than the system's clock ticks, for one that starts and ends none.
sub fine_cpu_seconds
{
	my ($pid) = @_;
	my $sum = 0;
	$sum += (split ' ', slurp_file($_))[0] / 1e9 for glob "/proc/$pid/task/*/schedstat";
	return $sum;
}

# CPU seconds of the main thread: of a worker, the one that calls the server.
sub main_thread_seconds
{
	my $sum = 0;
	$sum += (split ' ', slurp_file("/proc/$_/schedstat"))[0] / 1e9 for @_;
	return $sum;
}

# MiB that a process itself holds: the pages of shared memory are the server's.
sub private_memory
{
	my ($pid) = @_;
	return (slurp_file("/proc/$pid/status") =~ /^RssAnon:\s*(\d+)/m)[0] / 1024;
}

1;
