# Benchmark: compares one worker with COPY. Each round measures the worker first, and then COPY. Compare only the figures
# of the same run: machines differ, and on the same machine other programs can slow one of two runs. Run this program through
# bench/throughput, which builds the necessary programs.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib", "$FindBin::RealBin/../test/t/lib";
use Getopt::Long;
use Time::HiRes qw(time);
use Heartbeat::Bench;
use Heartbeat::Bench::Producer qw(check_producer describe_producer publish_as);
use Heartbeat::Bench::Report qw(figure);

my ($readings, $rounds, $customers, $partitions) = (1_000_000, 3, 1000, 3);
my %usual    = Heartbeat::Bench::Producer::defaults;
my %producer = %usual;
GetOptions(\%producer, 'readings=i' => \$readings, 'rounds=i' => \$rounds, map { "$_=s" } keys %producer) && !@ARGV
  or die "usage: bench/throughput [--readings N] [--rounds N] [--order ORDER] [--compression CODEC] [--layout LAYOUT]\n";
check_producer(%producer);

my $bench = Heartbeat::Bench->new('throughput', partitions => $partitions);
my $data  = $bench->node->data_dir;

my %columns = (
	heartbeat_records   => 'customer_id, heart_rate, event_timestamp',
	heartbeat_anomalies => 'customer_id, heart_rate, event_timestamp, anomaly_type');

# Writes the rows that the worker has stored to files, which copy() reads. If the messages of the topic are shuffled, the rows in
# the files are shuffled too. Otherwise the rows are in the order of their event times.
sub export
{
	my $order = $producer{order} eq 'random' ? 'random()' : 'event_timestamp, id';
	$bench->query("COPY (SELECT $columns{$_} FROM $_ ORDER BY $order) TO '$data/$_.copy'") for sort keys %columns;
	return;
}

sub copy
{
	$bench->empty_tables;
	my $wal   = $bench->wal_position;
	my $began = time;
	my $cpu   = $bench->query(join ';', 'BEGIN', (map { "COPY $_ ($columns{$_}) FROM '$data/$_.copy'" } sort keys %columns),
		'COMMIT', q{SELECT split_part(pg_read_file('/proc/self/schedstat'), ' ', 1)::float8 / 1e9});
	return { seconds => time - $began, wal => $bench->wal_position - $wal, cpu => $cpu };
}

publish_as($bench, %producer, count => $readings, customers => $customers);
$bench->print_machine("$readings readings, $customers customers, 5 % anomalies, $partitions partitions, one worker; "
	  . describe_producer(%producer));
my $table = Heartbeat::Bench::Report->new(
	[ 'worker rows/s', '%d' ],    [ 'COPY rows/s', '%d' ],
	[ 'ratio',         '%.2f' ],  [ 'CPU s', '%.2f' ],
	[ 'main thread s', '%.2f' ],  [ 'COPY CPU s', '%.2f' ],
	[ 'WAL B/row',     '%.0f' ],  [ 'COPY WAL', '%.0f' ],
	[ 'memory MiB',    '%.1f' ], [ 'start s', '%.2f' ]);
for my $round (1 .. $rounds)
{
	$bench->empty_tables;
	my $drain = $bench->drain(rewind => 1, start => 1);
	$bench->check_audit($readings);
	export() if $round == 1;
	my $copy = copy();
	$table->add($round, '', $readings / $drain->{seconds}, $readings / $copy->{seconds},
		$copy->{seconds} / $drain->{seconds}, @{$drain}{qw(cpu main_cpu)}, $copy->{cpu},
		$drain->{wal} / $readings, $copy->{wal} / $readings, @{$drain}{qw(memory start)});
}
$table->print_medians;

my ($rate, undef, $ratio, undef, $main_cpu, undef, $wal) = $table->medians('');
my $what = 'throughput' . join '', map { $producer{$_} eq $usual{$_} ? () : ", $_ $producer{$_}" } sort keys %usual;
figure("$what: rows/s divided by rows/s of COPY", $ratio, '%.2f', 'higher');
figure("$what: rows/s", $rate, '%d', 'higher');
figure("$what: CPU seconds of the thread that stores batches, per million rows", $main_cpu * 1e6 / $readings, '%.2f', 'lower');
figure("$what: WAL, bytes per row", $wal, '%.0f', 'lower');
