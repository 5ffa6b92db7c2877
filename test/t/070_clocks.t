# Clocks of devices are wrong. A wrong clock never makes heartbeat drop a reading. An alert about silence depends on the time at
# which readings arrive, and not on the event times. An anomaly with an event time in the future does not stay at the top of
# vw_recent_anomalies, and no view shows a last event in the future.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(usleep);
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

my $topic = 'heartbeat-events';
my $kafka = Heartbeat::Kafka->new('clocks');
$kafka->start;
$kafka->create_topic($topic, 2);
my $node = Heartbeat::Cluster->create('clocks', kafka => $kafka, settings => { 'track_functions' => 'all' });
$node->wait_for_state('RUNNING');

my %ahead = ('hour' => 3600, 'days' => 3 * 86400, 'years' => 73 * 365 * 86400);
my %off   = (%ahead, 'right' => 0, 'behind hour' => -3600, 'behind days' => -3 * 86400, 'behind years' => -73 * 365 * 86400);

# Publishes a reading of each customer. The event time is the time of the customer's clock.
sub publish
{
	my ($rate, @customers) = @_;
	my $now = int(time) - 1;    # one second before now, because the event times have a fraction of 0.25 s and must be in the past
	$kafka->produce($topic, map { { partition => length($_) % 2, value => reading($_, $rate, reading_time($now + $off{$_ =~ s/^\w+: //r}, 250_000)) } } @customers);
	return $node->wait_for_offsets($topic, $kafka->end_offsets($topic));
}
my $most_recent = 'SELECT customer_id FROM vw_recent_anomalies LIMIT 1';
my $last_event  = "SELECT value::timestamptz BETWEEN now() - interval '1 minute' AND now() FROM vw_pipeline_summary WHERE metric = 'last_event'";

# If a device's clock is ahead by more than heartbeat.max_clock_skew, vw_recent_anomalies sorts the anomaly by the time of its
# arrival minus this setting. So the customer with the right clock comes first.
publish(200, sort keys %ahead);
is($node->query('SELECT count(*) FROM heartbeat_anomalies'), 3, 'anomalies of each clock that is ahead are stored');
is($node->query($last_event), 't', 'the last event is the time at which these anomalies arrived, not their event time');
publish(200, 'right');
publish(70, sort keys %off);
is($node->query($most_recent), 'right', 'the most recent anomaly is from the customer with the right clock');
is($node->query("SELECT string_agg(customer_id, ' ' ORDER BY customer_id) FROM vw_recent_anomalies"), 'days hour right years', 'anomalies with a time in the future are sorted by their arrival');
is($node->query('SELECT count(*) FROM heartbeat_records'), 7, 'readings of each clock are stored');
is($node->query('SELECT count(*) FROM heartbeat_dead_letters'), 0, 'no reading is a dead letter because of its time');
is($node->query($last_event), 't', 'the last event is not in the future');
is($node->query('SELECT bool_and(last_event <= now()) FROM heartbeat_offsets'), 't', 'the last event of each partition is not in the future');
is($node->query("SELECT bool_and(last <= now()) FROM (SELECT max(value::timestamptz) AS last FROM vw_pipeline_summary WHERE metric LIKE '%\\_event') v"), 't', 'no view shows an event in the future');
my @more = map { "more$_: right" } 1 .. 3;
publish(200, @more);
is($node->query("SELECT string_agg(customer_id, ', ') FROM (SELECT customer_id FROM vw_recent_anomalies LIMIT 4) v") =~ s/right//gr =~ tr/:,/:,/, 6, 'newer anomalies of right clocks come first');
$node->query("UPDATE heartbeat_offsets SET last_event = '2099-01-01'");
is($node->query($last_event), 't', 'a last event in the future that an older version stored is not shown');
publish(70, 'right', 'days');
is($node->query("SELECT max(last_event) <= now() FROM heartbeat_offsets"), 't', 'the next batch replaces this last event');

# If a device's clock is ahead by less than heartbeat.max_clock_skew, vw_recent_anomalies sorts the anomaly by its event time.
$node->set('heartbeat.max_clock_skew' => '2h');
is($node->query($most_recent), 'hour', 'an event time within heartbeat.max_clock_skew may be the most recent one');
$node->set('heartbeat.max_clock_skew' => '2s');    # a reading arrives at most 2 seconds after its event time
is($node->query($most_recent) =~ /right/, 1, 'the right clock comes first with a small heartbeat.max_clock_skew');
$node->set('heartbeat.max_clock_skew' => '5min');

# If a device's clock is ahead, an alert rule counts each anomaly of the device once, at the time of its arrival.
sub alerts { my ($rule, $state) = @_; return "SELECT coalesce(string_agg(DISTINCT subject, ', ' ORDER BY subject), '') FROM heartbeat_alerts WHERE rule = '$rule' AND closed_at IS $state"; }
$node->query("INSERT INTO heartbeat_alert_rules (name, kind, threshold, period) VALUES ('many', 'anomalies', 2, '1 hour')");
for my $n (1, 2) { $off{"a$n"} = 3600 + $n; }
$kafka->produce($topic, map { { value => reading('fast', 200, reading_time(int(time) + 3600 + $_)) } } 1, 2);
$node->wait_for_query(alerts('many', 'NULL'), 'fast', 'anomalies an hour ahead raise an alert at once');
$node->query("DELETE FROM heartbeat_alert_rules");

# A silence rule raises an alert for each device that stops sending, and for no other device. The device's clock does
# not matter.
my @silent = map { "silent: $_" } sort keys %off;
my @alive  = map { "alive: $_" } sort keys %off;
$node->query("INSERT INTO heartbeat_alert_rules (name, kind, period) VALUES ('silent', 'silence', '10 seconds')");
publish(70, @silent, @alive);
my $deadline = time + 150;
my $raised;
do
{
	publish(70, @alive);
	usleep(1_500_000);
	$raised = $node->query(alerts('silent', 'NULL') . " AND subject LIKE 'silent:%'");
} until ($raised eq join(', ', @silent) || time > $deadline);
is($raised, join(', ', @silent), 'each silent device raises an alert');
is($node->query("SELECT count(*) FROM heartbeat_alerts WHERE subject LIKE 'alive:%'"), 0, 'no device that sends raises an alert, whatever its event times');

# A replay stores readings of the silent devices, but does not end the silence, because replayed readings do not count as
# arrivals.
my $evaluations = "SELECT calls FROM pg_stat_user_functions WHERE funcname = 'heartbeat_evaluate_alerts'";
sub evaluated
{
	my $calls = $node->query($evaluations) + 2;
	return $node->wait_for_query("SELECT calls >= $calls FROM pg_stat_user_functions WHERE funcname = 'heartbeat_evaluate_alerts'", 't', 'the rules are evaluated twice');
}
$node->query("DELETE FROM heartbeat_records WHERE customer_id LIKE 'silent:%'");
is($node->query("SELECT sum(records) FROM heartbeat_replay(now() - interval '1 hour', now())"), scalar(@silent), 'a replay stores the deleted readings');
evaluated();
is($node->query(alerts('silent', 'NULL') . " AND subject LIKE 'silent:%'"), join(', ', @silent), 'the alerts about silence stay open after a replay');

# The evaluation of a silence rule does not read the tables of readings.
my $scans = "SELECT sum(seq_scan + idx_scan) FROM pg_stat_user_tables WHERE relname LIKE 'heartbeat\\_records%' OR relname LIKE 'heartbeat\\_anomalies%'";
$node->query('SELECT pg_stat_force_next_flush()') if $node->query('SHOW server_version_num') >= 150000;
my $before = $node->query($scans);
evaluated();
is($node->query($scans), $before, 'the rule about silence scans no table of readings');

publish(70, @silent);
$node->wait_for_query(alerts('silent', 'NULL') . " AND subject LIKE 'silent:%'", '', 'the alerts about silence are closed when readings arrive, whatever their times');
$node->assert_audit;
$node->assert_no_crash;
$kafka->stop;
done_testing();
