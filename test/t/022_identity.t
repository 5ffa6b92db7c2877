# The worker must notice three changes: a topic is recreated with the same name, another cluster is at the same address, or
# Kafka has removed unread messages. After such a change the worker stops as FAILED, or follows heartbeat.offset_reset. The
# worker also reads Kafka partitions that are added later.

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

my $unread = 0;    # the number of messages that Kafka removed before the worker read them
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

# While the server is down, the topic is recreated with more messages than the worker had read. So the new topic has messages at
# the stored offsets. These messages differ from the messages of the old topic.
$kafka->create_topic('again', 2);
publish('again', 10, 2);
$node->wait_for_offsets('again', 5, 5);
$node->stop;
make_again('again', 40, 2);
$node->start;
$node->wait_for_state('FAILED', '(?:offset 4 of partition \d of topic "again" holds another message|its id is)',
	'the worker is FAILED when the topic was recreated while the server was down, with more messages');
is_stored(10, 'the worker reads nothing of the recreated topic at the old offsets');
$node->restart;
$node->wait_for_state('FAILED', '(?:another message|its id is)', 'the worker is FAILED again after a restart');
$node->set('heartbeat.offset_reset' => 'earliest');
$node->wait_for_offsets('again', 20, 20);
$node->wait_for_state('RUNNING');
is_stored(50, 'with heartbeat.offset_reset = earliest the worker stores all messages of the recreated topic');
$node->assert_audit;

# While the worker is PAUSED, the topic is recreated with as many messages as the worker had read. With offset_reset = latest
# the worker skips all messages of the recreated topic.
$node->set('heartbeat.offset_reset' => 'error');
$node->wait_for_state('RUNNING');
$node->query('SELECT heartbeat_pause()');
$node->wait_for_state('PAUSED');
make_again('again', 40, 2);
$node->query('SELECT heartbeat_resume()');
$node->wait_for_state('FAILED', '(?:another message|its id is|was (?:probably )?deleted)', 'the worker is FAILED when the topic was recreated during a pause, with as many messages');
$node->set('heartbeat.offset_reset' => 'latest');
$node->wait_for_state('RUNNING');
is_gap('again', '0:0-20 1:0-20', 'with heartbeat.offset_reset = latest heartbeat_gaps records all messages of the recreated topic');
publish('again', 10, 2);
$node->wait_for_offsets('again', 25, 25);
is_stored(60, 'the worker stores the messages after this gap');
$node->assert_audit;

# While the server is down, the topic is recreated with fewer messages than the worker had read.
$node->set('heartbeat.offset_reset' => 'error');
$node->stop;
make_again('again', 10, 2);
$node->start;
$node->wait_for_state('FAILED', '(?:partition 0 of topic "again" ends at offset 5,|its id is)', 'the worker is FAILED when the recreated topic has fewer messages');
$node->query('SELECT heartbeat_pause()');
$node->query('SELECT heartbeat_seek(p, 0) FROM generate_series(0, 1) p');
$node->query('SELECT heartbeat_resume()');
$node->wait_for_offsets('again', 5, 5);
$node->wait_for_state('RUNNING');
is_stored(70, 'after a seek the worker stores all messages of the recreated topic');
$node->assert_audit;

# The topic is recreated while SIGSTOP stops the worker. The new topic has more Kafka partitions, and fewer messages in each of
# them. When the worker runs again, the new topic already exists. So the worker never sees that the topic was missing.
my ($worker) = $node->worker_pids('heartbeat worker%');
kill('STOP', $worker) or die "kill $worker: $!";
make_again('again', 10, 5);
kill('CONT', $worker) or die "kill $worker: $!";
$node->wait_for_state('FAILED', '(?:ends at offset 2,|its id is|was (?:probably )?deleted)',
	'the worker is FAILED when the topic was recreated with more Kafka partitions while a signal had stopped the worker');
is_stored(70, 'the worker reads nothing of the recreated topic, also not of the Kafka partitions that the old topic did not have');
$node->query('SELECT heartbeat_pause()');
$node->query('SELECT heartbeat_seek(p, 0) FROM generate_series(0, 1) p');
$node->query('SELECT heartbeat_resume()');
$node->wait_for_offsets('again', (2) x 5);
$node->wait_for_state('RUNNING');
is_stored(80, 'after a seek the worker stores the messages of all Kafka partitions of the recreated topic');
$node->assert_audit;

# Kafka can remove messages before the worker has read them, for example when its retention ends. The test removes such
# messages while SIGSTOP stops the worker, while the worker is PAUSED, and while the server is down.
$kafka->create_topic('removed', 1);
publish('removed', 10);
read_topic('removed');
($worker) = $node->worker_pids('heartbeat worker%');
kill('STOP', $worker) or die "kill $worker: $!";
publish('removed', 1);    # if a fetch of the worker still waits in Kafka, Kafka answers this fetch with this message
publish('removed', 9);
$kafka->truncate('removed', 0, 15);
kill('CONT', $worker) or die "kill $worker: $!";
$node->wait_for_state('FAILED', 'no longer holds offset 1[01] of partition 0 of topic "removed": the partition begins at offset 15',
	'the worker is FAILED when messages were removed while a signal had stopped the worker');
my $lost = $node->query("SELECT next_offset FROM heartbeat_offsets WHERE topic = 'removed'");
$unread = 11 - $lost;
is_stored(91, 'the worker reads no message after the removed messages');
$node->set('heartbeat.offset_reset' => 'earliest');
$node->wait_for_offsets('removed', 20);
is_gap('removed', "0:$lost-15", 'heartbeat_gaps records the gap when heartbeat.offset_reset = earliest');
is_stored(96, 'the worker stores the messages after the gap');

$node->set('heartbeat.offset_reset' => 'error');
$node->wait_for_state('RUNNING');
$node->query('SELECT heartbeat_pause()');
$node->wait_for_state('PAUSED');
publish('removed', 10);
$kafka->truncate('removed', 0, 21);
$node->query('SELECT heartbeat_resume()');
$node->wait_for_state('FAILED', 'no longer holds offset 20 .* begins at offset 21', 'the worker is FAILED when messages were removed during a pause, even if only one message was removed');
$node->stop;
$kafka->truncate('removed', 0, 25);
$node->start;
$node->wait_for_state('FAILED', 'no longer holds offset 20 .* begins at offset 25', 'the worker is FAILED when messages were removed while the server was down');
$node->set('heartbeat.offset_reset' => 'latest');
$node->wait_for_offsets('removed', 30);
is_gap('removed', "0:$lost-15 0:20-30", 'heartbeat_gaps records the gap when heartbeat.offset_reset = latest');
is_stored(96, 'the worker stores nothing of this gap');
$node->assert_audit;
$node->set('heartbeat.offset_reset' => 'error');

# The two topics below were not recreated, so after a restart the worker must stay RUNNING. In the topic `removed`, Kafka no
# longer has the last consumed message. In the topic `plain`, the last consumed message still exists with the same timestamp.
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
	$node->wait_for_state('RUNNING', undef, "the worker is RUNNING at the end of $topic after a restart");
	is($node->query("SELECT o, o.xmin FROM heartbeat_offsets o WHERE topic = '$topic'"), $row, "the worker writes nothing to heartbeat_offsets for $topic");
}
$kafka->configure_topic('plain', 'message.timestamp.type=CreateTime');
$kafka->produce('plain', { value => reading('LATE', 70, reading_time(time)), timestamp => 2**62 });
$node->wait_for_offsets('plain', 11);
is($node->query("SELECT last_message_offset FROM heartbeat_offsets WHERE topic = 'plain'"), 9, 'a timestamp outside PostgreSQL\'s range is not recorded as the last consumed message');
$node->restart;
publish('plain', 1);
$node->wait_for_offsets('plain', 12);
$node->query('SELECT heartbeat_pause()');
$node->query('SELECT heartbeat_seek(0, 5)');
is($node->query("SELECT last_message_offset IS NULL FROM heartbeat_offsets WHERE topic = 'plain'"), 't', 'a seek clears the last consumed message');
$node->query('SELECT heartbeat_resume()');
$node->wait_for_offsets('plain', 12);
is($node->query("SELECT duplicates FROM heartbeat_offsets WHERE topic = 'plain'"), 7, 'the worker replays the messages from the offset of the seek');
is_stored(113, 'a replay stores each reading once');
$node->assert_audit;

# The worker reads added Kafka partitions from their first offset, even if heartbeat.start_offset is latest. So the worker
# also reads messages that were published before the worker noticed the partitions.
my $properties = $node->data_dir . '/kafka.properties';
PostgreSQL::Test::Utils::append_to_file($properties, "topic.metadata.refresh.interval.ms=500\n");
chmod 0600, $properties;
$node->set('heartbeat.kafka_config_file' => $properties, 'heartbeat.start_offset' => 'latest');
$node->wait_for_state('RUNNING');
$kafka->grow_topic('plain', 3);
publish('plain', 30, 3);
$node->wait_for_offsets('plain', 22, 10, 10);
is_stored(143, 'the worker reads added Kafka partitions from their beginning');

# While the worker runs, another cluster takes the address of the first cluster. The topic of the other cluster has more
# messages than the worker had read.
my $first_id = $kafka->cluster_id;
$kafka->stop;
my $second_id = $kafka->format;
$kafka->start;
$kafka->create_topic('plain', 3);
publish('plain', 90, 3);
$node->wait_for_state('FAILED', "belong to Kafka cluster $first_id, but the cluster of heartbeat.brokers is $second_id", 'the worker is FAILED when another cluster is at the address');
is_stored(143, 'the worker reads nothing of the other cluster');
$node->set('heartbeat.offset_reset' => 'earliest');
$node->wait_for_offsets('plain', 30, 30, 30);
$node->wait_for_state('RUNNING');
is_stored(233, 'with heartbeat.offset_reset = earliest the worker stores all messages of the other cluster');
is($node->query("SELECT DISTINCT cluster_id FROM heartbeat_offsets WHERE topic = 'plain'"), $second_id, 'heartbeat_offsets has the id of the other cluster');

# A topic with forty Kafka partitions is recreated. The worker detects all forty recreated partitions at the same time.
$node->set('heartbeat.offset_reset' => 'error');
$kafka->create_topic('many', 40);
publish('many', 80, 40);
read_topic('many');
$node->stop;
make_again('many', 40, 40);
$node->start;
$node->wait_for_state('FAILED', '(?:partition 0 of topic "many" ends at offset 1,|its id is)', 'the worker is FAILED when a topic with forty Kafka partitions was recreated');
is_stored(233, 'the worker reads nothing of the forty Kafka partitions');
$node->set('heartbeat.offset_reset' => 'earliest');
$node->wait_for_offsets('many', (1) x 40);
is_stored(273, 'with heartbeat.offset_reset = earliest the worker stores all messages of the forty Kafka partitions');

$node->assert_audit;
$node->assert_no_crash;
$kafka->stop;
done_testing();
