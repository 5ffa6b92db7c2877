# What is left for a person who asks afterwards: heartbeat_events says who did what and what state that led to, the server's
# log says it in lines, and neither grows where nothing happens.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);
use Heartbeat::Cluster;
use Heartbeat::Feed;
use Heartbeat::Kafka;
use Heartbeat::Reading;

my $kafka = Heartbeat::Kafka->new('events');
$kafka->start;
my $feed = Heartbeat::Feed->new($kafka, 2);
my $node = Heartbeat::Cluster->create('events', kafka => $kafka, settings => { 'heartbeat.log_summary' => '1s', 'heartbeat.workers' => 2 });
my $events = "SELECT concat_ws(' ', role, kind, details->>'state', reason) FROM heartbeat_events ORDER BY id";

# Passes when these events are the next ones: each a text or a pattern.
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

# The start: versions, and where reading begins.
my $version = $node->query("SELECT default_version FROM pg_available_extensions WHERE name = 'heartbeat'");
$node->wait_for_log(qr/LOG:  heartbeat \Q$version\E with PostgreSQL \d+.* and librdkafka \d+\.\d+\S*: database "heartbeat", brokers "\Q@{[ $kafka->brokers ]}\E", topic "heartbeat-events", 2 workers/);
pass('the log begins with versions, broker and topic');
$node->wait_for_log(qr/LOG:  heartbeat: reads topic "heartbeat-events": partition 0 at 0 of 0/);
pass('and says where each worker begins to read');
$node->wait_for_query($events, qr/^start\n(.*\n)*state RUNNING$/, 'the start comes first, and leads to a state');
$known = $node->count('heartbeat_events');
is($node->query("SELECT details->>'heartbeat' FROM heartbeat_events WHERE kind = 'start'"), $version, 'the start has the versions');

# Traffic, for the summary.
$feed->publish(1000);
$kafka->produce('heartbeat-events', $_) for { partition => 0, value => 'garbage' };
$node->wait_for_log(qr/heartbeat: 1001 messages in \d+ s \([\d.]+\/s\): 970 records, 30 anomalies, 0 duplicates, 1 dead letters; lag 0 messages, 0\.0 s; \d+ batches, mean [\d.]+ ms, longest [\d.]+ ms|heartbeat: 1 messages in/);
pass('traffic is summed up in a line');
my $sum = 0;
$sum += $_ for slurp_file($node->logfile) =~ /heartbeat: (\d+) messages in/g;
is($sum, 1001, 'each message is in one summary');

# Pause and resume by a person, and what the workers make of it.
$node->query('CREATE ROLE nina LOGIN; GRANT EXECUTE ON FUNCTION heartbeat_pause(text), heartbeat_resume() TO nina');
sub as_nina { my ($sql) = @_; return $node->psql('heartbeat', $sql, extra_params => [ '-U', 'nina' ]); }
as_nina("BEGIN; SELECT heartbeat_pause('undone'); ROLLBACK");
as_nina("SELECT heartbeat_pause('disk is being replaced')");
next_events('who paused and why, and that the workers have; one that was undone is not there', 'nina pause disk is being replaced', 'state PAUSED');
as_nina('SELECT heartbeat_resume()');
next_events('who resumed', 'nina resume', 'state RUNNING');

# What befalls the workers.
my $stopped = $node->log_position;
$kafka->stop;
next_events('a broker that is away, and perhaps, once that is known, why', qr/state CONNECTING .*(?:\nstate CONNECTING .*)?/);
is($node->log_matches('CONNECTING: .*\n(?!.*(?:HINT:  Check that the brokers run|Check the broker))', $stopped), 0, 'each says what to check');
$kafka->start;
$node->wait_for_state('RUNNING');
$node->wait_for_query("$events OFFSET $known", qr/state RUNNING$/, 'and back');
$known = $node->count('heartbeat_events');
my $position = $node->log_position;
$node->restart;
next_events('a restart of the server', 'start', 'state RUNNING');
$node->wait_for_log(qr/heartbeat: reads topic "heartbeat-events": partition [01] at 50[01] of 50[01]/, $position);
pass('the log says where reading goes on');

# Where nothing happens, nothing is written: no row, no WAL and no line.
$position = $node->log_position;
for (1 .. 20) { usleep(100_000); $node->query('SELECT state FROM heartbeat_status'); }
is($node->count('heartbeat_events'), $known, 'two seconds without traffic leave no event');
is($node->log_matches(qr/heartbeat/, $position), 0, 'and no line in the log');

# A state that flaps: some rows, then no more than one a minute, however often it changes.
$node->query('TRUNCATE heartbeat_events');
for my $time (1 .. 12)
{
	$node->set('heartbeat.brokers' => '');
	$node->wait_for_query('SELECT state FROM heartbeat_status', 'STOPPED', "it stops, $time");
	$node->set('heartbeat.brokers' => $kafka->brokers);
	$node->wait_for_query('SELECT state FROM heartbeat_status', 'RUNNING', "and runs, $time");
}
my $rows = $node->query("SELECT count(*) FROM heartbeat_events WHERE kind = 'state'");
cmp_ok($rows, '<=', 9, "of at least 24 changes $rows are recorded");
cmp_ok($rows, '>=', 5, 'the first ones');

# The live lines of readings, where they are wanted.
$position = $node->log_position;
$node->set('heartbeat.log_readings' => 'on');
my $time = reading_time(int(time) - 60);
$kafka->produce('heartbeat-events', { value => reading('LIVE-1', 74, $time) }, { value => reading('LIVE-2', 200.5, $time) });
$node->wait_for_log(qr/LOG:  VALID LIVE-1 74 bpm at \S+/, $position);
$node->wait_for_log(qr/LOG:  ANOMALY LIVE-2 200\.5 bpm at \S+ TACHYCARDIA/, $position);
pass('VALID and ANOMALY lines');

# A dump takes the events along, and those after it follow.
$node->query('SELECT heartbeat_pause()');
$node->safe_psql('postgres', 'CREATE DATABASE copy');
my $dump = PostgreSQL::Test::Utils::tempdir . '/dump.sql';
command_ok([ 'pg_dump', '-f', $dump, '-d', $node->connstr('heartbeat') ], 'pg_dump');
command_ok([ 'psql', '-Xq', '-v', 'ON_ERROR_STOP=1', '-f', $dump, '-d', $node->connstr('copy') ], 'restored');
is($node->safe_psql('copy', 'SELECT md5(string_agg(e::text, chr(10) ORDER BY id)), count(*) > 5 FROM heartbeat_events e'),
	$node->query('SELECT md5(string_agg(e::text, chr(10) ORDER BY id)), true FROM heartbeat_events e'), 'a restored dump has the events');
$node->safe_psql('copy', 'SELECT heartbeat_resume()');
is($node->safe_psql('copy', 'SELECT kind FROM heartbeat_events ORDER BY id DESC LIMIT 1'), 'resume', 'and goes on with its own');
$node->query('SELECT heartbeat_resume()');

$node->wait_for_offsets('heartbeat-events', $kafka->end_offsets('heartbeat-events'));
$node->assert_audit;
$node->assert_no_crash;
$kafka->stop;
done_testing();
