# Benchmark: two workers against one, and what they wait for. Run it through bench/workers, which builds what it needs.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib", "$FindBin::RealBin/../test/t/lib";
use Getopt::Long;
use Heartbeat::Bench;
use Heartbeat::Bench::Report qw(print_line);

my ($readings, $rounds, $history, $customers) = (1_000_000, 3, 500_000, 1000);
GetOptions('readings=i' => \$readings, 'rounds=i' => \$rounds, 'history=i' => \$history) && !@ARGV
  or die "usage: bench/workers [--readings N] [--rounds N] [--history N]\n";

my $bench = Heartbeat::Bench->new('workers', partitions => 2);
$bench->publish(count => $readings, customers => $customers);
$bench->print_machine("$readings readings, $customers customers, 5 % anomalies, 2 partitions; "
	  . "a rollup of $history older readings, where there is one");

# What each of heartbeat's processes waits for, and, if for a lock, of which kind and on what.
my $prepare = 'CREATE TEMP TABLE waits (process text, event text)';
my $watch   = q{INSERT INTO waits SELECT backend_type, CASE WHEN state <> $$active$$ THEN $$idle$$
	WHEN wait_event IS NULL THEN $$running$$ WHEN wait_event_type = $$Lock$$ THEN $$Lock:$$ || wait_event ||
		coalesce((SELECT format($$ (%s of %s)$$, mode, relation::regclass) FROM pg_locks l WHERE l.pid = a.pid AND NOT granted), $$$$)
	ELSE wait_event_type || $$:$$ || wait_event END
	FROM pg_stat_activity a WHERE backend_type IN ($$heartbeat worker$$, $$heartbeat maintenance$$);};
my $report = q{SELECT process, event, count(*) * 100.0 / sum(count(*)) OVER (PARTITION BY process)
	FROM waits GROUP BY process, event ORDER BY process, count(*) DESC};

# Readings of the day before, of which the maintenance worker has not made the rollup yet. It begins when ingest does.
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

my %waits;

# The share of all samples of a process that waited for a lock of either kind, in per cent.
sub lock_share
{
	my ($case, $like) = @_;
	my $share = 0;
	for my $line (split /\n/, $bench->answers)
	{
		my ($process, $event, $percent) = split /\|/, $line;
		next unless defined $percent && $process =~ $like;
		push @{ $waits{$case}{$process}{$event} }, $percent;
		$share += $percent if $event =~ /^(Lock|LWLock|BufferPin):/;
	}
	return $share;
}

my $table = Heartbeat::Bench::Report->new(
	[ 'rows/s',       '%d' ],   [ 'against one', '%.2f' ],
	[ 'workers CPU',  '%.2f' ], [ 'main threads', '%.2f' ],
	[ 'broker CPU',   '%.2f' ], [ 'worker locks %', '%.1f' ],
	[ 'maintenance locks %', '%.1f' ]);
for my $round (1 .. $rounds)
{
	for my $rollup (0, 1)
	{
		my $one;
		for my $workers (1, 2)
		{
			my $case = ($workers == 1 ? 'one worker' : 'two workers') . ($rollup ? ', rollup' : '');
			$bench->restart('heartbeat.workers' => $workers);
			$bench->pause;
			$bench->empty_tables;
			make_history() if $rollup;
			my $drain = $bench->drain(rewind => 1, prepare => $prepare, watch => $watch, report => $report);
			$bench->check_audit($readings + ($rollup ? $history : 0));
			my $rate = $readings / $drain->{seconds};
			$one //= $rate;
			$table->add($round, $case, $rate, $rate / $one, $drain->{cpu}, $drain->{main_cpu}, $drain->{broker_cpu},
				lock_share($case, qr/^heartbeat worker/), lock_share($case, qr/^heartbeat maintenance/));
		}
	}
}
$table->print_medians;

print_line("\nWhat they waited for, in per cent of the samples, mean of the rounds (1 % and more)");
for my $case (sort keys %waits)
{
	for my $process (sort keys %{ $waits{$case} })
	{
		my $events = $waits{$case}{$process};
		my %mean   = map { my $sum = 0; $sum += $_ for @{ $events->{$_} }; $_ => $sum / $rounds } keys %$events;
		print_line(sprintf '%-22s %-22s %s', $case, $process,
			join ', ', map { sprintf '%s %.0f', $_, $mean{$_} } sort { $mean{$b} <=> $mean{$a} } grep { $mean{$_} >= 1 } keys %mean);
	}
}
