# Benchmark: measures the same backlog and the same queries at several sizes of the history. Run this program through
# bench/growth.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib", "$FindBin::RealBin/../test/t/lib";
use Getopt::Long;
use List::Util qw(max min);
use POSIX ();
use Time::HiRes qw(time);
use Heartbeat::Bench;
use Heartbeat::Bench::History;
use Heartbeat::Bench::Report qw(figure print_line median);

my %opt = (history => 20_000_000, days => 30, customers => 1000, readings => 300_000, drains => 3, live => 40, busy => 3_000_000);
GetOptions(\%opt, map { "$_=i" } keys %opt) && !@ARGV && $opt{history} > 0 && $opt{days} >= 14
  or die "usage: bench/growth [--history N] [--days N] [--customers N] [--readings N] [--drains N] [--live N] [--busy N]\n";
my @shares           = (0, 0.1, 0.25, 0.5, 1);    # the benchmark measures at each of these shares of the history
my $times            = 20;
my $csv              = "$ENV{BENCH_OUT}/growth" . ($opt{customers} == 1000 ? '' : "-$opt{customers}") . '.csv';

# The queries of a dashboard.
my @queries = (
	[ summary_hour   => q{SELECT * FROM vw_customer_bpm_summary WHERE minute_bucket >= now() - interval '1 hour'} ],
	[ anomalies_5min => q{SELECT count(*) FROM heartbeat_anomalies WHERE event_timestamp > now() - interval '5 minutes'} ],
	[ recent_20      => q{SELECT * FROM vw_recent_anomalies LIMIT 20} ],
	[ pipeline       => q{SELECT * FROM vw_pipeline_summary} ],
	[ customer_10min => q{SELECT event_timestamp, heart_rate FROM heartbeat_records
		WHERE customer_id = 'CUST-0007' AND event_timestamp > now() - interval '10 minutes' ORDER BY event_timestamp} ]);

# The queries run immediately after the backlog, and their plans need statistics of the new readings. Autovacuum collects these
# statistics when it examines the tables. By default it examines the tables once a minute. That is too late for the queries, so
# here it examines the tables every two seconds.
my $bench = Heartbeat::Bench->new('growth',
	settings => { shared_buffers => '2GB', maintenance_work_mem => '256MB', work_mem => '64MB', autovacuum_naptime => '2s' });
my $history = Heartbeat::Bench::History->new($bench, readings => $opt{history}, days => $opt{days}, customers => $opt{customers});

# Publishes a backlog of readings whose event times are in the last minutes. Between two readings of a customer there is half a
# second.
sub publish_recent
{
	my ($readings) = @_;
	my $seconds = int($readings / $opt{customers} / 2) + 1;
	my $start   = $bench->query("SELECT to_char(now() AT TIME ZONE 'UTC' - interval '$seconds seconds', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"')");
	$bench->publish(count => $readings, customers => $opt{customers}, 'start-time' => $start);
	return;
}

# Removes the readings of the last measurement, publishes a new backlog, and waits until the worker has stored this backlog.
# Returns how many rows per second the worker stored.
sub ingest_rate
{
	$history->forget_recent;
	publish_recent($opt{readings});
	my $drain = $bench->drain;
	$bench->check_audit($history->size + $opt{readings});
	return $opt{readings} / $drain->{seconds};
}

# Writes the plan of each query to a file in the folder of the figures. The plan explains the query's time.
sub keep_plans
{
	open(my $plans, '>>', $csv =~ s/\.csv$/-plans.txt/r) or die "$csv: $!";
	for my $query (@queries)
	{
		my $plan = $bench->query("EXPLAIN (ANALYZE, BUFFERS, SUMMARY) $query->[1]");
		print $plans "--- ", $history->size, " readings: $query->[0]\n$plan\n\n";
	}
	close($plans) or die "$csv: $!";
	return;
}

sub measure_queries
{
	$bench->query('SELECT heartbeat_resume()');
	$history->await_rollup;
	my $live = fork // die "fork: $!";
	if ($live == 0)
	{
		exec($bench->generator(customers => 20, rate => $opt{live}, seed => 2, duration => 600), '--quiet') or POSIX::_exit(1);
	}
	my @medians = map { median($bench->query_ms($_->[1], $times)) } @queries;
	keep_plans();
	kill('TERM', $live);
	waitpid($live, 0);
	$bench->await_end;
	$bench->pause;
	return @medians;
}

# Measures the queries while the worker stores a backlog. Returns a hash. `left` is the number of readings that the worker has
# not stored yet at the end of the last query. `queries` has [ median, slowest ] of each query. `rate` is the number of rows per
# second that the worker stored. `cpu` is the CPU time of the rollup in seconds. `until_rolled_up` is the number of seconds from
# the end of the backlog until the rollup is complete.
sub measure_busy
{
	$history->forget_recent;
	publish_recent($opt{busy});
	my $position = $bench->position;
	my ($cpu, $began) = ($history->maintenance_cpu, time);
	$bench->query('SELECT heartbeat_resume()');
	$bench->await("sum(next_offset) > $position + $opt{busy} / 10 FROM heartbeat_offsets", 'the backlog is not drained');
	my @figures = map {
		my @ms = $bench->query_ms($_->[1], $times);
		[ median(@ms), max(@ms) ]
	} @queries;
	my $left = $position + $opt{busy} - $bench->position;
	die "the worker stored the backlog before the last query ended: use a larger --busy\n" if $left <= 0;
	$bench->await_end;
	my $ended = time;
	my ($pending, $marks) = split /\|/,
	  $bench->query('SELECT (SELECT count(*) FROM heartbeat_rollup_pending), (SELECT count(DISTINCT minute_bucket) FROM heartbeat_stale_minutes)');
	$history->await_rollup;
	$bench->await('count(*) = 0 FROM heartbeat_rollup_pending', 'the rollup does not come to its end');
	my $rolled_up = time;
	$bench->pause;
	return {
		left    => $left,
		queries => \@figures,
		rate    => $opt{busy} / ($ended - $began),
		pending => $pending,
		marks   => $marks,
		cpu     => $history->maintenance_cpu - $cpu,
		until_rolled_up => $rolled_up - $ended
	};
}

mkdir $ENV{BENCH_OUT};
open(my $file, '>', $csv) or die "$csv: $!";
print $file join(',', qw(history customers size_mb rows_per_second), map { "$_->[0]_ms" } @queries), "\n";
$bench->print_machine("a history of $opt{days} days with up to $opt{history} readings, $opt{customers} customers; a backlog of $opt{readings}, "
	  . "median, slowest and fastest of $opt{drains} drains; medians of $times queries, in ms, with $opt{live} readings a second coming in");
my $table = Heartbeat::Bench::Report->new([ 'rows/s', '%d' ], [ 'slowest', '%d' ], [ 'fastest', '%d' ], [ 'size MB', '%d' ], map { [ $_->[0], '%.2f' ] } @queries);
for my $share (@shares)
{
	$history->grow_to($share);
	my @rates = map { ingest_rate() } 1 .. $opt{drains};
	my $rate  = median(@rates);
	my @ms    = measure_queries();
	$table->add('', $history->size . ' readings', $rate, min(@rates), max(@rates), $history->megabytes, @ms);
	print $file join(',', $history->size, $opt{customers}, $history->megabytes, int $rate, @ms), "\n";
}
close($file) or die "$csv: $!";

my ($empty_rate) = $table->medians('0 readings');
my ($full_rate, undef, undef, undef, @full_ms) = $table->medians($history->size . ' readings');
my $size = "growth, $opt{history} readings, $opt{customers} customers";
figure("$size: rows/s divided by rows/s with empty tables", $full_rate / $empty_rate, '%.2f', 'higher');
figure("$size: $queries[$_][0], ms", $full_ms[$_], '%.2f', 'lower') for 0 .. $#queries;

my $rollup = $history->rollup;
print_line(sprintf "\nthe rollup of the %d oldest readings of the history, with all minutes marked as stale: %.1f s, %.2f CPU s a million",
	$rollup->{readings}, $rollup->{seconds}, $rollup->{cpu} * 1e6 / $rollup->{readings});

my $busy = measure_busy();
print_line(sprintf "\nwhile a backlog of %d was drained (%d left after the last query), in ms: median, slowest", $opt{busy}, $busy->{left});
print_line(sprintf '%-16s %8.2f %8.2f', $queries[$_][0], @{ $busy->{queries}[$_] }) for 0 .. $#queries;
print_line(sprintf 'rows/s %d; at the end of the backlog: %d pending rows, %d stale minutes; the rollup is complete %.1f s later, and takes %.2f CPU s a million',
	@{$busy}{qw(rate pending marks until_rolled_up)}, $busy->{cpu} * 1e6 / $opt{busy});

my $drop = $history->drop_weeks;
print_line(sprintf "\nheartbeat_apply_retention() dropped %d tables of %d MB: %.1f ms; the commit, unlinking included: %.1f ms",
	$drop->{tables}, $drop->{megabytes}, $drop->{catalog}, $drop->{commit});
for my $what ('insert', 'read')
{
	print_line(sprintf 'the longest time that another session waited to %s: %.1f ms; before the drop %.1f ms',
		$what, map { $drop->{$_}{$what} } 'meanwhile', 'before');
}
$bench->check_audit;
