# An ingest worker ends again and again, each time after it has run for more than ten seconds. heartbeat_status is RUNNING most of
# the time, but a rule of kind `state` raises an alert. The rule's period begins when the worker ends for the first time. A worker
# that ends only once raises no alert.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use Test::More;
use Time::HiRes qw(time);
use Heartbeat::Cluster;
use Heartbeat::FakeBroker;
use Heartbeat::Reading;

my $broker = Heartbeat::FakeBroker->new(messages => [ map { { value => reading('CUST-1', 60, reading_time(1_790_000_000, $_)) } } 1 .. 5 ]);
my $node   = Heartbeat::Cluster->create('ends_again', settings => { 'heartbeat.brokers' => $broker->address });
$node->wait_for_offsets('heartbeat-events', 5);
$node->query("INSERT INTO heartbeat_alert_rules (name, kind, period) VALUES ('state', 'state', '40 seconds')");
my $raised = 'SELECT count(*) FROM heartbeat_alerts';

# Ends the worker, and waits until the next worker has run for 12 seconds.
sub end_worker
{
	my $pid = $node->worker_pid('heartbeat worker%');
	$node->query("SELECT pg_terminate_backend($pid)");
	return $node->wait_for_query(
		"SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'heartbeat worker%' AND pid <> $pid AND backend_start < clock_timestamp() - interval '12 seconds'",
		1, 'the next worker runs for 12 seconds');
}

end_worker();
is($node->query($raised), 0, 'one end raises no alert');
my $deadline = time + 150;
end_worker() while $node->query($raised) == 0 && time < $deadline;
is($node->query($raised), 1, 'ends in a span of more than 40 seconds raise an alert');
like($node->query("SELECT detail->>'reason' FROM heartbeat_alerts WHERE source IS NULL"), qr/has run for less than a minute/, 'the reason says how long the worker has run');
is($node->query('SELECT state FROM heartbeat_status'), 'RUNNING', 'heartbeat_status is RUNNING meanwhile');
$node->wait_for_query("$raised WHERE closed_at IS NOT NULL", 1, 'the alert is closed when the worker has run for a minute');

# A duty fails. Then the launcher and the worker are restarted. The failure of the duty tells a person more than "the workers are
# starting".
$node->query(q{CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$ BEGIN RAISE EXCEPTION 'no rollup today'; END $$;
	CREATE TRIGGER refuse BEFORE INSERT OR UPDATE OR DELETE ON heartbeat_rollup FOR EACH STATEMENT EXECUTE FUNCTION refuse()});
$node->query("INSERT INTO heartbeat_stale_minutes (minute_bucket) VALUES (date_trunc('minute', to_timestamp(1790000000)))");
for my $failures (1 .. 3)
{
	$node->query('SELECT heartbeat_wake_workers()');
	$node->wait_for_query("SELECT failures >= $failures FROM heartbeat_maintenance WHERE duty = 'rollup'", 't', "the duty has failed $failures times");
}
my $launcher = $node->worker_pid('heartbeat launcher');
kill 'TERM', $launcher;
$node->wait_for_query("SELECT count(*) FROM pg_stat_activity WHERE backend_type = 'heartbeat launcher' AND pid <> $launcher", 1, 'PostgreSQL restarts the launcher');
$launcher = $node->worker_pid('heartbeat launcher');
kill 'STOP', $launcher;
# Only in the first ten seconds of the launcher, the reason would be "the workers are starting".
like($node->query("SELECT FROM pg_stat_activity WHERE backend_type LIKE 'heartbeat worker%' AND NOT pg_terminate_backend(pid, 5000);
		SELECT state, duty, reason FROM heartbeat_common_trouble()"),
	qr/^RETRYING\|(fold|rollup)\|the maintenance worker cannot .*: no rollup today$/, 'while the workers are starting, the reason is the failing duty');
kill 'CONT', $launcher;
$node->wait_for_query("SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'heartbeat worker%'", 1, 'the worker runs again');

$node->assert_no_crash;
done_testing();
