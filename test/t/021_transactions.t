# Some offsets have no message for a consumer: transaction markers, aborted messages, compacted offsets, gaps. The worker
# passes these offsets and counts each of them as an empty offset, so heartbeat_audit() shows no difference. The worker stores
# nothing of an aborted transaction.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

my $kafka = Heartbeat::Kafka->new('transactions', 'log.cleaner.backoff.ms' => 200, 'log.cleaner.threads' => 1);
$kafka->start;
$kafka->create_topic('heartbeat-events', 2);
my $node = Heartbeat::Cluster->create('transactions', kafka => $kafka);
my $properties = $node->data_dir . '/kafka.properties';
append_to_file($properties, "topic.metadata.refresh.interval.ms=500\n");
chmod 0600, $properties;
$node->set('heartbeat.kafka_config_file' => $properties);
my $stored = 'SELECT (SELECT count(*) FROM heartbeat_records) + (SELECT count(*) FROM heartbeat_anomalies)';

my $published = 0;

# Returns readings that have not been published before. The function spreads the readings evenly over the partitions.
sub readings
{
	my ($count, $partitions) = @_;
	my @readings = reading_stream($count, $partitions // 2, first => $published);
	$published += $count;
	return @readings;
}

sub wait_for_end
{
	my ($topic) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$node->wait_for_offsets($topic, $kafka->end_offsets($topic));
	$node->wait_for_query('SELECT lag_messages FROM heartbeat_status', 0, "the lag is 0 at the end of $topic");
	return;
}

sub count_empty { my ($topic) = @_; return "SELECT string_agg(empty_offsets::text, ' ' ORDER BY partition) FROM heartbeat_offsets WHERE topic = '$topic'"; }
sub empty_offsets { my ($topic) = @_; return $node->query(count_empty($topic)); }

# After a commit, an abort and another commit, each partition has 3 markers and 10 aborted messages. The offsets of markers and
# aborted messages are empty offsets.
$kafka->produce_transaction('heartbeat-events', 'commit', readings(20));
$kafka->produce_transaction('heartbeat-events', 'abort',  readings(20));
$kafka->produce_transaction('heartbeat-events', 'commit', readings(20));
wait_for_end('heartbeat-events');
is($node->query($stored), 40, 'the worker stores all committed messages and no aborted message');
is(empty_offsets('heartbeat-events'), '13 13', 'the markers and the aborted messages count as empty offsets');
$node->assert_audit;

# One of the two partitions ends with an aborted transaction.
$kafka->produce_transaction('heartbeat-events', 'abort', map { { %$_, partition => 1 } } readings(7));
# first wait until the worker has passed the abort, because Kafka can report the old end offset for a moment
$node->wait_for_query(count_empty('heartbeat-events'), '13 21', 'the worker passes an abort at the end of a partition');
wait_for_end('heartbeat-events');
is($node->query($stored), 40, 'the worker stores nothing of this transaction');
$node->assert_audit;

# While a transaction is open in a Kafka partition, Kafka delivers no later message of this partition to the worker. This is
# also true for a message that another producer publishes without a transaction.
for my $outcome ('commit', 'abort')
{
	my $before   = $node->query($stored);
	my @held     = $node->query('SELECT next_offset FROM heartbeat_offsets WHERE partition = 0');
	my @options  = ('--transaction', "open-$outcome", '-X', 'linger.ms=0');
	my $producer = $kafka->producer('heartbeat-events', @options, $outcome eq 'abort' ? '--abort' : ());
	$producer->send(map { { %$_, partition => 0 } } readings(5));
	my $deadline = time + 60;
	my $end      = 0;
	until ($end > $held[0] or time > $deadline)
	{
		# Kafka's own tool shows an end offset that includes uncommitted messages
		($end) = $kafka->tool('offsets', '--topic', 'heartbeat-events') =~ /^heartbeat-events:0:(\d+)/m;
	}
	cmp_ok($end, '>', $held[0], 'the open transaction has messages in the partition');
	$kafka->produce('heartbeat-events', map { { %$_, partition => 0 } } readings(5));
	$kafka->produce('heartbeat-events', map { { %$_, partition => 1 } } readings(3));
	$node->wait_for_query($stored, $before + 3, 'the worker stores messages of another partition meanwhile');
	is($node->query('SELECT next_offset FROM heartbeat_offsets WHERE partition = 0'), $held[0], 'the worker waits before the open transaction');
	$node->wait_for_query('SELECT lag_messages FROM heartbeat_partitions WHERE partition = 0', 10, 'heartbeat_partitions shows the lag of this partition');
	$node->restart if $outcome eq 'abort';
	$producer->finish;
	wait_for_end('heartbeat-events');
	is($node->query($stored), $before + ($outcome eq 'commit' ? 13 : 8), "after the $outcome the worker stores exactly the messages that count");
	$node->assert_audit;
}
is(empty_offsets('heartbeat-events'), '20 21', 'the two markers and the five aborted messages count as empty offsets');

# After a restart the worker checks the last consumed message of each partition. In this partition only markers and aborted
# messages come after this message. The worker has already counted their offsets as empty offsets, and must not count them
# again.
my $row = $node->query('SELECT o, o.xmin FROM heartbeat_offsets o WHERE partition = 1');
$node->restart;
$node->wait_for_state('RUNNING');
wait_for_end('heartbeat-events');
is($node->query('SELECT o, o.xmin FROM heartbeat_offsets o WHERE partition = 1'), $row, 'a restart counts no offset a second time');

# After a seek to offset 0 the worker reads the whole topic again. The worker counts the same empty offsets again, and counts
# each stored reading as a duplicate.
my $before = $node->query($stored);
$node->query('SELECT heartbeat_pause()');
$node->query('SELECT heartbeat_seek(p, 0) FROM generate_series(0, 1) p');
$node->query('SELECT heartbeat_resume()');
wait_for_end('heartbeat-events');
is(empty_offsets('heartbeat-events'), '40 42', 'a replay counts the same empty offsets again');
is($node->query($stored), $before, 'a replay stores no reading again, and no aborted message');
is($node->query('SELECT sum(duplicates) FROM heartbeat_offsets'), $before, 'a replay counts each stored reading as a duplicate');
$node->assert_audit;

# Each topic has 600 messages with only 3 keys, so compaction removes most of them. The worker reads the topic `compacted`
# before and after its compaction, and the topic `compacted-unread` only after its compaction.
my @compacting = qw(cleanup.policy=compact segment.ms=100 min.cleanable.dirty.ratio=0.01 delete.retention.ms=0
  min.compaction.lag.ms=0 max.compaction.lag.ms=100);
$kafka->create_topic($_, 1, @compacting) for 'compacted', 'compacted-unread';
for my $topic ('compacted', 'compacted-unread')
{
	my $nth = 0;
	$kafka->produce($topic, map { { %$_, key => 'key ' . $nth++ % 3 } } readings(600, 1));
}
$node->set('heartbeat.topic' => 'compacted');
wait_for_end('compacted');
is(empty_offsets('compacted'), 0, 'a topic that is not compacted yet has no empty offset');
for my $topic ('compacted', 'compacted-unread')
{
	# Kafka compacts only the older segments, and starts a new segment only when a later message arrives. So
	# wait_for_compaction() publishes more messages.
	my $messages = $kafka->wait_for_compaction($topic, 20, sub { $kafka->produce($topic, map { { %$_, key => 'roll' } } readings(1, 1)) });
	cmp_ok($messages, '<=', 20, "$topic is compacted: $messages messages remain");
}
wait_for_end('compacted');
cmp_ok($node->query("SELECT records + anomalies FROM heartbeat_offsets WHERE topic = 'compacted'"),
	'>', 600, 'compaction does not change the counters of messages that were read before the compaction');
$node->restart;
$node->wait_for_state('RUNNING', undef, 'the worker is RUNNING after a restart, although compaction may have removed the last consumed message');
$kafka->produce('compacted', readings(1, 1));
wait_for_end('compacted');
$node->assert_audit;

$node->set('heartbeat.topic' => 'compacted-unread');
wait_for_end('compacted-unread');
my $counted = $node->query("SELECT records + anomalies + duplicates || ' ' || next_offset FROM heartbeat_offsets WHERE topic = 'compacted-unread'");
my ($messages, $end) = split / /, $counted;
cmp_ok($messages, '<=', 30, "of $end offsets in a compacted topic, $messages have a message");
is(empty_offsets('compacted-unread'), $end - $messages, 'the other offsets count as empty');
$node->assert_audit;
$node->set('heartbeat.topic' => 'compacted');
$node->query('SELECT heartbeat_pause()');
$node->query('SELECT heartbeat_seek(0, 0)');
$node->query('SELECT heartbeat_resume()');
wait_for_end('compacted');
cmp_ok(empty_offsets('compacted'), '>', 500, 'a replay passes the offsets that compaction has removed');

# If a seek skips offsets, heartbeat counts the skipped offsets as empty offsets.
$before = empty_offsets('compacted');
$kafka->produce('compacted', readings(4, 1));
wait_for_end('compacted');
my ($end_offset) = $kafka->end_offsets('compacted');
$node->query('SELECT heartbeat_pause()');
$kafka->produce('compacted', readings(5, 1));
$node->query("SELECT heartbeat_seek(0, $end_offset + 2)");
$node->query('SELECT heartbeat_resume()');
wait_for_end('compacted');
is(empty_offsets('compacted'), $before + 2, 'the offsets of a gap count as empty offsets');
is($node->query("SELECT from_offset || '-' || to_offset FROM heartbeat_gaps"), "$end_offset-" . ($end_offset + 2), 'heartbeat_gaps records the gap');
$node->assert_audit;

# heartbeat_audit_tables() compares the counters in heartbeat_offsets with the rows. A user who changes rows does not change the
# counters, so the function shows the changes.
for my $case (
	[ 'all rows are there',        'SELECT',                                                                        '0 0 0' ],
	[ 'a row was deleted',         'DELETE FROM heartbeat_records WHERE id = (SELECT min(id) FROM heartbeat_records)', '-1 0 0' ],
	[ 'a row was added',           q(INSERT INTO heartbeat_anomalies VALUES (0, 'X', 200, now(), now(), 'TACHYCARDIA')), '0 1 0' ],
	[ 'a dead letter was added',   q(INSERT INTO heartbeat_dead_letters (topic, partition, "offset", error_code, error_text) VALUES ('x', 0, 0, '', '')), '0 0 1' ])
{
	my ($what, $statement, $expected) = @$case;
	like($node->query("BEGIN; $statement; SELECT string_agg(difference::text, ' ') FROM heartbeat_audit_tables(); ROLLBACK"),
		qr/^\s*\Q$expected\E$/, "heartbeat_audit_tables() shows that $what");
}

# If the properties file sets isolation.level, the worker is FAILED, because this property would make the worker read
# uncommitted messages.
PostgreSQL::Test::Utils::append_to_file($properties, "isolation.level=read_uncommitted\n");
chmod 0600, $properties;
$node->set('heartbeat.kafka_config_file' => $properties);
$node->wait_for_state('FAILED', 'isolation\.level.*heartbeat sets itself', 'the error for isolation.level names the property');

$node->assert_no_crash;
$kafka->stop;
done_testing();
