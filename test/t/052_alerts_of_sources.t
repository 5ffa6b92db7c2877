# An alert depends only on the source that it is about. If one source has trouble, heartbeat still raises the alerts about the
# other sources and their customers. One episode is one alert, even if the server restarts or the reason changes. When a source is
# dropped, its alerts of the kinds lag and state are closed, but its customers are not forgotten. An ingest worker that does not run
# causes no false alert about a customer, and closes no alert about a source.

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

my $kafka = Heartbeat::Kafka->new('alerts_of_sources');
$kafka->start;
$kafka->create_topic($_, 1) for qw(heartbeat-events ward);
$kafka->create_topic('home', 2);
my $node = Heartbeat::Cluster->create('alerts_of_sources', kafka => $kafka, owner => 'plain', settings => { 'heartbeat.workers' => 2 });
$node->query("SELECT heartbeat_add_source('$_', '$_')") for qw(ward home);

my $sent = 0;

sub publish
{
	my ($topic, @customers) = @_;
	$kafka->produce($topic, map { { partition => 0, value => reading($_, 70, reading_time(int(time) - 3600 + $sent++)) } } @customers);
	return;
}

sub stored
{
	my ($customer, $count) = @_;
	return $node->wait_for_query("SELECT count(*) FROM heartbeat_records WHERE customer_id = '$customer'", $count, "$count readings of $customer are stored");
}

# Waits for the expected alerts about the subject and the source. $expected is "all|closed": with 2|1 there are two alerts, and
# one of them is closed.
sub alerts_are
{
	my ($rule, $subject, $source, $expected, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return $node->wait_for_query(
		"SELECT count(*), count(closed_at) FROM heartbeat_alerts WHERE rule = '$rule' AND subject = '$subject' AND coalesce(source, '') = '$source'",
		$expected, $what);
}

sub open_alerts { my ($rule) = @_; return $node->query("SELECT string_agg(coalesce(source, '-'), ' ' ORDER BY source) FROM heartbeat_alerts WHERE rule = '$rule' AND closed_at IS NULL") // ''; }
sub state_of { my ($source) = @_; return "SELECT state FROM heartbeat_source_status WHERE source = '$source'"; }
sub reason { my ($source) = @_; return "SELECT detail->>'state', detail->>'reason' FROM heartbeat_alerts WHERE rule = 'state' AND source = '$source' AND closed_at IS NULL"; }

# A trigger raises an error for the readings of some customers. The error is not the fault of a reading, so the source of these
# readings is RETRYING until the trigger is changed.
sub refuse
{
	my ($pattern, $message) = @_;
	$node->query("CREATE OR REPLACE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS \$\$ BEGIN
		IF NEW.customer_id LIKE '$pattern' THEN RAISE EXCEPTION '$message' USING ERRCODE = '54000'; END IF;
		RETURN NEW; END \$\$");
	return;
}
refuse('nobody', '');
$node->query('CREATE TRIGGER refuse BEFORE INSERT ON heartbeat_records FOR EACH ROW EXECUTE FUNCTION refuse()');
$node->query("INSERT INTO heartbeat_alert_rules (name, kind, threshold, period) VALUES
	('silence', 'silence', NULL, '10 seconds'), ('lag', 'lag', 50, NULL), ('state', 'state', NULL, '3 seconds'), ('state of long', 'state', NULL, '12 seconds')");
$node->wait_for_query(state_of($_), 'RUNNING', "$_ is RUNNING") for qw(default ward home);
publish('heartbeat-events', 'of default');
publish('ward', 'of ward');
publish('home', 'of home');
stored("of $_", 1) for qw(default ward home);
$node->wait_for_query('SELECT string_agg(customer_id || chr(58) || source, chr(32) ORDER BY customer_id) FROM heartbeat_customers',
	'of default:default of home:home of ward:ward', 'heartbeat records the source of the last reading of each customer');
alerts_are('silence', "of $_", $_, '1|0', "the silence of a customer of $_ raises an alert") for qw(default ward home);
publish('heartbeat-events', 'of default');
publish('ward', 'of ward');
publish('home', 'of home');
alerts_are('silence', "of $_", $_, '1|1', "the next reading of the customer of $_ closes the alert") for qw(default ward home);

# The source ward is RETRYING and has a lag. The customers of the other sources still raise alerts. The customer of ward raises no
# alert, because the readings of this customer wait in Kafka.
refuse('% ward', 'the disk of ward is full');
publish('ward', ('of ward') x 60);
$node->wait_for_query(state_of('ward'), 'RETRYING', 'the source ward is RETRYING');
alerts_are('state', 'pipeline', 'ward', '1|0', 'the state of ward raises an alert');
alerts_are('lag', 'ward', 'ward', '1|0', 'the lag of ward raises an alert with the topic and the source');
is($node->query("SELECT detail FROM heartbeat_alerts WHERE rule = 'lag'"), '{"kind": "lag", "source": "ward", "lag_messages": 60}', 'the detail names the source');
alerts_are('silence', "of $_", $_, '2|1', "while ward is RETRYING, the silence of a customer of $_ raises an alert") for qw(default home);
alerts_are('silence', 'of ward', 'ward', '1|1', 'the customer of the source that is RETRYING raises no alert');

alerts_are('state of long', 'pipeline', 'ward', '1|0', 'a new attempt of a RETRYING source does not restart the period of a rule');

# A second source has a problem, and gets an alert of its own, although the problem of the first source has not ended.
$node->query("SELECT heartbeat_pause('new devices', 'home')");
alerts_are('state', 'pipeline', 'home', '1|0', 'the pause of home raises another alert');
$node->wait_for_query(reason('home'), 'PAUSED|source "home": new devices', 'the alert has the reason of the pause');
$kafka->produce('home', map { { partition => 0, value => reading('of home', 70, reading_time(int(time) - 7200 + $_)) } } 1 .. 70);
alerts_are('lag', 'home', 'home', '1|0', 'the lag of home raises another alert');
is(open_alerts('lag'), 'home ward', 'each source that lags has one open alert');

# A pause of all sources raises one alert, which belongs to no source. The open alerts of the sources stay open.
$node->query("SELECT heartbeat_pause('new rooms')");
alerts_are('state', 'pipeline', '', '1|0', 'the pause of all sources raises one alert');
like($node->query("SELECT detail FROM heartbeat_alerts WHERE rule = 'state' AND source IS NULL"), qr/"state": "PAUSED", "reason": "new rooms"/, 'the alert has the reason of the pause');
is(open_alerts('state'), 'home ward -', 'no source has another alert, and the open alerts stay open');
$node->query('SELECT heartbeat_resume()');
alerts_are('state', 'pipeline', '', '1|1', 'the alert is closed after the pause');

# Another reason, a pause and a restart belong to the same episode. After the restart, heartbeat does not know whether the duty
# `packing` has failed or succeeded.
refuse('% ward', 'the disk of ward is broken');
$node->query(q{INSERT INTO heartbeat_alerts (rule, subject, detail) VALUES ('state', 'pipeline', '{"kind": "state", "state": "RETRYING", "duty": "packing"}')});
$node->restart;
$node->wait_for_query(state_of('ward'), 'RETRYING', 'the source ward is RETRYING after a restart');
$node->query("SELECT heartbeat_pause('repair', 'ward')");
$node->wait_for_query(reason('ward'), 'PAUSED|source "ward": repair', 'the alert follows the state');
$node->query("SELECT heartbeat_resume('ward')");
$node->wait_for_query(reason('ward'), qr/^RETRYING\|.*the disk of ward is broken/, 'the alert has the reason after the pause');
is($node->query("SELECT string_agg(rule || chr(58) || source, chr(32) ORDER BY rule, source) FROM heartbeat_alerts WHERE rule IN ('state', 'lag') AND source <> 'home'"),
	'lag:ward state:ward', 'each trouble of ward has raised one alert');
is($node->query("SELECT count(*) FROM heartbeat_alerts WHERE rule IN ('state', 'lag') AND source = 'ward' AND closed_at IS NOT NULL"), 0, 'no alert of ward was closed in the meantime');

# The end of the trouble closes the alerts.
refuse('nobody', '');
alerts_are('state', 'pipeline', $_, '1|1', "the alert about the state of $_ is closed") for qw(ward home);
alerts_are('lag', $_, $_, '1|1', "the alert about the lag of $_ is closed") for qw(ward home);

$node->wait_for_query('SELECT clock_timestamp() > pg_postmaster_start_time() + $$20 seconds$$', 't', 'the start was 20 seconds ago');
is($node->query("SELECT count(*), count(closed_at), min(detail->>'duty') FROM heartbeat_alerts WHERE rule = 'state' AND source IS NULL AND detail ? 'duty'"),
	'1|0|packing', 'the alert about a duty is open until the duty succeeds, also if the owner of the extension is no superuser');
$node->query("DELETE FROM heartbeat_alerts WHERE detail ? 'duty'");

# A source is dropped. Its alerts about the lag and the state are closed. Silence rules still examine its customers.
alerts_are('silence', 'of ward', 'ward', '2|1', 'the silence of the customer of ward raises an alert');
publish('ward', 'other of ward');
stored('other of ward', 1);
$node->query("SELECT heartbeat_pause('before the drop', 'ward')");
alerts_are('state', 'pipeline', 'ward', '2|1', 'the pause of ward raises an alert');
$node->query("SELECT heartbeat_drop_source('ward')");
alerts_are('state', 'pipeline', 'ward', '2|2', 'the alert about the state is closed when the source is dropped');
publish('heartbeat-events', 'of default');
alerts_are('silence', 'of default', 'default', '2|2', 'the other customer still sends');
alerts_are('silence', 'other of ward', '', '1|0', 'the silence of a customer of the dropped source raises an alert');
alerts_are('silence', 'of ward', 'ward', '2|1', 'the alert about the silence is open after the source was dropped');
publish('heartbeat-events', 'of ward', 'other of ward');
alerts_are('silence', 'of ward', 'ward', '2|2', 'a reading from another source closes the alert');
alerts_are('silence', 'other of ward', '', '1|1', 'a reading closes the alert that has no source');

# One of the two workers ends, and the launcher cannot start it again, because the test has stopped the launcher. The Kafka
# partitions of this worker are not read. The other worker still reads its Kafka partition of the source `home`.
refuse('%slow', 'the disk of home is full');
publish('home', 'guest');
stored('guest', 1);
$kafka->produce('home', map { { partition => 0, value => reading('slow', 70, reading_time(int(time) - 7200 + $_)) } } 1 .. 60);
alerts_are('lag', 'home', 'home', '2|1', 'the lag of a Kafka partition of home raises an alert');
alerts_are('state', 'pipeline', 'home', '2|1', 'the state of home raises an alert');
my $before = $node->query("SELECT count(*) FROM heartbeat_alerts WHERE rule LIKE 'state%' AND source IS NULL");
my $launcher = $node->worker_pid('heartbeat launcher');
kill 'STOP', $launcher;
$node->query("SELECT pg_terminate_backend(worker_pid) FROM heartbeat_partitions WHERE source = 'home' AND partition = 0");
$node->wait_for_query(state_of('home'), 'RUNNING', 'the other worker reads the other Kafka partition of home');
is($node->query("SELECT lag_messages IS NULL FROM heartbeat_source_status WHERE source = 'home'"), 't', 'the lag of home is not known');
$node->wait_for_query("SELECT count(*) - $before FROM heartbeat_alerts WHERE rule LIKE 'state%' AND source IS NULL", 2, 'the worker that does not run raises an alert by each rule');
$node->wait_for_query("SELECT clock_timestamp() > min(heard_until) + '17 seconds' FROM heartbeat_customers WHERE customer_id = 'guest'", 't', 'a rule had the time to examine the customer');
alerts_are('silence', 'guest', 'home', '0|0', 'the customer whose Kafka partition no worker reads raises no alert');
alerts_are('lag', 'home', 'home', '2|1', 'the alert about the lag is open');
alerts_are('state', 'pipeline', 'home', '2|1', 'the alert about the state of home is open');
kill 'CONT', $launcher;
refuse('nobody', '');
my $closed = "SELECT count(*) FROM heartbeat_alerts WHERE rule LIKE 'state%' AND source IS NULL AND closed_at IS NULL";
$node->wait_for_query($closed, 0, 'the alerts are closed when both workers run');

# Every four seconds the test ends the older of the two workers, so each worker runs for about eight seconds. The loop ends
# after 24 seconds, because the launcher would then delay the restarts.
my $deadline = time + 24;
my $raised = "SELECT count(*) - $before FROM heartbeat_alerts WHERE rule = 'state' AND source IS NULL";
while ($node->query($raised) < 2 && time < $deadline)
{
	$node->query("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE backend_type LIKE 'heartbeat worker%' ORDER BY backend_start LIMIT 1");
	sleep 4;
}
is($node->query($raised), 2, 'workers that end again and again raise an alert, although each start is a moment ago');

is($node->query('SELECT (SELECT sum(abs(difference)) FROM heartbeat_audit()), (SELECT sum(abs(difference)) FROM heartbeat_audit_tables())'), '0|0', 'both audits are exact');
$node->assert_no_crash;
$kafka->stop;
done_testing();
