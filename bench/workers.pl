# Benchmark: compares two workers with one worker, and shows what the workers wait for. Then compares them on a second topic. All
# messages of this topic are in the Kafka partitions of one of the two workers. Run this program through bench/workers, which
# builds the necessary programs.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib", "$FindBin::RealBin/../test/t/lib";
use Getopt::Long;
use Heartbeat::Bench;
use Heartbeat::Bench::Report qw(figure print_line);

my ($readings, $rounds, $history, $uneven, $customers) = (1_000_000, 3, 500_000, 8_000_000, 1000);
GetOptions('readings=i' => \$readings, 'rounds=i' => \$rounds, 'history=i' => \$history, 'uneven=i' => \$uneven) && !@ARGV
  or die "usage: bench/workers [--readings N] [--rounds N] [--history N] [--uneven N]\n";

my $bench = Heartbeat::Bench->new('workers', partitions => 2);
$bench->publish(count => $readings, customers => $customers);
$bench->print_machine("$readings readings, $customers customers, 5 % anomalies, 2 partitions; "
	  . "$history older readings in the cases with a rollup");

# This SQL records what each process of heartbeat waits for. If a process waits for a lock, the SQL records the kind of the lock
# and the locked object.
my $prepare = 'CREATE TEMP TABLE waits (process text, event text)';
my $watch   = q{INSERT INTO waits SELECT backend_type, CASE WHEN state <> $$active$$ THEN $$idle$$
	WHEN wait_event IS NULL THEN $$running$$ WHEN wait_event_type = $$Lock$$ THEN $$Lock:$$ || wait_event ||
		coalesce((SELECT format($$ (%s of %s)$$, mode, relation::regclass) FROM pg_locks l WHERE l.pid = a.pid AND NOT granted), $$$$)
	ELSE wait_event_type || $$:$$ || wait_event END
	FROM pg_stat_activity a WHERE backend_type IN ($$heartbeat worker$$, $$heartbeat maintenance$$);};
my $report = q{SELECT process, event, count(*) * 100.0 / sum(count(*)) OVER (PARTITION BY process)
	FROM waits GROUP BY process, event ORDER BY process, count(*) DESC};

# Inserts readings of the last day, and marks their minutes as stale. The maintenance worker computes the rollup of these
# minutes while ingest runs.
sub make_history
{
	$bench->query("SELECT heartbeat_make_partitions(now() - interval '1 day', now())");
	$bench->query("INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp)
		SELECT 'CUST-' || to_char(i % $customers + 1, 'FM0000'), 40 + i % 141,
		       now() - interval '1 day' + i * interval '22 hours' / $history
		FROM generate_series(0, $history - 1) i");
	$bench->query("INSERT INTO heartbeat_stale_minutes (minute_bucket, marked_at)
		SELECT DISTINCT date_trunc('minute', event_timestamp), now() - interval '1 hour' FROM heartbeat_records");
	return;
}

# Binds each worker, with all of its threads, to a core of its own. The broker and the other processes may use any core.
sub pin
{
	my ($bench) = @_;
	my $core = 0;
	for my $pid ($bench->node->worker_pids('heartbeat worker'))
	{
		system("taskset -acp $core $pid > /dev/null") == 0 or die "taskset failed\n";
		$core++;
	}
	return;
}

# Restarts the server with as many workers as the case needs, and waits until these workers have stored the backlog.
sub drain
{
	my ($case, %opt) = @_;
	$bench->restart('heartbeat.workers' => $case->{workers});
	$bench->pause;
	$bench->empty_tables;
	make_history() if $case->{rollup};
	pin($bench)    if $case->{pinned};
	my $drain = $bench->drain(rewind => 1, %opt);
	$bench->check_audit($readings + ($case->{rollup} ? $history : 0));
	return $drain;
}

my @cases;
for my $kind ({ name => '%s' }, { name => '%s with a core each', pinned => 1 }, { name => '%s during a rollup', rollup => 1 })
{
	push @cases, { %$kind, workers => $_, name => sprintf $kind->{name}, $_ == 1 ? 'one worker' : 'two workers' } for 1, 2;
}

my $table = Heartbeat::Bench::Report->new(
	[ 'rows/s',      '%d' ],   [ 'against one',  '%.2f' ],
	[ 'workers CPU', '%.2f' ], [ 'main threads', '%.2f' ],
	[ 'broker CPU',  '%.2f' ]);
for my $round (1 .. $rounds)
{
	my $one;
	for my $case (@cases)
	{
		my $drain = drain($case);
		my $rate  = $readings / $drain->{seconds};
		$one = $rate if $case->{workers} == 1;
		$table->add($round, $case->{name}, $rate, $rate / $one, @{$drain}{qw(cpu main_cpu broker_cpu)});
	}
}
$table->print_medians;
figure("workers, $_: rows/s divided by rows/s of one worker", ($table->medians($_))[1], '%.2f', 'higher') for grep { /^two/ } map { $_->{name} } @cases;

# The queries of pg_stat_activity cost CPU time. So the benchmark runs these queries after the measurement, while the workers
# store the backlog once more.
print_line("\nWhat the processes wait for while the backlog is stored once more, in per cent of the samples (1 % and more)");
for my $case (@cases)
{
	drain($case, prepare => $prepare, watch => $watch, report => $report);
	my %events;
	for my $line (split /\n/, $bench->answers)
	{
		my ($process, $event, $percent) = split /\|/, $line;
		push @{ $events{$process} }, sprintf '%s %.0f', $event, $percent if defined $percent && $percent >= 1;
	}
	print_line(sprintf '%-28s %-22s %s', $case->{name}, $_, join ', ', @{ $events{$_} }) for sort keys %events;
}

# The second topic has four Kafka partitions. If the server has two workers, the first worker reads the Kafka partitions 0 and 2,
# and the second worker reads 1 and 3. The benchmark deletes all messages of the Kafka partitions 1 and 3. So the second worker
# has nothing to read until the first worker hands a Kafka partition over.
exit 0 unless $uneven;
$bench->kafka->create_topic('uneven', 4);
$bench->publish(topic => 'uneven', count => 2 * $uneven, customers => $customers);
my @ends = $bench->kafka->end_offsets('uneven');
$bench->kafka->truncate('uneven', $_, $ends[$_]) for 1, 3;
my $left = $ends[0] + $ends[2];
my $apart = Heartbeat::Bench->new('uneven', kafka => $bench->kafka, topic => 'uneven');
my @uneven = map { { name => "$_, uneven", workers => $_ eq 'one worker' ? 1 : 2 } } 'one worker', 'two workers';
print_line("\nA backlog of $left readings in the Kafka partitions of one of the two workers, a core each");
$table = Heartbeat::Bench::Report->new([ 'rows/s', '%d' ], [ 'against one', '%.2f' ], [ 'hand-overs', '%d' ]);
for my $round (1 .. $rounds)
{
	my $one;
	for my $case (@uneven)
	{
		$apart->restart('heartbeat.workers' => $case->{workers});
		pin($apart);
		my $position = $apart->node->log_position;
		my $rate     = $left / $apart->drain_anew($left)->{seconds};
		$one //= $rate;
		$table->add($round, $case->{name}, $rate, $rate / $one, $apart->node->log_matches(qr/ hands partition /, $position));
	}
}
$table->print_medians;
figure('workers, two workers, uneven: rows/s divided by rows/s of one worker', ($table->medians('two workers, uneven'))[1], '%.2f', 'higher');
