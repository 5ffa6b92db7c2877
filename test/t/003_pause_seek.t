# Pausing is exact, durable and transactional; seeking replays and skips, and leaves a trace of what it skipped.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

use Time::HiRes qw(usleep);

my $kafka = Heartbeat::Kafka->new('pause');
$kafka->start;
$kafka->create_topic('heartbeat-events', 2);
my $node = Heartbeat::Cluster->create('pause', kafka => $kafka, settings => { 'heartbeat.batch_size' => 500 });
my $stored = 'SELECT (SELECT count(*) FROM heartbeat_records) + (SELECT count(*) FROM heartbeat_anomalies)';

# That something does not happen can only be shown by giving it time: many batches' worth.
sub stays_the_same
{
	my ($what) = @_;
	my $before = $node->query($stored);
	for (1 .. 10)
	{
		usleep(100_000);
		my $now = $node->query($stored);
		return is($now, $before, $what) if $now ne $before;
	}
	return pass($what);
}

$kafka->produce('heartbeat-events', reading_stream(100_000, 2));
# One session waits, pauses and counts: in the time that it takes to start another, a fast worker stores all there is.
my $at_commit = $node->query(<<"SQL");
BEGIN;
DO \$\$ BEGIN WHILE ($stored) <= 5000 LOOP PERFORM pg_sleep(0.001); END LOOP; PERFORM heartbeat_pause('a test'); END \$\$;
$stored;
COMMIT;
SQL
cmp_ok($at_commit, '<', 100_000, "the pause comes half way, after $at_commit readings");
stays_the_same('once a pause has committed not one more reading is stored');
is($node->query($stored), $at_commit, 'not even the batch that was under way');
$node->wait_for_state('PAUSED', 'a test', 'the state is PAUSED, with the reason given');
$node->assert_audit;

$node->restart;
$node->wait_for_state('PAUSED', 'a test', 'a restart stays paused');
stays_the_same('and stores nothing');

$node->query('BEGIN; SELECT heartbeat_resume(); ROLLBACK');
stays_the_same('a resume that is rolled back resumes nothing');
$node->query('SELECT heartbeat_resume()');
$node->wait_for_offsets('heartbeat-events', 50_000, 50_000);
$node->wait_for_state('RUNNING');
$node->query('BEGIN; SELECT heartbeat_pause(); ROLLBACK');
$kafka->produce('heartbeat-events', reading_stream(200, 2, first => 100_000));
$node->wait_for_offsets('heartbeat-events', 50_100, 50_100);
pass('a pause that is rolled back pauses nothing');

like($node->query_error('SELECT heartbeat_seek(0, 0)'), qr/paused.*heartbeat_pause\(\)/s, 'a seek without a pause is refused with advice');

# Replay: what is stored already counts as a duplicate.
$node->query('SELECT heartbeat_pause()');
$node->wait_for_state('PAUSED');
is($node->query('SELECT previous_offset, new_offset FROM heartbeat_seek(0, 100)'), '50100|100', 'a seek back shows where from and where to');
my $before = $node->query($stored);
$node->query('SELECT heartbeat_resume()');
$node->wait_for_query('SELECT duplicates FROM heartbeat_offsets WHERE partition = 0', 50_000, 'all that is replayed is counted as a duplicate');
is($node->query($stored), $before, 'and stored once');
$node->assert_audit;

# Skip: what is passed over is recorded.
$node->query('SELECT heartbeat_pause()');
$node->wait_for_state('PAUSED');
$kafka->produce('heartbeat-events', reading_stream(200, 2, first => 100_200));
is($node->query('SELECT previous_offset, new_offset FROM heartbeat_seek(1, 50150)'), '50100|50150', 'a seek forward shows where from and where to');
$node->query('SELECT heartbeat_resume()');
$node->wait_for_offsets('heartbeat-events', 50_200, 50_200);
is($node->query($stored), $before + 150, 'what was skipped is not stored');
is($node->query('SELECT partition, from_offset, to_offset FROM heartbeat_gaps'), '1|50100|50150', 'and is recorded');
$node->assert_audit;

# A seek to a time goes by Kafka's timestamps: here the 301st of each partition.
$kafka->create_topic('timed', 2);
my @timed = reading_stream(1000, 2, start => time - 7200);
my $epoch = 1_700_000_000;
$timed[$_]{timestamp} = ($epoch + int($_ / 2)) * 1000 for 0 .. $#timed;
$kafka->produce('timed', @timed);
$node->set('heartbeat.topic' => 'timed');
$node->wait_for_offsets('timed', 500, 500);
$node->query('SELECT heartbeat_pause()');
$node->wait_for_state('PAUSED');
is( $node->query("SELECT topic, kafka_partition, previous_offset, new_offset FROM heartbeat_seek(to_timestamp($epoch + 300))"),
	"timed|0|500|300\ntimed|1|500|300", 'a seek to a time finds the first message at or after it');
$node->query('SELECT heartbeat_resume()');
$node->wait_for_query("SELECT sum(duplicates) FROM heartbeat_offsets WHERE topic = 'timed'", 400, 'from there it is replayed');
$node->assert_audit;

like($node->query_error("SELECT heartbeat_seek(-1, 0)"), qr/partition from 0 and an offset from 0 to 1000000000000000/, 'a wrong partition is named');
$node->assert_no_crash;
$kafka->stop;
done_testing();
