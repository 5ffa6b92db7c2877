# Rules in a table raise alerts, once an episode, through a restart and a crash; whoever listens is told, as are the
# clients in examples/.

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

# The readings of a customer, so many seconds ago.
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

# Clients listen from the beginning, and are asked at the end.
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
client_prints('python', qr/^state +RUNNING/m, 'a client in Python begins with the state');
client_prints('psql',   qr/RUNNING/,          'and so does one in psql');

# Three anomalies of one customer in a minute.
$node->query("INSERT INTO heartbeat_alert_rules (name, kind, threshold, period) VALUES ('three', 'anomalies', 3, '1 minute')");
publish('A', 200, 40, 20);
publish('B', 70, 3, 2, 1);
publish('A', 70,  1);
is($node->count('heartbeat_alerts'), 0, 'two anomalies are not three');
publish('A', 30, 0);
alert_is('three', 'A', '1|0', 'three of one customer in a minute raise an alert');
is($node->query("SELECT detail->>'anomalies' FROM heartbeat_alerts"), 3, 'which says how many there were');
publish('A', 200, 39, 38, 37);
publish('C', 0, 3, 2, 1);
alert_is('three', 'C', '1|0', 'another customer is another alert');
alert_is('three', 'A', '1|0', 'more of the first is not');

# Through a restart and a crash of the process that evaluates; the client in Python connects again by itself.
$node->restart;
$node->wait_for_state('RUNNING');
publish('A', 201, 36, 35);
publish('D', 0, 3, 2, 1);
alert_is('three', 'D', '1|0', 'after a restart alerts are raised');
alert_is('three', 'A', '1|0', 'and none again that is open');
$node->kill_worker('heartbeat maintenance');
publish('E', 0, 3, 2, 1);
alert_is('three', 'E', '1|0', 'after a crash as well');
is($node->query('SELECT count(*), count(DISTINCT subject), count(closed_at) FROM heartbeat_alerts'), '4|4|0', 'each once');

# An episode ends; the next one is another alert. A minute late is not too late.
$node->query("INSERT INTO heartbeat_alert_rules (name, kind, threshold, period) VALUES ('late', 'anomalies', 2, '1 second')");
publish('F', 200, 55, 54);
alert_is('late', 'F', '1|0', 'anomalies that arrive late raise an alert');
alert_is('late', 'F', '1|1', 'which is closed when it is over');
publish('F', 200, 51, 50);
alert_is('late', 'F', '2|1', 'and the next episode is another');
$node->query("UPDATE heartbeat_alert_rules SET enabled = false WHERE name = 'late'; DELETE FROM heartbeat_alert_rules WHERE name = 'three'");
$node->wait_for_query('SELECT count(*) FROM heartbeat_alerts WHERE closed_at IS NULL', 0, 'the alerts of a rule that is gone are closed');

# With a rule on anomalies alone and no open alert nothing is done while nothing arrives: longer than the clock's rhythm.
$node->query("INSERT INTO heartbeat_alert_rules (name, kind, threshold, period) VALUES ('many', 'anomalies', 1000, '1 second')");
my $calls = "SELECT calls FROM pg_stat_user_functions WHERE funcname = 'heartbeat_evaluate_alerts'";
usleep(1_500_000);
my $before = $node->query($calls);
usleep(6_000_000);
is($node->query($calls), $before, 'without readings and open alerts nothing is evaluated');

# Silence, dead letters, lag and state go by the clock.
$node->query("INSERT INTO heartbeat_customers VALUES ('quiet') ON CONFLICT DO NOTHING;
	INSERT INTO heartbeat_alert_rules (name, kind, threshold, period, customer_id) VALUES ('silent', 'silence', NULL, '10 seconds', NULL),
	('one is silent', 'silence', NULL, '10 seconds', 'one'), ('garbage', 'dead_letters', 1, NULL, NULL),
	('behind', 'lag', 150, NULL, NULL), ('stands', 'state', NULL, '0', NULL)");
publish($_, 70, 20) for qw(quiet one);
$kafka->produce($topic, map { { value => "garbage $_" } } 1, 2);
alert_is('silent',        'quiet',    '1|0', 'a customer who is heard no more raises an alert');
alert_is('one is silent', 'one',      '1|0', 'and so does the one that a rule names');
alert_is('garbage',       'pipeline', '1|0', 'and dead letters over a number');
publish($_, 70, -30) for qw(quiet one);
$node->query("DELETE FROM heartbeat_dead_letters WHERE payload = 'garbage 1'");
alert_is('silent',        'quiet',    '1|1', 'it is closed when there is a reading again');
alert_is('one is silent', 'one',      '1|1', 'also that one');
alert_is('garbage',       'pipeline', '1|1', 'or when they are fewer');
$node->query("SELECT heartbeat_pause('for a test')");
alert_is('stands', 'pipeline', '1|0', 'a pipeline that does not run raises an alert');
$kafka->produce($topic, reading_stream(400, 2));
alert_is('behind', $topic, '1|0', 'and so does one that is behind');
$node->query('SELECT heartbeat_resume()');
alert_is('stands', 'pipeline', '1|1', 'which is closed when it runs');
alert_is('behind', $topic,     '1|1', 'and has caught up');

# What the clients have printed of it.
client_prints('python', qr/^anomaly +A: TACHYCARDIA, 200 bpm at /m,          'the client in Python was told of an anomaly');
client_prints('python', qr/^alert +raised: rule three, A$/m,                 'of an alert');
client_prints('python', qr/^lost .*^alert +open: rule three, A\n.*^alert +(?:raised|open): rule three, E\n/ms, 'connected again after each end of the server');
client_prints('python', qr/^alert +closed: rule late, F$/m,                  'of its end');
client_prints('python', qr/^state +PAUSED since .*^state +RUNNING since /ms,   'and of each state');
is(scalar(() = $printed{python} =~ /^alert +raised: rule garbage, pipeline$/mg), 1, 'of each once');
$running{$_}->signal('INT') for keys %running;
eval { $_->finish } for values %running;
unlike($printed{python}, qr/Traceback/, 'and ends quietly');
like($printed{psql}, qr/notification "heartbeat_anomaly" with payload.*"customer_id":"A".*notification "heartbeat_alert" with payload.*"rule" : "three"/s,
	'psql shows notifications until the server ends');

$node->assert_audit;
$node->assert_no_crash;
$kafka->stop;
done_testing();
