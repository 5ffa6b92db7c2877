# heartbeat packs old weeks: it rebuilds the primary key indexes of their table partitions so that the index pages are full.
# Ingest continues meanwhile. An interrupted rebuild begins again, and leaves no invalid index.

use strict;
use warnings;

use FindBin;
use List::Util qw(shuffle);
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

my $topic = 'heartbeat-events';
my $kafka = Heartbeat::Kafka->new('packing');
$kafka->start;
$kafka->create_topic($topic, 1);
my $node = Heartbeat::Cluster->create('packing', kafka => $kafka, owner => 'heartbeat_owner',
	settings => { 'heartbeat.batch_size' => 1000, 'autovacuum' => 'off', 'max_prepared_transactions' => 2 });
$node->query('CREATE EXTENSION amcheck');

# Publishes readings of this week, and of three weeks that ended at least four weeks ago. The readings of each old week arrive
# in random order, so PostgreSQL splits the pages of the primary key indexes in the middle. This leaves free space in the pages,
# which packing removes.
my $now  = int(time);
my @past = map { $now - $_ * 7 * 86400 } 6, 7, 8;
srand 1;
$kafka->produce($topic, map { shuffle reading_stream(20_000, 1, start => $_) } @past, $now - 3600);
$node->wait_for_offsets($topic, 80_000);

# Returns the number of primary key indexes with the storage parameters $options. An empty text means: without storage parameters.
sub keys_with
{
	my ($options) = @_;
	return $node->query("SELECT count(*) FROM pg_inherits i JOIN pg_index x ON x.indrelid = i.inhrelid AND x.indisprimary JOIN pg_class k ON k.oid = x.indexrelid
		WHERE i.inhparent IN ('heartbeat_records'::regclass, 'heartbeat_anomalies'::regclass) AND coalesce(k.reloptions::text, '') = '$options'");
}
my $sizes = "SELECT sum(pg_relation_size(x.indexrelid)) FROM pg_inherits i JOIN pg_class c ON c.oid = i.inhrelid JOIN pg_index x ON x.indrelid = c.oid AND x.indisprimary
	WHERE i.inhparent = 'heartbeat_records'::regclass AND c.relname < 'heartbeat_records_' || to_char(now() - interval '5 weeks', 'IYYY\"w\"IW')";
my $duty    = "SELECT failures, reason FROM heartbeat_maintenance WHERE duty = 'packing'";
my $invalid = 'SELECT count(*) FROM pg_index WHERE NOT indisvalid';
my $weeks   = keys_with('') / 2 - 1;    # without the default partitions
my $before  = $node->query($sizes);

# Reloads the configuration, so that the maintenance worker looks for old weeks at once.
sub pack_again { return $node->set('heartbeat.pack_after' => '7d'); }

sub assert_packed
{
	my ($what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$node->wait_for_query("SELECT count(*) FROM pg_class WHERE relkind = 'i' AND relname LIKE 'heartbeat\\_%' AND reloptions = '{fillfactor=100}'", 6, "$what: six keys are packed");
	$node->wait_for_query("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'heartbeat packing'", 0, "$what: the process ends");
	is(keys_with('{fillfactor=100}'), 6, "$what: the keys of the three old weeks are packed");
	is(keys_with('{fillfactor=99}'),  0, "$what: no key is half packed");
	is($node->query($invalid), 0, "$what: no index is invalid");
	is($node->query($duty), '0|', "$what: heartbeat_maintenance shows no failure");
	is($node->query("SELECT count(bt_index_check(x.indexrelid, true)) FROM pg_inherits i JOIN pg_index x ON x.indrelid = i.inhrelid AND x.indisprimary
		WHERE i.inhparent = 'heartbeat_records'::regclass") > 3, 1, "$what: amcheck finds no fault in the keys");
	return;
}

is($node->query("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'heartbeat packing'"), 0, 'by default no process packs old weeks');
is(keys_with(''), 2 * $weeks + 2, 'by default no key has storage parameters');

# REINDEX CONCURRENTLY waits for older transactions that hold a snapshot. So packing waits for these transactions before it
# begins, for a limited time. If a transaction stays open longer, packing fails before it has changed an index.
my $dump = $node->background_psql('heartbeat', on_error_stop => 1);
$dump->query_safe('BEGIN ISOLATION LEVEL REPEATABLE READ; SELECT count(*) FROM heartbeat_records');
$node->set('heartbeat.pack_after' => '7d');
$node->wait_for_query("SELECT failures > 0 FROM heartbeat_maintenance WHERE duty = 'packing'", 't', 'packing fails while an older transaction is open');
like($node->query($duty), qr/^1\|.*lock timeout/, 'heartbeat_maintenance has the reason');
is(keys_with(''), 2 * $weeks + 2, 'no key has changed');
is($node->status->{state}, 'RUNNING', 'ingest continues');
$dump->quit;

pack_again();
$node->wait_for_query("SELECT failures = 0 AND done_at IS NOT NULL FROM heartbeat_maintenance WHERE duty = 'packing'", 't', 'packing succeeds');
assert_packed('the first time');
cmp_ok($node->query($sizes), '<', 0.75 * $before, 'the packed keys are smaller');

# Ingest stores readings of the old weeks while their keys are rebuilt. The rebuilt keys refuse duplicates.
my $late = 500;
$node->query("ALTER INDEX $_ RESET (fillfactor)") for split /\n/, $node->query("SELECT oid::regclass FROM pg_class WHERE reloptions = '{fillfactor=100}'");
pack_again();
$kafka->produce($topic, map { reading_stream($late, 1, start => $_ + 30, first => 20_000) } @past) for 1, 2;
$node->wait_for_offsets($topic, 80_000 + 2 * 3 * $late);
assert_packed('while ingest continues');
is($node->query('SELECT sum(records) + sum(anomalies), sum(duplicates) FROM heartbeat_offsets'), 80_000 + 3 * $late . '|' . 3 * $late, 'each reading is stored exactly once');
$node->assert_audit;

# A packed week is not packed again.
my $position = $node->log_position;
my $done     = $node->query("SELECT done_at FROM heartbeat_maintenance WHERE duty = 'packing'");
pack_again();
$node->wait_for_query("SELECT done_at > '$done' FROM heartbeat_maintenance WHERE duty = 'packing'", 't', 'the process looks for old weeks again');
ok(!$node->log_matches(qr/heartbeat: packed/, $position), 'a packed key is not rebuilt again');

# An interrupted rebuild leaves a key with the fillfactor 99, and an invalid index. This function imitates the first part: it
# sets the fillfactor 99 for a packed key, and returns the key. The REINDEX below makes the invalid index, because a lock
# timeout interrupts it.
sub interrupt_rebuild
{
	my $key = $node->query("SELECT k.oid::regclass FROM pg_class k WHERE k.reloptions = '{fillfactor=100}' AND k.relname LIKE 'heartbeat_records%' LIMIT 1");
	$node->query("ALTER INDEX $key SET (fillfactor = 99)");
	return $key;
}
my $key   = interrupt_rebuild();
my $table = $node->query("SELECT indrelid::regclass FROM pg_index WHERE indexrelid = '$key'::regclass");
$dump = $node->background_psql('heartbeat', on_error_stop => 1);
$dump->query_safe("BEGIN; LOCK TABLE $table IN ROW EXCLUSIVE MODE");
$node->psql('heartbeat', "SET lock_timeout = '100ms'; REINDEX INDEX CONCURRENTLY $key");
$dump->quit;
is($node->query($invalid), 1, 'the interrupted rebuild has left an invalid index');
pack_again();
$node->wait_for_query("SELECT failures = 0 FROM heartbeat_maintenance WHERE duty = 'packing'", 't', 'packing succeeds after an interrupted rebuild');
$node->wait_for_query($invalid, 0, 'packing drops the invalid index');
$node->wait_for_query("SELECT reloptions FROM pg_class WHERE oid = '$key'::regclass", '{fillfactor=100}', 'the key is packed');
assert_packed('after an interrupted rebuild');

# The server crashes while a key is rebuilt. An open transaction makes the rebuild wait after it has made its new index.
$key   = interrupt_rebuild();
$table = $node->query("SELECT indrelid::regclass FROM pg_index WHERE indexrelid = '$key'::regclass");
$dump = $node->background_psql('heartbeat', on_error_stop => 1);
$dump->query_safe("BEGIN; LOCK TABLE $table IN ROW EXCLUSIVE MODE");
pack_again();
$node->wait_for_query($invalid, 1, 'a rebuild has made its new index');
$node->kill_worker('heartbeat packing');
$dump->{run}->finish;
$node->wait_for_query($invalid, 0, 'after the crash packing drops the invalid index');
$node->wait_for_query("SELECT reloptions FROM pg_class WHERE oid = '$key'::regclass", '{fillfactor=100}', 'after the crash the key is packed');
assert_packed('after a crash');

# A cancel request ends the rebuild, and heartbeat_maintenance shows this.
$key   = interrupt_rebuild();
$table = $node->query("SELECT indrelid::regclass FROM pg_index WHERE indexrelid = '$key'::regclass");
$dump  = $node->background_psql('heartbeat', on_error_stop => 1);
$dump->query_safe("BEGIN; LOCK TABLE $table IN ROW EXCLUSIVE MODE");
pack_again();
$node->wait_for_query($invalid, 1, 'a rebuild has made its new index');
# Meanwhile heartbeat can create table partitions, and can move rows to a new table partition.
$node->query("INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp) VALUES ('ahead', 70, now() + interval '20 weeks')");
is($node->query("SELECT heartbeat_make_partitions(now() + interval '20 weeks', now() + interval '20 weeks')"), 3, 'table partitions are created while a key is rebuilt');
is($node->count('heartbeat_records_default'), 0, 'a row moves to its table partition while a key is rebuilt');
$node->query("SELECT pg_cancel_backend(pid) FROM pg_stat_activity WHERE backend_type = 'heartbeat packing'");
$node->wait_for_query($duty, '1|canceling statement due to user request', 'a cancel request ends the rebuild');
$dump->quit;
pack_again();
$node->wait_for_query("SELECT reloptions FROM pg_class WHERE oid = '$key'::regclass", '{fillfactor=100}', 'after a cancel request the key is packed');
assert_packed('after a cancel request');

# While the key of a table is rebuilt, another session waits for an exclusive lock on this table. Ingest would wait behind this
# session, so the maintenance worker cancels the rebuild.
$key   = interrupt_rebuild();
$table = $node->query("SELECT indrelid::regclass FROM pg_index WHERE indexrelid = '$key'::regclass");
$dump  = $node->background_psql('heartbeat', on_error_stop => 1);
$dump->query_safe("BEGIN; LOCK TABLE $table IN ROW EXCLUSIVE MODE");
pack_again();
$node->wait_for_query($invalid, 1, 'a rebuild has made its new index');
my $waiting = $node->background_psql('heartbeat', on_error_stop => 1);
$waiting->query_until(qr/waits/, "\\echo waits\nBEGIN; LOCK TABLE ONLY $table IN ACCESS EXCLUSIVE MODE; ROLLBACK;\n");
$node->wait_for_query($duty, '1|canceling statement due to user request', 'the rebuild ends because another session waits');
$dump->quit;
$waiting->quit;
is($node->query($invalid), 1, 'the rebuild has left an invalid index');
my $wal;
for my $batch (1, 2)    # the batch before the first one had duplicates, so the worker uses the bulk insert only for the second one
{
	$wal = $node->query('SELECT pg_current_wal_insert_lsn()');
	$kafka->produce($topic, reading_stream(1000, 1, start => $now - 1800 + $batch * 60, first => 20_000));
	$node->wait_for_query('SELECT sum(records) + sum(anomalies) FROM heartbeat_offsets', 80_000 + 3 * $late + 1000 * $batch, 'ingest continues');
}
$node->query('CHECKPOINT');    # writes all WAL records to the disk
my ($records) = run_command([ 'pg_waldump', '-p', $node->data_dir . '/pg_wal', '-r', 'Heap2', '-s', $wal, '-e', $node->query('SELECT pg_current_wal_flush_lsn()') ]);
like($records, qr/MULTI_INSERT/, 'ingest still uses the bulk insert, because the invalid index refuses the same rows as the key');

# If heartbeat.pack_after is 0, heartbeat_maintenance shows no failure of an earlier run.
$node->set('heartbeat.pack_after' => 0);
$node->wait_for_query($duty, '0|', 'heartbeat_maintenance forgets the failure');
$node->set('heartbeat.pack_after' => '7d');
$node->wait_for_query("SELECT reloptions FROM pg_class WHERE oid = '$key'::regclass", '{fillfactor=100}', 'after the wait the key is packed');
assert_packed('after another session has waited');

# DROP EXTENSION locks the extension, and then waits for the table whose key is being rebuilt. The maintenance worker must
# cancel the rebuild, even though its other tasks wait for the lock on the extension. heartbeat.pack_after is 0 when the rebuild
# fails, so heartbeat_maintenance then shows no failure.
$key   = interrupt_rebuild();
$table = $node->query("SELECT indrelid::regclass FROM pg_index WHERE indexrelid = '$key'::regclass");
$dump  = $node->background_psql('heartbeat', on_error_stop => 1);
$dump->query_safe("BEGIN; LOCK TABLE $table IN ROW EXCLUSIVE MODE");
pack_again();
$node->wait_for_query($invalid, 1, 'a rebuild has made its new index');
$node->set('heartbeat.pack_after' => 0);
$waiting = $node->background_psql('heartbeat', on_error_stop => 1);
$waiting->query_until(qr/drops/, "\\echo drops\nBEGIN; DROP EXTENSION heartbeat; ROLLBACK;\n");
$node->wait_for_query("SELECT count(*) FROM pg_locks l JOIN pg_stat_activity a USING (pid) WHERE a.backend_type = 'heartbeat packing' AND l.mode = 'ShareUpdateExclusiveLock'",
	0, 'the rebuild ends because DROP EXTENSION waits');
$dump->quit;
$waiting->quit;
$node->wait_for_query("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'heartbeat packing'", 0, 'the process ends');
$node->wait_for_query($duty, '0|', 'heartbeat_maintenance forgets the failure of a process that was running when heartbeat.pack_after became 0');
pack_again();
$node->wait_for_query("SELECT reloptions FROM pg_class WHERE oid = '$key'::regclass", '{fillfactor=100}', 'after DROP EXTENSION has waited the key is packed');
assert_packed('after DROP EXTENSION has waited');

# A person runs REINDEX CONCURRENTLY. Packing drops the invalid indexes of interrupted rebuilds. But the new index of this
# REINDEX is invalid only until the REINDEX ends: packing must wait, and must not drop this index.
my $rebuilt = $node->query("SELECT indexrelid::regclass FROM pg_index WHERE indrelid = '$table'::regclass AND NOT indisprimary LIMIT 1");
my $valid   = "SELECT count(*) FROM pg_index WHERE indrelid = '$table'::regclass AND indisvalid";
my $number  = $node->query($valid);
$dump = $node->background_psql('heartbeat', on_error_stop => 1);
$dump->query_safe("BEGIN; LOCK TABLE $table IN ROW EXCLUSIVE MODE");
my $person = $node->background_psql('heartbeat', on_error_stop => 1);
$person->query_until(qr/rebuilds/, "\\echo rebuilds\nREINDEX INDEX CONCURRENTLY $rebuilt;\n");
$node->wait_for_query($invalid, 1, 'a person rebuilds an index');
pack_again();
$node->wait_for_query("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'heartbeat packing' AND wait_event_type = 'Lock'", 1, 'packing waits for the rebuild');
$dump->quit;
$person->quit;
$node->wait_for_query("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'heartbeat packing'", 0, 'the process ends');
is($node->query($valid), $number, 'packing does not drop the index that the person has rebuilt');
pack_again();
$node->wait_for_query($duty, '0|', 'packing succeeds after the rebuild');
assert_packed('after a rebuild by a person');

# Packing reads the end of a week from the bounds of its table partition. Partitioned tables whose bounds are not times must
# not disturb packing.
$node->query("CREATE TABLE other (kind text) PARTITION BY LIST (kind); CREATE TABLE other_1 PARTITION OF other FOR VALUES IN ('DE', 'FR');
	CREATE TABLE ranged (kind text PRIMARY KEY) PARTITION BY RANGE (kind); CREATE TABLE ranged_1 PARTITION OF ranged FOR VALUES FROM ('a') TO ('m')");
$node->query('ANALYZE pg_inherits; ANALYZE pg_class; ANALYZE pg_index');
interrupt_rebuild();
pack_again();
$node->wait_for_query("SELECT count(*) FROM pg_class WHERE reloptions = '{fillfactor=99}'", 0, 'packing ignores other tables');

# If one key cannot be packed, heartbeat packs the other keys.
$node->query("ALTER INDEX $_ RESET (fillfactor)") for split /\n/, $node->query("SELECT oid::regclass FROM pg_class WHERE reloptions = '{fillfactor=100}'");
my ($oldest) = split /\n/, $node->query("SELECT oid::regclass FROM pg_class WHERE relkind = 'r' AND relname LIKE 'heartbeat_records_2%' ORDER BY relname LIMIT 1");
$node->query("BEGIN; LOCK TABLE $oldest IN SHARE UPDATE EXCLUSIVE MODE; PREPARE TRANSACTION 'stuck'");
pack_again();
$node->wait_for_query("SELECT count(*) >= 4 FROM pg_class WHERE reloptions = '{fillfactor=100}'", 't', 'the keys of the other weeks are packed');
$node->query("ROLLBACK PREPARED 'stuck'");

$node->wait_for_query("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'heartbeat packing'", 0, 'the process ends');
like($node->query($duty), qr/^1\|.*lock timeout/, 'heartbeat_maintenance has the reason of the first failure');

# Retention drops packed weeks.
$node->set('heartbeat.retention' => '40d');
$node->wait_for_query("SELECT count(*) < $weeks + 1 FROM pg_inherits WHERE inhparent = 'heartbeat_records'::regclass", 't', 'retention drops packed weeks');
$node->assert_no_crash;
$kafka->stop;
done_testing();
