# The maintenance worker deletes sums from heartbeat_rollup_pending when it has added them to the rollup. While a session keeps
# an old snapshot, as a dump does, no vacuum can remove the deleted rows, and the table grows. After the end of this session the
# maintenance worker rewrites the table, which is then small again. The summary is exact all the time, also for a session that
# keeps its snapshot during the rewrite.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

my $kafka = Heartbeat::Kafka->new('long_snapshot');
$kafka->start;
$kafka->create_topic('heartbeat-events', 1);
# without autovacuum, only heartbeat can make the table smaller
my $node = Heartbeat::Cluster->create('long_snapshot', kafka => $kafka, owner => 'heartbeat_owner', settings => { autovacuum => 'off', log_lock_waits => 'on' });
my $now  = int(time / 60) * 60 - 3600;
$kafka->produce('heartbeat-events', map { { value => reading('C1', 60 + $_, reading_time($now, $_)) } } 1 .. 50);
$node->wait_for_offsets('heartbeat-events', $kafka->end_offsets('heartbeat-events'));

my $summary = q{SELECT sum(reading_count), sum(avg_bpm) FROM vw_customer_bpm_summary};
my $bytes   = q{SELECT pg_relation_size('heartbeat_rollup_pending')};

# Adds sums without readings, so the summary does not change. Then waits until the maintenance worker has folded all sums.
sub fold
{
	my ($sums) = @_;
	$node->query("INSERT INTO heartbeat_rollup_pending SELECT to_timestamp($now), 'C1', 0, 0 FROM generate_series(1, $sums)");
	$node->query('SELECT heartbeat_wake_workers()');
	$node->wait_for_query('SELECT count(*) FROM heartbeat_rollup_pending', 0, "$sums sums are folded");
	return;
}

# Also waits until the maintenance worker has looked whether to rewrite the tables.
sub fold_to_end
{
	my $began = $node->query('SELECT clock_timestamp()');
	fold(10_000);
	return $node->wait_for_query("SELECT done_at > '$began' FROM heartbeat_maintenance WHERE duty = 'fold'", 't', 'the worker has ended its look');
}

my $reader = $node->background_psql('heartbeat');
$reader->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ');
my $seen = $reader->query_safe($summary);
$reader->query_safe('COMMIT; BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM heartbeat_offsets');
fold(60_000) for 1 .. 2;
cmp_ok($node->query($bytes), '>', 6_000_000, 'the table of sums grows while a session keeps an old snapshot');
my $vacuums  = q{SELECT vacuum_count FROM pg_stat_user_tables WHERE relname = 'heartbeat_rollup_pending'};
my $before   = $node->query($vacuums);
my $position = $node->log_position;
fold_to_end();
is($node->query($vacuums), $before, 'the worker does not vacuum the many dead rows after each fold');
ok(!$node->log_matches(qr/rewrote "heartbeat_rollup_pending"/, $position), 'the worker does not rewrite the table in vain');
is($reader->query_safe($summary), $seen, 'the session reads its old snapshot');
$reader->query_safe('COMMIT');

# The rewrite needs the free space that this vacuum makes. With TRUNCATE off, the vacuum itself does not make the file smaller.
sub vacuum
{
	my ($table) = @_;
	$node->query("VACUUM (TRUNCATE off) $table");
	return;
}

# This session keeps a new snapshot, and does not lock the table of sums.
$reader->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM heartbeat_offsets');
vacuum('heartbeat_rollup_pending');
fold(10_000);
$node->wait_for_query("SELECT pg_relation_size('heartbeat_rollup_pending') < 4 << 20", 't', 'after the end of the session the table is small again');
ok($node->log_matches(qr/LOG:  heartbeat: rewrote "heartbeat_rollup_pending"/, $position), 'the log names the rewritten table');
is($reader->query_safe($summary), $seen, 'a session that kept its snapshot during the rewrite reads the exact summary');
$reader->query_safe('COMMIT');
$node->assert_summary('the summary is exact after the rewrite');

# Each batch updates heartbeat_offsets, so this table grows too.
$reader->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM heartbeat_offsets');
$node->query('DO $do$ BEGIN FOR i IN 1 .. 40000 LOOP UPDATE heartbeat_offsets SET updated_at = clock_timestamp(); COMMIT; END LOOP; END $do$');
cmp_ok($node->query("SELECT pg_relation_size('heartbeat_offsets')"), '>', 5_000_000, 'heartbeat_offsets grows while a session keeps an old snapshot');
$reader->query_safe('COMMIT');
vacuum('heartbeat_offsets');
fold(10_000);
$node->wait_for_query("SELECT pg_relation_size('heartbeat_offsets') < 1 << 20", 't', 'the worker makes heartbeat_offsets small again');

# A compact table of many Kafka partitions is larger than 4 MiB, but a rewrite would not make it smaller.
$node->query("INSERT INTO heartbeat_offsets (topic, partition, first_offset, next_offset) SELECT 'many', n, 0, 0 FROM generate_series(0, 3999) n; ANALYZE heartbeat_offsets");
cmp_ok($node->query("SELECT pg_relation_size('heartbeat_offsets')"), '>', 4 << 20, 'heartbeat_offsets is larger than 4 MiB');
$position = $node->log_position;
fold_to_end();
ok(!$node->log_matches(qr/rewrote "heartbeat_offsets"/, $position), 'the worker does not rewrite a compact table');
$node->query("DELETE FROM heartbeat_offsets WHERE topic = 'many'");

# A rewrite must not wait for its lock, because ingest would wait behind the rewrite. This session holds a conflicting lock all
# the time.
$reader->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM heartbeat_offsets');
fold(60_000) for 1 .. 2;
$reader->query_safe('COMMIT; BEGIN; LOCK TABLE heartbeat_rollup_pending IN ACCESS SHARE MODE');
vacuum('heartbeat_rollup_pending');
$position = $node->log_position;
fold_to_end();
cmp_ok($node->query($bytes), '>', 6_000_000, 'while a session reads the table, the worker does not rewrite the table');
ok(!$node->log_matches(qr/waiting for AccessExclusiveLock/, $position), 'the worker does not wait in the queue for the lock');
$reader->query_safe('COMMIT');
$reader->quit;
vacuum('heartbeat_rollup_pending');
fold(10_000);
$node->wait_for_query("SELECT pg_relation_size('heartbeat_rollup_pending') < 4 << 20", 't', 'after the session has released its lock, the table is small again');

$node->assert_summary('the summary is exact at the end');
$node->assert_audit;
$node->assert_no_crash;
$node->stop;
$kafka->stop;

done_testing();
