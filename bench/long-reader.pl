# Benchmark: measures ingest, the rollup and the queries of a dashboard while another session keeps an old snapshot open.
# Run this program through bench/long-reader.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib", "$FindBin::RealBin/../test/t/lib";
use Getopt::Long;
use POSIX ();
use Heartbeat::Bench;
use Heartbeat::Bench::Process qw(cpu_seconds);
use Heartbeat::Bench::Report qw(figure median);

my %opt = (minutes => 60, rate => 1000, samples => 6);
GetOptions(\%opt, map { "$_=i" } keys %opt) && !@ARGV
  or die "usage: bench/long-reader [--minutes N] [--rate N] [--samples N]\n";
$opt{minutes} >= $opt{samples} && $opt{samples} > 0 or die "--samples must be at least 1, and at most --minutes\n";
my ($customers, $calm_seconds) = (1000, 60);
my $backlog = $opt{rate} * 660;    # the queries read the last ten minutes, so the benchmark begins with eleven minutes of readings

my $bench = Heartbeat::Bench->new('long_reader');
$bench->publish(count => $backlog, customers => $customers,
	'start-time' => $bench->query(q{SELECT to_char(now() AT TIME ZONE 'UTC' - interval '660 seconds', 'YYYY-MM-DD"T"HH24:MI:SS"Z"')}));
$bench->drain;
$bench->query('SELECT heartbeat_resume()');
$bench->await_rollup;
$bench->print_machine("$opt{rate} readings a second of $customers customers, a snapshot of $opt{minutes} minutes");

my @queries = (
	[ summary  => q{SELECT * FROM vw_customer_bpm_summary WHERE minute_bucket >= now() - interval '10 minutes'} ],
	[ pipeline => q{SELECT * FROM vw_pipeline_summary} ],
	[ status   => q{SELECT * FROM heartbeat_status} ]);
my @bookkeeping = qw(heartbeat_offsets heartbeat_rollup_pending heartbeat_rollup heartbeat_customers heartbeat_arrivals heartbeat_stale_minutes);
my $table = Heartbeat::Bench::Report->new((map { [ "$_->[0] ms", '%.2f' ] } @queries), [ 'worker', '%.2f' ], [ 'maintenance', '%.2f' ],
	[ 'bookkeeping MB', '%.1f' ], [ 'lag', '%d' ]);

# Waits for the given number of seconds. Adds a row with the median times of the queries, the size of the bookkeeping tables,
# and the consumer lag. The row also has the CPU seconds that the worker and the maintenance worker used during the wait, divided
# by the number of readings in millions.
sub measure
{
	my ($name, $seconds) = @_;
	my @pids = map { $bench->node->worker_pid($_) } 'heartbeat worker%', 'heartbeat maintenance';
	my ($position, @cpu) = ($bench->position, map { cpu_seconds($_) } @pids);
	sleep $seconds;
	my $millions = ($bench->position - $position) / 1e6;
	my @used     = map { (cpu_seconds($pids[$_]) - $cpu[$_]) / $millions } 0, 1;
	my $bytes    = $bench->query('SELECT ' . join ' + ', map { "pg_total_relation_size('$_')" } @bookkeeping);
	my $lag      = $bench->query('SELECT coalesce(sum(lag_messages), 0) FROM heartbeat_partitions');
	$table->add('', $name, (map { median($bench->query_ms($_->[1], 20)) } @queries), @used, $bytes / 1e6, $lag);
	return;
}

my $generator = fork // die "fork: $!";
if ($generator == 0)
{
	# after this duration the generator ends, even if the benchmark has failed
	exec($bench->generator(customers => $customers, rate => $opt{rate}, seed => 2, duration => $opt{minutes} * 60 + 1200), '--quiet')
	  or POSIX::_exit(1);
}
measure('before', $calm_seconds);
my $reader = $bench->node->background_psql('heartbeat', timeout => $opt{minutes} * 60 + 1200);
$reader->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM heartbeat_offsets');
measure(sprintf('%.0f minutes open', $_ * $opt{minutes} / $opt{samples}), $opt{minutes} * 60 / $opt{samples}) for 1 .. $opt{samples};
$reader->query_safe('COMMIT');
$reader->quit;
measure('just closed', $calm_seconds);
measure('later', 3 * $calm_seconds);
kill('TERM', $generator);
waitpid($generator, 0);
$bench->await_end;
$bench->check_audit;

my ($before) = $table->medians('before');
my ($open)   = $table->medians(sprintf '%.0f minutes open', $opt{minutes});
my ($later)  = $table->medians('later');
figure("long reader, $opt{minutes} minutes: time of the summary divided by the time before", $open / $before, '%.2f', 'lower');
figure("long reader, $opt{minutes} minutes: time of the summary afterwards divided by the time before", $later / $before, '%.2f', 'lower');
