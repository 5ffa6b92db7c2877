# Measures how soon a reading is visible, and how much CPU time an idle worker uses.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

use List::Util qw(sum0);
use Time::HiRes qw(clock_gettime sleep time);

# The goal: if forty readings arrive per second, 99 % of them are visible within 10 ms. On a machine with two cores, other tests
# can delay a process for much more than 10 ms. So the test has a limit of 250 ms, and it fails only if three measurements in a
# row are above the limit. A broker without a message answers a fetch only after 500 ms, so the test still detects a worker that
# waits for this answer. The output of the test has the measured figures. HEARTBEAT_LATENCY_MS sets another limit.
my $limit = $ENV{HEARTBEAT_LATENCY_MS} // 250;
my $tries = 3;

my $kafka = Heartbeat::Kafka->new('latency');
$kafka->start;
$kafka->create_topic('heartbeat-events', 2);
my $node = Heartbeat::Cluster->create('latency', kafka => $kafka, settings => { 'autovacuum' => 'off' });
$kafka->produce('heartbeat-events', reading_stream(100, 2));
$node->wait_for_offsets('heartbeat-events', 50, 50);

# Sends readings of a customer for 15 seconds, and measures how soon each reading is visible. The measured time begins at the
# event time, when the test sends the reading. It ends at the commit timestamp of the row. Returns the 99th percentile in
# milliseconds.
sub measure
{
	my ($customer) = @_;
	my $producer   = $kafka->producer('heartbeat-events', '-X', 'linger.ms=0');
	my $count      = 600;
	my $begin      = time;
	for my $i (0 .. $count - 1)
	{
		my $wait = $begin + $i / 40 - time;
		sleep($wait) if $wait > 0;
		my $now = time;
		$producer->send({ partition => $i % 2, key => $customer,
			value => reading($customer, 70 + $i % 20, reading_time(int $now, int(($now - int $now) * 1e6))) });
	}
	$producer->finish;
	$node->wait_for_query("SELECT count(*) FROM heartbeat_records WHERE customer_id = '$customer'", $count, 'all readings of the measurement are stored');
	my ($p50, $p99, $most) = split /\|/, $node->query(
		"SELECT round((1000 * percentile_cont(0.5) WITHIN GROUP (ORDER BY s))::numeric, 1),
		        round((1000 * percentile_cont(0.99) WITHIN GROUP (ORDER BY s))::numeric, 1), round(1000 * max(s), 1)
		 FROM (SELECT extract(epoch FROM pg_xact_commit_timestamp(xmin) - event_timestamp) AS s
		       FROM heartbeat_records WHERE customer_id = '$customer' ORDER BY id OFFSET 40) l");
	note "from sending to visible: median $p50 ms, 99th percentile $p99 ms, longest $most ms";
	return $p99;
}
my $p99;
do { $p99 = measure("latency $tries") } until ($p99 < $limit || --$tries == 0);
cmp_ok($p99, '<', $limit, "the 99th percentile is below $limit ms: $p99 ms");

# Returns the CPU seconds of heartbeat's processes, and the number of wake-ups of their threads. Some threads ask Kafka one
# question and then end. The CPU clock of the process still includes the time of these threads, so the function reads this
# clock.
my @pids = $node->worker_pids;
sub threads
{
	my @tasks   = map { glob "/proc/$_/task/*" } @pids;
	my $cpu     = sum0 map { clock_gettime(-8 * ($_ + 1) + 2) } @pids;
	my $wakeups = sum0 map { (eval { slurp_file("$_/status") } // '') =~ /^voluntary_ctxt_switches:\s*(\d+)/m } @tasks;
	return ($cpu, $wakeups);
}

# The next part of the test leaves the worker idle for longer than this heartbeat.batch_wait.
my $batch_wait = 3;
$node->set('heartbeat.batch_wait' => "${batch_wait}s");

# The worker is idle: the offsets are committed, and the rollup is complete. An idle heartbeat runs no transaction and writes no
# WAL, and all its processes together use less than a hundredth of a core. bench/latency has a stricter limit. This test must
# also pass on a busy machine, which takes memory away from idle processes, so that each wake-up needs more CPU time. The
# queries of the test run in another database, because they would change the counters of heartbeat's database. The operating
# system counts the CPU time and the wake-ups of threads.
my ($most_cpu, $most_wakeups) = (0.01, 20);
my $idle = 'SELECT xact_commit + xact_rollback, pg_current_wal_lsn() FROM pg_stat_database WHERE datname = $$heartbeat$$';
my ($before, $after, $cpu, $wakeups);
my $deadline = time + 150;
do
{
	$before = $node->safe_psql('postgres', $idle);
	my ($began, @before) = (time, threads());
	sleep(5);
	my @now = threads();
	($cpu, $wakeups) = map { ($now[$_] - $before[$_]) / (time - $began) } 0, 1;
	$after = $node->safe_psql('postgres', $idle);
} until ($before eq $after && $cpu < $most_cpu && $wakeups < $most_wakeups or time > $deadline);
is($after, $before, 'an idle worker makes no transaction and no WAL for five seconds');
cmp_ok($cpu, '<', $most_cpu, sprintf 'heartbeat\'s processes use %.3f %% of a core together', 100 * $cpu);
cmp_ok($wakeups, '<', $most_wakeups, sprintf 'heartbeat\'s processes wake up %.1f times a second', $wakeups);

# The worker has stored no batch for longer than heartbeat.batch_wait, so it stores the next reading at once. Then a stream of
# readings arrives. Each transaction of the worker stores several readings of the stream. The time between two of these
# transactions is at least heartbeat.batch_wait.
my $commits = q{SELECT pg_xact_commit_timestamp(xmin) AS at, event_timestamp FROM heartbeat_records WHERE customer_id = 'woken'};
my $sent    = time;
$kafka->produce('heartbeat-events', { value => reading('woken', 70, reading_time(int $sent, int(($sent - int $sent) * 1e6))) });
$node->wait_for_query("SELECT count(*) FROM ($commits) c", 1, 'an idle worker stores the next reading');
my $held = $node->query("SELECT round(extract(epoch FROM at - event_timestamp), 2) FROM ($commits) c");
cmp_ok($held, '<', $batch_wait, "the worker does not hold this reading back for heartbeat.batch_wait: $held s");
my $stream = $kafka->producer('heartbeat-events', '-X', 'linger.ms=0');
for my $i (1 .. 20)
{
	$stream->send({ partition => $i % 2, key => 'woken', value => reading('woken', 70, reading_time(int($sent) + $i)) });
	sleep(0.05);
}
$stream->finish;
$node->wait_for_query("SELECT count(*) FROM ($commits) c", 21, 'the worker stores a stream of readings');
my $least = $node->query("SELECT round(extract(epoch FROM min(gap)), 2)
	FROM (SELECT at - lag(at) OVER (ORDER BY at) AS gap FROM (SELECT DISTINCT at FROM ($commits) c) d) g");
cmp_ok($least, '>=', $batch_wait, "the transactions of the stream are heartbeat.batch_wait apart: at least $least s");
$node->assert_audit;
$node->assert_no_crash;
$kafka->stop;
done_testing();
