# Benchmark: takes samples of the stacks of all threads of a worker while the worker stores a backlog. Run this program
# through bench/flame.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib", "$FindBin::RealBin/../test/t/lib";
use Getopt::Long;
use POSIX ();
use Heartbeat::Bench;
use Heartbeat::Bench::Report qw(print_line);

my ($readings, $samples_per_second) = (2_000_000, 997);
GetOptions('readings=i' => \$readings) && !@ARGV or die "usage: bench/flame [--readings N]\n";

my $bench = Heartbeat::Bench->new('flame');
$bench->publish(count => $readings, customers => 1000);
$bench->print_machine("$readings readings, 1000 customers, 5 % anomalies, 3 partitions, one worker");

# The worker stores the backlog twice. The benchmark takes samples only the second time, because the caches of the server
# and of the worker are still empty the first time.
$bench->drain;
$bench->empty_tables;
mkdir $ENV{BENCH_OUT};
my ($worker) = $bench->node->worker_pids('heartbeat worker');
my $perf = fork // die "fork: $!";
if ($perf == 0)
{
	open(STDERR, '>', "$ENV{BENCH_OUT}/perf.log") or POSIX::_exit(1);
	exec('perf', 'record', '-q', '-F', $samples_per_second, '--call-graph', 'fp', '-p', $worker, '-o', "$ENV{BENCH_OUT}/perf.data")
	  or POSIX::_exit(1);
}
my $drain = $bench->drain(rewind => 1);
kill('INT', $perf);
waitpid($perf, 0);
$bench->check_audit($readings);
print_line(sprintf '%d rows/s, sampled', $readings / $drain->{seconds});
