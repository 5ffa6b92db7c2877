# heartbeat_events and the server's log record the actions of users and the changes of the state. When nothing happens,
# heartbeat_events and the log do not grow.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);
use Heartbeat::Cluster;
use Heartbeat::Feed;
use Heartbeat::Kafka;
use Heartbeat::Reading;

my $kafka = Heartbeat::Kafka->new('events');
$kafka->start;
my $feed = Heartbeat::Feed->new($kafka, 2);
my $node = Heartbeat::Cluster->create('events', kafka => $kafka, settings => { 'heartbeat.log_summary' => '1s', 'heartbeat.workers' => 2 });
my $events = "SELECT concat_ws(' ', role, kind, details->>'state', reason) FROM heartbeat_events ORDER BY id";

# Passes when the next events are the given events. Each given event is a text or a pattern.
my $known = 0;
sub next_events
{
	my ($what, @expected) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $pattern = join '\n', map { ref $_ ? $_ : quotemeta } @expected;
	$node->wait_for_query("$events OFFSET $known", qr/^$pattern$/, $what);
	$known += @expected;
	return;
}

# At the start heartbeat logs the versions, and the offsets at which the worker begins to read.
my $version = $node->query("SELECT default_version FROM pg_available_extensions WHERE name = 'heartbeat'");
$node->wait_for_log(qr/LOG:  heartbeat \Q$version\E with PostgreSQL \d+.* and librdkafka \d+\.\d+\S*: database "heartbeat", brokers "\Q@{[ $kafka->brokers ]}\E", topic "heartbeat-events", 2 workers/);
pass('the log begins with the versions, the brokers and the topic');
$node->wait_for_log(qr/LOG:  heartbeat: reads topic "heartbeat-events": partition 0 at 0 of 0/);
pass('the log names the offsets at which each worker begins');
$node->wait_for_query($events, qr/^start\n(.*\n)*state RUNNING$/, 'the start is the first event, and a state follows it');
$known = $node->count('heartbeat_events');
is($node->query("SELECT details->>'heartbeat' FROM heartbeat_events WHERE kind = 'start'"), $version, 'the start event has the version');

# The worker counts messages, and logs a line with the counts.
$feed->publish(1000);
$kafka->produce('heartbeat-events', $_) for { partition => 0, value => 'garbage' };
$node->wait_for_log(qr/heartbeat: 1001 messages in \d+ s \([\d.]+\/s\): 970 records, 30 anomalies, 0 duplicates, 1 dead letters; lag 0 messages, 0\.0 s; \d+ batches, mean [\d.]+ ms, longest [\d.]+ ms|heartbeat: 1 messages in/);
pass('a log line counts the messages');
my $sum = 0;
$sum += $_ for slurp_file($node->logfile) =~ /heartbeat: (\d+) messages in/g;
is($sum, 1001, 'each message is counted in one log line');

# A person pauses ingest, and the worker is PAUSED. Then the person resumes ingest, and the worker is RUNNING.
$node->query('CREATE ROLE nina LOGIN; GRANT EXECUTE ON FUNCTION heartbeat_pause(text, text), heartbeat_resume(text) TO nina');
sub as_nina { my ($sql) = @_; return $node->psql('heartbeat', $sql, extra_params => [ '-U', 'nina' ]); }
as_nina("BEGIN; SELECT heartbeat_pause('undone'); ROLLBACK");
as_nina("SELECT heartbeat_pause('disk is being replaced')");
next_events('the events are the pause, with its role and reason, and the state PAUSED; a pause that was rolled back leaves no event', 'nina pause disk is being replaced', 'state PAUSED disk is being replaced');
as_nina('SELECT heartbeat_resume()');
next_events('the events have the role that resumed ingest', 'nina resume', 'state RUNNING');
as_nina("SELECT heartbeat_pause('cables are being replaced', 'default')");
next_events('the state PAUSED has the reason of a pause of the only source', 'nina pause cables are being replaced', 'state PAUSED cables are being replaced');
as_nina('SELECT heartbeat_resume()');
next_events('heartbeat_resume() also ends the pause of a source', 'nina resume', 'state RUNNING');

# The broker stops, and the server restarts.
my $stopped = $node->log_position;
$kafka->stop;
next_events('an event records CONNECTING when the broker is down, and a second event may add the reason', qr/state CONNECTING .*(?:\nstate CONNECTING .*)?/);
is($node->log_matches('CONNECTING: .*\n(?!.*(?:HINT:  Check that the brokers run|Check the broker))', $stopped), 0, 'each CONNECTING line in the log has a hint about what to check');
$kafka->start;
$node->wait_for_state('RUNNING');
$node->wait_for_query("$events OFFSET $known", qr/state RUNNING$/, 'an event records RUNNING when the broker is back');
$known = $node->count('heartbeat_events');
my $position = $node->log_position;
$node->restart;
# The broker has just started, so a Kafka partition can be without a leader for a moment. In this moment heartbeat_events can
# get rows with the state CONNECTING.
next_events('the events have the restart of the server', 'start', qr/(?:state CONNECTING .*\n)*state RUNNING/);
$known = $node->count('heartbeat_events');
$node->wait_for_log(qr/heartbeat: reads topic "heartbeat-events": partition [01] at 50[01] of 50[01]/, $position);
pass('the log names the offsets at which the worker continues');

# When nothing happens, heartbeat writes no row, no WAL and no log line.
$position = $node->log_position;
for (1 .. 20) { usleep(100_000); $node->query('SELECT state FROM heartbeat_status'); }
is($node->count('heartbeat_events'), $known, 'two seconds without messages add no event');
is($node->log_matches(qr/heartbeat/, $position), 0, 'two seconds without messages add no line to the log');

# The state changes often. heartbeat_events has the first changes, and then at most one change a minute.
$node->query('TRUNCATE heartbeat_events');
for my $time (1 .. 12)
{
	$node->set('heartbeat.brokers' => '');
	$node->wait_for_query('SELECT state FROM heartbeat_status', 'STOPPED', "the worker is STOPPED without brokers, $time");
	$node->set('heartbeat.brokers' => $kafka->brokers);
	$node->wait_for_query('SELECT state FROM heartbeat_status', 'RUNNING', "the worker is RUNNING with brokers, $time");
}
my $rows = $node->query("SELECT count(*) FROM heartbeat_events WHERE kind = 'state'");
cmp_ok($rows, '<=', 9, "of at least 24 changes $rows are recorded");
cmp_ok($rows, '>=', 5, 'the first changes are recorded');

# heartbeat.log_readings logs a line for each reading.
$position = $node->log_position;
$node->set('heartbeat.log_readings' => 'on');
my $time = reading_time(int(time) - 60);
$kafka->produce('heartbeat-events', { value => reading('LIVE-1', 74, $time) }, { value => reading('LIVE-2', 200.5, $time) });
$node->wait_for_log(qr/LOG:  VALID LIVE-1 74 bpm at \S+/, $position);
$node->wait_for_log(qr/LOG:  ANOMALY LIVE-2 200\.5 bpm at \S+ TACHYCARDIA/, $position);
pass('the log has a VALID line and an ANOMALY line');

# A dump contains the events, and the restored database adds new events.
$node->query('SELECT heartbeat_pause()');
$node->safe_psql('postgres', 'CREATE DATABASE copy');
my $dump = PostgreSQL::Test::Utils::tempdir . '/dump.sql';
command_ok([ 'pg_dump', '-f', $dump, '-d', $node->connstr('heartbeat') ], 'pg_dump succeeds');
command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', $dump, '-d', $node->connstr('copy') ], 'psql restores the dump');
is($node->safe_psql('copy', 'SELECT md5(string_agg(e::text, chr(10) ORDER BY id)), count(*) > 5 FROM heartbeat_events e'),
	$node->query('SELECT md5(string_agg(e::text, chr(10) ORDER BY id)), true FROM heartbeat_events e'), 'the restored database has the events');
$node->safe_psql('copy', 'SELECT heartbeat_resume()');
is($node->safe_psql('copy', 'SELECT kind FROM heartbeat_events ORDER BY id DESC LIMIT 1'), 'resume', 'the restored database records its own events');
$node->query('SELECT heartbeat_resume()');

$node->wait_for_offsets('heartbeat-events', $kafka->end_offsets('heartbeat-events'));
$node->assert_audit;

# In the first second after the end of a worker, the state is CONNECTING and not STOPPED, because the launcher usually starts
# the worker again. The test must read the state within this second: it stops the launcher, reads the state, and tries again if
# the second is over.
$node->wait_for_query("SELECT clock_timestamp() - backend_start > interval '10 seconds' FROM pg_stat_activity WHERE backend_type = 'heartbeat launcher'",
	't', 'the start of the workers is over');
my $launcher = $node->query("SELECT pid FROM pg_stat_activity WHERE backend_type = 'heartbeat launcher'");
my $absent;
for (1 .. 10)
{
	my $pid = $node->query("SELECT min(pid) FROM pg_stat_activity WHERE backend_type = 'heartbeat worker'");
	$position = $node->log_position;
	kill 'STOP', $launcher;
	my $began = time;
	$node->query("SELECT pg_terminate_backend($pid, 10000)");
	$absent = $node->query('SELECT state, reason FROM heartbeat_status');
	my $seconds = time - $began;
	kill 'CONT', $launcher;
	$node->wait_for_log(qr/heartbeat: reads topic .*\n.*heartbeat: RUNNING/, $position);
	last if $seconds < 0.9;
}
is($absent, 'CONNECTING|the workers are starting', 'the state is CONNECTING when a worker has been absent for less than a second');
$node->wait_for_state('RUNNING');

# The maintenance worker starts without the extension. After CREATE EXTENSION, the log lines of heartbeat.log_summary count only
# the batches of the new extension.
my $batches = q{SELECT value FROM heartbeat_metrics WHERE name = 'heartbeat_batch_seconds_count'};
my $earlier = $node->query($batches);
cmp_ok($earlier, '>', 0, 'the workers have stored batches');
$node->query('DROP EXTENSION heartbeat');
my $maintenance = $node->worker_pid('heartbeat maintenance');
$node->query("SELECT pg_terminate_backend($maintenance)");
$node->wait_for_query("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'heartbeat maintenance' AND pid <> $maintenance AND wait_event_type = 'Extension'",
	1, 'the new maintenance worker has done its tasks without the extension');
$position = $node->log_position;
$node->query('CREATE EXTENSION heartbeat');
$node->wait_for_offsets('heartbeat-events', $kafka->end_offsets('heartbeat-events'));
$node->wait_for_log(qr/heartbeat: \d+ messages in/, $position);
my ($counted) = slurp_file($node->logfile, $position) =~ /heartbeat: \d+ messages in .*; (\d+) batches/;
cmp_ok($counted, '<=', $node->query($batches) - $earlier, 'the first line counts no batch of the dropped extension');
$node->assert_no_crash;
$kafka->stop;
done_testing();
