# That what is read is still what was read before: another topic of the same name, another cluster at the same address,
# offsets that Kafka has removed, partitions that join. Each is found out, stopped by default, or settled by offset_reset.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

my $kafka = Heartbeat::Kafka->new('identity');
$kafka->start;
my $node = Heartbeat::Cluster->create('identity', kafka => $kafka, settings => { 'heartbeat.topic' => 'again' });

my $published = 0;

# Publishes readings that have not been published before.
sub publish
{
	my ($topic, $count, $partitions) = @_;
	$kafka->produce($topic, reading_stream($count, $partitions // 1, first => $published));
	$published += $count;
	return;
}

sub make_again
{
	my ($topic, $count, $partitions) = @_;
	$kafka->delete_topic($topic);
	$kafka->create_topic($topic, $partitions);
	publish($topic, $count, $partitions);
	return;
}

my $unread = 0;    # of what was removed in time, and might have been read
sub is_stored
{
	my ($count, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is($node->count('heartbeat_records') + $node->count('heartbeat_anomalies'), $count - $unread, $what);
}

sub is_gap
{
	my ($topic, $expected, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is( $node->query(
			"SELECT string_agg(partition || ':' || from_offset || '-' || to_offset, ' ' ORDER BY recorded_at, partition),
			        sum(to_offset - from_offset) = (SELECT sum(empty_offsets) FROM heartbeat_offsets WHERE topic = '$topic')
			 FROM heartbeat_gaps WHERE topic = '$topic'"),
		"$expected|t", $what);
}

sub read_topic
{
	my ($topic) = @_;
	$node->set('heartbeat.topic' => $topic);
	$node->wait_for_offsets($topic, $kafka->end_offsets($topic));
	$node->wait_for_state('RUNNING');
	return;
}

# Made again while the server is down, and more in it than was read: the offsets exist, and mean other messages.
$kafka->create_topic('again', 2);
publish('again', 10, 2);
$node->wait_for_offsets('again', 5, 5);
$node->stop;
make_again('again', 40, 2);
$node->start;
$node->wait_for_state('FAILED', '(?:offset 4 of partition \d of topic "again" holds another message|its id is)',
	'a topic made again while the server was down is found out, also with more messages');
is_stored(10, 'and nothing of it is read at the old offsets');
$node->restart;
$node->wait_for_state('FAILED', '(?:another message|its id is)', 'a restart does not forget it');
$node->set('heartbeat.offset_reset' => 'earliest');
$node->wait_for_offsets('again', 20, 20);
$node->wait_for_state('RUNNING');
is_stored(50, 'with offset_reset = earliest all of it is stored');
$node->assert_audit;

# As many messages as were read, while paused; and what is new of it is skipped on purpose.
$node->set('heartbeat.offset_reset' => 'error');
$node->wait_for_state('RUNNING');
$node->query('SELECT heartbeat_pause()');
$node->wait_for_state('PAUSED');
make_again('again', 40, 2);
$node->query('SELECT heartbeat_resume()');
$node->wait_for_state('FAILED', '(?:another message|its id is|was deleted)', 'as many messages while paused are found out');
$node->set('heartbeat.offset_reset' => 'latest');
$node->wait_for_state('RUNNING');
is_gap('again', '0:0-20 1:0-20', 'with offset_reset = latest all that the new topic held is recorded as skipped, and counted');
publish('again', 10, 2);
$node->wait_for_offsets('again', 25, 25);
is_stored(60, 'and what comes then is stored');
$node->assert_audit;

# Fewer messages.
$node->set('heartbeat.offset_reset' => 'error');
$node->stop;
make_again('again', 10, 2);
$node->start;
$node->wait_for_state('FAILED', '(?:partition 0 of topic "again" ends at 5|its id is)', 'so is one that holds fewer messages');
$node->query('SELECT heartbeat_pause()');
$node->query('SELECT heartbeat_seek(p, 0) FROM generate_series(0, 1) p');
$node->query('SELECT heartbeat_resume()');
$node->wait_for_offsets('again', 5, 5);
$node->wait_for_state('RUNNING');
is_stored(70, 'a seek ends it');
$node->assert_audit;

# Removed by retention before it was read: while the worker stands still, while it is paused, while the server is down.
$kafka->create_topic('removed', 1);
publish('removed', 10);
read_topic('removed');
my ($worker) = $node->worker_pids('heartbeat worker%');
kill('STOP', $worker) or die "kill $worker: $!";
publish('removed', 1);    # answers the fetch that is on its way, unless that was answered with nothing already
publish('removed', 9);
$kafka->truncate('removed', 0, 15);
kill('CONT', $worker) or die "kill $worker: $!";
$node->wait_for_state('FAILED', 'no longer holds offset 1[01] of partition 0 of topic "removed": it begins at 15',
	'offsets removed under a running worker are missed');
my $lost = $node->query("SELECT next_offset FROM heartbeat_offsets WHERE topic = 'removed'");
$unread = 11 - $lost;
is_stored(81, 'and nothing is read behind them');
$node->set('heartbeat.offset_reset' => 'earliest');
$node->wait_for_offsets('removed', 20);
is_gap('removed', "0:$lost-15", 'offset_reset = earliest goes on at what is left, and records the gap');
is_stored(86, 'which is stored');

$node->set('heartbeat.offset_reset' => 'error');
$node->wait_for_state('RUNNING');
$node->query('SELECT heartbeat_pause()');
$node->wait_for_state('PAUSED');
publish('removed', 10);
$kafka->truncate('removed', 0, 21);
$node->query('SELECT heartbeat_resume()');
$node->wait_for_state('FAILED', 'no longer holds offset 20 .* begins at 21', 'so are those removed during a pause, be it one');
$node->stop;
$kafka->truncate('removed', 0, 25);
$node->start;
$node->wait_for_state('FAILED', 'no longer holds offset 20 .* begins at 25', 'and while the server is down');
$node->set('heartbeat.offset_reset' => 'latest');
$node->wait_for_offsets('removed', 30);
is_gap('removed', "0:$lost-15 0:20-30", 'offset_reset = latest goes on at the end, and records the gap');
is_stored(86, 'of which nothing is stored');
$node->assert_audit;
$node->set('heartbeat.offset_reset' => 'error');

# What is no sign of another topic: the last message read is gone, or stands there with its time as it was.
$kafka->truncate('removed', 0, 30);
publish('removed', 5);
$node->wait_for_offsets('removed', 35);
$kafka->truncate('removed', 0, 35);
$kafka->create_topic('plain', 1, 'message.timestamp.type=LogAppendTime', 'message.timestamp.after.max.ms=9223372036854775807');
for my $topic ('removed', 'plain')
{
	publish($topic, 10) if $topic eq 'plain';
	read_topic($topic);
	my $row = $node->query("SELECT o, o.xmin FROM heartbeat_offsets o WHERE topic = '$topic'");
	$node->restart;
	$node->wait_for_state('RUNNING', undef, "the end of $topic is found again");
	is($node->query("SELECT o, o.xmin FROM heartbeat_offsets o WHERE topic = '$topic'"), $row, 'without writing anything');
}
$kafka->configure_topic('plain', 'message.timestamp.type=CreateTime');
$kafka->produce('plain', { value => reading('LATE', 70, reading_time(time)), timestamp => 2**62 });
$node->wait_for_offsets('plain', 11);
is($node->query("SELECT last_message_offset FROM heartbeat_offsets WHERE topic = 'plain'"), 9, 'a time beyond any calendar is none');
$node->restart;
publish('plain', 1);
$node->wait_for_offsets('plain', 12);
$node->query('SELECT heartbeat_pause()');
$node->query('SELECT heartbeat_seek(0, 5)');
is($node->query("SELECT last_message_offset IS NULL FROM heartbeat_offsets WHERE topic = 'plain'"), 't', 'a seek makes no claim about what was read');
$node->query('SELECT heartbeat_resume()');
$node->wait_for_offsets('plain', 12);
is($node->query("SELECT duplicates FROM heartbeat_offsets WHERE topic = 'plain'"), 7, 'and replays what is asked for');
is_stored(103, 'all of it is stored once');
$node->assert_audit;

# Partitions that join are read from their beginning, also what came before they were noticed.
my $properties = $node->data_dir . '/kafka.properties';
PostgreSQL::Test::Utils::append_to_file($properties, "topic.metadata.refresh.interval.ms=500\n");
chmod 0600, $properties;
$node->set('heartbeat.kafka_config_file' => $properties, 'heartbeat.start_offset' => 'latest');
$node->wait_for_state('RUNNING');
$kafka->grow_topic('plain', 3);
publish('plain', 30, 3);
$node->wait_for_offsets('plain', 22, 10, 10);
is_stored(133, 'partitions that join are read from their beginning');

# Another cluster at the same address, while the worker runs, with more messages than were read.
my $first_id = $kafka->cluster_id;
$kafka->stop;
my $second_id = $kafka->format;
$kafka->start;
$kafka->create_topic('plain', 3);
publish('plain', 90, 3);
$node->wait_for_state('FAILED', "are of Kafka cluster $first_id, .* leads to cluster $second_id", 'another cluster is found out');
is_stored(133, 'before anything of it is read');
$node->set('heartbeat.offset_reset' => 'earliest');
$node->wait_for_offsets('plain', 30, 30, 30);
$node->wait_for_state('RUNNING');
is_stored(223, 'with offset_reset = earliest all of it is stored');
is($node->query("SELECT DISTINCT cluster_id FROM heartbeat_offsets WHERE topic = 'plain'"), $second_id, 'the offsets are of that one now');

# A topic of many partitions that was made again, which is found in each of them at once.
$node->set('heartbeat.offset_reset' => 'error');
$kafka->create_topic('many', 40);
publish('many', 80, 40);
read_topic('many');
$node->stop;
make_again('many', 40, 40);
$node->start;
$node->wait_for_state('FAILED', '(?:partition 0 of topic "many" ends at 1|its id is)', 'forty partitions that were made again are found out');
is_stored(223, 'and nothing of them is read');
$node->set('heartbeat.offset_reset' => 'earliest');
$node->wait_for_offsets('many', (1) x 40);
is_stored(263, 'all of it is stored when heartbeat.offset_reset says so');

$node->assert_audit;
$node->assert_no_crash;
$kafka->stop;
done_testing();
