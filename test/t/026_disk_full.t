# A disk that is full: of the readings' tablespace, which is waited for, and of the WAL, which ends the server itself.

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

# A small file system of its own, which script/test has mounted: what is full here is full for nobody else.
my $disk = $ENV{HEARTBEAT_SMALL_DISK} // die 'HEARTBEAT_SMALL_DISK is not set: run this test by script/test';
rmtree($disk, { keep_root => 1 });
mkdir "$disk/tablespace" or die "$disk/tablespace: $!";

my $kafka = Heartbeat::Kafka->new('disk');
$kafka->start;
$kafka->create_topic('heartbeat-events', 2);
my $node = Heartbeat::Cluster->create('disk', kafka => $kafka,
	settings => { 'log_error_verbosity' => 'verbose', 'min_wal_size' => '32MB', 'max_wal_size' => '48MB' });

# Takes all the room that there is.
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

# The week's partitions lie on the small disk, with their indexes.
$node->query("CREATE TABLESPACE small LOCATION '$disk/tablespace'");
publish(1000);
$node->wait_for_offsets('heartbeat-events', @ends);
$node->query('SELECT heartbeat_pause()');
$node->query("ALTER TABLE $_ SET TABLESPACE small") for split /\n/, $node->query(
	"SELECT inhrelid::regclass FROM pg_inherits WHERE inhparent IN ('heartbeat_records'::regclass, 'heartbeat_anomalies'::regclass)");
# Nothing else does: who took a full disk for the rows' own fault would find room for the dead letters.
$node->query("ALTER INDEX $_ SET TABLESPACE small") for split /\n/, $node->query(
	"SELECT indexrelid::regclass FROM pg_index JOIN pg_inherits ON inhrelid = indrelid
	 WHERE inhparent IN ('heartbeat_records'::regclass, 'heartbeat_anomalies'::regclass)");
$node->query('SELECT heartbeat_resume()');
fill_disk();

publish(20_000);
$node->wait_for_state('RETRYING', 'could not extend file.*No space left on device', 'a full disk is waited for, with the reason');
my $error_at = $node->query('SELECT last_error_at FROM heartbeat_status');
$node->wait_for_query("SELECT last_error_at > '$error_at' FROM heartbeat_status", 't', 'the batch is tried again');
cmp_ok($node->log_matches(qr/ERROR:  53100: could not extend file/), '>=', 1, 'the log has the SQLSTATE disk_full');
cmp_ok($node->log_matches(qr/ERROR:  53100: could not extend file/), '<=', 3, 'and does not repeat it for every attempt');
is($node->count('heartbeat_dead_letters'), 0, 'no message is blamed');
$node->assert_audit;
publish(1000);
free_disk();
$node->wait_for_offsets('heartbeat-events', @ends);
$node->wait_for_state('RUNNING', undef, 'once there is room it goes on by itself');
is($node->query($rows), $published, 'every reading is stored once');
is($node->count('heartbeat_dead_letters'), 0, 'none is a dead letter');
$node->assert_audit;
$node->assert_no_crash;

# A server that cannot write its WAL ends with a PANIC, of its own accord, and stays down until there is room.
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
cmp_ok($node->log_matches(qr/PANIC:.*No space left on device/, $position), '>=', 1, 'the server ends when its WAL finds no room');
publish(1000);
$node->stop('immediate', fail_ok => 1);
free_disk();
$node->start;
$node->wait_for_offsets('heartbeat-events', @ends);
is($node->query($rows), $published, 'when it is back, every reading is stored once');
is($node->count('heartbeat_dead_letters'), 0, 'none is a dead letter');
$node->assert_audit;
my $crashes = $node->log_matches(qr/was terminated by signal|\bPANIC:|\bTRAP:|terminate called/);
is($node->log_matches(qr/PANIC:.*No space left on device|was terminated by signal 6/), $crashes, 'nothing else ended a process');

$node->stop;
unlink $wal;
system_or_bail('mv', "$disk/wal", $wal);
done_testing();
