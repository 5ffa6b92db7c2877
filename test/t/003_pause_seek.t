# After the commit of a pause, heartbeat stores no reading. A pause remains after a restart, and a rollback undoes the pause. A
# seek replays or skips messages, and heartbeat_gaps records the skipped offsets.

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
my $node = Heartbeat::Cluster->create('pause', kafka => $kafka, settings => { 'heartbeat.batch_size' => 500, 'heartbeat.log_summary' => '1h' });
my $stored = 'SELECT (SELECT count(*) FROM heartbeat_records) + (SELECT count(*) FROM heartbeat_anomalies)';

# Passes when the number of readings does not change for a second. Without a pause the worker stores many batches in a second.
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

# The pause must begin while readings still wait in the topic, but the worker can store all 100,000 readings within a second. So
# the test fills the topic during a first pause. Then one session resumes ingest, waits for 5000 stored readings, pauses ingest
# again, and counts the readings before it commits the pause.
$node->query("SELECT heartbeat_pause('the topic is filled')");
$kafka->produce('heartbeat-events', reading_stream(100_000, 2));
my $at_commit = $node->query(<<"SQL");
DO \$\$ BEGIN PERFORM heartbeat_resume(); END \$\$;
BEGIN;
DO \$\$ BEGIN WHILE ($stored) <= 5000 LOOP PERFORM pg_sleep(0.001); END LOOP; PERFORM heartbeat_pause('a test'); END \$\$;
$stored;
COMMIT;
SQL
cmp_ok($at_commit, '<', 100_000, "the pause comes before all readings are stored, after $at_commit readings");
stays_the_same('no reading is stored after the commit of a pause');
is($node->query($stored), $at_commit, 'the pause also stops the batch that the worker was reading');
$node->wait_for_state('PAUSED', 'a test', 'the state is PAUSED, with the reason from heartbeat_pause()');
$node->assert_audit;

$node->restart;
$node->wait_for_state('PAUSED', 'a test', 'the worker is still PAUSED after a restart');
stays_the_same('a paused worker stores nothing after a restart');

$node->query('BEGIN; SELECT heartbeat_resume(); ROLLBACK');
stays_the_same('the worker stays paused when heartbeat_resume() is rolled back');
$node->query('SELECT heartbeat_resume()');
$node->wait_for_offsets('heartbeat-events', 50_000, 50_000);
$node->wait_for_state('RUNNING');
$node->query('BEGIN; SELECT heartbeat_pause(); ROLLBACK');
$kafka->produce('heartbeat-events', reading_stream(200, 2, first => 100_000));
$node->wait_for_offsets('heartbeat-events', 50_100, 50_100);
pass('the worker goes on when heartbeat_pause() is rolled back');

like($node->query_error('SELECT heartbeat_seek(0, 0)'), qr/paused.*heartbeat_pause\(\)/s, 'heartbeat_seek() without a pause fails, and the hint names heartbeat_pause()');

# After a seek back the worker reads messages again, and counts their stored readings as duplicates.
$node->query('SELECT heartbeat_pause()');
$node->wait_for_state('PAUSED');
is($node->query('SELECT previous_offset, new_offset FROM heartbeat_seek(0, 100)'), '50100|100', 'a seek back returns the previous and the new offset');
my $before = $node->query($stored);
$node->query('SELECT heartbeat_resume()');
$node->wait_for_query('SELECT duplicates FROM heartbeat_offsets WHERE partition = 0', 50_000, 'every replayed reading counts as a duplicate');
is($node->query($stored), $before, 'a replay stores no reading again');
$node->assert_audit;

# A seek forward skips messages, and heartbeat_gaps records the skipped offsets.
$node->query('SELECT heartbeat_pause()');
$node->wait_for_state('PAUSED');
$kafka->produce('heartbeat-events', reading_stream(200, 2, first => 100_200));
is($node->query('SELECT previous_offset, new_offset FROM heartbeat_seek(1, 50150)'), '50100|50150', 'a seek forward returns the previous and the new offset');
$node->query('SELECT heartbeat_resume()');
$node->wait_for_offsets('heartbeat-events', 50_200, 50_200);
is($node->query($stored), $before + 150, 'the skipped readings are not stored');
is($node->query('SELECT partition, from_offset, to_offset FROM heartbeat_gaps'), '1|50100|50150', 'heartbeat_gaps records the skipped offsets');
$node->assert_audit;

# A seek to a time uses the timestamps of the messages in Kafka. In this test the seek finds the 301st message of each
# partition.
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
	"timed|0|500|300\ntimed|1|500|300", 'a seek to a time finds the first message at or after this time');
$node->query('SELECT heartbeat_resume()');
$node->wait_for_query("SELECT sum(duplicates) FROM heartbeat_offsets WHERE topic = 'timed'", 400, 'the worker replays the messages from this offset');
$node->assert_audit;

like($node->query_error("SELECT heartbeat_seek(-1, 0)"), qr/partition from 0 and an offset from 0 to 1000000000000000/, 'the error for a wrong partition names the allowed range');
is($node->log_matches(qr/heartbeat: \d+ messages in/), 0, 'a pause or a seek does not cause a line of heartbeat.log_summary');
$node->assert_no_crash;
$kafka->stop;
done_testing();
