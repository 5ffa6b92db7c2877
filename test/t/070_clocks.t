# Clocks of devices that are wrong: nothing is dropped for it, silence goes by arrival, and what is recent or last is not led by
# times that have not come.

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

# The readings of some customers, each by its own clock.
sub publish
{
	my ($rate, @customers) = @_;
	my $now = int(time) - 1;    # and a fraction: of the past, also where all is quick
	$kafka->produce($topic, map { { partition => length($_) % 2, value => reading($_, $rate, reading_time($now + $off{$_ =~ s/^\w+: //r}, 250_000)) } } @customers);
	return $node->wait_for_offsets($topic, $kafka->end_offsets($topic));
}
my $most_recent = 'SELECT customer_id FROM vw_recent_anomalies LIMIT 1';
my $last_event  = "SELECT value::timestamptz BETWEEN now() - interval '1 minute' AND now() FROM vw_pipeline_summary WHERE metric = 'last_event'";

# Views: the right clock leads, whatever comes before and after it.
publish(200, sort keys %ahead);
is($node->query('SELECT count(*) FROM heartbeat_anomalies'), 3, 'anomalies of each clock that is ahead are stored');
is($node->query($last_event), 't', 'the last event is when they arrived');
publish(200, 'right');
publish(70, sort keys %off);
is($node->query($most_recent), 'right', 'the most recent anomaly is that of the right clock');
is($node->query("SELECT string_agg(customer_id, ' ' ORDER BY customer_id) FROM vw_recent_anomalies"), 'days hour right years', 'those ahead are listed by their arrival');
is($node->query('SELECT count(*) FROM heartbeat_records'), 7, 'readings of each clock are stored');
is($node->query('SELECT count(*) FROM heartbeat_dead_letters'), 0, 'and none is a dead letter');
is($node->query($last_event), 't', 'the last event is one of now');
is($node->query('SELECT bool_and(last_event <= now()) FROM heartbeat_offsets'), 't', 'also of each partition');
is($node->query("SELECT bool_and(last <= now()) FROM (SELECT max(value::timestamptz) AS last FROM vw_pipeline_summary WHERE metric LIKE '%\\_event') v"), 't', 'no view has a time to come');
my @more = map { "more$_: right" } 1 .. 3;
publish(200, @more);
is($node->query("SELECT string_agg(customer_id, ', ') FROM (SELECT customer_id FROM vw_recent_anomalies LIMIT 4) v") =~ s/right//gr =~ tr/:,/:,/, 6, 'newer ones of right clocks come before them');
$node->query("UPDATE heartbeat_offsets SET last_event = '2099-01-01'");
is($node->query($last_event), 't', 'a last event that an older version has stored is not shown');
publish(70, 'right', 'days');
is($node->query("SELECT max(last_event) <= now() FROM heartbeat_offsets"), 't', 'and is gone with the next batch');

# How far ahead is tolerated.
$node->set('heartbeat.max_clock_skew' => '2h');
is($node->query($most_recent), 'hour', 'a clock that is ahead as far as is tolerated is taken at its word');
$node->set('heartbeat.max_clock_skew' => '2s');    # readings arrive within that
is($node->query($most_recent) =~ /right/, 1, 'with little tolerance too, the right clock leads');
$node->set('heartbeat.max_clock_skew' => '5min');

# A rule on anomalies takes those of clocks that are ahead by their arrival, once.
sub alerts { my ($rule, $state) = @_; return "SELECT coalesce(string_agg(DISTINCT subject, ', ' ORDER BY subject), '') FROM heartbeat_alerts WHERE rule = '$rule' AND closed_at IS $state"; }
$node->query("INSERT INTO heartbeat_alert_rules (name, kind, threshold, period) VALUES ('many', 'anomalies', 2, '1 hour')");
for my $n (1, 2) { $off{"a$n"} = 3600 + $n; }
$kafka->produce($topic, map { { value => reading('fast', 200, reading_time(int(time) + 3600 + $_)) } } 1, 2);
$node->wait_for_query(alerts('many', 'NULL'), 'fast', 'anomalies an hour ahead raise an alert at once');
$node->query("DELETE FROM heartbeat_alert_rules");

# Silence: each device that sends no more raises an alert, whatever its clock says, and none that sends does.
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
is($raised, join(', ', @silent), 'each device that is silent raises an alert');
is($node->query("SELECT count(*) FROM heartbeat_alerts WHERE subject LIKE 'alive:%'"), 0, 'and none that sends, at whatever time of its own');

# A replay stores readings, but brings no news of anybody.
my $evaluations = "SELECT calls FROM pg_stat_user_functions WHERE funcname = 'heartbeat_evaluate_alerts'";
sub evaluated
{
	my $calls = $node->query($evaluations) + 2;
	return $node->wait_for_query("SELECT calls >= $calls FROM pg_stat_user_functions WHERE funcname = 'heartbeat_evaluate_alerts'", 't', 'the rules are evaluated');
}
$node->query("DELETE FROM heartbeat_records WHERE customer_id LIKE 'silent:%'");
is($node->query("SELECT sum(records) FROM heartbeat_replay(now() - interval '1 hour', now())"), scalar(@silent), 'a replay stores what had been deleted');
evaluated();
is($node->query(alerts('silent', 'NULL') . " AND subject LIKE 'silent:%'"), join(', ', @silent), 'and their silence goes on');

# No reading is looked at for it.
my $scans = "SELECT sum(seq_scan + idx_scan) FROM pg_stat_user_tables WHERE relname LIKE 'heartbeat\\_records%' OR relname LIKE 'heartbeat\\_anomalies%'";
$node->query('SELECT pg_stat_force_next_flush()') if $node->query('SHOW server_version_num') >= 150000;
my $before = $node->query($scans);
evaluated();
is($node->query($scans), $before, 'silence is found without a look at the readings');

publish(70, @silent);
$node->wait_for_query(alerts('silent', 'NULL') . " AND subject LIKE 'silent:%'", '', 'it ends when a reading arrives, of whatever time');
$node->assert_audit;
$node->assert_no_crash;
$kafka->stop;
done_testing();
