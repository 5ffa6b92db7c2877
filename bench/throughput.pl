# Benchmark: one worker against COPY, round by round in one run, since machines differ and are never quite idle.
# Run it through bench/throughput, which builds what it needs.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/../test/t/lib";
use Getopt::Long;
use List::Util qw(max);
use POSIX ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);
use Heartbeat::Cluster;
use Heartbeat::Kafka;

my ($readings, $rounds) = (1_000_000, 3);
GetOptions('readings=i' => \$readings, 'rounds=i' => \$rounds) && !@ARGV
  or die "usage: bench/throughput [--readings N] [--rounds N]\n";

my ($topic, $partitions, $customers) = ('heartbeat-events', 3, 1000);
my $generator       = "$FindBin::RealBin/../build/generator/heartbeat-generator";
my $ticks           = POSIX::sysconf(POSIX::_SC_CLK_TCK());
my $drain_deadline  = 120;

my $kafka = Heartbeat::Kafka->new('bench');
$kafka->start;
$kafka->create_topic($topic, $partitions);
my $node = Heartbeat::Cluster->create(
	'bench',
	kafka    => $kafka,
	settings => { shared_buffers => '1GB', max_wal_size => '8GB', fsync => 'on' });
my $data = $node->data_dir;

sub median { my @sorted = sort { $a <=> $b } @_; return $sorted[ @sorted / 2 ]; }

sub machine
{
	my ($cpu)    = slurp_file('/proc/cpuinfo') =~ /^model name\s*:\s*(.*)$/m;
	my ($memory) = slurp_file('/proc/meminfo') =~ /^MemTotal:\s*(\d+)/m;
	my $cores    = () = slurp_file('/proc/cpuinfo') =~ /^processor\s*:/mg;
	return sprintf "%s, %d cores, %.0f GiB, %s", $cpu // 'unknown', $cores, $memory / 2**20,
	  $node->query("SELECT 'PostgreSQL ' || current_setting('server_version')");
}

sub empty_tables
{
	$node->query('TRUNCATE heartbeat_records, heartbeat_anomalies, heartbeat_rollup, heartbeat_stale_minutes');
	$node->query('CHECKPOINT');
	return;
}

sub worker_cpu
{
	my ($pid) = @_;
	my @stat = split ' ', slurp_file("/proc/$pid/stat") =~ s/^.*\) //sr;
	return ($stat[11] + $stat[12]) / $ticks;
}

# What the worker itself holds: the pages of shared memory are the server's.
sub worker_memory
{
	my ($pid) = @_;
	return (slurp_file("/proc/$pid/status") =~ /^RssAnon:\s*(\d+)/m)[0] / 1024;
}

# Seconds, CPU seconds and peak memory of draining the topic from its beginning.
sub drain
{
	$node->query('SELECT heartbeat_pause()');
	empty_tables();
	$node->query("SELECT heartbeat_seek(p, 0) FROM generate_series(0, $partitions - 1) p");
	my ($pid)  = $node->worker_pids('heartbeat worker');
	my $cpu    = worker_cpu($pid);
	my $memory = 0;
	# one session waits inside the server: a client that asks again and again would take the time of a core
	my @wait = ('SELECT heartbeat_resume()', "DO 'BEGIN
		WHILE (SELECT sum(next_offset) FROM heartbeat_offsets) < $readings LOOP COMMIT; PERFORM pg_sleep(0.005); END LOOP; END'");
	my $began = time;
	my $waiter = fork // die "fork: $!";
	if ($waiter == 0)
	{
		exec 'psql', '-XAtq', '-o', '/dev/null', '-v', 'ON_ERROR_STOP=1', '-d', $node->connstr('heartbeat'),
		  map { ('-c', $_) } @wait
		  or POSIX::_exit(1);
	}
	while (waitpid($waiter, POSIX::WNOHANG()) == 0)
	{
		die "not drained within $drain_deadline seconds\n" if time > $began + $drain_deadline;
		$memory = max($memory, worker_memory($pid));
		usleep(50_000);
	}
	die "the topic was not drained\n" if $?;
	return { seconds => time - $began, cpu => worker_cpu($pid) - $cpu, memory => $memory };
}

my %columns = (
	heartbeat_records   => 'customer_id, heart_rate, event_timestamp',
	heartbeat_anomalies => 'customer_id, heart_rate, event_timestamp, anomaly_type');

# The same rows, in the order in which they arrived.
sub export
{
	$node->query("COPY (SELECT $columns{$_} FROM $_ ORDER BY event_timestamp, id) TO '$data/$_.copy'") for sort keys %columns;
	return;
}

sub copy
{
	empty_tables();
	my $began = time;
	$node->query(join ';', 'BEGIN', (map { "COPY $_ ($columns{$_}) FROM '$data/$_.copy'" } sort keys %columns), 'COMMIT');
	return time - $began;
}

sub check_audit
{
	my $differences = $node->query('SELECT count(*) FROM heartbeat_audit() WHERE difference <> 0');
	my $rows        = $node->query('SELECT (SELECT count(*) FROM heartbeat_records) + (SELECT count(*) FROM heartbeat_anomalies)');
	die "the audit shows $differences differences; $rows rows of $readings readings\n" if $differences || $rows != $readings;
	return;
}

$node->poll_query_until('heartbeat', "SELECT state = 'RUNNING' FROM heartbeat_status") or die "the worker does not run\n";
$node->query("SELECT heartbeat_pause('bench')");
system($generator, '-b', $kafka->brokers, '--topic', $topic, '--customers', $customers, '--count', $readings,
	'--interval', '0', '--seed', 1, '--quiet') == 0
  or die "the generator failed\n";

# the test library keeps standard output for its log
my $out = Test::More->builder->output;
print $out sprintf "%s\n%d readings, %d customers, 5 %% anomalies, %d partitions, one worker\n\n", machine(), $readings, $customers, $partitions;
print $out sprintf "%-6s %14s %14s %8s %12s %12s\n", 'round', 'worker rows/s', 'COPY rows/s', 'ratio', 'CPU s', 'memory MiB';
my (@worker, @copy, @ratio, @cpu, @memory);
for my $round (1 .. $rounds)
{
	my $drain = drain();
	check_audit();
	export() if $round == 1;
	my $copy = copy();
	push @worker, $readings / $drain->{seconds};
	push @copy,   $readings / $copy;
	push @ratio,  $copy / $drain->{seconds};
	push @cpu,    $drain->{cpu};
	push @memory, $drain->{memory};
	print $out sprintf "%-6d %14d %14d %8.2f %12.2f %12.1f\n", $round, $worker[-1], $copy[-1], $ratio[-1], $cpu[-1], $memory[-1];
}
print $out sprintf "%-6s %14d %14d %8.2f %12.2f %12.1f\n", 'median', map { median(@$_) } \@worker, \@copy, \@ratio, \@cpu, \@memory;
