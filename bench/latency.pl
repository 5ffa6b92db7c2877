# Benchmark: the time from the creation of a reading in the generator to the commit that makes the reading visible, and the
# cost of an idle worker. The server keeps the times of its commits, so no query reads the tables during the measurement. Run
# it through bench/latency.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib", "$FindBin::RealBin/../test/t/lib";
use Getopt::Long;
use List::Util qw(sum0);
use Time::HiRes qw(time sleep);
use Heartbeat::Bench;
use Heartbeat::Bench::Process qw(fine_cpu_seconds);
use Heartbeat::Bench::Report qw(print_line);

my %opt = (quiet => 40, rate => undef, seconds => 20, rounds => 3, idle => 60);
GetOptions(\%opt, map { "$_=i" } keys %opt) && !@ARGV
  or die "usage: bench/latency [--quiet N] [--rate N] [--seconds N] [--rounds N] [--idle N]\n";
my ($customers, $backlog) = (1000, 500_000);
my $most_idle_percent = 0.1;    # of a core
my $settle_deadline   = 180;
my $rest              = 65;

# Autovacuum is off, because it would sometimes make a transaction that is not heartbeat's.
my $bench = Heartbeat::Bench->new('latency', partitions => 3, settings => { autovacuum => 'off' });
$bench->publish(count => $backlog, customers => $customers);
my $most = $backlog / $bench->drain->{seconds};    # this drain also warms up the caches
$opt{rate} //= int($most / 2);
$bench->print_machine(sprintf '%d customers, 3 partitions, one worker, which drains %d rows/s; linger.ms 0 at the quiet rate, '
	  . "librdkafka's 5 at the busy one", $customers, $most);

# Sends readings at a rate for some time into empty tables, and returns the latencies of the readings after the first second.
sub measure
{
	my ($rate, @properties) = @_;
	$bench->empty_tables;
	$bench->query('SELECT heartbeat_resume()');
	$bench->publish(rate => $rate, count => $rate * $opt{seconds}, customers => $customers, X => \@properties);
	$bench->await_end;
	$bench->pause;
	$bench->check_audit($rate * $opt{seconds});
	return split /\|/, $bench->query(
		'WITH rows AS (SELECT event_timestamp, pg_xact_commit_timestamp(xmin) AS visible FROM heartbeat_records
			UNION ALL SELECT event_timestamp, pg_xact_commit_timestamp(xmin) FROM heartbeat_anomalies)
		 SELECT count(*) / extract(epoch FROM max(event_timestamp) - min(event_timestamp)),
			percentile_disc(ARRAY[0.5, 0.9, 0.99, 1]) WITHIN GROUP (ORDER BY 1000 * extract(epoch FROM visible - event_timestamp))
		 FROM rows WHERE event_timestamp > (SELECT min(event_timestamp) FROM rows) + interval \'1 second\'') =~ s/[{}]//gr =~ s/,/|/gr;
}

my $table = Heartbeat::Bench::Report->new([ 'readings/s', '%d' ], map { [ "$_ ms", '%.1f' ] } qw(p50 p90 p99 max));
for my $round (1 .. $opt{rounds})
{
	$table->add($round, 'quiet', measure($opt{quiet}, 'linger.ms=0'));
	$table->add($round, 'busy',  measure($opt{rate}));
}
$table->print_medians;

# Returns how many transactions heartbeat's database has had, and the end of the WAL. The query runs in another database, so
# it does not count its own transaction.
sub activity
{
	return $bench->node->safe_psql('postgres',
		q{SELECT xact_commit + xact_rollback, pg_current_wal_insert_lsn() - '0/0' FROM pg_stat_database WHERE datname = 'heartbeat'});
}

# After the last reading the server still makes the rollup, a checkpoint, and within a minute the log summary.
$bench->query('SELECT heartbeat_resume()');
$bench->await('NOT EXISTS (SELECT FROM heartbeat_stale_minutes) AND NOT EXISTS (SELECT FROM heartbeat_rollup_pending)',
	'the rollup was not made');
$bench->node->safe_psql('postgres', 'CHECKPOINT');
my ($deadline, $now, $at_rest_since) = (time + $settle_deadline, activity(), time);
while (time < $at_rest_since + $rest)
{
	die "the workers do not become idle\n" if time > $deadline;
	sleep(5);
	my $last = $now;
	$now           = activity();
	$at_rest_since = time if $now ne $last;
}
my %processes = map { my ($pid) = $bench->node->worker_pids("heartbeat $_"); $_ => $pid } qw(worker maintenance launcher);
my %cpu       = map { $_ => fine_cpu_seconds($processes{$_}) } keys %processes;
my $began     = time;
sleep($opt{idle});
my $seconds = time - $began;
my %share   = map { $_ => 100 * (fine_cpu_seconds($processes{$_}) - $cpu{$_}) / $seconds } keys %processes;
my @before  = split /\|/, $now;
my @after   = split /\|/, activity();
print_line(sprintf "\nidle for %d s: %d transactions, %d bytes of WAL; of a core: %s",
	$opt{idle}, $after[0] - $before[0], $after[1] - $before[1], join ', ', map { sprintf '%s %.3f %%', $_, $share{$_} } reverse sort keys %share);
die "an idle worker is not idle\n" if "@before" ne "@after" || sum0(values %share) >= $most_idle_percent;
