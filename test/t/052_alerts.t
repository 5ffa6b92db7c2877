# The rules in heartbeat_alert_rules raise alerts: one alert for each episode, even if the server restarts or crashes during
# the episode. Sessions that run LISTEN, such as the clients in examples/, get a notification.

use strict;
use warnings;

use FindBin;
use lib "$FindBin::RealBin/lib";
use IPC::Run ();
use PostgreSQL::Test::Utils;
use Test::More;
use Time::HiRes qw(time usleep);
use Heartbeat::Cluster;
use Heartbeat::Kafka;
use Heartbeat::Reading;

my $topic = 'heartbeat-events';
my $kafka = Heartbeat::Kafka->new('alerts');
$kafka->start;
$kafka->create_topic($topic, 2);
my $node = Heartbeat::Cluster->create('alerts', kafka => $kafka, owner => 'heartbeat_owner', settings => { 'track_functions' => 'all' });

# Publishes one reading of the customer for each number in @ago. The event time of the reading is that number of seconds before
# now.
sub publish
{
	my ($customer, $rate, @ago) = @_;
	$kafka->produce($topic, map { { value => reading($customer, $rate, reading_time(int(time) - $_, 250_000)) } } @ago);
	return $node->wait_for_offsets($topic, $kafka->end_offsets($topic));
}
sub alert_is
{
	my ($rule, $subject, $expected, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	return $node->wait_for_query("SELECT count(*), count(closed_at) FROM heartbeat_alerts WHERE rule = '$rule' AND subject = '$subject'",
		$expected, $what);
}

$node->wait_for_state('RUNNING');

# The clients listen from the beginning of the test. The last part of the test checks the output of the clients.
my $examples = "$FindBin::RealBin/../../examples";
my %printed  = (python => '', psql => '');
my %clients  = (
	python => [ 'python3', "$examples/listen.py", $node->connstr('heartbeat') ],
	psql   => [ "$examples/listen.sh", '-d', $node->connstr('heartbeat') ]);
my %running = map { $_ => IPC::Run::start($clients{$_}, '<', \undef, '>', \$printed{$_}, '2>&1') } keys %clients;

sub client_prints
{
	my ($client, $pattern, $what) = @_;
	local $Test::Builder::Level = $Test::Builder::Level + 1;
	my $deadline = time + 60;
	until ($printed{$client} =~ $pattern || time > $deadline)
	{
		$running{$client}->pump_nb;
		usleep(20_000);
	}
	return like($printed{$client}, $pattern, $what);
}
client_prints('python', qr/^state +RUNNING/m, 'the client in Python prints the state first');
client_prints('psql',   qr/RUNNING/,          'the client in psql prints the state first');

# Tests three anomalies of one customer in a minute.
$node->query("INSERT INTO heartbeat_alert_rules (name, kind, threshold, period) VALUES ('three', 'anomalies', 3, '1 minute')");
publish('A', 200, 40, 20);
publish('B', 70, 3, 2, 1);
publish('A', 70,  1);
is($node->count('heartbeat_alerts'), 0, 'two anomalies raise no alert of a rule with the threshold 3');
publish('A', 30, 0);
alert_is('three', 'A', '1|0', 'three anomalies of one customer in a minute raise an alert');
is($node->query("SELECT detail->>'anomalies' FROM heartbeat_alerts"), 3, 'the alert has the number of anomalies');
publish('A', 200, 39, 38, 37);
publish('C', 0, 3, 2, 1);
alert_is('three', 'C', '1|0', 'three anomalies of another customer raise another alert');
alert_is('three', 'A', '1|0', 'more anomalies of the first customer raise no second alert');

# The server restarts, and the process that evaluates the rules crashes. The client in Python connects again.
$node->restart;
$node->wait_for_state('RUNNING');
publish('A', 201, 36, 35);
publish('D', 0, 3, 2, 1);
alert_is('three', 'D', '1|0', 'an alert is raised after a restart');
alert_is('three', 'A', '1|0', 'an open alert is not raised again after a restart');
$node->kill_worker('heartbeat maintenance');
publish('E', 0, 3, 2, 1);
alert_is('three', 'E', '1|0', 'an alert is raised after a crash of the maintenance worker');
is($node->query('SELECT count(*), count(DISTINCT subject), count(closed_at) FROM heartbeat_alerts'), '4|4|0', 'each customer has one open alert');

# When an episode has ended, the next episode raises another alert. Anomalies that arrive a minute late also count.
$node->query("INSERT INTO heartbeat_alert_rules (name, kind, threshold, period) VALUES ('late', 'anomalies', 2, '1 second')");
publish('F', 200, 55, 54);
alert_is('late', 'F', '1|0', 'anomalies that arrive late raise an alert');
alert_is('late', 'F', '1|1', 'the alert is closed when the episode has ended');
publish('F', 200, 51, 50);
alert_is('late', 'F', '2|1', 'the next episode raises another alert');
$node->query("UPDATE heartbeat_alert_rules SET enabled = false WHERE name = 'late'; DELETE FROM heartbeat_alert_rules WHERE name = 'three'");
$node->wait_for_query('SELECT count(*) FROM heartbeat_alerts WHERE closed_at IS NULL', 0, 'the alerts of a removed or disabled rule are closed');

# All enabled rules are about anomalies, and no alert is open. So the maintenance worker evaluates no rule until a reading
# arrives. The test waits longer than the interval for other rules, and expects no evaluation.
$node->query("INSERT INTO heartbeat_alert_rules (name, kind, threshold, period) VALUES ('many', 'anomalies', 1000, '1 second')");
my $calls = "SELECT calls FROM pg_stat_user_functions WHERE funcname = 'heartbeat_evaluate_alerts'";
usleep(1_500_000);
my $before = $node->query($calls);
usleep(6_000_000);
is($node->query($calls), $before, 'without new readings and open alerts nothing is evaluated');

# A lock blocks the maintenance worker while it evaluates the rule `first`. Ingest then stores an anomaly that the snapshot of
# this evaluation does not contain. The anomaly must raise an alert, although no later reading arrives.
$node->query("DELETE FROM heartbeat_alert_rules");
$node->wait_for_query("SELECT calls > $before FROM pg_stat_user_functions WHERE funcname = 'heartbeat_evaluate_alerts'", 't', 'the rules are evaluated after all of them are removed');
my $holder = $node->background_psql('heartbeat');
$holder->query_safe('BEGIN; LOCK TABLE heartbeat_anomalies_default');
$node->query("INSERT INTO heartbeat_alert_rules (name, kind, threshold, period, customer_id) VALUES ('first', 'anomalies', 1, '1 minute', 'G')");
$node->wait_for_query("SELECT a.query FROM pg_locks l JOIN pg_stat_activity a USING (pid)
	WHERE l.relation = 'heartbeat_anomalies_default'::regclass AND NOT l.granted", 'evaluating alert rules', 'the lock stops the evaluation');
publish('G', 200, 3);
$holder->query_safe('COMMIT');
$holder->quit;
alert_is('first', 'G', '1|0', 'an anomaly that is stored during the evaluation of the first rule raises an alert');
$node->query("DELETE FROM heartbeat_alert_rules WHERE name = 'first'");
alert_is('first', 'G', '1|1', 'the alert of the removed rule is closed');

# heartbeat evaluates rules of the kinds `silence`, `dead_letters`, `lag` and `state` at intervals.
$node->query("INSERT INTO heartbeat_customers VALUES ('quiet') ON CONFLICT DO NOTHING;
	INSERT INTO heartbeat_alert_rules (name, kind, threshold, period, customer_id) VALUES ('silent', 'silence', NULL, '10 seconds', NULL),
	('one is silent', 'silence', NULL, '10 seconds', 'one'), ('garbage', 'dead_letters', 1, NULL, NULL),
	('behind', 'lag', 150, NULL, NULL), ('stands', 'state', NULL, '0', NULL)");
publish($_, 70, 20) for qw(quiet one);
$kafka->produce($topic, map { { value => "garbage $_" } } 1, 2);
alert_is('silent',        'quiet',    '1|0', 'a silent customer raises an alert');
alert_is('one is silent', 'one',      '1|0', 'the silent customer that a rule names raises an alert');
alert_is('garbage',       'pipeline', '1|0', 'dead letters above the threshold raise an alert');
publish($_, 70, -30) for qw(quiet one);
$node->query("DELETE FROM heartbeat_dead_letters WHERE payload = 'garbage 1'");
alert_is('silent',        'quiet',    '1|1', 'the alert about silence is closed at the next reading');
alert_is('one is silent', 'one',      '1|1', 'the alert about the named customer is closed at the next reading');
alert_is('garbage',       'pipeline', '1|1', 'the alert about dead letters is closed when there are fewer');
$node->query("SELECT heartbeat_pause('for a test')");
alert_is('stands', 'pipeline', '1|0', 'a worker that is not RUNNING raises an alert');
$kafka->produce($topic, reading_stream(400, 2));
alert_is('behind', $topic, '1|0', 'a lag above the threshold raises an alert');
$node->query('SELECT heartbeat_resume()');
alert_is('stands', 'pipeline', '1|1', 'the alert about the state is closed when the worker is RUNNING');
alert_is('behind', $topic,     '1|1', 'the alert about the lag is closed when the worker has no lag');

# Checks the output of the clients.
client_prints('python', qr/^anomaly +A: TACHYCARDIA, 200 bpm at /m,          'the client in Python prints an anomaly');
client_prints('python', qr/^alert +raised: rule three, A$/m,                 'the client in Python prints a raised alert');
client_prints('python', qr/^lost .*^alert +open: rule three, A\n.*^alert +(?:raised|open): rule three, E\n/ms, 'the client in Python connects again after each end of the server, and prints the open alerts');
client_prints('python', qr/^alert +closed: rule late, F$/m,                  'the client in Python prints a closed alert');
client_prints('python', qr/^state +PAUSED since .*^state +RUNNING since /ms,   'the client in Python prints each state');
is(scalar(() = $printed{python} =~ /^alert +raised: rule garbage, pipeline \(source default\)$/mg), 1, 'the client in Python prints a raised alert once');
$running{$_}->signal('INT') for keys %running;
eval { $_->finish } for values %running;
unlike($printed{python}, qr/Traceback/, 'the client in Python ends without a traceback');
like($printed{psql}, qr/notification "heartbeat_anomaly" with payload.*"customer_id":"A".*notification "heartbeat_alert" with payload.*"rule" : "three"/s,
	'the client in psql prints notifications until the server ends');

$node->assert_audit;
$node->assert_no_crash;
$kafka->stop;
done_testing();
