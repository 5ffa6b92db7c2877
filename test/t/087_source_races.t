# One session uses a source while another session pauses, resumes or drops this source. When both sessions have ended their
# transactions, the counters must equal the rows in the tables. The test also checks mappings in a database whose encoding is
# not UTF-8, and the memory of a source without new messages.

use strict;
use warnings;
use utf8;

use FindBin;
use lib "$FindBin::RealBin/lib";
use Test::More;
use Time::HiRes qw(usleep);
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

my $kafka = Heartbeat::Kafka->new('races');
$kafka->start;
$kafka->create_topic($_, 1) for qw(heartbeat-events ward size);
my $node = Heartbeat::Cluster->create('races', kafka => $kafka, encoding => 'LATIN1', locale => 'C', settings => { 'heartbeat.workers' => 1 });
my $now = int(time);

sub passed { my ($source) = @_; return "SELECT coalesce(sum(next_offset), 0) FROM heartbeat_offsets WHERE source = '$source'"; }

sub assert_exact
{
	my ($what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return is($node->query('SELECT count(*) FROM heartbeat_audit_tables() WHERE difference <> 0'), 0, "$what: the tables agree with the counters");
}

# Begins the second statement while the transaction of the first statement is open. When the second statement waits, commits
# this transaction. Returns the errors of the second statement.
sub race
{
	my ($first, $second, $what) = @_;
	my ($one, $two) = map { $node->background_psql('heartbeat', on_error_stop => 0) } 1 .. 2;
	$one->query_safe($_) for 'BEGIN', $first;
	$two->query_until(qr/begun/, "\\echo begun\n$second;\n\\echo ended\n");
	$node->wait_for_query("SELECT count(*) > 0 FROM pg_stat_activity WHERE datname = 'heartbeat' AND wait_event_type = 'Lock' AND backend_type = 'client backend'",
		't', "$what: the second session waits");
	$one->query_safe('COMMIT');
	$two->query_until(qr/ended/, '');
	$_->quit for $one, $two;
	return $two->{stderr};
}

# Tests a mapping with characters beyond ASCII, in a database whose encoding is not UTF-8.
my $mapping = '{"customer_id": "/größe", "heart_rate": "/hr", "event_timestamp": {"at": "/at", "unit": "s"}}';
utf8::encode($mapping);
$node->query("SET client_encoding = 'UTF8'; SELECT heartbeat_add_source('size', 'size', '$mapping')");
my @sized = map { sprintf '{"größe": "G%d", "hr": 70, "at": %d}', $_, $now - 7200 } 1 .. 20;
utf8::encode($_) for @sized;
$kafka->produce('size', map { { value => $_ } } @sized);
$node->wait_for_query("SELECT count(*) FROM heartbeat_records WHERE customer_id LIKE 'G%'", 20, 'a mapping with a name beyond ASCII reads its messages in a LATIN1 database');

# Adds the source `ward` without a mapping, and waits until the worker has read the messages of this source. Without the mapping
# $flat the worker cannot decode the messages, so the messages become dead letters. Later sessions retry and delete these dead
# letters.
sub add_ward
{
	my ($letters) = @_;
	$node->query("SELECT heartbeat_add_source('ward', 'ward')");
	$node->wait_for_query(passed('ward'), $letters, 'the source is read');
	return;
}
my $flat = q({"customer_id": "/who", "heart_rate": "/hr", "event_timestamp": {"at": "/at", "unit": "s"}});
$kafka->produce('ward', map { { value => sprintf '{"who": "W%d", "hr": 70, "at": %d}', $_, $now - 3600 + $_ } } 1 .. 40);
add_ward(40);
$node->query("SELECT heartbeat_alter_source('ward', mapping => '$flat')");

race("SELECT * FROM heartbeat_retry_dead_letters(ids => ARRAY(SELECT id FROM heartbeat_dead_letters ORDER BY id LIMIT 10))", "SELECT heartbeat_drop_source('ward')", 'a drop during a retry');
is($node->count(q{heartbeat_records WHERE customer_id LIKE 'W%'}), 10, 'the retry has stored readings');
assert_exact('after a drop that began during a retry');

# The new source `ward` begins at the first offset of its topic, so the worker reads the messages again.
add_ward(40);
$node->query("SELECT heartbeat_alter_source('ward', mapping => '$flat')");
race('DELETE FROM heartbeat_dead_letters WHERE id IN (SELECT max(id) FROM heartbeat_dead_letters)', "SELECT heartbeat_drop_source('ward')", 'a drop during a DELETE of dead letters');
assert_exact('after a drop that began during a DELETE of dead letters');

add_ward(40);
race("SELECT * FROM heartbeat_replay('2020-01-01', now() + interval '1 hour', source => 'ward')", "SELECT heartbeat_drop_source('ward')", 'a drop during a replay');
assert_exact('after a drop that began during a replay');

# The source `ward` is dropped, but its dead letters remain. A later source has the same name, and the workers have not read its
# topic yet. A retry of the old dead letters must still change the counters of the dropped source.
$node->query("SELECT heartbeat_pause('before the topic is read'); SELECT heartbeat_add_source('ward', 'ward', '$flat')");
cmp_ok($node->query("SELECT resolved FROM heartbeat_retry_dead_letters(source => 'ward')"), '>', 0, 'a retry stores dead letters of the dropped source with the mapping of a later source of the same name');
assert_exact('after a retry of dead letters of a dropped source');
$node->query('SELECT heartbeat_resume()');
$node->wait_for_query(passed('ward'), 40, 'the later source is read');
assert_exact('after the later source was read');

# A drop of a source removes the pause of this source, and a pause after the drop fails.
like(race("SELECT heartbeat_drop_source('ward')", "SELECT heartbeat_pause('late', 'ward')", 'a pause during a drop'), qr/there is no source "ward"/, 'a pause of a source that is being dropped fails');
is($node->count(q{heartbeat_control WHERE source = 'ward'}), 0, 'the failed pause leaves no row, which would pause a later source');
add_ward(40);
race("SELECT heartbeat_pause('first', 'ward')", "SELECT heartbeat_drop_source('ward')", 'a drop during a pause');
is($node->count(q{heartbeat_control WHERE source = 'ward'}), 0, 'a drop removes a pause that it has waited for');

# The source is paused, and a transaction with a seek is open. Until this transaction commits, heartbeat_resume() in other
# sessions must wait: the worker of an idle topic would otherwise continue at the old offset.
add_ward(40);
$node->query("SELECT heartbeat_alter_source('ward', mapping => '$flat')");
$node->query("SELECT heartbeat_pause(NULL, 'ward')");
race("SELECT * FROM heartbeat_seek(0, 10, 'ward')", "SELECT heartbeat_resume('ward')", 'a resume during a seek');
$node->wait_for_query("SELECT rewound, messages, next_offset FROM heartbeat_offsets WHERE source = 'ward'", '30|70|40', 'the worker reads an idle topic again from the new offset');

# The source `default` can have its own topic, layout and cluster instead of heartbeat.topic, heartbeat's own layout and
# heartbeat.brokers. Seek and replay use the topic, layout and cluster of the source.
$node->query("SELECT heartbeat_pause(); SELECT heartbeat_drop_source('ward'); SELECT heartbeat_alter_source('default', 'ward', '$flat')");
is($node->query('SELECT topic, new_offset FROM heartbeat_seek(0, 0)'), 'ward|0', 'a seek of the source default moves the offset in the topic of this source');
like($node->query_error('SELECT * FROM heartbeat_seek(0, 41)'), qr/Kafka does not hold offset 41 of partition 0 of topic "ward"/, 'a seek of the source default asks Kafka for the topic of this source');
$node->query('SELECT heartbeat_resume()');
$node->wait_for_query(passed('default'), 40, 'the source default reads its topic');
$node->query("DELETE FROM heartbeat_records WHERE customer_id LIKE 'W%'");
is($node->query("SELECT messages, records, dead_letters FROM heartbeat_replay('2020-01-01', now() + interval '1 hour', 0)"), '40|40|0', 'a replay of the source default decodes by its mapping');
$node->query("SELECT heartbeat_alter_source('default', brokers => '127.0.0.1:1')");
like($node->query_error("SELECT * FROM heartbeat_replay('2020-01-01', now() + interval '1 hour', 0)"), qr/Kafka|127\.0\.0\.1:1/, 'a replay of the source default asks the cluster of this source');
$node->query("SELECT heartbeat_alter_source('default', '', 'null', brokers => '')");

# A replay of all sources replays only the sources whose clusters answer.
$node->query("SELECT heartbeat_add_source('away', 'ward', brokers => '127.0.0.1:1'), heartbeat_add_source('away too', 'ward', brokers => '127.0.0.1:1')");
my $all = "FROM heartbeat_replay('2020-01-01', now() + interval '1 hour')";
$node->wait_for_query("SELECT count(*) FROM heartbeat_offsets WHERE topic = 'heartbeat-events'", 1, 'the source default reads its topic');
my ($status, $rows, $warnings) = $node->psql('heartbeat', "SELECT source_name, messages IS NOT NULL, error $all ORDER BY 1");
like($rows, qr/^away\|f\|cannot ask Kafka .*127\.0\.0\.1:1.*\naway too\|f\|cannot ask.*\ndefault\|t\|\nsize\|t\|$/, 'a replay of all sources does not fail because the clusters of two sources do not answer');
like($warnings, qr/WARNING:  source "away too" is not replayed: cannot ask Kafka.*source => 'away too'/s, 'a warning names each of these sources');
$node->query("SELECT heartbeat_drop_source('away'), heartbeat_drop_source('away too')");
assert_exact('after a replay of the sources that answer');

# While a session changes one source in a transaction that stays open, only this source waits.
add_ward(40);
my $next_default = $node->query(passed('default'));
for my $change ("heartbeat_pause(NULL, 'ward')", "heartbeat_resume('ward')", "heartbeat_alter_source('ward', start_offset => 'latest')",
	"heartbeat_add_source('other', 'ward')", "heartbeat_drop_source('ward')")
{
	my $before = $node->query(passed('ward'));
	my $holder = $node->background_psql('heartbeat');
	$holder->query_safe($_) for 'BEGIN', "SELECT $change";
	$kafka->produce('ward', { value => sprintf '{"customer_id":"W9","heart_rate":70,"event_timestamp":"%s"}', reading_time($now - 7000 - $before) });
	$kafka->produce('heartbeat-events', { value => reading('D9', 70, reading_time($now - 7000 - ++$next_default)) });
	my $begun = time;
	$node->wait_for_query(passed('default'), $next_default, "during $change another source is read");
	cmp_ok(time - $begun, '<', 5, "during $change another source does not wait for a lock");
	if ($change =~ /alter|pause/)
	{
		$node->wait_for_query("SELECT state, reason FROM heartbeat_source_status WHERE source = 'ward'",
			qr/^RETRYING\|canceling statement due to lock timeout: process \d+ \(.*idle in transaction.*\) holds a lock on the source$/,
			'the state of the source names the session');
		is($node->query(passed('ward')), $before, 'the source stores nothing meanwhile');
	}
	$holder->query_safe('ROLLBACK');
	$holder->quit;
	$node->wait_for_query(passed('ward'), $before + 1, 'the source is read when the transaction has ended');
}

# When a source has no new messages, the worker frees the memory of the source's batches.
sub anonymous_kb
{
	my $pid = $node->worker_pid('heartbeat worker%');
	open my $file, '<', "/proc/$pid/status" or return;
	return (map { /^RssAnon:\s+(\d+)/ ? $1 : () } <$file>)[0];
}
$kafka->produce('heartbeat-events', reading_stream(60_000, 1, start => $now - 3600 * 9));
$node->wait_for_query("SELECT next_offset FROM heartbeat_offsets WHERE topic = 'heartbeat-events'", 60_005, 'a backlog is read');
my $full     = anonymous_kb();
my $deadline = time + 60;
my $rests;
usleep(100_000) until ($rests = anonymous_kb()) < $full - 3000 or time > $deadline;
cmp_ok($rests, '<', $full - 3000, "a source without new messages gives back memory: $full kB, then $rests kB");

$node->assert_no_crash;
$kafka->stop;
done_testing();
