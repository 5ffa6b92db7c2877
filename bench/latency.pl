# Benchmark: the latency of a reading, the parts of the latency, and the cost of an idle worker. The latency is the time from the
# creation of the reading in the generator to the commit that makes the reading visible. The server keeps the time of each commit.
# So the benchmark can read all times after the measurement, and its queries do not slow the measurement. Run this program through
# bench/latency.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib", "$FindBin::RealBin/../test/t/lib";
use Getopt::Long;
use List::Util qw(min sum sum0);
use Time::Local qw(timegm_modern);
use Heartbeat::Bench;
use Heartbeat::Bench::Idle qw(measure_idle idle_line);
use Heartbeat::Bench::Report qw(figure print_line);

my %opt = (quiet => 40, rate => undef, seconds => 20, rounds => 3, idle => 60);
GetOptions(\%opt, map { "$_=i" } keys %opt) && !@ARGV && $opt{seconds} > 1
  or die "usage: bench/latency [--quiet N] [--rate N] [--seconds N] [--rounds N] [--idle N]\n";
my ($customers, $backlog) = (1000, 500_000);
my $most_idle_percent = 0.1;    # per cent of a core

# Autovacuum is off, because it would run transactions that do not belong to heartbeat.
# The topic has LogAppendTime: the timestamp of each message is the time at which the broker wrote the message.
my $bench = Heartbeat::Bench->new('latency', partitions => 3, settings => { autovacuum => 'off' },
	topic_config => ['message.timestamp.type=LogAppendTime']);
$bench->publish(count => $backlog, customers => $customers);
my $most = $backlog / $bench->drain->{seconds};    # this drain also fills the caches
$opt{rate} //= int($most / 2);
$bench->print_machine(sprintf '%d customers, 3 partitions, one worker, which drains %d rows/s; linger.ms 0 at the quiet rate, '
	  . "5 at the busy rate, the default of librdkafka", $customers, $most);

# Returns the mean time from the event time of a reading until the broker wrote the message, in ms. The function reads messages of
# one Kafka partition, from the middle of the measurement. The broker cuts the fraction of a ms from its time, so this time is on
# average half a ms too early. The function adds this half.
my $most_messages = 100_000;

sub time_to_log
{
	my ($first) = @_;
	my ($end)  = $bench->kafka->end_offsets($bench->topic);
	my $count  = min(int(($end - $first) / 2), $most_messages);
	my $offset = int(($first + $end - $count) / 2);
	my @ms;
	for (split /\n/, $bench->kafka->tool('consume', '--topic', $bench->topic, '--partition', 0, '--offset', $offset,
		'--max-messages', $count, '--property', 'print.timestamp=true'))
	{
		my ($written, $year, $month, $day, $hour, $minute, $second) =
		  /^LogAppendTime:(\d+)\t.*"event_timestamp":"(\d+)-(\d+)-(\d+)T(\d+):(\d+):([\d.]+)Z"/
		  or next;
		push @ms, $written + 0.5 - 1000 * (timegm_modern(0, $minute, $hour, $day, $month - 1, $year) + $second);
	}
	@ms or die "kafka-console-consumer printed no message\n";
	return sum(@ms) / @ms;
}

# Empties the tables, and sends readings at the given rate for $opt{seconds} seconds. Returns the measured rate, the
# percentiles of the latency, and the mean of each part of the latency. The readings of the first second do not count.
sub measure
{
	my ($rate, @properties) = @_;
	$bench->empty_tables;
	my ($offset) = $bench->kafka->end_offsets($bench->topic);
	$bench->query('SELECT heartbeat_resume()');
	$bench->publish(rate => $rate, count => $rate * $opt{seconds}, customers => $customers, X => \@properties);
	$bench->await_end;
	$bench->pause;
	$bench->check_audit($rate * $opt{seconds});
	my $rows = 'WITH rows AS (SELECT event_timestamp, ingested_at, pg_xact_commit_timestamp(xmin) AS visible FROM heartbeat_records
			UNION ALL SELECT event_timestamp, ingested_at, pg_xact_commit_timestamp(xmin) FROM heartbeat_anomalies),
		late AS (SELECT * FROM rows WHERE event_timestamp > (SELECT min(event_timestamp) FROM rows) + interval \'1 second\')';
	my @whole = split /\|/, $bench->query(
		"$rows SELECT count(*) / extract(epoch FROM max(event_timestamp) - min(event_timestamp)),
			percentile_disc(ARRAY[0.5, 0.9, 0.99, 1]) WITHIN GROUP (ORDER BY 1000 * extract(epoch FROM visible - event_timestamp))
		 FROM late") =~ s/[{}]//gr =~ s/,/|/gr;
	# ingested_at is the time when the transaction began
	my ($to_transaction, $to_commit) = split /\|/, $bench->query(
		"$rows SELECT 1000 * avg(extract(epoch FROM ingested_at - event_timestamp)), 1000 * avg(extract(epoch FROM visible - ingested_at)) FROM late");
	my $to_log = time_to_log($offset);
	return (@whole, $to_log, $to_transaction - $to_log, $to_commit);
}

my $table = Heartbeat::Bench::Report->new([ 'readings/s', '%d' ], map { [ "$_ ms", '%.1f' ] } qw(p50 p90 p99 max), 'to log', 'to begin', 'to commit');
for my $round (1 .. $opt{rounds})
{
	$table->add($round, 'quiet', measure($opt{quiet}, 'linger.ms=0'));
	$table->add($round, 'busy',  measure($opt{rate}));
}
$table->print_medians;
for my $case (qw(quiet busy))
{
	my (undef, $p50, undef, $p99) = $table->medians($case);
	figure("latency, $case: p50, ms", $p50, '%.1f', 'lower');
	figure("latency, $case: p99, ms", $p99, '%.1f', 'lower');
}

$bench->query('SELECT heartbeat_resume()');
my $idle = measure_idle($bench, $opt{idle});
print_line("\n" . idle_line($idle));
figure('latency: CPU time of heartbeat while no readings arrive, % of a core', sum0(values %{ $idle->{cpu} }), '%.3f', 'lower');
die "an idle worker is not idle\n" if $idle->{transactions} || $idle->{wal} || sum0(values %{ $idle->{cpu} }) >= $most_idle_percent;
