# Tests a full disk. If the tablespace of the readings is full, the worker waits. If the disk of the WAL is full, the server
# itself ends.

use strict;
use warnings;

use File::Path qw(rmtree);
use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

# script/test mounts this small file system for the test, so that the test fills no other disk.
my $disk = $ENV{HEARTBEAT_SMALL_DISK} // die 'HEARTBEAT_SMALL_DISK is not set: run this test by script/test';
rmtree($disk, { keep_root => 1 });
mkdir "$disk/tablespace" or die "$disk/tablespace: $!";

my $kafka = Heartbeat::Kafka->new('disk');
$kafka->start;
$kafka->create_topic('heartbeat-events', 2);
my $node = Heartbeat::Cluster->create('disk', kafka => $kafka,
	settings => { 'log_error_verbosity' => 'verbose', 'min_wal_size' => '32MB', 'max_wal_size' => '48MB' });

# Fills all free space.
sub fill_disk
{
	open(my $file, '>>', "$disk/ballast") or die "$disk/ballast: $!";
	for my $size (1 << 20, 4096)
	{
		1 while defined syswrite($file, "\0" x $size);
		die "$disk: $!" unless $!{ENOSPC};
	}
	close($file);
	return;
}

sub free_disk { unlink "$disk/ballast" or die "$disk/ballast: $!"; return; }

my $rows = 'SELECT (SELECT count(*) FROM heartbeat_records) + (SELECT count(*) FROM heartbeat_anomalies)';
my ($published, @ends) = (0);

sub publish
{
	my ($count) = @_;
	$kafka->produce('heartbeat-events', reading_stream($count, 2, first => $published));
	$published += $count;
	@ends = ($published / 2) x 2;
	return;
}

# All table partitions of the readings are on the small disk, with their indexes.
$node->query("CREATE TABLESPACE small LOCATION '$disk/tablespace'");
publish(1000);
$node->wait_for_offsets('heartbeat-events', @ends);
$node->query('SELECT heartbeat_pause()');
$node->query("ALTER TABLE $_ SET TABLESPACE small") for split /\n/, $node->query(
	"SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent IN ('heartbeat_records'::regclass, 'heartbeat_anomalies'::regclass)");
# The other tables, such as heartbeat_dead_letters, are not on the small disk, so the worker can still store dead letters. A
# worker that treats the full disk as a fault of the rows would store dead letters, and the test would fail.
$node->query("ALTER INDEX $_ SET TABLESPACE small") for split /\n/, $node->query(
	"SELECT indexrelid::regclass FROM pg_index JOIN pg_inherits ON inhrelid = indrelid
	 WHERE inhparent IN ('heartbeat_records'::regclass, 'heartbeat_anomalies'::regclass)");
$node->query('SELECT heartbeat_resume()');
fill_disk();

publish(20_000);
$node->wait_for_state('RETRYING', 'could not extend file.*No space left on device', 'the worker is RETRYING when the disk is full, with the reason');
my $error_at = $node->query('SELECT last_error_at FROM heartbeat_status');
$node->wait_for_query("SELECT last_error_at > '$error_at' FROM heartbeat_status", 't', 'the worker tries the batch again');
cmp_ok($node->log_matches(qr/ERROR:  53100: could not extend file/), '>=', 1, 'the log has the SQLSTATE disk_full');
cmp_ok($node->log_matches(qr/ERROR:  53100: could not extend file/), '<=', 3, 'the log does not repeat the error for every attempt');
is($node->count('heartbeat_dead_letters'), 0, 'no message becomes a dead letter because of a full disk');
$node->assert_audit;
publish(1000);
free_disk();
$node->wait_for_offsets('heartbeat-events', @ends);
$node->wait_for_state('RUNNING', undef, 'the worker is RUNNING again when the disk has free space');
is($node->query($rows), $published, 'every reading is stored once');
is($node->count('heartbeat_dead_letters'), 0, 'no reading is a dead letter after the retries');
$node->assert_audit;
$node->assert_no_crash;

# The disk has no room for the new key of an old week. The process that packs old weeks ends, because the rebuild of another key
# would fill the disk again.
for my $weeks (8, 9)
{
	my $time = "now() - interval '$weeks weeks'";
	$node->query("SELECT heartbeat_make_partitions($time, $time)");
	$node->query("INSERT INTO heartbeat_records (customer_id, heart_rate, event_timestamp) SELECT 'old-' || n, 70, $time FROM generate_series(1, 2000) n");
	$node->query('ALTER INDEX ' . $node->query("SELECT 'heartbeat_records' || to_char($time, '_IYYY\"w\"IW') || '_pkey'") . ' SET TABLESPACE small');
}
my $marked  = "SELECT count(*) FROM pg_class WHERE relname LIKE 'heartbeat_records%_pkey' AND reloptions";
my $packing = "SELECT failures, reason ~ 'No space left on device' FROM heartbeat_maintenance WHERE duty = 'packing'";
fill_disk();
$node->set('heartbeat.pack_after' => '7d');
$node->wait_for_query($packing, '1|t', 'packing fails when the disk is full, with the reason');
$node->wait_for_query("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'heartbeat packing'", 0, 'the process ends');
is($node->query("$marked = '{fillfactor=99}'"), 1, 'the process tries no other key');
free_disk();
$node->set('heartbeat.pack_after' => '7d');
$node->wait_for_query("$marked = '{fillfactor=100}'", 2, 'packing succeeds when the disk has free space');
$node->set('heartbeat.pack_after' => 0);
$node->query("DELETE FROM heartbeat_records WHERE customer_id LIKE 'old-%'");

# A server that cannot write its WAL ends with a PANIC, and stays down until the disk has free space.
$node->stop;
my $wal = $node->data_dir . '/pg_wal';
system_or_bail('mv', $wal, "$disk/wal");
symlink "$disk/wal", $wal or die "$wal: $!";
$node->start;
$node->wait_for_state('RUNNING');
fill_disk();
my $position = $node->log_position;
my $deadline = time + 60;
until ($node->log_matches(qr/PANIC:.*No space left on device/, $position) || time > $deadline)
{
	publish(2000);
	$node->psql('postgres', 'SELECT pg_switch_wal()', timeout => 10);
}
cmp_ok($node->log_matches(qr/PANIC:.*No space left on device/, $position), '>=', 1, 'the server ends with a PANIC when the disk of its WAL is full');
publish(1000);
$node->stop('immediate', fail_ok => 1);
free_disk();
$node->start;
$node->wait_for_offsets('heartbeat-events', @ends);
is($node->query($rows), $published, 'every reading is stored once after the server starts again');
is($node->count('heartbeat_dead_letters'), 0, 'no reading is a dead letter after the PANIC');
$node->assert_audit;
my $crashes = $node->log_matches(qr/was terminated by signal|\bPANIC:|\bTRAP:|terminate called/);
is($node->log_matches(qr/PANIC:.*No space left on device|was terminated by signal 6/), $crashes, 'no other error ended a process');

$node->stop;
unlink $wal;
system_or_bail('mv', "$disk/wal", $wal);
done_testing();
