# heartbeat_replay() reads the messages of a period again while ingest continues. The replay stores missing rows again, no
# reading is stored twice, and heartbeat_audit() and heartbeat_audit_tables() show no difference. A seek and a replay refuse
# offsets that Kafka does not have. The errors of both functions name the offsets that Kafka has.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time);
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

my $topic = 'heartbeat-events';
my $kafka = Heartbeat::Kafka->new('replay');
$kafka->start;
$kafka->create_topic($topic, 2);
my $node = Heartbeat::Cluster->create('replay', kafka => $kafka, owner => 'heartbeat_owner');

# Publishes 4000 messages, 2000 in each Kafka partition. The Kafka timestamps of the messages begin at $epoch, with two
# messages for each second. 97 of each hundred readings are normal and go to heartbeat_records.
my $epoch    = 1_767_225_600;
my @messages = reading_stream(4000, 2, start => $epoch);
$messages[$_]{timestamp} = ($epoch + int($_ / 2)) * 1000 for 0 .. $#messages;
$kafka->produce($topic, @messages);
$node->wait_for_offsets($topic, 2000, 2000);

sub at { my ($second) = @_; return "to_timestamp($epoch + $second)"; }
sub replay
{
	my ($from, $to, $partition) = @_;
	my $only = defined $partition ? ", $partition" : '';
	return $node->query('SELECT partition, from_offset, to_offset, messages, records, anomalies, duplicates, dead_letters FROM heartbeat_replay('
		  . at($from) . ', ' . at($to) . "$only)");
}
sub refused { my ($from, $to, $pattern, $what) = @_; return like($node->query_error('SELECT heartbeat_replay(' . at($from) . ', ' . at($to) . ')'), $pattern, $what); }
sub assert_complete
{
	my ($what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	$node->assert_audit;
	return is($node->query('SELECT count(*) FROM heartbeat_audit_tables() WHERE difference <> 0'), 0, $what);
}
my $positions = "SELECT string_agg(partition || ':' || next_offset, ' ' ORDER BY partition) FROM heartbeat_offsets";

is(replay(100, 200), "0|100|200|100|0|0|100|0\n1|100|200|100|0|0|100|0", 'a replay of stored readings stores nothing');
assert_complete('a replay of stored readings changes no counter');

# A user has deleted rows by mistake. The replay of a period restores only the rows of this period.
$node->query("DELETE FROM heartbeat_records WHERE event_timestamp < to_timestamp($epoch + 1)");
$node->query("DELETE FROM heartbeat_anomalies WHERE event_timestamp < to_timestamp($epoch + 1)");
is($node->query("SELECT string_agg(difference::text, ' ' ORDER BY table_name DESC) FROM heartbeat_audit_tables()"), '-970 0 -30', 'the audit counts the deleted readings');
is(replay(0, 250), "0|0|250|250|245|5|0|0\n1|0|250|250|240|10|0|0", 'a replay of half of the period restores half of the readings');
is(replay(0, 500, 1), '1|0|500|500|240|10|250|0', 'a replay of one partition restores its readings');
replay(0, 500);
assert_complete('both audits show no difference after the replay');
is($node->query($positions), '0:2000 1:2000', 'a replay does not change the stored offsets');
$node->assert_readings('each reading is stored as it was published', @messages);

# The counters do not include readings that a seek has skipped. After heartbeat_replay() of their period, the counters include
# these readings.
$kafka->produce($topic, map { { %$_, timestamp => ($epoch + 3000) * 1000 } } reading_stream(200, 2, start => $epoch, first => 4000));
$node->wait_for_offsets($topic, 2100, 2100);
$node->query('SELECT heartbeat_pause()');
$kafka->produce($topic, map { { %$_, timestamp => ($epoch + 4000) * 1000 } } reading_stream(200, 2, start => $epoch, first => 4200));
$node->query('SELECT heartbeat_seek(p, 2200) FROM generate_series(0, 1) p; SELECT heartbeat_resume()');
$kafka->produce($topic, map { { %$_, timestamp => ($epoch + 5000) * 1000 } } reading_stream(200, 2, start => $epoch, first => 4400));
$node->wait_for_offsets($topic, 2300, 2300);
is($node->query('SELECT sum(records) FROM heartbeat_offsets'), 0.97 * 4400, 'the counters do not include the readings that a seek skipped');
like(replay(3000, 6000), qr/^0\|2000\|2300\|300\|\d+\|\d+\|200\|0\n1\|2000\|2300\|300\|\d+\|\d+\|200\|0$/, 'a replay reads the skipped readings');
is($node->query('SELECT sum(records), sum(anomalies) FROM heartbeat_offsets'), 0.97 * 4600 . '|' . 0.03 * 4600, 'the counters include the skipped readings after the replay');
assert_complete('both audits show no difference after a replay of skipped readings');
replay(3000, 6000);
is($node->query('SELECT sum(records), sum(anomalies) FROM heartbeat_offsets'), 0.97 * 4600 . '|' . 0.03 * 4600, 'a second replay counts no reading again');
assert_complete('both audits show no difference after the second replay');

# A replay does not change an existing dead letter, and restores a deleted dead letter. A replay does not store the reading of a
# dead letter, even if the database would accept this reading now. Only heartbeat_retry_dead_letters() stores this reading.
$node->query('ALTER TABLE heartbeat_records ADD CONSTRAINT no_77 CHECK (heart_rate <> 77) NOT VALID');
my $late = ($epoch + 7000) * 1000;
$kafka->produce($topic, map { { partition => 0, value => $_, timestamp => $late } } 'garbage', 'rubbish', reading('refused', 77, '2026-01-01T12:00:00Z'));
$node->wait_for_offsets($topic, 2303, 2300);
$node->query("ALTER TABLE heartbeat_records DROP CONSTRAINT no_77; DELETE FROM heartbeat_dead_letters WHERE payload = 'rubbish'");
assert_complete('both audits show no difference for a deleted dead letter');
is(replay(7000, 8000, 0), '0|2300|2303|3|0|0|0|1', 'a replay restores the deleted dead letter, and counts no other dead letter as a duplicate');
is($node->query("SELECT count(*), count(*) FILTER (WHERE payload = 'rubbish') FROM heartbeat_dead_letters WHERE resolved_at IS NULL"), '3|1', 'a replay restores no other dead letter');
assert_complete('both audits show no difference after a dead letter is restored');
is($node->query("SELECT resolved, remaining FROM heartbeat_retry_dead_letters('23514')"), '1|0', 'a retry stores the dead letter whose constraint was dropped');
is(replay(7000, 8000, 0), '0|2300|2303|3|0|0|1|0', 'a replay then counts this reading as a duplicate');
assert_complete('both audits count this reading once');

# A replay runs in the caller's transaction, and does not stop ingest. A user can cancel the replay.
$node->query("DELETE FROM heartbeat_records WHERE event_timestamp < to_timestamp($epoch + 1)");
$node->query('BEGIN; SELECT heartbeat_replay(' . at(0) . ', ' . at(500) . '); ROLLBACK');
is($node->query("SELECT difference FROM heartbeat_audit_tables() WHERE table_name = 'heartbeat_records'"), -970, 'a rollback undoes a replay');
$node->query(q{CREATE FUNCTION wait_for_lock() RETURNS trigger LANGUAGE plpgsql AS $$
	BEGIN
		IF NEW.customer_id = 'CUST-0010' AND NEW.event_timestamp < '2026-01-01 00:00:01+00' THEN PERFORM pg_advisory_xact_lock(7); END IF;
		RETURN NEW;
	END $$;
	CREATE TRIGGER wait_for_lock BEFORE INSERT ON heartbeat_records FOR EACH ROW EXECUTE FUNCTION wait_for_lock()});
my $holder = $node->background_psql('heartbeat');
$holder->query_safe('SELECT pg_advisory_lock(7)');
my $session = $node->background_psql('heartbeat', on_error_stop => 0);
my $pid     = $session->query_safe('SELECT pg_backend_pid()');
my $call    = 'SELECT count(*) FROM heartbeat_replay(' . at(0) . ', ' . at(500) . ");\n";
my $waits   = "SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted";
$session->query_until(qr/begun/, "\\echo begun\n$call");
$node->wait_for_query($waits, 1, 'a replay waits for a lock');
$kafka->produce($topic, map { { partition => 1, value => reading('meanwhile', 70, reading_time(int(time) - 1000 + $_)), timestamp => $late } } 1 .. 20);
$node->wait_for_offsets($topic, 2303, 2320);
is($node->query("SELECT count(*) FROM heartbeat_records WHERE customer_id = 'meanwhile'"), 20, 'ingest continues during a replay');
$node->query("SELECT pg_cancel_backend($pid)");
$node->wait_for_query($waits, 0, 'pg_cancel_backend() ends a replay');
is($node->query("SELECT count(*) FROM pg_stat_activity WHERE pid = $pid"), 1, 'the session of a canceled replay stays connected');
like($node->query_error("SET statement_timeout = '200ms'; $call"), qr/statement timeout/, 'a statement timeout ends a replay');
$holder->quit;
$node->query('DROP TRIGGER wait_for_lock ON heartbeat_records');
is($session->query('SELECT sum(records) FROM heartbeat_replay(' . at(0) . ', ' . at(500) . ')'), 970, 'a replay restores all readings after a canceled replay');
$session->quit;
assert_complete('both audits show no difference after canceled replays');

# A seek and a replay to an offset that Kafka does not have fail, and the error names the offsets that Kafka has.
$kafka->truncate($topic, 0, 1000);
refused(500, 1500, qr/Kafka no longer holds all messages of topic.*Partition 0 begins at offset 1000, with the Kafka timestamp 2026-01-01 00:16:40\+00\./s,
	'a replay of a period that Kafka has partly removed fails, and the error names where each partition begins');
is(replay(1000, 1100), "0|1000|1100|100|0|0|100|0\n1|1000|1100|100|0|0|100|0", 'a replay from the beginning of the partition works');
is(replay(500, 600, 1), '1|500|600|100|0|0|100|0', 'a replay of another partition works');
like($node->query_error('SELECT heartbeat_replay(' . at(0) . ', ' . at(10) . ', 7)'), qr/heartbeat has not read partition 7 /, 'the error names a partition that no worker has read');
$node->query('SELECT heartbeat_pause()');
for my $case ([ 999, 'an offset that Kafka has removed' ], [ 2304, 'an offset after the end' ])
{
	like($node->query_error("SELECT heartbeat_seek(0, $case->[0])"),
		qr/Kafka does not hold offset $case->[0] of partition 0.*Kafka holds offsets 1000 to 2302 of this partition\. The next message will have offset 2303\..*heartbeat_seek\(0, 1000\)/s,
		"a seek to $case->[1] fails, and the error names the offsets that Kafka has");
}
is($node->query('SELECT new_offset FROM heartbeat_seek(0, 2303)'), 2303, 'a seek to the end of the partition works');
is($node->query('SELECT new_offset FROM heartbeat_seek(0, 1000)'), 1000, 'a seek to the beginning of the partition works');
is($node->query('SELECT kafka_partition, previous_offset, new_offset FROM heartbeat_seek(' . at(1500) . ', 1)'), '1|2320|1500', 'a seek by time can change one partition');
like($node->query_error('SELECT heartbeat_seek(' . at(1500) . ', 2)'), qr/has no partition 2.*partitions 0 to 1/s, 'a seek by time refuses a partition that the topic does not have');
my ($out, $notice);
like($node->query_error('SELECT heartbeat_seek(9, 5)'), qr/has no partition 9.*partitions 0 to 1.*heartbeat_seek\(9, NULL\)/s, 'a seek by offset refuses a partition that the topic does not have');
$node->query('SELECT heartbeat_resume()');
$node->wait_for_offsets($topic, 2303, 2320);
assert_complete('both audits show no difference when ingest reads the messages again');

$kafka->stop;
$node->query('SELECT heartbeat_pause()');
$node->psql('heartbeat', 'SELECT new_offset FROM heartbeat_seek(0, 1)', stdout => \$out, stderr => \$notice);
is($out, 1, 'a seek by offset works while Kafka is down');
like($notice, qr/NOTICE:  offset 1 of partition 0 was not checked: cannot reach Kafka/, 'a notice says that Kafka could not be asked');
like($node->query_error('SELECT heartbeat_replay(' . at(0) . ', ' . at(10) . ')'), qr/cannot ask Kafka.*cannot reach Kafka/s, 'a replay fails while Kafka is down');

# While Kafka is down, a seek sets an offset for a Kafka partition that the topic does not have. The lag does not include this
# Kafka partition, and a replay of all Kafka partitions skips it. heartbeat_seek(9, NULL) removes the offset.
$node->psql('heartbeat', 'SELECT new_offset FROM heartbeat_seek(9, 5)', stdout => \$out, stderr => \$notice);
is($out, 5, 'a seek to a partition that the topic may not have works while Kafka is down');
like($notice, qr/NOTICE:  offset 5 of partition 9 was not checked: cannot reach Kafka/, 'a notice says that Kafka could not be asked about this partition');
is($node->query('SELECT new_offset FROM heartbeat_seek(0, 2303)'), 2303, 'a second seek changes the offset back');
$kafka->start;
$node->query('SELECT heartbeat_resume()');
is(replay(1000, 1100), "0|1000|1100|100|0|0|100|0\n1|1000|1100|100|0|0|100|0", 'a replay of all partitions skips a partition that the topic does not have');
$node->wait_for_query('SELECT lag_messages FROM heartbeat_status', 0, 'the lag is known although one stored offset belongs to a missing partition');
like($node->query_error('SELECT heartbeat_replay(' . at(1000) . ', ' . at(1100) . ', 9)'), qr/heartbeat has not read partition 9 /, 'a replay of this partition alone fails');
$node->query('SELECT heartbeat_pause()');
is($node->query('SELECT previous_offset, new_offset FROM heartbeat_seek(9, NULL)'), '5|', 'heartbeat_seek(9, NULL) removes the offset');
is($node->query('SELECT count(*) FROM heartbeat_offsets WHERE partition = 9'), 0, 'heartbeat_offsets does not contain the removed offset');
is($node->query('SELECT previous_offset, new_offset FROM heartbeat_seek(9, NULL)'), '|', 'a second heartbeat_seek(9, NULL) changes nothing');
like($node->query_error('SELECT heartbeat_seek(0, NULL)'), qr/of partition 0 .*a worker has read the partition.*heartbeat_seek\(0, 0\)/s, 'heartbeat_seek(0, NULL) refuses to remove the offset of a partition that was read');
is($node->query($positions), '0:2303 1:2320', 'the other stored offsets have not changed');
$node->query('SELECT heartbeat_resume()');
assert_complete('both audits show no difference after all seeks and replays');

# A replay reads the Kafka partitions in parallel. So a replay of sixty Kafka partitions needs only a little more time than a
# replay of one Kafka partition.
my $many = 60;
$kafka->create_topic('wide', $many);
$kafka->produce('wide', map { my $p = $_; map { { partition => $p, value => reading("wide-$p", 70, reading_time($epoch + $_)), timestamp => $epoch * 1000 } } 1 .. 20 } 0 .. $many - 1);
$node->set('heartbeat.topic' => 'wide');
$node->wait_for_query("SELECT count(*) FROM heartbeat_offsets WHERE topic = 'wide' AND next_offset = 20", $many, 'the worker reads sixty partitions');
sub seconds
{
	my ($partition) = @_;
	my $best;
	for (1 .. 3)
	{
		my $began = time;
		my @rows  = split /\n/, replay(-10, 10, $partition);
		my $took  = time - $began;
		is(scalar(grep { /^\d+\|0\|20\|20\|0\|0\|20\|0$/ } @rows), defined $partition ? 1 : $many, 'a replay reads every message of its partitions');
		$best = $took if !defined $best || $took < $best;
	}
	return $best;
}
my $of_one = seconds(7);
my $of_all = seconds();
my $each   = ($of_all - $of_one) / ($many - 1);
note sprintf 'a replay of one partition: %.3f s; of %d: %.3f s; %.1f ms for each further one', $of_one, $many, $of_all, 1000 * $each;
cmp_ok($each, '<', 0.05, 'each further partition costs a replay less than 50 ms, also beside other tests');
$node->assert_no_crash;
done_testing();
