# Workers read several sources on several clusters. Sources are added, changed, paused and dropped while the workers run. If
# the cluster of one source does not answer, the other sources are not delayed.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

use IO::Socket::INET;
use Time::HiRes qw(time usleep);

my $one = Heartbeat::Kafka->new('one');
my $two = Heartbeat::Kafka->new('two');
$_->start for $one, $two;
$one->create_topic('heartbeat-events', 2);
$one->create_topic('ward', 3);
$two->create_topic('watch', 2);
$two->create_topic('strap', 1);
my $node = Heartbeat::Cluster->create('sources', kafka => $one, settings => { 'heartbeat.workers' => 2, 'heartbeat.batch_size' => 500 });
# This broker accepts connections, and never answers.
my $silent = IO::Socket::INET->new(Listen => 50, LocalAddr => '127.0.0.1') or die "no socket: $!";

# The event times of each source are in a different hour, so no two sources have the same reading.
my $now  = int(time);
my %hour = (default => 1, ward => 2, watch => 3, strap => 4);
my %sent;

sub publish
{
	my ($kafka, $source, $topic, $count, $partitions) = @_;
	$kafka->produce($topic, reading_stream($count, $partitions, start => $now - 3600 * $hour{$source}, first => $sent{$source} // 0));
	return $sent{$source} += $count;
}

sub add_source
{
	my ($name, $topic, $brokers) = @_;
	$node->query("INSERT INTO heartbeat_source_definitions (name, topic, brokers, start_offset, offset_reset)
	              VALUES ('$name', '$topic', '$brokers', 'earliest', 'error'); SELECT heartbeat_wake_workers()");
	return;
}

sub counted { my ($source) = @_; return "SELECT sum(records + anomalies) FROM heartbeat_offsets WHERE source = '$source'"; }
sub state_of { my ($source) = @_; return "SELECT state FROM heartbeat_source_status WHERE source = '$source'"; }

publish($one, 'default', 'heartbeat-events', 10_000, 2);
publish($one, 'ward',    'ward',             15_000, 3);
publish($two, 'watch',   'watch',            10_000, 2);
$node->wait_for_query(counted('default'), 10_000, 'the source default is read before another source exists');

# Adds sources.
add_source('silent', 'nothing', '127.0.0.1:' . $silent->sockport);
add_source('ward',   'ward',    $one->brokers);
add_source('watch',  'watch',   $two->brokers);
is($node->query(state_of('silent')), 'CONNECTING', 'a source begins as CONNECTING');
$node->wait_for_query(counted('ward'),  15_000, 'a source that was added is read, without a restart or a reload');
$node->wait_for_query(counted('watch'), 10_000, 'a source of another cluster that was added is read');
$node->wait_for_query('SELECT string_agg(source || state, chr(32) ORDER BY source) FROM heartbeat_source_status',
	'defaultRUNNING silentCONNECTING wardRUNNING watchRUNNING', 'each source has a state of its own');
$node->wait_for_state('CONNECTING', 'source "silent": cannot reach Kafka', 'heartbeat_status shows the most severe state, and names the source');
is($node->query('SELECT source, topic, count(*), sum(lag_messages) FROM heartbeat_partitions GROUP BY 1, 2 ORDER BY 1'),
	"default|heartbeat-events|2|0\nward|ward|3|0\nwatch|watch|2|0", 'heartbeat_partitions shows the partitions of each source');
is($node->query('SELECT count(DISTINCT worker_pid) FROM heartbeat_partitions'), 2, 'both workers read partitions');

# Reasons and hints name the brokers, the file and the topic that a source uses. The log has a line for each source.
$node->query("SELECT heartbeat_add_source('absent', 'absent'), heartbeat_add_source('filed', 'ward', kafka_config_file => '/nowhere'),
	heartbeat_add_source('gone', 'ward', brokers => '127.0.0.1:1'), heartbeat_add_source('gone too', 'ward', brokers => '127.0.0.1:1')");
sub reason_and_hint { my ($source) = @_; return "SELECT reason || ' | ' || hint FROM heartbeat_source_status WHERE source = '$source'"; }
$node->wait_for_query(reason_and_hint('silent'), qr/cannot reach Kafka.*check the source's brokers and the file of heartbeat\.kafka_config_file/, 'the hint names the brokers that the source has');
$node->wait_for_query(reason_and_hint('absent'), qr/topic "absent" does not exist \| Create the topic, or correct the source with heartbeat_alter_source\(\)/, 'the hint names the topic that the source has');
$node->wait_for_query(reason_and_hint('filed'), qr/^cannot read the file in the source's kafka_config_file: .* \| Correct the source/, 'the reason names the file that the source has');
# Each of the two workers logs librdkafka's error _ALL_BROKERS_DOWN once for `gone` and once for `gone too`, so the log must
# have four such lines.
my $told = qr/source "gone(?: too)?": librdkafka: _ALL_BROKERS_DOWN/;
my $until = time + 30;
usleep(100_000) until $node->log_matches($told) >= 4 || time > $until;
is($node->log_matches($told), 4, 'the log has a message of librdkafka for each source, although the messages are the same');
$node->query("SELECT heartbeat_drop_source(name) FROM heartbeat_sources WHERE name IN ('absent', 'filed', 'gone', 'gone too')");

# If the cluster of a source does not answer, the worker still reads the sources of other clusters without a delay.
my $slowest = 0;
for my $i (1 .. 10)
{
	my $begun = time;
	publish($one, 'ward', 'ward', 30, 3);
	$node->poll_query_until('heartbeat', counted('ward') =~ s/sum\((.*)\) FROM/sum($1) = $sent{ward} FROM/r, 't') or die 'readings are missing';
	$slowest = time - $begun if time - $begun > $slowest;
}
cmp_ok($slowest, '<', 3, sprintf 'readings of a source arrive while another source does not answer: %.1f s at most', $slowest);

# When the pause of one source has committed, no worker stores a reading of this source. The workers still read the other
# sources. The source is paused while the test publishes. Then one session resumes the source, and pauses it again after some
# batches. Small batches give the session enough time for this before the worker has stored all messages.
my $before = $sent{watch};
$node->set('heartbeat.batch_size' => 20);
$node->query("SELECT heartbeat_pause('the test publishes', 'watch')");
publish($two, 'watch', 'watch', 30_000, 2);
my ($at_commit) = $node->query(<<"SQL") =~ /(\d+)/;
DO \$\$ BEGIN PERFORM heartbeat_resume('watch'); END \$\$;
BEGIN;
DO \$\$ BEGIN WHILE (@{[ counted('watch') ]}) <= $before + 200 LOOP PERFORM pg_sleep(0.001); END LOOP; END \$\$;
SELECT heartbeat_pause('a test', 'watch');
@{[ counted('watch') ]};
COMMIT;
SQL
cmp_ok($at_commit, '<', $sent{watch}, "the pause comes before all readings of the source are stored, after $at_commit readings");
publish($one, 'default', 'heartbeat-events', 5_000, 2);
$node->wait_for_query(counted('default'), 15_000, 'another source is read during the pause');
is($node->query(counted('watch')), $at_commit, 'no reading of the paused source is stored after the commit');
$node->wait_for_query(state_of('watch'), 'PAUSED', 'the paused source is PAUSED');
is($node->query("SELECT reason FROM heartbeat_source_status WHERE source = 'watch'"), 'a test', 'the paused source shows the reason of the pause');
$node->wait_for_query(state_of('default'), 'RUNNING', 'another source is RUNNING');
$node->set('heartbeat.batch_size' => 500);
$node->query("SELECT heartbeat_resume('watch')");

# A worker is killed while it reads several sources.
publish($one, 'ward', 'ward', 30_000, 3);
$node->wait_for_query(counted('watch') =~ s/sum\((.*)\) FROM/sum($1) > $at_commit FROM/r, 't', 'the source is read again after the pause');
$node->kill_worker('heartbeat worker%');
$node->wait_for_query(counted($_), $sent{$_}, "each reading of the source $_ is stored once although a worker was killed") for qw(default ward watch);

# Changes the topic of a source.
$node->query("SELECT heartbeat_alter_source('watch', topic => 'strap')");
$hour{watch} = $hour{strap};
publish($two, 'watch', 'strap', 2_000, 1);
$node->wait_for_query(counted('watch'), $sent{watch}, 'a source is read from its new topic');
is($node->query("SELECT topic FROM heartbeat_partitions WHERE source = 'watch'"), 'strap', 'heartbeat_partitions shows the new topic');

# The test drops sources while the workers read them.
publish($one, 'ward', 'ward', 60_000, 3);
$node->wait_for_query(counted('ward') =~ s/sum\((.*)\) FROM/sum($1) > 47000 FROM/r, 't', 'the source is being read when it is dropped');
my $position = $node->log_position;
my ($kept)   = $node->query(<<'SQL') =~ /(\d+)/;
BEGIN;
SELECT heartbeat_lock_source(source_id) FROM heartbeat_source_definitions WHERE name = 'ward';
SELECT sum(records + anomalies) FROM heartbeat_offsets WHERE source = 'ward';
SELECT heartbeat_drop_source('ward'), heartbeat_drop_source('silent');
COMMIT;
SQL
$node->wait_for_state('RUNNING', undef, 'the state no longer shows the source that does not answer');
publish($two, 'watch', 'strap', 1_000, 1);
$node->wait_for_query(counted('watch'), $sent{watch}, 'the other sources are read');
is($node->query("SELECT count(*) FROM heartbeat_offsets WHERE source = 'ward'"), 0, 'no worker stores an offset of the dropped source');
is( $node->query(sprintf "SELECT count(*) FROM (SELECT event_timestamp FROM heartbeat_records UNION ALL SELECT event_timestamp FROM heartbeat_anomalies) r
		WHERE event_timestamp >= to_timestamp(%d) AND event_timestamp < to_timestamp(%d)", $now - 7200, $now - 3600),
	$kept, 'no worker stores a reading of the dropped source, and the readings from before the drop stay');
is($node->query('SELECT count(*) FROM heartbeat_source_status'), 2, 'heartbeat_source_status has only the sources that were not dropped');
is($node->log_matches(qr/WARNING|ERROR/, $position), 0, 'no worker logs an error or a warning because of the drop');

# Each source has a mapping and a format of its own. If the installed version of heartbeat does not support the format of a
# source, this source fails, and the other sources continue.
$two->create_topic('layout', 1);
$two->produce('layout', map { { value => qq({"who":"P-$_","beats":[{"bpm":7$_,"at":$now},{"bpm":8$_,"at":@{[ $now + 1 ]}}]}) } } 1 .. 3);
$node->query(sprintf q{INSERT INTO heartbeat_source_definitions (name, topic, brokers, start_offset, offset_reset, mapping, format)
	SELECT name, 'layout', '%s', 'earliest', 'error', '{"each": "/beats", "customer_id": "/who", "heart_rate": "each/bpm",
		"event_timestamp": {"at": "each/at", "unit": "s"}}', format
	FROM (VALUES ('mapped', NULL), ('later', 'papyrus')) s (name, format); SELECT heartbeat_wake_workers()}, $two->brokers);
$node->wait_for_query('SELECT count(*), min(heart_rate), max(heart_rate) FROM heartbeat_records WHERE customer_id LIKE $$P-%$$', '6|71|83', 'the mapping of a source reads its messages');
$node->wait_for_query(q{SELECT state, reason FROM heartbeat_source_status WHERE source = 'later'}, 'FAILED|this version cannot read the format "papyrus"', 'a source with an unknown format has FAILED');
$node->query(q{DELETE FROM heartbeat_source_definitions WHERE name IN ('mapped', 'later'); SELECT heartbeat_wake_workers()});

# Without any source the workers wait.
$node->query("UPDATE heartbeat_source_definitions SET dropped_at = now(), revision = revision + 1 WHERE name = 'default';
	DELETE FROM heartbeat_source_definitions WHERE name = 'watch'; SELECT heartbeat_wake_workers()");
$node->wait_for_state('STOPPED', 'heartbeat has no source', 'the state says that there is no source');
add_source('watch', 'strap', $two->brokers);
$node->wait_for_state('RUNNING', undef, 'the workers read a source that is added later');

# Shared memory has room only for heartbeat.max_sources sources.
$node->append_conf('postgresql.conf', "heartbeat.max_sources = 2\n");
add_source('second', 'ward', $one->brokers);
add_source('third',  'ward', $one->brokers);
$node->restart;
$node->wait_for_state('FAILED', 'heartbeat.max_sources \(2\) is reached: heartbeat does not read source "third" and later sources', 'the state says that sources have no room');
$node->wait_for_query(state_of('second'), 'RUNNING', 'the sources that have room are read');

$node->assert_no_crash;
done_testing;
