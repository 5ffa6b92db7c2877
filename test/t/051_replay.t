# A span of time is replayed from SQL while ingest goes on: what is missing comes back, nothing is stored twice, and both
# audits stay true. A seek and a replay refuse what Kafka does not hold, and say what it holds.

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

# 4000 messages, 2000 a partition, two a second by Kafka's clock; of each hundred 97 are records.
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

is(replay(100, 200), "0|100|200|100|0|0|100|0\n1|100|200|100|0|0|100|0", 'a replay of what is there stores nothing');
assert_complete('and changes no count');

# What was deleted by accident comes back, and only in the span.
$node->query("DELETE FROM heartbeat_records WHERE event_timestamp < to_timestamp($epoch + 1)");
$node->query("DELETE FROM heartbeat_anomalies WHERE event_timestamp < to_timestamp($epoch + 1)");
is($node->query("SELECT string_agg(difference::text, ' ' ORDER BY table_name DESC) FROM heartbeat_audit_tables()"), '-970 0 -30', 'readings were deleted');
is(replay(0, 250), "0|0|250|250|245|5|0|0\n1|0|250|250|240|10|0|0", 'half of the span brings half of them back');
is(replay(0, 500, 1), '1|0|500|500|240|10|250|0', 'one partition alone');
replay(0, 500);
assert_complete('all are back, and both audits are true');
is($node->query($positions), '0:2000 1:2000', 'the positions are where they were');
$node->assert_readings('each reading is there as it was published', @messages);

# What a seek has skipped was never counted; a replay of that time counts it.
$kafka->produce($topic, map { { %$_, timestamp => ($epoch + 3000) * 1000 } } reading_stream(200, 2, start => $epoch, first => 4000));
$node->wait_for_offsets($topic, 2100, 2100);
$node->query('SELECT heartbeat_pause()');
$kafka->produce($topic, map { { %$_, timestamp => ($epoch + 4000) * 1000 } } reading_stream(200, 2, start => $epoch, first => 4200));
$node->query('SELECT heartbeat_seek(p, 2200) FROM generate_series(0, 1) p; SELECT heartbeat_resume()');
$kafka->produce($topic, map { { %$_, timestamp => ($epoch + 5000) * 1000 } } reading_stream(200, 2, start => $epoch, first => 4400));
$node->wait_for_offsets($topic, 2300, 2300);
is($node->query('SELECT sum(records) FROM heartbeat_offsets'), 0.97 * 4400, 'a seek has skipped readings');
like(replay(3000, 6000), qr/^0\|2000\|2300\|300\|\d+\|\d+\|200\|0\n1\|2000\|2300\|300\|\d+\|\d+\|200\|0$/, 'a replay reads them');
is($node->query('SELECT sum(records), sum(anomalies) FROM heartbeat_offsets'), 0.97 * 4600 . '|' . 0.03 * 4600, 'and they are counted');
assert_complete('both audits account for them');
replay(3000, 6000);
is($node->query('SELECT sum(records), sum(anomalies) FROM heartbeat_offsets'), 0.97 * 4600 . '|' . 0.03 * 4600, 'once');
assert_complete('however often it is called');

# Dead letters: one that is there stays as it is, one that was deleted comes back, one whose obstacle is gone is left to
# heartbeat_retry_dead_letters().
$node->query('ALTER TABLE heartbeat_records ADD CONSTRAINT no_77 CHECK (heart_rate <> 77) NOT VALID');
my $late = ($epoch + 7000) * 1000;
$kafka->produce($topic, map { { partition => 0, value => $_, timestamp => $late } } 'garbage', 'rubbish', reading('refused', 77, '2026-01-01T12:00:00Z'));
$node->wait_for_offsets($topic, 2303, 2300);
$node->query("ALTER TABLE heartbeat_records DROP CONSTRAINT no_77; DELETE FROM heartbeat_dead_letters WHERE payload = 'rubbish'");
assert_complete('a dead letter that was given up is accounted for');
is(replay(7000, 8000, 0), '0|2300|2303|3|0|0|2|1', 'a replay brings it back');
is($node->query("SELECT count(*), count(*) FILTER (WHERE payload = 'rubbish') FROM heartbeat_dead_letters WHERE resolved_at IS NULL"), '3|1', 'and no other');
assert_complete('which is accounted for too');
is($node->query("SELECT resolved, remaining FROM heartbeat_retry_dead_letters('23514')"), '1|0', 'a retry stores what can be stored now');
is(replay(7000, 8000, 0), '0|2300|2303|3|0|0|3|0', 'then it is a duplicate');
assert_complete('and counted once');

# It is the caller's transaction, can be cancelled, and ingest goes on meanwhile.
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
$node->wait_for_query($waits, 1, 'a replay is under way');
$kafka->produce($topic, map { { partition => 1, value => reading('meanwhile', 70, reading_time(int(time) - 1000 + $_)), timestamp => $late } } 1 .. 20);
$node->wait_for_offsets($topic, 2303, 2320);
is($node->query("SELECT count(*) FROM heartbeat_records WHERE customer_id = 'meanwhile'"), 20, 'ingest goes on meanwhile');
$node->query("SELECT pg_cancel_backend($pid)");
$node->wait_for_query($waits, 0, 'it can be cancelled');
is($node->query("SELECT count(*) FROM pg_stat_activity WHERE pid = $pid"), 1, 'and its session lives on');
like($node->query_error("SET statement_timeout = '200ms'; $call"), qr/statement timeout/, 'a statement timeout ends it');
$holder->quit;
$node->query('DROP TRIGGER wait_for_lock ON heartbeat_records');
is($session->query('SELECT sum(records) FROM heartbeat_replay(' . at(0) . ', ' . at(500) . ')'), 970, 'called again it does all of it');
$session->quit;
assert_complete('nothing is counted twice');

# What Kafka does not hold is refused, with what it holds.
$kafka->truncate($topic, 0, 1000);
refused(500, 1500, qr/Kafka no longer holds all of that time.*Partition 0 begins at offset 1000, of 2026-01-01 00:16:40\+00\./s,
	'a replay of what is partly removed is refused, and says where each partition begins');
is(replay(1000, 1100), "0|1000|1100|100|0|0|100|0\n1|1000|1100|100|0|0|100|0", 'what begins there is replayed');
is(replay(500, 600, 1), '1|500|600|100|0|0|100|0', 'and so is another partition');
like($node->query_error('SELECT heartbeat_replay(' . at(0) . ', ' . at(10) . ', 7)'), qr/partition 7 .* has not been read/, 'a partition that nobody has read is named');
$node->query('SELECT heartbeat_pause()');
for my $case ([ 999, 'an offset that Kafka has removed' ], [ 2304, 'an offset behind the end' ])
{
	like($node->query_error("SELECT heartbeat_seek(0, $case->[0])"),
		qr/Kafka does not hold offset $case->[0] of partition 0.*It holds offsets 1000 to 2302; the next message will have 2303\..*heartbeat_seek\(0, 1000\)/s,
		"a seek to $case->[1] is refused, and says what it holds");
}
is($node->query('SELECT new_offset FROM heartbeat_seek(0, 2303)'), 2303, 'the end is an offset to seek to');
is($node->query('SELECT new_offset FROM heartbeat_seek(0, 1000)'), 1000, 'and so is the beginning');
is($node->query('SELECT kafka_partition, previous_offset, new_offset FROM heartbeat_seek(' . at(1500) . ', 1)'), '1|2320|1500', 'a seek by time may be of one partition');
like($node->query_error('SELECT heartbeat_seek(' . at(1500) . ', 2)'), qr/has no partition 2.*partitions 0 to 1/s, 'of one that there is');
my ($out, $notice);
like($node->query_error('SELECT heartbeat_seek(9, 5)'), qr/has no partition 9.*partitions 0 to 1.*heartbeat_seek\(9, NULL\)/s, 'a seek by offset too');
$node->query('SELECT heartbeat_resume()');
$node->wait_for_offsets($topic, 2303, 2320);
assert_complete('a replay by ingest itself is accounted for as before');

$kafka->stop;
$node->query('SELECT heartbeat_pause()');
$node->psql('heartbeat', 'SELECT new_offset FROM heartbeat_seek(0, 1)', stdout => \$out, stderr => \$notice);
is($out, 1, 'where Kafka is away, a seek by offset is done');
like($notice, qr/NOTICE:  offset 1 of partition 0 is taken as it is: cannot reach Kafka/, 'with a notice');
like($node->query_error('SELECT heartbeat_replay(' . at(0) . ', ' . at(10) . ')'), qr/cannot ask Kafka.*cannot reach Kafka/s, 'and a replay is not');

# A position given while Kafka was away, to a partition that the topic does not have, is in nobody's way and can be taken back.
$node->psql('heartbeat', 'SELECT new_offset FROM heartbeat_seek(9, 5)', stdout => \$out, stderr => \$notice);
is($out, 5, 'while Kafka is away a position may be given in advance');
like($notice, qr/NOTICE:  offset 5 of partition 9 is taken as it is: cannot reach Kafka/, 'with a notice');
is($node->query('SELECT new_offset FROM heartbeat_seek(0, 2303)'), 2303, 'and one that was moved is moved back');
$kafka->start;
$node->query('SELECT heartbeat_resume()');
is(replay(1000, 1100), "0|1000|1100|100|0|0|100|0\n1|1000|1100|100|0|0|100|0", 'a replay of all partitions passes over a partition that is not there');
$node->wait_for_query('SELECT lag_messages FROM heartbeat_status', 0, 'and the lag is known');
like($node->query_error('SELECT heartbeat_replay(' . at(1000) . ', ' . at(1100) . ', 9)'), qr/partition 9 .* has not been read/, 'a replay of it alone says so');
$node->query('SELECT heartbeat_pause()');
is($node->query('SELECT previous_offset, new_offset FROM heartbeat_seek(9, NULL)'), '5|', 'the position is taken back');
is($node->query('SELECT count(*) FROM heartbeat_offsets WHERE partition = 9'), 0, 'and gone');
is($node->query('SELECT previous_offset, new_offset FROM heartbeat_seek(9, NULL)'), '|', 'once more does no harm');
like($node->query_error('SELECT heartbeat_seek(0, NULL)'), qr/partition 0 .* has been read.*heartbeat_seek\(0, 0\)/s, 'one of a partition that was read stays');
is($node->query($positions), '0:2303 1:2320', 'the positions are where they were');
$node->query('SELECT heartbeat_resume()');
assert_complete('both audits are true at the end');

# The partitions are read side by side: sixty cost hardly more than one.
my $many = 60;
$kafka->create_topic('wide', $many);
$kafka->produce('wide', map { my $p = $_; map { { partition => $p, value => reading("wide-$p", 70, reading_time($epoch + $_)), timestamp => $epoch * 1000 } } 1 .. 20 } 0 .. $many - 1);
$node->set('heartbeat.topic' => 'wide');
$node->wait_for_query("SELECT count(*) FROM heartbeat_offsets WHERE topic = 'wide' AND next_offset = 20", $many, 'sixty partitions are read');
sub seconds
{
	my ($partition) = @_;
	my $best;
	for (1 .. 3)
	{
		my $began = time;
		my @rows  = split /\n/, replay(-10, 10, $partition);
		my $took  = time - $began;
		is(scalar(grep { /^\d+\|0\|20\|20\|0\|0\|20\|0$/ } @rows), defined $partition ? 1 : $many, 'a replay reads all of what it is asked for');
		$best = $took if !defined $best || $took < $best;
	}
	return $best;
}
my $of_one = seconds(7);
my $of_all = seconds();
my $each   = ($of_all - $of_one) / ($many - 1);
note sprintf 'a replay of one partition: %.3f s; of %d: %.3f s; %.1f ms for each further one', $of_one, $many, $of_all, 1000 * $each;
cmp_ok($each, '<', 0.05, 'a further partition costs a replay less than a tenth of half a second, also beside other tests');
$node->assert_no_crash;
done_testing();
