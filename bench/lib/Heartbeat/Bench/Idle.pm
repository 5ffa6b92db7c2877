# Benchmark: measures the transactions, the WAL and the CPU time of an idle server with heartbeat.

package Heartbeat::Bench::Idle;

use strict;
use warnings;

use Exporter qw(import);
use Time::HiRes qw(time sleep);

use Heartbeat::Bench::Process qw(fine_cpu_seconds private_memory);

our @EXPORT_OK = qw(measure_idle idle_line);

my $settle_deadline = 300;
my $rest            = 65;

# Returns the number of transactions that heartbeat's database has had, and the end of the WAL. The query runs in another
# database, so it does not count its own transaction.
sub _activity
{
	my ($bench) = @_;
	return split /\|/, $bench->node->safe_psql('postgres',
		q{SELECT xact_commit + xact_rollback, pg_current_wal_insert_lsn() - '0/0' FROM pg_stat_database WHERE datname = 'heartbeat'});
}

# Waits until the server is idle. After the last reading, heartbeat still computes the rollup and logs its summary
# (heartbeat.log_summary), and the server still runs a checkpoint. This work can take a minute.
sub _await_rest
{
	my ($bench) = @_;
	$bench->await_rollup;
	$bench->node->safe_psql('postgres', 'CHECKPOINT');
	my ($deadline, $now, $at_rest_since) = (time + $settle_deadline, join(' ', _activity($bench)), time);
	while (time < $at_rest_since + $rest)
	{
		die "the workers do not become idle\n" if time > $deadline;
		sleep(5);
		my $last = $now;
		$now           = join ' ', _activity($bench);
		$at_rest_since = time if $now ne $last;
	}
	return;
}

# Waits until heartbeat is idle, and then measures for the given number of seconds. Returns { seconds, transactions, wal, cpu,
# memory }. `cpu` has the CPU time of each process, in per cent of a core. `memory` is the private memory of the first ingest
# worker, in MiB. Autovacuum must be off in the server, because this function would count its transactions.
sub measure_idle
{
	my ($bench, $wanted) = @_;
	_await_rest($bench);
	my %processes = map { my ($pid) = $bench->node->worker_pids("heartbeat $_"); $_ => $pid } qw(worker maintenance launcher);
	my @before    = _activity($bench);
	my %cpu       = map { $_ => fine_cpu_seconds($processes{$_}) } keys %processes;
	my $began     = time;
	sleep($wanted);
	my $seconds = time - $began;
	my %share   = map { $_ => 100 * (fine_cpu_seconds($processes{$_}) - $cpu{$_}) / $seconds } keys %processes;
	my @after   = _activity($bench);
	return {
		seconds      => $wanted,
		transactions => $after[0] - $before[0],
		wal          => $after[1] - $before[1],
		cpu          => \%share,
		memory       => private_memory($processes{worker})
	};
}

sub idle_line
{
	my ($idle) = @_;
	return sprintf 'idle for %d s: %d transactions, %d bytes of WAL; of a core: %s',
	  $idle->{seconds}, $idle->{transactions}, $idle->{wal},
	  join ', ', map { sprintf '%s %.3f %%', $_, $idle->{cpu}{$_} } reverse sort keys %{ $idle->{cpu} };
}

1;
