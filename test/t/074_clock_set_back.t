# A machine boots with a clock that is two hours ahead, and NTP later sets the clock back. heartbeat measures all waiting times
# with the monotonic clock. So none of these tasks stops for two hours: restarts of workers, new questions to Kafka, alert
# rules, the rollup, and the detection of stalled work.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use Test::More;
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;
use Heartbeat::ServerClock;

my $topic = 'heartbeat-events';
my $kafka = Heartbeat::Kafka->new('clock_set_back');
$kafka->start;
$kafka->create_topic($topic, 1);
my $clock = Heartbeat::ServerClock->new(7200);
my $node;
{
	local %ENV = (%ENV, $clock->environment);
	$node = Heartbeat::Cluster->create('clock_set_back', kafka => $kafka, settings => { 'heartbeat.stall_timeout' => '5s' });
}
is($node->query("SELECT clock_timestamp() > to_timestamp(" . time . ") + interval '1 hour'"), 't', 'the clock of the server is ahead');
$node->wait_for_state('RUNNING');

sub publish
{
	my ($customer) = @_;
	$kafka->produce($topic, { value => reading($customer, 70, reading_time(int(time))) });
	return $node->wait_for_offsets($topic, $kafka->end_offsets($topic));
}

sub alert { my ($rule) = @_; return "SELECT count(*) FROM heartbeat_alerts WHERE rule = '$rule'"; }

publish('silent');
$node->query("INSERT INTO heartbeat_alert_rules (name, kind, period) VALUES
	('silence', 'silence', '10 seconds'), ('state', 'state', '10 seconds'), ('long', 'state', '1 hour')");
$node->wait_for_query("SELECT count(*) FROM heartbeat_customers WHERE heard_until > clock_timestamp() - interval '1 minute'", 1, 'the server knows when the reading arrived');
$node->wait_for_query(alert('silence'), 1, 'a silent customer raises an alert while the clock is ahead');
publish('silent');
$node->wait_for_query("SELECT count(*) FROM heartbeat_alerts WHERE closed_at IS NULL", 0, 'the next reading closes the alert');
$node->query('INSERT INTO heartbeat_stale_minutes (minute_bucket) VALUES (date_trunc(\'minute\', now()))');

# Now the clock is right. No reading arrives, so the maintenance worker must evaluate the alert rule by its own timer.
$clock->set(0);
is($node->query("SELECT clock_timestamp() < to_timestamp(" . time . ") + interval '1 hour'"), 't', 'the clock of the server is set back');
$node->wait_for_query(alert('silence'), 2, 'a customer who is silent since before the change raises an alert');

for my $like ('heartbeat worker%', 'heartbeat maintenance')
{
	my $pid = $node->worker_pid($like);
	$node->query("SELECT pg_terminate_backend($pid)");
	$node->wait_for_query("SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE '$like' AND pid <> $pid", 1, "the launcher restarts $like");
}
$node->wait_for_state('RUNNING');
$node->query('SELECT heartbeat_pause(); SELECT heartbeat_resume()');    # makes the rollup due
$node->wait_for_query('SELECT count(*) FROM heartbeat_stale_minutes', 0, 'the rollup is rebuilt although the mark of the minute is in the future');
publish('restarted');

# While Kafka is away, the clock is set back once more, so that all times of the ingest worker are in the future.
$clock->set(7200);
$node->wait_for_state('RUNNING');
publish('ahead again');
$kafka->stop;
$node->wait_for_state('CONNECTING');
$clock->set(0);
$node->wait_for_query(alert('state'), 1, 'the rule about the state raises an alert although the state began in the future');
is($node->query(alert('long')), 0, 'the rule with a longer period raises no alert yet');
$kafka->start;
$node->wait_for_state('RUNNING');
publish('connected again');

# A batch waits for a lock for longer than heartbeat.stall_timeout. The clock is set back while the batch waits.
$clock->set(7200);
my $session = $node->background_psql('heartbeat');
$session->query_safe('BEGIN; LOCK TABLE heartbeat_records IN EXCLUSIVE MODE');
$kafka->produce($topic, { value => reading('stalled', 70, reading_time(int(time))) });
$node->wait_for_query("SELECT count(*) FROM pg_stat_activity WHERE backend_type LIKE 'heartbeat worker%' AND wait_event_type = 'Lock'", 1, 'a batch waits');
$clock->set(0);
$node->wait_for_state('STALLED');
is($node->query("SELECT since BETWEEN clock_timestamp() - interval '5 minutes' AND clock_timestamp() FROM heartbeat_status"), 't', 'the beginning of the state is a time of the clock as it is now');
$session->query_safe('COMMIT');
$session->quit;
$node->wait_for_state('RUNNING');
$node->wait_for_offsets($topic, $kafka->end_offsets($topic));

$node->assert_audit;
$node->assert_no_crash;
$kafka->stop;
done_testing();
