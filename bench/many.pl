# Benchmark: many Kafka partitions and many sources. Run this program through bench/many, which builds the necessary programs.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib", "$FindBin::RealBin/../test/t/lib";
use Getopt::Long;
use List::Util qw(max);
use Time::HiRes qw(time);
use Heartbeat::Bench;
use Heartbeat::Bench::Process qw(private_memory);
use Heartbeat::Bench::Report qw(figure median print_line);

my %opt = (partitions => 500, sources => 200, readings => 500_000);
GetOptions(\%opt, map { "$_=i" } keys %opt) && !@ARGV
  or die "usage: bench/many [--partitions N] [--sources N] [--readings N]\n";
my ($query_ms_max, $times) = (5, 20);

# A dashboard runs these queries. An exporter also runs the last query. The median of each query must be less than $query_ms_max
# milliseconds, except the median of the last query. The reason is that heartbeat_metrics has a row for each Prometheus sample, so
# the last query takes longer if there are more samples.
my @queries = (
	[ status        => 'SELECT * FROM heartbeat_status' ],
	[ state         => 'SELECT * FROM heartbeat_state()' ],
	[ source_status => 'SELECT * FROM heartbeat_source_status' ],
	[ partitions    => 'SELECT * FROM heartbeat_partitions' ],
	[ metrics       => 'SELECT * FROM heartbeat_metrics' ]);

my $bench = Heartbeat::Bench->new('many', partitions => 1, settings => { 'heartbeat.max_sources' => $opt{sources} + 1 });
my $kafka = $bench->kafka;
$bench->print_machine("up to $opt{partitions} partitions of one source, with $opt{readings} readings; up to $opt{sources} further sources with 3 partitions each");

# Changes settings and restarts the server. Returns the seconds until all sources are RUNNING. The caller must have
# resumed ingest, because paused sources never become RUNNING.
sub start
{
	my (%settings) = @_;
	my $began = time;
	$bench->restart(%settings);
	$bench->await("bool_and(state = 'RUNNING') FROM heartbeat_source_status", 'not all sources run');
	return time - $began;
}

# Replays all messages in one session. Returns how many seconds the replay takes.
sub replay
{
	my $began  = time;
	my $result = $bench->query(q{SELECT sum(messages), sum(duplicates), count(error)
		FROM heartbeat_replay(now() - interval '1 day', now() + interval '1 day')});
	die "the replay has the result $result\n" if $result ne "$opt{readings}|$opt{readings}|0";
	return time - $began;
}

sub worker_memory { my ($pid) = $bench->node->worker_pids('heartbeat worker'); return private_memory($pid); }

my @query_columns = map { [ "$_->[0] ms", '%.2f' ] } @queries;
my $slowest = 0;    # the largest median of the queries with a goal, in ms

# Returns the milliseconds of each query. Also keeps the time of the slowest query that has a goal.
sub measure_queries
{
	my @ms = map { median($bench->query_ms($_->[1], $times)) } @queries;
	$slowest = max($slowest, @ms[ 0 .. $#ms - 1 ]);
	return @ms;
}

# 1. One source with many Kafka partitions
my $table = Heartbeat::Bench::Report->new([ 'start s', '%.2f' ], [ 'rows/s', '%d' ], [ 'replay rows/s', '%d' ], [ 'memory MiB', '%.1f' ], @query_columns);
my @sizes = map { max($_ == 4 ? 1 : 2, int($opt{partitions} / $_)) } 4, 1;
for my $partitions (@sizes)
{
	my $topic = "readings-$partitions";
	$kafka->create_topic($topic, $partitions);
	$bench->publish(topic => $topic, count => $opt{readings}, customers => 10_000);
	$bench->query('SELECT heartbeat_resume()');
	my $seconds = start('heartbeat.topic' => $topic);
	$bench->pause;
	$bench->empty_tables;
	my $drain = $bench->drain(rewind => 1);
	$bench->check_audit($opt{readings});
	$bench->query('SELECT heartbeat_resume()');
	$bench->await_rollup;
	my $replay = replay();
	my @ms     = measure_queries();
	$table->add('', "$partitions partitions", $seconds, $opt{readings} / $drain->{seconds}, $opt{readings} / $replay, $drain->{memory}, @ms);
	$bench->pause;
}
my ($few, $many) = map { [ $table->medians("$_ partitions") ] } @sizes;
figure("many, $opt{partitions} partitions: seconds to start", $many->[0], '%.2f', 'lower');
figure("many, $opt{partitions} partitions: rows/s divided by rows/s with a quarter of the partitions", $many->[1] / $few->[1], '%.2f', 'higher');
figure("many, $opt{partitions} partitions: replayed rows/s", $many->[2], '%d', 'higher');

# 2. Many sources
$bench->query('SELECT heartbeat_resume()');
print_line('');
$table = Heartbeat::Bench::Report->new([ 'add s', '%.2f' ], [ 'start s', '%.2f' ], [ 'memory MiB', '%.1f' ], @query_columns);
@sizes = map { max($_ == 4 ? 1 : 2, int($opt{sources} / $_)) } 4, 1;
my $added = 0;
for my $sources (@sizes)
{
	my ($first, $last) = ($added + 1, $sources);
	$kafka->create_topic("topic-$_", 3) for $first .. $last;
	my $began = time;
	$bench->query("SELECT heartbeat_add_source('source-' || i, 'topic-' || i) FROM generate_series($first, $last) i");
	$bench->await("count(*) = $sources + 1 FROM heartbeat_source_status WHERE state = 'RUNNING'", 'not all sources run');
	my $seconds = time - $began;
	$added = $sources;
	my $start = start();
	my @ms    = measure_queries();
	$table->add('', "$sources sources", $seconds, $start, worker_memory(), @ms);
}
($few, $many) = map { [ $table->medians("$_ sources") ] } @sizes;
figure("many, $opt{sources} sources: seconds to start", $many->[1], '%.2f', 'lower');
figure("many, $opt{sources} sources: memory of the worker, MiB", $many->[2], '%.1f', 'lower');
figure('many: slowest query of the status, ms', $slowest, '%.2f', 'lower');
my $samples = $bench->query('SELECT count(*) FROM heartbeat_metrics');
figure('many: microseconds per sample of heartbeat_metrics', 1000 * $many->[-1] / $samples, '%.1f', 'lower');
print_line(sprintf "\nheartbeat_metrics: %d samples, %.1f microseconds a sample", $samples, 1000 * $many->[-1] / $samples);
print_line(sprintf "slowest query of the status: %.2f ms; the goal is less than %d ms: %s", $slowest, $query_ms_max, $slowest < $query_ms_max ? 'met' : 'missed');
die sprintf "the slowest query of the status takes %.2f ms\n", $slowest if $slowest >= $query_ms_max;
